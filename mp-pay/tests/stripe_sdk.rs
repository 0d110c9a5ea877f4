//! The sandbox over HTTP, driven by Stripe's official Python client.
#![cfg(feature = "http")]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use mp_core::{Engine, clock::SystemClock, entropy::SystemEntropy, store::MemoryStore};
use mp_pay::{Payments, SandboxBackend, backend::sandbox::http};
use tokio::{net::TcpListener, process::Command, time::timeout};

/// What installing or driving may take at most.
const PATIENCE: Duration = Duration::from_secs(180);

#[tokio::test(flavor = "multi_thread")]
async fn stripes_own_client_drives_the_sandbox() {
    let test = "stripes_own_client_drives_the_sandbox";
    let python = match python().await {
        Ok(python) => python,
        Err(reason) => {
            println!("skipped: {test}: {reason}");
            return;
        }
    };
    let drive = [here("drive.py"), PathBuf::from(serve().await)];
    let drove = run(&python, drive.iter().map(PathBuf::as_path)).await;
    let said = drove.expect("the client drives the sandbox to the end");
    assert_eq!(said.matches("ok: ").count(), 11, "{said}");
}

/// Serves a sandbox on a loopback port, and returns its address.
async fn serve() -> String {
    let engine = Engine::new(
        Arc::new(MemoryStore::new()),
        Arc::new(SystemClock),
        Arc::new(SystemEntropy::new()),
    );
    let payments = Payments::new(&engine, Arc::new(SandboxBackend::new()));
    let router = http::router(&payments, "market".parse().expect("a name"));
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = listener.local_addr().expect("an address");
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

/// Returns a Python that has the client, in an environment that is made once.
async fn python() -> Result<PathBuf, String> {
    let home = Path::new(env!("CARGO_TARGET_TMPDIR")).join("stripe_sdk");
    let python = home.join("bin/python");
    let has_client = ["-c".as_ref(), "import stripe".as_ref()];
    if run(&python, has_client).await.is_ok() {
        return Ok(python);
    }
    if std::env::var_os("MP_FULL").is_none() {
        return Err("it installs Stripe's client, which takes MP_FULL=1".to_owned());
    }
    let make = ["-m".as_ref(), "venv".as_ref(), home.as_path()];
    let made = run(Path::new("python3"), make).await;
    made.map_err(|error| format!("there is no python3 with venv: {error}"))?;
    let list = here("requirements.txt");
    let install = ["-m", "pip", "install", "--quiet", "--requirement"].map(Path::new);
    let installed = run(&python, install.into_iter().chain([list.as_path()])).await;
    installed.map_err(|error| format!("pip does not install Stripe's client: {error}"))?;
    Ok(python)
}

fn here(file: &str) -> PathBuf {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stripe_sdk");
    tests.join(file)
}

/// Runs a program to its end, and returns what it said; else the last line of its complaint.
async fn run<'a>(
    program: &Path,
    arguments: impl IntoIterator<Item = &'a Path>,
) -> Result<String, String> {
    let mut command = Command::new(program);
    command
        .args(arguments)
        .stdin(Stdio::null())
        .kill_on_drop(true);
    let ended = timeout(PATIENCE, command.output()).await;
    let output = ended.map_err(|_| "it takes too long".to_owned())?;
    let output = output.map_err(|error| error.to_string())?;
    if output.status.success() {
        return Ok(String::from_utf8_lossy(&output.stdout).into_owned());
    }
    let complaint = String::from_utf8_lossy(&output.stderr);
    let last = complaint.trim().lines().next_back();
    Err(last.unwrap_or("it failed without a word").to_owned())
}
