//! How a login is shown: as lines, as a row of a table, as JSON.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::hints::{Step, Who, in_shell};
use super::output::Output;
use crate::custody::{KeptUntil, Protection};
use crate::prompt::Screen;
use crate::{Account, Auth, ChosenBy, Config, Context, Missing};

/// A context as JSON.
pub(super) fn context_object(auth: &Auth, context: &Context) -> Value {
    json!({
        "context": context.name,
        "account": context.account,
        "client_id": context.client_id,
        "org": context.org,
        "scopes": context.scopes.iter().collect::<Vec<_>>(),
        "custody": context.key_store,
        "lasts": auth.protection(context).map(|protection| protection.lasts.name()),
        "is_default": context.is_default,
        "is_current": context.chosen_by.is_some(),
        "chosen_by": context.chosen_by.as_ref().map(ChosenBy::name),
        "folder": match &context.chosen_by {
            Some(ChosenBy::Folder(folder)) => Some(folder),
            _ => None,
        },
        "folders": context.folders,
        "grant": context.grant,
        "logged_in_at": context.logged_in_at.map(rfc3339),
        "expires_at": context.expires_at.map(rfc3339),
        "session_ends_at": context.session_ends_at.map(rfc3339),
        "renews": context.renews,
        "refresh_failed": context.refresh_failed,
        "server_says": context.server_says,
        "has_ended": context.has_ended,
        "missing": context.missing.map(Missing::name),
    })
}

/// A context for a person: who, where, until when, by which rule; and what to do where something is wrong.
pub(super) fn context_lines(output: &Output, auth: &Auth, context: &Context, config: &Config) -> String {
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
        ("Chosen by", context.chosen_by.as_ref().map(|by| output.rule(by))),
        ("Account", Some(person(&context.account))),
        ("Org", context.org.as_ref().map(ToString::to_string)),
        ("Server", Some(context.account.issuer.to_string())),
        ("Scopes", Some(context.scopes.to_string()).filter(|scopes| !scopes.is_empty())),
        ("Key in", Some(place)),
        ("Since", Some(since)),
        ("Token", Some(token(context, now))),
        ("Login ends", session_end(context, now)),
        ("Folder", folder(auth)),
        ("Network", network(config)),
        ("Next", next(output, context, protection, now).map(|step| step.text).or_else(|| nothing_yet(context))),
    ];
    aligned(&lines)
}

/// The same where the token comes from the environment.
pub(super) fn token_lines(output: &Output, config: &Config) -> String {
    let variable = output.variable("TOKEN");
    aligned(&[
        ("Context", Some(format!("none: {variable} goes before every login"))),
        ("Server", Some(config.issuer.to_string())),
        ("Token", Some(format!("from {variable}: used as it is, nothing is stored"))),
        ("Network", network(config)),
    ])
}

