//! A state folder that somebody else has written, or written to, is believed no further than that (law 16).

use std::fs;
use std::path::Path;
use std::sync::Arc;

use hallpass::blocking::wait;
use hallpass::custody::{Custody, KeyStoreName};
use hallpass::doctor::State;
use hallpass::prompt::Silent;
use hallpass::testing::{AuthorizationServer, Behaviour, Endpoint, Fault};
use hallpass::{Auth, Config, Error, ErrorKind, LoginRequest, LogoutRequest, MoveRequest, Secret, Selector, Session};
use serde_json::Value;
use url::Url;

use crate::support::rig::{Rig, S, assert_error, bob, named, token};

/// The author's server, and a state folder that they have sealed: with the real issuer, and with endpoints of their own.
struct Planted {
    rig: Rig,
    theirs: AuthorizationServer,
}

impl Planted {
    fn new() -> Self {
        let rig = Rig::with(|behaviour| behaviour.client_secret = Some("s3cret-of-the-tool".into()));
        let mut behaviour = Behaviour::default();
        (behaviour.clock, behaviour.id_token) = (Arc::new(rig.clock.clone()), false);
        behaviour.client_secret = Some("s3cret-of-the-tool".into());
        let theirs = AuthorizationServer::start_with(behaviour).unwrap();
        theirs.approve_all_as(&bob());
        let planted = Self { rig, theirs };
        let auth = Auth::new(planted.by_hand()).unwrap();
        wait(auth.login(LoginRequest::default(), Arc::new(Silent))).unwrap();
        planted.rig.clock.advance(S(3600));
        planted.theirs.clear_requests();
        planted
    }

    /// As the host is configured.
    fn config(&self) -> Config {
        let mut config = self.rig.config();
        config.client_secret = Some(Arc::new(Secret::new("s3cret-of-the-tool".into())));
        config
    }

    /// As the author configures it.
    fn by_hand(&self) -> Config {
        let mut config = self.config();
        config.device_authorization_endpoint = self.at("/device_authorization");
        config.token_endpoint = self.at("/token");
        config.revocation_endpoint = self.at("/revoke");
        config
    }

    fn at(&self, path: &str) -> Option<Url> {
        Some(Url::parse(&format!("{}{path}", self.theirs.issuer())).unwrap())
    }
}

#[test]
fn an_endpoint_off_the_issuer_gets_no_secret() {
    let planted = Planted::new();
    let auth = Auth::new(planted.config()).unwrap();
    for (error, remedy) in [
        (wait(auth.session().unwrap().access_token()).unwrap_err(), "log_in"),
        (wait(auth.logout(LogoutRequest::default())).unwrap_err(), "forget_locally"),
    ] {
        assert_error(&error, ErrorKind::Config, Some(remedy), 2);
        assert!(error.to_string().contains("nothing was sent"), "{error}");
    }
    assert!(planted.theirs.requests().is_empty());
    // A new login in its place does not end the old one over there.
    planted.rig.server.approve_all();
    let mut request = named(Some("default"));
    request.replace = true;
    wait(auth.login(request, Arc::new(Silent))).unwrap();
    assert!(planted.theirs.requests().is_empty());
}

#[test]
fn an_endpoint_off_the_issuer_is_confirmed_by_the_host() {
    let planted = Planted::new();
    token(&Auth::new(planted.by_hand()).unwrap().session().unwrap());
    assert!(planted.rig.server.requests().is_empty(), "nobody else was asked");
    assert_eq!(planted.theirs.requests_to(Endpoint::Token).len(), 1);
}

#[test]
fn an_endpoint_off_the_issuer_is_confirmed_by_metadata_once() {
    let planted = Planted::new();
    let names = planted.at("/token").unwrap().to_string();
    planted.rig.server.inject_always(Endpoint::Metadata, Fault::ReplyField("token_endpoint".into(), names.into()));
    let session = Auth::new(planted.config()).unwrap().session().unwrap();
    token(&session);
    planted.rig.clock.advance(S(3600));
    token(&session);
    assert_eq!(planted.rig.server.requests_to(Endpoint::Metadata).len(), 1);
    assert_eq!(planted.theirs.requests_to(Endpoint::Token).len(), 2);
}

