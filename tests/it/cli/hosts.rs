//! Hosts with commands and variables of other names than `acme`: what they say names nothing that they do not have. Compared with files in
//! `tests/it/cli/captures`; `HALLPASS_WRITE_CAPTURES=1` writes them anew.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;
use std::{env, fs};

use serde_json::Value;

use crate::support::acme::example;

#[test]
fn top_level_commands_are_named_as_the_host_has_them() {
    captured(
        "top_level_commands",
        &[
            (&["--help"], &[]),
            (&["login", "--help"], &[]),
            (&["logout", "--help"], &[]),
            (&["whoami", "--help"], &[]),
            (&["whoami"], &[]),
            (&["whoami", "--json"], &[]),
            (&["whoami", "--context", "work"], &[]),
            (&["logout"], &[]),
            (&["deploy"], &[]),
            (&["login"], &[]),
            (&["login", "--json", "--nonsense"], &[]),
            (&["whoami"], &[("RAILWAY_CONTEXT", "no such")]),
        ],
    );
}

#[test]
fn a_host_in_another_language_keeps_its_words() {
    captured(
        "other_words",
        &[
            (&["--help"], &[]),
            (&["anmelden", "--help"], &[]),
            (&["wer", "--help"], &[]),
            (&["verwaltung", "konto", "--help"], &[]),
            (&["verwaltung", "konto", "login", "--help"], &[]),
            (&["verwaltung", "konto", "completions", "--help"], &[]),
            (&["verwaltung", "konto", "man"], &[]),
            (&["verwaltung", "konto", "man", "gibtsnicht"], &[]),
            (&["verwaltung", "konto", "status"], &[]),
            (&["verwaltung", "konto", "status"], &[("FAHRPLAN_KARTE", "at_given")]),
            (&["verwaltung", "konto", "status", "--json"], &[]),
            (&["wer"], &[("FAHRPLAN_TOKEN", "at_given")]),
            (&["fahren"], &[]),
            (&["fahren", "--json"], &[]),
            (&["auth", "karte"], &[]),
        ],
    );
}

#[test]
fn without_variables_none_is_read_and_none_is_named() {
    captured(
        "other_words_none",
        &[
            (&["anmelden", "--help"], &[("OTHER_WORDS", "none")]),
            (&["anmelden"], &[("OTHER_WORDS", "none")]),
            (&["wer"], &[("OTHER_WORDS", "none"), ("FAHRPLAN_KARTE", "at_given"), ("FAHRPLAN_TOKEN", "at_given")]),
            (&["verwaltung", "konto", "list"], &[("OTHER_WORDS", "none"), ("FAHRPLAN_ORG", "stray")]),
        ],
    );
}

#[test]
fn completions_know_the_whole_tree_and_nothing_hidden() {
    for shell in ["bash", "elvish", "fish", "powershell", "zsh"] {
        let script = run("other_words", &["verwaltung", "konto", "completions", shell], &[]);
        for word in ["fahrplan", "anmelden", "verwaltung"] {
            assert!(script.contains(word), "{shell} lacks {word}");
        }
        assert!(!script.contains("hallpass-commands"), "{shell}");
    }
}

#[test]
fn the_hidden_argument_is_not_the_person_s() {
    for value in ["", "login=evil"] {
        let said = run("top_level_commands", &["whoami", "--hallpass-commands", value], &[]);
        assert!(said.contains("hint: run `railway login`"), "{said}");
    }
}

type Calls<'a> = &'a [(&'a [&'a str], &'a [(&'a str, &'a str)])];

/// Compares what the host says with the file of this name, and looks for words that are not the host's.
fn captured(name: &str, calls: Calls<'_>) {
    let host = name.trim_end_matches("_none");
    let said: String = calls.iter().map(|(arguments, variables)| call(host, arguments, variables)).collect();
    for (at, line) in said.lines().enumerate() {
        for foreign in ["acme", "ACME", "<app>", "<APP>", "auth login", "auth list", "auth doctor", "this tool"] {
            assert!(!line.contains(foreign), "{name}, line {}: {line}", at + 1);
        }
    }
    if name.ends_with("none") {
        assert!(
            !said
                .replace("FAHRPLAN_KARTE=", "")
                .replace("FAHRPLAN_TOKEN=", "")
                .replace("FAHRPLAN_ORG=", "")
                .contains("FAHRPLAN_")
        );
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it/cli/captures").join(format!("{name}.txt"));
    if env::var_os("HALLPASS_WRITE_CAPTURES").is_some() {
        fs::write(&file, &said).unwrap();
    }
    let before = fs::read_to_string(&file).unwrap_or_default();
    let first = said.lines().zip(before.lines()).position(|(now, before)| now != before);
    assert!(said == before, "{}: differs at line {first:?}: HALLPASS_WRITE_CAPTURES=1 writes it anew", file.display());
}

fn call(host: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let shown = variables.iter().filter(|(name, _)| *name != "OTHER_WORDS");
    let shown: String = shown.map(|(name, value)| format!("{name}={value} ")).collect();
    format!("$ {shown}{} {}\n{}\n", program_of(host), arguments.join(" "), run(host, arguments, variables))
}

fn program_of(host: &str) -> &str {
    if host == "other_words" { "fahrplan" } else { "railway" }
}

/// Runs the host in a home of its own, and returns what it prints and its exit code.
fn run(host: &str, arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let home = tempfile::tempdir().unwrap();
    let mut command = Command::new(example(host));
    command.arg0(program_of(host));
    command.env_clear().env("HOME", home.path()).env("COLUMNS", "100").envs(variables.iter().copied());
    let output = command.args(arguments).stdin(std::process::Stdio::null()).output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let (out, code) = (text(output.stdout), output.status.code().unwrap());
    let out = match serde_json::from_str::<Value>(&out) {
        Ok(json) => format!("{json:#}\n"),
        Err(_) => out,
    };
    format!("{out}{}(exit code {code})\n", text(output.stderr)).replace(home.path().to_str().unwrap(), "/home/alice")
}
