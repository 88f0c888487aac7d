//! What is protected from whom, and what is not (BCP 247 asks for such an assessment before RFC 8628 is used).
//!
//! # Who is thought of
//!
//! | attacker | can | cannot, and why |
//! | --- | --- | --- |
//! | wrote the repository you stand in | set variables, `PATH`, files there | choose where a secret goes: issuer, client and endpoints are sealed at login and compared before anything is sent; browsers are resolved in system folders, with a `PATH` of their own; a D-Bus address that starts a program or leads to another machine is refused; a state folder must be an absolute path; nothing in a project folder is read |
//! | a server that lies | refuse, delay, send odd replies | reach the terminal unfiltered (controls, overrides, length), move a login to another subject or token type, redirect a request, or fill memory (1 MiB a reply) |
//! | between you and the server | drop packets | read or change them: https only, the operating system's roots and those that the host adds |
//! | another user of the machine | read world-readable files | read the home (0700, owner and mode checked by handle) or its locks |
//! | who steals a backup or the disk | have the sealed records | open them: the key is in the OS store; erased at logout, every copy of a record is noise |
//! | phishes with a device code | send you a page and a code | know that you compare: app, host, code and "only continue if you started this" are always shown |
//!
//! # Doors through which a secret leaves
//!
//! `AccessToken::expose` and `auth token` (an access token, to the caller). A client secret and a refresh token go to the
//! token and revocation endpoints of their own login. There is no way out for a refresh token, a device code or a sealing key.
//!
//! # What is not protected
//!
//! - *Processes of the same user* can ask an unlocked OS store for the key and read this process's memory, as they can with
//!   any tool. hallpass keeps secrets out of files, arguments and logs, and wipes them after use; what `reqwest`, `hyper`,
//!   `rustls` and `oauth2` copy inside themselves is not wiped yet.
//! - *An access token that was handed out* is valid until it expires, after a logout too, unless the server checks.
//! - *TLS roots and proxies come from the environment too* (`SSL_CERT_FILE`, `SSL_CERT_DIR`, `HTTPS_PROXY` and their like), as
//!   company networks need it: who sets both can stand between you and the server. `auth login` and `auth status` say which of
//!   them are set.
//! - *The client identifier is public*: anybody can run the same flow and ask you to approve it. Only you, comparing, and the
//!   server can stop that.
//! - *A replaced login* (the same context logged in again) is forgotten here and not revoked at the server: with some servers
//!   a revocation would end the new login too. It ends there when it expires.
//!
//! # BCP 247, point by point
//!
//! | it says | here |
//! | --- | --- |
//! | risk assessment | this page |
//! | short-lived, one-time codes | own deadline by `expires_in`, one code a login, never shown again |
//! | limited scopes, short-lived tokens | scopes are the host's; access tokens are refreshed, never stretched |
//! | tell the person who asks and why, and let them decline | the prompt; the page is the server's |
//! | same device: prefer the authorization code flow | not yet: the device flow is the only one here |
