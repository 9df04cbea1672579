//! Raw storage of the tape: the only room where `unsafe` may stand.
//!
//! The tape is an array of 64-bit words. A node is one to four of them, its partials first and last a
//! [`Word`] that packs the code of its operation with the indices of two operands; so a walk from
//! the end down, which is the way of a sweep, reads the word first and knows how long the node is. Nodes
//! are numbered one after the other, whatever they take: the number is the index of the node's adjoint.
//! A *mark* tells every few hundred nodes which index stands where, for those who must find one.
//!
//! The number of the next node is kept as an *id*, `epoch << 29 | index`, so that one subtraction-free
//! comparison with a handle's id tells whether the handle belongs to the current scope, and the id of a
//! new node is already there.
//!
//! Why not a `Vec` in a `RefCell`: recording is a store-bound loop of about six cycles an operation,
//! and the borrow flag, the length and the capacity double it. What is needed instead is small:
//!
//! - every word from `base` to `end` is initialised, and `end <= base + capacity`; a write is made where
//!   `end < limit`, and from `limit` on there is room for [`SLACK`] words more;
//! - the words from `base` to `end` are whole nodes, `next & INDEX_MASK` of them, the operands of
//!   each below it;
//! - the storage belongs to one thread (`Cell` makes the arena `!Sync`), and is borrowed as a slice
//!   only inside [`Arena::tape`], during which `end` and `limit` are those of an empty tape, so that
//!   nothing can be recorded;
//! - growing happens before a write, on the write's own cold branch, and nothing holds a pointer
//!   across it.

#![allow(unsafe_code)]

mod adjoints;
mod epochs;
mod steps;
mod tape;
#[cfg(test)]
mod tests;
mod trampoline;
pub(crate) mod walk;
mod word;
mod write;
mod zeros;

pub(crate) use adjoints::{Adjoints, Set, WINDOW, adjoints, aside};
pub(crate) use epochs::OpenEpochs;
pub(crate) use tape::Tape;
pub(crate) use word::{Word, code};
pub(crate) use write::{Runs, WriteHead};

use std::alloc::{Layout, alloc, dealloc, realloc};
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
    /// How many nodes were walked over to find others since then.
    walked: Cell<usize>,
    is_lent: Cell<bool>,
    open: OpenEpochs,
    is_retired: Cell<bool>,
    /// Freed by [`retire`](Arena::retire).
    pub(crate) adjoints: ManuallyDrop<RefCell<Adjoints>>,
    /// Why the last write found no room.
    refusal: Cell<Refusal>,
}

/// Why an arena cannot grow.
#[derive(Clone, Copy)]
enum Refusal {
    Lent,
    Retired,
    Full,
    NoMemory { words: usize },
}

