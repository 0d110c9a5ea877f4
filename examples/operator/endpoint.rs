use std::{io, net::SocketAddr};

use axum::Router;
use mp_pay::webhook::{Webhooks, http};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    net::{TcpListener, TcpStream},
    task::JoinHandle,
};

use super::options::SOURCE;

/// The address that the provider sends its webhooks to, on a loopback port, until it is dropped.
#[derive(Debug)]
pub(crate) struct Endpoint {
    address: SocketAddr,
    serving: JoinHandle<io::Result<()>>,
}

impl Endpoint {
    pub(crate) async fn open(webhooks: &Webhooks) -> io::Result<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let router = Router::new().nest("/webhooks", http::router(webhooks));
        let serving = tokio::spawn(async move { axum::serve(listener, router).await });
        Ok(Self { address, serving })
    }

    /// Posts an event as the provider does, and returns the status that it is answered with.
    pub(crate) async fn post(&self, signature: &str, body: &str) -> io::Result<u16> {
        let mut connection = TcpStream::connect(self.address).await?;
        let request = format!(
            "POST /webhooks/market/{SOURCE} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\
             stripe-signature: {signature}\r\ncontent-length: {}\r\n\r\n{body}",
            self.address,
            body.len(),
        );
        connection.write_all(request.as_bytes()).await?;
        let mut answer = String::new();
        connection.read_to_string(&mut answer).await?;
        let status = answer
            .split(' ')
            .nth(1)
            .and_then(|status| status.parse().ok());
        status.ok_or_else(|| io::ErrorKind::InvalidData.into())
    }
}

impl Drop for Endpoint {
    fn drop(&mut self) {
        self.serving.abort();
    }
}
