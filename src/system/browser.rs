//! Opens a page in the person's browser, through a program that whoever wrote the current folder cannot choose.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the one file that may start a program"
)]

use std::ffi::OsStr;
#[cfg(unix)]
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use url::Url;

use crate::model::ids::AppName;
use crate::system::clock::{Deadline, pause};
#[cfg(unix)]
use crate::system::environment::{desktop_variables, inherited_descriptors};

/// Where a program that opens pages may live. Never `PATH`, never the current folder.
const FOLDERS: &[&str] = &[
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    // NixOS has its system there.
    "/run/current-system/sw/bin",
    "C:\\Windows\\System32",
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0",
    "C:\\Windows",
];

/// The same for the programs that those start, by name too.
#[cfg(unix)]
const PATH: &str = "/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin";

/// The app's variables that hold secrets: no child process gets them.
#[cfg(not(unix))]
const SECRETS: &[&str] = &["TOKEN", "CLIENT_SECRET", "PASSPHRASE"];

/// How soon a program that cannot open a page says so. One that runs for longer may be the browser itself.
const TO_FAIL: Duration = Duration::from_secs(2);

/// Starts a browser on `page`, and waits for a moment whether that fails. An error means that none could be started.
pub(crate) fn open_page(app: &AppName, page: &Url) -> io::Result<()> {
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "no program to open a page in the system's folders");
    for candidate in open::commands(page.as_str()) {
        let Some(program) = resolve(candidate.get_program()) else { continue };
        match started(app, &program, &candidate).and_then(|child| is_taken(child, TO_FAIL)) {
            Ok(()) => return Ok(()),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// A program of a system folder, in a session of its own: Ctrl-C in this terminal does not end it, and it cannot write there. It gets
/// none of our descriptors, and only those variables that say where the desktop is.
#[cfg(unix)]
fn started(_app: &AppName, program: &Path, candidate: &Command) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;

    let mut words: Vec<OsString> = Vec::new();
    // A descriptor of whoever started this process, such as the one that a passphrase comes on, has no mark that it closes with `exec`.
    let descriptors = inherited_descriptors();
    if !descriptors.is_empty() {
        // Some shells know descriptors of one digit only.
        let shell = if descriptors.iter().all(|number| *number < 10) { "sh" } else { "bash" };
        let shell = resolve(OsStr::new(shell)).ok_or_else(|| io::Error::other("no shell to close descriptors with"))?;
        let closed: String = descriptors.iter().map(|number| format!(" {number}>&-")).collect();
        words.extend([shell.into(), "-c".into(), format!("exec{closed}; exec \"$@\"").into(), "sh".into()]);
    }
    let setsid = resolve(OsStr::new("setsid"));
    let leads_no_session = setsid.is_none();
    words.extend(setsid.map(OsString::from));
    words.push(program.into());
    words.extend(candidate.get_args().map(OsString::from));

    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env_clear().envs(desktop_variables()).env("PATH", PATH);
    command.envs(candidate.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if leads_no_session {
        // The next best: Ctrl-C does not reach it.
        command.process_group(0);
    }
    command.spawn()
}

#[cfg(not(unix))]
fn started(app: &AppName, program: &Path, candidate: &Command) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(candidate.get_args()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.envs(candidate.get_envs().filter_map(|(name, value)| Some((name, value?))));
    for name in SECRETS {
        command.env_remove(app.variable(name));
    }
    command.spawn()
}

/// Whether the program has taken the page: it ends well, or is still there after `timeout`.
fn is_taken(mut child: Child, timeout: Duration) -> io::Result<()> {
    let deadline = Deadline::after(timeout);
    while !deadline.has_passed() {
        match child.try_wait()? {
            // What Windows' own program ends with says nothing.
            Some(status) if status.success() || cfg!(windows) => return Ok(()),
            Some(status) => return Err(io::Error::other(format!("the program that opens pages failed: {status}"))),
            None => pause(Duration::from_millis(10)),
        }
    }
    // Reaped by a thread of its own: some browsers stay in the foreground of their launcher.
    std::thread::Builder::new().spawn(move || child.wait()).map(drop)
}

fn resolve(program: &OsStr) -> Option<PathBuf> {
    let name = Path::new(program).file_name()?;
    let with_suffix = [name.to_os_string(), [name, OsStr::new(".exe")].into_iter().collect()];
    FOLDERS
        .iter()
        .flat_map(|folder| with_suffix.iter().map(move |name| Path::new(folder).join(name)))
        .find(|p| p.is_file())
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::fs;

    use super::*;

    fn run(script: &str) -> (io::Result<()>, String) {
        let folder = tempfile::tempdir().unwrap();
        let (program, told) = (folder.path().join("opener"), folder.path().join("told"));
        fs::write(&program, script.replace("$TOLD", told.to_str().unwrap())).unwrap();
        let mut candidate = Command::new("sh");
        candidate.arg(&program).arg("https://id.example.com/device");
        let app = "acme".parse().unwrap();
        let child = started(&app, &resolve(OsStr::new("sh")).unwrap(), &candidate).unwrap();
        let taken = is_taken(child, Duration::from_secs(20));
        (taken, fs::read_to_string(told).unwrap_or_default())
    }

    #[test]
    fn the_opener_runs_in_its_own_session() {
        let folder = tempfile::tempdir().unwrap();
        let file = fs::File::create(folder.path().join("inherited")).unwrap();
        // Without CLOEXEC, like a descriptor that this process was started with.
        let _inherited = rustix::io::dup(&file).unwrap();
        let (taken, told) =
            run("{ ps -o sid= -o pid= -o tty= -p $$; ls -l /proc/$$/fd; env; echo \"$1\"; } >$TOLD 2>&1");
        taken.unwrap();
        let process: Vec<_> = told.lines().next().unwrap().split_whitespace().collect();
        assert_eq!((process[0], process[2]), (process[1], "?"), "{told}");
        assert!(told.contains("https://id.example.com/device"), "{told}");
        assert!(told.contains("/told") && !told.contains("/inherited"), "{told}");
        for name in ["XDG_DATA_HOME", "XDG_CONFIG_DIRS", "LD_PRELOAD", "GTK_PATH", "CARGO", "BROWSER"] {
            assert!(!told.contains(&format!("\n{name}=")), "{told}");
        }
    }

    #[test]
    fn an_opener_that_fails_is_an_error() {
        assert!(run("exit 3").0.unwrap_err().to_string().contains("exit status: 3"));
    }

    #[test]
    fn an_opener_that_keeps_running_has_the_page() {
        let child = Command::new("sleep").arg("1").spawn().unwrap();
        is_taken(child, Duration::from_millis(50)).unwrap();
    }
}
