//! A client over a bare socket, so that nothing smooths over what the server really sent.

use std::io::{self, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use url::form_urlencoded;

use hallpass::testing::{AuthorizationServer, Behaviour, ManualClock, Person};

pub(crate) fn server() -> io::Result<(AuthorizationServer, ManualClock)> {
    let clock = ManualClock::new();
    let mut behaviour = Behaviour::default();
    behaviour.clock = Arc::new(clock.clone());
    let server = AuthorizationServer::start_with(behaviour)?;
    Ok((server, clock))
}

pub(crate) fn server_behaviour(server: &AuthorizationServer) -> Behaviour {
    let mut copy = Behaviour::default();
    server.set_behaviour(|behaviour| copy = behaviour.clone());
    copy
}

pub(crate) fn login(server: &AuthorizationServer) -> io::Result<Reply> {
    let device = post(server, "/device_authorization", &[CLIENT])?;
    server.approve(&device.json("user_code"));
    post(server, "/token", &[CLIENT, ("grant_type", DEVICE_CODE), ("device_code", &device.json("device_code"))])
}

/// A login of this person, with a refresh token.
pub(crate) fn login_as(server: &AuthorizationServer, person: &Person) -> io::Result<Reply> {
    let device = post(server, "/device_authorization", &[CLIENT, ("scope", "openid profile email offline_access")])?;
    server.approve_as(&device.json("user_code"), person);
    post(server, "/token", &[CLIENT, ("grant_type", DEVICE_CODE), ("device_code", &device.json("device_code"))])
}

pub(crate) fn refresh(server: &AuthorizationServer, token: &str, more: &[(&str, &str)]) -> io::Result<Reply> {
    let form = [&[CLIENT, ("grant_type", "refresh_token"), ("refresh_token", token)], more].concat();
    post(server, "/token", &form)
}

pub(crate) fn userinfo(server: &AuthorizationServer, token: &str) -> io::Result<Reply> {
    exchange(server, "GET", "/userinfo", &format!("Authorization: bearer {token}\r\n"), "")
}

pub(crate) fn post(server: &AuthorizationServer, path: &str, form: &[(&str, &str)]) -> io::Result<Reply> {
    let body = form_urlencoded::Serializer::new(String::new()).extend_pairs(form).finish();
    exchange(server, "POST", path, "Content-Type: application/x-www-form-urlencoded\r\n", &body)
}

pub(crate) fn exchange(
    server: &AuthorizationServer,
    method: &str,
    path: &str,
    headers: &str,
    body: &str,
) -> io::Result<Reply> {
    let mut stream = TcpStream::connect(address(server))?;
    let length = body.len();
    let head =
        format!("{method} {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}");
    stream.write_all(format!("{head}\r\n{body}").as_bytes())?;
    let mut raw = Vec::new();
    stream.read_to_end(&mut raw)?;
    let text = String::from_utf8_lossy(&raw).into_owned();
    let (head, body) = text.split_once("\r\n\r\n").unwrap_or_default();
    let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or_default();
    Ok(Reply { status, head: format!("{}\r\n", head.to_lowercase()), body: body.into(), raw })
}

pub(crate) fn address(server: &AuthorizationServer) -> String {
    server.issuer().replace("http://", "")
}

pub(crate) fn subject_of(tokens: &Reply) -> String {
    let id_token = tokens.json("id_token");
    let payload = URL_SAFE_NO_PAD.decode(id_token.split('.').nth(1).unwrap_or_default()).unwrap_or_default();
    let claims: Value = serde_json::from_slice(&payload).unwrap_or_default();
    claims["sub"].as_str().unwrap_or_default().into()
}

pub(crate) struct Reply {
    pub status: u16,
    pub head: String,
    pub body: String,
    pub raw: Vec<u8>,
}

impl Reply {
    pub(crate) fn json(&self, name: &str) -> String {
        let json: Value = serde_json::from_str(&self.body).unwrap_or_default();
        match &json[name] {
            Value::Null => String::new(),
            Value::String(text) => text.clone(),
            other => other.to_string(),
        }
    }

    pub(crate) fn error(&self) -> (u16, String) {
        (self.status, self.json("error"))
    }
}

pub(crate) const CLIENT: (&str, &str) = ("client_id", "acme-cli");

pub(crate) const DEVICE_CODE: &str = "urn:ietf:params:oauth:grant-type:device_code";
