use std::{
    error::Error,
    fs,
    iter::successors,
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use mp_core::store::{Partition, PostgresOptions, PostgresStore, Query, Store, StoreError};
use tempfile::TempDir;
use throwaway_postgres::{Database, ServerOptions, server};

/// How long a store tries to get a connection; whatever is refused sooner is not tried again.
const PATIENCE: Duration = Duration::from_secs(10);

#[tokio::test]
async fn a_server_is_known_by_our_authority_and_its_name() {
    let test = "a_server_is_known_by_our_authority_and_its_name";
    let Some(papers) = Papers::issue(test, "IP:127.0.0.1") else {
        return;
    };
    let Some(database) = papers.server(test).await else {
        return;
    };
    let ours = Some(&*papers.authority);
    let store = connect(&database, "require", ours).await.expect("connects");
    // So that a session is there to be seen.
    let nobody = Partition::parse("market/group/none").expect("a valid id");
    store.read(&nobody, &Query::default()).await.expect("reads");
    let sql = "SELECT count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid)
               WHERE ssl AND application_name = 'mp'";
    let row = database
        .client()
        .await
        .query_one(sql, &[])
        .await
        .expect("asks");
    let encrypted: i64 = row.get(0);
    assert!(encrypted > 0, "no session is encrypted");
    drop(store);

    let others = Papers::issue(test, "IP:127.0.0.1").expect("there is an openssl");
    distrusted(&database, Some(&*others.authority)).await;
    // The authorities that the operating system trusts do not know it either.
    distrusted(&database, None).await;
}

#[tokio::test]
async fn a_server_with_another_name_is_refused() {
    let test = "a_server_with_another_name_is_refused";
    let Some(papers) = Papers::issue(test, "DNS:db.example") else {
        return;
    };
    let Some(database) = papers.server(test).await else {
        return;
    };
    distrusted(&database, Some(&papers.authority)).await;
}

#[tokio::test]
async fn who_comes_in_plain_text_is_told_to_encrypt() {
    let test = "who_comes_in_plain_text_is_told_to_encrypt";
    let Some(papers) = Papers::issue(test, "IP:127.0.0.1") else {
        return;
    };
    let Some(database) = papers.server(test).await else {
        return;
    };
    let told = refused(&database, connect(&database, "disable", None).await);
    assert!(told.contains("no encryption"), "{told}");
    assert!(told.contains("sslmode=require"), "{told}");
    connect(&database, "prefer", None)
        .await
        .expect("encrypts by itself");
}

async fn connect(
    database: &Database,
    mode: &str,
    authority: Option<&str>,
) -> Result<PostgresStore, StoreError> {
    let url = format!(
        "{}?sslmode={mode}",
        database.tcp_url().expect("it listens on a port")
    );
    let mut options = PostgresOptions::default().with_connect_timeout(PATIENCE);
    if let Some(authority) = authority {
        options = options.with_root_certificates(authority);
    }
    PostgresStore::connect(&url, options).await
}

/// Demands that a server is refused for what it shows: at once, since it will show the same again.
async fn distrusted(database: &Database, authority: Option<&str>) {
    let started = Instant::now();
    let answer = connect(database, "require", authority).await;
    assert!(started.elapsed() < PATIENCE, "{:?}", started.elapsed());
    let told = refused(database, answer);
    assert!(told.contains("did not prove who it is"), "{told}");
    assert!(told.contains("invalid peer certificate"), "{told}");
}

/// Demands an error that does not tell the password, and returns it with all that caused it.
fn refused(database: &Database, answer: Result<PostgresStore, StoreError>) -> String {
    let error = answer.expect_err("must be refused");
    let causes = successors(error.source(), |error| (*error).source());
    let causes: String = causes.map(|cause| format!(": {cause}")).collect();
    let url = database.tcp_url().expect("it listens on a port");
    let (_, password) = url.split_once("mp:").expect("a role");
    let (password, _) = password.split_once('@').expect("a password");
    assert!(
        !format!("{error:?}{causes}").contains(password),
        "{error:?}{causes}"
    );
    format!("{error}{causes}")
}

/// An authority, and a certificate that it issued to a server.
struct Papers {
    authority: String,
    certificate: String,
    key: String,
}

impl Papers {
    /// Issues them by the `openssl` command, or skips the test where there is none.
    fn issue(test: &str, name: &str) -> Option<Self> {
        let version = Command::new("openssl").arg("version").output();
        if !version.is_ok_and(|output| output.stdout.starts_with(b"OpenSSL 3")) {
            println!("skipped: {test}: there is no openssl 3 on the path");
            return None;
        }
        let folder = TempDir::new().expect("a folder");
        let key = "-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc -days 2";
        openssl(
            folder.path(),
            &format!(
                "req -x509 {key} -keyout ca.key -out ca.pem -subj /CN=ours \
                 -addext basicConstraints=critical,CA:TRUE"
            ),
        );
        openssl(
            folder.path(),
            &format!(
                "req -x509 {key} -CA ca.pem -CAkey ca.key -keyout server.key -out server.pem \
                 -subj /CN=server -addext basicConstraints=critical,CA:FALSE \
                 -addext subjectAltName={name}"
            ),
        );
        let read = |name| fs::read_to_string(folder.path().join(name)).expect("was written");
        Some(Self {
            authority: read("ca.pem"),
            certificate: read("server.pem"),
            key: read("server.key"),
        })
    }

    /// Starts a server that shows the certificate and demands TLS.
    async fn server(&self, test: &str) -> Option<Database> {
        let options = ServerOptions::default().with_tls(&*self.certificate, &*self.key);
        Some(server(test, &options)?.create_database().await)
    }
}

fn openssl(folder: &Path, arguments: &str) {
    let arguments = arguments.split_whitespace();
    let output = Command::new("openssl")
        .args(arguments)
        .current_dir(folder)
        .output();
    let output = output.expect("openssl runs");
    assert!(
        output.status.success(),
        "{}",
        String::from_utf8_lossy(&output.stderr)
    );
}
