//! Opens a page in the person's browser, through a program that whoever wrote the current folder cannot choose.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "this is the one file that may start a program"
)]

use std::ffi::OsStr;
use std::io;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use url::Url;

use crate::id::AppName;

/// Where a program that opens pages may live. Never `PATH`, never the current folder.
const FOLDERS: &[&str] = &[
    "/usr/local/bin",
    "/usr/bin",
    "/bin",
    "C:\\Windows\\System32",
    "C:\\Windows\\System32\\WindowsPowerShell\\v1.0",
    "C:\\Windows",
];

/// The app's variables that hold secrets: no child process gets them.
const SECRETS: &[&str] = &["TOKEN", "CLIENT_SECRET", "PASSPHRASE"];

/// Starts a browser on `page` and does not wait for it. An error means that none could be started.
pub(crate) fn open_page(app: &AppName, page: &Url) -> io::Result<()> {
    for candidate in open::commands(page.as_str()) {
        let Some(program) = resolve(candidate.get_program()) else {
            continue;
        };
        let mut command = Command::new(program);
        command.args(candidate.get_args()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
        for (name, value) in candidate.get_envs() {
            match value {
                Some(value) => command.env(name, value),
                None => command.env_remove(name),
            };
        }
        if cfg!(unix) {
            // The program starts others by the same variables.
            command.env("PATH", "/usr/local/bin:/usr/bin:/bin").env_remove("BROWSER");
        }
        for name in SECRETS {
            command.env_remove(app.variable(name));
        }
        if let Ok(mut child) = command.spawn() {
            // Reaped by a thread of its own: some browsers stay in the foreground of their launcher.
            let _ = std::thread::Builder::new().spawn(move || child.wait());
            return Ok(());
        }
    }
    Err(io::Error::new(io::ErrorKind::NotFound, "no program to open a page in the system's folders"))
}

fn resolve(program: &OsStr) -> Option<PathBuf> {
    let name = Path::new(program).file_name()?;
    let with_suffix = [name.to_os_string(), [name, OsStr::new(".exe")].into_iter().collect()];
    FOLDERS
        .iter()
        .flat_map(|folder| with_suffix.iter().map(move |name| Path::new(folder).join(name)))
        .find(|p| p.is_file())
}
