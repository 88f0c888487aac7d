//! What comes from the environment: a token, and values with a line break at their end.

use std::sync::Arc;

use hallpass::blocking::wait;
use hallpass::testing::Endpoint;
use hallpass::{Auth, ErrorKind, Remedy, Secret, Selector};

use crate::support::acme::*;
use crate::support::rig::{Rig, token};

#[test]
fn a_token_from_the_environment_that_no_header_takes_is_said_to_be_just_that() {
    let rig = Rig::new();
    let mut config = rig.config();
    config.environment.token = Some(Arc::new(Secret::new("two\nlines".into())));
    let error = Auth::new(config).unwrap().session().unwrap_err();
    assert_eq!((error.kind(), error.kind().exit_code()), (ErrorKind::Config, 2));
    assert!(rig.server.requests_to(Endpoint::UserInfo).is_empty());
    assert!(!error.to_string().contains("TLS"), "{error:?}");
    assert_ne!(error.remedy(), Some(&Remedy::FixConfig { field: "extra_roots" }));
}

#[test]
fn a_token_from_the_environment_is_used_as_it_is_and_nothing_is_stored() {
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
    let served = wait(session.access_token()).unwrap();
    assert_eq!((served.expires_at(), served.scopes().is_empty()), (None, true));
    assert_eq!(wait(session.userinfo()).unwrap().account.subject.as_deref(), Some("alice"));
    assert_eq!(rig.server.requests_to(Endpoint::UserInfo).len(), 1);
    assert!(!empty.exists());
    // Who names a context means that one.
    config.state_dir = Some(rig.home());
    config.environment.token = Some(Arc::new(Secret::new("another".into())));
    let auth = Auth::new(config).unwrap();
    assert_eq!(token(&auth.session().unwrap()), "another");
    assert_eq!(token(&auth.session_for(&Selector::context("alice@example.com".parse().unwrap())).unwrap()), own);
}

#[test]
fn a_token_from_the_environment_needs_no_home() {
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

/// As editors on Windows write files that shells read, and as secrets are mounted.
#[test]
fn a_line_break_at_the_end_of_a_variable_is_no_part_of_it() {
    for ending in ["\r", "\n", "\r\n", "\n\n"] {
        let acme = Acme::new();
        acme.server.approve_all();
        let ended_so = |name: &str, value: &str| (name.to_owned(), format!("{value}{ending}"));
        let home = acme.home();
        let variables = [
            ended_so("ACME_HOME", home.to_str().unwrap()),
            ended_so("ACME_CUSTODY", "keyfile"),
            ended_so("ACME_CONTEXT", "work"),
            ended_so("ACME_ISSUER", acme.server.issuer()),
            ended_so("ACME_ALLOW_LOOPBACK_HTTP", "1"),
            // Nothing else is as good as unset.
            ended_so("ACME_ORG", ""),
            ended_so("ACME_TOKEN", ""),
        ];
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let ran = acme.run_with(&["auth", "login", "--json"], &variables);
        assert_eq!(ran.code, 0, "{ending:?}: {ran:?}");
        let status = json(&acme.run_with(&["auth", "status", "--json"], &variables).stdout);
        assert_eq!((&status["context"], &status["custody"]), (&"work".into(), &"keyfile".into()), "{ending:?}");
        assert_eq!(status["state_folder"].as_str(), home.to_str(), "{ending:?}");
        let token = acme.run_with(&["auth", "token"], &[("ACME_TOKEN", &format!("given{ending}"))]);
        assert_eq!((token.code, token.stdout.as_str()), (0, "given\n"), "{ending:?}");
    }
}

#[test]
#[cfg(feature = "passphrase")]
fn a_passphrase_is_the_same_from_a_variable_with_a_line_break_at_its_end() {
    let acme = Acme::new();
    acme.server.approve_all();
    let with = |passphrase| [("ACME_CUSTODY", "passphrase"), ("ACME_PASSPHRASE", passphrase)];
    assert_eq!(acme.run_with(&["auth", "login", "--json"], &with("correct horse\r\n")).code, 0);
    assert_eq!(acme.run_with(&["auth", "token"], &with("correct horse")).code, 0);
}
