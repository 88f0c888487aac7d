//! [`Account`]: who a grant belongs to.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::model::ids::Issuer;
use crate::model::sanitize::{is_plain, quoted};

/// Who a grant belongs to: an issuer and the subject it names, with what the issuer says about the person.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "AccountText")]
#[non_exhaustive]
pub struct Account {
    /// Who vouches for the subject.
    pub issuer: Issuer,
    /// The subject (`sub`, OIDC Core §2), unique within the issuer. `None` where the server has no way to tell.
    pub subject: Option<String>,
    /// The person's name, as the server has it.
    pub name: Option<String>,
    /// The person's e-mail address, as the server has it.
    pub email: Option<String>,
}

impl Account {
    /// Name and e-mail address are for the eye: they are kept as they may be shown.
    pub(crate) fn new(issuer: Issuer, subject: Option<String>, name: Option<String>, email: Option<String>) -> Self {
        let shown = |text: Option<String>| text.map(|text| quoted(&text)).filter(|text| !text.is_empty());
        Self { issuer, subject, name: shown(name), email: shown(email) }
    }

    /// The best there is for a person to recognise.
    pub(crate) fn known_as(&self) -> Option<&str> {
        self.email.as_deref().or(self.name.as_deref()).or(self.subject.as_deref())
    }

    /// Whether both are surely the same account. Two unnamed accounts are not.
    pub fn is(&self, other: &Self) -> bool {
        self.subject.is_some() && self.issuer == other.issuer && self.subject == other.subject
    }
}

/// An account as a file has it, before it is believed.
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
    /// The best there is for a person to recognise: e-mail address, name, subject.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.known_as() {
            Some(text) => f.write_str(text),
            None => f.write_str("an account without a name"),
        }
    }
}

/// Whether a subject can be an identity. OpenID Connect Core §2: "It MUST NOT exceed 255 ASCII characters in length"; other
/// visible characters are let pass, as they are compared and not obeyed.
pub(crate) fn is_subject(text: &str) -> bool {
    // One that nobody can see is nobody.
    (1..=255).contains(&text.chars().count()) && is_plain(text) && !text.trim().is_empty()
}
