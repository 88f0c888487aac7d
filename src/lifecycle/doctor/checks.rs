//! Examines this machine: each check returns its findings.

use std::time::{Duration, SystemTime};

use crate::custody::{KeptUntil, KernelCache, KeyStore, KeyStoreError, KeyStores, UNUSED_KEY_FILE};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Entry, Index};
use crate::lifecycle::doctor::orphans::{Orphans, all_grants, records};
use crate::lifecycle::doctor::report::{Area, Finding, Report};
use crate::model::error::{Remedy, Result};
use crate::oauth::metadata;
use crate::records::grant_files::{GrantFiles, LastFailure};
use crate::records::open_grant::OpenGrant;
use crate::records::record::Record;
use crate::state_dir::StateDir;
use crate::system::clock::Cancel;
use crate::system::environment::{Machine, system};

/// Examines this machine, the key stores, the logins and the server.
pub(crate) fn examine(app: &App) -> Report {
    let key_stores = app.quiet_key_stores();
    let mut findings = vec![program(app)];
    let state_dir = open_state_dir(app, &mut findings);
    let index = read_index(state_dir.as_ref(), &mut findings);
    findings.extend(key_stores.all().iter().filter_map(|store| key_store(&**store, &key_stores, index.as_ref())));
    findings.push(key_store_of_a_new_login(&key_stores));
    if let (Some(state_dir), Some(index)) = (&state_dir, &index) {
        findings.extend(index.contexts.iter().map(|entry| login(app, &key_stores, state_dir, entry)));
        match Orphans::find(app, &key_stores, state_dir, index) {
            Ok(orphans) => findings.extend(describe_orphans(&orphans)),
            Err(error) => findings.push(Finding::error(Area::Leftover, &error)),
        }
    }
    findings.extend(network(app));
    findings.extend(memory(app, state_dir.as_ref()));
    findings.push(server(app));
    Report { findings }
}

fn program(app: &App) -> Finding {
    let at = match Machine::here() {
        Machine::Plain => "",
        Machine::Ssh => ", over SSH",
        Machine::Wsl => ", in WSL",
        Machine::Flatpak => ", in Flatpak",
        Machine::Snap => ", in a snap",
        Machine::Container => ", in a container",
    };
    let person = match (app.config.environment.has_a_person(), app.config.environment.terminal) {
        (true, _) => "with a desktop and a terminal",
        (false, true) => "with a terminal and no desktop",
        (false, false) => "with no terminal",
    };
    let (app, version) = (&app.config.app, env!("CARGO_PKG_VERSION"));
    Finding::well(Area::Program, format!("{app} with hallpass {version} on {}{at}, {person}", system()))
}

fn open_state_dir(app: &App, findings: &mut Vec<Finding>) -> Option<StateDir> {
    let path = match app.state_dir_path() {
        Ok(path) => path.display(),
        Err(error) => {
            findings.push(Finding::error(Area::StateDir, &error));
            return None;
        }
    };
    let opened = app.state_dir();
    if let (Some(variable), Ok(_)) = (app.state_dir_variable(), &opened) {
        let text = format!("{variable} names the state folder {path}: logins come from there");
        findings.push(Finding::note(Area::StateDir, text));
    }
    match opened {
        Ok(Some(state_dir)) => {
            findings.extend(key_files_set_aside(&state_dir));
            findings.push(match Index::try_lock(&state_dir) {
                Ok(()) => Finding::well(Area::StateDir, format!("{path} is this user's alone, and has locks")),
                Err(error) => Finding::error(Area::StateDir, &error),
            });
            Some(state_dir)
        }
        Ok(None) => {
            let text = format!("nobody has logged in yet; logins will be kept in {path}");
            findings.push(Finding::note(Area::StateDir, text));
            None
        }
        Err(error) => {
            findings.push(Finding::error(Area::StateDir, &error));
            None
        }
    }
}

fn key_files_set_aside(state_dir: &StateDir) -> Vec<Finding> {
    let names = state_dir.root.names().unwrap_or_default();
    let set_aside = names.iter().filter(|name| name.starts_with(UNUSED_KEY_FILE));
    let finding = |name: &String| {
        let path = state_dir.root.path_of(name);
        let text = format!("{} was there before the first login with a key file, and is not used", path.display());
        Finding::note(Area::StateDir, text)
    };
    set_aside.map(finding).collect()
}

fn read_index(state_dir: Option<&StateDir>, findings: &mut Vec<Finding>) -> Option<Index> {
    match Index::read(state_dir) {
        Ok(index) => Some(index),
        Err(error) => {
            let finding = Finding::error(Area::StateDir, &error);
            findings.push(match error.remedy() {
                // A repair sets a damaged index aside.
                Some(Remedy::SetAside { .. }) => finding.remedy(Remedy::Repair),
                _ => finding,
            });
            None
        }
    }
}

