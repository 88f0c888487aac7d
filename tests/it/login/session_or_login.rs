//! `Auth::session_or_login`: a session that serves, and a login only where one helps.

use std::io;
use std::sync::{Arc, Mutex};

use hallpass::clock::Cancel;
use hallpass::prompt::{Outcome, Prompt, Silent, Verification};
use hallpass::testing::{Endpoint, Fault, Person};
use hallpass::{Auth, Error, ErrorKind, Login, Result, Session};

use crate::support::rig::{Rig, S, assert_error, begun, locked, named, token};

fn asked(rig: &Rig, terminal: bool, login: Login) -> Result<Session> {
    let mut config = rig.config();
    config.environment.terminal = terminal;
    rig.server.clear_requests();
    Auth::new(config)?.session_or_login(login).wait()
}

fn logins(rig: &Rig) -> usize {
    rig.request_count(Endpoint::DeviceAuthorization)
}

#[test]
fn logs_in_once_and_again_after_the_login_has_ended() {
    let rig = Rig::new();
    rig.server.approve_all();
    let first = asked(&rig, true, named(Some("work"), Silent)).unwrap();
    assert_eq!(logins(&rig), 1);
    assert_eq!(token(&asked(&rig, true, Login::new(Silent)).unwrap()), token(&first));
    assert_eq!(rig.server.requests(), []);
    rig.clock.advance(S(3600));
    token(&asked(&rig, true, Login::new(Silent)).unwrap());
    assert_eq!(logins(&rig), 0, "a refresh does");
    for _ in 0..2 {
        rig.server.revoke_everything();
        rig.clock.advance(S(3600));
        let again = asked(&rig, true, Login::new(Silent)).unwrap();
        assert_eq!((logins(&rig), again.context().unwrap().name.as_str()), (1, "work"), "in its own place");
        assert!(rig.server.is_live_access_token(&token(&again)));
        assert_eq!(rig.auth().contexts().unwrap().len(), 1);
    }
}

#[test]
fn two_callers_at_once_ask_one_person() {
    for was_logged_in in [false, true] {
        let rig = Rig::new();
        if was_logged_in {
            rig.log_in();
            rig.server.revoke_everything();
            rig.clock.advance(S(3600));
        }
        rig.server.approve_all();
        let mut config = rig.config();
        config.environment.terminal = true;
        let auth = Auth::new(config).unwrap();
        let jobs = [(); 4].map(|()| auth.session_or_login(Login::new(Silent)));
        let tokens = jobs.map(|job| token(&job.wait().unwrap()));
        assert!(tokens.iter().all(|token| rig.server.is_live_access_token(token)), "{tokens:?}");
        assert_eq!(logins(&rig), 1, "{was_logged_in}");
    }
}

#[test]
fn does_not_log_in_without_a_terminal() {
    let rig = Rig::new();
    let check = |error: Error, kind| {
        assert!(error.needs_login() && error.kind() == kind, "{error:?}");
        assert_eq!(logins(&rig), 0);
    };
    check(asked(&rig, false, Login::new(Silent)).unwrap_err(), ErrorKind::NotLoggedIn);
    rig.log_in();
    rig.server.revoke_everything();
    rig.clock.advance(S(3600));
    check(asked(&rig, false, Login::new(Silent)).unwrap_err(), ErrorKind::Expired);
    rig.keys.lose();
    check(asked(&rig, false, Login::new(Silent)).unwrap_err(), ErrorKind::Custody);
}

#[test]
fn does_not_log_in_if_a_login_would_not_help() {
    let rig = Rig::new();
    for name in ["a", "b"] {
        rig.log_in_as(&Default::default(), Some(name));
    }
    rig.clock.advance(S(3600));
    rig.server.inject_always(Endpoint::Token, Fault::status(503));
    let away = asked(&rig, true, Login::new(Silent)).unwrap_err();
    assert_eq!((away.kind(), away.needs_login(), logins(&rig)), (ErrorKind::Unreachable, false, 0));
    rig.keys.set(crate::support::rig::Mood::Locked);
    let locked = asked(&rig, true, Login::new(Silent)).unwrap_err();
    assert_eq!((locked.kind(), locked.needs_login(), logins(&rig)), (ErrorKind::Custody, false, 0));
}

