//! What a person sees at 30, 80 and 200 columns, in a UTF-8 and in a C locale, on a pseudo terminal: compared with the files in
//! `tests/it/cli/captures`, so that a change of a text or a layout shows in review. `HALLPASS_WRITE_CAPTURES=1` writes them anew.
//!
//! Ports, codes, folders and times are replaced by others of the same length; what the doctor says of this machine alone is left out.

use std::io::{Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::Duration;
use std::{env, fs, thread};

use hallpass::testing::{AuthorizationServer, Behaviour, Endpoint, Fault, ManualClock, Person};

use crate::support::acme::{Acme, json, program};
use crate::support::faults::json_body;
use crate::support::rig::until;

const SCREENS: [Screen; 6] = [
    Screen { columns: 30, locale: "C.UTF-8" },
    Screen { columns: 80, locale: "C.UTF-8" },
    Screen { columns: 200, locale: "C.UTF-8" },
    Screen { columns: 30, locale: "C" },
    Screen { columns: 80, locale: "C" },
    Screen { columns: 200, locale: "C" },
];

/// Lines break between words there too; what that looks like is not kept.
const NARROW: [Screen; 2] = [Screen { columns: 20, locale: "C.UTF-8" }, Screen { columns: 40, locale: "C.UTF-8" }];

#[test]
fn a_login_looks_as_it_did() {
    captured("login", |screen| {
        let acme = acme();
        let first = screen.login(&acme, &["--context", "work"]);
        first + &screen.run(&acme, "auth logout", &[]) + &screen.login(&acme, &["--qr"])
    });
}

#[test]
fn status_and_list_look_as_they_did() {
    captured("status", |screen| {
        let acme = logged_in();
        let mut seen = screen.run(&acme, "auth status", &[]);
        seen += &screen.run(&acme, "auth list", &[]);
        seen += &screen.run(&acme, "auth status", &[("ACME_TOKEN", "given")]);
        acme.server.inject_always(Endpoint::Token, Fault::error(400, "invalid_grant"));
        seen += &screen.run(&acme, "auth token --refresh", &[]);
        seen += &screen.run(&acme, "auth status", &[("ACME_CLOCK", "1767232800")]);
        seen + &screen.run(&acme, "whoami", &[("ACME_CLOCK", "1767225600")])
    });
}

#[test]
fn the_doctor_looks_as_it_did() {
    captured("doctor", |screen| {
        let acme = logged_in();
        let first = screen.run(&acme, "auth doctor", &[]);
        let status = json(&acme.run(&["auth", "status", "--json"]).stdout);
        let grant = status["grant"].as_str().unwrap().to_owned();
        fs::remove_file(acme.home().join("index.json")).unwrap();
        let again = screen.run(&acme, "auth doctor", &[("ACME_ISSUER", "http://127.0.0.1:1")]);
        let about_this_machine = ["kernel: ", "session: ", " program"];
        let entries = [first, again].concat().replace(&grant, "abcdefghijklmnopqrstuvwxyz").replace("\n ", "\0");
        let kept = entries.lines().filter(|entry| !about_this_machine.iter().any(|words| entry.contains(words)));
        kept.map(|entry| entry.replace('\0', "\n ") + "\n").collect()
    });
}

#[test]
fn errors_look_as_they_did() {
    captured("errors", |screen| {
        let acme = logged_in();
        let mut seen = String::new();
        for (command, variables) in [
            ("auth status --context private", &[][..]),
            ("auth token", &[("ACME_ORG", "an org; with a long name"), ("ACME_ORG_BY", "login")]),
            ("auth token", &[("ACME_HOME", "relative/folder")]),
            ("auth login", &[("ACME_CUSTODY", "floppy")]),
            ("auth login", &[("ACME_CUSTODY", "os")]),
            ("auth login", &[("ACME_ISSUER", "http://127.0.0.1:1")]),
            ("auth switch", &[]),
            ("auth logout --context private", &[]),
        ] {
            seen += &screen.run(&acme, command, variables);
        }
        acme.server.inject(Endpoint::DeviceAuthorization, refusal());
        seen + &screen.run(&acme, "auth login", &[])
    });
}

/// Nobody reads it there but a program, or a person later and elsewhere.
#[test]
fn without_a_terminal_lines_are_not_wrapped() {
    let acme = logged_in();
    let status = acme.run(&["auth", "status"]);
    assert!(status.stdout.contains("Account    zoe@example.com (Zoë Example)\n"), "data is data: {status:?}");
    for command in [&["auth", "status"][..], &["auth", "list"], &["auth", "status", "--context", "private"]] {
        let run = |columns, locale| acme.run_with(command, &[SAME[0], ("COLUMNS", columns), ("LANG", locale)]);
        let (narrow, wide) = (run("30", "C.UTF-8"), run("200", "C"));
        assert_eq!((narrow.stdout, narrow.stderr), (wide.stdout, wide.stderr));
    }
    // What is said is for a person, wherever it is kept.
    acme.server.inject_always(Endpoint::DeviceAuthorization, refusal());
    let said = |locale| acme.run_with(&["auth", "login", "--wait"], &[("LANG", locale)]).stderr;
    assert!(said("C.UTF-8").contains("L’application « acme-cli » n’est") && said("C").is_ascii());
    assert!(said("C").contains("\n  the server says: L'application \" acme-cli \" n'est"), "{}", said("C"));
}

/// Compares what is seen on each screen with the file, and says what holds for all of them.
#[track_caller]
fn captured(name: &str, seen: impl Fn(&Screen) -> String) {
    let mut all = String::new();
    for (at, screen) in SCREENS.iter().chain(&NARROW).enumerate() {
        let seen = seen(screen);
        assert!(screen.locale != "C" || seen.is_ascii(), "not ASCII: {seen}");
        for line in seen.lines().filter(|line| !line.starts_with("$ ") && line.chars().count() > screen.columns) {
            assert!(is_one_word(line), "{} columns: {line:?}", screen.columns);
        }
        if at < SCREENS.len() {
            all += &format!("=== {} columns, {}\n\n{seen}\n", screen.columns, screen.locale);
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cli/captures").join(name).with_extension("txt");
    if env::var_os("HALLPASS_WRITE_CAPTURES").is_some() {
        return fs::write(file, all).unwrap();
    }
    let kept = fs::read_to_string(&file).unwrap_or_default();
    let differ = kept.lines().zip(all.lines()).find(|(kept, seen)| kept != seen);
    assert!(kept == all, "{} differs, at {differ:?}: HALLPASS_WRITE_CAPTURES=1 writes it anew", file.display());
}

/// What no line can hold, and no command may be broken for.
fn is_one_word(line: &str) -> bool {
    let outside = line.trim().split('`').step_by(2).collect::<String>();
    !outside.trim().contains(' ')
}

struct Screen {
    columns: usize,
    locale: &'static str,
}

impl Screen {
    fn run(&self, acme: &Acme, command: &str, variables: &[(&str, &str)]) -> String {
        let arguments: Vec<_> = command.split(' ').collect();
        let terminal = self.start(acme, &arguments, variables);
        format!("$ acme {command}\n{}\n", terminal.ends(acme))
    }

    /// A login that is approved when the person has seen that it waits.
    fn login(&self, acme: &Acme, arguments: &[&str]) -> String {
        // Where the clock stands still, no wait takes time: a poll does, or the code would run out before it is approved.
        acme.server.inject_always(Endpoint::Token, Fault::DelayReply(Duration::from_millis(200)));
        let terminal = self.start(acme, &[&["auth", "login"], arguments].concat(), &[]);
        until("the line that counts down, with its number", || terminal.text().contains(" left"));
        let codes = acme.server.pending_user_codes();
        assert!(acme.server.approve_as(&codes[0], &person()));
        let seen = terminal.ends(acme).replace(&codes[0], "WDJB-MJHT");
        format!("$ acme auth login {}\n{seen}\n", arguments.join(" "))
    }

    fn start(&self, acme: &Acme, arguments: &[&str], variables: &[(&str, &str)]) -> Terminal {
        let typed = acme.command(arguments);
        let mut command = Command::new("script");
        let shell = format!("stty cols {} rows 24; exec \"$PROGRAM\" {}", self.columns, arguments.join(" "));
        command.args(["--quiet", "--flush", "--command", &shell, "/dev/null"]).env_clear();
        command.envs(typed.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("PROGRAM", program()).env("SHELL", "/bin/sh").env("PATH", "/usr/bin:/bin");
        command.env("TERM", "xterm").env("LANG", self.locale).current_dir(acme.folder.path());
        // Hints depend on where this runs, keys on what the kernel of this machine allows.
        command.env("container", "one").envs(SAME);
        let gone = format!("unix:path={}/gone/bus", acme.folder.path().display());
        command.env("DBUS_SESSION_BUS_ADDRESS", gone).envs(variables.iter().copied());
        let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
        let (mut screen, shown) = (child.stdout.take().unwrap(), Arc::new(Mutex::new(Vec::new())));
        let into = shown.clone();
        let reader = thread::spawn(move || {
            let mut piece = [0; 1024];
            while let Ok(length @ 1..) = screen.read(&mut piece) {
                into.lock().unwrap().extend_from_slice(&piece[..length]);
            }
        });
        Terminal { child, shown, reader }
    }
}

struct Terminal {
    child: Child,
    shown: Arc<Mutex<Vec<u8>>>,
    reader: thread::JoinHandle<()>,
}

impl Terminal {
    fn text(&self) -> String {
        String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned()
    }

    /// All that was seen, line by line, with what differs each time replaced.
    fn ends(mut self, acme: &Acme) -> String {
        // Its standard input stays open until then: without it, `script` would press Ctrl-D.
        let mut stdin = self.child.stdin.take().unwrap();
        stdin.flush().unwrap();
        assert!(self.child.wait().is_ok());
        drop(stdin);
        self.reader.join().unwrap();
        let text = String::from_utf8_lossy(&self.shown.lock().unwrap()).into_owned();
        let mut lines: Vec<String> = Vec::new();
        for line in text.replace("\r\n", "\n").replace("\u{1b}[1m", "").replace("\u{1b}[0m", "").split('\n') {
            // It is another one for each code.
            if line.starts_with("\u{1b}[38;5;231;48;5;16m") {
                lines.extend((lines.last().is_none_or(|last| last != QR)).then(|| QR.to_owned()));
                continue;
            }
            // A line that is written over is shown as what it was, once.
            let was: Vec<_> = line.split("\r\u{1b}[K").map(without_time).collect();
            let last = was.len() - 1;
            for (at, state) in was.into_iter().enumerate() {
                if at == last || (!state.is_empty() && lines.last() != Some(&state)) {
                    lines.push(state);
                }
            }
        }
        let port = acme.server.issuer().rsplit(':').next().unwrap();
        assert_eq!(port.len(), 5, "a port of the kernel's own choice");
        let folder = acme.folder.path().to_str().unwrap();
        lines.join("\n").replace(&format!(":{port}"), ":40000").replace(folder, FOLDER)
    }
}

const QR: &str = "(a QR code)";

const FOLDER: &str = "/tmp/acme-folder";

/// 2026-01-01, which is the server's too.
const SAME: [(&str, &str); 3] =
    [("ACME_CLOCK", "1767225600"), ("ACME_KEY_CACHE", "0"), ("ACME_SCOPES", "openid profile email offline_access")];

/// `14:58 left`, as the clock of the machine has it, is `14:59 left`.
fn without_time(line: &str) -> String {
    match line.split_once(" left") {
        Some((before, after)) if before.ends_with(|c: char| c.is_ascii_digit()) => {
            format!("{}14:59 left{after}", before.trim_end_matches(|c: char| c.is_ascii_digit() || c == ':'))
        }
        _ => line.to_owned(),
    }
}

/// Not in English, and at length.
fn refusal() -> Fault {
    let body = serde_json::json!({
        "error": "unauthorized_client",
        "error_description": "L’application « acme-cli » n’est pas autorisée … ".repeat(5),
    });
    json_body(400, &body.to_string())
}

fn acme() -> Acme {
    let mut behaviour = Behaviour::default();
    (behaviour.interval, behaviour.enforce_interval) = (Some(1), false);
    behaviour.clock = Arc::new(ManualClock::new());
    let folder = tempfile::Builder::new().prefix("acme-").rand_bytes(6).tempdir_in("/tmp").unwrap();
    assert_eq!(folder.path().to_str().unwrap().len(), FOLDER.len());
    Acme { server: AuthorizationServer::start_with(behaviour).unwrap(), folder }
}

fn logged_in() -> Acme {
    let acme = acme();
    acme.server.approve_all_as(&person());
    assert_eq!(acme.run_with(&["auth", "login", "--json", "--context", "work"], &SAME).code, 0);
    acme.server.decide_one_by_one();
    acme
}

fn person() -> Person {
    Person::new("zoe", "Zoë Example", "zoe@example.com")
}
