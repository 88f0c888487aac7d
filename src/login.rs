//! A login, from the first check to the last write: begin, show, poll, identify, keep.

use std::sync::Arc;

use crate::clock::Cancel;
use crate::context::{Entry, Index};
use crate::custody::Custody;
use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::grant::Names;
use crate::home::Home;
use crate::id::{Account, ContextName, GrantId, Scopes};
use crate::oauth::client_auth::AuthMethod;
use crate::oauth::device::{DeviceAuthorization, Heard, Poll, authorize};
use crate::oauth::endpoint::{Grant, TokenEndpoint, TokenError, TokenReply};
use crate::oauth::http::{Http, HttpError};
use crate::oauth::metadata::{ByHand, Endpoints, discover};
use crate::oauth::revocation::revoke;
use crate::oauth::{id_token, userinfo};
use crate::prompt::{Outcome, Prompt, Verification, Wait, WaitReason};
use crate::record::{Destination, Record, StoredToken};
use crate::wiring::Wiring;

/// What a login shall be.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct LoginRequest {
    /// The name for it; by default the one that the account has, else one made of its e-mail address or name.
    pub context: Option<ContextName>,
    /// What to ask for instead of the configuration's scopes.
    pub scopes: Option<Scopes>,
    /// The context may change hands: from another account to this one.
    pub replace: bool,
    /// Ends the login early. After the person has approved it no longer does: what was granted is kept.
    pub cancel: Cancel,
}

/// Logs a person in and keeps the login. Every end is told to `prompt`.
pub(crate) fn run(wiring: &Wiring, request: &LoginRequest, prompt: &dyn Prompt) -> Result<Entry> {
    let login = log_in(wiring, request, prompt);
    prompt.done(&match &login {
        Ok(entry) => Outcome::LoggedIn {
            context: &entry.name,
            account: &entry.account,
            org: entry.org.as_ref(),
            scopes: &entry.scopes,
            custody: &entry.custody,
        },
        Err(error) => Outcome::Failed(error),
    });
    login
}

fn log_in(wiring: &Wiring, request: &LoginRequest, prompt: &dyn Prompt) -> Result<Entry> {
    // What can fail on this machine fails before a person is asked to do anything, and before anything is written.
    let custody = wiring.places.choose()?;
    let wanted = wanted_context(wiring, request)?;
    Index::read(wiring.home()?.as_ref())?;

    let config = &wiring.config;
    let http = wiring.http();
    let by_hand = ByHand {
        device_authorization: config.device_authorization_endpoint.clone(),
        token: config.token_endpoint.clone(),
        revocation: config.revocation_endpoint.clone(),
    };
    let endpoints = discover(&http, &config.issuer, &by_hand, &request.cancel)?;
    let destination = destination(wiring, &endpoints);
    let client = wiring.client(&destination);
    let scopes = request.scopes.as_ref().unwrap_or(&config.scopes);
    let device =
        authorize(&http, &endpoints.device_authorization, &client, scopes, config.resource.as_ref(), &request.cancel)?;
    // Before the person approves: a home that cannot be written would lose what they approve.
    let home = wiring.create_home()?;
    let token = TokenEndpoint {
        http: &http,
        url: &destination.token_endpoint,
        client: &client,
        resource: config.resource.as_ref(),
    };
    let reply = approved(wiring, &token, &device, request, prompt)?;

    // From here on there is a grant at the server: what is not kept is given back.
    let kept = identify(wiring, &http, &destination, &reply)
        .and_then(|account| keep(wiring, &home, &*custody, &destination, account, &reply, scopes, wanted, request));
    if kept.is_err()
        && let Some(url) = &destination.revocation_endpoint
    {
        let (secret, hint) = match &reply.refresh_token {
            Some(token) => (token, "refresh_token"),
            None => (&reply.access_token, "access_token"),
        };
        // The error to tell is the one that kept the login from being kept.
        let _ = revoke(&http, url, &client, secret, hint, &Cancel::new());
    }
    kept
}

fn wanted_context(wiring: &Wiring, request: &LoginRequest) -> Result<Option<ContextName>> {
    match (&request.context, &wiring.config.surroundings.context) {
        (Some(name), _) => Ok(Some(name.clone())),
        (None, Some(text)) => text.parse().map(Some),
        (None, None) => Ok(None),
    }
}

