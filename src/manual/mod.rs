//! Reading, not code: how a login travels, how a session survives, the laws of the code, and what is protected from whom.

pub mod laws;
pub mod login;
pub mod session;
pub mod threats;
