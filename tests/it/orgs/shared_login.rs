//! Orgs: one login for all of them or one for each, by the server's own means; and never another org's token.

use std::sync::Arc;

use hallpass::blocking::wait;
use hallpass::prompt::Silent;
use hallpass::testing::{Behaviour, Endpoint, Fault, Person};
use hallpass::{
    Auth, Error, ErrorKind, LoginRequest, LogoutOutcome, LogoutRequest, Orgs, Remedy, Result, RevocationReach,
    Selector, Session, TokenRequest,
};
use serde_json::json;

use crate::support::rig::{Rig, S, forced, token};

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

fn auth(rig: &Rig, by: &Orgs) -> Auth {
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
    let mut select = Selector::default();
    select.org = Some(org.parse().unwrap());
    auth.session_for(&select)
}

fn by_refresh() -> Orgs {
    Orgs::ByRefresh(PARAMETER.into())
}

fn by_exchange() -> Orgs {
    Orgs::ByExchange(PARAMETER.into())
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
    for by in [by_refresh(), Orgs::ByLogin(PARAMETER.into()), Orgs::ByScope("organization:{org}".into())] {
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
    let none = log_in(&auth(&rig, &Orgs::None), Some("globex")).unwrap_err();
    assert_eq!(none.kind(), ErrorKind::Config);
    assert!(rig.server.requests().is_empty());
}

#[test]
fn where_each_org_has_a_login_the_one_of_the_org_is_taken() {
    let by = Orgs::ByLogin(PARAMETER.into());
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
    for globex in [json!("globex"), json!(7), json!(-7)] {
        rig.server.inject(Endpoint::Token, Fault::ReplyField("organization_id".into(), globex.clone()));
        let error = forced(&own).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Protocol, "{error}");
        assert!(error.to_string().contains("organisation"), "{globex}: {error}");
    }
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

#[test]
fn a_context_of_another_org_needs_no_login_where_one_serves_all() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    log_in(&auth, None).unwrap();
    let globex = wait(auth.context_for_org(&"globex".parse().unwrap())).unwrap();
    assert_eq!(wait(auth.context_for_org(&"globex".parse().unwrap())).unwrap(), globex, "it is there already");
    wait(auth.switch(&globex)).unwrap();
    assert_eq!(speaks_for(&rig, &auth.session().unwrap()).as_deref(), Some("globex"));
    assert_refused(&wait(auth.context_for_org(&"umbrella".parse().unwrap())).unwrap_err());
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
fn a_new_login_ends_the_one_that_it_replaces_unless_it_would_end_with_it() {
    let again = |takes_account: bool, reach: RevocationReach| {
        let rig = with(|behaviour| behaviour.revocation_ends_account = takes_account);
        let mut config = rig.config();
        config.revocation_reach = reach;
        let auth = Auth::new(config).unwrap();
        let first = token(&log_in(&auth, None).unwrap());
        let second = log_in(&auth, None);
        assert_eq!(rig.records().len(), usize::from(second.is_ok()), "and nothing is left of the one that ended");
        let lives = second.as_ref().is_ok_and(|session| rig.server.is_live_access_token(&token(session)));
        (lives, rig.server.is_live_access_token(&first), second.err().map(|error| error.kind()))
    };
    assert_eq!(again(false, RevocationReach::Family), (true, false, None));
    assert_eq!(again(true, RevocationReach::Account), (true, true, None), "the old one is left to expire");
    assert_eq!(
        again(true, RevocationReach::Family),
        (false, false, Some(ErrorKind::AuthorizationServer)),
        "and is told"
    );
}

#[test]
fn a_narrower_scope_and_another_resource_have_tokens_of_their_own() {
    let rig = rig();
    let session = log_in(&auth(&rig, &Orgs::None), None).unwrap();
    rig.server.clear_requests();
    let usual = token(&session);
    let ask = |scopes: Option<&str>, resource: Option<&str>| {
        let mut request = TokenRequest::default();
        request.scopes = scopes.map(|scopes| scopes.parse().unwrap());
        request.resource = resource.map(|resource| resource.parse().unwrap());
        wait(session.access_token_with(request))
    };
    let narrow = ask(Some("openid"), None).unwrap();
    assert_eq!(narrow.scopes().to_string(), "openid");
    let other = ask(None, Some("https://api.example.com/")).unwrap();
    // Each is kept: none is asked for again.
    assert_eq!(ask(Some("openid"), None).unwrap().expose(), narrow.expose());
    assert_eq!(ask(None, Some("https://api.example.com/")).unwrap().expose(), other.expose());
    assert_eq!(token(&session), usual);
    let sent: Vec<_> = rig
        .server
        .requests_to(Endpoint::Token)
        .iter()
        .map(|request| (request.parameter("scope").map(String::from), request.parameter("resource").map(String::from)))
        .collect();
    assert_eq!(sent, [(Some("openid".into()), None), (None, Some("https://api.example.com/".into()))]);

    // A server that gives less than was asked for is not asked again for that.
    rig.server.inject(Endpoint::Token, Fault::ReplyField("scope".into(), "openid".into()));
    let less = ask(Some("openid email"), None).unwrap();
    assert_eq!(less.scopes().to_string(), "openid");
    assert_eq!(ask(Some("openid email"), None).unwrap().expose(), less.expose());

    let more = ask(Some("openid admin"), None).unwrap_err();
    assert_eq!(more.kind(), ErrorKind::Config);
    assert!(more.to_string().contains("the scope admin"), "{more}");
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 3);
}

