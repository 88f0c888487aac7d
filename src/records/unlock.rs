//! [`GrantFiles::unlock`]: reads a grant's key from its key store, or from the kernel's copy.

use crate::custody::sealing_key::SealingKey;
use crate::custody::{KeptUntil, KernelCache, KeyStore};
use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::records::grant_files::GrantFiles;
use crate::records::open_grant::OpenGrant;
use crate::records::record::Record;

impl<'a> GrantFiles<'a> {
    /// Returns the grant and its record if the key is available without asking anybody: from a key store that answers at once, else from
    /// the kernel's copy. Returns `None` if the key store has to be asked.
    pub(crate) fn open_at_once(self, key_store: &dyn KeyStore) -> Option<(OpenGrant<'a>, Record)> {
        let key = match key_store.answers_at_once() {
            true => key_store.load(&self.item()).ok()??,
            false => self.cache?.key(&self.item())?,
        };
        let grant = OpenGrant { files: self, key: SealingKey::from_text(&key)? };
        // Anybody may have put a copy there: it counts only if it opens the record.
        let record = grant.read().ok()?;
        Some((grant, record))
    }

    /// Reads the key from the kernel if a copy is there, else from its key store. Returns an error if the key store is locked, unavailable
    /// or slow. If the key store has no key, the record can never be opened again, and the error says so.
    pub(crate) fn unlock(self, key_store: &dyn KeyStore) -> Result<OpenGrant<'a>> {
        if let Some(key) = self.cached_key() {
            return Ok(OpenGrant { files: self, key });
        }
        let grant = self.unlock_from_key_store(key_store)?;
        self.cache_key(key_store, &grant.key);
        Ok(grant)
    }

    /// Reads the key from its key store, whatever copy the kernel has, and keeps no copy there.
    pub(crate) fn unlock_from_key_store(self, key_store: &dyn KeyStore) -> Result<OpenGrant<'a>> {
        let loaded = key_store.load(&self.item()).map_err(|error| error.into_load_error(&key_store.name()))?;
        let text = loaded.ok_or_else(|| key_lost(key_store, "is no longer in"))?;
        let key = SealingKey::from_text(&text).ok_or_else(|| key_lost(key_store, "was overwritten in"))?;
        Ok(OpenGrant { files: self, key })
    }

    fn cached_key(self) -> Option<SealingKey> {
        let key = SealingKey::from_text(&self.cache?.key(&self.item())?)?;
        // Anybody may have put a copy there: it counts only if it is this record's key.
        self.header().filter(|header| header.is_sealed_with(&key)).map(|_| key)
    }

    fn cache_key(self, key_store: &dyn KeyStore, key: &SealingKey) {
        // A key store that forgets by itself does so on purpose, and one that answers at once needs no copy.
        let wants_a_copy = key_store.protection().lasts == KeptUntil::Erased && !key_store.answers_at_once();
        let Some(cache) = self.cache.filter(|_| wants_a_copy) else { return };
        cache.keep(&self.item(), &key.to_text());
        if !self.is_there() {
            // Another process logged out at the same time.
            KernelCache::forget(&self.item());
        }
    }
}

fn key_lost(key_store: &dyn KeyStore, why: &str) -> Error {
    let (store, lasts) = (key_store.name().describe(), key_store.protection().lasts);
    if lasts == KeptUntil::SessionEnd {
        // Each login session has its own keyring, and does not see the others.
        let message =
            format!("the key of this login is not in {store}: it was made in another one, which may have ended");
        return Error::new(ErrorKind::Custody, message).with(Remedy::StartSession);
    }
    let until = if lasts == KeptUntil::Erased { String::new() } else { format!(" (which keeps keys {lasts})") };
    let message = format!("the key of this login {why} {store}{until}, and the login is lost with it");
    Error::new(ErrorKind::Custody, message).with(Remedy::LogIn { context: None })
}
