//! A server, a clock driven by hand, a home that is gone afterwards, and a key store that does as it is told.

use std::fs::File;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

pub(crate) use crate::support::keys::{Keys, Mood};
use hallpass::clock::Clock as _;
use hallpass::custody::Custody;
use hallpass::prompt::{Prompt, Silent};
pub(crate) use hallpass::testing::ScriptedPrompt;
use hallpass::testing::{AuthorizationServer, Behaviour, Cue, Endpoint, ManualClock, Person};
use hallpass::{Auth, Config, Error, ErrorKind, Job, Login, Remedy, Result, Session, TokenRequest};
use tempfile::TempDir;

pub(crate) const S: fn(u64) -> Duration = Duration::from_secs;

pub(crate) struct Rig {
    pub server: Arc<AuthorizationServer>,
    pub clock: ManualClock,
    pub keys: Arc<Keys>,
    pub folder: TempDir,
}

impl Rig {
    pub(crate) fn new() -> Self {
        Self::with(|_| {})
    }

    pub(crate) fn with(change: impl FnOnce(&mut Behaviour)) -> Self {
        let clock = ManualClock::new();
        let mut behaviour = Behaviour::default();
        behaviour.clock = Arc::new(clock.clone());
        change(&mut behaviour);
        Self {
            server: Arc::new(AuthorizationServer::start_with(behaviour).unwrap()),
            clock,
            keys: Arc::default(),
            folder: tempfile::tempdir().unwrap(),
        }
    }

    /// Alice's login, with a token that is good for an hour.
    pub(crate) fn logged_in() -> (Self, Session) {
        let rig = Self::new();
        let session = rig.log_in();
        (rig, session)
    }

    /// Alice's login, whose token has expired.
    pub(crate) fn expired() -> (Self, Session) {
        let (rig, session) = Self::logged_in();
        rig.clock.advance(S(3600));
        (rig, session)
    }

    pub(crate) fn home(&self) -> PathBuf {
        self.folder.path().join("home")
    }

    pub(crate) fn config(&self) -> Config {
        let mut config = self.server.config(self.folder.path()).unwrap();
        config.state_dir = Some(self.home());
        config.custody.choice = Custody::Custom(self.keys.clone());
        config
    }

    pub(crate) fn auth(&self) -> Auth {
        Auth::new(self.config()).unwrap()
    }

    /// Logs Alice in, who approves at once.
    pub(crate) fn log_in(&self) -> Session {
        self.log_in_as(&Person::default(), None)
    }

    pub(crate) fn log_in_as(&self, person: &Person, context: Option<&str>) -> Session {
        self.server.approve_all_as(person);
        let session = self.auth().login(named(context, Silent)).wait().unwrap();
        self.server.decide_one_by_one();
        self.server.clear_requests();
        session
    }

    /// A login of a changed configuration, approved at once.
    pub(crate) fn try_log_in(&self, change: impl FnOnce(&mut Config)) -> Result<Session> {
        self.server.approve_all();
        let mut config = self.config();
        change(&mut config);
        Auth::new(config)?.login(Login::new(Silent)).wait()
    }

    /// A prompt that approves everything at the wait of this number.
    pub(crate) fn approves_at(&self, wait: usize) -> Arc<dyn Prompt> {
        let server = self.server.clone();
        on_wait(move |count| {
            if count == wait {
                server.pending_user_codes().iter().for_each(|code| assert!(server.approve(code)));
            }
        })
    }

    /// The times of the token requests, as seconds between them, beginning at `start`.
    pub(crate) fn gaps(&self, start: SystemTime) -> Vec<u64> {
        let at = self.server.requests_to(Endpoint::Token).into_iter().map(|seen| seen.at);
        let times: Vec<SystemTime> = std::iter::once(start).chain(at).collect();
        times.windows(2).map(|pair| pair[1].duration_since(pair[0]).unwrap().as_secs()).collect()
    }

    pub(crate) fn request_count(&self, endpoint: Endpoint) -> usize {
        self.server.requests_to(endpoint).len()
    }

    pub(crate) fn now(&self) -> SystemTime {
        self.clock.now()
    }