/// Grows this thread's arena by one operation, or leaves word why not.
extern "sysv64" fn grow_for_write() {
    let arena = arena();
    if let Err(refusal) = arena.grow(SLACK) {
        arena.refusal.set(refusal);
    }
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
            refusal: Cell::new(Refusal::Full),
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
    #[inline]
    pub(crate) fn restart(&self, epoch: u64, place: Place) {
        assert!(place.index <= self.end() && place.position <= self.position());
        self.next.set(epoch << INDEX_BITS | place.index as u64);
        // SAFETY: not beyond the old end.
        self.end.set(unsafe { self.base.get().add(place.position) });
        self.adjoints.borrow_mut().truncate(place.index);
        // Those of windows that start up to here stay what they are.
        self.starts.borrow_mut().truncate(place.index / WINDOW + 1);
        self.walked.set(0);
        if self.capacity.get() > INDEX_MASK as usize {
            self.set_limit();
        }
        self.assert_storage();
    }

    /// Asserts that `base`, `end`, `limit` and `capacity` belong together: the tape is never empty, its words fit into the
    /// memory, and up to the limit, and [`SLACK`] words more, there is room. Debug builds check this where they change.
    #[inline(always)]
    pub(super) fn assert_storage(&self) {
        if cfg!(debug_assertions) {
            let (position, capacity) = (self.position(), self.capacity.get());
            let limit = self.position_of(self.limit.get());
            assert!(position >= EMPTY.len() && (position <= capacity || capacity == 0));
            assert!(self.is_lent.get() || capacity != 0 || position == EMPTY.len());
            assert!(limit + SLACK <= capacity || limit <= position || capacity == 0);
        }
    }

    /// Goes on in `epoch`.
    pub(crate) fn go_on(&self, epoch: u64) {
        self.next.set(epoch << INDEX_BITS | self.end() as u64);
    }

    /// Puts the limit where there is no more room, or there may be no more indices.
    ///
    /// A word ends a node, or two if it has a [fused sum](Word::has_fused_sum), and is then the last of at least two words:
    /// as many words as there are indices left can be written without another look. A tape that has no room for more
    /// words than there are indices never runs out of indices.
    fn set_limit(&self) {
        let position = self.position();
        let left = (INDEX_MASK as usize).saturating_sub(self.end() + SLACK);
        let limit = (self.capacity.get().saturating_sub(SLACK))
            .min(position + left)
            .max(position);
        // SAFETY: below the capacity, or the end itself.
        self.limit.set(unsafe { self.base.get().add(limit) });
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

    /// Makes room for `more` nodes.
    #[track_caller]
    pub(crate) fn reserve(&self, more: usize) {
        if self.end().saturating_add(more) > INDEX_MASK as usize - SLACK {
            self.refuse(Refusal::Full);
        }
        self.reserve_words(4 * more);
    }

    /// Makes room for `more` words.
    #[inline]
    #[track_caller]
    fn reserve_words(&self, more: usize) {
        if !self.has_room(more) {
            self.grow(more)
                .unwrap_or_else(|refusal| self.refuse(refusal));
        }
    }

    /// Whether `more` words can be written.
    #[inline(always)]
    fn has_room(&self, more: usize) -> bool {
        let needed = self.position() + more + SLACK;
        needed <= self.capacity.get() && !self.is_full() && !self.is_lent.get()
    }

    /// Whether there is no index left.
    fn is_full(&self) -> bool {
        self.end() + SLACK >= INDEX_MASK as usize
    }

    /// Makes room for one more operation, on the cold branch of a write.
    #[inline(always)]
    #[track_caller]
    fn grow_for_write(&self) {
        trampoline::grow_preserving_registers();
        if self.end.get() >= self.limit.get() {
            self.refuse(self.refusal.get());
        }
    }

    #[cold]
    #[inline(never)]
    #[track_caller]
    fn refuse(&self, refusal: Refusal) -> ! {
        match refusal {
            Refusal::Lent => {
                panic!("scalargrad: the graph is being swept; nothing can be recorded in it now")
            }
            Refusal::Retired => panic!(
                "scalargrad: this thread is ending and its graph is gone; \
                 use `value()` in destructors of thread-local values, or finish before the thread ends"
            ),
            Refusal::Full => panic!(
                "scalargrad: the graph is full: {INDEX_MASK} nodes are the most that one thread can record. \
                 Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`"
            ),
            Refusal::NoMemory { words } => panic!(
                "scalargrad: no memory for a graph of {} bytes; the graph is unchanged. \
                 Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`",
                words.saturating_mul(size_of::<u64>())
            ),
        }
    }

    /// Makes room for `more` words.
    fn grow(&self, more: usize) -> Result<(), Refusal> {
        if self.is_retired.get() {
            return Err(Refusal::Retired);
        }
        if self.is_lent.get() {
            return Err(Refusal::Lent);
        }
        let position = self.position();
        if self.is_full() {
            return Err(Refusal::Full);
        }
        let needed = position.saturating_add(more).saturating_add(2 * SLACK);
        let old = self.capacity.get();
        if needed > old {
            let (base, new) = self
                .allocate(needed.max(old * 2).max(4096))
                .or_else(|_| self.allocate(needed))?;
            self.base.set(base);
            self.capacity.set(new);
            // SAFETY: the words up to here have been moved with the others.
            self.end.set(unsafe { base.add(position) });
        }
        self.set_limit();
        self.assert_storage();
        Ok(())
    }

    /// Moves the tape to a memory of `new` words.
    fn allocate(&self, new: usize) -> Result<(*mut u64, usize), Refusal> {
        let old = self.capacity.get();
        let layout =
            |words: usize| Layout::array::<u64>(words).map_err(|_| Refusal::NoMemory { words });
        // SAFETY: the sizes are not zero; a `base` of some capacity came from this allocator with
        // `layout(old)`.
        let base = unsafe {
            if old == 0 {
                alloc(layout(new)?)
            } else {
                realloc(self.base.get().cast(), layout(old)?, layout(new)?.size())
            }
        };
        let base = base.cast::<u64>();
        if base.is_null() {
            return Err(Refusal::NoMemory { words: new });
        }
        if old == 0 {
            // SAFETY: the new memory has room for the empty tape.
            unsafe { ptr::copy_nonoverlapping(EMPTY.as_ptr(), base, EMPTY.len()) };
        }
        Ok((base, new))
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

    /// Gives the storage back and records nothing more; handles are stale in the new `epoch`.
    pub(crate) fn retire(&self, epoch: u64) {
        let capacity = self.capacity.replace(0);
        let base = self.base.replace(empty_base());
        // SAFETY: one past the end of the array.
        self.end.set(unsafe { empty_base().add(EMPTY.len()) });
        if capacity != 0 {
            let layout = Layout::array::<u64>(capacity).expect("it was allocated with this layout");
            // SAFETY: allocated by `allocate` with this layout, and no longer reachable.
            unsafe { dealloc(base.cast(), layout) };
        }
        self.open.retire();
        self.adjoints.replace(Adjoints::new());
        self.starts.replace(Vec::new());
        self.is_retired.set(true);
        self.next.set(epoch << INDEX_BITS | 1);
        self.set_limit();
    }
}
