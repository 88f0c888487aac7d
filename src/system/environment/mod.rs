//! [`Environment`]: the variables and the terminal of this process, read once, as a value. The only code that reads the environment.
//!
//! | file | has |
//! | --- | --- |
//! | `mod` | the environment; the platform's state folder; the session bus |
//! | `machine` | what the system says: SSH, container, machine id, users, descriptors |
//! | `process` | this process among others: its ancestors, its user, its machine |
//! | `actors` | the variables and programs by which agents and CI systems show themselves |
//! | `network` | proxies, and TLS roots that cannot be read |
//! | `passphrase` | the descriptor that a passphrase comes from |
//! | `screen` | what standard output and standard error can show |
#![allow(
    clippy::disallowed_types,
    reason = "a descriptor that the process was started with is part of its environment"
)]

mod actors;
mod machine;
mod network;
mod passphrase;
mod process;
mod screen;

use std::ffi::OsString;
use std::io::{self, IsTerminal, stderr, stdin};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::ids::AppName;
use crate::model::secret::Secret;
use crate::model::variables::Variables;
pub(crate) use actors::{Sign, agent_of_program};
pub use machine::Machine;
#[cfg(feature = "browser")]
pub(crate) use machine::desktop_variables;
#[cfg(all(unix, feature = "browser"))]
pub(crate) use machine::inherited_descriptors;
#[cfg(unix)]
pub(crate) use machine::name_of_user;
pub(crate) use machine::{home_of_this_user, machine_id, system};
pub(crate) use network::{ProxyVariable, ProxyVariables, is_out_of_files, roots_trouble};
use passphrase::PassphraseSource;
pub(crate) use process::{Ancestors, host_name, os_user, parent_pid, program_name};
pub use screen::Screen;

/// Terminal, desktop, and the app's own variables.
///
/// The variables may choose *which* grant is used, which allowed key store a new key goes to, and whether a browser opens, never *which
/// server* gets a secret (law 16): the author of the current folder may have set them.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Environment {
    /// A person can be asked: standard input and standard error are terminals.
    pub terminal: bool,
    /// This is an SSH session.
    pub ssh: bool,
    /// This is a continuous-integration job.
    pub ci: bool,
    /// A coding agent runs this: a variable is set that coding agents set for the programs they start.
    pub agent: bool,
    /// The terminal shows this process, and takes what is typed for it: it is not in the background.
    pub foreground: bool,
    /// There is a desktop that can show a browser.
    pub desktop: bool,
    /// This is a container, where nobody may see the display.
    pub container: bool,
    /// The names of the app's own variables, by which the fields below were read.
    pub variables: Variables,
    /// [`Variables::home`], else the platform's state folder for the app; `None` if neither is known.
    pub state_dir: Option<PathBuf>,
    /// The variable that `state_dir` comes from, such as `ACME_HOME`, `XDG_STATE_HOME` or `HOME`.
    pub state_dir_variable: Option<String>,
    /// [`Variables::context`].
    pub context: Option<String>,
    /// [`Variables::org`].
    pub org: Option<String>,
    /// [`Variables::custody`].
    pub custody: Option<String>,
    /// [`Variables::token`].
    pub token: Option<Arc<Secret>>,
    /// [`Variables::no_browser`] is set.
    pub no_browser: bool,
    /// [`Variables::plain`] or `ACCESSIBLE` is set: the person wants plain lines that are never overwritten.
    pub plain: bool,
    /// [`Variables::passphrase_fd`].
    pub passphrase_fd: Option<String>,
    /// [`Variables::passphrase`].
    pub passphrase: Option<Arc<Secret>>,
    /// systemd's `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
    /// The current folder, which may be pinned to a context ([`Auth::pin_folder`](crate::Auth::pin_folder)); `None` if it is gone.
    pub folder: Option<PathBuf>,
    /// The names of the variables that are set and change which TLS roots or which proxy is used.
    pub network: Vec<&'static str>,
    /// The variable that shows an agent, and the one that shows a CI system.
    pub(crate) agent_sign: Option<Sign>,
    pub(crate) ci_sign: Option<Sign>,
    pub(crate) ancestors: Ancestors,
    /// Duplicated at once, before another file of this process gets its number; a pipe is read once.
    passphrase_source: Arc<Mutex<PassphraseSource>>,
}

