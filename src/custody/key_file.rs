//! Keys that a key file opens: one of ours in the state folder (0600), or a credential that systemd hands to a service
//! (systemd.exec(5), `LoadCredential=`, `LoadCredentialEncrypted=`).

use std::path::{Path, PathBuf};
use std::time::Duration;

use super::wrapped_key::{Files, Way, refused};
use super::{Custody, CustodyError, Item, Posture, Until};
use crate::custody::sealing_key::SealingKey;
use crate::model::error::Remedy;
use crate::model::ids::{AppName, GrantId};
use crate::model::secret::Secret;
use crate::state_dir::{Home, read_credential};

/// A custody of files below a state folder, which a key file opens.
#[derive(Debug)]
pub struct KeyFile {
    files: Files,
    credential: Option<PathBuf>,
}

/// The key file in the home.
const FILE: &str = "key";

/// The name of a key file that sealed no login here; a number follows where there is one already.
pub(crate) const SET_ASIDE: &str = "key.unused";

/// How long another process may take to make it.
const PATIENCE: Duration = Duration::from_secs(5);

impl KeyFile {
    /// Files below the state folder `home`. `credential` is where systemd hands one over (`$CREDENTIALS_DIRECTORY/<app>.key`): where it is
    /// there, new logins are opened by that and not by a file of ours.
    pub fn new(home: PathBuf, credential: Option<PathBuf>) -> Self {
        Self { files: Files { home, place: "keyfile" }, credential }
    }

    fn credential(&self) -> Result<Option<SealingKey>, CustodyError> {
        let Some(path) = &self.credential else { return Ok(None) };
        let Some(bytes) = read_credential(path).map_err(refused)? else { return Ok(None) };
        SealingKey::from_base64(&bytes).map(Some).ok_or_else(|| CustodyError::Refused {
            why: format!("{} is no key, which is 32 bytes in base64", path.display()),
            remedy: Remedy::CorrectCredential { credential: file_name(path) },
        })
    }

    fn own(&self) -> Result<Option<SealingKey>, CustodyError> {
        let Some(home) = Home::open(&self.files.home).map_err(refused)? else { return Ok(None) };
        let Some(bytes) = home.root.read_private(FILE).map_err(refused)? else { return Ok(None) };
        let path = home.root.path_of(FILE);
        SealingKey::from_base64(&bytes).map(Some).ok_or_else(|| CustodyError::Refused {
            why: format!("the key file {} is damaged; a key is 32 bytes in base64", path.display()),
            remedy: Remedy::SetAside { path },
        })
    }

    /// Seals a new login's key with the key file in the home. That is made by one process, under a lock, which is held until something
    /// is sealed with it: one that has sealed nothing is not ours.
    fn seal(&self, item: &Item<'_>, key: &Secret) -> Result<(), CustodyError> {
        let home = Home::create(&self.files.home).map_err(refused)?;
        let locked = home.root.lock("key.lock", PATIENCE).map_err(refused)?;
        let _locked = locked.ok_or_else(|| refused(home.root.still_locked("key.lock", PATIENCE, None)))?;
        let own = match self.own()? {
            Some(own) if self.files.has_sealed(&own)? => own,
            // It was there before the first login, and whoever put it there knows it.
            Some(_) => {
                home.root.publish(FILE, &free_name(&home)?).map_err(refused)?;
                self.make(&home)?
            }
            None => self.make(&home)?,
        };
        self.files.write(item, Way::File, &own, key)
    }

    fn make(&self, home: &Home) -> Result<SealingKey, CustodyError> {
        let key = SealingKey::random().map_err(refused)?;
        let written = home.root.write("key.new", key.to_base64().expose().as_bytes());
        written.and_then(|()| home.root.publish("key.new", FILE)).map_err(refused)?;
        Ok(key)
    }
}

impl Custody for KeyFile {
    fn name(&self) -> &str {
        self.files.place
    }

    fn posture(&self) -> Posture {
        Posture::new(Until::Erased, "whoever reads the state folder and the key file")
    }

    /// A key file that is there has to be one.
    fn probe(&self) -> Result<(), CustodyError> {
        match self.credential()? {
            Some(_) => Ok(()),
            None => self.own().map(drop),
        }
    }

    /// A service to which the system hands credentials, and not this one, has it misspelt: a file in the state folder in its place would
    /// lie beside what it opens, and nobody would know.
    fn prepare(&self, _app: &AppName) -> Result<(), CustodyError> {
        match &self.credential {
            Some(path) if self.credential()?.is_none() => Err(CustodyError::Refused {
                why: format!("systemd hands over credentials, and {} is none of them", path.display()),
                remedy: Remedy::RunAsService { credential: file_name(path) },
            }),
            _ => self.probe(),
        }
    }

    fn store(&self, item: &Item<'_>, _label: &str, key: &Secret) -> Result<(), CustodyError> {
        match self.credential()? {
            Some(credential) => self.files.write(item, Way::Credential, &credential, key),
            None => self.seal(item, key),
        }
    }

    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, CustodyError> {
        let Some(slip) = self.files.read(item)? else { return Ok(None) };
        let credential = format!("{}.key", item.app);
        let (name, other, remedy) = match slip.way {
            // Another service may have another one of the same name.
            Way::Credential => {
                (format!("systemd's credential {credential}"), self.credential()?, Remedy::RunAsService { credential })
            }
            // It may come back: a disk that is not there, a file that somebody has moved.
            _ => {
                let path = self.files.home.join(FILE);
                (format!("the key file {}", path.display()), self.own()?, Remedy::SetAside { path })
            }
        };
        let Some(other) = other else {
            return Err(CustodyError::Refused { why: format!("{name} that opens it is not there"), remedy });
        };
        let why = || format!("{name} is another than the one that sealed it");
        let key = slip.open(&other)?;
        key.map(Some).ok_or_else(|| CustodyError::Refused { why: why(), remedy })
    }

    fn answers_at_once(&self) -> bool {
        true
    }

    fn is_in_state_folder(&self) -> bool {
        true
    }

    fn erase(&self, item: &Item<'_>) -> Result<bool, CustodyError> {
        self.files.remove(item)
    }

    fn list(&self, app: &AppName) -> Result<Option<Vec<GrantId>>, CustodyError> {
        self.files.list(app)
    }
}

fn free_name(home: &Home) -> Result<String, CustodyError> {
    let there = home.root.names().map_err(refused)?;
    let numbered = (2..).map(|n| format!("{SET_ASIDE}-{n}"));
    let free = std::iter::once(SET_ASIDE.to_owned()).chain(numbered).find(|name| !there.contains(name));
    Ok(free.unwrap_or_else(|| SET_ASIDE.to_owned()))
}

fn file_name(path: &Path) -> String {
    path.file_name().unwrap_or_default().to_string_lossy().into_owned()
}
