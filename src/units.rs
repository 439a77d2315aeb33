//! Sizes, durations, counts and times: how they are shown and how they are read back.
//!
//! What [`Bytes::exact`] and [`exact_duration`] print, [`Bytes::parse`] and [`parse_duration`]
//! read: profiles are stored that way, so no value drifts by being saved.

use std::{fmt, time::Duration};

use jiff::{Timestamp, tz::TimeZone};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::{Error, Result};

/// An amount of memory or disk space.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(pub u64);

/// Binary units, largest first.
const BINARY_UNITS: [(&str, u64); 5] = [
    ("PiB", 1 << 50),
    ("TiB", 1 << 40),
    ("GiB", 1 << 30),
    ("MiB", 1 << 20),
    ("KiB", 1 << 10),
];

impl Bytes {
    /// This many KiB.
    pub const fn kib(count: u64) -> Self {
        Self(count << 10)
    }

    /// This many MiB.
    pub const fn mib(count: u64) -> Self {
        Self(count << 20)
    }

    /// This many GiB.
    pub const fn gib(count: u64) -> Self {
        Self(count << 30)
    }

    /// Reads `1.5 GiB`, `200 MB`, `64k` or a plain number of bytes.
    ///
    /// `KB`, `MB`, … count in thousands, `KiB`, `MiB`, … and the bare letters in 1024.
    ///
    /// # Errors
    /// If there is no number, the unit is unknown, or the amount does not fit.
    pub fn parse(text: &str) -> Result<Self> {
        let expected = "an amount such as 64 MiB, 1.5 GiB or 200 MB";
        let invalid = || Error::invalid("size", text, expected);
        let (number, unit) = split_unit(text).ok_or_else(invalid)?;
        let factor = byte_factor(unit).ok_or_else(invalid)?;
        let bytes = scale(number, factor).ok_or_else(invalid)?;
        Ok(Self(bytes))
    }

    /// The amount without rounding, in the largest binary unit that divides it.
    pub fn exact(self) -> String {
        BINARY_UNITS
            .iter()
            .find(|(_, factor)| self.0 >= *factor && self.0.is_multiple_of(*factor))
            .map_or_else(
                || format!("{} B", self.0),
                |(name, factor)| format!("{} {name}", self.0 / factor),
            )
    }
}

/// Binary units with three significant figures: `1.50 GiB`, `212 MiB`, `0 B`.
impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // 1023.9 MiB is shown as 1.00 GiB, not as 1024 MiB.
        let unit = BINARY_UNITS
            .iter()
            .find(|(_, factor)| self.0 as f64 >= *factor as f64 * 0.9995);
        let Some((name, factor)) = unit else {
            return f.pad(&format!("{} B", self.0));
        };
        let amount = self.0 as f64 / *factor as f64;
        let decimals = match amount {
            x if x < 9.995 => 2,
            x if x < 99.95 => 1,
            _ => 0,
        };
        f.pad(&format!("{amount:.decimals$} {name}"))
    }
}

impl Serialize for Bytes {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.exact())
    }
}

impl<'de> Deserialize<'de> for Bytes {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(error.chain()))
    }
}

fn byte_factor(unit: &str) -> Option<u64> {
    let unit = unit.to_ascii_lowercase();
    Some(match unit.as_str() {
        "" | "b" | "byte" | "bytes" => 1,
        "k" | "kib" => 1 << 10,
        "m" | "mib" => 1 << 20,
        "g" | "gib" => 1 << 30,
        "t" | "tib" => 1 << 40,
        "p" | "pib" => 1 << 50,
        "kb" => 1_000,
        "mb" => 1_000_000,
        "gb" => 1_000_000_000,
        "tb" => 1_000_000_000_000,
        _ => return None,
    })
}

/// Splits `1.5 GiB` into its number and its unit. Separators inside the number are allowed.
pub(crate) fn split_unit(text: &str) -> Option<(&str, &str)> {
    let text = text.trim();
    let end = text
        .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '_' | '\u{2009}')))
        .unwrap_or(text.len());
    let (number, unit) = text.split_at(end);
    number
        .starts_with(|c: char| c.is_ascii_digit() || c == '.')
        .then_some((number, unit.trim()))
}

