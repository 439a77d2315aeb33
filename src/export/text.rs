//! Values as text, written into a buffer without an allocation for each.

use std::io::Write as _;

use jiff::{
    Span,
    civil::{self, Date},
};

const SECS_PER_DAY: i64 = 86_400;

pub(super) fn push_int(line: &mut Vec<u8>, value: i64) {
    line.extend_from_slice(itoa::Buffer::new().format(value).as_bytes());
}

/// The shortest digits that read back as the same number, always with a point or an exponent: a
/// real number stays one. Without end, it is `Infinity`, which most readers of numbers know.
pub(super) fn push_real(line: &mut Vec<u8>, value: f64) {
    if value.is_infinite() {
        let sign = if value < 0.0 { "-" } else { "" };
        line.extend_from_slice(sign.as_bytes());
        line.extend_from_slice(b"Infinity");
        return;
    }
    // Writing to a vector cannot fail.
    write!(line, "{value:?}").ok();
}

/// `x'00ff'`, as SQL writes bytes.
pub(super) fn push_hex(line: &mut Vec<u8>, bytes: &[u8]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";

    line.extend_from_slice(b"x'");
    for byte in bytes {
        line.push(DIGITS[usize::from(byte >> 4)]);
        line.push(DIGITS[usize::from(byte & 15)]);
    }
    line.push(b'\'');
}

/// Writes Unix seconds as RFC 3339 in UTC. Neighbouring rows mostly share their day, so the date is
/// kept: working it out anew takes longer than everything else about a time.
pub(super) struct Clock {
    day: i64,
    /// `2026-03-11T`, or nothing for a day that RFC 3339 cannot write.
    date: Option<[u8; 11]>,
}

impl Default for Clock {
    fn default() -> Self {
        Self {
            day: 0,
            date: Some(*b"1970-01-01T"),
        }
    }
}

impl Clock {
    /// Appends the time. `false`, and nothing appended, for one outside of the years 0 to 9999.
    pub(super) fn push(&mut self, line: &mut Vec<u8>, unix_secs: i64) -> bool {
        let day = unix_secs.div_euclid(SECS_PER_DAY);
        if day != self.day {
            self.day = day;
            self.date = date_of(day).map(written);
        }
        let Some(date) = self.date else {
            return false;
        };
        let second = unix_secs.rem_euclid(SECS_PER_DAY);
        let two = |value: i64| {
            let value = value as u8;
            [b'0' + value / 10, b'0' + value % 10]
        };
        let ([h, hh], [m, mm], [s, ss]) =
            (two(second / 3600), two(second / 60 % 60), two(second % 60));
        line.extend_from_slice(&date);
        line.extend_from_slice(&[h, hh, b':', m, mm, b':', s, ss, b'Z']);
        true
    }
}

/// The date of a day since 1970, within the years 0 to 9999. By the calendar alone: timestamps end a
/// day before it does.
pub(super) fn date_of(day: i64) -> Option<Date> {
    let since = Span::new().try_days(day).ok()?;
    let date = civil::date(1970, 1, 1).checked_add(since).ok()?;
    (date.year() >= 0).then_some(date)
}

fn written(date: Date) -> [u8; 11] {
    let digit = |value: i16, unit: i16| b'0' + (value / unit % 10) as u8;
    let (year, month, day) = (date.year(), i16::from(date.month()), i16::from(date.day()));
    [
        digit(year, 1000),
        digit(year, 100),
        digit(year, 10),
        digit(year, 1),
        b'-',
        digit(month, 10),
        digit(month, 1),
        b'-',
        digit(day, 10),
        digit(day, 1),
        b'T',
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_those_of_the_calendar() {
        let mut clock = Clock::default();
        for (secs, expected) in [
            (0, "1970-01-01T00:00:00Z"),
            (-1, "1969-12-31T23:59:59Z"),
            (951_782_399, "2000-02-28T23:59:59Z"),
            (951_782_400, "2000-02-29T00:00:00Z"),
            (1_773_209_640, "2026-03-11T06:14:00Z"),
            (253_402_300_799, "9999-12-31T23:59:59Z"),
            (-62_167_219_200, "0000-01-01T00:00:00Z"),
        ] {
            let mut line = Vec::new();
            assert!(clock.push(&mut line, secs), "{secs}");
            assert_eq!(String::from_utf8_lossy(&line), expected);
        }
        for secs in [253_402_300_800, -62_167_219_201, i64::MAX, i64::MIN] {
            let mut line = Vec::new();
            assert!(!clock.push(&mut line, secs), "{secs}");
            assert!(line.is_empty());
        }
    }

    #[test]
    fn real_numbers_read_back() {
        for value in [0.1 + 0.2, 5.0, -0.0, 1e300, 5e-324, f64::MAX] {
            let mut line = Vec::new();
            push_real(&mut line, value);
            let text = String::from_utf8(line).expect("ASCII");
            assert_eq!(
                text.parse::<f64>().expect(&text).to_bits(),
                value.to_bits(),
                "{text}"
            );
        }
    }
}
