//! `auth login`.

use std::io;
use std::sync::Arc;

use clap::{Args, ValueHint};
use serde_json::json;

use super::args::scopes;
use super::run::Run;
use crate::Terminal;
use crate::cli::context_view::{network_variables, note_unless_selected};
use crate::cli::help::Details;
use crate::cli::lazy_args::described;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::clock::Cancel;
use crate::config::Command;
use crate::custody::Lifetime;
use crate::events::Owner;
use crate::ids::{ContextName, EnvironmentName, Org};
use crate::prompt::{Outcome, Prompt, Verification};
use crate::{Auth, Config, Login, Remedy, Result};

/// Log in: approve in a browser, here or on another device
///
/// Shows an address and a code on standard error, waits until the person has approved, and keeps the login. Standard output
/// stays empty; with --json it carries one event a line: `device_authorization`, then `logged_in` or `error`. Without a
/// terminal it waits for nobody and exits 4, unless --wait or --json is given.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct LoginArgs {
    /// The name to keep this login under
    #[arg(id = "hallpass-context", long = "context", value_name = "NAME", value_hint = ValueHint::Other)]
    context: Option<ContextName>,
    /// The org to log in to
    #[arg(id = "hallpass-org", long = "org", value_name = "ORG", value_hint = ValueHint::Other)]
    org: Option<Org>,
    /// Whose login it shall be, for the server's page
    #[arg(id = "hallpass-login-hint", long = "login-hint", value_name = "NAME", value_hint = ValueHint::Other)]
    login_hint: Option<String>,
    /// A scope to ask for, instead of the usual ones; can be repeated
    #[arg(id = "hallpass-scope", long = "scope", value_name = "SCOPE", value_hint = ValueHint::Other)]
    scope: Vec<String>,
    /// Show the address only
    #[arg(id = "hallpass-no-browser", long = "no-browser")]
    no_browser: bool,
    /// Draw the address as a QR code too, for a phone
    #[cfg(feature = "qr")]
    #[arg(id = "hallpass-qr", long = "qr")]
    qr: bool,
    /// Forget the login when this login session ends: for a machine that is not yours
    #[arg(id = "hallpass-ephemeral", long = "ephemeral")]
    ephemeral: bool,
    /// Who answers for it: team:payments, person:ada
    #[arg(id = "hallpass-owner", long = "owner", value_name = "OWNER", value_hint = ValueHint::Other)]
    owner: Option<Owner>,
    /// What it is for, for good: sandbox, production
    #[arg(id = "hallpass-environment", long = "environment", value_name = "NAME", value_hint = ValueHint::Other)]
    environment: Option<EnvironmentName>,
    /// The ticket that asks for the login
    #[arg(id = "hallpass-ticket", long = "ticket", value_name = "ID", value_hint = ValueHint::Other)]
    ticket: Option<String>,
    /// Why you log in, for whoever reads the trail
    #[arg(id = "hallpass-reason", long = "reason", value_name = "TEXT", value_hint = ValueHint::Other)]
    reason: Option<String>,
    /// Let the name pass from another account to this one
    #[arg(id = "hallpass-replace", long = "replace")]
    replace: bool,
    /// Wait for the approval even where there is no terminal
    #[arg(id = "hallpass-wait", long = "wait")]
    wait: bool,
}

described!(
    LoginArgs,
    "login",
    "Log in: approve in a browser, here or on another device",
    Details {
        variables: None,
        examples: &[
            "{}",
            "{} --context work --org globex",
            "{} --owner team:pay --environment sandbox",
            "{} --no-browser",
        ]
    }
);

impl Run for LoginArgs {
    const IS_LOGIN: bool = true;

    fn run(self, output: &Output, config: Config, stop: &Stop) -> Result<u8> {
        if !config.environment.terminal && !output.json && !self.wait {
            return Ok(self.refuse_without_terminal(output));
        }
        if let Some(note) = network_variables(&config) {
            output.note(note);
        }
        let cancel = &stop.cancel;
        let has_token = config.environment.token.is_some();
        let auth = Auth::new(config.clone())?;
        note_other_logins(output, &auth, &config)?;
        let prompt: Arc<dyn Prompt> = match output.json {
            true => Arc::new(JsonEvents(output.clone())),
            false => Arc::new(self.terminal(cancel)),
        };
        match auth.login(self.login(prompt, cancel)?).wait() {
            // The prompt has printed the error as an event.
            Err(error) if output.json => Ok(output.exit_code(&error)),
            Err(error) => Err(error),
            Ok(session) => {
                if let (Some(context), false) = (session.context(), has_token || output.json) {
                    note_unless_selected(output, &auth, &context.name);
                }
                Ok(0)
            }
        }
    }
}

