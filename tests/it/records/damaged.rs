//! Records that are damaged, gone, of another login or out of a backup: each is named, and serves again once it is put back.

use std::fs;

use hallpass::{ErrorKind, Remedy};

use crate::support::rig::{Rig, S, assert_error, bob, forced, token, token_error};

#[test]
fn a_damaged_record_is_named_and_serves_again_when_restored() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let other = token(&rig.log_in_as(&bob(), Some("bob")));
    let contexts = rig.auth().contexts().unwrap();
    let path = |at: usize| rig.home().join("grants").join(contexts[at].grant.as_str());
    let (alice, bob) = (fs::read(path(0)).unwrap(), fs::read(path(1)).unwrap());
    let header = alice.iter().position(|byte| *byte == b'\n').unwrap();
    let flipped = |at: usize| {
        let mut bytes = alice.clone();
        bytes[at] ^= 1;
        bytes
    };
    let text = |bytes: &[u8], from: &str, to: &str| {
        let line = String::from_utf8(bytes[..header].to_vec()).unwrap();
        assert!(line.contains(from), "{line}");
        [line.replace(from, to).as_bytes(), &bytes[header..]].concat()
    };
    let another_key = text(&alice, "\"key\":\"", "\"key\":\"AAAA");
    for (case, bytes, remedy, why) in [
        ("empty", Vec::new(), "log_in", "damaged"),
        ("half a header", alice[..header / 2].to_vec(), "log_in", "damaged"),
        ("only a header", alice[..=header].to_vec(), "log_in", "damaged"),
        ("cut", alice[..alice.len() - 1].to_vec(), "log_in", "damaged"),
        ("half", alice[..alice.len() / 2].to_vec(), "log_in", "damaged"),
        ("a bit of the text", flipped(alice.len() - 20), "log_in", "damaged"),
        ("a bit of the nonce", flipped(header + 3), "log_in", "damaged"),
        ("a generation", text(&alice, "\"generation\":1", "\"generation\":9"), "log_in", "damaged"),
        ("another key's", another_key, "log_in", "sealed with another key"),
        ("zeros", vec![0; 600], "log_in", "damaged"),
        ("another login's", bob.clone(), "log_in", "belongs to another app or login"),
        ("newer", text(&alice, "\"format\":2", "\"format\":3"), "upgrade", "newer version"),
        ("older than any", text(&alice, "\"format\":2", "\"format\":0"), "log_in", "damaged"),
    ] {
        fs::write(path(0), bytes).unwrap();
        let error = token_error(&rig);
        assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
        assert!(error.to_string().contains(why), "{case}: {error}");
        assert!(error.to_string().contains(&*path(0).to_string_lossy()), "{case}: {error}");
        assert!(rig.server.requests().is_empty(), "{case}");
        assert_eq!(rig.auth().contexts().unwrap().len(), 2, "{case}");
        fs::write(path(0), &alice).unwrap();
        assert_eq!(token(&rig.auth().session().unwrap()), own, "{case}");
    }
    fs::remove_file(path(0)).unwrap();
    let error = token_error(&rig);
    assert_error(&error, ErrorKind::Custody, Some("log_in"), 6);
    assert!(error.to_string().contains("it is gone"), "{error}");
    fs::write(path(0), &alice).unwrap();
    // Swapped, the two are nobody's.
    fs::write(path(0), &bob).unwrap();
    fs::write(path(1), &alice).unwrap();
    assert_error(&token_error(&rig), ErrorKind::Custody, Some("log_in"), 6);
    fs::write(path(0), &alice).unwrap();
    fs::write(path(1), &bob).unwrap();
    assert_eq!(token(&rig.auth().session().unwrap()), own);
    assert_ne!(own, other);
}

#[test]
fn the_remedy_for_a_lost_login_names_its_context() {
    let rig = Rig::new();
    rig.log_in_as(&Default::default(), Some("work"));
    let work = Some(Remedy::LogIn { context: Some("work".into()) });
    let (record, keys) = (rig.records().remove(0), rig.keys.lose());
    assert_eq!(token_error(&rig).remedy(), work.as_ref(), "its key is gone");
    rig.keys.put_back(keys);
    fs::write(&record, "damaged").unwrap();
    assert_eq!(token_error(&rig).remedy(), work.as_ref(), "its record is damaged");
    fs::remove_file(&record).unwrap();
    assert_eq!(token_error(&rig).remedy(), work.as_ref(), "its record is gone");
}

#[test]
fn a_huge_record_is_named_and_not_read() {
    let rig = Rig::new();
    let own = token(&rig.log_in());
    let path = rig.records().remove(0);
    let good = fs::read(&path).unwrap();
    for (size, remedy) in [(1 << 20, "log_in"), (64 << 20, "fix_path")] {
        fs::File::options().write(true).open(&path).unwrap().set_len(size).unwrap();
        let error = token_error(&rig);
        assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
        assert!(error.to_string().contains(&*path.to_string_lossy()), "{error}");
        fs::write(&path, &good).unwrap();
    }
    assert_eq!(token(&rig.auth().session().unwrap()), own);
    assert!(rig.server.requests().is_empty());
}

/// The refresh token of a record out of a backup is spent: to send it would end the login where a newer one lives.
#[test]
fn a_record_out_of_a_backup_is_not_sent() {
    let (rig, session) = Rig::logged_in();
    let path = rig.records().remove(0);
    let backup = fs::read(&path).unwrap();
    forced(&session).unwrap();
    let newer = fs::read(&path).unwrap();
    fs::write(&path, backup).unwrap();
    rig.clock.advance(S(3600));
    rig.server.clear_requests();
    let error = token_error(&rig);
    assert_error(&error, ErrorKind::Custody, Some("log_in"), 6);
    assert!(error.to_string().contains("restored from a backup"), "{error}");
    assert!(rig.server.requests().is_empty());
    fs::write(&path, newer).unwrap();
    assert!(rig.server.is_live_access_token(&token(&rig.auth().session().unwrap())));
    assert_eq!(rig.server.counts().reuses, 0);
}

#[test]
fn an_expiry_beyond_the_year_9999_is_unknown_and_no_panic() {
    let rig = Rig::new();
    rig.log_in();
    let path = rig.records().remove(0);
    let bytes = std::fs::read(&path).unwrap();
    let end = bytes.iter().position(|byte| *byte == b'\n').unwrap();
    let mut header: serde_json::Value = serde_json::from_slice(&bytes[..end]).unwrap();
    header["expires_at"] = u64::MAX.into();
    std::fs::write(&path, [header.to_string().as_bytes(), &bytes[end..]].concat()).unwrap();
    assert_eq!(rig.auth().contexts().unwrap()[0].expires_at, None);
}
