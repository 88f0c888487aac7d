//! The ready configurations, and what a host sets by hand for a server that differs.

use hallpass::config::Setting;
use hallpass::doctor::Area;
use hallpass::doctor::State;
use hallpass::prompt::Silent;
use hallpass::servers::{entra, github, gitlab, okta, twitch, workos_authkit, workos_connect};
use hallpass::testing::{Endpoint, Fault};
use hallpass::{Auth, ErrorKind, Remedy, TokenRequest};

use crate::support::rig::{Rig, assert_error, forced};

#[test]
fn a_name_cannot_lead_to_another_server() {
    for name in ["", "a/b", "a@b", "a?b", "a#b", "a\\b", "{}", "a b", "ä", "a:x", ".", ".."] {
        let made = [gitlab("acme", name, "c"), entra("acme", name, "c"), workos_connect("acme", name, "c")];
        assert!(made.iter().all(Result::is_err), "{name}: {made:?}");
    }
    for issuer in ["https://a.okta.com", "https://a.okta.com/oauth2/", "http://a.okta.com/oauth2/x", "/oauth2/x"] {
        assert!(okta("acme", issuer, "c").is_err(), "{issuer}");
    }
}

#[test]
fn each_server_has_its_own_endpoints() {
    for (config, issuer, device, token) in [
        (
            github("acme", "c"),
            "https://github.com",
            "https://github.com/login/device/code",
            "https://github.com/login/oauth/access_token",
        ),
        (
            gitlab("acme", "git.example.com:8443", "c"),
            "https://git.example.com:8443",
            "https://git.example.com:8443/oauth/authorize_device",
            "https://git.example.com:8443/oauth/token",
        ),
        (
            entra("acme", "common", "c"),
            "https://login.microsoftonline.com/common/v2.0",
            "https://login.microsoftonline.com/common/oauth2/v2.0/devicecode",
            "https://login.microsoftonline.com/common/oauth2/v2.0/token",
        ),
        (
            okta("acme", "https://a.okta.com/oauth2/default/", "c"),
            "https://a.okta.com/oauth2/default",
            "https://a.okta.com/oauth2/default/v1/device/authorize",
            "https://a.okta.com/oauth2/default/v1/token",
        ),
        (
            workos_authkit("acme", "c"),
            "https://api.workos.com",
            "https://api.workos.com/user_management/authorize/device",
            "https://api.workos.com/user_management/authenticate",
        ),
        (
            workos_connect("acme", "a", "c"),
            "https://a.authkit.app",
            "https://a.authkit.app/oauth2/device_authorization",
            "https://a.authkit.app/oauth2/token",
        ),
        (
            twitch("acme", "c"),
            "https://id.twitch.tv/oauth2",
            "https://id.twitch.tv/oauth2/device",
            "https://id.twitch.tv/oauth2/token",
        ),
    ] {
        let config = config.unwrap();
        let shown = |url: Option<url::Url>| url.unwrap().to_string();
        assert_eq!(config.issuer.as_str(), issuer);
        assert_eq!(shown(config.endpoints.device_authorization), device);
        assert_eq!(shown(config.endpoints.token), token);
    }
}

#[test]
fn a_parameter_of_the_library_cannot_be_configured_twice() {
    let names = "scope scopes client_id client_secret resource acr_values max_age code_challenge code_challenge_method";
    for name in names.split(' ').chain([""]) {
        let rig = Rig::new();
        let error = rig
            .try_log_in(|config| {
                config.quirks.scope_parameter = "scopes".into();
                config.login_parameters = vec![("audience".into(), "x".into()), (name.into(), "y".into())];
            })
            .unwrap_err();
        assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
        assert_eq!(error.remedy(), Some(&Remedy::FixConfig { setting: Setting::LoginParameters }), "{name}");
        assert!(rig.server.requests_to(Endpoint::DeviceAuthorization).is_empty(), "{name}");
        rig.assert_nothing_left(name);
    }
}

/// Entra ID refuses a refresh without scopes where client and resource are one app (AADSTS90009).
#[test]
fn each_refresh_names_its_scopes_if_configured() {
    assert!(
        entra("acme", "common", "c").unwrap().quirks.scopes_in_refresh
            && !github("acme", "c").unwrap().quirks.scopes_in_refresh
    );
    for (wanted, scopes) in [(false, None), (true, Some("openid email offline_access"))] {
        let rig = Rig::new();
        let mut config = rig.config();
        config.quirks.scopes_in_refresh = wanted;
        rig.server.approve_all();
        // As Entra ID lists what was granted: not all that is OpenID Connect's.
        rig.server.inject(Endpoint::Token, Fault::ReplyField("scope".into(), "openid email".into()));
        let session = Auth::new(config).unwrap().login(hallpass::Login::new(Silent)).wait().unwrap();
        rig.server.clear_requests();
        forced(&session).unwrap();
        let asked = rig.server.requests_to(Endpoint::Token).pop().unwrap();
        assert_eq!(asked.parameter("scope"), scopes, "{:?}", asked.form);
        // Fewer scopes are what a caller asked for.
        let request = TokenRequest::new().scopes("email".parse().unwrap());
        session.access_token_with(request).wait().unwrap();
        let asked = rig.server.requests_to(Endpoint::Token).pop().unwrap();
        assert_eq!(asked.parameter("scope"), Some("email"), "{:?}", asked.form);
    }
}

#[test]
fn the_doctor_needs_no_metadata_if_endpoints_are_known() {
    for (by_hand, fault, state) in [
        (true, Fault::status(404), State::Well),
        (true, Fault::HtmlReply, State::Well),
        (false, Fault::status(404), State::Problem),
        (true, Fault::status(503), State::Problem),
    ] {
        let rig = Rig::new();
        rig.server.inject_always(Endpoint::Metadata, fault);
        let mut config = rig.config();
        let at = |path: &str| url::Url::parse(&format!("{}{path}", rig.server.issuer())).ok();
        config.endpoints.device_authorization = at("/device_authorization");
        config.endpoints.token = at("/token").filter(|_| by_hand);
        let report = Auth::new(config).unwrap().doctor().wait().unwrap();
        let server = report.findings.iter().find(|finding| finding.area == Area::Server).unwrap();
        assert_eq!(server.state, state, "{}", server.text);
    }
}
