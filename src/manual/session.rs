//! How a session survives: races, crashes, lost replies, full disks.
//!
//! # When a token is fetched
//!
//! | what is left of the token at hand | what happens |
//! | --- | --- |
//! | more than its refresh window (5 min, or a tenth of its lifetime where that is less; the beginning is jittered) | it is served: no network, no write but the hourly mark of its use |
//! | less than that | it is served, and one caller that finds the lock free fetches the next one first. If that fails it serves the old one, and nobody tries again for a quarter of the window (30 s at most) |
//! | less than 10 s (a twentieth of its lifetime where that is less), or than `min_validity` | the next one is fetched, or waited for. What is still valid is served where that fails, unless `min_validity` or `refresh` asked for more |
//!
//! A token ends when the reply's `expires_in` is over. Where there is none, or 0, an access token that is a JWT ends at its own `exp`,
//! which is read unverified and for this alone; its life is counted by the server's `Date`. Where nobody knows the end, the token is
//! served until a resource refuses it, and more than no `min_validity` is an error.
//!
//! # One refresh
//!
//! ```text
//!   lock <id>.lock ── read record ── decide ── write intent, take room ── exchange ── write record ── rename ── unlock
//!                     (under lock)             (.next, fsync)                         (.next, fsync)  (.next → <id>, fsync)
//! ```
//!
//! One thread owns lock, exchange and commit, whatever becomes of its caller; callers of one session share it. Others wait for
//! the lock, at most `Config::lock_timeout`, and leave the queue as soon as a newer generation serves them. Who waited while the
//! refresh failed takes that answer, and does not ask the server the same once more.
//!
//! # Rotation in one picture
//!
//! Token 7 is on disk and due. One process holds the lock; where it dies, the lock is free at once.
//!
//! ```text
//!  who holds <id>.lock                 <id>   <id>.next          dies here: whoever comes next
//!  ─────────────────────────────────   ────   ────────────────   ──────────────────────────────────────────
//!  lock, read <id> again               7      -                  goes on: nothing was sent
//!    │  serves by now? serve it, unlock
//!  intent   "7 is being sent", room    7      intent             7 may be spent, and may be good still:
//!    │      fsync, then only send                                serves what is valid, and sends 7 once
//!  exchange 7 ──► server ──► 8         7      intent             more when nothing valid is left
//!    │
//!  commit   8 into <id>.next           7      half of 8          the same: half a record is none
//!    │      fsync                      7      8, whole           renames 8, and nothing is lost
//!  publish  <id>.next becomes <id>     8      -                  serves 8
//!    │      fsync of the folder
//!  unlock                              8      -
//!
//!  who waits: looks every 10 ms, for Config::lock_timeout at most
//!    ├─ <id> is 8 and serves        leaves with it, without the lock
//!    ├─ the lock is free            takes it and begins at the top
//!    │    └─ the holder has failed  takes its error too, where no token is valid, and asks nobody
//!    └─ the time is over            serves 7 while it is valid, else an error names the process that refreshes
//!  who has a token that is due early only does not wait: it serves 7
//! ```
//!
//! The numbers are generations of the record. The intent takes the room that the next record will need, so that a full disk is
//! found before the exchange. A disk that refuses the commit is asked again for three seconds, under the lock: what the server
//! has sent is the only copy. `tests/processes/kill.rs` kills after each of these steps, `tests/it/refresh/explorer` tries every
//! order of several callers.
//!
//! # What a process leaves that dies
//!
//! | killed | `<id>.next` then | the next process |
//! | --- | --- | --- |
//! | before the intent, or after the rename | is not there | goes on |
//! | between intent and commit | is an intent, or half a record | sends the old token once more, when no valid one is left. The server may not have had it, or may take it again for a while (a grace period): nothing is lost. Else the login is over, and the error says so: `interrupted` |
//! | when the record was written, and not yet renamed | is the next record, whole | renames it |
//!
//! A reply that was lost is like a crash. It is asked for again at once only when no valid token is left: a server that takes the
//! second use of a token for theft ends the login, and what is left of the old token would go with it.
//!
//! # What a no of the server means
//!
//! | the server says | and | so the error is |
//! | --- | --- | --- |
//! | `invalid_grant` | a newer record is on disk | none: that one is served |
//! | `invalid_grant` | an exchange before it may have been heard | `interrupted`: log in again |
//! | `invalid_grant` | the server had said how long the refresh token lives, and that is over | `expired`: log in again |
//! | `invalid_grant` | it is not over | `revoked`: by somebody, or because a token was used twice |
//! | `invalid_grant` | it never said | `expired`: expired or revoked |
//! | an empty body with status 400 or 401, `refresh_token_reused`, `interaction_required`, or that a "refresh token" is "expired" | | as `invalid_grant` |
//! | `invalid_client`, `unauthorized_client` | | `authorization_server`: the client is wrong, correct `client_id` |
//! | 429, 503, a web page, or no connection | no valid token is left | asked again three times within 10 s, then `unreachable`; after a 503 or a page, a refusal is `interrupted`, since a gateway says so of a reply that it has lost, too |
//! | 429, 503 … with `Retry-After` over 10 s | | `unreachable`, and for up to a minute nobody asks again |
//! | a web page | | `unreachable`: a firewall or a captive portal answered, not the server |
//! | nothing, or nothing that can be read | | `unreachable` or `protocol`; the login is still there |
//! | `invalid_scope` | fewer scopes than the login's were asked for | `authorization_server`: the scopes are refused; nothing is noted of the login |
//! | a token of another org | | `protocol`; the token is left out, and the login goes on |
//! | a token of another person or type | | `protocol`: log in again. The record stays as it was. The next call without a valid token sends the old one once more |
//! | `invalid_grant` | the reply before it was of another person or type | `interrupted`: log in again, and the error says that it was refused |
//!
//! A token that was refused is not sent again for ten minutes, unless `--refresh` asks for it: the note in `<id>.next` answers, and the
//! login's key proves it. One server bans a client after five refused refreshes. A refusal of fewer scopes, or of one org of several,
//! says nothing of the login.
//!
//! # What a no of an API means
//!
//! A host tells the session of a refusal: `Session::challenged` with status and `WWW-Authenticate`, or `Session::refused` if the API refuses
//! with status 200, as GraphQL does. Only origins in `Config::resources` count.
//!
//! | the API says | and | so the answer is |
//! | --- | --- | --- |
//! | 401 without a challenge or with `invalid_token`; `refused` | a newer token is in memory, or this origin had none replaced within the last minute | `Retry`: with the token that `access_token` gives next |
//! | the same | the login has no refresh token, was refused by the server, or is gone | `LogIn` |
//! | the same | this origin had one replaced within the last minute | `NotAllowed`: the token is fresh, so a right is missing |
//! | 403, or 401 with `insufficient_scope` | | `NotAllowed` |
//! | 401 with `insufficient_user_authentication` and a demand (RFC 9470) | | `StepUp` |
//! | anything else; another origin; a token for another target, or from the environment | | `GiveUp` |
//!
//! A server that has ended a login is asked once: the first answer is `Retry`, `access_token` says that the login has ended, and from then
//! on the answer is `LogIn`. An answer other than `Retry` marks nothing: `access_token` goes on to serve the token, as other APIs may
//! accept it.
//!
//! # What a no of userinfo means
//!
//! `whoami` and `list --orgs` ask the userinfo endpoint with a valid token. A token that is refused as invalid is renewed once, unless it
//! was fetched within the last minute: a new one would be refused as well. If the next one is refused too, or the first one for another
//! reason (scopes, a token for another resource), then the newest ID token answers; if it does not have what was asked, the error gives
//! the server's reason. It never says "log in": the token of a new login would be refused too.
//!
//! # What a re-use takes with it
//!
//! | server | a spent refresh token that comes again ends |
//! | --- | --- |
//! | Better Auth 1.7 (`@better-auth/oauth-provider`) | *every login of that person with this client, on all machines*; at the token endpoint and at the revocation endpoint alike. Seen in `tests/real` |
//! | oidc-provider 9 | its own login. Seen in `tests/real` |
//! | django-oauth-toolkit 3 | its own login, where `REFRESH_TOKEN_REUSE_PROTECTION` is on. Seen in `tests/real` |
//! | django-allauth 65 (`allauth.idp.oidc`) | nothing: it is refused, at the revocation endpoint ignored. Seen in `tests/real` |
//! | Authlib 1.9 | nothing by itself, and what its owner adds. Seen in `tests/real` |
//! | Auth0, with rotation | its own login, by its documentation |
//! | Entra ID | nothing: the old token stays usable, by its documentation |
//! | others | unknown; treated like its own login (RFC 9700 §4.14.2) |
//!
//! So a token whose refresh was interrupted is not sent to be revoked when a new login takes its place, and a token that the server
//! has refused is not sent at a logout, unless an org was named with it that may be what was refused. An interrupted login that is logged
//! out is still revoked: nothing else can end it there.
//!
//! # What fewer scopes take with them
//!
//! RFC 6749 §6 of a refresh for fewer scopes: "If a new refresh token is issued, the refresh token scope MUST be identical to that
//! of the refresh token included by the client in the request." Many servers do not obey. On Better Auth 1.7, django-oauth-toolkit 3,
//! django-allauth 65 and Authlib 1.9, one token for fewer scopes leaves the *whole login* with these scopes alone, until the next login.
//! On oidc-provider 9 it does not. All five are seen in `tests/real`. Each token names its scopes, so that a caller can see this. For
//! fewer scopes on such a server, make another login: `auth login --context NAME --scope S`.
//!
//! # Jobs, signals and ends
//!
//! A call that needs the network, another program, a person or a lock returns a [`Job`](crate::Job). Its work runs on a thread of its own and
//! begins at the call, so a job that nobody polls goes on too. `.await` and `wait` only wait for it. A token in memory is a job that is ready:
//! it costs no thread. A thread that cannot be started is an error that comes out of the job. [`Auth`](crate::Auth) says what the
//! other calls do before they return.
//!
//! Dropping a job stops no exchange that has begun, and cancels a login that nobody has approved.
//! Dropping the last `Auth`, `Session` and `Job` waits for the exchange, 5 s at most. A `static` is never dropped, nor is anything when a
//! host calls `process::exit`: such a host calls [`Auth::shutdown`](crate::Auth::shutdown) or
//! [`Auth::shutdown_all`](crate::Auth::shutdown_all) first. Under `cli`, SIGINT, SIGTERM and the end of the terminal do the same,
//! and then exit 130, 143 and 129; a second signal ends the process at once.
