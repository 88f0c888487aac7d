//! What the commands do: a call into the library, and its answer.

use std::process::ExitCode;
use std::sync::Arc;

use serde_json::{Value, json};

use super::args::{Login, Logout, Status, Token, Whoami};
use super::render::{Output, context_lines, context_object, rfc3339, validity};
use crate::blocking::wait;
use crate::clock::Cancel;
use crate::prompt::{JsonLines, Prompt, Terminal};
use crate::{Auth, Config, ContextName, Ended, LoginRequest, LogoutRequest, Result, Select, Session, TokenRequest};

pub(super) fn login(output: &Output, config: Result<Config>, login: Login, cancel: &Cancel) -> ExitCode {
    let begin = || -> Result<_> {
        let config = config?;
        let terminal = config.surroundings.terminal;
        let scopes = match login.scope.is_empty() {
            true => None,
            false => Some(login.scope.join(" ").parse()?),
        };
        let request = LoginRequest { context: login.context, scopes, replace: login.replace, cancel: cancel.clone() };
        Ok((Auth::new(config)?, request, terminal))
    };
    let (auth, request, terminal) = match begin() {
        Ok(begun) => begun,
        Err(error) => return output.fail(&error),
    };
    if !terminal && !login.json && !login.wait {
        // Nobody would see the code, and a program that waits for nobody hangs.
        let program = &output.program;
        output.say("error: this is not a terminal, so that nobody may see the code");
        output.say(&format!(
            "hint: run `{program} auth login --wait` to wait here all the same, or with --json from a program"
        ));
        return ExitCode::from(4);
    }
    let prompt: Arc<dyn Prompt> = match (login.json, login.no_browser) {
        (true, _) => Arc::new(JsonLines::stdout()),
        (false, true) => Arc::new(Terminal::stderr().without_browser()),
        (false, false) => Arc::new(Terminal::stderr()),
    };
    match wait(auth.login(request, prompt)) {
        Ok(_) => ExitCode::SUCCESS,
        // The prompt has printed the error as an event.
        Err(error) if output.json => output.exit_code(&error),
        Err(error) => output.fail(&error),
    }
}

pub(super) fn token(output: &Output, config: Result<Config>, token: Token) -> ExitCode {
    let fetch = || -> Result<_> {
        let session = session(config, token.context)?;
        let request = TokenRequest { min_validity: token.min_validity, refresh: token.refresh };
        Ok((wait(session.access_token_with(request))?, session))
    };
    match fetch() {
        Ok((token, session)) if output.json => output.object(&json!({
            "access_token": token.expose(),
            "token_type": token.token_type(),
            "expires_at": token.expires_at().map(rfc3339),
            "context": session.context().map(|context| &context.name),
            "org": session.context().and_then(|context| context.org.as_ref()),
            "scopes": token.scopes().iter().collect::<Vec<_>>(),
        })),
        Ok((token, _)) => output.data(token.expose()),
        Err(error) => output.fail(&error),
    }
}

pub(super) fn status(output: &Output, config: Result<Config>, status: Status) -> ExitCode {
    let look = || -> Result<_> {
        let config = config?;
        let now = config.clock.now();
        Ok((session(Ok(config), status.context)?, now))
    };
    match look() {
        Ok((session, now)) => match session.context() {
            Some(context) if output.json => output.object(&context_object(context)),
            Some(context) => output.data(&context_lines(context, now)),
            None if output.json => output.object(&json!({"context": null, "token_from": "environment"})),
            None => output.data("Token      from the environment: used as it is, nothing is stored"),
        },
        Err(error) => output.fail(&error),
    }
}

pub(super) fn list(output: &Output, config: Result<Config>) -> ExitCode {
    let look = || -> Result<_> {
        let config = config?;
        let now = config.clock.now();
        Ok((Auth::new(config)?.contexts()?, now))
    };
    match look() {
        Ok((contexts, _)) if output.json => output.object(&contexts.iter().map(context_object).collect::<Value>()),
        Ok((contexts, _)) if contexts.is_empty() => {
            output.say(&format!("Nobody is logged in. Run `{} auth login`.", output.program));
            ExitCode::SUCCESS
        }
        Ok((contexts, now)) => {
            let width = contexts.iter().map(|context| context.name.as_str().len()).max().unwrap_or_default();
            let line = |context: &crate::Context| {
                let mark = if context.is_default { '*' } else { ' ' };
                let (name, account, server) = (context.name.as_str(), &context.account, context.account.issuer.host());
                format!(
                    "{mark} {name:width$}  {account} at {server}, key in {}, {}",
                    context.custody,
                    validity(context, now)
                )
            };
            output.data(&contexts.iter().map(line).collect::<Vec<_>>().join("\n"))
        }
        Err(error) => output.fail(&error),
    }
}

pub(super) fn logout(output: &Output, config: Result<Config>, logout: Logout) -> ExitCode {
    let end = || -> Result<_> {
        let select = Select { context: logout.context };
        let request = LogoutRequest { select, all: logout.all, local_only: logout.local_only };
        wait(Auth::new(config?)?.logout(request))
    };
    let ended = match end() {
        Ok(ended) => ended,
        Err(error) => return output.fail(&error),
    };
    for login in &ended {
        let (context, account, server) = (&login.context, &login.account, login.account.issuer.host());
        output.say(&match login.ended {
            Ended::Revoked => format!("Logged out {context} ({account}): revoked at {server} and forgotten here."),
            Ended::NotRevocable => format!(
                "Forgot {context} ({account}) on this machine. {server} has no way to revoke it: it ends there when it expires."
            ),
            Ended::LocalOnly => {
                format!("Forgot {context} ({account}) on this machine. {server} was not told: it ends there when it expires.")
            }
            Ended::Unreadable => format!(
                "Forgot {context} ({account}) on this machine. It could not be read any more, so {server} was not told: it \
                 ends there when it expires."
            ),
        });
    }
    if !output.json {
        if ended.is_empty() {
            output.say("Nobody was logged in.");
        }
        return ExitCode::SUCCESS;
    }
    let object = |login: &crate::LoggedOut| json!({"context": login.context, "account": login.account, "ended": login.ended.name()});
    output.object(&json!({"logged_out": ended.iter().map(object).collect::<Vec<_>>()}))
}

pub(super) fn whoami(output: &Output, config: Result<Config>, whoami: Whoami) -> ExitCode {
    let ask = || wait(session(config, whoami.context)?.userinfo());
    match ask() {
        Ok(info) if output.json => output.data(&info.json),
        Ok(info) => {
            let account = &info.account;
            let name = account.name.as_deref().filter(|name| *name != account.to_string());
            let name = name.map_or_else(String::new, |name| format!(" ({name})"));
            output.data(&format!("{account}{name} at {}", account.issuer.host()))
        }
        Err(error) => output.fail(&error),
    }
}

fn session(config: Result<Config>, context: Option<ContextName>) -> Result<Session> {
    Auth::new(config?)?.session_for(&Select { context })
}
