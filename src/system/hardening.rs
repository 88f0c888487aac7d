//! [`harden_process`]: protects this process's memory.

/// Protects this process's memory from now on, as far as the system allows it. The `auth` subcommands call it. A host that uses tokens in
/// its own commands calls it first in `main`, before threads start.
///
/// - A crash writes no memory to a file (Unix).
/// - Other processes of the same user cannot read the memory, nor attach a debugger (Linux).
/// - The memory is never written to swap (Linux), if the user may lock any amount: `ulimit -l unlimited`.
///
/// It affects the whole process, so the library does not call it by itself: debuggers and crash reporters stop working.
pub fn harden_process() {
    // Errors are ignored: the person can do nothing about them, and the tool works.
    #[cfg(unix)]
    no_core_dumps();
    #[cfg(target_os = "linux")]
    not_dumpable_and_locked();
}

#[cfg(unix)]
fn no_core_dumps() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // Only the soft limit: child processes may raise theirs.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..getrlimit(Resource::Core) });
}

#[cfg(target_os = "linux")]
fn not_dumpable_and_locked() {
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{DumpableBehavior, Resource, getrlimit, set_dumpable_behavior};
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // With a limit, later allocations would fail. Pages are locked when they are first used.
    if getrlimit(Resource::Memlock).current.is_none() {
        let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT);
    }
}
