//! Where the browser comes back to: a port of this machine (RFC 8252 §7.3).

use std::io;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use url::Url;

/// How long a connection may take to send its request: a browser may open one that it does not use.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(1);

/// The size of the longest request that is read.
const REQUEST_SIZE: u64 = 64 * 1024;

/// A redirect URI, for one login.
pub struct Redirect {
    listener: TcpListener,
    uri: Url,
}

impl Redirect {
    /// Takes a free port.
    pub async fn bind() -> io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let uri = format!("http://{}/callback", listener.local_addr()?);
        Ok(Self { listener, uri: Url::parse(&uri).map_err(io::Error::other)? })
    }

    pub fn uri(&self) -> &str {
        self.uri.as_str()
    }

    /// Waits for the browser, and returns the address that has the reply to `page`. Ignores every other request.
    pub async fn receive(&self, page: &Url) -> io::Result<Url> {
        loop {
            let (mut stream, _) = self.listener.accept().await?;
            let Ok(Ok(Some(url))) = timeout(REQUEST_TIMEOUT, self.read(&mut stream)).await else { continue };
            let is_reply = url.path() == self.uri.path() && state(&url).is_some() && state(&url) == state(page);
            let (status, text) = match is_reply {
                true => ("200 OK", "You can close this page."),
                false => ("404 Not Found", "This page does not exist."),
            };
            let length = text.len();
            let reply = format!(
                "HTTP/1.1 {status}\r\nContent-Type: text/plain\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{text}"
            );
            let _ = stream.write_all(reply.as_bytes()).await;
            if is_reply {
                return Ok(url);
            }
        }
    }

    /// Reads the address of a request: `GET /callback?code=… HTTP/1.1`.
    async fn read(&self, stream: &mut TcpStream) -> io::Result<Option<Url>> {
        let mut lines = BufReader::new(stream.take(REQUEST_SIZE)).lines();
        let first = lines.next_line().await?.unwrap_or_default();
        while lines.next_line().await?.is_some_and(|line| !line.is_empty()) {}
        let target = first.strip_prefix("GET ").and_then(|rest| rest.split(' ').next());
        Ok(target.and_then(|target| self.uri.join(target).ok()))
    }
}

/// The parameter that ties a reply to its request (RFC 6749 §4.1.1).
fn state(url: &Url) -> Option<String> {
    url.query_pairs().find(|(name, _)| name == "state").map(|(_, value)| value.into_owned())
}
