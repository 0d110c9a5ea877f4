//! A process of the host: the endpoint, and a worker.

use std::{
    net::SocketAddr,
    process::exit,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use axum::{Router, body::Bytes, http::HeaderMap, routing::post};
use killed_processes::{Process, Program, say_ready, told};
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
        let mut process = Program::of_test(test)
            .told(STORE, &target.0)
            .told(SINCE, clock.since.as_micros().to_string())
            .told(INTAKE, format!("{intake:?}"))
            .start();
        let address = process.wait_until_ready().parse();
        let address = address.expect("the child tells its address");
        Self { process, address }
    }

    /// Kills it.
    pub(crate) fn kill(&mut self) {
        self.process.kill();
    }
}

/// In a child, serves until it is killed; elsewhere does nothing.
pub(crate) fn run_if_this_is_one() {
    let Some(store) = told(STORE) else { return };
    let told = |name| told(name).expect("a child is told everything");
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
    say_ready(address);
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
