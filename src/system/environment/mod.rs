//! [`Environment`]: what this process finds around it, read once, as a value. The only reader of the environment.
#![allow(clippy::disallowed_types, reason = "a descriptor that the process was started with is surroundings")]

mod machine;
mod network;
mod screen;

use std::ffi::OsString;
use std::fs::File;
use std::io::{self, IsTerminal, stderr, stdin};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use crate::model::ids::AppName;
use crate::model::secret::Secret;
pub use machine::Machine;
#[cfg(unix)]
pub(crate) use machine::name_of_user;
#[cfg(all(unix, feature = "browser"))]
pub(crate) use machine::{desktop_variables, inherited_descriptors};
pub(crate) use machine::{machine_id, system};
pub(crate) use network::{ProxyVariable, ProxyVariables, is_out_of_files, roots_trouble};
pub use screen::Screen;

/// Terminal, desktop, and the app's own variables.
///
/// The variables may choose *which* grant is used, where among the allowed places a new key rests, and whether a browser opens, never
/// *which server* gets a secret (law 16): whoever wrote the folder a person stands in may have set them.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct Environment {
    /// A person can be asked: standard input and standard error are terminals.
    pub terminal: bool,
    /// This is an SSH session.
    pub ssh: bool,
    /// This is a continuous-integration job.
    pub ci: bool,
    /// A coding agent runs this: one of the variables is set that those set for the programs they start.
    pub agent: bool,
    /// There is a desktop that can show a browser.
    pub desktop: bool,
    /// This is a container, where there may be a display and yet nobody before it.
    pub container: bool,
    /// `<APP>_HOME`, else the platform's state folder for the app; `None` where neither can be told.
    pub state_dir: Option<PathBuf>,
    /// The variable that `state_dir` comes from, such as `<APP>_HOME`, `XDG_STATE_HOME` or `HOME`.
    pub state_dir_variable: Option<String>,
    /// `<APP>_CONTEXT`: the context to use.
    pub context: Option<String>,
    /// `<APP>_ORG`: the org to speak for.
    pub org: Option<String>,
    /// `<APP>_CUSTODY`: the place for keys, within what the configuration allows.
    pub custody: Option<String>,
    /// `<APP>_TOKEN`: an access token to use as it is. Nothing is stored.
    pub token: Option<Arc<Secret>>,
    /// `<APP>_NO_BROWSER`: open no browser.
    pub no_browser: bool,
    /// `<APP>_PLAIN`, or `ACCESSIBLE`: the person wants plain lines, none of which is ever written over.
    pub plain: bool,
    /// `<APP>_PASSPHRASE_FD`: a descriptor, 3 or above, that a passphrase can be read from.
    pub passphrase_fd: Option<String>,
    /// `<APP>_PASSPHRASE`: a passphrase. Other programs of the same user can read it.
    pub passphrase: Option<Arc<Secret>>,
    /// systemd's `$CREDENTIALS_DIRECTORY`.
    pub credentials: Option<PathBuf>,
    /// The current folder, which may have a rule of its own ([`Auth::pin_folder`](crate::Auth::pin_folder)); `None` where it is gone.
    pub folder: Option<PathBuf>,
    /// The names of the variables that are set and change which TLS roots or which proxy is used.
    pub network: Vec<&'static str>,
    /// Taken at once, before another file of this process has its number; a pipe is read once.
    handed: Arc<Mutex<Handed>>,
}

impl Environment {
    /// Reads the environment of this process. The line break at a variable's end, as files from other systems and mounted secrets have
    /// it, is left out. An empty variable counts as unset.
    #[allow(clippy::disallowed_methods, reason = "this is the one file that may read the environment")]
    pub fn read(app: &AppName) -> Self {
        let found = Self::from(app, &variable);
        // Asked only where it changes anything: it is looked for on the disk.
        let container = found.terminal && found.desktop && Machine::here() == Machine::Container;
        // Where the process is, and not `$PWD`, which anybody can set.
        Self { container, folder: std::env::current_dir().ok(), ..found }
    }

    /// Whether a browser would be seen by the person who asked for it.
    pub fn can_show_a_browser(&self) -> bool {
        self.has_a_person() && !self.container && !self.no_browser
    }

