//! What a crash, a copied file or an ended session leaves, and what is done about it.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;

use crate::embedded::server;
use crate::machine::Machine;
use crate::process;

#[test]
fn a_record_with_its_key_in_the_store_is_named_again() {
    let (server, machine) = (server(), Machine::desktop());
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "os");
    acme.log_in();
    let token = acme.token();
    fs::write(machine.home().join(".state/acme/index.json"), "{\"format\":1,\"default\":null,\"contexts\":[]}")
        .unwrap();
    let run = acme.run(&["auth", "doctor", "--repair"]).exits(0);
    assert!(acme.run(&["auth", "token"]).stdout.contains(&token), "{run}");
}

#[test]
fn a_foreign_credential_does_not_lead_to_run_as_its_owner() {
    let (server, machine) = (server(), Machine::headless());
    let folder = machine.scratch().join("credentials");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let key = folder.join("acme.key");
    fs::write(&key, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    chown(&key, Some(4242), None).unwrap();
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile");
    let acme = acme.with("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    acme.run(&["auth", "login", "--json"]).exits(6).fails_with("custody", "fixpath");
}

#[test]
fn the_doctor_checks_the_credential_of_a_login() {
    let (server, machine) = (server(), Machine::headless());
    let folder = machine.scratch().join("credentials");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    fs::write(folder.join("acme.key"), "no key").unwrap();
    fs::set_permissions(folder.join("acme.key"), fs::Permissions::from_mode(0o400)).unwrap();
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile");
    let acme = acme.with("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    acme.run(&["auth", "login", "--json"]).exits(6);
    let doctor = acme.run(&["auth", "doctor"]).exits(1);
    assert!(doctor.stdout.contains("hint: give systemd a key for its credential acme.key: `openssl rand -base64 32"));
}

#[test]
fn the_doctor_caches_no_key_in_the_kernel() {
    let (server, machine) = (server(), Machine::headless());
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile");
    acme.log_in();
    acme.clone().with("ACME_KEY_CACHE", "3600").run(&["auth", "doctor"]).exits(0);
    assert!(!crate::kernel::holds("hallpass-cache", &acme.grant()));
}

fn ephemeral(machine: &Machine, issuer: &str) {
    let program = crate::acme::example("acme");
    let acme = machine.acme(issuer).at_a_standing_clock(0);
    let arguments = ["session", "-", program.to_str().unwrap(), "auth", "login", "--ephemeral", "--json"];
    process::run(&mut acme.command_of(Path::new("keyctl"), &arguments)).exits(0);
}

#[test]
fn an_ephemeral_login_whose_session_ended_can_be_logged_out() {
    let (server, machine) = (server(), Machine::headless());
    ephemeral(&machine, server.issuer());
    machine.acme(server.issuer()).run(&["auth", "logout", "--local-only"]).exits(0);
}

#[test]
fn a_login_after_an_ephemeral_login_erases_it() {
    let (server, machine) = (server(), Machine::headless());
    ephemeral(&machine, server.issuer());
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "kernel");
    let old = acme.grant();
    acme.log_in();
    let doctor = acme.run(&["auth", "doctor"]);
    let repair = acme.run(&["auth", "doctor", "--repair"]);
    let again = acme.run(&["auth", "doctor"]);
    assert!(!machine.grants(&old).exists(), "{doctor}\n{repair}\n{again}");
}

#[test]
fn a_repair_does_not_claim_a_record_that_it_cannot_open() {
    let (server, machine) = (server(), Machine::headless());
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "passphrase");
    acme.clone().with("ACME_PASSPHRASE", "correct horse battery").log_in();
    fs::write(machine.home().join(".state/acme/index.json"), "{").unwrap();
    let run = process::run(&mut acme.command_of(
        Path::new("setsid"),
        &[crate::acme::example("acme").to_str().unwrap(), "auth", "doctor", "--repair"],
    ));
    assert!(!run.stderr.contains("Repaired: left"), "{run}");
}

#[test]
fn a_logout_erases_half_written_wrapped_keys() {
    let (server, machine) = (server(), Machine::headless());
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "kernel");
    acme.log_in();
    let grant = acme.grant();
    machine.acme(server.issuer()).with("HALLPASS_FAILPOINT", "KILL:synced:2").run(&[
        "auth",
        "doctor",
        "--move-to",
        "keyfile",
    ]);
    let acme = machine.acme(server.issuer());
    acme.run(&["auth", "doctor", "--repair"]).exits(0);
    acme.run(&["auth", "logout"]).exits(0);
    let left: Vec<_> = machine
        .home_entries()
        .into_iter()
        .filter(|path| path.to_string_lossy().contains(&format!("{grant}.k")))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[test]
fn a_misspelt_credential_is_not_replaced_by_a_key_file() {
    let (server, machine) = (server(), Machine::headless());
    let folder = machine.scratch().join("credentials");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile");
    let acme = acme.with("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    acme.run(&["auth", "login", "--json"]).exits(6).fails_with("custody", "runasservice");
    assert!(machine.files_named("key").is_empty());
}

#[test]
fn a_closed_passphrase_descriptor_is_named() {
    let (server, machine) = (server(), Machine::headless());
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "passphrase");
    for descriptor in ["3", "4", "7", "0", "three"] {
        let run = acme.clone().with("ACME_PASSPHRASE_FD", descriptor).run(&["auth", "login", "--json"]).exits(6);
        let why = if descriptor.parse().is_ok_and(|number: u8| number > 2) {
            "it is not open"
        } else {
            "it is no number above 2"
        };
        assert!(run.stdout.contains(&format!("descriptor {descriptor}: {why}")), "{run}");
    }
}
