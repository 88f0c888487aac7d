//! PKCE (RFC 7636) on the device grant: who polls is who asked.

use hallpass::ErrorKind;
use hallpass::config::Pkce;
use hallpass::testing::{Endpoint, Fault};

use crate::support::acme::Acme;
use crate::support::rig::{Rig, assert_error};

/// What of PKCE was sent to an endpoint, in order.
fn sent(rig: &Rig, endpoint: Endpoint, name: &str) -> Vec<Option<String>> {
    rig.server.requests_to(endpoint).iter().map(|seen| seen.parameter(name).map(str::to_owned)).collect()
}

#[test]
fn a_server_that_lists_pkce_gets_challenge_and_verifier() {
    let rig = Rig::with(|behaviour| behaviour.requires_pkce = true);
    // A poll that is still pending needs the proof, too.
    rig.server.inject(Endpoint::Token, Fault::error(400, "authorization_pending"));
    rig.try_log_in(|_| {}).unwrap();
    assert_eq!(sent(&rig, Endpoint::DeviceAuthorization, "code_challenge_method"), [Some("S256".into())]);
    let verifiers = sent(&rig, Endpoint::Token, "code_verifier");
    assert_eq!(verifiers.len(), 2);
    let verifier = verifiers[0].clone().unwrap();
    assert!(verifiers[1].as_ref() == Some(&verifier) && verifier.len() == 43, "{verifiers:?}");
    // The next login has another.
    rig.server.clear_requests();
    rig.try_log_in(|_| {}).unwrap();
    assert_ne!(sent(&rig, Endpoint::Token, "code_verifier"), [Some(verifier)]);
}

#[test]
fn another_server_gets_a_challenge_only_if_configured() {
    for (pkce, is_sent) in [(Pkce::IfListed, false), (Pkce::Never, false), (Pkce::Always, true)] {
        let rig = Rig::new();
        rig.try_log_in(|config| config.quirks.pkce = pkce).unwrap();
        for (endpoint, name) in [(Endpoint::DeviceAuthorization, "code_challenge"), (Endpoint::Token, "code_verifier")]
        {
            assert_eq!(sent(&rig, endpoint, name).iter().all(Option::is_some), is_sent, "{pkce:?} {name}");
        }
    }
}

#[test]
fn a_server_that_requires_pkce_refuses_a_login_without() {
    let rig = Rig::with(|behaviour| behaviour.requires_pkce = true);
    let error = rig.try_log_in(|config| config.quirks.pkce = Pkce::Never).unwrap_err();
    assert_error(&error, ErrorKind::AuthorizationServer, Some("ask_administrator"), 1);
    assert!(error.server_says().unwrap().contains("code challenge required"), "{error}");
    rig.assert_nothing_left("without");
}

#[test]
fn only_invalid_request_leads_to_a_try_without_pkce() {
    for (error, pkce, requests) in [
        ("invalid_request", Pkce::IfListed, 2),
        ("invalid_request", Pkce::Always, 1),
        ("invalid_scope", Pkce::IfListed, 1),
        ("unauthorized_client", Pkce::IfListed, 1),
    ] {
        let rig = Rig::with(|behaviour| behaviour.requires_pkce = true);
        rig.server.inject_always(Endpoint::DeviceAuthorization, Fault::error(400, error));
        rig.try_log_in(|config| config.quirks.pkce = pkce).unwrap_err();
        let challenges = sent(&rig, Endpoint::DeviceAuthorization, "code_challenge");
        assert_eq!(challenges.iter().map(Option::is_some).collect::<Vec<_>>(), [true, false][..requests], "{error}");
    }
}

#[test]
fn acme_reads_pkce_and_refresh_scopes_from_variables() {
    let acme = Acme::new();
    acme.server.approve_all();
    for (value, is_sent) in [("always", true), ("never", false)] {
        acme.server.clear_requests();
        let ran = acme.run_with(&["auth", "login", "--wait"], &[("ACME_PKCE", value)]);
        assert_eq!(ran.code, 0, "{ran:?}");
        let asked = acme.server.requests_to(Endpoint::DeviceAuthorization).pop().unwrap();
        assert_eq!(asked.parameter("code_challenge").is_some(), is_sent, "{value}");
        for (switch, is_named) in [("1", true), ("0", false)] {
            let ran = acme.run_with(&["auth", "token", "--refresh"], &[("ACME_REFRESH_SCOPES", switch)]);
            let asked = acme.server.requests_to(Endpoint::Token).pop().unwrap();
            assert_eq!((ran.code, asked.parameter("scope").is_some()), (0, is_named), "{ran:?}");
        }
    }
}
