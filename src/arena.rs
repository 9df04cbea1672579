//! Raw node storage, the only file where `unsafe` may stand.
//!
//! A node takes 24 bytes: its value, its adjoint, and a word that packs the code of its operation
//! with the indices of up to two operands. The arena's end is kept as the *id* of the next slot,
//! `epoch << 29 | index`, so that one subtraction-free comparison with a handle's id tells whether
//! the handle belongs to the current scope, and the id of a new node is already there.
//!
//! Why not a `Vec` in a `RefCell`: recording is a store-bound loop of about six cycles an operation,
//! and the borrow flag, the length and the capacity double it. What is needed instead is small:
//!
//! - every index below `next` is initialised, and `next <= limit + SLACK <= capacity`;
//! - the storage belongs to one thread (`Cell` makes the arena `!Sync`), and is borrowed as a slice
//!   only inside [`Arena::nodes`], during which `limit` is zero, so that nothing can be recorded;
//! - growing happens before a write, on the write's own cold branch, and nothing holds a pointer
//!   across it.

#![allow(unsafe_code)]

use std::alloc::{Layout, alloc, dealloc, realloc};
use std::cell::Cell;
use std::ptr;

/// Bits of an index.
pub(crate) const INDEX_BITS: u32 = 29;
/// The largest index, and the mask that takes it from an id.
pub(crate) const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
/// Slots that one operation may write after a single look at the limit.
const SLACK: usize = 8;

/// One slot of the tape: a node, or room for the operands and constants of the node after it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Node {
    pub value: f64,
    pub adjoint: f64,
    pub word: Word,
}

/// What a node computes: a code (6 bits) and two fields of 29 bits, mostly operand indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Word(u64);

impl Word {
    #[inline(always)]
    pub(crate) const fn new(code: u8, a: u64, b: u64) -> Word {
        Word((a & INDEX_MASK) << 35 | (b & INDEX_MASK) << 6 | code as u64)
    }

    #[inline(always)]
    pub(crate) const fn code(self) -> u8 {
        (self.0 & 63) as u8
    }

    #[inline(always)]
    pub(crate) const fn a(self) -> usize {
        (self.0 >> 35) as usize
    }

    #[inline(always)]
    pub(crate) const fn b(self) -> usize {
        (self.0 >> 6 & INDEX_MASK) as usize
    }
}

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

/// The epoch of a thread's first nodes.
pub(crate) const FIRST_EPOCH: u64 = 1;

/// A growable array of nodes, with the table of the epochs that are open.
pub(crate) struct Arena {
    next: Cell<u64>,
    limit: Cell<u64>,
    nodes: Cell<*mut Node>,
    capacity: Cell<usize>,
    /// The open epochs, each at its place modulo the length of the table, a power of two.
    open: Cell<*mut u64>,
    open_len: Cell<usize>,
}

/// The table of an arena that has none yet: no epoch is zero.
static NONE_OPEN: u64 = 0;

impl Arena {
    /// An empty arena; slot 0 is never used, so that index 0 can mean "no node".
    const fn new(epoch: u64) -> Arena {
        Arena {
            next: Cell::new(epoch << INDEX_BITS | 1),
            limit: Cell::new(0),
            nodes: Cell::new(ptr::null_mut()),
            capacity: Cell::new(0),
            open: Cell::new((&raw const NONE_OPEN).cast_mut()),
            open_len: Cell::new(1),
        }
    }

    /// Whether the scope that `id` was recorded in is open.
    #[inline(always)]
    pub(crate) fn is_open(&self, id: u64) -> bool {
        let epoch = id >> INDEX_BITS;
        // SAFETY: the index is below `open_len`, the length of the table, which is never freed
        // without being replaced.
        let open = unsafe {
            *self
                .open
                .get()
                .add(epoch as usize & (self.open_len.get() - 1))
        };
        open == epoch
    }

    /// Opens `epoch`, unless its place in the table is another's.
    pub(crate) fn try_open(&self, epoch: u64) -> bool {
        self.place(epoch).is_some_and(|place| {
            place.get() == 0 && {
                place.set(epoch);
                true
            }
        })
    }

