//! The ID token received at the token endpoint (OpenID Connect Core §2, §3.1.3.7).

use std::time::{Duration, SystemTime};

use crate::model::error::{Error, ErrorKind, Remedy, Result};
use crate::model::ids::{ClientId, Issuer};
use crate::model::secret::Secret;
use crate::oauth::claims::Claims;

/// How far two clocks may disagree.
const LEEWAY: Duration = Duration::from_secs(300);

/// Reads and checks an ID token that came straight from the token endpoint at a login. The error names the claim that is wrong.
///
/// The signature is not looked at: OpenID Connect Core §3.1.3.7 rule 6, "If the ID Token is received via direct
/// communication between the Client and the Token Endpoint (which it is in this flow), the TLS server validation MAY be
/// used to validate the issuer in place of checking the token signature."
pub(crate) fn validate(token: &Secret, issuer: &Issuer, client: &ClientId, now: SystemTime) -> Result<Claims> {
    let claims = Claims::of_jwt(token.expose()).ok_or_else(|| wrong(issuer, "is not a JWT"))?;
    // §2: "iss REQUIRED", and so are the others.
    if let Some(missing) = ["iss", "aud", "exp", "sub"].into_iter().find(|name| !claims.has(name)) {
        return Err(wrong(issuer, &format!("lacks the claim {missing}")));
    }
    // Rule 2: "The Issuer Identifier for the OpenID Provider ... MUST exactly match the value of the iss (issuer) Claim."
    if claims.name_another_issuer(issuer) {
        return Err(wrong(issuer, "is of another issuer"));
    }
    // Rule 3: "The ID Token MUST be rejected if the ID Token does not list the Client as a valid audience, or if it contains
    // additional audiences not trusted by the Client." Additional ones are accepted: the token came straight from the token
    // endpoint, and is only read here.
    if claims.name_other_clients_only(client) {
        return Err(wrong(issuer, "is for another client"));
    }
    // Rule 9: "The current time MUST be before the time represented by the exp Claim." With room for a wrong clock.
    let since_epoch = now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    match claims.time("exp") {
        None => Err(wrong(issuer, "has an exp that is no time")),
        Some(exp) if since_epoch.as_secs_f64() >= exp + LEEWAY.as_secs_f64() => {
            Err(wrong(issuer, "has expired by this machine's clock").with(Remedy::SetClock))
        }
        Some(_) if claims.sub().is_none() => Err(wrong(issuer, "has no usable subject")),
        Some(_) => Ok(claims),
    }
}

fn wrong(issuer: &Issuer, what: &str) -> Error {
    let message = format!("the ID token that {} issued {what}", issuer.host());
    Error::new(ErrorKind::Protocol, message).with(Remedy::AskAdministrator)
}

/// Returns the claims of an ID token that came with a refresh, or none if there is no token or it cannot be read. Its expiry does not
/// matter: the server has rotated already, and a wrong clock must not throw the new token away.
pub(crate) fn unverified_claims(token: Option<&Secret>) -> Claims {
    token.and_then(|token| Claims::of_jwt(token.expose())).unwrap_or_default()
}

/// Returns whether an ID token that came with a refresh names another identity. OpenID Connect Core §12.2: "its iss Claim Value MUST be the
/// same as in the ID Token issued when the original authentication occurred", likewise sub and aud.
pub(crate) fn names_another_login(claims: &Claims, issuer: &Issuer, client: &ClientId, subject: Option<&str>) -> bool {
    let is_other_subject = subject.is_some_and(|subject| claims.name_another_subject(subject));
    is_other_subject || claims.name_another_issuer(issuer) || claims.name_other_clients_only(client)
}

#[cfg(test)]
mod tests {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;

    use super::*;

    #[test]
    fn issuer_audience_and_expiry_are_checked_and_named() {
        let good = r#"{"iss":"https://a.example","aud":["x",7,"acme"],"exp":1000,"sub":"s","email":"e"}"#;
        let check = |claims: &str| {
            let token = Secret::new(format!("e30.{}.c2ln", URL_SAFE_NO_PAD.encode(claims)));
            let now = SystemTime::UNIX_EPOCH + Duration::from_secs(1000);
            validate(&token, &"https://a.example".parse()?, &"acme".parse()?, now)
        };
        assert_eq!(check(good).unwrap().sub().as_deref(), Some("s"));
        for (from, to, what) in [
            ("https://a.example", "https://a.example/", "another issuer"),
            (r#"["x",7,"acme"]"#, r#""x""#, "another client"),
            ("1000", "600", "expired"),
            ("1000", r#""NaN""#, "exp"),
            ("1000", r#""inf""#, "exp"),
            (r#""s""#, r#""""#, "subject"),
            (r#""sub":"s","#, "", "sub"),
        ] {
            let error = check(&good.replace(from, to)).unwrap_err();
            assert!(error.kind() == ErrorKind::Protocol && error.to_string().contains(what), "{to}: {error}");
        }
    }
}
