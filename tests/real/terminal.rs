//! A passphrase on its own terminal (`script`, a pseudo terminal), on a descriptor and in a variable.

use std::fs;
use std::path::Path;

use rustix::process::{Pid, Signal, kill_process};
use rustix::termios::{LocalModes, tcgetattr};

use crate::acme::{Acme, example};
use crate::embedded::server;
use crate::machine::{Machine, eventually};
use crate::needs::Need::Terminal;
use crate::needs::on_headless;
use crate::process;
use crate::typist::Typist;

const RIGHT: &str = "correct horse battery";

/// As shells end a job that is stopped. This one's `wait` would not wait for it.
pub(crate) const ENDED: &str =
    "kill -TERM %1; kill -CONT %1; while kill -0 %1; do sleep 0.05; done 2>/dev/null; wait %1";

#[test]
fn a_passphrase_is_typed_without_an_echo_and_may_be_mistyped() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "passphrase");
    let mut typist = Typist::start(&acme.at_a_standing_clock(0), "\"$ACME\" auth login; echo \"code $?\"");
    typist.types("Choose a passphrase for the logins of acme, 8 characters or more: ", "battery");
    typist.types("That is too short. Choose one of 8 characters or more: ", RIGHT);
    typist.types("The same once more: ", "correct house battery");
    typist.types("They differ. Choose one of 8 characters or more: ", RIGHT);
    typist.types("The same once more: ", RIGHT);
    let shown = typist.ends("code 0");
    assert!(!shown.contains("battery"), "{shown}");

    let mut typist = Typist::start(&acme, "\"$ACME\" auth token; echo \"code $?\"; stty -a");
    typist.types("Passphrase of acme: ", "correct house battery");
    typist.types("That is not it. Once more: ", RIGHT);
    let shown = typist.ends("code 0");
    assert!(shown.contains(" echo ") && !shown.contains("battery"), "{shown}");
    let token = shown.lines().find(|line| server.is_live_access_token(line.trim()));
    assert!(token.is_some(), "{shown}");

    // Pasted, as a terminal in bracketed-paste mode gives it.
    let mut typist = Typist::start(&acme, "\"$ACME\" auth token; echo \"code $?\"");
    typist.types("Passphrase of acme: ", &format!("\x1b[200~{RIGHT}\x1b[201~"));
    typist.ends("code 0");
}

#[test]
fn ctrl_c_at_a_prompt_restores_the_echo_and_exits_130() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "passphrase");
    let given = acme.clone().with("ACME_PASSPHRASE", RIGHT);
    for (command, question) in [
        ("auth login", "Choose a passphrase"),
        ("auth token", "Passphrase of acme: "),
        ("auth doctor --move-to keyfile", "Passphrase of acme: "),
    ] {
        // The shell goes on, as a person's does.
        let mut typist = Typist::start(&acme, &format!("trap : INT; \"$ACME\" {command}; echo \"code $?\"; stty -a"));
        typist.presses(question, "\u{3}");
        let shown = typist.ends("code 130");
        assert!(shown.contains(" echo ") && shown.contains("error: cancelled"), "{command}: {shown}");
        if command == "auth login" {
            assert!(server.requests().is_empty() && machine.home_entries().is_empty(), "nothing was begun");
            given.log_in();
        }
    }
}

/// What was typed before is not what was meant.
#[test]
fn ctrl_z_at_a_prompt_restores_the_echo_and_fg_asks_again() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "passphrase");
    acme.clone().with("ACME_PASSPHRASE", RIGHT).log_in();
    let script =
        "set -m; \"$ACME\" auth token; echo \"stopped $?\"; stty -a; read -r _; bg; fg; echo \"code $?\"; stty -a";
    let mut typist = Typist::start(&acme, script);
    typist.presses("Passphrase of acme: ", "correct house\u{1a}");
    typist.waits_for("stopped 148");
    typist.waits_for(" echo ");
    typist.presses("", "\n");
    typist.types("Passphrase of acme: ", RIGHT);
    typist.waits_for("code 0");
    let shown = typist.ends(" echo ");
    assert!(!shown.contains("house") && !shown.contains("That is not it"), "{shown}");
}

