//! JSON as cc-backend's own library writes it.

use std::fmt::Write as _;

/// A value of one of the four JSON columns. Both kinds occur in one column of a real file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Cell {
    /// SQL NULL.
    Null,
    /// Stored as text.
    Text(String),
    /// Stored as bytes, which is what the driver makes of a byte slice.
    Blob(String),
}

/// Appends a JSON string, escaped the way Go's encoder does: `<`, `>` and `&` as well.
pub fn push_string(out: &mut String, text: &str) {
    out.push('"');
    let mut plain_from = 0;
    for (at, byte) in text.bytes().enumerate() {
        let escape = match byte {
            b'"' => "\\\"",
            b'\\' => "\\\\",
            b'\n' => "\\n",
            b'\t' => "\\t",
            b'\r' => "\\r",
            b'<' => "\\u003c",
            b'>' => "\\u003e",
            b'&' => "\\u0026",
            _ => continue,
        };
        out.push_str(&text[plain_from..at]);
        out.push_str(escape);
        plain_from = at + 1;
    }
    out.push_str(&text[plain_from..]);
    out.push('"');
}

/// A flat object from names to numbers; numbers are rounded to two decimals.
pub fn object(entries: &[(&str, f64)]) -> String {
    let mut out = String::with_capacity(entries.len() * 32);
    for (index, (key, value)) in entries.iter().enumerate() {
        out.push(if index == 0 { '{' } else { ',' });
        push_string(&mut out, key);
        // Writing to a string cannot fail.
        write!(out, ":{}", round2(*value)).ok();
    }
    out.push('}');
    out
}

/// Two decimals, as cc-backend rounds.
pub fn round2(value: f64) -> f64 {
    (value * 100.0).round() / 100.0
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escaped_text_survives_the_round_trip() {
        let text = "#!/bin/bash\n\techo \"a && b\" > out <in \\\r grün";
        let mut json = String::new();
        push_string(&mut json, text);
        assert!(json.contains(r"\u0026\u0026"));
        let back: String = serde_json::from_str(&json).expect("valid JSON");
        assert_eq!(back, text);
    }

    #[test]
    fn numbers_are_rounded_and_whole_ones_have_no_point() {
        let json = object(&[("a_avg", 3.146), ("b_max", 2.0)]);
        assert_eq!(json, r#"{"a_avg":3.15,"b_max":2}"#);
    }
}
