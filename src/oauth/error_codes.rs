//! The codes of error replies: those of the RFCs, and what servers write in their place.

use crate::oauth::error_description::calls_dead;

/// What an error is called in the RFCs; as it is where they have no name for it.
pub(crate) fn means(error: &str) -> &str {
    SPELLINGS.iter().find(|(theirs, _)| *theirs == error).map_or(error, |(_, ours)| ours)
}

/// Whether a refusal says that the refresh token is dead, by its code or its words: Atlassian says `unauthorized_client`.
pub(crate) fn ends_a_refresh_token(code: &str, words: &str) -> bool {
    let meaning = means(code);
    let is_named = meaning == "invalid_grant" || ENDS_A_REFRESH_TOKEN.contains(&meaning);
    is_named || is_vague(code) && calls_dead(&["refresh token"], words)
}

/// Whether a refusal says that the token to revoke is dead. By less than for a refresh: a login that is said to have ended, and has not,
/// is a lie (law 13).
pub(crate) fn is_revoked_already(code: &str, words: &str) -> bool {
    means(code) == "invalid_grant" || is_vague(code) && calls_dead(&["token"], words)
}

/// What a refusal is called in the RFCs, by its code and its words; empty where they have no name for it. Some servers call an unknown client
/// (oauthlib) or an unknown device code (Authlib) an `invalid_request`.
pub(crate) fn means_in_words(code: &str, words: &str) -> &'static str {
    let is_of_the_client = calls_dead(&["client id", "client secret", "client credentials"], words);
    match is_vague(code) {
        true if is_of_the_client => "invalid_client",
        true if calls_dead(&["device code"], words) => "invalid_grant",
        _ => KNOWN.iter().find(|known| **known == means(code)).copied().unwrap_or_default(),
    }
}

/// Whether a code says little. One that is a sentence says nothing as a code.
fn is_vague(code: &str) -> bool {
    VAGUE.iter().any(|vague| code.eq_ignore_ascii_case(vague)) || code.contains(' ')
}

/// Whether a text is an error code and not just words.
pub(crate) fn is_known(error: &str) -> bool {
    KNOWN.contains(&means(error))
}

/// Whether a code may stand in a sentence of ours: it is one of the RFCs, or of the tables here.
pub(crate) fn may_be_named(error: &str) -> bool {
    is_known(error) || ENDS_A_REFRESH_TOKEN.contains(&error) || ELSEWHERE.contains(&error)
}

/// Errors by other names than the RFCs', and what they mean there. For any server: what one writes, others may.
const SPELLINGS: &[(&str, &str)] = &[
    // GitHub.
    ("token_expired", "expired_token"),
    ("incorrect_device_code", "invalid_grant"),
    ("incorrect_client_credentials", "invalid_client"),
    ("bad_refresh_token", "invalid_grant"),
    // Entra ID.
    ("authorization_declined", "access_denied"),
    ("bad_verification_code", "invalid_grant"),
    // Twitch, in words.
    ("invalid_device_code", "invalid_grant"),
    ("invalid_refresh_token", "invalid_grant"),
    ("invalid_client_secret", "invalid_client"),
    // OpenAI.
    ("refresh_token_reused", "invalid_grant"),
    ("refresh_token_invalidated", "invalid_grant"),
    ("refresh_token_expired", "invalid_grant"),
    // GoTrue.
    ("refresh_token_not_found", "invalid_grant"),
    ("refresh_token_already_used", "invalid_grant"),
    ("session_not_found", "invalid_grant"),
    ("session_expired", "invalid_grant"),
    // Others, of whom it is said.
    ("refresh_token_revoked", "invalid_grant"),
    ("refresh_token_invalid", "invalid_grant"),
    ("expired_refresh_token", "invalid_grant"),
    ("invalid_client_id", "invalid_client"),
    ("invalid_client_credentials", "invalid_client"),
    ("client_not_found", "invalid_client"),
    ("unknown_client", "invalid_client"),
    ("client_authentication_failed", "invalid_client"),
];

/// Codes for a dead refresh token that the RFCs define for something else: `expired_token` for device codes (RFC 8628 §3.5),
/// `invalid_token` for access tokens (RFC 6750 §3.1), the last four for a login without a person (OpenID Connect Core §3.1.2.6). No RFC
/// has `token_revoked`.
const ENDS_A_REFRESH_TOKEN: &[&str] = &[
    "expired_token",
    "invalid_token",
    "token_revoked",
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
];

/// Codes of RFC 6749 §4.1.2.1, RFC 6750 §3.1 and RFC 9470 §3 that are not answered at a token endpoint.
const ELSEWHERE: &[&str] =
    &["insufficient_scope", "insufficient_user_authentication", "invalid_token", "unsupported_response_type"];

/// Codes that say little: the words with them decide.
const VAGUE: &[&str] =
    &["invalid_request", "unauthorized_client", "invalid_token", "unauthorized", "bad_request", "forbidden", ""];

/// The codes of RFC 6749 §5.2 and §4.1.2.1, RFC 7009 §2.2.1, RFC 8628 §3.5, RFC 8707 §2 and RFC 9449 §5 and §8, and one of GitHub's
/// that means nothing else.
const KNOWN: &[&str] = &[
    "access_denied",
    "authorization_pending",
    "device_flow_disabled",
    "expired_token",
    "invalid_client",
    "invalid_dpop_proof",
    "invalid_grant",
    "invalid_request",
    "invalid_scope",
    "invalid_target",
    "server_error",
    "slow_down",
    "temporarily_unavailable",
    "unauthorized_client",
    "unsupported_grant_type",
    "unsupported_token_type",
    "use_dpop_nonce",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_means_something_of_the_rfcs() {
        for (theirs, ours) in SPELLINGS {
            assert!(KNOWN.contains(ours) && !KNOWN.contains(theirs) && is_known(theirs), "{theirs}");
        }
    }
}
