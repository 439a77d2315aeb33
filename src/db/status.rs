//! SQLite's counters and limits, and the C library's allocator: the calls that rusqlite does not wrap.
//!
//! Everything goes through the 64-bit calls: the 32-bit ones truncate at 2 GiB, which is where a
//! page cache becomes interesting. Counters of the process may be read from any thread; counters
//! of a connection only by the thread that owns it, because rusqlite opens connections without
//! SQLite's own lock.

#![expect(
    unsafe_code,
    reason = "the only file that calls SQLite and the C library directly"
)]

use std::{
    ffi::{c_int, c_void},
    marker::PhantomData,
};

use rusqlite::{Connection, ffi};

use crate::units::Bytes;

/// What one connection's page cache holds and did since the connection was opened.
///
/// See [`sqlite3_db_status`](https://www.sqlite.org/c3ref/c_dbstatus_options.html).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct CacheCounters {
    /// Memory held by the page cache now, modulo 4 GiB: behind its 64-bit call, SQLite adds it up
    /// in 32 bits (`sqlite3PagerMemUsed`). [`widened_within`] makes the whole number of it.
    pub used_low: u32,
    /// Pages found in the cache.
    pub hits: u64,
    /// Pages that had to be read from the file.
    pub misses: u64,
    /// Dirty pages written because the cache was full (`SQLITE_DBSTATUS_CACHE_SPILL`).
    pub spills: u64,
    /// Bytes written to temporary files, by sorters above all (`SQLITE_DBSTATUS_TEMPBUF_SPILL`).
    pub temp_spill_bytes: u64,
}

/// What one connection holds beside its page cache, as far as SQLite tells. Sorters are not in it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OtherMemory {
    /// The parsed schema.
    pub schema: Bytes,
    /// Prepared statements.
    pub statements: Bytes,
}

impl OtherMemory {
    /// Asks `conn`. SQLite walks through the schema and all statements for it: some 10 µs. Call it
    /// only on the thread that owns the connection.
    pub fn of(conn: &Connection) -> Self {
        // SAFETY: the handle is alive because we borrow the connection for the whole call.
        Live(unsafe { conn.handle() }, PhantomData).other_memory()
    }
}

impl CacheCounters {
    /// Reads the counters of `conn`. Call it only on the thread that owns the connection.
    pub fn of(conn: &Connection) -> Self {
        // SAFETY: the handle is alive because we borrow the connection for the whole call.
        Live(unsafe { conn.handle() }, PhantomData).counters()
    }

    /// What happened between `earlier` and `self`; `used_low` is taken as it is.
    #[must_use]
    pub fn since(self, earlier: Self) -> Self {
        Self {
            used_low: self.used_low,
            hits: self.hits.saturating_sub(earlier.hits),
            misses: self.misses.saturating_sub(earlier.misses),
            spills: self.spills.saturating_sub(earlier.spills),
            temp_spill_bytes: self
                .temp_spill_bytes
                .saturating_sub(earlier.temp_spill_bytes),
        }
    }
}

/// The connection whose statement is running right now, seen from inside its progress handler.
pub struct Live<'handler>(*mut ffi::sqlite3, PhantomData<&'handler Connection>);

impl Live<'_> {
    /// The counters of the running connection.
    pub fn counters(&self) -> CacheCounters {
        CacheCounters {
            // Negative from 2 GiB on.
            used_low: self.read_signed(ffi::SQLITE_DBSTATUS_CACHE_USED) as u32,
            hits: self.read(ffi::SQLITE_DBSTATUS_CACHE_HIT),
            misses: self.read(ffi::SQLITE_DBSTATUS_CACHE_MISS),
            spills: self.read(ffi::SQLITE_DBSTATUS_CACHE_SPILL),
            temp_spill_bytes: self.read(ffi::SQLITE_DBSTATUS_TEMPBUF_SPILL),
        }
    }

    /// What the running connection holds beside its page cache.
    pub fn other_memory(&self) -> OtherMemory {
        OtherMemory {
            schema: Bytes(self.read(ffi::SQLITE_DBSTATUS_SCHEMA_USED)),
            statements: Bytes(self.read(ffi::SQLITE_DBSTATUS_STMT_USED)),
        }
    }

    fn read(&self, what: c_int) -> u64 {
        // TEMPBUF_SPILL and the other counters of events answer in `current`, too.
        u64::try_from(self.read_signed(what)).unwrap_or(0)
    }

    fn read_signed(&self, what: c_int) -> i64 {
        let (mut current, mut highwater) = (0, 0);
        // SAFETY: `self.0` is a live connection used by this thread only (see the constructors),
        // and both out-pointers are valid for the call.
        let code = unsafe {
            ffi::sqlite3_db_status64(self.0, what, &raw mut current, &raw mut highwater, 0)
        };
        if code == ffi::SQLITE_OK { current } else { 0 }
    }
}

