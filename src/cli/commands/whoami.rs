//! `whoami`.

use clap::{Args, ValueHint};
use serde_json::Value;

use super::args::LOGIN_VARIABLES;
use super::run::Run;
use crate::cli::context_view::{note_refused, person};
use crate::cli::help::Details;
use crate::cli::lazy_args::described;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::ids::{ContextName, Org};
use crate::{Auth, Config, Result, Selector};

/// Say who is logged in, as the authorization server knows it
///
/// Asks the server, with a valid access token, and prints the person and the server's address; with --json all claims that the
/// server gives.
#[derive(Debug, Args)]
#[group(skip)]
#[command(max_term_width = 100)]
pub(super) struct WhoamiArgs {
    /// The login to ask with
    #[arg(id = "hallpass-context", long = "context", value_name = "NAME", value_hint = ValueHint::Other)]
    context: Option<ContextName>,
    /// The org to ask for
    #[arg(id = "hallpass-org", long = "org", value_name = "ORG", value_hint = ValueHint::Other)]
    org: Option<Org>,
}

described!(
    WhoamiArgs,
    "whoami",
    "Say who is logged in, as the authorization server knows it",
    Details { variables: Some(LOGIN_VARIABLES), examples: &["{}", "{} --context work --json"] }
);

impl Run for WhoamiArgs {
    fn run(self, output: &Output, config: Config, stop: &Stop) -> Result<u8> {
        let session = Auth::new(config)?.session_for(&Selector { context: self.context, org: self.org })?;
        let info = session.userinfo().wait_unless_cancelled(&stop.cancel)?;
        if let Some(error) = &info.refused {
            note_refused(output, error);
        }
        Ok(match output.json {
            true => output.print_server_json(serde_json::from_str(&info.json).unwrap_or(Value::Null)),
            false => output.print_lines(&format!("{} at {}", person(&info.account), info.account.issuer.host())),
        })
    }
}
