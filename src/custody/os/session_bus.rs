//! The D-Bus session bus: whether it may be used, and what is wrong with it.

use std::fmt::Display;
use std::io::ErrorKind;
use std::os::unix::net::UnixStream;

use zbus::address::transport::{Transport, UnixSocket};

use crate::custody::KeyStoreError;
use crate::model::sanitize::quoted;

/// Returns what is wrong with the socket of the session bus, if no bus listens there. Names the variable, which may be left from a session
/// that has ended, as in a multiplexer or a container: nobody finds it by "No such file or directory".
pub(super) fn no_bus() -> Option<KeyStoreError> {
    let variable = crate::system::environment::session_bus_variable();
    let Ok(address) = zbus::Address::session() else {
        return variable.map(|name| KeyStoreError::Unavailable(format!("{name} is no address of a bus; unset it")));
    };
    let Transport::Unix(unix) = address.transport() else { return None };
    let UnixSocket::File(path) = unix.path() else { return None };
    let what = match UnixStream::connect(path).err()?.kind() {
        ErrorKind::NotFound | ErrorKind::NotADirectory => "which does not exist",
        ErrorKind::ConnectionRefused => "where no bus listens",
        ErrorKind::PermissionDenied => "which this user may not open",
        _ => return None,
    };
    let path = path.to_string_lossy();
    Some(unavailable(match variable {
        Some(name) => format!("{name} names the D-Bus session bus {path}, {what}; unset it, or log in again"),
        None => format!("the D-Bus session bus should be at {path}, {what}"),
    }))
}

/// Returns whether another user, not root, runs the session bus (SO_PEERCRED, unix(7)). Connects by itself: zbus would also look up the
/// peer's groups in the machine's directory service. If this connection fails, the next one reports why.
#[cfg(target_os = "linux")]
pub(super) fn is_run_by_another_user() -> bool {
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::ffi::OsStrExt;
    use std::os::unix::net::SocketAddr;

    use rustix::net::sockopt::socket_peercred;

    let Ok(address) = zbus::Address::session() else { return false };
    let Transport::Unix(unix) = address.transport() else { return false };
    let connected = match unix.path() {
        UnixSocket::File(path) => UnixStream::connect(path),
        UnixSocket::Abstract(name) => {
            SocketAddr::from_abstract_name(name.as_bytes()).and_then(|name| UnixStream::connect_addr(&name))
        }
        _ => return false,
    };
    let peer = connected.ok().and_then(|stream| socket_peercred(&stream).ok()).map(|peer| peer.uid);
    peer.is_some_and(|user| !user.is_root() && user != rustix::process::geteuid())
}

#[cfg(not(target_os = "linux"))]
pub(super) fn is_run_by_another_user() -> bool {
    false
}

pub(super) fn unavailable<E: Display>(error: E) -> KeyStoreError {
    KeyStoreError::Unavailable(quoted(&error.to_string()))
}
