//! Finds out whether a record was restored from a backup, or copied from another machine.

use crate::model::error::{Error, Remedy, Result};
use crate::records::open_grant::OpenGrant;
use crate::records::record::Record;
use crate::state_dir::Lock;
use crate::system::environment::machine_id;

impl OpenGrant<'_> {
    /// Refuses a record that was restored from a backup, as its refresh token is spent, and a record that was copied from another machine,
    /// where its token is in use: sending it would end the login there. The lock's file remembers the newest generation, and the kernel
    /// if there is a cache.
    pub(crate) fn check_not_copied(&self, lock: &Lock, record: &Record) -> Result<()> {
        let files = self.files;
        let newest = lock.read_number().max(files.cache.and_then(|cache| cache.newest(&files.item())));
        if let Some(newest) = newest.filter(|newest| *newest > record.generation) {
            let own = record.generation;
            return Err(self.copied(&format!(
                "it is number {own} and this machine has seen number {newest}, so it was restored from a backup and its refresh \
                 token is spent; nothing was sent"
            )));
        }
        match (&record.machine, self.machine()) {
            (Some(made_on), Some(here)) if *made_on != here => {
                Err(self.copied("the login was made on another machine, and may be in use there; nothing was sent"))
            }
            _ => Ok(()),
        }
    }

    fn copied(&self, why: &str) -> Error {
        self.files.damaged(why).with(Remedy::LogIn { context: None })
    }

    /// Returns the id of this machine, hashed with the grant's key.
    pub(super) fn machine(&self) -> Option<String> {
        machine_id().map(|id| self.key.keyed_hash(&id))
    }
}
