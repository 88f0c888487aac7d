//! The manual page: one page for the whole tree, so that a person can search it, and a packager installs one file.

use std::io::{self, Write};

use clap::Command;
use clap_mangen::Man;
use clap_mangen::roff::{Inline, Roff, bold, roman};

use super::help::{EXIT_CODES, VARIABLES};
use super::words::Words;

/// Returns the page of `command` and of all commands below it, in roff, for `man`. `host` is the tree of `command`, and is built.
pub(super) fn render(host: &Command, command: &Command, words: &Words) -> io::Result<String> {
    let man = Man::new(command.clone());
    let (name, program) = (command.get_display_name().unwrap_or(command.get_name()), host.get_name());
    let source = format!("{program} {}", host.get_version().unwrap_or_default()).replace('"', "");
    // Without a date, which would differ in each build. Written by hand, because the crate roff leaves out empty arguments.
    let mut page = format!("{APOSTROPHE}.TH {name} 1 \"\" \"{}\"\n", source.trim_end());
    let section =
        |heading: &str, body: Option<String>| body.map(|body| format!(".SH {heading}\n{body}")).unwrap_or_default();
    page += &section("NAME", body(|out| man.render_name_section(out))?);
    page += &section("SYNOPSIS", body(|out| man.render_synopsis_section(out))?);
    page += &section("DESCRIPTION", body(|out| man.render_description_section(out))?);
    page += &section("OPTIONS", options(&man)?);
    page += &help_below_options(command).to_roff();
    if command.get_subcommands().any(is_shown) {
        page += ".SH COMMANDS\n";
        render_subcommands(command, &mut page)?;
    }
    page += &common_sections(words).to_roff();
    Ok(page.lines().map(|line| line.trim_end().to_owned() + "\n").collect())
}

/// Defines `\*(Aq`, which clap_mangen writes for an apostrophe.
const APOSTROPHE: &str = ".ie \\n(.g .ds Aq \\(aq\n.el .ds Aq '\n";

/// Renders the commands below this one, each with its usage, its description and its options.
fn render_subcommands(command: &Command, page: &mut String) -> io::Result<()> {
    for command in command.get_subcommands().filter(|command| is_shown(command)) {
        let man = Man::new(hide_help_option(command.clone()));
        let mut heading = Roff::new();
        heading.control("SS", [command.get_bin_name().unwrap_or(command.get_name())]);
        *page += &heading.to_roff();
        *page += &body(|out| man.render_synopsis_section(out))?.unwrap_or_default();
        *page += ".PP\n";
        *page += &body(|out| man.render_description_section(out))?.unwrap_or_default();
        *page += &options(&man)?.unwrap_or_default();
        *page += &help_below_options(command).to_roff();
        render_subcommands(command, page)?;
    }
    Ok(())
}

/// All commands have this option; the page shows it once, at the top.
fn hide_help_option(command: Command) -> Command {
    let has_help = command.get_arguments().any(|arg| arg.get_id() == "help");
    if has_help { command.mut_arg("help", |arg| arg.hide(true)) } else { command }
}

/// `help` would repeat this page.
fn is_shown(command: &Command) -> bool {
    !command.is_hide_set() && command.get_name() != "help"
}

fn options(man: &Man) -> io::Result<Option<String>> {
    // The host's own headings become subheadings, and one break is enough.
    let options = body(|out| man.render_options_section(out))?;
    Ok(options.map(|options| options.replace("\n.SH ", "\n.SS ").replace(".br\n\n.br\n", ".br\n")))
}

/// Returns a section without its heading: a subcommand has one heading for all its sections.
fn body(render: impl FnOnce(&mut dyn Write) -> io::Result<()>) -> io::Result<Option<String>> {
    let mut section = Vec::new();
    render(&mut section)?;
    let section = String::from_utf8_lossy(&section);
    let body = section.split_once(".SH ").and_then(|(_, rest)| rest.split_once('\n'));
    Ok(body.map(|(_, body)| body.to_owned()))
}

