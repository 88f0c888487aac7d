//! `auth token`.

use std::time::Duration;

use clap::{Args, ValueHint};
use serde_json::json;
use url::Url;

use super::args::{LOGIN_VARIABLES, scopes};
use super::run::Run;
use crate::cli::context_view::remind;
use crate::cli::help::Details;
use crate::cli::lazy_args::described;
use crate::cli::output::Output;
use crate::cli::signals::Stop;
use crate::clock::{parse_duration, rfc3339};
use crate::config::Setting;
use crate::events::ExportTo;
use crate::ids::{ContextName, Org};
use crate::{Auth, Config, Result, Selector, TokenRequest};

/// Print a valid access token and nothing else
///
/// On standard output: the token at hand, or a new one where that has expired or is about to. Ask for it where it is used, and it
/// is never stale. With --json an object that also says when it expires, and its login, org and scopes.
#[derive(Debug, Args)]
#[group(skip)]
pub(super) struct TokenArgs {
    /// The login to use
    #[arg(id = "hallpass-context", long = "context", value_name = "NAME", value_hint = ValueHint::Other)]
    pub(super) context: Option<ContextName>,
    /// The org that the token shall speak for
    #[arg(id = "hallpass-org", long = "org", value_name = "ORG", value_hint = ValueHint::Other)]
    org: Option<Org>,
    /// What the token shall be for
    #[arg(id = "hallpass-resource", long = "resource", value_name = "URI", value_hint = ValueHint::Url)]
    resource: Option<Url>,
    /// A scope that the token shall have, instead of all; can be repeated
    #[arg(id = "hallpass-scope", long = "scope", value_name = "SCOPE", value_hint = ValueHint::Other)]
    scope: Vec<String>,
    /// Fetch a new token if this one is not valid for so long: 90 (seconds), 15m, 8h, 30d, PT8H; the server may give one that is
    /// valid for less
    #[arg(
        id = "hallpass-min-validity", long = "min-validity", value_name = "DURATION", value_parser = duration,
        value_hint = ValueHint::Other
    )]
    min_validity: Option<Duration>,
    /// Fetch a new token even if the one at hand is good
    #[arg(id = "hallpass-refresh", long = "refresh")]
    refresh: bool,
}

described!(
    TokenArgs,
    "token",
    "Print a valid access token and nothing else",
    Details {
        variables: Some(LOGIN_VARIABLES),
        examples: &["{} --min-validity 10m", "{} --org globex --json", "curl -H \"Authorization: Bearer $({})\" URL"],
    }
);

impl Run for TokenArgs {
    // A cached token begins nothing; the command listens before a refresh.
    const LISTENS_LATE: bool = true;

    fn run(self, output: &Output, config: Config, stop: &Stop) -> Result<u8> {
        let now = config.clock.now();
        let session = Auth::new(config)?.session_for(&Selector { context: self.context, org: self.org })?;
        let mut request = TokenRequest::new();
        if let Some(min_validity) = self.min_validity {
            request = request.min_validity(min_validity);
        }
        if let Some(resource) = self.resource {
            request = request.resource(resource);
        }
        if let Some(scopes) = scopes(&self.scope)? {
            request = request.scopes(scopes);
        }
        if self.refresh {
            request = request.refresh();
        }
        let to = ExportTo::StandardOutput;
        let token = match session.cached_export(request.clone(), to) {
            // No refresh was begun that a signal would have to let finish.
            Some(token) => token,
            None => session.export(request, to).wait_unless_cancelled(stop.listen())?,
        };
        remind(output, &session, &token, now);
        if !output.json {
            // A token is visible ASCII, which needs no filter; a filter would leave a copy in memory.
            return Ok(output.print_unfiltered(token.expose()));
        }
        Ok(output.print_json(json!({
            "access_token": token.expose(),
            "token_type": token.token_type(),
            "expires_at": token.expires_at().map(rfc3339),
            "context": session.context().map(|context| &context.name),
            "org": session.context().and_then(|context| context.org.as_ref()),
            "scopes": token.scopes().iter().collect::<Vec<_>>(),
        })))
    }
}

/// clap's own message names the option and the value already.
fn duration(text: &str) -> Result<Duration, &'static str> {
    parse_duration(Setting::MinValidity, text).map_err(|_| "write 90 (seconds), 15m, 8h, 30d or PT8H")
}
