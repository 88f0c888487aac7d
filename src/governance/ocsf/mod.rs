//! An event in the terms of OCSF, the Open Cybersecurity Schema Framework: for systems that collect events.
//!
//! Three classes are used: Authentication (3002) where someone or something authenticates, Entity Management (3004) where a credential or the trail is
//! made, read out, changed or ended, and Detection Finding (2004) where something does not fit. Account Change (3001) has no activity for a credential.
//!
//! | file | has |
//! | --- | --- |
//! | `mod` | what every event has, field by field |
//! | `classes` | what only events of one class have |
//! | `table` | each code's class, activity, severity, action and disposition |

mod classes;
mod table;

use serde_json::{Map, Value, json};

use self::classes::milliseconds;
use self::table::{Class, Row, row};
use crate::model::actor::ToldBy;
use crate::model::event::{Details, Event, EventOutcome, Subject};
use crate::model::provenance::{OwnerKind, Provenance};
use crate::model::scopes::Scopes;

/// The version of the schema.
const VERSION: &str = "1.8.0";

/// Where an event stands in its trail.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrailPlace {
    /// The number of its line.
    pub sequence: u64,
    /// The hash of the line before.
    pub previous: String,
    /// The code that the grant's key has made, if it was there.
    pub mac: Option<String>,
}

impl TrailPlace {
    /// Names a place.
    pub fn new(sequence: u64, previous: &str, mac: Option<&str>) -> Self {
        Self { sequence, previous: previous.to_owned(), mac: mac.map(str::to_owned) }
    }
}

impl Event {
    /// Returns the event as one of OCSF 1.8.0, with the profiles `host` and `security_control`. `place`: where it stands in the trail.
    ///
    /// ```
    /// use hallpass::events::Event;
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let line = r#"{"event":"trail_started","id":"x","time":"2026-12-01T12:00:00.000Z","flow":"y","outcome":"success",
    ///     "by":{"actor":{"kind":"automation","told_by":"nothing"},"os_user":"ada","host":"laptop","pid":7,"program":"acme",
    ///           "app":"acme","hallpass":"0.1.0"},"of":{}}"#;
    /// let event: Event = serde_json::from_str(line)?;
    /// assert_eq!(event.to_ocsf(None)["type_uid"], 300_401);
    /// # Ok(()) }
    /// ```
    pub fn to_ocsf(&self, place: Option<&TrailPlace>) -> Value {
        let Row { class, activity, severity, control } = row(self.code);
        let class_uid = class as u32;
        let mut event = json!({
            "activity_id": activity,
            "category_uid": class_uid / 1000,
            "class_uid": class_uid,
            "type_uid": class_uid * 100 + activity,
            "severity_id": severity,
            "time": milliseconds(self.time),
            "timezone_offset": 0,
            "message": self.message(),
            "status_code": self.error_kind,
            "status_detail": self.detail,
            "metadata": self.metadata(place),
            "actor": self.actor(),
            "device": {
                "type_id": 0,
                "hostname": self.by.host,
                // A device needs a name.
                "name": self.by.host.is_empty().then_some("unknown"),
                "os": { "name": std::env::consts::OS, "type_id": os_type() },
            },
        });
        let (status_id, status) = self.status(class);
        event["status_id"] = json!(status_id);
        event["status"] = json!(status);
        // A deed that failed was neither allowed nor refused here.
        if self.outcome == EventOutcome::Success || class == Class::DetectionFinding {
            event["action_id"] = json!(control.action);
            event["disposition_id"] = json!(control.disposition);
        }
        let of_class = match class {
            Class::Authentication => self.authentication(),
            Class::EntityManagement => self.entity_management(),
            Class::DetectionFinding => self.detection_finding(),
        };
        if let (Some(event), Value::Object(of_class)) = (event.as_object_mut(), of_class) {
            event.extend(of_class);
        }
        without_unknown(event).unwrap_or_default()
    }

    fn message(&self) -> String {
        let of = self.of.context.as_ref().map(|name| format!(" of {name}")).unwrap_or_default();
        let by = format!(" by {} ({})", self.by.os_user, self.by.actor);
        format!("{}{of}{by}", self.code.name())
    }

    /// In a finding the words differ: 1 is "New".
    fn status(&self, class: Class) -> (u32, &'static str) {
        match self.outcome {
            _ if class == Class::DetectionFinding => (1, "New"),
            EventOutcome::Success => (1, "Success"),
            EventOutcome::Failure => (2, "Failure"),
            EventOutcome::Cancelled => (99, "Cancelled"),
            EventOutcome::Interrupted => (99, "Interrupted"),
        }
    }

    fn metadata(&self, place: Option<&TrailPlace>) -> Value {
        json!({
            "version": VERSION,
            "product": {
                "name": self.by.app,
                "vendor_name": self.by.app,
                "version": self.by.app_version,
                "feature": { "name": "hallpass", "version": self.by.hallpass },
            },
            "profiles": ["host", "security_control"],
            "uid": self.id,
            "sequence": place.map(|place| place.sequence),
            "correlation_uid": self.flow,
            "event_code": self.code.name(),
            "log_name": "trail.jsonl",
            "original_time": json!(self)["time"],
            "tenant_uid": self.of.org,
            "tags": self.tags(place),
        })
    }

