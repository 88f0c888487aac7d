//! An org or a scope is refused: the login and its other orgs go on.

use hallpass::config::{Orgs, Setting};
use hallpass::testing::{Endpoint, Fault};
use hallpass::{ErrorKind, Remedy, TokenRequest};
use serde_json::json;

use super::{assert_refused, auth, by_exchange, by_refresh, in_org, log_in, rig, speaks_for, with};
use crate::support::rig::{S, forced, token};

#[test]
fn a_refused_org_does_not_end_the_login() {
    for refusal in ["access_denied", "invalid_request", "invalid_grant", "sso_required"] {
        let rig = with(|behaviour| behaviour.org_refusal = refusal);
        let auth = auth(&rig, &by_refresh());
        let own = log_in(&auth, None).unwrap();
        let stranger = in_org(&auth, "umbrella").unwrap();
        for _ in 0..2 {
            assert_refused(&stranger.access_token().wait().unwrap_err());
            assert_eq!(speaks_for(&rig, &own).as_deref(), Some("acme"), "{refusal}");
        }
        rig.clock.advance(S(3600));
        assert_eq!(speaks_for(&rig, &own).as_deref(), Some("acme"), "{refusal}");
        assert_eq!((rig.server.counts().reuses, rig.server.live_families()), (0, 1), "{refusal}");
    }
}

#[test]
fn an_ended_login_is_not_reported_as_a_refused_org() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    log_in(&auth, None).unwrap();
    rig.server.revoke_everything();
    let ended = in_org(&auth, "globex").unwrap().access_token().wait().unwrap_err();
    assert_eq!(ended.kind(), ErrorKind::Expired, "{ended}");
}

#[test]
fn an_ended_login_is_asked_for_twice_at_most() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    let own = log_in(&auth, None).unwrap();
    for org in ["globex", "initech"] {
        assert_eq!(speaks_for(&rig, &in_org(&auth, org).unwrap()).as_deref(), Some(org));
    }
    rig.server.revoke_everything();
    rig.server.clear_requests();
    assert_eq!(forced(&own).unwrap_err().kind(), ErrorKind::Expired);
    assert_eq!(rig.request_count(Endpoint::Token), 2);
}

/// What is refused is told as what it is: a scope, and not the org, in whose name it was asked for.
#[test]
fn a_refused_scope_is_not_reported_as_a_refused_org() {
    for by in [by_refresh(), by_exchange(), Orgs::None] {
        let rig = rig();
        let auth = auth(&rig, &by);
        let own = log_in(&auth, (by != Orgs::None).then_some("globex")).unwrap();
        let first = token(&own);
        let request = TokenRequest::new().scopes("openid".parse().unwrap());
        for _ in 0..2 {
            rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_scope"));
            let error = own.access_token_with(request.clone()).wait().unwrap_err();
            assert_eq!(error.kind(), ErrorKind::AuthorizationServer, "{by:?}: {error:?}");
            assert_eq!(error.remedy(), Some(&Remedy::FixConfig { setting: Setting::Scope }), "{by:?}");
            assert!(
                error.to_string().contains("with the scopes openid") && !error.to_string().contains("org"),
                "{error}"
            );
        }
        // It says nothing of the login.
        let context = &auth.contexts().unwrap()[0];
        assert_eq!((context.refresh_failed.as_deref(), context.has_ended), (None, false), "{by:?}");
        assert_eq!((token(&own), rig.server.counts().reuses), (first, 0), "{by:?}");
        assert!(own.access_token_with(request).wait().is_ok(), "{by:?}");
    }
}

#[test]
fn a_login_refused_for_its_scopes_says_scopes() {
    let rig = rig();
    let auth = auth(&rig, &by_refresh());
    rig.server.inject(Endpoint::Token, Fault::ReplyField("x".into(), json!(1)));
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_scope"));
    let error = log_in(&auth, Some("globex")).unwrap_err();
    assert_eq!((error.kind(), error.remedy().map(Remedy::name)), (ErrorKind::AuthorizationServer, Some("fix_config")));
    rig.assert_nothing_left("the scopes of an org");
}

#[test]
fn an_absent_server_does_not_end_a_login_while_org_is_in_doubt() {
    let rig = with(|behaviour| behaviour.org_refusal = "invalid_grant");
    let auth = auth(&rig, &by_refresh());
    let own = log_in(&auth, None).unwrap();
    rig.server.inject(Endpoint::Token, Fault::error(400, "invalid_grant"));
    (0..4).for_each(|_| rig.server.inject(Endpoint::Token, Fault::status(503)));
    let error = in_org(&auth, "umbrella").unwrap().access_token().wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unreachable, "{error}");
    rig.clock.advance(S(3600));
    assert_eq!(speaks_for(&rig, &own).as_deref(), Some("acme"));
}
