//! Which of several logins is meant: the default, the rule of a folder, and a new name; and by whom it was chosen.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use hallpass::blocking::wait;
use hallpass::testing::{Endpoint, Person};
use hallpass::{Auth, ChosenBy, Context, ContextName, ErrorKind, LogoutRequest, Remedy, Selector};

use crate::support::rig::{Rig, S, assert_error, bob, token};

fn name(text: &str) -> ContextName {
    text.parse().unwrap()
}

/// Alice as `home`, the default, and Bob as `work`.
fn two() -> Rig {
    let rig = Rig::new();
    rig.log_in_as(&Person::default(), Some("home"));
    rig.log_in_as(&bob(), Some("work"));
    rig
}

fn auth_in(rig: &Rig, folder: &Path) -> Auth {
    let mut config = rig.config();
    config.environment.folder = Some(folder.to_owned());
    Auth::new(config).unwrap()
}

/// A folder of the project, by its real path.
fn folder(rig: &Rig, path: &str) -> PathBuf {
    let folder = rig.folder.path().join(path);
    fs::create_dir_all(&folder).unwrap();
    folder.canonicalize().unwrap()
}

fn meant(auth: &Auth) -> (String, Option<ChosenBy>) {
    let session = auth.session().unwrap();
    let context = session.context().unwrap();
    (context.name.to_string(), context.chosen_by.clone())
}

fn by_folder(context: &str, folder: &Path) -> (String, Option<ChosenBy>) {
    (context.into(), Some(ChosenBy::Folder(folder.to_owned())))
}

fn by_default(context: &str) -> (String, Option<ChosenBy>) {
    (context.into(), Some(ChosenBy::Default))
}

#[test]
fn a_switch_changes_the_default_and_no_session_that_there_is() {
    let rig = two();
    let before = rig.auth().session().unwrap();
    let switched = wait(rig.auth().switch(&name("WORK"))).unwrap();
    assert_eq!((switched.name.as_str(), switched.is_default), ("work", true));
    assert_eq!(switched.chosen_by, Some(ChosenBy::Default));
    assert_eq!(meant(&rig.auth()), by_default("work"));
    // It keeps to its context, for tokens that are still to come too.
    rig.clock.advance(S(3600));
    token(&before);
    assert_eq!(wait(before.userinfo()).unwrap().account.subject.as_deref(), Some("alice"));
    assert_eq!(before.context().unwrap().name.as_str(), "home");

    let error = wait(rig.auth().switch(&name("play"))).unwrap_err();
    assert_error(&error, ErrorKind::NotLoggedIn, Some("choose_context"), 4);
    assert_eq!(error.remedy(), Some(&Remedy::ChooseContext { contexts: vec!["home".into(), "work".into()] }));
    let error = wait(Rig::new().auth().switch(&name("play"))).unwrap_err();
    assert_eq!(error.remedy(), Some(&Remedy::LogIn { context: Some("play".into()) }));
}

#[test]
fn the_innermost_rule_around_a_folder_wins_by_its_real_path() {
    let rig = two();
    let (outer, inner) = (folder(&rig, "outer"), folder(&rig, "outer/a/inner"));
    let bound = wait(auth_in(&rig, &outer).pin_folder(&name("work"))).unwrap();
    assert_eq!(bound.chosen_by, Some(ChosenBy::Folder(outer.clone())));
    wait(auth_in(&rig, &inner).pin_folder(&name("home"))).unwrap();
    wait(rig.auth().switch(&name("work"))).unwrap();
    for (path, expected) in [
        ("outer", by_folder("work", &outer)),
        ("outer/a", by_folder("work", &outer)),
        ("outer/a/inner", by_folder("home", &inner)),
        ("outer/a/inner/deep", by_folder("home", &inner)),
        ("outer/a/inner/..", by_folder("work", &outer)),
        ("outer-and-not-in-it", by_default("work")),
    ] {
        let there = rig.folder.path().join(path);
        fs::create_dir_all(&there).unwrap();
        assert_eq!(meant(&auth_in(&rig, &there)), expected, "{path}");
    }
    // Nothing lies in the folders themselves.
    assert_eq!(fs::read_dir(&inner).unwrap().count(), 1);

    // What names one goes before the rule.
    let mut config = rig.config();
    (config.environment.folder, config.environment.context) = (Some(inner.clone()), Some("work".into()));
    let auth = Auth::new(config).unwrap();
    assert_eq!(meant(&auth), ("work".into(), Some(ChosenBy::Environment)));
    let argument = auth.session_for(&Selector::context(name("home"))).unwrap();
    assert_eq!(argument.context().unwrap().chosen_by, Some(ChosenBy::Argument));
    assert_eq!(wait(auth.pin_folder(&name("home"))).unwrap().chosen_by, None, "the variable goes before it");

    // Taken away, the outer one is left.
    assert_eq!(wait(auth_in(&rig, &inner).unpin_folder()).unwrap(), Some(name("home")));
    assert_eq!(wait(auth_in(&rig, &inner).unpin_folder()).unwrap(), None);
    assert_eq!(meant(&auth_in(&rig, &inner)), by_folder("work", &outer));
}