/// `number × factor`, exact for whole numbers, rounded otherwise. `None` if it does not fit.
///
/// A comma separates thousands only: `1,5` is no number here, because half of its readers would
/// take it for one and a half and the other half for fifteen.
pub(crate) fn scale(number: &str, factor: u64) -> Option<u64> {
    let whole_part = number.split('.').next().unwrap_or(number);
    let mut groups = whole_part.split(',').skip(1);
    if number.matches(',').count() != whole_part.matches(',').count()
        || !groups.all(|group| group.len() == 3)
    {
        return None;
    }
    let digits: String = number
        .chars()
        .filter(|c| !matches!(c, ',' | '_' | '\u{2009}'))
        .collect();
    if let Ok(whole) = digits.parse::<u64>() {
        return whole.checked_mul(factor);
    }
    let amount = digits.parse::<f64>().ok()? * factor as f64;
    // 2^63: beyond it SQLite's signed 64-bit settings end, and f64 no longer counts single bytes.
    (amount.is_finite() && amount < 9.2e18).then_some(amount.round() as u64)
}

/// Reads `30s`, `2 min`, `1.5 h`, `250 ms`, `1 d` or a plain number of seconds.
///
/// # Errors
/// If there is no number or the unit is unknown.
pub fn parse_duration(text: &str) -> Result<Duration> {
    let invalid = || Error::invalid("duration", text, "a time such as 30s, 2 min, 1 h or 250 ms");
    let (number, unit) = split_unit(text).ok_or_else(invalid)?;
    let millis_per_unit = match unit.to_ascii_lowercase().as_str() {
        "ms" | "millis" => 1,
        "" | "s" | "sec" | "secs" | "second" | "seconds" => 1_000,
        "m" | "min" | "mins" | "minute" | "minutes" => 60_000,
        "h" | "hour" | "hours" => 3_600_000,
        "d" | "day" | "days" => 86_400_000,
        _ => return Err(invalid()),
    };
    scale(number, millis_per_unit)
        .map(Duration::from_millis)
        .ok_or_else(invalid)
}

/// A duration without rounding (to the millisecond), in the largest unit that divides it.
pub fn exact_duration(duration: Duration) -> String {
    let millis = duration.as_millis();
    for (unit, factor) in [("h", 3_600_000), ("min", 60_000), ("s", 1_000)] {
        if millis >= factor && millis.is_multiple_of(factor) {
            return format!("{} {unit}", millis / factor);
        }
    }
    format!("{millis} ms")
}

/// An optional duration as text, `off` for none: for settings files, with `#[serde(with = …)]`.
pub mod optional_duration {
    use super::{Deserialize as _, Deserializer, Duration, Serializer};

    /// Writes `2 min`, or `off`.
    ///
    /// # Errors
    /// Those of the serializer.
    #[expect(clippy::ref_option, reason = "serde passes the field by reference")]
    pub fn serialize<S: Serializer>(
        value: &Option<Duration>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(duration) => serializer.serialize_str(&super::exact_duration(*duration)),
            None => serializer.serialize_str("off"),
        }
    }

    /// Reads what [`serialize`] writes.
    ///
    /// # Errors
    /// If the text is neither `off` nor a duration.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Duration>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if matches!(text.trim(), "off" | "none") {
            return Ok(None);
        }
        super::parse_duration(&text)
            .map(Some)
            .map_err(|error| serde::de::Error::custom(error.chain()))
    }
}

/// An optional size as text, `off` for none: for settings files, with `#[serde(with = …)]`.
pub mod optional_bytes {
    use super::{Bytes, Deserialize as _, Deserializer, Serializer};

    /// Writes `512 MiB`, or `off`.
    ///
    /// # Errors
    /// Those of the serializer.
    #[expect(clippy::ref_option, reason = "serde passes the field by reference")]
    pub fn serialize<S: Serializer>(
        value: &Option<Bytes>,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        match value {
            Some(bytes) => serializer.serialize_str(&bytes.exact()),
            None => serializer.serialize_str("off"),
        }
    }

    /// Reads what [`serialize`] writes.
    ///
    /// # Errors
    /// If the text is neither `off` nor a size.
    pub fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<Option<Bytes>, D::Error> {
        let text = String::deserialize(deserializer)?;
        if matches!(text.trim(), "off" | "none") {
            return Ok(None);
        }
        Bytes::parse(&text)
            .map(Some)
            .map_err(|error| serde::de::Error::custom(error.chain()))
    }
}

/// Seconds as a duration. What no clock can have counted (a recording may hold any number) is none.
pub fn seconds(secs: f64) -> Duration {
    Duration::try_from_secs_f64(secs.max(0.0)).unwrap_or_default()
}

