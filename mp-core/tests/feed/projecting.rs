//! What becomes of events on their way into a host's tables.

use super::*;

#[tokio::test]
async fn an_event_that_always_fails_stops_its_projection_and_nothing_is_skipped() {
    let (process, clock, table) = alone();
    process.projector.start(&app()).await.expect("starts");
    process.sell("noodles", 100).await.expect("sells");
    *table.poison.lock().expect("no panic") = Some("stall/noodles#78".to_owned());
    process.worker.drain().await.expect("works");
    for _ in 0..=ATTEMPTS_MAX {
        clock.advance(Duration::from_secs(30 * 60));
        process.worker.drain().await.expect("works");
    }
    assert_eq!(
        table.rows().cursor,
        Cursor(77),
        "what stands before it is in"
    );
    let dead = process.worker.dead(10).await.expect("lists");
    assert_eq!(dead.len(), 1);
    let error = dead[0].last_error.as_deref().unwrap_or_default();
    assert!(error.contains("event stall/noodles#78 at 78"), "{error}");
    let lag = process.projector.lag(&app()).await.expect("tells");
    assert_eq!(lag.events, 23);
    assert_eq!(lag.span, process.engine.now().since(START));
    // Mended, and re-driven by an operator.
    *table.poison.lock().expect("no panic") = None;
    let letters = DeadLetters::of(&process.engine);
    letters.redrive(&dead[0]).await.expect("re-drives");
    process.worker.drain().await.expect("works");
    assert_eq!(table.rows().cursor, Cursor(100));
    assert_eq!(table.rows().sold["stall/noodles"].len(), 100);
}

#[tokio::test]
async fn a_long_backlog_is_projected_and_then_looked_at_every_second() {
    let (process, clock, table) = alone();
    for stall in 0..70 {
        let sold = process.sell(&format!("stall-{stall}"), 250).await;
        sold.expect("sells");
    }
    process.worker.drain().await.expect("works");
    let events = 70 * 250;
    assert!(events > 64 * u64::from(STRETCH_MAX));
    process.projector.start(&app()).await.expect("starts");
    process.worker.drain().await.expect("works");
    assert_eq!(table.rows().cursor, Cursor(events));
    process.sell("noodles", 1).await.expect("sells");
    process.worker.drain().await.expect("works");
    clock.advance(PROJECT_EVERY);
    process.worker.drain().await.expect("works");
    assert_eq!(table.rows().cursor, Cursor(events + 1));
}

#[tokio::test]
async fn two_projections_of_one_feed_keep_cursors_of_their_own() {
    let (process, _, table) = alone();
    process.sell("noodles", 3).await.expect("sells");
    process.worker.drain().await.expect("works");
    process.projector.catch_up(&app()).await.expect("projects");
    process.sell("noodles", 2).await.expect("sells");
    process.worker.drain().await.expect("works");
    let inbox = Arc::new(Inbox::default());
    let second = Projector::subscribed(&process.engine, &sales(), inbox.clone());
    assert_eq!(second.catch_up(&app()).await.expect("hands over"), 5);
    assert_eq!(second.catch_up(&app()).await.expect("hands over"), 0);
    assert_eq!(
        inbox.positions.lock().expect("no panic")[..],
        [1, 2, 3, 4, 5]
    );
    assert_eq!(table.rows().cursor, Cursor(3));
    assert_eq!(second.lag(&app()).await.expect("tells").events, 0);
}

#[tokio::test]
async fn a_projection_that_refuses_its_own_cursor_is_told_so() {
    #[derive(Debug)]
    struct Stubborn(Name);
    #[async_trait]
    impl mp_core::feed::Projection for Stubborn {
        fn name(&self) -> &Name {
            &self.0
        }
        async fn cursor(&self, _: &AppId) -> Result<Cursor, Error> {
            Ok(Cursor::START)
        }
        async fn apply(&self, _: &mp_core::feed::Stretch) -> Result<bool, Error> {
            Ok(false)
        }
    }
    let (process, ..) = alone();
    process.sell("noodles", 1).await.expect("sells");
    process.worker.drain().await.expect("works");
    let stubborn = Arc::new(Stubborn("stubborn".parse().expect("a name")));
    let projector = Projector::new(&process.engine, &sales(), stubborn);
    let error = projector.catch_up(&app()).await.expect_err("is stuck");
    assert_eq!(error.code(), "projection_stands");
}

