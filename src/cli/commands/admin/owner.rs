//! `auth admin owner`.

use clap::{Args, ValueHint};
use serde_json::json;

use super::super::run::Run;
use crate::cli::help::Details;
use crate::cli::lazy_args::described;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::events::Owner;
use crate::ids::ContextName;
use crate::{Auth, Config, Result, Selector};

/// Change who answers for a login
///
/// The owner is sealed with the login, and the change is an event. The login stays as it is otherwise.
#[derive(Debug, Args)]
#[group(skip)]
#[command(max_term_width = 100)]
pub(in crate::cli) struct OwnerArgs {
    /// The login
    #[arg(id = "hallpass-context", value_name = "NAME", value_hint = ValueHint::Other)]
    context: ContextName,
    /// Who answers for it: person:, team:, repo: or service: and a name
    #[arg(id = "hallpass-new-owner", value_name = "OWNER", value_hint = ValueHint::Other)]
    owner: Owner,
}

described!(
    OwnerArgs,
    "owner",
    "Change who answers for a login",
    Details {
        variables: Some(&["HOME", "PASSPHRASE_FD", "PASSPHRASE"]),
        examples: &["{} work team:payments", "{} work person:ada --json"],
    }
);

impl Run for OwnerArgs {
    fn run(self, output: &Output, config: Config, stop: &Stop) -> Result<u8> {
        let auth = Auth::new(config)?;
        let select = Selector { context: Some(self.context.clone()), org: None };
        let session = auth.session_for(&select)?;
        let owner = |context: &crate::Context| context.provenance.as_ref().and_then(|own| own.owner.clone());
        let before = session.context().and_then(owner);
        auth.change_owner(&self.context, &self.owner).wait_unless_cancelled(&stop.cancel)?;
        match &before {
            Some(before) => output.say(&format!("{} is of {} now; it was of {before}.", self.context, self.owner)),
            None => output.say(&format!("{} is of {} now; it had no owner.", self.context, self.owner)),
        }
        Ok(output.print_json_only(|| json!({ "context": self.context, "owner": self.owner, "before": before })))
    }
}
