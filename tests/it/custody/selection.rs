//! Which key stores may hold a key, by the host and by the environment.

use hallpass::contexts::Logout;
use hallpass::custody::{Custody, KeyStoreName, Lifetime};
use hallpass::doctor::State;
use hallpass::prompt::Silent;
use hallpass::{Auth, ErrorKind, Login};

use crate::support::passphrase::at;
use crate::support::rig::{Rig, assert_error, token};

#[test]
fn a_pinned_key_store_is_the_only_one_read() {
    let rig = Rig::new();
    let mut config = rig.config();
    config.custody.choice = Custody::Only(vec![KeyStoreName::KeyFile]);
    rig.try_log_in(|own| *own = config.clone()).unwrap().access_token().wait().unwrap();
    config.custody.choice = Custody::Only(vec![KeyStoreName::Memory]);
    rig.server.clear_requests();
    let auth = Auth::new(config).unwrap();
    let error = auth.session().unwrap().access_token().wait().unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("log_in"), 6);
    assert!(error.to_string().contains("reads keys from memory only"), "{error}");
    assert!(auth.session().unwrap().cached_token(Default::default()).is_none());
    assert!(rig.server.requests().is_empty());
    assert!(auth.logout(Logout::default().local_only()).wait().unwrap().failed.is_empty(), "and it can be forgotten");
    assert!(rig.records().is_empty(), "{:?}", rig.records());
}

/// The name alone does not say how its keys are read: that takes `Custody::Custom`.
#[test]
fn a_custom_name_in_a_list_of_key_stores_allows_none() {
    let rig = Rig::new();
    let list = || Custody::Only(vec![KeyStoreName::custom("keys").unwrap()]);
    let error = rig.try_log_in(|own| own.custody.choice = list()).unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
    assert!(error.to_string().contains("allows no such place for keys"), "{error}");
    rig.log_in();
    let mut config = rig.config();
    config.custody.choice = list();
    let error = Auth::new(config).unwrap().session().unwrap().access_token().wait().unwrap_err();
    assert!(error.to_string().contains("in custody \"keys\", which this program has not"), "{error}");
}

#[test]
fn a_lifetime_takes_only_a_key_store_that_keeps_it() {
    for (key_store, takes, remedy) in [
        (KeyStoreName::Memory, [Lifetime::Usual, Lifetime::Ephemeral], "choose_place"),
        (KeyStoreName::KeyFile, [Lifetime::Usual, Lifetime::Lasting], "fix_config"),
    ] {
        for lifetime in [Lifetime::Usual, Lifetime::Lasting, Lifetime::Ephemeral, Lifetime::Session] {
            let rig = Rig::new();
            rig.server.approve_all();
            let mut config = rig.config();
            config.custody.choice = Custody::Only(vec![key_store.clone()]);
            let login = Auth::new(config).unwrap().login(Login::new(Silent).lifetime(lifetime)).wait();
            assert_eq!(login.is_ok(), takes.contains(&lifetime), "{key_store} {lifetime:?}: {login:?}");
            if let Err(error) = login {
                assert_error(&error, ErrorKind::Config, Some(remedy), 2);
                assert_eq!(rig.server.requests(), [], "nobody is asked");
            }
        }
    }
}

#[test]
fn the_environment_only_narrows_what_the_host_allows() {
    let rig = Rig::new();
    let wanting = |wanted: &str| {
        let mut config = at(&rig, KeyStoreName::KeyFile);
        config.environment.custody = Some(wanted.into());
        config
    };
    let own = token(&rig.try_log_in(|own| *own = wanting("auto")).unwrap());
    rig.server.clear_requests();
    for (wanted, remedy) in [("kernel", "choose_place"), ("os", "choose_place"), ("cellar", "fix_config")] {
        let error = rig.try_log_in(|own| *own = wanting(wanted)).unwrap_err();
        assert_error(&error, ErrorKind::Config, Some(remedy), 2);
        // It says where a new login's key goes, and is in the way of nothing else.
        let auth = Auth::new(wanting(wanted)).unwrap();
        assert_eq!((token(&auth.session().unwrap()), auth.contexts().unwrap().len()), (own.clone(), 1));
        let report = auth.doctor().wait().unwrap();
        let problems: Vec<_> = report.findings.iter().filter(|finding| finding.state == State::Problem).collect();
        let text = format!("a new login has no place for its key: {error}");
        assert_eq!(problems.iter().map(|one| &one.text).collect::<Vec<_>>(), [&text]);
    }
    for wanted in ["auto", "keyfile"] {
        rig.try_log_in(|own| *own = wanting(wanted)).unwrap();
        assert_eq!(rig.auth().contexts().unwrap()[0].key_store, KeyStoreName::KeyFile);
    }
}
