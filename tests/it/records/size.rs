//! Records do not grow without end.

use std::fs;

use hallpass::Auth;
use hallpass::custody::Custody;
use hallpass::testing::{Endpoint, Fault};

use crate::support::rig::Rig;

#[test]
fn old_tokens_are_dropped_from_a_record() {
    let rig = Rig::new();
    rig.log_in();
    let mut lengths = Vec::new();
    for resource in 0..40 {
        let mut config = rig.config();
        config.custody.choice = Custody::Custom(rig.keys.clone());
        config.resource = Some(format!("https://r{resource}.example/").parse().unwrap());
        Auth::new(config).unwrap().session().unwrap().access_token().wait().unwrap();
        lengths.push(fs::metadata(&rig.records()[0]).unwrap().len());
    }
    assert!(lengths[39] <= lengths[33] + 64, "{lengths:?}");
    assert!(lengths[10] > lengths[5]);
}

#[test]
fn huge_replies_do_not_make_a_record_unreadable() {
    let rig = Rig::new();
    rig.log_in();
    for resource in 0..8 {
        let mut config = rig.config();
        config.resource = Some(format!("https://r{resource}.example/").parse().unwrap());
        let scope = (0..90_000).map(|n| format!("scope{n}")).collect::<Vec<_>>().join(" ");
        rig.server.inject(Endpoint::Token, Fault::ReplyField("scope".into(), scope.into()));
        let token = Auth::new(config).unwrap().session().unwrap().access_token().wait().unwrap();
        assert!(token.scopes().to_string().len() <= 8192);
    }
    assert_eq!(rig.server.counts().reuses, 0);
}