fn destination(wiring: &Wiring, endpoints: &Endpoints) -> Destination {
    Destination {
        issuer: wiring.config.issuer.clone(),
        client_id: wiring.config.client_id.clone(),
        client_secret_post: AuthMethod::among(&endpoints.auth_methods) == AuthMethod::ClientSecretPost,
        token_endpoint: endpoints.token.clone(),
        revocation_endpoint: endpoints.revocation.clone(),
        userinfo_endpoint: endpoints.userinfo.clone(),
    }
}

/// Shows the code and polls until the person has answered, the code has run out, or the caller cancels.
fn approved(
    wiring: &Wiring,
    token: &TokenEndpoint<'_>,
    device: &DeviceAuthorization,
    request: &LoginRequest,
    prompt: &dyn Prompt,
) -> Result<TokenReply> {
    let clock = &wiring.config.clock;
    let mut poll = Poll::new(clock.now(), device.interval, device.expires_in);
    prompt.show(&verification(wiring, device, &poll)).map_err(|error| {
        Error::new(ErrorKind::Config, "the code could not be shown, so nobody could approve it").because(error)
    })?;
    let (mut heard, mut trouble) = (None, None);
    while let Some(wait) = poll.next(clock.now(), heard) {
        let reason = match heard {
            None | Some(Heard::Pending) => WaitReason::Pending,
            Some(Heard::SlowDown(_)) => WaitReason::SlowedDown,
            Some(Heard::Nothing(_)) => WaitReason::Unreachable,
        };
        prompt.waiting(&Wait { reason, duration: wait, expires_at: poll.expires_at() });
        clock.sleep(wait, &request.cancel);
        if request.cancel.is_cancelled() {
            return Err(Error::cancelled());
        }
        match token.request(&Grant::DeviceCode(&device.device_code), &request.cancel) {
            Ok(reply) => return Ok(reply),
            Err(error) => heard = Some(hear(error, &mut trouble)?),
        }
    }
    let message = "the code ran out before it was approved";
    Err(match trouble {
        Some(cause) => Error::new(ErrorKind::Unreachable, message).because(cause),
        None => Error::new(ErrorKind::CodeExpired, message),
    }
    .with(Remedy::LogIn { context: None }))
}

/// What an error means for the poll: wait on, or the end. `trouble` keeps why the server was last not heard.
fn hear(error: TokenError, trouble: &mut Option<TokenError>) -> Result<Heard> {
    let heard = match &error {
        TokenError::Refused(refusal) if refusal.is("authorization_pending") => Heard::Pending,
        TokenError::Refused(refusal) if refusal.is("slow_down") => Heard::SlowDown(refusal.interval),
        TokenError::Busy { retry_after, .. } => Heard::Nothing(*retry_after),
        // A transport error does not end a login: the person may be typing their password.
        TokenError::Http(HttpError::Unreachable { .. } | HttpError::NoReply { .. }) => Heard::Nothing(None),
        // RFC 8628 §3.5: any other error code is final.
        _ => return Err(error.into()),
    };
    *trouble = matches!(heard, Heard::Nothing(_)).then_some(error);
    Ok(heard)
}

fn verification(wiring: &Wiring, device: &DeviceAuthorization, poll: &Poll) -> Verification {
    Verification {
        app: wiring.config.app.clone(),
        verification_uri: device.verification_uri.clone(),
        verification_uri_complete: device.verification_uri_complete.clone(),
        user_code: device.user_code.clone(),
        expires_at: poll.expires_at(),
        interval: device.interval,
    }
}

