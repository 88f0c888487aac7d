//! [`Context`]: a named login, as a host sees it.

use std::path::PathBuf;
use std::time::SystemTime;

use super::{ChosenBy, Entry, Index};
use crate::custody::KeyStoreName;
use crate::model::account::Account;
use crate::model::ids::{ClientId, ContextName, EnvironmentName, GrantId, Org};
use crate::model::provenance::Provenance;
use crate::model::scopes::Scopes;
use crate::records::grant_files::{GrantFiles, NameProof};
use crate::records::header::Header;

/// A named (grant, org): what a person switches between.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Context {
    /// Its name.
    pub name: ContextName,
    /// Whose login it is.
    pub account: Account,
    /// The client that logged in.
    pub client_id: ClientId,
    /// The org that its tokens are for, if one was chosen.
    pub org: Option<Org>,
    /// The scopes that were granted at login.
    pub scopes: Scopes,
    /// The key store that holds its key.
    pub key_store: KeyStoreName,
    /// Whether it is the default of its issuer and client.
    pub is_default: bool,
    /// The rule that selects it here; `None` if another context is selected, and for a login that was just made.
    pub chosen_by: Option<ChosenBy>,
    /// The folders whose rules select it.
    pub folders: Vec<PathBuf>,
    /// The grant behind it.
    pub grant: GrantId,
    /// When the login ends whatever is refreshed.
    pub(crate) fixed_end: Option<SystemTime>,
    /// The generation of the record, as its header says it.
    pub(crate) generation: Option<u64>,
    /// What the login is for.
    pub environment: Option<EnvironmentName>,
    /// What the credential is, whose, and how it came to be; `None` if the record cannot be read.
    pub provenance: Option<Provenance>,
    /// When the person logged in, UTC; `None` if the record cannot be read.
    pub logged_in_at: Option<SystemTime>,
    /// When the login was last refreshed, UTC, or made; `None` if the record cannot be read.
    pub refreshed_at: Option<SystemTime>,
    /// When a token of it was last used, UTC, give or take an hour.
    pub last_used_at: Option<SystemTime>,
    /// When the newest access token expires, UTC; the newest one may be for another org or for fewer scopes. `None` if the server does
    /// not say, or if the record cannot be read.
    pub expires_at: Option<SystemTime>,
    /// Whether the login has a refresh token, and so renews its access token by itself. `None` if the record cannot be read.
    pub renews: Option<bool>,
    /// When the login ends by itself, UTC, as the server last said; `None` if that is unknown. Some servers move it with each refresh.
    /// A login that does not renew ends with its access token.
    pub session_ends_at: Option<SystemTime>,
    /// Why the last refresh failed, if it did.
    pub refresh_failed: Option<String>,
    /// What the server said about that failure, if anything: see [`Error::server_says`](crate::Error::server_says).
    pub server_says: Option<String>,
    /// Whether that failure ended the login: only a new login gives tokens.
    pub has_ended: bool,
    /// Which part of the login is gone, as far as that is known without asking a slow key store or a person.
    pub missing: Option<Missing>,
    /// The name, the org and the mark, as the index has them.
    pub(crate) marked: NameProof,
}

/// A part of a login that is gone. The login works again if the part comes back; otherwise only a new login helps.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The sealed record, which holds the tokens.
    Record,
    /// The key, without which the record does not open.
    Key,
}

impl Context {
    /// Returns the context of `entry`, without what its files say.
    pub(crate) fn of(entry: &Entry, index: &Index) -> Self {
        let rules = index.folders.iter().filter(|rule| rule.context == entry.name);
        Self {
            name: entry.name.clone(),
            account: entry.account.clone(),
            client_id: entry.client_id.clone(),
            org: entry.asked.clone().or_else(|| entry.org.clone()),
            scopes: entry.scopes.clone(),
            key_store: entry.key_store.clone(),
            is_default: index.is_default(&entry.name),
            chosen_by: None,
            folders: rules.map(|rule| rule.folder.clone()).collect(),
            grant: entry.grant.clone(),
            environment: entry.environment.clone(),
            fixed_end: None,
            generation: None,
            provenance: None,
            logged_in_at: None,
            refreshed_at: None,
            last_used_at: None,
            expires_at: None,
            renews: None,
            session_ends_at: None,
            refresh_failed: None,
            server_says: None,
            has_ended: false,
            missing: None,
            marked: entry.marked(),
        }
    }

    /// Adds what its files say without the key.
    pub(crate) fn with(self, files: GrantFiles<'_>) -> Self {
        let (header, failure) = (files.header(), files.last_failure(self.org.as_ref()));
        Self {
            logged_in_at: header.as_ref().map(|header| header.born),
            refreshed_at: header.as_ref().map(|header| header.rotated),
            last_used_at: files.last_used(),
            expires_at: header.as_ref().and_then(|header| header.expires_at),
            renews: header.as_ref().and_then(|header| header.renews),
            session_ends_at: header.as_ref().and_then(Header::session_ends_at),
            has_ended: failure.as_ref().is_some_and(|failure| failure.has_ended),
            server_says: failure.as_ref().and_then(|failure| failure.server_says.clone()),
            refresh_failed: failure.map(|failure| failure.message),
            fixed_end: header.as_ref().and_then(|header| header.ends_at),
            generation: header.as_ref().map(|header| header.generation),
            provenance: header.map(|header| header.provenance),
            ..self
        }
    }
}

impl Missing {
    /// Returns the name in JSON output, in lower case.
    pub fn name(self) -> &'static str {
        match self {
            Self::Record => "record",
            Self::Key => "key",
        }
    }
}