/// How long one of our own tasks took: `0.4 ms`, `38 ms`, `3.2 s`, `12:05 min`, `1:02:05 h`.
pub fn format_elapsed(duration: Duration) -> String {
    let secs = duration.as_secs_f64();
    let whole = duration.as_secs();
    match secs {
        s if s < 0.01 => format!("{:.1} ms", s * 1e3),
        s if s < 0.9995 => format!("{:.0} ms", s * 1e3),
        s if s < 60.0 => format!("{s:.1} s"),
        s if s < 3600.0 => format!("{}:{:02} min", whole / 60, whole % 60),
        _ => format!(
            "{}:{:02}:{:02} h",
            whole / 3600,
            whole / 60 % 60,
            whole % 60
        ),
    }
}

/// How long a job ran: `0:08:10`, `41:41:38` below four days, `4 d 03:14` from there on.
pub fn format_job_duration(secs: i64) -> String {
    let sign = if secs < 0 { "−" } else { "" };
    let secs = secs.unsigned_abs();
    let (hours, minutes) = (secs / 3600, secs / 60 % 60);
    if hours < 96 {
        format!("{sign}{hours}:{minutes:02}:{:02}", secs % 60)
    } else {
        format!("{sign}{} d {:02}:{minutes:02}", hours / 24, hours % 24)
    }
}

/// Thousands separated by thin spaces: `20 100 000`.
pub fn format_count(count: impl TryInto<i64>) -> String {
    // Nothing that we count comes near 2^63; the largest number is still shown as a large one.
    let count = count.try_into().unwrap_or(i64::MAX);
    let digits = count.unsigned_abs().to_string();
    let mut text = String::with_capacity(digits.len() * 2);
    if count < 0 {
        text.push('−');
    }
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push('\u{2009}');
        }
        text.push(digit);
    }
    text
}

/// A count with what is counted: `1 row`, `20 100 000 rows`.
pub fn counted(count: u64, one: &str, several: &str) -> String {
    let noun = if count == 1 { one } else { several };
    format!("{} {noun}", format_count(count))
}

/// Three significant figures for a count that is only roughly known: `20.1 M`, `734 k`, `544`.
pub fn format_rough_count(count: u64) -> String {
    for (unit, factor) in [("G", 1e9), ("M", 1e6), ("k", 1e3)] {
        let amount = count as f64 / factor;
        if amount >= 0.9995 && count >= 10_000 {
            let decimals = match amount {
                x if x < 9.995 => 2,
                x if x < 99.95 => 1,
                _ => 0,
            };
            return format!("{amount:.decimals$} {unit}");
        }
    }
    format_count(count)
}

/// A measured value with three significant figures: `0`, `0.042`, `3.14`, `342`, `12 300`.
pub fn format_value(value: f64) -> String {
    let size = value.abs();
    if size >= 999.5 {
        // Digits after the third say nothing here.
        let unit = 10_f64.powf(size.log10().floor() - 2.0);
        return if size < 1e15 {
            format_count(((value / unit).round() * unit).round() as i64)
        } else {
            format!("{value:.2e}")
        };
    }
    let decimals = match size {
        s if s >= 99.95 => 0,
        s if s >= 9.995 => 1,
        s if s >= 0.9995 => 2,
        s if s >= 0.001 => 3,
        0.0 => 0,
        _ => return format!("{value:.1e}"),
    };
    let text = format!("{value:.decimals$}");
    if text.contains('.') {
        text.trim_end_matches('0').trim_end_matches('.').to_owned()
    } else {
        text
    }
}

/// A point in time in the user's zone: `2026-03-11 06:14`. The number itself if it is no time.
pub fn format_time(unix_secs: i64, zone: &TimeZone) -> String {
    Timestamp::from_second(unix_secs).map_or_else(
        // Hand-made databases hold anything; the raw value is still worth seeing.
        |_| unix_secs.to_string(),
        |time| {
            time.to_zoned(zone.clone())
                .strftime("%Y-%m-%d %H:%M")
                .to_string()
        },
    )
}

/// A point in time as RFC 3339 in UTC: `2026-03-11T06:14:00Z`. The number itself if it is no time.
pub fn format_rfc3339(unix_secs: i64) -> String {
    Timestamp::from_second(unix_secs)
        .map_or_else(|_| unix_secs.to_string(), |time| time.to_string())
}

/// The short name of a zone now, for column headers: `CET`, `UTC`.
pub fn zone_name(zone: &TimeZone) -> String {
    Timestamp::now()
        .to_zoned(zone.clone())
        .strftime("%Z")
        .to_string()
}