    /// What lies in the grants' folder, but for lock files and counts of uses.
    pub(crate) fn records(&self) -> Vec<PathBuf> {
        let Ok(folder) = std::fs::read_dir(self.home().join("grants")) else {
            return Vec::new();
        };
        let paths = folder.map(|entry| entry.unwrap().path());
        let mut records: Vec<_> =
            paths.filter(|path| path.extension().is_none_or(|ext| ext != "lock" && ext != "uses")).collect();
        records.sort();
        records
    }

    /// Nobody is logged in, nothing secret is left here, and nothing is alive at the server.
    pub(crate) fn assert_nothing_left(&self, case: &str) {
        assert!(self.records().is_empty(), "{case}: {:?}", self.records());
        assert_eq!(self.keys.count(), 0, "{case}: keys");
        assert_eq!(self.server.live_families(), 0, "{case}: families");
        assert!(self.auth().contexts().unwrap().is_empty(), "{case}: contexts");
        assert_eq!(self.auth().session().unwrap_err().kind(), ErrorKind::NotLoggedIn, "{case}");
    }
}

pub(crate) fn named(context: Option<&str>, prompt: impl Prompt + 'static) -> Login {
    context.into_iter().fold(Login::new(prompt), Login::context)
}

pub(crate) fn bob() -> Person {
    Person::new("bob", "Bob Example", "bob@example.com")
}

pub(crate) fn token(session: &Session) -> String {
    session.access_token().wait().unwrap().expose().to_owned()
}

/// Why a fresh process gets no token.
pub(crate) fn token_error(rig: &Rig) -> Error {
    let token = rig.auth().session().and_then(|session| session.access_token().wait());
    token.map(|token| token.scopes().to_string()).unwrap_err()
}

/// A token that the server is asked for whatever there is.
pub(crate) fn forced(session: &Session) -> Result<String> {
    session.access_token_with(TokenRequest::new().refresh()).wait().map(|token| token.expose().to_owned())
}

/// The lock of the login, as another process holds it.
pub(crate) fn locked(rig: &Rig, session: &Session) -> File {
    let name = format!("{}.lock", session.context().unwrap().grant);
    let lock = File::options().write(true).open(rig.home().join("grants").join(name)).unwrap();
    lock.try_lock().unwrap();
    lock
}

#[track_caller]
pub(crate) fn assert_error(error: &Error, kind: ErrorKind, remedy: Option<&str>, exit_code: u8) {
    crate::support::acme::reads_well(&error.to_string());
    assert_eq!(error.kind(), kind, "{error:?}");
    assert_eq!(error.remedy().map(Remedy::name), remedy, "{error:?}");
    assert_eq!(error.kind().exit_code(), exit_code, "{error:?}");
    let message = error.to_string();
    let full_stop = message.ends_with('.') && !message.ends_with(" .");
    assert!(!message.contains('\n') && !full_stop && !message.is_empty(), "{message:?}");
}

/// A job that is not done yet.
pub(crate) fn begun<T>(mut job: Job<T>) -> Job<T> {
    let mut cx = std::task::Context::from_waker(std::task::Waker::noop());
    assert!(std::pin::Pin::new(&mut job).poll(&mut cx).is_pending());
    job
}

/// Until another thread has done it.
pub(crate) fn until(what: &str, mut done: impl FnMut() -> bool) {
    let begun = Instant::now();
    while !done() {
        assert!(begun.elapsed() < S(20), "{what} did not happen");
        std::thread::yield_now();
    }
}

/// Says that the running test is left out, past the capture of the test harness.
#[cfg(unix)]
pub(crate) fn left_out(need: &str) {
    let test = std::thread::current().name().unwrap_or("?").to_owned();
    let _ =
        std::io::Write::write_all(&mut std::io::stderr(), format!("\n[{test}] LEFT OUT: it needs {need}\n").as_bytes());
}

/// What the test harness calls a test, for one that runs itself again as another process.
pub(crate) fn full_name(module_path: &str, test: &str) -> String {
    let (_, module) = module_path.split_once("::").unwrap();
    format!("{module}::{test}")
}

/// Does something at each wait, told how many there were.
pub(crate) fn on_wait(then: impl Fn(usize) + Send + Sync + 'static) -> Arc<ScriptedPrompt> {
    ScriptedPrompt::new(move |cue| {
        if let Cue::Waits(count, _) = cue {
            then(count);
        }
    })
}
