//! What goes wrong on purpose, and that nothing else goes wrong with it.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;
use std::thread;

use super::raw::{address, login, refresh, server, subject_of, userinfo};
use hallpass::testing::{Endpoint, Fault};

#[test]
fn only_a_cut_after_the_request_rotates() -> io::Result<()> {
    let (server, _) = server()?;
    let token = login(&server)?.json("refresh_token");
    server.inject(Endpoint::Token, Fault::CutBefore);
    assert_eq!(refresh(&server, &token, &[])?.raw, b"");
    assert!(server.is_live_refresh_token(&token));
    server.inject(Endpoint::Token, Fault::Garbage);
    assert!(!refresh(&server, &token, &[])?.raw.starts_with(b"HTTP"));
    assert_eq!(server.counts().rotations, 0);
    server.inject(Endpoint::Token, Fault::LoseReply);
    assert_eq!(refresh(&server, &token, &[])?.raw, b"");
    assert!(!server.is_live_refresh_token(&token));
    assert_eq!((server.counts().rotations, server.live_families()), (1, 1));

    let token = login(&server)?.json("refresh_token");
    server.inject(Endpoint::Token, Fault::TruncatedReply);
    let half = refresh(&server, &token, &[])?;
    let promised = half.head.split("content-length: ").nth(1).and_then(|rest| rest.split("\r\n").next());
    let promised: usize = promised.and_then(|length| length.parse().ok()).unwrap_or_default();
    assert!(!half.body.is_empty() && half.body.len() < promised, "{} of {promised}", half.body.len());
    assert_eq!((server.counts().rotations, half.status), (2, 200));
    Ok(())
}

#[test]
fn a_fault_changes_the_named_part_of_a_reply() -> io::Result<()> {
    let (server, _) = server()?;
    let tokens = login(&server)?;
    let mut token = tokens.json("refresh_token");
    let mut refresh_with = |fault: Fault| {
        server.inject(Endpoint::Token, fault);
        let reply = refresh(&server, &token, &[])?;
        if reply.status == 200 && !reply.json("refresh_token").is_empty() {
            token = reply.json("refresh_token");
        }
        io::Result::Ok(reply)
    };
    assert_eq!(subject_of(&refresh_with(Fault::OtherSubject("mallory".into()))?), "mallory");
    assert_eq!(refresh_with(Fault::WiderScope("openid admin".into()))?.json("scope"), "openid admin");
    assert_eq!(refresh_with(Fault::NarrowerScope("x".into()))?.json("scope"), "x");
    assert_eq!(refresh_with(Fault::TokenType("DPoP".into()))?.json("token_type"), "DPoP");
    assert_eq!(refresh_with(Fault::ReplyField("expires_in".into(), "soon".into()))?.json("expires_in"), "soon");
    assert_eq!(refresh_with(Fault::error(503, "temporarily_unavailable"))?.error().0, 503);
    assert_eq!(refresh_with(Fault::Redirect("http://elsewhere/".into()))?.status, 307);
    assert!(refresh_with(Fault::HugeBody(3_000_000))?.body.len() > 3_000_000);
    assert_eq!(refresh_with(Fault::NoRefreshToken)?.json("refresh_token"), "");
    assert_eq!(refresh_with(Fault::OkWithError)?.error(), (200, "invalid_grant".into()));
    server.inject(Endpoint::UserInfo, Fault::OtherSubject("mallory".into()));
    let other = userinfo(&server, &login(&server)?.json("access_token"))?;
    assert_eq!(other.json("sub"), "mallory");
    Ok(())
}

#[test]
fn a_hanging_connection_does_not_block_others() -> io::Result<()> {
    let (server, _) = server()?;
    server.approve_all();
    server.inject(Endpoint::Metadata, Fault::Hang);
    let (address, request) = (address(&server), "GET /.well-known/openid-configuration HTTP/1.1\r\nHost: x\r\n\r\n");
    let mut hanging = TcpStream::connect(&address)?;
    hanging.write_all(request.as_bytes())?;
    let hanging = thread::spawn(move || hanging.read_to_end(&mut Vec::new()));
    let server = Arc::new(server);
    let clients: Vec<_> = (0..128)
        .map(|_| {
            let server = server.clone();
            thread::spawn(move || login(&server).map(|tokens| tokens.status))
        })
        .collect();
    for client in clients {
        assert_eq!(client.join().map_err(|_| io::Error::other("a client panicked"))??, 200);
    }
    assert_eq!((server.live_families(), server.counts().reuses), (128, 0));
    assert!(!hanging.is_finished());
    drop(server);
    assert!(hanging.join().is_ok(), "the hanging connection ends with the server");
    assert!(TcpStream::connect(&address).is_err(), "nobody listens any more");
    Ok(())
}
