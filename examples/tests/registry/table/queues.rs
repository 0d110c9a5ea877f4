use serde_json::{Value, json};

use super::super::{
    example::{Example, Foreign, with},
    setup::Setup,
};

const DAY: &str = "2027-01-15";

/// A day on which no line is open.
const DAY_OFF: &str = "2027-01-16";

const PUBLIC: Foreign = Foreign::Shared {
    why: "lines are there to be seen and joined by everybody in the app",
};

const STAFF: Foreign = Foreign::Shared {
    why: "queue:staff is the right over every line of the app",
};

pub(super) async fn examples(setup: &Setup<'_>) -> Vec<Example> {
    for queue in ["noodles", "dumplings", "tea", "soup"] {
        setup.call("chef", "queue.open_line", new_line(queue)).await;
    }
    for queue in ["tea", "soup"] {
        setup.call("chef", "queue.close_line", line(queue)).await;
    }
    let called = [called(setup, "lin").await, called(setup, "bo").await];
    let missed = [missed(setup, "zoe").await, missed(setup, "max").await];
    let waiting = [
        joined(setup, "mei", "noodles").await,
        joined(setup, "mei", "dumplings").await,
    ];
    [lines(), visits(waiting), counter(called, missed)].concat()
}

fn lines() -> Vec<Example> {
    let other_setup = json!({"setup": {"lanes": [lane("B", 1, 8)], "near": 5}});
    vec![
        Example::of("queue.open_line", "chef", new_line("cakes"))
            .other_body(other_setup)
            .other_target(line("buns"))
            .by_another_user(STAFF)
            .in_another_app(Foreign::Apart {
                why: "it opens a line of the caller's own app",
            }),
        on_line("queue.close_line", "chef", line("noodles"))
            .other_target(line("dumplings"))
            .by_another_user(STAFF),
        on_line("queue.reopen_line", "chef", line("tea"))
            .other_target(line("soup"))
            .by_another_user(STAFF),
        on_line("queue.line", "mei", line("noodles")).by_another_user(PUBLIC),
    ]
}

fn visits([ticket, other]: [Value; 2]) -> Vec<Example> {
    vec![
        on_line(
            "queue.join",
            "kai",
            with(&line("noodles"), json!({"party": 2})),
        )
        .other_body(json!({"party": 3}))
        .other_target(line("dumplings"))
        .by_another_user(PUBLIC),
        on_line("queue.leave", "mei", ticket.clone()).other_target(other),
        on_line("queue.ticket", "mei", ticket.clone()),
        on_line(
            "queue.position",
            "mei",
            with(&ticket, json!({"staleness_ms": 0})),
        ),
    ]
}

fn counter(called: [Value; 2], missed: [Value; 2]) -> Vec<Example> {
    let next = with(&line("noodles"), json!({"from": "longest_waiting"}));
    let call = on_line("queue.call_next", "chef", next)
        .other_body(json!({"from": {"lane": "A"}}))
        .other_target(line("dumplings"))
        .by_another_user(STAFF);
    let on_ticket = |operation, [ticket, other]: [Value; 2]| {
        on_line(operation, "chef", ticket)
            .other_target(other)
            .by_another_user(STAFF)
    };
    vec![
        call,
        on_ticket("queue.serve", called.clone()),
        on_ticket("queue.no_show", called.clone()),
        on_ticket("queue.recall", called),
        on_ticket("queue.requeue", missed),
    ]
}

/// An example on a line that is there: queue and day name it together.
fn on_line(operation: &'static str, by: &'static str, input: Value) -> Example {
    Example::of(operation, by, input)
        .names("queue", "nobody")
        .names_as("day", DAY_OFF, "queue")
}

fn line(queue: &str) -> Value {
    json!({"queue": queue, "day": DAY})
}

fn new_line(queue: &str) -> Value {
    let setup = json!({
        "lanes": [lane("A", 1, 8)],
        "tickets_max": 100,
        "grace_ms": 60_000,
        "near": 2,
    });
    with(&line(queue), json!({"setup": setup}))
}

fn lane(letter: &str, from: u32, to: u32) -> Value {
    json!({"letter": letter, "party_min": from, "party_max": to, "interval_ms": 60_000})
}

/// Takes a ticket, and returns what names it.
async fn joined(setup: &Setup<'_>, user: &'static str, queue: &str) -> Value {
    let joined = setup.call(user, "queue.join", line(queue)).await;
    with(&line(queue), json!({"ticket": joined["ticket"]["id"]}))
}

/// Calls somebody to the counter who is the only one that waits.
async fn called(setup: &Setup<'_>, user: &'static str) -> Value {
    let ticket = joined(setup, user, "noodles").await;
    setup.call("chef", "queue.call_next", line("noodles")).await;
    ticket
}

/// Calls somebody in vain.
async fn missed(setup: &Setup<'_>, user: &'static str) -> Value {
    let ticket = called(setup, user).await;
    setup.call("chef", "queue.no_show", ticket.clone()).await;
    ticket
}
