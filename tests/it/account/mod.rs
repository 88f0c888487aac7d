//! Whose login it is.
//!
//! | file | tests |
//! | --- | --- |
//! | `id_token` | the ID token |
//! | `unnamed` | nobody has said whose login it is |
//! | `userinfo` | userinfo, and a user beside the tokens |
//! | `userinfo_refused` | userinfo refuses the token |

mod id_token;
mod unnamed;
mod userinfo;
mod userinfo_refused;

use crate::support::faults::unsigned_jwt;
use crate::support::rig::Rig;
use hallpass::Session;
use hallpass::testing::Fault;
use serde_json::{Value, json};

/// With the claims that an ID token needs, and these in their place.
fn jwt(rig: &Rig, claims: &Value) -> String {
    let mut all = json!({"iss": rig.server.issuer(), "aud": "acme-cli", "sub": "alice", "exp": 4_000_000_000_u64});
    all.as_object_mut().unwrap().extend(claims.as_object().unwrap().clone());
    unsigned_jwt(&all)
}

fn id_token(rig: &Rig, claims: &Value) -> Fault {
    Fault::ReplyField("id_token".into(), jwt(rig, claims).into())
}

fn known_as(session: &Session) -> (Option<String>, String) {
    let account = &session.context().unwrap().account;
    (account.subject.clone(), account.to_string())
}
