use serde_json::{Value, json};

use super::super::{
    example::{Example, Foreign, with},
    setup::Setup,
};

pub(super) async fn examples(setup: &Setup<'_>) -> Vec<Example> {
    accounts(setup).await;
    let held = pending(setup, 400).await;
    let other = pending(setup, 250).await;
    let posted = transfer(setup, pay(300)).await;
    let posted_too = transfer(setup, pay(200)).await;
    let mut examples = reading(&posted);
    examples.extend([
        Example::of("ledger.open_account", "chef", open("stall/tips"))
            .other_body(json!({"owner": "chef", "least": -500, "most": 100_000}))
            .other_target(json!({"account": "stall/rent"}))
            .by_another_user(MANAGED)
            .in_another_app(APART),
        Example::of("ledger.transfer", "mei", pay(100))
            .other_body(json!({"pending_for_s": 600, "memo": "noodles"}))
            .other_target(json!({"moves": [{
                "debit": "mei/wallet", "credit": "stall/sales",
                "amount": {"amount": 100, "currency": "EUR"},
            }]}))
            .names_at("/moves/0/debit", "mei/nothing", "moves[0].debit")
            .names_at("/moves/0/credit", "mei/nothing", "moves[0].credit"),
        Example::of("ledger.post", "chef", held.clone())
            .other_body(json!({"amount": 150}))
            .other_target(other.clone())
            .names_as("book", "nothing", "transfer")
            .by_another_user(MANAGED),
        Example::of("ledger.void", "chef", held)
            .other_target(other)
            .names_as("book", "nothing", "transfer")
            .by_another_user(MANAGED),
        Example::of("ledger.reverse", "chef", posted)
            .other_target(posted_too)
            .names_as("book", "nothing", "transfer")
            .by_another_user(MANAGED),
    ]);
    examples
}

fn reading(posted: &Value) -> Vec<Example> {
    let wallet = json!({"account": "mei/wallet"});
    let book = json!({"book": "mei"});
    vec![
        Example::of("ledger.account", "mei", wallet.clone()).names("account", "mei/nothing"),
        Example::of("ledger.show_transfer", "mei", posted.clone())
            .names_as("book", "nothing", "transfer"),
        Example::of(
            "ledger.statement",
            "mei",
            with(&wallet, json!({"after": 1})),
        )
        .names("account", "mei/nothing"),
        Example::of(
            "ledger.balance_at",
            "mei",
            with(&wallet, json!({"at": "2027-01-15T08:00:00Z"})),
        )
        .names("account", "mei/nothing"),
        Example::of("ledger.trial_balance", "chef", book.clone())
            .names("book", "nothing")
            .by_another_user(MANAGED),
        Example::of("ledger.verify", "chef", book)
            .names("book", "nothing")
            .by_another_user(MANAGED),
    ]
}

const MANAGED: Foreign = Foreign::Shared {
    why: "ledger:manage is the right over every account of the app",
};

const APART: Foreign = Foreign::Apart {
    why: "each app has books of its own under the same names",
};

fn open(account: &str) -> Value {
    json!({"account": account, "unit": "EUR", "side": "credit"})
}

fn pay(minor: u32) -> Value {
    json!({"moves": [{
        "debit": "mei/wallet", "credit": "mei/spent",
        "amount": {"amount": minor, "currency": "EUR"},
    }]})
}

/// Opens what is paid from and into, and puts something into the wallet.
async fn accounts(setup: &Setup<'_>) {
    let wallet = with(&open("mei/wallet"), json!({"owner": "mei", "least": 0}));
    let chest = with(&open("mei/chest"), json!({"owner": "mei"}));
    for account in [wallet, chest, open("mei/spent"), open("stall/sales")] {
        setup.call("chef", "ledger.open_account", account).await;
    }
    let fund = json!({"moves": [{
        "debit": "mei/chest", "credit": "mei/wallet",
        "amount": {"amount": 10_000, "currency": "EUR"},
    }]});
    setup.call("mei", "ledger.transfer", fund).await;
}

async fn pending(setup: &Setup<'_>, minor: u32) -> Value {
    transfer(setup, with(&pay(minor), json!({"pending_for_s": 600}))).await
}

/// Makes a transfer, and returns what names it.
async fn transfer(setup: &Setup<'_>, request: Value) -> Value {
    let made = setup.call("mei", "ledger.transfer", request).await;
    json!({"book": made["home"], "transfer": made["id"]})
}
