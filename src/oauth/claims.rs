//! [`Claims`]: what a server says of a person, in an ID token, in userinfo (OpenID Connect Core §5.1) or beside the tokens.
//!
//! Name and e-mail address are for display: if they cannot be read, they are absent, and the login goes on. `iss`, `aud` and `sub` decide
//! whose login it is, and are compared in whatever type they are written.

use std::fmt;

use base64::Engine as _;
use base64::alphabet::URL_SAFE;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};
use serde_json::{Map, Value};
use zeroize::Zeroizing;

use crate::model::account::{Account, is_subject};
use crate::model::ids::{ClientId, Issuer};
use crate::oauth::normalize::{identifier, number};
use crate::oauth::server_quirks::CLAIMS_OF_A_USER;

/// Claims, by name.
#[derive(Clone, Default, PartialEq)]
pub(crate) struct Claims(Map<String, Value>);

/// RFC 7515 §2: "Base64 encoding using the URL- and filename-safe character set ..., with all trailing '=' characters omitted". Some
/// servers leave them there.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &URL_SAFE,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// The longest claims that a record keeps, in bytes of JSON.
const MAX_STORED: usize = 16 << 10;

impl Claims {
    /// Reads a JWT (RFC 7519 §3) without checking its signature: the caller knows why that is enough. `None` if it is no JWT, or an
    /// encrypted one.
    pub(crate) fn of_jwt(jwt: &str) -> Option<Self> {
        let json = Zeroizing::new(BASE64.decode(jwt.split('.').nth(1)?).ok()?);
        serde_json::from_slice(&json).ok().map(Self)
    }

    /// Reads the `user` that some servers send beside the tokens; `None` if it has no usable `id`.
    pub(crate) fn of_user(user: &Value) -> Option<Self> {
        let claim = |(theirs, ours): &(&str, &str)| Some(((*ours).to_owned(), user.get(theirs)?.clone()));
        Some(Self(CLAIMS_OF_A_USER.iter().filter_map(claim).collect())).filter(|claims| claims.sub().is_some())
    }

    /// Makes the claims of a known account.
    pub(crate) fn of_account(account: &Account) -> Self {
        let members = [("sub", &account.subject), ("name", &account.name), ("email", &account.email)];
        Self(members.into_iter().filter_map(|(name, text)| Some((name.to_owned(), text.clone()?.into()))).collect())
    }

    /// Returns the subject; `None` if it cannot be an identity.
    pub(crate) fn sub(&self) -> Option<String> {
        self.identifier("sub").filter(|sub| is_subject(sub))
    }

    pub(crate) fn name(&self) -> Option<String> {
        display_text(self.0.get("name")?)
    }

    pub(crate) fn email(&self) -> Option<String> {
        display_text(self.0.get("email")?)
    }

    /// Returns the org that the token beside them speaks for, by Auth0's and WorkOS's name for it.
    pub(crate) fn org(&self) -> Option<String> {
        self.identifier("org_id").filter(|org| !org.trim().is_empty())
    }

    /// Returns a time, in seconds since 1970 (RFC 7519 §2, NumericDate).
    pub(crate) fn time(&self, name: &str) -> Option<f64> {
        // A comparison with "NaN" would always be false.
        number(self.0.get(name)?).filter(|time| time.is_finite())
    }

    /// Returns whether a person would recognise them.
    pub(crate) fn is_named(&self) -> bool {
        self.name().is_some() || self.email().is_some()
    }

    /// Returns whether the claim is there, and is not `null`.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.get(name).is_some()
    }

    /// Returns the claim; `null` is none.
    pub(crate) fn get(&self, name: &str) -> Option<&Value> {
        self.0.get(name).filter(|value| !value.is_null())
    }

    /// Returns whether they name another issuer.
    pub(crate) fn name_another_issuer(&self, issuer: &Issuer) -> bool {
        self.get("iss").is_some_and(|iss| iss.as_str() != Some(issuer.as_str()))
    }

    /// Returns whether they name an audience without this client.
    pub(crate) fn name_other_clients_only(&self, client: &ClientId) -> bool {
        let is_client = |aud: &Value| identifier(aud).as_deref() == Some(client.as_str());
        self.get("aud").is_some_and(|aud| !aud.as_array().map_or(is_client(aud), |list| list.iter().any(is_client)))
    }

    /// Returns whether they name another subject. A subject that cannot be read is another.
    pub(crate) fn name_another_subject(&self, subject: &str) -> bool {
        self.get("sub").is_some_and(|sub| identifier(sub).as_deref() != Some(subject))
    }

    /// Adds those of `names` that only `other` has.
    pub(crate) fn or(mut self, other: &Self, names: &[&str]) -> Self {
        for name in names.iter().filter(|name| other.has(name)) {
            if !self.has(name) {
                self.0.insert((*name).to_owned(), other.0[*name].clone());
            }
        }
        self
    }

    /// Returns the claims that the record keeps: all, or, if those are too long, the subject.
    pub(crate) fn stored_claims(&self) -> Option<Map<String, Value>> {
        let is_short = serde_json::to_string(&self.0).is_ok_and(|json| json.len() <= MAX_STORED);
        let subject = || self.sub().map(|sub| ("sub".to_owned(), sub.into())).into_iter().collect();
        Some(if is_short { self.0.clone() } else { subject() }).filter(|claims| !claims.is_empty())
    }

    pub(crate) fn into_json(self) -> String {
        Value::Object(self.0).to_string()
    }

    fn identifier(&self, name: &str) -> Option<String> {
        identifier(self.0.get(name)?)
    }
}

impl From<Map<String, Value>> for Claims {
    fn from(claims: Map<String, Value>) -> Self {
        Self(claims)
    }
}

impl fmt::Debug for Claims {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Personal data, which does not belong in a log.
        f.debug_struct("Claims").finish_non_exhaustive()
    }
}

/// Returns a text for display: the text, or the first one of a list.
fn display_text(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()).filter(|text| !text.trim().is_empty()),
        Value::Array(list) => list.iter().find_map(display_text),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn claims(value: Value) -> Claims {
        value.as_object().cloned().unwrap().into()
    }

    #[test]
    fn display_claims_are_read_or_absent() {
        for (value, name) in [
            (json!("Alice"), Some("Alice")),
            (json!(["", 7, "Alice", "Al"]), Some("Alice")),
            (json!({"formatted": "Alice"}), None),
            (json!(7), None),
            (json!(" "), None),
            (json!(null), None),
        ] {
            let claims = claims(json!({"sub": "a", "name": value, "email": value}));
            assert_eq!((claims.name().as_deref(), claims.email().as_deref()), (name, name), "{value}");
        }
    }

    #[test]
    fn a_subject_is_a_text_or_a_number_that_is_nobody_elses() {
        for (value, sub) in [
            (json!("7"), Some("7")),
            (json!(7), Some("7")),
            (json!(-7), Some("-7")),
            (json!(u64::MAX), Some("18446744073709551615")),
            // Rounded, as 18446744073709551617 is.
            (serde_json::from_str("18446744073709551616").unwrap(), None),
            (json!(7.0), None),
            (json!(""), None),
            (json!(" \u{3000}"), None),
            (json!(["7"]), None),
        ] {
            assert_eq!(claims(json!({"sub": value})).sub().as_deref(), sub, "{value}");
            assert_eq!(claims(json!({"sub": value})).name_another_subject("7"), sub != Some("7"), "{value}");
        }
    }
}
