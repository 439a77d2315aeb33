//! What of SQLite's heap belongs to one task, as far as that can be said.
//!
//! SQLite tells of each connection what its page cache, schema and statements hold, and of sorters
//! and temporary tables nothing: they are only in the heap of the process. While no other task runs,
//! everything that has come into the heap is this task's. Beside others, it may as well be theirs:
//! their sorters, or a page cache that they have not published, because SQLite lets nobody look
//! inside one instruction, which may read a whole table.

use crate::units::Bytes;

/// One look at the heap.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct HeapLook {
    /// Page cache, schema and statements of the task's own connection.
    pub known: Bytes,
    /// The heap without what other connections hold; `None` while one of them works.
    pub alone: Option<Bytes>,
}

/// By how much the heap has grown for one task.
#[derive(Debug)]
pub(super) struct HeapShare {
    known_before: Bytes,
    /// Without a part of this task's; `None` until it was alone for once.
    heap_before: Option<u64>,
}

impl HeapShare {
    /// The task begins.
    pub(super) fn new(before: HeapLook) -> Self {
        Self {
            known_before: before.known,
            heap_before: before.alone.map(|heap| heap.0),
        }
    }

    /// What certainly is the task's. Never too much; beside other tasks, its sorters are missing.
    pub(super) fn growth(&mut self, now: HeapLook) -> Bytes {
        let known = now.known.0.saturating_sub(self.known_before.0);
        let Some(Bytes(heap)) = now.alone else {
            return Bytes(known);
        };
        // Where others were at work before, what they have left there is not known to be gone: all
        // that is not known to be the task's stays out, and only what follows counts.
        let before = *(self.heap_before).get_or_insert(heap.saturating_sub(known));
        Bytes(known.max(heap.saturating_sub(before)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn look(known_mib: u64, alone_mib: Option<u64>) -> HeapLook {
        HeapLook {
            known: Bytes::mib(known_mib),
            alone: alone_mib.map(Bytes::mib),
        }
    }

    #[test]
    fn alone_a_task_answers_for_everything_that_came_into_the_heap() {
        let mut share = HeapShare::new(look(10, Some(100)));
        assert_eq!(share.growth(look(30, Some(120))), Bytes::mib(20));
        assert_eq!(share.growth(look(30, Some(700))), Bytes::mib(600), "a sort");
        assert_eq!(share.growth(look(30, Some(120))), Bytes::mib(20), "is over");
        assert_eq!(share.growth(look(5, Some(95))), Bytes(0));
    }

    #[test]
    fn beside_others_it_answers_for_what_its_connection_holds() {
        let mut share = HeapShare::new(look(10, Some(100)));
        assert_eq!(share.growth(look(40, None)), Bytes::mib(30));
        // Alone again: its sorter has been in the heap all the while.
        assert_eq!(share.growth(look(40, Some(500))), Bytes::mib(400));
    }

    #[test]
    fn what_others_had_when_it_began_is_never_its_own() {
        let mut share = HeapShare::new(look(10, None));
        assert_eq!(share.growth(look(20, None)), Bytes::mib(10));
        assert_eq!(share.growth(look(20, Some(9_000))), Bytes::mib(10));
        assert_eq!(share.growth(look(20, Some(9_300))), Bytes::mib(310));
    }
}