/// Returns an inbox that stands still at its first event, and what has forgotten more of its feed since:
/// the three events that are kept are the last ones.
async fn outlived(process: &Process, clock: &ManualClock) -> (Arc<Inbox>, Projector, Worker) {
    let inbox = Arc::new(Inbox::default());
    let projector = Projector::subscribed(&process.engine, &sales(), inbox.clone());
    process.sell("noodles", 1).await.expect("sells");
    process.worker.drain().await.expect("works");
    projector.start(&app()).await.expect("starts");
    projector.catch_up(&app()).await.expect("hands over");
    process.sell("noodles", 2).await.expect("sells");
    process.worker.drain().await.expect("works");
    clock.advance(FEED_MEMORY * 2);
    process.sell("noodles", 3).await.expect("sells");
    process.worker.drain().await.expect("works");
    let worker = Worker::new(&process.engine, WorkerOptions::default()).with([projector.handler()]);
    worker.drain().await.expect("works");
    let dead = worker.dead(10).await.expect("lists");
    let error = dead[0].last_error.as_deref().unwrap_or_default();
    assert!(error.contains("begin_at"), "{error}");
    (inbox, projector, worker)
}

#[tokio::test]
async fn a_subscriber_whose_cursor_was_forgotten_begins_anew() {
    for (from, more) in [(Cursor::START, vec![4, 5, 6]), (Cursor(5), vec![6])] {
        let (process, clock, _) = alone();
        let (inbox, projector, worker) = outlived(&process, &clock).await;
        let lag = projector.lag(&app()).await.expect_err("cannot tell");
        assert_eq!(lag.code(), "feed_forgotten");
        projector.begin_at(&app(), from).await.expect("begins");
        let behind = projector.lag(&app()).await.expect("tells").events;
        assert_eq!(behind, more.len() as u64);
        worker.drain().await.expect("works");
        let handed = inbox.positions.lock().expect("no panic").clone();
        assert_eq!(handed, [vec![1], more].concat());
        assert_eq!(worker.dead(10).await.expect("lists"), []);
        process.sell("noodles", 1).await.expect("sells");
        process.worker.drain().await.expect("works");
        clock.advance(PROJECT_EVERY);
        worker.drain().await.expect("works");
        assert_eq!(inbox.positions.lock().expect("no panic").last(), Some(&7));
    }
}

#[tokio::test]
async fn nobody_begins_where_nobody_can_go_on() {
    let (process, clock, table) = alone();
    let (inbox, projector, _) = outlived(&process, &clock).await;
    for (from, code) in [(2, "feed_forgotten"), (7, "feed_ends_before")] {
        let refused = projector.begin_at(&app(), Cursor(from)).await;
        assert_eq!(refused.expect_err("is refused").code(), code);
    }
    assert_eq!(*inbox.positions.lock().expect("no panic"), [1]);
    let refused = process.projector.begin_at(&app(), Cursor::START).await;
    assert_eq!(refused.expect_err("is its own").code(), "cursor_elsewhere");
    assert_eq!(table.rows().cursor, Cursor::START);
}

/// Takes what comes, under any name.
#[derive(Debug)]
struct Counter(Name, AtomicUsize);

impl Counter {
    fn named(name: &str) -> Arc<Self> {
        Arc::new(Self(name.parse().expect("a name"), AtomicUsize::new(0)))
    }

    fn count(&self) -> usize {
        self.1.load(Ordering::SeqCst)
    }
}

#[async_trait]
impl Subscriber for Counter {
    fn name(&self) -> &Name {
        &self.0
    }

    async fn receive(&self, _: &AppId, events: &[Event]) -> Result<(), Error> {
        self.1.fetch_add(events.len(), Ordering::SeqCst);
        Ok(())
    }
}

#[tokio::test]
async fn two_projections_whose_names_run_together_alike_are_both_done() {
    let (process, ..) = alone();
    let feed = |name: &str| Feed::new(name.parse().expect("a name"));
    let (one, other) = (Counter::named("c"), Counter::named("b.c"));
    let engine = &process.engine;
    let projectors = [
        Projector::subscribed(engine, &feed("a.b"), one.clone()),
        Projector::subscribed(engine, &feed("a"), other.clone()),
    ];
    for (stall, name) in [("noodles", "a.b"), ("tea", "a")] {
        feeding::sell(engine, stall, 3, &feed(name))
            .await
            .expect("sells");
    }
    let worker = Worker::new(engine, WorkerOptions::default())
        .with(process.feeds.handlers())
        .with(projectors.iter().map(Projector::handler));
    worker.drain().await.expect("works");
    for projector in &projectors {
        projector.start(&app()).await.expect("starts");
    }
    worker.drain().await.expect("works");
    assert_eq!((one.count(), other.count()), (3, 3));
}

/// Leases the work of a projection that is due, as a process does before it hands over.
async fn leased_of(process: &Process, subscriber: &str) -> Vec<Delivery> {
    let query = DueQuery {
        slots: SlotSet::ALL,
        kind: format!("feed.project.sales.{subscriber}"),
        now: process.engine.now(),
        lease: LEASE,
        limit: 10,
    };
    process.engine.store().due(&query).await.expect("leases")
}

