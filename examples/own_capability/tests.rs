use std::net::SocketAddr;

use serde_json::{Value, json};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
};

use super::{Outcome, endpoint, market, market::Market};

/// Serves a market on a loopback port for as long as the test runs.
async fn served() -> Outcome<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    let router = endpoint::router(Market::open()?.host, market::sessions()?);
    tokio::spawn(async move { axum::serve(listener, router).await });
    Ok(address)
}

/// Calls an operation, and returns the status and the JSON that it is answered with.
async fn call(
    address: SocketAddr,
    session: &str,
    operation: &str,
    body: &str,
) -> Outcome<(u16, Value)> {
    let mut connection = TcpStream::connect(address).await?;
    let request = format!(
        "POST /call/{operation} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n\
         authorization: {session}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len(),
    );
    connection.write_all(request.as_bytes()).await?;
    let mut answer = String::new();
    connection.read_to_string(&mut answer).await?;
    let status = answer.split(' ').nth(1).ok_or("no status")?.parse()?;
    let (_, body) = answer.split_once("\r\n\r\n").ok_or("no body")?;
    Ok((status, serde_json::from_str(body)?))
}

#[tokio::test]
async fn an_order_is_placed_and_paid_over_http() -> Outcome<()> {
    let address = served().await?;
    let mei = |operation, input: Value| async move {
        let (status, answer) = call(address, "Bearer mei", operation, &input.to_string()).await?;
        assert_eq!(status, 200, "{operation}: {answer}");
        Outcome::Ok(answer)
    };
    let line = json!({"idempotency_key": "1", "shop": "noodles", "item": "beef", "count": 2});
    mei("order.add_line", line).await?;
    let order = mei("order.place", json!({"idempotency_key": "2"})).await?;
    let pay = json!({"idempotency_key": "3", "order": order["id"]});
    let paid = mei("order.pay", pay.clone()).await?;
    assert_eq!(mei("order.pay", pay).await?, paid, "the same key pays once");
    let receipt = mei("order.receipt", json!({"order": order["id"]})).await?;
    assert_eq!(receipt["paid"]["amount"], 36_000, "{receipt}");
    Ok(())
}

#[tokio::test]
async fn what_is_refused_has_its_status_and_says_why() -> Outcome<()> {
    let address = served().await?;
    let place = r#"{"idempotency_key": "1"}"#;
    for (session, operation, body, status, code) in [
        ("", "order.place", place, 401, "unauthenticated"),
        (
            "Bearer mallory",
            "order.place",
            place,
            401,
            "unauthenticated",
        ),
        ("Bearer mei", "order.fly", place, 404, "unknown_operation"),
        ("Bearer mei", "order.place", "{", 400, "invalid_field"),
        ("Bearer mei", "order.place", "{}", 400, "invalid_field"),
        (
            "Bearer mei",
            "order.return",
            r#"{"idempotency_key": "1", "order": "or_01HF7YAT000000000000000000"}"#,
            403,
            "forbidden",
        ),
    ] {
        let (seen, answer) = call(address, session, operation, body).await?;
        assert_eq!(seen, status, "{operation} {body}: {answer}");
        assert_eq!(answer["error"]["code"], code, "{operation} {body}");
    }
    Ok(())
}
