//! The commands and their options. Each option has an id that no host has: clap carries the values of a host's global options to
//! all commands by id.

pub(super) mod login;
pub(super) mod switch;

use std::ffi::OsStr;
use std::time::Duration;

use clap::builder::{PossibleValue, StringValueParser, TypedValueParser};
use clap::{Arg, Args, Command, Subcommand, ValueHint};
use url::Url;

use crate::cli::help::{GROUPS, after};
use crate::cli::lazy_args::Deferred;
use crate::clock::parse_duration;
use crate::{ContextName, Org, Result};

/// Log in and out, and get tokens.
///
/// Data goes to standard output, conversation to standard error. With --json every answer is JSON, errors too, on standard
/// output: `kind`, `remedy`, `message`, and what to do next.
#[derive(Debug, Args)]
#[command(max_term_width = 100, help_template = GROUPS)]
#[non_exhaustive]
pub struct AuthCommand {
    #[command(flatten)]
    pub(super) auth: Deferred<Auth>,
}

/// Say who is logged in, as the authorization server knows it.
///
/// Asks the server, with a valid access token, and prints the person and the server's address; with --json all claims that the
/// server gives. What this machine knows by itself is said by `auth status`.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
#[non_exhaustive]
pub struct Whoami {
    #[command(flatten)]
    pub(super) whoami: Deferred<Who>,
}

// A comment for the compiler would be a text for `--help`, in the place of the command's own.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = after(None, &["auth login", "auth token", "auth help token"]))]
pub(super) struct Auth {
    #[command(subcommand)]
    pub(super) action: Action,
}

#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = after(Some(USE), &["whoami", "whoami --context work --json"]))]
pub(super) struct Who {
    /// The login to ask with
    #[arg(id = "hallpass-context", long = "context", value_name = "NAME", value_hint = ValueHint::Other)]
    pub(super) context: Option<ContextName>,
    /// The org to ask for
    #[arg(id = "hallpass-org", long = "org", value_name = "ORG", value_hint = ValueHint::Other)]
    pub(super) org: Option<Org>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    Login(Deferred<Login>),
    Token(Deferred<Token>),
    Status(Deferred<Status>),
    List(Deferred<List>),
    Switch(Deferred<Switch>),
    Rename(Deferred<Rename>),
    Doctor(Deferred<Doctor>),
    Logout(Deferred<Logout>),
}

impl AuthCommand {
    /// `--json` may stand before the command or after it.
    pub(super) fn json(&self) -> bool {
        let (Action::Login(Deferred { json, .. })
        | Action::Token(Deferred { json, .. })
        | Action::Status(Deferred { json, .. })
        | Action::List(Deferred { json, .. })
        | Action::Switch(Deferred { json, .. })
        | Action::Rename(Deferred { json, .. })
        | Action::Doctor(Deferred { json, .. })
        | Action::Logout(Deferred { json, .. })) = &self.auth.options.action;
        self.auth.json || *json
    }
}

/// What chooses a login, and helps to open its key.
const USE: &[&str] = &["CONTEXT", "ORG", "TOKEN", "PASSPHRASE_FD", "PASSPHRASE", "HOME"];

/// Log in: approve in a browser, here or on another device
///
/// Shows an address and a code on standard error, waits until the person has approved, and keeps the login. Standard output
/// stays empty; with --json it carries one event a line: `device_authorization`, then `logged_in` or `error`. Without a
/// terminal it waits for nobody and exits 4, unless --wait or --json is given.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = after(None, &[
    "auth login",
    "auth login --context work --org globex",
    "auth login --no-browser",
]))]
pub(super) struct Login {
    /// The name to keep this login under
    #[arg(id = "hallpass-context", long = "context", value_name = "NAME", value_hint = ValueHint::Other)]
    pub(super) context: Option<ContextName>,
    /// The org to log in to
    #[arg(id = "hallpass-org", long = "org", value_name = "ORG", value_hint = ValueHint::Other)]
    pub(super) org: Option<Org>,
    /// Whose login it shall be, for the server's page
    #[arg(id = "hallpass-login-hint", long = "login-hint", value_name = "NAME", value_hint = ValueHint::Other)]
    pub(super) login_hint: Option<String>,
    /// A scope to ask for, instead of the usual ones; can be repeated
    #[arg(id = "hallpass-scope", long = "scope", value_name = "SCOPE", value_hint = ValueHint::Other)]
    pub(super) scope: Vec<String>,
    /// Show the address only
    #[arg(id = "hallpass-no-browser", long = "no-browser")]
    pub(super) no_browser: bool,
    /// Draw the address as a QR code too, for a phone
    #[cfg(feature = "qr")]
    #[arg(id = "hallpass-qr", long = "qr")]
    pub(super) qr: bool,
    /// Forget the login when this login session ends: for a machine that is not yours
    #[arg(id = "hallpass-ephemeral", long = "ephemeral")]
    pub(super) ephemeral: bool,
    /// Let the name pass from another account to this one
    #[arg(id = "hallpass-replace", long = "replace")]
    pub(super) replace: bool,
    /// Wait for the approval even where there is no terminal
    #[arg(id = "hallpass-wait", long = "wait")]
    pub(super) wait: bool,
}

