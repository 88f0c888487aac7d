//! What hallpass does, seen from outside: through the public names, against the embedded server, without real waits.

mod acme;
#[cfg(unix)]
mod blocked_homes;
mod by_hand;
#[cfg(all(target_os = "linux", feature = "os-store", feature = "passphrase", feature = "qr"))]
mod captures;
mod challenged;
mod cli;
mod cli_custody;
mod cli_help;
mod cli_hostile;
mod cli_leftovers;
mod cli_login;
mod cli_status;
mod cli_switch;
mod clocks;
mod contexts;
mod crowd;
mod dead_tokens;
mod destination;
mod early;
mod environment;
// Owners, modes and links. What Windows has of it is in `windows`.
#[cfg(unix)]
mod hostile_homes;
mod identity;
mod keeping;
mod keys;
mod leavers;
mod lifetimes;
mod login;
mod login_answers;
mod login_ends;
mod login_network;
mod logout;
mod metadata;
mod moves;
mod neighbour;
mod network;
mod odd_ends;
mod orgs;
#[cfg(feature = "passphrase")]
mod passphrase;
mod paved_path;
mod pkce;
#[cfg(feature = "passphrase")]
mod places;
mod planted;
mod printed;
mod redaction;
mod rig;
mod second_look;
mod servers;
mod session;
mod session_kept;
mod session_refusals;
mod session_replies;
mod switching;
mod triage;
mod verification;
#[cfg(all(windows, feature = "os-store"))]
mod windows;
