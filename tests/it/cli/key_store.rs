//! `acme` as a process, where a place is the wrong one: what is said, and what to do. Of the doctor: tests/real/doctor.rs.

use crate::support::acme::*;

impl Acme {
    fn log_in(&self, context: &str, variables: &[(&str, &str)]) {
        self.server.approve_all();
        let ran = self.run_with(&["auth", "login", "--json", "--context", context], variables);
        assert_eq!(ran.code, 0, "{ran:?}");
    }
}

#[test]
fn where_the_names_of_the_logins_are_gone_it_is_not_said_that_there_are_none() {
    let acme = Acme::new();
    acme.log_in("work", &[]);
    std::fs::remove_file(acme.home().join("index.json")).unwrap();
    let lost = "no login has a name, and there is the record of one that has lost it";
    for command in [&["token"][..], &["status"], &["logout"], &["logout", "--all"]] {
        let ran = acme.run(&[&["auth"], command].concat());
        assert_eq!(ran.code, 4, "{ran:?}");
        assert!(ran.stderr.contains(&format!("error: {lost}\nhint: run `acme auth doctor --repair`")), "{ran:?}");
    }
    let list = acme.run(&["auth", "list"]);
    assert!(list.code == 0 && list.stderr.contains(lost), "{list:?}");
    assert_eq!(acme.run(&["auth", "doctor", "--repair"]).code, 0);
    assert_eq!(acme.run(&["auth", "logout", "--all"]).code, 0);
    assert_eq!((acme.grants(), acme.server.live_families()), (0, 0));
}

#[test]
fn a_place_that_is_none_is_in_the_way_of_a_login_alone() {
    let acme = Acme::new();
    acme.log_in("work", &[]);
    let nonsense = [("ACME_CUSTODY", "nonsense")];
    for command in ["status", "list", "token"] {
        assert_eq!(acme.run_with(&["auth", command], &nonsense).code, 0, "{command}");
    }
    let why = "there is no custody \"nonsense\": there are auto, os, ";
    let doctor = acme.run_with(&["auth", "doctor"], &nonsense);
    assert!(doctor.code == 1 && doctor.stdout.contains(why), "{doctor:?}");
    let login = acme.run_with(&["auth", "login", "--wait"], &nonsense);
    assert!(login.code == 2 && login.stderr.contains(why), "{login:?}");
    assert!(login.stderr.contains("hint: correct or unset ACME_CUSTODY"), "{login:?}");
    let moved = acme.run(&["auth", "doctor", "--move-to", "nonsense"]);
    assert!(moved.code == 2 && moved.stderr.contains("no key can move to \"nonsense\": this program has os, "));
    assert!(moved.stderr.contains("hint: name one of these places with --move-to"), "{moved:?}");
}
