//! [`Account`]: who a grant belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::ids::Issuer;
use crate::model::sanitize::{is_plain, quoted};

/// Who a grant belongs to: an issuer and a subject, with what the issuer says about the person.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "AccountText")]
#[non_exhaustive]
pub struct Account {
    /// The issuer that names the subject.
    pub issuer: Issuer,
    /// The subject (`sub`, OIDC Core §2), unique within the issuer. `None` if the server does not say it.
    pub subject: Option<String>,
    /// The person's name, as the server says it.
    pub name: Option<String>,
    /// The person's e-mail address, as the server says it.
    pub email: Option<String>,
}

impl Account {
    /// Filters name and e-mail address, as they will be shown.
    pub(crate) fn new(issuer: Issuer, subject: Option<String>, name: Option<String>, email: Option<String>) -> Self {
        Self { issuer, subject, name: name.and_then(printable), email: email.and_then(printable) }
    }

    /// Returns what a person recognises best: e-mail address, name, subject.
    pub(crate) fn display_name(&self) -> Option<&str> {
        self.email.as_deref().or(self.name.as_deref()).or(self.subject.as_deref())
    }

    /// Returns whether both are surely the same account. Two accounts without a subject are not.
    pub fn is(&self, other: &Self) -> bool {
        self.subject.is_some() && self.issuer == other.issuer && self.subject == other.subject
    }
}

/// An account in a file, before it is checked.
#[derive(Deserialize)]
struct AccountText {
    issuer: Issuer,
    subject: Option<String>,
    name: Option<String>,
    email: Option<String>,
}

impl TryFrom<AccountText> for Account {
    type Error = &'static str;

    fn try_from(text: AccountText) -> Result<Self, Self::Error> {
        match text.subject.as_deref().is_none_or(is_subject) {
            true => Ok(Self::new(text.issuer, text.subject, text.name, text.email)),
            false => Err("not a subject"),
        }
    }
}

impl fmt::Display for Account {
    /// Writes what a person recognises best: e-mail address, name, subject.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.display_name() {
            Some(text) => f.write_str(text),
            None => f.write_str("an account without a name"),
        }
    }
}

fn printable(text: String) -> Option<String> {
    Some(quoted(&text)).filter(|text| !text.is_empty())
}

/// Returns whether a subject can be an identity. OpenID Connect Core §2: "It MUST NOT exceed 255 ASCII characters in length"; other
/// visible characters are accepted, as subjects are only compared.
pub(crate) fn is_subject(text: &str) -> bool {
    // A subject that nobody can see is no identity.
    (1..=255).contains(&text.chars().count()) && is_plain(text) && !text.trim().is_empty()
}
