//! The short forms of conditions that the command line takes, and chips are typed in.

use super::{Bound, Condition, NumberField, Range, TextField, TextMatch, TextOp, check_metric};
use crate::{
    error::{Error, Result},
    units::parse_duration,
};

/// `fritz`, `contains:k10`, `in:a,b`, `eq:contains:odd`: an operator of cc-backend, and a value.
pub fn parse_text(text: &str) -> TextMatch {
    let with_op = text.split_once(':').and_then(|(op, value)| {
        let op = TextOp::ALL.into_iter().find(|known| known.key() == op)?;
        Some((op, value))
    });
    match with_op {
        Some((TextOp::In, list)) => TextMatch {
            op: TextOp::In,
            values: list.split(',').map(ToOwned::to_owned).collect(),
        },
        Some((op, value)) => TextMatch::new(op, value),
        None => TextMatch::new(TextOp::Eq, text),
    }
}

/// The opposite of [`parse_text`].
pub fn write_text(is: &TextMatch) -> String {
    let plain = is.values.join(",");
    let reads_back = is.op == TextOp::Eq && parse_text(&plain) == *is;
    if reads_back {
        plain
    } else {
        format!("{}:{plain}", is.op.key())
    }
}

/// A condition on a text field, as typed.
pub fn text_condition(field: TextField, text: &str) -> Condition {
    Condition::Text {
        field,
        is: parse_text(text),
    }
}

/// `4..16`, `>=4`, `>4`, `<=16`, `<16`, `=0`, `0`; a duration may be written as `1h`, `90 min`.
///
/// # Errors
/// If it is none of these, not finite, or its ends are mixed up.
pub fn parse_range(field: NumberField, text: &str) -> Result<Range> {
    let number = |number: &str| {
        let value = match number.trim().parse::<f64>() {
            Ok(value) => Some(value),
            Err(_) if field == NumberField::Duration => parse_duration(number.trim())
                .ok()
                .map(|duration| duration.as_secs_f64()),
            Err(_) => None,
        };
        value.filter(|value| value.is_finite() && (!field.is_whole() || value.fract() == 0.0))
    };
    let example = match field {
        NumberField::Duration => "1h..2h, >=3600, <5min or =0",
        NumberField::Energy => "0.5..10, >=4, <2.5 or =0",
        NumberField::NumNodes | NumberField::NumHwThreads | NumberField::NumAccelerators => {
            "4..16, >=4, <16 or =0"
        }
    };
    read_range(text, number)
        .ok_or_else(|| Error::invalid(field.key(), text, example))?
        .checked(field.key())
}

/// `mem_bw_avg>=10`, `cpu_load_avg=0..1`, `flops_any_avg`: a key of the footprint, and its range.
///
/// # Errors
/// If the key or the range cannot be used.
pub fn parse_metric(text: &str) -> Result<Condition> {
    let end = text
        .find(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .unwrap_or(text.len());
    let (key, range) = text.split_at(end);
    let key = check_metric(key)?.to_owned();
    let range = match range.trim() {
        "" => Range::default(),
        range => {
            // `key=1..2` and `key=..2`: the first = only separates.
            let bare = range
                .strip_prefix('=')
                .filter(|rest| rest.contains(".."))
                .unwrap_or(range);
            let number = |number: &str| number.trim().parse::<f64>().ok().filter(|v| v.is_finite());
            read_range(bare, number)
                .ok_or_else(|| {
                    let expected = "a range like cpu_load_avg=0..1, mem_bw_avg>=10 or mem_bw_avg=0";
                    Error::invalid("footprint condition", text, expected)
                })?
                .checked("footprint condition")?
        }
    };
    Ok(Condition::Metric { key, range })
}

fn read_range(text: &str, number: impl Fn(&str) -> Option<f64>) -> Option<Range> {
    let text = text.trim();
    let bound = |text: &str, inclusive| number(text).map(|value| Some(Bound { value, inclusive }));
    let open_ended = |lower, upper| Some(Range { lower, upper });
    if let Some((lower, upper)) = text.split_once("..") {
        let end = |text: &str, mark: char| match text.trim() {
            "" => Some(None),
            text => match text.strip_prefix(mark) {
                Some(rest) => bound(rest, false),
                None => bound(text, true),
            },
        };
        let (lower, upper) = (end(lower, '>')?, end(upper, '<')?);
        return (lower.is_some() || upper.is_some()).then_some(Range { lower, upper });
    }
    if let Some(rest) = text.strip_prefix(">=").or_else(|| text.strip_prefix('≥')) {
        return open_ended(bound(rest, true)?, None);
    }
    if let Some(rest) = text.strip_prefix("<=").or_else(|| text.strip_prefix('≤')) {
        return open_ended(None, bound(rest, true)?);
    }
    if let Some(rest) = text.strip_prefix('>') {
        return open_ended(bound(rest, false)?, None);
    }
    if let Some(rest) = text.strip_prefix('<') {
        return open_ended(None, bound(rest, false)?);
    }
    let value = bound(text.strip_prefix('=').unwrap_or(text), true)?;
    open_ended(value, value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_name_its_operator() {
        assert_eq!(parse_text("fritz"), TextMatch::new(TextOp::Eq, "fritz"));
        assert_eq!(
            parse_text("contains:k10"),
            TextMatch::new(TextOp::Contains, "k10")
        );
        assert_eq!(parse_text("in:a,b").values, ["a", "b"]);
        assert_eq!(parse_text("a:b"), TextMatch::new(TextOp::Eq, "a:b"));
        for text in ["fritz", "contains:k10", "in:a,b", "eq:contains:odd", "a:b"] {
            assert_eq!(write_text(&parse_text(text)), text);
        }
    }

    #[test]
    fn ranges_read_as_they_are_written() {
        for text in ["4..16", ">=4", ">4", "<=16", "<16", "=0", "0..4", ">1..<3"] {
            let range = parse_range(NumberField::NumNodes, text).expect(text);
            assert_eq!(range.to_string(), text);
        }
        let duration = |text| parse_range(NumberField::Duration, text).map(|r| r.to_string());
        assert_eq!(duration("1h..2h").expect("hours"), "3600..7200");
        assert_eq!(duration("7").expect("one value"), "=7");
        for wrong in ["", "..", "a", "4..2", ">=", "1.5", "inf", "4...6", ">4..4"] {
            assert!(
                parse_range(NumberField::NumNodes, wrong).is_err(),
                "{wrong}"
            );
        }
    }

    #[test]
    fn a_footprint_condition_is_a_key_and_a_range() {
        let read = |text| match parse_metric(text) {
            Ok(Condition::Metric { key, range }) => format!("{key} {range}"),
            other => panic!("{other:?}"),
        };
        assert_eq!(read("mem_bw_avg>=10"), "mem_bw_avg >=10");
        assert_eq!(read("cpu_load_avg=0..1.5"), "cpu_load_avg 0..1.5");
        assert_eq!(read("cpu_load_avg=0"), "cpu_load_avg =0");
        assert_eq!(read("cpu_load_avg = -1..1"), "cpu_load_avg -1..1");
        assert_eq!(read("flops_any_avg"), "flops_any_avg ..");
        for wrong in ["", ">=4", "a b", "cpu=x", "mem'x>=1"] {
            assert!(parse_metric(wrong).is_err(), "{wrong}");
        }
    }
}
