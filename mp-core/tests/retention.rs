//! What retention promises.

mod orders;

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use mp_core::{
    Command, Edits, Error, ErrorKind, Family, Timestamp,
    id::{AppId, IdempotencyKey, UserId},
    retention::{AGE_MIN, Archive, Archived, FileArchive, Retention},
    store::{Batch, CommitId, DELETION_MEMORY, Key, Store, Version, Write},
    work::{self, Done, Worker, WorkerOptions},
};
use serde::{Deserialize, Serialize};

use self::orders::{AGE, ClosedOrders, DAY, LINES, Order, Shop, mark, partition};

#[tokio::test]
async fn what_is_closed_and_old_is_archived_whole_and_leaves_a_mark() {
    let shop = Shop::new();
    shop.put(1, true).await;
    shop.put(2, false).await;
    let before = shop.all().await;
    let head = shop.look(&partition(1)).await.head;

    shop.clock.advance(AGE - Duration::from_secs(1));
    let sweep = shop.retention().sweep_all().await.expect("sweeps");
    assert_eq!(
        (sweep.seen, sweep.live, sweep.retired),
        (2, 2, 0),
        "too young"
    );
    shop.clock.advance(Duration::from_secs(1));
    let sweep = shop.retention().sweep_all().await.expect("sweeps");
    assert_eq!((sweep.seen, sweep.live, sweep.retired), (2, 1, 1));

    let left = shop.look(&partition(1)).await;
    assert_eq!(left.records.len(), 1);
    let mark = mark(&left).expect("a mark");
    assert_eq!((mark.was.as_str(), mark.version()), ("order", head));
    assert_eq!(mark.archive.as_deref(), Some("the shelf"));
    assert_eq!(shop.all().await, before, "an auditor finds everything");
    assert_eq!(shop.look(&partition(2)).await.records.len(), 1 + LINES);
}

#[tokio::test]
async fn whoever_asks_for_what_was_retired_is_told_archived() {
    let shop = Shop::new();
    shop.put(1, true).await;
    let engine = shop.engine();
    let order = || Command::on(partition(1));
    // The engine still has the order in memory.
    engine.read(order()).await.expect("is there");
    shop.clock.advance(AGE);
    shop.retention().sweep_all().await.expect("sweeps");

    let read = engine.read(order().key("l/1")).await;
    let reopen = |_: &Family, _| {
        let mut edits = Edits::new();
        edits.put_root(Order { closed: false });
        Ok::<_, Error>(edits.answer(()))
    };
    let reopened = engine.run(order(), reopen).await;
    let planned = engine.plan(order(), reopen).await;
    for error in [
        read.expect_err("is gone"),
        reopened.expect_err("is gone"),
        planned.expect_err("is gone"),
    ] {
        assert_eq!(
            (error.kind(), error.code()),
            (ErrorKind::NotFound, "archived")
        );
    }
}

#[tokio::test]
async fn the_id_and_the_versions_of_what_was_retired_are_not_used_again() {
    let shop = Shop::new();
    shop.put(1, true).await;
    let head = shop.look(&partition(1)).await.head;
    shop.clock.advance(AGE);
    shop.retention().sweep_all().await.expect("sweeps");
    assert!(shop.look(&partition(1)).await.head > head);
    assert_ne!(shop.look(&partition(1)).await.head, Version::ABSENT);
}

