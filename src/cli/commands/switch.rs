//! `auth switch`.

use clap::{Args, ValueHint};
use serde_json::json;

use super::args::LOGIN_VARIABLES;
use super::run::Run;
use crate::cli::context_view::{chosen_by, context_json, note_unless_selected};
use crate::cli::help::Details;
use crate::cli::lazy_args::described;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::ids::{ContextName, Org};
use crate::sanitize::shell_quoted;
use crate::{Auth, Config, Context, ErrorKind, Remedy, Result};

/// Choose which login is used, everywhere or in this folder and below
///
/// Without --here it becomes the default. These take precedence over it: --context, then the environment, then the rule of the
/// innermost folder. What it did is said on standard error.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct SwitchArgs {
    /// The login to use
    #[arg(id = "hallpass-context", value_name = "NAME", value_hint = ValueHint::Other)]
    context: Option<ContextName>,
    /// The org to use, with the login that is used here
    #[arg(
        id = "hallpass-org", long = "org", value_name = "ORG",
        value_hint = ValueHint::Other,
        conflicts_with = "hallpass-context"
    )]
    org: Option<Org>,
    /// In this folder and below only; kept in the state folder, nothing is written here
    #[arg(id = "hallpass-here", long = "here")]
    here: bool,
    /// Take away what --here has set for this folder
    #[arg(id = "hallpass-unset", long = "unset", conflicts_with_all = ["hallpass-context", "hallpass-org"])]
    unset: bool,
}

described!(
    SwitchArgs,
    "switch",
    "Choose which login is used, everywhere or in this folder and below",
    Details {
        variables: Some(LOGIN_VARIABLES),
        examples: &["{} work", "{} work --here", "{} --org globex", "{} --unset"],
    }
);

impl Run for SwitchArgs {
    fn run(self, output: &Output, config: Config, stop: &Stop) -> Result<u8> {
        let cancel = &stop.cancel;
        let (auth, org) = (Auth::new(config.clone())?, config.environment.org);
        let name = match &self.org {
            Some(org) => Some(auth.context_for_org(org).wait_unless_cancelled(cancel)?),
            None => self.context,
        };
        let Some(name) = name else {
            return if self.unset { unset(output, &auth) } else { refuse_without_name(output, &auth) };
        };
        let context = match self.here {
            true => auth.pin_folder(&name).wait(),
            false => auth.switch(&name).wait(),
        }?;
        output.say(&switched(&context, self.here));
        if let Some(org) = org {
            let variable = output.hints.commands.variables().org.as_deref().unwrap_or("the environment's org");
            output.note(format!("{variable}={} still takes precedence here", shell_quoted(&org)));
        }
        note_unless_selected(output, &auth, &context.name);
        Ok(output.print_json_only(|| context_json(&auth, &context)))
    }
}

fn switched(context: &Context, here: bool) -> String {
    // The newest rule is the last.
    let scope = match context.folders.last().filter(|_| here) {
        Some(folder) => format!("In {} and below, commands", folder.display()),
        None => "Commands".into(),
    };
    let (name, account, server) = (&context.name, &context.account, context.account.issuer.host());
    let org = context.org.as_ref().map(|org| format!(" in {org}")).unwrap_or_default();
    format!("{scope} use {name} ({account}{org} at {server}) from now on.")
}

fn unset(output: &Output, auth: &Auth) -> Result<u8> {
    let named = auth.unpin_folder().wait()?;
    if output.json {
        return Ok(output.print_json(json!({"unset": named})));
    }
    output.say(&match named {
        Some(name) => format!("Took away the rule of this folder, which named {name}."),
        None => "This folder has no rule of its own.".into(),
    });
    if let Ok(session) = auth.session()
        && let Some(context) = session.context()
        && let Some(by) = &context.chosen_by
    {
        output.say(&format!("Commands here use {} (by {}).", context.name, chosen_by(output, by)));
    }
    Ok(0)
}

fn refuse_without_name(output: &Output, auth: &Auth) -> Result<u8> {
    let (contexts, own) = (auth.contexts()?, |context: &&Context| auth.can_use(context));
    let contexts: Vec<String> = contexts.iter().filter(own).map(|context| context.name.to_string()).collect();
    Ok(match contexts.is_empty() {
        true => output.refuse(ErrorKind::NotLoggedIn, "nobody is logged in", Remedy::LogIn { context: None }),
        false => output.refuse(ErrorKind::Config, "say which login to switch to", Remedy::ChooseContext { contexts }),
    })
}