/// The shell has its own echo then, and not all shells give the terminal back as it was.
#[test]
fn a_prompt_stopped_from_outside_turns_the_echo_off_again() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "passphrase");
    acme.clone().with("ACME_PASSPHRASE", RIGHT).log_in();
    let (tty, pid) = (machine.scratch().join("tty"), machine.scratch().join("pid"));
    let script = format!(
        "set -m; tty >{}; sh -c 'echo $$ >{}; exec \"$ACME\" auth token'; stty sane; echo stopped; fg; echo \"code $?\"; stty -a",
        tty.display(),
        pid.display()
    );
    let mut typist = Typist::start(&acme, &script);
    typist.waits_for("Passphrase of acme: ");
    let pid = fs::read_to_string(pid).unwrap().trim().parse().unwrap();
    kill_process(Pid::from_raw(pid).unwrap(), Signal::STOP).unwrap();
    typist.waits_for("stopped");
    let tty = fs::File::open(fs::read_to_string(tty).unwrap().trim()).unwrap();
    eventually("no echo", || !tcgetattr(&tty).unwrap().local_modes.contains(LocalModes::ECHO));
    typist.types("", RIGHT);
    typist.waits_for("code 0");
    let shown = typist.ends(" echo ");
    assert!(!shown.contains("horse"), "{shown}");
}

/// Who reads in the background is stopped within the `read`, and goes on in it with the shell's echo.
#[test]
fn a_prompt_from_the_background_is_asked_again() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "passphrase");
    acme.clone().with("ACME_PASSPHRASE", RIGHT).log_in();
    // The shell has read the line that makes it go on in front, and more.
    let script = "stty sane; echo stopped; bg; read -r _; echo \"and $(stty -a | grep -oE ' -?echo ')\"; fg; echo \"code $?\"; stty -a";
    let (mut typist, pid) = asked(&machine, &acme, script);
    kill_process(pid, Signal::STOP).unwrap();
    typist.waits_for("stopped");
    eventually("it stops by itself", || state(pid) == Some('T'));
    typist.presses("", "a line of the shell's\n");
    typist.waits_for("and  echo ");
    typist.types("Passphrase of acme: ", RIGHT);
    typist.waits_for("code 0");
    let shown = typist.ends(" echo ");
    assert!(!shown.contains("horse") && !shown.contains("That is not it"), "{shown}");
}

/// To write in the background would stop it, for good.
#[test]
fn a_stopped_prompt_ends_with_its_job() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "passphrase");
    acme.clone().with("ACME_PASSPHRASE", RIGHT).log_in();
    for modes in ["tostop", "-tostop"] {
        let script = format!("stty {modes}; echo stopped; read -r _; {ENDED}; echo \"code $?\"; stty -tostop; stty -a");
        let (mut typist, pid) = asked(&machine, &acme, &script);
        typist.presses("", "\u{1a}");
        typist.waits_for("stopped");
        eventually("it stands", || state(pid) == Some('T'));
        typist.presses("", "\n");
        typist.waits_for("code 143");
        let shown = typist.ends(" echo ");
        assert_eq!(shown.matches("Passphrase of acme: ").count(), 1, "{modes}: {shown}");
    }
}

/// The shell here, unlike some, sets nothing on its terminal by itself.
#[test]
fn a_prompt_killed_from_outside_restores_the_echo() {
    let Some((server, machine)) = on_headless(&[Terminal], server) else { return };
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "passphrase");
    acme.clone().with("ACME_PASSPHRASE", RIGHT).log_in();
    let modes = "stty -a | grep -oE ' -?(echo|isig) |susp = ..;'";
    let script = format!("{modes}; echo stopped; {ENDED}; echo \"code $?\"; {modes}; echo done");
    let (mut typist, pid) = asked(&machine, &acme, &script);
    kill_process(pid, Signal::STOP).unwrap();
    typist.waits_for(" -echo ");
    typist.waits_for("stopped");
    typist.waits_for("code 143");
    typist.waits_for("susp = ^Z;");
    typist.waits_for(" echo ");
    typist.ends("done");
}

