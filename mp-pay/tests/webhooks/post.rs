//! A client that posts over a connection of its own, without a library in between.

use std::{io, net::SocketAddr};

use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::TcpStream,
};

/// What came back.
#[derive(Debug)]
#[allow(dead_code, reason = "each test file looks at some of it")]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) body: String,
}

/// Posts a body, and returns what is answered; an error, if the connection breaks off before.
pub(crate) async fn post(
    address: SocketAddr,
    path: &str,
    headers: &[(&str, &str)],
    body: &[u8],
) -> io::Result<Answer> {
    let mut connection = TcpStream::connect(address).await?;
    let mut head = format!("POST {path} HTTP/1.1\r\nhost: {address}\r\nconnection: close\r\n");
    for (name, value) in headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str(&format!("content-length: {}\r\n\r\n", body.len()));
    connection.write_all(head.as_bytes()).await?;
    // Who refuses a body may do so before it has come in whole.
    let _ = connection.write_all(body).await;
    let mut answer = Vec::new();
    let read = connection.read_to_end(&mut answer).await;
    if answer.is_empty() {
        read?;
    }
    parse(&String::from_utf8_lossy(&answer)).ok_or_else(|| io::ErrorKind::UnexpectedEof.into())
}

fn parse(answer: &str) -> Option<Answer> {
    let (head, body) = answer.split_once("\r\n\r\n")?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    let length = |line: &str| {
        let (name, value) = line.split_once(": ")?;
        let named = name.eq_ignore_ascii_case("content-length");
        named.then(|| value.parse::<usize>().ok())?
    };
    let whole = head.lines().find_map(length) == Some(body.len());
    whole.then(|| Answer {
        status,
        head: head.to_owned(),
        body: body.to_owned(),
    })
}
