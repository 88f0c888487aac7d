//! Keys in files: a file that is damaged, newer, somebody else's, readable by others or gone is named with the way out, and is
//! never taken for "not logged in".

use std::fs;
use std::path::{Path, PathBuf};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use hallpass::contexts::Logout;
use hallpass::custody::{Custody, KeyStoreName};
use hallpass::{Auth, Config, Error, ErrorKind, Remedy};

use crate::support::passphrase::at;
use crate::support::rig::{Rig, assert_error, bob, token};

/// Alice and Bob, each with their token.
struct Two {
    rig: Rig,
    config: Config,
    own: String,
    grants: [String; 2],
}

impl Two {
    fn log_in(place: KeyStoreName) -> Self {
        let rig = Rig::new();
        let config = at(&rig, place);
        let own = token(&rig.try_log_in(|own| *own = config.clone()).unwrap());
        rig.server.approve_all_as(&bob());
        let second =
            Auth::new(config.clone()).unwrap().login(crate::support::rig::named(Some("bob"), hallpass::prompt::Silent));
        second.wait().unwrap();
        let contexts = rig.auth().contexts().unwrap();
        let grants = [0, 1].map(|at| contexts[at].grant.to_string());
        rig.server.clear_requests();
        Self { rig, config, own, grants }
    }

    fn slip(&self, at: usize) -> PathBuf {
        let Custody::Only(key_stores) = &self.config.custody.choice else { unreachable!() };
        self.rig.home().join("grants").join(format!("{}.acme.{}", self.grants[at], key_stores[0]))
    }

    /// What a fresh process says for Alice.
    fn ask(&self) -> Result<String, Error> {
        let mut select = hallpass::Selector::default();
        select.context = Some("alice@example.com".parse().unwrap());
        let session = Auth::new(self.config.clone())?.session_for(&select)?;
        Ok(session.access_token().wait()?.expose().to_owned())
    }

    /// Refused by this reason and path, twice, without a word to the server; both logins are still listed.
    #[track_caller]
    fn refused(&self, case: &str, remedy: &str, why: &str, path: &Path) {
        for _ in 0..2 {
            let error = self.ask().unwrap_err();
            assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
            let message = error.to_string();
            assert!(message.contains(why) && message.contains(&*path.to_string_lossy()), "{case}: {message}");
        }
        assert!(self.rig.server.requests().is_empty(), "{case}");
        assert_eq!(self.rig.auth().contexts().unwrap().len(), 2, "{case}");
    }

    #[track_caller]
    fn is_well_again(&self, case: &str) {
        assert_eq!(self.ask().unwrap(), self.own, "{case}");
        assert!(self.rig.server.requests().is_empty(), "{case}");
    }
}

#[test]
fn a_damaged_or_foreign_wrapped_key_is_named() {
    for place in [KeyStoreName::KeyFile, KeyStoreName::Passphrase] {
        let two = Two::log_in(place.clone());
        let path = two.slip(0);
        let (alice, bob) = (fs::read(&path).unwrap(), fs::read(two.slip(1)).unwrap());
        let line = alice.iter().position(|byte| *byte == b'\n').unwrap();
        let text = String::from_utf8(alice[..line].to_vec()).unwrap();
        assert_eq!(checksummed(&text), alice, "the test and the library agree on the checksum");
        let flipped = |at: usize| {
            let mut bytes = alice.clone();
            bytes[at] ^= 1;
            bytes
        };
        for (case, bytes, remedy, why) in [
            ("empty", Vec::new(), "log_in", "is damaged"),
            ("half a line", alice[..line / 2].to_vec(), "log_in", "is damaged"),
            ("no checksum", alice[..=line].to_vec(), "log_in", "is damaged"),
            ("half a checksum", alice[..line + 9].to_vec(), "log_in", "is damaged"),
            ("a bit of its first line", flipped(line / 2), "log_in", "is damaged"),
            ("a bit of its checksum", flipped(line + 3), "log_in", "is damaged"),
            ("zeros", vec![0; 600], "log_in", "is damaged"),
            ("a megabyte", vec![b'x'; 1 << 20], "log_in", "is damaged"),
            ("no text", [&[0xff, 0xfe][..], &alice].concat(), "log_in", "is damaged"),
            ("no slip", checksummed("{\"format\":1}"), "log_in", "is damaged"),
            ("newer", checksummed(&text.replace("\"format\":1", "\"format\":2")), "upgrade", "newer version"),
            ("newer, and nothing else", checksummed("{\"format\":7}"), "upgrade", "newer version"),
            ("another login's", bob.clone(), "log_in", "belongs to another app or login"),
        ] {
            fs::write(&path, bytes).unwrap();
            two.refused(&format!("{place}, {case}"), remedy, why, &path);
            fs::write(&path, &alice).unwrap();
            two.is_well_again(case);
        }
        fs::write(&path, vec![b'x'; 5 << 20]).unwrap();
        two.refused("larger than anything", "fix_path", "cannot read", &path);
        fs::remove_file(&path).unwrap();
        two.refused("gone", "log_in", "no longer in", Path::new(""));
        // The name on it is not believed: what was sealed for Bob does not open for Alice.
        let renamed = String::from_utf8(bob[..bob.iter().position(|byte| *byte == b'\n').unwrap()].to_vec()).unwrap();
        fs::write(&path, checksummed(&renamed.replace(&two.grants[1], &two.grants[0]))).unwrap();
        let error = two.ask().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Custody, "{error}");
        fs::write(&path, &alice).unwrap();
        two.is_well_again("its own again");
    }
}

