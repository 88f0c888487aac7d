//! What this machine says of the way to the server: proxies, TLS roots, and how many files may be open.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use crate::support::acme::*;

/// What a SOCKS proxy was asked for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    Name(String, u16),
    Address([u8; 4], u16),
}

/// A SOCKS 5 proxy (RFC 1928) that reaches nothing; where it is, and what it was asked for.
fn socks() -> (String, Receiver<Asked>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let here = listener.local_addr().unwrap().to_string();
    let (told, asked) = channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let request = answered(&mut stream.unwrap()).expect("SOCKS 5");
            if told.send(request).is_err() {
                return;
            }
        }
    });
    (here, asked)
}

fn answered(stream: &mut TcpStream) -> std::io::Result<Asked> {
    let mut read = |length: usize| {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    let greeting = read(2)?;
    assert_eq!(greeting[0], 5, "the version");
    read(greeting[1].into())?;
    stream.write_all(&[5, 0])?;
    let mut read = |length: usize| {
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes).map(|()| bytes)
    };
    let head = read(4)?;
    assert_eq!(head[..3], [5, 1, 0], "a request to connect");
    let host = match head[3] {
        1 => read(4)?,
        _ => {
            let length = read(1)?[0];
            read(length.into())?
        }
    };
    let port = u16::from_be_bytes(read(2)?.try_into().unwrap());
    // RFC 1928 §6: "X'04' Host unreachable".
    stream.write_all(&[5, 4, 0, 1, 0, 0, 0, 0, 0, 0])?;
    Ok(match host.try_into() {
        Ok(address) => Asked::Address(address, port),
        Err(name) => Asked::Name(String::from_utf8(name).unwrap(), port),
    })
}

/// A login at an issuer with TLS, so that proxies count.
fn log_in(acme: &Acme, issuer: &str, variables: &[(&str, &str)]) -> Ran {
    let own = [("ACME_ISSUER", issuer), ("ACME_ALLOW_LOOPBACK_HTTP", "0"), ("ACME_REQUEST_TIMEOUT", "5")];
    acme.run_with(&["auth", "login", "--wait"], &[&own, variables].concat())
}

#[test]
fn a_socks_proxy_of_any_variable_is_used() {
    let (acme, (here, asked)) = (Acme::new(), socks());
    let address = |scheme: &str| format!("{scheme}://{here}/");
    let names = [("ALL_PROXY", "socks5h"), ("https_proxy", "socks"), ("all_proxy", "socks5h")];
    // On Windows the names of variables have no case, so that the others are unset below, or called ALL_PROXY.
    for (variable, scheme) in &names[..if cfg!(windows) { 1 } else { 3 }] {
        // A web server's own variable switches no proxy off.
        let ran = log_in(
            &acme,
            "https://id.example.com",
            &[(*variable, &address(scheme)), ("REQUEST_METHOD", "GET"), ("HTTPS_PROXY", "")],
        );
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(ran.stderr.contains(&format!("{variable} names a proxy")), "{ran:?}");
        let wanted = Asked::Name("id.example.com".into(), 443);
        assert_eq!(asked.recv_timeout(Duration::from_secs(20)), Ok(wanted), "{variable} {scheme}");
    }
    // That of https goes before that of all.
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let both = [("https_proxy", address("socks5h")), ("ALL_PROXY", format!("socks5h://{closed}"))];
    log_in(&acme, "https://id.example.com", &both.each_ref().map(|(name, value)| (*name, value.as_str())));
    assert!(asked.recv_timeout(Duration::from_secs(20)).is_ok());
    let ran = log_in(&acme, "https://127.0.0.1:9", &[("HTTPS_PROXY", &address("socks5"))]);
    assert_eq!((ran.code, asked.recv_timeout(Duration::from_secs(20))), (5, Ok(Asked::Address([127, 0, 0, 1], 9))));
}

#[test]
fn a_host_in_no_proxy_is_asked_directly() {
    let (acme, (here, asked)) = (Acme::new(), socks());
    let closed = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    for variable in ["NO_PROXY", "no_proxy"] {
        let ran = log_in(
            &acme,
            &format!("https://{closed}"),
            &[("ALL_PROXY", &format!("socks5://{here}")), (variable, "localhost 127.0.0.1")],
        );
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(ran.stderr.contains(&closed.to_string()) && !ran.stderr.contains("names a proxy"), "{ran:?}");
    }
    assert!(asked.try_recv().is_err());
}

