//! The ready configurations: what they are made from leads nowhere else.

use hallpass::servers::{entra, github, gitlab, okta, twitch, workos_authkit, workos_connect};

#[test]
fn what_is_named_leads_nowhere_else() {
    for name in ["", "a/b", "a@b", "a?b", "a#b", "a\\b", "{}", "a b", "ä", "a:x", ".", ".."] {
        let made = [gitlab("acme", name, "c"), entra("acme", name, "c"), workos_connect("acme", name, "c")];
        assert!(made.iter().all(Result::is_err), "{name}: {made:?}");
    }
    for issuer in ["https://a.okta.com", "https://a.okta.com/oauth2/", "http://a.okta.com/oauth2/x", "/oauth2/x"] {
        assert!(okta("acme", issuer, "c").is_err(), "{issuer}");
    }
}

#[test]
fn endpoints_are_those_of_the_server() {
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
        assert_eq!(shown(config.device_authorization_endpoint), device);
        assert_eq!(shown(config.token_endpoint), token);
    }
}