#[test]
fn userinfo_off_the_issuer_gets_no_token() {
    let (rig, theirs) = (Rig::new(), AuthorizationServer::start_with(Behaviour::default()).unwrap());
    let address = format!("{}/userinfo", theirs.issuer());
    rig.server.inject(Endpoint::Metadata, Fault::ReplyField("userinfo_endpoint".into(), address.into()));
    let session = rig.log_in();
    theirs.clear_requests();
    assert_error(&wait(session.userinfo()).unwrap_err(), ErrorKind::Config, Some("log_in"), 2);
    assert!(theirs.requests().is_empty());
}

#[test]
fn metadata_that_is_away_confirms_nothing() {
    let planted = Planted::new();
    planted.rig.server.inject_always(Endpoint::Metadata, Fault::status(503));
    let error = wait(Auth::new(planted.config()).unwrap().session().unwrap().access_token()).unwrap_err();
    assert_error(&error, ErrorKind::Unreachable, Some("retry"), 5);
    assert!(planted.theirs.requests().is_empty());
}

/// Alice is `prod` and Bob is `test`, and the index is changed.
fn with_index(change: impl FnOnce(&mut Value)) -> (Rig, [String; 2]) {
    let rig = Rig::new();
    let prod = token(&rig.log_in_as(&Default::default(), Some("prod")));
    let test = token(&rig.log_in_as(&bob(), Some("test")));
    rewrite(&rig, change);
    (rig, [prod, test])
}

fn rewrite(rig: &Rig, change: impl FnOnce(&mut Value)) {
    let path = rig.home().join("index.json");
    let mut index = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    change(&mut index);
    fs::write(&path, index.to_string()).unwrap();
}

fn exchange(index: &mut Value, member: &str) {
    let (one, other) = (index["contexts"][0][member].take(), index["contexts"][1][member].take());
    (index["contexts"][0][member], index["contexts"][1][member]) = (other, one);
}

fn session(rig: &Rig, name: &str) -> Session {
    rig.auth().session_for(&Selector::context(name.parse().unwrap())).unwrap()
}

/// Everything that opens the login is refused, nothing is sent, and nothing is gone.
fn is_oauth_error(rig: &Rig, name: &str) -> Vec<Error> {
    let (records, keys) = (rig.records(), rig.keys.count());
    let select = Selector::context(name.parse().unwrap());
    rig.server.clear_requests();
    let mut errors = Vec::new();
    for expired in [false, true] {
        if expired {
            rig.clock.advance(S(3600));
        }
        assert!(session(rig, name).cached_token(Default::default()).is_none());
        errors.push(wait(session(rig, name).access_token()).unwrap_err());
        errors.push(wait(session(rig, name).userinfo()).unwrap_err());
    }
    for local_only in [false, true] {
        let mut request = LogoutRequest::default();
        (request.select, request.local_only) = (select.clone(), local_only);
        errors.push(wait(rig.auth().logout(request)).unwrap_err());
    }
    errors.push(wait(rig.auth().rename(&name.parse().unwrap(), &"other".parse().unwrap())).unwrap_err());
    for error in &errors {
        assert_error(error, ErrorKind::Custody, Some("repair"), 6);
        assert!(error.to_string().contains("nothing was sent, nothing was erased"), "{error}");
    }
    assert!(rig.server.requests().is_empty());
    assert_eq!((rig.records(), rig.keys.count()), (records, keys));
    errors
}

#[test]
fn grants_exchanged_in_the_index_give_nobodys_token() {
    let (rig, tokens) = with_index(|index| exchange(index, "grant"));
    is_oauth_error(&rig, "prod");
    let errors = is_oauth_error(&rig, "test");
    assert!(errors[0].to_string().contains("its record is the one of alice@example.com"), "{}", errors[0]);
    // The doctor says so, and a repair gives each record a name of its own.
    let report = wait(rig.auth().doctor()).unwrap();
    let logins = report.findings.iter().filter(|finding| finding.area == "login" && finding.state == State::Problem);
    assert_eq!(logins.count(), 2);
    let repaired = wait(rig.auth().repair()).unwrap();
    assert!(repaired.left.is_empty() && repaired.done.len() == 4, "{repaired:?}");
    for (name, person, old) in [("prod", "alice", &tokens[0]), ("test", "bob", &tokens[1])] {
        let session = session(&rig, name);
        assert_eq!(session.context().unwrap().account.subject.as_deref(), Some(person), "each has its own name again");
        assert_ne!(token(&session), *old, "it is refreshed, as it has expired");
    }
}

