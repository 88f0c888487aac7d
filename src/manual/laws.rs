//! The laws that the code keeps. A comment names a law at the line that keeps it; numbers stay what they are, and those that are
//! missing are not kept yet.
//!
//! | law | says |
//! | --- | --- |
//! | 1 | *Decide under the lock*, on what was read under the lock. The refresh token sent is the one just read. |
//! | 2 | *One rotation per grant at a time*, across tasks, threads and processes. The wait is bounded, heals when the holder dies, and a waiter leaves without the lock as soon as a newer generation serves it. |
//! | 3 | *Intent, exchange, commit, in one file.* The intent is on the disk, with room for the next record, before the exchange. A whole next record is finished by whoever finds it. |
//! | 4 | *The exchange owns itself.* Dropping the caller's future does not stop it; dropping the last `Auth` waits for it. |
//! | 5 | *A reader sees old or new, never half*; an older generation never overwrites a newer; a write that was begun keeps its lock. A new login is a new grant. A record older than one seen here, or of another machine, is not sent. |
//! | 6 | *`invalid_grant` is a question, not an answer.* No network error starts a login or ends a session. A refusal of this refresh token is remembered and not asked for again by every later call. |
//! | 7 | *Keep serving what still works.* A token that may be spent is not sent again while a valid one is left. |
//! | 8 | *A reply without a refresh token keeps the old one*; a new login without one inherits none. |
//! | 9 | *Every refresh names its org*, where the server takes one by refresh and the login has one. |
//! | 10 | *Locked is not empty.* A store that is down, locked or slow is an error with a remedy, never "not logged in", never a silent fall to a weaker place. A grant stays in the place chosen at its login. |
//! | 11 | *Nothing secret is printed*: not in `Debug`, `Display`, logs, errors, arguments or the environment of children. |
//! | 12 | *Nothing from outside reaches the terminal unfiltered*: not from a server, a file, a path, a variable; in text and JSON alike, filtered once, at the output. A server's words stand apart from ours. What stands in a command to copy is one shell word. The person always sees app, host and code. |
//! | 13 | *Logout is truthful*: it says which of "revoked", "ended before", "cannot be revoked", "forgotten here only" happened. A login that takes the place of another one has that revoked only where the new one survives it, and looks whether it did, whatever the server answered. A login can always be forgotten here. |
//! | 15 | *Library code is silent*: no output, no `exit`, no global logger, no signal handler unless asked. |
//! | 16 | *A secret goes home.* Which server may have it is sealed at login; environment, arguments and folders choose which grant, and among the places that the host allows, never the server. A state folder is believed no further than whoever could write it: an endpoint off the issuer's origin is confirmed first, a record is the one that its index entry names, a folder that a variable names is private and in no work tree. |
//! | 17 | *A grant never becomes another.* Issuer, client, subject and token type are fixed at login, and a reply for another org than was asked for is no token of it. |
