//! The key of a login that moves to another place: killed after every step, and among refreshes and logouts. Whatever
//! becomes of the move, the login works with the token that it had; done again, it leaves one key, where it was to go.

use std::collections::BTreeMap;
use std::fs;
use std::thread;

use serde_json::Value;

use crate::acme::Acme;
use crate::control::{Signal, steps_of_a_move};
use crate::kernel;
use crate::needs::Need::{Keyring, Keys};
use crate::process::Run;
use crate::rig::{OWN, Rig, Server, among_others};
use crate::table::{Column, print};

/// From every place, and to every place, that keeps a key for longer than a session.
const PAIRS: [(&str, &str); 4] =
    [("os", "kernel"), ("kernel", "keyfile"), ("keyfile", "passphrase"), ("passphrase", "os")];

/// The four steps that only a move passes, in their order.
const KEY_STEPS: [&str; 4] = ["key copied", "key verified", "key switched", "key erased"];

#[test]
fn a_move_killed_after_any_step_can_be_repeated() {
    let Some(_cores) = among_others(&[Keyring, Keys]) else { return };
    let columns = thread::scope(|scope| {
        let matrices = PAIRS.map(|(from, to)| scope.spawn(move || killed_at_every_step(from, to)));
        matrices.map(|matrix| matrix.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
    });
    let heads = PAIRS.map(|(from, to)| format!("{from} to {to}"));
    let columns: Vec<(&str, Column)> = heads.iter().map(String::as_str).zip(columns).collect();
    print("SIGKILL after a step of a move (the nth time that it is done): where the key was then", &columns);
}

fn killed_at_every_step(from: &str, to: &str) -> Column {
    let rig = Rig::new(Server::Strict);
    let mut column = Column::new();
    for step in steps_of_a_move() {
        for nth in 1.. {
            let login = Login::new(&rig, from);
            if to == "keyfile" {
                // Made anew every time, so that its steps are among these.
                let _ = fs::remove_file(rig.home.join("key"));
            }
            let dies = login.acme.clone().with("HALLPASS_FAILPOINT", &format!("KILL:{step}:{nth}"));
            let killed = move_to(&dies, to);
            if killed.code.is_some() {
                assert!(nth > 1 || !KEY_STEPS.contains(&&*step), "a move never passes {step}\n{killed}");
                killed.exits(0);
                login.has_its_key_only_in(to);
                break;
            }
            // Wherever the key is, the login is as it was.
            let found = login.key_stores();
            assert!(found == [from] || found == [to] || found.len() == 2, "{step} {nth}: {found:?}");
            assert_eq!(login.token(), login.had, "{step} {nth}");
            column.push((format!("{step} {nth}"), found.join(" and ")));

            move_to(&login.acme, to).exits(0);
            login.has_its_key_only_in(to);
            assert_eq!(login.token(), login.had, "{step} {nth}, and moved again");
        }
    }
    // And it can be refreshed: the key that arrived is the whole of it.
    let login = Login::new(&rig, from);
    move_to(&login.acme, to).exits(0);
    assert_ne!(login.acme.run(&["auth", "token", "--refresh"]).exits(0).word(), login.had);
    column
}

/// A process that moves a key stands still after each step, and everybody else goes on.
#[test]
fn a_stopped_move_delays_a_refresh_and_no_cached_token() {
    let Some(_cores) = among_others(&[Keyring, Keys]) else { return };
    let rig = Rig::new(Server::Strict);
    for step in KEY_STEPS {
        let login = Login::new(&rig, "os");
        let mut moving = login.begin_move_until(step);
        assert_eq!(login.token(), login.had, "{step}");
        let mut refresh = login.acme.start(&["auth", "token", "--refresh"]);
        assert!(!refresh.speaks_within(std::time::Duration::from_millis(200)), "{step}: it did not wait");
        moving.signal(Signal::CONT);
        assert!(moving.line().is_some_and(|line| line.contains("\"moved\"")), "{step}");
        moving.finish().exits(0);
        assert_ne!(refresh.finish().exits(0).word(), login.had, "{step}");
        login.has_its_key_only_in("kernel");
    }
}

#[test]
fn a_logout_waits_for_a_move_and_leaves_no_key() {
    let Some(_cores) = among_others(&[Keyring, Keys]) else { return };
    let rig = Rig::new(Server::Strict);
    for step in KEY_STEPS {
        let login = Login::new(&rig, "os");
        let moving = login.begin_move_until(step);
        let mut logout = login.acme.start(&["auth", "logout", "--json"]);
        assert!(!logout.speaks_within(std::time::Duration::from_millis(200)), "{step}: it did not wait");
        moving.signal(Signal::CONT);
        moving.finish().exits(0);
        let logout = logout.finish().exits(0);
        assert!(logout.stdout.contains("\"revoked\""), "{step}: {logout}");
        assert_eq!(login.key_stores(), [""; 0], "{step}");
        assert_eq!(rig.server.live_families(), 0, "{step}");
        login.acme.run(&["auth", "token", "--json"]).exits(4).fails_with("notloggedin", "login");
    }
}

/// The logout is first.
#[test]
fn a_move_during_a_logout_moves_nothing() {
    let Some(_cores) = among_others(&[Keyring, Keys]) else { return };
    let rig = Rig::new(Server::Strict);
    let login = Login::new(&rig, "os");
    // While the index is written, behind the login's lock.
    let logout = login.acme.clone().with("HALLPASS_FAILPOINT", "STOP:opened:1").start(&["auth", "logout"]);
    assert!(logout.stops());
    let mut moving = login.acme.start(&["auth", "doctor", "--move-to", "kernel", "--context", "work", "--json"]);
    assert!(!moving.speaks_within(std::time::Duration::from_millis(200)), "it did not wait");
    logout.signal(Signal::CONT);
    logout.finish().exits(0);
    moving.finish().exits(4).fails_with("notloggedin", "login");
    assert_eq!(login.key_stores(), [""; 0]);
}

/// Refreshes and moves in both directions at once.
#[test]
fn racing_refreshes_and_moves_succeed_and_leave_one_key() {
    let Some(_cores) = among_others(&[Keyring, Keys]) else { return };
    let rig = Rig::new(Server::Strict);
    let login = Login::new(&rig, "keyfile");
    let before = rig.rotations();
    let runs: Vec<Run> = thread::scope(|scope| {
        let work = |arguments: &'static [&'static str]| {
            scope.spawn(|| (0..8).map(|_| login.acme.run(arguments)).collect::<Vec<_>>())
        };
        let works = [
            work(&["auth", "doctor", "--move-to", "kernel"]),
            work(&["auth", "doctor", "--move-to", "keyfile"]),
            work(&["auth", "token", "--refresh"]),
            work(&["auth", "token"]),
        ];
        works.into_iter().flat_map(|work| work.join().unwrap()).collect()
    });
    runs.into_iter().for_each(|run| drop(run.exits(0)));
    assert!(rig.rotations() > before);
    move_to(&login.acme, "os").exits(0);
    login.has_its_key_only_in("os");
    assert!(rig.takes(&login.token()));
}