#[test]
fn an_unusable_proxy_is_an_error_and_nothing_is_sent() {
    let acme = Acme::new();
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    listener.set_nonblocking(true).unwrap();
    let issuer = format!("https://{}", listener.local_addr().unwrap());
    let variables = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "https_proxy", "http_proxy", "all_proxy"];
    // On Windows the names of variables have no case.
    let variables = &variables[..if cfg!(windows) { 3 } else { 6 }];
    let values = [
        "ftp://u:s3cr3t@p",
        "socks6://p",
        "http://",
        "socks5://:1080",
        "http://p:99999",
        "socks5://m\u{fc}nchen:1",
        "://",
    ];
    let each = variables.iter().map(|variable| (*variable, values[0]));
    for (variable, value) in each.chain(values.iter().map(|value| (variables[0], *value))) {
        let ran = log_in(&acme, &issuer, &[(variable, value)]);
        assert_eq!(ran.code, 2, "{variable}={value}: {ran:?}");
        assert!(ran.stderr.contains(&format!("{variable} names a proxy that cannot be used")), "{ran:?}");
        assert!(ran.stderr.contains(&format!("hint: correct or unset {variable}")), "{ran:?}");
        assert!(!format!("{ran:?}").contains("s3cr3t"), "{ran:?}");
    }
    assert!(listener.accept().is_err(), "somebody was asked directly");
    // Where plain http to this machine is allowed, https to others goes through the proxy or nowhere all the same.
    let (here, asked) = socks();
    let own = [("ACME_ISSUER", "https://id.example.com"), ("ACME_REQUEST_TIMEOUT", "5")];
    let run =
        |value: &str| acme.run_with(&["auth", "login", "--wait"], &[&own[..], &[("HTTPS_PROXY", value)]].concat());
    let ran = run(values[0]);
    assert!(ran.code == 2 && ran.stderr.contains("HTTPS_PROXY names a proxy that cannot be used"), "{ran:?}");
    assert_eq!(run(&format!("socks5h://{here}")).code, 5);
    assert!(asked.recv_timeout(Duration::from_secs(20)).is_ok());
    // Plain http to this machine goes through no proxy, good or not.
    acme.server.approve_all();
    assert_eq!(acme.run_with(&["auth", "login", "--wait"], &[("ALL_PROXY", values[0])]).code, 0);
}

#[test]
#[cfg(target_os = "linux")]
fn roots_that_cannot_be_loaded_are_named() {
    let acme = Acme::new();
    let folder = acme.folder.path().to_str().unwrap().to_owned();
    for (variable, value, why) in [
        ("SSL_CERT_FILE", "/there/is/none.pem", "names /there/is/none.pem, which does not exist"),
        ("SSL_CERT_FILE", "", "SSL_CERT_FILE is empty"),
        ("SSL_CERT_FILE", folder.as_str(), "which cannot be read (is a directory)"),
        ("SSL_CERT_DIR", "/there/is/none", "names /there/is/none, which does not exist"),
    ] {
        let ran = acme.run_with(&["auth", "login", "--wait"], &[(variable, value)]);
        assert_eq!(ran.code, 2, "{ran:?}");
        assert!(ran.stderr.contains(why), "{why}: {ran:?}");
        assert!(ran.stderr.contains(&format!("hint: correct or unset {variable}")), "{ran:?}");
    }
    let junk = acme.folder.path().join("junk.pem");
    std::fs::write(&junk, "no certificate").unwrap();
    let ran = acme.run_with(&["auth", "login", "--wait"], &[("SSL_CERT_FILE", junk.to_str().unwrap())]);
    assert!(ran.code == 2 && ran.stderr.contains("No CA certificates were loaded"), "{ran:?}");
    assert!(ran.stderr.contains("root of the server's certificate in SSL_CERT_FILE"), "{ran:?}");
}

/// Without a free descriptor TLS has no roots, an event loop cannot be made, and no socket can be opened.
#[test]
#[cfg(target_os = "linux")]
fn too_many_open_files_are_named() {
    let acme = Acme::new();
    acme.server.approve_all();
    let mut seen = 0;
    for limit in 5..30 {
        let limited = format!("ulimit -n {limit}; exec \"$@\"");
        let mut command = std::process::Command::new("sh");
        command.args(["-c", &limited, "sh"]).arg(program()).args([
            "auth",
            "login",
            "--wait",
            "--context",
            &format!("n{limit}"),
        ]);
        let own = acme.command(&[]);
        command.env_clear().envs(own.get_envs().filter_map(|(name, value)| Some((name, value?))));
        let ran =
            ended(command.stdout(std::process::Stdio::piped()).stderr(std::process::Stdio::piped()).spawn().unwrap());
        assert!(!ran.stderr.contains("extra_roots") && !ran.stderr.contains("SSL_CERT"), "{limit}: {ran:?}");
        if ran.stderr.contains("cannot set up the connection") || ran.stderr.contains("cannot reach") {
            assert!(ran.stderr.contains("Too many open files") && ran.stderr.contains("ulimit -n"), "{limit}: {ran:?}");
            assert_eq!(ran.code, 5, "{limit}: {ran:?}");
            seen += 1;
        }
    }
    assert!(seen > 0, "no limit was in the way of the network");
}
