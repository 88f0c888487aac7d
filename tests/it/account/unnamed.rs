//! Logins of which the server has not said whose they are.

use hallpass::testing::{Endpoint, Fault, Person};
use hallpass::{ErrorKind, Session};
use serde_json::json;

use super::{id_token, known_as};
use crate::support::rig::{Rig, forced, token};

#[test]
fn an_account_that_the_server_cannot_name_is_still_logged_in() {
    let rig = Rig::with(|behaviour| (behaviour.id_token, behaviour.userinfo) = (false, false));
    let (first, second) = (rig.log_in(), rig.log_in());
    assert_eq!(first.context().unwrap().account.subject, None);
    assert_eq!(first.context().unwrap().account.to_string(), "an account without a name");
    assert_eq!(first.context().unwrap().name.as_str(), "default");
    // Two of them may be two persons.
    assert_eq!(second.context().unwrap().name.as_str(), "default-2");
    assert_ne!(token(&first), token(&second));
}

#[test]
fn an_unnamed_login_keeps_the_subject_that_it_learns() {
    let is_refused = |session: &Session| {
        let error = forced(session).unwrap_err();
        assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains("another identity"), "{error:?}");
    };
    for also in [json!({}), json!({"groups": "x".repeat(20_000)})] {
        let (rig, session) = unnamed();
        rig.server.inject(Endpoint::Token, id_token(&rig, &also));
        assert!(forced(&session).is_ok());
        assert!(forced(&session).is_ok(), "no word of it is no word of another");
        rig.server.inject(Endpoint::Token, id_token(&rig, &json!({"sub": "mallory"})));
        is_refused(&session);
        assert_eq!(session.userinfo().wait().unwrap().account.subject.as_deref(), Some("alice"));
    }
    let (rig, session) = unnamed();
    let user = |id: &str| Fault::ReplyField("user".into(), json!({"id": id}));
    rig.server.inject(Endpoint::Token, user("alice"));
    assert!(forced(&session).is_ok());
    assert!(forced(&session).is_ok(), "no word of it is no word of another");
    rig.server.inject(Endpoint::Token, user("mallory"));
    is_refused(&session);
}

/// A login of which nobody has said whose it is.
fn unnamed() -> (Rig, Session) {
    let rig = Rig::with(|behaviour| (behaviour.id_token, behaviour.userinfo) = (false, false));
    let session = rig.log_in_as(&Person::default().in_orgs(&["acme", "globex"]), None);
    assert_eq!(known_as(&session).0, None);
    (rig, session)
}

#[test]
fn an_unnamed_login_learns_from_a_reply_for_another_org() {
    let (rig, session) = unnamed();
    let mut config = rig.config();
    config.orgs.selection = hallpass::config::Orgs::ByRefresh("organization_id".into());
    let mut select = hallpass::Selector::default();
    select.org = Some("acme".parse().unwrap());
    rig.server.set_behaviour(|behaviour| behaviour.org_parameter = Some("organization_id".into()));
    let acme = hallpass::Auth::new(config).unwrap().session_for(&select).unwrap();
    rig.server.inject(Endpoint::Token, id_token(&rig, &json!({"org_id": "globex"})));
    assert!(forced(&acme).unwrap_err().to_string().contains("organisation"));
    rig.server.inject(Endpoint::Token, id_token(&rig, &json!({"sub": "mallory"})));
    assert!(forced(&session).unwrap_err().to_string().contains("another identity"));
}

#[test]
fn userinfo_of_another_than_the_learned_subject_is_refused() {
    let rig = Rig::with(|behaviour| behaviour.id_token = false);
    rig.server.inject_always(Endpoint::UserInfo, Fault::status(403));
    let session = rig.try_log_in(|_| {}).unwrap();
    rig.server.clear_faults();
    rig.server.inject(Endpoint::Token, id_token(&rig, &json!({})));
    assert!(forced(&session).is_ok());
    rig.server.inject(Endpoint::UserInfo, Fault::ReplyField("sub".into(), "mallory".into()));
    let error = session.userinfo().wait().unwrap_err();
    assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains("another subject"), "{error:?}");
    assert_eq!(session.userinfo().wait().unwrap().account.subject.as_deref(), Some("alice"));
}