    /// What the schema has no field for.
    fn tags(&self, place: Option<&TrailPlace>) -> Value {
        // All members are named, so that one that is added later is not forgotten here.
        let Subject { issuer, client_id: _, subject, account, org: _, context, grant, key_store, provenance } =
            &self.of;
        let Provenance { kind, environment, owner, template, ticket, reason, initiator, approver } = provenance;
        let Details {
            scopes_asked,
            scopes_granted,
            resource,
            lifetime_asked,
            lifetime_granted,
            destination,
            count,
            generation,
            credential,
            before,
        } = &self.details;
        let owned = |kind| owner.as_ref().filter(|owner| owner.kind == kind).map(|owner| owner.name.clone());
        let text = |scopes: &Option<Scopes>| scopes.as_ref().map(Scopes::to_string);
        let digits = |number: &Option<u64>| number.map(|number| number.to_string());
        let tags = [
            ("actor_kind", Some(self.by.actor.kind.name().to_owned())),
            ("actor_name", self.by.actor.name.clone()),
            ("actor_told_by", Some(told_by(&self.by.actor.told_by))),
            // A process of the schema needs its id.
            ("parent", self.by.parent.clone().filter(|_| self.by.parent_pid.is_none())),
            ("context", context.as_ref().map(ToString::to_string)),
            ("kind", grant.as_ref().map(|_| kind.name().to_owned())),
            ("environment", environment.as_ref().map(ToString::to_string)),
            ("person", owned(OwnerKind::Person)),
            ("team", owned(OwnerKind::Team)),
            ("repo", owned(OwnerKind::Repo)),
            ("service", owned(OwnerKind::Service)),
            ("template", template.clone()),
            ("ticket", ticket.clone()),
            ("reason", reason.clone()),
            ("initiator", initiator.as_ref().map(ToString::to_string)),
            ("initiator_told_by", initiator.as_ref().map(|initiator| told_by(&initiator.told_by))),
            ("approver", approver.clone()),
            ("custody", key_store.as_ref().map(ToString::to_string)),
            ("scopes", text(scopes_granted)),
            ("scopes_asked", text(scopes_asked)),
            ("resource", resource.as_ref().map(ToString::to_string)),
            ("lifetime", digits(lifetime_granted)),
            ("lifetime_asked", digits(lifetime_asked)),
            ("destination", destination.clone()),
            ("before", before.clone()),
            ("generation", digits(generation)),
            ("count", digits(count)),
            ("fingerprint", credential.clone()),
            ("issuer", issuer.as_ref().map(ToString::to_string)),
            ("account", account.clone()),
            // RFC 9493 §3.2.3, for whoever acts on it.
            ("iss_sub", issuer.as_ref().zip(subject.as_ref()).map(|(issuer, subject)| format!("{issuer} {subject}"))),
            ("prev", place.map(|place| place.previous.clone())),
            ("mac", place.and_then(|place| place.mac.clone())),
        ];
        let known = tags.into_iter().filter_map(|(name, value)| Some((name, value.filter(|value| !value.is_empty())?)));
        known.map(|(name, value)| json!({ "name": format!("hallpass.{name}"), "value": value })).collect()
    }

    /// Names only: a command line holds secrets.
    fn actor(&self) -> Value {
        json!({
            "app_name": self.by.app,
            "app_uid": self.of.client_id,
            "user": (!self.by.os_user.is_empty()).then(|| json!({ "name": self.by.os_user, "type_id": 1 })),
            "process": {
                "pid": self.by.pid,
                "name": self.by.program,
                "parent_process": self.by.parent_pid.map(|pid| json!({ "pid": pid, "name": self.by.parent })),
            },
        })
    }
}

fn told_by(told_by: &ToldBy) -> String {
    match told_by {
        ToldBy::Host => "host".into(),
        ToldBy::Variable(name) => format!("variable {name}"),
        ToldBy::Terminal => "terminal".into(),
        ToldBy::Ancestor(name) => format!("ancestor {name}"),
        ToldBy::Nothing => "nothing".into(),
    }
}

fn os_type() -> u32 {
    match std::env::consts::OS {
        "windows" => 100,
        "linux" => 200,
        "macos" => 300,
        _ => 0,
    }
}

/// Removes members that are unknown, and what is empty without them: the schema has no null, and an empty name says nothing.
fn without_unknown(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::String(text) if text.is_empty() => None,
        Value::Object(members) => {
            let known: Map<_, _> =
                members.into_iter().filter_map(|(name, value)| Some((name, without_unknown(value)?))).collect();
            (!known.is_empty()).then_some(Value::Object(known))
        }
        value => Some(value),
    }
}
