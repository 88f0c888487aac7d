//! `whoami`.

use std::process::ExitCode;

use clap::{Args, ValueHint};
use serde_json::Value;

use super::args::LOGIN_VARIABLES;
use crate::cli::context_view::{note_refused, person};
use crate::cli::help::details;
use crate::cli::lazy_args::LazyArgs;
use crate::cli::output::Output;
use crate::cli::process::run_command;
use crate::cli::signals::Stop;
use crate::clock::Cancel;
use crate::ids::{ContextName, Org};
use crate::{Auth, Config, Result, Selector};

/// Say who is logged in, as the authorization server knows it.
///
/// Asks the server, with a valid access token, and prints the person and the server's address; with --json all claims that the
/// server gives. What this machine knows by itself is said by `auth status`.
#[derive(Debug, Args)]
#[command(max_term_width = 100)]
#[non_exhaustive]
pub struct Whoami {
    #[command(flatten)]
    whoami: LazyArgs<WhoamiArgs>,
}

#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = details(Some(LOGIN_VARIABLES), &["whoami", "whoami --context work --json"]))]
struct WhoamiArgs {
    /// The login to ask with
    #[arg(id = "hallpass-context", long = "context", value_name = "NAME", value_hint = ValueHint::Other)]
    context: Option<ContextName>,
    /// The org to ask for
    #[arg(id = "hallpass-org", long = "org", value_name = "ORG", value_hint = ValueHint::Other)]
    org: Option<Org>,
}

impl Whoami {
    /// Runs the command to its end, as [`AuthCommand::run`](super::AuthCommand::run) does.
    pub fn run(self, config: Result<Config>) -> ExitCode {
        let LazyArgs { args, json } = self.whoami;
        let stop = Stop::on_signals();
        let output = Output::new(json, false, &config);
        let code = run_command(config, &output, &stop, |config| args.run(&output, config, &stop.cancel));
        stop.exit_code().unwrap_or(code)
    }
}

impl WhoamiArgs {
    fn run(self, output: &Output, config: Config, cancel: &Cancel) -> Result<ExitCode> {
        let session = Auth::new(config)?.session_for(&Selector { context: self.context, org: self.org })?;
        let info = session.userinfo().wait_unless_cancelled(cancel)?;
        if let Some(error) = &info.refused {
            note_refused(output, error);
        }
        Ok(match output.json {
            true => output.print_server_json(serde_json::from_str(&info.json).unwrap_or(Value::Null)),
            false => output.print_lines(&format!("{} at {}", person(&info.account), info.account.issuer.host())),
        })
    }
}
