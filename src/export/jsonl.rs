//! JSON Lines: one object for each row. What is stored as JSON stays JSON.

use std::{io, str};

use rusqlite::{Row, types::ValueRef};
use serde::de::IgnoredAny;

use super::{
    columns::Field,
    lines::Line,
    text::{Clock, push_hex, push_int, push_real},
};
use crate::jobs::column::ColumnKind;

pub(super) struct Jsonl {
    fields: Vec<Field>,
    /// `{"id":`, `,"job_id":` and so on.
    keys: Vec<Vec<u8>>,
    clock: Clock,
}

impl Jsonl {
    pub(super) fn new(fields: Vec<Field>) -> Self {
        let keys = fields
            .iter()
            .enumerate()
            .map(|(index, field)| {
                let before = if index == 0 { '{' } else { ',' };
                let name = serde_json::Value::from(field.name.as_str());
                format!("{before}{name}:").into_bytes()
            })
            .collect();
        Self {
            fields,
            keys,
            clock: Clock::default(),
        }
    }
}

impl Line for Jsonl {
    fn header(&self, _line: &mut Vec<u8>) {}

    fn row(&mut self, row: &Row<'_>, line: &mut Vec<u8>) -> io::Result<()> {
        for (index, (field, key)) in self.fields.iter().zip(&self.keys).enumerate() {
            line.extend_from_slice(key);
            match row.get_ref(index).map_err(io::Error::other)? {
                ValueRef::Null => line.extend_from_slice(b"null"),
                ValueRef::Integer(secs) if field.is_date => {
                    line.push(b'"');
                    if self.clock.push(line, secs) {
                        line.push(b'"');
                    } else {
                        line.pop();
                        push_int(line, secs);
                    }
                }
                ValueRef::Integer(value) => push_int(line, value),
                // JSON has no number for it; readers of real numbers know the word.
                ValueRef::Real(value) if value.is_infinite() => {
                    line.push(b'"');
                    push_real(line, value);
                    line.push(b'"');
                }
                ValueRef::Real(value) => push_real(line, value),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => match str::from_utf8(bytes) {
                    Ok(text) if field.kind == ColumnKind::Json && is_json(text) => {
                        push_document(line, bytes);
                    }
                    Ok(text) => serde_json::to_writer(&mut *line, text)?,
                    Err(_no_text) => {
                        line.push(b'"');
                        push_hex(line, bytes);
                        line.push(b'"');
                    }
                },
            }
        }
        line.extend_from_slice(b"}\n");
        Ok(())
    }
}

fn is_json(text: &str) -> bool {
    serde_json::from_str::<IgnoredAny>(text).is_ok()
}

/// A valid document on one line: there, a line break can only stand between two words.
fn push_document(line: &mut Vec<u8>, document: &[u8]) {
    let start = line.len();
    line.extend_from_slice(document);
    for byte in line.iter_mut().skip(start) {
        if matches!(byte, b'\n' | b'\r') {
            *byte = b' ';
        }
    }
}