/// Print a valid access token and nothing else
///
/// On standard output: the token at hand, or a new one where that has expired or is about to. Ask for it where it is used, and it
/// is never stale. With --json an object that also says when it expires, and its login, org and scopes.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = after(Some(USE), &[
    "auth token --min-validity 10m",
    "auth token --org globex --json",
]) + "\n  curl -H \"Authorization: Bearer $(<app> auth token)\" URL")]
pub(super) struct Token {
    /// The login to use
    #[arg(id = "hallpass-context", long = "context", value_name = "NAME", value_hint = ValueHint::Other)]
    pub(super) context: Option<ContextName>,
    /// The org that the token shall speak for
    #[arg(id = "hallpass-org", long = "org", value_name = "ORG", value_hint = ValueHint::Other)]
    pub(super) org: Option<Org>,
    /// What the token shall be for
    #[arg(id = "hallpass-resource", long = "resource", value_name = "URI", value_hint = ValueHint::Url)]
    pub(super) resource: Option<Url>,
    /// A scope that the token shall have, instead of all; can be repeated
    #[arg(id = "hallpass-scope", long = "scope", value_name = "SCOPE", value_hint = ValueHint::Other)]
    pub(super) scope: Vec<String>,
    /// Fetch a new token if this one is not valid for so long: 90 (seconds), 15m, 8h, 30d, PT8H; the server may give one that is
    /// valid for less
    #[arg(
        id = "hallpass-min-validity", long = "min-validity", value_name = "DURATION", value_parser = duration,
        value_hint = ValueHint::Other
    )]
    pub(super) min_validity: Option<Duration>,
    /// Fetch a new token even if the one at hand is good
    #[arg(id = "hallpass-refresh", long = "refresh")]
    pub(super) refresh: bool,
}

/// Say who is logged in, where, and until when, as this machine knows it
///
/// Prints one line for each: the login, the rule that chose it, the person, the org, the server, where the key rests and for
/// how long, since when the person is logged in, until when the token is valid; and what to do next where something is wrong.
/// Asks neither the server nor the place of the key.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = after(Some(&["CONTEXT", "ORG", "TOKEN", "HOME"]), &[
    "auth status",
    "auth status --context work --json",
]))]
pub(super) struct Status {
    /// The login to show
    #[arg(id = "hallpass-context", long = "context", value_name = "NAME", value_hint = ValueHint::Other)]
    pub(super) context: Option<ContextName>,
}

/// List all logins on this machine
///
/// Prints a table; a star marks the login that commands use here and now. With --json an array, `[]` where nobody is logged
/// in. --orgs asks the server.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = after(Some(USE), &[
    "auth list",
    "auth list --orgs --context work",
]))]
pub(super) struct List {
    /// List the orgs that the login may speak for instead, as the server knows them
    #[arg(id = "hallpass-orgs", long = "orgs")]
    pub(super) orgs: bool,
    /// The login whose orgs to list
    #[arg(
        id = "hallpass-context", long = "context", value_name = "NAME",
        value_hint = ValueHint::Other,
        requires = "hallpass-orgs"
    )]
    pub(super) context: Option<ContextName>,
}

/// Choose which login is used, everywhere or in this folder and below
///
/// Without --here it becomes the default. What goes before the default: --context, then <APP>_CONTEXT, then the rule of the
/// innermost folder. What it did is said on standard error.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = after(Some(USE), &[
    "auth switch work",
    "auth switch work --here",
    "auth switch --org globex",
    "auth switch --unset",
]))]
pub(super) struct Switch {
    /// The login to use
    #[arg(id = "hallpass-context", value_name = "NAME", value_hint = ValueHint::Other)]
    pub(super) context: Option<ContextName>,
    /// The org to use, with the login that is used here
    #[arg(
        id = "hallpass-org", long = "org", value_name = "ORG",
        value_hint = ValueHint::Other,
        conflicts_with = "hallpass-context"
    )]
    pub(super) org: Option<Org>,
    /// In this folder and below only; kept in the state folder, nothing is written here
    #[arg(id = "hallpass-here", long = "here")]
    pub(super) here: bool,
    /// Take away what --here has set for this folder
    #[arg(id = "hallpass-unset", long = "unset", conflicts_with_all = ["hallpass-context", "hallpass-org"])]
    pub(super) unset: bool,
}

/// Give a login another name
///
/// The default and the rules of folders follow it. Says so on standard error; with --json it prints the login.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = after(Some(&["PASSPHRASE_FD", "PASSPHRASE", "HOME"]), &["auth rename alice@example.com private"]))]
pub(super) struct Rename {
    /// The login
    #[arg(id = "hallpass-context", value_name = "NAME", value_hint = ValueHint::Other)]
    pub(super) context: ContextName,
    /// Its name from now on
    #[arg(id = "hallpass-new", value_name = "NEW", value_hint = ValueHint::Other)]
    pub(super) new: ContextName,
}

