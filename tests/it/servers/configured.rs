//! What a host or its user configures: endpoints, roots, a client secret, parameters of the login.

use std::sync::Arc;

use hallpass::config::Setting;
use hallpass::prompt::Silent;
use hallpass::testing::Endpoint;
use hallpass::{Auth, Config, ErrorKind, Login, Remedy};
use url::Url;

use crate::support::rig::{Rig, assert_error};

#[test]
fn configured_endpoints_need_no_metadata() {
    let rig = Rig::with(|behaviour| (behaviour.device, behaviour.revocation) = (false, false));
    let at = |path: &str| Some(Url::parse(&format!("{}{path}", rig.server.issuer())).unwrap());
    let by_hand = |config: &mut Config| {
        config.endpoints.device_authorization = at("/device_authorization");
        config.endpoints.token = at("/token");
        config.endpoints.revocation = at("/revoke");
    };
    rig.try_log_in(by_hand).unwrap();
    assert!(rig.server.requests_to(Endpoint::Metadata).is_empty());
    let mut config = rig.config();
    by_hand(&mut config);
    let ended = Auth::new(config).unwrap().logout(Default::default()).wait().unwrap().done;
    assert_eq!(ended[0].ended, hallpass::contexts::LogoutOutcome::Revoked);

    // One by hand, the other from the metadata; whose second document is asked for what neither has.
    rig.try_log_in(|config| config.endpoints.device_authorization = at("/device_authorization")).unwrap();
    assert_eq!(rig.request_count(Endpoint::Metadata), 2);
    rig.try_log_in(|config| {
        config.endpoints.device_authorization = at("/device_authorization");
        config.endpoints.revocation = at("/revoke");
    })
    .unwrap();
    assert_eq!(rig.request_count(Endpoint::Metadata), 3, "by hand is as good as named");
}

#[test]
fn a_configured_endpoint_without_https_is_refused() {
    let bad = || Some(Url::parse("http://192.0.2.1/x").unwrap());
    type Set = fn(&mut Config, Option<Url>);
    let cases: [(Setting, Set); 3] = [
        (Setting::DeviceAuthorizationEndpoint, |config, url| config.endpoints.device_authorization = url),
        (Setting::TokenEndpoint, |config, url| config.endpoints.token = url),
        (Setting::RevocationEndpoint, |config, url| config.endpoints.revocation = url),
    ];
    for (setting, set) in cases {
        let rig = Rig::new();
        let error = rig.try_log_in(|config| set(config, bad())).unwrap_err();
        assert!(rig.server.requests_to(Endpoint::DeviceAuthorization).is_empty(), "{setting}");
        rig.assert_nothing_left(setting.name());
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
        assert_eq!(error.remedy(), Some(&Remedy::FixConfig { setting }));
    }
}

#[test]
fn an_extra_root_that_is_no_certificate_is_refused() {
    let rig = Rig::new();
    let error = rig.try_log_in(|config| config.network.extra_roots = b"no certificate".to_vec()).unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
    assert_eq!(error.remedy(), Some(&Remedy::FixConfig { setting: Setting::ExtraRoots }));
    rig.assert_nothing_left("roots");
}

#[test]
fn a_confidential_client_authenticates_at_every_endpoint() {
    let rig = Rig::with(|behaviour| behaviour.client_secret = Some("s3cret/+ %".into()));
    let error = rig.try_log_in(|_| {}).unwrap_err();
    assert_error(&error, ErrorKind::AuthorizationServer, Some("fix_config"), 1);
    let mut config = rig.config();
    config.client_secret = Some(Arc::new(hallpass::secret::Secret::new("s3cret/+ %".into())));
    let auth = Auth::new(config).unwrap();
    let session = auth.login(Login::new(Silent)).wait().unwrap();
    // Some servers want to be told the client by name here, however it authenticates.
    let asked = rig.server.requests_to(Endpoint::DeviceAuthorization).pop().unwrap();
    assert!(asked.authorization.is_some_and(|header| header.starts_with("Basic ")));
    assert!(asked.form.contains(&("client_id".into(), "acme-cli".into())), "{:?}", asked.form);
    rig.clock.advance(crate::support::rig::S(3600));
    session.access_token().wait().unwrap();
    let ended = auth.logout(Default::default()).wait().unwrap().done;
    assert_eq!(ended[0].ended, hallpass::contexts::LogoutOutcome::Revoked);
    rig.assert_nothing_left("confidential client");
}

#[test]
fn parameters_of_a_login_reach_the_server() {
    let rig = Rig::new();
    rig.server.approve_all();
    let login = Login::new(Silent).login_hint("alice@example.com").oidc_prompt("select_account");
    rig.auth().login(login.parameter("audience", "https://api.example.com")).wait().unwrap();
    let asked = &rig.server.requests_to(Endpoint::DeviceAuthorization)[0];
    for (name, value) in
        [("login_hint", "alice@example.com"), ("prompt", "select_account"), ("audience", "https://api.example.com")]
    {
        assert_eq!(asked.parameter(name).map(String::from).as_deref(), Some(value), "{name}");
    }
}
