//! What [`Auth`] answers to the people who answer for credentials.

use crate::auth::Auth;
use crate::governance::trail::read::{Cursor, LoggedEvent};
use crate::governance::trail::verify::TrailReport;
use crate::job::Job;
use crate::lifecycle::audit;
use crate::lifecycle::contexts::Context;
use crate::lifecycle::inventory::{self, InventoryItem};
use crate::lifecycle::owner;
use crate::model::error::Result;
use crate::model::ids::ContextName;
use crate::model::provenance::Owner;

impl Auth {
    /// Returns every login on this machine: whose it is, how old it is, how often it was used, and what should be done about it. Asks no key store and no
    /// server.
    ///
    /// # Errors
    /// `Custody` if the index cannot be read.
    pub fn inventory(&self) -> Result<Vec<InventoryItem>> {
        inventory::inventory(self.app())
    }

    /// Changes who answers for a login, and tells the trail. The contexts for other orgs of the same login change with it.
    ///
    /// # Errors
    /// `NotLoggedIn` and `NoSuchContext`; `Custody` if the login's key cannot be read or its record cannot be written; `Interrupted` if a
    /// refresh of it was interrupted: then a refresh comes first.
    pub fn change_owner(&self, context: &ContextName, owner: &Owner) -> Job<Context> {
        let (name, owner) = (context.clone(), owner.clone());
        self.spawn(move |app| owner::change(app, &name, &owner))
    }

    /// Returns the events of the trail behind `since`, the oldest first; all without `since`. An event may be read twice, after the trail was
    /// changed by somebody, and never less than once.
    ///
    /// ```no_run
    /// # fn forward(auth: hallpass::Auth, mut since: Option<hallpass::events::Cursor>) -> hallpass::Result<()> {
    /// for logged in auth.events(since.as_ref())? {
    ///     println!("{}", logged.line);
    ///     since = Some(logged.cursor);
    /// }
    /// # Ok(()) }
    /// ```
    ///
    /// # Errors
    /// `Custody` if the trail cannot be read.
    pub fn events(&self, since: Option<&Cursor>) -> Result<Vec<LoggedEvent>> {
        audit::events_since(self.app(), since)
    }

    /// Holds the trail against what the logins have sealed: finds lines that were edited, dropped, exchanged, cut off or chained anew, and
    /// files that were deleted. Reads the keys of all logins, and may ask a person for that.
    ///
    /// # Errors
    /// `Custody` if the trail or the index cannot be read. A login whose key cannot be had is no error: it proves nothing.
    pub fn verify_trail(&self) -> Job<TrailReport> {
        self.spawn(audit::verify_trail)
    }
}
