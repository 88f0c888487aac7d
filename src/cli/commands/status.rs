//! `auth status`.

use std::time::SystemTime;

use clap::{Args, ValueHint};
use serde_json::json;

use super::run::Run;
use crate::cli::context_view::{chosen_by, context_json, network_variables, person, relative};
use crate::cli::help::Details;
use crate::cli::hints::shell_command;
use crate::cli::lazy_args::described;
use crate::cli::next_steps::{Step, Who};
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::clock::rfc3339;
use crate::config::Command;
use crate::contexts::Missing;
use crate::custody::{KeptUntil, Protection};
use crate::ids::ContextName;
use crate::prompt::Screen;
use crate::{Auth, Config, Context, Result, Selector};

/// Say who is logged in, where, and until when, as this machine knows it
///
/// Prints one line for each: the login, the rule that chose it, the person, the org, the server, where the key rests and for
/// how long, since when the person is logged in, until when the token is valid; and what to do next where something is wrong.
/// Asks neither the server nor the place of the key.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct StatusArgs {
    /// The login to show
    #[arg(id = "hallpass-context", long = "context", value_name = "NAME", value_hint = ValueHint::Other)]
    context: Option<ContextName>,
}

described!(
    StatusArgs,
    "status",
    "Say who is logged in, where, and until when, as this machine knows it",
    Details { variables: Some(&["CONTEXT", "ORG", "TOKEN", "HOME"]), examples: &["{}", "{} --context work --json"] }
);

impl Run for StatusArgs {
    fn run(self, output: &Output, config: Config, _stop: &Stop) -> Result<u8> {
        let auth = Auth::new(config.clone())?;
        let session = auth.session_for(&Selector { context: self.context, org: None })?;
        Ok(match session.context() {
            Some(context) if output.json => {
                let mut object = context_json(&auth, context);
                let step = next_step(output, context, auth.protection(context).as_ref(), config.clock.now());
                output.add_steps(&mut object, step);
                object["network"] = json!(config.environment.network);
                let (folder, variable) = auth.named_state_folder().unzip();
                object["state_folder"] = json!(folder.map(|folder| folder.to_string_lossy().into_owned()));
                object["state_folder_from"] = json!(variable);
                output.print_json(object)
            }
            Some(context) => output.print_lines(&context_lines(output, &auth, context, &config)),
            None if output.json => output.print_json(json!({"context": null, "token_from": "environment"})),
            None => output.print_lines(&token_lines(output, &config)),
        })
    }
}

/// Shows a context to a person: who, where, until when, by which rule; and what to do if something is wrong.
fn context_lines(output: &Output, auth: &Auth, context: &Context, config: &Config) -> String {
    let (protection, now) = (auth.protection(context), config.clock.now());
    let protection = protection.as_ref();
    let default = if context.is_default { " (default)" } else { "" };
    let place = match protection.map(|protection| protection.lasts) {
        Some(_) if context.missing == Some(Missing::Key) => format!("{}, where it is not any more", context.key_store),
        Some(lasts) => format!("{}, {lasts}", context.key_store),
        None => format!("{}, which this program has not", context.key_store),
    };
    let since = match context.logged_in_at {
        Some(since) => format!("{}, {}", rfc3339(since), relative(since, now)),
        None if context.missing.is_some() => "unknown: the record is gone".into(),
        None => "unknown: the record cannot be read".into(),
    };
    let lines = [
        ("Context", Some(format!("{}{default}", context.name))),
        ("Chosen by", context.chosen_by.as_ref().map(|by| chosen_by(output, by))),
        ("Account", Some(person(&context.account))),
        ("Org", context.org.as_ref().map(ToString::to_string)),
        ("For", context.environment.as_ref().map(ToString::to_string)),
        ("Owner", owner(context)),
        ("Server", Some(context.account.issuer.to_string())),
        ("Scopes", Some(context.scopes.to_string()).filter(|scopes| !scopes.is_empty())),
        ("Key in", Some(place)),
        ("Since", Some(since)),
        ("Token", Some(token_state(context, now))),
        ("Login ends", session_end(context, now)),
        ("Folder", state_folder(auth)),
        ("Network", network_variables(config)),
        ("Next", next_step(output, context, protection, now).map(|step| step.text).or_else(|| nothing_yet(context))),
    ];
    aligned(&lines)
}

fn owner(context: &Context) -> Option<String> {
    context.provenance.as_ref()?.owner.as_ref().map(ToString::to_string)
}

