//! [`Machine`]: where this process runs, as far as it changes what helps; and by which name the machine knows itself.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what the system says about itself is surroundings, in files as in variables"
)]

use std::env::var_os;
#[cfg(all(unix, feature = "browser"))]
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::model::secret::Secret;

/// Where this process runs, as far as it changes what a person can do about a secure store.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Machine {
    /// A desktop or a server, and nothing special about it.
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
    /// Looks around. Hints depend on it, and whether a browser opens: whoever sets these variables changes no more.
    pub fn here() -> Self {
        let (is_set, is_there) = (|name| var_os(name).is_some(), |path| Path::new(path).exists());
        if is_there("/.flatpak-info") {
            Self::Flatpak
        } else if is_set("SNAP") && is_set("SNAP_NAME") {
            Self::Snap
        } else if is_set("container")
            || is_set("KUBERNETES_SERVICE_HOST")
            || is_there("/.dockerenv")
            || is_there("/run/.containerenv")
        {
            Self::Container
        } else if is_set("WSL_DISTRO_NAME") || is_set("WSL_INTEROP") || is_there("/proc/sys/fs/binfmt_misc/WSLInterop")
        {
            Self::Wsl
        } else if is_set("SSH_CONNECTION") || is_set("SSH_TTY") {
            Self::Ssh
        } else {
            Self::Plain
        }
    }
}

/// Operating system and processor.
pub(crate) fn system() -> String {
    format!("{} {}", std::env::consts::OS, std::env::consts::ARCH)
}

/// The name of a user that passwd(5) knows, which is the only list that needs no library: others are told by their number.
#[cfg(unix)]
pub(crate) fn name_of_user(uid: u32) -> String {
    field_of_user(uid, 0).unwrap_or_else(|| format!("user {uid}"))
}

/// The home of the user of this process, as passwd(5) has it and whatever `HOME` says; `None` where that list does not know the user.
pub(crate) fn home_of_this_user() -> Option<PathBuf> {
    #[cfg(unix)]
    let state_dir = field_of_user(rustix::process::geteuid().as_raw(), 5).map(PathBuf::from);
    #[cfg(not(unix))]
    let state_dir: Option<PathBuf> = None;
    state_dir.filter(|state_dir| state_dir.is_absolute())
}

/// The field of this number in the line of a user.
#[cfg(unix)]
fn field_of_user(uid: u32, number: usize) -> Option<String> {
    let users = std::fs::read_to_string("/etc/passwd").unwrap_or_default();
    let line = users.lines().find(|line| line.split(':').nth(2).is_some_and(|own| own.parse() == Ok(uid)))?;
    line.split(':').nth(number).map(str::to_owned)
}

/// The name of this installation, machine-id(5): "should be considered confidential". `None` where there is none: other systems
/// than Linux, whose stores do not travel, and most containers.
pub(crate) fn machine_id() -> Option<Zeroizing<Vec<u8>>> {
    let mut id = Zeroizing::new(Vec::with_capacity(64));
    for path in ["/etc/machine-id", "/var/lib/dbus/machine-id"] {
        id.clear();
        let read = File::open(path).and_then(|file| file.take(64).read_to_end(&mut id));
        // "uninitialized" stands there while a system is being set up.
        if read.is_ok() && id.trim_ascii().len() == 32 {
            return Some(Zeroizing::new(id.trim_ascii().to_vec()));
        }
    }
    None
}

/// The descriptors above 2 that a program would inherit which this process starts: those that it was started with itself.
#[cfg(all(unix, feature = "browser"))]
pub(crate) fn inherited_descriptors() -> Vec<u32> {
    const O_CLOEXEC: u32 = 0o2_000_000;
    let listed = std::fs::read_dir(if cfg!(target_os = "linux") { "/proc/self/fd" } else { "/dev/fd" });
    let numbers = listed.into_iter().flatten().filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok());
    // Only Linux says which descriptors close on `exec`. Elsewhere all are treated as inherited.
    let closes = |number: &u32| {
        let told = std::fs::read_to_string(format!("/proc/self/fdinfo/{number}")).unwrap_or_default();
        let flags = told.lines().find_map(|line| u32::from_str_radix(line.strip_prefix("flags:")?.trim(), 8).ok());
        flags.is_some_and(|flags| flags & O_CLOEXEC != 0)
    };
    let mut inherited: Vec<u32> = numbers.filter(|number| *number > 2 && !closes(number)).collect();
    inherited.sort_unstable();
    inherited
}

