//! What is protected from whom, and what is not (BCP 247 asks for such an assessment before RFC 8628 is used).
//!
//! # Who is thought of
//!
//! | attacker | can | cannot, and why |
//! | --- | --- | --- |
//! | wrote the repository you stand in | set variables, `PATH`, files there | choose where a secret goes: issuer, client and endpoints are sealed at login and compared before anything is sent; browsers are resolved in system folders, with a `PATH` of their own; a D-Bus address that starts a program or leads to another machine is refused; a state folder must be an absolute path; nothing in a project folder is read, and a rule for a folder is the person's own, void once the folder is another user's. They can choose another org of the login (`<APP>_ORG`), never another server by it: an org is one path segment of an issuer whose rest the host wrote. They can choose a weaker place for a *new* login's key, where `Config::place` allows it, and the login says which |
//! | a server that lies | refuse, delay, send odd replies | reach the terminal unfiltered (controls, overrides, length), move a login to another subject or token type, redirect a request, or fill memory (1 MiB a reply) |
//! | between you and the server | drop packets | read or change them: https only, the operating system's roots and those that the host adds |
//! | another user of the machine | read world-readable files | read the home (0700, owner and mode checked by handle) or its locks |
//! | who steals a backup or the disk | have the sealed records | open them: the key is in the OS store or the kernel; erased at logout, every copy of a record is noise. Under a passphrase they can try passphrases, at 64 MiB and 3 passes each; a key file in the same backup opens them |
//! | restores or copies a state folder, by mistake | have an older record, or one that lives elsewhere | end the login with it: a record older than one that this machine has seen, or of another machine, is named and its refresh token not sent |
//! | phishes with a device code | send you a page and a code | know that you compare: app, host, code and "only continue if you started this" are always shown |
//!
//! # Doors through which a secret leaves
//!
//! `AccessToken::expose` and `auth token` (an access token, to the caller). Where orgs are told by token exchange, an access token goes to the
//! token endpoint of its own login, too. A client secret and a refresh token go to the
//! token and revocation endpoints of their own login. There is no way out for a refresh token or a device code. A sealing key goes
//! to the place that the login, or a person with `doctor --move-to`, chose for it; and, where the host asked for it
//! (`Config::key_cache`), for a time to the kernel's keyring of the user. A user code is shown, drawn as a QR code, and, with the address, put
//! into the terminal's clipboard when the person presses a key for that: other programs of the desktop can read it there. It is good for
//! one login, which somebody still has to approve.
//!
//! # Doors through which a secret comes in
//!
//! | door | who else is there |
//! | --- | --- |
//! | a passphrase, typed | nobody: the terminal shows nothing, and has its echo back after Ctrl-C |
//! | a passphrase on a descriptor (`<APP>_PASSPHRASE_FD`) | whoever wrote the file or pipe. The terminal's own three are not read |
//! | a passphrase in `<APP>_PASSPHRASE` | programs of this user, and children: used last, with a warning |
//! | a key file | refused where others can read it, or own it |
//! | systemd's credential `<app>.key` in `$CREDENTIALS_DIRECTORY` | the system. Refused where others can read or write it. Whoever sets the variable at a login could have it sealed with a key they know; they would need the state folder as well |
//! | a copy of a key in the kernel | programs of this user. One that is not the record's key is not used |
//!
//! # What is not protected
//!
//! - *Processes of the same user* can ask an unlocked OS store for the key, read it in the kernel's keyring of the user, and read the
//!   memory of a process that is not hardened. hallpass keeps secrets out of files, arguments and logs, and wipes them after use, on
//!   its stacks too; what `hyper` and `rustls` leave of requests and replies is wiped where the host sets the allocator of the
//!   feature `zeroizing-allocator`. The README has the numbers.
//!   [`hardening`](crate::hardening) keeps debuggers and crash dumps out; the `auth` subcommands do it.
//! - *A screen that is locked*: the copy of a key in the kernel outlasts a keyring that locks itself, until its time is over.
//! - *A whole state folder restored* where there is no `Config::key_cache`, after a reboot, or on macOS and Windows: nobody remembers then that
//!   its record is old.
//! - *An access token that was handed out* is valid until it expires, after a logout too, unless the server checks.
//! - *TLS roots and proxies come from the environment too* (`SSL_CERT_FILE`, `SSL_CERT_DIR`, `HTTPS_PROXY` and their like), as
//!   company networks need it: who sets both can stand between you and the server. `auth login` and `auth status` say which of
//!   them are set.
//! - *The client identifier is public*: anybody can run the same flow and ask you to approve it. Only you, comparing, and the
//!   server can stop that.
//! - *A replaced login* (the same context logged in again) is revoked at the server where that does not end the new one
//!   (`Config::revocation_reach`), and where its key needs no person. Else it ends there when it expires.
//!
//! # BCP 247, point by point
//!
//! | it says | here |
//! | --- | --- |
//! | risk assessment | this page |
//! | short-lived, one-time codes | own deadline by `expires_in`, one code a login, never shown again |
//! | limited scopes, short-lived tokens | scopes are the host's; access tokens are refreshed, never stretched |
//! | tell the person who asks and why, and let them decline | the prompt; the page is the server's. A browser opens by itself only where the person who asked sits: not over SSH, in a container, in CI or for a coding agent, nor without a terminal |
//! | same device: prefer the authorization code flow | not yet: the device flow is the only one here |