    /// Closes `epoch`.
    pub(crate) fn close(&self, epoch: u64) {
        if let Some(place) = self.place(epoch).filter(|place| place.get() == epoch) {
            place.set(0);
        }
    }

    /// The number of places in the table of open epochs.
    pub(crate) fn places(&self) -> usize {
        self.open_len.get()
    }

    /// Makes a table of `len` places, a power of two, in which just `epochs` are open.
    pub(crate) fn rebuild_open(&self, len: usize, epochs: impl Iterator<Item = u64>) {
        assert!(len.is_power_of_two());
        let mut table = vec![0; len].into_boxed_slice();
        for epoch in epochs {
            table[epoch as usize & (len - 1)] = epoch;
        }
        self.replace_open(Some(table));
    }

    fn place(&self, epoch: u64) -> Option<&Cell<u64>> {
        if self.has_no_table() {
            return None;
        }
        // SAFETY: as in `is_open`; this table is not the immutable `NONE_OPEN`, and the `Cell` lives
        // no longer than the call that asked for it.
        Some(unsafe {
            Cell::from_mut(
                &mut *self
                    .open
                    .get()
                    .add(epoch as usize & (self.open_len.get() - 1)),
            )
        })
    }

    fn has_no_table(&self) -> bool {
        ptr::eq(self.open.get(), &raw const NONE_OPEN)
    }

    fn replace_open(&self, table: Option<Box<[u64]>>) {
        if !self.has_no_table() {
            let old = ptr::slice_from_raw_parts_mut(self.open.get(), self.open_len.get());
            // SAFETY: it came from `Box::into_raw` of a slice of this length, and is replaced below.
            drop(unsafe { Box::from_raw(old) });
        }
        self.open_len.set(table.as_ref().map_or(1, |t| t.len()));
        self.open
            .set(table.map_or((&raw const NONE_OPEN).cast_mut(), |t| {
                Box::into_raw(t).cast()
            }));
    }

    /// The id that the next slot will have.
    #[inline(always)]
    pub(crate) fn next(&self) -> u64 {
        self.next.get()
    }

    /// The number of slots in use, the unused slot 0 included.
    #[inline(always)]
    pub(crate) fn end(&self) -> usize {
        (self.next.get() & INDEX_MASK) as usize
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.capacity.get() * size_of::<Node>()
    }

    /// Goes on in `epoch` after dropping the slots from `end` on.
    pub(crate) fn restart(&self, epoch: u64, end: usize) {
        assert!(end <= self.end().max(1));
        self.next.set(epoch << INDEX_BITS | end as u64);
        self.set_limit();
    }

    fn set_limit(&self) {
        let room = self.capacity.get().saturating_sub(SLACK) as u64;
        self.limit.set(self.next.get() & !INDEX_MASK | room);
    }

    /// Appends a node and returns its id.
    #[inline(always)]
    pub(crate) fn push(&self, value: f64, word: Word) -> u64 {
        let id = self.next.get();
        if id >= self.limit.get() {
            self.grow(1);
        }
        // SAFETY: `id < limit`, or `grow` has made room: index + SLACK <= capacity.
        unsafe {
            self.slot(id).write(Node {
                value,
                adjoint: 0.0,
                word,
            })
        };
        self.next.set(id + 1);
        id
    }

    /// Appends a slot for `operand` and a node, and returns the node's id.
    #[inline(always)]
    pub(crate) fn push_with(&self, operand: (f64, Word), value: f64, word: Word) -> u64 {
        let id = self.next.get();
        if id >= self.limit.get() {
            self.grow(1);
        }
        // SAFETY: as in `push`; SLACK covers the second slot.
        unsafe {
            let slot = self.slot(id);
            slot.write(Node {
                value: operand.0,
                adjoint: 0.0,
                word: operand.1,
            });
            slot.add(1).write(Node {
                value,
                adjoint: 0.0,
                word,
            });
        }
        self.next.set(id + 2);
        id + 1
    }

