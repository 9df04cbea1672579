//! Raw node storage, the only file where `unsafe` may stand.
//!
//! A node takes 24 bytes: its partials with respect to two operands, and a word that packs the code
//! of its operation with their indices. The arena's end is kept as the *id* of the next slot,
//! `epoch << 29 | index`, so that one subtraction-free comparison with a handle's id tells whether
//! the handle belongs to the current scope, and the id of a new node is already there.
//!
//! Why not a `Vec` in a `RefCell`: recording is a store-bound loop of about six cycles an operation,
//! and the borrow flag, the length and the capacity double it. What is needed instead is small:
//!
//! - every index below `next` is initialised, and `next <= limit <= capacity`;
//! - the storage belongs to one thread (`Cell` makes the arena `!Sync`), and is borrowed as a slice
//!   only inside [`Arena::nodes`], during which `limit` is zero, so that nothing can be recorded;
//! - growing happens before a write, on the write's own cold branch, and nothing holds a pointer
//!   across it.

#![allow(unsafe_code)]

use crate::adjoints::Adjoints;
use std::alloc::{Layout, alloc, dealloc, realloc};
use std::cell::{Cell, RefCell};
use std::mem::ManuallyDrop;
use std::ptr;

/// Bits of an index.
pub(crate) const INDEX_BITS: u32 = 29;
/// The largest index, and the mask that takes it from an id.
pub(crate) const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;
/// One slot of the tape: a node, or room for the operands and constants of the node after it.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Node {
    /// The partial with respect to the operand `a`.
    pub p: f64,
    /// The partial with respect to the operand `b`.
    pub q: f64,
    pub word: Word,
}

/// What a node computes: a code of 6 bits, and two fields of 29 bits, mostly operand indices.
///
/// Each half of the word has a field and half of the code, so that an id, whatever its epoch, goes
/// into it with one shift, and comes out with another.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(C)]
pub(crate) struct Word {
    a: u32,
    b: u32,
}

impl Word {
    #[inline(always)]
    pub(crate) const fn new(code: u8, a: u64, b: u64) -> Word {
        Word {
            a: (a as u32) << 3 | (code >> 3) as u32,
            b: (b as u32) << 3 | (code & 7) as u32,
        }
    }

    #[inline(always)]
    pub(crate) const fn code(self) -> u8 {
        self.class() << 3 | (self.b & 7) as u8
    }

    /// The upper half of the code.
    #[inline(always)]
    pub(crate) const fn class(self) -> u8 {
        (self.a & 7) as u8
    }

    #[inline(always)]
    pub(crate) const fn a(self) -> usize {
        (self.a >> 3) as usize
    }

    #[inline(always)]
    pub(crate) const fn b(self) -> usize {
        (self.b >> 3) as usize
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
    NoMemory { nodes: usize },
}

/// Grows this thread's arena by one operation, or leaves word why not.
extern "sysv64" fn grow_for_write() {
    let arena = arena();
    if let Err(refusal) = arena.grow(1) {
        arena.refusal.set(refusal);
    }
}

/// Calls [`grow_for_write`] as if it were one instruction that touches no register.
///
/// The cold branch of a write is in the middle of the user's arithmetic. No floating-point register
/// survives a call, so a plain one there makes the compiler keep the numbers around it in memory, on
/// the hot path too: 23 ns instead of 15 for `x = sin(x)*a + x*b`.
#[cold]
#[inline(always)]
fn grow_preserving_registers() {
    #[cfg(all(target_arch = "x86_64", not(target_feature = "avx512f"), not(miri)))]
    // SAFETY: the trampoline restores every register it or its callee may change, and keeps the
    // stack aligned for the call. Without the option `nostack` the compiler keeps no red zone here.
    unsafe {
        std::arch::asm!("call {}", sym trampoline::grow)
    };
    #[cfg(not(all(target_arch = "x86_64", not(target_feature = "avx512f"), not(miri))))]
    grow_for_write();
}

#[cfg(all(target_arch = "x86_64", not(target_feature = "avx512f"), not(miri)))]
mod trampoline {
    use std::arch::naked_asm;

