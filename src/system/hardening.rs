//! [`hardening`]: a process that keeps its memory to itself.

/// Keeps this process's memory to itself, from here to its end, as far as the system allows it. The `auth` subcommands do it; a host that
/// takes tokens in its own commands does it first in `main`, before threads start.
///
/// - A crash writes no memory to a file (Unix).
/// - Other processes of the same user cannot read the memory, nor attach a debugger (Linux).
/// - The memory is never written to swap (Linux), where the user may lock any amount: `ulimit -l unlimited`.
///
/// It is for the whole process, so nobody does it for a host: a debugger and a crash reporter see nothing afterwards.
pub fn harden_process() {
    // What is not allowed here stays as it was: there is nothing to be done about it, and the tool works.
    #[cfg(unix)]
    no_core_dumps();
    #[cfg(target_os = "linux")]
    not_dumpable_and_locked();
}

#[cfg(unix)]
fn no_core_dumps() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    // Of this process: its children may want to have more.
    let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), ..getrlimit(Resource::Core) });
}

#[cfg(target_os = "linux")]
fn not_dumpable_and_locked() {
    use rustix::mm::{MlockAllFlags, mlockall};
    use rustix::process::{DumpableBehavior, Resource, getrlimit, set_dumpable_behavior};
    let _ = set_dumpable_behavior(DumpableBehavior::NotDumpable);
    // With a limit, what is allocated later would fail. Pages are locked as they are first used.
    if getrlimit(Resource::Memlock).current.is_none() {
        let _ = mlockall(MlockAllFlags::CURRENT | MlockAllFlags::FUTURE | MlockAllFlags::ONFAULT);
    }
}
