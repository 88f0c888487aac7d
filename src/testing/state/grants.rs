//! What a client's request does to the state: device authorization, poll, refresh, revocation, claims.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};
use sha2::{Digest as _, Sha256};

use super::{AccessToken, Decision, Device, Family, Outcome, RefreshToken, Refusal, State, has_passed, members};
use crate::testing::behaviour::Person;
use crate::testing::token;

impl State {
    /// Device authorization request (RFC 8628 §3.1 and §3.2).
    pub(crate) fn authorize_device(
        &mut self,
        scope: Option<&str>,
        org: Option<&str>,
        challenge: Option<&str>,
    ) -> Outcome {
        let scope = self.requested_scope(scope)?.unwrap_or_else(|| vec!["openid".into()]);
        let device_code = token::opaque("dc_")?;
        let mut user_code = token::user_code()?;
        while self.devices.values().any(|device| device.user_code == user_code) {
            user_code = token::user_code()?;
        }
        let lifetime = self.behaviour.device_code_lifetime;
        let verification_uri = format!("{}/device", self.issuer);
        let mut reply = members(json!({
            "device_code": device_code,
            "user_code": user_code,
            "verification_uri": verification_uri,
            "expires_in": lifetime.as_secs(),
        }));
        if self.behaviour.verification_uri_complete {
            reply
                .insert("verification_uri_complete".into(), format!("{verification_uri}?user_code={user_code}").into());
        }
        if let Some(interval) = self.behaviour.interval {
            reply.insert("interval".into(), interval.into());
        }
        let device = Device {
            user_code,
            client_id: self.behaviour.client_id.clone(),
            challenge: challenge.map(str::to_owned),
            org: org.or_else(|| self.org_in(&scope)).map(str::to_owned),
            scope,
            expires_at: self.now().checked_add(lifetime),
            // "If no value is provided, clients MUST use 5 as the default." (RFC 8628 §3.2)
            interval: Duration::from_secs(self.behaviour.interval.unwrap_or(5)),
            last_poll: None,
            decision: self.standing.clone(),
            family: None,
        };
        self.devices.insert(device_code, device);
        self.counts.device_codes += 1;
        Ok(reply)
    }

    /// Device access token request (RFC 8628 §3.4 and §3.5): one poll.
    pub(crate) fn redeem(&mut self, device_code: &str, verifier: Option<&str>) -> Outcome {
        let now = self.now();
        let Some(device) = self.devices.get_mut(device_code) else {
            return Err(Refusal::bad("invalid_grant", "the device code is unknown"));
        };
        if device.client_id != self.behaviour.client_id {
            return Err(Refusal::bad("invalid_grant", "the device code was issued to another client"));
        }
        // RFC 7636 §4.6: "If the values are not equal, an error response indicating "invalid_grant" as described in Section 5.2 of
        // [RFC6749] MUST be returned."
        let proven = verifier.map(|verifier| URL_SAFE_NO_PAD.encode(Sha256::digest(verifier)));
        if device.challenge != proven {
            return Err(Refusal::bad("invalid_grant", "the code verifier is not that of the code challenge"));
        }
        if let Some(family) = device.family {
            // Somebody else holds this device code, and nobody can say who was first: as for a refresh token, both lose.
            self.end_family_for_reuse(family);
            return Err(Refusal::bad("invalid_grant", "the device code was used before"));
        }
        if has_passed(device.expires_at, now) {
            return Err(Refusal::bad("expired_token", "the device code has expired"));
        }
        let elapsed = device.last_poll.replace(now).map(|last| now.duration_since(last).unwrap_or(Duration::ZERO));
        if self.behaviour.enforce_interval && elapsed.is_some_and(|elapsed| elapsed < device.interval) {
            // "the interval MUST be increased by 5 seconds for this and all subsequent requests" (RFC 8628 §3.5). Checked
            // before the decision, so that an impatient client is found out even when the person was quick.
            device.interval += Duration::from_secs(5);
            self.counts.slow_downs += 1;
            return Err(Refusal::bad("slow_down", "polled before the interval had passed"));
        }
        match &device.decision {
            None => Err(Refusal::bad("authorization_pending", "the person has not decided yet")),
            Some(Decision::Denied) => Err(Refusal::bad("access_denied", "the person denied the request")),
            Some(Decision::Approved(person, chosen)) => {
                if device.org.as_ref().is_some_and(|org| !person.orgs.contains(org)) {
                    return Err(Refusal::bad("access_denied", "the person is no member of the org"));
                }
                let (client_id, scope) = (device.client_id.clone(), device.scope.clone());
                let family = self.families.len();
                device.family = Some(family);
                let org = device.org.clone().or_else(|| chosen.clone()).or_else(|| person.orgs.first().cloned());
                let person = person.clone();
                let born = self.now();
                self.families.push(Family { client_id, person, scope: scope.clone(), org, born, ended: false });
                self.counts.families += 1;
                self.issue(family, scope, self.behaviour.refresh_token)
            }
        }
    }

