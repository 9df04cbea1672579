//! Which epochs are open, found in a few instructions.

use std::cell::Cell;
use std::ptr;

/// The epoch of an arena in whose thread nothing was recorded yet: no handle has it.
pub(crate) const FIRST_EPOCH: u64 = 1;
/// The difference between the epochs of two scopes that follow one another: all are even.
pub(crate) const EPOCH_STEP: u64 = 2;

/// The table of an arena that has none yet: a single slot.
static FIRST_OPEN: u64 = FIRST_EPOCH;
/// The table of an arena that is retired.
static NONE_OPEN: u64 = 0;

/// The slot of an epoch in a table of `len` slots.
#[inline(always)]
fn slot(epoch: u64, len: usize) -> usize {
    (epoch / EPOCH_STEP) as usize & (len - 1)
}

/// The open epochs: a hash table of a power of two of slots, without collisions: an epoch whose slot is taken is
/// [not opened](OpenEpochs::try_open), and epochs of different slots have different slots in a larger table too, as its
/// length is a multiple of the length of the smaller one.
pub(crate) struct OpenEpochs {
    table: Cell<*mut u64>,
    /// 1 where the table is one of the static ones.
    len: Cell<usize>,
}

impl OpenEpochs {
    /// The table of a thread whose first scope is open.
    pub(super) const fn new() -> OpenEpochs {
        OpenEpochs { table: Cell::new((&raw const FIRST_OPEN).cast_mut()), len: Cell::new(1) }
    }

    /// Whether an epoch is open. An empty slot is 0, which is the epoch of constants: ask of variables only.
    #[inline(always)]
    pub(crate) fn contains(&self, epoch: u64) -> bool {
        // SAFETY: the index is below the length of the table, which is never freed without being
        // replaced.
        unsafe { *self.table.get().add(slot(epoch, self.len.get())) == epoch }
    }

    /// Opens `epoch`, unless another open epoch has its slot.
    pub(crate) fn try_open(&self, epoch: u64) -> bool {
        self.entry(epoch).is_some_and(|entry| {
            entry.get() == 0 && {
                entry.set(epoch);
                true
            }
        })
    }

    /// Closes `epoch`.
    pub(crate) fn close(&self, epoch: u64) {
        if let Some(entry) = self.entry(epoch).filter(|entry| entry.get() == epoch) {
            entry.set(0);
        }
    }

    /// The number of slots.
    pub(crate) fn slots(&self) -> usize {
        self.len.get()
    }

    /// Makes a table of `len` slots, a power of two, in which just `epochs` are open: a single one, or those that were open in a
    /// smaller table.
    pub(crate) fn rebuild(&self, len: usize, epochs: impl Iterator<Item = u64>) {
        assert!(len.is_power_of_two() && len > 1);
        let mut table = vec![0; len].into_boxed_slice();
        for epoch in epochs {
            let entry = &mut table[slot(epoch, len)];
            debug_assert!(*entry == 0, "two epochs have one slot");
            *entry = epoch;
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
        // SAFETY: as in `contains`; this table is not an immutable one, and the `Cell` lives no longer
        // than the call that asked for it.
        Some(unsafe { Cell::from_mut(&mut *self.table.get().add(slot(epoch, self.len.get()))) })
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
        self.table.set(table.map_or((&raw const NONE_OPEN).cast_mut(), |t| Box::into_raw(t).cast()));
    }
}
