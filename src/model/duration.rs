//! Durations as people write them: one grammar for every flag and variable that takes a duration. And times as programs read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::model::error::{Error, Result};
use crate::model::sanitize::quoted;
use crate::model::setting::Setting;

/// Reads a duration: `90` or `90s`, `15m`, `8h`, `30d`; or as RFC 3339 appendix A has it, `PT8H`, `P1DT12H`, `P2W`, without years and
/// months, which have no fixed length. The error names `setting`.
///
/// ```
/// use std::time::Duration;
/// use hallpass::config::Setting;
/// use hallpass::clock::parse_duration;
///
/// let setting = Setting::Variable("ACME_LOCK_TIMEOUT");
/// assert_eq!(parse_duration(setting, "8h")?, Duration::from_secs(28_800));
/// assert_eq!(parse_duration(setting, "PT8H")?, Duration::from_secs(28_800));
/// let error = parse_duration(setting, "soon").unwrap_err();
/// assert_eq!(error.to_string(), "ACME_LOCK_TIMEOUT \"soon\" is no duration: write 90 (seconds), 15m, 8h, 30d or PT8H");
/// # Ok::<(), hallpass::Error>(())
/// ```
///
/// # Errors
/// `Config` if the text is no duration, or is longer than a [`Duration`] can be.
pub fn parse_duration(setting: Setting, text: &str) -> Result<Duration> {
    seconds(text).map(Duration::from_secs).ok_or_else(|| {
        let text = quoted(text);
        Error::config(setting, format!("{setting} \"{text}\" is no duration: write 90 (seconds), 15m, 8h, 30d or PT8H"))
    })
}

/// Returns the time as RFC 3339, in UTC and whole seconds: `2026-01-01T00:00:00Z`. A time before 1970 is shown as the beginning of 1970.
pub fn rfc3339(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (year, month, day) = date(seconds / 86_400);
    let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// Times as RFC 3339 with milliseconds, UTC: `2026-01-01T00:00:00.000Z`.
pub(crate) mod rfc3339_millis {
    use serde::{Deserialize, Deserializer, Serializer, de};

    use super::*;

    pub(crate) fn serialize<S: Serializer>(time: &SystemTime, serializer: S) -> Result<S::Ok, S::Error> {
        let millis = time.duration_since(UNIX_EPOCH).unwrap_or_default().subsec_millis();
        serializer.collect_str(&format_args!("{}.{millis:03}Z", rfc3339(*time).trim_end_matches('Z')))
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SystemTime, D::Error> {
        let text = String::deserialize(deserializer)?;
        parse(&text).ok_or_else(|| de::Error::custom("not a time as RFC 3339 has it, with milliseconds"))
    }

    /// Reads what [`serialize`] writes, and nothing else.
    fn parse(text: &str) -> Option<SystemTime> {
        let number = |from: usize, to: usize| text.get(from..to)?.parse::<u64>().ok();
        let [year, month, day] = [number(0, 4)?, number(5, 7)?, number(8, 10)?];
        let [hour, minute, second, millis] = [number(11, 13)?, number(14, 16)?, number(17, 19)?, number(20, 23)?];
        let days = days_until(year, month, day)?;
        let seconds = days * 86_400 + hour * 3600 + minute * 60 + second;
        let time = UNIX_EPOCH + Duration::from_millis(seconds * 1000 + millis);
        // A day that does not exist, a letter in another place: whatever is not written so.
        (serialize(&time, serde_json::value::Serializer).ok()?.as_str() == Some(text)).then_some(time)
    }

    fn days_until(year: u64, month: u64, day: u64) -> Option<u64> {
        let years = year.checked_sub(1970)?;
        // The nearest day below: no month is longer than 31 days, no year has more than one leap day.
        let least = years * 365 + years / 5 + month.checked_sub(1)? * 28;
        (least..least + 500).find(|days| date(*days) == (year, month, day))
    }
}

/// Returns year, month and day of the Gregorian calendar. 400 years have 146 097 days, in whichever year they begin.
fn date(days_since_1970: u64) -> (u64, u64, u64) {
    let (mut year, mut day) = (1970 + days_since_1970 / 146_097 * 400, days_since_1970 % 146_097);
    let is_leap = |year: u64| year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400));
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let mut month = 1;
    for days in [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30] {
        if day < days {
            break;
        }
        day -= days;
        month += 1;
    }
    (year, month, day + 1)
}

