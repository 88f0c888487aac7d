//! What the command line says of itself: help, the manual page, completions; and what it says of arguments that are wrong.

use std::io::Write;
use std::process::{Command, Stdio};

use crate::support::acme::*;

/// Every command that a person sees, by what is typed.
const COMMANDS: &[&[&str]] = &[
    &[],
    &["whoami"],
    &["auth"],
    &["auth", "login"],
    &["auth", "token"],
    &["auth", "status"],
    &["auth", "list"],
    &["auth", "switch"],
    &["auth", "rename"],
    &["auth", "doctor"],
    &["auth", "logout"],
    &["auth", "completions"],
];

const VARIABLES: [&str; 8] = [
    "ACME_CONTEXT",
    "ACME_ORG",
    "ACME_TOKEN",
    "ACME_CUSTODY",
    "ACME_PASSPHRASE_FD",
    "ACME_PASSPHRASE",
    "ACME_HOME",
    "ACME_NO_BROWSER",
];

#[test]
fn help_fits_the_terminal_and_short_help_the_screen() {
    let acme = Acme::new();
    for command in COMMANDS {
        for (form, columns) in [("-h", 80), ("--help", 80), ("--help", 100)] {
            let ran = acme.run_with(&[command, &[form][..]].concat(), &[("COLUMNS", &columns.to_string())]);
            assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
            let (lines, widest) =
                (ran.stdout.lines().count(), ran.stdout.lines().map(|line| line.chars().count()).max());
            assert!(widest.unwrap() <= columns, "{command:?} {form}: {widest:?}\n{}", ran.stdout);
            assert!(form == "--help" || lines <= 24, "{command:?}: {lines} lines\n{}", ran.stdout);
            // No terminal, no colours; and the tool's own name where the library cannot know it.
            assert!(!ran.stdout.contains(['\u{1b}', '{']) && !ran.stdout.to_lowercase().contains("<app>"), "{ran:?}");
        }
    }
}

#[test]
fn long_help_has_exit_codes_and_examples() {
    let acme = Acme::new();
    for command in COMMANDS.iter().filter(|command| !command.is_empty() && command.last() != Some(&"completions")) {
        let long = acme.run(&[command, &["--help"][..]].concat()).stdout;
        let example = format!("  acme {}", command.join(" "));
        for words in ["Exit codes:\n  0    done\n", "Environment:\n  ACME_", "Examples:\n", &example] {
            assert!(long.contains(words), "{words:?} in {long}");
        }
    }
    let auth = acme.run(&["auth", "--help"]).stdout;
    for group in
        ["Log in and out:\n  login ", "Use a login:\n  token ", "Several logins:\n  list ", "machine:\n  doctor "]
    {
        assert!(auth.contains(group), "{group:?} in {auth}");
    }
}

#[test]
fn completions_cover_the_whole_tool() {
    let acme = Acme::new();
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let ran = acme.run(&["auth", "completions", shell]);
        assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
        let script = ran.stdout;
        for word in COMMANDS.iter().flat_map(|command| *command).chain(&["--min-validity", "--move-to"]) {
            // Some shells name an option without its dashes.
            assert!(script.contains(word.trim_start_matches("--")), "{shell} lacks {word}");
        }
        // The others complete no values.
        assert_eq!(script.contains("keyfile"), ["bash", "fish", "zsh"].contains(&shell), "{shell}");
        assert!(!script.to_lowercase().contains("<app>"), "{shell}");
        if shell == "bash" && cfg!(unix) {
            let mut bash = Command::new("bash").arg("-n").stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
            bash.stdin.take().unwrap().write_all(script.as_bytes()).unwrap();
            let checked = ended(bash);
            assert_eq!((checked.code, checked.stderr.as_str()), (0, ""), "{checked:?}");
        }
    }
    let ran = acme.run(&["auth", "completions", "csh"]);
    assert!(ran.code == 2 && ran.stderr.contains("possible values: bash, "), "{ran:?}");
    assert!(acme.server.requests().is_empty() && !acme.home().exists());
}

/// Bash does with the script what a person would see after a tab.
#[test]
#[cfg(unix)]
fn bash_completes_commands() {
    let acme = Acme::new();
    let script = acme.folder.path().join("acme.bash");
    std::fs::write(&script, acme.run(&["auth", "completions", "bash"]).stdout).unwrap();
    for (line, expected) in [
        ("acme ", "auth"),
        ("acme wh", "whoami"),
        ("acme auth sta", "status"),
        ("acme auth doctor --move-to k", "kernel keyfile"),
        ("acme auth token --re", "--resource --refresh"),
        ("acme auth token --context ", ""),
    ] {
        let words: Vec<_> = line.split(' ').collect();
        let (at, path) = (words.len() - 1, script.display());
        let (current, previous) = (words[at], words[at - 1]);
        let tab = format!(
            "source '{path}'; COMP_WORDS=({line}); COMP_WORDS[{at}]='{current}'; COMP_CWORD={at}; \
             _acme acme '{current}' '{previous}'; echo \"${{COMPREPLY[*]}}\""
        );
        let bash = Command::new("bash").args(["--norc", "-c", &tab]).current_dir(acme.folder.path()).output().unwrap();
        let offered = String::from_utf8(bash.stdout).unwrap();
        let has_all = expected.split_whitespace().all(|word| offered.split_whitespace().any(|offer| offer == word));
        assert!(has_all && (!expected.is_empty() || offered.trim().is_empty()), "{line:?}: {offered:?}");
    }
}

