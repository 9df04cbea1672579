//! What the tape of a thread consists of.

use super::adjoints::Adjoints;
use super::epochs::{FIRST_EPOCH, OpenEpochs};
use super::lines::Lines;
use super::no_room::NoRoom;
use super::place::{EMPTY, Place};
use super::word::{INDEX_BITS, INDEX_MASK};
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ptr;

/// Words that are free beyond the limit: the longest node that is written without asking for room.
pub(super) const SLACK: usize = 8;

thread_local! {
    // Without a destructor, so that an access is a plain address; `graph` frees what it holds.
    static ARENA: Arena = const { Arena::new(FIRST_EPOCH) };
}

/// This thread's arena.
#[inline(always)]
pub(crate) fn arena() -> &'static Arena {
    // SAFETY: the arena has no destructor, so it lives as long as the thread's storage; `Arena` is
    // not `Sync`, so the reference cannot leave the thread.
    unsafe { &*ARENA.with(ptr::from_ref) }
}

/// Whether the node `id` is of the scope that is current and before the node `next` that is recorded next.
///
/// Epochs are even, so that two numbers whose difference is less than 2²⁹ have the same epoch. That the operand of an
/// operation has the lower index is what keeps a sweep inside the adjoints; so this is not a comparison of the epochs alone.
/// The node `next` itself passes, but no handle has its id, unless the epochs have started again: then it is an operand of
/// itself, which does no harm to memory.
#[inline(always)]
pub(crate) fn is_current(next: u64, id: u64) -> bool {
    next.wrapping_sub(id) >> INDEX_BITS == 0
}

/// A growable tape of nodes, with the table of the epochs that are open.
pub(crate) struct Arena {
    pub(super) next: Cell<u64>,
    pub(super) end: Cell<*mut u64>,
    pub(super) limit: Cell<*mut u64>,
    pub(super) base: Cell<*mut u64>,
    /// Words; 0 while `base` is that of the empty tape.
    pub(super) capacity: Cell<usize>,
    /// Where the first windows start; filled when first needed.
    pub(super) starts: ManuallyDrop<RefCell<Vec<usize>>>,
    /// Nodes walked since `starts` was last extended. Going back to a place does not change it: a sweep over many checkpoints goes
    /// back after each.
    pub(super) walked: Cell<usize>,
    pub(super) is_lent: Cell<bool>,
    pub(super) open: OpenEpochs,
    pub(super) is_retired: Cell<bool>,
    /// Freed by [`retire`](Arena::retire).
    pub(super) adjoints: ManuallyDrop<RefCell<Adjoints>>,
    /// Why the last write that asked for room got none.
    pub(super) no_room: Cell<Option<NoRoom>>,
    /// Freed by [`retire`](Arena::retire).
    pub(crate) lines: ManuallyDrop<Lines>,
}

/// The base of an arena that has no memory. Nothing is written there: its limit is its end.
pub(super) fn empty_base() -> *mut u64 {
    EMPTY.as_ptr().cast_mut()
}

impl Arena {
    /// An empty arena; index 0 is never used, so that it can mean "no node".
    const fn new(epoch: u64) -> Arena {
        let base = EMPTY.as_ptr().cast_mut();
        // SAFETY: one past the end of the array.
        let end = unsafe { base.add(EMPTY.len()) };
        Arena {
            next: Cell::new(epoch << INDEX_BITS | 1),
            end: Cell::new(end),
            limit: Cell::new(end),
            base: Cell::new(base),
            capacity: Cell::new(0),
            starts: ManuallyDrop::new(RefCell::new(Vec::new())),
            walked: Cell::new(0),
            is_lent: Cell::new(false),
            open: OpenEpochs::new(),
            is_retired: Cell::new(false),
            adjoints: ManuallyDrop::new(RefCell::new(Adjoints::new())),
            no_room: Cell::new(None),
            lines: ManuallyDrop::new(Lines::new()),
        }
    }

    /// Whether the scope that `id` was recorded in is open, and its node on the tape.
    #[inline(always)]
    pub(crate) fn is_open(&self, id: u64) -> bool {
        self.open.contains(id >> INDEX_BITS) && ((id & INDEX_MASK) as usize) < self.end()
    }

    /// The epochs that are open.
    #[inline(always)]
    pub(crate) fn open(&self) -> &OpenEpochs {
        &self.open
    }

    /// The adjoint of a node, as the last sweep left it.
    #[inline(always)]
    pub(crate) fn adjoint(&self, index: usize) -> f64 {
        // SAFETY: it is an error if a sweep has borrowed them; and `get` calls nothing that could borrow them while it reads.
        let adjoints = unsafe { self.adjoints.try_borrow_unguarded() };
        adjoints.expect("no sweep is under way").current.get(index)
    }

    /// The id that the next node will have.
    #[inline(always)]
    pub(crate) fn next(&self) -> u64 {
        self.next.get()
    }

    /// The index that the next node will have.
    #[inline(always)]
    pub(crate) fn end(&self) -> usize {
        (self.next.get() & INDEX_MASK) as usize
    }

    /// The place of the next node.
    #[inline]
    pub(crate) fn place(&self) -> Place {
        Place { index: self.end(), position: self.position() }
    }

    /// The words of the tape.
    #[inline]
    pub(super) fn position(&self) -> usize {
        self.position_of(self.end.get())
    }

    /// The words before a pointer into the tape.
    #[inline(always)]
    pub(super) fn position_of(&self, pointer: *const u64) -> usize {
        (pointer.addr() - self.base.get().addr()) / size_of::<u64>()
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let adjoints = self.adjoints.borrow().bytes();
        let starts = self.starts.borrow().capacity();
        (self.capacity.get() + starts) * size_of::<u64>() + adjoints
    }

    /// The last words before a position.
    #[inline(always)]
    pub(crate) fn words_before(&self, position: usize) -> [u64; EMPTY.len()] {
        assert!(position >= EMPTY.len() && position <= self.position());
        // SAFETY: by `assert_storage` the words from the base to the end are initialised and of one memory, and the position is
        // not beyond the end, as asserted just now. Where the tape is lent these are the words of the empty one.
        unsafe {
            let first = self.base.get().add(position - EMPTY.len());
            first.cast::<[u64; EMPTY.len()]>().read()
        }
    }

    /// Whether its thread is ending.
    pub(crate) fn is_retired(&self) -> bool {
        self.is_retired.get()
    }

    /// Whether it has no memory: nothing was ever recorded, or it is retired.
    #[inline(always)]
    pub(crate) fn is_unused(&self) -> bool {
        self.capacity.get() == 0
    }
}
