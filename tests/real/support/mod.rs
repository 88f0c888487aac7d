//! What tests/real and tests/processes share.
//!
//! | file | holds |
//! | --- | --- |
//! | `acme` | the tool under test |
//! | `http` | the smallest HTTP client, and a bystander that counts who calls |
//! | `kernel` | the user's keyring in the kernel |
//! | `machine` | a machine of a test's own: home, D-Bus, keyring |
//! | `needs` | what a test needs on this machine, and what is said if it is missing |
//! | `process` | a child process with a time limit, read line by line |
//! | `provider` | the authorization servers, what they saw, and the person at the browser |
//! | `tls` | a private CA |

pub(crate) mod acme;
pub(crate) mod http;
pub(crate) mod kernel;
pub(crate) mod machine;
pub(crate) mod needs;
pub(crate) mod process;
pub(crate) mod provider;
pub(crate) mod tls;