/// The number nearest to `rough` whose low 32 bits are `low`: for counters that wrap.
pub fn widened(low: u32, rough: u64) -> u64 {
    let low = u64::from(low);
    low + (rough.saturating_sub(low) + WRAP / 2) / WRAP * WRAP
}

/// The same, but of the numbers that are `most` at most. If there is none, the smallest.
pub fn widened_within(low: u32, rough: u64, most: u64) -> u64 {
    let most = u64::from(low) + most.saturating_sub(u64::from(low)) / WRAP * WRAP;
    widened(low, rough).min(most)
}

/// Where counters of 32 bits begin anew.
const WRAP: u64 = 1 << 32;

/// The handle of a connection on its way into that connection's own progress handler.
struct Handle(*mut ffi::sqlite3);

// SAFETY: the handle is only used inside the progress handler of the very connection it belongs
// to: SQLite calls that on the thread that is stepping a statement, and drops it with the
// connection. `on_progress` is the only place that makes one.
unsafe impl Send for Handle {}

impl Handle {
    fn live(&self) -> Live<'_> {
        Live(self.0, PhantomData)
    }
}

/// Calls `handler` every `ops` VM instructions of any statement on `conn`. `true` stops it.
///
/// # Errors
/// If rusqlite refuses to install the handler.
pub fn on_progress(
    conn: &mut Connection,
    ops: u16,
    mut handler: impl FnMut(&Live<'_>) -> bool + Send + 'static,
) -> rusqlite::Result<()> {
    // SAFETY: only the pointer is taken; it is used while SQLite runs the handler, and SQLite
    // forgets the handler before it frees the connection.
    let handle = Handle(unsafe { conn.handle() });
    conn.progress_handler(c_int::from(ops), Some(move || handler(&handle.live())))
}

/// Memory that SQLite has allocated in this process, all connections together.
pub fn sqlite_heap() -> Bytes {
    process_status(ffi::SQLITE_STATUS_MEMORY_USED).0
}

/// The most that [`sqlite_heap`] has been since the process started.
pub fn sqlite_heap_highwater() -> Bytes {
    process_status(ffi::SQLITE_STATUS_MEMORY_USED).1
}

fn process_status(what: c_int) -> (Bytes, Bytes) {
    let (mut current, mut highwater) = (0, 0);
    // SAFETY: both out-pointers are valid for the call; SQLite locks its own counters.
    unsafe { ffi::sqlite3_status64(what, &raw mut current, &raw mut highwater, 0) };
    (from_sqlite(current), from_sqlite(highwater))
}

/// The heap limits of the process as SQLite reports them. `None` is off.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct HeapLimits {
    /// [`sqlite3_soft_heap_limit64`](https://www.sqlite.org/c3ref/hard_heap_limit64.html).
    pub soft: Option<Bytes>,
    /// Allocations beyond this fail with "out of memory".
    pub hard: Option<Bytes>,
}

/// Sets both limits of the process and answers with what SQLite reports afterwards.
pub fn set_heap_limits(wanted: HeapLimits) -> HeapLimits {
    let to_sqlite =
        |limit: Option<Bytes>| limit.map_or(0, |bytes| i64::try_from(bytes.0).unwrap_or(i64::MAX));
    // SAFETY: plain numbers; SQLite locks its own limits. The hard limit goes first, because
    // setting it (clearing it included) also overwrites the soft one.
    unsafe {
        ffi::sqlite3_hard_heap_limit64(to_sqlite(wanted.hard));
        ffi::sqlite3_soft_heap_limit64(to_sqlite(wanted.soft));
    }
    heap_limits()
}

/// The limits of the process now.
pub fn heap_limits() -> HeapLimits {
    // SAFETY: a negative argument only asks.
    let (soft, hard) = unsafe {
        (
            ffi::sqlite3_soft_heap_limit64(-1),
            ffi::sqlite3_hard_heap_limit64(-1),
        )
    };
    let from_limit = |limit: i64| (limit > 0).then(|| from_sqlite(limit));
    HeapLimits {
        soft: from_limit(soft),
        hard: from_limit(hard),
    }
}

fn from_sqlite(bytes: i64) -> Bytes {
    Bytes(u64::try_from(bytes).unwrap_or(0))
}

/// Asks the C library to return free heap memory to the operating system.
///
/// `false` where the C library has no such call; nothing is done then.
pub fn trim_allocator() -> bool {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: malloc_trim may be called from any thread at any time.
        unsafe { libc::malloc_trim(0) };
        true
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        false
    }
}

/// What the C library's allocator has given out, and what it has free.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct AllocatorReading {
    /// Given out to the program, all of it: SQLite's heap is a part.
    pub in_use: Bytes,
    /// Freed by the program and not forgotten by the allocator. After a trim, part of it takes no
    /// memory any more; the allocator does not know which.
    pub free: Bytes,
}

