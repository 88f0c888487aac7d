//! [`AuthorizationServer`]: start, stop, and what a test may ask of it while it runs.

use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, mpsc};
use std::thread::{self, JoinHandle};
use std::{fmt, io};

use tokio::net::{TcpListener, TcpSocket};
use tokio::runtime::Runtime;
use tokio::sync::oneshot;

use super::behaviour::{Behaviour, Person};
use super::connection::{Inner, Shared, accept};
use super::faults::{Fault, Faults};
use super::seen::{Endpoint, SeenRequest};
use super::state::{Counts, Decision, State};
use crate::clock::Clock;
use crate::config::Environment;
use crate::custody::{Custody, MemoryKeyStore};
use crate::{Config, Result};

/// A strict OAuth 2.0 authorization server on a free loopback port, on its own thread. It ends when it is dropped:
/// every socket is closed and the thread joined. All methods take `&self`, so that threads can share it in an `Arc`.
///
/// It serves metadata (RFC 8414, OpenID discovery), device authorization and polling (RFC 8628), refresh with rotation
/// and re-use detection (RFC 6749 §6, RFC 9700 §4.14.2), revocation (RFC 7009), userinfo with RFC 6750 errors, and the
/// verification page.
pub struct AuthorizationServer {
    issuer: String,
    shared: Arc<Shared>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// Start and configuration.
impl AuthorizationServer {
    /// Starts a server with the default [`Behaviour`].
    pub fn start() -> io::Result<Self> {
        Self::start_with(Behaviour::default())
    }

    /// Starts a server. It accepts connections by the time this returns.
    pub fn start_with(behaviour: Behaviour) -> io::Result<Self> {
        let (ready, started) = mpsc::channel();
        let (stop, stopped) = oneshot::channel();
        let thread = thread::Builder::new().name("authorization server".into()).spawn(move || {
            // The runtime is built and dropped on this thread: the caller may be inside another runtime.
            match begin(behaviour) {
                Err(error) => drop(ready.send(Err(error))),
                Ok((runtime, listener, shared)) => {
                    let _ = ready.send(Ok(shared.clone()));
                    runtime.spawn(accept(listener, shared));
                    // Ends when the owner is dropped. The runtime then drops every connection.
                    let _ = runtime.block_on(stopped);
                }
            }
        })?;
        let shared = started.recv().map_err(|_| io::Error::other("the server's thread ended"))??;
        let issuer = shared.lock().state.issuer.clone();
        Ok(Self { issuer, shared, stop: Some(stop), thread: Some(thread) })
    }

    /// Returns the issuer identifier: `http://127.0.0.1:PORT`.
    pub fn issuer(&self) -> &str {
        &self.issuer
    }

    /// Returns the client identifier of the one registered client.
    pub fn client_id(&self) -> String {
        self.lock().state.behaviour.client_id.clone()
    }

    /// Returns the clock of every expiry and interval.
    pub fn clock(&self) -> Arc<dyn Clock> {
        self.lock().state.behaviour.clock.clone()
    }

    /// Returns a configuration of the app `acme` that logs in here and touches nothing else on this machine. Its state folder is `state` in
    /// `folder` (an absolute path), which a login creates. Its clones share one key store in memory. It has the server's clock, and an
    /// empty environment.
    pub fn config(&self, folder: &Path) -> Result<Config> {
        let mut config = Config::new("acme", self.issuer(), &self.client_id())?;
        config.network.allow_loopback_http = true;
        // Not the folder itself, which others may be able to read.
        config.state_dir = Some(folder.join("state"));
        config.custody.choice = Custody::Custom(Arc::new(MemoryKeyStore::new()));
        config.clock = self.clock();
        let variables = std::mem::take(&mut config.environment.variables);
        config.environment = Environment::default();
        config.environment.variables = variables;
        Ok(config)
    }

    /// Changes the behaviour of the running server. The closure runs under the server's lock: let it only set fields.
    pub fn set_behaviour(&self, change: impl FnOnce(&mut Behaviour)) {
        change(&mut self.lock().state.behaviour);
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.shared.lock()
    }
}

/// The person's part. User codes are compared ignoring case and hyphens.
impl AuthorizationServer {
    /// Approves a pending user code as [`Behaviour::person`]; false if there is no such pending code.
    pub fn approve(&self, user_code: &str) -> bool {
        self.approve_as(user_code, &self.person())
    }

    /// Approves a pending user code as this person; false if there is no such pending code.
    pub fn approve_as(&self, user_code: &str, person: &Person) -> bool {
        self.lock().state.decide(user_code, Decision::Approved(person.clone(), None))
    }

    /// Denies a pending user code; false if there is no such pending code.
    pub fn deny(&self, user_code: &str) -> bool {
        self.lock().state.decide(user_code, Decision::Denied)
    }

