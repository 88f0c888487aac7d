//! A way to the server that can be cut: its own port, whose connections are passed on, reset, or refused.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{self, JoinHandle};

pub(crate) struct Relay {
    server: String,
    port: SocketAddr,
    resets: Arc<AtomicBool>,
    listening: Option<Listening>,
}

struct Listening {
    ends: Arc<AtomicBool>,
    thread: JoinHandle<()>,
}

impl Relay {
    /// `issuer`: where connections are passed on to.
    pub(crate) fn to(issuer: &str) -> Self {
        let server = issuer.strip_prefix("http://").unwrap().to_owned();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut relay = Self { server, port: listener.local_addr().unwrap(), resets: Arc::default(), listening: None };
        relay.listen(listener);
        relay
    }

    pub(crate) fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.port)
    }

    /// Whether a connection is reset as soon as its request is there, which nobody has read.
    pub(crate) fn resets(&self, resets: bool) {
        self.resets.store(resets, Ordering::SeqCst);
    }

    /// From now on the port is closed.
    pub(crate) fn close(&mut self) {
        if let Some(listening) = self.listening.take() {
            listening.ends.store(true, Ordering::SeqCst);
            let _ = TcpStream::connect(self.port);
            listening.thread.join().unwrap();
        }
    }

    /// Opens the port again.
    pub(crate) fn open(&mut self) {
        if self.listening.is_none() {
            self.listen(TcpListener::bind(self.port).unwrap());
        }
    }

    fn listen(&mut self, listener: TcpListener) {
        let ends = Arc::new(AtomicBool::new(false));
        let (server, resets, ended) = (self.server.clone(), self.resets.clone(), ends.clone());
        let thread = thread::spawn(move || {
            for connection in listener.incoming() {
                if ended.load(Ordering::SeqCst) {
                    return;
                }
                let (client, server, resets) = (connection.unwrap(), server.clone(), resets.load(Ordering::SeqCst));
                thread::spawn(move || if resets { reset(client) } else { pass_on(client, &server) });
            }
        });
        self.listening = Some(Listening { ends, thread });
    }
}

impl Drop for Relay {
    fn drop(&mut self) {
        self.close();
    }
}

/// A socket that is closed with something unread in it resets its connection: tcp(7), RFC 1122 §4.2.2.13.
fn reset(client: TcpStream) {
    let _ = client.peek(&mut [0]);
}

fn pass_on(client: TcpStream, server: &str) {
    let Ok(server) = TcpStream::connect(server) else { return };
    let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
    thread::spawn(move || copy(from_client, to_server));
    copy(server, client);
}

fn copy(mut from: TcpStream, mut to: TcpStream) {
    let _ = io::copy(&mut from, &mut to);
    let _ = to.shutdown(Shutdown::Write);
}