/// Asks the C library's allocator (`mallinfo2`). `None` where it has no such call.
///
/// It looks at every free block while it holds the allocator's locks: not to be called often.
#[cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(clippy::unnecessary_wraps, reason = "other platforms have none")
)]
pub fn allocator() -> Option<AllocatorReading> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        // SAFETY: mallinfo2 may be called from any thread at any time; it returns plain numbers.
        let info = unsafe { libc::mallinfo2() };
        Some(AllocatorReading {
            in_use: Bytes((info.uordblks + info.hblkhd) as u64),
            free: Bytes(info.fordblks as u64),
        })
    }
    #[cfg(not(all(target_os = "linux", target_env = "gnu")))]
    {
        None
    }
}

/// Makes the planner of this connection ignore STAT4 samples, and its ANALYZE write none.
///
/// cc-backend's SQLite is built without STAT4; ours has it. The switch makes plans and
/// statistics those of the server.
pub fn without_stat4(conn: &Connection) {
    /// `SQLITE_Stat4` in SQLite's `sqliteInt.h`: the mask bit of this optimization.
    const STAT4: c_int = 0x0800;
    // SAFETY: the handle is alive because we borrow the connection; this verb of test_control
    // takes the connection and an int mask.
    unsafe {
        ffi::sqlite3_test_control(
            ffi::SQLITE_TESTCTRL_OPTIMIZATIONS,
            conn.handle().cast::<c_void>(),
            STAT4,
        )
    };
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_above_two_gibibytes_are_not_truncated() {
        // A fake counter: what SQLite would answer for a cache of 3 GiB. The real case, a cache
        // that large, takes gigabytes of memory and is measured in benches/README.md.
        assert_eq!(from_sqlite(3 << 30), Bytes::gib(3));
        assert_eq!(from_sqlite(-1), Bytes(0));
    }

    #[test]
    fn a_limit_above_two_gibibytes_is_read_back_whole() {
        let before = heap_limits();
        let limits = set_heap_limits(HeapLimits {
            soft: Some(Bytes::gib(5)),
            hard: Some(Bytes::gib(9)),
        });
        assert_eq!(limits.soft, Some(Bytes::gib(5)), "soft");
        assert_eq!(limits.hard, Some(Bytes::gib(9)), "hard");
        let cleared = set_heap_limits(HeapLimits {
            soft: Some(Bytes::gib(4)),
            hard: None,
        });
        assert_eq!(
            cleared.soft,
            Some(Bytes::gib(4)),
            "clearing the hard limit must not clear the soft one"
        );
        assert_eq!(cleared.hard, None);
        set_heap_limits(before);
    }

    #[test]
    fn the_page_cache_of_a_connection_is_counted() {
        let conn = Connection::open_in_memory().expect("an in-memory database");
        conn.execute_batch(
            "CREATE TABLE t(x);
             WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 2000)
             INSERT INTO t SELECT zeroblob(1000) FROM n;",
        )
        .expect("two megabytes of rows");
        let counters = CacheCounters::of(&conn);
        let used = Bytes(u64::from(counters.used_low));
        assert!(used > Bytes::mib(2), "{used}");
        assert!(sqlite_heap() >= used, "the heap holds the cache");
    }

    #[test]
    fn a_sort_that_goes_to_a_file_spills_bytes_and_no_pages() {
        let conn = Connection::open_in_memory().expect("an in-memory database");
        conn.execute_batch("PRAGMA temp_store = file; PRAGMA cache_size = 10")
            .expect("settings");
        let before = CacheCounters::of(&conn);
        let sort = "WITH RECURSIVE n(i) AS (VALUES(1) UNION ALL SELECT i + 1 FROM n WHERE i < 8000)
                    SELECT zeroblob(1000) FROM n ORDER BY i * 7919 % 8000";
        let mut statement = conn.prepare(sort).expect("a statement");
        let mut rows = statement.query([]).expect("rows");
        while rows.next().expect("a row").is_some() {}
        let since = CacheCounters::of(&conn).since(before);
        assert_eq!(since.spills, 0, "pages");
        let bytes = Bytes(since.temp_spill_bytes);
        assert!(bytes > Bytes::mib(6) && bytes < Bytes::mib(40), "{bytes}");
    }

    #[test]
    fn a_wrapped_counter_is_widened_by_what_it_should_be() {
        assert_eq!(widened(5_000, 4_000), 5_000);
        assert_eq!(widened(3 << 30, 0), 3 << 30, "never below 0");
        for real in [0_u64, 3 << 30, 5 << 30, (1 << 34) + 77] {
            let low = real as u32;
            for rough in [real, real.saturating_sub(1 << 30), real + (1 << 30)] {
                assert_eq!(widened(low, rough), real, "{rough}");
                assert_eq!(widened_within(low, rough, real), real, "{rough}");
            }
        }
        assert_eq!(widened_within(1, 5 << 32, 4 << 32), (3 << 32) + 1);
        assert_eq!(widened_within(7, 5 << 32, 0), 7, "the smallest there is");
    }
}
