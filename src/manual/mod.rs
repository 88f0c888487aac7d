//! Reading, not code: how a login travels, how a session survives, and what is protected from whom.

pub mod login;
pub mod session;
pub mod threats;
