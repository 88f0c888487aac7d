//! An old version of the tool, with a token file of its own.

use std::fs;
use std::path::PathBuf;

use hallpass::adoption::{Adoption, OldTokens};
use hallpass::prompt::{Prompt, Silent};
use hallpass::testing::{Endpoint, Person};
use serde_json::{Value, json};

use crate::support::rig::Rig;
use crate::testing::raw::{self, Reply};

pub(super) struct OldTool {
    pub path: PathBuf,
    pub refresh_token: String,
    pub access_token: String,
}

impl OldTool {
    /// A server, and an old version that Alice has logged in with.
    pub(super) fn with_a_login() -> (Rig, Self) {
        Self::with_a_login_at(Rig::new())
    }

    pub(super) fn with_a_login_at(rig: Rig) -> (Rig, Self) {
        let mut old = Self::new(&rig);
        let tokens = raw::login_as(&rig.server, &Person::default()).unwrap();
        rig.server.clear_requests();
        old.write(&tokens);
        (old.refresh_token, old.access_token) = (tokens.json("refresh_token"), tokens.json("access_token"));
        (rig, old)
    }

    /// An old version without a file.
    pub(super) fn new(rig: &Rig) -> Self {
        let path = rig.folder.path().join("old.json");
        Self { path, refresh_token: String::new(), access_token: String::new() }
    }

    pub(super) fn write(&self, tokens: &Reply) {
        let file = json!({"refresh_token": tokens.json("refresh_token"), "theme": "dark"});
        fs::write(&self.path, file.to_string()).unwrap();
    }

    pub(super) fn content(&self) -> String {
        fs::read_to_string(&self.path).unwrap()
    }

    pub(super) fn adoption(&self) -> Adoption {
        self.adoption_with(Silent)
    }

    pub(super) fn adoption_with(&self, prompt: impl Prompt + 'static) -> Adoption {
        Adoption::of_file(prompt, &self.path, read, without_tokens)
    }
}

/// How many refreshes the server was asked for.
pub(super) fn refreshes(rig: &Rig) -> usize {
    let requests = rig.server.requests_to(Endpoint::Token);
    requests.iter().filter(|seen| seen.parameter("grant_type") == Some("refresh_token")).count()
}

pub(super) fn read(bytes: &[u8]) -> Result<Option<OldTokens>, Box<dyn std::error::Error + Send + Sync>> {
    let file: Value = serde_json::from_slice(bytes)?;
    Ok(file["refresh_token"].as_str().map(|token| OldTokens::new().refresh_token(token)))
}

pub(super) fn without_tokens(bytes: &[u8]) -> Vec<u8> {
    let mut file: Value = serde_json::from_slice(bytes).unwrap();
    file.as_object_mut().unwrap().remove("refresh_token");
    file.to_string().into_bytes()
}
