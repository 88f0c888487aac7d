//! The commands and their options.

use std::time::Duration;

use clap::{Args, Subcommand};
use url::Url;

use crate::{ContextName, Org, Result};

/// Log in and out, and get tokens.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct AuthCommand {
    #[command(subcommand)]
    pub(super) action: Action,
    /// Print JSON, errors too
    #[arg(long, global = true)]
    pub(super) json: bool,
}

/// Say who is logged in, as the authorization server knows it.
#[derive(Debug, Args)]
#[non_exhaustive]
pub struct Whoami {
    /// The login to ask with
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<ContextName>,
    /// The org to ask for
    #[arg(long, value_name = "ORG")]
    pub(super) org: Option<Org>,
    /// Print the server's claims as JSON
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum Action {
    /// Log in: approve in a browser, here or on another device
    Login(Login),
    /// Print a valid access token and nothing else
    Token(Token),
    /// Say who is logged in, where, and until when, as this machine knows it
    Status(Status),
    /// List all logins on this machine
    List(List),
    /// Choose which login is used from now on: everywhere, or in this folder and below
    Switch(Switch),
    /// Give a login another name
    Rename(Rename),
    /// Say what is well on this machine and what is not, and repair it
    Doctor(Doctor),
    /// Log out: revoke the login at the server and forget it here
    Logout(Logout),
}

#[derive(Debug, Args)]
pub(super) struct Login {
    /// The name to keep this login under
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<ContextName>,
    /// The org to log in to
    #[arg(long, value_name = "ORG")]
    pub(super) org: Option<Org>,
    /// Whose login it shall be, for the server's page
    #[arg(long, value_name = "NAME")]
    pub(super) login_hint: Option<String>,
    /// A scope to ask for, instead of the usual ones; can be repeated
    #[arg(long, value_name = "SCOPE")]
    pub(super) scope: Vec<String>,
    /// Show the address only
    #[arg(long)]
    pub(super) no_browser: bool,
    /// Forget the login when this login session ends: for a machine that is not yours
    #[arg(long)]
    pub(super) ephemeral: bool,
    /// Let the name pass from another account to this one
    #[arg(long)]
    pub(super) replace: bool,
    /// Wait for the approval even where there is no terminal
    #[arg(long)]
    pub(super) wait: bool,
}

#[derive(Debug, Args)]
pub(super) struct Token {
    /// The login to use
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<ContextName>,
    /// The org that the token shall speak for
    #[arg(long, value_name = "ORG")]
    pub(super) org: Option<Org>,
    /// What the token shall be for
    #[arg(long, value_name = "URI")]
    pub(super) resource: Option<Url>,
    /// A scope that the token shall have, instead of all; can be repeated
    #[arg(long, value_name = "SCOPE")]
    pub(super) scope: Vec<String>,
    /// Fetch a new token if this one is not valid for so long, in seconds
    #[arg(long, value_name = "SECS", value_parser = seconds)]
    pub(super) min_validity: Option<Duration>,
    /// Fetch a new token even if the one at hand is good
    #[arg(long)]
    pub(super) refresh: bool,
}

#[derive(Debug, Args)]
pub(super) struct Status {
    /// The login to show
    #[arg(long, value_name = "NAME")]
    pub(super) context: Option<ContextName>,
}

#[derive(Debug, Args)]
pub(super) struct List {
    /// List the orgs that the login may speak for instead, as the server knows them
    #[arg(long)]
    pub(super) orgs: bool,
    /// The login whose orgs to list
    #[arg(long, value_name = "NAME", requires = "orgs")]
    pub(super) context: Option<ContextName>,
}

#[derive(Debug, Args)]
pub(super) struct Switch {
    /// The login to use
    #[arg(value_name = "NAME")]
    pub(super) context: Option<ContextName>,
    /// The org to use, with the login that is used here
    #[arg(long, value_name = "ORG", conflicts_with = "context")]
    pub(super) org: Option<Org>,
    /// In this folder and below only; kept in the state folder, nothing is written here
    #[arg(long)]
    pub(super) here: bool,
    /// Take away what --here has set for this folder
    #[arg(long, conflicts_with_all = ["context", "org"])]
    pub(super) unset: bool,
}

#[derive(Debug, Args)]
pub(super) struct Rename {
    /// The login
    #[arg(value_name = "NAME")]
    pub(super) context: ContextName,
    /// Its name from now on
    #[arg(value_name = "NEW")]
    pub(super) new: ContextName,
}

#[derive(Debug, Args)]
pub(super) struct Doctor {
    /// Move the keys of all logins to another place: os, kernel, session, passphrase or keyfile
    #[arg(long, value_name = "PLACE")]
    pub(super) move_to: Option<String>,
    /// Move the key of this login only
    #[arg(long, value_name = "NAME", requires = "move_to")]
    pub(super) context: Option<ContextName>,
    /// Repair what can be repaired
    #[arg(long, conflicts_with = "move_to")]
    pub(super) repair: bool,
}

#[derive(Debug, Args)]
pub(super) struct Logout {
    /// The login to end
    #[arg(long, value_name = "NAME", conflicts_with = "all")]
    pub(super) context: Option<ContextName>,
    /// End all logins
    #[arg(long)]
    pub(super) all: bool,
    /// Forget on this machine only; the server is not told
    #[arg(long)]
    pub(super) local_only: bool,
}

fn seconds(text: &str) -> Result<Duration, std::num::ParseIntError> {
    text.parse().map(Duration::from_secs)
}
