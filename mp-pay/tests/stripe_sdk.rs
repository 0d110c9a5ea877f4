//! The sandbox over HTTP, driven by Stripe's official Python client, and its webhook signatures.
#![cfg(feature = "http")]

use std::{
    path::{Path, PathBuf},
    process::Stdio,
    sync::Arc,
    time::Duration,
};

use mp_core::{
    Engine, Timestamp, clock::SystemClock, entropy::SystemEntropy, id::AppId, store::MemoryStore,
};
use mp_pay::{
    Payments, SandboxBackend,
    backend::sandbox::http,
    webhook::{
        RawWebhook, WebhookSource,
        stripe::{SIGNATURE_HEADER, StripeSecret, StripeWebhooks},
    },
};
use tokio::{net::TcpListener, process::Command, sync::Mutex, time::timeout};

/// What installing or driving may take at most.
const PATIENCE: Duration = Duration::from_secs(180);

/// Held by the test that makes the environment.
static MAKING: Mutex<()> = Mutex::const_new(());

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

/// A secret, a body, and when it is signed or looked at.
const SECRET: &str = "whsec_of_this_test";
const NOW: i64 = 1_800_000_000;
const BODIES: [&str; 4] = [
    r#"{"id":"evt_1","object":"event"}"#,
    "{\"id\":\"evt_2\",\r\n\t\"note\":\"é ☂ \u{1f389}\"}\n",
    "",
    " {} ",
];

#[tokio::test(flavor = "multi_thread")]
async fn stripes_own_library_and_we_agree_on_signatures() {
    let test = "stripes_own_library_and_we_agree_on_signatures";
    let python = match python().await {
        Ok(python) => python,
        Err(reason) => {
            println!("skipped: {test}: {reason}");
            return;
        }
    };
    let lines = BODIES.map(|body| format!("{SECRET}\t{}", hex(body)));
    let theirs = answers(&python, "sign", &lines).await;
    for (body, header) in BODIES.iter().zip(&theirs) {
        assert!(is_taken(header, body).await, "{header} of {body:?}");
    }
    let mut cases = Vec::new();
    for body in BODIES {
        cases.extend(headers(body).into_iter().map(|header| (header, body)));
    }
    let line = |(header, body): &(String, &str)| format!("{SECRET}\t{header}\t{}", hex(body));
    let lines: Vec<String> = cases.iter().map(line).collect();
    let theirs = answers(&python, "verify", &lines).await;
    assert_eq!(theirs.len(), cases.len());
    let mut both_take = 0;
    for ((header, body), theirs) in cases.iter().zip(&theirs) {
        let ours = is_taken(header, body).await;
        // Theirs lets in what was signed in the future, however far.
        let early = header.starts_with(&format!("t={},", NOW + 301));
        assert_eq!(ours, theirs == "ok" && !early, "{header} of {body:?}");
        both_take += usize::from(ours);
    }
    assert_eq!(both_take, BODIES.len() * 6, "half of all are good");
}

/// Returns what may stand in the header of a body, good and bad.
fn headers(body: &str) -> Vec<String> {
    let at = |seconds: i64| Timestamp::from_micros(seconds * 1_000_000);
    let secret = StripeSecret::new(SECRET).expect("a secret");
    let sign = |seconds| secret.sign(body.as_bytes(), at(seconds));
    let good = sign(NOW);
    let (time, v1) = good.split_once(',').expect("two parts");
    let zeros = "0".repeat(64);
    let other = StripeSecret::new("whsec_another_one").expect("a secret");
    vec![
        sign(NOW - 300),
        sign(NOW + 300),
        format!("{v1},{time}"),
        format!("{time},v1={zeros},{v1}"),
        format!("{time},{v1},v1={zeros},v0={zeros}"),
        good.clone(),
        sign(NOW - 301),
        sign(NOW + 301),
        format!("{time},{}", v1.replace("v1", "v0")),
        format!("{time},v1={zeros}"),
        v1.to_owned(),
        other.sign(body.as_bytes(), at(NOW)),
    ]
}

/// Asks the adapter.
async fn is_taken(header: &str, body: &str) -> bool {
    let app: AppId = "market".parse().expect("an app");
    let secret = StripeSecret::new(SECRET).expect("a secret");
    let stripe = StripeWebhooks::new().with_secret(app.clone(), secret);
    let raw = RawWebhook::new(app, "stripe".parse().expect("a name"), body);
    let raw = raw.with_header(SIGNATURE_HEADER, header);
    let now = Timestamp::from_micros(NOW * 1_000_000);
    let verified = stripe.expect("it is the first").verify(&raw, now).await;
    verified.is_ok()
}

/// Has Stripe's library answer each line.
async fn answers(python: &Path, task: &str, lines: &[String]) -> Vec<String> {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("lines");
    std::fs::write(&file, lines.join("\n")).expect("writes");
    let (script, now) = (here("webhooks.py"), NOW.to_string());
    let arguments = [&script, Path::new(task), Path::new(&now), &file];
    let said = run(python, arguments).await.expect("the library answers");
    said.lines().map(str::to_owned).collect()
}

fn hex(text: &str) -> String {
    text.bytes().map(|byte| format!("{byte:02x}")).collect()
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
    let _alone = MAKING.lock().await;
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
