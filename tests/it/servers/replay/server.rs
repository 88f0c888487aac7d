//! A server that answers as it is told, byte for byte: a bare socket on loopback.

use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread::JoinHandle;
use std::time::Duration;

/// What was asked.
#[derive(Debug, Clone)]
pub(super) struct Request {
    pub method: String,
    pub path: String,
    /// The fields of the form, in the order sent.
    pub form: Vec<(String, String)>,
    pub authorization: Option<String>,
}

impl Request {
    pub(super) fn field(&self, name: &str) -> Option<&str> {
        self.form.iter().find(|(own, _)| own == name).map(|(_, value)| value.as_str())
    }
}

pub(super) struct Server {
    address: SocketAddr,
    stop: Arc<AtomicBool>,
    seen: Arc<Mutex<Vec<Request>>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    /// `answer` makes the whole reply of a request, told where the server is; nothing of it closes the connection.
    pub(super) fn start(mut answer: impl FnMut(&Request, &str) -> Vec<u8> + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, seen) = (Arc::new(AtomicBool::new(false)), Arc::new(Mutex::new(Vec::new())));
        let (stopped, log) = (stop.clone(), seen.clone());
        let thread = std::thread::spawn(move || {
            for stream in listener.incoming() {
                if stopped.load(Ordering::SeqCst) {
                    return;
                }
                let Ok(stream) = stream else { continue };
                let Ok(request) = read(&stream) else { continue };
                log.lock().unwrap().push(request.clone());
                let _ = (&stream).write_all(&answer(&request, &here(address)));
            }
        });
        Self { address, stop, seen, thread: Some(thread) }
    }

    /// The server's origin.
    pub(super) fn here(&self) -> String {
        here(self.address)
    }

    pub(super) fn seen(&self) -> Vec<Request> {
        self.seen.lock().unwrap().clone()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // It waits for a connection.
        let _ = TcpStream::connect(self.address);
        let ended = self.thread.take().unwrap().join();
        assert!(ended.is_ok() || std::thread::panicking(), "the server panicked");
    }
}

/// A reply with a length.
pub(super) fn reply(status: u16, headers: &[(String, String)], body: &[u8]) -> Vec<u8> {
    let mut raw = format!("HTTP/1.1 {status} Told\r\nConnection: close\r\nContent-Length: {}\r\n", body.len());
    headers.iter().for_each(|(name, value)| raw.push_str(&format!("{name}: {value}\r\n")));
    raw.push_str("\r\n");
    [raw.as_bytes(), body].concat()
}

fn here(address: SocketAddr) -> String {
    format!("http://{address}")
}

fn read(stream: &TcpStream) -> io::Result<Request> {
    stream.set_read_timeout(Some(Duration::from_secs(20)))?;
    let mut reader = BufReader::new(stream);
    let mut lines = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line)?;
        let line = line.trim_end().to_owned();
        if line.is_empty() {
            break;
        }
        lines.push(line);
    }
    let header = |wanted: &str| {
        let pairs = lines.iter().filter_map(|line| line.split_once(": "));
        pairs.into_iter().find(|(name, _)| name.eq_ignore_ascii_case(wanted)).map(|(_, value)| value.to_owned())
    };
    let mut body = vec![0; header("content-length").map_or(0, |length| length.parse().unwrap())];
    reader.read_exact(&mut body)?;
    let first = lines.first().ok_or(io::ErrorKind::UnexpectedEof)?;
    // Whatever a gateway makes of it.
    assert_eq!(header("accept-encoding").as_deref(), Some("identity"), "{lines:?}");
    let mut words = first.split(' ').map(str::to_owned);
    Ok(Request {
        method: words.next().unwrap_or_default(),
        path: words.next().unwrap_or_default(),
        form: url::form_urlencoded::parse(&body).into_owned().collect(),
        authorization: header("authorization"),
    })
}
