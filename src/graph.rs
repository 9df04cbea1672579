//! This thread's graph: recording, scopes, epochs, limits, statistics.
//!
//! Every scope has an *epoch*, a number that is not used again, and a handle carries the epoch it was
//! recorded in. An operation compares its operands' epochs with the current one; only when they
//! differ does it look further (a constant, a handle of an outer scope that is still open, or a
//! stale one). Epochs have 35 bits: after 2³⁵ scopes on one thread the numbers start again, so a
//! handle would have to be kept over exactly that many scopes to be taken for another.

use crate::arena::{Arena, FIRST_EPOCH, INDEX_BITS, OpenEpochs, Place, arena};
use crate::decode::Values;
use crate::record::{Custom, Segment};

use crate::var::Var;
use crate::watch::{self, Reading};
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::Location;

/// The epoch of an arena that records no operation: no handle has it.
const PAUSED: u64 = (1 << (64 - INDEX_BITS)) - 1;
/// Ended scopes that a panic message can still name.
const REMEMBERED: usize = 64;

thread_local! {
    static COLD: RefCell<Cold> = RefCell::new(Cold::new());
}

/// What recording does not need at every operation.
pub(crate) struct Cold {
    /// The scopes that are open, the thread's own graph first.
    frames: Vec<Frame>,
    last_epoch: u64,
    /// How often the graph was cleared, and where it was the last time.
    clears: u64,
    cleared_at: &'static Location<'static>,
    /// How the latest epochs ended, each at its place modulo the length.
    ended: [Option<Ended>; REMEMBERED],
    pub(crate) names: BTreeMap<usize, String>,
    pub(crate) customs: BTreeMap<usize, Custom>,
    pub(crate) segments: BTreeMap<usize, Segment>,
    pub(crate) values: Values,
}

#[derive(Clone, Copy)]
struct Frame {
    epoch: u64,
    /// The place of its first node.
    start: Place,
}

#[derive(Clone, Copy)]
struct Ended {
    epoch: u64,
    cleared: bool,
    at: &'static Location<'static>,
}

impl Cold {
    fn new() -> Cold {
        Cold {
            frames: vec![Frame {
                epoch: FIRST_EPOCH,
                start: Place::START,
            }],
            last_epoch: FIRST_EPOCH,
            clears: 0,
            cleared_at: Location::caller(),
            ended: [None; REMEMBERED],
            names: BTreeMap::new(),
            customs: BTreeMap::new(),
            segments: BTreeMap::new(),
            values: Values::default(),
        }
    }

    /// Opens an epoch that no open scope's place in the table collides with.
    #[inline]
    fn new_epoch(&mut self, arena: &Arena) -> u64 {
        if (self.frames.len() + 1) * 2 > arena.open().places() {
            self.widen(arena.open());
        }
        loop {
            self.last_epoch += 1;
            if self.last_epoch >= PAUSED {
                self.last_epoch = FIRST_EPOCH;
            }
            if arena.open().try_open(self.last_epoch) {
                return self.last_epoch;
            }
        }
    }

    /// Gives the table of open epochs twice as many places.
    #[cold]
    fn widen(&self, open: &OpenEpochs) {
        let len = (open.places() * 2).max(64);
        open.rebuild(len, self.frames.iter().map(|frame| frame.epoch));
    }

    #[inline]
    fn end_epoch(
        &mut self,
        arena: &Arena,
        epoch: u64,
        cleared: bool,
        at: &'static Location<'static>,
    ) {
        arena.open().close(epoch);
        self.ended[epoch as usize % REMEMBERED] = Some(Ended { epoch, cleared, at });
    }

    /// The open epochs, each with the index of its first node.
    pub(crate) fn epochs(&self) -> Vec<(usize, u64)> {
        self.frames
            .iter()
            .map(|frame| (frame.start.index(), frame.epoch))
            .collect()
    }

    /// The epoch of what is recorded next.
    fn recording_epoch(&self, arena: &Arena) -> u64 {
        if is_paused(arena) {
            return PAUSED;
        }
        let innermost = self.frames.last();
        innermost
            .expect("the thread's own graph is never closed")
            .epoch
    }

    /// Forgets what belongs to the nodes from `end` on, but for what the user gave to them: returns
    /// whether there is such, for [`forget`].
    #[inline(always)]
    fn truncate(&mut self, end: usize) -> bool {
        self.values.truncate(end);
        !(self.names.is_empty() && self.customs.is_empty() && self.segments.is_empty())
    }
}

/// Drops what the user gave to the nodes from `end` on. The graph can be used by what is dropped.
#[cold]
fn forget(end: usize) {
    let _gone = cold(|cold| {
        cold.names.split_off(&end);
        (cold.customs.split_off(&end), cold.segments.split_off(&end))
    });
}

impl Drop for Cold {
    fn drop(&mut self) {
        self.last_epoch += 1;
        arena().retire(self.last_epoch);
    }
}

