//! The events of a login, from its birth to its end.

use std::fs;

use hallpass::contexts::{Logins, Logout, MoveKeys};
use hallpass::custody::{Custody, KeyStoreName};
use hallpass::events::{ActorKind, EventCode::*, EventOutcome, ExportTo};
use hallpass::prompt::Silent;
use hallpass::testing::Endpoint;
use hallpass::{Login, TokenRequest};

use super::{codes, events, file};
use crate::support::faults::json_body;
use crate::support::rig::{Rig, S, forced, token};

#[test]
fn a_login_tells_who_what_where_and_until_when() {
    let rig = Rig::new();
    rig.server.approve_all();
    let login = Login::new(Silent).context("work").owner("team:payments").environment("sandbox");
    let session = rig.auth().login(login.ticket("PAY-7").reason("a\nnew\u{1b}[2J laptop")).wait().unwrap();
    let grant = session.context().unwrap().grant.clone();
    let events = events(&rig);
    assert_eq!(codes(&rig), [TrailStarted, LoginStarted, LoginSucceeded, GrantCreated]);
    let (started, made) = (&events[1], &events[3]);
    assert_eq!((started.of.grant.as_ref(), made.of.grant.as_ref()), (None, Some(&grant)));
    assert!(events[1..].iter().all(|event| event.flow == made.flow && event.by == made.by), "one flow, one runner");
    assert_eq!(made.of.context.as_ref().unwrap().as_str(), "work");
    assert_eq!(made.of.issuer.as_ref().unwrap().as_str(), rig.server.issuer());
    assert_eq!((made.of.subject.as_deref(), made.of.account.as_deref()), (Some("alice"), Some("alice@example.com")));
    let provenance = &made.of.provenance;
    assert_eq!(provenance.owner.as_ref().unwrap().to_string(), "team:payments");
    assert_eq!(provenance.environment.as_ref().unwrap().as_str(), "sandbox");
    assert_eq!((provenance.ticket.as_deref(), provenance.reason.as_deref()), (Some("PAY-7"), Some("anew[2J laptop")));
    assert_eq!(provenance.approver.as_deref(), Some("alice"), "the ID token tells who approved");
    assert_eq!(provenance.initiator.as_ref(), Some(&made.by.actor));
    assert_eq!(made.by.pid, std::process::id());
    assert!(made.details.scopes_granted.is_some() && made.details.lifetime_granted == Some(3600));
    assert_eq!((made.details.generation, made.outcome), (Some(1), EventOutcome::Success));
    let context = &rig.auth().contexts().unwrap()[0];
    assert_eq!(context.provenance.as_ref(), Some(provenance));
    assert_eq!(context.environment, provenance.environment);
    let report = rig.auth().verify_trail().wait().unwrap();
    assert!(report.is_intact() && report.proved_until == Some(4) && report.witnesses == 1, "{report:?}");
}

#[test]
fn each_generation_has_one_line_and_joins_by_its_token() {
    let (rig, session) = Rig::logged_in();
    forced(&session).unwrap();
    forced(&session).unwrap();
    let told: Vec<_> = events(&rig).into_iter().filter(|event| event.code == Refreshed).collect();
    assert_eq!(told.iter().map(|event| event.details.generation).collect::<Vec<_>>(), [Some(2), Some(3)]);
    let exported = session.export(TokenRequest::new(), ExportTo::StandardOutput).wait().unwrap();
    assert_eq!(exported.expose(), token(&session));
    let last = events(&rig).pop().unwrap();
    assert_eq!((last.code, last.details.destination.as_deref()), (Exported, Some("stdout")));
    assert_eq!(last.details.credential, told[1].details.credential, "the same token, without the token");
    assert_ne!(told[0].details.credential, told[1].details.credential);
    let text = fs::read_to_string(file(&rig)).unwrap();
    assert!(!text.contains(exported.expose()));
}

#[test]
fn the_first_export_of_an_hour_is_told_and_others_count() {
    let rig = Rig::with(|behaviour| behaviour.access_token_lifetime = Some(S(86_400)));
    let session = rig.log_in();
    let export = || drop(session.export(TokenRequest::new(), ExportTo::StandardOutput).wait().unwrap());
    (0..5).for_each(|_| export());
    let exports = || events(&rig).into_iter().filter(|event| event.code == Exported).collect::<Vec<_>>();
    assert_eq!(exports().len(), 1);
    rig.clock.advance(S(3601));
    export();
    let told = exports();
    assert_eq!(told.iter().map(|event| event.details.count).collect::<Vec<_>>(), [None, Some(4)]);
    assert_eq!(rig.auth().inventory().unwrap()[0].exported, 6);
}

#[test]
fn a_use_in_memory_is_told_once_an_hour() {
    let (rig, _) = Rig::logged_in();
    (0..3).for_each(|_| drop(rig.auth().session().unwrap().access_token().wait().unwrap()));
    assert_eq!(codes(&rig).iter().filter(|code| **code == TokenServed).count(), 1);
}

#[test]
fn the_end_of_a_login_is_told() {
    let (rig, _) = Rig::logged_in();
    let _ = rig.auth().logout(Logout::default()).wait().unwrap();
    assert!(codes(&rig).ends_with(&[Revoked, LoggedOut]), "{:?}", codes(&rig));
    let last = events(&rig).pop().unwrap();
    assert_eq!((last.detail.as_deref(), last.of.subject.as_deref()), (Some("revoked"), Some("alice")));
    // No login is left that could prove anything.
    let report = rig.auth().verify_trail().wait().unwrap();
    assert_eq!((report.witnesses, report.proved_until), (0, None));
}