#[tokio::test]
async fn nothing_is_retired_while_an_answer_in_it_is_remembered() {
    #[derive(Debug)]
    struct AtOnce;
    impl mp_core::retention::Rule for AtOnce {
        fn kind(&self) -> &str {
            "order"
        }
        fn is_closed(&self, _: &Family, _: Timestamp) -> Result<bool, Error> {
            Ok(true)
        }
    }
    let shop = Shop::new();
    let caller = mp_core::Caller::user(
        AppId::new("market").expect("an id"),
        UserId::new("ann").expect("an id"),
    );
    let once = || {
        let key = IdempotencyKey::new("k1").expect("a key");
        mp_core::idempotency::Idempotency::new(&caller, "order.put", &key, &"command")
            .expect("serialises")
    };
    let put = |_: &Family, _| {
        let mut edits = Edits::new();
        edits.put_root(Order { closed: true });
        Ok::<_, Error>(edits.answer(7))
    };
    let command = || Command::on(partition(1)).once(once());
    let engine = shop.engine();
    engine.run(command(), put).await.expect("commits");
    let retention = Retention::new(&engine, shop.store.clone(), shop.shelf.clone())
        .with(Arc::new(AtOnce), Duration::ZERO);
    let mut waited = Duration::ZERO;
    while retention.sweep_all().await.expect("sweeps").retired == 0 {
        waited += DAY / 4;
        shop.clock.advance(DAY / 4);
    }
    assert_eq!(waited, AGE_MIN);
    assert!(waited >= mp_core::idempotency::IDEMPOTENCY_MEMORY);
}

#[tokio::test]
async fn the_last_traces_are_cleared_when_the_store_may_forget_deletions() {
    let shop = Shop::new();
    shop.put(1, true).await;
    shop.clock.advance(AGE);
    let retention = shop.retention();
    retention.sweep_all().await.expect("sweeps");
    let retired = shop.look(&partition(1)).await.head;
    let changed = async || {
        let changes = shop.store.changes(&partition(1), Version(1), 1_000).await;
        changes.expect("reads").items.len()
    };
    assert_eq!(changed().await, 1 + LINES, "the store remembers deletions");
    retention.sweep_all().await.expect("sweeps");
    assert_eq!(shop.look(&partition(1)).await.head, retired, "too early");
    shop.clock.advance(DELETION_MEMORY + Duration::from_secs(1));
    assert_eq!(retention.sweep_all().await.expect("sweeps").emptied, 1);
    assert_eq!(changed().await, 1, "only the mark is left");
    let head = shop.look(&partition(1)).await.head;
    shop.clock.advance(DAY);
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!((sweep.seen, sweep.emptied), (1, 0));
    assert_eq!(
        shop.look(&partition(1)).await.head,
        head,
        "and then it rests"
    );
}

#[tokio::test]
async fn an_aggregate_with_dead_work_is_kept_for_a_person_to_look_at() {
    #[derive(Deserialize, Serialize)]
    struct Mail {}
    impl mp_core::Document for Mail {
        const KIND: &'static str = "mail";
        const FORMAT: u32 = 1;
    }
    let shop = Shop::new();
    shop.put(1, true).await;
    shop.put(2, true).await;
    let engine = shop.engine();
    let send = |_: &Family, now| {
        let mut edits = Edits::new();
        edits.send("1", now, &Mail {});
        Ok::<_, Error>(edits.answer(()))
    };
    engine
        .run(Command::on(partition(2)), send)
        .await
        .expect("commits");
    let fail = work::on(|_, _: Mail| async {
        Err(Error::new(ErrorKind::Unsupported, "no_mail", "there is no mail").into())
    });
    let worker = Worker::new(&engine, WorkerOptions::default()).with([fail]);
    worker.drain().await.expect("works");
    shop.clock.advance(AGE);
    let sweep = shop.retention().sweep_all().await.expect("sweeps");
    assert_eq!((sweep.retired, sweep.stuck), (1, 1));

    work::DeadLetters::of(&engine)
        .redrive_all(None)
        .await
        .expect("drives");
    let send = work::on(|_, _: Mail| async { Ok(Done::Finished) });
    let worker = Worker::new(&engine, WorkerOptions::default()).with([send]);
    worker.drain().await.expect("works");
    let sweep = shop.retention().sweep_all().await.expect("sweeps");
    assert_eq!((sweep.retired, sweep.stuck), (1, 0));
}