#[test]
fn what_else_the_index_says_of_a_login_is_compared() {
    type Change = fn(&mut Value);
    let cases: [(&str, Change); 5] = [
        ("prod", |entry| entry["account"]["email"] = "ceo@example.com".into()),
        ("prod", |entry| entry["client_id"] = "other-cli".into()),
        ("prod", |entry| entry["org"] = "globex".into()),
        ("prod2", |entry| entry["name"] = "prod2".into()),
        ("prod", |entry| entry["mark"] = "".into()),
    ];
    for (context, change) in cases {
        let (rig, _) = with_index(|index| change(&mut index["contexts"][0]));
        rewrite(&rig, |index| index["default"] = Value::Null);
        is_oauth_error(&rig, context);
        token(&session(&rig, "test"));
    }
}

#[test]
fn names_of_one_account_cannot_be_exchanged() {
    let rig = Rig::new();
    for name in ["admin", "readonly"] {
        rig.log_in_as(&Default::default(), Some(name));
    }
    rewrite(&rig, |index| exchange(index, "name"));
    assert!(is_oauth_error(&rig, "admin")[0].to_string().contains("was never given this name"));
    is_oauth_error(&rig, "readonly");
    assert!(wait(rig.auth().repair()).unwrap().left.is_empty());
    for name in ["admin", "readonly"] {
        token(&session(&rig, name));
    }
}

#[test]
fn grants_exchanged_between_places_end_no_login() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), Some("prod"));
    rig.server.approve_all_as(&bob());
    let mut other = rig.config();
    other.custody = Custody::Only(vec![KeyStoreName::KeyFile]);
    wait(Auth::new(other).unwrap().login(named(Some("test")), Arc::new(Silent))).unwrap();
    rewrite(&rig, |index| exchange(index, "grant"));
    let records = rig.records();
    for name in ["prod", "test"] {
        for local_only in [false, true] {
            let mut request = LogoutRequest::default();
            (request.select, request.local_only) = (Selector::context(name.parse().unwrap()), local_only);
            let error = wait(rig.auth().logout(request)).unwrap_err();
            assert_error(&error, ErrorKind::Custody, Some("repair"), 6);
        }
    }
    assert_eq!((rig.records(), rig.keys.count(), rig.server.live_families()), (records, 1, 2));
    let repaired = wait(rig.auth().repair()).unwrap();
    assert!(repaired.left.is_empty(), "{repaired:?}");
    for (name, place) in [("prod", "keys"), ("test", "keyfile")] {
        assert_eq!(session(&rig, name).context().unwrap().key_store, place);
        token(&session(&rig, name));
    }
}

#[test]
fn a_login_that_replaces_an_exchanged_name_ends_no_other() {
    let (rig, _) = with_index(|index| exchange(index, "grant"));
    rig.server.clear_requests();
    rig.server.approve_all();
    wait(rig.auth().login(named(Some("prod")), Arc::new(Silent))).unwrap();
    assert!(rig.server.requests_to(Endpoint::Revocation).is_empty());
    assert_eq!(rig.server.live_families(), 3);
    wait(rig.auth().repair()).unwrap();
    token(&session(&rig, "test"));
}

#[test]
fn a_repair_leaves_the_choice_as_it_was() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), None);
    rig.log_in_as(&bob(), Some("work"));
    let folder = rig.folder.path().to_str().unwrap().to_owned();
    rewrite(&rig, |index| {
        index["folders"] = serde_json::json!([{"folder": folder, "context": "work"}]);
        exchange(index, "grant");
    });
    assert!(wait(rig.auth().repair()).unwrap().left.is_empty());
    let contexts = rig.auth().contexts().unwrap();
    let default = contexts.iter().find(|context| context.is_default).unwrap();
    assert_eq!(default.account.subject.as_deref(), Some("alice"));
    let work = contexts.iter().find(|context| context.name.as_str() == "work").unwrap();
    assert_eq!((work.account.subject.as_deref(), work.folders.len()), (Some("bob"), 1));
    // Without marks nobody knows who had the name: then it chooses nobody.
    rewrite(&rig, |index| {
        (0..2).for_each(|at| index["contexts"][at]["mark"] = "".into());
        index["default"] = "work".into();
    });
    let repaired = wait(rig.auth().repair()).unwrap();
    assert!(repaired.left.iter().any(|line| line == "no login is the default now: it was work"), "{repaired:?}");
    assert!(rig.auth().contexts().unwrap().iter().all(|context| !context.is_default));
}