/// The variables that say where the desktop is, who its user is and in which language: a program that opens a page needs no others, and
/// many others choose what it runs (`XDG_DATA_HOME`, `XDG_CONFIG_DIRS`, `LD_PRELOAD`, `GTK_MODULES`, `GIO_EXTRA_MODULES`, `BROWSER`,
/// `BASH_ENV` …). For the same reason the home is the user's own, whatever `HOME` says.
#[cfg(all(unix, feature = "browser"))]
pub(crate) fn desktop_variables() -> Vec<(OsString, OsString)> {
    const NAMES: &[&str] = &[
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
        "DBUS_SESSION_BUS_ADDRESS",
        "WSL_DISTRO_NAME",
        "WSL_INTEROP",
        "HOME",
        "USER",
        "LOGNAME",
        "LANG",
        "LANGUAGE",
        "TZ",
    ];
    let is_passed = |name: &str, value: &OsString| match name {
        // Another address can start a program.
        "DBUS_SESSION_BUS_ADDRESS" => is_local_bus(&value.to_string_lossy()),
        name => NAMES.contains(&name) || name.starts_with("LC_") || name.starts_with("XDG_SESSION_"),
    };
    let passed = std::env::vars_os().filter(|(name, value)| name.to_str().is_some_and(|name| is_passed(name, value)));
    passed.chain(home_of_this_user().map(|state_dir| ("HOME".into(), state_dir.into()))).collect()
}

/// Whether D-Bus addresses lead to sockets of this machine. Others start a program (`unixexec:`) or lead to another machine (`tcp:`).
#[cfg(all(unix, any(feature = "os-store", feature = "browser")))]
pub(crate) fn is_local_bus(addresses: &str) -> bool {
    addresses.split(';').all(|address| address.is_empty() || address.starts_with("unix:"))
}

/// The first line of what can be read from a descriptor that this process was started with; what follows it may never end.
pub(super) fn first_line(from: &mut File) -> io::Result<Secret> {
    let (mut line, mut byte) = (Zeroizing::new(Vec::with_capacity(MAX)), Zeroizing::new([0]));
    while from.read(&mut *byte)? == 1 && *byte != *b"\n" {
        if line.len() == MAX {
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

/// The longest line that is read, in bytes.
const MAX: usize = 4096;

/// Another one of the descriptor. To open it by its name instead needs rights to the file, and waits for a writer where it is a pipe.
#[cfg(target_os = "linux")]
pub(super) fn duplicated(descriptor: i32) -> io::Result<File> {
    use std::os::fd::AsRawFd;

    use rustix::io::Errno;
    use rustix::process::{PidfdFlags, PidfdGetfdFlags, getpid, pidfd_getfd, pidfd_open};

    let own = pidfd_open(getpid(), PidfdFlags::empty());
    // A number that was free until now is nobody's.
    let is_open = own.as_ref().is_ok_and(|own| own.as_raw_fd() != descriptor);
    match own.and_then(|own| pidfd_getfd(own, descriptor, PidfdGetfdFlags::empty())) {
        Ok(duplicate) if is_open => Ok(duplicate.into()),
        Ok(_) | Err(Errno::BADF) => Err(io::Error::other("it is not open")),
        // Kernels before 5.6, and containers that forbid it.
        Err(_) => File::open(format!("/dev/fd/{descriptor}")),
    }
}

#[cfg(not(target_os = "linux"))]
pub(super) fn duplicated(descriptor: i32) -> io::Result<File> {
    File::open(format!("/dev/fd/{descriptor}"))
}
