//! A cached access token costs no allocation. Alone in its process, as its allocator counts for all tests.
#![allow(
    clippy::disallowed_methods,
    clippy::unwrap_used,
    reason = "a test plays the parts that the library leaves to its host, and fails by panicking"
)]

use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use hallpass::prompt::Silent;
use hallpass::testing::AuthorizationServer;
use hallpass::{Auth, Login, TokenRequest};

#[test]
fn a_cached_token_allocates_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let server = AuthorizationServer::start().unwrap();
    server.approve_all();
    let auth = Auth::new(server.config(folder.path()).unwrap()).unwrap();
    let session = auth.login(Login::new(Silent)).wait().unwrap();
    session.access_token().wait().unwrap();
    let counted = allocation_counter::measure(|| {
        let mut cx = Context::from_waker(Waker::noop());
        let mut job = session.access_token();
        assert!(matches!(Pin::new(&mut job).poll(&mut cx), Poll::Ready(Ok(_))));
        drop(job);
        assert!(session.access_token().wait().is_ok());
        assert!(session.cached_token(TokenRequest::new()).is_some());
    });
    assert_eq!(counted.count_total, 0, "{counted:?}");
    // It counts at all.
    assert!(allocation_counter::measure(|| drop(session.authorization("GET", server.issuer()).wait())).count_total > 0);
}
