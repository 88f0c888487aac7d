//! [`Provenance`]: what a credential is, whose it is, what it is for, and how it came to be.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::model::actor::Actor;
use crate::model::error::{Error, Result};
use crate::model::ids::{EnvironmentName, invalid};
use crate::model::sanitize::is_plain;
use crate::model::setting::Setting;

/// What a credential is, whose it is, what it is for, and how it came to be: for the people who answer for it.
///
/// It is sealed with the record at login. Only the owner can change later.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Provenance {
    /// What the credential is.
    #[serde(default, rename = "credential_kind")]
    pub kind: CredentialKind,
    /// What it is for. A grant has one environment, for all its life.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub environment: Option<EnvironmentName>,
    /// Who answers for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub owner: Option<Owner>,
    /// The template that it was made by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub template: Option<String>,
    /// The ticket that asked for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ticket: Option<String>,
    /// Why it was made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who ran the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub initiator: Option<Actor>,
    /// Who approved it at the server, as the ID token says: a subject.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approver: Option<String>,
}

/// What a credential is. None stands in for another.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum CredentialKind {
    /// The login of a person.
    #[default]
    Person,
    /// A service's own credentials.
    Service,
    /// The identity that a platform gives a workload.
    Workload,
    /// An API key.
    ApiKey,
    /// A token that the environment brought. Nothing of it is stored.
    EnvironmentToken,
}

/// Who answers for a credential: `team:payments`, `person:ada`, `repo:acme/shop`, `service:billing`.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub struct Owner {
    /// What the owner is.
    pub kind: OwnerKind,
    /// Its name: 1 to 100 visible characters.
    pub name: String,
}

/// What an owner is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OwnerKind {
    /// One person.
    Person,
    /// A team.
    Team,
    /// A repository.
    Repo,
    /// A service.
    Service,
}

impl CredentialKind {
    /// Returns the name in JSON output, in `snake_case`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Service => "service",
            Self::Workload => "workload",
            Self::ApiKey => "api_key",
            Self::EnvironmentToken => "environment_token",
        }
    }
}

impl OwnerKind {
    const ALL: [Self; 4] = [Self::Person, Self::Team, Self::Repo, Self::Service];

    /// Returns the word before the colon.
    pub fn name(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Team => "team",
            Self::Repo => "repo",
            Self::Service => "service",
        }
    }
}

impl FromStr for Owner {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let parts = text.split_once(':').and_then(|(kind, name)| {
            let kind = OwnerKind::ALL.into_iter().find(|one| one.name() == kind)?;
            let fits = (1..=100).contains(&name.chars().count()) && is_plain(name) && name.trim() == name;
            fits.then(|| Self { kind, name: name.to_owned() })
        });
        let expected = "person:, team:, repo: or service: and a name, such as team:payments";
        parts.ok_or_else(|| invalid(Setting::Owner, "owner", text, expected))
    }
}

impl fmt::Display for Owner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.kind.name(), self.name)
    }
}

impl TryFrom<&str> for Owner {
    type Error = Error;

    fn try_from(text: &str) -> Result<Self> {
        text.parse()
    }
}

impl Serialize for Owner {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// It is written as text, and parsed again when read.
impl<'de> Deserialize<'de> for Owner {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}