    /// Standing order: approves every pending user code, and every later one as soon as it is issued, as
    /// [`Behaviour::person`] is now.
    pub fn approve_all(&self) {
        self.approve_all_as(&self.person());
    }

    /// Standing order: as [`approve_all`](Self::approve_all), as this person.
    pub fn approve_all_as(&self, person: &Person) {
        self.lock().state.decide_all(Some(Decision::Approved(person.clone(), None)));
    }

    /// Standing order: denies every pending user code, and every later one as soon as it is issued.
    pub fn deny_all(&self) {
        self.lock().state.decide_all(Some(Decision::Denied));
    }

    /// Cancels the standing order: later user codes wait for [`approve`](Self::approve), [`deny`](Self::deny) or the page.
    pub fn decide_one_by_one(&self) {
        self.lock().state.decide_all(None);
    }

    /// Returns the user codes that nobody has decided and that have not expired, in no order.
    pub fn pending_user_codes(&self) -> Vec<String> {
        self.lock().state.pending_user_codes()
    }

    fn person(&self) -> Person {
        self.lock().state.behaviour.person.clone()
    }
}

/// What was issued.
impl AuthorizationServer {
    /// Ends the family that a refresh token (spent ones too) or an access token belongs to, as an administrator would.
    /// False if there is no such token or its family has ended already.
    pub fn end_family_of(&self, token: &str) -> bool {
        self.lock().state.end_family_of(token)
    }

    /// Ends every family.
    pub fn revoke_everything(&self) {
        self.lock().state.revoke_everything();
    }

    /// Makes every access token issued so far expire now, whatever `expires_in` said. Refresh tokens stay.
    pub fn expire_access_tokens(&self) {
        self.lock().state.expire_access_tokens();
    }

    /// Returns whether userinfo would accept this access token now.
    pub fn is_live_access_token(&self, token: &str) -> bool {
        self.lock().state.is_live_access_token(token)
    }

    /// Returns the org that this access token is for.
    pub fn org_of(&self, access_token: &str) -> Option<String> {
        self.lock().state.org_of(access_token).map(str::to_owned)
    }

    /// Returns whether the token endpoint would accept this refresh token now.
    pub fn is_live_refresh_token(&self, token: &str) -> bool {
        self.lock().state.is_live_refresh_token(token)
    }

    /// Returns how many families have not ended.
    pub fn live_families(&self) -> usize {
        self.counts().live_families
    }

    /// Returns counts of what has happened so far.
    pub fn counts(&self) -> Counts {
        self.lock().state.counts()
    }
}

/// What clients sent, and what goes wrong with it.
impl AuthorizationServer {
    /// Returns every request so far, in the order of arrival, including those that met a fault.
    pub fn requests(&self) -> Vec<SeenRequest> {
        self.lock().requests.clone()
    }

    /// Returns the requests to one endpoint, in the order of arrival.
    pub fn requests_to(&self, endpoint: Endpoint) -> Vec<SeenRequest> {
        self.lock().requests.iter().filter(|request| request.endpoint == endpoint).cloned().collect()
    }

    /// Forgets the requests so far.
    pub fn clear_requests(&self) {
        self.lock().requests.clear();
    }

    /// Queues a fault: each request to the endpoint meets the oldest one in its queue and uses it up.
    pub fn inject(&self, endpoint: Endpoint, fault: Fault) {
        self.lock().faults.push(endpoint, fault);
    }

    /// Sets the fault that meets every request to the endpoint for which none is queued. It replaces the one set before.
    pub fn inject_always(&self, endpoint: Endpoint, fault: Fault) {
        self.lock().faults.always(endpoint, fault);
    }

    /// Removes every fault, queued or standing. A fault that has met its request continues.
    pub fn clear_faults(&self) {
        self.lock().faults = Faults::default();
    }
}

impl Drop for AuthorizationServer {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

impl fmt::Debug for AuthorizationServer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizationServer").field("issuer", &self.issuer).finish_non_exhaustive()
    }
}

fn begin(behaviour: Behaviour) -> io::Result<(Runtime, TcpListener, Arc<Shared>)> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_io().enable_time().build()?;
    let socket = TcpSocket::new_v4()?;
    socket.bind(([127, 0, 0, 1], 0).into())?;
    let listener = {
        let _entered = runtime.enter();
        // Room for a storm of clients that all connect before the first is accepted.
        socket.listen(1024)?
    };
    let issuer = format!("http://{}", listener.local_addr()?);
    let state = State::new(issuer, behaviour);
    let inner = Inner { state, faults: Faults::default(), requests: Vec::new() };
    Ok((runtime, listener, Arc::new(Shared(Mutex::new(inner)))))
}
