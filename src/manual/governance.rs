//! What happened to credentials, who did it, and whose they are.
//!
//! A login leaves standing access behind: the terminal that a person approved once can act for them for weeks. This page says what a security
//! team can ask: who holds what, since when, for what, until when, who made it, and what was done with it.
//!
//! # Whose it is
//!
//! A login can say what it is for and who answers for it. Nothing of it is required; a policy may require it.
//!
//! | option of `login` | says | can change |
//! | --- | --- | --- |
//! | `--owner team:payments` | who answers for it: `person:`, `team:`, `repo:` or `service:` and a name | by `admin owner`, which is an event |
//! | `--environment sandbox` | what it is for | never: a login for another environment is another login |
//! | `--ticket PAY-7`, `--reason "…"` | what asked for it, and why | no |
//!
//! They are sealed with the record. A login under the same name keeps the environment and the owner. `auth list` shows them, with the age of each
//! login, its last use, its end and what should be done about it; `auth list --due` has only the last of these, and exit code 7.
//!
//! # Who did it
//!
//! Each event says who ran the program: a *human*, an *agent* or *automation*, and how that was told (`told_by`). The first row that holds decides:
//!
//! | told by | is |
//! | --- | --- |
//! | the host: [`Config::actor`](crate::Config::actor) | what the host says |
//! | a variable that agents set for the programs that they start: `AGENT`, `AI_AGENT`, `CLAUDECODE`, `CODEX_SANDBOX` and others | an agent, by its name where the variable tells |
//! | a variable that CI systems set: `GITHUB_ACTIONS`, `GITLAB_CI`, `CI` and others | automation, by its name |
//! | a program among those that this process descends from (Linux) | an agent |
//! | a terminal that shows this process in its foreground | a human |
//! | nothing | automation: a pipe, a cron job, a service |
//!
//! A human is what is proved, not the default, and what a process says of itself only narrows: no variable makes a human of an agent. **This is advice, not a
//! wall.** Processes of one user can unset a variable, open a terminal, or write the trail themselves. What must hold against such a process has
//! to hold at the server.
//!
//! # What happened
//!
//! The table says which events each command can leave behind. Hosts that call the library have the same events, whatever their commands are called.
//!
//! | action | commands | events |
//! | --- | --- | --- |
//! | `login` | `login`, a step-up; a login where another ended | `login_started`, `login_succeeded`, `grant_created`, `login_failed`, `login_cancelled`, `revoked`, `revocation_failed`, `revocation_unsupported`, `logged_out` |
//! | `adopt` | none: the host's own, at its start | `imported`, `grant_created`, `refreshed`, `scrubbed`, `login_failed`, `login_cancelled` |
//! | `refresh` | `token`, `whoami`, each use of a session | `refreshed`, `refresh_failed`, `rotation_interrupted`, `expired`, `reuse_detected`, `anomaly` |
//! | `serve` | each use of a session in the host's memory | `token_served` |
//! | `export` | `token` | `exported` |
//! | `switch` | `switch --org` | `org_switched` |
//! | `move` | `doctor --move-to` | `moved` |
//! | `change_owner` | `admin owner` | `owner_changed` |
//! | `logout` | `logout` | `revoked`, `revocation_failed`, `revocation_unsupported`, `logged_out` |
//! | `repair` | `doctor --repair` | `logged_out` |
//!
//! # The trail
//!
//! The events stand in `trail.jsonl` in the state folder, a line each. It is only ever added to; at 16 MiB it is renamed to `trail-<number>.jsonl` and goes on
//! in a new file. No file is ever deleted here: copy them to where you keep evidence, do not move them.
//!
//! ```text
//! {"seq":12,"prev":"<hash of line 11>","grant":"<id>","mac":"<code>","event":{…}}
//! ```
//!
//! | what stands in a line | shows |
//! | --- | --- |
//! | `seq`, and in `prev` the SHA-256 of the line before | that lines were dropped, added, exchanged or edited, unless all later lines were made anew |
//! | `mac`, made with a key of the grant (HMAC-SHA-256) | that the line, and its place in the chain, are as the holder of that key made them |
//! | and in each sealed record a line that was there before it was made | that the trail was cut before that line, or exchanged for another one |
//!
//! `auth admin events --verify` holds all of it together. It finds a line that was edited, dropped, exchanged, added or chained anew, a trail that was cut or
//! deleted, and a trail of another machine; and it says from where on nothing is proved:
//!
//! - Behind the newest line of a login that still lives, nothing is proved: those lines have no living witness.
//! - When the last login is gone, nothing is proved at all.
//! - A line that was missing when a record was about to be replaced or erased is told of first (`trail_gap`): the record was its last witness.
//! - **Whoever runs as the same user can forge the trail and the records together**, as they can use the keys. Evidence is what has left the machine.
//!
//! # What the trail costs, and what it survives
//!
//! A login, a logout and a new owner wait until their events are on the disk; other events do not. The first export of an access token in an hour, for each login,
//! actor and destination, is an event, written before the first byte leaves; later ones are counted, and the next event says how many. The
//! same holds for tokens that a host is given in its own memory (`token_served`), and for refreshes that fail.
//!
//! A trail that cannot be written breaks no login. The lines that were lost are counted in `trail.lock`, in room that the file has already, and the next run
//! tells (`trail_gap`, with their number). Where a process is killed between a refresh and its event, the next run writes the line from the record.
//!
//! # Where events go
//!
//! [`Auth::events`](crate::Auth::events) returns them from a place on, at least once each. [`Event::to_ocsf`](crate::events::Event::to_ocsf) makes an event of OCSF 1.8.0 of one.
//! [`EventCode`](crate::events::EventCode) lists all of them, and a code keeps its name and its meaning. Who acts on shared signals can map them to CAEP: `revoked` and
//! `logged_out` are a session revoked, `login_succeeded` a session established, `grant_created`, `owner_changed` and `imported` a credential changed,
//! `org_switched` token claims changed.
//!
//! # What it answers
//!
//! The risks of the OWASP Non-Human Identities Top 10 (2025), what this crate does about each, and tests that show it. A test without the name of its
//! binary is in `tests/it`. A row with dashes is not done yet.
//!
//! | risk | what is done today | test |
//! | --- | --- | --- |
//! | NHI1 Improper Offboarding | a logout revokes, then erases, and says which happened; a replaced login is revoked; the inventory lists what is due | `logout::revocation::a_logout_revokes_then_forgets_and_says_so`, `logout::revocation::a_server_that_cannot_revoke_is_not_said_to_have_revoked`, `login::replaced::a_replaced_login_is_revoked_unless_the_new_one_would_end`, `cli::governance::what_is_due_is_listed_with_exit_code_7` |
//! | — by team, repo, age; queue when offline; `revoked_before` | later | — |
//! | NHI2 Secret Leakage | keys rest in the OS's store, tokens are sealed; no secret in output, logs, events, files | `redaction::a_life_from_login_to_logout_prints_and_stores_no_secret`, `servers::foreign_endpoints::an_endpoint_off_the_issuer_gets_no_secret`, `real::destination::the_environment_cannot_redirect_a_secret`, `real::residue::the_zeroizing_allocator_leaves_no_secret` |
//! | — `.env` check and scrub | later | — |
//! | NHI3 Vulnerable Third-Party NHI | a small tree with a budget; tokens are replaced only for configured origins | `architecture::dependencies::the_tree_keeps_to_its_budget`, `access_token::challenge::only_configured_origins_can_have_a_token_replaced` |
//! | — helper's host list, policy for clients | later | — |
//! | NHI4 Insecure Authentication | no password or implicit grant; PKCE where listed; issuer, subject and token type are fixed at the login | `login::pkce::a_server_that_lists_pkce_gets_challenge_and_verifier`, `refresh::replies::a_grant_never_becomes_another`, `account::id_token::a_foreign_id_token_is_refused_and_the_grant_revoked`, `login::replies::a_token_of_another_type_is_refused_and_revoked` |
//! | — `acr`, DPoP, `iss` of the redirect | later | — |
//! | NHI5 Overprivileged NHI | fewer scopes for one call; granted is kept and shown beside asked; a step-up asks for no more | `access_token::scopes::fewer_scopes_and_another_resource_have_their_own_tokens`, `login::replies::the_granted_scopes_are_kept_not_the_requested_ones`, `access_token::challenge::a_step_up_asks_for_no_more_scopes_than_the_login_had` |
//! | — templates, narrower agents, elevation | later | — |
//! | NHI6 Insecure Cloud Deployment Configurations | https or an allowed loopback only; a state folder that others can open is refused; files are for the owner alone | `servers::metadata::an_issuer_is_https_or_an_allowed_loopback`, `servers::configured::a_configured_endpoint_without_https_is_refused`, `state_dir::ownership::a_folder_open_to_others_is_refused_until_closed`, `state_dir::ownership::files_and_folders_are_for_their_owner_alone` |
//! | — workload identity | later | — |
//! | NHI7 Long-Lived Secrets | access tokens of minutes; refresh tokens rotate; a clock set back makes a token stale; a person is told before a login ends | `refresh::on_demand::the_rotated_refresh_token_replaces_the_old`, `refresh::clock::a_clock_set_back_makes_a_token_stale`, `cli::governance::a_login_that_ends_soon_is_told_of_once_a_day` |
//! | — `max_session_age`, idle limit, `service rotate` | later | — |
//! | NHI8 Environment Isolation | an environment is part of what a login is, and never changes; orgs have tokens of their own | `cli::governance::what_is_said_at_the_login_is_in_list_status_and_events`, `orgs::tokens::an_id_token_of_another_org_is_refused` |
//! | — a folder that names an environment, policy for each | later | — |
//! | NHI9 NHI Reuse | a record of another machine or out of a backup is not sent; a token used twice is a finding; a fingerprint joins the events of one token | `real::store_faults::a_copied_state_folder_on_another_machine_sends_nothing`, `trail::life::a_record_of_another_machine_is_an_anomaly`, `trail::life::a_token_that_was_used_twice_is_a_finding`, `trail::life::each_generation_has_one_line_and_joins_by_its_token` |
//! | NHI10 Human Use of NHI | who runs the program is in each event; agents and services are no interactive logons in OCSF; an environment's token is never replaced by a login | `trail::life::the_actor_is_the_one_that_the_host_tells`, `trail::ocsf::agents_and_services_are_no_interactive_logons`, `access_token::environment::an_environment_token_is_never_replaced` |
//! | — a person refused a service's credential | later | — |
//!
//! Controls that are often asked for: NIST CSF 2.0 PR.AA-01 (identities and credentials are managed) is the inventory; PR.AA-02 (identities are bound to
//! the context) is actor, initiator and approver; PR.AA-05 (least privilege) is scopes and environments; SP 800-53 AU-10 (non-repudiation) is the trail, as far as
//! [it can be believed](#the-trail).
//!
//! # A day in the life
//!
//! ```text
//! $ acme auth login --context work --owner team:payments --environment sandbox --ticket PAY-7
//! …
//! $ acme auth token
//! at_8fWq…
//! $ acme auth token --refresh
//! at_8fWq…
//! $ acme auth admin events
//! 2026-12-01T09:00:00Z  trail_started           by ada (human, from zsh); a trail begins
//! 2026-12-01T09:00:00Z  login_started           by ada (human, from zsh)
//! 2026-12-01T09:00:00Z  login_succeeded         work  by ada (human, from zsh); for sandbox; owner team:payments
//! 2026-12-01T09:00:00Z  grant_created           work  by ada (human, from zsh); for sandbox; owner team:payments
//! 2026-12-01T09:00:00Z  exported                work  by ada (agent fixer, from zsh); for sandbox; owner team:payments; to stdout
//! 2026-12-01T09:00:00Z  refreshed               work  by ada (automation nightly, from zsh); for sandbox; owner team:payments
//! 2026-12-01T09:00:00Z  exported                work  by ada (automation nightly, from zsh); for sandbox; owner team:payments; to stdout
//! $ acme auth admin events --verify
//! Proved until line 7, the last one.
//! Nothing shows that somebody has changed the trail.
//! $ sed -i s/fixer/nobody/ ~/.local/state/acme/trail.jsonl
//! $ acme auth admin events --verify
//! forged: line 5 is not as the key of its login has made it
//! missing: line 5, which a login has sealed, is not there
//! broken: line 6 is not chained to the line before it: one of the two was edited
//! But for these, the lines are proved until line 7, the last one.
//! The trail is not as it was written.
//! (exit code 1)
//! ```
