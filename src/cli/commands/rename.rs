//! `auth rename`.

use std::process::ExitCode;

use clap::{Args, ValueHint};

use crate::cli::context_view::context_json;
use crate::cli::help::details;
use crate::cli::output::Output;
use crate::ids::ContextName;
use crate::{Auth, Config, Result};

/// Give a login another name
///
/// The default and the rules of folders follow it. Says so on standard error; with --json it prints the login.
#[derive(Debug, Args)]
#[group(skip)]
#[command(after_long_help = details(Some(&["PASSPHRASE_FD", "PASSPHRASE", "HOME"]), &["auth rename alice@example.com private"]))]
pub(super) struct RenameArgs {
    /// The login
    #[arg(id = "hallpass-context", value_name = "NAME", value_hint = ValueHint::Other)]
    context: ContextName,
    /// Its name from now on
    #[arg(id = "hallpass-new", value_name = "NEW", value_hint = ValueHint::Other)]
    new: ContextName,
}

impl RenameArgs {
    pub(super) fn run(self, output: &Output, config: Config) -> Result<ExitCode> {
        let auth = Auth::new(config)?;
        let context = auth.rename(&self.context, &self.new).wait()?;
        output.say(&format!("Renamed {} to {}.", self.context, context.name));
        if let Err(error) = auth.session() {
            output.note(format!("here {error}"));
        }
        Ok(output.print_json_only(|| context_json(&auth, &context)))
    }
}
