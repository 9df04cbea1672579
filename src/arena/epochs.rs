//! Which epochs are open, told in a few instructions.

use std::cell::Cell;
use std::ptr;

/// The epoch of a thread's first nodes.
pub(crate) const FIRST_EPOCH: u64 = 1;

/// The table of an arena that has none yet: a single place.
static FIRST_OPEN: u64 = FIRST_EPOCH;
/// The table of an arena that is retired.
static NONE_OPEN: u64 = 0;

/// The open epochs, each at its place modulo the length of a table, a power of two.
pub(crate) struct OpenEpochs {
    table: Cell<*mut u64>,
    /// 1 where the table is one of the static ones.
    len: Cell<usize>,
}

impl OpenEpochs {
    /// Of a thread whose first scope is open.
    pub(super) const fn new() -> OpenEpochs {
        OpenEpochs {
            table: Cell::new((&raw const FIRST_OPEN).cast_mut()),
            len: Cell::new(1),
        }
    }

    /// Whether an epoch is open.
    #[inline(always)]
    pub(crate) fn contains(&self, epoch: u64) -> bool {
        // SAFETY: the index is below the length of the table, which is never freed without being
        // replaced.
        unsafe { *self.table.get().add(epoch as usize & (self.len.get() - 1)) == epoch }
    }

    /// Opens `epoch`, unless its place in the table is another's.
    pub(crate) fn try_open(&self, epoch: u64) -> bool {
        self.entry(epoch).is_some_and(|place| {
            place.get() == 0 && {
                place.set(epoch);
                true
            }
        })
    }

    /// Closes `epoch`.
    pub(crate) fn close(&self, epoch: u64) {
        if let Some(place) = self.entry(epoch).filter(|place| place.get() == epoch) {
            place.set(0);
        }
    }

    /// The number of places in the table.
    pub(crate) fn places(&self) -> usize {
        self.len.get()
    }

    /// Makes a table of `len` places, a power of two, in which just `epochs` are open.
    pub(crate) fn rebuild(&self, len: usize, epochs: impl Iterator<Item = u64>) {
        assert!(len.is_power_of_two() && len > 1);
        let mut table = vec![0; len].into_boxed_slice();
        for epoch in epochs {
            table[epoch as usize & (len - 1)] = epoch;
        }
        self.replace(Some(table));
    }

    /// Closes all for good.
    pub(super) fn retire(&self) {
        self.replace(None);
    }

    fn entry(&self, epoch: u64) -> Option<&Cell<u64>> {
        if self.is_static() {
            return None;
        }
        let place = epoch as usize & (self.len.get() - 1);
        // SAFETY: as in `contains`; this table is not an immutable one, and the `Cell` lives no longer
        // than the call that asked for it.
        Some(unsafe { Cell::from_mut(&mut *self.table.get().add(place)) })
    }

    fn is_static(&self) -> bool {
        self.len.get() == 1
    }

    fn replace(&self, table: Option<Box<[u64]>>) {
        if !self.is_static() {
            let old = ptr::slice_from_raw_parts_mut(self.table.get(), self.len.get());
            // SAFETY: it came from `Box::into_raw` of a slice of this length, and is replaced below.
            drop(unsafe { Box::from_raw(old) });
        }
        self.len.set(table.as_ref().map_or(1, |t| t.len()));
        self.table
            .set(table.map_or((&raw const NONE_OPEN).cast_mut(), |t| {
                Box::into_raw(t).cast()
            }));
    }
}
