//! Which org a token speaks for: one login for all orgs or one for each, and never another org's token.

use std::sync::Arc;

use hallpass::config::Orgs;
use hallpass::testing::{Endpoint, Fault, Person};
use hallpass::{ErrorKind, Remedy, TokenRequest};
use serde_json::json;

use super::{PARAMETER, assert_refused, auth, by_exchange, by_refresh, in_org, log_in, rig, speaks_for, with};
use crate::support::faults::unsigned_jwt;
use crate::support::rig::{Rig, S, forced, token};

/// `named`: the org of each refresh, as it was sent.
fn named(rig: &Rig) -> Vec<Option<String>> {
    let refreshes = rig.server.requests_to(Endpoint::Token);
    let refreshes = refreshes.iter().filter(|request| request.parameter("grant_type") == Some("refresh_token"));
    refreshes.map(|request| request.parameter(PARAMETER).map(Into::into)).collect()
}

#[test]
fn one_login_serves_all_orgs_and_each_refresh_names_its_org() {
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
    let stranger = in_org(&auth, "umbrella").unwrap().access_token().wait().unwrap_err();
    assert_refused(&stranger);
    assert_eq!(speaks_for(&rig, &own).as_deref(), Some("globex"));
}

#[test]
fn a_login_for_an_org_is_for_that_org_or_fails() {
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
fn each_org_uses_its_own_login_if_it_has_one() {
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

fn log_in_to(org: &str) -> Remedy {
    Remedy::LogInTo { org: org.to_owned() }
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

#[test]
fn a_refresh_for_fewer_scopes_names_the_org_too() {
    let rig = with(|behaviour| behaviour.org_scope = Some("organization:".into()));
    let session = log_in(&auth(&rig, &Orgs::ByScope("organization:{org}".into())), Some("globex")).unwrap();
    rig.server.clear_requests();
    let request = TokenRequest::new().scopes("openid".parse().unwrap());
    session.access_token_with(request).wait().unwrap();
    let sent = rig.server.requests_to(Endpoint::Token)[0].parameter("scope").map(String::from);
    assert_eq!(sent.as_deref(), Some("openid organization:globex"));
}

#[test]
fn a_refused_subject_token_is_refreshed_once() {
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
fn a_reply_for_another_org_does_not_end_the_login() {
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
fn an_id_token_of_another_org_is_refused() {
    let rig = Rig::new();
    let answer_with_org = |org: &str| {
        let claims = serde_json::json!({
            "iss": rig.server.issuer(), "aud": "acme-cli", "sub": "alice", "exp": 4_000_000_000_u64, "org_id": org,
        });
        let token = unsigned_jwt(&claims);
        rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), token.into()));
    };
    answer_with_org("org_one");
    let session = rig.log_in();
    assert_eq!(session.context().unwrap().org.as_ref().unwrap().as_str(), "org_one");
    answer_with_org("org_one");
    assert!(forced(&session).is_ok());
    let first = token(&session);
    answer_with_org("org_two");
    let error = forced(&session).unwrap_err();
    assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains("organisation"), "{error:?}");
    // Its refresh token is kept all the same: the server has rotated.
    assert_eq!(token(&rig.auth().session().unwrap()), first);
    answer_with_org("org_one");
    assert!(forced(&session).is_ok());
    assert_eq!(rig.server.counts().reuses, 0);
}

#[test]
fn an_org_that_is_a_number_ends_no_login() {
    let rig = Rig::new();
    let issuer = rig.server.issuer();
    let claims = serde_json::json!({
        "iss": issuer, "aud": "acme-cli", "exp": 99_999_999_999_u64, "sub": "s", "email": "e@x.example", "org_id": 42,
    });
    rig.server.inject(Endpoint::Token, Fault::ReplyField("id_token".into(), unsigned_jwt(&claims).into()));
    let login = rig.try_log_in(|_| {});
    assert!(login.is_ok(), "{:?}", login.unwrap_err());
}