/// What is refused is told as what it is: a scope, and not the org, in whose name it was asked for.
#[test]
fn a_scope_that_is_refused_is_not_taken_for_an_org() {
    for by in [by_refresh(), by_exchange(), Orgs::None] {
        let rig = rig();
        let auth = auth(&rig, &by);
        let own = log_in(&auth, (by != Orgs::None).then_some("globex")).unwrap();
        let first = token(&own);
        let mut request = TokenRequest::default();
        request.scopes = Some("openid".parse().unwrap());
        for _ in 0..2 {
            rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_scope"));
            let error = wait(own.access_token_with(request.clone())).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AuthorizationServer, "{by:?}: {error:?}");
            assert_eq!(error.remedy(), Some(&Remedy::FixConfig { field: "scope" }), "{by:?}");
            assert!(
                error.to_string().contains("with the scopes openid") && !error.to_string().contains("org"),
                "{error}"
            );
        }
        // It says nothing of the login.
        let context = &auth.contexts().unwrap()[0];
        assert_eq!((context.refresh_failed.as_deref(), context.has_ended), (None, false), "{by:?}");
        assert_eq!((token(&own), rig.server.counts().reuses), (first, 0), "{by:?}");
        assert!(wait(own.access_token_with(request)).is_ok(), "{by:?}");
    }
}

#[test]
fn a_login_whose_scopes_are_refused_in_an_org_says_scopes() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    rig.server.inject(Endpoint::Token, Fault::ReplyField("x".into(), json!(1)));
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_scope"));
    let error = log_in(&auth, Some("globex")).unwrap_err();
    assert_eq!((error.kind(), error.remedy().map(Remedy::name)), (ErrorKind::AuthorizationServer, Some("fix_config")));
    rig.assert_nothing_left("the scopes of an org");
}

#[test]
fn the_orgs_of_a_person_are_told_by_the_server() {
    let rig = rig();
    let session = log_in(&auth(&rig, &by_refresh()), None).unwrap();
    let orgs: Vec<_> = wait(session.userinfo()).unwrap().orgs.into_iter().map(|one| one.org.to_string()).collect();
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
        let orgs = wait(session.userinfo()).unwrap().orgs;
        let orgs: Vec<_> = orgs.iter().map(|one| (one.org.as_str(), one.name.as_deref())).collect();
        assert_eq!(orgs, expected, "{told}");
    }
}

#[test]
fn what_a_login_is_asked_reaches_the_server() {
    let rig = rig();
    let mut request = LoginRequest::default();
    request.login_hint = Some("alice@example.com".into());
    request.prompt = Some("select_account".into());
    request.parameters = vec![("audience".into(), "https://api.example.com".into())];
    wait(auth(&rig, &Orgs::None).login(request, Arc::new(Silent))).unwrap();
    let asked = &rig.server.requests_to(Endpoint::DeviceAuthorization)[0];
    for (name, value) in
        [("login_hint", "alice@example.com"), ("prompt", "select_account"), ("audience", "https://api.example.com")]
    {
        assert_eq!(asked.parameter(name).map(String::from).as_deref(), Some(value), "{name}");
    }
}

#[test]
fn a_logout_says_which_contexts_the_login_served() {
    for all in [false, true] {
        let rig = rig();
        let auth = auth(&rig, &by_refresh());
        log_in(&auth, None).unwrap();
        wait(auth.context_for_org(&"globex".parse().unwrap())).unwrap();
        let mut request = LogoutRequest::default();
        request.all = all;
        let ended = wait(auth.logout(request)).unwrap();
        assert!(ended.failed.is_empty() && ended.done.len() == 1);
        let names = (ended.done[0].context.as_str(), ended.done[0].also[0].as_str(), ended.done[0].ended);
        assert_eq!(names, ("alice@acme", "alice@globex", LogoutOutcome::Revoked));
        rig.assert_nothing_left("a logout");
    }
}

#[test]
fn a_login_that_has_ended_is_asked_about_twice_and_not_for_ever() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    let own = log_in(&auth, None).unwrap();
    for org in ["globex", "initech"] {
        assert_eq!(speaks_for(&rig, &in_org(&auth, org).unwrap()).as_deref(), Some(org));
    }
    rig.server.revoke_everything();
    rig.server.clear_requests();
    assert_eq!(forced(&own).unwrap_err().kind(), ErrorKind::Expired);
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 2);
}

#[test]
fn a_reply_for_another_org_costs_the_login_nothing() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    let own = log_in(&auth, None).unwrap();
    for _ in 0..3 {
        rig.server.inject(Endpoint::Token, Fault::ReplyField("organization_id".into(), "globex".into()));
        assert_eq!(forced(&own).unwrap_err().kind(), ErrorKind::Protocol);
    }
    rig.clock.advance(S(3600));
    assert_eq!(speaks_for(&rig, &own).as_deref(), Some("acme"));
    assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1));
}

