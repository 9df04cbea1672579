//! Why nothing can be written to the tape.

use super::word::INDEX_MASK;

/// Why an arena cannot grow.
#[derive(Clone, Copy)]
pub(crate) enum NoRoom {
    Lent,
    Retired,
    Full,
    NoMemory { words: usize },
}

impl NoRoom {
    /// Panics with what happened and what helps.
    #[cold]
    #[inline(never)]
    #[track_caller]
    pub(crate) fn panic(self) -> ! {
        match self {
            NoRoom::Lent => {
                panic!("scalargrad: the graph is being swept; nothing can be recorded in it now")
            }
            NoRoom::Retired => panic!(
                "scalargrad: this thread is ending and its graph is gone; \
                 use `value()` in destructors of thread-local values, or finish before the thread ends"
            ),
            NoRoom::Full => panic!(
                "scalargrad: the graph is full: one thread can record just below {INDEX_MASK} nodes. \
                 Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`"
            ),
            NoRoom::NoMemory { words } => panic!(
                "scalargrad: no memory for a graph of {} bytes; the graph is unchanged. \
                 Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`",
                words.saturating_mul(size_of::<u64>())
            ),
        }
    }
}