#[test]
fn a_second_login_of_an_account_is_named_too() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), None);
    rig.log_in_as(&Default::default(), Some("work"));
    rewrite(&rig, |index| drop(index["contexts"].as_array_mut().unwrap().pop()));
    assert!(wait(rig.auth().repair()).unwrap().left.is_empty());
    token(&session(&rig, "alice@example.com-2"));
}

#[test]
fn who_logs_out_of_all_is_logged_in_nowhere() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), None);
    rig.log_in_as(&bob(), None);
    rewrite(&rig, |index| drop(index["contexts"].as_array_mut().unwrap().pop()));
    let mut all = LogoutRequest::default();
    all.all = true;
    let ended = wait(rig.auth().logout(all)).unwrap();
    assert_eq!((ended.done.len(), rig.keys.count(), rig.records().len(), rig.server.live_families()), (2, 0, 0, 0));
}

#[test]
fn no_other_operation_proves_a_planted_name() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), Some("work"));
    let plant = || {
        rewrite(&rig, |index| {
            let mut planted = index["contexts"][0].clone();
            planted["name"] = "prod".into();
            index["contexts"].as_array_mut().unwrap().push(planted);
        });
    };
    plant();
    wait(rig.auth().rename(&"work".parse().unwrap(), &"home".parse().unwrap())).unwrap();
    is_oauth_error(&rig, "prod");
    rig.server.approve_all();
    wait(rig.auth().login(named(Some("home")), Arc::new(Silent))).unwrap();
    is_oauth_error(&rig, "prod");
}

#[test]
fn a_key_is_erased_though_its_record_is_gone_or_damaged() {
    for is_gone in [false, true] {
        let rig = Rig::new();
        rig.log_in_as(&Default::default(), None);
        let record = rig.records().pop().unwrap();
        match is_gone {
            true => fs::remove_file(&record).unwrap(),
            false => fs::write(&record, "x").unwrap(),
        }
        match is_gone {
            true => drop(wait(rig.auth().repair()).unwrap()),
            false => drop(wait(rig.auth().logout(LogoutRequest::default())).unwrap()),
        }
        assert_eq!(rig.keys.count(), 0);
    }
}

#[test]
fn a_folder_with_two_dots_in_its_path_is_refused() {
    let rig = Rig::new();
    let folder = rig.folder.path().join("nope/../state");
    let error = Auth::new(named_folder(&rig, &folder)).unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
    assert!(!rig.folder.path().join("nope").exists());
}

#[test]
fn a_renamed_login_is_proven_by_its_new_name() {
    let rig = Rig::new();
    let before = rig.log_in_as(&Default::default(), Some("work"));
    let own = token(&before);
    wait(rig.auth().rename(&"work".parse().unwrap(), &"Home".parse().unwrap())).unwrap();
    assert_eq!((token(&session(&rig, "home")), token(&before)), (own.clone(), own));
    rewrite(&rig, |index| index["contexts"][0]["name"] = "work2".into());
    is_oauth_error(&rig, "work2");
}

/// The configuration of a tool whose state folder a variable names.
fn named_folder(rig: &Rig, folder: &Path) -> Config {
    let mut config = rig.config();
    config.state_dir = None;
    config.environment.state_dir = Some(folder.to_owned());
    config.environment.state_dir_variable = Some("ACME_HOME".into());
    config
}

