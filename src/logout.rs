//! The end of a login: told to the server, then forgotten here, and truthfully reported (law 13).

use crate::context::{Each, Entry, Index, Select};
use crate::custody::Until;
use crate::error::{Error, Remedy, Result};
use crate::grant::{Found, GrantFiles, OpenGrant};
use crate::home::{Home, Lock};
use crate::id::{Account, ContextName};
use crate::oauth::endpoint::TokenError;
use crate::oauth::revocation::{Token, revoke};
use crate::record::Record;
use crate::secret::Secret;
use crate::wiring::Wiring;

/// Which logins shall end, and how.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LogoutRequest {
    /// Which one.
    pub select: Select,
    /// All of them.
    pub all: bool,
    /// Forget on this machine only; the server is not asked.
    pub local_only: bool,
}

/// One login that ended.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct LoggedOut {
    /// The context that is gone.
    pub context: ContextName,
    /// The contexts for other orgs of the same login, which are gone with it.
    pub also: Vec<ContextName>,
    /// Whose it was.
    pub account: Account,
    /// How it ended.
    pub ended: Ended,
}

/// How a login ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Ended {
    /// The server has revoked it (RFC 7009).
    Revoked,
    /// The server has no way to revoke: it is forgotten here, and ends there when it expires.
    NotRevocable,
    /// It is forgotten here, and the server was not asked.
    LocalOnly,
    /// It could not be read any more, so the server could not be told: it is forgotten here, and ends there when it expires.
    Unreadable,
}

impl Ended {
    /// The name in JSON output, in `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Revoked => "revoked",
            Self::NotRevocable => "not_revocable",
            Self::LocalOnly => "local_only",
            Self::Unreadable => "unreadable",
        }
    }
}

/// Ends the selected logins, one after the other; one that cannot be ended is still there.
pub(crate) fn run(wiring: &Wiring, request: &LogoutRequest) -> Result<Each<LoggedOut>> {
    let home = wiring.home()?;
    let entries = Index::read(home.as_ref())?.meant(request.all, &request.select, &wiring.config)?;
    match home {
        Some(home) => Each::of(&entries, request.all, |entry| end(wiring, &home, entry, request.local_only)),
        None => Ok(Each::default()),
    }
}

fn end(wiring: &Wiring, home: &Home, entry: &Entry, local_only: bool) -> Result<LoggedOut> {
    let files = wiring.files(home, &entry.grant);
    // Before the lock is taken: a person may be asked.
    let opened = if local_only { None } else { Some(wiring.unlock(files, &entry.custody)) };
    // A refresh under way ends first: a token that it brings must not outlive the logout.
    let lock = files.lock(wiring.config.lock_timeout)?;
    let ended = match opened.map(|grant| newest(&grant?, &lock)) {
        None => Ended::LocalOnly,
        Some(Ok((record, token))) => tell_the_server(wiring, entry, &record, token)?,
        Some(Err(error)) => match error.remedy() {
            // From here a key in the kernel can look lost that another session or container still has.
            Some(Remedy::LogIn { .. } | Remedy::StartSession) if may_be_elsewhere(wiring, entry, files) => {
                return Err(error.with(Remedy::ForgetLocally { context: entry.name.to_string() }));
            }
            // Locked is not empty: only a login that can never be read again is given up.
            Some(Remedy::LogIn { .. }) => Ended::Unreadable,
            // What the person may not have any more, and is not asked for to forget.
            Some(
                Remedy::RunAsService { .. }
                | Remedy::CorrectCredential { .. }
                | Remedy::CorrectPassphrase
                | Remedy::SetAside { .. },
            ) => return Err(error.with(Remedy::ForgetLocally { context: entry.name.to_string() })),
            _ => return Err(error),
        },
    };
    // As it is now: the key may have moved while this waited. A person is not asked while the lock is held.
    let place = Index::read(Some(home))?.of_grant(&entry.grant).unwrap_or(entry).custody.clone();
    let places = wiring.quiet_places();
    let custody = match places.of(&place) {
        // A custody that this program does not know keeps a key that opens nothing any more.
        Err(_) if local_only => None,
        custody => Some(custody?),
    };
    files.erase(&lock, custody.as_deref())?;
    // What a move may have left that was killed, where it costs nothing to look.
    for other in ["kernel", "session"].iter().filter(|other| **other != place) {
        let _ = places.of(other).map(|other| other.erase(&files.item()));
    }
    let mut also = Index::change(home, wiring.config.lock_timeout, |index| {
        // Whatever names this grant: a login made meanwhile under the same name is not ours to end.
        Ok(index.forget(&entry.grant))
    })?;
    also.retain(|name| *name != entry.name);
    Ok(LoggedOut { context: entry.name.clone(), also, account: entry.account.clone(), ended })
}

/// Whether the key is not to be found where it need not be lost for that.
fn may_be_elsewhere(wiring: &Wiring, entry: &Entry, files: GrantFiles<'_>) -> bool {
    let Ok(place) = wiring.places.of(&entry.custody) else { return false };
    let forgets = matches!(place.posture().lasts, Until::Reboot | Until::SessionEnd);
    forgets && !matches!(place.load(&files.item()), Ok(Some(_)))
}

/// The newest record there is, so that the token that is revoked is the last one; and that.
fn newest(grant: &OpenGrant<'_>, lock: &Lock) -> Result<(Record, Option<Secret>)> {
    let Found { record, .. } = grant.recover(lock)?;
    let token = record.refresh_token.as_ref().map(|token| grant.reveal(token)).transpose()?;
    Ok((record, token))
}

fn tell_the_server(wiring: &Wiring, entry: &Entry, record: &Record, token: Option<Secret>) -> Result<Ended> {
    wiring.check_destination(&entry.grant, record)?;
    let access = record.tokens.first().map(|token| &*token.access_token);
    let (Some(url), Some(token)) = (&record.destination.revocation_endpoint, Token::best(token.as_ref(), access))
    else {
        return Ok(Ended::NotRevocable);
    };
    match revoke(&wiring.http()?, url, &wiring.client(&record.destination), &token) {
        Ok(()) => Ok(Ended::Revoked),
        // RFC 7009 §2.2.1: "The authorization server does not support the revocation of the presented token type."
        Err(TokenError::Refused(refusal)) if refusal.is("unsupported_token_type") => Ok(Ended::NotRevocable),
        Err(error) => {
            let cause = Error::from(error);
            let message = "it is still logged in: the server was not told";
            let remedy = Remedy::ForgetLocally { context: entry.name.to_string() };
            Err(Error::new(cause.kind(), message).with(remedy).because(cause))
        }
    }
}
