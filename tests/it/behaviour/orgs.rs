//! Orgs: one login for all of them or one for each, by the server's own means; and never another org's token.

use std::sync::Arc;

use hallpass::blocking::wait;
use hallpass::prompt::Silent;
use hallpass::testing::{Behaviour, Endpoint, Fault, Person};
use hallpass::{Auth, Error, ErrorKind, LoginRequest, OrgBy, Remedy, Result, Select, Session};

use super::rig::{Rig, S, forced, token};

const PARAMETER: &str = "organization_id";

fn alice() -> Person {
    Person::default().in_orgs(&["acme", "globex", "initech"])
}

fn rig() -> Rig {
    with(|_| {})
}

fn with(change: impl FnOnce(&mut Behaviour)) -> Rig {
    let rig = Rig::with(|behaviour| {
        behaviour.org_parameter = Some(PARAMETER.into());
        change(behaviour);
    });
    rig.server.approve_all_as(&alice());
    rig
}

fn auth(rig: &Rig, by: &OrgBy) -> Auth {
    let mut config = rig.config();
    config.orgs = by.clone();
    Auth::new(config).unwrap()
}

fn log_in(auth: &Auth, org: Option<&str>) -> Result<Session> {
    let mut request = LoginRequest::default();
    request.org = org.map(|org| org.parse().unwrap());
    wait(auth.login(request, Arc::new(Silent)))
}

fn in_org(auth: &Auth, org: &str) -> Result<Session> {
    let mut select = Select::default();
    select.org = Some(org.parse().unwrap());
    auth.session_for(&select)
}

fn by_refresh() -> OrgBy {
    OrgBy::Refresh(PARAMETER.into())
}

fn by_exchange() -> OrgBy {
    OrgBy::Exchange(PARAMETER.into())
}

/// Of whose org the token of this session is, as the server has it.
#[track_caller]
fn speaks_for(rig: &Rig, session: &Session) -> Option<String> {
    rig.server.org_of(&token(session))
}

/// `named`: the org of each refresh, as it was sent.
fn named(rig: &Rig) -> Vec<Option<String>> {
    let refreshes = rig.server.requests_to(Endpoint::Token);
    let refreshes = refreshes.iter().filter(|request| request.parameter("grant_type") == Some("refresh_token"));
    refreshes.map(|request| request.parameter(PARAMETER).map(Into::into)).collect()
}

#[test]
fn one_login_serves_all_orgs_and_every_refresh_names_its_own() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    let own = log_in(&auth, None).unwrap();
    assert_eq!(own.context().unwrap().org.as_ref().unwrap().as_str(), "acme", "as the server says");
    let other = in_org(&auth, "globex").unwrap();
    for _ in 0..3 {
        assert_eq!(speaks_for(&rig, &own).as_deref(), Some("acme"));
        assert_eq!(speaks_for(&rig, &other).as_deref(), Some("globex"));
    }
    // The refresh before was for another org, which a refresh without a name would be for as well.
    assert_eq!(rig.server.org_of(&forced(&own).unwrap()).as_deref(), Some("acme"));
    assert_eq!(rig.server.org_of(&forced(&other).unwrap()).as_deref(), Some("globex"));
    let names = ["globex", "acme", "globex"].map(|org| Some(org.to_owned()));
    assert_eq!(named(&rig), names, "a token of each org is kept");
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
}

#[test]
fn one_login_serves_all_orgs_by_exchange() {
    let rig = rig();
    let auth = auth(&rig, &by_exchange());
    let own = log_in(&auth, Some("globex")).unwrap();
    let other = in_org(&auth, "initech").unwrap();
    for _ in 0..2 {
        assert_eq!(speaks_for(&rig, &own).as_deref(), Some("globex"));
        assert_eq!(speaks_for(&rig, &other).as_deref(), Some("initech"));
        rig.clock.advance(S(3600));
    }
    assert_eq!(rig.server.counts().refreshes, 1, "for the token that the others are made of, once it had ended");
    let stranger = wait(in_org(&auth, "umbrella").unwrap().access_token()).unwrap_err();
    assert_refused(&stranger);
    assert_eq!(speaks_for(&rig, &own).as_deref(), Some("globex"));
}

