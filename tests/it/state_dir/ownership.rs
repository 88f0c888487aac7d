//! A state folder that is not its owner's alone is refused with its path and the reason, and used again once it is corrected.

use std::fs;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::path::Path;

use hallpass::prompt::Silent;
use hallpass::{Auth, ErrorKind, Login, Remedy};

use super::path::named_folder;
use crate::support::rig::{Rig, assert_error, left_out, token, token_error};

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

/// Everything refuses the home by its path and for this reason, without a word to the server.
fn refused(rig: &Rig, path: &Path, why: &str) {
    rig.server.clear_requests();
    let errors = [
        rig.auth().session().unwrap_err(),
        rig.auth().contexts().unwrap_err(),
        rig.auth().logout(Default::default()).wait().unwrap_err(),
        rig.auth().login(Login::new(Silent)).wait().unwrap_err(),
    ];
    for error in errors {
        let (name, remedy) = match why.strip_prefix("belongs to ") {
            Some(user) => ("run_as", Remedy::RunAs { user: user.into() }),
            None => {
                let mode = why.starts_with("others may").then_some(0o700);
                ("fix_path", Remedy::FixPath { path: path.to_owned(), mode })
            }
        };
        assert_error(&error, ErrorKind::Custody, Some(name), 6);
        assert_eq!(error.remedy(), Some(&remedy));
        assert!(error.to_string().contains(why) && error.to_string().contains(&*path.to_string_lossy()), "{error}");
    }
    assert!(rig.server.requests().is_empty());
}

#[test]
fn a_folder_open_to_others_is_refused_until_closed() {
    let cases = [("write to", [0o770, 0o720, 0o702, 0o777]), ("read", [0o755, 0o750, 0o705, 0o711])];
    for (folder, (may, modes)) in ["", "grants"].into_iter().flat_map(|folder| cases.map(|case| (folder, case))) {
        for bits in modes {
            let rig = Rig::new();
            let own = token(&rig.log_in());
            let path = if folder.is_empty() { rig.home() } else { rig.home().join(folder) };
            mode(&path, bits);
            refused(&rig, &path, &format!("others may {may} it"));
            mode(&path, 0o700);
            assert_eq!(token(&rig.auth().session().unwrap()), own);
        }
    }
}

#[test]
fn a_symbolic_link_is_refused() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let real = rig.folder.path().join("real");
    fs::rename(rig.home(), &real).unwrap();
    symlink(&real, rig.home()).unwrap();
    refused(&rig, &rig.home(), "symbolic link");
    fs::remove_file(rig.home()).unwrap();
    fs::rename(&real, rig.home()).unwrap();
    assert_eq!(token(&rig.auth().session().unwrap()), own);

    let real = rig.folder.path().join("real-grants");
    fs::rename(rig.home().join("grants"), &real).unwrap();
    symlink(&real, rig.home().join("grants")).unwrap();
    refused(&rig, &rig.home().join("grants"), "symbolic link");
}

#[test]
fn another_users_folder_is_refused() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let me = std::os::unix::fs::MetadataExt::uid(&fs::metadata(rig.home()).unwrap());
    if chown(rig.home(), Some(me + 4242), None).is_err() {
        return left_out("the right to give a folder away");
    }
    refused(&rig, &rig.home(), &format!("belongs to user {}", me + 4242));
    chown(rig.home(), Some(me), None).unwrap();
    assert_eq!(token(&rig.auth().session().unwrap()), own);
}

/// Under `sudo`, say: a home that another user made is named by that user, and so is the way out.
#[test]
fn the_error_names_the_owner_of_another_users_folder() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let users = fs::read_to_string("/etc/passwd").unwrap();
    let fields: Vec<&str> = users.lines().find(|line| !line.contains(":0:")).unwrap().split(':').collect();
    let (user, uid) = (fields[0], fields[2].parse().unwrap());
    let me = std::os::unix::fs::MetadataExt::uid(&fs::metadata(rig.home()).unwrap());
    if chown(rig.home(), Some(uid), None).is_err() {
        return left_out("the right to give a folder away");
    }
    let error = rig.auth().session().unwrap_err();
    assert_eq!(error.remedy(), Some(&Remedy::RunAs { user: user.into() }));
    assert!(error.to_string().contains(&format!("belongs to {user},")), "{error}");
    chown(rig.home(), Some(me), None).unwrap();
    assert_eq!(token(&rig.auth().session().unwrap()), own);
}

#[test]
fn a_file_in_place_of_the_folder_is_refused() {
    let rig = Rig::new();
    fs::write(rig.home(), "precious").unwrap();
    refused(&rig, &rig.home(), "not a folder");
    assert_eq!(fs::read(rig.home()).unwrap(), b"precious");
    fs::remove_file(rig.home()).unwrap();
    fs::create_dir(rig.home()).unwrap();
    mode(&rig.home(), 0o700);
    fs::write(rig.home().join("grants"), "precious").unwrap();
    refused(&rig, &rig.home().join("grants"), "not a folder");
}

#[test]
fn a_record_that_is_a_link_or_a_folder_is_not_followed() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let (record, aside) = (rig.records().remove(0), rig.folder.path().join("aside"));
    fs::rename(&record, &aside).unwrap();
    symlink(&aside, &record).unwrap();
    assert_error(&token_error(&rig), ErrorKind::Custody, Some("fix_path"), 6);
    fs::remove_file(&record).unwrap();
    fs::create_dir(&record).unwrap();
    assert_error(&token_error(&rig), ErrorKind::Custody, Some("fix_path"), 6);
    fs::remove_dir(&record).unwrap();
    fs::rename(&aside, &record).unwrap();
    assert_eq!(token(&rig.auth().session().unwrap()), own);
}

#[test]
fn files_and_folders_are_for_their_owner_alone() {
    let rig = Rig::new();
    rig.log_in();
    let bits = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for folder in [rig.home(), rig.home().join("grants")] {
        assert_eq!(bits(&folder), 0o700);
        for entry in fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path()) {
            assert!(entry.is_dir() || bits(&entry) == 0o600, "{}", entry.display());
        }
    }
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
    let repaired = rig.auth().repair().wait().unwrap();
    assert!(repaired.done[0].starts_with("closed ") && repaired.left.is_empty(), "{repaired:?}");
    let bits = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((bits(&home), bits(&grants), bits(&record)), (0o700, 0o700, 0o600));
    assert_eq!(token(&rig.auth().session().unwrap()), own);
    // What others may have written is not ours to believe, and what a variable names is not ours to close.
    open(0o775);
    assert!(rig.auth().repair().wait().unwrap_err().to_string().contains("others may write"));
    open(0o755);
    let error = Auth::new(named_folder(&rig, &home)).unwrap().repair().wait().unwrap_err();
    assert!(error.to_string().contains("others may read it") && bits(&home) == 0o755, "{error}");
}