impl Environment {
    /// Reads the environment of this process. Ignores a line break at the end of a variable, as files from other systems and mounted
    /// secrets have it. An empty variable counts as unset.
    #[allow(clippy::disallowed_methods, reason = "this is the one folder that may read the environment")]
    pub fn read(app: &AppName) -> Self {
        let environment = Self::from(app, Variables::of_program(app.as_str()), &variable);
        // Checked only if it matters, as it reads the disk.
        let container = environment.terminal && environment.desktop && Machine::here() == Machine::Container;
        // Not `$PWD`, which anybody can set.
        Self {
            container,
            foreground: process::is_in_foreground(),
            ancestors: Ancestors::of_this_process(),
            folder: std::env::current_dir().ok(),
            ..environment
        }
    }

    /// Returns whether the person would see a browser that opens.
    pub fn can_show_a_browser(&self) -> bool {
        self.has_a_person() && !self.container && !self.no_browser
    }

    /// Returns whether a person would see what the desktop asks.
    pub(crate) fn has_a_person(&self) -> bool {
        // A container with the desktop's display, such as toolbox, has its bus too, so `container` does not matter.
        self.terminal && !self.ssh && self.desktop && !self.ci && !self.agent
    }

    /// Returns whether the person has no browser on this machine.
    pub(crate) fn is_headless(&self) -> bool {
        self.ssh || self.container || !self.desktop
    }

    /// Returns the name of the variable with a passphrase, for messages.
    pub(crate) fn passphrase_name(&self) -> &str {
        self.variables.passphrase.as_deref().unwrap_or("the environment")
    }

    /// Returns the passphrase that this process was started with: on the descriptor, else in the variable.
    ///
    /// # Errors
    /// If the descriptor cannot be read.
    pub(crate) fn passphrase(&self) -> io::Result<Option<Arc<Secret>>> {
        let Some(descriptor) = &self.passphrase_fd else { return Ok(self.passphrase.clone()) };
        match self.passphrase_source.lock().unwrap_or_else(PoisonError::into_inner).line() {
            Ok(line) => Ok(Some(line)),
            Err(error) => Err(io::Error::new(io::ErrorKind::InvalidInput, format!("descriptor {descriptor}: {error}"))),
        }
    }

    /// Reads the app's own variables anew, by these names.
    pub(crate) fn read_own(&mut self, app: &AppName, variables: Variables) {
        self.set_own(app, variables, &variable);
    }

    fn from(app: &AppName, variables: Variables, get: &dyn Fn(&str) -> Option<OsString>) -> Self {
        let (agent_sign, ci_sign) = (actors::agent(get), actors::ci(get));
        let mut environment = Self {
            terminal: stdin().is_terminal() && stderr().is_terminal(),
            ssh: get("SSH_CONNECTION").is_some() || get("SSH_TTY").is_some(),
            ci: ci_sign.is_some(),
            agent: agent_sign.is_some(),
            agent_sign,
            ci_sign,
            desktop: cfg!(any(windows, target_os = "macos"))
                || get("DISPLAY").is_some()
                || get("WAYLAND_DISPLAY").is_some(),
            credentials: get("CREDENTIALS_DIRECTORY")
                .filter(|_| cfg!(target_os = "linux"))
                .map(PathBuf::from)
                .filter(|path| path.is_absolute()),
            network: NETWORK_VARIABLES.iter().copied().filter(|name| get(name).is_some()).collect(),
            ..Self::default()
        };
        environment.set_own(app, variables, get);
        environment
    }

