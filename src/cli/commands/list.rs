//! `auth list`.

use std::time::SystemTime;

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use super::args::LOGIN_VARIABLES;
use super::run::Run;
use crate::account::{Membership, Userinfo};
use crate::cli::context_view::{note_refused, relative};
use crate::cli::help::Details;
use crate::cli::inventory_view::{DUE, item_json, warning_text};
use crate::cli::lazy_args::described;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::clock::Cancel;
use crate::config::Command;
use crate::contexts::{InventoryItem, InventoryWarning};
use crate::events::CredentialKind;
use crate::ids::ContextName;
use crate::prompt::Screen;
use crate::{Auth, Config, Remedy, Result, Selector};

/// List all logins on this machine
///
/// Prints a table; a star marks the login that commands use here and now. With --json an array, `[]` where nobody is logged
/// in. --due lists only the logins that something should be done about, and exits 7 if there are any. --orgs asks the server.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct ListArgs {
    /// List the orgs that the login may speak for instead, as the server knows them
    #[arg(id = "hallpass-orgs", long = "orgs")]
    orgs: bool,
    /// Show all that is known, and a token that the environment has
    #[arg(id = "hallpass-all", long = "all", conflicts_with = "hallpass-orgs")]
    all: bool,
    /// Only logins that something should be done about: ended or about to, old, unused, without an owner
    #[arg(id = "hallpass-due", long = "due", conflicts_with = "hallpass-orgs")]
    due: bool,
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
    Details {
        variables: Some(LOGIN_VARIABLES),
        examples: &["{}", "{} --due", "{} --all --json", "{} --orgs --context work"]
    }
);

impl Run for ListArgs {
    fn run(self, output: &Output, config: Config, stop: &Stop) -> Result<u8> {
        if self.orgs {
            return list_orgs(output, config, self.context, &stop.cancel);
        }
        let (now, has_token) = (config.clock.now(), config.environment.token.is_some());
        let auth = Auth::new(config)?;
        let all = auth.inventory()?;
        let is_due = |item: &&InventoryItem| !item.warnings.is_empty();
        let items: Vec<_> = all.iter().filter(|item| !self.due || is_due(item)).collect();
        let code = if self.due && !items.is_empty() { DUE } else { 0 };
        let of_environment = self.all && has_token;
        if output.json {
            let token = of_environment.then(|| json!({ "context": null, "credential_kind": ENVIRONMENT_TOKEN }));
            let objects = items.iter().map(|item| item_json(&auth, item)).chain(token);
            return Ok(output.print_json_with_ok(objects.collect::<Value>(), code == 0).max(code));
        }
        if items.is_empty() && !of_environment {
            output.say(&if all.is_empty() { why_empty(output, &auth) } else { "Nothing is due.".into() });
            return Ok(0);
        }
        if has_token {
            let variable = output.hints.token_variable();
            output.note(format!("{variable} is set: commands use that token and no login"));
        }
        let mut rows: Vec<_> = items.iter().map(|item| row(&auth, item, now, self.all, self.all || self.due)).collect();
        if of_environment {
            let mut cells = row_of_nothing();
            (cells[0], cells[4]) = (format!("* {}", output.hints.token_variable()), ENVIRONMENT_TOKEN.into());
            rows.push(cells);
        }
        Ok(output.print_lines(&table(rows)).max(code))
    }
}

const ENVIRONMENT_TOKEN: &str = "environment_token";

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

const HEADS: [&str; 14] = [
    "  NAME", "ACCOUNT", "ORG", "FOR", "KIND", "OWNER", "SERVER", "KEY IN", "BORN", "USED", "CLIENT", "SCOPES",
    "TOKEN", "",
];

type Row = [String; HEADS.len()];

fn row_of_nothing() -> Row {
    std::array::from_fn(|_| String::new())
}

