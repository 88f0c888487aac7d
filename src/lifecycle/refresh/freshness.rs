//! How good a token is at a moment, and when the next one may be fetched early.

use std::time::{Duration, SystemTime};

use super::decide::Freshness;
use crate::records::record::StoredToken;

/// `jitter` moves the beginning of the advisory window.
pub(super) fn freshness(token: &StoredToken, now: SystemTime, min_validity: Option<Duration>, jitter: u8) -> Freshness {
    if !token.is_valid(now, min_validity) {
        return match (token.is_valid(now, Some(Duration::ZERO)), min_validity) {
            (true, None) => Freshness::Ending,
            (true, Some(_)) => Freshness::Short,
            (false, _) => Freshness::Stale,
        };
    }
    match early_from(token, jitter) {
        Some(from) if from <= now => Freshness::Advisory,
        _ => Freshness::Fresh,
    }
}

/// From when on a token may be replaced early: somewhere in the first half of its advisory window, so that what was issued
/// together is not asked for together. `None` where nobody knows its end.
pub(super) fn early_from(token: &StoredToken, jitter: u8) -> Option<SystemTime> {
    let window = advisory_window(token);
    token.expires_at?.checked_sub(window - window * u32::from(jitter) / 512)
}

/// How long an early attempt that failed is not repeated.
pub(super) fn rest(token: &StoredToken) -> Duration {
    (advisory_window(token) / 4).clamp(Duration::from_secs(1), Duration::from_secs(30))
}

/// The last 5 min of a token, or the last tenth where that is less, so that a short one is not replaced at every call.
fn advisory_window(token: &StoredToken) -> Duration {
    let lifetime = token.expires_at.and_then(|end| end.duration_since(token.received_at).ok());
    Duration::from_secs(300).min(lifetime.unwrap_or_default() / 10)
}
