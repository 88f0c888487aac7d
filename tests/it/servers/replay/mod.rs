//! Conversations with authorization servers as they are, replayed byte for byte against the public names.
//!
//! Each file under `replay/<server>/` is one conversation. A new one is walked by being there.
//!
//! | file | has |
//! | --- | --- |
//! | `script` | how a conversation is written |
//! | `conversation` | one conversation as it goes on |
//! | `server` | the server that replays it |
//! | `any_reply` | the same grants against replies of every shape |

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use hallpass::clock::Clock as _;
use hallpass::config::{Environment, Pkce};
use hallpass::contexts::Logout;
use hallpass::custody::{Custody, KeyStoreName};
use hallpass::prompt::{Prompt, Verification};
use hallpass::secret::Secret;
use hallpass::testing::ManualClock;
use hallpass::{Auth, Config, Error, Login, Remedy, Session, TokenRequest, servers};
use url::Url;

use conversation::Conversation;
use script::Script;
use server::{Request, Server};

mod any_reply;
mod conversation;
mod script;
mod server;

/// Every folder, and no other.
const KNOWN_SERVERS: &[&str] = &[
    "any",
    "auth0",
    "authentik",
    "entra",
    "github",
    "gitlab",
    "google",
    "hydra",
    "keycloak",
    "okta",
    "twitch",
    "workos_authkit",
    "workos_connect",
    "zitadel",
];

/// What is in every secret of the scripts.
const SECRET: &str = "s3cr3t";

#[test]
fn every_recorded_conversation_is_understood() {
    let (mut table, mut failures, mut walked) = (String::new(), Vec::new(), 0);
    for (name_of_server, path) in scripts() {
        let case = path.file_stem().unwrap().to_string_lossy().replace('_', " ");
        walked += 1;
        let played = Script::read(&path).and_then(|script| {
            let waits: u64 = script.waits.iter().sum();
            let end = script.end[0].clone();
            let then: Vec<_> = script.then.iter().map(|then| then[0].as_str()).collect();
            let end = [&[end.as_str()][..], &then].concat().join(", ");
            let polls = play(script)?;
            writeln!(table, "{name_of_server:<15} {case:<50} {polls:>5} {waits:>7}  {end}").unwrap();
            Ok(())
        });
        if let Err(why) = played {
            failures.push(format!("{name_of_server}/{case}: {why}"));
        }
    }
    println!("{:<15} {:<50} {:>5} {:>7}  end", "server", "case", "polls", "waited");
    println!("{table}{walked} conversations with {} kinds of servers", KNOWN_SERVERS.len());
    assert!(failures.is_empty(), "\n  {}\n", failures.join("\n  "));
}

/// Every script, with its server. What is no script is a failure: it would look as if it was played.
fn scripts() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/servers/replay");
    let entries = |folder: &Path| -> Vec<PathBuf> {
        let mut paths: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
        paths.sort();
        paths
    };
    let name = |path: &Path| path.file_name().unwrap().to_string_lossy().into_owned();
    let folders: Vec<_> = entries(&folder).into_iter().filter(|path| path.is_dir()).collect();
    assert_eq!(folders.iter().map(|path| name(path)).collect::<Vec<_>>(), KNOWN_SERVERS, "folders of servers");
    let mut scripts = Vec::new();
    for folder in folders {
        let files = entries(&folder);
        assert!(!files.is_empty(), "{} is empty", folder.display());
        for file in files {
            assert!(file.extension().is_some_and(|extension| extension == "txt"), "{} is no script", file.display());
            scripts.push((name(&folder), file));
        }
    }
    scripts
}

/// Plays one conversation to its end, and says how often the token endpoint was polled.
fn play(script: Script) -> Result<usize, String> {
    let conversation = Arc::new(Mutex::new(Conversation::new(&script)));
    let told = conversation.clone();
    let server = Server::start(move |request, here| told.lock().unwrap().answer(request, here));
    let clock = ManualClock::new();
    let folder = tempfile::tempdir().unwrap();
    let config = config(&script, &server.here(), folder.path(), &clock)?;
    conversation.lock().unwrap().issuer = config.issuer.as_str().to_owned();
    let auth = Auth::new(config).map_err(|error| error.to_string())?;
    let prompt = Arc::new(Shown::default());
    let login = auth.login(Login::new(prompt.clone())).wait();

    let slept: Vec<_> = clock.slept().iter().map(Duration::as_secs).collect();
    let is_poll = |request: &Request| request.field("device_code").is_some();
    let polls = server.seen().iter().filter(|request| is_poll(request)).count();
    let judged = judge(&script, &auth, &clock, login, &prompt, &slept);
    let unasked = conversation.lock().unwrap().end();
    unasked.and(judged).map_err(|why| format!("{why} (waits {slept:?})"))?;
    Ok(polls)
}