    /// Refresh request (RFC 6749 §6) with rotation and re-use detection (RFC 9700 §4.14.2).
    pub(crate) fn refresh(&mut self, refresh_token: &str, scope: Option<&str>, org: Option<&str>) -> Outcome {
        let now = self.now();
        let requested = self.requested_scope(scope)?;
        let Some((spent, family)) = self.refresh_tokens.get(refresh_token).map(|token| (token.spent_at, token.family))
        else {
            return Err(Refusal::bad("invalid_grant", "the refresh token is unknown"));
        };
        let Some(grant) = self.families.get(family).filter(|grant| grant.client_id == self.behaviour.client_id) else {
            return Err(Refusal::bad("invalid_grant", "the refresh token was issued to another client"));
        };
        if grant.ended {
            return Err(Refusal::bad("invalid_grant", "the refresh token was revoked"));
        }
        if spent.is_some_and(|spent| !self.in_grace(spent, now)) {
            // "The authorization server cannot determine which party submitted the invalid refresh token, but it will
            // revoke the active refresh token." (RFC 9700 §4.14.2)
            self.end_family_for_reuse(family);
            return Err(Refusal::bad("invalid_grant", "the refresh token was used before; the whole family has ended"));
        }
        // "The requested scope MUST NOT include any scope not originally granted by the resource owner, and if omitted is
        // treated as equal to the scope originally granted by the resource owner." (RFC 6749 §6)
        let scope = requested.unwrap_or_else(|| grant.scope.clone());
        if !scope.iter().all(|one| grant.scope.contains(one)) {
            return Err(Refusal::bad("invalid_scope", "a scope was asked for that was not granted"));
        }
        if org.is_some_and(|org| !grant.person.orgs.iter().any(|own| own == org)) {
            return Err(Refusal::bad(self.behaviour.org_refusal, "the person is no member of the org"));
        }
        if let (Some(org), Some(grant)) = (org, self.families.get_mut(family)) {
            grant.org = Some(org.to_owned());
        }
        let rotate = self.behaviour.rotate && self.behaviour.refresh_token;
        let reply = self.issue(family, scope, rotate)?;
        self.counts.refreshes += 1;
        if rotate {
            self.counts.rotations += 1;
            if let Some(token) = self.refresh_tokens.get_mut(refresh_token) {
                // The grace counts from the first use, or a thief could renew it for ever.
                token.spent_at.get_or_insert(now);
            }
        }
        Ok(reply)
    }

    /// Token exchange (RFC 8693 §2.1) of an access token for one of another org; the subject token stays what it is.
    pub(crate) fn exchange(&mut self, subject_token: &str, org: Option<&str>) -> Outcome {
        let subject = self.access_tokens.get(subject_token).filter(|token| self.is_live(token));
        let Some((family, scope)) = subject.map(|token| (token.family, token.scope.clone())) else {
            return Err(Refusal::bad("invalid_grant", "the subject token is expired, revoked or unknown"));
        };
        let Some(grant) = self.families.get_mut(family) else {
            return Err(Refusal::bad("invalid_grant", "the grant is unknown"));
        };
        if org.is_some_and(|org| !grant.person.orgs.iter().any(|own| own == org)) {
            return Err(Refusal::bad(self.behaviour.org_refusal, "the person is no member of the org"));
        }
        let own = std::mem::replace(&mut grant.org, org.map(str::to_owned));
        let reply = self.issue(family, scope, false);
        if let Some(grant) = self.families.get_mut(family) {
            grant.org = own;
        }
        let mut reply = reply?;
        // RFC 8693 §2.2.1: "issued_token_type REQUIRED."
        reply.insert("issued_token_type".into(), "urn:ietf:params:oauth:token-type:access_token".into());
        Ok(reply)
    }

    /// Revocation (RFC 7009 §2.1): a refresh token takes its family with it, an access token only itself.
    pub(crate) fn revoke(&mut self, token: &str) {
        if let Some(token) = self.access_tokens.get_mut(token) {
            token.revoked = true;
        } else if let Some(family) = self.refresh_tokens.get(token).map(|token| token.family) {
            // "If the particular token is a refresh token [...] then the authorization server SHOULD also invalidate all
            // access tokens based on the same authorization grant" (RFC 7009 §2.1)
            let person = self.families.get(family).map(|family| family.person.subject.clone());
            if self.behaviour.revocation_ends_account {
                for family in &mut self.families {
                    family.ended |= Some(&family.person.subject) == person.as_ref();
                }
            }
            self.end_family(family);
        }
    }

