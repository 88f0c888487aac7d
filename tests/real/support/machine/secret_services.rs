//! KeePassXC and KWallet, in the place of gnome-keyring.

use std::fs;
use std::io::Write;
use std::os::fd::OwnedFd;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::PathBuf;
use std::process::Stdio;

use super::{Machine, PASSWORD, eventually};

/// The collections that the two products make of their database and their wallet.
const KEEPASSXC: &str = "/org/freedesktop/secrets/collection/database";
const KWALLET: &str = "/org/freedesktop/secrets/collection/kdewallet";

impl Machine {
    /// A desktop whose secrets are in KeePassXC: one open database, lent to everybody who asks.
    pub(crate) fn with_keepassxc() -> Machine {
        let mut machine = Machine::with_bus();
        machine.make_database();
        machine.start_keepassxc();
        machine
    }

    /// A KDE desktop whose wallet the login has opened. KWallet calls its collection locked all the same, until somebody has
    /// asked it to unlock it.
    pub(crate) fn with_kwallet() -> Machine {
        let mut machine = Machine::with_bus();
        // The first start makes the wallet, which only the next one offers to others.
        machine.start_kwallet();
        machine.start_kwallet();
        machine
    }

    /// An empty database whose root group is lent to the Secret Service (`FDO_SECRETS_EXPOSED_GROUP`), and a program that
    /// asks for no consent to each item: with its defaults it asks every process anew.
    fn make_database(&self) {
        const SETTINGS: &str = "[General]\nConfigVersion=2\nUpdateCheckMessageShown=true\n[GUI]\nCheckForUpdates=false\n\
            [FdoSecrets]\nEnabled=true\nConfirmAccessItem=false\nConfirmDeleteItem=false\nShowNotification=false\n";
        const DATABASE: &str = r#"<?xml version="1.0" encoding="UTF-8"?><KeePassFile><Meta><CustomData><Item>
            <Key>FDO_SECRETS_EXPOSED_GROUP</Key><Value>{00112233-4455-6677-8899-aabbccddeeff}</Value></Item></CustomData></Meta>
            <Root><Group><UUID>ABEiM0RVZneImaq7zN3u/w==</UUID><Name>Root</Name></Group></Root></KeePassFile>"#;
        let (settings, export) = (self.root.path().join("keepassxc.ini"), self.root.path().join("database.xml"));
        fs::write(settings, SETTINGS).unwrap();
        fs::write(&export, DATABASE).unwrap();
        let mut import = self.desktop_command("keepassxc-cli");
        import.args(["import", "-q", "-p", "-t", "100"]).arg(export).arg(self.database());
        let mut import = import.stdin(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        import.stdin.take().unwrap().write_all(format!("{PASSWORD}\n{PASSWORD}\n").as_bytes()).unwrap();
        assert!(import.wait().unwrap().success(), "no database");
    }

    fn database(&self) -> PathBuf {
        self.root.path().join("database.kdbx")
    }

    fn start_keepassxc(&mut self) {
        let mut program = self.desktop_command("keepassxc");
        // Beside its temporary files it keeps what makes it the only one of this user.
        program.env("QT_QPA_PLATFORM", "offscreen").env("TMPDIR", self.root.path()).stderr(Stdio::null());
        program.arg("--pw-stdin");
        program.arg("--config").arg(self.root.path().join("keepassxc.ini")).arg(self.database());
        self.start_store(&mut program, &format!("{PASSWORD}\n"));
        eventually("the database", || self.is_locked(KEEPASSXC) == Some(false));
    }

    /// The person locks all databases.
    pub(crate) fn lock_keepassxc(&self) {
        self.keepassxc("lockAllDatabases", &[]);
        eventually("the lock", || self.is_locked(KEEPASSXC) == Some(true));
    }

    /// The person types the password, into a prompt if there is one.
    pub(crate) fn unlock_keepassxc(&self) {
        let database = format!("string:{}", self.database().display());
        self.keepassxc("openDatabase", &[&database, &format!("string:{PASSWORD}")]);
    }

    fn keepassxc(&self, method: &str, arguments: &[&str]) {
        const NAME: &str = "org.keepassxc.KeePassXC.MainWindow";
        self.calls(NAME, "/keepassxc", &format!("{NAME}.{method}"), arguments).expect("KeePassXC answers");
    }

    /// What PAM does at a KDE login: it starts KWallet with the key of the wallet in a pipe, then tells it the session's
    /// environment through a socket. (The numbers cannot be 0 to 2, which the shell is here for.)
    pub(crate) fn start_kwallet(&mut self) {
        const SETTINGS: &str = "[Wallet]\nFirst Use=false\n[org.freedesktop.secrets]\napiEnabled=true\n";
        const START: &str = "exec 3<&1 4<&2 >/dev/null 2>&1; exec kwalletd5 --pam-login 3 4";
        const KEY: [u8; 56] = [b'k'; 56];
        let socket = self.root.path().join("run/kwallet5.socket");
        let _ = fs::remove_file(&socket);
        let listener = UnixListener::bind(&socket).unwrap();
        // What is written before the other side has accepted it is kept: the connection may be closed again.
        drop(UnixStream::connect(&socket).unwrap());
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(&KEY).unwrap();

        let folder = self.root.path().join("desktop/.config");
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join("kwalletrc"), SETTINGS).unwrap();
        let mut daemon = self.desktop_command("sh");
        daemon.args(["-c", START]).env("QT_QPA_PLATFORM", "offscreen").env("PAM_KWALLET5_LOGIN", &socket);
        self.start_store(daemon.stdout(reader).stderr(OwnedFd::from(listener)), "");
        // It is on the bus before it has opened or made the wallet, but answers only afterwards.
        let opened = self.kwallet("isOpen", &["string:kdewallet"]);
        assert!(opened.contains("true") && self.scratch().join("desktop/.data/kwalletd/kdewallet.kwl").is_file());
    }

    /// The person closes the wallet.
    pub(crate) fn lock_kwallet(&self) {
        self.kwallet("close", &["string:kdewallet", "boolean:true"]);
        assert_eq!(self.is_locked(KWALLET), Some(true));
    }

    fn kwallet(&self, method: &str, arguments: &[&str]) -> String {
        let method = format!("org.kde.KWallet.{method}");
        self.calls("org.kde.kwalletd5", "/modules/kwalletd5", &method, arguments).expect("KWallet answers")
    }
}
