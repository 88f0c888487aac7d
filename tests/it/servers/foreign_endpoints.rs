//! A sealed endpoint off the issuer's origin gets no secret until the host or the issuer's metadata confirms it (law 16).

use std::sync::Arc;

use hallpass::contexts::Logout;
use hallpass::prompt::Silent;
use hallpass::secret::Secret;
use hallpass::testing::{AuthorizationServer, Behaviour, Endpoint, Fault};
use hallpass::{Auth, Config, ErrorKind, Login};
use url::Url;

use crate::support::rig::{Rig, S, assert_error, bob, named, token};

/// The author's server, and a state folder that they have sealed: with the real issuer, and with endpoints of their own.
struct Planted {
    rig: Rig,
    theirs: AuthorizationServer,
}

impl Planted {
    fn new() -> Self {
        let rig = Rig::with(|behaviour| behaviour.client_secret = Some("s3cret-of-the-tool".into()));
        let mut behaviour = Behaviour::default();
        (behaviour.clock, behaviour.id_token) = (Arc::new(rig.clock.clone()), false);
        behaviour.client_secret = Some("s3cret-of-the-tool".into());
        let theirs = AuthorizationServer::start_with(behaviour).unwrap();
        theirs.approve_all_as(&bob());
        let planted = Self { rig, theirs };
        let auth = Auth::new(planted.by_hand()).unwrap();
        auth.login(Login::new(Silent)).wait().unwrap();
        planted.rig.clock.advance(S(3600));
        planted.theirs.clear_requests();
        planted
    }

    /// As the host is configured.
    fn config(&self) -> Config {
        let mut config = self.rig.config();
        config.client_secret = Some(Arc::new(Secret::new("s3cret-of-the-tool".into())));
        config
    }

    /// As the author configures it.
    fn by_hand(&self) -> Config {
        let mut config = self.config();
        config.endpoints.device_authorization = self.at("/device_authorization");
        config.endpoints.token = self.at("/token");
        config.endpoints.revocation = self.at("/revoke");
        config
    }

    fn at(&self, path: &str) -> Option<Url> {
        Some(Url::parse(&format!("{}{path}", self.theirs.issuer())).unwrap())
    }
}

#[test]
fn an_endpoint_off_the_issuer_gets_no_secret() {
    let planted = Planted::new();
    let auth = Auth::new(planted.config()).unwrap();
    for (error, remedy) in [
        (auth.session().unwrap().access_token().wait().unwrap_err(), "log_in"),
        (auth.logout(Logout::default()).wait().unwrap_err(), "forget_locally"),
    ] {
        assert_error(&error, ErrorKind::Config, Some(remedy), 2);
        assert!(error.to_string().contains("nothing was sent"), "{error}");
    }
    assert!(planted.theirs.requests().is_empty());
    // A new login in its place does not end the old one over there.
    planted.rig.server.approve_all();
    auth.login(named(Some("default"), Silent).replace()).wait().unwrap();
    assert!(planted.theirs.requests().is_empty());
}

#[test]
fn an_endpoint_off_the_issuer_is_confirmed_by_the_host() {
    let planted = Planted::new();
    token(&Auth::new(planted.by_hand()).unwrap().session().unwrap());
    assert!(planted.rig.server.requests().is_empty(), "nobody else was asked");
    assert_eq!(planted.theirs.requests_to(Endpoint::Token).len(), 1);
}

#[test]
fn an_endpoint_off_the_issuer_is_confirmed_by_metadata_once() {
    let planted = Planted::new();
    let names = planted.at("/token").unwrap().to_string();
    planted.rig.server.inject_always(Endpoint::Metadata, Fault::ReplyField("token_endpoint".into(), names.into()));
    let session = Auth::new(planted.config()).unwrap().session().unwrap();
    token(&session);
    planted.rig.clock.advance(S(3600));
    token(&session);
    assert_eq!(planted.rig.request_count(Endpoint::Metadata), 1);
    assert_eq!(planted.theirs.requests_to(Endpoint::Token).len(), 2);
}

#[test]
fn userinfo_off_the_issuer_gets_no_token() {
    let (rig, theirs) = (Rig::new(), AuthorizationServer::start_with(Behaviour::default()).unwrap());
    let address = format!("{}/userinfo", theirs.issuer());
    rig.server.inject(Endpoint::Metadata, Fault::ReplyField("userinfo_endpoint".into(), address.into()));
    let session = rig.log_in();
    theirs.clear_requests();
    assert_error(&session.userinfo().wait().unwrap_err(), ErrorKind::Config, Some("log_in"), 2);
    assert!(theirs.requests().is_empty());
}

#[test]
fn metadata_that_is_away_confirms_nothing() {
    let planted = Planted::new();
    planted.rig.server.inject_always(Endpoint::Metadata, Fault::status(503));
    let error = Auth::new(planted.config()).unwrap().session().unwrap().access_token().wait().unwrap_err();
    assert_error(&error, ErrorKind::Unreachable, Some("retry"), 5);
    assert!(planted.theirs.requests().is_empty());
}
