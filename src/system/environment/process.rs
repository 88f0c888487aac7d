//! This process among others: its name, those that it descends from, its user and machine.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what the system says of a process is part of its environment, in files as in variables"
)]

use std::io::{self, IsTerminal};
use std::path::Path;
use std::sync::OnceLock;

use crate::model::sanitize::quoted;

/// The names of the programs that this process descends from, read when they are first asked for.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ancestors {
    /// Whether the system is asked: not for an environment that a test has made.
    is_real: bool,
    names: OnceLock<Vec<String>>,
}

/// How far up is looked: a shell in an editor in a terminal in a session manager is ten programs deep.
#[cfg(target_os = "linux")]
const LEVELS: usize = 16;

impl Ancestors {
    /// Returns those of this process.
    pub(super) fn of_this_process() -> Self {
        Self { is_real: true, names: OnceLock::new() }
    }

    #[cfg(test)]
    pub(crate) fn named(names: &[&str]) -> Self {
        Self { is_real: false, names: OnceLock::from(names.iter().map(ToString::to_string).collect::<Vec<_>>()) }
    }

    /// Returns their names, the nearest first; none on systems that do not tell them in a file.
    pub(crate) fn names(&self) -> &[String] {
        self.names.get_or_init(|| if self.is_real { read() } else { Vec::new() })
    }
}

/// Returns whether a person can see this process and type to it: it is in the foreground of a terminal.
pub(super) fn is_in_foreground() -> bool {
    if !io::stdin().is_terminal() || !io::stderr().is_terminal() {
        return false;
    }
    #[cfg(unix)]
    let is_foreground =
        rustix::termios::tcgetpgrp(io::stdin()).is_ok_and(|foreground| foreground == rustix::process::getpgrp());
    #[cfg(not(unix))]
    let is_foreground = true;
    is_foreground
}

/// Returns the file name of this program.
pub(crate) fn program_name() -> String {
    let started_as = std::env::args_os().next();
    let name = started_as.as_ref().and_then(|path| Path::new(path).file_name()).unwrap_or_default();
    quoted(&name.to_string_lossy())
}

/// Returns the id of the process that started this one, if the system tells.
pub(crate) fn parent_pid() -> Option<u32> {
    #[cfg(unix)]
    let parent = Some(std::os::unix::process::parent_id());
    #[cfg(not(unix))]
    let parent = None;
    parent
}

/// Returns the name of the user that this process runs as.
pub(crate) fn os_user() -> String {
    #[cfg(unix)]
    let name = super::machine::name_of_user(rustix::process::geteuid().as_raw());
    #[cfg(not(unix))]
    let name = std::env::var_os("USERNAME").unwrap_or_default().to_string_lossy().into_owned();
    quoted(&name)
}

/// Returns the name of this machine; empty if the system does not tell.
pub(crate) fn host_name() -> String {
    #[cfg(target_os = "linux")]
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    #[cfg(all(unix, not(target_os = "linux")))]
    let name = std::fs::read_to_string("/etc/hostname")
        .or_else(|_| {
            Ok::<_, io::Error>(std::env::var_os("HOSTNAME").unwrap_or_default().to_string_lossy().into_owned())
        })
        .unwrap_or_default();
    #[cfg(not(unix))]
    let name = std::env::var_os("COMPUTERNAME").unwrap_or_default().to_string_lossy().into_owned();
    quoted(name.trim())
}

/// Reads proc_pid_stat(5) of each.
#[cfg(target_os = "linux")]
fn read() -> Vec<String> {
    let mut names = Vec::new();
    let mut pid = parent_of(std::fs::read("/proc/self/stat").ok()).map(|(_, parent)| parent);
    while let Some(one) = pid.filter(|pid| *pid > 0 && names.len() < LEVELS) {
        let Some((name, parent)) = parent_of(std::fs::read(format!("/proc/{one}/stat")).ok()) else { break };
        names.push(name);
        pid = Some(parent);
    }
    names
}

#[cfg(not(target_os = "linux"))]
fn read() -> Vec<String> {
    Vec::new()
}

/// Returns the name of a process, and the id of its parent. The name stands in parentheses, and may hold parentheses and spaces itself.
#[cfg(any(target_os = "linux", test))]
fn parent_of(stat: Option<Vec<u8>>) -> Option<(String, u32)> {
    let stat = String::from_utf8_lossy(&stat?).into_owned();
    let (start, rest) = stat.rsplit_once(')')?;
    let (_, name) = start.split_once('(')?;
    let parent = rest.split_whitespace().nth(1)?.parse().ok()?;
    Some((quoted(name), parent))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_may_hold_parentheses_spaces_and_controls() {
        let parent = |stat: &str| parent_of(Some(stat.as_bytes().to_vec()));
        assert_eq!(parent("7 (a) b (c\u{1b}) S 4 7 7"), Some(("a) b (c".into(), 4)));
        for bad in ["", "7 (a", "7 (a) S", "7 (a) S x"] {
            assert_eq!(parent(bad), None, "{bad}");
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn this_process_has_ancestors_a_user_and_a_machine() {
        assert!(!Ancestors::of_this_process().names().is_empty());
        assert!(Ancestors::default().names().is_empty());
        assert!(!host_name().is_empty() && !os_user().is_empty() && !program_name().is_empty());
    }
}