#[test]
fn the_manual_page_has_its_usual_sections() {
    let acme = Acme::new();
    let ran = acme.run(&["auth", "man"]);
    assert_eq!((ran.code, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let page = ran.stdout.replace("\\-", "-");
    for section in ["NAME", "SYNOPSIS", "OPTIONS", "COMMANDS", "EXIT STATUS", "ENVIRONMENT", "FILES", "EXAMPLES"] {
        let heading = if section.contains(' ') { format!(".SH \"{section}\"") } else { format!(".SH {section}") };
        assert_eq!(page.lines().filter(|line| *line == heading).count(), 1, "{heading}");
    }
    for command in COMMANDS.iter().filter(|command| !command.is_empty()) {
        let name = command.join(" ");
        assert!(page.contains(&format!("\\fBacme {name}\\fR")), "{name}");
    }
    let (_, status) = page.split_once(".SH \"EXIT STATUS\"").unwrap();
    let (status, environment) = status.split_once(".SH ENVIRONMENT").unwrap();
    for code in [0, 1, 2, 4, 5, 6, 129, 130, 143] {
        assert!(status.contains(&format!("\\fB{code}\\fR\n")), "{code}");
    }
    for variable in VARIABLES {
        assert!(environment.contains(&format!("\\fB{variable}\\fR\n")), "{variable}");
    }
    assert!(page.contains("~/.local/state/acme") && !page.to_lowercase().contains("<app>"));
    // None of this machine.
    assert!(!page.contains(&*acme.folder.path().to_string_lossy()));

    let login = acme.run(&["auth", "man", "auth", "login"]).stdout;
    assert!(login.contains(".TH acme-auth-login 1") && !login.contains("auth token\\fR"), "{login}");
    assert_json_error(&acme.run(&["auth", "man", "fly", "--json"]), 2, "config", "fix_config");
    let ran = acme.run(&["auth", "man", "fly"]);
    assert_eq!(
        (ran.code, ran.stderr.as_str()),
        (2, "error: there is no command 'fly': name it as it is run, such as 'auth login'\n")
    );
}

/// Left out, aloud, where there is no groff.
#[test]
fn groff_accepts_the_manual_page() {
    let acme = Acme::new();
    let page = acme.folder.path().join("acme.1");
    for command in [&["auth", "man"][..], &["auth", "man", "auth"], &["auth", "man", "auth", "doctor"]] {
        std::fs::write(&page, acme.run(command).stdout).unwrap();
        let groff = Command::new("groff").args(["-man", "-Tutf8", "-ww", "-rLL=80n", "-P-cbou"]).arg(&page).output();
        let Ok(groff) = groff else {
            assert!(std::env::var_os("HALLPASS_REQUIRE_REAL").is_none(), "there is no groff");
            return eprintln!("left out: there is no groff");
        };
        assert!(groff.status.success() && groff.stderr.is_empty(), "{groff:?}");
        let text = String::from_utf8(groff.stdout).unwrap();
        assert!(text.contains("EXIT STATUS") && text.lines().all(|line| line.chars().count() <= 80), "{text}");
    }
}

#[test]
fn wrong_arguments_are_json_with_the_json_option() {
    let acme = Acme::new();
    for (arguments, words) in [
        (&["auth", "fly", "--json"][..], "unrecognized subcommand 'fly'"),
        (&["auth", "logn", "--json"], "similar subcommands exist: 'logout', 'login'"),
        (&["--json", "auth", "list"], "unexpected argument '--json' found"),
        (
            &["auth", "--json", "token", "--min-validity", "x"],
            "invalid value 'x' for '--min-validity <DURATION>': write 90 (seconds), 15m, 8h, 30d or PT8H",
        ),
        (&["auth", "rename", "--json"], "required arguments were not provided: <NAME> <NEW>"),
        (&["auth", "token", "--context", "a\u{1b}/b", "--json"], "invalid value 'a"),
    ] {
        let ran = acme.run(arguments);
        assert_json_error(&ran, 2, "config", "fix_config");
        let error = json(&ran.stdout);
        let because = error["because"].as_str().map(|why| format!(": {why}")).unwrap_or_default();
        let message = error["message"].as_str().unwrap().to_owned() + &because;
        assert!(
            message.contains(words) && !message.contains(['\n', '\u{1b}']) && !message.contains("Usage"),
            "{message}"
        );
    }
    // A login speaks in events.
    assert_error_event(
        &acme.run(&["auth", "login", "--context", "a/b", "--json"]).stdout,
        "config",
        Some("fix_config"),
    );
    // It is not an option here.
    for arguments in [&["auth", "fly"][..], &["auth", "rename"], &[]] {
        let ran = acme.run(arguments);
        assert!(ran.code == 2 && ran.stdout.is_empty() && ran.stderr.contains("Usage: acme"), "{ran:?}");
    }
    assert_eq!(acme.run(&["auth", "--json", "--help"]).code, 0);
}