/// Shows all rows as a table, without the columns that are empty. If the window is too narrow for the rows, each is a list.
fn table(rows: Vec<Row>) -> String {
    let heads = HEADS.map(str::to_owned);
    let width = |column: usize| {
        let is_used = rows.iter().any(|row| !row[column].is_empty());
        rows.iter().chain([&heads]).map(|row| row[column].chars().count()).max().filter(|_| is_used)
    };
    let widths: Vec<_> = (0..heads.len()).map(width).collect();
    let line = |row: &Row| {
        let cells = row.iter().zip(&widths).filter_map(|(cell, width)| width.map(|width| format!("{cell:width$}")));
        cells.collect::<Vec<_>>().join("  ").trim_end().to_owned()
    };
    let (lines, screen) = ([&heads].into_iter().chain(&rows).map(line).collect::<Vec<_>>(), Screen::stdout());
    if lines.iter().all(|line| line.chars().count() <= screen.width()) {
        return lines.join("\n");
    }
    let list = |row: &Row| {
        let cells = heads.iter().zip(row).skip(1).filter(|(_, cell)| !cell.is_empty());
        let cells = cells.map(|(head, cell)| screen.entry(&format!("  {head:8}"), cell));
        std::iter::once(row[0].clone()).chain(cells).collect::<Vec<_>>().join("\n")
    };
    rows.iter().map(list).collect::<Vec<_>>().join("\n")
}

/// `all`: with what only an auditor asks for. `due`: with all that should be done, however little it presses.
fn row(auth: &Auth, item: &InventoryItem, now: SystemTime, all: bool, due: bool) -> Row {
    let context = &item.context;
    let mark = if context.chosen_by.is_some() { '*' } else { ' ' };
    let token = match (context.logged_in_at, context.expires_at) {
        _ if context.missing.is_some() => "none".into(),
        (None, _) => "unknown".into(),
        (_, None) => "valid".into(),
        (_, Some(at)) if at > now => format!("ends {}", relative(at, now)),
        (_, Some(at)) => format!("expired {}", relative(at, now)),
    };
    let provenance = context.provenance.as_ref();
    let kind = provenance.map(|own| own.kind).filter(|kind| all || *kind != CredentialKind::Person);
    let ago = |time: Option<SystemTime>| time.filter(|_| all).map(|time| relative(time, now)).unwrap_or_default();
    [
        format!("{mark} {}", context.name),
        context.account.to_string(),
        context.org.as_ref().map(ToString::to_string).unwrap_or_default(),
        context.environment.as_ref().map(ToString::to_string).unwrap_or_default(),
        kind.map(|kind| kind.name().to_owned()).unwrap_or_default(),
        provenance.and_then(|own| own.owner.as_ref()).map(ToString::to_string).unwrap_or_default(),
        context.account.issuer.host(),
        context.key_store.to_string(),
        ago(context.logged_in_at),
        ago(context.last_used_at),
        if all { context.client_id.to_string() } else { String::new() },
        if all { context.scopes.to_string() } else { String::new() },
        token,
        notes(auth, item, now, due).join(", "),
    ]
}

fn notes(auth: &Auth, item: &InventoryItem, now: SystemTime, all_due: bool) -> Vec<String> {
    let context = &item.context;
    let folders = context.folders.iter().map(|folder| format!("for {}", folder.display()));
    let failed = context.refresh_failed.iter().map(|why| match context.has_ended {
        true => "the login has ended: log in again".into(),
        false => format!("the last refresh failed: {why}"),
    });
    let has_ended = context.renews == Some(false) && context.expires_at.is_some_and(|at| at <= now);
    let ended = (has_ended && context.refresh_failed.is_none()).then(|| "the login has ended: log in again".to_owned());
    let missing = context.missing.map(|missing| format!("its {} is gone: log in again", missing.name()));
    let wrong: Vec<_> = failed.chain(ended).chain(missing).collect();
    // What is said already needs no other words.
    let is_said = |warning: &InventoryWarning| match warning {
        InventoryWarning::Ended => !wrong.is_empty(),
        InventoryWarning::WeakKeyStore | InventoryWarning::NoOwner => !all_due,
        _ => false,
    };
    let due = item.warnings.iter().filter(|warning| !is_said(warning)).map(|warning| warning_text(warning, now));
    let foreign = (!auth.can_use(context)).then(|| "of another server or client".to_owned());
    let notes = context.is_default.then(|| "default".to_owned()).into_iter().chain(folders).chain(foreign);
    notes.chain(wrong.iter().cloned()).chain(due).collect()
}