/// Say what is well on this machine and what is not, and repair it
///
/// Prints one line for each finding: the state folder, the places for keys, the logins, leftovers, the network, the server
/// and its clock. It changes nothing unless --repair or --move-to says so, and shows no secret.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = after(Some(&["CUSTODY", "PASSPHRASE_FD", "PASSPHRASE", "HOME"]), &[
    "auth doctor",
    "auth doctor --repair",
    "auth doctor --move-to kernel --context work",
]))]
pub(super) struct Doctor {
    /// Move the keys of all logins to another place
    #[arg(id = "hallpass-move-to", long = "move-to", value_name = "PLACE", value_parser = Custody)]
    pub(super) move_to: Option<String>,
    /// Move the key of this login only
    #[arg(
        id = "hallpass-context", long = "context", value_name = "NAME",
        value_hint = ValueHint::Other,
        requires = "hallpass-move-to"
    )]
    pub(super) context: Option<ContextName>,
    /// Repair what can be repaired
    #[arg(id = "hallpass-repair", long = "repair", conflicts_with = "hallpass-move-to")]
    pub(super) repair: bool,
}

/// Log out: revoke the login at the server and forget it here
///
/// Says on standard error how each login ended; with --json it prints an object. If the server cannot be told, the login stays,
/// unless --local-only is given.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = after(Some(&["CONTEXT", "PASSPHRASE_FD", "PASSPHRASE", "HOME"]), &[
    "auth logout",
    "auth logout --context work --local-only",
    "auth logout --all",
]))]
pub(super) struct Logout {
    /// The login to end
    #[arg(
        id = "hallpass-context", long = "context", value_name = "NAME",
        value_hint = ValueHint::Other,
        conflicts_with = "hallpass-all"
    )]
    pub(super) context: Option<ContextName>,
    /// End all logins
    #[arg(id = "hallpass-all", long = "all")]
    pub(super) all: bool,
    /// Forget on this machine only; the server is not told
    #[arg(id = "hallpass-local-only", long = "local-only")]
    pub(super) local_only: bool,
}

/// clap's error names option and value already.
fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration("duration", text).map_err(|_| "write 90 (seconds), 15m, 8h, 30d or PT8H")
}

/// The name of a place. Those that everybody has are known for help and completions; a host may have one of its own, and which
/// there are is the library's to say.
#[derive(Clone)]
struct Custody;

impl TypedValueParser for Custody {
    type Value = String;

    fn parse_ref(&self, command: &Command, arg: Option<&Arg>, value: &OsStr) -> Result<String, clap::Error> {
        StringValueParser::new().parse_ref(command, arg, value)
    }

    fn possible_values(&self) -> Option<Box<dyn Iterator<Item = PossibleValue> + '_>> {
        Some(Box::new(["os", "kernel", "session", "passphrase", "keyfile"].into_iter().map(PossibleValue::new)))
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, FromArgMatches, Parser};

    use super::*;

    /// A host with options that are handed down to all commands, and named as some of ours.
    #[derive(Parser)]
    struct Host {
        #[arg(long, global = true)]
        context: Option<u32>,
        #[arg(long = "org", global = true, conflicts_with = "context")]
        region: Option<String>,
        #[arg(long, global = true)]
        json: Option<String>,
        #[command(subcommand)]
        command: HostCommand,
    }

    #[derive(Subcommand)]
    enum HostCommand {
        Auth(AuthCommand),
    }

    /// A host that has our command in a struct of its own, by whatever name.
    mod hosts {
        #[derive(clap::Args)]
        pub(super) struct Auth {
            #[command(flatten)]
            pub(super) inner: super::AuthCommand,
        }
    }

    #[test]
    fn what_a_host_names_and_says_stays() {
        let mut command = Command::new("acme").subcommand(hosts::Auth::augment_args(Command::new("auth")));
        command.clone().debug_assert();
        let parsed = hosts::Auth::augment_args(Command::new("auth")).get_matches_from(["auth", "list", "--json"]);
        assert!(hosts::Auth::from_arg_matches(&parsed).unwrap().inner.json());
        command = command.mut_subcommand("auth", |auth| auth.after_long_help("the host's words"));
        command.build();
        let auth = command.find_subcommand("auth").unwrap();
        assert_eq!(auth.get_after_long_help().unwrap().to_string(), "the host's words");
    }

    #[test]
    fn an_option_of_the_host_with_the_name_of_ours_is_ours_below_auth() {
        Host::command().debug_assert();
        let parsed = |text: &str| {
            let Host { context, region, json, command: HostCommand::Auth(auth) } = Host::parse_from(text.split(' '));
            assert!(region.is_none() && json.is_none());
            let own = auth.json();
            let Action::Token(token) = auth.auth.options.action else { panic!("{text}") };
            (context, own, token.options.context.map(|name| name.to_string()))
        };
        let work = Some("work".to_owned());
        assert_eq!(parsed("acme auth token --context work --json"), (None, true, work.clone()));
        assert_eq!(parsed("acme --context 7 auth token --context work"), (Some(7), false, work));
        assert_eq!(parsed("acme --context 7 auth token"), (Some(7), false, None));
    }
}