    /// The vector registers, moved to the stack or back with the widest instruction that the crate
    /// is compiled for: what is wider, the compiler does not use either.
    macro_rules! moves {
        ($mov:literal, $width:literal, $register:literal, $save:ident: $($i:literal)*) => {
            concat!($( moves!(@$save $mov, $width, $register, $i), )*)
        };
        (@save $mov:literal, $width:literal, $register:literal, $i:literal) => {
            concat!($mov, " [rsp + ", $i, "*", $width, "], ", $register, $i, "\n")
        };
        (@restore $mov:literal, $width:literal, $register:literal, $i:literal) => {
            concat!($mov, " ", $register, $i, ", [rsp + ", $i, "*", $width, "]\n")
        };
    }
    #[cfg(not(target_feature = "avx"))]
    macro_rules! vectors {
        ($way:ident) => { moves!("movups", "16", "xmm", $way: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
    }
    #[cfg(target_feature = "avx")]
    macro_rules! vectors {
        ($way:ident) => { moves!("vmovups", "32", "ymm", $way: 0 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15) };
    }

    /// Saves every register that a call may change, grows, and restores them.
    ///
    /// `grow_for_write` does not unwind: it leaves word of a failure, and the caller panics.
    #[unsafe(naked)]
    pub(super) extern "sysv64" fn grow() {
        naked_asm!(
            "push rbp",
            "mov rbp, rsp",
            "push rax\npush rcx\npush rdx\npush rsi\npush rdi\npush r8\npush r9\npush r10\npush r11",
            "sub rsp, 512 + 8",
            "and rsp, -16",
            vectors!(save),
            "call {grow}",
            vectors!(restore),
            "lea rsp, [rbp - 72]",
            "pop r11\npop r10\npop r9\npop r8\npop rdi\npop rsi\npop rdx\npop rcx\npop rax",
            "pop rbp",
            "ret",
            grow = sym super::grow_for_write,
        )
    }
}

/// The table of an arena that has none yet: a single place.
static FIRST_OPEN: u64 = FIRST_EPOCH;
/// The table of an arena that is retired.
static NONE_OPEN: u64 = 0;

impl Arena {
    /// An empty arena; slot 0 is never used, so that index 0 can mean "no node".
    const fn new(epoch: u64) -> Arena {
        Arena {
            next: Cell::new(epoch << INDEX_BITS | 1),
            limit: Cell::new(0),
            nodes: Cell::new(ptr::null_mut()),
            capacity: Cell::new(0),
            open: Cell::new((&raw const FIRST_OPEN).cast_mut()),
            open_len: Cell::new(1),
            is_retired: Cell::new(false),
            adjoints: ManuallyDrop::new(RefCell::new(Adjoints::new())),
            refusal: Cell::new(Refusal::Full),
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
        assert!(len.is_power_of_two() && len > 1);
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
        // SAFETY: as in `is_open`; this table is not an immutable one, and the `Cell` lives
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
        self.open_len.get() == 1
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
        let room = self.capacity.get().min(INDEX_MASK as usize) as u64;
        self.limit.set(self.next.get() & !INDEX_MASK | room);
    }

    /// Appends a slot and returns its id.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn push(&self, node: Node) -> u64 {
        let id = self.next.get();
        if id >= self.limit.get() {
            self.grow_for_write();
        }
        // SAFETY: `id < limit`, or the arena has grown: the index is below the capacity.
        unsafe { self.slot(id).write(node) };
        self.next.set(id + 1);
        id
    }

    /// Appends `count` slots.
    #[inline(always)]
    #[track_caller]
    pub(crate) fn extend(&self, count: usize, nodes: impl Iterator<Item = Node>) {
        self.reserve(count);
        let mut written = 0;
        // SAFETY: there is room for `count` slots, and less have been written.
        unsafe {
            let first = self.slot(self.next.get());
            for node in nodes.take(count) {
                first.add(written).write(node);
                written += 1;
            }
        }
        self.next.set(self.next.get() + written as u64);
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
    pub(crate) fn nodes<R>(&self, f: impl FnOnce(&[Node]) -> R) -> R {
        struct Restore<'a>(&'a Arena, *mut Node);
        impl Drop for Restore<'_> {
            fn drop(&mut self) {
                self.0.nodes.set(self.1);
                self.0.set_limit();
            }
        }
        let nodes = self.nodes.replace(ptr::null_mut());
        if nodes.is_null() {
            return f(&[]);
        }
        self.limit.set(0);
        let _restore = Restore(self, nodes);
        // SAFETY: the slots below `end` are initialised; the pointer has left the arena, so nothing
        // else reads, writes or grows them until `Restore` brings it back.
        f(unsafe { std::slice::from_raw_parts(nodes, self.end()) })
    }

    /// Makes room for `more` slots.
    #[track_caller]
    pub(crate) fn reserve(&self, more: usize) {
        if more > ((self.limit.get() & INDEX_MASK) as usize).saturating_sub(self.end()) {
            self.grow(more)
                .unwrap_or_else(|refusal| self.refuse(refusal));
        }
    }

    /// Makes room for one more operation, on the cold branch of a write.
    #[inline(always)]
    #[track_caller]
    fn grow_for_write(&self) {
        grow_preserving_registers();
        if self.next.get() >= self.limit.get() {
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
                "scalargrad: the graph is full: {INDEX_MASK} slots are the most that one thread can record. \
                 Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`"
            ),
            Refusal::NoMemory { nodes } => panic!(
                "scalargrad: no memory for a graph of {nodes} slots ({} bytes each); the graph is unchanged. \
                 Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`",
                size_of::<Node>()
            ),
        }
    }

