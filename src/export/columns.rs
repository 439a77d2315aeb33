//! What a column is in a file, and a column of Parquet while it grows.

use std::{str, sync::Arc};

use arrow_array::{
    ArrayRef,
    builder::{Float64Builder, Int64Builder, StringBuilder, TimestampMicrosecondBuilder},
};
use arrow_schema::{DataType, TimeUnit};
use rusqlite::types::ValueRef;

use super::{
    spec::Times,
    text::{push_hex, push_int, push_real},
};
use crate::jobs::column::{ColumnKind, JobColumn};

/// A column of the file.
#[derive(Clone, Debug)]
pub(super) struct Field {
    pub name: String,
    pub kind: ColumnKind,
    /// Unix seconds that are written as a date.
    pub is_date: bool,
}

impl Field {
    pub(super) fn new(column: &JobColumn, times: Times) -> Self {
        let kind = column.kind();
        Self {
            name: column.to_string(),
            kind,
            is_date: kind == ColumnKind::Time && times == Times::Rfc3339,
        }
    }

    /// The type in Parquet.
    pub(super) fn data_type(&self) -> DataType {
        match self.kind {
            ColumnKind::Time if self.is_date => {
                DataType::Timestamp(TimeUnit::Microsecond, Some(Arc::from("UTC")))
            }
            ColumnKind::Int | ColumnKind::Time | ColumnKind::Secs => DataType::Int64,
            ColumnKind::Real => DataType::Float64,
            ColumnKind::Text | ColumnKind::Json => DataType::Utf8,
        }
    }
}

/// The values of a column that are not in a row group yet.
pub(super) enum Growing {
    Int(Int64Builder),
    Real(Float64Builder),
    Time(TimestampMicrosecondBuilder),
    Text(StringBuilder),
}

/// Real numbers tell whole ones apart up to here.
const EXACT: f64 = 9_007_199_254_740_992.0;

impl Growing {
    pub(super) fn new(field: &Field) -> Self {
        match field.kind {
            ColumnKind::Time if field.is_date => {
                Self::Time(TimestampMicrosecondBuilder::new().with_data_type(field.data_type()))
            }
            ColumnKind::Int | ColumnKind::Time | ColumnKind::Secs => Self::Int(Int64Builder::new()),
            ColumnKind::Real => Self::Real(Float64Builder::new()),
            ColumnKind::Text | ColumnKind::Json => Self::Text(StringBuilder::new()),
        }
    }

    /// Appends a value. `false`: it does not fit the type, and is NULL.
    pub(super) fn push(&mut self, value: ValueRef<'_>, scratch: &mut Vec<u8>) -> bool {
        let is_null = value == ValueRef::Null;
        let fits = match self {
            Self::Int(builder) => {
                let value = whole(value);
                builder.append_option(value);
                value.is_some()
            }
            Self::Real(builder) => {
                let value = real(value);
                builder.append_option(value);
                value.is_some()
            }
            Self::Time(builder) => {
                let micros = whole(value).and_then(|secs| secs.checked_mul(1_000_000));
                builder.append_option(micros);
                micros.is_some()
            }
            Self::Text(builder) => {
                if is_null {
                    builder.append_null();
                } else {
                    builder.append_value(text(value, scratch));
                }
                true
            }
        };
        fits || is_null
    }

    /// Takes what has grown so far.
    pub(super) fn take(&mut self) -> ArrayRef {
        match self {
            Self::Int(builder) => Arc::new(builder.finish()),
            Self::Real(builder) => Arc::new(builder.finish()),
            Self::Time(builder) => Arc::new(builder.finish()),
            Self::Text(builder) => Arc::new(builder.finish()),
        }
    }
}

/// A whole number, also where it is stored as a real one.
pub(super) fn whole(value: ValueRef<'_>) -> Option<i64> {
    match value {
        ValueRef::Integer(value) => Some(value),
        ValueRef::Real(value) if value.fract() == 0.0 && value.abs() <= EXACT => Some(value as i64),
        ValueRef::Null | ValueRef::Real(_) | ValueRef::Text(_) | ValueRef::Blob(_) => None,
    }
}

fn real(value: ValueRef<'_>) -> Option<f64> {
    match value {
        ValueRef::Real(value) => Some(value),
        ValueRef::Integer(value) => {
            let real = value as f64;
            (real.abs() <= EXACT).then_some(real)
        }
        ValueRef::Null | ValueRef::Text(_) | ValueRef::Blob(_) => None,
    }
}

/// Any value as text, numbers as the other formats write them.
pub(super) fn text<'a>(value: ValueRef<'a>, scratch: &'a mut Vec<u8>) -> &'a str {
    scratch.clear();
    match value {
        ValueRef::Text(bytes) | ValueRef::Blob(bytes) => {
            if let Ok(text) = str::from_utf8(bytes) {
                return text;
            }
            push_hex(scratch, bytes);
        }
        ValueRef::Null => {}
        ValueRef::Integer(value) => push_int(scratch, value),
        ValueRef::Real(value) => push_real(scratch, value),
    }
    // Only ASCII was pushed.
    str::from_utf8(scratch).unwrap_or_default()
}
