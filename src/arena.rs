//! Raw storage of the tape: the only room where `unsafe` may stand.
//!
//! The tape is one array of 64-bit words, from `base` to `end`. A node is one to four words (more, if it has many
//! operands): numbers first, its partials, and last a [`Word`] that says what the node is and which operands it has:
//!
//! ```text
//!  base                                                                     end      limit   capacity
//!  │ dummy │ leaf x │ leaf w │  p = x * w   │ y = sin(p) │  q = x * y   │fused│         │ SLACK │
//!  │0 0 0 L│ 2.0  L │ 0.5  L │ 0.5  2.0  TWO│ 0.54   ONE │ 0.84 2.0  TWO│+    │         │       │
//!            1        2        3              4            5              6   ◂ index
//!
//!  a word:   63 … 35    34 … 32   31 … 3     2 … 0
//!            operand b  subcode   operand a  code
//! ```
//!
//! Whoever walks down from the end, as a sweep does, reads the word first and then knows how long the node is. Nodes
//! are numbered from 1; the number is the node's *index*, and its adjoint stands at that index of another array. An
//! operation that finds that it adds the last two nodes, as in `y + x * w`, writes nothing: a bit of the last word
//! says that the sum is fused into it ([`WriteHead::push_fused_sum`]).
//!
//! The index of the next node is kept as an *id*, `epoch << 29 | index`: the id that the next handle gets. One exclusive
//! or with a handle's id tells whether the handle belongs to the scope that is current.
//!
//! # Why it is safe
//!
//! Four statements hold between any two calls of the functions in this folder, and every `unsafe` block refers to one of
//! them by the name of the function that checks it in debug builds:
//!
//! - **[`assert_storage`](Arena::assert_storage)**: the words from `base` to `end` are initialised, there are at least
//!   those of the dummy node, and a write that begins below `limit` has room for [`SLACK`] words;
//! - **[`assert_nodes`](tape::Tape::assert_nodes)**: these words are whole nodes, as many as the next index says, the
//!   operands of each below it, and no [window](WINDOW) of 256 nodes starts between a node and a sum that is fused into it;
//! - **[`assert_clean`](adjoints::Set)**: there is room for the adjoints of all nodes below the end of a sweep, and what
//!   no sweep gave anything to is zero;
//! - **one thread, one borrower**: `Cell` makes the arena `!Sync`. The words are borrowed as a slice only inside
//!   [`Arena::tape`], which takes the pointers out of the arena meanwhile, so that whatever is recorded then finds an
//!   arena without room and panics. No user code runs while a pointer into the tape or the adjoints is held.
//!
//! Only the end of the tape changes: nodes are appended, the fused bit of the last word is set, and going back to the
//! place where a scope started makes the tape shorter. A place is an index and a position; both are the same for as long
//! as that scope is open, because a sum is fused only into a node of the scope that is current.
//!
//! # Why it is so
//!
//! Recording is a loop of about six cycles an operation; a `Vec` in a `RefCell` doubles them (the borrow flag, the length
//! and the capacity are loaded and stored each time). Partials on the tape are read once, in the order in which they
//! lie. The fused sum is worth 20 to 30 % on networks and mixtures written with loops (`s += w * x`), and 2 bytes for
//! each operation of a chain.

#![allow(unsafe_code)]

mod adjoints;
mod epochs;
mod lines;
mod steps;
mod storage;
mod tape;
#[cfg(test)]
mod tests;
mod trampoline;
pub(crate) mod walk;
mod word;
mod write;
mod zeros;

pub(crate) use adjoints::{Adjoints, Set, WINDOW, adjoints, set_aside};
pub(crate) use epochs::OpenEpochs;
use lines::Lines;
use storage::Refusal;
pub(crate) use tape::Tape;
pub(crate) use word::{Word, code};
pub(crate) use write::{Runs, WriteHead};

use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ptr;

/// Bits of an index.
pub(crate) const INDEX_BITS: u32 = 29;
/// The largest index, and the mask that takes it from an id.
pub(crate) const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
/// Words that are free beyond the limit: the longest node that is written without asking for room.
const SLACK: usize = 8;
/// A dummy node of index 0, a leaf, which no handle refers to. Before its word stand as many words as any read of a node
/// looks back, so that such reads stay inside the tape.
static EMPTY: [u64; 4] = [0, 0, 0, Word::LEAF.0];

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

/// Marks the branch it stands in as one that is rarely taken, so that the compiler puts it out of the way.
#[cold]
#[inline(always)]
pub(crate) fn cold_path() {}

/// The epoch of a thread's first nodes.
pub(crate) const FIRST_EPOCH: u64 = 1;

/// A place between two nodes: the index of the one after it, and the words before it.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    index: usize,
    position: usize,
}

impl Place {
    /// The index of the node after it.
    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        self.index
    }

    /// The number of words before it.
    #[inline(always)]
    pub(crate) const fn position(self) -> usize {
        self.position
    }

    /// The place before the node, or before the node and the sum fused into it, whose word ends here.
    #[inline(always)]
    pub(crate) fn before(self, word: Word) -> Place {
        Place {
            index: self.index - 1 - word.has_fused_sum() as usize,
            position: self.position - word.words(),
        }
    }

    /// Before the first node.
    pub(crate) const START: Place = Place {
        index: 1,
        position: EMPTY.len(),
    };
}