/// A question, and the process that asks it, at a shell that goes on with `script` when it is stopped.
fn asked(machine: &Machine, acme: &Acme<'_>, script: &str) -> (Typist, Pid) {
    let file = machine.scratch().join("pid");
    let script = format!("set -m; sh -c 'echo $$ >{}; exec \"$ACME\" auth token'; {script}", file.display());
    let mut typist = Typist::start(acme, &script);
    typist.waits_for("Passphrase of acme: ");
    let pid = fs::read_to_string(file).unwrap().trim().parse().unwrap();
    (typist, Pid::from_raw(pid).unwrap())
}

/// As the kernel tells it: `T` for one that is stopped.
fn state(pid: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).ok()?;
    stat.rsplit(") ").next()?.chars().next()
}

#[test]
fn a_passphrase_is_read_from_a_descriptor_or_a_variable() {
    let (server, machine) = (server(), Machine::headless());
    let acme = machine.acme(server.issuer()).with("ACME_CUSTODY", "passphrase");
    let file = machine.scratch().join("passphrase");
    fs::write(&file, format!("{RIGHT}\n")).unwrap();
    let on_descriptor = |number: &str, arguments: &[&str]| {
        let script = format!("exec \"$0\" \"$@\" {number}<\"$FILE\"");
        let program = example("acme");
        let arguments = [&["sh", "-c", script.as_str(), program.to_str().unwrap()], arguments].concat();
        let acme = acme.at_a_standing_clock(0).with("ACME_PASSPHRASE_FD", number);
        let acme = acme.with("FILE", file.to_str().unwrap());
        process::run(&mut acme.command_of(Path::new("setsid"), &arguments))
    };
    on_descriptor("3", &["auth", "login", "--json"]).exits(0);
    let token = on_descriptor("7", &["auth", "token"]).exits(0);
    assert!(token.stderr.is_empty() && server.is_live_access_token(&token.word()), "{token}");

    let warned = acme.clone().with("ACME_PASSPHRASE", RIGHT).run(&["auth", "token"]).exits(0);
    assert_eq!(warned.word(), token.word());
    assert!(warned.stderr.contains("warning: the passphrase comes from ACME_PASSPHRASE"), "{warned}");

    // Wrong, or none: named, at once, and not asked for three times.
    fs::write(&file, "correct house battery\n").unwrap();
    let wrong = on_descriptor("3", &["auth", "token", "--json"]).exits(6);
    wrong.fails_with("custody", "correctpassphrase");
    assert!(wrong.stdout.contains("the passphrase on descriptor 3 is wrong"), "{wrong}");
    fs::write(&file, "").unwrap();
    on_descriptor("3", &["auth", "token", "--json"]).exits(6).fails_with("custody", "fixconfig");
    let wrong = acme.clone().with("ACME_PASSPHRASE", "wrong horse");
    let run = wrong.run(&["auth", "token", "--json"]).exits(6);
    run.fails_with("custody", "correctpassphrase");
    assert!(run.stdout.contains("the passphrase in ACME_PASSPHRASE is wrong"), "{run}");
    assert!(!run.stdout.contains("wrong horse") && !run.stderr.contains("wrong horse"), "{run}");
    acme.clone()
        .with("ACME_PASSPHRASE", "")
        .run(&["auth", "token", "--json"])
        .exits(6)
        .fails_with("custody", "givepassphrase");
    // The doctor waits for one that was not given, and finds one that is wrong.
    let doctor = wrong.run(&["auth", "doctor"]).exits(1);
    assert!(doctor.stdout.contains("the passphrase in ACME_PASSPHRASE is wrong"), "{doctor}");
    let doctor = acme.clone().with("ACME_PASSPHRASE", "").run(&["auth", "doctor"]).exits(0);
    assert!(doctor.stdout.contains("its key waits for the passphrase"), "{doctor}");
    // To forget it, nobody needs it.
    wrong.run(&["auth", "logout", "--json"]).exits(6).fails_with("custody", "forgetlocally");
    assert_eq!(server.counts().refreshes, 0);
}
