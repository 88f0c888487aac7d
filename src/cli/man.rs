//! The manual page: one for the whole tree, so that it can be searched, and be installed as one file.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::help::{EXIT_CODES, VARIABLES, filled};

/// The page of `command`, one of the tree of `tool`, which is built, and of all commands below it; in roff, for `man`.
pub(super) fn page(tool: &Command, command: &Command) -> io::Result<String> {
    let man = Man::new(command.clone());
    let (name, program) = (command.get_display_name().unwrap_or(command.get_name()), tool.get_name());
    let source = format!("{program} {}", tool.get_version().unwrap_or_default()).replace('"', "");
    // No date: it would be a lie, or another one in each build. And roff's crate leaves out what is empty.
    let mut page = format!("{APOSTROPHE}.TH {name} 1 \"\" \"{}\"\n", source.trim_end());
    let section =
        |heading: &str, body: Option<String>| body.map(|body| format!(".SH {heading}\n{body}")).unwrap_or_default();
    page += &section("NAME", body(|out| man.render_name_section(out))?);
    page += &section("SYNOPSIS", body(|out| man.render_synopsis_section(out))?);
    page += &section("DESCRIPTION", body(|out| man.render_description_section(out))?);
    page += &section("OPTIONS", options(&man)?);
    page += &after_help(command).to_roff();
    if command.get_subcommands().any(is_shown) {
        page += ".SH COMMANDS\n";
        below(command, &mut page)?;
    }
    page += &lasting(program).to_roff();
    Ok(page.lines().map(|line| line.trim_end().to_owned() + "\n").collect())
}

/// What `\*(Aq` stands for, which clap_mangen writes for an apostrophe.
const APOSTROPHE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// The commands below this one, each with its usage, its words and its options.
fn below(command: &Command, page: &mut String) -> io::Result<()> {
    for command in command.get_subcommands().filter(|command| is_shown(command)) {
        let man = Man::new(without_help(command.clone()));
        let mut heading = Roff::new();
        heading.control("SS", [command.get_bin_name().unwrap_or(command.get_name())]);
        *page += &heading.to_roff();
        *page += &body(|out| man.render_synopsis_section(out))?.unwrap_or_default();
        *page += ".PP\n";
        *page += &body(|out| man.render_description_section(out))?.unwrap_or_default();
        *page += &options(&man)?.unwrap_or_default();
        *page += &after_help(command).to_roff();
        below(command, page)?;
    }
    Ok(())
}

/// The option that all of them have is said once.
fn without_help(command: Command) -> Command {
    let has_help = command.get_arguments().any(|arg| arg.get_id() == "help");
    if has_help { command.mut_arg("help", |arg| arg.hide(true)) } else { command }
}

/// `help` says what this page says.
fn is_shown(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

fn options(man: &Man) -> io::Result<Option<String>> {
    // A host's own headings are under the command's; and one break is enough.
    let options = body(|out| man.render_options_section(out))?;
    Ok(options.map(|options| options.replace("\n.SH ", "\n.SS ").replace(".br\n\n.br\n", ".br\n")))
}

/// What a section says, without its heading: a subcommand has them all under one of its own.
fn body(render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Option<String>> {
    let mut section = Vec::new();
    render(&mut section)?;
    let section = String::from_utf8_lossy(&section);
    let body = section.split_once(".SH ").and_then(|(_, rest)| rest.split_once('\n'));
    Ok(body.map(|(_, body)| body.to_owned()))
}

/// What stands below the options in `--help`. Indented lines stay as they are.
fn after_help(command: &Command) -> Roff {
    let mut roff = Roff::new();
    let text = command.get_after_long_help().or(command.get_after_help()).map(ToString::to_string).unwrap_or_default();
    let (mut is_block, mut begins) = (false, true);
    for line in text.lines() {
        let indented = line.starts_with(' ');
        if indented != is_block {
            block(&mut roff, indented);
            is_block = indented;
        }
        match line.trim() {
            "" => begins = true,
            line if indented => drop(roff.text([roman(line)])),
            line => {
                if std::mem::take(&mut begins) {
                    roff.control("PP", []);
                }
                roff.text([roman(line)]);
            }
        }
    }
    if is_block {
        block(&mut roff, false);
    }
    roff
}

/// Begins or ends lines that stay as they are.
fn block(roff: &mut Roff, begins: bool) {
    for name in if begins { ["RS", "nf"] } else { ["fi", "RE"] } {
        roff.control(name, if begins && name == "RS" { Some("2") } else { None });
    }
}

/// What holds for all commands that log in or use a login.
fn lasting(program: &str) -> Roff {
    let named = |text: &str| filled(text, program);
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    roff.text([roman("Of the commands that log in or use a login:")]);
    for (code, meaning) in EXIT_CODES {
        item(&mut roff, vec![bold(code.to_string())], meaning);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in VARIABLES {
        item(&mut roff, vec![bold(named(&format!("<APP>_{name}")))], meaning);
    }
    for (name, meaning) in FOREIGN {
        item(&mut roff, vec![bold(*name)], &named(meaning));
    }
    roff.control("SH", ["FILES"]);
    for (path, meaning) in FILES {
        item(&mut roff, vec![bold(named(path))], &named(meaning));
    }
    roff.control("SH", ["EXAMPLES"]);
    for (at, (meaning, example)) in EXAMPLES.iter().enumerate() {
        if at > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*meaning)]);
        block(&mut roff, true);
        roff.text([roman(named(example))]);
        block(&mut roff, false);
    }
    roff
}

fn item(roff: &mut Roff, name: Vec<Inline>, meaning: &str) {
    roff.control("TP", []);
    roff.text(name);
    roff.text([roman(meaning)]);
}

const FOREIGN: &[(&str, &str)] = &[
    ("SSL_CERT_FILE, SSL_CERT_DIR", "the certificates that TLS trusts, instead of the system's"),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY",
        "the proxy to the server: http, https, socks4, socks5 or socks5h; one that cannot be used is an error",
    ),
    ("NO_PROXY", "the hosts that are asked without the proxy, separated by commas"),
    ("NO_COLOR", "if set, nothing is bold or in colour"),
    ("ACCESSIBLE", "as <APP>_PLAIN"),
    ("LC_ALL, LC_CTYPE, LANG", "the locale: where it is not UTF-8, a terminal is shown ASCII, and no QR code"),
    ("COLUMNS", "how wide a terminal is that does not say so itself"),
];

const FILES: &[(&str, &str)] = &[
    (
        "~/.local/state/<app>",
        "The state folder: on Linux and BSD below $XDG_STATE_HOME where that is set, on macOS ~/Library/Application Support/<app>, \
         on Windows %LOCALAPPDATA%\\<app>.",
    ),
    ("index.json", "In the state folder: the names of the logins, the default, the rules of folders. No secret."),
    ("grants/", "In the state folder: the tokens of each login, sealed with a key that rests elsewhere."),
    ("key", "In the state folder: the key file of logins whose place is keyfile, unless systemd hands over another."),
];

const EXAMPLES: &[(&str, &str)] = &[
    ("Log in, by a browser here or on another device:", "<app> auth login"),
    ("Call an API:", "curl -H \"Authorization: Bearer $(<app> auth token)\" URL"),
    ("Use a second login in this folder and below:", "<app> auth switch work --here"),
    ("Use a token that was made elsewhere, and keep nothing:", "<APP>_TOKEN=$TOKEN <app> auth status"),
    ("Find out what is wrong:", "<app> auth doctor"),
];
