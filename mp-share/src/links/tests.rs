use mp_core::{
    clock::ManualClock,
    entropy::SeededEntropy,
    sign::{KeyId, Secret},
    store::MemoryStore,
};

use super::*;

const START: &str = "2026-11-21T18:00:00Z";

fn moment(text: &str) -> Timestamp {
    text.parse().expect("a moment")
}

fn links() -> (Links, Arc<ManualClock>) {
    links_by_chance(1)
}

fn links_by_chance(seed: u64) -> (Links, Arc<ManualClock>) {
    let clock = Arc::new(ManualClock::at(moment(START)));
    let engine = Engine::new(
        Arc::new(MemoryStore::new()),
        clock.clone(),
        Arc::new(SeededEntropy::new(seed)),
    );
    let secret = Secret::new([7; 32]).expect("32 bytes");
    let ring = KeyRing::new(KeyId::new(1).expect("below 16"), &secret);
    (
        Links::new(&engine, ring, "https://m.example/").expect("a base URL"),
        clock,
    )
}

fn user(name: &str) -> Caller {
    Caller::user("market".parse().expect("app"), name.parse().expect("user"))
}

fn new() -> NewLink {
    NewLink {
        subject: Subject::Page("menu".parse().expect("a page")),
        campaign: Campaign::new(3).expect("in range"),
        expires_at: moment("2026-11-22T00:00:00.75Z"),
    }
}

#[tokio::test]
async fn the_same_link_of_the_same_sharer_is_the_same_token() {
    let (links, _) = links();
    let minted = links.mint(&user("mei"), new()).await.expect("mints");
    let again = links.mint(&user("mei"), new()).await.expect("mints");
    let other = links.mint(&user("ada"), new()).await.expect("mints");
    assert_eq!(minted, again);
    assert_ne!(minted.link.sharer, other.link.sharer);
    assert_eq!(minted.link.expires_at, moment("2026-11-22T00:00:00Z"));
}

/// Else whoever knows a user's id could tell which links are theirs.
#[tokio::test]
async fn a_sharers_number_follows_from_nothing_that_others_know() {
    let mei = user("mei");
    let mut numbers = std::collections::BTreeSet::new();
    for seed in 1..4 {
        let (links, _) = links_by_chance(seed);
        let minted = links.mint(&mei, new()).await.expect("mints");
        numbers.extend(minted.link.sharer);
        let opened = links.open(&user("bo"), &minted.token.base32()).await;
        assert_eq!(opened.expect("opens").sharer.as_ref(), mei.user_id());
    }
    assert_eq!(numbers.len(), 3, "by chance alone");
}

#[tokio::test]
async fn a_number_that_an_earlier_release_gave_is_kept() {
    let (links, _) = links();
    let (mei, campaign) = (user("mei"), new().campaign);
    let name = mei.user_id().expect("a user").clone();
    let number = sharer::derived(mei.app_id(), campaign, &name)[1];
    let earlier = Command::on(partition(mei.app_id(), campaign).expect("a partition"));
    let earlier = earlier.key(&sharer_key(number));
    let decide = move |_: &Family, _| {
        let mut edits = Edits::new();
        edits.put(&sharer_key(number), Sharer { user: name.clone() });
        edits.put_root(CampaignBook {
            sharers: 1,
            openers: 0,
        });
        Ok::<_, Error>(edits.answer(()))
    };
    links.engine.run(earlier, decide).await.expect("commits");
    for _ in 0..2 {
        let minted = links.mint(&mei, new()).await.expect("mints");
        assert_eq!(minted.link.sharer, Some(number));
    }
}

#[tokio::test]
async fn a_link_reads_alike_from_its_url_and_from_its_texts() {
    let (links, clock) = links();
    let minted = links.mint(&user("mei"), new()).await.expect("mints");
    let url = links.url(&minted.token);
    assert!(url.starts_with("HTTPS://M.EXAMPLE/") && url == url.to_uppercase());
    let (app, now) = ("market".parse().expect("app"), links.engine.now());
    for text in [&url, &minted.token.base32(), &minted.token.base64url()] {
        assert_eq!(
            links.verify(&app, text, now).expect("verifies"),
            minted.link
        );
    }
    clock.set(moment("2026-11-22T00:00:00Z"));
    let late = links.verify(&app, &url, links.engine.now());
    assert_eq!(late.expect_err("late").code(), "link_expired");
}

