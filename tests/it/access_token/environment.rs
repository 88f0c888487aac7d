//! A token that a variable gives: it is used as it is, and nothing is stored.

use std::sync::Arc;

use hallpass::config::Setting;
use hallpass::secret::Secret;
use hallpass::testing::Endpoint;
use hallpass::{AfterRefusal, Auth, ErrorKind, Remedy, Selector};

use super::challenge::{config, retries, served};
use crate::support::acme::*;
use crate::support::rig::{Rig, token};

#[test]
fn an_environment_token_that_no_header_takes_is_refused() {
    let rig = Rig::new();
    let mut config = rig.config();
    config.environment.token = Some(Arc::new(Secret::new("two\nlines".into())));
    let error = Auth::new(config).unwrap().session().unwrap_err();
    assert_eq!((error.kind(), error.kind().exit_code()), (ErrorKind::Config, 2));
    assert!(rig.server.requests_to(Endpoint::UserInfo).is_empty());
    assert!(!error.to_string().contains("TLS"), "{error:?}");
    assert_ne!(error.remedy(), Some(&Remedy::FixConfig { setting: Setting::ExtraRoots }));
}

#[test]
fn an_environment_token_is_used_as_it_is_and_not_stored() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let mut config = rig.config();
    let empty = rig.folder.path().join("empty");
    config.state_dir = Some(empty.clone());
    config.environment.token = Some(Arc::new(Secret::new(own.clone())));
    let auth = Auth::new(config.clone()).unwrap();
    let session = auth.session().unwrap();
    assert_eq!(token(&session), own);
    assert!(session.context().is_none() && rig.server.requests().is_empty());
    let served = session.access_token().wait().unwrap();
    assert_eq!((served.expires_at(), served.scopes().is_empty()), (None, true));
    assert_eq!(session.userinfo().wait().unwrap().account.subject.as_deref(), Some("alice"));
    assert_eq!(rig.request_count(Endpoint::UserInfo), 1);
    assert!(!empty.exists());
    // Who names a context means that one.
    config.state_dir = Some(rig.home());
    config.environment.token = Some(Arc::new(Secret::new("another".into())));
    let auth = Auth::new(config).unwrap();
    assert_eq!(token(&auth.session().unwrap()), "another");
    assert_eq!(token(&auth.session_for(&Selector::context("alice@example.com".parse().unwrap())).unwrap()), own);
}

#[test]
fn an_environment_token_needs_no_state_folder() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let acme = Acme::new();
    let nowhere = acme.folder.path().join("a/../b");
    // None, one that is no full path, one that leads anywhere.
    for home in [None, Some("state"), nowhere.to_str()] {
        let run = |arguments: &[&str], with_token: bool| {
            let mut command = acme.command(arguments);
            command.env_remove("HOME").env_remove("LOCALAPPDATA").env_remove("ACME_HOME");
            command.env("ACME_ISSUER", rig.server.issuer());
            command.envs(home.map(|home| ("ACME_HOME", home))).envs(with_token.then_some(("ACME_TOKEN", &own)));
            ended(command.spawn().unwrap())
        };
        let ran = run(&["auth", "token"], true);
        assert_eq!((ran.code, ran.stdout, ran.stderr.as_str()), (0, format!("{own}\n"), ""), "{home:?}");
        assert_eq!(json(&run(&["whoami", "--json"], true).stdout)["sub"], "alice", "{home:?}");
        let status = run(&["auth", "status", "--json"], true);
        assert_eq!(
            json(&status.stdout),
            serde_json::json!({"ok": true, "context": null, "token_from": "environment"}),
            "{home:?}"
        );
        // What needs one says so, with the token too.
        for ran in [
            run(&["auth", "list", "--json"], true),
            run(&["auth", "token", "--json", "--context", "work"], true),
            run(&["auth", "token", "--json"], false),
        ] {
            assert_json_error(&ran, 2, "config", "fix_config");
        }
        assert!(run(&["auth", "doctor"], true).stdout.contains("problem  home"), "{home:?}");
        assert!(run(&["auth", "login", "--json"], true).code == 2 && rig.server.pending_user_codes().is_empty());
    }
    assert_eq!(std::fs::read_dir(acme.folder.path()).unwrap().count(), 0);
}

#[test]
fn an_environment_token_is_never_replaced() {
    let rig = Rig::new();
    rig.log_in();
    let mut config = config(&rig);
    config.environment.token = Some(Arc::new(Secret::new("given".into())));
    let session = Auth::new(config).unwrap().session().unwrap();
    assert!(!retries(&session, &served(&session), "https://api.example/"));
    let step_up = r#"Bearer error="insufficient_user_authentication", max_age="0""#;
    for next in [
        session.challenged(&served(&session), "https://api.example/", 401, step_up),
        session.challenged(&served(&session), "https://api.example/", 403, ""),
        session.refused(&served(&session), "https://api.example/"),
    ] {
        assert!(matches!(next, AfterRefusal::GiveUp), "whoever set the variable replaces it: {next:?}");
    }
    assert_eq!((token(&session).as_str(), rig.request_count(Endpoint::Token)), ("given", 0));
}
