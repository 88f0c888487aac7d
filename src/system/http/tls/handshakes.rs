//! Tests of both providers against a TLS server. On Linux only: macOS and Windows check certificates themselves, by other rules.
#![allow(clippy::disallowed_types, reason = "this file may touch the network")]

use std::io::{Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};

use reqwest::{Client, ClientBuilder};
use rustls::crypto::CryptoProvider;
use rustls::crypto::ring::default_provider;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::model::error::{Error, Remedy};
use crate::model::setting::Setting;
use crate::system::http::error::HttpError;

/// The root that signed the server's certificate, for `localhost`. `openssl req -x509` and `openssl x509 -req` made them, for a hundred years.
const ROOT: &[u8] = include_bytes!("samples/root.pem");
const OTHER_ROOT: &[u8] = include_bytes!("samples/other_root.pem");
const SERVER: &[u8] = include_bytes!("samples/server.pem");
const SERVER_KEY: &[u8] = include_bytes!("samples/server_key.pem");

type Configure = fn(ClientBuilder, &[u8]) -> Result<ClientBuilder, HttpError>;

const PROVIDERS: &[(&str, Configure)] = &[
    ("ring", super::ring::configure),
    #[cfg(feature = "tls-aws-lc")]
    ("aws-lc", super::aws_lc::configure),
];

#[test]
fn an_extra_root_is_trusted() {
    for (name, configure) in PROVIDERS {
        let (address, alpn) = server(&[b"h2", b"http/1.1"]);
        assert_eq!(get(*configure, ROOT, "localhost", address).unwrap(), "{}", "{name}");
        assert_eq!(alpn.recv().unwrap().as_deref(), Some(&b"http/1.1"[..]), "{name}");
    }
}

#[test]
fn the_right_root_among_several_is_trusted() {
    for (name, configure) in PROVIDERS {
        let (address, _alpn) = server(&[]);
        let both = [OTHER_ROOT, ROOT].concat();
        assert_eq!(get(*configure, &both, "localhost", address).unwrap(), "{}", "{name}");
    }
}

#[test]
fn an_untrusted_root_is_refused() {
    for (name, configure) in PROVIDERS {
        let (address, _alpn) = server(&[b"http/1.1"]);
        let error = get(*configure, OTHER_ROOT, "localhost", address).unwrap_err();
        assert!(error.to_string().contains("leads to no root that is trusted here"), "{name}: {error}");
        assert_eq!(error.remedy(), Some(&Remedy::TrustRoot), "{name}");
    }
}

#[test]
fn a_certificate_of_another_host_is_refused() {
    for (name, configure) in PROVIDERS {
        let (address, _alpn) = server(&[b"http/1.1"]);
        let error = get(*configure, ROOT, "other.localhost", address).unwrap_err();
        assert!(format!("{error:?}").contains("not valid for name"), "{name}: {error:?}");
        assert_ne!(error.remedy(), Some(&Remedy::TrustRoot), "{name}");
    }
}

#[test]
fn a_server_with_http_2_only_is_named() {
    for (name, configure) in PROVIDERS {
        let (address, _alpn) = server(&[b"h2"]);
        let error = get(*configure, ROOT, "localhost", address).unwrap_err();
        assert!(error.to_string().contains("perhaps HTTP/2 only"), "{name}: {error}");
    }
}

#[test]
fn roots_that_cannot_be_read_are_the_same_error() {
    let no_certificate = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    let no_base64 = b"-----BEGIN CERTIFICATE-----\n*\n-----END CERTIFICATE-----\n";
    for (roots, part, remedy) in [
        (
            &b"no certificate"[..],
            "the extra roots hold no PEM certificate",
            Remedy::FixConfig { setting: Setting::ExtraRoots },
        ),
        (no_base64, "the extra roots hold no PEM certificate", Remedy::FixConfig { setting: Setting::ExtraRoots }),
        (no_certificate, "invalid peer certificate: BadEncoding", Remedy::TrustRoot),
    ] {
        for (name, configure) in PROVIDERS {
            let error = Error::from(client(*configure, roots, Client::builder()).unwrap_err());
            let text = format!("{error:?}");
            assert!(text.contains(part), "{name}: {text}");
            assert_eq!(error.remedy(), Some(&remedy), "{name}");
        }
    }
}

#[test]
fn ring_leaves_the_default_provider_alone() {
    client(super::ring::configure, ROOT, Client::builder()).unwrap();
    assert!(CryptoProvider::get_default().is_none());
}

/// Gets `/` from `address` under the name `host`, and returns the body.
fn get(configure: Configure, roots: &[u8], host: &str, address: SocketAddr) -> Result<String, Error> {
    let builder = Client::builder().http1_only().no_proxy().resolve(host, address);
    let client = client(configure, roots, builder)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let url = format!("https://{host}:{}/", address.port());
    let reply = runtime.block_on(async { client.get(url).send().await?.text().await });
    reply.map_err(|error| HttpError::unreachable(host, &error, None).into())
}

fn client(configure: Configure, roots: &[u8], builder: ClientBuilder) -> Result<Client, HttpError> {
    configure(builder, roots)?.build().map_err(|error| HttpError::client_not_built(&error))
}

/// Answers one request with `{}`. Returns the address, and what the client and `protocols` agreed on (ALPN).
fn server(protocols: &[&[u8]]) -> (SocketAddr, Receiver<Option<Vec<u8>>>) {
    let chain = vec![CertificateDer::from_pem_slice(SERVER).unwrap()];
    let key = PrivateKeyDer::from_pem_slice(SERVER_KEY).unwrap();
    let config = ServerConfig::builder_with_provider(default_provider().into()).with_safe_default_protocol_versions();
    let mut config = config.unwrap().with_no_client_auth().with_single_cert(chain, key).unwrap();
    config.alpn_protocols = protocols.iter().map(|name| name.to_vec()).collect();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let (sender, agreed) = channel();
    std::thread::spawn(move || {
        let stream = listener.accept().unwrap().0;
        let alpn = answer(stream, ServerConnection::new(config.into()).unwrap()).ok()?;
        sender.send(alpn).ok()
    });
    (address, agreed)
}

fn answer(stream: TcpStream, connection: ServerConnection) -> std::io::Result<Option<Vec<u8>>> {
    let mut stream = StreamOwned::new(connection, stream);
    let mut request = Vec::new();
    while !request.ends_with(b"\r\n\r\n") {
        let mut byte = [0];
        stream.read_exact(&mut byte)?;
        request.push(byte[0]);
    }
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}")?;
    stream.flush()?;
    Ok(stream.conn.alpn_protocol().map(<[u8]>::to_vec))
}
