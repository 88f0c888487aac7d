//! What the system says about itself: [`Machine`], the machine id, users, inherited descriptors, desktop variables.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what the system says about itself is part of the environment, in files as in variables"
)]

use std::env::var_os;
#[cfg(feature = "browser")]
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::model::secret::Secret;

/// Where this process runs, as far as it changes what helps with a secure store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Machine {
    /// An ordinary desktop or server.
    Plain,
    /// At the other end of an SSH connection.
    Ssh,
    /// In the Windows Subsystem for Linux.
    Wsl,
    /// In Flatpak's sandbox.
    Flatpak,
    /// In Snap's sandbox.
    Snap,
    /// In a container.
    Container,
}

impl Machine {
    /// Returns where this process runs. Only hints and the opening of a browser depend on it, so an author of these variables changes
    /// nothing else.
    pub fn here() -> Self {
        if exists("/.flatpak-info") {
            Self::Flatpak
        } else if is_set("SNAP") && is_set("SNAP_NAME") {
            Self::Snap
        } else if is_set("container")
            || is_set("KUBERNETES_SERVICE_HOST")
            || exists("/.dockerenv")
            || exists("/run/.containerenv")
        {
            Self::Container
        } else if is_set("WSL_DISTRO_NAME") || is_set("WSL_INTEROP") || exists("/proc/sys/fs/binfmt_misc/WSLInterop") {
            Self::Wsl
        } else if is_set("SSH_CONNECTION") || is_set("SSH_TTY") {
            Self::Ssh
        } else {
            Self::Plain
        }
    }
}

fn is_set(name: &str) -> bool {
    var_os(name).is_some()
}

fn exists(path: &str) -> bool {
    Path::new(path).exists()
}

/// Returns operating system and processor.
pub(crate) fn system() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// Returns the name of a user in passwd(5), the only list that needs no library; other users are named by their number.
#[cfg(unix)]
pub(crate) fn name_of_user(uid: u32) -> String {
    field_of_user(uid, 0).unwrap_or_else(|| format!("user {uid}"))
}

/// Returns the home of the user of this process in passwd(5), whatever `HOME` says; `None` if the list does not know the user.
pub(crate) fn home_of_this_user() -> Option<PathBuf> {
    #[cfg(unix)]
    let home = field_of_user(rustix::process::geteuid().as_raw(), 5).map(PathBuf::from);
    #[cfg(not(unix))]
    let home: Option<PathBuf> = None;
    home.filter(|home| home.is_absolute())
}

/// Returns one field of a user's line in passwd(5).
#[cfg(unix)]
fn field_of_user(uid: u32, number: usize) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = users.lines().find(|line| line.split(':').nth(2).is_some_and(|own| own.parse() == Ok(uid)))?;
    line.split(':').nth(number).map(str::to_owned)
}

/// Returns the id of this installation, machine-id(5): "should be considered confidential". `None` if there is none: on other systems than
/// Linux, whose stores cannot be copied, and in most containers.
pub(crate) fn machine_id() -> Option<Zeroizing<Vec<u8>>> {
    let mut id = Zeroizing::new(Vec::with_capacity(64));
    for path in ["/etc/machine-id", "/var/lib/dbus/machine-id"] {
        id.clear();
        let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut id));
        // The file says "uninitialized" while a system is being set up.
        if read.is_ok() && id.trim_ascii().len() == 32 {
            return Some(Zeroizing::new(id.trim_ascii().to_vec()));
        }
    }
    None
}