    /// Makes room for `more` slots.
    fn grow(&self, more: usize) -> Result<(), Refusal> {
        let old = self.capacity.get();
        if self.is_retired.get() {
            return Err(Refusal::Retired);
        }
        if old != 0 && self.nodes.get().is_null() {
            return Err(Refusal::Lent);
        }
        let needed = self.end().saturating_add(more);
        let most = INDEX_MASK as usize;
        if needed > most {
            return Err(Refusal::Full);
        }
        let layout =
            |nodes: usize| Layout::array::<Node>(nodes).map_err(|_| Refusal::NoMemory { nodes });
        let allocate = |new: usize| {
            let size = layout(new)?.size();
            // SAFETY: the sizes are not zero; `nodes` came from this allocator with `layout(old)`.
            let nodes = unsafe {
                if old == 0 {
                    alloc(layout(new)?)
                } else {
                    realloc(self.nodes.get().cast(), layout(old)?, size)
                }
            };
            if nodes.is_null() {
                Err(Refusal::NoMemory { nodes: new })
            } else {
                Ok((nodes.cast::<Node>(), new))
            }
        };
        let (nodes, new) =
            allocate(needed.max(old * 2).max(1024).min(most)).or_else(|_| allocate(needed))?;
        if old == 0 {
            // SAFETY: slot 0 is inside the new allocation.
            unsafe {
                nodes.write(Node {
                    p: 0.0,
                    q: 0.0,
                    word: Word::new(0, 0, 0),
                })
            };
        }
        self.nodes.set(nodes);
        self.capacity.set(new);
        self.set_limit();
        Ok(())
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
        let nodes = self.nodes.replace(ptr::null_mut());
        if !nodes.is_null() {
            let layout =
                Layout::array::<Node>(capacity).expect("it was allocated with this layout");
            // SAFETY: allocated by `grow` with this layout, and no longer reachable.
            unsafe { dealloc(nodes.cast(), layout) };
        }
        self.replace_open(None);
        self.adjoints.replace(Adjoints::new());
        self.is_retired.set(true);
        self.next.set(epoch << INDEX_BITS | 1);
        self.set_limit();
    }
}
