//! Several logins: which there are, which one is meant here, and which shall be.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::{List, Rename, Switch};
use crate::blocking::{wait, wait_unless_cancelled};
use crate::cli::context_view::{context_object, table};
use crate::cli::output::Output;
use crate::clock::Cancel;
use crate::sanitize::shell_quoted;
use crate::{Auth, ChosenBy, Config, ContextName, ErrorKind, Membership, Remedy, Result, Selector, Session, Userinfo};

pub(in crate::cli) fn list(output: &Output, config: Config, list: List, cancel: &Cancel) -> Result<ExitCode> {
    if list.orgs {
        return orgs(output, config, list.context, cancel);
    }
    let (now, has_token) = (config.clock.now(), config.environment.token.is_some());
    let auth = Auth::new(config)?;
    let contexts = auth.contexts()?;
    if output.json {
        return Ok(output.object(contexts.iter().map(|context| context_object(&auth, context)).collect::<Value>()));
    }
    if contexts.is_empty() {
        let lost = auth.session().err().filter(|error| matches!(error.remedy(), Some(Remedy::Repair)));
        output.say(&match lost {
            Some(error) => format!("Nothing to list: {error}. Run `{} auth doctor --repair`.", output.program),
            None => format!("Nobody is logged in. Run `{} auth login`.", output.program),
        });
        return Ok(ExitCode::SUCCESS);
    }
    if has_token {
        output.note(format!("{} is set: commands use that token and no login", output.variable("TOKEN")));
    }
    Ok(output.data(&table(&contexts, now)))
}

fn orgs(output: &Output, config: Config, context: Option<ContextName>, cancel: &Cancel) -> Result<ExitCode> {
    let session = Auth::new(config)?.session_for(&Selector { context, ..Selector::default() })?;
    let Userinfo { orgs, refused, .. } = wait_unless_cancelled(session.userinfo(), cancel)?;
    match refused {
        // The ID token names none, which says nothing.
        Some(error) if orgs.is_empty() => return Err(error),
        Some(error) => output.note(format!("{error}; this is what it said with the tokens")),
        None => {}
    }
    let own = session.context().and_then(|context| context.org.as_ref());
    if output.json {
        let object = |one: &Membership| json!({"org": one.org, "name": one.name, "is_current": Some(&one.org) == own});
        return Ok(output.object(orgs.iter().map(object).collect::<Value>()));
    }
    if orgs.is_empty() {
        output.say("The server names no orgs of this login.");
        return Ok(ExitCode::SUCCESS);
    }
    let line = |one: &Membership| {
        let mark = if Some(&one.org) == own { '*' } else { ' ' };
        let name = one.name.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
        format!("{mark} {}{name}", one.org)
    };
    Ok(output.data(&orgs.iter().map(line).collect::<Vec<_>>().join("\n")))
}

pub(in crate::cli) fn switch(output: &Output, config: Config, switch: Switch, cancel: &Cancel) -> Result<ExitCode> {
    let (auth, org) = (Auth::new(config.clone())?, config.environment.org);
    let name = match &switch.org {
        Some(org) => Some(wait_unless_cancelled(auth.context_for_org(org), cancel)?),
        None => switch.context,
    };
    let Some(name) = name else {
        return if switch.unset { unset(output, &auth) } else { which(output, &auth) };
    };
    let context = match switch.here {
        true => wait(auth.pin_folder(&name)),
        false => wait(auth.switch(&name)),
    }?;
    // The newest rule is the last.
    let scope = match context.folders.last().filter(|_| switch.here) {
        Some(folder) => format!("In {} and below, commands", folder.display()),
        None => "Commands".into(),
    };
    let (name, account, server) = (&context.name, &context.account, context.account.issuer.host());
    let of = context.org.as_ref().map(|org| format!(" in {org}")).unwrap_or_default();
    output.say(&format!("{scope} use {name} ({account}{of} at {server}) from now on."));
    if let Some(org) = org {
        output.note(format!("{}={} still goes before its org here", output.variable("ORG"), shell_quoted(&org)));
    }
    note_what_goes_before(output, &auth, name);
    Ok(output.done(|| context_object(&auth, &context)))
}

pub(in crate::cli) fn rename(output: &Output, config: Config, rename: Rename) -> Result<ExitCode> {
    let auth = Auth::new(config)?;
    let context = wait(auth.rename(&rename.context, &rename.new))?;
    output.say(&format!("Renamed {} to {}.", rename.context, context.name));
    if let Err(error) = auth.session() {
        output.note(format!("here {error}"));
    }
    Ok(output.done(|| context_object(&auth, &context)))
}

/// Says so where commands here use another login than `name`, and why.
pub(in crate::cli) fn note_what_goes_before(output: &Output, auth: &Auth, name: &ContextName) {
    let session = auth.session();
    let context = match session.as_ref().map(Session::context) {
        Ok(Some(context)) if context.name == *name => return,
        Ok(Some(context)) => context,
        Ok(None) => return output.note(format!("{} still goes before it here", output.variable("TOKEN"))),
        Err(error) => return output.note(format!("here {error}")),
    };
    let (program, other) = (&output.program, &context.name);
    output.note(match &context.chosen_by {
        Some(ChosenBy::Environment) => {
            format!("{}={other} still goes before it here", output.variable("CONTEXT"))
        }
        Some(by @ ChosenBy::Folder(_)) => format!("{}, for {other}, still goes before it here", output.rule(by)),
        _ => format!("the default is {other}; `{program} auth switch {name}` changes that"),
    });
}

fn unset(output: &Output, auth: &Auth) -> Result<ExitCode> {
    let named = wait(auth.unpin_folder())?;
    if output.json {
        return Ok(output.object(json!({"unset": named})));
    }
    output.say(&match named {
        Some(name) => format!("Took away the rule of this folder, which named {name}."),
        None => "This folder has no rule of its own.".into(),
    });
    if let Ok(session) = auth.session()
        && let Some(context) = session.context()
        && let Some(by) = &context.chosen_by
    {
        output.say(&format!("Commands here use {} (by {}).", context.name, output.rule(by)));
    }
    Ok(ExitCode::SUCCESS)
}

/// Nobody said to which.
fn which(output: &Output, auth: &Auth) -> Result<ExitCode> {
    let contexts: Vec<String> = auth.contexts()?.iter().map(|context| context.name.to_string()).collect();
    Ok(match contexts.is_empty() {
        true => output.refuse(ErrorKind::NotLoggedIn, "nobody is logged in", Remedy::LogIn { context: None }),
        false => output.refuse(ErrorKind::Config, "say which login to switch to", Remedy::ChooseContext { contexts }),
    })
}
