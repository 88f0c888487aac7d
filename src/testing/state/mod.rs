//! [`State`]: devices, families and tokens. Pure except for the random source: no HTTP, no real time. This file has what
//! a person or a test does.
//!
//! | file | has |
//! | --- | --- |
//! | `grants` | what each request of a client does |

mod grants;

use std::collections::HashMap;
use std::time::{Duration, SystemTime};

use serde_json::{Map, Value};

use super::behaviour::{Behaviour, Person};
use super::token;

/// What has happened at the server so far, and what lives there now.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Device codes issued.
    pub device_codes: usize,
    /// Families issued, one for each device code that was redeemed.
    pub families: usize,
    /// Families that have not ended.
    pub live_families: usize,
    /// Access tokens issued.
    pub access_tokens: usize,
    /// Access tokens that userinfo would accept now.
    pub live_access_tokens: usize,
    /// Successful refreshes.
    pub refreshes: usize,
    /// Refreshes that spent a refresh token and issued the next.
    pub rotations: usize,
    /// How often a spent refresh token or device code was used again, which ended its family. Zero for a client that loses no
    /// token and has no races.
    pub reuses: usize,
    /// Polls that were answered by `slow_down`.
    pub slow_downs: usize,
}

/// An error response (RFC 6749 §5.2).
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Refusal {
    pub status: u16,
    pub error: &'static str,
    pub description: &'static str,
}

pub(super) type Outcome = Result<Map<String, Value>, Refusal>;

/// The person's decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Decision {
    /// By this person, for this org if the request named none.
    Approved(Person, Option<String>),
    Denied,
}

pub(super) struct State {
    pub behaviour: Behaviour,
    pub issuer: String,
    standing: Option<Decision>,
    devices: HashMap<String, Device>,
    families: Vec<Family>,
    refresh_tokens: HashMap<String, RefreshToken>,
    access_tokens: HashMap<String, AccessToken>,
    counts: Counts,
}

/// One device authorization, by device code.
pub(super) struct Device {
    pub user_code: String,
    pub client_id: String,
    pub scope: Vec<String>,
    /// The org that the request named.
    pub org: Option<String>,
    /// RFC 7636 §4.3.
    challenge: Option<String>,
    /// `None`: later than the clock can say.
    expires_at: Option<SystemTime>,
    interval: Duration,
    last_poll: Option<SystemTime>,
    decision: Option<Decision>,
    /// The family that the device code was redeemed for.
    family: Option<usize>,
}

/// The tokens of one approval. Tokens refer to it by its index in `State::families`.
struct Family {
    client_id: String,
    person: Person,
    scope: Vec<String>,
    /// The org of the last token, whoever asked for it.
    org: Option<String>,
    born: SystemTime,
    ended: bool,
}

struct RefreshToken {
    family: usize,
    spent_at: Option<SystemTime>,
}

struct AccessToken {
    family: usize,
    scope: Vec<String>,
    org: Option<String>,
    expires_at: Option<SystemTime>,
    revoked: bool,
}

/// What the state knows of a user code.
pub(super) enum CodeLookup<'a> {
    Pending(&'a Device),
    Expired,
    Used,
    Unknown,
}

impl State {
    pub(super) fn new(issuer: String, behaviour: Behaviour) -> Self {
        Self {
            behaviour,
            issuer,
            standing: None,
            devices: HashMap::new(),
            families: Vec::new(),
            refresh_tokens: HashMap::new(),
            access_tokens: HashMap::new(),
            counts: Counts::default(),
        }
    }

    pub(super) fn url(&self, path: &str) -> String {
        format!("{}{path}", self.issuer)
    }

    pub(super) fn now(&self) -> SystemTime {
        self.behaviour.clock.now()
    }