#[test]
#[cfg(unix)]
fn a_link_to_a_folder_is_that_folder() {
    let rig = two();
    let (real, other) = (folder(&rig, "real/inner"), folder(&rig, "other"));
    std::os::unix::fs::symlink(rig.folder.path().join("real"), other.join("link")).unwrap();
    wait(auth_in(&rig, &other).pin_folder(&name("work"))).unwrap();
    assert_eq!(meant(&auth_in(&rig, &other.join("link/inner"))), by_default("home"), "only the real path counts");
    wait(auth_in(&rig, &other.join("link/inner")).pin_folder(&name("work"))).unwrap();
    assert_eq!(meant(&auth_in(&rig, &real)), by_folder("work", &real));
}

#[test]
fn a_rule_whose_folder_is_gone_harms_nobody() {
    let rig = two();
    let gone = folder(&rig, "gone");
    wait(auth_in(&rig, &gone).pin_folder(&name("work"))).unwrap();
    fs::remove_dir(&gone).unwrap();
    assert_eq!(meant(&auth_in(&rig, &gone)), by_default("home"));
    assert_eq!(meant(&auth_in(&rig, rig.folder.path())), by_default("home"));
    assert_eq!(rig.auth().contexts().unwrap()[1].folders.first(), Some(&gone), "and can be seen");
    let error = wait(auth_in(&rig, &gone).pin_folder(&name("work"))).unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("fix_path"), 6);
    let mut config = rig.config();
    config.environment.folder = None;
    let error = wait(Auth::new(config).unwrap().pin_folder(&name("work"))).unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
}

/// Whoever can put a folder where one of mine was, or has me stand in one of theirs, chooses no login for me.
#[test]
#[cfg(unix)]
fn a_folder_of_another_user_has_no_rule() {
    use std::os::unix::fs::chown;
    let rig = two();
    let (outer, theirs) = (folder(&rig, "mine"), folder(&rig, "mine/theirs"));
    wait(auth_in(&rig, &outer).pin_folder(&name("home"))).unwrap();
    wait(auth_in(&rig, &theirs).pin_folder(&name("work"))).unwrap();
    let error = match chown(&theirs, Some(1), None) {
        Ok(()) => {
            // The rule of old is void, and the one around it counts.
            assert_eq!(meant(&auth_in(&rig, &theirs)), by_folder("home", &outer));
            wait(auth_in(&rig, &theirs).pin_folder(&name("work"))).unwrap_err()
        }
        // Only the system may give folders away: one of its own will do.
        Err(_) => wait(auth_in(&rig, Path::new("/")).pin_folder(&name("work"))).unwrap_err(),
    };
    assert_error(&error, ErrorKind::Config, Some("choose_context"), 2);
    assert!(
        error.to_string().contains("belongs to daemon") || error.to_string().contains("belongs to root"),
        "{error}"
    );
}

#[test]
#[cfg(unix)]
fn a_folder_whose_name_hides_something_has_no_rule() {
    let rig = two();
    let odd = folder(&rig, "odd\u{1b}[2J");
    let error = wait(auth_in(&rig, &odd).pin_folder(&name("work"))).unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("choose_context"), 2);
    assert!(!error.to_string().contains('\u{1b}'));
}

#[test]
fn a_new_name_takes_default_and_rules_along_and_no_session_notices() {
    let rig = two();
    let here = folder(&rig, "here");
    wait(auth_in(&rig, &here).pin_folder(&name("home"))).unwrap();
    let before = rig.auth().session().unwrap();
    let error = wait(rig.auth().rename(&name("home"), &name("WORK"))).unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("choose_name"), 2);
    let renamed = wait(rig.auth().rename(&name("home"), &name("private"))).unwrap();
    assert_eq!(
        (renamed.name.as_str(), renamed.is_default, renamed.folders.as_slice()),
        ("private", true, &[here.clone()][..])
    );
    assert_eq!(meant(&rig.auth()), by_default("private"));
    assert_eq!(meant(&auth_in(&rig, &here)), by_folder("private", &here));
    rig.clock.advance(S(3600));
    token(&before);
    assert_eq!(rig.server.requests_to(Endpoint::Token).len(), 1);
    // The same name in other letters is no other.
    assert_eq!(wait(rig.auth().rename(&name("private"), &name("Private"))).unwrap().name.as_str(), "Private");
    let error = wait(rig.auth().rename(&name("home"), &name("x"))).unwrap_err();
    assert_error(&error, ErrorKind::NotLoggedIn, Some("choose_context"), 4);
    // The login is the same: what ends it still finds it.
    let mut request = LogoutRequest::default();
    request.select = Selector::context(name("private"));
    drop(wait(rig.auth().logout(request)).unwrap());
    assert_eq!(meant(&auth_in(&rig, &here)), ("work".into(), Some(ChosenBy::Only)), "its rule is gone with it");
}

