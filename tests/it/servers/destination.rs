//! A secret goes home (law 16): a configuration that is not the login's is an error, and nothing is sent to anybody.

use std::sync::Arc;

use hallpass::config::Setting;
use hallpass::contexts::Logout;
use hallpass::testing::{AuthorizationServer, Behaviour};
use hallpass::{Auth, Config, ErrorKind, Remedy, Selector};
use url::Url;

use crate::support::rig::{Rig, S, assert_error, token};

type Change = Box<dyn Fn(&mut Config)>;

fn changes(elsewhere: &AuthorizationServer) -> Vec<(Setting, Change)> {
    let issuer = elsewhere.issuer().to_owned();
    let at = |path: &str| Some(Url::parse(&format!("{issuer}{path}")).unwrap());
    let (token, revocation) = (at("/token"), at("/revoke"));
    vec![
        (Setting::Issuer, Box::new(move |config| config.issuer = issuer.parse().unwrap())),
        (Setting::TokenEndpoint, Box::new(move |config| config.endpoints.token = token.clone())),
        (Setting::RevocationEndpoint, Box::new(move |config| config.endpoints.revocation = revocation.clone())),
        (Setting::ClientId, Box::new(|config| config.client_id = "other-cli".parse().unwrap())),
    ]
}

fn elsewhere(rig: &Rig) -> AuthorizationServer {
    let mut behaviour = Behaviour::default();
    behaviour.clock = Arc::new(rig.clock.clone());
    AuthorizationServer::start_with(behaviour).unwrap()
}

#[test]
fn a_changed_configuration_sends_nothing() {
    let (rig, session) = Rig::logged_in();
    let other = elsewhere(&rig);
    for expired in [false, true] {
        if expired {
            rig.clock.advance(S(3600));
        }
        for (setting, change) in changes(&other) {
            let mut config = rig.config();
            change(&mut config);
            let auth = Auth::new(config).unwrap();
            let named = Selector::context("alice@example.com".parse().unwrap());
            let stranger = auth.session_for(&named).unwrap();
            for error in [
                stranger.access_token().wait().unwrap_err(),
                stranger.userinfo().wait().unwrap_err(),
                auth.logout(Logout::new(named)).wait().unwrap_err(),
            ] {
                assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
                assert_eq!(error.remedy(), Some(&Remedy::FixConfig { setting }));
                assert!(error.to_string().contains(setting.name()), "{error}");
            }
            assert!(rig.server.requests().is_empty() && other.requests().is_empty(), "{setting}");
        }
    }
    assert!(rig.server.is_live_access_token(&token(&session)), "the login is as it was");
    assert_eq!((rig.server.live_families(), rig.keys.count()), (1, 1));
}

#[test]
fn a_configured_endpoint_equal_to_the_sealed_one_is_fine() {
    let rig = Rig::new();
    rig.log_in();
    let at = |path: &str| Some(Url::parse(&format!("{}{path}", rig.server.issuer())).unwrap());
    let mut config = rig.config();
    (config.endpoints.token, config.endpoints.revocation) = (at("/token"), at("/revoke"));
    rig.clock.advance(S(3600));
    token(&Auth::new(config).unwrap().session().unwrap());
}

#[test]
fn metadata_that_changes_later_does_not_move_a_login() {
    let (rig, session) = Rig::logged_in();
    rig.server.set_behaviour(|behaviour| behaviour.metadata_issuer = Some("https://evil.example".into()));
    rig.clock.advance(S(3600));
    token(&session);
    session.userinfo().wait().unwrap();
    let asked: Vec<_> = rig.server.requests().into_iter().map(|seen| seen.path).collect();
    assert_eq!(asked, ["/token", "/userinfo"]);
}

#[test]
fn an_index_that_names_another_server_sends_nothing() {
    let rig = Rig::new();
    rig.log_in();
    let other = elsewhere(&rig);
    let index = rig.home().join("index.json");
    let text = std::fs::read_to_string(&index).unwrap();
    std::fs::write(&index, text.replace(rig.server.issuer(), other.issuer())).unwrap();
    rig.clock.advance(S(3600));
    // Without its name it is a login of another server, which is not this configuration's.
    assert_eq!(rig.auth().session().unwrap_err().kind(), ErrorKind::NotLoggedIn);
    let named = Selector::context("alice@example.com".parse().unwrap());
    let session = rig.auth().session_for(&named).unwrap();
    rig.server.clear_requests();
    for error in [
        session.access_token().wait().unwrap_err(),
        session.userinfo().wait().unwrap_err(),
        rig.auth().logout(Logout::new(named)).wait().unwrap_err(),
    ] {
        assert_error(&error, ErrorKind::Custody, Some("repair"), 6);
    }
    assert!(other.requests().is_empty() && rig.server.requests().is_empty());
    assert!(rig.auth().repair().wait().unwrap().left.is_empty());
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
    let _ = rig.auth().logout(Logout::default()).wait().unwrap();
    assert!(other.requests().is_empty());
    rig.assert_nothing_left("logged out at the login's own server");
}

#[test]
fn the_client_secret_goes_only_to_the_logins_server() {
    let rig = Rig::with(|behaviour| behaviour.client_secret = Some("s3cret".into()));
    rig.server.approve_all();
    let with_secret = |change: &dyn Fn(&mut Config)| {
        let mut config = rig.config();
        config.client_secret = Some(Arc::new(hallpass::secret::Secret::new("s3cret".into())));
        change(&mut config);
        Auth::new(config).unwrap()
    };
    with_secret(&|_| {}).login(hallpass::Login::new(hallpass::prompt::Silent)).wait().unwrap();
    rig.clock.advance(S(3600));
    rig.server.clear_requests();
    let other = elsewhere(&rig);
    for (field, change) in changes(&other) {
        let named = Selector::context("alice@example.com".parse().unwrap());
        let session = with_secret(&change).session_for(&named).unwrap();
        assert_eq!(session.access_token().wait().unwrap_err().kind(), ErrorKind::Config, "{field}");
    }
    assert!(rig.server.requests().is_empty() && other.requests().is_empty());
}
