//! Switching the default, and which login is the current one.

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use hallpass::contexts::ChosenBy;
use hallpass::{Auth, Context, ErrorKind, Remedy};

use super::{auth_in, by_default, folder, meant, name, two};
use crate::support::rig::{Rig, S, assert_error, token};

#[test]
fn a_switch_changes_the_default_and_no_existing_session() {
    let rig = two();
    let before = rig.auth().session().unwrap();
    let switched = rig.auth().switch(&name("WORK")).wait().unwrap();
    assert_eq!((switched.name.as_str(), switched.is_default), ("work", true));
    assert_eq!(switched.chosen_by, Some(ChosenBy::Default));
    assert_eq!(meant(&rig.auth()), by_default("work"));
    // It keeps to its context, for tokens that are still to come too.
    rig.clock.advance(S(3600));
    token(&before);
    assert_eq!(before.userinfo().wait().unwrap().account.subject.as_deref(), Some("alice"));
    assert_eq!(before.context().unwrap().name.as_str(), "home");

    let error = rig.auth().switch(&name("play")).wait().unwrap_err();
    assert_error(&error, ErrorKind::NoSuchContext, Some("choose_context"), 4);
    assert_eq!(error.remedy(), Some(&Remedy::ChooseContext { contexts: vec!["home".into(), "work".into()] }));
    let error = auth_in(&rig, &folder(&rig, "here")).pin_folder(&name("play")).wait().unwrap_err();
    assert_error(&error, ErrorKind::NoSuchContext, Some("choose_context"), 4);
    let error = Rig::new().auth().switch(&name("play")).wait().unwrap_err();
    assert_error(&error, ErrorKind::NotLoggedIn, Some("log_in"), 4);
    assert_eq!(error.remedy(), Some(&Remedy::LogIn { context: Some("play".into()) }));
}

#[test]
fn an_error_says_what_chose_the_login() {
    let rig = two();
    let here = folder(&rig, "here");
    auth_in(&rig, &here).pin_folder(&name("work")).wait().unwrap();
    rig.server.revoke_everything();
    rig.clock.advance(S(3600));
    let told = |auth: Auth| auth.session().unwrap().access_token().wait().unwrap_err().to_string();
    let rule = format!("work (named by the rule of {})", here.display());
    assert!(told(auth_in(&rig, &here)).contains(&rule), "{}", told(auth_in(&rig, &here)));
    assert!(told(rig.auth()).contains("home (the default)"));
    let mut config = rig.config();
    config.environment.context = Some("play".into());
    let error = Auth::new(config).unwrap().session().unwrap_err();
    let variable = rig.config().environment.variables.context.unwrap();
    assert_error(&error, ErrorKind::NoSuchContext, Some("log_in"), 4);
    assert_eq!(error.to_string(), format!("there is no login named play (named by {variable})"));
}

#[test]
fn one_login_of_the_list_is_the_current_one() {
    let rig = two();
    let here = folder(&rig, "here");
    let marks = |auth: &Auth| -> Vec<_> {
        let mark = |context: &Context| (context.is_default, context.chosen_by.is_some());
        auth.contexts().unwrap().iter().map(mark).collect()
    };
    assert_eq!(marks(&rig.auth()), [(true, true), (false, false)]);
    auth_in(&rig, &here).pin_folder(&name("work")).wait().unwrap();
    assert_eq!(marks(&auth_in(&rig, &here)), [(true, false), (false, true)]);
    let mut config = rig.config();
    config.environment.context = Some("play".into());
    assert_eq!(marks(&Auth::new(config.clone()).unwrap()), [(true, false), (false, false)]);
    config.environment.context = None;
    config.environment.token = Some(std::sync::Arc::new(hallpass::secret::Secret::new("given".into())));
    assert_eq!(marks(&Auth::new(config).unwrap()), [(true, false), (false, false)], "the token goes before all");
}

/// What was meant is read from one index: nobody gets the name of one login and the account of another.
#[test]
fn each_reader_sees_one_whole_context_during_a_switch() {
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
            auth.switch(&name(["home", "work"][round % 2])).wait().unwrap();
            auth.pin_folder(&name(["work", "home"][round % 2])).wait().unwrap();
            assert!(auth.unpin_folder().wait().unwrap().is_some());
        }
        is_over.store(true, Ordering::Relaxed);
        let seen: Vec<_> = readers.into_iter().map(|reader| reader.join().unwrap()).collect();
        assert!(seen.iter().any(|[default, _]| *default > 0), "{seen:?}");
    });
}