    /// Looks up a user code as typed.
    pub(super) fn find(&self, user_code: &str) -> CodeLookup<'_> {
        let letters = token::letters(user_code);
        match self.devices.values().find(|device| token::letters(&device.user_code) == letters) {
            None => CodeLookup::Unknown,
            Some(device) if device.decision.is_some() => CodeLookup::Used,
            Some(device) if has_passed(device.expires_at, self.now()) => CodeLookup::Expired,
            Some(device) => CodeLookup::Pending(device),
        }
    }

    /// Decides a pending user code; false if there is none.
    pub(super) fn decide(&mut self, user_code: &str, decision: Decision) -> bool {
        let CodeLookup::Pending(device) = self.find(user_code) else {
            return false;
        };
        let user_code = device.user_code.clone();
        let device = self.devices.values_mut().find(|device| device.user_code == user_code);
        device.map(|device| device.decision = Some(decision)).is_some()
    }

    /// Decides every pending user code, and every one issued from now on until the next standing order.
    pub(super) fn decide_all(&mut self, decision: Option<Decision>) {
        for device in self.devices.values_mut() {
            if device.decision.is_none() {
                device.decision.clone_from(&decision);
            }
        }
        self.standing = decision;
    }

    pub(super) fn pending_user_codes(&self) -> Vec<String> {
        let now = self.now();
        let pending =
            self.devices.values().filter(|device| device.decision.is_none() && !has_passed(device.expires_at, now));
        pending.map(|device| device.user_code.clone()).collect()
    }

    /// Ends the family that a refresh or access token belongs to; false if it was issued to nobody or has ended.
    pub(super) fn end_family_of(&mut self, token: &str) -> bool {
        let refresh = self.refresh_tokens.get(token).map(|token| token.family);
        let family = refresh.or_else(|| self.access_tokens.get(token).map(|token| token.family));
        family.is_some_and(|family| self.end_family(family))
    }

    pub(super) fn revoke_everything(&mut self) {
        self.families.iter_mut().for_each(|family| family.ended = true);
    }

    pub(super) fn expire_access_tokens(&mut self) {
        let now = self.now();
        self.access_tokens.values_mut().for_each(|token| token.expires_at = Some(now));
    }

    pub(super) fn is_live_access_token(&self, token: &str) -> bool {
        self.access_tokens.get(token).is_some_and(|token| self.is_live(token))
    }

    pub(super) fn org_of(&self, token: &str) -> Option<&str> {
        self.access_tokens.get(token)?.org.as_deref()
    }

    pub(super) fn is_live_refresh_token(&self, token: &str) -> bool {
        self.refresh_tokens.get(token).is_some_and(|token| {
            self.families.get(token.family).is_some_and(|family| !family.ended)
                && token.spent_at.is_none_or(|spent| self.in_grace(spent, self.now()))
        })
    }

    pub(super) fn counts(&self) -> Counts {
        Counts {
            live_families: self.families.iter().filter(|family| !family.ended).count(),
            live_access_tokens: self.access_tokens.values().filter(|token| self.is_live(token)).count(),
            ..self.counts
        }
    }

    fn in_grace(&self, spent: SystemTime, now: SystemTime) -> bool {
        now.duration_since(spent).unwrap_or(Duration::ZERO) < self.behaviour.grace
    }

    fn is_live(&self, token: &AccessToken) -> bool {
        !token.revoked
            && !has_passed(token.expires_at, self.now())
            && self.families.get(token.family).is_some_and(|family| !family.ended)
    }

    fn end_family(&mut self, family: usize) -> bool {
        self.families.get_mut(family).is_some_and(|family| !std::mem::replace(&mut family.ended, true))
    }

    fn end_family_for_reuse(&mut self, family: usize) {
        if self.end_family(family) {
            self.counts.reuses += 1;
        }
    }
}

impl Refusal {
    /// "The authorization server responds with an HTTP 400 (Bad Request) status code (unless specified otherwise)" (RFC
    /// 6749 §5.2).
    pub(super) fn bad(error: &'static str, description: &'static str) -> Self {
        Self { status: 400, error, description }
    }
}

impl From<token::Failed> for Refusal {
    fn from(_: token::Failed) -> Self {
        Self { status: 500, error: "server_error", description: "the random source failed" }
    }
}

/// The members of a JSON object.
pub(super) fn members(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(members) => members,
        _ => Map::new(),
    }
}

fn has_passed(end: Option<SystemTime>, now: SystemTime) -> bool {
    end.is_some_and(|end| now >= end)
}
