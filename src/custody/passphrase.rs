//! [`PassphraseKeyStore`]: keys in files that only a passphrase opens, by Argon2id (RFC 9106).

use std::io::ErrorKind as Io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use argon2::{Algorithm, Argon2, Params, Version};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

use super::wrapped_key::{Files, WrappedBy, refused};
use super::{Item, KeptUntil, KeyStore, KeyStoreError, KeyStoreName, Protection};
use crate::custody::sealing_key::SealingKey;
use crate::model::error::Remedy;
use crate::model::ids::{AppName, GrantId, no_randomness};
use crate::model::secret::Secret;
use crate::model::setting::Setting;
use crate::prompt::passphrase::{AskPassphrase, MIN_LENGTH, Purpose, Question, is_long_enough};

/// A key store of files in a state folder, which only the person's passphrase opens.
#[derive(Debug)]
pub struct PassphraseKeyStore {
    files: Files,
    asker: Arc<dyn AskPassphrase>,
    /// The passphrase that the person chose for new keys.
    chosen: Mutex<Option<Secret>>,
}

/// RFC 9106 §4, the second recommended option: "m=2^(16) (64 MiB of RAM), 4 lanes, t=3 iterations, 128-bit salt, and 256-bit tag".
const MEMORY_KIB: u32 = 1 << 16;
const PASSES: u32 = 3;
const LANES: u32 = 4;
const SALT: usize = 16;

/// The costs that a file may ask for: the costs of this version, or one step more. The author of a file must not exhaust memory or time,
/// nor make a passphrase cheaper to try.
const MEMORY_ALLOWED: [u32; 2] = [MEMORY_KIB, 2 * MEMORY_KIB];
const PASSES_ALLOWED: [u32; 2] = [PASSES, PASSES + 1];

/// How many times a person may type the passphrase.
const MAX_TRIES: usize = 3;

impl PassphraseKeyStore {
    /// Keeps files in `state_dir`. `asker` provides the passphrase.
    pub fn new(state_dir: PathBuf, asker: Arc<dyn AskPassphrase>) -> Self {
        Self { files: Files { state_dir, store: KeyStoreName::Passphrase }, asker, chosen: Mutex::default() }
    }

    fn ask(&self, app: &AppName, purpose: Purpose) -> Result<Secret, KeyStoreError> {
        let answer = self.asker.ask(&Question { app: app.clone(), purpose });
        answer.map_err(|error| match error.kind() {
            Io::NotFound => KeyStoreError::Refused {
                why: "it needs a passphrase, and there is nobody to ask".into(),
                remedy: Remedy::GivePassphrase,
            },
            // The asker says where the passphrase came from.
            Io::PermissionDenied if error.get_ref().is_some() => wrong(error.to_string()),
            Io::PermissionDenied => wrong(WRONG.into()),
            Io::Interrupted => KeyStoreError::Cancelled,
            kind => KeyStoreError::Refused {
                why: format!("no passphrase could be had ({error})"),
                remedy: match kind {
                    Io::InvalidInput => Remedy::FixConfig { setting: Setting::PassphraseFd },
                    _ => Remedy::GivePassphrase,
                },
            },
        })
    }

    fn chosen(&self) -> Option<Secret> {
        self.chosen.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(Secret::copy)
    }

    fn choose(&self, app: &AppName) -> Result<Secret, KeyStoreError> {
        let secret = self.ask(app, Purpose::Choose)?;
        match is_long_enough(&secret) {
            true => Ok(secret),
            false => Err(KeyStoreError::Refused {
                why: format!("a passphrase takes at least {MIN_LENGTH} characters"),
                remedy: Remedy::ChoosePassphrase { at_least: MIN_LENGTH },
            }),
        }
    }
}

impl KeyStore for PassphraseKeyStore {
    fn name(&self) -> KeyStoreName {
        self.files.store.clone()
    }

    fn protection(&self) -> Protection {
        Protection::new(KeptUntil::Erased, "whoever has the state folder and the passphrase")
    }

    fn probe(&self) -> Result<(), KeyStoreError> {
        Ok(())
    }

    fn prepare(&self, app: &AppName) -> Result<(), KeyStoreError> {
        let chosen = self.choose(app)?;
        *self.chosen.lock().unwrap_or_else(PoisonError::into_inner) = Some(chosen);
        Ok(())
    }

    fn store(&self, item: &Item<'_>, _label: &str, key: &Secret) -> Result<(), KeyStoreError> {
        let passphrase = self.chosen().map_or_else(|| self.choose(item.app), Ok)?;
        let mut salt = [0; SALT];
        getrandom::fill(&mut salt).map_err(no_randomness).map_err(refused)?;
        let salt = URL_SAFE_NO_PAD.encode(salt);
        let wrapped_by = WrappedBy::Argon2id { memory_kib: MEMORY_KIB, passes: PASSES, lanes: LANES, salt };
        self.files.write(item, wrapped_by.clone(), &derive(&wrapped_by, &passphrase)?, key)
    }

    fn load(&self, item: &Item<'_>) -> Result<Option<Secret>, KeyStoreError> {
        let Some(wrapped) = self.files.read(item)? else { return Ok(None) };
        // A person who has just chosen a passphrase is not asked for it again.
        if let Some(passphrase) = self.chosen()
            && let Some(key) = wrapped.open(&derive(&wrapped.wrapped_by, &passphrase)?)?
        {
            return Ok(Some(key));
        }
        let mut purpose = Purpose::Open;
        for _ in 0..MAX_TRIES {
            let passphrase = self.ask(item.app, purpose)?;
            if let Some(key) = wrapped.open(&derive(&wrapped.wrapped_by, &passphrase)?)? {
                return Ok(Some(key));
            }
            purpose = Purpose::OpenAgain;
        }
        Err(wrong(WRONG.into()))
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

fn derive(wrapped_by: &WrappedBy, passphrase: &Secret) -> Result<SealingKey, KeyStoreError> {
    let WrappedBy::Argon2id { memory_kib, passes, lanes, salt } = wrapped_by else { return Err(unsupported()) };
    if !MEMORY_ALLOWED.contains(memory_kib) || !PASSES_ALLOWED.contains(passes) || *lanes != LANES {
        return Err(unsupported());
    }
    let params = Params::new(*memory_kib, *passes, *lanes, Some(32)).map_err(|_| unsupported())?;
    let salt = URL_SAFE_NO_PAD.decode(salt).map_err(|_| unsupported())?;
    let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params);
    let derived = SealingKey::filled(|key| argon2.hash_password_into(passphrase.expose().as_bytes(), &salt, key));
    derived.map_err(|error| match error {
        argon2::Error::OutOfMemory => KeyStoreError::Failed(format!("it takes {} MiB of memory", memory_kib >> 10)),
        _ => unsupported(),
    })
}

fn unsupported() -> KeyStoreError {
    KeyStoreError::Refused {
        why: "its file asks for a way to the key that this program does not go".into(),
        remedy: Remedy::Upgrade,
    }
}

const WRONG: &str = "the passphrase is wrong";

fn wrong(why: String) -> KeyStoreError {
    KeyStoreError::Refused { why, remedy: Remedy::CorrectPassphrase }
}
