//! A machine of a test's own: a home, a runtime folder, a D-Bus and a keyring that know nothing of the real ones.

use std::ffi::OsStr;
use std::fs::{self, DirBuilder};
use std::io::{Read, Write};
use std::os::unix::fs::DirBuilderExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::kernel;
use crate::process::{self, Running};

mod secret_services;

const INSIDE: &str = "HALLPASS_INSIDE_A_SESSION";

const PATH: &str = "/usr/local/bin:/usr/bin:/bin";

const PASSWORD: &str = "correct horse";

const DEFAULT_COLLECTION: &str = "/org/freedesktop/secrets/aliases/default";

pub(crate) struct Machine {
    root: TempDir,
    dbus: Option<Child>,
    keyring: Option<Child>,
    has_bus: bool,
}

impl Machine {
    /// A desktop session: D-Bus, and a keyring that the login has unlocked.
    pub(crate) fn desktop() -> Machine {
        let mut machine = Machine::with_bus();
        machine.unlock();
        machine
    }

    /// A keyring daemon that never saw a password: there is no collection to keep anything in.
    pub(crate) fn with_no_collection() -> Machine {
        let mut machine = Machine::with_bus();
        machine.lock();
        machine
    }

    /// A server or a container: no D-Bus at all.
    pub(crate) fn headless() -> Machine {
        let machine = Machine { root: tempfile::tempdir().unwrap(), dbus: None, keyring: None, has_bus: false };
        // A runtime folder is 0700, or D-Bus and others refuse it.
        DirBuilder::new().mode(0o700).create(machine.root.path().join("run")).unwrap();
        fs::create_dir(machine.home()).unwrap();
        fs::create_dir(machine.root.path().join("desktop")).unwrap();
        machine
    }

    /// A D-Bus socket that takes every connection and answers none of them.
    pub(crate) fn with_silent_bus() -> Machine {
        let mut machine = Machine::headless();
        machine.silence_bus();
        machine
    }

    /// A D-Bus with nobody on it.
    pub(crate) fn with_bus() -> Machine {
        let mut machine = Machine::headless();
        machine.start_bus();
        machine
    }

    pub(crate) fn start_bus(&mut self) {
        self.has_bus = true;
        let mut dbus = self.desktop_command("dbus-daemon");
        dbus.args(["--session", "--nofork", "--nosyslog", &format!("--address={}", self.bus_address())]);
        self.dbus = Some(dbus.stderr(Stdio::null()).spawn().unwrap());
        eventually("D-Bus", || self.asks_bus("ListNames", &[]).is_some());
    }

    /// The bus is gone, and the keyring with it.
    pub(crate) fn kill_bus(&mut self) {
        end(&mut self.keyring);
        end(&mut self.dbus);
        let _ = fs::remove_file(self.bus());
    }

    /// From now on the bus is there and dead, as on a desktop that hangs.
    pub(crate) fn silence_bus(&mut self) {
        self.kill_bus();
        let listener = UnixListener::bind(self.bus()).unwrap();
        self.has_bus = true;
        thread::spawn(move || {
            // The connections are kept, or the other side would see them closed.
            let mut connections = Vec::new();
            for connection in listener.incoming() {
                connections.push(connection);
            }
        });
        let mut probe = UnixStream::connect(self.bus()).unwrap();
        probe.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        assert!(probe.read(&mut [0]).is_err(), "a silent bus neither answers nor hangs up");
    }

    /// Logs in to the desktop: the keyring is unlocked, and made where there was none.
    pub(crate) fn unlock(&mut self) {
        self.start_keyring(true);
    }

    /// Locks the keyring, as after a login without a password.
    pub(crate) fn lock(&mut self) {
        self.start_keyring(false);
    }

    /// Ends the keyring alone: its place on the bus is free.
    pub(crate) fn end_keyring(&mut self) {
        end(&mut self.keyring);
    }

    fn start_keyring(&mut self, unlock: bool) {
        let mut daemon = self.desktop_command("gnome-keyring-daemon");
        daemon.args(["--foreground", "--components=secrets"]).args(unlock.then_some("--unlock"));
        self.start_store(daemon.stderr(Stdio::null()), if unlock { PASSWORD } else { "" });
        if unlock {
            // It is on the bus before it has opened or made the collection.
            eventually("the collection", || self.is_locked(DEFAULT_COLLECTION) == Some(false));
        }
    }

    fn start_store(&mut self, daemon: &mut Command, input: &str) {
        const SERVICE: &str = "string:org.freedesktop.secrets";
        let owned =
            |machine: &Machine| machine.asks_bus("NameHasOwner", &[SERVICE]).is_some_and(|r| r.contains("true"));
        end(&mut self.keyring);
        eventually("the end of the keyring", || !owned(self));

        let mut daemon = daemon.stdin(Stdio::piped()).spawn().unwrap();
        daemon.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
        self.keyring = Some(daemon);
        eventually("the keyring", || owned(self));
    }

    fn is_locked(&self, collection: &str) -> Option<bool> {
        const GET: &str = "org.freedesktop.DBus.Properties.Get";
        let arguments = ["string:org.freedesktop.Secret.Collection", "string:Locked"];
        Some(self.calls("org.freedesktop.secrets", collection, GET, &arguments)?.contains("true"))
    }