#[test]
fn a_folder_that_a_variable_names_lies_in_no_work_tree() {
    for (marker, is_folder) in [(".git", true), (".git", false), (".hg", true), (".jj", true)] {
        let rig = Rig::new();
        let tree = rig.folder.path().join("tree");
        fs::create_dir_all(tree.join("a")).unwrap();
        match is_folder {
            true => fs::create_dir(tree.join(marker)).unwrap(),
            // As `git worktree` and submodules have it.
            false => fs::write(tree.join(marker), "gitdir: elsewhere").unwrap(),
        }
        let folder = tree.join("a/state");
        let auth = Auth::new(named_folder(&rig, &folder)).unwrap();
        for error in [
            auth.session().unwrap_err(),
            auth.contexts().unwrap_err(),
            wait(auth.login(LoginRequest::default(), Arc::new(Silent))).unwrap_err(),
            wait(auth.logout(LogoutRequest::default())).unwrap_err(),
            wait(auth.move_keys(MoveRequest::all_to("keys"))).unwrap_err(),
        ] {
            assert_error(&error, ErrorKind::Custody, Some("fix_config"), 6);
            assert!(error.to_string().contains("which ACME_HOME names: it lies in the work tree"), "{error}");
        }
        assert!(!folder.exists() && rig.server.requests().is_empty());
        // The host's own word is believed.
        let mut own = named_folder(&rig, &folder);
        own.state_dir = Some(folder.clone());
        assert!(Auth::new(own).unwrap().contexts().unwrap().is_empty());
    }
}

#[cfg(unix)]
#[test]
fn a_link_into_a_work_tree_leads_into_a_work_tree() {
    let rig = Rig::new();
    let tree = rig.folder.path().join("tree");
    fs::create_dir_all(tree.join(".git")).unwrap();
    let link = rig.folder.path().join("link");
    std::os::unix::fs::symlink(&tree, &link).unwrap();
    let error = Auth::new(named_folder(&rig, &link.join("state"))).unwrap().session().unwrap_err();
    assert!(error.to_string().contains("it lies in the work tree"), "{error}");
}

#[test]
fn a_folder_that_a_variable_names_is_named_to_the_person() {
    let rig = Rig::new();
    let folder = rig.folder.path().join("elsewhere");
    let auth = Auth::new(named_folder(&rig, &folder)).unwrap();
    assert_eq!(auth.named_state_folder(), Some((folder.clone(), "ACME_HOME".into())));
    let report = wait(auth.doctor()).unwrap();
    let note = format!("ACME_HOME names the state folder {}: logins come from there", folder.display());
    assert!(report.findings.iter().any(|finding| finding.state == State::Note && finding.text == note), "{report:?}");
    assert_eq!(Auth::new(rig.config()).unwrap().named_state_folder(), None);
}

#[test]
fn a_state_folder_is_not_committed_with_a_work_tree() {
    let rig = Rig::new();
    rig.log_in();
    assert_eq!(fs::read_to_string(rig.home().join(".gitignore")).unwrap(), "*\n");
}

#[cfg(unix)]
#[test]
fn a_repair_closes_a_folder_that_others_can_only_read() {
    use std::os::unix::fs::PermissionsExt;
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let (home, grants, record) = (rig.home(), rig.home().join("grants"), rig.records().remove(0));
    let set = |path: &Path, mode| fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    let open = |mode| {
        set(&home, mode);
        set(&grants, 0o755);
        set(&record, 0o644);
    };
    open(0o755);
    assert_eq!(rig.auth().session().unwrap_err().remedy().unwrap().name(), "fix_path");
    let repaired = wait(rig.auth().repair()).unwrap();
    assert!(repaired.done[0].starts_with("closed ") && repaired.left.is_empty(), "{repaired:?}");
    let bits = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((bits(&home), bits(&grants), bits(&record)), (0o700, 0o700, 0o600));
    assert_eq!(token(&rig.auth().session().unwrap()), own);
    // What others may have written is not ours to believe, and what a variable names is not ours to close.
    open(0o775);
    assert!(wait(rig.auth().repair()).unwrap_err().to_string().contains("others may write"));
    open(0o755);
    let error = wait(Auth::new(named_folder(&rig, &home)).unwrap().repair()).unwrap_err();
    assert!(error.to_string().contains("others may read it") && bits(&home) == 0o755, "{error}");
}