#[test]
fn a_login_that_is_replaced_is_told_of_with_its_end() {
    let (rig, session) = Rig::logged_in();
    let old = session.context().unwrap().grant.clone();
    rig.log_in();
    let events = events(&rig);
    let of_old: Vec<_> = events.iter().filter(|event| event.of.grant.as_ref() == Some(&old)).collect();
    assert_eq!(
        of_old.iter().map(|event| event.code).collect::<Vec<_>>(),
        [LoginSucceeded, GrantCreated, Revoked, LoggedOut]
    );
    assert_eq!(of_old[3].detail.as_deref(), Some("replaced by a new login"));
    let report = rig.auth().verify_trail().wait().unwrap();
    assert!(report.is_intact(), "{report:?}");
}

#[test]
fn failures_are_told_with_their_kind_and_once_an_hour() {
    let (rig, session) = Rig::expired();
    rig.server.revoke_everything();
    for _ in 0..3 {
        session.access_token().wait().unwrap_err();
    }
    let failed: Vec<_> = events(&rig).into_iter().filter(|event| event.code == RefreshFailed).collect();
    assert_eq!(failed.len(), 1, "{failed:?}");
    assert_eq!((failed[0].error_kind.as_deref(), failed[0].outcome), (Some("expired"), EventOutcome::Failure));
    assert!(codes(&rig).contains(&Expired));
    // A login that nobody approves.
    let error = rig.auth().login(Login::new(Silent).cancel({
        let cancel = hallpass::clock::Cancel::new();
        cancel.cancel();
        cancel
    }));
    error.wait().unwrap_err();
    assert_eq!(codes(&rig).last(), Some(&LoginCancelled));
}

#[test]
fn a_new_owner_is_sealed_and_told() {
    let (rig, session) = Rig::logged_in();
    let name = session.context().unwrap().name.clone();
    let owner = "service:billing".parse().unwrap();
    let context = rig.auth().change_owner(&name, &owner).wait().unwrap();
    assert_eq!(context.provenance.unwrap().owner, Some(owner.clone()));
    let last = events(&rig).pop().unwrap();
    assert_eq!((last.code, last.of.provenance.owner, last.details.before), (OwnerChanged, Some(owner.clone()), None));
    let changed = rig.auth().change_owner(&name, &"team:core".parse().unwrap()).wait().unwrap();
    assert_eq!(changed.provenance.unwrap().owner.unwrap().to_string(), "team:core");
    assert_eq!(events(&rig).pop().unwrap().details.before.as_deref(), Some("service:billing"));
    assert!(rig.auth().verify_trail().wait().unwrap().is_intact());
    // A login under the same name keeps it.
    let context = rig.log_in().context().unwrap().clone();
    assert_eq!(context.provenance.unwrap().owner.unwrap().to_string(), "team:core");
}

#[test]
fn a_key_that_moves_is_told_of() {
    let rig = Rig::new();
    rig.try_log_in(|config| config.custody.choice = Custody::Only(vec![KeyStoreName::KeyFile])).unwrap();
    let to = KeyStoreName::custom("keys").unwrap();
    let moved = rig.auth().move_keys(MoveKeys::new(Logins::All, to)).wait().unwrap();
    assert!(moved.failed.is_empty(), "{:?}", moved.failed);
    let last = events(&rig).pop().unwrap();
    let (from, to) = (last.details.before.as_deref(), last.details.destination.as_deref());
    assert_eq!((last.code, from, to), (Moved, Some("keyfile"), Some("keys")));
    assert!(rig.auth().verify_trail().wait().unwrap().is_intact());
}

#[test]
fn the_actor_is_the_one_that_the_host_tells() {
    let rig = Rig::new();
    let session = rig.try_log_in(|config| {
        config.actor = Some(hallpass::events::Actor::new(ActorKind::Agent, Some("fix\u{7}er")));
    });
    let actor = session.unwrap().context().unwrap().provenance.clone().unwrap().initiator.unwrap();
    assert_eq!((actor.kind, actor.name.as_deref()), (ActorKind::Agent, Some("fixer")));
    assert_eq!(events(&rig).pop().unwrap().by.actor, actor);
}

#[test]
fn a_token_that_was_used_twice_is_a_finding() {
    let (rig, session) = Rig::expired();
    let reply = r#"{"error":{"code":"refresh_token_reused","message":"used"}}"#;
    rig.server.inject_always(Endpoint::Token, json_body(401, reply));
    session.access_token().wait().unwrap_err();
    assert!(codes(&rig).contains(&ReuseDetected), "{:?}", codes(&rig));
}

#[test]
fn a_record_of_another_machine_is_an_anomaly() {
    let (rig, session) = Rig::logged_in();
    let path = rig.home().join("grants").join(session.context().unwrap().grant.as_str());
    let old = fs::read(&path).unwrap();
    forced(&session).unwrap();
    fs::write(&path, old).unwrap();
    rig.clock.advance(S(3600));
    rig.auth().session().unwrap().access_token().wait().unwrap_err();
    let event = events(&rig).into_iter().find(|event| event.code == Anomaly).expect("an anomaly");
    assert!(event.detail.unwrap().contains("restored from a backup"));
}