/// Renders the text below the options of `--help`. Indented lines stay as they are.
fn help_below_options(command: &Command) -> Roff {
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

/// Renders what holds for all commands that log in or use a login.
fn common_sections(words: &Words) -> Roff {
    let mut roff = Roff::new();
    roff.control("SH", ["EXIT STATUS"]);
    roff.text([roman("Of the commands that log in or use a login:")]);
    for (code, meaning) in EXIT_CODES {
        item(&mut roff, vec![bold(code.to_string())], meaning);
    }
    roff.control("SH", ["ENVIRONMENT"]);
    for (name, meaning) in VARIABLES {
        if let Some(name) = words.variable(name) {
            item(&mut roff, vec![bold(name)], meaning);
        }
    }
    for (name, meaning) in OTHER_VARIABLES {
        item(&mut roff, vec![bold(*name)], meaning);
    }
    roff.control("SH", ["FILES"]);
    for (path, meaning) in FILES {
        let named = |text: &str| text.replace("{}", &words.program);
        item(&mut roff, vec![bold(named(path))], &named(meaning));
    }
    let examples: Vec<_> = EXAMPLES.iter().filter_map(|(meaning, of)| Some((meaning, of(words)?))).collect();
    if !examples.is_empty() {
        roff.control("SH", ["EXAMPLES"]);
    }
    for (at, (meaning, example)) in examples.into_iter().enumerate() {
        if at > 0 {
            roff.control("PP", []);
        }
        roff.text([roman(*meaning)]);
        block(&mut roff, true);
        roff.text([roman(example)]);
        block(&mut roff, false);
    }
    roff
}

fn item(roff: &mut Roff, name: Vec<Inline>, meaning: &str) {
    roff.control("TP", []);
    roff.text(name);
    roff.text([roman(meaning)]);
}

const OTHER_VARIABLES: &[(&str, &str)] = &[
    ("SSL_CERT_FILE, SSL_CERT_DIR", "the certificates that TLS trusts, instead of the system's"),
    (
        "HTTPS_PROXY, HTTP_PROXY, ALL_PROXY",
        "the proxy to the server: http, https, socks4, socks5 or socks5h; one that cannot be used is an error",
    ),
    ("NO_PROXY", "the hosts that are asked without the proxy, separated by commas"),
    ("NO_COLOR", "if set, nothing is bold or in colour"),
    ("ACCESSIBLE", "if set, no line of a login is written over"),
    ("LC_ALL, LC_CTYPE, LANG", "the locale: where it is not UTF-8, a terminal is shown ASCII, and no QR code"),
    ("COLUMNS", "how wide a terminal is that does not say so itself"),
];

const FILES: &[(&str, &str)] = &[
    (
        "~/.local/state/{}",
        "The state folder: on Linux and BSD below $XDG_STATE_HOME where that is set, on macOS ~/Library/Application Support/{}, \
         on Windows %LOCALAPPDATA%\\{}.",
    ),
    ("index.json", "In the state folder: the names of the logins, the default, the rules of folders. No secret."),
    ("grants/", "In the state folder: the tokens of each login, sealed with a key that rests elsewhere."),
    ("key", "In the state folder: the key file of logins whose place is keyfile, unless systemd hands over another."),
];

/// A text and its example, for a host that has the command.
type Example = (&'static str, fn(&Words) -> Option<String>);

const EXAMPLES: &[Example] = &[
    ("Log in, by a browser here or on another device:", |words| words.line("login")),
    ("Call an API:", |words| Some(format!("curl -H \"Authorization: Bearer $({})\" URL", words.line("token")?))),
    ("Use a second login in this folder and below:", |words| Some(format!("{} work --here", words.line("switch")?))),
    ("Use a token that was made elsewhere, and keep nothing:", |words| {
        Some(format!("{}=$TOKEN {}", words.variable("TOKEN")?, words.line("status")?))
    }),
    ("Find out what is wrong:", |words| words.line("doctor")),
];
