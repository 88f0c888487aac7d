//! Disks and stores that fail at any step of a refresh: the process is stopped there, the trouble begins, the process goes on.
//! Trouble that is there before the exchange is found before the exchange; what comes after it, and goes within three seconds,
//! costs nothing; what stays costs at most what a kill does.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::thread;
use std::time::Duration;

use hallpass::testing::{Endpoint, Fault};

use crate::acme::example;
use crate::control::{Signal, steps};
use crate::needs::Need::Keyring;
use crate::process::Running;
use crate::rig::{Bystander, OWN, Rig, Server, among_others, full};
use crate::table::{Column, on_both_servers};
use crate::volume::{self, Volume};

#[derive(Clone, Copy, Debug, PartialEq)]
enum Trouble {
    DiskFull,
    /// As the kernel turns a file system whose disk fails; files that are open for writing do not hinder it.
    ReadOnly,
    NoPermission,
    BusKilled,
    KeyringLocked,
}

/// How long trouble lasts.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Lasts {
    /// For less than the three seconds that a rotated token is tried to be written down.
    AMoment,
    /// Longer than the process.
    Long,
}

#[test]
fn a_full_disk_ends_no_login() {
    if !volume::left_out(Volume::in_memory) {
        matrix(Trouble::DiskFull);
    }
}

#[test]
fn a_disk_that_turns_read_only_ends_no_login() {
    if !volume::left_out(Volume::on_disk) {
        matrix(Trouble::ReadOnly);
    }
}

#[test]
fn an_unwritable_folder_ends_no_login() {
    matrix(Trouble::NoPermission);
}

#[test]
fn a_killed_bus_ends_no_login() {
    matrix(Trouble::BusKilled);
}

#[test]
fn a_locked_keyring_ends_no_login() {
    matrix(Trouble::KeyringLocked);
}

fn matrix(trouble: Trouble) {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    on_both_servers(&format!("{trouble:?} after a step of a refresh (the nth time that it is done)"), |server| {
        let mut stage = Stage::new(trouble, server);
        stage.rig.log_in(OWN);
        let bystander = Bystander::new(&stage.rig);
        let mut column = Column::new();
        for (case, fails_first) in [("there before it all", false), ("the same after a failed refresh", true)] {
            column.push((case.to_owned(), stage.already_there(fails_first)));
        }
        for lasts in trouble.durations() {
            for step in steps() {
                for nth in 1.. {
                    if !trouble.is_tried_at(&step, nth) {
                        break;
                    }
                    let Some(outcome) = stage.at(&format!("{step}:{nth}"), *lasts) else { break };
                    bystander.is_untouched();
                    column.push((format!("{step} {nth}, {}", lasts.describe()), outcome));
                }
            }
        }
        bystander.can_be_refreshed(&stage.rig);
        column
    });
}

/// A login, and the place where the trouble is.
struct Stage {
    trouble: Trouble,
    /// Before the rig, whose folder it is mounted in.
    volume: Option<Volume>,
    rig: Rig,
}

impl Stage {
    fn new(trouble: Trouble, server: Server) -> Self {
        let mut rig = Rig::new(server);
        let folder = rig.machine.scratch().join("volume");
        rig.home = folder.join("acme");
        let volume = match trouble {
            Trouble::DiskFull => Some(Volume::in_memory(&folder).unwrap()),
            Trouble::ReadOnly => Some(Volume::on_disk(&folder).unwrap()),
            _ => None,
        };
        Self { trouble, volume, rig }
    }

    /// Trouble that is there when the process starts: found, and nothing is sent. `fails_first`: a refresh has failed before, and
    /// left a note.
    fn already_there(&mut self, fails_first: bool) -> String {
        self.rig.expire(&self.rig.acme());
        if fails_first {
            self.rig.server.inject(Endpoint::Token, Fault::status(500));
            self.refresh("").finish().exits(5);
        }
        let (rotations, requests) = (self.rig.rotations(), self.rig.server.requests().len());
        self.begin();
        let run = self.refresh("").finish().exits(6);
        // A note can be written over in a folder that may not be written; what then rests there is the new record, whole.
        if !(fails_first && self.trouble == Trouble::NoPermission) {
            assert_eq!(self.rig.server.requests().len(), requests, "something was sent: {run}");
        }
        self.rig.acme().run(&["auth", "status"]).exits(0);
        self.end();
        format!("exit 6; {}", self.rig.aftermath(rotations, false))
    }

