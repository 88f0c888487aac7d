//! `acme` as a process of a plain user: what keeps it from its state folder is named, with whose it is and what helps; and what it
//! creates is its own whatever the umask.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::support::acme::*;
use crate::support::rig::left_out;

/// Users whom nobody is.
const ADA: u32 = 40_121;
const BOB: u32 = 40_122;

/// A user, with `acme` and a home of their own.
struct User {
    acme: Acme,
    uid: u32,
}

impl User {
    /// Root is stopped by no mode, so that another user takes its place.
    fn new() -> Self {
        let acme = Acme::new();
        let me = fs::metadata(acme.folder.path()).unwrap().uid();
        let user = Self { uid: if me == 0 { ADA } else { me }, acme };
        mode(user.folder(), 0o755);
        // The build may lie where another user does not get to.
        fs::hard_link(program(), user.program()).or_else(|_| fs::copy(program(), user.program()).map(drop)).unwrap();
        give(&user.make("home", 0o700), user.uid);
        user
    }

    fn is_root() -> bool {
        rustix::process::geteuid().is_root()
    }

    fn folder(&self) -> &Path {
        self.acme.folder.path()
    }

    fn program(&self) -> PathBuf {
        self.folder().join("acme")
    }

    fn home(&self) -> PathBuf {
        self.folder().join("home")
    }

    fn make(&self, name: &str, bits: u32) -> PathBuf {
        let folder = self.folder().join(name);
        fs::create_dir(&folder).unwrap();
        mode(&folder, bits);
        folder
    }

    /// `acme` in a shell with this umask, with the state folder below `HOME`.
    fn run_with_umask(&self, umask: &str, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        let mut command = Command::new("sh");
        command
            .args(["-c", &format!("umask {umask}; exec \"$0\" \"$@\""), self.program().to_str().unwrap()])
            .args(arguments)
            .env_clear()
            .env("HOME", self.home())
            .env("ACME_CUSTODY", "keyfile")
            .env("ACME_ISSUER", self.acme.server.issuer())
            .env("ACME_ALLOW_LOOPBACK_HTTP", "1")
            .envs(variables.iter().copied())
            .current_dir("/")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        if Self::is_root() {
            command.uid(self.uid).gid(self.uid);
        }
        ended(command.spawn().unwrap())
    }

    fn run(&self, arguments: &[&str], variables: &[(&str, &str)]) -> Ran {
        self.run_with_umask("0022", arguments, variables)
    }

    fn log_in(&self) -> Ran {
        self.acme.server.approve_all();
        self.run(&["auth", "login", "--wait"], &[])
    }
}

fn mode(path: &Path, bits: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(bits)).unwrap();
}

fn give(path: &Path, uid: u32) {
    if User::is_root() {
        chown(path, Some(uid), Some(uid)).unwrap();
    }
}

#[test]
fn created_files_are_private_with_any_umask() {
    for umask in ["0022", "0000", "0177", "0277", "0777"] {
        let user = User::new();
        user.acme.server.approve_all();
        for arguments in [&["auth", "login", "--json"][..], &["auth", "token", "--refresh"], &["auth", "status"]] {
            let ran = user.run_with_umask(umask, arguments, &[]);
            assert_eq!(ran.code, 0, "{umask}: {ran:?}");
        }
        let state = user.home().join(".local/state/acme");
        for folder in
            [user.home().join(".local"), user.home().join(".local/state"), state.clone(), state.join("grants")]
        {
            assert_eq!(fs::metadata(&folder).unwrap().mode() & 0o7777, 0o700, "{umask}: {}", folder.display());
        }
        let mut files = 0;
        for entry in [state.clone(), state.join("grants")].iter().flat_map(|folder| fs::read_dir(folder).unwrap()) {
            let (path, there) = entry.map(|entry| (entry.path(), entry.metadata().unwrap())).unwrap();
            files += u32::from(there.is_file());
            assert!(there.is_dir() || there.mode() & 0o7777 == 0o600, "{umask}: {} {:o}", path.display(), there.mode());
        }
        assert!(files > 5, "{umask}: {files}");
    }
}

