//! What is protected from whom, and what is not (BCP 247 asks for such an assessment before RFC 8628 is used).
//!
//! # Who is thought of
//!
//! | attacker | can | cannot, and why |
//! | --- | --- | --- |
//! | wrote the repository you stand in | set variables, `PATH`, files there | choose where a secret goes: see [below](#how-the-state-folder-is-believed). Browsers are resolved in system folders, with a `PATH` and variables of their own; a D-Bus that another user runs, or whose address starts a program or leads to another machine, is not asked. Nothing in a project folder is read, and a rule for a folder is the person's own, void once the folder is another user's. They can choose another org of the login (`<APP>_ORG`), never another server by it: an org is one path segment of an issuer whose rest the host wrote. They can choose a weaker place for a *new* login's key, where `config.custody.choice` allows it, and the login says which |
//! | a server that lies | refuse, delay, send odd replies, quote what was sent | have a piece of a secret printed, have its words taken for ours (in JSON they stand in `server_says` alone, so that an agent that obeys what it reads can tell), put more than one word into a command to copy, reach the terminal unfiltered (controls, overrides, length; in a locale that is not UTF-8, letters beyond ASCII, whose bytes can be controls), move a login to another subject or token type, redirect a request, or fill memory (1 MiB a reply, compressed or not) |
//! | between you and the server | drop packets | read or change them: https only, the operating system's roots and those that the host adds |
//! | another user of the machine | read world-readable files, run a D-Bus | read the home (0700, owner and mode checked by handle; one that others can read is refused) or its locks, or be taken for the secure store |
//! | who steals a backup or the disk | have the sealed records | open them: the key is in the OS store or the kernel; erased at logout, every copy of a record is noise. Under a passphrase they can try passphrases, at 64 MiB and 3 passes each; a key file in the same backup opens them |
//! | restores or copies a state folder, by mistake | have an older record, or one that lives elsewhere | end the login with it: a record older than one that this machine has seen, or of another machine, is named and its refresh token not sent |
//! | wants to hide what was done with a login | edit, cut or delete the trail | do so without a trace while a login lives that has sealed a line of it or made the code of one: `auth admin events --verify` says which line. Who runs as the same user can use the keys, and can forge both: evidence is what has left the machine ([`governance`](super::governance)) |
//! | reads the trail | learn who logged in when, to which server and account, from which programs, with the reasons that people gave | learn a token: fingerprints are made with the login's key. Programs are named, never their arguments, which can hold secrets |
//! | phishes with a device code | send you a page and a code | know that you compare: app, host, code and "only continue if you started this" are always shown |
//!
//! # How the state folder is believed
//!
//! It is believed no further than whoever could write it. What is in it, and why that is believed:
//!
//! | what it says | is believed because |
//! | --- | --- |
//! | which logins there are, which is the default, which folder has which | it may choose: `index.json` is plain text |
//! | whose a login is, by which client, for which org, under which name | the record says the same, which only the login's key opens, and the mark of name and org is made with that key. A difference is an error: nothing is sent, nothing is erased |
//! | where secrets go | issuer and client are the configuration's. An endpoint on the issuer's own origin is. Another one is named by the configuration or by the issuer's metadata, which is asked over TLS before anything is sent |
//! | which key store has a key | the host allows it (`Custody::Only`, for reading too) |
//! | that a key is of no use any more | a file of this folder is sealed with it, or a mark in `index.json` is made with it |
//! | that the server refused a refresh token | the note is proven by the login's key |
//! | that a key file is ours | it has sealed a login here |
//! | what happened (`trail.jsonl`) | a living login has made the code of the line, or has sealed it or one behind it; the rest is shown and proves nothing |
//! | how often a login was used (`<id>.uses`) | it is shown, and decides only whether a line of the trail is written again |
//! | what a passphrase costs to try | it is what this version writes, or one step more |
//!
//! Where it is believed at all:
//!
//! - *The platform's folder for this user*, by passwd(5) on Linux: owner and mode are checked (0700), by handle.
//! - *Root in another user's home* (`sudo` with `HOME` kept) creates no state folder: that user could not read it. An existing one of that
//!   user is refused as well. What hallpass creates is 0700 or 0600 whatever the umask.
//! - *A folder that a variable names* (`<APP>_HOME`, `XDG_STATE_HOME`, a `HOME` that is not the user's): the same, and outside any work
//!   tree (`.git`, `.hg`, `.jj`, `.svn` and the like around its real path), and without `..` in it. `auth login`, `status` and `doctor` name it. *What is left*: an archive that is
//!   unpacked outside a work tree can have a folder of mode 0700 in it. Whoever wrote that, and sets the variable, has their own login
//!   used, or a key file that they know sealing a new one there, and sees what the tool does with it; they get no secret of an older login or
//!   of the host. The login names such a folder.
//! - *A folder that the host names* (`Config::state_dir`): the host answers for it.
//! - *On macOS* no list says whose home is where: `HOME` is believed. *On Windows* owner and rights of a folder are not looked at: what
//!   lies below `%LOCALAPPDATA%` is the profile's own, and `%LOCALAPPDATA%` itself is believed; work trees are refused there too.
//!
//! # How the environment is believed
//!
//! | variable | may choose | may not |
//! | --- | --- | --- |
//! | `<APP>_CONTEXT`, `<APP>_ORG` (a host may name these otherwise, or not at all: [`Variables`](crate::config::Variables)) | which login, which org of it | the server |
//! | `<APP>_TOKEN` | the token itself, which is said wherever it matters; it needs no `HOME` and no state folder | what a login's own token is used for |
//! | `<APP>_CUSTODY` | the key store of a new login's key, among those allowed | where a login's key is read |
//! | `<APP>_HOME`, `XDG_STATE_HOME`, `HOME` | the state folder, as above | |
//! | `DBUS_SESSION_BUS_ADDRESS`, `XDG_RUNTIME_DIR` | a D-Bus of this user or of the system, on this machine. *What is left*: the store's own connection is a second one, and whoever can exchange the socket between the two is believed | a bus of another user |
//! | `CREDENTIALS_DIRECTORY` | the key that a *new* login is sealed with, from files that others cannot write or read | |
//! | `SSL_CERT_FILE`, `SSL_CERT_DIR`, proxies | roots and way, see below | |
//! | `DISPLAY`, `WAYLAND_DISPLAY` and what else says where the desktop is | where a page opens | which program opens it: `XDG_DATA_HOME`, `LD_PRELOAD`, `GTK_MODULES`, `BROWSER` and others do not reach that, and its home is the user's own |
//!
//! The line break at a variable's end (`\r`, `\n`) is no part of its value, and an empty variable is unset.
//!
//! # Doors through which a secret leaves
//!
//! `AccessToken::expose`, `Session::authorization` and `auth token` (an access token, to the caller). The headers of `authorization` are for
//! one request: only https (or plain http to this machine, where the host allows it) gets them, they are marked as secret for loggers, and
//! the text is wiped with its last copy; where the caller's request takes them is the caller's choice. Where orgs are told by token exchange, an access token goes to the
//! token endpoint of its own login, too. A client secret and a refresh token go to the
//! token and revocation endpoints of their own login. A code verifier (PKCE) goes to the token endpoint with the polls of its login. There is
//! no other way out for a refresh token, a device code or a code verifier. A sealing key goes
//! to the key store that the login, or a person with `doctor --move-to`, chose for it; and, where the host asked for it
//! (`config.custody.key_cache`), for a time to the kernel's keyring of the user. A user code is shown, drawn as a QR code, and, with the address, put
//! into the terminal's clipboard when the person presses a key for that: other programs of the desktop can read it there. It is good for
//! one login, which somebody still has to approve.
//!
//! # Doors through which a secret comes in
//!
//! | door | who else is there |
//! | --- | --- |
//! | a passphrase, typed | nobody: the terminal shows nothing, and has its echo back after Ctrl-C, and while Ctrl-Z suspends the program |
//! | a passphrase on a descriptor (`<APP>_PASSPHRASE_FD`) | whoever wrote the file or pipe. The terminal's own three are not read |
//! | a passphrase in `<APP>_PASSPHRASE` | programs of this user, and children: used last, with a warning |
//! | a key file | refused where others can read it, or own it |
//! | systemd's credential `<app>.key` in `$CREDENTIALS_DIRECTORY` | the system. Refused where others can read or write it. Whoever sets the variable at a login could have it sealed with a key they know; they would need the state folder as well |
//! | the login file of an older version ([`Auth::adopt`](crate::Auth::adopt)) | whoever could read the file: its refresh token is exchanged at once, and a server that rotates tokens then refuses every copy. A file that others could have written is refused: a symbolic link, a file or folder of another user or open to others' writes, a file in a work tree. The file chooses no server: its token goes to the configuration's issuer, and is sealed before it is sent. *What is left*: somebody who can write the file as this user can put their own login there. The prompt is told whose it is, it takes no name of another account and does not become the default beside another login |
//! | tokens that a host has in memory (`Adoption::of_tokens`) | the host, and the library that it has them from |
//! | a copy of a key in the kernel | programs of this user. One that is not the record's key is not used |
//!
//! # What is not protected
//!
//! - *Processes of the same user* can ask an unlocked OS store for the key, read it in the kernel's keyring of the user, and read the
//!   memory of a process that is not hardened. hallpass keeps secrets out of files, arguments and logs, and wipes them after use, on
//!   its stacks too; what `hyper` and `rustls` leave of requests and replies is wiped where the host sets the allocator of the
//!   feature `zeroizing-allocator`. The numbers are below.
//!   [`harden_process`](crate::secret::harden_process) keeps debuggers and crash dumps out; the `auth` subcommands do it.
//! - *A screen that is locked*: the copy of a key in the kernel outlasts a keyring that locks itself, until its time is over.
//! - *A whole state folder restored* where there is no `config.custody.key_cache`, after a reboot, or on macOS and Windows: nobody remembers then that
//!   its record is old.
//! - *An access token that was handed out* is valid until it expires, after a logout too, unless the server checks.
//! - *TLS roots and proxies come from the environment too* (`SSL_CERT_FILE`, `SSL_CERT_DIR`, `HTTPS_PROXY` and their like), as
//!   company networks need it: who sets both can stand between you and the server. `auth login` and `auth status` say which of
//!   them are set. A proxy that cannot be used is an error before anything is sent, and never a direct connection.
//! - *`localhost`* is this machine where `config.network.allow_loopback_http` is set, whatever the name service says of that name.
//! - *The client identifier is public*: anybody can run the same flow and ask you to approve it. Only you, comparing, and the
//!   server can stop that.
//! - *ID tokens and userinfo are believed for the TLS connection they come by*, not for a signature (OpenID Connect Core §3.1.3.7
//!   rule 6, §5.3.4): who stands between you and the server can also say who you are. `iss` and `aud` are checked.
//! - *A replaced login* (the same context logged in again) is revoked at the server if that does not end the new one
//!   (`config.quirks.revocation_reach`), if its key needs no person, and if no refresh of it was interrupted or refused. Else it ends there when
//!   it expires.
//!
//! # What is left in memory
//!
//! Copies of secrets in a process that has logged in, taken a token, refreshed, taken another and dropped everything, counted from
//! outside over all of its memory and again in a core (text, UTF-16, base64, raw bytes, and what is left of half a copy):
//!
//! | | while logged in, between two calls | after the drop, usual allocator | after the drop, zeroizing allocator |
//! | --- | --- | --- | --- |
//! | access tokens | 1: the one that is served | 1 or 2, in replies: rustls | 0 |
//! | refresh tokens, spent ones too | 0 | 2 to 4, in replies: rustls | 0 |
//! | device code | 0 | 0, or 1 in a reply: rustls | 0 |
//! | client secret | 1: the configuration's | 1 or 2, in request heads: hyper | 0 |
//! | sealing key | 0 (with `memory`: 1) | 0 | 0 |
//! | passphrase | 0 (from a descriptor: 1, as a pipe is read once) | 0 | 0 |
//! | hallpass's own buffers, oauth2, serde, zbus, stacks | 0 | 0 | 0 |
//!
//! The first column is with the zeroizing allocator; with the usual one, what rustls and hyper leave comes on top. The second is what
//! stayed in some runs: freed memory is written over sooner or later, so that others may see less or more. The owners are told by
//! what stands around a copy, and by a run without TLS, in which no reply is left. The command is
//! `cargo test --all-features --test real residue -- --nocapture`; it fails where a number is not what it should be.
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
