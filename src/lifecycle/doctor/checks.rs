//! Examines this machine.

use std::time::{Duration, SystemTime};

use crate::custody::{KeptUntil, KernelCache, KeyStoreError, KeyStores, SET_ASIDE, described};
use crate::lifecycle::app::App;
use crate::lifecycle::contexts::{Entry, Index};
use crate::lifecycle::doctor::orphans::{Orphans, all_grants, records};
use crate::lifecycle::doctor::report::{Report, State};
use crate::model::error::{Remedy, Result};
use crate::oauth::metadata;
use crate::records::grant_files::LastFailure;
use crate::state_dir::StateDir;
use crate::system::clock::Cancel;
use crate::system::environment::{Machine, system};

/// How far the clocks may differ: more makes tokens look expired, or good when they are not.
const DRIFT: Duration = Duration::from_secs(60);

pub(crate) fn examine(app: &App) -> Report {
    let mut report = Report::default();
    let key_stores = app.quiet_key_stores();
    program(&mut report, app);
    let state_dir = state_dir(&mut report, app);
    let index = index(&mut report, state_dir.as_ref());
    rests(&mut report, &key_stores, index.as_ref());
    if let (Some(state_dir), Some(index)) = (&state_dir, &index) {
        for entry in &index.contexts {
            let (store, name) = (Some(entry.key_store.as_str()), Some(&entry.name));
            report.about(store, name, |report| login(report, app, &key_stores, state_dir, entry));
        }
        leftovers(&mut report, app, &key_stores, state_dir, index);
    }
    network(&mut report, app);
    memory(&mut report, app, state_dir.as_ref());
    server(&mut report, app);
    report
}

fn program(report: &mut Report, app: &App) {
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
    report.add("program", State::Well, format!("{app} with hallpass {version} on {}{at}, {person}", system()));
}

fn state_dir(report: &mut Report, app: &App) -> Option<StateDir> {
    let path = match app.state_dir_path() {
        Ok(path) => path.display(),
        Err(error) => {
            report.error("home", &error);
            return None;
        }
    };
    let opened = app.state_dir();
    if let (Some(variable), Ok(_)) = (app.state_dir_variable(), &opened) {
        report.add("home", State::Note, format!("{variable} names the state folder {path}: logins come from there"));
    }
    match opened {
        Ok(None) => report.add("home", State::Note, format!("nobody has logged in yet; logins will be kept in {path}")),
        Ok(Some(state_dir)) => {
            let names = state_dir.root.names().unwrap_or_default();
            for name in names.iter().filter(|name| name.starts_with(SET_ASIDE)) {
                let path = state_dir.root.path_of(name);
                let text =
                    format!("{} was there before the first login with a key file, and is not used", path.display());
                report.add("home", State::Note, text);
            }
            match Index::try_lock(&state_dir) {
                Ok(()) => report.add("home", State::Well, format!("{path} is this user's alone, and has locks")),
                Err(error) => report.error("home", &error),
            }
            return Some(state_dir);
        }
        Err(error) => report.error("home", &error),
    }
    None
}

fn index(report: &mut Report, state_dir: Option<&StateDir>) -> Option<Index> {
    match Index::read(state_dir) {
        Ok(index) => Some(index),
        Err(error) if matches!(error.remedy(), Some(Remedy::SetAside { .. })) => {
            report.problem("home", error.to_string(), Some(Remedy::Repair));
            report.because(&error);
            None
        }
        Err(error) => {
            report.error("home", &error);
            None
        }
    }
}

