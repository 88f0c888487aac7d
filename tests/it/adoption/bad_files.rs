//! Old files that are not what they should be: nothing is sent, and the file stays as it is.

use std::fs;

use hallpass::ErrorKind;

use super::old::OldTool;
use crate::support::rig::assert_error;

/// Each of these is refused by name.
#[test]
fn a_file_that_others_could_have_written_is_refused() {
    for (case, part, spoil) in CASES {
        let (rig, old) = OldTool::with_a_login();
        spoil(&old);
        let before = old.content();
        let error = rig.auth().adopt(old.adoption()).wait().unwrap_err();
        assert_error(&error, ErrorKind::Custody, Some("fix_path"), 6);
        assert!(error.to_string().contains(part), "{case}: {error}");
        assert_eq!((rig.server.requests().len(), old.content()), (0, before), "{case}");
        assert!(!rig.home().exists(), "{case}");
    }
}

/// Root gives the file to another user; others take one that is root's.
#[cfg(unix)]
#[test]
fn a_file_of_another_user_is_refused() {
    let (rig, mut old) = OldTool::with_a_login();
    if std::os::unix::fs::chown(&old.path, Some(65_534), None).is_err() {
        old.path = "/etc/hostname".into();
    }
    let error = rig.auth().adopt(old.adoption()).wait().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Custody, "{error}");
    assert!(error.to_string().contains("belongs to"), "{error}");
    assert!(rig.server.requests().is_empty());
}

type Case = (&'static str, &'static str, fn(&OldTool));

const CASES: &[Case] = &[
    ("no JSON", "not what the old version writes", |old| fs::write(&old.path, "{").unwrap()),
    ("in a work tree", "work tree", |old| fs::create_dir(old.path.with_file_name(".git")).unwrap()),
    #[cfg(unix)]
    ("a link", "symbolic link", |old| {
        let target = old.path.with_extension("target");
        fs::rename(&old.path, &target).unwrap();
        std::os::unix::fs::symlink(target, &old.path).unwrap();
    }),
    #[cfg(unix)]
    ("others may write it", "others may write to it", |old| {
        fs::set_permissions(&old.path, std::os::unix::fs::PermissionsExt::from_mode(0o666)).unwrap();
    }),
    #[cfg(unix)]
    ("others may write its folder", "others may write to it", |old| {
        let folder = old.path.parent().unwrap();
        fs::set_permissions(folder, std::os::unix::fs::PermissionsExt::from_mode(0o777)).unwrap();
    }),
];
