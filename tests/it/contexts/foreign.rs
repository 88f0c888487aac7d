//! Several configurations share a state folder: each one sees its own logins, and names the others at most.

use std::sync::Arc;

use hallpass::config::Setting;
use hallpass::contexts::{ChosenBy, Logins, Logout};
use hallpass::prompt::Silent;
use hallpass::testing::{AuthorizationServer, Behaviour, Person};
use hallpass::{Auth, Config, ErrorKind, Remedy, Selector};

use super::{by_default, folder, meant, name};
use crate::support::rig::{Rig, assert_error, bob, named, token};

/// How the second configuration differs.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Difference {
    Issuer,
    Client,
}

/// Two configurations with one state folder.
struct Shared {
    rig: Rig,
    elsewhere: AuthorizationServer,
    differs_in: Difference,
}

impl Shared {
    fn each(test: impl Fn(Self)) {
        for differs_in in [Difference::Issuer, Difference::Client] {
            let rig = Rig::new();
            let mut behaviour = Behaviour::default();
            behaviour.clock = Arc::new(rig.clock.clone());
            let elsewhere = AuthorizationServer::start_with(behaviour).unwrap();
            test(Self { rig, elsewhere, differs_in });
        }
    }

    fn other_config(&self) -> Config {
        let mut config = self.rig.config();
        match self.differs_in {
            Difference::Issuer => config.issuer = self.elsewhere.issuer().parse().unwrap(),
            Difference::Client => config.client_id = "other-cli".parse().unwrap(),
        }
        config
    }

    fn other(&self) -> Auth {
        Auth::new(self.other_config()).unwrap()
    }

    /// Does something with the second configuration, whose server knows its client meanwhile.
    fn with_other<T>(&self, deed: impl FnOnce(&AuthorizationServer, Auth) -> T) -> T {
        let server = match self.differs_in {
            Difference::Issuer => &self.elsewhere,
            Difference::Client => &*self.rig.server,
        };
        let client = self.other_config().client_id.to_string();
        server.set_behaviour(|behaviour| behaviour.client_id = client);
        let done = deed(server, self.other());
        server.set_behaviour(|behaviour| behaviour.client_id = "acme-cli".into());
        done
    }

    /// Logs in with the second configuration.
    fn log_in_other(&self, person: &Person, context: Option<&str>) {
        self.with_other(|server, auth| {
            server.approve_all_as(person);
            auth.login(named(context, Silent)).wait().unwrap();
            server.decide_one_by_one();
        });
        self.rig.server.clear_requests();
        self.elsewhere.clear_requests();
    }

    fn assert_nothing_sent(&self) {
        assert!(self.rig.server.requests().is_empty() && self.elsewhere.requests().is_empty(), "{:?}", self.differs_in);
    }
}

fn only(context: &str) -> (String, Option<ChosenBy>) {
    (context.into(), Some(ChosenBy::Only))
}

#[test]
fn each_configuration_sees_its_own_login() {
    Shared::each(|shared| {
        let own = token(&shared.rig.log_in_as(&Person::default(), Some("own")));
        shared.log_in_other(&bob(), None);
        let (auth, other) = (shared.rig.auth(), shared.other());
        // Each has a default of its own.
        assert_eq!((meant(&auth), meant(&other)), (by_default("own"), by_default("bob@example.com")));
        assert_eq!(token(&auth.session().unwrap()), own);
        assert_ne!(token(&other.session().unwrap()), own);
        let marks = |auth: &Auth| -> Vec<_> {
            let contexts = auth.contexts().unwrap();
            contexts.iter().map(|one| (one.is_default, one.chosen_by.is_some(), auth.can_use(one))).collect()
        };
        assert_eq!(marks(&auth), [(true, true, true), (true, false, false)]);
        assert_eq!(marks(&other), [(true, false, false), (true, true, true)]);
        shared.assert_nothing_sent();
    });
}

#[test]
fn a_switch_in_one_configuration_does_not_reach_the_other() {
    Shared::each(|shared| {
        shared.rig.log_in_as(&Person::default(), Some("own"));
        shared.log_in_other(&Person::default(), Some("a"));
        shared.log_in_other(&bob(), Some("b"));
        let (auth, other) = (shared.rig.auth(), shared.other());
        // A login with a name does not change what is selected.
        assert_eq!(meant(&other), by_default("a"));
        other.switch(&name("b")).wait().unwrap();
        assert_eq!((meant(&auth), meant(&other)), (by_default("own"), by_default("b")));
        shared.rig.log_in_as(&bob(), Some("own2"));
        auth.switch(&name("own2")).wait().unwrap();
        assert_eq!((meant(&auth), meant(&other)), (by_default("own2"), by_default("b")));
        // Without a name, the newest login is the one that is meant.
        shared.log_in_other(&Person::new("carol", "Carol", "carol@example.com"), None);
        assert_eq!((meant(&auth), meant(&other)), (by_default("own2"), by_default("carol@example.com")));
        auth.rename(&name("own2"), &name("own3")).wait().unwrap();
        assert_eq!((meant(&auth), meant(&other)), (by_default("own3"), by_default("carol@example.com")));
        shared.assert_nothing_sent();
    });
}