/// Shows all contexts as a table; a star marks the selected one. If the window is too narrow for the rows, each context is a list.
pub(super) fn table(contexts: &[Context], now: SystemTime) -> String {
    let heads = ["  NAME", "ACCOUNT", "ORG", "SERVER", "KEY IN", "TOKEN", ""].map(str::to_owned);
    let rows: Vec<_> = std::iter::once(heads).chain(contexts.iter().map(|context| row(context, now))).collect();
    let width = |column: usize| {
        // A column that says nothing is left out.
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

/// An account, with the person's name where that says more.
pub(super) fn person(account: &Account) -> String {
    match account.name.as_deref().filter(|name| *name != account.to_string()) {
        Some(name) => format!("{account} ({name})"),
        None => account.to_string(),
    }
}

pub(super) fn rfc3339(time: SystemTime) -> String {
    humantime::format_rfc3339_seconds(time).to_string()
}

fn row(context: &Context, now: SystemTime) -> [String; 7] {
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
    let notes = context.is_default.then(|| "default".to_owned()).into_iter().chain(folders).chain(wrong);
    [
        format!("{mark} {}", context.name),
        context.account.to_string(),
        context.org.as_ref().map(ToString::to_string).unwrap_or_default(),
        context.account.issuer.host(),
        context.key_store.clone(),
        token,
        notes.collect::<Vec<_>>().join(", "),
    ]
}

/// Until when the token at hand is valid, and whether the next one could not be had.
fn token(context: &Context, now: SystemTime) -> String {
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

/// When the login ends that renews its tokens until then.
fn session_end(context: &Context, now: SystemTime) -> Option<String> {
    let at = context.session_ends_at.filter(|_| context.renews == Some(true))?;
    Some(format!("{}, {}", rfc3339(at), relative(at, now)))
}

/// What to do about it, where something is wrong.
pub(super) fn next(
    output: &Output,
    context: &Context,
    protection: Option<&Protection>,
    now: SystemTime,
) -> Option<Step> {
    let (program, name) = (&output.program, context.name.as_str());
    let has_expired = context.expires_at.is_some_and(|at| at <= now);
    let renews = context.renews != Some(false) && context.session_ends_at.is_none_or(|at| at > now);
    let command = output.log_in(name, &context.key_store);
    let log_in = in_shell(&command);
    let log_in_again = |text| Some(Step { who: Who::Person, text, command: Some(command.clone()) });
    match context.logged_in_at {
        _ if context.missing == Some(Missing::Key)
            && protection.is_some_and(|protection| protection.lasts == KeptUntil::SessionEnd) =>
        {
            log_in_again(format!("go back to the login session that it was made in, or run `{log_in}` to log in anew"))
        }
        _ if context.missing == Some(Missing::Key) => log_in_again(format!("run `{log_in}` to log in anew")),
        None => {
            let text =
                format!("run `{program} auth doctor`, which says what is wrong with it; or `{log_in}` to log in anew");
            Some(Step::run(Who::Caller, text, program, &["auth", "doctor"]))
        }
        _ if protection.is_none() => {
            log_in_again(format!("run `{log_in}` to log in anew, or use the program that logged in"))
        }
        _ if context.has_ended || (has_expired && !renews) => log_in_again(format!("run `{log_in}`")),
        // A program that ran this command would have the token in its own output.
        _ if context.refresh_failed.is_some() && has_expired => {
            Some(Step::say(Who::Caller, format!("run `{program} auth token --context {name}` to try again")))
        }
        _ => None,
    }
}

/// What a person reads who has nothing to do, though a refresh has failed.
fn nothing_yet(context: &Context) -> Option<String> {
    let words = "nothing yet: this token is still valid, and a new one is fetched when it is needed";
    context.refresh_failed.is_some().then(|| words.to_owned())
}

/// The state folder, where a variable has chosen it.
fn folder(auth: &Auth) -> Option<String> {
    auth.named_state_folder().map(|(folder, variable)| format!("{}, which {variable} names", folder.display()))
}

fn network(config: &Config) -> Option<String> {
    let variables = &config.environment.network;
    (!variables.is_empty()).then(|| format!("TLS roots or the proxy come from {}", variables.join(", ")))
}

fn aligned(lines: &[(&str, Option<String>)]) -> String {
    let screen = Screen::stdout();
    let line = |(name, text): &(&str, Option<String>)| Some(screen.entry(&format!("{name:10} "), text.as_ref()?));
    lines.iter().filter_map(line).collect::<Vec<_>>().join("\n")
}

/// A time as a person says it, in whole units of those that make a small number: "in 42 min", "3 days ago".
fn relative(time: SystemTime, now: SystemTime) -> String {
    let (is_past, apart) = match time.duration_since(now) {
        Ok(ahead) => (false, ahead),
        Err(past) => (true, past.duration()),
    };
    let amount = match apart.as_secs() {
        0 => return "now".into(),
        seconds @ ..120 => format!("{seconds} s"),
        seconds @ ..7200 => format!("{} min", seconds / 60),
        seconds @ ..TWO_DAYS => format!("{} h", seconds / 3600),
        seconds => format!("{} days", seconds / DAY.as_secs()),
    };
    if is_past { format!("{amount} ago") } else { format!("in {amount}") }
}

const DAY: Duration = Duration::from_secs(86_400);
const TWO_DAYS: u64 = 2 * DAY.as_secs();

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_said_as_a_person_says_them() {
        let now = SystemTime::UNIX_EPOCH + 100 * DAY;
        for (seconds, ahead, past) in [
            (0, "now", "now"),
            (1, "in 1 s", "1 s ago"),
            (119, "in 119 s", "119 s ago"),
            (120, "in 2 min", "2 min ago"),
            (7199, "in 119 min", "119 min ago"),
            (7200, "in 2 h", "2 h ago"),
            (172_799, "in 47 h", "47 h ago"),
            (172_800, "in 2 days", "2 days ago"),
        ] {
            let apart = Duration::from_secs(seconds);
            assert_eq!((&*relative(now + apart, now), &*relative(now - apart, now)), (ahead, past));
        }
    }
}
