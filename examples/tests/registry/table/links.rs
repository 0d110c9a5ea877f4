use serde_json::{Value, json};

use super::super::{
    example::{Example, Foreign},
    setup::Setup,
};

pub(super) async fn examples(setup: &Setup<'_>) -> Vec<Example> {
    let [first, second] = [
        setup
            .call("lin", "share.mint_link", to_page("table-1"))
            .await,
        setup
            .call("lin", "share.mint_link", to_page("table-2"))
            .await,
    ];
    let link = |minted: &Value| json!({"link": minted["token"]});
    vec![
        Example::of("share.mint_link", "mei", to_group())
            .other_body(json!({"campaign": 5}))
            .other_target(to_page("table-3"))
            .not_looked_up(
                "/subject/id",
                "a link is signed; who opens it looks up what it leads to",
            )
            .by_another_user(Foreign::Shared {
                why: "sharers of a campaign are numbered in one book",
            })
            .in_another_app(Foreign::Apart {
                why: "a link says nothing of what it leads to and is good in its own app only",
            }),
        Example::of("share.open_link", "mei", link(&first))
            .other_target(link(&second))
            .by_another_user(SHARED)
            .in_another_app(FORGED),
        Example::of("share.qr", "mei", link(&first))
            .other_body(json!({"correction": "quartile"}))
            .by_another_user(SHARED)
            .in_another_app(FORGED),
    ]
}

const SHARED: Foreign = Foreign::Shared {
    why: "a link is there to be opened by whoever gets it",
};

const FORGED: Foreign = Foreign::RefusedAs {
    code: "link_forged",
    why: "the app is signed with the link, so in another app the signature does not match",
};

fn to_page(page: &str) -> Value {
    to("page", page)
}

fn to_group() -> Value {
    to("group", "gb_01HF7YAT000000000000000000")
}

fn to(kind: &str, id: &str) -> Value {
    json!({
        "subject": {"kind": kind, "id": id},
        "campaign": 1,
        "expires_at": "2027-02-01T00:00:00Z",
    })
}
