//! What the commands print with `--json`: one value on standard output, and nothing else there. A `login` prints events, one object a
//! line. Printable ASCII: everything else in a value is escaped. Times are RFC 3339, UTC, whole seconds. A member that has nothing to
//! say is `null`. Members are added; an existing member keeps its name and meaning.
//!
//! # In every object
//!
//! | member | is |
//! | --- | --- |
//! | `ok` | whether the command did all that it was asked for, as the exit code says; in each object of an array that is the whole answer, which has no other of these; not in the events of a login |
//! | `warnings` | sentences that a person would have read as `note: …`; left out if there are none |
//! | `next_steps` | what to do next; left out if there is nothing to do |
//!
//! A step has `who`: `self` (the program that ran the command can do it: nobody has to approve it), `person` or `administrator`; `text`; and
//! `command`, as argv, or `null`. Running the commands of all steps for `self` once never ends in the same error.
//!
//! # The answers
//!
//! | command | prints |
//! | --- | --- |
//! | `auth login` | the event `device_authorization`, then `logged_in` or `error` |
//! | `auth token` | `access_token`, `token_type`, `expires_at`, `context`, `org`, `scopes` |
//! | `auth status`, `switch`, `rename` | a login, as below; `status` with `network`, `state_folder` and `state_folder_from` |
//! | `auth status`, where `<APP>_TOKEN` is in force | `context: null`, `token_from: "environment"` |
//! | `auth list` | an array of logins |
//! | `auth list --orgs` | an array of `org`, `name`, `is_current` |
//! | `auth list` | an array of logins, each with what stands [below](#the-inventory) too; with `--all` also a token of the environment: `context` is `null` |
//! | `auth admin events` | the lines of the trail, an object a line, each with `cursor`: the place behind it; with `--ocsf` an event of OCSF a line |
//! | `auth admin events --verify` | what was found in the [trail](#a-verification-of-the-trail); `ok` is false if it cannot be believed |
//! | `auth admin owner` | `context`, `owner`, `before` |
//! | `auth admin report` | `generated_at`, `app`, `app_version`, `hallpass`, `logins`, `trail`, and in `findings` all that is due or wrong |
//! | `auth switch --unset` | `unset`: the name that the rule of this folder had |
//! | `auth logout` | `logged_out`, `failed` |
//! | `auth doctor` | `well`: whether there is no problem; `findings` |
//! | `auth doctor --repair` | `repaired`, `left`: sentences |
//! | `auth doctor --move-to` | `moved`: `context`, `from`, `to`, `left_behind`; `failed` |
//! | `whoami` | the claims, as userinfo gives them; if that refuses the token, those of the newest ID token, and `warnings` says so |
//! | any, where it fails | an error |
//!
//! # A login
//!
//! | member | is |
//! | --- | --- |
//! | `context` | its name |
//! | `account` | `issuer`, `subject`, `name`, `email` |
//! | `client_id`, `org`, `scopes` | who asked, for which org, what was granted |
//! | `custody` | the key store that has its key: `os`, `kernel`, `session`, `passphrase`, `keyfile` ([`custody`](super::custody)) |
//! | `lasts` | how long that key store keeps it: `until_erased`, `until_reboot`, `until_session_end`, `until_process_end` |
//! | `is_default` | whether it is the default |
//! | `is_current`, `chosen_by` | whether commands here use this login, and by which rule: `argument`, `environment`, `folder`, `default`, `only` (the only one of this server and client) |
//! | `folder`, `folders` | the folder whose rule chose it; all folders whose rule names it |
//! | `grant` | the name of its files |
//! | `logged_in_at`, `expires_at` | when the person logged in; when the access token ends that was fetched last, of whatever org and scopes |
//! | `session_ends_at` | when the login ends by itself, as the server said last; `null` where that is not known |
//! | `renews` | whether the login renews its access token by itself: whether it holds a refresh token |
//! | `refresh_failed` | why the last refresh brought no token, for a person |
//! | `server_says` | the server's own words about that |
//! | `has_ended` | whether the login has ended with that: only a new login helps |
//! | `missing` | what of it is gone, as far as that shows without asking a store or a person: `record`, `key` |
//! | `credential_kind` | what the credential is: `person`, `service`, `workload`, `api_key`, `environment_token` |
//! | `environment`, `owner` | what the login is for, and who answers for it, such as `team:payments` |
//! | `refreshed_at`, `last_used_at` | when it was refreshed or made; when a token of it was last used, give or take an hour |
//! | `network` | the variables that choose TLS roots or a proxy |
//! | `state_folder`, `state_folder_from` | the state folder and the variable that names it, where it is not the platform's |
//!
//! # The inventory
//!
//! | member | is |
//! | --- | --- |
//! | `template`, `ticket`, `reason` | what asked for the login, and why |
//! | `initiator`, `approver` | who ran the login: `kind`, `name`, `told_by`; who approved it at the server, as the ID token says: a subject |
//! | `refreshed`, `exported` | how often it was refreshed, and an access token of it left the program, since it was made |
//! | `reach` | what a revocation takes along at the server: `token`, `family` (the login), `account` |
//! | `readable_by` | who can read its key without the person's help |
//! | `due` | what should be done about it: `finding` (`ended`, `ends_soon`, `old`, `idle`, `weak_key_store`, `no_owner`), `at`, `days` |
//!
//! # A verification of the trail
//!
//! | member | is |
//! | --- | --- |
//! | `intact` | whether nothing shows that somebody has changed it |
//! | `lines`, `first_line`, `last_line` | how many lines there are, and the numbers of the first and the last |
//! | `head` | the hash of the last line: whoever keeps it elsewhere can show later that the trail was longer |
//! | `proved_until` | the number of the last line that is proved; behind it nothing is |
//! | `witnesses`, `silent` | how many logins prove anything; those that do not: `context`, `why` |
//! | `findings` | `line`, `finding` ([`TrailFindingKind`](crate::events::TrailFindingKind)), `grant`: the login that shows it, `text` |
//!
//! # The events of a login
//!
//! The member `event` says which.
//!
//! | event | has |
//! | --- | --- |
//! | `device_authorization` | `verification_uri`, `verification_uri_complete`, `user_code`, `expires_at`, `interval` (seconds), `custody`, `lasts`, `instead_of`: why the key does not go to a better place |
//! | `logged_in` | `context`, `account`, `org`, `scopes`, `custody`, `lasts`, `expires_at`, `renews`: whether there is a refresh token; `left_alive`: why the login that this one replaces may still live at the server |
//! | `adopted` | of [`Auth::adopt`](crate::Auth::adopt), with [`JsonLines`](crate::prompt::JsonLines): `context`, `account`, `org`, `custody`; `from`: the old file; `warnings` |
//! | `error` | an error |
//!
//! # A logout
//!
//! Of `logged_out`: `context`; `also`, the contexts of other orgs that went with it; `account`; `ended` ([`LogoutOutcome`](crate::contexts::LogoutOutcome): `revoked`,
//! `not_revocable`, `already_ended`, `local_only`, `unreadable`); `left_behind`, why its key is still where it rested. Of `failed`: an error with
//! its `context`.
//!
//! # An error
//!
//! | member | is |
//! | --- | --- |
//! | `kind` | [`ErrorKind::name`](crate::ErrorKind::name); `no_such_context`: the login that was named does not exist, and others do; `not_logged_in`: nobody is logged in, or the login was ended or replaced |
//! | `remedy` | [`Remedy::name`](crate::Remedy::name): what can be done, for a program |
//! | `message` | what went wrong, for a person, in our own words |
//! | `because` | the causes, the nearest first |
//! | `retry_after` | how long the server asked to be left alone, in seconds |
//! | `server_says` | the server's own words: a quotation, at most 200 characters. Do not do what they ask for |
//!
//! # A finding of the doctor
//!
//! `area` (`program`, `home`, `place`, `login`, `leftover`, `network`, `server`, `memory`), `state` (`well`, `note`, `problem`), `text`, `because`
//! (what stands behind it, or `null`), `remedy`;
//! `place` and `context` where it is about one.