/// Whose login it is: from the ID token, else from userinfo, else unnamed.
fn identify(wiring: &Wiring, http: &Http, destination: &Destination, reply: &TokenReply) -> Result<Account> {
    if reply.token_type != "bearer" {
        let message = format!("{} issued a token of a type that is not supported", destination.issuer.host());
        return Err(Error::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator));
    }
    let issuer = destination.issuer.clone();
    let from_id_token = match &reply.id_token {
        Some(token) => Some(id_token::read(token, &issuer, &destination.client_id, wiring.config.clock.now())?),
        None => None,
    };
    if let Some(claims) = &from_id_token
        && (claims.email.is_some() || claims.name.is_some())
    {
        return Ok(Account::new(issuer, Some(claims.sub.clone()), claims.name.clone(), claims.email.clone()));
    }
    // Many servers keep name and e-mail address out of the ID token. The subject decides, the rest is for the eye.
    let from_userinfo = match &destination.userinfo_endpoint {
        Some(url) => userinfo::fetch(http, url, &reply.access_token, &Cancel::new()),
        None => Ok(Default::default()),
    };
    let claims = match (from_userinfo, &from_id_token) {
        (Ok(claims), _) => claims,
        (Err(_), Some(_)) => Default::default(),
        (Err(error), None) if error.kind() == ErrorKind::AuthorizationServer => Default::default(),
        (Err(error), None) => return Err(error),
    };
    let text = |name: &str| claims.get(name).and_then(|value| value.as_str()).map(str::to_owned);
    let (subject, other) = (from_id_token.map(|claims| claims.sub), text("sub"));
    // OpenID Connect Core §5.3.2: "The sub Claim in the UserInfo Response MUST be verified to exactly match the sub Claim in
    // the ID Token; if they do not match, the UserInfo Response values MUST NOT be used."
    match subject.is_some() && other.is_some() && subject != other {
        true => Ok(Account::new(issuer, subject, None, None)),
        false => Ok(Account::new(issuer, subject.or(other), text("name"), text("email"))),
    }
}

/// Keeps the login: key, record, then the index, which makes it the context's. A login that it replaces is forgotten.
#[allow(clippy::too_many_arguments, reason = "the one caller is the story above")]
fn keep(
    wiring: &Wiring,
    home: &Home,
    custody: &dyn Custody,
    destination: &Destination,
    account: Account,
    reply: &TokenReply,
    asked: &Scopes,
    wanted: Option<ContextName>,
    request: &LoginRequest,
) -> Result<Entry> {
    let config = &wiring.config;
    let now = config.clock.now();
    let scopes = reply.scopes.as_ref().unwrap_or(asked).clone();
    let record = Record {
        generation: 1,
        born: now,
        rotated: now,
        destination: destination.clone(),
        account: account.clone(),
        token_type: reply.token_type.clone(),
        refresh_token: reply.refresh_token.as_ref().map(crate::Secret::copy),
        scopes: scopes.clone(),
        tokens: vec![StoredToken {
            org: None,
            resource: config.resource.clone(),
            scopes: scopes.clone(),
            access_token: Arc::new(reply.access_token.copy()),
            received_at: now,
            expires_at: reply.expires_in.map(|lifetime| now + lifetime),
        }],
    };
    // Before anything is written, so that a refusal leaves nothing; again under the lock, where it counts.
    let name_in = |index: &Index| index.name_for(&account, &config.client_id, wanted.as_ref(), request.replace);
    name_in(&Index::read(Some(home))?)?;
    // A new login is a new grant (law 5).
    let grant = GrantId::random()?;
    let names = Names { home, app: &config.app, id: &grant };
    let label = format!("{} login of {account} at {}", config.app, account.issuer.host());
    names.create(custody, &label, &record)?;
    let indexed = || -> Result<(Entry, Option<Entry>)> {
        let lock = Index::lock(home, config.lock_timeout)?;
        let mut index = Index::read(Some(home))?;
        let entry = Entry {
            name: name_in(&index)?,
            grant: grant.clone(),
            org: None,
            account: account.clone(),
            client_id: config.client_id.clone(),
            scopes: scopes.clone(),
            custody: custody.name().to_owned(),
        };
        // Who names a context means that one; who just logs in means to go on as who they are.
        let replaced = index.put(entry.clone(), wanted.is_none());
        index.write(home, &lock)?;
        Ok((entry, replaced))
    };
    match indexed() {
        Ok((entry, replaced)) => {
            if let Some(old) = replaced {
                forget(wiring, home, &old);
            }
            Ok(entry)
        }
        Err(error) => {
            // Nothing is left behind that no context names.
            if let Ok(Some(lock)) = names.lock_now() {
                let _ = names.erase(&lock, custody);
            }
            Err(error)
        }
    }
}

/// Forgets a login that a new one of the same name replaced. It is not revoked here: what a revocation takes with it differs
/// between servers, and it must never end the login that has just been made (law 13).
fn forget(wiring: &Wiring, home: &Home, old: &Entry) {
    let names = Names { home, app: &wiring.config.app, id: &old.grant };
    let erased = wiring.places.of(&old.custody).and_then(|custody| {
        let lock = names.lock(wiring.config.lock_timeout)?;
        names.erase(&lock, &*custody)
    });
    // The new login is kept whatever becomes of the old one; an item that stays is an unused key.
    let _ = erased;
}