    /// Trouble from a step on; `None` where a refresh does not pass that step.
    fn at(&mut self, step: &str, lasts: Lasts) -> Option<String> {
        self.rig.expire(&self.rig.acme());
        let before = self.rig.rotations();
        let refresh = self.refresh(&format!("STOP:{step}"));
        if !refresh.stops() {
            refresh.finish().exits(0);
            return None;
        }
        self.begin();
        refresh.signal(Signal::CONT);
        let run = match lasts {
            Lasts::AMoment => {
                thread::sleep(Duration::from_millis(300));
                self.end();
                refresh.finish()
            }
            Lasts::Long => {
                let run = refresh.finish();
                self.end();
                run
            }
        };
        let gave_up = match run.code {
            Some(0) => false,
            Some(6) => true,
            _ => panic!("{run}"),
        };
        // What is in the way of writing only once the room for it was taken cannot be found before the exchange.
        let late = lasts == Lasts::Long && matches!(self.trouble, Trouble::ReadOnly | Trouble::NoPermission);
        if gave_up && self.rig.rotations() > before {
            assert!(late, "the server has rotated, and this gave up: {run}");
        }
        // A folder that may not be written keeps what is in it: the new record, whole.
        let lost = gave_up && self.trouble == Trouble::ReadOnly;
        Some(format!("exit {}; {}", run.code.unwrap(), self.rig.aftermath(before, lost)))
    }

    /// A refresh by somebody who is stopped by permissions, as root is not.
    fn refresh(&self, failpoint: &str) -> Running {
        let acme = self.rig.acme().with("HALLPASS_FAILPOINT", failpoint);
        let mut command = match rustix::process::geteuid().is_root() {
            false => acme.command(&["auth", "token"]),
            true => {
                let without = "--bounding-set=-dac_override,-dac_read_search";
                let program = example("acme");
                acme.command_of(Path::new("setpriv"), &[without, program.to_str().unwrap(), "auth", "token"])
            }
        };
        Running::start(&mut command)
    }

    fn begin(&mut self) {
        match self.trouble {
            Trouble::DiskFull => self.volume.as_ref().unwrap().fill(),
            Trouble::ReadOnly => self.volume.as_ref().unwrap().fail(),
            Trouble::NoPermission => self.permit(0o500),
            Trouble::BusKilled => self.rig.machine.kill_bus(),
            Trouble::KeyringLocked => self.rig.machine.lock(),
        }
    }

    fn end(&mut self) {
        match self.trouble {
            Trouble::DiskFull => self.volume.as_ref().unwrap().empty(),
            Trouble::ReadOnly => self.volume.as_ref().unwrap().mend(),
            Trouble::NoPermission => self.permit(0o700),
            Trouble::BusKilled => {
                self.rig.machine.start_bus();
                self.rig.machine.unlock();
            }
            Trouble::KeyringLocked => self.rig.machine.unlock(),
        }
    }

    fn permit(&self, mode: u32) {
        fs::set_permissions(self.rig.home.join("grants"), Permissions::from_mode(mode)).unwrap();
    }
}

impl Trouble {
    /// A failed file system has to be mounted again, which a process that has it open does not let happen. A store is needed only
    /// once, before the first step, so that it does not matter how long it is away.
    fn durations(self) -> &'static [Lasts] {
        match self {
            Self::ReadOnly => &[Lasts::Long],
            Self::BusKilled | Self::KeyringLocked => &[Lasts::AMoment],
            Self::DiskFull | Self::NoPermission => &[Lasts::AMoment, Lasts::Long],
        }
    }

    /// With reduced counts, what takes its time is tried at some steps only.
    fn is_tried_at(self, step: &str, nth: u32) -> bool {
        const SOME: [(&str, u32); 3] = [("locked", 1), ("half written", 1), ("half written", 2)];
        full() || self == Self::DiskFull || SOME.contains(&(step, nth))
    }
}

impl Lasts {
    fn describe(self) -> &'static str {
        match self {
            Self::AMoment => "for a moment",
            Self::Long => "for long",
        }
    }
}