/// Runs `f` with the cold state of this thread's graph.
#[track_caller]
pub(crate) fn cold<R>(f: impl FnOnce(&mut Cold) -> R) -> R {
    COLD.try_with(|cold| f(&mut cold.borrow_mut()))
        .unwrap_or_else(|_| gone())
}

#[cold]
#[inline(never)]
#[track_caller]
fn gone() -> ! {
    panic!(
        "scalargrad: this thread is ending and its graph is gone; \
         use `value()` in destructors of thread-local values, or finish before the thread ends"
    )
}

/// Panics for a handle that cannot be used: says what ended it.
#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn stale(id: u64) -> ! {
    let epoch = id >> INDEX_BITS;
    let ended =
        cold(|cold| cold.ended[epoch as usize % REMEMBERED].filter(|ended| ended.epoch == epoch));
    match ended {
        Some(Ended {
            cleared: true, at, ..
        }) => panic!(
            "scalargrad: stale Var: the graph it was recorded in was dropped by `graph::clear` at {at}. \
             Its `value()` can still be read; make a new variable from it with `Var::new(old.value())`"
        ),
        Some(Ended {
            cleared: false, at, ..
        }) => panic!(
            "scalargrad: stale Var: the scope it was recorded in has ended (`graph::scope` at {at}). \
             Use it inside that scope, or take its `value()` out and make a new variable with `Var::new(old.value())`"
        ),
        None => panic!(
            "scalargrad: stale Var: the scope it was recorded in has ended, or `graph::clear` dropped it. \
             Use it inside its scope, or make a new variable with `Var::new(old.value())`"
        ),
    }
}

/// Panics for a stale handle: one whose node is no longer in the graph.
#[inline(always)]
#[track_caller]
pub(crate) fn verify(x: Var) {
    if (x.id() ^ arena().next()) >> INDEX_BITS != 0 {
        verify_old(x.id());
    }
}

/// As [`verify`], for the handle of another scope than the one that records.
#[inline(never)]
#[track_caller]
fn verify_old(id: u64) {
    if id != 0 && !arena().is_open(id) {
        stale(id);
    }
}

/// Whether operations on this thread record nothing now.
#[inline(always)]
pub(crate) fn is_paused(arena: &Arena) -> bool {
    arena.next() >> INDEX_BITS == PAUSED
}

#[cold]
#[inline(never)]
pub(crate) fn current_epoch() -> u64 {
    cold(|cold| {
        cold.frames
            .last()
            .expect("the thread's own graph is never closed")
            .epoch
    })
}

/// The id of the node at `index`: its epoch is that of the open scope that it lies in.
pub(crate) fn id_of(index: usize) -> u64 {
    cold(|cold| {
        let inside = cold
            .frames
            .partition_point(|frame| frame.start.index() <= index);
        cold.frames[inside - 1].epoch << INDEX_BITS | index as u64
    })
}

/// Runs `f`, then drops all that it recorded.
///
/// Handles made inside become stale when the scope ends, by return or by unwinding; their `value()`
/// can still be read. Leaves made outside keep the gradients that a sweep inside gave them. Scopes nest.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let x = Var::new(3.0);
/// for _ in 0..100_000 {
///     graph::scope(|| (x * x).backward()); // the memory of one step
/// }
/// assert_eq!(x.grad(), 6.0);
/// assert_eq!(graph::len(), 1);
/// ```
#[track_caller]
pub fn scope<R>(f: impl FnOnce() -> R) -> R {
    let _scope = Scope::open(Location::caller());
    f()
}

/// Runs `f` in a scope that records, inside [`no_grad`] too.
#[track_caller]
pub(crate) fn recording_scope<R>(f: impl FnOnce() -> R) -> R {
    let _scope = Scope::open(Location::caller());
    let _switch = Switch::to(false);
    f()
}

/// Calls what the user gave: a closure, a rule of a custom operation, the segment of a checkpoint.
///
/// Such code may do anything: record, sweep, open and end scopes, run all that the crate has, clear the graph, panic.
/// What was remembered before the call is therefore not known to be true after it. This function is the only place from
/// which the user's code is called, and what it warrants is all that a caller may rely on after it has returned:
///
/// - the scopes that are open are those that were, as a scope ends where its closure returns or panics;
/// - the nodes that there were are there, at their places, or this function does not return: if the graph was cleared, it
///   panics. There may be more nodes than before;
/// - the adjoints may be those of any sweep, unless they were [set aside](crate::arena::aside).
///
/// If the user's code panics, so does this: what must be put right then is put right where a guard is dropped.
#[track_caller]
pub(crate) fn user_code<R>(what: &str, f: impl FnOnce() -> R) -> R {
    let clears = cold(|cold| cold.clears);
    let result = f();
    let cleared = cold(|cold| (cold.clears != clears).then_some(cold.cleared_at));
    if let Some(at) = cleared {
        panic!(
            "scalargrad: {what} dropped the graph that it is part of, by `graph::clear` at {at}. \
             Use `graph::scope` there, or clear the graph before or afterwards"
        );
    }
    result
}