/// A login of the context that things happen to, whose key rests in a place.
struct Login<'a> {
    rig: &'a Rig,
    acme: Acme<'a>,
    grant: String,
    /// The token that it came with.
    had: String,
}

impl<'a> Login<'a> {
    fn new(rig: &'a Rig, place: &str) -> Self {
        let acme = rig.acme().with("ACME_PASSPHRASE", "correct horse battery");
        let login = acme.clone().with("ACME_CUSTODY", place);
        // Nothing waits where the clock stands.
        let login = login.with("ACME_CLOCK", &crate::rig::seconds_since_1970().to_string());
        login.run(&["auth", "login", "--json", "--context", OWN]).exits(0);
        let grant = rig.record(OWN).file_name().unwrap().to_str().unwrap().to_owned();
        let had = acme.run(&["auth", "token"]).exits(0).word();
        let login = Self { rig, acme, grant, had };
        login.has_its_key_only_in(place);
        login
    }

    fn token(&self) -> String {
        self.acme.run(&["auth", "token"]).exits(0).word()
    }

    /// A move into the kernel that stands still after a step.
    fn begin_move_until(&self, step: &str) -> crate::process::Running {
        let acme = self.acme.clone().with("HALLPASS_FAILPOINT", &format!("STOP:{step}:1"));
        let moving = acme.start(&["auth", "doctor", "--move-to", "kernel", "--json"]);
        assert!(moving.stops(), "{step}");
        moving
    }

    /// Every place where there is a key of this login.
    fn key_stores(&self) -> Vec<&'static str> {
        let file = |place: &str| self.rig.home.join("grants").join(format!("{}.acme.{place}", self.grant)).exists();
        let found = BTreeMap::from([
            ("keyfile", file("keyfile")),
            ("kernel", kernel::holds("hallpass", &self.grant)),
            ("os", self.rig.machine.keyring_items("acme").contains(&self.grant)),
            ("passphrase", file("passphrase")),
        ]);
        found.into_iter().filter_map(|(place, is_there)| is_there.then_some(place)).collect()
    }

    #[track_caller]
    fn has_its_key_only_in(&self, place: &str) {
        assert_eq!(self.key_stores(), [place]);
        let index: Value = serde_json::from_slice(&fs::read(self.rig.home.join("index.json")).unwrap()).unwrap();
        assert_eq!(index["contexts"][0]["custody"], place);
    }
}

fn move_to(acme: &Acme<'_>, place: &str) -> Run {
    acme.run(&["auth", "doctor", "--move-to", place, "--json"])
}
