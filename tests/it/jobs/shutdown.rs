//! The end of a process. Real processes are in `tests/processes/signals`.

use std::time::Duration;

use hallpass::Auth;
use hallpass::testing::{Endpoint, Fault};

use crate::support::rig::{Rig, S, until};

#[test]
fn shutdown_all_waits_for_the_job_of_any_auth() {
    let (rig, session) = Rig::expired();
    rig.server.inject(Endpoint::Token, Fault::DelayReply(Duration::from_millis(150)));
    let auth = rig.auth();
    let refresh = auth.session().unwrap().access_token();
    until("the rotation", || rig.server.counts().rotations == 1);
    drop(refresh);
    assert!(!Auth::shutdown_all(S(0)) && !auth.shutdown(S(0)), "it is still under way");
    assert!(rig.auth().shutdown(S(0)), "another one has no job");
    // Other tests of this process have jobs too, so what is looked at is the token.
    until("the end of all jobs", || Auth::shutdown_all(S(5)) || auth.shutdown(S(0)));
    rig.server.clear_requests();
    assert!(session.access_token().wait().is_ok());
    assert_eq!(rig.server.requests(), [], "the rotated token is on disk");
}
