//! An old login that is taken over: SIGKILL after every step, and many processes at once. Afterwards the old file works, or the new login
//! does; where the server takes no token twice, one step is named as an interrupted refresh.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use hallpass::testing::AuthorizationServer;
use serde_json::Value;

use crate::acme::example;
use crate::control::steps_of_an_adoption;
use crate::http;
use crate::needs::Need::Keyring;
use crate::process::{Run, Running};
use crate::rig::{Bystander, OWN, Rig, Server, among_others};
use crate::table::{Column, on_both_servers};

#[test]
fn an_adoption_killed_after_any_step_is_finished_by_the_next() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    on_both_servers("SIGKILL after a step of an adoption (the nth time that it is done)", |server| {
        let rig = Rig::new(server);
        let bystander = Bystander::new(&rig);
        let mut column = Column::new();
        for step in steps_of_an_adoption() {
            for nth in 1.. {
                let old = OldFile::new(&rig);
                let run = old.adopt(&rig, Some(&format!("KILL:{step}:{nth}")));
                if run.code.is_some() {
                    assert!(nth > 1, "an adoption never passes {step}: let this matrix pass it too\n{run}");
                    run.exits(0);
                    old.log_out(&rig);
                    break;
                }
                column.push((format!("{step} {nth}"), old.aftermath(&rig).to_owned()));
                bystander.is_untouched();
            }
        }
        bystander.can_be_refreshed(&rig);
        column
    });
}

#[test]
fn adoptions_of_many_processes_exchange_the_token_once() {
    let Some(_cores) = among_others(&[Keyring]) else { return };
    let rig = Rig::new(Server::Strict);
    let (old, before) = (OldFile::new(&rig), rig.rotations());
    let running: Vec<_> = (0..16).map(|_| Running::start(&mut old.command(&rig, None))).collect();
    let tokens: Vec<_> = running.into_iter().map(|one| one.finish().exits(0).word()).collect();
    assert!(tokens.iter().all(|token| *token == tokens[0] && rig.takes(token)));
    assert_eq!(rig.rotations(), before + 1);
}

/// The file of an old version that somebody has logged in with.
struct OldFile {
    path: PathBuf,
    /// How often the server had rotated before.
    rotations: usize,
}

impl OldFile {
    fn new(rig: &Rig) -> Self {
        let path = rig.machine.home().join("old-token");
        fs::write(&path, old_login(&rig.server)).unwrap();
        Self { path, rotations: rig.rotations() }
    }

    fn adopt(&self, rig: &Rig, failpoint: Option<&str>) -> Run {
        Running::start(&mut self.command(rig, failpoint)).finish()
    }

    fn command(&self, rig: &Rig, failpoint: Option<&str>) -> Command {
        let acme = rig.acme();
        let acme = failpoint.into_iter().fold(acme, |acme, failpoint| acme.with("HALLPASS_FAILPOINT", failpoint));
        acme.command_of(&example("adopts"), &[self.path.to_str().unwrap()])
    }

    /// Says what the next adoption made of one that was killed, and forgets the login.
    #[track_caller]
    fn aftermath(&self, rig: &Rig) -> &'static str {
        let (marked, at_its_end) = (self.is_marked(), rig.rotations());
        let has_rotated = at_its_end > self.rotations;
        assert!(has_rotated || !marked, "the old version asks for a login, and its token is not spent");
        let next = self.adopt(rig, None);
        if next.code == Some(1) && rig.kind == Server::Strict && has_rotated {
            assert!(next.stderr.contains("interrupted"), "{next}");
            assert!(!marked, "the old file says more than is so");
            let records = fs::read_dir(rig.home.join("grants")).unwrap();
            let left = records.filter(|entry| entry.as_ref().unwrap().path().extension().is_none()).count();
            assert_eq!(left, 1, "the record of the bystander alone");
            return "named as interrupted; a login mends it";
        }
        let (next, again) = (next.exits(0), rig.rotations() > at_its_end);
        assert!(rig.takes(&next.word()) && self.is_marked(), "{next}");
        self.log_out(rig);
        match (has_rotated, marked, again) {
            (false, ..) => "works: the old file worked until then",
            (true, true, _) => "works: all was done",
            (true, false, false) => "works: the new login was there",
            (true, false, true) => "works: the next one exchanged a token again",
        }
    }

    fn log_out(&self, rig: &Rig) {
        rig.acme().run(&["auth", "logout", "--context", OWN]).exits(0);
        assert!(self.is_marked());
    }

    fn is_marked(&self) -> bool {
        fs::read_to_string(&self.path).unwrap() == "log in again\n"
    }
}

/// A login as an old version makes it. Returns the refresh token.
fn old_login(server: &AuthorizationServer) -> String {
    let post = |path: &str, form: &str| -> Value { http::post(&format!("{}{path}", server.issuer()), form).json() };
    let device = post("/device_authorization", "client_id=acme-cli&scope=openid+email+offline_access");
    let form = format!(
        "client_id=acme-cli&grant_type=urn%3Aietf%3Aparams%3Aoauth%3Agrant-type%3Adevice_code&device_code={}",
        device["device_code"].as_str().unwrap()
    );
    post("/token", &form)["refresh_token"].as_str().unwrap().to_owned()
}
