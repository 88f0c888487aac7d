//! This machine: the only doors to the clock, the environment, the network, other programs and the process itself.
//!
//! | file | door to |
//! | --- | --- |
//! | `clock` | the time, and every wait |
//! | `environment/` | variables, terminal, host name, container: read once, as a value |
//! | `http/` | the network |
//! | `browser` | the person's browser |
//! | `tty` | a terminal's settings, given back afterwards |
//! | `hardening` | core dumps and debuggers of this process |
//! | `failpoint` | tests: where this process dies or stands still |

#[cfg(feature = "browser")]
pub(crate) mod browser;
pub mod clock;
pub(crate) mod environment;
pub(crate) mod failpoint;
pub(crate) mod hardening;
pub(crate) mod http;
#[cfg(unix)]
pub(crate) mod tty;
