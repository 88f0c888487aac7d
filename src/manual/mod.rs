//! Reading, not code.
//!
//! | page | says |
//! | --- | --- |
//! | [`login`] | how a login travels |
//! | [`session`] | how a session survives |
//! | [`custody`] | where keys rest |
//! | [`replace`] | replacing your own login: names, commands, statics, old token files |
//! | [`embed`] | TLS: which feature for which host |
//! | [`laws`] | the laws of the code, and the tests that hold them |
//! | [`governance`] | what happened to credentials, who did it, and whose they are |
//! | [`threats`] | what is protected from whom |
//! | [`json`] | what the commands print for programs |
//! | [`faq`] | why it is as it is |
//! | [`comparison`] | how others do it, with sources |
//! | [`contributing`] | where things live, and how to add to them |

pub mod comparison;
pub mod contributing;
pub mod custody;
pub mod embed;
pub mod faq;
pub mod governance;
pub mod json;
pub mod laws;
pub mod login;
pub mod replace;
pub mod session;
pub mod threats;