    /// Whether a person would see what the desktop asks.
    pub(crate) fn has_a_person(&self) -> bool {
        // A container that has the desktop's display, as toolbox has, has its bus too.
        self.terminal && !self.ssh && self.desktop && !self.ci && !self.agent
    }

    /// Whether whoever sits here has no browser here.
    pub(crate) fn is_headless(&self) -> bool {
        self.ssh || self.container || !self.desktop
    }

    /// A passphrase that was handed to this process: on the descriptor, else in the variable.
    ///
    /// # Errors
    /// Where the descriptor cannot be read.
    pub(crate) fn passphrase(&self) -> io::Result<Option<Arc<Secret>>> {
        let Some(descriptor) = &self.passphrase_fd else { return Ok(self.passphrase.clone()) };
        let mut handed = self.handed.lock().unwrap_or_else(PoisonError::into_inner);
        let line = handed.line().map_err(|error| {
            io::Error::new(io::ErrorKind::InvalidInput, format!("descriptor {descriptor}: {error}"))
        })?;
        Ok(Some(line))
    }

    fn from(app: &AppName, get: &dyn Fn(&str) -> Option<OsString>) -> Self {
        // What is not text stays recognisably wrong, and is refused by whoever parses it.
        let own = |name: &str| get(&app.variable(name)).map(|value| value.to_string_lossy().into_owned());
        let named = get(&app.variable("HOME")).map(|path| (PathBuf::from(path), app.variable("HOME")));
        let (state_dir, state_dir_variable) = named.or_else(|| state_folder(app, get)).unzip();
        Self {
            terminal: stdin().is_terminal() && stderr().is_terminal(),
            ssh: get("SSH_CONNECTION").is_some() || get("SSH_TTY").is_some(),
            ci: get("CI").is_some(),
            agent: AGENTS.iter().any(|name| get(name).is_some()),
            desktop: cfg!(any(windows, target_os = "macos"))
                || get("DISPLAY").is_some()
                || get("WAYLAND_DISPLAY").is_some(),
            state_dir,
            state_dir_variable,
            context: own("CONTEXT"),
            org: own("ORG"),
            custody: own("CUSTODY"),
            token: own("TOKEN").map(|token| Arc::new(Secret::new(token))),
            no_browser: own("NO_BROWSER").is_some(),
            plain: own("PLAIN").is_some() || get("ACCESSIBLE").is_some(),
            passphrase_fd: own("PASSPHRASE_FD"),
            passphrase: own("PASSPHRASE").map(|text| Arc::new(Secret::new(text))),
            credentials: get("CREDENTIALS_DIRECTORY")
                .filter(|_| cfg!(target_os = "linux"))
                .map(PathBuf::from)
                .filter(|path| path.is_absolute()),
            container: false,
            folder: None,
            network: NETWORK.iter().copied().filter(|name| get(name).is_some()).collect(),
            handed: Arc::new(Mutex::new(Handed::over(own("PASSPHRASE_FD").as_deref()))),
        }
    }
}

/// What stands on a descriptor that this process was started with.
#[derive(Debug, Default)]
enum Handed {
    #[default]
    Nothing,
    Unread(File),
    Read(Arc<Secret>),
    Unreadable(String),
}

impl Handed {
    fn over(descriptor: Option<&str>) -> Self {
        let Some(descriptor) = descriptor else { return Self::Nothing };
        // The first three are the terminal's, which would show what is typed.
        let number = descriptor.parse().ok().filter(|number| *number > 2);
        match number.ok_or_else(|| io::Error::other("it is no number above 2")).and_then(machine::duplicated) {
            Ok(file) => Self::Unread(file),
            Err(error) => Self::Unreadable(error.to_string()),
        }
    }

    fn line(&mut self) -> io::Result<Arc<Secret>> {
        if let Self::Unread(file) = self {
            *self = match machine::first_line(file) {
                Ok(line) => Self::Read(Arc::new(line)),
                Err(error) => Self::Unreadable(error.to_string()),
            };
        }
        match self {
            Self::Read(line) => Ok(line.clone()),
            Self::Unreadable(why) => Err(io::Error::other(why.clone())),
            Self::Nothing | Self::Unread(_) => Err(io::ErrorKind::NotFound.into()),
        }
    }
}

/// What coding agents set.
const AGENTS: &[&str] = &["AGENT", "AI_AGENT", "CLAUDECODE", "CODEX_SANDBOX", "CURSOR_AGENT", "GEMINI_CLI", "OPENCODE"];