    /// The place of the slot `id`.
    ///
    /// # Safety
    ///
    /// The index of `id` is below the capacity.
    #[inline(always)]
    unsafe fn slot(&self, id: u64) -> *mut Node {
        // SAFETY: the caller's promise.
        unsafe { self.nodes.get().add((id & INDEX_MASK) as usize) }
    }

    /// A copy of the node at `index`.
    #[inline(always)]
    pub(crate) fn node(&self, index: usize) -> Node {
        assert!(index != 0 && index < self.end(), "no node has this index");
        // SAFETY: slots from 1 to `end` are initialised.
        unsafe { *self.nodes.get().add(index) }
    }

    /// Lends all slots (slot 0 too, which is a leaf without a handle) while nothing can be recorded.
    #[inline]
    pub(crate) fn nodes<R>(&self, f: impl FnOnce(&mut [Node]) -> R) -> R {
        struct Restore<'a>(&'a Arena, *mut Node);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.nodes.set(self.1);
                self.0.set_limit();
            }
        }
        let nodes = self.nodes.replace(ptr::null_mut());
        if nodes.is_null() {
            return f(&mut []);
        }
        self.limit.set(0);
        let _restore = Restore(self, nodes);
        // SAFETY: the slots below `end` are initialised; the pointer has left the arena, so nothing
        // else reads, writes or grows them until `Restore` brings it back.
        f(unsafe { std::slice::from_raw_parts_mut(nodes, self.end()) })
    }

    /// Makes room for `more` slots.
    #[inline(always)]
    pub(crate) fn reserve(&self, more: usize) {
        if self.end() + more > (self.limit.get() & INDEX_MASK) as usize {
            self.grow(more);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&self, more: usize) {
        let old = self.capacity.get();
        assert!(
            old == 0 || !self.nodes.get().is_null(),
            "scalargrad: the graph is being swept; nothing can be recorded in it now"
        );
        let needed = self.end() + more + SLACK;
        let most = INDEX_MASK as usize + 1 + SLACK;
        assert!(
            needed <= most,
            "scalargrad: the graph is full: {} nodes are the most that one thread can record. \
             Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`",
            INDEX_MASK
        );
        let new = needed.max(old * 2).max(1024).min(most);
        let size = new * size_of::<Node>();
        let layout =
            |n: usize| Layout::array::<Node>(n).expect("the size of the graph fits an isize");
        // SAFETY: the sizes are not zero; `nodes` came from this allocator with `layout(old)`.
        let nodes = unsafe {
            if old == 0 {
                alloc(layout(new)).cast::<Node>()
            } else {
                realloc(self.nodes.get().cast(), layout(old), size).cast::<Node>()
            }
        };
        assert!(
            !nodes.is_null(),
            "scalargrad: no memory for a graph of {new} nodes ({size} bytes); the graph is unchanged. \
             Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`"
        );
        if old == 0 {
            // SAFETY: slot 0 is inside the new allocation.
            unsafe {
                nodes.write(Node {
                    value: 0.0,
                    adjoint: 0.0,
                    word: Word::new(0, 0, 0),
                })
            };
        }
        self.nodes.set(nodes);
        self.capacity.set(new);
        self.set_limit();
    }

    /// Whether nothing was ever recorded.
    #[inline(always)]
    pub(crate) fn is_unused(&self) -> bool {
        self.capacity.get() == 0
    }

    /// Gives the storage back and records nothing more; handles are stale in the new `epoch`.
    pub(crate) fn retire(&self, epoch: u64) {
        let capacity = self.capacity.replace(0);
        let nodes = self.nodes.replace(ptr::null_mut());
        if !nodes.is_null() {
            let layout =
                Layout::array::<Node>(capacity).expect("it was allocated with this layout");
            // SAFETY: allocated by `grow` with this layout, and no longer reachable.
            unsafe { dealloc(nodes.cast(), layout) };
        }
        self.replace_open(None);
        self.next.set(epoch << INDEX_BITS | 1);
        self.set_limit();
    }
}
