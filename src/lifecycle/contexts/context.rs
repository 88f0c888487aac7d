//! [`Context`]: a named login, as a host sees it.

use std::path::PathBuf;
use std::time::SystemTime;

use super::{ChosenBy, Entry, Index};
use crate::model::ids::{Account, ClientId, ContextName, GrantId, Org, Scopes};
use crate::records::grant_files::{GrantFiles, Marked};
use crate::records::record::Header;

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
    /// The org that its tokens speak for, if one was chosen.
    pub org: Option<Org>,
    /// What was granted at login.
    pub scopes: Scopes,
    /// The place where its key rests, for example `os`.
    pub key_store: String,
    /// Whether it is the default.
    pub is_default: bool,
    /// By which rule it is the one meant here; `None` where another one is, and for a login that has just been made.
    pub chosen_by: Option<ChosenBy>,
    /// The folders whose rule names it.
    pub folders: Vec<PathBuf>,
    /// The grant behind it.
    pub grant: GrantId,
    /// When the person logged in, UTC; `None` where the record cannot be read.
    pub logged_in_at: Option<SystemTime>,
    /// When the access token expires that was fetched last, UTC: of another org or for fewer scopes, if that was asked for last. `None` if
    /// the server does not say or the record cannot be read.
    pub expires_at: Option<SystemTime>,
    /// Whether the login renews its access token by itself: whether it holds a refresh token. `None` where the record cannot be read.
    pub renews: Option<bool>,
    /// When the login ends by itself, UTC, as the server said last; `None` where that is not known. Some servers move it with each
    /// refresh. A login that does not renew ends with its access token.
    pub session_ends_at: Option<SystemTime>,
    /// Why the last refresh brought no token, where it did not.
    pub refresh_failed: Option<String>,
    /// The server's own words about that, if it said any: see [`Error::server_says`].
    pub server_says: Option<String>,
    /// Whether the login has ended with that refresh: only a new login brings tokens.
    pub has_ended: bool,
    /// What of the login is gone, as far as that can be found out without asking a store or a person.
    pub missing: Option<Missing>,
    /// Name, org and mark as they stand in the index.
    pub(crate) marked: Marked,
}

/// A part of a login that is gone. Only a new login helps, or what brings the part back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Missing {
    /// The sealed record, which has the tokens.
    Record,
    /// The key, without which the record does not open.
    Key,
}

impl Context {
    /// The context of `entry`, its files unread.
    pub(crate) fn of(entry: &Entry, index: &Index) -> Self {
        let rules = index.folders.iter().filter(|rule| rule.context == entry.name);
        Self {
            name: entry.name.clone(),
            account: entry.account.clone(),
            client_id: entry.client_id.clone(),
            org: entry.asked.clone().or_else(|| entry.org.clone()),
            scopes: entry.scopes.clone(),
            key_store: entry.key_store.clone(),
            is_default: index.default.as_ref() == Some(&entry.name),
            chosen_by: None,
            folders: rules.map(|rule| rule.folder.clone()).collect(),
            grant: entry.grant.clone(),
            logged_in_at: None,
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

    /// With what its files tell without the key.
    pub(crate) fn with(self, files: GrantFiles<'_>) -> Self {
        let (header, failure) = (files.header(), files.last_failure(self.org.as_ref()));
        Self {
            logged_in_at: header.as_ref().map(|header| header.born),
            expires_at: header.as_ref().and_then(|header| header.expires_at),
            renews: header.as_ref().and_then(|header| header.renews),
            session_ends_at: header.as_ref().and_then(Header::session_ends_at),
            has_ended: failure.as_ref().is_some_and(|failure| failure.has_ended),
            server_says: failure.as_ref().and_then(|failure| failure.server_says.clone()),
            refresh_failed: failure.map(|failure| failure.message),
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