#[test]
fn pinned_places_are_pinned_for_reading() {
    let rig = Rig::new();
    let mut config = rig.config();
    config.custody = Custody::Only(vec![KeyStoreName::KeyFile]);
    wait(rig.try_log_in(|own| *own = config.clone()).unwrap().access_token()).unwrap();
    config.custody = Custody::Only(vec![KeyStoreName::Memory]);
    rig.server.clear_requests();
    let auth = Auth::new(config).unwrap();
    let error = wait(auth.session().unwrap().access_token()).unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("log_in"), 6);
    assert!(error.to_string().contains("reads keys from memory only"), "{error}");
    assert!(auth.session().unwrap().cached_token(Default::default()).is_none());
    assert!(rig.server.requests().is_empty());
    let mut request = LogoutRequest::default();
    request.local_only = true;
    assert!(wait(auth.logout(request)).unwrap().failed.is_empty(), "and it can be forgotten");
    assert!(rig.records().is_empty(), "{:?}", rig.records());
}

#[test]
fn a_key_file_that_was_there_first_seals_no_login() {
    let rig = Rig::new();
    let planted = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=\n";
    fs::create_dir(rig.home()).unwrap();
    let key = rig.home().join("key");
    fs::write(&key, planted).unwrap();
    #[cfg(unix)]
    for (path, mode) in [(rig.home(), 0o700), (key.clone(), 0o600)] {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    let log_in = || rig.try_log_in(|own| own.custody = Custody::Only(vec![KeyStoreName::KeyFile])).unwrap();
    log_in();
    let own = fs::read_to_string(&key).unwrap();
    assert_ne!(own, planted);
    assert_eq!(fs::read_to_string(rig.home().join("key.unused")).unwrap(), planted, "nothing of anybody's is lost");
    let report = wait(rig.auth().doctor()).unwrap();
    assert!(report.findings.iter().any(|finding| finding.text.contains("key.unused was there before")), "{report:?}");
    // The next login is sealed with the one that has sealed a login here.
    rig.server.approve_all_as(&bob());
    log_in();
    assert_eq!(fs::read_to_string(&key).unwrap(), own);
    // Another one, and one that cannot be judged.
    fs::write(&key, planted.replace('Q', "g")).unwrap();
    log_in();
    assert_eq!(fs::read_to_string(rig.home().join("key.unused-2")).unwrap(), planted.replace('Q', "g"));
    let slip = rig.records().into_iter().find(|path| path.extension().is_some_and(|end| end == "keyfile")).unwrap();
    let good = fs::read_to_string(&slip).unwrap();
    let newer = good.lines().next().unwrap().replace("\"format\":1", "\"format\":2");
    fs::write(&slip, crate::custody::key_files::checksummed(&newer)).unwrap();
    let before = fs::read_to_string(&key).unwrap();
    let error = rig.try_log_in(|own| own.custody = Custody::Only(vec![KeyStoreName::KeyFile])).unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
    assert_eq!(fs::read_to_string(&key).unwrap(), before, "it may open the login that cannot be read now");
}

#[test]
fn a_repair_erases_no_key_that_may_be_of_another_folder() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let grant = rig.auth().contexts().unwrap()[0].grant.to_string();
    // A second folder whose author knows the name of that grant, at the same place for keys.
    let other = rig.folder.path().join("other");
    let config = |home: &Path| {
        let mut config = rig.config();
        config.state_dir = Some(home.to_owned());
        config
    };
    rig.server.approve_all_as(&bob());
    wait(Auth::new(config(&other)).unwrap().login(named(Some("bob")), Arc::new(Silent))).unwrap();
    fs::write(other.join("grants").join(format!("{grant}.lock")), "").unwrap();
    let path = other.join("index.json");
    let mut index: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    let mut entry = index["contexts"][0].clone();
    (entry["name"], entry["grant"]) = ("planted".into(), grant.into());
    index["contexts"].as_array_mut().unwrap().push(entry);
    fs::write(&path, index.to_string()).unwrap();
    let auth = Auth::new(config(&other)).unwrap();
    for local_only in [true, false] {
        let mut request = LogoutRequest::default();
        (request.select.context, request.local_only) = (Some("planted".parse().unwrap()), local_only);
        let _ = wait(auth.logout(request));
    }
    wait(auth.repair()).unwrap();
    assert_eq!(rig.keys.count(), 2);
    assert_eq!(token(&rig.auth().session().unwrap()), own);
}
