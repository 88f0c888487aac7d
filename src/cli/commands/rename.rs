//! `auth rename`.

use clap::{Args, ValueHint};

use super::run::Run;
use crate::cli::context_view::context_json;
use crate::cli::help::Details;
use crate::cli::lazy_args::described;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::ids::ContextName;
use crate::{Auth, Config, Result};

/// Give a login another name
///
/// The default and the rules of folders follow it. Says so on standard error; with --json it prints the login.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct RenameArgs {
    /// The login
    #[arg(id = "hallpass-context", value_name = "NAME", value_hint = ValueHint::Other)]
    context: ContextName,
    /// Its name from now on
    #[arg(id = "hallpass-new", value_name = "NEW", value_hint = ValueHint::Other)]
    new: ContextName,
}

described!(
    RenameArgs,
    "rename",
    "Give a login another name",
    Details { variables: Some(&["PASSPHRASE_FD", "PASSPHRASE", "HOME"]), examples: &["{} alice@example.com private"] }
);

impl Run for RenameArgs {
    fn run(self, output: &Output, config: Config, _stop: &Stop) -> Result<u8> {
        let auth = Auth::new(config)?;
        let context = auth.rename(&self.context, &self.new).wait()?;
        output.say(&format!("Renamed {} to {}.", self.context, context.name));
        if let Err(error) = auth.session() {
            output.note(format!("here {error}"));
        }
        Ok(output.print_json_only(|| context_json(&auth, &context)))
    }
}
