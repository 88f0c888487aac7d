//! `auth list`.

use std::time::SystemTime;

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use super::args::LOGIN_VARIABLES;
use super::run::Run;
use crate::account::{Membership, Userinfo};
use crate::cli::context_view::{context_json, note_refused, relative};
use crate::cli::help::Details;
use crate::cli::lazy_args::described;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::clock::Cancel;
use crate::config::Command;
use crate::ids::ContextName;
use crate::prompt::Screen;
use crate::{Auth, Config, Context, Remedy, Result, Selector};

/// List all logins on this machine
///
/// Prints a table; a star marks the login that commands use here and now. With --json an array, `[]` where nobody is logged
/// in. --orgs asks the server.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct ListArgs {
    /// List the orgs that the login may speak for instead, as the server knows them
    #[arg(id = "hallpass-orgs", long = "orgs")]
    orgs: bool,
    /// The login whose orgs to list
    #[arg(
        id = "hallpass-context", long = "context", value_name = "NAME",
        value_hint = ValueHint::Other,
        requires = "hallpass-orgs"
    )]
    context: Option<ContextName>,
}

described!(
    ListArgs,
    "list",
    "List all logins on this machine",
    Details { variables: Some(LOGIN_VARIABLES), examples: &["{}", "{} --orgs --context work"] }
);

impl Run for ListArgs {
    fn run(self, output: &Output, config: Config, stop: &Stop) -> Result<u8> {
        if self.orgs {
            return list_orgs(output, config, self.context, &stop.cancel);
        }
        let (now, has_token) = (config.clock.now(), config.environment.token.is_some());
        let auth = Auth::new(config)?;
        let contexts = auth.contexts()?;
        if output.json {
            let contexts = contexts.iter().map(|context| context_json(&auth, context));
            return Ok(output.print_json(contexts.collect::<Value>()));
        }
        if contexts.is_empty() {
            output.say(&why_empty(output, &auth));
            return Ok(0);
        }
        if has_token {
            let variable = output.hints.token_variable();
            output.note(format!("{variable} is set: commands use that token and no login"));
        }
        Ok(output.print_lines(&table(&auth, &contexts, now)))
    }
}

fn why_empty(output: &Output, auth: &Auth) -> String {
    match auth.session().err().filter(|error| matches!(error.remedy(), Some(Remedy::Repair))) {
        Some(lost) => match output.hints.named(Command::Doctor, &["--repair"]) {
            Some(doctor) => format!("Nothing to list: {lost}. Run {doctor}."),
            None => format!("Nothing to list: {lost}."),
        },
        None => output.hints.nobody(),
    }
}

fn list_orgs(output: &Output, config: Config, context: Option<ContextName>, cancel: &Cancel) -> Result<u8> {
    let session = Auth::new(config)?.session_for(&Selector { context, ..Selector::default() })?;
    let Userinfo { orgs, refused, .. } = session.userinfo().wait_unless_cancelled(cancel)?;
    match refused {
        // The server gave no orgs; that the ID token names none either proves nothing.
        Some(error) if orgs.is_empty() => return Err(error),
        Some(error) => note_refused(output, &error),
        None => {}
    }
    let own = session.context().and_then(|context| context.org.as_ref());
    if output.json {
        let object = |one: &Membership| json!({"org": one.org, "name": one.name, "is_current": Some(&one.org) == own});
        return Ok(output.print_json(orgs.iter().map(object).collect::<Value>()));
    }
    if orgs.is_empty() {
        output.say("The server names no orgs of this login.");
        return Ok(0);
    }
    let line = |one: &Membership| {
        let mark = if Some(&one.org) == own { '*' } else { ' ' };
        let name = one.name.as_ref().map(|name| format!("  {name}")).unwrap_or_default();
        format!("{mark} {}{name}", one.org)
    };
    Ok(output.print_lines(&orgs.iter().map(line).collect::<Vec<_>>().join("\n")))
}

/// Shows all contexts as a table; a star marks the selected one. If the window is too narrow for the rows, each context is a list.
fn table(auth: &Auth, contexts: &[Context], now: SystemTime) -> String {
    let heads = ["  NAME", "ACCOUNT", "ORG", "SERVER", "KEY IN", "TOKEN", ""].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heads).chain(contexts.iter().map(|context| row(auth, context, now))).collect();
    let width = |column: usize| {
        // An empty column is left out.
        let is_used = rows[1..].iter().any(|row| !row[column].is_empty());
        rows.iter().map(|row| row[column].chars().count()).max().filter(|_| is_used)
    };
    let widths: Vec<_> = (0..7).map(width).collect();
    let line = |row: &[String; 7]| {
        let cells = row.iter().zip(&widths).filter_map(|(cell, width)| width.map(|width| format!("{cell:width$}")));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let (lines, screen) = (rows.iter().map(line).collect::<Vec<_>>(), Screen::stdout());
    if lines.iter().all(|line| line.chars().count() <= screen.width()) {
        return lines.join("\n");
    }
    let [heads, rows @ ..] = &rows[..] else { return String::new() };
    let list = |row: &[String; 7]| {
        let cells = heads.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty());
        let cells = cells.map(|(head, cell)| screen.entry(&format!("  {head:8}"), cell));
        std::iter::once(row[0].clone()).chain(cells).collect::<Vec<_>>().join("\n")
    };
    rows.iter().map(list).collect::<Vec<_>>().join("\n")
}

fn row(auth: &Auth, context: &Context, now: SystemTime) -> [String; 7] {
    let mark = if context.chosen_by.is_some() { '*' } else { ' ' };
    let token = match (context.logged_in_at, context.expires_at) {
        _ if context.missing.is_some() => "none".into(),
        (None, _) => "unknown".into(),
        (_, None) => "valid".into(),
        (_, Some(at)) if at > now => format!("ends {}", relative(at, now)),
        (_, Some(at)) => format!("expired {}", relative(at, now)),
    };
    let folders = context.folders.iter().map(|folder| format!("for {}", folder.display()));
    let failed = context.refresh_failed.iter().map(|why| match context.has_ended {
        true => "the login has ended: log in again".into(),
        false => format!("the last refresh failed: {why}"),
    });
    let has_ended = context.renews == Some(false) && context.expires_at.is_some_and(|at| at <= now);
    let ended = (has_ended && context.refresh_failed.is_none()).then(|| "the login has ended: log in again".to_owned());
    let missing = context.missing.map(|missing| format!("its {} is gone: log in again", missing.name()));
    let wrong = failed.chain(ended).chain(missing);
    let foreign = (!auth.can_use(context)).then(|| "of another server or client".to_owned());
    let notes = context.is_default.then(|| "default".to_owned()).into_iter().chain(folders).chain(foreign).chain(wrong);
    [
        format!("{mark} {}", context.name),
        context.account.to_string(),
        context.org.as_ref().map(ToString::to_string).unwrap_or_default(),
        context.account.issuer.host(),
        context.key_store.to_string(),
        token,
        notes.collect::<Vec<_>>().join(", "),
    ]
}
