//! The authorization server as a process, what it saw, and the person at the browser.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::Value;

use crate::http;
use crate::needs::say;
use crate::process::{self, Running};
use crate::tls::Tls;

pub(crate) fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real/oidc-provider")
}

pub(crate) struct Provider {
    pub issuer: String,
    /// Where the test asks the server's witness.
    pub control: String,
    /// For the person's browser, where the server has a certificate of a private CA.
    ca: Option<PathBuf>,
    _process: Running,
    /// The server lives as long as this is open, so it ends with the test even where that is killed.
    _stdin: ChildStdin,
}

/// A person's answer: yes, no to what the tool asks for, no to the code itself.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Wish {
    Approve,
    Deny,
    Abort,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Issued {
    pub value: String,
    pub live: bool,
}

impl Provider {
    /// Polled every second, so that tests are quick; the options are in `server.mjs`.
    pub(crate) fn start(options: &[(&str, &str)]) -> Provider {
        let mut command = node("server.mjs");
        command.env("OIDC_INTERVAL", "1").envs(options.iter().copied()).stdin(Stdio::piped());
        let mut running = Running::start(&mut command);
        // Once in some hundred starts Node hangs before it listens, for reasons of its own.
        if !running.speaks_within(Duration::from_secs(20)) {
            say("the authorization server hangs at its start: once more");
            running = Running::start(&mut command);
        }
        let stdin = running.take_stdin();
        let Some(line) = running.line() else { panic!("the server did not start: {}", running.finish()) };
        let ready: Value = serde_json::from_str(&line).unwrap();
        let text = |name: &str| ready[name].as_str().unwrap().to_owned();
        Provider { issuer: text("issuer"), control: text("control"), ca: None, _process: running, _stdin: stdin }
    }

    pub(crate) fn start_tls(tls: &Tls, options: &[(&str, &str)]) -> Provider {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let (key, cert) = (path(&tls.key), path(&tls.cert));
        let provider = Provider::start(&[options, &[("OIDC_TLS_KEY", &key), ("OIDC_TLS_CERT", &cert)]].concat());
        Provider { ca: Some(tls.ca.clone()), ..provider }
    }

    /// The person opens the page that the tool named, and answers. Returns the titles of the pages met.
    pub(crate) fn person(&self, verification_uri_complete: &str, account: &str, wish: Wish) -> Vec<String> {
        let wish = match wish {
            Wish::Approve => "approve",
            Wish::Deny => "deny",
            Wish::Abort => "abort",
        };
        let mut command = node("person.mjs");
        command.args([verification_uri_complete, account, wish]);
        command.envs(self.ca.iter().map(|ca| ("NODE_EXTRA_CA_CERTS", ca)));
        let story = process::run(&mut command).exits(0).json().pop().unwrap();
        story["pages"].as_array().unwrap().iter().map(|title| title.as_str().unwrap().to_owned()).collect()
    }

    /// How many requests since the last `forget`, to anything.
    pub(crate) fn requests(&self) -> u64 {
        self.seen()["total"].as_u64().unwrap()
    }

    /// How often an endpoint was asked, by oidc-provider's name for it.
    pub(crate) fn asked(&self, endpoint: &str) -> u64 {
        self.seen()["endpoints"][endpoint].as_u64().unwrap_or(0)
    }

    /// The refreshes by outcome: `ok`, or the error.
    pub(crate) fn refreshes(&self) -> BTreeMap<String, u64> {
        serde_json::from_value(self.seen()["grants"]["refresh_token"].clone()).unwrap_or_default()
    }

    /// Counts from zero again.
    pub(crate) fn forget(&self) {
        assert_eq!(http::post(&format!("{}/_reset", self.control), "").status, 200);
    }

    /// All refresh tokens that this server gave, oldest first.
    pub(crate) fn refresh_tokens(&self) -> Vec<Issued> {
        self.issued("refresh")
    }

    pub(crate) fn access_tokens(&self) -> Vec<Issued> {
        self.issued("access")
    }

    pub(crate) fn device_codes(&self) -> Vec<Issued> {
        self.issued("device")
    }

    /// What the server answers to a refresh token, asked directly: status and error.
    pub(crate) fn offer(&self, refresh_token: &str) -> (u16, String) {
        let form = format!("client_id=acme-cli&grant_type=refresh_token&refresh_token={refresh_token}");
        let reply = http::post(&format!("{}/token", self.issuer), &form);
        (reply.status, reply.json()["error"].as_str().unwrap_or_default().to_owned())
    }

    /// Whom the userinfo endpoint names for an access token; `None` where it refuses it.
    pub(crate) fn userinfo(&self, access_token: &str) -> Option<Value> {
        let bearer = format!("Bearer {access_token}");
        let reply = http::get(&format!("{}/me", self.issuer), &[("authorization", &bearer)]);
        (reply.status == 200).then(|| reply.json())
    }

    fn seen(&self) -> Value {
        http::get(&format!("{}/_seen", self.control), &[]).json()
    }

    fn issued(&self, kind: &str) -> Vec<Issued> {
        let tokens = http::get(&format!("{}/_tokens", self.control), &[]).json();
        let token = |token: &Value| Issued {
            value: token["value"].as_str().unwrap().to_owned(),
            live: token["live"].as_bool().unwrap(),
        };
        tokens[kind].as_array().unwrap().iter().map(token).collect()
    }
}

fn node(script: &str) -> Command {
    let mut command = Command::new("node");
    command.arg(folder().join(script)).env_clear().stdin(Stdio::null());
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}