/// A file's line and its checksum: the tag of an empty text under a key of zeros, beside which the line stands.
pub(super) fn checksummed(line: &str) -> Vec<u8> {
    let cipher = XChaCha20Poly1305::new(&[0; 32].into());
    let payload = Payload { msg: b"", aad: line.as_bytes() };
    let tag = cipher.encrypt(&XNonce::from(*b"hallpass mark of message"), payload).unwrap();
    format!("{line}\n{}\n", URL_SAFE_NO_PAD.encode(tag)).into_bytes()
}

#[test]
fn a_damaged_foreign_or_lost_key_file_is_named() {
    let two = Two::log_in(KeyStoreName::KeyFile);
    let path = two.rig.home().join("key");
    let good = fs::read(&path).unwrap();
    assert_eq!((good.len(), good[44]), (45, b'\n'), "32 bytes in base64, as `openssl rand -base64 32` writes them");
    let another = base64::engine::general_purpose::STANDARD.encode([7; 32]).into_bytes();
    for (case, bytes, why) in [
        ("empty", Vec::new(), "is damaged"),
        ("half", good[..20].to_vec(), "is damaged"),
        ("too long", [&good[..], &good].concat(), "is damaged"),
        ("no base64", vec![b'!'; 44], "is damaged"),
        ("another", another, "is another than the one that sealed it"),
    ] {
        fs::write(&path, bytes).unwrap();
        two.refused(case, "set_aside", why, &path);
        fs::write(&path, &good).unwrap();
        two.is_well_again(case);
    }
    fs::remove_file(&path).unwrap();
    two.refused("gone", "set_aside", "that opens it is not there", &path);
    // A disk that is not there is no reason to forget a login that the server goes on to serve.
    let kept = Auth::new(two.config.clone()).unwrap().logout(Logout::default()).wait().unwrap_err();
    assert!(matches!(kept.remedy(), Some(Remedy::ForgetLocally { .. })), "{kept}");
    fs::write(&path, &good).unwrap();
    #[cfg(unix)]
    mode_for_others(&two, &path);
}

/// A key file that others can read is no secret any more, whatever it opens.
#[cfg(unix)]
fn mode_for_others(two: &Two, path: &Path) {
    for bits in [0o644, 0o640, 0o604, 0o660, 0o666] {
        set_mode(path, bits);
        two.refused(&format!("{bits:o}"), "fix_path", "others may read it", path);
        let login = two.rig.try_log_in(|own| *own = two.config.clone()).unwrap_err();
        assert_error(&login, ErrorKind::Custody, Some("fix_path"), 6);
        set_mode(path, 0o600);
        two.is_well_again("for its owner alone");
    }
}

#[cfg(unix)]
fn set_mode(path: &Path, bits: u32) {
    use std::os::unix::fs::PermissionsExt;
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
}

