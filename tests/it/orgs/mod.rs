//! Orgs: what a token speaks for inside an account.
//!
//! | file | tests |
//! | --- | --- |
//! | `contexts` | contexts of orgs |
//! | `refused` | an org or a scope is refused |
//! | `tokens` | which org a token speaks for (law 9) |

mod contexts;
mod refused;
mod tokens;

use crate::support::rig::{Rig, token};
use hallpass::config::Orgs;
use hallpass::prompt::Silent;
use hallpass::testing::{Behaviour, Person};
use hallpass::{Auth, Error, ErrorKind, Login, Result, Selector, Session};

const PARAMETER: &str = "organization_id";

fn alice() -> Person {
    Person::default().in_orgs(&["acme", "globex", "initech"])
}

fn rig() -> Rig {
    with(|_| {})
}

fn with(change: impl FnOnce(&mut Behaviour)) -> Rig {
    let rig = Rig::with(|behaviour| {
        behaviour.org_parameter = Some(PARAMETER.into());
        change(behaviour);
    });
    rig.server.approve_all_as(&alice());
    rig
}

fn auth(rig: &Rig, by: &Orgs) -> Auth {
    let mut config = rig.config();
    config.orgs.selection = by.clone();
    Auth::new(config).unwrap()
}

fn log_in(auth: &Auth, org: Option<&str>) -> Result<Session> {
    auth.login(org.into_iter().fold(Login::new(Silent), Login::org)).wait()
}

fn in_org(auth: &Auth, org: &str) -> Result<Session> {
    let mut select = Selector::default();
    select.org = Some(org.parse().unwrap());
    auth.session_for(&select)
}

fn by_refresh() -> Orgs {
    Orgs::ByRefresh(PARAMETER.into())
}

fn by_exchange() -> Orgs {
    Orgs::ByExchange(PARAMETER.into())
}

/// Of whose org the token of this session is, as the server has it.
#[track_caller]
fn speaks_for(rig: &Rig, session: &Session) -> Option<String> {
    rig.server.org_of(&token(session))
}

#[track_caller]
fn assert_refused(error: &Error) {
    assert_eq!(error.kind(), ErrorKind::Denied, "{error:?}");
    assert!(error.to_string().contains("umbrella"), "{error}");
}
