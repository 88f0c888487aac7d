//! Ctrl-Z at a question of ours: by our own hands, since the terminal has to have its echo back before this process stops.

use std::time::Duration;

use rustix::process::{Signal, kill_current_process_group};

use crate::clock::Cancel;

/// The signal may reach another thread first. None may touch the terminal again before all of them stand.
const UNTIL_ALL_STAND: Duration = Duration::from_millis(500);

/// Stops this process and its group, as the terminal does on Ctrl-Z, and returns when it goes on: at once where nobody could make it
/// go on, as the kernel stops no orphan (POSIX, "Orphaned Process Group").
///
/// A handler for SIGTSTP or SIGCONT would be the process's, and so the host's: there is none (law 15).
pub(crate) fn suspend(cancel: &Cancel) {
    if kill_current_process_group(Signal::TSTP).is_ok() {
        cancel.wait(UNTIL_ALL_STAND);
    }
}