const UNITS: &[(char, u64)] = &[('w', 604_800), ('d', 86_400), ('h', 3600), ('m', 60), ('s', 1)];

fn seconds(text: &str) -> Option<u64> {
    if let Some(iso) = text.strip_prefix('P') {
        return iso_seconds(iso);
    }
    match UNITS[1..].iter().find_map(|(unit, length)| Some((text.strip_suffix(*unit)?, *length))) {
        Some((number, length)) => digits(number)?.checked_mul(length),
        None => digits(text),
    }
}

/// RFC 3339 appendix A: `duration = "P" (dur-date / dur-time / dur-week)`, `dur-time = "T" (dur-hour / dur-minute / dur-second)`.
fn iso_seconds(text: &str) -> Option<u64> {
    let (date, time) = text.split_once('T').map_or((text, None), |(date, time)| (date, Some(time)));
    let is_empty = date.is_empty() && time.is_none() || time.is_some_and(str::is_empty);
    let date_seconds = sum_units(date, if text.ends_with('W') { &UNITS[..1] } else { &UNITS[1..2] })?;
    let time_seconds = sum_units(time.unwrap_or_default(), &UNITS[2..])?;
    date_seconds.checked_add(time_seconds).filter(|_| !is_empty)
}

/// Adds up numbers, each followed by its unit in upper case, in the order of `units`.
fn sum_units(mut text: &str, units: &[(char, u64)]) -> Option<u64> {
    let mut sum = 0_u64;
    for (unit, length) in units {
        if let Some((number, rest)) = text.split_once(unit.to_ascii_uppercase()) {
            sum = sum.checked_add(digits(number)?.checked_mul(*length)?)?;
            text = rest;
        }
    }
    text.is_empty().then_some(sum)
}

/// Reads digits only: `parse` alone would accept a sign.
fn digits(number: &str) -> Option<u64> {
    number.parse().ok().filter(|_| number.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn writes_times_as_another_crate_does() {
        // Each day of two turns of the calendar, at another time of day each.
        for day in 0..2 * 146_097 {
            let time = UNIX_EPOCH + Duration::from_secs(day * 86_400 + day * 7919 % 86_400);
            assert_eq!(rfc3339(time), humantime::format_rfc3339_seconds(time).to_string());
        }
        assert_eq!(rfc3339(UNIX_EPOCH - Duration::from_secs(1)), "1970-01-01T00:00:00Z");
        // humantime takes no later one.
        assert_eq!(rfc3339(UNIX_EPOCH + Duration::from_secs(253_402_300_800)), "10000-01-01T00:00:00Z");
    }

    #[test]
    fn accepts_one_grammar_and_no_other() {
        for (text, wanted) in [
            ("0", 0),
            ("90", 90),
            ("90s", 90),
            ("15m", 900),
            ("8h", 28_800),
            ("30d", 2_592_000),
            ("PT8H", 28_800),
            ("PT1H30S", 3630),
            ("P1DT12H", 129_600),
            ("P30D", 2_592_000),
            ("P2W", 1_209_600),
            ("18446744073709551615", u64::MAX),
        ] {
            assert_eq!(seconds(text), Some(wanted), "{text}");
        }
        let none = "|P|PT|P1DT|T8H|PT8|8H|15M|1h30m|1.5h|-1|+1|+1m|m|s| 90|90 |P1Y|P1M|P1W1D|P1WT1H|PT1M1H|PT1D|P1H|PT-1S|pt8h|\
                    ninety|9 0|18446744073709551616|213503982334602d|PT5124095576030432H|PT18446744073709551615S1";
        for text in none.split('|') {
            assert_eq!(seconds(text), None, "{text:?}");
        }
    }

    #[test]
    fn what_is_written_with_milliseconds_is_read_again() {
        for millis in [0, 1, 951_782_400_000, 1_709_164_800_999, 4_107_542_399_001, 253_402_300_799_999] {
            let time = UNIX_EPOCH + Duration::from_millis(millis);
            let text = rfc3339_millis::serialize(&time, serde_json::value::Serializer).unwrap();
            assert_eq!(rfc3339_millis::deserialize(&text).unwrap(), time, "{text}");
        }
        for bad in [
            "",
            "2026-02-30T00:00:00.000Z",
            "2026-01-01T00:00:00Z",
            "2026-01-01 00:00:00.000Z",
            "+026-01-01T00:00:00.000Z",
        ] {
            assert!(rfc3339_millis::deserialize(serde_json::Value::from(bad)).is_err(), "{bad}");
        }
    }
}
