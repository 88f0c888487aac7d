//! Why not … — questions that come up, with short answers.
//!
//! # Why not an API key in a dotfile?
//!
//! It has no end, and nobody knows where it has been copied to: backups, images, a colleague's chat. It says which account it is of, and
//! not which person, machine or tool used it. SSO and MFA are asked once, when it is made. A login has an owner, an expiry, and a
//! logout that the server hears of where it can.
//!
//! # Why not a token file, readable by its owner only?
//!
//! The mode protects it from other users of a running machine, and from nothing else: not from a backup, a synchronised folder, a
//! container image or a disk that was sold. A refresh token in it is a login for weeks. Here the file is sealed, and its key
//! rests elsewhere. A file written plainly also loses the login in a race or a crash: see [`session`](super::session).
//!
//! # Which credential is for whom?
//!
//! | who | credential | hallpass |
//! | --- | --- | --- |
//! | a person at a terminal, here or over SSH | a login: device flow, refresh token | is for this |
//! | a coding agent that runs the person's tools | the person's login, through the tool; its own login where the audit shall tell them apart | serves it, and opens no browser for it. It cannot approve a login: a person does |
//! | a CI job | the job's own identity from the CI system, exchanged for a short token (workload identity federation) | takes the result in `<APP>_TOKEN`, keeps nothing |
//! | a server, a daemon | client credentials (RFC 6749 §4.4), with a private key or the platform's identity | does not do that: use an OAuth crate |
//! | where none of these can be had | an API key: short-lived, with few rights, in the platform's secret store | `<APP>_TOKEN`, where the API takes it as a bearer token |
//!
//! # Why not the authorization code flow with a redirect to loopback?
//!
//! It needs a browser on the machine that the tool runs on: over SSH, in a container or on a server there is none, and the redirect
//! goes to the wrong loopback. It also needs a port that nobody else takes. The device flow works in all of these, with one
//! path to test. Where browser and tool are on one machine the code flow resists phishing better, and BCP 247 prefers it there:
//! hallpass does not have it yet, and shows app, host and code so that the person can compare.
//!
//! # Why not a daemon, as oidc-agent has one?
//!
//! A daemon is a good place for a race to end, and a token asked of one takes a millisecond or two. But somebody has to install, start, update and
//! reach it: in containers, over SSH, under `sudo`, in two versions at once. A lock on a file ends the race as well, for
//! every process that sees the folder, and heals when its holder dies. The README has what both cost, measured side by side.
//!
//! # Why do the tokens not rest in the keyring themselves?
//!
//! A refresh token that rotates is written at the worst moment: the server has spent the old one, and the only copy of the new one is
//! in this process. Then a D-Bus call that hangs, a store that has locked itself, or Windows' limit of 2,560 bytes would lose the
//! login. A file can be written, fsynced and renamed in one step, and room for it taken before. So the store keeps the key, once, and
//! the file keeps what changes.
//!
//! # Why is there no plain text where no store is found?
//!
//! Because it would be chosen unseen, on the machines that need protection most, and stay. Servers have the kernel's keyring, which needs
//! nothing (containers mostly do not: their filter forbids it), and a passphrase or a key file for those who choose one. Where
//! nothing of this can be had, the login fails before the person has opened a page, and says what could be done.
//!
//! # Why does a login not move to a better key store by itself?
//!
//! A login that moves by itself to a better key store could move to a worse one: whoever makes the good one look dead would choose. A key
//! stays where the login said it would, and moves by a person's word: `auth doctor --move-to`.
//!
//! # Why not one active account for everything?
//!
//! A switch in one terminal would change what a script in another is doing, between two of its calls. A context is chosen when a session
//! begins, by argument, variable, folder, default, in this order, and the session keeps to it. `auth switch` sets the default, `--here`
//! a rule for a folder; neither touches what runs.
//!
//! # Why is nothing async inside?
//!
//! A refresh that has begun must end, whatever becomes of its caller; a future that is dropped does not. So a job runs on its own thread,
//! top to bottom, with lock, request and commit in one hand, and a future waits for it on any
//! executor. A cached token
//! starts no thread, no runtime and no HTTP client.
//!
//! # Why is a token not refreshed in the background?
//!
//! A command that lives for 200 ms has no background. What is due is fetched when it is asked for, a little early where there
//! is time, by one caller while the others go on with what is valid. A tool that nobody uses asks the server for nothing.
//!
//! # Why does `invalid_grant` not log out?
//!
//! It can mean that the token has expired, that somebody has revoked it, that another process was quicker, or that a reply was
//! lost. hallpass reads again, and distinguishes these as far as possible. The record stays until a
//! person logs in or out:
//! an error that was read wrongly has then cost nothing.
//!
//! # Why does no browser open over SSH?
//!
//! It would open on the other machine, where nobody looks. The same goes for CI, a coding agent, a container, a machine without a
//! desktop, and a call whose input or standard error is no terminal. Page and code are shown, the address can be copied or drawn
//! as a QR code (feature `qr`), and any device with a browser will do. A browser that does not open is a note, never an error.
//!
//! # What if the server has no device flow?
//!
//! First look whether it has: many leave it out of their metadata, or switch it on for each client. Then the endpoint is set by
//! hand ([`Config::endpoints`](crate::Config::endpoints): `device_authorization` and `token`), or an administrator allows the
//! client the grant type; [`servers`](crate::servers) has what is known. Else the login ends with "names no
//! device_authorization_endpoint": there is no other flow here, and no guess. A broker that speaks RFC 8628 in front of it
//! helps (Keycloak, for example), and `<APP>_TOKEN` takes a token from anywhere else.
