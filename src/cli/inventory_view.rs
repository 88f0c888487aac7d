//! How several commands show the inventory: as JSON, and in words.

use std::time::SystemTime;

use serde_json::{Value, json};

use super::context_view::{context_json, relative};
use crate::Auth;
use crate::clock::rfc3339;
use crate::config::RevocationReach;
use crate::contexts::{InventoryItem, InventoryWarning};

/// The exit code if something should be done about a login.
pub(super) const DUE: u8 = 7;

/// Returns a login of the inventory: what `status` says of it, and what an auditor asks.
pub(super) fn item_json(auth: &Auth, item: &InventoryItem) -> Value {
    let mut object = context_json(auth, &item.context);
    let provenance = item.context.provenance.as_ref();
    let more = json!({
        "template": provenance.and_then(|own| own.template.clone()),
        "ticket": provenance.and_then(|own| own.ticket.clone()),
        "reason": provenance.and_then(|own| own.reason.clone()),
        "initiator": provenance.and_then(|own| own.initiator.clone()),
        "approver": provenance.and_then(|own| own.approver.clone()),
        "refreshed": item.refreshed,
        "exported": item.exported,
        "reach": reach(item.reach),
        "readable_by": item.protection.as_ref().map(|protection| protection.readable_by.clone()),
        "due": item.warnings.iter().map(warning_json).collect::<Vec<_>>(),
    });
    if let (Some(object), Value::Object(more)) = (object.as_object_mut(), more) {
        object.extend(more);
    }
    object
}

/// Returns why a login is due, for a program.
pub(super) fn warning_json(warning: &InventoryWarning) -> Value {
    let mut object = json!({ "finding": warning.name() });
    match warning {
        InventoryWarning::EndsSoon(at) => object["at"] = json!(rfc3339(*at)),
        InventoryWarning::Old { days } | InventoryWarning::Idle { days } => object["days"] = json!(days),
        _ => {}
    }
    object
}

/// Returns why a login is due, for a person.
pub(super) fn warning_text(warning: &InventoryWarning, now: SystemTime) -> String {
    match warning {
        InventoryWarning::Ended => "it has ended: log in again".into(),
        InventoryWarning::EndsSoon(at) => format!("it ends {}: log in again before", relative(*at, now)),
        InventoryWarning::Old { days } => format!("{days} days old: log in again"),
        InventoryWarning::Idle { days } => format!("unused for {days} days: log out if nobody needs it"),
        InventoryWarning::WeakKeyStore => "its key rests in a file beside it".into(),
        InventoryWarning::NoOwner => "nobody answers for it".into(),
    }
}

fn reach(reach: RevocationReach) -> &'static str {
    match reach {
        RevocationReach::Token => "token",
        RevocationReach::Family => "family",
        RevocationReach::Account => "account",
    }
}
