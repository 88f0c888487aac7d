//! This machine: the only code that reads the clock and the environment, uses the network, and starts other programs.
//!
//! | file | has |
//! | --- | --- |
//! | `clock` | the time, and every wait |
//! | `actor` | who runs this program: a person, an agent, or automation |
//! | `environment/` | variables, terminal, container, machine id: read once, as a value |
//! | `http/` | the network |
//! | `browser` | the person's browser |
//! | `tty` | a terminal's settings, restored afterwards |
//! | `hardening` | protection of this process's memory from core dumps and debuggers |
//! | `failpoint` | where a test kills or stops this process |

pub(crate) mod actor;
#[cfg(feature = "browser")]
pub(crate) mod browser;
pub mod clock;
pub(crate) mod environment;
pub(crate) mod failpoint;
pub(crate) mod hardening;
pub(crate) mod http;
#[cfg(unix)]
pub(crate) mod tty;