/// Stops or resumes recording, until this is dropped.
struct Switch {
    was_paused: bool,
}

impl Switch {
    fn to(paused: bool) -> Switch {
        let was_paused = is_paused(arena());
        Switch::set(paused);
        Switch { was_paused }
    }

    fn set(paused: bool) {
        let arena = arena();
        if paused != is_paused(arena) && !arena.is_retired() {
            let epoch = if paused { PAUSED } else { current_epoch() };
            arena.go_on(epoch);
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        Switch::set(self.was_paused);
    }
}

/// A scope that ends when this is dropped.
struct Scope(&'static Location<'static>);

impl Scope {
    fn open(at: &'static Location<'static>) -> Scope {
        let arena = arena();
        cold(|cold| {
            let epoch = cold.new_epoch(arena);
            cold.frames.push(Frame {
                epoch,
                start: arena.place(),
            });
            if !is_paused(arena) {
                arena.go_on(epoch);
            }
        });
        Scope(at)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let arena = arena();
        let end = cold(|cold| {
            let ended = cold.frames.pop().expect("this scope is the innermost one");
            cold.end_epoch(arena, ended.epoch, false, self.0);
            let epoch = cold.recording_epoch(arena);
            // While a function is being recorded, what a comparison noted must stay.
            if watch::is_watching() {
                arena.go_on(epoch);
                return None;
            }
            let end = ended.start.index();
            arena.restart(epoch, ended.start);
            cold.truncate(end).then_some(end)
        });
        if let Some(end) = end {
            forget(end);
        }
    }
}

/// Drops all nodes of this thread's graph; every handle becomes stale.
///
/// The memory is kept for what comes next. Scopes that are open stay open, and empty.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let x = Var::new(1.0);
/// graph::clear();
/// assert_eq!(graph::len(), 0);
/// assert_eq!(x.value(), 1.0); // still a number, no longer a variable
/// ```
#[track_caller]
pub fn clear() {
    let (arena, at) = (arena(), Location::caller());
    let has_more = cold(|cold| {
        cold.clears += 1;
        cold.cleared_at = at;
        for i in 0..cold.frames.len() {
            let epoch = cold.new_epoch(arena);
            cold.end_epoch(arena, cold.frames[i].epoch, true, at);
            cold.frames[i] = Frame {
                epoch,
                start: Place::START,
            };
        }
        arena.restart(cold.recording_epoch(arena), Place::START);
        cold.truncate(0)
    });
    if has_more {
        forget(0);
    }
}

/// Runs `f` without recording: operations give constants, and cost what plain numbers cost.
///
/// [`Var::new`] still makes a leaf, so that a step of an optimiser can be taken inside.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let x = Var::new(2.0);
/// let y = graph::no_grad(|| x * x);
/// assert!(y.is_constant());
/// assert_eq!(y.value(), 4.0);
/// ```
#[track_caller]
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    watch::read(Reading::NotRecorded, Var::constant(0.0));
    let _switch = Switch::to(true);
    f()
}

/// The number of nodes in this thread's graph: leaves and recorded operations.
///
/// Constants have no node.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let x = Var::new(2.0);
/// let _y = x * 3.0 + 1.0;
/// assert_eq!(graph::len(), 3); // x, x * 3, x * 3 + 1
/// ```
pub fn len() -> usize {
    let nodes = arena().end() - 1;
    // A segment has an index of its own, which is nobody's handle.
    COLD.try_with(|cold| nodes - cold.borrow().segments.len())
        .unwrap_or(nodes)
}

/// The bytes that this thread's graph holds: nodes, adjoints, and free room for more.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let _x = Var::new(2.0);
/// assert!(graph::memory() > 0);
/// ```
pub fn memory() -> usize {
    let beside = COLD.try_with(|cold| cold.borrow().values.bytes());
    arena().bytes() + beside.unwrap_or(0)
}

/// Makes room for at least `nodes` more nodes.
///
/// Recording grows the graph by itself; with the room made before, no operation has to. A function of a
/// slice takes the room of one node for every two operands.
///
/// # Panics
///
/// If there is no memory for them, or they are more than a graph can have.
///
/// ```
/// use scalargrad::graph;
///
/// graph::reserve(1_000_000);
/// assert!(graph::memory() >= 24_000_000);
/// ```
#[track_caller]
pub fn reserve(nodes: usize) {
    let arena = arena();
    register(arena);
    arena.reserve(nodes);
}

/// Sees to it that the end of this thread frees the arena.
#[inline(always)]
#[track_caller]
pub(crate) fn register(arena: &Arena) {
    if arena.is_unused() {
        cold(|_| ());
    }
}
