//! [`hardening`]: a process that keeps its memory to itself.

/// What could be done; each is `false` where the system has no such thing or does not allow it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Hardening {
    /// A crash writes no memory to a file.
    pub no_core_dumps: bool,
    /// Other processes of the same user cannot read the memory, nor attach a debugger (Linux).
    pub not_dumpable: bool,
    /// The memory is never written to swap: where the user may lock any amount (`ulimit -l unlimited`).
    pub locked: bool,
}

/// Keeps this process's memory to itself, from here to its end. The `auth` subcommands do it; a host that takes tokens in its own
/// commands does it first in `main`, before threads start.
///
/// It is for the whole process, so nobody does it for a host: a debugger and a crash reporter see nothing afterwards.
pub fn hardening() -> Hardening {
    system::harden()
}

#[cfg(unix)]
mod system {
    use rustix::process::{Resource, Rlimit, setrlimit};

    use super::Hardening;

    pub(super) fn harden() -> Hardening {
        let none = Rlimit { current: Some(0), maximum: Some(0) };
        Hardening {
            no_core_dumps: setrlimit(Resource::Core, none).is_ok(),
            not_dumpable: not_dumpable(),
            locked: locked(),
        }
    }

    #[cfg(target_os = "linux")]
    fn not_dumpable() -> bool {
        use rustix::process::{DumpableBehavior, set_dumpable_behavior};
        set_dumpable_behavior(DumpableBehavior::NotDumpable).is_ok()
    }

    #[cfg(not(target_os = "linux"))]
    fn not_dumpable() -> bool {
        false
    }

    /// Only without a limit: with one, what is allocated later would fail instead. Pages are locked as they are first used.
    #[cfg(target_os = "linux")]
    fn locked() -> bool {
        use rustix::mm::{MlockAllFlags, mlockall};
        use rustix::process::getrlimit;
        let has_no_limit = getrlimit(Resource::Memlock).current.is_none();
        has_no_limit && mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT).is_ok()
    }

    #[cfg(not(target_os = "linux"))]
    fn locked() -> bool {
        false
    }
}

#[cfg(not(unix))]
mod system {
    use super::Hardening;

    pub(super) fn harden() -> Hardening {
        Hardening::default()
    }
}
