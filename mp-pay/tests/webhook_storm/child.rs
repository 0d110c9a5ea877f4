//! A process of the host: the endpoint, and a worker.

use std::{
    env,
    io::{BufRead, BufReader},
    net::SocketAddr,
    process::{Child as Process, Command, Stdio, exit},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use mp_core::{
    Engine, Error, Timestamp,
    entropy::SystemEntropy,
    feed::Feeds,
    work::{Worker, WorkerOptions},
};
use mp_pay::{
    Payments, SandboxBackend,
    backend::{Capabilities, Reference},
    webhook::{
        Identity, Observation, RawWebhook, WebhookRefusal, WebhookSource, Webhooks, http,
        stripe::SIGNATURE_HEADER,
    },
};
use tokio::{net::TcpListener, runtime::Runtime, sync::watch};

use super::{
    clock::FastClock,
    payments::sales,
    sender::{adapter, intake, source},
    support::{app, staff},
    target::Target,
};

const STORE: &str = "MP_STORM_STORE";
const SINCE: &str = "MP_STORM_SINCE";
const INTAKE: &str = "MP_STORM_INTAKE";

/// What a child says once it can be sent webhooks, before its address.
const READY: &str = "listening on ";

/// How many handlers one child runs at once.
pub(crate) const CONCURRENCY: usize = 8;

/// How a process takes webhooks in.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Intake {
    Ours,
    AcknowledgesFirst,
    KnowsNoDuplicates,
}

const INTAKES: [Intake; 3] = [
    Intake::Ours,
    Intake::AcknowledgesFirst,
    Intake::KnowsNoDuplicates,
];

/// A child, which dies with its parent's handle.
#[derive(Debug)]
pub(crate) struct Child {
    process: Process,
    pub(crate) address: SocketAddr,
}

impl Child {
    /// Starts one, and waits until it listens.
    pub(crate) fn start(test: &str, target: &Target, clock: FastClock, intake: Intake) -> Self {
        let mut process = Command::new(env::current_exe().expect("this test has a file"))
            .args(["--exact", test, "--nocapture"])
            .env(STORE, &target.0)
            .env(SINCE, clock.since.as_micros().to_string())
            .env(INTAKE, format!("{intake:?}"))
            .stdout(Stdio::piped())
            .spawn()
            .expect("the child starts");
        let output = process.stdout.take().expect("a pipe");
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        let address = lines
            .filter_map(|line| line.strip_prefix(READY)?.parse().ok())
            .next();
        let address = address.expect("the child listens");
        Self { process, address }
    }

    /// Kills it, as the kernel does: at any moment, with no time for last words.
    pub(crate) fn kill(&mut self) {
        self.process.kill().expect("the child is killed");
        self.process.wait().expect("the child has ended");
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In a child, serves until it is killed; elsewhere does nothing.
pub(crate) fn run_if_this_is_one() {
    let Ok(store) = env::var(STORE) else { return };
    let told = |name| env::var(name).expect("a child is told everything");
    let since = Timestamp::from_micros(told(SINCE).parse().expect("a number"));
    let intake = INTAKES
        .into_iter()
        .find(|it| format!("{it:?}") == told(INTAKE));
    let intake = intake.expect("a way to take webhooks in");
    Runtime::new().expect("a runtime").block_on(async {
        let store = Target(store).open().await;
        let clock = Arc::new(FastClock { since });
        serve(
            Engine::new(store, clock, Arc::new(SystemEntropy::new())),
            intake,
        )
        .await;
    });
    exit(0);
}

async fn serve(engine: Engine, how: Intake) {
    // The provider answers nothing here: whatever is known comes by webhooks.
    let backend = SandboxBackend::new().with_capabilities(Capabilities::neither());
    let payments = Payments::new(&engine, Arc::new(backend)).with_feed(sales());
    let webhooks = match how {
        Intake::KnowsNoDuplicates => {
            let adapter = Arc::new(Forgetful::default());
            Webhooks::new(&engine).with_source(source(), adapter, &payments)
        }
        _ => intake(&engine, &payments),
    };
    let options = WorkerOptions::default().with_concurrency(CONCURRENCY);
    let worker = Worker::new(&engine, options)
        .with(webhooks.handlers())
        .with(payments.handlers())
        .with(Feeds::new(&engine).handlers());
    let router = match how {
        Intake::AcknowledgesFirst => acknowledging(payments),
        _ => http::router(&webhooks),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    // The test harness has begun a line.
    println!("\n{READY}{address}");
    let (_running, stop) = watch::channel(false);
    tokio::spawn(async move { worker.run(stop).await });
    axum::serve(listener, router).await.expect("serves");
}

/// Answers first, and handles in memory what it has answered.
fn acknowledging(payments: Payments) -> Router {
    let take = move |headers: HeaderMap, body: Bytes| {
        let payments = payments.clone();
        async move {
            let named = headers.iter();
            let raw = named.fold(
                RawWebhook::new(app(), source(), body),
                |raw, (name, value)| raw.with_header(name.as_str(), value.as_bytes()),
            );
            debug_assert!(raw.header(SIGNATURE_HEADER).is_some());
            tokio::spawn(async move {
                tokio::time::sleep(Duration::from_millis(200)).await;
                for observation in adapter().read(&raw).await.expect("reads") {
                    if let Observation::Operation(notice) = observation {
                        let _ = payments.observe(&staff(), notice).await;
                    }
                }
            });
        }
    };
    Router::new().route("/{app}/{source}", post(take))
}

/// Takes each delivery for a new event.
#[derive(Debug, Default)]
struct Forgetful(AtomicU64);

#[async_trait]
impl WebhookSource for Forgetful {
    fn kept_headers(&self) -> &'static [&'static str] {
        &[]
    }

    async fn verify(&self, raw: &RawWebhook, now: Timestamp) -> Result<Identity, WebhookRefusal> {
        adapter().verify(raw, now).await?;
        let number = self.0.fetch_add(1, Ordering::Relaxed);
        let name = format!("evt_{}.{number}", std::process::id());
        Ok(Identity::Event(Reference::new(name)?))
    }

    async fn read(&self, raw: &RawWebhook) -> Result<Vec<Observation>, Error> {
        adapter().read(raw).await
    }
}
