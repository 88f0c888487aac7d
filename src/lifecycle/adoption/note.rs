//! [`Note`]: what is known of an old login, whether or not a key store answers. It has no secret.

use serde::{Deserialize, Serialize};

use crate::custody::KeyStoreName;
use crate::model::error::{Error, ErrorKind, Result};
use crate::model::ids::GrantId;
use crate::state_dir::StateDir;

/// How far the adoption of one source has come. It lies in the state folder, beside the lock of the adoption.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Note {
    pub(super) state: State,
    /// The grant that is made of the old token, and the key store that has its key.
    pub(super) grant: GrantId,
    pub(super) key_store: KeyStoreName,
    /// The old file as it was read; `None` if there is no file.
    pub(super) file: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum State {
    /// The token may have been sent. It is written before that.
    Begun,
    /// The server has refused the token: it is not sent again by every later call (law 6).
    Refused,
    /// The login is kept, and the token is spent.
    Adopted,
}

impl Note {
    /// Reads a note. One that cannot be read says nothing: somebody has edited it.
    pub(super) fn read(state_dir: &StateDir, name: &str) -> Result<Option<Self>> {
        let bytes = state_dir.root.read(&file_name(name))?;
        Ok(bytes.and_then(|bytes| serde_json::from_slice(&bytes).ok()))
    }

    /// Writes a note, durably.
    pub(super) fn write(&self, state_dir: &StateDir, name: &str) -> Result<()> {
        let unencodable = |error| Error::new(ErrorKind::Custody, "the note cannot be written down").caused_by(error);
        let (name, next) = (file_name(name), format!("{name}.next"));
        state_dir.root.write(&next, &serde_json::to_vec(self).map_err(unencodable)?)?;
        state_dir.root.publish(&next, &name)
    }

    pub(super) fn remove(state_dir: &StateDir, name: &str) {
        // A note that stays is about a file that is not as it was.
        let _ = state_dir.root.remove(&file_name(name));
    }
}

fn file_name(name: &str) -> String {
    format!("{name}.json")
}
