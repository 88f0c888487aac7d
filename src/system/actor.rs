//! stub
use crate::model::actor::{Actor, ActorKind, ToldBy};
use crate::system::environment::Environment;
pub(crate) fn actor(_e: &Environment, told: Option<&Actor>) -> Actor {
    told.cloned().unwrap_or(Actor { kind: ActorKind::Automation, name: None, told_by: ToldBy::Nothing })
}
pub(crate) fn os_user() -> String {
    "user".into()
}
pub(crate) fn host_name() -> String {
    "host".into()
}
pub(crate) fn program_name() -> String {
    "acme".into()
}