/// What TLS and HTTP read from the environment by themselves.
const NETWORK: &[&str] = &[
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "HTTPS_PROXY",
    "https_proxy",
    "HTTP_PROXY",
    "http_proxy",
    "ALL_PROXY",
    "all_proxy",
];

/// A variable of this process: without the line break at its end, and `None` where it is empty.
#[allow(clippy::disallowed_methods, reason = "this is the one file that may read the environment")]
fn variable(name: &str) -> Option<OsString> {
    std::env::var_os(name).map(without_line_break).filter(|value| !value.is_empty())
}

fn without_line_break(value: OsString) -> OsString {
    match value.into_string() {
        Ok(text) => text.trim_end_matches(['\r', '\n']).into(),
        Err(no_text) => no_text,
    }
}

/// What names the D-Bus session bus: empty on systems that have none.
#[cfg(feature = "os-store")]
pub(crate) fn session_bus() -> String {
    let text = |name| variable(name).unwrap_or_default().to_string_lossy().into_owned();
    format!("{} {}", text("DBUS_SESSION_BUS_ADDRESS"), text("XDG_RUNTIME_DIR"))
}

/// Where a test lets this process die; see `failpoint.rs`.
#[cfg(all(debug_assertions, feature = "testing", unix))]
#[allow(clippy::disallowed_methods, reason = "this is the one file that may read the environment")]
pub(crate) fn failpoint() -> Option<String> {
    std::env::var("HALLPASS_FAILPOINT").ok()
}

/// The variable that names the D-Bus session bus, where it is set.
#[cfg(all(feature = "os-store", unix, not(target_os = "macos")))]
#[allow(clippy::disallowed_methods, reason = "this is the one file that may read the environment")]
pub(crate) fn session_bus_variable() -> Option<&'static str> {
    Some("DBUS_SESSION_BUS_ADDRESS").filter(|name| std::env::var_os(name).is_some())
}

/// Whether the D-Bus session bus, if a variable names it, is a socket of this machine: whoever set the variable to another address
/// would be handed the keys.
#[cfg(all(feature = "os-store", unix, not(target_os = "macos")))]
pub(crate) fn session_bus_is_local() -> bool {
    machine::is_local_bus(session_bus().split(' ').next().unwrap_or_default())
}

/// Where the platform keeps an app's state, and the variable that says so. A relative path is ignored, as the XDG Base Directory
/// Specification asks: "All paths set in these environment variables must be absolute."
fn state_folder(app: &AppName, get: &dyn Fn(&str) -> Option<OsString>) -> Option<(PathBuf, String)> {
    let absolute = |name: &str| get(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let from = |name: &str, base: PathBuf| (base.join(app.as_str()), name.to_owned());
    let of_home = || absolute("HOME").map(|state_dir| from("HOME", state_dir.join(BELOW_HOME)));
    if cfg!(windows) {
        absolute("LOCALAPPDATA").map(|base| from("LOCALAPPDATA", base))
    } else if cfg!(target_os = "macos") {
        of_home()
    } else {
        absolute("XDG_STATE_HOME").map(|base| from("XDG_STATE_HOME", base)).or_else(of_home)
    }
}

/// Where the platform keeps an app's state for this user, whatever the variables say. Where nobody can tell whose home is where, as on
/// macOS and Windows, the platform's own variable is believed.
pub(crate) fn platform_state_folder(app: &AppName) -> Option<PathBuf> {
    match machine::home_of_this_user() {
        Some(state_dir) => Some(state_dir.join(BELOW_HOME).join(app.as_str())),
        None => {
            let get = |name: &str| variable(name).filter(|_| name != "XDG_STATE_HOME");
            state_folder(app, &get).map(|(folder, _)| folder)
        }
    }
}

/// Where below a user's home.
const BELOW_HOME: &str = if cfg!(target_os = "macos") { "Library/Application Support" } else { ".local/state" };

#[cfg(test)]
mod tests {
    use super::*;

    fn with(variables: &[(&str, &str)]) -> Environment {
        let get = |name: &str| variables.iter().find(|(own, _)| *own == name).map(|(_, value)| OsString::from(value));
        Environment::from(&"my-app".parse().unwrap(), &get)
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