    /// The claims that an access token opens (OpenID Connect Core §5.3), or `None` if it opens nothing.
    pub(crate) fn claims(&self, access_token: &str) -> Option<Map<String, Value>> {
        let token = self.access_tokens.get(access_token).filter(|token| self.is_live(token))?;
        Some(claims(&self.families.get(token.family)?.person, &token.scope))
    }

    /// The successful reply of RFC 6749 §5.1.
    fn issue(&mut self, family: usize, scope: Vec<String>, with_refresh_token: bool) -> Outcome {
        let Some(grant) = self.families.get(family) else {
            return Err(Refusal::bad("invalid_grant", "the grant is unknown"));
        };
        let (org, born) = (grant.org.clone(), grant.born);
        let access_token = token::opaque("at_")?;
        let refresh_token = with_refresh_token.then(|| token::opaque("rt_")).transpose()?;
        let now = self.now();
        let lifetime = self.behaviour.access_token_lifetime;
        // Stated always, though only "REQUIRED" where it is not "identical to the scope requested by the client".
        let mut reply = members(json!({
            "access_token": access_token,
            "token_type": "Bearer",
            "scope": scope.join(" "),
        }));
        if let Some(lifetime) = lifetime {
            reply.insert("expires_in".into(), lifetime.as_secs().into());
        }
        if let Some(lifetime) = self.behaviour.authorization_lifetime {
            let passed = now.duration_since(born).unwrap_or_default();
            reply.insert("authorization_expires_in".into(), lifetime.saturating_sub(passed).as_secs().into());
        }
        if self.behaviour.id_token && scope.iter().any(|one| one == "openid") {
            let mut claims = claims(&grant.person, &scope);
            let lives = lifetime.map_or(3600, |lifetime| lifetime.as_secs());
            if let Some(org) = &grant.org {
                claims.insert("org_id".into(), org.clone().into());
            }
            claims.insert("iss".into(), self.issuer.clone().into());
            claims.insert("aud".into(), grant.client_id.clone().into());
            claims.insert("iat".into(), token::numeric_date(now).into());
            claims.insert("exp".into(), token::numeric_date(now).saturating_add(lives).into());
            reply.insert("id_token".into(), token::id_token(&claims).into());
        }
        if let Some(refresh_token) = refresh_token {
            reply.insert("refresh_token".into(), refresh_token.clone().into());
            self.refresh_tokens.insert(refresh_token, RefreshToken { family, spent_at: None });
        }
        let expires_at = lifetime.and_then(|lifetime| now.checked_add(lifetime));
        self.access_tokens.insert(access_token, AccessToken { family, scope, org, expires_at, revoked: false });
        self.counts.access_tokens += 1;
        Ok(reply)
    }

    /// The org that one of the scopes names.
    fn org_in<'a>(&self, scope: &'a [String]) -> Option<&'a str> {
        let start = self.behaviour.org_scope.as_deref()?;
        scope.iter().find_map(|one| one.strip_prefix(start))
    }

    /// The scopes of a request (RFC 6749 §3.3), or `None` where it names none.
    fn requested_scope(&self, scope: Option<&str>) -> Result<Option<Vec<String>>, Refusal> {
        let Some(scope) = scope else {
            return Ok(None);
        };
        let supported = &self.behaviour.scopes_supported;
        let mut scopes: Vec<String> = Vec::new();
        for one in scope.split(' ') {
            // scope-token = 1*( %x21 / %x23-5B / %x5D-7E ) (RFC 6749 §3.3)
            if one.is_empty() || !one.bytes().all(|byte| matches!(byte, 0x21 | 0x23..=0x5b | 0x5d..=0x7e)) {
                return Err(Refusal::bad("invalid_scope", "the scope is malformed"));
            }
            let names_an_org = self.behaviour.org_scope.as_deref().is_some_and(|start| one.starts_with(start));
            if !supported.is_empty() && !names_an_org && !supported.iter().any(|known| known == one) {
                return Err(Refusal::bad("invalid_scope", "the scope is unknown"));
            }
            if !scopes.iter().any(|known| known == one) {
                scopes.push(one.into());
            }
        }
        Ok(Some(scopes))
    }
}

/// What the scopes let a client know of the person (OpenID Connect Core §5.4).
fn claims(person: &Person, scope: &[String]) -> Map<String, Value> {
    let has_scope = |name: &str| scope.iter().any(|one| one == name);
    let mut claims = members(json!({ "sub": person.subject }));
    if !person.orgs.is_empty() {
        claims.insert("organizations".into(), person.orgs.clone().into());
    }
    if has_scope("profile") {
        claims.insert("name".into(), person.name.clone().into());
    }
    if has_scope("email") {
        claims.insert("email".into(), person.email.clone().into());
        claims.insert("email_verified".into(), true.into());
    }
    claims
}
