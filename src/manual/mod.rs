//! Reading, not code: how a login travels, and what is protected from whom.

pub mod login;
pub mod threats;