/// A growable tape of nodes, with the table of the epochs that are open.
pub(crate) struct Arena {
    next: Cell<u64>,
    end: Cell<*mut u64>,
    limit: Cell<*mut u64>,
    base: Cell<*mut u64>,
    /// Words; 0 while `base` is that of the empty tape.
    capacity: Cell<usize>,
    /// The positions at which windows of nodes start, the first ones, as far as somebody asked.
    starts: ManuallyDrop<RefCell<Vec<usize>>>,
    /// How many nodes were walked over to find others since then. Going back to a place does not change it: a sweep over many
    /// checkpoints goes back after each.
    walked: Cell<usize>,
    is_lent: Cell<bool>,
    open: OpenEpochs,
    is_retired: Cell<bool>,
    /// Freed by [`retire`](Arena::retire).
    pub(crate) adjoints: ManuallyDrop<RefCell<Adjoints>>,
    /// Why the last write that asked for room got none.
    refusal: Cell<Option<Refusal>>,
    /// Freed by [`retire`](Arena::retire).
    lines: ManuallyDrop<Lines>,
}

/// The base of an arena that has no memory. Nothing is written there: its limit is its end.
fn empty_base() -> *mut u64 {
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
            refusal: Cell::new(None),
            lines: ManuallyDrop::new(Lines::new()),
        }
    }

    /// Whether the scope that `id` was recorded in is open.
    #[inline(always)]
    pub(crate) fn is_open(&self, id: u64) -> bool {
        self.open.contains(id >> INDEX_BITS)
    }

    /// The epochs that are open.
    #[inline(always)]
    pub(crate) fn open(&self) -> &OpenEpochs {
        &self.open
    }

    /// The adjoint of a node, as the last sweep left it.
    #[inline(always)]
    pub(crate) fn adjoint(&self, index: usize) -> f64 {
        // SAFETY: `get` changes nothing and calls nothing that could.
        let adjoints = unsafe { self.adjoints.try_borrow_unguarded() };
        adjoints.expect("no sweep is under way").get(index)
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
        Place {
            index: self.end(),
            position: self.position(),
        }
    }

    /// The words of the tape.
    #[inline]
    fn position(&self) -> usize {
        self.position_of(self.end.get())
    }

    /// The words before a pointer into the tape.
    #[inline(always)]
    fn position_of(&self, pointer: *const u64) -> usize {
        (pointer.addr() - self.base.get().addr()) / size_of::<u64>()
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let adjoints = self.adjoints.borrow().bytes();
        let starts = self.starts.borrow().capacity();
        (self.capacity.get() + starts) * size_of::<u64>() + adjoints
    }

    /// Goes back to `place`, at which a scope started or the whole tape does, and goes on there in `epoch`: drops the
    /// nodes from there on and all that is known of them.
    #[inline(always)]
    pub(crate) fn restart(&self, epoch: u64, place: Place) {
        assert!(place.index <= self.end() && place.position <= self.position());
        self.next.set(epoch << INDEX_BITS | place.index as u64);
        // SAFETY: not beyond the old end.
        self.end.set(unsafe { self.base.get().add(place.position) });
        self.adjoints.borrow_mut().truncate(place.index);
        // Those of windows that start up to here stay what they are.
        self.starts.borrow_mut().truncate(place.index / WINDOW + 1);
        if self.lines.is_kept() {
            self.lines.truncate(place.index);
        }
        if self.capacity.get() > INDEX_MASK as usize {
            self.set_limit();
        }
        self.assert_storage();
    }

    /// Goes on in `epoch`.
    pub(crate) fn go_on(&self, epoch: u64) {
        self.next.set(epoch << INDEX_BITS | self.end() as u64);
    }

    /// The last words before a position.
    #[inline(always)]
    pub(crate) fn words_before(&self, position: usize) -> [u64; EMPTY.len()] {
        assert!(position >= EMPTY.len() && position <= self.position());
        // SAFETY: these words are initialised, and of one array with the base.
        unsafe {
            let first = self.base.get().add(position - EMPTY.len());
            first.cast::<[u64; EMPTY.len()]>().read()
        }
    }

    /// Lends the tape while nothing can be recorded.
    #[inline]
    pub(crate) fn tape<R>(&self, f: impl FnOnce(Tape<'_>) -> R) -> R {
        struct Restore<'a>(&'a Arena, [*mut u64; 3]);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                let [base, end, limit] = self.1;
                self.0.base.set(base);
                self.0.end.set(end);
                self.0.limit.set(limit);
                self.0.is_lent.set(false);
            }
        }
        // SAFETY: the pointers leave the arena, so nothing else reads, writes or grows the words until
        // `Restore` brings them back.
        let tape = unsafe { self.read() };
        let _restore = Restore(self, [self.base.get(), self.end.get(), self.limit.get()]);
        // SAFETY: one past the end of the array.
        let empty = unsafe { empty_base().add(EMPTY.len()) };
        self.base.set(empty_base());
        self.end.set(empty);
        self.limit.set(empty);
        self.is_lent.set(true);
        f(tape)
    }

    /// The tape as it is.
    ///
    /// # Safety
    ///
    /// Nothing is recorded or dropped while it is in use.
    #[inline(always)]
    unsafe fn read(&self) -> Tape<'_> {
        assert!(!self.is_lent.get(), "the tape is lent already");
        // SAFETY: the words below the end are initialised, and stay as they are by the caller's promise.
        unsafe {
            Tape {
                words: std::slice::from_raw_parts(self.base.get(), self.position()),
                end: self.end(),
            }
        }
    }

    /// Whether its thread is ending.
    pub(crate) fn is_retired(&self) -> bool {
        self.is_retired.get()
    }

    /// Whether nothing was ever recorded.
    #[inline(always)]
    pub(crate) fn is_unused(&self) -> bool {
        self.capacity.get() == 0
    }
}
