//! `auth logout`.

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use super::outcomes::print_outcomes;
use super::run::Run;
use crate::cli::help::Details;
use crate::cli::lazy_args::described;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::contexts::{LoggedOut, Logins, Logout, LogoutOutcome};
use crate::ids::ContextName;
use crate::{Auth, Config, Result, Selector};

/// Log out: revoke the login at the server and forget it here
///
/// Says on standard error how each login ended; with --json it prints an object. If the server cannot be told, the login stays,
/// unless --local-only is given.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct LogoutArgs {
    /// The login to end
    #[arg(
        id = "hallpass-context", long = "context", value_name = "NAME",
        value_hint = ValueHint::Other,
        conflicts_with = "hallpass-all"
    )]
    context: Option<ContextName>,
    /// End all logins
    #[arg(id = "hallpass-all", long = "all")]
    all: bool,
    /// Forget on this machine only; the server is not told
    #[arg(id = "hallpass-local-only", long = "local-only")]
    local_only: bool,
}

described!(
    LogoutArgs,
    "logout",
    "Log out: revoke the login at the server and forget it here",
    Details {
        variables: Some(&["CONTEXT", "PASSPHRASE_FD", "PASSPHRASE", "HOME"]),
        examples: &["{}", "{} --context work --local-only", "{} --all"],
    }
);

impl Run for LogoutArgs {
    fn run(self, output: &Output, config: Config, _stop: &Stop) -> Result<u8> {
        let selected = Logins::from(Selector { context: self.context, ..Selector::default() });
        let logout = Logout::new(if self.all { Logins::All } else { selected });
        let logout = if self.local_only { logout.local_only() } else { logout };
        let ended = Auth::new(config)?.logout(logout).wait()?;
        Ok(print_outcomes(output, &ended, "logged_out", "Nobody was logged in.", logout_json, logout_line))
    }
}

fn logout_json(login: &LoggedOut) -> Value {
    json!({
        "context": login.context,
        "also": login.also,
        "account": login.account,
        "ended": login.ended.name(),
        "left_behind": login.left_behind,
    })
}

fn logout_line(login: &LoggedOut) -> String {
    let (account, server) = (&login.account, login.account.issuer.host());
    let names = std::iter::once(&login.context).chain(&login.also).map(ContextName::as_str);
    let name = names.collect::<Vec<_>>().join(", ");
    let key = login
        .left_behind
        .as_ref()
        .map(|why| format!(" Its key could not be erased ({why}); it opens nothing any more."));
    let ended = match login.ended {
        LogoutOutcome::Revoked => format!("Logged out {name} ({account}): revoked at {server} and forgotten here."),
        LogoutOutcome::NotRevocable => format!(
            "Forgot {name} ({account}) on this machine. {server} has no way to revoke it: it ends there when it expires."
        ),
        LogoutOutcome::Already => {
            format!("Logged out {name} ({account}): {server} had refused it as ended before; it is forgotten here.")
        }
        LogoutOutcome::LocalOnly => {
            format!("Forgot {name} ({account}) on this machine. {server} was not told: it ends there when it expires.")
        }
        LogoutOutcome::Unreadable => format!(
            "Forgot {name} ({account}) on this machine. It could not be read any more, so {server} was not told: it \
             ends there when it expires."
        ),
    };
    ended + key.as_deref().unwrap_or_default()
}
