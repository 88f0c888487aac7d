//! How a login travels.
//!
//! # Logging in
//!
//! 1. *Before anybody is asked to do anything*: the key store is probed (a dead D-Bus costs one second, not two
//!    minutes), a new passphrase is chosen where one is needed, the index is read.
//! 2. The server's metadata is read, its issuer compared, its endpoints checked. It is looked for where RFC 8414 puts it, where OpenID
//!    Connect Discovery does, and behind the issuer's path, until the login has what it needs: a document of another issuer, a web page, or a
//!    document that lacks an endpoint does not end the search, and the message of a search that found nothing lists what each place
//!    answered. A configuration that has the endpoints, such as those of [`servers`](crate::servers), needs none.
//! 3. A device code is fetched (RFC 8628 §3.1), with a challenge of PKCE (RFC 7636) where the server lists S256 or
//!    [`Quirks::pkce`](crate::config::Quirks::pkce) says so. If this machine's clock and the server's are 20 min apart or more,
//!    that is said first; the ID token is judged by the earlier clock of the two. The person is shown app, page, host and code. A page with the code
//!    in it that is not https, or is on another host, is left out. A browser is opened where they
//!    would see it; where there is none and the window is large enough, a QR code is drawn (feature `qr`).
//! 4. The token endpoint is polled, never closer than the interval in force, until the person has answered or the code has
//!    run out. The code's age is counted by a clock that does not step and that counts the machine's sleep (`CLOCK_BOOTTIME`, on Linux;
//!    [`Clock::steady`](crate::clock::Clock::steady)). A server that does not answer is asked again, less often. On a terminal one line
//!    says meanwhile what is waited for, and how long the code is still good. Ctrl-Z suspends the program, and `fg` goes on with the
//!    same login: the code's life goes on meanwhile.
//!    Whatever the status of an answer, its words decide where they are the RFC's, in any server's spelling.
//! 5. The account is read from the ID token, else from userinfo (JSON, or a JWT), else from the `user` beside the tokens if
//!    userinfo is missing or does not answer. Claims for the eye, such as `email` and `name`, are left out if they cannot be read. A userinfo endpoint
//!    that does not answer is asked three times within 10 s; then the login goes on without it. A login without a name keeps the subject
//!    that a refresh first names. An ID token with another `iss`,
//!    another `aud`, without a usable `sub`, or past its `exp` ends the login, and the error names the claim.
//! 6. The login is kept: sealed record onto the disk, key into the store, context into the index. What cannot be kept is
//!    revoked, so that no credential is left without an owner.
//!
//! # Which login is meant
//!
//! | asked in this order | is |
//! | --- | --- |
//! | argument | `--context`, [`Selector::context`](crate::Selector::context) |
//! | environment | `<APP>_CONTEXT` |
//! | folder | the rule of the innermost folder around the current one, both by their real path, that still belongs to this user |
//! | default | the first login, the last one that chose no name, or what `switch` has set |
//! | only | the only one there is |
//!
//! It is read from one state of the index, once: a session keeps to what it found, and [`ChosenBy`](crate::contexts::ChosenBy) says by which
//! rule. The rules for folders lie in the index, nothing in a folder is read.
//!
//! # On disk
//!
//! Below the home (0700, or it is refused; `$XDG_STATE_HOME/<app>`, `~/Library/Application Support/<app>`, `%LOCALAPPDATA%\<app>`):
//!
//! | file | holds |
//! | --- | --- |
//! | `index.json` | contexts, the default of each server and client, and the rules for folders; no secret. Written by login, logout, switch, rename and `doctor`, never for a token. The `mark` of a context is made of its name and its org with the login's key: nobody else can give the login another name |
//! | `index.lock` | the lock of the index |
//! | `.gitignore` | `*`: a state folder is not committed with a work tree |
//! | `grants/<id>` | one plain line (format, app, grant, generation, times, whose the login is and what it is for), which the seal covers too; then the sealed record: tokens, what the newest ID token says of the person, and a line of the trail that was there before |
//! | `grants/<id>.lock` | the lock; never unlinked. Its time is that of the last use, to the hour; in it the number of the newest record |
//! | `grants/<id>.next` | in its first line that a refresh was begun, and room behind it; then the next record; after a refresh that failed, when and why |
//! | `grants/<id>.<app>.passphrase`, `grants/<id>.<app>.keyfile` | the login's key, sealed by the key that a passphrase makes, or by a key file |
//! | `grants/<id>.uses` | how often tokens were served and exported, and what the trail was told of; nothing in it is believed |
//! | `trail.jsonl`, `trail-<number>.jsonl` | the events, a line each ([`governance`](super::governance)); older files are named after their first line |
//! | `trail.lock` | the lock of the trail; in it how many lines could not be written |
//! | `key`, `key.lock` | the key file, where systemd hands over none |
//! | `key.unused`, `key.unused-2`, … | a key file that was there before the first login with one |
//! | `index.json.damaged` | an index that `doctor --repair` has set aside |
//! | `os.silent` | when the OS store did not answer, and on which D-Bus; it is left alone there for a minute |
//!
//! The record is sealed with XChaCha20-Poly1305; the plain line is associated data, so that a record moved to another app or
//! login does not open. Within it the refresh token is sealed once more: it is opened to be sent, and not to serve the access token
//! beside it. The key is 32 random bytes, one item per login in the OS store, or where else the login put it.
//!
//! With [`CustodyConfig::key_cache`](crate::config::CustodyConfig::key_cache) the kernel's keyring of the user (Linux) holds a copy of the key for that time, `hallpass-cache:<app>:<id>`,
//! at most 16 of them. One key, `hallpass-seen`, has the numbers of the newest records of all apps, at most 100 and for 30 days: a
//! user has room for 200 keys and 20,000 bytes there. `doctor --repair` frees what the folder's logins have left there.