impl LoginArgs {
    /// Refuses the login: nobody would see the code, and a program that waits for nobody hangs.
    fn refuse_without_terminal(self, output: &Output) -> u8 {
        let commands = &output.hints.commands;
        let context = self.context.as_ref().map(|name| ["--context", name.as_str()]);
        let options: Vec<_> = ["--wait"].into_iter().chain(context.into_iter().flatten()).collect();
        let wait = output.hints.named(Command::Login, &options).unwrap_or_else(|| "it with --wait".into());
        let token = commands.variables().token.as_ref();
        let token = token.map(|name| format!("; where nobody can approve, give a token in {name}")).unwrap_or_default();
        output.say("error: this is not a terminal, so nobody would see the code");
        output.say(&format!("hint: run {wait} to wait here all the same, or with --json from a program{token}"));
        4
    }

    fn terminal(&self, cancel: &Cancel) -> Terminal {
        let mut terminal = Terminal::stderr().with_keys(cancel.clone());
        if self.no_browser {
            terminal = terminal.without_browser();
        }
        #[cfg(feature = "qr")]
        if self.qr {
            terminal = terminal.with_qr();
        }
        terminal
    }

    fn login(self, prompt: Arc<dyn Prompt>, cancel: &Cancel) -> Result<Login> {
        // The process ends before the login is used.
        let lifetime = if self.ephemeral { Lifetime::Session } else { Lifetime::Lasting };
        let mut login = Login::new(prompt).lifetime(lifetime).cancel(cancel.clone());
        if let Some(context) = self.context {
            login = login.context(context);
        }
        if let Some(org) = self.org {
            login = login.org(org);
        }
        if let Some(login_hint) = self.login_hint {
            login = login.login_hint(&login_hint);
        }
        if let Some(scopes) = scopes(&self.scope)? {
            login = login.scopes(scopes);
        }
        if let Some(owner) = self.owner {
            login = login.owner(owner);
        }
        if let Some(environment) = self.environment {
            login = login.environment(environment);
        }
        if let Some(ticket) = self.ticket {
            login = login.ticket(&ticket);
        }
        if let Some(reason) = self.reason {
            login = login.reason(&reason);
        }
        Ok(if self.replace { login.replace() } else { login })
    }
}

/// Notes where this login is kept, and what stands beside it: logins that have lost their names, and a token in the environment.
fn note_other_logins(output: &Output, auth: &Auth, config: &Config) -> Result<()> {
    if let Some((folder, variable)) = auth.named_state_folder() {
        // A folder that is refused is an error, and not noted.
        auth.contexts()?;
        output.note(format!("the login is kept in {}, which {variable} names", folder.display()));
    }
    if let Err(lost) = auth.session()
        && matches!(lost.remedy(), Some(Remedy::Repair))
    {
        // The new login replaces none of the logins that lost their names.
        let repair = output.hints.named(Command::Doctor, &["--repair"]);
        let repair = repair.map(|doctor| format!("; {doctor} names it again")).unwrap_or_default();
        output.note(format!("{lost}{repair}"));
    }
    if config.environment.token.is_some() {
        output.note(format!("{} is set and takes precedence over this login", output.hints.token_variable()));
    }
    Ok(())
}

/// A login for a program: the events of [`JsonLines`](crate::JsonLines), with the notes and the next steps.
struct JsonEvents(Output);

impl Prompt for JsonEvents {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        self.0.print_event(json!(verification))
    }

    fn done(&self, outcome: &Outcome<'_>) {
        match outcome {
            Outcome::Failed(error) => drop(self.0.print_error(error)),
            // A reader that has closed the pipe must not undo a login that is already saved.
            outcome => drop(self.0.print_event(json!(outcome))),
        }
    }
}
