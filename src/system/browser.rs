//! [`open_page`]: opens a page in the person's browser. The author of the current folder cannot choose the program that does it.
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

use crate::system::clock::{Deadline, pause};
use crate::system::environment::desktop_variables;
#[cfg(unix)]
use crate::system::environment::inherited_descriptors;

/// Folders of programs that open pages. Never `PATH`, never the current folder.
const PROGRAM_FOLDERS: &[&str] = &[
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    // NixOS.
    "/run/current-system/sw/bin",
    "C:\\Windows\\System32",
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0",
    "C:\\Windows",
];

/// The same folders, for programs that those programs start by name.
const CHILD_PATH: &str = if cfg!(windows) {
    "C:\\Windows\\System32;C:\\Windows"
} else {
    "/usr/local/bin:/usr/bin:/bin:/run/current-system/sw/bin"
};

/// How long a program may take to fail. A program that runs for longer may be the browser itself.
const FAILURE_TIMEOUT: Duration = Duration::from_secs(2);

/// Opens a page in the person's browser, as a login does: with a program of the system's folders that inherits no secret.
///
/// Waits up to 2 s for that program to fail.
///
/// # Errors
/// `InvalidInput` if the page is not http or https: another scheme may start another program. `NotFound` or the program's own error if no
/// browser could be started.
pub fn open_page(page: &Url) -> io::Result<()> {
    if !matches!(page.scheme(), "http" | "https") {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a page has the scheme http or https"));
    }
    let mut failed = io::Error::new(io::ErrorKind::NotFound, "no program to open a page in the system's folders");
    for candidate in open::commands(page.as_str()) {
        let Some(program) = resolve(candidate.get_program()) else { continue };
        match start(&program, &candidate).and_then(|child| wait_for_failure(child, FAILURE_TIMEOUT)) {
            Ok(()) => return Ok(()),
            Err(error) => failed = error,
        }
    }
    Err(failed)
}

/// Starts a program in its own session: Ctrl-C in this terminal does not end it, and it cannot write there. It inherits none of our
/// descriptors, and only the variables that describe the desktop.
#[cfg(unix)]
fn start(program: &Path, candidate: &Command) -> io::Result<Child> {
    use std::os::unix::process::CommandExt;

    let mut words: Vec<OsString> = Vec::new();
    // Descriptors that this process inherited, such as one with a passphrase, do not close on `exec`. A shell closes them.
    let descriptors = inherited_descriptors();
    if !descriptors.is_empty() {
        // Some shells know descriptors of one digit only.
        let shell = if descriptors.iter().all(|number| *number < 10) { "sh" } else { "bash" };
        let shell = resolve(OsStr::new(shell)).ok_or_else(|| io::Error::other("no shell to close descriptors with"))?;
        let closed: String = descriptors.iter().map(|number| format!(" {number}>&-")).collect();
        words.extend([shell.into(), "-c".into(), format!("exec{closed}; exec \"$@\"").into(), "sh".into()]);
    }
    let setsid = resolve(OsStr::new("setsid"));
    let has_own_session = setsid.is_some();
    words.extend(setsid.map(OsString::from));
    words.push(program.into());
    words.extend(candidate.get_args().map(OsString::from));

    let mut command = Command::new(&words[0]);
    command.args(&words[1..]).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env_clear().envs(desktop_variables()).env("PATH", CHILD_PATH);
    command.envs(candidate.get_envs().filter_map(|(name, value)| Some((name, value?))));
    if !has_own_session {
        // Its own process group at least: Ctrl-C does not reach it.
        command.process_group(0);
    }
    command.spawn()
}

#[cfg(not(unix))]
fn start(program: &Path, candidate: &Command) -> io::Result<Child> {
    let mut command = Command::new(program);
    command.args(candidate.get_args()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.env_clear().envs(desktop_variables()).env("PATH", CHILD_PATH);
    command.envs(candidate.get_envs().filter_map(|(name, value)| Some((name, value?))));
    command.spawn()
}

/// Returns `Ok` if the program succeeds, or still runs after `timeout`.
fn wait_for_failure(mut child: Child, timeout: Duration) -> io::Result<()> {
    let deadline = Deadline::after(timeout);
    while !deadline.has_passed() {
        match child.try_wait()? {
            // On Windows the exit status of the opener says nothing.
            Some(status) if status.success() || cfg!(windows) => return Ok(()),
            Some(status) => return Err(io::Error::other(format!("the program that opens pages failed: {status}"))),
            None => pause(Duration::from_millis(10)),
        }
    }
    // Another thread reaps it: some browsers run in the foreground of their launcher.
    std::thread::Builder::new().spawn(move || child.wait()).map(drop)
}

fn resolve(program: &OsStr) -> Option<PathBuf> {
    let name = Path::new(program).file_name()?;
    let with_suffix = [name.to_os_string(), [name, OsStr::new(".exe")].into_iter().collect()];
    PROGRAM_FOLDERS
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
        let (program, output) = (folder.path().join("opener"), folder.path().join("output"));
        fs::write(&program, script.replace("$OUTPUT", output.to_str().unwrap())).unwrap();
        let mut candidate = Command::new("sh");
        candidate.arg(&program).arg("https://id.example.com/device");
        let child = start(&resolve(OsStr::new("sh")).unwrap(), &candidate).unwrap();
        let outcome = wait_for_failure(child, Duration::from_secs(20));
        (outcome, fs::read_to_string(output).unwrap_or_default())
    }

    #[test]
    fn the_opener_runs_in_its_own_session() {
        let folder = tempfile::tempdir().unwrap();
        let file = fs::File::create(folder.path().join("inherited")).unwrap();
        // Without CLOEXEC, like a descriptor that this process was started with.
        let _inherited = rustix::io::dup(&file).unwrap();
        let (outcome, output) =
            run("{ ps -o sid= -o pid= -o tty= -p $$; ls -l /proc/$$/fd; env; echo \"$1\"; } >$OUTPUT 2>&1");
        outcome.unwrap();
        let process: Vec<_> = output.lines().next().unwrap().split_whitespace().collect();
        assert_eq!((process[0], process[2]), (process[1], "?"), "{output}");
        assert!(output.contains("https://id.example.com/device"), "{output}");
        assert!(output.contains("/output") && !output.contains("/inherited"), "{output}");
        for name in ["XDG_DATA_HOME", "XDG_CONFIG_DIRS", "LD_PRELOAD", "GTK_PATH", "CARGO", "BROWSER"] {
            assert!(!output.contains(&format!("\n{name}=")), "{output}");
        }
    }

    #[test]
    fn an_opener_that_fails_is_an_error() {
        assert!(run("exit 3").0.unwrap_err().to_string().contains("exit status: 3"));
    }

    #[test]
    fn an_opener_that_keeps_running_has_the_page() {
        let child = Command::new("sleep").arg("1").spawn().unwrap();
        wait_for_failure(child, Duration::from_millis(50)).unwrap();
    }
}