/// systemd.exec(5), `LoadCredential=`.
#[test]
#[cfg(unix)]
fn a_login_sealed_by_a_service_credential_needs_it() {
    let rig = Rig::new();
    let folder = rig.folder.path().join("credentials");
    fs::create_dir(&folder).unwrap();
    set_mode(&folder, 0o700);
    let path = folder.join("acme.key");
    let config = |credentials: Option<&Path>| {
        let mut config = at(&rig, KeyStoreName::KeyFile);
        config.environment.credentials = credentials.map(Path::to_owned);
        config
    };
    let asked = || {
        let session = Auth::new(config(Some(&folder))).unwrap().session().unwrap();
        session.access_token().wait().map(|token| token.expose().to_owned())
    };
    fs::write(&path, text_of(1)).unwrap();
    set_mode(&path, 0o400);
    let own = token(&rig.try_log_in(|own| *own = config(Some(&folder))).unwrap());
    assert!(!rig.home().join("key").exists(), "no key file of ours beside it");
    assert_eq!(asked().unwrap(), own);
    rig.server.clear_requests();

    // Outside of the service.
    let outside = Auth::new(config(None)).unwrap().session().unwrap().access_token().wait().unwrap_err();
    assert_error(&outside, ErrorKind::Custody, Some("run_as_service"), 6);
    assert!(outside.to_string().contains("acme.key"), "{outside}");

    for (case, text, bits, remedy, why) in [
        ("another", text_of(2), 0o400, "run_as_service", "is another than the one that sealed it"),
        ("no key", "hunter2".into(), 0o400, "correct_credential", "is no key"),
        ("empty", String::new(), 0o400, "correct_credential", "is no key"),
        ("readable by others", text_of(1), 0o404, "fix_path", "others may read it"),
        ("readable by a group", text_of(1), 0o440, "fix_path", "others may read it"),
    ] {
        set_mode(&path, 0o600);
        fs::write(&path, text).unwrap();
        set_mode(&path, bits);
        if case == "readable by a group" && rustix::process::geteuid().is_root() {
            // On a file of the system's, that is how an access control list shows.
            assert_eq!(asked().unwrap(), own);
            continue;
        }
        let error = asked().unwrap_err();
        assert_error(&error, ErrorKind::Custody, Some(remedy), 6);
        assert!(format!("{error:?}").contains(why) && !format!("{error:?}").contains("hunter2"), "{case}: {error}");
    }
    fs::remove_file(&path).unwrap();
    assert_error(&asked().unwrap_err(), ErrorKind::Custody, Some("run_as_service"), 6);
    // To log out, the person need not have it.
    let logout = Auth::new(config(Some(&folder))).unwrap().logout(Default::default()).wait().unwrap_err();
    assert_error(&logout, ErrorKind::Custody, Some("forget_locally"), 6);
    fs::write(&path, text_of(1)).unwrap();
    set_mode(&path, 0o400);
    set_mode(&folder, 0o777);
    let error = asked().unwrap_err();
    assert_error(&error, ErrorKind::Custody, Some("fix_path"), 6);
    assert!(error.to_string().contains("others may write to it"), "{error}");
    set_mode(&folder, 0o700);
    assert_eq!(asked().unwrap(), own);
    assert!(rig.server.requests().is_empty());
}

#[cfg(unix)]
fn text_of(byte: u8) -> String {
    base64::engine::general_purpose::STANDARD.encode([byte; 32])
}

#[test]
fn a_key_file_that_hallpass_did_not_make_seals_no_login() {
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
    let log_in = || rig.try_log_in(|own| own.custody.choice = Custody::Only(vec![KeyStoreName::KeyFile])).unwrap();
    log_in();
    let own = fs::read_to_string(&key).unwrap();
    assert_ne!(own, planted);
    assert_eq!(fs::read_to_string(rig.home().join("key.unused")).unwrap(), planted, "nothing of anybody's is lost");
    let report = rig.auth().doctor().wait().unwrap();
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
    let error = rig.try_log_in(|own| own.custody.choice = Custody::Only(vec![KeyStoreName::KeyFile])).unwrap_err();
    assert!(error.to_string().contains("newer version"), "{error}");
    assert_eq!(fs::read_to_string(&key).unwrap(), before, "it may open the login that cannot be read now");
}
