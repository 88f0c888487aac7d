//! Records and indexes of each format that there ever was: each opens, and is rewritten by its next change. What a later version has added
//! survives.
//!
//! `fixtures/format_N` is a state folder that the version of that format has made, with the key of its one login in it.

use std::fs;
use std::path::{Path, PathBuf};

use hallpass::custody::{Custody, KeyStoreName};
use hallpass::{Auth, Config};
use tempfile::TempDir;

/// A copy of the fixture, as the app whose it is finds it.
struct Fixture {
    folder: TempDir,
    issuer: String,
}

impl Fixture {
    fn of(format: u32) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/records/fixtures/format_{format}"));
        let home = folder.path().join("home");
        for sub in ["", "grants"] {
            let to = home.join(sub);
            fs::create_dir_all(&to).unwrap();
            private(&to, 0o700);
            for entry in fs::read_dir(from.join(sub)).unwrap().map(Result::unwrap).filter(|one| one.path().is_file()) {
                fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
                private(&to.join(entry.file_name()), 0o600);
            }
        }
        let index = fs::read_to_string(home.join("index.json")).unwrap();
        let issuer = index.split("\"issuer\":\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        assert!(index.contains(&format!("\"format\":{format}")), "{index}");
        Self { folder, issuer }
    }

    fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    fn auth(&self) -> Auth {
        let mut config = Config::new("acme", &self.issuer, "acme-cli").unwrap();
        config.environment = Default::default();
        config.network.allow_loopback_http = true;
        config.state_dir = Some(self.home());
        config.custody.choice = Custody::Only(vec![KeyStoreName::KeyFile]);
        Auth::new(config).unwrap()
    }

    fn record(&self) -> PathBuf {
        let grant = &self.auth().contexts().unwrap()[0].grant;
        self.home().join("grants").join(grant.as_str())
    }
}

#[test]
fn each_format_opens_and_is_rewritten_by_the_next_change() {
    for format in [1, 2] {
        let fixture = Fixture::of(format);
        let session = fixture.auth().session().unwrap();
        let token = session.cached_token(Default::default()).expect("a token");
        assert!(token.expose().starts_with("at_"), "format {format}");
        let name = session.context().unwrap().name.clone();
        assert_eq!(name.as_str(), "alice@example.com");
        let before = fs::read(fixture.record()).unwrap();
        assert!(before.starts_with(format!("{{\"format\":{format},").as_bytes()));
        fixture.auth().change_owner(&name, &"team:core".parse().unwrap()).wait().unwrap();
        fixture.auth().switch(&name).wait().unwrap();
        let after = fs::read(fixture.record()).unwrap();
        assert!(after.starts_with(b"{\"format\":2,"), "format {format}");
        assert!(fs::read_to_string(fixture.home().join("index.json")).unwrap().contains("\"format\":2"));
        let session = fixture.auth().session().unwrap();
        assert_eq!(session.cached_token(Default::default()).unwrap().expose(), token.expose());
        let report = fixture.auth().verify_trail().wait().unwrap();
        assert!(report.is_intact() && report.witnesses == 1, "format {format}: {report:?}");
    }
}

/// What an older version has made owes no line, and its login begins to have a trail.
#[test]
fn a_login_of_format_1_proves_nothing_until_its_next_change() {
    let fixture = Fixture::of(1);
    let report = fixture.auth().verify_trail().wait().unwrap();
    assert!(report.is_intact() && report.proved_until.is_none() && report.witnesses == 1, "{report:?}");
    let context = &fixture.auth().contexts().unwrap()[0];
    assert_eq!(context.provenance, Some(Default::default()));
}

#[test]
fn what_a_later_version_has_added_to_the_index_survives() {
    let fixture = Fixture::of(2);
    let path = fixture.home().join("index.json");
    let text = fs::read_to_string(&path).unwrap();
    let added = text.replace("\"contexts\":[{", "\"later\":{\"x\":[1]},\"contexts\":[{\"added\":\"y\",");
    fs::write(
        &path,
        added.replace("{\"added\":\"y\",\"name\"", "{\"name\"").replace("\"custody\"", "\"added\":\"y\",\"custody\""),
    )
    .unwrap();
    let name = fixture.auth().contexts().unwrap()[0].name.clone();
    fixture.auth().switch(&name).wait().unwrap();
    let rewritten = fs::read_to_string(&path).unwrap();
    assert!(rewritten.contains("\"later\":{\"x\":[1]}") && rewritten.contains("\"added\":\"y\""), "{rewritten}");
}

#[test]
fn a_later_format_is_said_to_be_newer_and_left_alone() {
    let fixture = Fixture::of(2);
    for (path, from) in [(fixture.record(), "{\"format\":2,"), (fixture.home().join("index.json"), "{\"format\":2,")] {
        let good = fs::read(&path).unwrap();
        let newer = [b"{\"format\":3,", &good[from.len()..]].concat();
        fs::write(&path, &newer).unwrap();
        let error = fixture.auth().session().and_then(|session| session.access_token().wait()).unwrap_err();
        assert_eq!(error.remedy(), Some(&hallpass::Remedy::Upgrade), "{error}");
        assert_eq!(fs::read(&path).unwrap(), newer);
        fs::write(&path, &good).unwrap();
    }
}

fn private(path: &Path, mode: u32) {
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
    }
    #[cfg(not(unix))]
    let _ = (path, mode);
}
