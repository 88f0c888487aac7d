//! A folder pinned to a login: its real path counts, and nobody else can choose a login for it.

use std::fs;

use hallpass::contexts::ChosenBy;
use hallpass::{Auth, ErrorKind, Selector};

use super::{auth_in, by_default, by_folder, folder, meant, name, two};
use crate::support::rig::assert_error;

#[test]
fn the_innermost_pinned_folder_wins() {
    let rig = two();
    let (outer, inner) = (folder(&rig, "outer"), folder(&rig, "outer/a/inner"));
    let bound = auth_in(&rig, &outer).pin_folder(&name("work")).wait().unwrap();
    assert_eq!(bound.chosen_by, Some(ChosenBy::Folder(outer.clone())));
    auth_in(&rig, &inner).pin_folder(&name("home")).wait().unwrap();
    rig.auth().switch(&name("work")).wait().unwrap();
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

    // A context that is named wins over the rule.
    let mut config = rig.config();
    (config.environment.folder, config.environment.context) = (Some(inner.clone()), Some("work".into()));
    let auth = Auth::new(config).unwrap();
    assert_eq!(meant(&auth), ("work".into(), Some(ChosenBy::Environment)));
    let argument = auth.session_for(&Selector::context(name("home"))).unwrap();
    assert_eq!(argument.context().unwrap().chosen_by, Some(ChosenBy::Argument));
    assert_eq!(auth.pin_folder(&name("home")).wait().unwrap().chosen_by, None, "the variable goes before it");

    // Taken away, the outer one is left.
    assert_eq!(auth_in(&rig, &inner).unpin_folder().wait().unwrap(), Some(name("home")));
    assert_eq!(auth_in(&rig, &inner).unpin_folder().wait().unwrap(), None);
    assert_eq!(meant(&auth_in(&rig, &inner)), by_folder("work", &outer));
}

#[test]
#[cfg(unix)]
fn a_link_to_a_folder_is_that_folder() {
    let rig = two();
    let (real, other) = (folder(&rig, "real/inner"), folder(&rig, "other"));
    std::os::unix::fs::symlink(rig.folder.path().join("real"), other.join("link")).unwrap();
    auth_in(&rig, &other).pin_folder(&name("work")).wait().unwrap();
    assert_eq!(meant(&auth_in(&rig, &other.join("link/inner"))), by_default("home"), "only the real path counts");
    auth_in(&rig, &other.join("link/inner")).pin_folder(&name("work")).wait().unwrap();
    assert_eq!(meant(&auth_in(&rig, &real)), by_folder("work", &real));
}

#[test]
fn a_pinned_folder_that_is_gone_does_no_harm() {
    let rig = two();
    let gone = folder(&rig, "gone");
    auth_in(&rig, &gone).pin_folder(&name("work")).wait().unwrap();
    fs::remove_dir(&gone).unwrap();
    assert_eq!(meant(&auth_in(&rig, &gone)), by_default("home"));
    assert_eq!(meant(&auth_in(&rig, rig.folder.path())), by_default("home"));
    assert_eq!(rig.auth().contexts().unwrap()[1].folders.first(), Some(&gone), "and can be seen");
    let error = auth_in(&rig, &gone).pin_folder(&name("work")).wait().unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("fix_path"), 6);
    let mut config = rig.config();
    config.environment.folder = None;
    let error = Auth::new(config).unwrap().pin_folder(&name("work")).wait().unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
}

/// Whoever can put a folder where one of mine was, or has me stand in one of theirs, chooses no login for me.
#[test]
#[cfg(unix)]
fn a_folder_of_another_user_cannot_be_pinned() {
    use std::os::unix::fs::chown;
    use std::path::Path;
    let rig = two();
    let (outer, theirs) = (folder(&rig, "mine"), folder(&rig, "mine/theirs"));
    auth_in(&rig, &outer).pin_folder(&name("home")).wait().unwrap();
    auth_in(&rig, &theirs).pin_folder(&name("work")).wait().unwrap();
    let error = match chown(&theirs, Some(1), None) {
        Ok(()) => {
            // The rule of old is void, and the one around it counts.
            assert_eq!(meant(&auth_in(&rig, &theirs)), by_folder("home", &outer));
            auth_in(&rig, &theirs).pin_folder(&name("work")).wait().unwrap_err()
        }
        // Only the system may give folders away: one of its own will do.
        Err(_) => auth_in(&rig, Path::new("/")).pin_folder(&name("work")).wait().unwrap_err(),
    };
    assert_error(&error, ErrorKind::Config, Some("choose_context"), 2);
    assert!(
        error.to_string().contains("belongs to daemon") || error.to_string().contains("belongs to root"),
        "{error}"
    );
}

#[test]
#[cfg(unix)]
fn a_folder_with_control_characters_cannot_be_pinned() {
    let rig = two();
    let odd = folder(&rig, "odd\u{1b}[2J");
    let error = auth_in(&rig, &odd).pin_folder(&name("work")).wait().unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("choose_context"), 2);
    assert!(!error.to_string().contains('\u{1b}'));
}
