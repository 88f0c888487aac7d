//! How others do it: what was read in their source, and where.
//!
//! Five that people reach for: `gh` (a tool with its own login), MSAL for Python (a library, for Entra ID), oidc-agent (a daemon for any
//! tool), huskarl and yup-oauth2 (Rust crates). They want different things: MSAL has brokers and serves web apps, huskarl has DPoP, PAR
//! and the code flow, oidc-agent forwards tokens over SSH, and hallpass does none of these. The rows are what this crate is about.
//! A number in brackets is a source below; "not found" means that it was looked for there and not seen.
//!
//! | | hallpass | gh 2.60 | MSAL Python 1.39 | oidc-agent 5.3.3 | huskarl 0.11 | yup-oauth2 12.1 |
//! | --- | --- | --- | --- | --- | --- | --- |
//! | what rests | refresh token and access tokens | one access token an account; a refresh token is not kept \[1\] | a cache of both \[5\] | client credentials and refresh token \[9\] | what the program's `RefreshTokenStore` keeps; the one that comes with it is in memory \[14\] | both \[18\] |
//! | where | a sealed file; its key in the key store of the login | the OS's store \[2\] | in memory; with msal-extensions libsecret, Keychain or a DPAPI file \[5, 6\] | a file under a password or gpg, and the daemon's memory \[9, 10\] | up to the program \[14\] | in memory, a JSON file of mode 0600, or the program's own \[18\] |
//! | plain text | never | where the store fails, by itself; or `--insecure-storage` \[2\] | where the program asks for it (`FilePersistence`) \[6\] | not found | up to the program | the JSON file \[18\] |
//! | one refresh among many processes | yes: lock, read again, decide | refreshes nothing \[1\] | no: the file lock is round the write, not round the exchange \[7\] | yes: one daemon takes one request after the other \[11\] | within one source; "no … cross-process refresh lock" \[15\] | no, nor within a process: no lock round the exchange; the file is read at the start and written whole \[18, 19\] |
//! | what makes up for a kill between exchange and save | the intent tells the next process; a whole record is finished | refreshes nothing | not found: exchange, then save \[7\] | not found: exchange, then the file is written in place \[12\] | not found: exchange, then `set`, whose failure is passed over \[16\] | not found: exchange, then the file is truncated and written \[18, 19\] |
//! | several accounts | contexts; by argument, variable, folder, default | several a host, one of them active \[3\] | yes, the program chooses \[5\] | yes, by short name \[9\] | not found | not found: tokens are kept by scopes \[18\] |
//! | device flow (RFC 8628) | yes | yes \[4\] | yes \[5\] | yes \[13\] | yes \[17\] | yes; by default with Google's own grant type \[20\] |
//! | step-up (RFC 9470) | the session says so; a new login asks for it | not found | not by that name: `claims_challenge`, Microsoft's own \[5\] | not found | parses the challenge \[17\] | not found |
//! | logout at the server | revokes (RFC 7009), and says what happened | "does not invalidate authentication tokens" \[3\] | forgets here; a broker is asked to sign out \[8\] | `oidc-gen --delete` revokes \[13\] | revocation is there to be called \[17\] | not found |
//! | secrets wiped from memory | yes; counted, see [the threat model](super::threats) | not found | not found | yes: all that it allocates, and obfuscated meanwhile \[10\] | yes: its `SecretString` \[17\] | not found |
//! | a daemon | no | no | no | yes | no | no |
//!
//! Fair to say: at Entra ID, for which MSAL is made, a refresh token that was replaced stays usable, so that two rows hurt it less there
//! than they do at a server that rotates. huskarl names its limit itself, and says what to do: one owner for each refresh token.
//!
//! # What was measured
//!
//! `benches/field/run` puts hallpass, MSAL and oidc-agent (4.2.6, Debian's) before the same rotating server, and `benches/start/run`
//! counts what a cached token costs beside `oidc-token` and `gh auth token`. The README has both tables, with date and machine.
//!
//! # Sources
//!
//! Read in the repositories at these versions; packages as they are published (November 2026).
//!
//! | | repository, version | file |
//! | --- | --- | --- |
//! | 1 | `cli/cli` v2.60.0 | `internal/authflow/flow.go`: `AuthFlow` gives `token.Token` back and nothing else |
//! | 2 | the same | `internal/config/config.go`: `Login`; `pkg/cmd/auth/login/login.go`: its help |
//! | 3 | the same | `pkg/cmd/auth/logout/logout.go`, `pkg/cmd/auth/switch/switch.go`; today's manual, <https://cli.github.com/manual/gh_auth_logout>, says "does not revoke" and how to do it by hand |
//! | 4 | the same, and `cli/oauth` v1.1.1 | `internal/authflow/flow.go`; there `oauth.go`: `DetectFlow`, device flow first, else a redirect to loopback |
//! | 5 | Python package `msal` 1.39.0 | `msal/token_cache.py`: `SerializableTokenCache`; `msal/application.py`: `get_accounts`, `initiate_device_flow`, `claims_challenge` |
//! | 6 | Python package `msal-extensions` 1.3.1 | `msal_extensions/persistence.py`: `build_encrypted_persistence`, `FilePersistence` |
//! | 7 | the same | `msal_extensions/token_cache.py`: `CrossPlatLock` in `modify`; `msal/application.py`: `_acquire_token_silent_by_finding_specific_refresh_token` |
//! | 8 | Python package `msal` 1.39.0 | `msal/application.py`: `remove_account` |
//! | 9 | `indigo-dc/oidc-agent` v5.3.3 | `gitbook/security/account-configs.md`, `gitbook/README.md` |
//! | 10 | the same | `gitbook/security/memory.md`, `src/utils/memory.c` |
//! | 11 | the same | `src/oidc-agent/oidcd/oidcd.c`: the loop of `oidcd_main` |
//! | 12 | the same | `src/oidc-agent/oidc/flows/oidc.c`, `src/oidc-agent/oidcd/internal_request_handler.c`, `src/utils/file_io/file_io.c`: `writeFile` |
//! | 13 | the same | `gitbook/oidc-gen/options.md`: `--flow`, `--delete`; `src/oidc-agent/oidcd/oidcd_handler.c`: `oidcd_handleDelete` |
//! | 14 | crate `huskarl` 0.11.10 | `src/cache/mod.rs`: `RefreshTokenStore`, `InMemoryRefreshTokenStore` |
//! | 15 | the same | `docs/explanation/sharing_a_token_store.md` |
//! | 16 | the same | `src/cache/grant_token_source/mod.rs`: `persist_refresh_token` |
//! | 17 | the same, and `huskarl-core` 0.10.10 | `src/grant/device_authorization/`, `src/authorizer/challenge.rs`, `src/revocation.rs`; in core `src/oauth_error.rs`, `src/secrets/mod.rs` |
//! | 18 | crate `yup-oauth2` 12.1.2 | `src/storage.rs`: `Storage`, `DiskStorage`, `open_writeable_file` |
//! | 19 | the same | `src/authenticator.rs`: `find_token_info` |
//! | 20 | the same | `src/device.rs`: `GOOGLE_GRANT_TYPE`, `DeviceFlow::new` |