/// Reads Unix seconds, a date, a date with a time (in `zone`), or RFC 3339.
///
/// # Errors
/// If the text is none of these.
pub fn parse_time(text: &str, zone: &TimeZone) -> Result<i64> {
    let text = text.trim();
    if let Ok(unix_secs) = text.parse::<i64>() {
        return Ok(unix_secs);
    }
    if let Ok(timestamp) = text.parse::<Timestamp>() {
        return Ok(timestamp.as_second());
    }
    text.parse::<jiff::civil::DateTime>()
        .ok()
        .or_else(|| {
            let date = text.parse::<jiff::civil::Date>().ok()?;
            Some(date.to_datetime(jiff::civil::Time::midnight()))
        })
        .and_then(|local| local.to_zoned(zone.clone()).ok())
        .map(|zoned| zoned.timestamp().as_second())
        .ok_or_else(|| {
            Error::invalid(
                "time",
                text,
                "Unix seconds, 2026-03-11, 2026-03-11 06:14 or 2026-03-11T06:14:00Z",
            )
        })
}

/// The present as Unix seconds.
pub fn unix_now() -> i64 {
    Timestamp::now().as_second()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_shown_with_three_figures() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (900, "900 B"),
            (1536, "1.50 KiB"),
            (212 << 20, "212 MiB"),
            ((1 << 30) - 1, "1.00 GiB"),
            (68 << 30, "68.0 GiB"),
            (4_096_000_000_000, "3.73 TiB"),
        ] {
            assert_eq!(Bytes(bytes).to_string(), text, "{bytes}");
        }
    }

    #[test]
    fn sizes_are_read_with_either_kind_of_unit() {
        for (text, bytes) in [
            ("1.5 GiB", 3 << 29),
            ("200 MB", 200_000_000),
            ("64k", 65_536),
            ("4096", 4096),
            (" 2 tib ", 2 << 40),
            ("1_000 B", 1000),
            ("1,000 B", 1000),
        ] {
            assert_eq!(Bytes::parse(text).expect(text), Bytes(bytes), "{text}");
        }
    }

    #[test]
    fn a_size_that_is_none_says_what_would_be_one() {
        for text in [
            "",
            "lots",
            "1.5 furlongs",
            "99999999 PiB",
            "-1",
            "1e3",
            ".",
            "1,5 GiB",
            "1.5,000 GiB",
        ] {
            let error = Bytes::parse(text).expect_err(text);
            assert!(error.to_string().contains("64 MiB"), "{text}: {error}");
        }
    }

    #[test]
    fn durations_are_read_and_shown() {
        for (text, millis) in [
            ("30s", 30_000),
            ("2 min", 120_000),
            ("1.5 h", 5_400_000),
            ("250 ms", 250),
            ("7", 7_000),
        ] {
            let duration = Duration::from_millis(millis);
            assert_eq!(parse_duration(text).expect(text), duration, "{text}");
            let again = parse_duration(&exact_duration(duration)).expect("our own text");
            assert_eq!(again, duration, "{text} survives the round trip");
        }
        assert!(parse_duration("soon").is_err());
        assert_eq!(format_elapsed(Duration::from_millis(38)), "38 ms");
        assert_eq!(format_elapsed(Duration::from_millis(3_240)), "3.2 s");
        assert_eq!(format_elapsed(Duration::from_secs(725)), "12:05 min");
    }

    #[test]
    fn job_durations_change_to_days_after_four_of_them() {
        assert_eq!(format_job_duration(490), "0:08:10");
        assert_eq!(format_job_duration(150_098), "41:41:38");
        assert_eq!(
            format_job_duration(4 * 86_400 + 3 * 3600 + 840),
            "4 d 03:14"
        );
        assert_eq!(format_job_duration(-5), "−0:00:05");
    }

    #[test]
    fn counts_are_grouped() {
        assert_eq!(format_count(544), "544");
        assert_eq!(format_count(20_100_000), "20\u{2009}100\u{2009}000");
        assert_eq!(format_count(-1234), "−1\u{2009}234");
        assert_eq!(format_rough_count(20_100_000), "20.1 M");
        assert_eq!(format_rough_count(9_999), "9\u{2009}999");
    }

    #[test]
    fn times_are_read_in_the_users_zone() {
        let berlin = TimeZone::get("Europe/Berlin").unwrap_or(TimeZone::UTC);
        assert_eq!(
            parse_time("1773209640", &berlin).expect("unix"),
            1_773_209_640
        );
        let utc = parse_time("2026-03-11 06:14", &TimeZone::UTC).expect("local");
        assert_eq!(utc, 1_773_209_640);
        assert_eq!(format_time(utc, &TimeZone::UTC), "2026-03-11 06:14");
        assert_eq!(
            parse_time("2026-03-11T07:14:00+01:00", &TimeZone::UTC).expect("rfc 3339"),
            utc
        );
        assert!(parse_time("yesterday-ish", &berlin).is_err());
        assert_eq!(format_time(i64::MAX, &berlin), i64::MAX.to_string());
    }
}