#[test]
fn an_error_tells_who_chose_the_login() {
    let rig = two();
    let here = folder(&rig, "here");
    wait(auth_in(&rig, &here).pin_folder(&name("work"))).unwrap();
    rig.server.revoke_everything();
    rig.clock.advance(S(3600));
    let told = |auth: Auth| wait(auth.session().unwrap().access_token()).unwrap_err().to_string();
    let rule = format!("work (named by the rule of {})", here.display());
    assert!(told(auth_in(&rig, &here)).contains(&rule), "{}", told(auth_in(&rig, &here)));
    assert!(told(rig.auth()).contains("home (the default)"));
    let mut config = rig.config();
    config.environment.context = Some("play".into());
    let error = Auth::new(config).unwrap().session().unwrap_err();
    let variable = rig.config().app.variable("CONTEXT");
    assert_eq!(error.to_string(), format!("there is no login named play (named by {variable})"));
}

/// A session reads no more of the index than its own entry, where it finds that as this version writes it.
#[test]
fn an_index_of_an_older_version_or_another_hand_is_read_too() {
    let rig = two();
    let path = rig.home().join("index.json");
    let index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(index.get("folders"), None, "an older version finds what it knows");
    fs::write(&path, serde_json::to_vec_pretty(&index).unwrap()).unwrap();
    assert_eq!(meant(&rig.auth()), by_default("home"));
    let work = rig.auth().session_for(&Selector::context(name("WORK"))).unwrap();
    assert_eq!(work.context().unwrap().name.as_str(), "work");
    wait(rig.auth().switch(&name("WORK"))).unwrap();
    assert_eq!(meant(&rig.auth()), by_default("work"));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"default\":\"work\"", "\"default\":\"play\"")).unwrap();
    let error = rig.auth().session().unwrap_err();
    assert_eq!(error.to_string(), "there is no login named play (the default)");
}

#[test]
fn one_of_the_list_is_the_one_that_is_meant() {
    let rig = two();
    let here = folder(&rig, "here");
    let marks = |auth: &Auth| -> Vec<_> {
        let mark = |context: &Context| (context.is_default, context.chosen_by.is_some());
        auth.contexts().unwrap().iter().map(mark).collect()
    };
    assert_eq!(marks(&rig.auth()), [(true, true), (false, false)]);
    wait(auth_in(&rig, &here).pin_folder(&name("work"))).unwrap();
    assert_eq!(marks(&auth_in(&rig, &here)), [(true, false), (false, true)]);
    let mut config = rig.config();
    config.environment.context = Some("play".into());
    assert_eq!(marks(&Auth::new(config.clone()).unwrap()), [(true, false), (false, false)]);
    config.environment.context = None;
    config.environment.token = Some(std::sync::Arc::new(hallpass::Secret::new("given".into())));
    assert_eq!(marks(&Auth::new(config).unwrap()), [(true, false), (false, false)], "the token goes before all");
}

/// What was meant is read from one index: nobody gets the name of one login and the account of another.
#[test]
fn a_switch_in_the_middle_gives_everyone_one_whole_context() {
    let rig = two();
    let here = folder(&rig, "here");
    let is_over = AtomicBool::new(false);
    thread::scope(|scope| {
        let readers: Vec<_> = (0..20)
            .map(|_| {
                let auth = auth_in(&rig, &here);
                let is_over = &is_over;
                scope.spawn(move || {
                    let mut seen = [0; 2];
                    while !is_over.load(Ordering::Relaxed) {
                        let session = auth.session().unwrap();
                        let context = session.context().unwrap();
                        let subject = context.account.subject.as_deref().unwrap();
                        let which = match context.chosen_by {
                            Some(ChosenBy::Default) => 0,
                            Some(ChosenBy::Folder(_)) => 1,
                            ref other => panic!("{other:?}"),
                        };
                        seen[which] += 1;
                        assert!(
                            matches!((context.name.as_str(), subject), ("home", "alice") | ("work", "bob")),
                            "{context:?}"
                        );
                    }
                    seen
                })
            })
            .collect();
        let auth = auth_in(&rig, &here);
        for round in 0..100 {
            wait(auth.switch(&name(["home", "work"][round % 2]))).unwrap();
            wait(auth.pin_folder(&name(["work", "home"][round % 2]))).unwrap();
            assert!(wait(auth.unpin_folder()).unwrap().is_some());
        }
        is_over.store(true, Ordering::Relaxed);
        let seen: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert!(seen.iter().any(|[default, _]| *default > 0), "{seen:?}");
    });
}
