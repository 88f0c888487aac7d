//! An event in the terms of OCSF, the Open Cybersecurity Schema Framework: for systems that collect events.
//!
//! Three classes are used: Authentication (3002) where someone or something authenticates, Entity Management (3004) where a credential or the trail is
//! made, read out, changed or ended, and Detection Finding (2004) where something does not fit. Account Change (3001) has no activity for a credential.
//!
//! | file | has |
//! | --- | --- |
//! | `mod` | an event, field by field |
//! | `table` | each code's class, activity, severity, action and disposition |

mod table;

use serde_json::{Map, Value, json};

use self::table::{Class, Row, row};
use crate::model::event::{Event, EventCode, EventOutcome, Subject};
use crate::model::provenance::CredentialKind;
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
                "os": { "name": std::env::consts::OS, "type_id": os_type() },
            },
        });
        let (status_id, status) = self.status(class);
        event["status_id"] = json!(status_id);
        event["status"] = json!(status);
        if let Some((action, disposition)) =
            control.filter(|_| self.outcome == EventOutcome::Success || class == Class::DetectionFinding)
        {
            event["action_id"] = json!(action);
            event["disposition_id"] = json!(disposition);
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
        let Subject { context, key_store, provenance, issuer, subject, .. } = &self.of;
        let owner = provenance.owner.as_ref();
        let owned = |kind: &str| owner.filter(|owner| owner.kind.name() == kind).map(|owner| owner.name.clone());
        let text = |scopes: &Option<Scopes>| scopes.as_ref().map(Scopes::to_string);
        let tags = [
            ("actor_kind", Some(self.by.actor.kind.name().to_owned())),
            ("actor_name", self.by.actor.name.clone()),
            ("context", context.as_ref().map(ToString::to_string)),
            ("kind", self.of.grant.as_ref().map(|_| provenance.kind.name().to_owned())),
            ("environment", provenance.environment.as_ref().map(ToString::to_string)),
            ("person", owned("person")),
            ("team", owned("team")),
            ("repo", owned("repo")),
            ("service", owned("service")),
            ("template", provenance.template.clone()),
            ("ticket", provenance.ticket.clone()),
            ("reason", provenance.reason.clone()),
            ("initiator", provenance.initiator.as_ref().map(ToString::to_string)),
            ("approver", provenance.approver.clone()),
            ("custody", key_store.as_ref().map(ToString::to_string)),
            ("scopes", text(&self.details.scopes_granted)),
            ("scopes_asked", text(&self.details.scopes_asked)),
            ("resource", self.details.resource.as_ref().map(ToString::to_string)),
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
            "user": { "name": self.by.os_user, "type_id": 1 },
            "process": {
                "pid": self.by.pid,
                "name": self.by.program,
                "parent_process": self.by.parent_pid.map(|pid| json!({ "pid": pid, "name": self.by.parent })),
            },
        })
    }

    fn authentication(&self) -> Value {
        let Subject { issuer, subject, account, org, grant, provenance, .. } = &self.of;
        let user = match subject.as_ref().or(account.as_ref()) {
            Some(_) => json!({
                "uid": subject,
                "name": account,
                "type_id": if provenance.kind == CredentialKind::Person { 1 } else { 4 },
                "org": org.as_ref().map(|org| json!({ "uid": org, "name": org })),
            }),
            None => json!({ "name": "unknown", "type_id": 0 }),
        };
        let host = issuer.as_ref().and_then(|issuer| issuer.url().host_str().map(str::to_owned));
        let port = issuer.as_ref().and_then(|issuer| issuer.url().port_or_known_default());
        let expires_at = self.details.lifetime_granted.map(|seconds| milliseconds(self.time) + seconds * 1000);
        let is_login = self.code == EventCode::LoginSucceeded;
        json!({
            "user": user,
            "service": {
                "name": host.as_deref().unwrap_or("unknown"),
                "uid": issuer,
            },
            "dst_endpoint": host.as_ref().map(|host| json!({ "hostname": host, "port": port })),
            "src_endpoint": { "hostname": self.by.host },
            "auth_protocol_id": if is_login && provenance.approver.is_some() { 4 } else { 6 },
            "auth_protocol": if is_login && provenance.approver.is_some() { "OpenID" } else { "OAUTH 2.0" },
            "logon_type_id": 2,
            "is_remote": true,
            "is_new_logon": is_login.then_some(true),
            "account_switch_type_id": (self.code == EventCode::OrgSwitched).then_some(99),
            "account_switch_type": (self.code == EventCode::OrgSwitched).then_some("Organization"),
            "session": grant.as_ref().map(|grant| json!({
                "uid": grant,
                "credential_uid": self.details.credential,
                "issuer": issuer,
                "expiration_reason": (self.code == EventCode::Expired).then(|| self.detail.clone().unwrap_or_else(|| "expired".into())),
            })),
            "authentication_token": self.details.credential.as_ref().map(|credential| json!({
                "type_id": 99,
                "type": "Access Token",
                "created_time": milliseconds(self.time),
                "expiration_time": expires_at,
                "uid": credential,
            })),
        })
    }

    fn entity_management(&self) -> Value {
        let is_of_the_trail =
            matches!(self.code, EventCode::TrailStarted | EventCode::TrailRotated | EventCode::TrailGap);
        let Subject { context, grant, key_store, provenance, .. } = &self.of;
        let owner = provenance.owner.as_ref().map(|owner| json!({ owner.kind.name(): owner.name }));
        let data = json!({
            "fingerprint": self.details.credential,
            "custody": key_store,
            "scopes": self.details.scopes_granted,
            "resource": self.details.resource,
            "environment": provenance.environment,
            "owner": owner,
            "destination": self.details.destination,
            "before": self.details.before,
            "generation": self.details.generation,
            "count": self.details.count,
            "lifetime": self.details.lifetime_granted,
        });
        json!({
            "entity": {
                "uid": grant,
                "name": match context {
                    Some(name) => name.as_str(),
                    None if is_of_the_trail => "trail.jsonl",
                    None => "unknown",
                },
                "type_id": 99,
                "type": if is_of_the_trail { "event trail" } else { type_of(provenance.kind) },
                "data": data,
            },
            "src_endpoint": { "hostname": self.by.host },
            "comment": provenance.reason,
        })
    }

    fn detection_finding(&self) -> Value {
        let title = if self.code == EventCode::ReuseDetected {
            "A refresh token was used twice"
        } else {
            "A login does not fit"
        };
        json!({
            "finding_info": {
                "uid": self.id,
                "title": title,
                "desc": self.detail,
                "created_time": milliseconds(self.time),
                "types": [self.code.name()],
            },
            "is_alert": true,
            "confidence_id": 3,
            "resources": self.of.grant.as_ref().map(|grant| json!([{
                "uid": grant,
                "type": type_of(self.of.provenance.kind),
                "name": self.of.context,
            }])),
        })
    }
}

fn type_of(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Person | CredentialKind::Service | CredentialKind::Workload => "OAuth grant",
        CredentialKind::ApiKey => "API key",
        CredentialKind::EnvironmentToken => "environment token",
    }
}

fn milliseconds(time: std::time::SystemTime) -> u64 {
    time.duration_since(std::time::UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

fn os_type() -> u32 {
    match std::env::consts::OS {
        "windows" => 100,
        "linux" => 200,
        "macos" => 300,
        _ => 0,
    }
}

/// Removes members that are unknown, and what is empty without them: the schema has no null.
fn without_unknown(value: Value) -> Option<Value> {
    match value {
        Value::Null => None,
        Value::Object(members) => {
            let known: Map<_, _> =
                members.into_iter().filter_map(|(name, value)| Some((name, without_unknown(value)?))).collect();
            (!known.is_empty()).then_some(Value::Object(known))
        }
        value => Some(value),
    }
}