    fn set_own(&mut self, app: &AppName, variables: Variables, get: &dyn Fn(&str) -> Option<OsString>) {
        // A value that is not text stays recognisably wrong: whoever parses it refuses it.
        let own = |name: &Option<String>| Some(get(name.as_ref()?)?.to_string_lossy().into_owned());
        let secret = |name: &Option<String>| own(name).map(|text| Arc::new(Secret::new(text)));
        let home = variables.home.as_ref();
        let from_own = home.and_then(|name| Some((PathBuf::from(get(name)?), name.clone())));
        (self.state_dir, self.state_dir_variable) = from_own.or_else(|| state_folder(app, get)).unzip();
        self.context = own(&variables.context);
        self.org = own(&variables.org);
        self.custody = own(&variables.custody);
        self.token = secret(&variables.token);
        self.no_browser = own(&variables.no_browser).is_some();
        self.plain = own(&variables.plain).is_some() || get("ACCESSIBLE").is_some();
        self.passphrase_fd = own(&variables.passphrase_fd);
        self.passphrase = secret(&variables.passphrase);
        self.passphrase_source = Arc::new(Mutex::new(PassphraseSource::open(self.passphrase_fd.as_deref())));
        self.variables = variables;
    }
}

/// Variables that TLS and HTTP read.
const NETWORK_VARIABLES: &[&str] = &[
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// Returns a variable of this process, without a line break at its end; `None` if it is empty.
#[allow(clippy::disallowed_methods, reason = "this is the one folder that may read the environment")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).map(without_line_break).filter(|value| !value.is_empty())
}

fn without_line_break(value: OsString) -> OsString {
    match value.into_string() {
        Ok(text) => text.trim_end_matches(['\r', '\n']).into(),
        Err(not_text) => not_text,
    }
}

/// Returns what identifies the D-Bus session bus: empty on systems without one.
#[cfg(feature = "os-store")]
pub(crate) fn session_bus() -> String {
    let [address, folder] =
        ["DBUS_SESSION_BUS_ADDRESS", "XDG_RUNTIME_DIR"].map(|name| variable(name).unwrap_or_default());
    format!("{} {}", address.to_string_lossy(), folder.to_string_lossy())
}

/// Returns where a test kills or stops this process; see `failpoint`.
#[cfg(all(debug_assertions, feature = "testing", unix))]
#[allow(clippy::disallowed_methods, reason = "this is the one folder that may read the environment")]
pub(crate) fn failpoint() -> Option<String> {
    std::env::var("HALLPASS_FAILPOINT").ok()
}

/// Returns the variable that names the D-Bus session bus, if it is set.
#[cfg(all(feature = "os-store", unix, not(target_os = "macos")))]
#[allow(clippy::disallowed_methods, reason = "this is the one folder that may read the environment")]
pub(crate) fn session_bus_variable() -> Option<&'static str> {
    Some("DBUS_SESSION_BUS_ADDRESS").filter(|name| std::env::var_os(name).is_some())
}

/// Returns whether the D-Bus session bus, if a variable names it, is a socket of this machine: an author of the variable could name another
/// address, and would get the keys.
#[cfg(all(feature = "os-store", unix, not(target_os = "macos")))]
pub(crate) fn session_bus_is_local() -> bool {
    machine::is_local_bus(session_bus().split(' ').next().unwrap_or_default())
}

/// Returns the platform's state folder for the app, and the variable that it comes from. Ignores a relative path, as the XDG Base Directory
/// Specification asks: "All paths set in these environment variables must be absolute."
fn state_folder(app: &AppName, get: &dyn Fn(&str) -> Option<OsString>) -> Option<(PathBuf, String)> {
    STATE_FOLDERS.iter().find_map(|(name, below)| {
        let base = get(name).map(PathBuf::from).filter(|path| path.is_absolute())?;
        Some((base.join(below).join(app.as_str()), (*name).to_owned()))
    })
}

