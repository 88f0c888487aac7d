//! Places that refuse, lose or mix up what they were given, and homes that were copied. Each is named with the way out,
//! and nothing is taken for "not logged in".

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::Path;
use std::process::Command;

use hallpass::testing::{Endpoint, Person};

use crate::embedded::server;
use crate::kernel;
use crate::machine::{Machine, eventually};
use crate::needs::Need::{Keyring, Keys, Root, Strace};
use crate::needs::{on_desktop, on_headless};
use crate::process::{self, Run};

#[test]
fn a_state_folder_out_of_a_backup_sends_nothing() {
    let Some((server, machine)) = on_headless(&[Keys], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile").with("ACME_KEY_CACHE", "3600");
    acme.log_in();
    let (home, backup) = (machine.home().join(".state/acme"), machine.scratch().join("backup"));
    copy(&home, &backup);
    acme.run(&["auth", "token", "--refresh"]).exits(0);
    let newer = machine.scratch().join("newer");
    copy(&home, &newer);
    copy(&backup, &home);
    let requests = server.requests_to(Endpoint::Token).len();
    let refused = acme.run(&["auth", "token", "--refresh", "--json"]).exits(6);
    refused.fails_with("custody", "login");
    assert!(refused.stdout.contains("restored from a backup"), "{refused}");
    assert_eq!(server.requests_to(Endpoint::Token).len(), requests, "nothing was sent");
    copy(&newer, &home);
    acme.run(&["auth", "token", "--refresh"]).exits(0);
    assert_eq!(server.counts().reuses, 0);
}

#[test]
fn a_copied_state_folder_on_another_machine_sends_nothing() {
    let Some((server, machine)) = on_headless(&[Root], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile");
    acme.log_in();
    let id = machine.scratch().join("machine-id");
    fs::write(&id, "0123456789abcdef0123456789abcdef\n").unwrap();
    // The same, but for the file that names the machine, in a mount namespace of its own.
    let script = "mount --bind \"$0\" /etc/machine-id && exec \"$@\"";
    let elsewhere = ["unshare", "--mount", "sh", "-c", script, id.to_str().unwrap()];
    assert_eq!(acme.run_under(&elsewhere, &["auth", "token"]).exits(0).word(), acme.token());
    let requests = server.requests().len();
    let refused = acme.run_under(&elsewhere, &["auth", "token", "--refresh", "--json"]).exits(6);
    refused.fails_with("custody", "login");
    assert!(refused.stdout.contains("made on another machine"), "{refused}");
    assert_eq!(server.requests().len(), requests, "nothing was sent");
    acme.run(&["auth", "token", "--refresh"]).exits(0);
}

#[test]
fn a_file_system_without_locks_stops_a_refresh() {
    let Some((server, machine)) = on_headless(&[Strace], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile");
    acme.log_in();
    let requests = server.requests().len();
    for error in ["ENOLCK", "EOPNOTSUPP"] {
        let without = [
            "strace",
            "-f",
            "-qq",
            "-o",
            "/dev/null",
            "-e",
            "trace=flock",
            "-e",
            &format!("inject=flock:error={error}"),
        ];
        let refused = acme.run_under(&without, &["auth", "token", "--refresh", "--json"]).exits(6);
        refused.fails_with("custody", "config");
        assert!(refused.stdout.contains("has no locks"), "{refused}");
        acme.run_under(&without, &["auth", "token"]).exits(0);
    }
    assert_eq!(server.requests().len(), requests);
    acme.run(&["auth", "token", "--refresh"]).exits(0);
}

#[test]
fn a_seccomp_filter_on_kernel_keys_is_named() {
    let Some((server, machine)) = on_headless(&[Strace, Keys], server) else { return };
    let acme = machine.acme(server.issuer());
    let kernel = acme.clone().with("ACME_CUSTODY", "kernel");
    let forbidden = |error: &str| {
        ["strace", "-f", "-qq", "-o", "/dev/null", "-e", "trace=add_key,keyctl", "-e"]
            .map(str::to_owned)
            .into_iter()
            .chain([format!("inject=add_key,keyctl:error={error}")])
            .collect::<Vec<_>>()
    };
    for error in ["EPERM", "ENOSYS", "EACCES"] {
        let forbidden = forbidden(error);
        let under: Vec<&str> = forbidden.iter().map(String::as_str).collect();
        let login = kernel.run_under(&under, &["auth", "login", "--json"]).exits(6);
        login.fails_with("custody", "chooseplace");
        // Of a choice without a store and without a kernel's keyring, both are told.
        let login = acme.run_under(&under, &["auth", "login", "--json"]).exits(6);
        login.fails_with("custody", "chooseplace");
        assert!(login.stdout.contains("secure store") && login.stdout.contains("kernel's keyring"), "{login}");
        assert!(machine.home_entries().is_empty(), "{:?}", machine.home_entries());
        assert!(server.requests_to(Endpoint::Token).is_empty());
    }
    kernel.log_in();
    let own = kernel.token();
    for error in ["EPERM", "ENOSYS"] {
        let forbidden = forbidden(error);
        let under: Vec<&str> = forbidden.iter().map(String::as_str).collect();
        let refused = kernel.run_under(&under, &["auth", "token", "--json"]).exits(6);
        refused.fails_with("custody", "");
        assert!(refused.stdout.contains("forbids it"), "{refused}");
    }
    assert_eq!(kernel.token(), own);
}

#[test]
fn a_full_quota_of_kernel_keys_is_named() {
    let Some((server, machine)) = on_headless(&[Keys, Root], server) else { return };
    // A user whom nobody is: 200 keys are theirs, and nobody else's.
    let uid = 40_000 + std::process::id() % 16;
    let user = User::new(&machine, uid);
    let acme = machine.acme(server.issuer());
    let run = |custody: &str, arguments: &[&str]| {
        let acme = acme.at_a_standing_clock(0).with("ACME_CUSTODY", custody);
        user.run(
            &mut acme
                .command_of(Path::new("setpriv"), &user.arguments(&[&[user.program.as_str()], arguments].concat())),
        )
    };
    user.shell("for n in $(seq 220); do keyctl add user fill:$n x @u; done >&2; true").exits(0);
    let full = run("kernel", &["auth", "login", "--json"]).exits(6);
    full.fails_with("custody", "chooseplace");
    assert!(full.stdout.contains("quota of kernel keys is used up"), "{full}");
    let full = run("auto", &["auth", "login", "--json"]).exits(6);
    full.fails_with("custody", "chooseplace");
    assert!(full.stdout.contains("secure store") && full.stdout.contains("quota of kernel keys"), "{full}");
    assert!(server.requests_to(Endpoint::Token).is_empty());
    // A copy of a key that finds no room is none, and in nobody's way.
    run("keyfile", &["auth", "login", "--json"]).exits(0);
    run("keyfile", &["auth", "token"]).exits(0);

    user.shell("keyctl clear @u").exits(0);
    // The kernel gives a quota back when it has collected what was cleared.
    eventually("room for keys", || user.keys() < 50);
    run("kernel", &["auth", "login", "--json"]).exits(0);
    run("kernel", &["auth", "token"]).exits(0);
}

/// The kernel has room for 200 keys of a user, which other programs need too.
#[test]
fn many_logins_need_few_kernel_keys() {
    let Some((server, machine)) = on_headless(&[Keys, Root], server) else { return };
    let user = User::new(&machine, 40_100 + std::process::id() % 16);
    let acme = machine.acme(server.issuer()).at_a_standing_clock(0).with("ACME_KEY_CACHE", "3600");
    let run = |custody: &str, arguments: &[&str]| {
        let acme = acme.clone().with("ACME_CUSTODY", custody).with("ACME_PASSPHRASE", "correct horse battery");
        user.run(
            &mut acme
                .command_of(Path::new("setpriv"), &user.arguments(&[&[user.program.as_str()], arguments].concat())),
        )
    };
    user.shell("keyctl clear @u").exits(0);
    run("keyfile", &["auth", "login", "--json", "--context", "n0"]).exits(0);
    run("keyfile", &["auth", "token", "--refresh", "--context", "n0"]).exits(0);
    let before = user.keys();
    for n in 1..12 {
        server.approve_all_as(&Person::new(&format!("p{n}"), "P", &format!("p{n}@example.com")));
        run("keyfile", &["auth", "login", "--json", "--context", &format!("n{n}")]).exits(0);
        run("keyfile", &["auth", "token", "--refresh", "--context", &format!("n{n}")]).exits(0);
    }
    // The kernel collects what was replaced by and by.
    eventually("one key for the numbers of all records", || user.keys() <= before);
    let names = || user.shell("keyctl list @u").exits(0).stdout;
    assert_eq!(names().matches("hallpass-seen").count(), 1, "{}", names());

    // Copies of keys: of another state folder here.
    user.shell("for n in $(seq 30); do keyctl add user hallpass-cache:acme:another$n x @u; done >&2").exits(0);
    server.approve_all_as(&Person::new("last", "P", "last@example.com"));
    run("passphrase", &["auth", "login", "--json", "--context", "last"]).exits(0);
    run("passphrase", &["auth", "token", "--context", "last"]).exits(0);
    assert_eq!(names().matches("hallpass-cache:").count(), 16, "{}", names());

    // An earlier version has left a key for each login; what is of another folder or program is not ours to free.
    let locks = fs::read_dir(machine.home().join(".state/acme/grants")).unwrap();
    let locks = locks.filter_map(|file| Some(file.unwrap().file_name().to_str()?.strip_suffix(".lock")?.to_owned()));
    let numbers = locks.map(|grant| format!("keyctl add user hallpass-seen:acme:{grant} 1 @u >&2")).collect::<Vec<_>>();
    assert!(numbers.len() >= 13, "{numbers:?}");
    user.shell(&numbers.join("; ")).exits(0);
    user.shell("keyctl add user another-program x @u >&2; keyctl add user hallpass-seen:acme:another 1 @u >&2")
        .exits(0);
    let (doctor, count) = (run("keyfile", &["auth", "doctor"]), numbers.len());
    assert!(doctor.stdout.contains(&format!("note     memory    {count} keys in the kernel are copies")), "{doctor}");
    let repaired = run("keyfile", &["auth", "doctor", "--repair"]).exits(0);
    assert!(repaired.stderr.contains(&format!("Repaired: freed {count} of this user's keys")), "{repaired}");
    let left = names();
    assert_eq!((left.matches("hallpass-cache:").count(), left.matches("another-program").count()), (16, 1), "{left}");
    assert_eq!(left.matches("hallpass-seen").count(), 2, "one of all, one of another folder: {left}");
    assert!(run("keyfile", &["auth", "doctor", "--repair"]).exits(0).stderr.contains("nothing to repair"));
}

#[test]
fn a_key_that_the_kernel_lost_is_named() {
    let Some((server, machine)) = on_headless(&[Keys], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "kernel");
    acme.log_in();
    let grant = acme.grant();
    assert!(kernel::take_out("hallpass", &grant), "it was there");
    let lost = acme.run(&["auth", "token", "--json"]).exits(6);
    lost.fails_with("custody", "login");
    assert!(lost.stdout.contains("until the next reboot"), "{lost}");
    assert_eq!(acme.grant(), grant, "it is still listed");
    acme.log_in();
    acme.token();
    assert!(!machine.grants(&grant).exists(), "the new login took the place of the lost one");
    // What stands under our name and is not ours is not taken for a key, nor shown.
    let grant = acme.grant();
    kernel::plant("hallpass", &grant, "hunter2");
    let strange = acme.run(&["auth", "token", "--json"]).exits(6);
    strange.fails_with("custody", "login");
    assert!(strange.stdout.contains("was overwritten") && !strange.stdout.contains("hunter2"), "{strange}");
    acme.run(&["auth", "logout"]).exits(0);
    // Nor is it ours to erase: nothing here was sealed with it.
    assert!(kernel::take_out("hallpass", &grant));
}

#[test]
fn a_foreign_item_in_the_store_is_not_taken_for_a_key() {
    let Some((server, machine)) = on_desktop(&[Keyring], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "os");
    acme.log_in();
    let grant = acme.grant();
    let script = format!("printf hunter2 | secret-tool store --label strange service acme username {grant}");
    process::run(acme.command_of(Path::new("sh"), &["-c", &script]).env("HOME", machine.scratch().join("desktop")))
        .exits(0);
    let strange = acme.run(&["auth", "token", "--json"]).exits(6);
    strange.fails_with("custody", "login");
    assert!(strange.stdout.contains("was overwritten") && !strange.stdout.contains("hunter2"), "{strange}");
    assert_eq!(acme.grant(), grant, "it is still listed");
    // What can never be read again can still be forgotten, and says that the server was not told.
    let logout = acme.run(&["auth", "logout", "--json"]).exits(0);
    assert!(logout.stdout.contains("\"unreadable\""), "{logout}");
    assert!(machine.keyring_items("acme").contains("secret = hunter2"), "it is not ours to erase");
}

#[test]
fn a_credential_of_another_user_is_refused() {
    let Some((server, machine)) = on_headless(&[Root], server) else { return };
    let folder = machine.scratch().join("credentials");
    fs::create_dir(&folder).unwrap();
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    let key = folder.join("acme.key");
    fs::write(&key, "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=").unwrap();
    fs::set_permissions(&key, fs::Permissions::from_mode(0o400)).unwrap();
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "keyfile");
    let acme = acme.with("CREDENTIALS_DIRECTORY", folder.to_str().unwrap());
    acme.log_in();
    let own = acme.token();
    for path in [&key, &folder] {
        chown(path, Some(4242), None).unwrap();
        let refused = acme.run(&["auth", "token", "--json"]).exits(6);
        refused.fails_with("custody", "");
        assert!(refused.stdout.contains("belongs to user 4242"), "{refused}");
        chown(path, Some(0), None).unwrap();
        assert_eq!(acme.token(), own);
    }
}

/// A folder as it is, onto another that then holds nothing else.
fn copy(from: &Path, to: &Path) {
    let _ = fs::remove_dir_all(to);
    process::run(Command::new("cp").arg("--archive").args([from, to])).exits(0);
}

/// A user who has never been seen on this machine, with a home, a program and a keyring of their own.
struct User {
    uid: String,
    program: String,
}

impl User {
    fn new(machine: &Machine, uid: u32) -> Self {
        let program = machine.scratch().join("acme");
        fs::copy(crate::acme::example("acme"), &program).unwrap();
        for path in [machine.scratch(), &machine.home(), &machine.scratch().join("run")] {
            chown(path, Some(uid), None).unwrap();
        }
        Self { uid: uid.to_string(), program: program.to_str().unwrap().to_owned() }
    }

    /// What `setpriv` takes to run a program as this user.
    fn arguments<'a>(&'a self, program: &[&'a str]) -> Vec<&'a str> {
        [&["--reuid", self.uid.as_str(), "--regid", "65534", "--clear-groups"], program].concat()
    }

    fn run(&self, command: &mut Command) -> Run {
        process::run(command)
    }

    /// How many keys the kernel counts: the first number of the user's line in /proc/key-users, keyrings(7).
    fn keys(&self) -> usize {
        let users = fs::read_to_string("/proc/key-users").unwrap();
        let line = users.lines().find_map(|line| line.trim().strip_prefix(&format!("{}:", self.uid)));
        line.map_or(0, |line| line.split_whitespace().next().unwrap().parse().unwrap())
    }

    fn shell(&self, script: &str) -> Run {
        process::run(Command::new("setpriv").args(self.arguments(&["sh", "-c", script])))
    }
}

/// A keyring outlives its user's last process.
impl Drop for User {
    fn drop(&mut self) {
        let _ = Command::new("setpriv").args(self.arguments(&["keyctl", "clear", "@u"])).status();
    }
}
