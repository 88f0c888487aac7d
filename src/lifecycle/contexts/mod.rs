//! Contexts: who is logged in here, by which names, and which context is selected.
//!
//! | file | has |
//! | --- | --- |
//! | `context` | `Context`: a named login, as a host sees it |
//! | `index` | `Index`: the contexts of a state folder, without a secret |
//! | `index_file` | the index's file: read, and changed under its lock |
//! | `names` | names for contexts: derived from the account, unique, changed |
//! | `resolve` | which context is selected: by argument, environment, folder or default |
//! | `selected_entry` | reads the selected entry without parsing the others, for a token |
//! | `folder_rules` | the rules that select a context in a folder |
//! | `outcomes` | `Outcomes`: the results of one operation on several logins |

mod context;
mod folder_rules;
mod index;
mod index_file;
mod names;
mod outcomes;
mod resolve;
mod selected_entry;

pub use context::{Context, Missing};
pub(crate) use index::{Entry, Index};
pub(crate) use names::LoginOf;
pub use outcomes::Outcomes;
pub use resolve::{ChosenBy, Logins, Selector};
