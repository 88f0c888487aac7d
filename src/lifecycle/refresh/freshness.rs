//! How good an access token is at a moment, and when the next one may be fetched early.

use std::time::{Duration, SystemTime};

use super::decide::Freshness;
use crate::records::record::StoredToken;

/// Returns how good `token` is for a caller that needs `min_validity`. `jitter` moves the start of the early refresh.
pub(super) fn freshness(token: &StoredToken, now: SystemTime, min_validity: Option<Duration>, jitter: u8) -> Freshness {
    if !token.is_valid(now, min_validity) {
        return match (token.is_valid(now, Some(Duration::ZERO)), min_validity) {
            (true, None) => Freshness::ExpiringSoon,
            (true, Some(_)) => Freshness::TooShort,
            (false, _) => Freshness::Stale,
        };
    }
    match early_refresh_from(token, jitter) {
        Some(from) if from <= now => Freshness::RefreshSoon,
        _ => Freshness::Fresh,
    }
}

/// Returns when a token may first be replaced early: somewhere in the first half of its refresh window, so that tokens which were
/// issued together are not refreshed together. `None` if nobody knows when the token expires.
pub(super) fn early_refresh_from(token: &StoredToken, jitter: u8) -> Option<SystemTime> {
    let window = refresh_window(token);
    token.expires_at?.checked_sub(window - window * u32::from(jitter) / 512)
}

/// Returns how long a failed early refresh is not repeated.
pub(super) fn refresh_cooldown(token: &StoredToken) -> Duration {
    (refresh_window(token) / 4).clamp(Duration::from_secs(1), Duration::from_secs(30))
}

/// Returns the last 5 min of a token, or the last tenth if that is less, so that a short-lived token is not replaced at every call.
fn refresh_window(token: &StoredToken) -> Duration {
    let lifetime = token.expires_at.and_then(|end| end.duration_since(token.received_at).ok());
    Duration::from_secs(300).min(lifetime.unwrap_or_default() / 10)
}