/// Checks whether a key store could take a key now. A failure is a problem only for the logins that
/// have a key there.
fn key_store(store: &dyn KeyStore, key_stores: &KeyStores, index: Option<&Index>) -> Option<Finding> {
    let (name, protection) = (store.name(), store.protection());
    if protection.lasts == KeptUntil::ProcessEnd {
        // A process can always keep a key to itself.
        return None;
    }
    let is_used = index.is_some_and(|index| index.contexts.iter().any(|entry| entry.key_store == name));
    let finding = match store.probe().map_err(|error| error.into_load_error(&name)) {
        Ok(()) => {
            let choice = if key_stores.allows(&name) { "" } else { "; this program allows no new login there" };
            let promise = format!("keeps a key {}, readable by {}", protection.lasts, protection.readable_by);
            Finding::well(Area::KeyStore, format!("{name}: {} {promise}{choice}", name.describe()))
        }
        Err(error) if is_used => Finding::error(Area::KeyStore, &error),
        Err(error) => Finding::note(Area::KeyStore, format!("{name}: {error}")).because(&error),
    };
    Some(finding.key_store(&name))
}

fn key_store_of_a_new_login(key_stores: &KeyStores) -> Finding {
    match key_stores.first() {
        Ok((name, false)) => {
            Finding::well(Area::KeyStore, format!("a new login's key goes to {name}")).key_store(&name)
        }
        // The login waits for that key store, and uses no other instead.
        Ok((name, true)) => {
            Finding::note(Area::KeyStore, format!("a new login waits until {name} is unlocked")).key_store(&name)
        }
        Err(error) => {
            let text = format!("a new login has no place for its key: {error}");
            Finding::problem(Area::KeyStore, text).because(&error).remedy(error.remedy().cloned())
        }
    }
}

fn login(app: &App, key_stores: &KeyStores, state_dir: &StateDir, entry: &Entry) -> Finding {
    let (name, files) = (&entry.name, app.files(state_dir, &entry.grant));
    let finding = match open(key_stores, files, entry) {
        Ok((record, grant)) => opened_login(app, entry, files, &grant, &record),
        Err(error) if !files.is_there() => {
            Finding::problem(Area::Login, format!("{name}: {error}")).because(&error).remedy(Remedy::Repair)
        }
        Err(error) if matches!(error.remedy(), Some(Remedy::GivePassphrase)) => {
            Finding::note(Area::Login, format!("{name}: its key waits for the passphrase"))
        }
        Err(error) => Finding::error(Area::Login, &error.of(name.as_str())),
    };
    finding.key_store(&entry.key_store).context(name)
}

fn open<'a>(key_stores: &KeyStores, files: GrantFiles<'a>, entry: &Entry) -> Result<(Record, OpenGrant<'a>)> {
    let grant = files.unlock_from_key_store(&*key_stores.of(&entry.key_store)?)?;
    let record = grant.read()?;
    if let Some(lock) = files.lock_now()? {
        grant.check_not_copied(&lock, &record)?;
    }
    Ok((record, grant))
}

fn opened_login(app: &App, entry: &Entry, files: GrantFiles<'_>, grant: &OpenGrant<'_>, record: &Record) -> Finding {
    let name = &entry.name;
    if let Err(error) = app.check_record(entry, grant, record) {
        return Finding::error(Area::Login, &error);
    }
    if !entry.is_own(&app.config) {
        return Finding::note(Area::Login, format!("{name}: it is of another server or client, and not used here"));
    }
    if let Err(error) = app.check_destination(&entry.grant, record) {
        return Finding::error(Area::Login, &error);
    }
    let text = format!("{name}: record {} opens with its key in {}", record.generation, entry.key_store);
    let log_in = Remedy::LogIn { context: Some(name.to_string()) };
    match files.last_failure(entry.org.as_ref()) {
        Some(LastFailure { message, has_ended: true, .. }) => Finding::problem(Area::Login, message).remedy(log_in),
        Some(LastFailure { message, .. }) => {
            Finding::note(Area::Login, format!("{text}; the last refresh failed: {message}"))
        }
        None if record.refresh_token.is_none() && !has_a_valid_token(record, app.config.clock.now()) => {
            let text = format!("{name}: its access token has ended, and the login with it: nothing renews it");
            Finding::problem(Area::Login, text).remedy(log_in)
        }
        None => Finding::well(Area::Login, text),
    }
}

fn has_a_valid_token(record: &Record, now: SystemTime) -> bool {
    record.tokens.iter().any(|token| token.is_valid(now, Some(Duration::ZERO)))
}

