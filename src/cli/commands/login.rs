//! What the commands do: a call into the library, and its answer.

use std::io;
use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value, json};

use super::switch::note_what_goes_before;
use super::{Doctor, Login, Logout, Status, Token};
use crate::blocking::{wait, wait_unless_cancelled};
use crate::cli::context_view::{context_lines, context_object, next, person, rfc3339, token_lines};
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::clock::Cancel;
use crate::doctor::{Repaired, State};
use crate::prompt::{Outcome, Prompt, Terminal, Verification};
use crate::{
    Auth, Config, ContextName, Error, LoggedOut, LoginRequest, LogoutOutcome, LogoutRequest, MoveOutcome, MoveRequest,
    Org, Outcomes, Remedy, Result, Scopes, Selector, Session, TokenRequest,
};

pub(in crate::cli) fn login(output: &Output, config: Config, login: Login, cancel: &Cancel) -> Result<ExitCode> {
    if !config.environment.terminal && !output.json && !login.wait {
        // Nobody would see the code, and a program that waits for nobody hangs.
        let (program, token) = (&output.program, output.variable("TOKEN"));
        let context = login.context.map(|name| format!(" --context {name}")).unwrap_or_default();
        output.say("error: this is not a terminal, so nobody would see the code");
        output.say(&format!(
            "hint: run `{program} auth login --wait{context}` to wait here all the same, or with --json from a program; where nobody can \
             approve, give a token in {token}"
        ));
        return Ok(ExitCode::from(4));
    }
    if !config.environment.network.is_empty() {
        let variables = config.environment.network.join(", ");
        output.note(format!("TLS roots or the proxy come from {variables}"));
    }
    let auth = Auth::new(config.clone())?;
    if let Some((folder, variable)) = auth.named_state_folder() {
        // Only of one that is not refused.
        auth.contexts()?;
        output.note(format!("the login is kept in {}, which {variable} names", folder.display()));
    }
    if let Err(lost) = auth.session()
        && matches!(lost.remedy(), Some(Remedy::Repair))
    {
        // This login takes the place of none of them.
        output.note(format!("{lost}; `{} auth doctor --repair` names it again", output.program));
    }
    let has_token = config.environment.token.is_some();
    if has_token {
        output.note(format!("{} is set and goes before this login", config.app.variable("TOKEN")));
    }
    let mut terminal = Terminal::stderr().with_keys(cancel.clone());
    if login.no_browser {
        terminal = terminal.without_browser();
    }
    #[cfg(feature = "qr")]
    if login.qr {
        terminal = terminal.with_qr();
    }
    let request = LoginRequest {
        context: login.context,
        org: login.org,
        login_hint: login.login_hint,
        scopes: scopes(&login.scope)?,
        replace: login.replace,
        ephemeral: login.ephemeral,
        // A command is over when somebody would use the login.
        lasting: true,
        cancel: cancel.clone(),
        ..LoginRequest::default()
    };
    let prompt: Arc<dyn Prompt> = match output.json {
        true => Arc::new(Events(output.clone())),
        false => Arc::new(terminal),
    };
    match wait(auth.login(request, prompt)) {
        // The prompt has printed the error as an event.
        Err(error) if output.json => Ok(output.exit_code(&error)),
        Err(error) => Err(error),
        Ok(session) => {
            if let (Some(context), false) = (session.context(), has_token || output.json) {
                note_what_goes_before(output, &auth, &context.name);
            }
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// A login for a program: as [`JsonLines`](crate::JsonLines) prints it, with the notes, and with what to do next.
struct Events(Output);

impl Prompt for Events {
    fn show(&self, verification: &Verification) -> io::Result<()> {
        self.0.event(json!(verification))
    }

    fn done(&self, outcome: &Outcome<'_>) {
        match outcome {
            Outcome::Failed(error) => drop(self.0.fail(error)),
            // A reader that went away must not undo a login that is already kept.
            outcome => drop(self.0.event(json!(outcome))),
        }
    }
}

pub(in crate::cli) fn token(output: &Output, config: Config, token: Token, stop: &Stop) -> Result<ExitCode> {
    let session = session(config, token.context, token.org)?;
    let request = TokenRequest {
        min_validity: token.min_validity,
        refresh: token.refresh,
        resource: token.resource,
        scopes: scopes(&token.scope)?,
    };
    let token = match session.cached_token(request.clone()) {
        // Nothing was begun that a signal would have to let finish.
        Some(token) => token,
        None => wait_unless_cancelled(session.access_token_with(request), stop.listen())?,
    };
    if !output.json {
        // Visible ASCII, or it would be no token; to filter it would leave a copy.
        return Ok(output.verbatim(token.expose()));
    }
    Ok(output.object(json!({
        "access_token": token.expose(),
        "token_type": token.token_type(),
        "expires_at": token.expires_at().map(rfc3339),
        "context": session.context().map(|context| &context.name),
        "org": session.context().and_then(|context| context.org.as_ref()),
        "scopes": token.scopes().iter().collect::<Vec<_>>(),
    })))
}

pub(in crate::cli) fn status(output: &Output, config: Config, status: Status) -> Result<ExitCode> {
    let auth = Auth::new(config.clone())?;
    let session = auth.session_for(&Selector { context: status.context, org: None })?;
    Ok(match session.context() {
        Some(context) if output.json => {
            let mut object = context_object(&auth, context);
            let step = next(output, context, auth.protection(context).as_ref(), config.clock.now());
            output.add_steps(&mut object, step);
            object["network"] = json!(config.environment.network);
            let (folder, variable) = auth.named_state_folder().unzip();
            object["state_folder"] = json!(folder.map(|folder| folder.to_string_lossy().into_owned()));
            object["state_folder_from"] = json!(variable);
            output.object(object)
        }
        Some(context) => output.data(&context_lines(output, &auth, context, &config)),
        None if output.json => output.object(json!({"context": null, "token_from": "environment"})),
        None => output.data(&token_lines(output, &config)),
    })
}

pub(in crate::cli) fn doctor(output: &Output, config: Config, doctor: Doctor) -> Result<ExitCode> {
    let auth = Auth::new(config)?;
    if let Some(to) = doctor.move_to {
        return move_keys(output, &auth, doctor.context, &to);
    }
    if doctor.repair {
        return repair(output, &auth);
    }
    let report = wait(auth.doctor())?;
    Ok(output.report(&report))
}

/// Also says what stays that no repair can help: who is told that nothing was to be repaired takes everything for well.
fn repair(output: &Output, auth: &Auth) -> Result<ExitCode> {
    let Repaired { done, mut left, .. } = wait(auth.repair())?;
    for stays in wait(auth.doctor())?.findings {
        // What a repair could have helped with has said why it did not.
        let is_said = stays.area == "leftover" || matches!(stays.remedy, Some(Remedy::Repair));
        if stays.state == State::Problem && !is_said {
            let hint = output.hint_of(&stays).filter(|_| !output.json).map(|hint| format!("\n{hint}"));
            let because = stays.because.as_ref().map(|why| format!(" ({why})"));
            left.push(stays.text + because.as_deref().unwrap_or_default() + hint.as_deref().unwrap_or_default());
        }
    }
    if output.json {
        output.answer(json!({"repaired": done, "left": left}), left.is_empty());
    } else if done.is_empty() && left.is_empty() {
        output.say("There was nothing to repair.");
    }
    done.iter().for_each(|line| output.say(&format!("Repaired: {line}.")));
    left.iter().for_each(|line| output.say(&format!("Not repaired: {line}")));
    Ok(if left.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn move_keys(output: &Output, auth: &Auth, context: Option<ContextName>, to: &str) -> Result<ExitCode> {
    let mut request = MoveRequest::all_to(to);
    if context.is_some() {
        (request.all, request.select) = (false, Selector { context, ..Selector::default() });
    }
    let moved = wait(auth.move_keys(request))?;
    let object = |one: &MoveOutcome| json!({"context": one.context, "from": one.from, "to": one.to, "left_behind": one.left_behind});
    let line = |MoveOutcome { context, from, to, left_behind, .. }: &MoveOutcome| match left_behind {
        None if from == to => format!("The key of {context} is in {to} already."),
        None => format!("Moved the key of {context} from {from} to {to}."),
        Some(why) => format!(
            "Moved the key of {context} to {to}. Its copy in {from} could not be erased: {why}. Run this again then."
        ),
    };
    let nobody = format!("Nobody is logged in. Run `{} auth login`.", output.program);
    Ok(each(output, &moved, "moved", &nobody, object, line))
}

pub(in crate::cli) fn logout(output: &Output, config: Config, logout: Logout) -> Result<ExitCode> {
    let select = Selector { context: logout.context, ..Selector::default() };
    let request = LogoutRequest { select, all: logout.all, local_only: logout.local_only };
    let ended = wait(Auth::new(config)?.logout(request))?;
    let object = |login: &LoggedOut| {
        json!({
            "context": login.context,
            "also": login.also,
            "account": login.account,
            "ended": login.ended.name(),
            "left_behind": login.left_behind,
        })
    };
    let line = |login: &LoggedOut| {
        let (account, server) = (&login.account, login.account.issuer.host());
        let names = std::iter::once(&login.context).chain(&login.also).map(ContextName::as_str);
        let name = names.collect::<Vec<_>>().join(", ");
        let key = login
            .left_behind
            .as_ref()
            .map(|why| format!(" Its key could not be erased ({why}); it opens nothing any more."));
        let ended = match login.ended {
            LogoutOutcome::Revoked => format!("Logged out {name} ({account}): revoked at {server} and forgotten here."),
            LogoutOutcome::NotRevocable => format!(
                "Forgot {name} ({account}) on this machine. {server} has no way to revoke it: it ends there when it expires."
            ),
            LogoutOutcome::Already => {
                format!("Logged out {name} ({account}): {server} had refused it as ended before; it is forgotten here.")
            }
            LogoutOutcome::LocalOnly => format!(
                "Forgot {name} ({account}) on this machine. {server} was not told: it ends there when it expires."
            ),
            LogoutOutcome::Unreadable => format!(
                "Forgot {name} ({account}) on this machine. It could not be read any more, so {server} was not told: it \
                 ends there when it expires."
            ),
        };
        ended + key.as_deref().unwrap_or_default()
    };
    Ok(each(output, &ended, "logged_out", "Nobody was logged in.", object, line))
}

pub(in crate::cli) fn whoami(
    output: &Output,
    config: Config,
    context: Option<ContextName>,
    org: Option<Org>,
    cancel: &Cancel,
) -> Result<ExitCode> {
    let info = wait_unless_cancelled(session(config, context, org)?.userinfo(), cancel)?;
    if let Some(error) = &info.refused {
        output.note(format!("{error}; this is what it said with the tokens"));
    }
    Ok(match output.json {
        true => output.foreign(serde_json::from_str(&info.json).unwrap_or(Value::Null)),
        false => output.data(&format!("{} at {}", person(&info.account), info.account.issuer.host())),
    })
}

/// Says what became of each login. The exit code is that of the first with which it went wrong.
fn each<T>(
    output: &Output,
    each: &Outcomes<T>,
    name: &str,
    nobody: &str,
    object: impl Fn(&T) -> Value,
    line: impl Fn(&T) -> String,
) -> ExitCode {
    let Outcomes { done, failed, .. } = each;
    let code = failed.first().map(|(_, error)| output.exit_code(error));
    if output.json {
        let failed = failed.iter().map(|(context, error)| {
            let mut object = output.error_object(error);
            object["context"] = json!(context);
            object
        });
        let answer = json!({
            (name): done.iter().map(object).collect::<Vec<_>>(),
            "failed": failed.collect::<Vec<_>>(),
        });
        let printed = output.answer(answer, code.is_none());
        return code.unwrap_or(printed);
    }
    if done.is_empty() && failed.is_empty() {
        output.say(nobody);
    }
    done.iter().for_each(|one| output.say(&line(one)));
    for (_, error) in failed {
        output.fail(error);
    }
    code.unwrap_or(ExitCode::SUCCESS)
}

fn session(config: Config, context: Option<ContextName>, org: Option<Org>) -> Result<Session> {
    Auth::new(config)?.session_for(&Selector { context, org })
}

/// `None` where none was named.
fn scopes(named: &[String]) -> Result<Option<Scopes>> {
    let scopes: Scopes = named.join(" ").parse()?;
    match (named.is_empty(), scopes.is_empty()) {
        (true, _) => Ok(None),
        // As many as there are would be what nobody asked for.
        (false, true) => Err(Error::config("scope", "--scope names no scope")),
        (false, false) => Ok(Some(scopes)),
    }
}
