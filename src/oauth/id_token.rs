//! The ID token received at the token endpoint (OpenID Connect Core §2, §3.1.3.7).

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Deserializer};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Remedy, Result};
use crate::id::{ClientId, Issuer, is_subject};
use crate::secret::Secret;

/// What is known of a person: from an ID token or from userinfo.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Claims {
    pub(crate) sub: String,
    pub(crate) name: Option<String>,
    pub(crate) email: Option<String>,
    /// What the token speaks for, by the name that Auth0 and WorkOS have for it.
    #[serde(default, deserialize_with = "text")]
    pub(crate) org_id: Option<String>,
}

impl Claims {
    /// Whether there is anything that a person would recognise.
    pub(crate) fn is_named(&self) -> bool {
        self.name.is_some() || self.email.is_some()
    }
}

/// How far two clocks may disagree.
const LEEWAY: Duration = Duration::from_secs(300);

/// Reads and checks an ID token that came straight from the token endpoint at a login.
///
/// The signature is not looked at: OpenID Connect Core §3.1.3.7 rule 6, "If the ID Token is received via direct
/// communication between the Client and the Token Endpoint (which it is in this flow), the TLS server validation MAY be
/// used to validate the issuer in place of checking the token signature."
pub(crate) fn read(token: &Secret, issuer: &Issuer, client: &ClientId, now: SystemTime) -> Result<Claims> {
    let wrong = |what: &str| {
        let message = format!("the ID token that {} issued {what}", issuer.host());
        Error::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator)
    };
    let wire: Wire = parse(token).ok_or_else(|| wrong("is not a JWT with the required claims"))?;
    // Rule 2: "The Issuer Identifier for the OpenID Provider ... MUST exactly match the value of the iss (issuer) Claim."
    if wire.iss != issuer.as_str() {
        return Err(wrong("is of another issuer"));
    }
    // Rule 3: "The ID Token MUST be rejected if the ID Token does not list the Client as a valid audience, or if it contains
    // additional audiences not trusted by the Client." Additional ones are let pass: the token came straight from the token
    // endpoint, and is used for nothing but to read it here.
    if !wire.aud.contains(client.as_str()) {
        return Err(wrong("is for another client"));
    }
    // Rule 9: "The current time MUST be before the time represented by the exp Claim." With room for a wrong clock.
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    if since_epoch.as_secs_f64() >= wire.exp + LEEWAY.as_secs_f64() {
        return Err(wrong("has expired: does this machine's clock go right?").with(Remedy::SetClock));
    }
    match is_subject(&wire.claims.sub) {
        true => Ok(wire.claims),
        false => Err(wrong("has no usable subject")),
    }
}

/// What an ID token that came with a refresh tells, however odd it is. Its expiry does not matter: the server has rotated already,
/// and a clock that goes wrong must not throw the new token away.
pub(crate) struct Told(Map<String, Value>);

impl Told {
    /// One that is not there, or cannot be read at all, tells nothing.
    pub(crate) fn read(token: Option<&Secret>) -> Self {
        Self(token.and_then(parse).unwrap_or_default())
    }

    /// Whether it tells of another identity. OpenID Connect Core §12.2: "its iss Claim Value MUST be the same as in the ID Token
    /// issued when the original authentication occurred", likewise sub and aud.
    pub(crate) fn is_another(&self, issuer: &Issuer, client: &ClientId, subject: Option<&str>) -> bool {
        let is_for_client = |aud| Audience::deserialize(aud).is_ok_and(|aud| aud.contains(client.as_str()));
        let audience = self.0.get("aud").is_none_or(is_for_client);
        !(self.says("iss", issuer.as_str()) && audience && subject.is_none_or(|subject| self.says("sub", subject)))
    }

    /// The org that the token beside it speaks for.
    pub(crate) fn org(&self) -> Option<&str> {
        self.0.get("org_id").and_then(Value::as_str)
    }

    fn says(&self, name: &str, own: &str) -> bool {
        self.0.get(name).is_none_or(|value| value.as_str() == Some(own))
    }
}

/// Text; anything else is nothing.
fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => Some(text),
        _ => None,
    })
}

/// The claims of a JWT, unverified.
pub(crate) fn parse<T: DeserializeOwned>(token: &Secret) -> Option<T> {
    let payload = token.expose().split('.').nth(1)?;
    let json = Zeroizing::new(URL_SAFE_NO_PAD.decode(payload).ok()?);
    serde_json::from_slice(&json).ok()
}

#[derive(Deserialize)]
struct Wire {
    iss: String,
    aud: Audience,
    exp: f64,
    #[serde(flatten)]
    claims: Claims,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

impl Audience {
    fn contains(&self, client: &str) -> bool {
        match self {
            Self::One(audience) => audience == client,
            Self::Many(audiences) => audiences.iter().any(|audience| audience == client),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(claims: &str) -> Result<Claims> {
        let token = Secret::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)));
        let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
        read(&token, &"https://a.example".parse()?, &"acme".parse()?, now)
    }

    #[test]
    fn issuer_audience_and_expiry_are_checked() {
        let good = r#"{"iss":"https://a.example","aud":["x","acme"],"exp":1000,"sub":"s","email":"e"}"#;
        assert_eq!(check(good).unwrap().sub, "s");
        for (from, to) in [
            ("https://a.example", "https://a.example/"),
            (r#"["x","acme"]"#, r#""x""#),
            ("1000", "600"),
            (r#""s""#, r#""""#),
            (r#""sub":"s","#, ""),
        ] {
            assert_eq!(check(&good.replace(from, to)).unwrap_err().kind(), ErrorKind::Protocol, "{to}");
        }
        assert!(
            read(
                &Secret::new("a.b".into()),
                &"https://a.example".parse().unwrap(),
                &"a".parse().unwrap(),
                SystemTime::UNIX_EPOCH
            )
            .is_err()
        );
    }
}