#[test]
fn a_login_for_an_org_is_of_that_org_or_none() {
    for by in [by_refresh(), OrgBy::Login(PARAMETER.into()), OrgBy::Scope("organization:{org}".into())] {
        let rig = with(|behaviour| behaviour.org_scope = Some("organization:".into()));
        let session = log_in(&auth(&rig, &by), Some("globex")).unwrap();
        assert_eq!(session.context().unwrap().org.as_ref().unwrap().as_str(), "globex", "{by:?}");
        assert_eq!(speaks_for(&rig, &session).as_deref(), Some("globex"), "{by:?}");
        rig.clock.advance(S(3600));
        assert_eq!(speaks_for(&rig, &session).as_deref(), Some("globex"), "{by:?}");

        let rig = with(|behaviour| behaviour.org_scope = Some("organization:".into()));
        let refused = log_in(&auth(&rig, &by), Some("umbrella")).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Denied, "{by:?}: {refused}");
        rig.assert_nothing_left(&format!("{by:?}"));
    }
    let rig = rig();
    let none = log_in(&auth(&rig, &OrgBy::Nothing), Some("globex")).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::Config);
    assert!(rig.server.requests().is_empty());
}

#[test]
fn where_each_org_has_a_login_the_one_of_the_org_is_taken() {
    let by = OrgBy::Login(PARAMETER.into());
    let rig = rig();
    let auth = auth(&rig, &by);
    let globex = log_in(&auth, Some("globex")).unwrap();
    let acme = log_in(&auth, Some("acme")).unwrap();
    assert_ne!(globex.context().unwrap().name, acme.context().unwrap().name, "none took the place of the other");
    for org in ["globex", "acme"] {
        assert_eq!(speaks_for(&rig, &in_org(&auth, org).unwrap()).as_deref(), Some(org));
    }
    let missing = in_org(&auth, "initech").unwrap_err();
    assert_eq!((missing.kind(), missing.remedy().cloned()), (ErrorKind::NotLoggedIn, Some(log_in_to("initech"))));
}

#[test]
fn an_org_that_is_refused_leaves_the_session_whole() {
    for refusal in ["access_denied", "invalid_request", "invalid_grant", "sso_required"] {
        let rig = with(|behaviour| behaviour.org_refusal = refusal);
        let auth = auth(&rig, &by_refresh());
        let own = log_in(&auth, None).unwrap();
        let stranger = in_org(&auth, "umbrella").unwrap();
        for _ in 0..2 {
            assert_refused(&wait(stranger.access_token()).unwrap_err());
            assert_eq!(speaks_for(&rig, &own).as_deref(), Some("acme"), "{refusal}");
        }
        rig.clock.advance(S(3600));
        assert_eq!(speaks_for(&rig, &own).as_deref(), Some("acme"), "{refusal}");
        assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1), "{refusal}");
    }
}

#[test]
fn a_login_that_has_ended_is_told_as_that_and_not_as_a_refused_org() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    log_in(&auth, None).unwrap();
    rig.server.revoke_everything();
    let ended = wait(in_org(&auth, "globex").unwrap().access_token()).unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Expired, "{ended}");
}

#[test]
fn a_reply_for_another_org_is_refused() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    let own = log_in(&auth, None).unwrap();
    rig.server.inject(Endpoint::Token, Fault::ReplyField("organization_id".into(), "globex".into()));
    let error = forced(&own).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
    assert!(error.to_string().contains("organisation"), "{error}");
}

#[test]
fn threads_in_four_orgs_never_get_another_orgs_token() {
    let rig = Arc::new(rig());
    rig.server.approve_all_as(&Person::default().in_orgs(&["a", "b", "c", "d"]));
    log_in(&auth(&rig, &by_refresh()), None).unwrap();
    let before = rig.server.counts().refreshes;
    std::thread::scope(|scope| {
        for number in 0..64 {
            let rig = rig.clone();
            scope.spawn(move || {
                let org = ["a", "b", "c", "d"][number % 4];
                let session = in_org(&auth(&rig, &by_refresh()), org).unwrap();
                assert_eq!(speaks_for(&rig, &session).as_deref(), Some(org));
            });
        }
    });
    let counts = rig.server.counts();
    assert_eq!((counts.refreshes - before, counts.reuses), (3, 0), "one for each org but the login's");
}

#[track_caller]
fn assert_refused(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Denied, "{error:?}");
    assert!(error.to_string().contains("umbrella"), "{error}");
}

fn log_in_to(org: &str) -> Remedy {
    Remedy::LogInTo { org: org.to_owned() }
}
