//! Reading, not code: how a login travels, how a session survives, where keys rest, the laws of the code, and what is protected from
//! whom; what the commands print for programs; why it is as it is, how others do it, and how to add to it.

pub mod comparison;
pub mod contributing;
pub mod custody;
pub mod faq;
pub mod json;
pub mod laws;
pub mod login;
pub mod session;
pub mod threats;
