//! Contexts: the non-secret index of who is logged in where, and which of them is meant.

mod batch;
mod context;
mod folder_rules;
mod index;
mod index_file;
mod names;
mod resolve;

pub use batch::Outcomes;
pub use context::{Context, Missing};
pub(crate) use index::{Entry, Index};
pub use resolve::{ChosenBy, Selector};