#[tokio::test]
async fn the_first_link_of_a_campaign_that_somebody_opens_is_the_one_that_counts() {
    let (links, _) = links();
    let of_mei = links.mint(&user("mei"), new()).await.expect("mints");
    let of_ada = links.mint(&user("ada"), new()).await.expect("mints");
    let bo = user("bo");
    let first = links
        .open(&bo, &of_mei.token.base32())
        .await
        .expect("opens");
    let second = links
        .open(&bo, &of_ada.token.base32())
        .await
        .expect("opens");
    assert!(first.is_first && !second.is_first);
    assert_eq!(second.sharer.as_ref().map(UserId::as_str), Some("ada"));
    let (campaign, name) = (new().campaign, "bo".parse().expect("user"));
    let opening = links
        .first_opening(&bo, campaign, &name)
        .await
        .expect("reads");
    let opening = opening.expect("noted");
    assert_eq!(opening.sharer.as_ref().map(UserId::as_str), Some("mei"));
    let error = links.first_opening(&user("eve"), campaign, &name).await;
    assert_eq!(error.expect_err("not theirs").code(), "not_found");
}

#[tokio::test]
async fn nobody_refers_themselves() {
    let (links, _) = links();
    let mei = user("mei");
    let minted = links.mint(&mei, new()).await.expect("mints");
    let opened = links
        .open(&mei, &minted.token.base32())
        .await
        .expect("opens");
    assert!(!opened.is_first);
    let name = "mei".parse().expect("user");
    let opening = links.first_opening(&mei, new().campaign, &name).await;
    assert_eq!(opening.expect("reads"), None);
}

#[tokio::test]
async fn a_link_of_the_apps_own_has_no_sharer() {
    let (links, _) = links();
    let app = Caller::app("market".parse().expect("app"));
    let minted = links.mint(&app, new()).await.expect("mints");
    assert_eq!(minted.link.sharer, None);
    let opened = links
        .open(&user("bo"), &minted.token.base64url())
        .await
        .expect("opens");
    assert_eq!((opened.sharer, opened.is_first), (None, true));
    let error = links
        .open(&app, &minted.token.base32())
        .await
        .expect_err("nobody");
    assert_eq!(error.code(), "unauthenticated");
}

#[tokio::test]
async fn opening_a_link_is_answered_alike_under_its_key_also_once_it_has_expired() {
    let (links, clock) = links();
    let minted = links.mint(&user("mei"), new()).await.expect("mints");
    let (text, bo) = (minted.token.base32(), user("bo"));
    let open = async |key: &str| {
        let key = key.parse().expect("a key");
        links.open_once(&bo, &text, &key).await
    };
    let first = open("tap-1").await.expect("opens");
    clock.set(minted.link.expires_at);
    assert_eq!(open("tap-1").await.expect("was opened"), first);
    let late = open("tap-2").await.expect_err("too late");
    assert_eq!(late.code(), "link_expired");
    let late = links.open(&user("eve"), &text).await.expect_err("too late");
    assert_eq!(late.code(), "link_expired");
}

#[tokio::test]
async fn a_link_that_was_the_first_is_told_to_be_so_again_under_its_key_alone() {
    let (links, _) = links();
    let of_mei = links.mint(&user("mei"), new()).await.expect("mints");
    let of_ada = links.mint(&user("ada"), new()).await.expect("mints");
    let (text, other) = (of_mei.token.base32(), of_ada.token.base32());
    let (bo, key) = (user("bo"), "tap".parse().expect("a key"));
    let first = links.open_once(&bo, &text, &key).await.expect("opens");
    assert!(first.is_first);
    let repeated = links.open_once(&bo, &text, &key).await.expect("opens");
    assert_eq!(repeated, first);
    assert!(!links.open(&bo, &text).await.expect("opens").is_first);
    let reused = links.open_once(&bo, &other, &key).await;
    assert_eq!(reused.expect_err("another").code(), "idempotency_conflict");
}

#[tokio::test]
async fn a_link_that_has_expired_is_not_made_again() {
    let (links, clock) = links();
    let minted = links.mint(&user("mei"), new()).await.expect("mints");
    clock.set(moment("2026-11-21T23:59:59.999999Z"));
    let again = links.mint(&user("mei"), new()).await.expect("mints");
    assert_eq!(again, minted);
    clock.set(minted.link.expires_at);
    let late = links.mint(&user("mei"), new()).await.expect_err("too late");
    assert_eq!(Error::from(late).field(), Some("expires_at"));
}

#[tokio::test]
async fn links_that_could_never_be_opened_are_not_made() {
    let (links, _) = links();
    let (start, same_second) = (moment(START), moment("2026-11-21T18:00:00.999999Z"));
    for expires_at in [start, same_second, moment("2106-02-07T06:28:16Z")] {
        let new = NewLink {
            expires_at,
            ..new()
        };
        let error = links.mint(&user("mei"), new).await.expect_err("refused");
        assert_eq!(Error::from(error).field(), Some("expires_at"));
    }
}