/// Shows the same if the token comes from the environment.
fn token_lines(output: &Output, config: &Config) -> String {
    let variable = output.hints.token_variable();
    aligned(&[
        ("Context", Some(format!("none: {variable} takes precedence over every login"))),
        ("Server", Some(config.issuer.to_string())),
        ("Token", Some(format!("from {variable}: used as it is, nothing is stored"))),
        ("Network", network_variables(config)),
    ])
}

/// Says until when the token is valid, and whether the last refresh failed.
fn token_state(context: &Context, now: SystemTime) -> String {
    let token = match (context.logged_in_at, context.expires_at) {
        _ if context.missing.is_some() => return "none that can be read".into(),
        (None, _) => "unknown".into(),
        (_, None) => "valid until the server says otherwise".into(),
        (_, Some(at)) => {
            let (is_valid, when) = (at > now, format!("{}, {}", rfc3339(at), relative(at, now)));
            match (is_valid, context.renews) {
                (true, Some(false)) => format!("valid until {when}; the login ends with it"),
                (true, _) => format!("valid until {when}"),
                (false, Some(false)) => format!("expired {when}, and the login with it"),
                (false, _) => format!("expired {when}: a new one is fetched when it is needed"),
            }
        }
    };
    match (&context.refresh_failed, context.expires_at) {
        (Some(why), Some(at)) if context.has_ended && at <= now => why.clone(),
        (Some(why), _) => format!("{token}; the last refresh failed: {why}"),
        (None, _) => token,
    }
}

/// Says when a login ends that renews its tokens until then.
fn session_end(context: &Context, now: SystemTime) -> Option<String> {
    let at = context.session_ends_at.filter(|_| context.renews == Some(true))?;
    Some(format!("{}, {}", rfc3339(at), relative(at, now)))
}

/// Returns what to do, if something is wrong.
fn next_step(output: &Output, context: &Context, protection: Option<&Protection>, now: SystemTime) -> Option<Step> {
    let (hints, name) = (&output.hints, context.name.as_str());
    let has_expired = context.expires_at.is_some_and(|at| at <= now);
    let renews = context.renews != Some(false) && context.session_ends_at.is_none_or(|at| at > now);
    let command = hints.login_command_keeping(Some(name), Some(&context.key_store));
    let log_in =
        command.as_ref().map_or_else(|| "log in".into(), |command| format!("run `{}`", shell_command(command)));
    let log_in_again = |text| Some(Step { who: Who::Person, text, command: command.clone() });
    let anew = match &command {
        Some(_) => format!("{log_in} to log in anew"),
        None => "log in anew".into(),
    };
    if context.missing == Some(Missing::Key) {
        let is_elsewhere = protection.is_some_and(|protection| protection.lasts == KeptUntil::SessionEnd);
        return log_in_again(match is_elsewhere {
            true => format!("go back to the login session that it was made in, or {anew}"),
            false => anew,
        });
    }
    if context.logged_in_at.is_none() {
        return match hints.named(Command::Doctor, &[]) {
            Some(doctor) => {
                let text = format!("run {doctor}, which says what is wrong with it; or {anew}");
                Some(Step { who: Who::Caller, text, command: hints.commands.argv(Command::Doctor, &[]) })
            }
            None => log_in_again(anew),
        };
    }
    if protection.is_none() {
        return log_in_again(format!("{anew}, or use the program that logged in"));
    }
    if context.has_ended || (has_expired && !renews) {
        return log_in_again(log_in);
    }
    // Text only: a program that ran this command would have the token in its own output.
    let again = hints.named(Command::Token, &["--context", name]);
    let text = again.map_or_else(|| "try again".into(), |token| format!("run {token} to try again"));
    (context.refresh_failed.is_some() && has_expired).then_some(Step { who: Who::Caller, text, command: None })
}

/// Says that nothing is to be done, although a refresh has failed.
fn nothing_yet(context: &Context) -> Option<String> {
    let words = "nothing yet: this token is still valid, and a new one is fetched when it is needed";
    context.refresh_failed.is_some().then(|| words.to_owned())
}

/// Names the state folder, if a variable has chosen it.
fn state_folder(auth: &Auth) -> Option<String> {
    auth.named_state_folder().map(|(folder, variable)| format!("{}, which {variable} names", folder.display()))
}

fn aligned(lines: &[(&str, Option<String>)]) -> String {
    let screen = Screen::stdout();
    let line = |(name, text): &(&str, Option<String>)| Some(screen.entry(&format!("{name:10} "), text.as_ref()?));
    lines.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}
