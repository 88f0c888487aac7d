//! A login that another program made, taken over.
//!
//! | file | subject |
//! | --- | --- |
//! | `mod` | what becomes of the old file, the old token and the new login |
//! | `accounts` | whose login it is, and which context it gets |
//! | `bad_files` | old files that are not what they should be |
//! | `interrupted` | adoptions that are cut, refused, or made by two at once |
//! | `old` | an old version of the tool, with a token file of its own |

mod accounts;
mod bad_files;
mod interrupted;
mod old;

use std::fs;
use std::time::Duration;

use hallpass::adoption::{Adoption, OldTokens};
use hallpass::prompt::Silent;
use hallpass::testing::Endpoint;
use hallpass::{Auth, ErrorKind};

use self::old::{OldTool, refreshes};
use crate::support::rig::{Rig, S, assert_error, bob, token};
use crate::testing::raw;

#[test]
fn the_old_token_dies_and_the_old_version_asks_for_a_login() {
    let (rig, old) = OldTool::with_a_login();
    let session = rig.auth().adopt(old.adoption()).wait().unwrap();
    assert_eq!(session.context().unwrap().name.as_str(), "alice@example.com");
    assert!(rig.server.is_live_access_token(&token(&session)));
    assert!(!rig.server.is_live_refresh_token(&old.refresh_token), "every copy of it is dead");
    assert_eq!(old.content(), r#"{"theme":"dark"}"#, "the rest of the file stays");
    assert_eq!(rig.server.live_families(), 1, "nobody had to approve anything");
    // The login lives on as any other.
    rig.clock.advance(S(3600));
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
}

#[test]
fn whose_login_it_was_is_said_to_the_prompt() {
    let (rig, old) = OldTool::with_a_login();
    let said = rig.folder.path().join("said");
    let out = Box::new(fs::File::create(&said).unwrap());
    rig.auth().adopt(old.adoption_with(hallpass::Terminal::to(out))).wait().unwrap();
    let said = fs::read_to_string(said).unwrap();
    let expected = format!(
        "Took over the login of alice@example.com at {} as alice@example.com, from {}.\n",
        rig.server.issuer().trim_start_matches("http://"),
        old.path.display()
    );
    assert_eq!(said, expected);
}

#[test]
fn asking_at_each_start_costs_no_request_and_creates_nothing() {
    let rig = Rig::new();
    let old = OldTool::new(&rig);
    for content in [None, Some(""), Some("  \n"), Some(r#"{"theme":"dark"}"#)] {
        if let Some(content) = content {
            fs::write(&old.path, content).unwrap();
        }
        let error = rig.auth().adopt(old.adoption()).wait().unwrap_err();
        assert_error(&error, ErrorKind::NotLoggedIn, Some("log_in"), 4);
    }
    assert!(!rig.home().exists() && rig.server.requests().is_empty());
    let session = rig.log_in();
    assert_eq!(token(&rig.auth().adopt(old.adoption()).wait().unwrap()), token(&session));
}

#[test]
fn an_access_token_alone_is_kept_as_it_is() {
    let (rig, old) = OldTool::with_a_login();
    let end = rig.now() + S(600);
    let tokens = OldTokens::new().access_token(&*old.access_token).expires_at(end);
    let session = rig.auth().adopt(Adoption::of_tokens(Silent, tokens)).wait().unwrap();
    assert_eq!(token(&session), old.access_token);
    let context = session.context().unwrap();
    assert_eq!((context.renews, context.expires_at), (Some(false), Some(end)));
    assert_eq!(context.account.email.as_deref(), Some("alice@example.com"), "userinfo has named it");
    rig.clock.advance(S(600));
    assert_eq!(rig.auth().session().unwrap().access_token().wait().unwrap_err().kind(), ErrorKind::Expired);
}

#[test]
fn tokens_in_memory_are_adopted_once() {
    let (rig, old) = OldTool::with_a_login();
    let adopt = |auth: &Auth| {
        let tokens = OldTokens::new().refresh_token(&*old.refresh_token).access_token(&*old.access_token);
        auth.adopt(Adoption::of_tokens(Silent, tokens).context("mcp")).wait().unwrap()
    };
    let first = adopt(&rig.auth());
    assert_eq!(first.context().unwrap().name.as_str(), "mcp");
    assert_eq!(token(&adopt(&rig.auth())), token(&first), "a second time it is known");
    assert_eq!(refreshes(&rig), 1);
}

#[test]
fn the_old_program_s_lock_is_held_meanwhile() {
    let (rig, old) = OldTool::with_a_login();
    let lock = old.path.with_extension("lock");
    let held = fs::File::create(&lock).unwrap();
    held.lock().unwrap();
    let mut config = rig.config();
    config.lock_timeout = Duration::from_millis(50);
    let error = Auth::new(config).unwrap().adopt(old.adoption().lock(&lock)).wait().unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("other_process"), 6);
    assert_eq!(refreshes(&rig), 0);
    drop(held);
    rig.auth().adopt(old.adoption().lock(&lock)).wait().unwrap();
}

#[test]
fn scopes_of_the_login_are_those_that_the_server_says() {
    let (rig, old) = OldTool::with_a_login();
    let session = rig.auth().adopt(old.adoption()).wait().unwrap();
    assert_eq!(session.context().unwrap().scopes.to_string(), "openid profile email offline_access");
}

#[test]
fn a_server_without_a_device_endpoint_is_no_hindrance() {
    let (rig, old) = OldTool::with_a_login();
    rig.server.set_behaviour(|behaviour| behaviour.device = false);
    let session = rig.auth().adopt(old.adoption()).wait().unwrap();
    assert!(rig.server.is_live_access_token(&token(&session)));
}

#[test]
fn an_adopted_login_is_logged_out_as_any_other() {
    let (rig, old) = OldTool::with_a_login();
    rig.auth().adopt(old.adoption()).wait().unwrap();
    drop(rig.auth().logout(hallpass::contexts::Logout::default()).wait().unwrap());
    rig.assert_nothing_left("logged out");
}

#[test]
fn no_secret_is_in_debug_or_in_files() {
    let (rig, old) = OldTool::with_a_login();
    let adoption = old.adoption();
    assert!(!format!("{adoption:?}").contains(&old.refresh_token));
    rig.auth().adopt(adoption).wait().unwrap();
    for record in rig.records() {
        let bytes = fs::read(&record).unwrap();
        assert!(!bytes.windows(12).any(|piece| old.refresh_token.as_bytes().windows(12).any(|own| own == piece)));
    }
    // A reader that quotes the file in its error is not quoted itself.
    let (rig, old) = OldTool::with_a_login();
    let quoting =
        Adoption::of_file(Silent, &old.path, |bytes| Err(String::from_utf8_lossy(bytes).into()), <[u8]>::to_vec);
    fs::write(&old.path, "rt_s3cr3t_0123456789").unwrap();
    let error = rig.auth().adopt(quoting).wait().unwrap_err();
    assert!(!format!("{error:?}").contains("s3cr3t"), "{error:?}");
}

#[test]
fn the_server_is_the_configuration_s_own() {
    let (rig, old) = OldTool::with_a_login();
    rig.server.clear_requests();
    rig.auth().adopt(old.adoption()).wait().unwrap();
    assert!(rig.request_count(Endpoint::Token) == 1 && rig.request_count(Endpoint::DeviceAuthorization) == 0);
    // A login of another client is refused by the server, and the old file stays.
    let other = OldTool::new(&rig);
    other.write(&raw::login_as(&rig.server, &bob()).unwrap());
    let mut config = rig.config();
    config.client_id = "other".parse().unwrap();
    let before = other.content();
    Auth::new(config).unwrap().adopt(other.adoption()).wait().unwrap_err();
    assert_eq!(other.content(), before);
}
