//! Where keys rest: what a key store promises, how one is chosen, how a key moves.
//!
//! # Two halves
//!
//! A login is in two places, and neither is worth anything without the other.
//!
//! | | is | changes |
//! | --- | --- | --- |
//! | in the key store | one sealing key: 32 random bytes as 53 characters, one item for each login | never: written at login, copied by a move, erased at logout |
//! | in the state folder | the record: tokens, account, where they may be sent; sealed by that key | at every refresh |
//!
//! So a store is written to once in the life of a login, and a refresh is a write to a file, which is quick, can be fsynced, and
//! has no limit of size. And to erase one small item makes every copy of the record unreadable, those in backups too.
//! [`login`](super::login#on-disk) says what each file holds.
//!
//! # What a key store promises
//!
//! The README has the table of the key stores. A key store says of itself, as [`Protection`](crate::custody::Protection), how long it keeps a key
//! and who can have it without the person's doing. `auth login` and `auth status` tell the first, `auth doctor` both.
//!
//! | key store | a key is kept | can be read by | the item is |
//! | --- | --- | --- | --- |
//! | `os` | until logout | programs of this user, while the store is unlocked | in the store, under the app's name and the login's id |
//! | `kernel` | until the next reboot | programs of this user | `hallpass:<app>:<id>` in the user's keyring |
//! | `session` | until this login session ends | programs of this login session | the same, in the session's keyring |
//! | `passphrase` | until logout | whoever has the state folder and the passphrase | `grants/<id>.<app>.passphrase`, sealed by what Argon2id makes of the passphrase |
//! | `keyfile` | until logout | whoever reads the state folder and the key file | `grants/<id>.<app>.keyfile`, sealed by the key in `key`, or in systemd's credential `<app>.key` |
//! | `memory` | until this process ends | this process | in the process |
//!
//! All of them are software; hallpass does not know which hardware a store uses. None keeps a
//! secret from root.
//!
//! # How one is chosen
//!
//! Once, at the login, before the person is asked to open a page:
//!
//! 1. The host says what is allowed: with [`Custody::Auto`](crate::custody::Custody::Auto) all of them, and unasked `os`, then `kernel`; with
//!    [`Only`](crate::custody::Custody::Only) these in this order; or a [`Custom`](crate::custody::Custody::Custom) key store of its own.
//! 2. `<APP>_CUSTODY` names one, `--ephemeral` wants one that forgets by itself (`session`). Neither can choose what the host
//!    does not allow.
//! 3. The first that could take a key now is taken. One that is away or does not answer is passed over, and the login says
//!    so before it shows the code. One that is *locked* is not: a person at a desktop is asked to unlock it, else the login ends and
//!    says how.
//! 4. Where there is none, the login fails and names the others. `passphrase` and `keyfile` are never taken unless host or person has named them.
//!
//! The key store's name goes into the index, beside the login. From then on only that one is asked, whatever the variable says later: it is
//! for new logins. A host that names key stores by [`Only`](crate::custody::Custody::Only) names them for reading too, since whoever writes
//! the index could else have a key read from where they put it.
//!
//! A key file that lies in the state folder before a login was sealed with it is set aside as `key.unused` (`key.unused-2`
//! and so on where there is one), and the doctor names it: whoever put it there knows it. A key file of one's own is systemd's credential.
//! A key is erased only where a file of the state folder is sealed with it, or a mark in its index is made with it: other state folders
//! may have theirs in the same key store.
//!
//! # How a key moves
//!
//! By a person's word: `auth doctor --move-to PLACE`, or [`Auth::move_keys`](crate::Auth::move_keys). Under the login's lock the key is copied,
//! read back and compared, named in the index, and only then erased where it was. Killed at any step, the login works, and the
//! same move done again finishes it. A key that cannot be erased in the old key store is reported
//! (`left_behind`). The tokens
//! do not move, and the server hears nothing of it.
//!
//! # What is never done
//!
//! - A key store that is locked, away or slow is never an empty one: it is an error with a remedy, and not "log in again".
//! - A key that cannot be reached is never looked for elsewhere, and never put elsewhere: no fall to a weaker key store later.
//! - No token, and no key that opens one, rests in the clear, except the key file that was asked for.
//! - No store is asked for a list to find out who is logged in: the index says that.
//! - No passphrase is asked for while a lock is held.
//!
//! # The copy for speed
//!
//! With [`CustodyConfig::key_cache`](crate::config::CustodyConfig::key_cache) the kernel keeps a copy of a key for that time (Linux), of those that rest in a key store
//! which lasts and has to be asked: `os`, `passphrase`, or a host's own. It is a copy and not a key store: nothing depends on it, one that is
//! not the record's key is not used, logout and a move erase it. What it weakens is in [`threats`](super::threats).
//!
//! # A key store of your own
//!
//! Implement [`KeyStore`](crate::custody::KeyStore): three methods that matter, each with its cases.
//! [`KeyStoreName::custom`](crate::custody::KeyStoreName::custom) makes its name. An item is ASCII, 200 bytes at most. With the
//! feature `testing`, `testing::check_key_store` names the case that it breaks.
