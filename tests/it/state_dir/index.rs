//! The index of logins: damaged, of another version, or written by hand.

use std::fs;
use std::path::PathBuf;

use hallpass::prompt::Silent;
use hallpass::{ErrorKind, Login, Selector};

use crate::contexts::{by_default, meant, name, two};
use crate::support::rig::{Rig, assert_error, token, token_error};

#[test]
fn a_damaged_index_is_not_an_empty_one() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let path: PathBuf = rig.home().join("index.json");
    let good = fs::read_to_string(&path).unwrap();
    let hostile_folder = r#""format":2,"folders":[{"folder":"/tmp/\u001b[2J","context":"alice@example.com"}]"#;
    for (text, remedy) in [
        (String::new(), "set_aside"),
        (good[..good.len() / 2].to_owned(), "set_aside"),
        (good.replace("alice@example.com", "../../x"), "set_aside"),
        (good.replace("\"format\":2", hostile_folder), "set_aside"),
        (good.replace("\"format\":2", "\"format\":3"), "upgrade"),
        ("{\"format\": 3}".to_owned(), "upgrade"),
    ] {
        fs::write(&path, &text).unwrap();
        let login = rig.auth().login(Login::new(Silent)).wait();
        for error in [token_error(&rig), rig.auth().contexts().unwrap_err(), login.unwrap_err()] {
            assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
        }
        assert_eq!(fs::read_to_string(&path).unwrap(), text, "it is not overwritten");
    }
    assert!(rig.server.requests().is_empty());
    fs::write(&path, good).unwrap();
    assert_eq!(token(&rig.auth().session().unwrap()), own);
}

/// A session reads no more of the index than its own entry, where it finds that as this version writes it.
#[test]
fn an_index_of_an_older_version_or_by_hand_is_read() {
    let rig = two();
    let path = rig.home().join("index.json");
    let index: serde_json::Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    assert_eq!(index.get("folders"), None, "an older version finds what it knows");
    fs::write(&path, serde_json::to_vec_pretty(&index).unwrap()).unwrap();
    assert_eq!(meant(&rig.auth()), by_default("home"));
    let work = rig.auth().session_for(&Selector::context(name("WORK"))).unwrap();
    assert_eq!(work.context().unwrap().name.as_str(), "work");
    rig.auth().switch(&name("WORK")).wait().unwrap();
    assert_eq!(meant(&rig.auth()), by_default("work"));
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("\"default\":\"work\"", "\"default\":\"play\"")).unwrap();
    let error = rig.auth().session().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NoSuchContext);
    assert_eq!(error.to_string(), "there is no login named play (the default)");
}

#[test]
fn an_index_puts_no_control_characters_on_the_terminal() {
    let rig = Rig::new();
    rig.log_in();
    let path = rig.home().join("index.json");
    let index: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let planted = |pointer: &str, text: &str| {
        let mut index = index.clone();
        *index.pointer_mut(pointer).unwrap() = text.into();
        std::fs::write(&path, index.to_string()).unwrap();
        rig.auth().contexts().map(|contexts| contexts[0].account.to_string())
    };
    let escape = "\u{1b}]0;pwned\u{7}\u{202e}";
    assert_eq!(planted("/contexts/0/account/email", escape).unwrap(), "]0;pwned");
    for pointer in ["/contexts/0/account/subject", "/contexts/0/custody", "/contexts/0/name", "/contexts/0/scopes"] {
        assert_eq!(planted(pointer, escape).unwrap_err().kind(), ErrorKind::Custody, "{pointer}");
    }
}