#[test]
fn a_blocking_folder_is_named_with_owner_and_hint() {
    let user = User::new();
    assert_eq!(user.log_in().code, 0);
    let state = user.home().join(".local/state/acme");
    let grants = state.join("grants");
    let own = user.home().join(".local");
    let (refresh, switch) = (["auth", "token", "--refresh"], ["auth", "switch", "alice@example.com"]);
    for (blocker, bits, command) in
        [(&own, 0o600, refresh), (&state, 0o000, refresh), (&state, 0o500, switch), (&grants, 0o500, refresh)]
    {
        mode(blocker, bits);
        let ran = user.run(&command, &[]);
        let path = blocker.display();
        let why = format!(": {path} is closed to its owner, who is the user of this process (mode {bits:o})");
        assert!(ran.code == 6 && ran.stderr.contains(&why), "{ran:?}");
        assert!(ran.stderr.contains(&format!("hint: run `chmod 700 {path}`")), "{ran:?}");
        mode(blocker, 0o700);
        assert_eq!(user.run(&command, &[]).code, 0);
    }
    let index = state.join("index.json");
    mode(&index, 0o200);
    let ran = user.run(&["auth", "status"], &[]);
    assert!(ran.code == 6 && ran.stderr.contains(&format!("hint: run `chmod 600 {}`", index.display())), "{ran:?}");
}

#[test]
fn a_blocking_folder_of_another_user_is_named_with_that_user() {
    if !User::is_root() {
        return left_out("the right to give a folder away");
    }
    let user = User::new();
    let theirs = user.make("theirs", 0o700);
    // Root's own: nobody should become root for a login.
    for (owner, told, remedy) in [(BOB, format!("user {BOB}"), "run_as"), (0, "root".into(), "fix_config")] {
        chown(&theirs, Some(owner), None).unwrap();
        for (bits, below) in [(0o700, "state"), (0o755, "state"), (0o700, "a/b/state")] {
            mode(&theirs, bits);
            let named = theirs.join(below);
            let variables = [("ACME_HOME", named.to_str().unwrap())];
            let ran = user.run(&["auth", "login", "--json"], &variables);
            let why = format!("{} belongs to {told} and is closed to the user of this process", theirs.display());
            assert!(ran.code == 6 && ran.stdout.contains(&why), "{ran:?}");
            assert!(ran.stdout.contains(&format!("\"remedy\":\"{remedy}\"")), "{ran:?}");
        }
    }
}

/// `sudo` with `HOME` kept.
#[test]
fn root_creates_nothing_in_another_users_home() {
    if !User::is_root() {
        return left_out("root");
    }
    let acme = Acme::new();
    let home = acme.folder.path().join("ada");
    fs::create_dir(&home).unwrap();
    let below = |name: &str| home.join(name).to_str().unwrap().to_owned();
    // What an earlier `sudo` has left changes nothing.
    for there in ["", ".local", ".local/state"] {
        fs::create_dir_all(home.join(there)).unwrap();
        chown(&home, Some(ADA), None).unwrap();
        let variables = [("HOME", home.to_str().unwrap()), ("ACME_HOME", &below(".local/state/acme"))];
        for command in [&["login", "--json"][..], &["token", "--json"], &["status", "--json"], &["logout", "--json"]] {
            let ran = acme.run_with(&[&["auth"], command].concat(), &variables);
            assert_eq!(ran.code, 6, "{ran:?}");
            let error = json(&ran.stdout);
            let message = error["message"].as_str().unwrap();
            assert!(message.contains(&format!("root would keep its own files in a folder of user {ADA}")), "{message}");
            assert_eq!(error["remedy"], "run_as", "{error}");
        }
        assert!(acme.server.requests().is_empty());
        let doctor = acme.run_with(&["auth", "doctor"], &variables);
        assert!(doctor.code == 1 && doctor.stdout.contains(&format!("hint: run it as user {ADA}, without sudo")));
        assert!(!home.join(".local/state/acme").exists(), "{there}");
        acme.server.clear_requests();
    }
}

