//! Scopes and resources of one token: fewer scopes than the login has, and what a reply says of them.

use hallpass::testing::{Endpoint, Fault};
use hallpass::{ErrorKind, TokenRequest};

use crate::support::rig::{Rig, token};

#[test]
fn fewer_scopes_and_another_resource_have_their_own_tokens() {
    let (rig, session) = Rig::logged_in();
    let usual = token(&session);
    let ask = |scopes: Option<&str>, resource: Option<&str>| {
        let request = TokenRequest::new();
        let request = scopes.into_iter().fold(request, |request, scopes| request.scopes(scopes.parse().unwrap()));
        let request = resource.into_iter().fold(request, |request, own| request.resource(own.parse().unwrap()));
        session.access_token_with(request).wait()
    };
    let narrow = ask(Some("openid"), None).unwrap();
    assert_eq!(narrow.scopes().to_string(), "openid");
    let other = ask(None, Some("https://api.example.com/")).unwrap();
    // Each is kept: none is asked for again.
    assert_eq!(ask(Some("openid"), None).unwrap().expose(), narrow.expose());
    assert_eq!(ask(None, Some("https://api.example.com/")).unwrap().expose(), other.expose());
    assert_eq!(token(&session), usual);
    let sent: Vec<_> = rig
        .server
        .requests_to(Endpoint::Token)
        .iter()
        .map(|request| (request.parameter("scope").map(String::from), request.parameter("resource").map(String::from)))
        .collect();
    assert_eq!(sent, [(Some("openid".into()), None), (None, Some("https://api.example.com/".into()))]);

    // A server that gives less than was asked for is not asked again for that.
    rig.server.inject(Endpoint::Token, Fault::ReplyField("scope".into(), "openid".into()));
    let less = ask(Some("openid email"), None).unwrap();
    assert_eq!(less.scopes().to_string(), "openid");
    assert_eq!(ask(Some("openid email"), None).unwrap().expose(), less.expose());

    let more = ask(Some("openid admin"), None).unwrap_err();
    assert_eq!(more.kind(), ErrorKind::Config);
    assert!(more.to_string().contains("the scope admin"), "{more}");
    assert_eq!(rig.request_count(Endpoint::Token), 3);
}

#[test]
fn a_refusal_of_fewer_scopes_does_not_end_the_login() {
    let (rig, session) = Rig::expired();
    rig.server.inject(Endpoint::Token, Fault::error(400, "consent_required"));
    let narrow = TokenRequest::new().scopes("openid".parse().unwrap());
    session.access_token_with(narrow).wait().unwrap_err();
    assert!(!rig.auth().contexts().unwrap()[0].has_ended);
    token(&rig.auth().session().unwrap());
}

#[test]
fn the_scopes_of_a_token_are_those_of_its_reply() {
    let (rig, session) = Rig::logged_in();
    rig.server.inject(Endpoint::Token, Fault::NarrowerScope("openid".into()));
    rig.server.inject(Endpoint::Token, Fault::WiderScope("admin".into()));
    let request = TokenRequest::new().refresh();
    let scopes = || session.access_token_with(request.clone()).wait().unwrap().scopes().to_string();
    assert_eq!(scopes(), "openid");
    assert_eq!(scopes(), "openid offline_access email admin");
    assert_eq!(scopes(), "openid offline_access email");
    assert_eq!(rig.auth().contexts().unwrap()[0].scopes.to_string(), "openid offline_access email");
}
