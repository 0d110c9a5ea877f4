//! What is promised about idempotency keys.

use super::*;

#[tokio::test]
async fn a_default_that_is_spelt_out_is_the_same_call() {
    let (host, _) = bar();
    let mei = guest("pub", "mei");
    let short = json!({"glass": "a", "idempotency_key": "k"});
    host.call(&mei, "bar.pour", short).await.expect("pours");
    host.call(&mei, "bar.pour", ask("a", 1, "k"))
        .await
        .expect("is the same");
    assert_eq!(poured(&host, &mei, "a").await, 1);
}

#[tokio::test]
async fn a_key_that_comes_back_with_another_body_or_target_is_refused() {
    let (host, _) = bar();
    let mei = guest("pub", "mei");
    host.call(&mei, "bar.pour", ask("a", 1, "k"))
        .await
        .expect("pours");
    for other in [ask("a", 2, "k"), ask("b", 1, "k")] {
        let (kind, code, field) = refused(&host, "bar.pour", other).await;
        assert_eq!((kind, code), (ErrorKind::KeyReused, "idempotency_conflict"));
        assert_eq!(field, "idempotency_key");
    }
    assert_eq!(poured(&host, &mei, "a").await, 1);
    assert_eq!(poured(&host, &mei, "b").await, 0);
}

/// What stands where an earlier release noted the keys of one caller.
#[derive(Deserialize, Serialize)]
struct UsedKeys {
    count: u64,
}

impl Document for UsedKeys {
    const KIND: &'static str = "used_keys";
    const FORMAT: u32 = 1;
}

#[tokio::test]
async fn a_key_that_an_earlier_release_noted_is_refused_for_another_target() {
    let (engine, _, clock) = engine();
    let (host, _) = bar_on(&engine);
    let mei = guest("pub", "mei");
    let (key, glass) = ("k".parse().expect("a key"), "a".parse().expect("a name"));
    let pour = Pour { glass, measures: 1 };
    let fingerprint = fingerprint(&pour).expect("serialises");
    let noted = Idempotency::new(&mei, "bar.pour", &key, &fingerprint).expect("serialises");
    let former = Partition::parse("pub/idem/mei").expect("a partition");
    let decide = |_: &Family, _| {
        let mut edits = Edits::new();
        edits.put_root(UsedKeys { count: 1 });
        Ok::<_, Error>(edits.answer(()))
    };
    let note = engine.run(Command::on(former).once(noted), decide);
    note.await.expect("notes");
    // What was remembered on the eve counts still.
    clock.advance(IDEMPOTENCY_MEMORY);
    let (kind, code, _) = refused(&host, "bar.pour", ask("b", 1, "k")).await;
    assert_eq!((kind, code), (ErrorKind::KeyReused, "idempotency_conflict"));
    for _ in 0..2 {
        let same = host.call(&mei, "bar.pour", ask("a", 1, "k")).await;
        assert_eq!(same.expect("is not refused"), 1);
    }
    clock.advance(IDEMPOTENCY_MEMORY * 2);
    let another = host.call(&mei, "bar.pour", ask("b", 1, "k")).await;
    another.expect("is a new key by now");
}

#[tokio::test]
async fn the_notes_of_ever_so_many_callers_stand_on_a_bounded_number_of_pages() {
    let (engine, store, clock) = engine();
    let (host, _) = bar_on(&engine);
    for number in 0..10_000 {
        let caller = guest("pub", &format!("guest-{number}"));
        let call = host.call(&caller, "bar.pour", ask("a", 1, "k"));
        call.await.expect("pours");
    }
    let pages = notes(&store).await;
    assert!((200..=256).contains(&pages.len()), "{}", pages.len());
    // What nobody comes back for goes with what others note on the same page.
    clock.advance(IDEMPOTENCY_MEMORY * 3);
    for number in 0..64 {
        let call = ask("a", 1, &format!("k-{number}"));
        let call = host.call(&guest("pub", "guest-0"), "bar.pour", call).await;
        call.expect("pours");
    }
    let left = notes(&store).await;
    let changed = pages.iter().zip(left).filter(|(was, is)| *was != is);
    let changed: Vec<usize> = changed.map(|(_, is)| is).collect();
    assert_eq!(changed, [64 + 1], "the page's root and what is new");
}

/// Returns how many records each partition of the host's notes has, in a fixed order.
async fn notes(store: &MemoryStore) -> Vec<usize> {
    let limit = store.limits().read_max;
    let mut partitions = store.partitions(None, limit).await.expect("lists");
    partitions.retain(|partition| partition.kind() == "idem");
    let select = vec![Selection::Prefix(Key::root())];
    let everything = Query { select, limit };
    let mut notes = Vec::new();
    for partition in partitions {
        let view = store.read(&partition, &everything).await.expect("reads");
        notes.push(view.records.len());
    }
    notes
}

#[tokio::test]
async fn keys_of_different_callers_do_not_meet() {
    let (host, _) = bar();
    let itself = [scope("read"), scope("write")]
        .into_iter()
        .fold(Caller::app("pub".parse().expect("app")), Caller::with_scope);
    let callers = [
        guest("pub", "mei"),
        guest("pub", "ada"),
        guest("cafe", "mei"),
        itself,
        // A user id like any other, and easily taken for nobody's.
        guest("pub", "-"),
    ];
    for (number, caller) in (1..).zip(&callers) {
        let call = host.call(caller, "bar.pour", ask("a", number, "k"));
        call.await.expect("is no repetition");
    }
    assert_eq!(
        poured(&host, &guest("pub", "mei"), "a").await,
        1 + 2 + 4 + 5
    );
    assert_eq!(poured(&host, &guest("cafe", "mei"), "a").await, 3);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn calls_with_one_key_at_once_take_effect_once() {
    let (host, _) = bar();
    let mei = guest("pub", "mei");
    let mut tasks = tokio::task::JoinSet::new();
    for _ in 0..50 {
        let (host, mei) = (host.clone(), mei.clone());
        tasks.spawn(async move { host.call(&mei, "bar.pour", ask("a", 1, "k")).await });
    }
    for answer in tasks.join_all().await {
        assert_eq!(answer.expect("is answered"), 1);
    }
    assert_eq!(poured(&host, &mei, "a").await, 1);
}
