//! Contexts of orgs: added without a login if one login serves all orgs.

use hallpass::contexts::{Logins, Logout, LogoutOutcome};
use hallpass::prompt::Silent;
use hallpass::testing::{Endpoint, Fault};
use hallpass::{Login, Selector};
use serde_json::json;

use super::{assert_refused, auth, by_refresh, log_in, rig, speaks_for};

#[test]
fn another_org_needs_no_login_if_one_login_serves_all() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    log_in(&auth, None).unwrap();
    let globex = auth.context_for_org(&"globex".parse().unwrap()).wait().unwrap();
    assert_eq!(auth.context_for_org(&"globex".parse().unwrap()).wait().unwrap(), globex, "it is there already");
    auth.switch(&globex).wait().unwrap();
    assert_eq!(speaks_for(&rig, &auth.session().unwrap()).as_deref(), Some("globex"));
    assert_refused(&auth.context_for_org(&"umbrella".parse().unwrap()).wait().unwrap_err());
    assert_eq!(auth.contexts().unwrap().len(), 2);
    assert_eq!((rig.records().len(), rig.keys.count()), (1, 1), "one grant");

    // A new login of the account is the login of all its contexts, and the old one is revoked.
    let again = log_in(&auth, None).unwrap();
    assert_eq!((rig.records().len(), rig.keys.count(), rig.server.live_families()), (1, 1, 1));
    for (session, org) in [(again, "acme"), (auth.session_for(&Selector::context(globex)).unwrap(), "globex")] {
        assert_eq!(speaks_for(&rig, &session).as_deref(), Some(org));
    }
}

#[test]
fn logging_in_to_a_context_again_keeps_its_org() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    log_in(&auth, Some("globex")).unwrap();
    let again = auth.login(Login::new(Silent).context("alice@globex")).wait().unwrap();
    assert_eq!(again.context().unwrap().org.as_ref().unwrap().as_str(), "globex");
    assert_eq!(speaks_for(&rig, &again).as_deref(), Some("globex"));
}

#[test]
fn an_org_with_its_own_login_is_switched_to() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    log_in(&auth, None).unwrap();
    let globex = log_in(&auth, Some("globex")).unwrap();
    auth.switch(&"alice@acme".parse().unwrap()).wait().unwrap();
    let name = auth.context_for_org(&"globex".parse().unwrap()).wait().unwrap();
    assert_eq!(name, globex.context().unwrap().name);
    assert_eq!((rig.records().len(), rig.keys.count()), (2, 2), "each keeps its login");
}

#[test]
fn switching_to_an_org_keeps_the_current_login() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    for name in ["full", "thin"] {
        auth.login(Login::new(Silent).context(name)).wait().unwrap();
    }
    auth.switch(&"thin".parse().unwrap()).wait().unwrap();
    let globex = auth.context_for_org(&"globex".parse().unwrap()).wait().unwrap();
    auth.switch(&globex).wait().unwrap();
    assert_eq!(auth.context_for_org(&"acme".parse().unwrap()).wait().unwrap().as_str(), "thin");
}

#[test]
fn the_server_lists_the_orgs_of_a_person() {
    let rig = rig();
    let session = log_in(&auth(&rig, &by_refresh()), None).unwrap();
    let orgs: Vec<_> = session.userinfo().wait().unwrap().orgs.into_iter().map(|one| one.org.to_string()).collect();
    assert_eq!(orgs, ["acme", "globex", "initech"]);
    for (told, expected) in [
        (
            json!([{"id": "a", "name": "A\u{1b}[31m Inc"}, {"name": "no id"}, 7]),
            vec![("a", Some("A[31m Inc")), ("7", None)],
        ),
        (json!({"b": {"x": 1}, "c": {}}), vec![("b", None), ("c", None)]),
        (json!("acme"), vec![]),
    ] {
        rig.server.inject(Endpoint::UserInfo, Fault::ReplyField("organizations".into(), told.clone()));
        let orgs = session.userinfo().wait().unwrap().orgs;
        let orgs: Vec<_> = orgs.iter().map(|one| (one.org.as_str(), one.name.as_deref())).collect();
        assert_eq!(orgs, expected, "{told}");
    }
}

#[test]
fn a_logout_says_which_contexts_the_login_served() {
    for logins in [Logins::default(), Logins::All] {
        let rig = rig();
        let auth = auth(&rig, &by_refresh());
        log_in(&auth, None).unwrap();
        auth.context_for_org(&"globex".parse().unwrap()).wait().unwrap();
        let ended = auth.logout(Logout::new(logins)).wait().unwrap();
        assert!(ended.failed.is_empty() && ended.done.len() == 1);
        let names = (ended.done[0].context.as_str(), ended.done[0].also[0].as_str(), ended.done[0].ended);
        assert_eq!(names, ("alice@acme", "alice@globex", LogoutOutcome::Revoked));
        rig.assert_nothing_left("a logout");
    }
}
