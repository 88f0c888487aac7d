//! Where the state folder may lie, above all if a variable names it (law 16).

use std::fs;
use std::path::Path;

use hallpass::contexts::{Logins, Logout, MoveKeys};
use hallpass::custody::KeyStoreName;
use hallpass::doctor::State;
use hallpass::prompt::Silent;
use hallpass::{Auth, Config, ErrorKind, Login};

use crate::support::rig::{Rig, assert_error};

#[test]
fn the_state_folder_must_be_an_absolute_path() {
    let rig = Rig::new();
    let mut config = rig.config();
    config.state_dir = Some("state".into());
    assert_eq!(Auth::new(config).unwrap_err().kind(), ErrorKind::Config);
}

#[test]
fn a_path_with_two_dots_is_refused() {
    let rig = Rig::new();
    let folder = rig.folder.path().join("nope/../state");
    let error = Auth::new(named_folder(&rig, &folder)).unwrap_err();
    assert_error(&error, ErrorKind::Config, Some("fix_config"), 2);
    assert!(!rig.folder.path().join("nope").exists());
}

/// The configuration of a tool whose state folder a variable names.
pub(super) fn named_folder(rig: &Rig, folder: &Path) -> Config {
    let mut config = rig.config();
    config.state_dir = None;
    config.environment.state_dir = Some(folder.to_owned());
    config.environment.state_dir_variable = Some("ACME_HOME".into());
    config
}

/// Not on Windows, where a link takes a right that not everybody has.
#[cfg(unix)]
#[test]
fn a_slash_after_a_symbolic_link_does_not_make_it_a_folder() {
    let rig = Rig::new();
    let (real, link) = (rig.folder.path().join("real"), rig.folder.path().join("link"));
    std::fs::create_dir(&real).unwrap();
    std::os::unix::fs::symlink(&real, &link).unwrap();
    for slash in ["", "/", "/."] {
        let home = format!("{}{slash}", link.display());
        let error = rig.try_log_in(|config| config.state_dir = Some(home.into())).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Custody, "{slash}");
    }
    assert_eq!(std::fs::read_dir(real).unwrap().count(), 0);
}

#[test]
fn a_folder_named_by_a_variable_is_in_no_work_tree() {
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
            auth.login(Login::new(Silent)).wait().unwrap_err(),
            auth.logout(Logout::default()).wait().unwrap_err(),
            auth.move_keys(MoveKeys::new(Logins::All, KeyStoreName::custom("keys").unwrap())).wait().unwrap_err(),
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
fn a_link_into_a_work_tree_is_refused() {
    let rig = Rig::new();
    let tree = rig.folder.path().join("tree");
    fs::create_dir_all(tree.join(".git")).unwrap();
    let link = rig.folder.path().join("link");
    std::os::unix::fs::symlink(&tree, &link).unwrap();
    let error = Auth::new(named_folder(&rig, &link.join("state"))).unwrap().session().unwrap_err();
    assert!(error.to_string().contains("it lies in the work tree"), "{error}");
}

#[test]
fn a_folder_named_by_a_variable_is_shown_to_the_person() {
    let rig = Rig::new();
    let folder = rig.folder.path().join("elsewhere");
    let auth = Auth::new(named_folder(&rig, &folder)).unwrap();
    assert_eq!(auth.named_state_folder(), Some((folder.clone(), "ACME_HOME".into())));
    let report = auth.doctor().wait().unwrap();
    let note = format!("ACME_HOME names the state folder {}: logins come from there", folder.display());
    assert!(report.findings.iter().any(|finding| finding.state == State::Note && finding.text == note), "{report:?}");
    assert_eq!(Auth::new(rig.config()).unwrap().named_state_folder(), None);
}

#[test]
fn git_ignores_the_state_folder() {
    let rig = Rig::new();
    rig.log_in();
    assert_eq!(fs::read_to_string(rig.home().join(".gitignore")).unwrap(), "*\n");
}
