//! [`Behaviour`]: what the authorization server promises; [`Person`]: whom it knows.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use crate::clock::{Clock, SystemClock};

/// How the authorization server behaves. Start from the default, which is strict and complete, and change fields;
/// [`AuthorizationServer::set_behaviour`](super::AuthorizationServer::set_behaviour) changes a running server. What was
/// issued before a change keeps the lifetime and interval that it was issued with.
#[derive(Clone)]
#[non_exhaustive]
pub struct Behaviour {
    /// Where every expiry and interval is read from. Default: the machine's clock.
    pub clock: Arc<dyn Clock>,
    /// The one registered client. Default: `acme-cli`.
    pub client_id: String,
    /// `None` (default) is a public client, for which any secret is refused. `Some` is a confidential client that must
    /// authenticate by `client_secret_basic` or `client_secret_post` (RFC 6749 §2.3.1), at the device authorization
    /// endpoint too (RFC 8628 §3.1).
    pub client_secret: Option<String>,
    /// Whether the metadata lists the PKCE method S256 and the device authorization endpoint wants a `code_challenge` (RFC 7636), as
    /// Keycloak does for clients that require it. Default: false. A challenge that was sent is held against the `code_verifier` of each
    /// poll whatever this says.
    pub requires_pkce: bool,
    /// The polling `interval` in seconds (RFC 8628 §3.2). Default: 5. `None` leaves it out of the reply, and 5 is
    /// enforced: "If no value is provided, clients MUST use 5 as the default".
    pub interval: Option<u64>,
    /// Whether a poll that comes too early is answered by `slow_down`, which adds 5 seconds to the interval of that
    /// device code for good (RFC 8628 §3.5). Default: true. The first poll is never too early.
    pub enforce_interval: bool,
    /// How long a device code and its user code live. Default: 900 seconds.
    pub device_code_lifetime: Duration,
    /// Whether the device authorization reply has `verification_uri_complete` (RFC 8628 §3.3.1). Default: true.
    pub verification_uri_complete: bool,
    /// How long an access token lives. Default: one hour. `None` leaves `expires_in` out of the reply, and the token
    /// lives until it is revoked.
    pub access_token_lifetime: Option<Duration>,
    /// How long a login lives, whatever is refreshed. Default: `None`, for ever. Replies say what is left of it, as `authorization_expires_in`,
    /// which some servers send and no RFC has.
    pub authorization_lifetime: Option<Duration>,
    /// Whether a refresh token is issued at all, whatever scopes were asked for. Default: true.
    pub refresh_token: bool,
    /// Whether a refresh answers with a new refresh token and spends the old one (RFC 9700 §4.14.2). Default: true. When
    /// false the reply has no `refresh_token` and the old one stays in use.
    pub rotate: bool,
    /// For how long after its rotation a spent refresh token may still be used. Default: zero, so that each re-use ends
    /// the whole family.
    pub grace: Duration,
    /// Whether replies carry an ID token when the scope `openid` was granted. Default: true. Its header says `RS256` but
    /// its signature is a dummy: a client may leave the signature of an ID token that came straight from the token
    /// endpoint unchecked (OpenID Connect Core §3.1.3.7 rule 6), and these tokens hold it to checking all the rest.
    pub id_token: bool,
    /// The person who opens the verification page, and who approves if a test names nobody. Default: Alice. A member of
    /// several orgs chooses one on the page.
    pub person: Person,
    /// The parameter that names an org: of a refresh, a token exchange (RFC 8693, for which this opens the token endpoint) and the
    /// device authorization request. Default: none, so that nobody can name one. A refresh that names none is for the org of
    /// the refresh before it, by any client process, as at WorkOS.
    pub org_parameter: Option<String>,
    /// What a scope begins with that names an org, for example `organization:`. Default: none.
    pub org_scope: Option<String>,
    /// How a refresh for an org is refused that the person is no member of. Default: `access_denied`.
    pub org_refusal: &'static str,
    /// Whether the revocation of a refresh token ends all families of its person, as some servers have it, and not its own only.
    /// Default: false.
    pub revocation_ends_account: bool,
    /// The scopes that may be asked for; others are `invalid_scope`. Default: `openid`, `profile`, `email` and
    /// `offline_access`. Empty means that every scope may be asked for and that the metadata lists none.
    pub scopes_supported: Vec<String>,
    /// Whether the metadata names the device authorization endpoint. Default: true. The endpoint answers all the same,
    /// for clients that are configured by hand; so do the next two.
    pub device: bool,
    /// Whether the metadata names the revocation endpoint. Default: true.
    pub revocation: bool,
    /// Whether the metadata names the userinfo endpoint. Default: true.
    pub userinfo: bool,
    /// A false `issuer` for the metadata document, which a client MUST refuse (RFC 8414 §3.3). Default: none. ID tokens
    /// keep the true one.
    pub metadata_issuer: Option<String>,
}

impl Default for Behaviour {
    fn default() -> Self {
        Self {
            clock: Arc::new(SystemClock),
            client_id: "acme-cli".into(),
            client_secret: None,
            requires_pkce: false,
            interval: Some(5),
            enforce_interval: true,
            device_code_lifetime: Duration::from_secs(900),
            verification_uri_complete: true,
            access_token_lifetime: Some(Duration::from_secs(3600)),
            authorization_lifetime: None,
            refresh_token: true,
            rotate: true,
            grace: Duration::ZERO,
            id_token: true,
            person: Person::default(),
            org_parameter: None,
            revocation_ends_account: false,
            org_scope: None,
            org_refusal: "access_denied",
            scopes_supported: ["openid", "profile", "email", "offline_access"].map(String::from).to_vec(),
            device: true,
            revocation: true,
            userinfo: true,
            metadata_issuer: None,
        }
    }
}

impl fmt::Debug for Behaviour {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Behaviour")
            .field("clock", &self.clock)
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret.as_ref().map(|_| "[redacted]"))
            .field("interval", &self.interval)
            .field("enforce_interval", &self.enforce_interval)
            .field("device_code_lifetime", &self.device_code_lifetime)
            .field("access_token_lifetime", &self.access_token_lifetime)
            .field("authorization_lifetime", &self.authorization_lifetime)
            .field("refresh_token", &self.refresh_token)
            .field("rotate", &self.rotate)
            .field("grace", &self.grace)
            .field("id_token", &self.id_token)
            .field("person", &self.person)
            .finish_non_exhaustive()
    }
}

/// Somebody with an account at the authorization server. The default is Alice.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct Person {
    /// The `sub` claim: never reassigned, unique at this issuer (OpenID Connect Core §2).
    pub subject: String,
    /// The `name` claim, given out with the scope `profile`.
    pub name: String,
    /// The `email` claim, given out with the scope `email`.
    pub email: String,
    /// The orgs that the person belongs to, the one of a login that names none first. Default: none.
    pub orgs: Vec<String>,
}

impl Person {
    /// A person by subject, full name and e-mail address.
    pub fn new(subject: &str, name: &str, email: &str) -> Self {
        Self { subject: subject.into(), name: name.into(), email: email.into(), orgs: Vec::new() }
    }

    /// The same person, as a member of these orgs.
    pub fn in_orgs(self, orgs: &[&str]) -> Self {
        Self { orgs: orgs.iter().map(|org| (*org).into()).collect(), ..self }
    }
}

impl Default for Person {
    fn default() -> Self {
        Self::new("alice", "Alice Example", "alice@example.com")
    }
}
