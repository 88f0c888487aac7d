//! The codes of error replies: those of the RFCs, and what servers write in their place.

use crate::oauth::error_description::calls_dead;

/// Returns the RFCs' code for an error code, or the code itself if they have none.
pub(crate) fn rfc_code(error: &str) -> &str {
    ALIASES.iter().find(|(theirs, _)| *theirs == error).map_or(error, |(_, ours)| ours)
}

/// Returns whether an error says that the refresh token is dead, by its code or its words: Atlassian says `unauthorized_client`.
pub(crate) fn says_refresh_token_is_dead(code: &str, words: &str) -> bool {
    let rfc_code = rfc_code(code);
    let says_so = rfc_code == "invalid_grant" || DEAD_REFRESH_TOKEN.contains(&rfc_code);
    says_so || is_vague(code) && calls_dead(&["refresh token"], words)
}

/// Returns whether an error says that a refresh token was used twice.
pub(crate) fn says_reused(code: &str) -> bool {
    REUSED.contains(&code)
}

/// Returns whether an error says that the token to revoke is dead. Fewer codes count than for a
/// refresh: a logout must not report a login as ended that still lives (law 13).
pub(crate) fn says_revoked_token_is_dead(code: &str, words: &str) -> bool {
    rfc_code(code) == "invalid_grant" || is_vague(code) && calls_dead(&["token"], words)
}

/// Returns the RFCs' code for an error, by its code and its words; empty if they have none. Some servers call an unknown client (oauthlib) or
/// an unknown device code (Authlib) an `invalid_request`.
pub(crate) fn rfc_code_in_words(code: &str, words: &str) -> &'static str {
    let is_about_the_client = calls_dead(&["client id", "client secret", "client credentials"], words);
    match is_vague(code) {
        true if is_about_the_client => "invalid_client",
        true if calls_dead(&["device code"], words) => "invalid_grant",
        _ => RFC_CODES.iter().find(|known| **known == rfc_code(code)).copied().unwrap_or_default(),
    }
}

/// Returns whether a code says little. A sentence says nothing as a code.
fn is_vague(code: &str) -> bool {
    VAGUE.iter().any(|vague| code.eq_ignore_ascii_case(vague)) || code.contains(' ')
}

/// Returns whether a text is an error code and not just words.
pub(crate) fn is_known(error: &str) -> bool {
    RFC_CODES.contains(&rfc_code(error))
}

/// Returns whether a code may stand in a sentence of ours: it is one of the RFCs, or of the tables here.
pub(crate) fn may_be_printed(error: &str) -> bool {
    is_known(error) || DEAD_REFRESH_TOKEN.contains(&error) || OTHER_ENDPOINTS.contains(&error)
}

/// Codes of a refresh token that was used twice: of OpenAI, and of GoTrue.
const REUSED: &[&str] = &["refresh_token_reused", "refresh_token_already_used"];

/// Codes in the RFCs' place, and the RFCs' codes. For any server: what one writes, others may.
const ALIASES: &[(&str, &str)] = &[
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
    // Others, from hearsay.
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
const DEAD_REFRESH_TOKEN: &[&str] = &[
    "expired_token",
    "invalid_token",
    "token_revoked",
    "login_required",
    "interaction_required",
    "consent_required",
    "account_selection_required",
];

/// Codes of RFC 6749 §4.1.2.1, RFC 6750 §3.1 and RFC 9470 §3 that are not answered at a token endpoint.
const OTHER_ENDPOINTS: &[&str] =
    &["insufficient_scope", "insufficient_user_authentication", "invalid_token", "unsupported_response_type"];

/// Codes that say little, so that the words with them decide.
const VAGUE: &[&str] =
    &["invalid_request", "unauthorized_client", "invalid_token", "unauthorized", "bad_request", "forbidden", ""];

/// The codes of RFC 6749 §5.2 and §4.1.2.1, RFC 7009 §2.2.1, RFC 8628 §3.5, RFC 8707 §2 and RFC 9449 §5 and §8, and one of GitHub's
/// that means nothing else.
const RFC_CODES: &[&str] = &[
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
    fn every_alias_means_a_code_of_the_rfcs() {
        for (theirs, ours) in ALIASES {
            assert!(RFC_CODES.contains(ours) && !RFC_CODES.contains(theirs) && is_known(theirs), "{theirs}");
        }
    }
}