#[test]
fn another_person_may_log_in_after_the_default_has_ended() {
    let rig = Rig::new();
    rig.log_in();
    rig.server.revoke_everything();
    rig.clock.advance(S(3600));
    rig.server.approve_all_as(&Person::new("bob", "Bob", "bob@example.com"));
    let session = asked(&rig, true, Login::new(Silent)).unwrap();
    assert_eq!(session.context().unwrap().name.as_str(), "bob@example.com");
}

/// What a prompt is told.
#[derive(Default)]
struct Told(Mutex<Vec<String>>);

impl Prompt for Told {
    fn show(&self, _: &Verification) -> io::Result<()> {
        Ok(())
    }

    fn login_has_ended(&self, why: &Error) {
        self.0.lock().unwrap().push(why.to_string());
    }

    fn done(&self, outcome: &Outcome<'_>) {
        if let Outcome::LoggedIn { left_alive: Some(why), .. } = outcome {
            self.0.lock().unwrap().push((*why).to_owned());
        }
    }
}

#[test]
fn a_name_that_does_not_exist_is_no_login_that_has_ended() {
    let rig = Rig::new();
    rig.log_in();
    rig.server.approve_all();
    let mut config = rig.config();
    config.environment.terminal = true;
    let told = Arc::new(Told::default());
    let session = Auth::new(config).unwrap().session_or_login(named(Some("work"), told.clone())).wait().unwrap();
    assert_eq!(session.context().unwrap().name.as_str(), "work");
    assert_eq!(*told.0.lock().unwrap(), [""; 0]);
    assert_eq!(rig.auth().contexts().unwrap().len(), 2);
}

#[test]
fn the_prompt_is_told_why_the_login_begins() {
    let rig = Rig::new();
    rig.log_in();
    rig.server.approve_all();
    rig.keys.lose();
    let mut config = rig.config();
    config.environment.terminal = true;
    let told = Arc::new(Told::default());
    Auth::new(config).unwrap().session_or_login(Login::new(told.clone())).wait().unwrap();
    let told = told.0.lock().unwrap();
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told.iter().all(|why| why.contains("the key of this login is no longer in")), "{told:?}");
    assert_eq!(rig.server.live_families(), 2, "nobody could end it");
}

#[test]
fn a_cancel_while_the_token_is_fetched_asks_nobody() {
    let (rig, session) = Rig::expired();
    let _lock = locked(&rig, &session);
    rig.server.revoke_everything();
    let mut config = rig.config();
    config.environment.terminal = true;
    let auth = Auth::new(config).unwrap();
    let cancel = Cancel::new();
    let asked = begun(auth.session_or_login(Login::new(Silent).cancel(cancel.clone())));
    cancel.cancel();
    assert_error(&asked.wait().unwrap_err(), ErrorKind::Cancelled, None, 130);
    assert!(auth.shutdown(S(5)), "nobody waits for the lock any more");
    assert_eq!(rig.server.requests(), []);
}

#[test]
fn a_text_that_is_not_valid_is_an_error_of_the_login() {
    let rig = Rig::new();
    rig.log_in();
    rig.server.approve_all();
    let login = || Login::new(Silent);
    for (login, text) in [
        (login().context("-bad"), "-bad"),
        (login().org(""), "org"),
        (login().scopes("two\nlines"), "two"),
        (login().context("-first").org(""), "-first"),
        (login().context("-bad").context("good"), "-bad"),
    ] {
        let errors = [
            rig.auth().login(login.clone()).wait().map(|_| "a login").unwrap_err(),
            asked(&rig, true, login.clone()).map(|_| "a session").unwrap_err(),
        ];
        for error in errors {
            assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
            assert!(error.to_string().contains(text), "{error}");
        }
        assert_eq!(rig.server.requests(), []);
    }
}
