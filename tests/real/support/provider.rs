//! The authorization servers as processes, what they saw, and the person at the browser. All speak one protocol with the tests:
//! `oidc-provider/witness.mjs` and `python/witness.py` say which.

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

/// A server that nobody here wrote, and what tests have to know of it.
pub(crate) struct Product {
    /// Its folder in `tests/real`.
    folder: &'static str,
    language: Language,
    /// Where endpoints are that tests ask by themselves, below the issuer, by oidc-provider's names for them.
    endpoints: &'static [(&'static str, &'static str)],
}

#[derive(Clone, Copy, PartialEq)]
enum Language {
    JavaScript,
    Python,
}

/// Certified.
pub(crate) const OIDC_PROVIDER: Product = Product {
    folder: "oidc-provider",
    language: Language::JavaScript,
    endpoints: &[("me", "me"), ("token", "token"), ("token/revocation", "token/revocation")],
};

pub(crate) const BETTER_AUTH: Product = Product {
    folder: "better-auth",
    language: Language::JavaScript,
    endpoints: &[("me", "oauth2/userinfo"), ("token", "oauth2/token"), ("token/revocation", "oauth2/revoke")],
};

/// django-oauth-toolkit.
pub(crate) const DJANGO: Product = Product {
    folder: "django",
    language: Language::Python,
    endpoints: &[
        ("me", "userinfo/"),
        ("token", "token/"),
        ("token/revocation", "revoke_token/"),
        ("device/auth", "device-authorization/"),
    ],
};

/// django-allauth.
pub(crate) const ALLAUTH: Product = Product {
    folder: "allauth",
    language: Language::Python,
    endpoints: &[
        ("me", "identity/o/api/userinfo"),
        ("token", "identity/o/api/token"),
        ("token/revocation", "identity/o/api/revoke"),
    ],
};

/// Authlib on Flask.
pub(crate) const AUTHLIB: Product = Product {
    folder: "authlib",
    language: Language::Python,
    endpoints: &[("me", "userinfo"), ("token", "token"), ("token/revocation", "revoke")],
};

impl Product {
    /// Whether `tests/all` has installed it.
    pub(crate) fn is_there(&self) -> bool {
        match self.language {
            Language::JavaScript => self.path("node_modules").join(self.folder).is_dir(),
            // The list is copied beside it once all is installed.
            Language::Python => self.path(".venv/requirements.txt").is_file(),
        }
    }

    fn server(&self) -> Command {
        match self.language {
            Language::JavaScript => script("node".as_ref(), &self.path("server.mjs")),
            Language::Python => script(&self.path(".venv/bin/python"), &self.path("server.py")),
        }
    }

    /// The person at the browser, and the variable that tells them of a private CA.
    fn person(&self) -> (Command, &'static str) {
        match self.language {
            Language::JavaScript => (script("node".as_ref(), &self.path("person.mjs")), "NODE_EXTRA_CA_CERTS"),
            Language::Python => {
                (script(&self.path(".venv/bin/python"), &self.path("../python/person.py")), "SSL_CERT_FILE")
            }
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/real").join(self.folder).join(name)
    }
}

fn script(program: &Path, script: &Path) -> Command {
    let mut command = Command::new(program);
    command.arg(script).env_clear().stdin(Stdio::null());
    command.envs(std::env::var_os("PATH").map(|path| ("PATH", path)));
    command
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
    product: &'static Product,
    /// A folder for a database. It goes last, after the process.
    _folder: TempDir,
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
    /// oidc-provider; the options are in `server.mjs`.
    pub(crate) fn start(options: &[(&str, &str)]) -> Provider {
        Provider::of(&OIDC_PROVIDER, options)
    }

    /// django-oauth-toolkit; the options are in its `server.py`.
    pub(crate) fn django(options: &[(&str, &str)]) -> Provider {
        Provider::of(&DJANGO, options)
    }

    /// Better Auth; the options are in its `server.mjs`.
    pub(crate) fn better_auth(options: &[(&str, &str)]) -> Provider {
        Provider::of(&BETTER_AUTH, options)
    }

    /// A server, polled every second, so that tests are quick; the options are in its script.
    pub(crate) fn of(product: &'static Product, options: &[(&str, &str)]) -> Provider {
        let (folder, mut command) = (tempfile::tempdir().unwrap(), product.server());
        command.arg(folder.path()).env("OIDC_INTERVAL", "1").envs(options.iter().copied()).stdin(Stdio::piped());
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
        Provider { issuer, control, ca: None, _process: running, _stdin: stdin, product, _folder: folder }
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
        let known = self.product.endpoints.iter().find(|(known, _)| *known == name);
        let (_, path) = known.unwrap_or_else(|| panic!("{} has no {name}", self.product.folder));
        format!("{}/{path}", self.issuer)
    }

    /// The person opens the page that the tool named, and answers. Returns the titles of the pages met.
    pub(crate) fn person(&self, verification_uri_complete: &str, account: &str, wish: Wish) -> Vec<String> {
        let wish = match wish {
            Wish::Approve => "approve",
            Wish::Deny => "deny",
            Wish::Abort => "abort",
        };
        let (mut command, trusts) = self.product.person();
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

    /// All device codes have run out, as the server has it, or are not known to it any more (those on Python can).
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
