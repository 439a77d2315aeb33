//! Settings of SQLite that have a trap in them, each as a type that knows its unit.

use std::fmt;

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{
    error::{Error, Result},
    units::{Bytes, scale, split_unit},
};

/// `PRAGMA cache_size`: how much page cache one connection may hold.
///
/// SQLite packs two units into one signed number: a positive value counts pages, a negative value
/// counts KiB. We keep the unit and never pass the raw number around.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CacheSize {
    /// A number of pages; the memory used depends on `PRAGMA page_size`.
    Pages(u32),
    /// An amount of memory, in KiB.
    KiB(u32),
}

/// What SQLite allocates beside each page of its cache.
const BESIDE_A_PAGE: u64 = 256;

/// What it reckons with when it makes pages of KiB.
const ALLOWED_FOR: u64 = 136;

impl CacheSize {
    /// The number as `PRAGMA cache_size` takes it.
    pub fn to_pragma(self) -> i64 {
        match self {
            Self::Pages(pages) => i64::from(pages),
            Self::KiB(kib) => -i64::from(kib),
        }
    }

    /// What `PRAGMA cache_size` answered.
    pub fn from_pragma(value: i64) -> Self {
        let amount = u32::try_from(value.unsigned_abs()).unwrap_or(u32::MAX);
        if value < 0 {
            Self::KiB(amount)
        } else {
            Self::Pages(amount)
        }
    }

    /// The memory this allows one connection, for a database with this page size.
    pub fn bytes(self, page_size: u32) -> Bytes {
        match self {
            Self::Pages(pages) => Bytes(u64::from(pages) * u64::from(page_size)),
            Self::KiB(kib) => Bytes::kib(u64::from(kib)),
        }
    }

    /// What SQLite counts as this cache once it is full: it keeps some memory beside each page, of which
    /// a size in KiB allows for a part, and a number of pages for none.
    ///
    /// Measured with the SQLite that is built in: 40 000 KiB fill up to 1.028 of that, 10 000 pages
    /// of 4 KiB to 1.0625.
    pub fn filled(self, page_size: u32) -> Bytes {
        let page_size = u64::from(page_size.max(1));
        let pages = match self {
            Self::Pages(pages) => u64::from(pages),
            Self::KiB(kib) => Bytes::kib(u64::from(kib)).0 / (page_size + ALLOWED_FOR),
        };
        Bytes(pages * (page_size + BESIDE_A_PAGE))
    }

    /// Reads `64 MiB`, `200000 KiB`, `1000000000 pages`, or a number as the pragma takes it.
    ///
    /// # Errors
    /// If the text is neither, or SQLite's 32-bit number cannot hold it.
    pub fn parse(text: &str) -> Result<Self> {
        let expected =
            "a size such as 64 MiB, or a count such as 2000 pages, below 2 TiB or 2147483647 pages";
        let invalid = || Error::invalid("cache size", text, expected);
        let fits = |count: u64| i32::try_from(count).ok().map(i32::unsigned_abs);
        // A bare number is the pragma's own: positive for pages, negative for KiB.
        if let Ok(value) = text.trim().parse::<i32>() {
            return Ok(Self::from_pragma(i64::from(value)));
        }
        let (number, unit) = split_unit(text).ok_or_else(invalid)?;
        if unit.is_empty() {
            return Err(invalid());
        }
        if matches!(unit.to_ascii_lowercase().as_str(), "page" | "pages") {
            let pages = scale(number, 1).and_then(fits).ok_or_else(invalid)?;
            return Ok(Self::Pages(pages));
        }
        let kib = Bytes::parse(text)?.0.div_ceil(1024);
        fits(kib).map(Self::KiB).ok_or_else(invalid)
    }
}

/// Without rounding, so that it can be read back: `64 MiB`, `1000000000 pages`.
impl fmt::Display for CacheSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pages(pages) => write!(f, "{pages} pages"),
            Self::KiB(kib) => f.pad(&Bytes::kib(u64::from(*kib)).exact()),
        }
    }
}

impl Serialize for CacheSize {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for CacheSize {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text).map_err(|error| serde::de::Error::custom(error.chain()))
    }
}

/// `PRAGMA temp_store`: where sorters and temporary tables live.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TempStore {
    /// In a temporary file (beyond a small cache).
    File,
    /// In memory, whatever the heap limits say about page caches.
    Memory,
    /// In memory on the first connection, in a file on the others.
    ///
    /// cc-backend runs the pragma once, on whichever pooled connection answers.
    MemoryOnOne,
}

impl TempStore {
    /// All choices, in the order they are offered.
    pub const ALL: [Self; 3] = [Self::File, Self::Memory, Self::MemoryOnOne];

    /// The number as `PRAGMA temp_store` takes it, for the connection with this index.
    pub fn to_pragma(self, connection_index: usize) -> i64 {
        match self {
            Self::Memory => 2,
            Self::MemoryOnOne if connection_index == 0 => 2,
            Self::MemoryOnOne | Self::File => 1,
        }
    }

    /// What `PRAGMA temp_store` answered, for one connection.
    pub fn from_pragma(value: i64) -> Self {
        match value {
            2 => Self::Memory,
            // 0 is the compile-time default, which is a file in every build that we open.
            _ => Self::File,
        }
    }
}

impl fmt::Display for TempStore {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::File => "file",
            Self::Memory => "memory",
            Self::MemoryOnOne => "memory on one",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cache_size_survives_the_round_trip() {
        for size in [
            CacheSize::Pages(1_000_000_000),
            CacheSize::KiB(200_000),
            CacheSize::KiB(64 * 1024),
            CacheSize::Pages(0),
        ] {
            assert_eq!(CacheSize::from_pragma(size.to_pragma()), size);
            assert_eq!(
                CacheSize::parse(&size.to_string()).expect("our own text"),
                size
            );
        }
    }

    #[test]
    fn pages_and_memory_are_not_confused() {
        assert_eq!(
            CacheSize::parse("1000000000 pages")
                .expect("pages")
                .bytes(4096),
            Bytes(4_096_000_000_000),
            "4 TB, the number of the incident"
        );
        assert_eq!(
            CacheSize::parse("1.5 GiB").expect("memory").to_pragma(),
            -(3 << 19)
        );
        assert!(
            CacheSize::parse("3000000000 pages").is_err(),
            "above 31 bits"
        );
        assert!(CacheSize::parse("many pages").is_err());
        assert_eq!(
            CacheSize::parse("2000").expect("pages"),
            CacheSize::Pages(2000)
        );
        assert_eq!(
            CacheSize::parse("-2000").expect("KiB"),
            CacheSize::KiB(2000)
        );
    }
}
