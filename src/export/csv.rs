//! RFC 4180: a header, lines that end in CR LF, quotes where they are needed.
//!
//! Written by hand rather than by the crate: NULL is an empty field and an empty text is `""`,
//! which the crate cannot tell apart.

use std::{io, str};

use rusqlite::{Row, types::ValueRef};

use super::{
    columns::Field,
    lines::Line,
    text::{Clock, push_hex, push_int, push_real},
};

pub(super) struct Csv {
    fields: Vec<Field>,
    clock: Clock,
}

impl Csv {
    pub(super) fn new(fields: Vec<Field>) -> Self {
        Self {
            fields,
            clock: Clock::default(),
        }
    }
}

impl Line for Csv {
    fn header(&self, line: &mut Vec<u8>) {
        for (index, field) in self.fields.iter().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            push_text(line, field.name.as_bytes());
        }
        line.extend_from_slice(b"\r\n");
    }

    fn row(&mut self, row: &Row<'_>, line: &mut Vec<u8>) -> io::Result<()> {
        let is_alone = self.fields.len() == 1;
        for (index, field) in self.fields.iter().enumerate() {
            if index > 0 {
                line.push(b',');
            }
            match row.get_ref(index).map_err(io::Error::other)? {
                // A line without anything on it is no row for most readers.
                ValueRef::Null if is_alone => push_text(line, b""),
                ValueRef::Null => {}
                ValueRef::Integer(secs) if field.is_date => {
                    if !self.clock.push(line, secs) {
                        push_int(line, secs);
                    }
                }
                ValueRef::Integer(value) => push_int(line, value),
                ValueRef::Real(value) => push_real(line, value),
                ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
                    if str::from_utf8(bytes).is_ok() {
                        push_text(line, bytes);
                    } else {
                        push_hex(line, bytes);
                    }
                }
            }
        }
        line.extend_from_slice(b"\r\n");
        Ok(())
    }
}

fn push_text(line: &mut Vec<u8>, bytes: &[u8]) {
    let is_special = |byte: &u8| matches!(byte, b'"' | b',' | b'\r' | b'\n');
    if !bytes.is_empty() && !bytes.iter().any(is_special) {
        line.extend_from_slice(bytes);
        return;
    }
    line.push(b'"');
    for piece in bytes.split_inclusive(|byte| *byte == b'"') {
        line.extend_from_slice(piece);
        if piece.ends_with(b"\"") {
            line.push(b'"');
        }
    }
    line.push(b'"');
}
