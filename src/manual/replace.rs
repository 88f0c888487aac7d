//! Replacing your own login.
//!
//! `tests/embed` has a small CLI, `skiff`, before and after this change: 219 lines before, 136 after. `tests/embed/run` uses the old version, then
//! the new one in the same home, then the old one again. The order of this page is the order of the work.
//!
//! # 1. The configuration
//!
//! [`Config::new`](crate::Config::new) takes the app's name, the issuer and the client. The app's name becomes the name of the state folder and
//! the prefix of the variables. Keep scopes and client as they are: the old refresh token is exchanged as that client.
//!
//! ```
//! use hallpass::config::Variables;
//!
//! pub fn config() -> hallpass::Result<hallpass::Config> {
//!     let mut config = hallpass::Config::new("skiff", "https://id.skiff.example", "skiff-cli")?;
//!     config.scopes = "openid profile email offline_access".parse()?;
//!     config.set_variables(variables());
//!     Ok(config)
//! }
//!
//! pub fn variables() -> Variables {
//!     let mut variables = Variables::prefixed("SKIFF");
//!     variables.token = Some("SKIFF_API_TOKEN".into()); // the name that your users' CI jobs have
//!     variables
//! }
//! ```
//!
//! *Environment names.* Each name in [`Variables`](crate::config::Variables) is read and is named in messages. `None` is neither.
//! [`Variables::none`](crate::config::Variables::none) reads no variable at all: choose it if a stray `SKIFF_ORG` must not matter.
//!
//! # 2. Commands
//!
//! Each command can be mounted by itself, under any name. [`cli::parse`](crate::cli::parse()) replaces `Skiff::parse()`, so that help and hints say `skiff login`.
//! A host with its own variables calls [`cli::parse_with`](crate::cli::parse_with). A host that builds its tree by hand calls [`cli::prepare`](crate::cli::prepare)
//! and [`cli::answer`](crate::cli::answer). `examples/top_level_commands.rs` is the whole of it.
//!
//! ```text
//! #[derive(clap::Subcommand)]
//! enum Command {
//!     Login(cli::Login),
//!     Logout(cli::Logout),
//!     Whoami(cli::Whoami),
//!     /// List your apps
//!     Apps,
//! }
//! ```
//!
//! *One-account tools* need nothing more. The first login becomes the default, and `--context` is an option that nobody has to know.
//!
//! *Your own commands* print errors with [`cli::report`](crate::cli::report), or [`cli::report_json`](crate::cli::report_json) for your own `--json`:
//! `cli::report(commands(), &error)` with `cli::commands::<Skiff>().with_variables(variables())`. A host without the feature `cli` prints [`Error::hint`](crate::Error::hint).
//!
//! # 3. Statics, async and sync callers
//!
//! An [`Auth`](crate::Auth) in a static serves the whole program. It is never dropped, so `main` ends with
//! [`Auth::shutdown_all`](crate::Auth::shutdown_all): a refresh that is under way is finished and saved.
//!
//! ```
//! # fn config() -> hallpass::Result<hallpass::Config> { hallpass::Config::new("skiff", "https://id.skiff.example", "skiff-cli") }
//! use std::sync::LazyLock;
//!
//! use hallpass::{Auth, Result, Session};
//!
//! static AUTH: LazyLock<Result<Auth>> = LazyLock::new(|| Auth::new(config()?));
//!
//! fn session() -> Result<Session> {
//!     AUTH.clone()?.session()
//! }
//!
//! async fn async_caller(url: &str) -> Result<http::HeaderMap> {
//!     session()?.authorization("GET", url).await // on any executor
//! }
//!
//! fn sync_caller(url: &str) -> Result<http::HeaderMap> {
//!     session()?.authorization("GET", url).wait() // inside an async program too
//! }
//! ```
//!
//! The ready-made commands block the thread that runs them. That is well in `main`, also under `#[tokio::main]`.
//! If your API answers 401, ask [`Session::refused`](crate::Session::refused) what to do. List the API's origin in
//! [`Config::resources`](crate::Config::resources) first.
//!
//! # 4. Existing logins
//!
//! [`Auth::adopt`](crate::Auth::adopt) takes over the login in the old version's file: nobody has to approve anything. Call it at the start of
//! each command but `login`, which needs no old login. Without an old login it asks nobody and writes nothing. If the server is away, the command
//! ends with that error: "already logged out" would not be true while the old file has a token.
//!
//! ```no_run
//! # async fn start(auth: hallpass::Auth, path: std::path::PathBuf) -> hallpass::Result<()> {
//! use hallpass::adoption::{Adoption, OldTokens};
//! use hallpass::{ErrorKind, Terminal};
//! use serde_json::{Map, Value};
//!
//! let old = Adoption::of_file(
//!     Terminal::stderr(), // "Took over the login of alice@example.com …"
//!     &path,              // ~/.config/skiff/config.json
//!     |bytes| {
//!         let settings: Value = serde_json::from_slice(bytes)?;
//!         Ok(settings["refresh_token"].as_str().map(|token| OldTokens::new().refresh_token(token)))
//!     },
//!     |bytes| {
//!         let mut settings: Map<String, Value> = serde_json::from_slice(bytes).unwrap_or_default();
//!         settings.retain(|name, _| !["access_token", "refresh_token", "expires_at"].contains(&name.as_str()));
//!         serde_json::to_vec_pretty(&settings).unwrap_or_default()
//!     },
//! );
//! match auth.adopt(old.lock(path.with_extension("lock"))).await {
//!     // Nobody is logged in: the command says so if it needs a login.
//!     Err(error) if error.kind() != ErrorKind::NotLoggedIn => return Err(error),
//!     _ => {}
//! }
//! # Ok(()) }
//! ```
//!
//! *Existing config folders.* The old file stays where it is and keeps its other settings: the marker is the file without its tokens. hallpass has
//! a state folder of its own (`~/.local/state/skiff` on Linux), and puts nothing into the old one.
//!
//! *The old version* finds no token and asks for a login. A copy of the old token, in a backup or a container, is dead, because the token was
//! exchanged. On a server that takes a spent token for theft (RFC 9700 §4.14.2), such a copy ends the login if somebody uses it: say so in your release notes.
//!
//! *Files that others can write* are refused, with a `chmod` in the hint: another person could have put a login of theirs there. Such are a folder
//! of mode 775 (umask 002), a symbolic link (stow, chezmoi), and a file in a work tree, as in a test with `HOME` inside your checkout. Somebody who
//! is logged in goes on without the old file. Otherwise a new login is needed, and the old tokens stay in the file: delete them.
//!
//! *A server that a variable can change.* The old token goes to the issuer of the configuration. If your tool lets a variable choose the issuer, adopt
//! only under the built-in one. `skiff` reads `SKIFF_ISSUER` in debug builds only, for its tests.
//!
//! # 5. What your users' scripts will notice
//!
//! | | with the ready-made commands |
//! | --- | --- |
//! | exit codes | 4 without a login, 5 if the server is away, 2 for wrong arguments: [`ErrorKind::exit_code`](crate::ErrorKind::exit_code) |
//! | `login` without a terminal | ends with 4 instead of waiting, unless `--wait` or `--json` is given |
//! | `logout` | revokes the login at the server; nobody logged in is 4 |
//! | `whoami` | prints the person and the server; `--json` the claims, of which `email` is one |
//! | a flag `--json` of your own | counts for these commands, before and behind them, if it is a global flag with the id `json` |
//!
//! # 6. What to keep for one release
//!
//! - The call of `adopt`, for as long as people may come from an old version. It costs one read of a small file.
//! - The names of your variables and commands, and your `--json`.
//! - The old lock file, if the old version holds one while it refreshes.
//!
//! Delete your device flow, your refresh and your token file now: two programs that refresh one token end the login.
