//! SIGKILL after every step, and at any instant. Afterwards the record can be read, and the next call works, or names the
//! interrupted refresh, which happens only where the server takes no refresh token twice. Other logins never notice.

use std::thread;
use std::time::{Duration, Instant};

use hallpass::testing::{Endpoint, Fault};

use crate::control::steps;
use crate::needs::Need::Keyring;
use crate::rig::{Bystander, OWN, Rig, Server, among_others, full, seconds_since_1970};
use crate::table::{Column, counted, on_both_servers};

#[test]
fn a_refresh_killed_after_any_step_is_taken_up_by_the_next_call() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    on_both_servers("SIGKILL after a step of a refresh (the nth time that it is done)", |server| {
        let rig = Rig::logged_in(server);
        let bystander = Bystander::new(&rig);
        let mut column = Column::new();
        for step in steps() {
            for nth in 1.. {
                rig.expire(&rig.acme());
                let before = rig.rotations();
                let dies = rig.acme().with("HALLPASS_FAILPOINT", &format!("KILL:{step}:{nth}"));
                let run = dies.run(&["auth", "token"]);
                if run.code.is_some() {
                    assert!(nth > 1, "a refresh never passes {step}: let this matrix pass it too\n{run}");
                    run.exits(0);
                    break;
                }
                let found = rig.aftermath(before, true);
                bystander.is_well(&rig);
                column.push((format!("{step} {nth}"), found.to_owned()));
            }
        }
        bystander.can_be_refreshed(&rig);
        column
    });
}

/// The one that takes up what a dead process left can die as well.
#[test]
fn a_refresh_killed_twice_is_taken_up_by_the_third_call() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    on_both_servers("SIGKILL after a step, and then of the next call after its first step of each name", |server| {
        let rig = Rig::logged_in(server);
        let bystander = Bystander::new(&rig);
        // The three things that can be left: an intent, half of a record, a whole one.
        let firsts: &[&str] = if full() { &["intended:1", "half written:2", "synced:2"] } else { &["half written:2"] };
        let cases = firsts.iter().flat_map(|first| steps().into_iter().map(move |second| (first, second)));
        let column = cases.map(|(first, second)| {
            rig.expire(&rig.acme());
            let before = rig.rotations();
            for failpoint in [(*first).to_owned(), format!("{second}:1")] {
                rig.acme().with("HALLPASS_FAILPOINT", &format!("KILL:{failpoint}")).run(&["auth", "token"]);
            }
            let found = rig.aftermath(before, true);
            bystander.is_untouched();
            (format!("{first}, then {second}"), found.to_owned())
        });
        let column = column.collect();
        bystander.can_be_refreshed(&rig);
        column
    });
}

#[test]
fn a_refresh_killed_at_any_instant_is_taken_up_by_the_next_call() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    let each = if full() { 500 } else { 50 };
    on_both_servers(&format!("SIGKILL at {each} random instants of a refresh, on each server"), |server| {
        let rig = Rig::logged_in(server);
        let bystander = Bystander::new(&rig);
        // Long enough to be hit.
        rig.server.inject_always(Endpoint::Token, Fault::DelayReply(Duration::from_millis(20)));
        let whole = whole_run(&rig);
        let (mut outcomes, mut killed) = (Vec::new(), 0);
        while killed < each {
            rig.expire(&rig.acme());
            let before = rig.rotations();
            let mut running = rig.acme().start(&["auth", "token"]);
            thread::sleep(random_part_of(whole));
            let _ = running.child.kill();
            let dead = running.finish().code.is_none();
            killed += usize::from(dead);
            let found = rig.aftermath(before, true);
            bystander.is_untouched();
            outcomes.push(if dead { found } else { "(had ended by itself)" });
        }
        bystander.can_be_refreshed(&rig);
        counted(outcomes)
    });
}

#[test]
fn a_login_or_logout_killed_after_any_step_blocks_nobody() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    let rig = Rig::new(Server::Strict);
    let bystander = Bystander::new(&rig);
    let commands: [&[&str]; 2] =
        [&["auth", "login", "--json", "--context", OWN], &["auth", "logout", "--context", OWN]];
    for step in steps() {
        for command in commands {
            for nth in 1.. {
                rig.log_in(OWN);
                // Now, as a login compares it with the server's.
                let dies = rig.acme().with("ACME_CLOCK", &seconds_since_1970().to_string());
                let run = dies.with("HALLPASS_FAILPOINT", &format!("KILL:{step}:{nth}")).run(command);
                let status = rig.acme().run(&["auth", "status", "--context", OWN]);
                assert!(matches!(status.code, Some(0 | 4)), "{step} {nth} of {command:?}: {status}");
                bystander.is_untouched();
                if run.code.is_some() {
                    run.exits(0);
                    break;
                }
            }
        }
    }
    rig.log_in(OWN);
    rig.acme().run(&["auth", "token", "--refresh"]).exits(0);
    bystander.can_be_refreshed(&rig);
}

/// How long a refresh takes from beginning to end.
fn whole_run(rig: &Rig) -> Duration {
    let mut runs = [(); 5].map(|()| {
        let started = Instant::now();
        rig.expire(&rig.acme());
        started.elapsed()
    });
    runs.sort();
    runs[2]
}

fn random_part_of(whole: Duration) -> Duration {
    whole.mul_f64(f64::from(getrandom::u32().unwrap()) / f64::from(u32::MAX))
}
