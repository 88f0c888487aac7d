//! What only events of one class have.

use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::{Value, json};

use crate::model::actor::ActorKind;
use crate::model::event::{Event, EventCode, Subject};
use crate::model::provenance::CredentialKind;

impl Event {
    pub(super) fn authentication(&self) -> Value {
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
        let is_login = self.code == EventCode::LoginSucceeded;
        // Only an ID token names who approved.
        let is_openid = is_login && provenance.approver.is_some();
        let (logon_type_id, logon_type) = self.logon_type();
        json!({
            "user": user,
            "service": {
                "name": host.as_deref().unwrap_or("unknown"),
                "uid": issuer,
            },
            "dst_endpoint": host.as_ref().map(|host| json!({ "hostname": host, "port": port })),
            "src_endpoint": { "hostname": self.by.host },
            "auth_protocol_id": if is_openid { 4 } else { 6 },
            "auth_protocol": if is_openid { "OpenID" } else { "OAUTH 2.0" },
            "logon_type_id": logon_type_id,
            "logon_type": logon_type,
            "is_remote": true,
            "is_new_logon": is_login.then_some(true),
            "account_switch_type_id": (self.code == EventCode::OrgSwitched).then_some(99),
            "account_switch_type": (self.code == EventCode::OrgSwitched).then_some("Organization"),
            "session": grant.as_ref().map(|grant| json!({
                "uid": grant,
                "credential_uid": self.details.credential,
                "issuer": issuer,
                "expiration_reason": self.expiration_reason(),
            })),
            "authentication_token": self.authentication_token(),
        })
    }

    pub(super) fn entity_management(&self) -> Value {
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

    pub(super) fn detection_finding(&self) -> Value {
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
                "name": self.of.context.as_ref().map_or("unknown", |name| name.as_str()),
            }])),
        })
    }

    /// A service and a workload log in over the network (3) whoever runs them. The schema has no number for an agent with a person's login.
    fn logon_type(&self) -> (u32, &'static str) {
        match (self.of.provenance.kind, self.by.actor.kind) {
            (CredentialKind::Service | CredentialKind::Workload, _) => (3, "Network"),
            (_, ActorKind::Agent) => (99, "Agent"),
            _ => (2, "Interactive"),
        }
    }

    fn expiration_reason(&self) -> Option<&str> {
        let reason = self.detail.as_deref().or(self.error_kind.as_deref()).unwrap_or("expired");
        (self.code == EventCode::Expired).then_some(reason)
    }

    /// Only an event with a lifetime is of the moment in which the token was made.
    fn authentication_token(&self) -> Option<Value> {
        let credential = self.details.credential.as_ref()?;
        let made_at = self.details.lifetime_granted.map(|_| milliseconds(self.time));
        // A line of the trail can hold any number.
        let lifetime = self.details.lifetime_granted.and_then(|seconds| seconds.checked_mul(1000));
        let expires_at = made_at.zip(lifetime).and_then(|(made_at, lifetime)| made_at.checked_add(lifetime));
        Some(json!({
            "type_id": 99,
            "type": "Access Token",
            "created_time": made_at,
            "expiration_time": expires_at.filter(|end| i64::try_from(*end).is_ok()),
            "uid": credential,
        }))
    }
}

pub(super) fn milliseconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_millis() as u64
}

fn type_of(kind: CredentialKind) -> &'static str {
    match kind {
        CredentialKind::Person | CredentialKind::Service | CredentialKind::Workload => "OAuth grant",
        CredentialKind::ApiKey => "API key",
        CredentialKind::EnvironmentToken => "environment token",
    }
}