fn describe_orphans(orphans: &Orphans) -> Vec<Finding> {
    let unnamed = orphans.unnamed_records.iter().map(|(grant, key_store)| {
        let text = format!("no login names the record {grant}");
        match key_store.as_ref().map(|key_store| key_store.name()) {
            Some(store) => Finding::problem(Area::Leftover, format!("{text}; its key is in {store}"))
                .remedy(Remedy::Repair)
                .key_store(&store),
            None => Finding::problem(Area::Leftover, format!("{text}; its key could not be found")),
        }
    });
    let keys = orphans.unneeded_keys.iter().map(|(_, key_store)| {
        let text = format!("a key in {} opens nothing here any more", key_store.name());
        Finding::problem(Area::Leftover, text).remedy(Remedy::Repair).key_store(&key_store.name())
    });
    let unproven = orphans.unproven_keys.iter().map(|(store, count)| {
        let text = match count {
            1 => format!("1 key in {store} may belong to another state folder"),
            _ => format!("{count} keys in {store} may belong to other state folders"),
        };
        Finding::note(Area::Leftover, text).key_store(store)
    });
    let unreachable = orphans.unreachable_stores.iter().filter(|(_, error)| !is_reported_by_its_key_store(error)).map(
        |(store, error)| {
            let text = format!("what {store} holds could not be listed: {error}");
            Finding::note(Area::Leftover, text).key_store(store)
        },
    );
    unnamed.chain(keys).chain(unproven).chain(unreachable).collect()
}

/// Returns whether the check of the key store itself has reported this error.
fn is_reported_by_its_key_store(error: &KeyStoreError) -> bool {
    matches!(error, KeyStoreError::Unavailable(_) | KeyStoreError::Refused { .. } | KeyStoreError::StateFolder { .. })
}

fn network(app: &App) -> Vec<Finding> {
    let config = &app.config;
    let variables = &config.environment.network;
    let roots = if config.network.extra_roots.is_empty() { "" } else { ", and those of the configuration" };
    let mut findings = vec![match variables.is_empty() {
        true => Finding::well(Area::Network, format!("TLS trusts the system's roots{roots}; no proxy")),
        false => {
            Finding::note(Area::Network, format!("TLS roots or the proxy come from {}{roots}", variables.join(", ")))
        }
    }];
    if config.environment.token.is_some() {
        let variable = config.environment.variables.token_name();
        findings.push(Finding::note(Area::Network, format!("{variable} is set: commands use that token and no login")));
    }
    findings
}

/// Reports the copies of keys that the kernel keeps for a while.
fn memory(app: &App, state_dir: Option<&StateDir>) -> Vec<Finding> {
    let mut findings = Vec::new();
    if let Some(lifetime) = app.config.custody.key_cache.filter(|_| cfg!(target_os = "linux")) {
        let text = format!("the kernel keeps a copy of a login's key for {} s after its use", lifetime.as_secs());
        findings.push(Finding::well(Area::Memory, text));
    }
    let spare = state_dir.map_or(0, |state_dir| spare_kernel_keys(app, state_dir).unwrap_or_default());
    if spare > 0 {
        let text = format!("{spare} keys in the kernel are copies that no login needs, or of an earlier version");
        findings.push(Finding::note(Area::Memory, text).remedy(Remedy::Repair));
    }
    findings
}

fn spare_kernel_keys(app: &App, state_dir: &StateDir) -> Option<usize> {
    let (all, records) = (all_grants(state_dir).ok()?, records(state_dir).ok()?);
    Some(KernelCache::unneeded(&app.config.app, &all, &records).ok()?.len())
}

/// How far the clocks may differ: a greater difference makes expired tokens look valid, or valid ones expired.
const MAX_CLOCK_SKEW: Duration = Duration::from_secs(60);

fn server(app: &App) -> Finding {
    let issuer = &app.config.issuer;
    let date = match date_of_server(app) {
        Ok(Some(date)) => date,
        Ok(None) if app.config.endpoints.are_enough() => {
            return Finding::well(Area::Server, format!("{issuer} answers; its endpoints are in the configuration"));
        }
        Ok(None) => return Finding::note(Area::Server, format!("{issuer} answers, and does not tell its time")),
        Err(error) => return Finding::error(Area::Server, &error),
    };
    let (skew, direction) = match app.config.clock.now().duration_since(date) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let text = format!("{issuer} answers; this machine's clock is {} s {direction} its", skew.as_secs());
    match skew > MAX_CLOCK_SKEW {
        true => Finding::problem(Area::Server, text).remedy(Remedy::SetClock),
        false => Finding::well(Area::Server, text),
    }
}

/// Asks the server for anything, and returns the `Date` of its reply.
fn date_of_server(app: &App) -> Result<Option<SystemTime>> {
    let http = app.http()?;
    match app.config.endpoints.are_enough() {
        // Then metadata is not needed, and some servers have none.
        true => metadata::date_of_any_reply(&http, &app.config.issuer, &Cancel::new()),
        false => metadata::date(&http, &app.config.issuer, &Cancel::new()),
    }
}