#[test]
fn a_link_in_place_of_a_file_is_named_as_a_link() {
    let user = User::new();
    assert_eq!(user.log_in().code, 0);
    let state = user.home().join(".local/state/acme");
    let (index, key) = (state.join("index.json"), state.join("key"));
    for (file, arguments) in [(&index, ["auth", "status", "--json"]), (&key, ["auth", "token", "--json"])] {
        let aside = user.home().join("aside");
        fs::rename(file, &aside).unwrap();
        symlink(&aside, file).unwrap();
        let ran = user.run(&arguments, &[]);
        let message = json(&ran.stdout)["message"].as_str().unwrap().to_owned();
        assert!(ran.code == 6 && message.ends_with(&format!("{}: it is a symbolic link", file.display())), "{message}");
        let ran = user.run(&arguments[..2], &[]);
        assert!(ran.stderr.contains(&format!("hint: put {} right, or move it away", file.display())), "{ran:?}");
        fs::remove_file(file).unwrap();
        fs::rename(&aside, file).unwrap();
        assert_eq!(user.run(&arguments, &[]).code, 0);
    }
}

/// On a file system of the process's own, in memory.
#[test]
fn a_full_or_read_only_file_system_is_named() {
    let acme = Acme::new();
    let volume = acme.folder.path().join("volume");
    fs::create_dir(&volume).unwrap();
    let on = |options: &str, then: &str| {
        let mount = "mount -t tmpfs -o mode=700,$OPTIONS none \"$HOME\" || exit 77; ";
        let script = format!("{mount}{then}; exec \"$0\" auth login --json");
        acme.server.approve_all();
        let mut command = Command::new("unshare");
        command.args(["-m", "sh", "-c", &script]).arg(program()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let variables = acme.command(&[]);
        command.env_clear().env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin").env("OPTIONS", options);
        command.envs(variables.get_envs().filter_map(|(name, value)| Some((name, value?))));
        command.env("HOME", &volume).env("ACME_HOME", volume.join("acme"));
        command.spawn().map(ended).unwrap_or(Ran { code: 77, stdout: String::new(), stderr: String::new() })
    };
    let well = on("size=1m", "true");
    if well.code == 77 || well.stderr.contains("unshare") {
        return left_out("mounts of its own");
    }
    assert_eq!(well.code, 0, "{well:?}");
    for (options, then, why, remedy) in [
        (
            "nr_inodes=4",
            "touch \"$HOME\"/a \"$HOME\"/b",
            "the file system has no inodes left for another file",
            "free_space",
        ),
        ("size=64k", "head -c 64k /dev/zero >\"$HOME\"/a 2>&-", "the disk is full", "free_space"),
        ("size=1m", "mount -o remount,ro \"$HOME\"", "the file system is read-only", "fix_config"),
    ] {
        let ran = on(options, then);
        let error = json(ran.stdout.lines().last().unwrap());
        let message = error["message"].as_str().unwrap();
        assert!(ran.code == 6 && message.contains(&format!(": {why}")), "{ran:?}");
        assert_eq!(error["remedy"], remedy, "{error}");
    }
}

/// A hint is a command to copy: it closes no folder that others need.
#[test]
fn no_hint_closes_a_shared_folder() {
    let acme = Acme::new();
    let for_all = acme.folder.path().join("for-all");
    fs::create_dir(&for_all).unwrap();
    mode(&for_all, 0o1777);
    for folder in ["/", for_all.to_str().unwrap()] {
        let ran = acme.run_with(&["auth", "status"], &[("ACME_HOME", folder)]);
        assert!(ran.code == 6 && !ran.stderr.contains("chmod"), "{ran:?}");
    }
    let ran = acme.run_with(&["auth", "status", "--json"], &[("ACME_HOME", for_all.to_str().unwrap())]);
    assert_json_error(&ran, 6, "custody", "fix_config");
}
