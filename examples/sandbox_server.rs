//! Serves the sandbox payment provider on a loopback port, in Stripe's shape, until it is stopped.
//!
//! ```sh
//! cargo run --example sandbox_server            # on any free port
//! cargo run --example sandbox_server -- 12111
//! ```

use std::{error::Error, sync::Arc};

use mp_core::{
    Engine,
    clock::SystemClock,
    entropy::SystemEntropy,
    store::MemoryStore,
    work::{Worker, WorkerOptions},
};
use mp_pay::{Payments, SandboxBackend, backend::sandbox::http};
use tokio::{net::TcpListener, sync::watch};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port = std::env::args().nth(1).map_or(Ok(0), |port| port.parse())?;
    let engine = Engine::new(
        Arc::new(MemoryStore::new()),
        Arc::new(SystemClock),
        Arc::new(SystemEntropy::new()),
    );
    let payments = Payments::new(&engine, Arc::new(SandboxBackend::new()));
    let router = http::router(&payments, "market".parse()?);
    let listener = TcpListener::bind(("127.0.0.1", port)).await?;
    tell(&format!("http://{}", listener.local_addr()?));
    // It finds out what becomes of a payer who has to act: pm_card_threeDSecure2Required.
    let worker = Worker::new(&engine, WorkerOptions::default()).with(payments.handlers());
    let (_running, stop) = watch::channel(false);
    tokio::select! {
        served = axum::serve(listener, router) => served?,
        () = worker.run(stop) => {}
    }
    Ok(())
}

fn tell(url: &str) {
    println!("The sandbox is served at {url}. Try it, with any key that begins with sk_test_:\n");
    println!("  python3 -m venv /tmp/stripe && /tmp/stripe/bin/pip install stripe");
    println!("  /tmp/stripe/bin/python\n");
    println!(
        "  import stripe\n  \
         c = stripe.StripeClient('sk_test_1', base_addresses={{'api': '{url}'}})\n  \
         c.v1.payment_intents.create({{'amount': 1250, 'currency': 'eur', 'confirm': True, \
         'payment_method': 'pm_card_visa'}})"
    );
}
