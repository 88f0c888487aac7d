//! Values of variables: a line break at the end is no part of a value.

use crate::support::acme::*;

/// As editors on Windows write files that shells read, and as secrets are mounted.
#[test]
fn a_trailing_line_break_is_no_part_of_a_variable() {
    for ending in ["\r", "\n", "\r\n", "\n\n"] {
        let acme = Acme::new();
        acme.server.approve_all();
        let ended_so = |name: &str, value: &str| (name.to_owned(), format!("{value}{ending}"));
        let home = acme.home();
        let variables = [
            ended_so("ACME_HOME", home.to_str().unwrap()),
            ended_so("ACME_CUSTODY", "keyfile"),
            ended_so("ACME_CONTEXT", "work"),
            ended_so("ACME_ISSUER", acme.server.issuer()),
            ended_so("ACME_ALLOW_LOOPBACK_HTTP", "1"),
            // Nothing else is as good as unset.
            ended_so("ACME_ORG", ""),
            ended_so("ACME_TOKEN", ""),
        ];
        let variables: Vec<_> = variables.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let ran = acme.run_with(&["auth", "login", "--json"], &variables);
        assert_eq!(ran.code, 0, "{ending:?}: {ran:?}");
        let status = json(&acme.run_with(&["auth", "status", "--json"], &variables).stdout);
        assert_eq!((&status["context"], &status["custody"]), (&"work".into(), &"keyfile".into()), "{ending:?}");
        assert_eq!(status["state_folder"].as_str(), home.to_str(), "{ending:?}");
        let token = acme.run_with(&["auth", "token"], &[("ACME_TOKEN", &format!("given{ending}"))]);
        assert_eq!((token.code, token.stdout.as_str()), (0, "given\n"), "{ending:?}");
    }
}

#[test]
#[cfg(feature = "passphrase")]
fn a_trailing_line_break_is_no_part_of_a_passphrase() {
    let acme = Acme::new();
    acme.server.approve_all();
    let with = |passphrase| [("ACME_CUSTODY", "passphrase"), ("ACME_PASSPHRASE", passphrase)];
    assert_eq!(acme.run_with(&["auth", "login", "--json"], &with("correct horse\r\n")).code, 0);
    assert_eq!(acme.run_with(&["auth", "token"], &with("correct horse")).code, 0);
}
