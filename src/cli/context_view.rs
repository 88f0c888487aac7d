//! How several commands show a context: as JSON, and in words.

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::output::Output;
use crate::account::Account;
use crate::clock::rfc3339;
use crate::config::Command;
use crate::contexts::{ChosenBy, Missing};
use crate::ids::ContextName;
use crate::sanitize::shell_line;
use crate::{AccessToken, Auth, Config, Context, Error, Session};

pub(super) fn context_json(auth: &Auth, context: &Context) -> Value {
    let provenance = context.provenance.as_ref();
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
        "credential_kind": provenance.map(|own| own.kind),
        "environment": context.environment,
        "owner": provenance.and_then(|own| own.owner.clone()),
        "refreshed_at": context.refreshed_at.map(rfc3339),
        "last_used_at": context.last_used_at.map(rfc3339),
    })
}

/// Notes, once a day, that the login of a token ends within a week.
pub(super) fn remind(output: &Output, session: &Session, token: &AccessToken, now: SystemTime) {
    let Some(end) = session.due_reminder(token) else { return };
    let name = session.context().map(|context| context.name.as_str());
    let login = output.hints.login_command(name);
    let login = login.map(|argv| format!(": run `{}` before", shell_line(&argv))).unwrap_or_default();
    output.note(format!("the login {} ends {}{login}", name.unwrap_or_default(), relative(end, now)));
}

/// Notes which other login than `name` commands here use, and why.
pub(super) fn note_unless_selected(output: &Output, auth: &Auth, name: &ContextName) {
    let session = auth.session();
    let context = match session.as_ref().map(Session::context) {
        Ok(Some(context)) if context.name == *name => return,
        Ok(Some(context)) => context,
        Ok(None) => return output.note(format!("{} still takes precedence here", output.hints.token_variable())),
        Err(error) => return output.note(format!("here {error}")),
    };
    let other = &context.name;
    output.note(match &context.chosen_by {
        Some(ChosenBy::Environment) => {
            format!("{}={other} still takes precedence here", output.hints.context_variable())
        }
        Some(by @ ChosenBy::Folder(_)) => {
            format!("{}, for {other}, still takes precedence here", chosen_by(output, by))
        }
        _ => match output.hints.named(Command::Switch, &[name.as_str()]) {
            Some(switch) => format!("the default is {other}; {switch} changes that"),
            None => format!("the default is {other}"),
        },
    });
}

/// Notes that the server refused to answer, so that the answer comes from the login's tokens.
pub(super) fn note_refused(output: &Output, error: &Error) {
    output.note(format!("{error}; this is what it said with the tokens"));
}

/// Returns the rule that chose a context, for a person.
pub(super) fn chosen_by(output: &Output, by: &ChosenBy) -> String {
    match by {
        ChosenBy::Argument => "--context".into(),
        ChosenBy::Environment => output.hints.context_variable(),
        ChosenBy::Folder(folder) => format!("the rule of {}", folder.display()),
        ChosenBy::Default => "the default".into(),
        ChosenBy::Only => "there is no other".into(),
    }
}

/// Returns which variables change how the network is used.
pub(super) fn network_variables(config: &Config) -> Option<String> {
    let variables = &config.environment.network;
    (!variables.is_empty()).then(|| format!("TLS roots or the proxy come from {}", variables.join(", ")))
}

/// Returns an account, with the person's name if that says more.
pub(super) fn person(account: &Account) -> String {
    match account.name.as_deref().filter(|name| *name != account.to_string()) {
        Some(name) => format!("{account} ({name})"),
        None => account.to_string(),
    }
}

/// Returns a time as a person says it, in a unit that makes the number small: "in 42 min", "3 days ago".
pub(super) fn relative(time: SystemTime, now: SystemTime) -> String {
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