/// Every place, and whether it could take a key now. One that cannot is in the way only of the logins that rest there.
fn rests(report: &mut Report, key_stores: &KeyStores, index: Option<&Index>) {
    // A process can always keep a key to itself.
    for store in key_stores.all().iter().filter(|store| store.protection().lasts != KeptUntil::ProcessEnd) {
        let (name, protection) = (store.name(), store.protection());
        let is_used = index.is_some_and(|index| index.contexts.iter().any(|entry| entry.key_store == name));
        let about = format!("{name}: {}", described(name));
        report.about(Some(name), None, |report| match store.probe() {
            Ok(()) => {
                let choice = if key_stores.allows(name) { "" } else { "; this program allows no new login there" };
                let promise = format!("keeps a key {}, readable by {}", protection.lasts, protection.readable_by);
                report.add("place", State::Well, format!("{about} {promise}{choice}"));
            }
            Err(error) if is_used => report.error("place", &error.at_rest(name)),
            Err(error) => {
                let error = error.at_rest(name);
                report.add("place", State::Note, format!("{name}: {error}"));
                report.because(&error);
            }
        });
    }
    match key_stores.first() {
        Ok((name, is_locked)) => report.about(Some(&name), None, |report| match is_locked {
            false => report.add("place", State::Well, format!("a new login's key goes to {name}")),
            // It waits for that one, and passes it over for no other.
            true => report.add("place", State::Note, format!("a new login waits until {name} is unlocked")),
        }),
        Err(error) => {
            let text = format!("a new login has no place for its key: {error}");
            report.problem("place", text, error.remedy().cloned());
            report.because(&error);
        }
    }
}

fn login(report: &mut Report, app: &App, key_stores: &KeyStores, state_dir: &StateDir, entry: &Entry) {
    let name = &entry.name;
    let files = app.files(state_dir, &entry.grant);
    let opened = key_stores.of(&entry.key_store).and_then(|key_store| {
        let grant = files.unlock_anew(&*key_store)?;
        let record = grant.read()?;
        if let Some(lock) = files.lock_now()? {
            grant.check_that_it_is_no_copy(&lock, &record)?;
        }
        Ok((record, grant))
    });
    match opened {
        Ok((record, grant)) => {
            let checked = app.check_destination(&entry.grant, &record);
            if let Err(error) = checked.and_then(|()| app.check_record(entry, &grant, &record)) {
                return report.error("login", &error);
            }
            let (generation, key_store) = (record.generation, &entry.key_store);
            let text = format!("{name}: record {generation} opens with its key in {key_store}");
            let now = app.config.clock.now();
            let has_a_token = record.tokens.iter().any(|token| token.is_valid(now, Some(Duration::ZERO)));
            match files.last_failure(entry.org.as_ref()) {
                Some(LastFailure { message, has_ended: true, .. }) => {
                    report.problem("login", message, Some(Remedy::LogIn { context: Some(name.to_string()) }));
                }
                Some(LastFailure { message, .. }) => {
                    report.add("login", State::Note, format!("{text}; the last refresh failed: {message}"));
                }
                None if record.refresh_token.is_none() && !has_a_token => {
                    let text = format!("{name}: its access token has ended, and the login with it: nothing renews it");
                    report.problem("login", text, Some(Remedy::LogIn { context: Some(name.to_string()) }));
                }
                None => report.add("login", State::Well, text),
            }
        }
        Err(error) if !files.is_there() => {
            report.problem("login", format!("{name}: {error}"), Some(Remedy::Repair));
            report.because(&error);
        }
        Err(error) if matches!(error.remedy(), Some(Remedy::GivePassphrase)) => {
            report.add("login", State::Note, format!("{name}: its key waits for the passphrase"));
        }
        Err(error) => report.error("login", &error.of(name.as_str())),
    }
}

