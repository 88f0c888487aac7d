//! [`Machine`]: where this process runs, as far as it changes what helps; and by which name the machine knows itself.
#![allow(
    clippy::disallowed_methods,
    clippy::disallowed_types,
    reason = "what the system says about itself is surroundings, in files as in variables"
)]

use std::env::var_os;
use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use zeroize::Zeroizing;

use crate::secret::Secret;

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

/// The first line of what can be read from a descriptor that this process was started with; what follows it may never end.
pub(super) fn first_line(from: &mut File) -> io::Result<Secret> {
    let (mut line, mut byte) = (Zeroizing::new(Vec::with_capacity(MOST)), Zeroizing::new([0]));
    while from.read(&mut *byte)? == 1 && *byte != *b"\n" {
        if line.len() == MOST {
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
const MOST: usize = 4096;

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
