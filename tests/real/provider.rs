//! The authorization servers as processes, what they saw, and the person at the browser. All speak one protocol with the tests:
//! `oidc-provider/server.mjs`, `django/server.py` and `better-auth/server.mjs` say which.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{ChildStdin, Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::http;
use crate::needs::say;
use crate::process::{self, Running};
use crate::tls::Tls;

/// There where `tests/all` has installed a server that runs on Node.
pub(crate) fn node_package(product: &str) -> PathBuf {
    folder(product).join("node_modules").join(product)
}

/// There where `tests/all` has installed the one that runs on Python.
pub(crate) fn python_packages() -> PathBuf {
    folder("django").join(".venv/requirements.txt")
}

fn folder(product: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real").join(product)
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
    /// After the process, so that its folder goes last.
    product: Product,
}

/// Which server, and what is its own.
enum Product {
    /// oidc-provider on Node, certified.
    OidcProvider,
    /// django-oauth-toolkit on Python, with a folder for its database.
    Django { _database: TempDir },
    /// Better Auth on Node.
    BetterAuth,
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
    /// oidc-provider, polled every second, so that tests are quick; the options are in `server.mjs`.
    pub(crate) fn start(options: &[(&str, &str)]) -> Provider {
        Provider::run(Product::OidcProvider, node("oidc-provider", "server.mjs"), options)
    }

    /// django-oauth-toolkit, polled every second too; the options are in `server.py`.
    pub(crate) fn django(options: &[(&str, &str)]) -> Provider {
        let folder = tempfile::tempdir().unwrap();
        let mut command = python("server.py");
        command.arg(folder.path());
        Provider::run(Product::Django { _database: folder }, command, options)
    }

    /// Better Auth, polled every second as well; the options are in its `server.mjs`.
    pub(crate) fn better_auth(options: &[(&str, &str)]) -> Provider {
        Provider::run(Product::BetterAuth, node("better-auth", "server.mjs"), options)
    }

    fn run(product: Product, mut command: Command, options: &[(&str, &str)]) -> Provider {
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
        let (issuer, control) = (text("issuer"), text("control"));
        Provider { issuer, control, product, ca: None, _process: running, _stdin: stdin }
    }

    pub(crate) fn start_tls(tls: &Tls, options: &[(&str, &str)]) -> Provider {
        Provider::over_tls(Provider::start, tls, options)
    }

    pub(crate) fn django_tls(tls: &Tls, options: &[(&str, &str)]) -> Provider {
        Provider::over_tls(Provider::django, tls, options)
    }

    fn over_tls(start: fn(&[(&str, &str)]) -> Provider, tls: &Tls, options: &[(&str, &str)]) -> Provider {
        let path = |path: &Path| path.to_str().unwrap().to_owned();
        let (key, cert) = (path(&tls.key), path(&tls.cert));
        let provider = start(&[options, &[("OIDC_TLS_KEY", &key), ("OIDC_TLS_CERT", &cert)]].concat());
        Provider { ca: Some(tls.ca.clone()), ..provider }
    }

    /// Where the server has one of its endpoints, by oidc-provider's name for it.
    pub(crate) fn endpoint(&self, name: &str) -> String {
        let path = match (&self.product, name) {
            (Product::OidcProvider, name) => name,
            (Product::Django { .. }, "me") => "userinfo/",
            (Product::Django { .. }, "token") => "token/",
            (Product::Django { .. }, "device/auth") => "device-authorization/",
            (Product::Django { .. }, _) => panic!("django-oauth-toolkit has no {name}"),
            (Product::BetterAuth, "me") => "oauth2/userinfo",
            (Product::BetterAuth, "token") => "oauth2/token",
            (Product::BetterAuth, "token/revocation") => "oauth2/revoke",
            (Product::BetterAuth, _) => panic!("Better Auth has no {name}"),
        };
        format!("{}/{path}", self.issuer)
    }

    /// The person opens the page that the tool named, and answers. Returns the titles of the pages met.
    pub(crate) fn person(&self, verification_uri_complete: &str, account: &str, wish: Wish) -> Vec<String> {
        let wish = match wish {
            Wish::Approve => "approve",
            Wish::Deny => "deny",
            Wish::Abort => "abort",
        };
        let (mut command, trusts) = match self.product {
            Product::OidcProvider => (node("oidc-provider", "person.mjs"), "NODE_EXTRA_CA_CERTS"),
            Product::Django { .. } => (python("person.py"), "SSL_CERT_FILE"),
            Product::BetterAuth => (node("better-auth", "person.mjs"), "NODE_EXTRA_CA_CERTS"),
        };
        command.args([verification_uri_complete, account, wish]);
        command.envs(self.ca.iter().map(|ca| (trusts, ca)));
        let story = process::run(&mut command).exits(0).json().pop().unwrap();
        story["pages"].as_array().unwrap().iter().map(|title| title.as_str().unwrap().to_owned()).collect()
    }

    /// How many requests since the last `forget`, to anything.
    pub(crate) fn requests(&self) -> u64 {
        self.seen()["total"].as_u64().unwrap()
    }

    /// How often an endpoint was asked, by the server's own name for it.
    pub(crate) fn asked(&self, endpoint: &str) -> u64 {
        self.seen()["endpoints"][endpoint].as_u64().unwrap_or(0)
    }

    /// The refreshes by outcome: `ok`, or the error.
    pub(crate) fn refreshes(&self) -> BTreeMap<String, u64> {
        self.grants("refresh_token")
    }

    /// The polls of a device code by outcome.
    pub(crate) fn polls(&self) -> BTreeMap<String, u64> {
        self.grants("device_code")
    }

    fn grants(&self, kind: &str) -> BTreeMap<String, u64> {
        serde_json::from_value(self.seen()["grants"][kind].clone()).unwrap_or_default()
    }

    /// Counts from zero again.
    pub(crate) fn forget(&self) {
        assert_eq!(http::post(&format!("{}/_reset", self.control), "").status, 200);
    }

    /// The access tokens that are issued from now on live this long.
    pub(crate) fn lifetime(&self, seconds: u64) {
        assert_eq!(http::post(&format!("{}/_access_ttl?{seconds}", self.control), "").status, 200);
    }

    /// All device codes have run out, as django-oauth-toolkit's database has it.
    pub(crate) fn end_codes(&self) {
        assert_eq!(http::post(&format!("{}/_end_codes", self.control), "").status, 200);
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
        let reply = http::post(&self.endpoint("token"), &form);
        (reply.status, reply.json()["error"].as_str().unwrap_or_default().to_owned())
    }

    /// Whom the userinfo endpoint names for an access token; `None` where it refuses it.
    pub(crate) fn userinfo(&self, access_token: &str) -> Option<Value> {
        let bearer = format!("Bearer {access_token}");
        let reply = http::get(&self.endpoint("me"), &[("authorization", &bearer)]);
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

/// How often what came of it, as [`Provider::refreshes`] and [`Provider::polls`] tell it.
pub(crate) fn counts(outcomes: &[(&str, u64)]) -> BTreeMap<String, u64> {
    outcomes.iter().map(|(outcome, times)| ((*outcome).to_owned(), *times)).collect()
}

fn node(product: &str, script: &str) -> Command {
    script_of(Path::new("node"), &folder(product).join(script))
}

fn python(script: &str) -> Command {
    let folder = folder("django");
    script_of(&folder.join(".venv/bin/python"), &folder.join(script))
}

fn script_of(program: &Path, script: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(script).env_clear().stdin(Stdio::null());
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
}