    /// What the Secret Service holds for an app, as `secret-tool` tells it: an empty string for nothing.
    pub(crate) fn keyring_items(&self, app: &str) -> String {
        let mut search = self.desktop_command("secret-tool");
        let run = process::run(search.args(["search", "--all", "--unlock", "service", app]));
        let found = run.stdout.lines().any(|line| line.starts_with('['));
        if found { format!("{}{}", run.stdout, run.stderr) } else { String::new() }
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.root.path().join("home")
    }

    pub(crate) fn bus(&self) -> PathBuf {
        self.root.path().join("run/bus")
    }

    /// A folder for a test's own files, outside the home.
    pub(crate) fn scratch(&self) -> &Path {
        self.root.path()
    }

    /// This very test once more, as a process in the machine's session: that is where `OsKeyStore` finds its store. `part` tells it
    /// what to do there ([`part`]).
    pub(crate) fn inside(&self, part: &str) -> Running {
        let test = thread::current().name().expect("a test has a name").to_owned();
        let mut command = self.command(std::env::current_exe().unwrap(), &self.home());
        Running::start(command.args(["--exact", &test, "--nocapture"]).env(INSIDE, part))
    }

    /// Everything in the home, folders too.
    pub(crate) fn home_entries(&self) -> Vec<PathBuf> {
        entries(&self.home())
    }

    /// The files of this name anywhere in the home.
    pub(crate) fn files_named(&self, name: &str) -> Vec<PathBuf> {
        self.home_entries().into_iter().filter(|path| path.file_name().is_some_and(|own| own == name)).collect()
    }

    /// The files of this machine (home, runtime folder, keyring) that hold one of these words as they are.
    pub(crate) fn files_with(&self, words: &[String]) -> Vec<PathBuf> {
        let holds = |path: &PathBuf| {
            let bytes = fs::read(path).unwrap_or_default();
            words.iter().any(|word| bytes.windows(word.len()).any(|window| window == word.as_bytes()))
        };
        entries(self.root.path()).into_iter().filter(|path| path.is_file()).filter(holds).collect()
    }

    pub(crate) fn bus_address(&self) -> String {
        format!("unix:path={}", self.bus().display())
    }

    fn asks_bus(&self, method: &str, arguments: &[&str]) -> Option<String> {
        const NAME: &str = "org.freedesktop.DBus";
        self.calls(NAME, "/org/freedesktop/DBus", &format!("{NAME}.{method}"), arguments)
    }

    fn calls(&self, name: &str, path: &str, method: &str, arguments: &[&str]) -> Option<String> {
        let mut send = self.desktop_command("dbus-send");
        send.args(["--session", "--print-reply", &format!("--dest={name}"), path, method]);
        let run = process::run(send.args(arguments));
        (run.code == Some(0)).then_some(run.stdout)
    }

    /// The desktop's own programs have a home apart, so that `acme`'s holds only what `acme` wrote.
    fn desktop_command(&self, program: &str) -> Command {
        self.command(program, &self.root.path().join("desktop"))
    }

    /// A program in an environment that has nothing of the real one.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>, home: &Path) -> Command {
        let mut command = Command::new(program);
        command.env_clear().current_dir(self.root.path()).stdin(Stdio::null()).stdout(Stdio::null());
        command.env("PATH", PATH).env("LANG", "C.UTF-8").env("HOME", home);
        command.env("XDG_RUNTIME_DIR", self.root.path().join("run"));
        for (name, folder) in [("CONFIG", ".config"), ("CACHE", ".cache"), ("DATA", ".data"), ("STATE", ".state")] {
            command.env(format!("XDG_{name}_HOME"), home.join(folder));
        }
        if self.has_bus {
            command.env("DBUS_SESSION_BUS_ADDRESS", self.bus_address());
        }
        command
    }
}

impl Drop for Machine {
    fn drop(&mut self) {
        kernel::sweep(&self.home());
        end(&mut self.keyring);
        end(&mut self.dbus);
        // What D-Bus started by itself (a prompter, say) is known by the runtime folder that it inherited.
        let mark = format!("XDG_RUNTIME_DIR={}\0", self.root.path().join("run").display());
        for process in fs::read_dir("/proc").unwrap().flatten() {
            let environment = fs::read(process.path().join("environ")).unwrap_or_default();
            if environment.windows(mark.len()).any(|window| window == mark.as_bytes()) {
                let _ = Command::new("kill").arg(process.file_name()).status();
            }
        }
    }
}

/// What this process is to do inside a machine's session; `None` where it is the test itself.
pub(crate) fn part() -> Option<String> {
    std::env::var(INSIDE).ok()
}

/// Everything under a folder, folders too.
fn entries(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        found.push(entry.path());
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(entries(&entry.path()));
        }
    }
    found
}

fn end(child: &mut Option<Child>) {
    if let Some(mut child) = child.take() {
        let _ = child.kill();
        let _ = child.wait();
    }
}

#[track_caller]
pub(crate) fn eventually(what: &str, mut happens: impl FnMut() -> bool) {
    let deadline = Instant::now() + Duration::from_secs(20);
    while !happens() {
        assert!(Instant::now() < deadline, "{what} did not come");
        thread::sleep(Duration::from_millis(20));
    }
}