fn judge(
    script: &Script,
    auth: &Auth,
    clock: &ManualClock,
    login: hallpass::Result<Session>,
    prompt: &Shown,
    slept: &[u64],
) -> Result<(), String> {
    let differs = |what: &str, wanted: &str, found: &str| Err(format!("{what}: {found:?} and not {wanted:?}"));
    if slept != script.waits {
        return Err(format!("waited otherwise than {:?}; {login:?}", script.waits));
    }
    match script.shown.as_deref() {
        Some(shown) if shown != *prompt.0.lock().unwrap() => {
            return differs("shown", shown, &prompt.0.lock().unwrap());
        }
        _ => {}
    }
    let session = match login {
        Ok(session) if script.end == ["logged_in"] => session,
        Ok(session) => return Err(format!("logged in: {session:?}")),
        Err(error) => {
            let [kind, remedy, part @ ..] = script.end.as_slice() else { return Err(format!("{error:?}")) };
            if error.remedy().map_or("none", Remedy::name) != remedy {
                return Err(format!("the remedy of {error:?} is {:?}", error.remedy()));
            }
            return is_told(&error, kind, &part.join(" "));
        }
    };
    let token = session.access_token().wait().map_err(|error| error.to_string())?;
    let context = session.context().unwrap();
    let lives = token.expires_at().map(|end| end.duration_since(clock.now()).unwrap().as_secs().to_string());
    let checks = [
        ("token", &script.token, token.expose().to_owned()),
        ("lives", &script.lives, lives.unwrap_or("unknown".into())),
        ("granted", &script.granted, context.scopes.to_string()),
        ("name", &script.name, context.name.to_string()),
    ];
    for (what, wanted, found) in checks {
        if wanted.as_ref().is_some_and(|wanted| *wanted != found) {
            return differs(what, wanted.as_deref().unwrap_or_default(), &found);
        }
    }
    for then in &script.then {
        let then: Vec<_> = then.iter().map(String::as_str).collect();
        let seconds = then.get(1).and_then(|text| text.parse().ok()).map(Duration::from_secs);
        match then.as_slice() {
            ["after", _, wanted] => {
                clock.advance(seconds.ok_or("no seconds")?);
                match session.access_token().wait() {
                    Ok(token) if token.expose() == *wanted => {}
                    other => {
                        return differs(
                            "after",
                            wanted,
                            &format!("{:?}", other.map(|token| token.expose().to_owned())),
                        );
                    }
                }
            }
            ["wants_fails", _, kind, part @ ..] => {
                let request = seconds.map_or(TokenRequest::new(), |seconds| TokenRequest::new().min_validity(seconds));
                match session.access_token_with(request).wait() {
                    Ok(_) => return Err("a token was promised for so long".into()),
                    Err(error) => is_told(&error, kind, &part.join(" "))?,
                }
            }
            ["refresh", wanted] => {
                clock.advance(Duration::from_secs(5));
                match refreshed(&session) {
                    Ok(token) if token == *wanted => {}
                    other => return differs("refresh", wanted, &format!("{other:?}")),
                }
            }
            ["refresh_fails", kind, part @ ..] => match refreshed(&session) {
                Ok(_) => return Err("a refresh did not fail".into()),
                Err(error) => is_told(&error, kind, &part.join(" "))?,
            },
            ["whoami", wanted @ ..] => match session.userinfo().wait() {
                Ok(info) if info.account.to_string() == wanted.join(" ") => {}
                other => return differs("whoami", &wanted.join(" "), &format!("{other:?}")),
            },
            ["whoami_fails", kind, part @ ..] => match session.userinfo().wait() {
                Ok(info) => return Err(format!("whoami did not fail: {info:?}")),
                Err(error) => is_told(&error, kind, &part.join(" "))?,
            },
            ["fewer_fail", scope, kind, part @ ..] => {
                let request = TokenRequest::new().scopes(scope.parse().unwrap());
                match session.access_token_with(request).wait() {
                    Ok(_) => return Err("a token with fewer scopes was given".into()),
                    Err(error) => is_told(&error, kind, &part.join(" "))?,
                }
            }
            ["logout", how] => match auth.logout(Logout::default()).wait() {
                Ok(ended) if ended.done[0].ended.name() == *how => {}
                other => return differs("logout", how, &format!("{other:?}")),
            },
            ["logout_fails", kind, part @ ..] => match auth.logout(Logout::default()).wait() {
                Ok(ended) => return Err(format!("a logout did not fail: {ended:?}")),
                Err(error) => is_told(&error, kind, &part.join(" "))?,
            },
            _ => return Err(format!("then what? {then:?}")),
        }
    }
    Ok(())
}