fn leftovers(report: &mut Report, app: &App, key_stores: &KeyStores, state_dir: &StateDir, index: &Index) {
    let found = match Orphans::find(app, key_stores, state_dir, index) {
        Ok(found) => found,
        Err(error) => return report.error("leftover", &error),
    };
    for (grant, key_store) in &found.unnamed {
        let (key, remedy) = match key_store {
            Some(key_store) => (format!("its key is in {}", key_store.name()), Some(Remedy::Repair)),
            None => ("its key could not be found".into(), None),
        };
        report.about(key_store.as_ref().map(|key_store| key_store.name()), None, |report| {
            report.problem("leftover", format!("no login names the record {grant}; {key}"), remedy);
        });
    }
    for (_, key_store) in &found.keys {
        let text = format!("a key in {} opens nothing here any more", key_store.name());
        report.about(Some(key_store.name()), None, |report| report.problem("leftover", text, Some(Remedy::Repair)));
    }
    for (store, count) in &found.foreign {
        let text = match count {
            1 => format!("1 key in {store} may belong to another state folder"),
            _ => format!("{count} keys in {store} may belong to other state folders"),
        };
        report.about(Some(store), None, |report| report.add("leftover", State::Note, text));
    }
    for (store, error) in &found.unasked {
        // Why a place is not there at all was said above.
        if !matches!(
            error,
            KeyStoreError::Unavailable(_) | KeyStoreError::Refused { .. } | KeyStoreError::StateFolder { .. }
        ) {
            let text = format!("what {store} holds could not be listed: {error}");
            report.about(Some(store), None, |report| report.add("leftover", State::Note, text));
        }
    }
}

fn network(report: &mut Report, app: &App) {
    let config = &app.config;
    let names = &config.environment.network;
    let roots = if config.extra_roots.is_empty() { "" } else { ", and those of the configuration" };
    match names.is_empty() {
        true => report.add("network", State::Well, format!("TLS trusts the system's roots{roots}; no proxy")),
        false => {
            let set = names.join(", ");
            report.add("network", State::Note, format!("TLS roots or the proxy come from {set}{roots}"));
        }
    }
    if config.environment.token.is_some() {
        let variable = config.app.variable("TOKEN");
        report.add("network", State::Note, format!("{variable} is set: commands use that token and no login"));
    }
}

/// What the kernel holds for a while.
fn memory(report: &mut Report, app: &App, state_dir: Option<&StateDir>) {
    let config = &app.config;
    if let Some(lifetime) = config.key_cache.filter(|_| cfg!(target_os = "linux")) {
        let text = format!("the kernel keeps a copy of a login's key for {} s after its use", lifetime.as_secs());
        report.add("memory", State::Well, text);
    }
    let grants = state_dir.and_then(|state_dir| Some((all_grants(state_dir).ok()?, records(state_dir).ok()?)));
    let spare = grants.and_then(|(all, records)| KernelCache::spare(&config.app, &all, &records).ok());
    let spare = spare.unwrap_or_default().len();
    if spare > 0 {
        let text = format!("{spare} keys in the kernel are copies that no login needs, or of an earlier version");
        report.note("memory", text, Remedy::Repair);
    }
}

fn server(report: &mut Report, app: &App) {
    let issuer = &app.config.issuer;
    // Metadata is not needed where the endpoints are known, and some servers have none.
    let asked = || -> Result<Option<SystemTime>> {
        let http = app.http()?;
        match app.config.has_endpoints() {
            true => metadata::answers(&http, issuer, &Cancel::new()),
            false => metadata::date(&http, issuer, &Cancel::new()),
        }
    };
    let (answer, now) = (asked(), app.config.clock.now());
    let date = match answer {
        Ok(date) => date,
        Err(error) => return report.error("server", &error),
    };
    let Some(date) = date else {
        if app.config.has_endpoints() {
            let text = format!("{issuer} answers; its endpoints are in the configuration");
            return report.add("server", State::Well, text);
        }
        return report.add("server", State::Note, format!("{issuer} answers, and does not tell its time"));
    };
    let (apart, way) = match now.duration_since(date) {
        Ok(ahead) => (ahead, "ahead of"),
        Err(behind) => (behind.duration(), "behind"),
    };
    let text = format!("{issuer} answers; this machine's clock is {} s {way} its", apart.as_secs());
    match apart > DRIFT {
        true => report.problem("server", text, Some(Remedy::SetClock)),
        false => report.add("server", State::Well, text),
    }
}