/// Returns the descriptors above 2 that a child process would inherit: those that this process inherited itself.
#[cfg(all(unix, feature = "browser"))]
pub(crate) fn inherited_descriptors() -> Vec<u32> {
    let listed = std::fs::read_dir(if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" });
    let numbers = listed.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    let mut inherited: Vec<u32> = numbers.filter(|number| *number > 2 && !closes_on_exec(*number)).collect();
    inherited.sort_unstable();
    inherited
}

/// Only Linux says which descriptors close on `exec`. Elsewhere all count as inherited.
#[cfg(all(unix, feature = "browser"))]
fn closes_on_exec(descriptor: u32) -> bool {
    const O_CLOEXEC: u32 = 0o2_000_000;
    let info = std::fs::read_to_string(format!("/proc/self/fdinfo/{descriptor}")).unwrap_or_default();
    let flags = info.lines().find_map(|line| u32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
    flags.is_some_and(|flags| flags & O_CLOEXEC != 0)
}

/// Returns the variables that say where the desktop is, who its user is and in which language. A program that opens a page needs no others,
/// and many others choose what it runs (`XDG_DATA_HOME`, `XDG_CONFIG_DIRS`, `LD_PRELOAD`, `GTK_MODULES`, `GIO_EXTRA_MODULES`, `BROWSER`,
/// `BASH_ENV` …). For the same reason the home is the user's own, whatever `HOME` says.
#[cfg(feature = "browser")]
pub(crate) fn desktop_variables() -> Vec<(OsString, OsString)> {
    let variables = std::env::vars_os();
    let passed_on =
        variables.filter(|(name, value)| name.to_str().is_some_and(|name| is_desktop_variable(name, value)));
    passed_on.chain(home_of_this_user().map(|home| ("HOME".into(), home.into()))).collect()
}

#[cfg(all(unix, feature = "browser"))]
fn is_desktop_variable(name: &str, value: &OsString) -> bool {
    match name {
        // Another address can start a program.
        "DBUS_SESSION_BUS_ADDRESS" => is_local_bus(&value.to_string_lossy()),
        name => DESKTOP_VARIABLES.contains(&name) || name.starts_with("LC_") || name.starts_with("XDG_SESSION_"),
    }
}

#[cfg(all(unix, feature = "browser"))]
const DESKTOP_VARIABLES: &[&str] = &[
    "DISPLAY",
    "WAYLAND_DISPLAY",
    "XAUTHORITY",
    "XDG_RUNTIME_DIR",
    "XDG_CURRENT_DESKTOP",
    "XDG_SEAT",
    "XDG_VTNR",
    "DESKTOP_SESSION",
    "KDE_FULL_SESSION",
    "KDE_SESSION_UID",
    "KDE_SESSION_VERSION",
    "GNOME_DESKTOP_SESSION_ID",
    "WSL_DISTRO_NAME",
    "WSL_INTEROP",
    "HOME",
    "USER",
    "LOGNAME",
    "LANG",
    "LANGUAGE",
    "TZ",
];

/// Names are compared ignoring case, as Windows does.
#[cfg(all(not(unix), feature = "browser"))]
fn is_desktop_variable(name: &str, _value: &OsString) -> bool {
    DESKTOP_VARIABLES.iter().any(|own| own.eq_ignore_ascii_case(name))
}

#[cfg(all(not(unix), feature = "browser"))]
const DESKTOP_VARIABLES: &[&str] = &[
    "SystemRoot",
    "SystemDrive",
    "windir",
    "ComSpec",
    "PATHEXT",
    "TEMP",
    "TMP",
    "USERPROFILE",
    "USERNAME",
    "USERDOMAIN",
    "HOMEDRIVE",
    "HOMEPATH",
    "APPDATA",
    "LOCALAPPDATA",
    "ALLUSERSPROFILE",
    "ProgramData",
    "ProgramFiles",
    "ProgramFiles(x86)",
    "ProgramW6432",
    "CommonProgramFiles",
    "CommonProgramFiles(x86)",
    "CommonProgramW6432",
    "PUBLIC",
    "SESSIONNAME",
    "NUMBER_OF_PROCESSORS",
    "PROCESSOR_ARCHITECTURE",
    "OS",
];

/// Returns whether D-Bus addresses are sockets of this machine. Others start a program (`unixexec:`) or lead to another machine (`tcp:`).
#[cfg(all(unix, any(feature = "os-store", feature = "browser")))]
pub(crate) fn is_local_bus(addresses: &str) -> bool {
    addresses.split(';').all(|address| address.is_empty() || address.starts_with("unix:"))
}

/// Reads the first line from a descriptor that this process inherited. What follows may never end, and is not read.
pub(super) fn first_line(from: &mut File) -> io::Result<Secret> {
    let (mut line, mut byte) = (Zeroizing::new(Vec::with_capacity(MAX_LINE)), Zeroizing::new([0]));
    while from.read(&mut *byte)? == 1 && *byte != *b"\n" {
        if line.len() == MAX_LINE {
            return Err(io::Error::other("its first line is too long"));
        }
        line.push(byte[0]);
    }
    let line = line.strip_suffix(b"\r").unwrap_or(&line);
    match std::str::from_utf8(line) {
        Ok("") => Err(io::Error::other("nothing is to be read there")),
        Ok(text) => Ok(Secret::new(text.to_owned())),
        Err(_) => Err(io::Error::other("its first line is no text")),
    }
}

/// The maximum length of that line, in bytes.
const MAX_LINE: usize = 4096;

/// Duplicates the descriptor. Opening it by its name instead would need rights to the file, and a pipe would wait for a writer.
#[cfg(target_os = "linux")]
pub(super) fn duplicate(descriptor: i32) -> io::Result<File> {
    use std::os::fd::AsRawFd;

    use rustix::io::Errno;
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let own = pidfd_open(getpid(), PidfdFlags::empty());
    // `own` gets the number if the descriptor was not open.
    let is_open = own.as_ref().is_ok_and(|own| own.as_raw_fd() != descriptor);
    match own.and_then(|own| pidfd_getfd(own, descriptor, PidfdGetfdFlags::empty())) {
        Ok(duplicate) if is_open => Ok(duplicate.into()),
        Ok(_) | Err(Errno::BADF) => Err(io::Error::other("it is not open")),
        // Kernels before 5.6, and containers that forbid it.
        Err(_) => File::open(format!("/dev/fd/{descriptor}")),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn duplicate(descriptor: i32) -> io::Result<File> {
    File::open(format!("/dev/fd/{descriptor}"))
}
