//! Contexts: who is logged in here, by which names, and which context is selected.
//!
//! | file | has |
//! | --- | --- |
//! | `context` | `Context`: a named login, as a host sees it |
//! | `index` | `Index`: the contexts of a state folder, without a secret |
//! | `index_file` | the index's file: read, and changed under its lock |
//! | `names` | names for contexts: derived from the account, unique, changed |
//! | `resolve` | which context is selected: by argument, environment, folder or default |
//! | `selected_entry` | the selected entry read alone, for a token |
//! | `folder_rules` | the rules that select a context in a folder |
//! | `batch` | `Outcomes`: the results of one operation on several logins |

mod batch;
mod context;
mod folder_rules;
mod index;
mod index_file;
mod names;
mod resolve;
mod selected_entry;

pub use batch::Outcomes;
pub use context::{Context, Missing};
pub(crate) use index::{Entry, Index};
pub use resolve::{ChosenBy, Selector};