#[tokio::test]
async fn a_start_leaves_the_work_to_the_process_that_is_handing_over() {
    let (process, clock, _) = alone();
    let counter = Counter::named("c");
    let projector = Projector::subscribed(&process.engine, &sales(), counter.clone());
    projector.start(&app()).await.expect("starts");
    let held = leased_of(&process, "c").await;
    assert_eq!(held.len(), 1);
    clock.advance(Duration::from_secs(1));
    projector.start(&app()).await.expect("starts");
    assert_eq!(leased_of(&process, "c").await, [], "nobody else gets it");
    // Nor does it when the cursor has moved on meanwhile.
    process.sell("noodles", 1).await.expect("sells");
    process.worker.drain().await.expect("works");
    assert_eq!(projector.catch_up(&app()).await.expect("hands over"), 1);
    projector.start(&app()).await.expect("starts");
    assert_eq!(leased_of(&process, "c").await, [], "nobody else gets it");
    let at = process.engine.now();
    let again = held[0].settle(Outcome::Again { at, error: None });
    let settled = process.engine.store().settle(vec![again]).await;
    assert_eq!(settled.expect("settles"), [true], "its lease still holds");
}

#[tokio::test]
async fn a_projection_that_lies_dead_goes_on_with_the_next_start() {
    let (process, clock, _) = alone();
    let counter = Counter::named("c");
    let projector = Projector::subscribed(&process.engine, &sales(), counter.clone());
    projector.start(&app()).await.expect("starts");
    let error = "no answer".to_owned();
    let held = leased_of(&process, "c").await;
    let dead = held[0].settle(Outcome::Dead { error });
    let settled = process.engine.store().settle(vec![dead]).await;
    settled.expect("settles");
    process.sell("noodles", 2).await.expect("sells");
    let worker = Worker::new(&process.engine, WorkerOptions::default())
        .with(process.feeds.handlers())
        .with([projector.handler()]);
    clock.advance(PROJECT_EVERY);
    worker.drain().await.expect("works");
    assert_eq!(counter.count(), 0, "it stands still");
    projector.start(&app()).await.expect("starts");
    worker.drain().await.expect("works");
    assert_eq!(counter.count(), 2);
    assert_eq!(worker.dead(1).await.expect("lists"), []);
}

#[tokio::test]
async fn a_subscriber_that_was_caught_up_before_it_was_started_is_started() {
    let (process, clock, _) = alone();
    let counter = Counter::named("c");
    let projector = Projector::subscribed(&process.engine, &sales(), counter.clone());
    process.sell("noodles", 1).await.expect("sells");
    process.worker.drain().await.expect("works");
    assert_eq!(projector.catch_up(&app()).await.expect("hands over"), 1);
    projector.start(&app()).await.expect("starts");
    process.sell("noodles", 2).await.expect("sells");
    process.worker.drain().await.expect("works");
    clock.advance(PROJECT_EVERY);
    let worker = Worker::new(&process.engine, WorkerOptions::default()).with([projector.handler()]);
    worker.drain().await.expect("works");
    assert_eq!(counter.count(), 3);
}

/// The work of a projection, and the root it stands beside, as older releases wrote them.
#[derive(Deserialize, Serialize)]
struct FormerWork {}

impl Document for FormerWork {
    const KIND: &'static str = "feed.project.a.b.c";
    const FORMAT: u32 = 1;
}

#[derive(Deserialize, Serialize)]
struct FormerRoot {}

impl Document for FormerRoot {
    const KIND: &'static str = "feed.projection";
    const FORMAT: u32 = 1;
}

#[tokio::test]
async fn work_under_a_kind_of_older_releases_is_taken_over() {
    let (process, clock, _) = alone();
    let engine = &process.engine;
    let feed = Feed::new("a.b".parse().expect("a name"));
    let sold = feeding::sell(engine, "noodles", 3, &feed).await;
    sold.expect("sells");
    process.worker.drain().await.expect("works");
    let partition = Partition::new(&app(), "projection", "a.b/c").expect("an id");
    let leave = |_: &Family, now| {
        let mut edits = Edits::new();
        edits.put_root(FormerRoot {});
        edits.schedule("all", now, &FormerWork {});
        Ok::<_, Error>(edits.answer(()))
    };
    let left = engine.run(Command::on(partition), leave).await;
    left.expect("commits");

    let counter = Counter::named("c");
    let projector = Projector::subscribed(engine, &feed, counter.clone());
    projector.start(&app()).await.expect("starts");
    let worker = Worker::new(engine, WorkerOptions::default()).with([projector.handler()]);
    worker.drain().await.expect("works");
    assert_eq!(counter.count(), 3);
    clock.advance(PROJECT_EVERY);
    let former = mp_core::work::on(|_, _: FormerWork| async { Ok(Done::Finished) });
    let former = Worker::new(engine, WorkerOptions::default()).with([former]);
    assert_eq!(former.drain().await.expect("works"), 0, "nothing is left");
}