#[tokio::test]
async fn what_a_newer_release_wrote_into_a_mark_survives_clearing_up() {
    let shop = Shop::new();
    shop.put(1, true).await;
    shop.clock.advance(AGE);
    shop.retention().sweep_all().await.expect("sweeps");
    let root = async || {
        let view = shop.look(&partition(1)).await;
        let text = String::from_utf8(view.records[0].value.to_vec());
        (view.head, view.at, text.expect("is text"))
    };
    let (expect, at, text) = root().await;
    let newer = text.replace(r#""format":2"#, r#""format":3,"shelf":"blue""#);
    assert_ne!(newer, text);
    let put = Write::put(Key::root(), newer.into());
    let batch = Batch {
        expect,
        commit_id: CommitId::random(),
        at,
        writes: vec![put],
    };
    let store = &shop.store;
    store.commit(&partition(1), batch).await.expect("commits");
    shop.clock.advance(DELETION_MEMORY + Duration::from_secs(1));
    let sweep = shop.retention().sweep_all().await.expect("sweeps");
    assert_eq!(sweep.emptied, 1);
    let (_, _, text) = root().await;
    assert!(text.contains(r#""format":3"#), "{text}");
    assert!(text.contains(r#""shelf":"blue""#), "{text}");
}

/// Lets an order change between its archiving and its mark.
#[derive(Debug)]
struct Meddler(Arc<orders::Shelf>, mp_core::Engine);

#[async_trait]
impl Archive for Meddler {
    async fn keep(&self, aggregates: Vec<Archived>, now: Timestamp) -> Result<String, Error> {
        let place = self.0.keep(aggregates, now).await;
        let reopen = |_: &Family, _| {
            let mut edits = Edits::new();
            edits.put_root(Order { closed: false });
            Ok::<_, Error>(edits.answer(()))
        };
        self.1.run(Command::on(partition(1)), reopen).await?;
        place
    }
}

#[tokio::test]
async fn what_changes_after_it_was_archived_is_not_removed() {
    let shop = Shop::new();
    shop.put(1, true).await;
    shop.put(2, true).await;
    shop.clock.advance(AGE);
    let meddler = Arc::new(Meddler(shop.shelf.clone(), shop.engine()));
    let retention = shop.retention_over(shop.store.clone(), meddler);
    let sweep = retention.sweep_all().await.expect("sweeps");
    assert_eq!((sweep.retired, sweep.unsettled), (1, 1));
    let view = shop.look(&partition(1)).await;
    assert!(mark(&view).is_none());
    assert_eq!(view.records.len(), 1 + LINES);

    shop.put(1, true).await;
    shop.clock.advance(AGE);
    let before = shop.all().await;
    assert_eq!(
        shop.retention().sweep_all().await.expect("sweeps").retired,
        1
    );
    assert_eq!(
        shop.all().await,
        before,
        "the mark names the archived version that counts"
    );
}

#[tokio::test]
async fn many_partitions_are_swept_stretch_by_stretch() {
    let shop = Shop::new();
    for number in 0..300 {
        shop.put(number, number % 3 == 0).await;
    }
    shop.clock.advance(AGE);
    let retention = shop.retention();
    let first = retention.sweep(None).await.expect("sweeps");
    let next = first.next.expect("there is more");
    // Another process goes on from there.
    let mut seen = first.seen;
    let mut after = Some(next);
    while let Some(next) = after {
        let sweep = shop.retention().sweep(Some(&next)).await.expect("sweeps");
        seen += sweep.seen;
        after = sweep.next;
    }
    assert_eq!(seen, 300);
    let again = shop.retention().sweep_all().await.expect("sweeps");
    assert_eq!((again.retired, again.live), (0, 200));
}

#[tokio::test]
async fn what_is_no_json_is_kept_and_holds_up_no_other() {
    let shop = Shop::new();
    for number in 1..=4 {
        shop.put(number, true).await;
    }
    let broken: [(usize, &'static [u8]); 2] = [(2, b"{\"text\":\"\xff\"}"), (3, b"{")];
    for (number, value) in broken {
        let view = shop.look(&partition(number)).await;
        let batch = Batch {
            expect: view.head,
            commit_id: CommitId::random(),
            at: view.at,
            writes: vec![Write::put(Key::new("x").expect("a key"), value.into())],
        };
        let committed = shop.store.commit(&partition(number), batch).await;
        committed.expect("commits");
    }
    shop.clock.advance(AGE);
    let sweep = shop.retention().sweep_all().await.expect("sweeps");
    assert_eq!((sweep.retired, sweep.unreadable), (2, 2));
}

#[tokio::test]
async fn a_kind_may_be_discarded_instead() {
    let shop = Shop::new();
    shop.put(1, true).await;
    shop.clock.advance(AGE);
    let retention = Retention::new(&shop.engine(), shop.store.clone(), shop.shelf.clone())
        .with_discarded(Arc::new(ClosedOrders), AGE);
    assert_eq!(retention.sweep_all().await.expect("sweeps").retired, 1);
    assert!(shop.shelf.0.lock().expect("no panic").is_empty());
    let mark = mark(&shop.look(&partition(1)).await).expect("a mark");
    assert_eq!(mark.archive, None);
}

#[tokio::test]
async fn a_file_archive_reads_back_and_passes_over_a_torn_line() {
    let shop = Shop::new();
    for number in 0..5 {
        shop.put(number, true).await;
    }
    let before = shop.all().await;
    shop.clock.advance(AGE);
    let folder = tempfile::tempdir().expect("a folder");
    let archive = Arc::new(FileArchive::in_folder(folder.path().join("archive")));
    let retention = shop.retention_over(shop.store.clone(), archive);
    assert_eq!(retention.sweep_all().await.expect("sweeps").retired, 5);
    let mark = mark(&shop.look(&partition(1)).await).expect("a mark");
    let file = folder
        .path()
        .join("archive")
        .join(mark.archive.expect("a file"));
    let read = |file: &std::path::Path| -> Result<Vec<Archived>, Error> {
        FileArchive::read(file)?.collect()
    };
    let archived = read(&file).expect("reads");
    let archived = archived
        .into_iter()
        .map(|each| (each.partition, each.records));
    assert!(archived.eq(before.into_iter()));

    let text = std::fs::read_to_string(&file).expect("is there");
    std::fs::write(&file, &text[..text.len() - 20]).expect("is written");
    assert_eq!(read(&file).expect("reads").len(), 4);
}

#[tokio::test]
async fn nothing_is_lost_when_a_file_is_moved_or_deleted_between_two_sweeps() {
    type Clear = fn(&std::path::Path);
    let move_away: Clear = |file| {
        std::fs::rename(file, file.with_extension("jsonl.moved")).expect("moves");
    };
    let compress: Clear = |file| {
        std::fs::copy(file, file.with_extension("jsonl.moved")).expect("copies");
        std::fs::remove_file(file).expect("deletes");
    };
    for clear in [move_away, compress] {
        let shop = Shop::new();
        shop.put(1, true).await;
        shop.clock.advance(Duration::from_secs(60));
        shop.put(2, true).await;
        let before = shop.all().await;
        let folder = tempfile::tempdir().expect("a folder");
        let archive = Arc::new(FileArchive::in_folder(folder.path()));
        let retention = shop.retention_over(shop.store.clone(), archive);
        let place_of = async |number| {
            let mark = mark(&shop.look(&partition(number)).await).expect("a mark");
            folder.path().join(mark.archive.expect("a file"))
        };

        shop.clock.advance(AGE - Duration::from_secs(60));
        assert_eq!(retention.sweep_all().await.expect("sweeps").retired, 1);
        let first = place_of(1).await;
        clear(&first);
        shop.clock.advance(Duration::from_secs(60));
        assert_eq!(retention.sweep_all().await.expect("sweeps").retired, 1);

        let read = |file| -> Result<Vec<Archived>, Error> { FileArchive::read(file)?.collect() };
        let mut kept = read(first.with_extension("jsonl.moved")).expect("reads");
        kept.extend(read(place_of(2).await).expect("where the mark says"));
        let kept = kept.into_iter().map(|each| (each.partition, each.records));
        assert!(kept.eq(before));
    }
}