#[test]
fn fewer_scopes_name_the_org_as_well() {
    let rig = with(|behaviour| behaviour.org_scope = Some("organization:".into()));
    let session = log_in(&auth(&rig, &Orgs::ByScope("organization:{org}".into())), Some("globex")).unwrap();
    rig.server.clear_requests();
    let mut request = TokenRequest::default();
    request.scopes = Some("openid".parse().unwrap());
    wait(session.access_token_with(request)).unwrap();
    let sent = rig.server.requests_to(Endpoint::Token)[0].parameter("scope").map(String::from);
    assert_eq!(sent.as_deref(), Some("openid organization:globex"));
}

#[test]
fn a_context_that_is_logged_in_to_again_stays_one_of_its_org() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    log_in(&auth, Some("globex")).unwrap();
    let mut request = LoginRequest::default();
    request.context = Some("alice@globex".parse().unwrap());
    let again = wait(auth.login(request, Arc::new(Silent))).unwrap();
    assert_eq!(again.context().unwrap().org.as_ref().unwrap().as_str(), "globex");
    assert_eq!(speaks_for(&rig, &again).as_deref(), Some("globex"));
}

#[test]
fn a_context_of_an_org_with_a_login_of_its_own_is_switched_to() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    log_in(&auth, None).unwrap();
    let globex = log_in(&auth, Some("globex")).unwrap();
    wait(auth.switch(&"alice@acme".parse().unwrap())).unwrap();
    let name = wait(auth.context_for_org(&"globex".parse().unwrap())).unwrap();
    assert_eq!(name, globex.context().unwrap().name);
    assert_eq!((rig.records().len(), rig.keys.count()), (2, 2), "each keeps its login");
}

#[test]
fn a_token_that_is_exchanged_and_refused_is_renewed_once() {
    let rig = rig();
    let auth = auth(&rig, &by_exchange());
    log_in(&auth, None).unwrap();
    // The token that the others are made of is refused, and the login lives.
    rig.server.expire_access_tokens();
    assert_eq!(speaks_for(&rig, &in_org(&auth, "initech").unwrap()).as_deref(), Some("initech"));
    assert_eq!(rig.server.counts().refreshes, 1);
}

#[test]
fn each_org_can_have_an_issuer_of_its_own() {
    let (acme, globex) = (rig(), rig());
    let port = |rig: &Rig| rig.server.issuer().rsplit(':').next().unwrap().to_owned();
    let auth = auth(&acme, &Orgs::ByIssuer("http://127.0.0.1:{org}".into()));
    log_in(&auth, Some(&port(&acme))).unwrap();
    let session = log_in(&auth, Some(&port(&globex))).unwrap();
    assert_eq!(session.context().unwrap().account.issuer.as_str(), globex.server.issuer());
    for rig in [&acme, &globex] {
        let session = in_org(&auth, &port(rig)).unwrap();
        assert!(rig.server.is_live_access_token(&token(&session)));
        assert!(rig.server.is_live_access_token(&forced(&session).unwrap()), "a refresh goes where the login was made");
    }
    let hostile = log_in(&auth, Some("1@evil.example")).unwrap_err();
    assert_eq!(hostile.kind(), ErrorKind::Config);
}

#[test]
fn an_org_is_switched_to_with_the_login_that_is_used_here() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    for name in ["full", "thin"] {
        let mut request = LoginRequest::default();
        request.context = Some(name.parse().unwrap());
        wait(auth.login(request, Arc::new(Silent))).unwrap();
    }
    wait(auth.switch(&"thin".parse().unwrap())).unwrap();
    let globex = wait(auth.context_for_org(&"globex".parse().unwrap())).unwrap();
    wait(auth.switch(&globex)).unwrap();
    assert_eq!(wait(auth.context_for_org(&"acme".parse().unwrap())).unwrap().as_str(), "thin");
}

#[test]
fn a_new_login_that_userinfo_takes_no_token_of_is_not_taken_for_one_that_ended() {
    let rig = rig();
    let auth = auth(&rig, &Orgs::None);
    log_in(&auth, None).unwrap();
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(403));
    let again = log_in(&auth, None).unwrap();
    assert!(rig.server.is_live_access_token(&token(&again)));
    assert_eq!((rig.records().len(), rig.server.live_families()), (1, 1), "and the one that it replaces has ended");
}

#[test]
fn a_server_that_is_away_while_an_org_is_in_doubt_has_not_ended_the_login() {
    let rig = with(|behaviour| behaviour.org_refusal = "invalid_grant");
    let auth = auth(&rig, &by_refresh());
    let own = log_in(&auth, None).unwrap();
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_grant"));
    (0..4).for_each(|_| rig.server.inject(Endpoint::Token, Fault::status(503)));
    let error = wait(in_org(&auth, "umbrella").unwrap().access_token()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    rig.clock.advance(S(3600));
    assert_eq!(speaks_for(&rig, &own).as_deref(), Some("acme"));
}