#[test]
fn a_logout_in_one_configuration_leaves_the_other_its_default() {
    Shared::each(|shared| {
        for (person, context) in [(Person::default(), "a"), (bob(), "b")] {
            shared.rig.log_in_as(&person, Some(context));
            shared.log_in_other(&person, Some(&format!("other-{context}")));
        }
        let (auth, other) = (shared.rig.auth(), shared.other());
        assert_eq!((meant(&auth), meant(&other)), (by_default("a"), by_default("other-a")));
        for selected in ["other-b", "other-a"] {
            other.switch(&name(selected)).wait().unwrap();
            assert_eq!((meant(&auth), meant(&other)), (by_default("a"), by_default(selected)));
        }
        shared.with_other(|_, auth| drop(auth.logout(Logout::default()).wait().unwrap()));
        assert_eq!((meant(&auth), meant(&other)), (by_default("a"), only("other-b")));
    });
}

#[test]
fn with_foreign_logins_alone_nobody_is_logged_in() {
    Shared::each(|shared| {
        shared.rig.log_in();
        let mut config = shared.other_config();
        config.environment.terminal = false;
        let other = Auth::new(config).unwrap();
        let error = other.session().unwrap_err();
        assert_error(&error, ErrorKind::NotLoggedIn, Some("log_in"), 4);
        assert!(error.to_string().contains("the logins here are of other servers or clients"), "{error}");
        let asked = other.session_or_login(named(None, Silent)).wait();
        assert!(asked.unwrap_err().needs_login());
        let error = other.logout(Logout::default()).wait().unwrap_err();
        assert_eq!((error.kind(), error.to_string().as_str()), (ErrorKind::NotLoggedIn, "already logged out"));
        let error = other.context_for_org(&"globex".parse().unwrap()).wait().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotLoggedIn);
        shared.assert_nothing_sent();
        token(&shared.rig.auth().session().unwrap());
    });
}

#[test]
fn a_named_foreign_login_is_an_error_and_sends_nothing() {
    Shared::each(|shared| {
        let here = folder(&shared.rig, "here");
        shared.rig.log_in_as(&Person::default(), Some("own"));
        shared.log_in_other(&bob(), Some("other"));
        let pinned = |config: &mut Config| config.environment.folder = Some(here.clone());
        let mut config = shared.rig.config();
        pinned(&mut config);
        Auth::new(config).unwrap().pin_folder(&name("own")).wait().unwrap();
        let setting = if shared.differs_in == Difference::Issuer { Setting::Issuer } else { Setting::ClientId };
        let check = |error: hallpass::Error| {
            assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
            assert_eq!(error.remedy(), Some(&Remedy::FixConfig { setting }));
            shared.assert_nothing_sent();
        };
        let (mut by_variable, mut by_rule) = (shared.other_config(), shared.other_config());
        by_variable.environment.context = Some("own".into());
        pinned(&mut by_rule);
        let sessions = [
            shared.other().session_for(&Selector::context(name("own"))),
            Auth::new(by_variable).unwrap().session(),
            Auth::new(by_rule.clone()).unwrap().session(),
        ];
        for session in sessions {
            check(session.unwrap().access_token().wait().unwrap_err());
        }
        // Nor is it selected: it would only be that error.
        check(shared.other().switch(&name("own")).wait().unwrap_err());
        check(Auth::new(by_rule).unwrap().pin_folder(&name("own")).wait().unwrap_err());
        assert_eq!(meant(&shared.other()), by_default("other"));
        let error = shared.other().switch(&name("play")).wait().unwrap_err();
        assert_eq!(error.remedy(), Some(&Remedy::ChooseContext { contexts: vec!["other".into()] }));
    });
}

#[test]
fn a_logout_ends_no_foreign_login() {
    Shared::each(|shared| {
        let own = token(&shared.rig.log_in_as(&Person::default(), Some("own")));
        shared.log_in_other(&bob(), Some("other"));
        let log_out = |auth: Auth, logins| auth.logout(Logout::new(logins)).wait();
        let all = shared.with_other(|_, auth| log_out(auth, Logins::All)).unwrap();
        assert_eq!(all.done.len(), 1);
        let failed: Vec<_> = all.failed.iter().map(|(context, error)| (context.to_string(), error.kind())).collect();
        assert_eq!(failed, [("own".into(), ErrorKind::Config)], "named, and as it was");
        assert!(shared.rig.server.is_live_access_token(&own));
        assert_eq!(log_out(shared.other(), Logins::default()).unwrap_err().to_string(), "already logged out");
        assert_eq!(log_out(shared.rig.auth(), Logins::default()).unwrap().done.len(), 1);
        assert!(shared.rig.auth().contexts().unwrap().is_empty());
    });
}