/// Returns the platform's state folder for the app and this user, whatever the variables say. If the system does not say where the user's
/// home is, as on macOS and Windows, believes the platform's own variable.
pub(crate) fn platform_state_folder(app: &AppName) -> Option<PathBuf> {
    match home_of_this_user() {
        Some(home) => Some(home.join(BELOW_HOME).join(app.as_str())),
        None => {
            let get = |name: &str| variable(name).filter(|_| name != "XDG_STATE_HOME");
            state_folder(app, &get).map(|(folder, _)| folder)
        }
    }
}

/// Variables that name folders, and the path of the state folders below them. The first that is set counts.
const STATE_FOLDERS: &[(&str, &str)] = if cfg!(windows) {
    &[("LOCALAPPDATA", "")]
} else if cfg!(target_os = "macos") {
    &[("HOME", BELOW_HOME)]
} else {
    &[("XDG_STATE_HOME", ""), ("HOME", BELOW_HOME)]
};

/// The path of the state folders below a user's home.
const BELOW_HOME: &str = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/state" };

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Environment {
        let get = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| OsString::from(value));
        Environment::from(&"my-app".parse().unwrap(), Variables::prefixed("MY_APP"), &get)
    }

    #[test]
    #[cfg(all(unix, not(target_os = "macos")))]
    fn the_state_folder_follows_xdg() {
        assert_eq!(with(&[("HOME", "/h")]).state_dir.unwrap(), PathBuf::from("/h/.local/state/my-app"));
        assert_eq!(with(&[("HOME", "/h"), ("XDG_STATE_HOME", "/s")]).state_dir.unwrap(), PathBuf::from("/s/my-app"));
        assert_eq!(
            with(&[("HOME", "/h"), ("XDG_STATE_HOME", "s")]).state_dir.unwrap(),
            PathBuf::from("/h/.local/state/my-app")
        );
        assert_eq!(with(&[("MY_APP_HOME", "/own"), ("HOME", "/h")]).state_dir.unwrap(), PathBuf::from("/own"));
        assert_eq!(with(&[]).state_dir, None);
    }

    #[test]
    #[cfg(windows)]
    fn the_state_folder_is_the_profile_s_own() {
        let local = ("LOCALAPPDATA", r"C:\Users\ada\AppData\Local");
        assert_eq!(with(&[local]).state_dir.unwrap(), PathBuf::from(r"C:\Users\ada\AppData\Local\my-app"));
        assert_eq!(with(&[local, ("MY_APP_HOME", r"D:\own")]).state_dir.unwrap(), PathBuf::from(r"D:\own"));
        assert_eq!(with(&[("LOCALAPPDATA", "Local"), ("HOME", r"C:\Users\ada")]).state_dir, None);
    }

    #[test]
    #[cfg(target_os = "macos")]
    fn the_state_folder_is_the_library_s() {
        let state_dir = with(&[("HOME", "/Users/ada"), ("XDG_STATE_HOME", "/s")]).state_dir.unwrap();
        assert_eq!(state_dir, PathBuf::from("/Users/ada/Library/Application Support/my-app"));
        assert_eq!(with(&[("HOME", "ada")]).state_dir, None);
    }

    #[test]
    fn a_browser_needs_a_desktop_and_a_person() {
        let here = Environment { terminal: true, desktop: true, ..Environment::default() };
        assert!(here.can_show_a_browser());
        for change in [
            |s: &mut Environment| s.ssh = true,
            |s: &mut Environment| s.ci = true,
            |s: &mut Environment| s.agent = true,
            |s: &mut Environment| s.container = true,
            |s: &mut Environment| s.no_browser = true,
            |s: &mut Environment| s.terminal = false,
            |s: &mut Environment| s.desktop = false,
        ] {
            let mut there = here.clone();
            change(&mut there);
            assert!(!there.can_show_a_browser());
        }
    }
}
