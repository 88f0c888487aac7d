//! `auth admin events`.

use std::time::Duration;

use clap::{Args, ValueHint};
use serde_json::{Value, json};

use super::super::run::Run;
use super::verification;
use crate::cli::help::Details;
use crate::cli::lazy_args::described;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::clock::rfc3339;
use crate::events::{Cursor, Event, LoggedEvent, TrailPlace};
use crate::ids::ContextName;
use crate::{Auth, Config, Result};

/// How often a reader that follows looks for new events.
const FOLLOW: Duration = Duration::from_millis(500);

/// Show what happened to credentials, or check that the trail was not changed
///
/// One line an event, the oldest first: when, what, which login, who. With --json the lines of the trail as they are, each
/// with the `cursor` behind it. --verify holds the trail against what the logins have sealed, and exits 1 if it was changed or
/// if nothing proves it.
#[derive(Debug, Args)]
#[group(skip)]
#[command(max_term_width = 100)]
pub(in crate::cli) struct EventsArgs {
    /// Only events behind this place: the cursor of an earlier answer
    #[arg(id = "hallpass-since", long = "since", value_name = "CURSOR", value_hint = ValueHint::Other)]
    since: Option<Cursor>,
    /// Only events of this login
    #[arg(id = "hallpass-context", long = "context", value_name = "NAME", value_hint = ValueHint::Other)]
    context: Option<ContextName>,
    /// Go on and show new events as they come
    #[arg(id = "hallpass-follow", long = "follow")]
    follow: bool,
    /// Print each event in the terms of OCSF 1.8.0, one JSON object a line
    #[arg(id = "hallpass-ocsf", long = "ocsf")]
    ocsf: bool,
    /// Say whether the trail was changed, and from where on nothing can be proved
    #[arg(
        id = "hallpass-verify", long = "verify",
        conflicts_with_all = ["hallpass-since", "hallpass-context", "hallpass-follow", "hallpass-ocsf"]
    )]
    verify: bool,
}

described!(
    EventsArgs,
    "events",
    "Show what happened to credentials, or check that the trail was not changed",
    Details {
        variables: Some(&["HOME", "PASSPHRASE_FD", "PASSPHRASE"]),
        examples: &["{}", "{} --follow --json", "{} --since 12.Xk3v9QzA --ocsf", "{} --verify"],
    }
);

impl Run for EventsArgs {
    fn run(self, output: &Output, config: Config, stop: &Stop) -> Result<u8> {
        let auth = Auth::new(config)?;
        if self.verify {
            return verify(output, &auth, stop);
        }
        let (mut since, mut printed) = (self.since.clone(), 0);
        loop {
            let events = auth.events(since.as_ref())?;
            if let Some(last) = events.last() {
                since = Some(last.cursor.clone());
            }
            for logged in events.iter().filter(|logged| self.wants(logged)) {
                printed += 1;
                if self.print(output, logged) != 0 {
                    return Ok(1);
                }
            }
            if !self.follow || stop.cancel.wait(FOLLOW) {
                break;
            }
        }
        match since {
            _ if printed == 0 && !self.follow => output.say("There is no such event yet."),
            Some(cursor) if !self.ocsf => output.say(&format!("Cursor behind the last one: {cursor}")),
            _ => {}
        }
        Ok(0)
    }
}

impl EventsArgs {
    fn wants(&self, logged: &LoggedEvent) -> bool {
        let of = logged.event.as_ref().and_then(|event| event.of.context.as_ref());
        self.context.as_ref().is_none_or(|context| of == Some(context))
    }

    fn print(&self, output: &Output, logged: &LoggedEvent) -> u8 {
        match &logged.event {
            Some(event) if self.ocsf => {
                let place = TrailPlace::new(logged.seq, &logged.previous, logged.mac.as_deref());
                output.print_json_line(&event.to_ocsf(Some(&place)))
            }
            None if self.ocsf => {
                output.say(&format!("note: line {} is of a newer version of this program", logged.seq));
                0
            }
            _ if output.json => {
                let mut line: Value = serde_json::from_str(&logged.line).unwrap_or_default();
                line["cursor"] = json!(logged.cursor.to_string());
                output.print_json_line(&line)
            }
            Some(event) => output.print_lines(&line(event)),
            None => output.print_lines(&format!("(line {} is of a newer version of this program)", logged.seq)),
        }
    }
}

/// Returns an event as a person reads it: when, what, which login, who, and what else is to be said.
fn line(event: &Event) -> String {
    let login = event.of.context.as_ref().map(ToString::to_string).or_else(|| event.of.account.clone());
    let owner = event.of.provenance.owner.as_ref().map(|owner| format!("owner {owner}"));
    let environment = event.of.provenance.environment.as_ref().map(|environment| format!("for {environment}"));
    let to = event.details.destination.as_ref().map(|to| format!("to {to}"));
    let count = event.details.count.map(|count| format!("{count} before"));
    let failed = event.error_kind.as_ref().map(|kind| format!("failed: {kind}"));
    let rest = [environment, owner, to, count, failed, event.detail.clone()];
    let rest: String = rest.into_iter().flatten().map(|part| format!("; {part}")).collect();
    let by = match &event.by.parent {
        Some(parent) => format!("{} ({}, from {parent})", event.by.os_user, event.by.actor),
        None => format!("{} ({})", event.by.os_user, event.by.actor),
    };
    let login = login.map(|login| format!("  {login}")).unwrap_or_default();
    format!("{}  {:<22}{login}  by {by}{rest}", rfc3339(event.time), event.code.name())
}

fn verify(output: &Output, auth: &Auth, stop: &Stop) -> Result<u8> {
    let report = auth.verify_trail().wait_unless_cancelled(&stop.cancel)?;
    let is_believed = verification::is_believed(&report);
    let code = if is_believed { 0 } else { 1 };
    let printed = match output.json {
        true => output.print_json_with_ok(verification::to_json(&report), is_believed),
        false => output.print_lines(&verification::to_lines(&report)),
    };
    Ok(printed.max(code))
}
