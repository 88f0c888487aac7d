//! A secret goes home: where it may go is fixed at login, whatever the environment says later; and to a server only
//! whose certificate is believed.

use crate::http::Bystander;
use crate::machine::Machine;
use crate::needs::Need::{Keyring, Openssl, Provider as Server};
use crate::needs::{on_desktop, ready};
use crate::provider::{Provider, Wish};
use crate::tls;

#[test]
fn the_environment_cannot_redirect_a_secret() {
    let Some((provider, machine)) = on_desktop(&[Server, Keyring], || Provider::start(&[])) else { return };
    let acme = machine.acme(&provider.issuer).logged_in(&provider, "ada");
    let elsewhere = Bystander::start();
    let changes = [
        ("ACME_ISSUER", elsewhere.url("")),
        ("ACME_TOKEN_ENDPOINT", elsewhere.url("/token")),
        ("ACME_REVOCATION_ENDPOINT", elsewhere.url("/revoke")),
        ("ACME_CLIENT_ID", "another".to_owned()),
    ];
    let secrets_travel = [&["auth", "token", "--refresh"][..], &["auth", "logout"], &["whoami"]];

    provider.forget();
    for (name, value) in &changes {
        for arguments in secrets_travel {
            let run = acme.clone().with(name, value).run(arguments);
            assert!(run.code.is_some_and(|code| code != 0), "{name}={value} was obeyed: {run}");
            assert_eq!(elsewhere.calls(), 0, "{name}={value} sent something away: {run}");
            assert_eq!(provider.asked("token") + provider.asked("revocation"), 0, "{name}={value}: {run}");
        }
    }

    // And the grant is none the worse for it.
    acme.run(&["auth", "token", "--refresh"]).exits(0);
    acme.run(&["auth", "logout"]).exits(0);
}

#[test]
fn a_private_ca_is_trusted_only_if_named() {
    let Some(machine) = ready(&[Server, Keyring, Openssl], Machine::desktop) else { return };
    let tls = tls::make(machine.scratch());
    let provider = Provider::start_tls(&tls, &[]);
    assert!(provider.issuer.starts_with("https://localhost:"), "{}", provider.issuer);
    let stranger = machine.acme(&provider.issuer);
    let acme = stranger.clone().with("ACME_CA_FILE", tls.ca.to_str().unwrap());

    let refused = stranger.login(&provider, "ada", Wish::Approve, &[]).exits(5);
    refused.fails_with("unreachable", "trustroot");
    assert!(refused.stdout.contains("leads to no root that is trusted here"), "{refused}");
    assert_eq!(provider.requests(), 0, "nothing was said to a server that is not believed");
    assert_eq!(machine.keyring_items("acme"), "");
    assert!(machine.home_entries().is_empty(), "left behind: {:?}", machine.home_entries());

    acme.login(&provider, "ada", Wish::Approve, &[]).exits(0);
    let whoami = acme.run(&["whoami"]).exits(0);
    assert!(whoami.stdout.contains("ada@example.com"), "{whoami}");
    provider.forget();
    stranger.run(&["auth", "token", "--refresh"]).exits(5);
    assert_eq!(provider.requests(), 0);
    acme.run(&["auth", "token", "--refresh"]).exits(0);
}
