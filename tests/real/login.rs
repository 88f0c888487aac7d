//! Logging in, to the end: what is printed, what is kept where, and that the token is worth something.

use std::fs;

use crate::needs::Need::{Keyring, Provider as Server};
use crate::needs::on_desktop;
use crate::provider::{Provider, Wish};

#[test]
fn a_login_shows_the_code_and_then_the_person() {
    let Some((provider, machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    let login = machine.acme(&provider.issuer).login(&provider, "ada", Wish::Approve, &[]).exits(0);

    let [shown, done] = &login.json()[..] else { panic!("not two lines: {login}") };
    assert_eq!(shown["event"], "device_authorization", "{login}");
    assert_eq!(shown["verification_uri"], format!("{}/device", provider.issuer), "{login}");
    let code = shown["user_code"].as_str().unwrap();
    assert_eq!(shown["verification_uri_complete"], format!("{}/device?user_code={code}", provider.issuer), "{login}");
    assert_eq!(shown["interval"], 1, "{login}");
    assert!(rfc3339(&shown["expires_at"]), "{login}");

    assert_eq!(done["event"], "logged_in", "{login}");
    assert!(done["account"].to_string().contains("ada"), "{login}");
    assert!(done["context"].as_str().is_some_and(|name| !name.is_empty()), "{login}");
    assert!(done["scopes"].as_array().is_some_and(|scopes| scopes.iter().any(|scope| scope == "email")), "{login}");
    assert!(!done["custody"].is_null(), "{login}");
}

#[test]
fn the_key_rests_in_the_keyring_and_no_file_holds_a_token() {
    let Some((provider, machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    let acme = machine.acme(&provider.issuer).logged_in(&provider, "ada");
    acme.run(&["auth", "token", "--refresh"]).exits(0);

    let item = machine.keyring_items("acme");
    assert!(item.contains("attribute.service = acme"), "the keyring holds: {item}");
    let label = item.lines().find(|line| line.starts_with("label")).unwrap_or_default();
    assert!(label.contains("ada") && label.contains("127.0.0.1"), "nobody recognises this item: {label}");

    let issued = [provider.access_tokens(), provider.refresh_tokens()].concat();
    assert_eq!(issued.len(), 4, "a login and a refresh");
    let tokens: Vec<String> = issued.into_iter().map(|token| token.value).collect();
    assert!(machine.home_entries().iter().any(|path| path.is_file()), "the record has to be somewhere");
    assert_eq!(machine.files_with(&tokens), Vec::<std::path::PathBuf>::new(), "files that hold a token");
    assert!(!tokens.iter().any(|token| item.contains(token)), "the keyring holds the key, not a token");
}

#[test]
fn a_fresh_process_has_the_persons_token() {
    let Some((provider, machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    let acme = machine.acme(&provider.issuer).logged_in(&provider, "ada");

    let token = acme.run(&["auth", "token"]).exits(0).word();
    assert_eq!(provider.userinfo(&token).expect("userinfo takes the token")["email"], "ada@example.com");

    let whoami = acme.run(&["whoami"]).exits(0);
    assert!(whoami.stdout.contains("ada@example.com"), "{whoami}");

    let told = acme.run(&["auth", "token", "--json"]).exits(0);
    let [object] = &told.json()[..] else { panic!("not one object: {told}") };
    assert_eq!(object["access_token"], token, "{told}");
    assert!(object["token_type"].as_str().is_some_and(|kind| kind.eq_ignore_ascii_case("bearer")), "{told}");
    assert!(rfc3339(&object["expires_at"]), "{told}");
    assert!(object["context"].as_str().is_some_and(|name| !name.is_empty()), "{told}");
    assert!(object.as_object().unwrap().contains_key("org"), "{told}");
    assert!(object["scopes"].as_array().is_some_and(|scopes| scopes.iter().any(|scope| scope == "openid")), "{told}");
}

/// The server's own userinfo endpoint refuses JWTs (`resource.mjs` says why and what stands in for it).
#[test]
fn a_server_of_jwts_gives_a_jwt_that_userinfo_takes() {
    let Some((provider, machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[("OIDC_JWT", "1")])) else {
        return;
    };
    let acme = machine.acme(&provider.issuer).logged_in(&provider, "ada");
    for arguments in [&["auth", "token"][..], &["auth", "token", "--refresh"]] {
        let token = acme.run(arguments).exits(0).word();
        assert_eq!(token.split('.').count(), 3, "not a JWT: {token}");
        assert_eq!(provider.userinfo(&token).expect("userinfo takes the token")["email"], "ada@example.com");
    }
    let whoami = acme.run(&["whoami"]).exits(0);
    assert!(whoami.stdout.contains("ada@example.com"), "{whoami}");
}

#[test]
fn a_named_resource_gets_a_token_of_its_own() {
    let Some((provider, machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    let acme = machine.acme(&provider.issuer).with("ACME_RESOURCE", "urn:acme:api").logged_in(&provider, "ada");
    let token = acme.run(&["auth", "token"]).exits(0).word();
    assert_eq!(token.split('.').count(), 3, "not the JWT that the resource has: {token}");
}

#[test]
fn a_denied_login_says_so_and_leaves_nothing() {
    let Some((provider, machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    let acme = machine.acme(&provider.issuer);
    for wish in [Wish::Deny, Wish::Abort] {
        acme.login(&provider, "ada", wish, &[]).exits(1).fails_with("denied", "");
        assert_eq!(machine.keyring_items("acme"), "", "after {wish:?}");
        acme.run(&["auth", "token"]).exits(4);
    }
    assert!(provider.refresh_tokens().is_empty());
}

#[test]
fn an_unknown_client_gets_the_servers_error() {
    let Some((provider, machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    let acme = machine.acme(&provider.issuer).with("ACME_CLIENT_ID", "nobody");
    let login = acme.login(&provider, "ada", Wish::Approve, &[]).exits(1);
    login.fails_with("authorizationserver", "");
    assert!(login.stdout.contains("invalid_client"), "{login}");
    assert_eq!(machine.keyring_items("acme"), "");
}

#[test]
fn two_accounts_live_side_by_side() {
    let Some((provider, machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    let acme = machine.acme(&provider.issuer);
    for (context, account) in [("work", "ada"), ("home", "bob")] {
        acme.login(&provider, account, Wish::Approve, &["--context", context]).exits(0);
    }
    let token = |context: &str| acme.run(&["auth", "token", "--context", context]);
    let whose = |context: &str| provider.userinfo(&token(context).exits(0).word()).unwrap()["sub"].clone();
    assert_eq!((whose("work"), whose("home")), ("ada".into(), "bob".into()));

    acme.run(&["auth", "logout", "--context", "work"]).exits(0);
    token("work").exits(4);
    assert_eq!(whose("home"), "bob");
}

/// The record of a login is in the state folder, where backups and sync do not look for secrets to keep.
#[test]
fn the_state_folder_is_private() {
    use std::os::unix::fs::PermissionsExt;
    let Some((provider, machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    machine.acme(&provider.issuer).logged_in(&provider, "ada");
    let home = machine.home().join(".state/acme");
    let open: Vec<_> = machine
        .home_entries()
        .into_iter()
        .filter(|path| path.starts_with(&home))
        .filter(|path| fs::metadata(path).unwrap().permissions().mode() & 0o077 != 0)
        .collect();
    assert!(home.is_dir(), "the state folder of the app: {:?}", machine.home_entries());
    assert!(open.is_empty(), "readable by others: {open:?}");
}

fn rfc3339(value: &serde_json::Value) -> bool {
    value.as_str().is_some_and(|text| text.len() >= 20 && text.contains('T') && text.ends_with('Z'))
}