fn refreshed(session: &Session) -> hallpass::Result<String> {
    let request = TokenRequest::new().refresh();
    session.access_token_with(request).wait().map(|token| token.expose().to_owned())
}

/// Whether the error is of that kind, says that, and tells no secret in any of its ways to be printed.
fn is_told(error: &Error, kind: &str, part: &str) -> Result<(), String> {
    let words = error.server_says().map(|words| format!("; the server says: {words}")).unwrap_or_default();
    let because = std::error::Error::source(error).map(|cause| format!("; because: {cause}")).unwrap_or_default();
    let (message, all) = (format!("{error}{because}{words}"), format!("{error:?} {error} {error:#?}"));
    let well = error.kind().name() == kind && message.contains(part) && !all.contains(SECRET) && !part.is_empty();
    if well { Ok(()) } else { Err(format!("the error is {} {all:?}", error.kind().name())) }
}

/// The configuration that a script names, with every address on this machine.
fn config(script: &Script, here: &str, home: &Path, clock: &ManualClock) -> Result<Config, String> {
    let words: Vec<_> = script.server.iter().map(String::as_str).collect();
    let issuer = format!("{here}{}", script.issuer);
    let by_hand = |device: &str, token: &str| {
        let mut config = Config::new("acme", &issuer, "acme-cli")?;
        config.endpoints.device_authorization = Url::parse(&format!("{here}{device}")).ok();
        config.endpoints.token = Url::parse(&format!("{here}{token}")).ok();
        Ok(config)
    };
    let config = match words.as_slice() {
        ["github"] => servers::github("acme", "acme-cli"),
        ["gitlab", host] => servers::gitlab("acme", host, "acme-cli"),
        ["entra", tenant] => servers::entra("acme", tenant, "acme-cli"),
        ["okta", issuer] => servers::okta("acme", issuer, "acme-cli"),
        ["workos_authkit"] => servers::workos_authkit("acme", "acme-cli"),
        ["workos_connect", subdomain] => servers::workos_connect("acme", subdomain, "acme-cli"),
        ["twitch"] => servers::twitch("acme", "acme-cli"),
        ["by_hand", device, token] => by_hand(device, token),
        ["metadata"] | ["discovered", ..] => Config::new("acme", &issuer, "acme-cli"),
        _ => return Err(format!("no such server: {words:?}")),
    };
    let mut config = config.map_err(|error| error.to_string())?;
    let endpoints = [&mut config.endpoints.device_authorization, &mut config.endpoints.token];
    for endpoint in endpoints.into_iter().flatten() {
        *endpoint = Url::parse(&format!("{here}{}", endpoint.path())).map_err(|error| error.to_string())?;
    }
    if let Some(scopes) = &script.scopes {
        config.scopes = scopes.parse().map_err(|error: Error| error.to_string())?;
    }
    config.client_secret = script.secret.clone().map(|secret| Arc::new(Secret::new(secret)));
    config.quirks.secret_at_device_authorization = !script.no_secret_at_device_authorization;
    config.login_parameters.clone_from(&script.parameters);
    if script.always_pkce {
        config.quirks.pkce = Pkce::Always;
    }
    at_home(&mut config, home, clock);
    Ok(config)
}

fn at_home(config: &mut Config, home: &Path, clock: &ManualClock) {
    config.network.allow_loopback_http = true;
    config.state_dir = Some(home.join("home"));
    config.custody.choice = Custody::Only(vec![KeyStoreName::Memory]);
    config.clock = Arc::new(clock.clone());
    config.environment = Environment::default();
}

/// What the person saw.
#[derive(Default)]
struct Shown(Mutex<String>);

impl Prompt for Shown {
    fn show(&self, verification: &Verification) -> std::io::Result<()> {
        let Verification { user_code, verification_uri, verification_uri_complete, .. } = verification;
        let page = verification_uri_complete.as_ref().unwrap_or(verification_uri);
        *self.0.lock().unwrap() = format!("{user_code} {page}");
        Ok(())
    }
}
