//! [`FileKeyStore`]: keys in files that a key file opens. The key file is our own in the state folder (0600), or a credential that systemd
//! provides to a service (systemd.exec(5), `LoadCredential=`, `LoadCredentialEncrypted=`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::wrapped_key::{Files, WrappedBy, refused};
use super::{Item, KeptUntil, KeyStore, KeyStoreError, KeyStoreName, Protection};
use crate::custody::sealing_key::SealingKey;
use crate::model::error::Remedy;
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;
use crate::state_dir::{StateDir, read_credential};

/// A key store of files in a state folder, which a key file opens.
#[derive(Debug)]
pub struct FileKeyStore {
    files: Files,
    credential: Option<PathBuf>,
}

/// The key file in the state folder.
const FILE: &str = "key";

/// The new name of a key file that sealed no login here; a number follows if the name is taken.
pub(crate) const UNUSED_KEY_FILE: &str = "key.unused";

/// How long another process may take to create the key file.
const LOCK_TIMEOUT: Duration = Duration::from_secs(5);

impl FileKeyStore {
    /// Keeps files in `state_dir`. `credential` is the path of systemd's credential (`$CREDENTIALS_DIRECTORY/<app>.key`). If that file
    /// exists, it seals the keys of new logins, and not our own key file.
    pub fn new(state_dir: PathBuf, credential: Option<PathBuf>) -> Self {
        Self { files: Files { state_dir, store: KeyStoreName::KeyFile }, credential }
    }

    fn credential(&self) -> Result<Option<SealingKey>, KeyStoreError> {
        let Some(path) = &self.credential else { return Ok(None) };
        let Some(bytes) = read_credential(path).map_err(refused)? else { return Ok(None) };
        SealingKey::from_base64(&bytes).map(Some).ok_or_else(|| KeyStoreError::Refused {
            why: format!("{} is no key, which is 32 bytes in base64", path.display()),
            remedy: Remedy::CorrectCredential { credential: file_name(path) },
        })
    }

    fn own(&self) -> Result<Option<SealingKey>, KeyStoreError> {
        let Some(state_dir) = StateDir::open(&self.files.state_dir).map_err(refused)? else { return Ok(None) };
        let Some(bytes) = state_dir.root.read_private(FILE).map_err(refused)? else { return Ok(None) };
        let path = state_dir.root.path_of(FILE);
        SealingKey::from_base64(&bytes).map(Some).ok_or_else(|| KeyStoreError::Refused {
            why: format!("the key file {} is damaged; a key is 32 bytes in base64", path.display()),
            remedy: Remedy::SetAside { path },
        })
    }

    /// Seals a new login's key with the key file in the state folder. One process creates that file, under a lock that it holds until
    /// something is sealed with it: a key file that has sealed nothing is not ours.
    fn seal(&self, item: &Item<'_>, key: &Secret) -> Result<(), KeyStoreError> {
        let state_dir = StateDir::create(&self.files.state_dir).map_err(refused)?;
        let locked = state_dir.root.lock("key.lock", LOCK_TIMEOUT).map_err(refused)?;
        let _locked = locked.ok_or_else(|| refused(state_dir.root.still_locked("key.lock", LOCK_TIMEOUT, None)))?;
        let own = match self.own()? {
            Some(own) if self.files.has_sealed(&own)? => own,
            // Somebody put it there before the first login, and knows it.
            Some(_) => {
                state_dir.root.publish(FILE, &free_name(&state_dir)?).map_err(refused)?;
                self.create(&state_dir)?
            }
            None => self.create(&state_dir)?,
        };
        self.files.write(item, WrappedBy::File, &own, key)
    }

    fn create(&self, state_dir: &StateDir) -> Result<SealingKey, KeyStoreError> {
        let key = SealingKey::random().map_err(refused)?;
        let written = state_dir.root.write("key.new", key.to_base64().expose().as_bytes());
        written.and_then(|()| state_dir.root.publish("key.new", FILE)).map_err(refused)?;
        Ok(key)
    }
}

impl KeyStore for FileKeyStore {
    fn name(&self) -> KeyStoreName {
        self.files.store.clone()
    }

    fn protection(&self) -> Protection {
        Protection::new(KeptUntil::Erased, "whoever reads the state folder and the key file")
    }

    /// Checks that an existing credential or key file is valid.
    fn probe(&self) -> Result<(), KeyStoreError> {
        match self.credential()? {
            Some(_) => Ok(()),
            None => self.own().map(drop),
        }
    }

    /// Refuses a login if systemd provides credentials to the service, but not this one: its name
    /// is misspelt. Our own key file instead would lie beside the files that it opens, and nobody
    /// would notice.
    fn prepare(&self, _app: &AppName) -> Result<(), KeyStoreError> {
        match &self.credential {
            Some(path) if self.credential()?.is_none() => Err(KeyStoreError::Refused {
                why: format!("systemd hands over credentials, and {} is none of them", path.display()),
                remedy: Remedy::RunAsService { credential: file_name(path) },
            }),
            _ => self.probe(),
        }
    }

    fn store(&self, item: &Item<'_>, _label: &str, key: &Secret) -> Result<(), KeyStoreError> {
        match self.credential()? {
            Some(credential) => self.files.write(item, WrappedBy::Credential, &credential, key),
            None => self.seal(item, key),
        }
    }

    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, KeyStoreError> {
        let Some(wrapped) = self.files.read(item)? else { return Ok(None) };
        let credential = format!("{}.key", item.app);
        let (name, wrapping_key, remedy) = match wrapped.wrapped_by {
            // Another service may have another credential of the same name.
            WrappedBy::Credential => {
                (format!("systemd's credential {credential}"), self.credential()?, Remedy::RunAsService { credential })
            }
            // The file may come back: its disk is not mounted, or somebody has moved it.
            _ => {
                let path = self.files.state_dir.join(FILE);
                (format!("the key file {}", path.display()), self.own()?, Remedy::SetAside { path })
            }
        };
        let Some(wrapping_key) = wrapping_key else {
            return Err(KeyStoreError::Refused { why: format!("{name} that opens it is not there"), remedy });
        };
        match wrapped.open(&wrapping_key)? {
            Some(key) => Ok(Some(key)),
            None => {
                Err(KeyStoreError::Refused { why: format!("{name} is another than the one that sealed it"), remedy })
            }
        }
    }

    fn answers_at_once(&self) -> bool {
        true
    }

    fn is_in_state_folder(&self) -> bool {
        true
    }

    fn erase(&self, item: &Item<'_>) -> Result<bool, KeyStoreError> {
        self.files.remove(item)
    }

    fn list(&self, app: &AppName) -> Result<Option<Vec<GrantId>>, KeyStoreError> {
        self.files.list(app)
    }
}

fn free_name(state_dir: &StateDir) -> Result<String, KeyStoreError> {
    let taken = state_dir.root.names().map_err(refused)?;
    let numbered = (2..).map(|n| format!("{UNUSED_KEY_FILE}-{n}"));
    let free = std::iter::once(UNUSED_KEY_FILE.to_owned()).chain(numbered).find(|name| !taken.contains(name));
    Ok(free.unwrap_or_else(|| UNUSED_KEY_FILE.to_owned()))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
