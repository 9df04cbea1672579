//! What this thread's graph keeps in addition to the tape: the scopes that are open, and what is noted for nodes.
//!
//! Every scope has an *epoch*, an even number, and a handle carries the epoch it was
//! recorded in. An operation compares its operands' epochs with the current one; only when they
//! differ does it look further (a constant, a handle of an outer scope that is still open, or a
//! stale one). Epochs have 35 bits: after 2³⁴ scopes of a process the numbers start again, so a
//! handle would have to be kept over exactly that many scopes to be taken for another. Memory is safe even then, as
//! the same comparisons see to it that no operand comes after its result.

use super::numbers::{Numbers, PAUSED};
use super::{Custom, Event, Segment};
use crate::arena::{Arena, EPOCH_STEP, INDEX_BITS, NoRoom, OpenEpochs, Owner, Place, arena, is_current, owner};
use crate::handle::Var;
use crate::nodes::Values;
use crate::refusal::refuse;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::panic::Location;

/// The slots of the first table of open epochs that is not a static one.
const FEWEST_SLOTS: usize = 64;
/// The number of ended scopes that a panic message can still name.
const REMEMBERED: usize = 64;

thread_local! {
    pub(super) static STATE: RefCell<GraphState> = RefCell::new(GraphState::new());
}

/// What recording does not need for every operation.
pub(crate) struct GraphState {
    /// The scopes that are open, the thread's own graph first.
    pub(super) frames: Vec<Frame>,
    numbers: Numbers,
    /// How often the graph was cleared, and where it was the last time.
    pub(super) clears: u64,
    pub(super) cleared_at: &'static Location<'static>,
    /// How the latest epochs ended, each at [`remembered`].
    ended: [Option<Ended>; REMEMBERED],
    pub(crate) names: BTreeMap<usize, String>,
    pub(crate) customs: BTreeMap<usize, Custom>,
    pub(crate) segments: BTreeMap<usize, Segment>,
    pub(crate) values: Values,
    /// Called for sweeps and for nodes that are dropped, while the arena keeps lines.
    observer: Option<fn(Event<'_>)>,
}

#[derive(Clone, Copy)]
pub(super) struct Frame {
    pub(super) epoch: u64,
    /// The place of its first node.
    pub(super) start: Place,
}

#[derive(Clone, Copy)]
struct Ended {
    epoch: u64,
    /// The index of its first node, if it was not the graph that was cleared.
    start: Option<usize>,
    at: &'static Location<'static>,
}

/// Where it is remembered how an epoch ended.
fn remembered(epoch: u64) -> usize {
    (epoch / EPOCH_STEP) as usize % REMEMBERED
}

impl GraphState {
    fn new() -> GraphState {
        let numbers = Numbers::new();
        let epoch = numbers.last();
        let arena = arena();
        arena.open().rebuild(FEWEST_SLOTS, [epoch].into_iter());
        if !is_paused(arena) {
            arena.go_on(epoch);
        }
        GraphState {
            frames: vec![Frame { epoch, start: Place::START }],
            numbers,
            clears: 0,
            cleared_at: Location::caller(),
            ended: [None; REMEMBERED],
            names: BTreeMap::new(),
            customs: BTreeMap::new(),
            segments: BTreeMap::new(),
            values: Values::default(),
            observer: None,
        }
    }

    /// Opens a new epoch, one whose slot in the table of open epochs is free.
    #[inline]
    pub(super) fn new_epoch(&mut self, arena: &Arena) -> u64 {
        if (self.frames.len() + 1) * 2 > arena.open().slots() {
            self.widen(arena.open());
        }
        loop {
            let epoch = self.numbers.advance();
            if arena.open().try_open(epoch) {
                return epoch;
            }
        }
    }

    /// Gives the table of open epochs twice as many slots.
    #[cold]
    fn widen(&self, open: &OpenEpochs) {
        let len = (open.slots() * 2).max(FEWEST_SLOTS);
        open.rebuild(len, self.frames.iter().map(|frame| frame.epoch));
    }

    #[inline]
    pub(super) fn end_epoch(
        &mut self,
        arena: &Arena,
        epoch: u64,
        start: Option<usize>,
        at: Option<&'static Location<'static>>,
    ) {
        arena.open().close(epoch);
        if let Some(at) = at {
            self.ended[remembered(epoch)] = Some(Ended { epoch, start, at });
        }
    }

    /// Whether a scope that was opened after the node at `index`, which is in the scope `epoch`, has ended.
    pub(super) fn has_ended_since(&self, index: usize, epoch: u64) -> bool {
        let opened_after = |ended: &Ended| ended.start > Some(index) && self.is_after(ended.epoch, epoch);
        self.ended.iter().flatten().any(opened_after)
    }

    /// The open epochs, each with the index of its first node.
    pub(crate) fn epochs(&self) -> Vec<(usize, u64)> {
        let epoch = |frame: &Frame| (frame.start.index(), frame.epoch);
        self.frames.iter().map(epoch).collect()
    }

    /// The index of the first node of the innermost scope, whether there is one yet or not.
    pub(crate) fn scope_start(&self) -> usize {
        self.innermost().start.index()
    }

    /// Whether an epoch is of this thread.
    pub(crate) fn is_own(&self, epoch: u64) -> bool {
        self.numbers.has(epoch)
    }

    /// Whether an epoch of this thread began after another one.
    pub(crate) fn is_after(&self, epoch: u64, other: u64) -> bool {
        self.numbers.is_after(epoch, other)
    }

    /// The epoch of what is recorded next.
    pub(super) fn recording_epoch(&self, arena: &Arena) -> u64 {
        if is_paused(arena) {
            return PAUSED;
        }
        self.innermost().epoch
    }

    /// The innermost scope.
    fn innermost(&self) -> &Frame {
        self.frames.last().expect("the thread's own graph is never closed")
    }

    /// Forgets what is known of the nodes from `end` on. Returns whether the user gave something to one of these: that is left to
    /// `forget` in `graph`, as destructors must not run here.
    #[inline(always)]
    pub(super) fn truncate(&mut self, end: usize) -> bool {
        self.values.truncate(end);
        /// Whether the last of these belongs to a node from `end` on.
        fn reach<T>(notes: &BTreeMap<usize, T>, end: usize) -> bool {
            notes.last_key_value().is_some_and(|(&last, _)| last >= end)
        }
        reach(&self.names, end) || reach(&self.customs, end) || reach(&self.segments, end)
    }
}

impl Drop for GraphState {
    fn drop(&mut self) {
        arena().retire(self.numbers.advance());
    }
}

/// Sets the observer that is called from now on. Returns the one before.
pub(crate) fn observe_with(observer: Option<fn(Event<'_>)>) -> Option<fn(Event<'_>)> {
    state(|state| std::mem::replace(&mut state.observer, observer))
}

/// While it lives, the observer is told nothing.
pub(crate) struct Unobserved(Option<fn(Event<'_>)>);

impl Drop for Unobserved {
    fn drop(&mut self) {
        observe_with(self.0);
    }
}

/// Tells the observer nothing until the result is dropped.
pub(crate) fn unobserved() -> Unobserved {
    Unobserved(observe_with(None))
}

/// Tells the observer, if there is one.
#[inline(always)]
pub(crate) fn tell(event: Event<'_>) {
    if arena().lines.is_kept() {
        tell_observer(event);
    }
}

#[cold]
#[inline(never)]
fn tell_observer(event: Event<'_>) {
    if let Some(observer) = state(|state| state.observer) {
        observer(event);
    }
}

/// Runs `f` with the state of this thread's graph.
#[track_caller]
pub(crate) fn state<R>(f: impl FnOnce(&mut GraphState) -> R) -> R {
    match STATE.try_with(|state| f(&mut state.borrow_mut())) {
        Ok(result) => result,
        Err(_) => NoRoom::Retired.panic(), // `#[track_caller]` does not work inside a closure
    }
}

/// Panics for a handle that cannot be used: says what ended it.
#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn stale(id: u64) -> ! {
    let epoch = id >> INDEX_BITS;
    let ended = state(|state| state.ended[remembered(epoch)].filter(|ended| ended.epoch == epoch));
    if ended.is_none() && !state(|state| state.is_own(epoch)) {
        refuse(format_args!(
            "scalargrad: foreign Var: it was recorded on another thread, or by another copy of this crate (in a notebook, by \
             another cell), and each has a graph of its own. Send its `value()`, and make a new variable with `Var::new(value)`"
        ));
    }
    let what = match ended {
        Some(Ended { start, at, .. }) => match start.is_none() {
            true => format!("the graph it was recorded in was dropped by `graph::clear` at {at}"),
            false => format!("the scope it was recorded in has ended, that of the closure at {at}"),
        },
        None => "the scope it was recorded in has ended, or `graph::clear` dropped it".to_string(),
    };
    let made = match arena().lines.of_ended(id) {
        Some(line) if owner(line) == Owner::StandardLibrary => {
            "It was made in the standard library, which adds up an \
             iterator or calls a function by its name, as in `map(Var::new)`; `map(|x| Var::new(x))` would show its line"
                .to_string()
        }
        Some(line) => format!("It was made at {line}"),
        None => "Inside `anomaly::detect` this message tells the line that made it".to_string(),
    };
    refuse(format_args!(
        "scalargrad: stale Var: {what}. Use it before that, or make a new variable with `Var::new(old.value())`, as its `value()` \
         can still be read; keep what must outlive a scope as a plain number outside of it. {made}"
    ))
}

/// Panics for a stale handle: one whose node is no longer in the graph.
#[inline(always)]
#[track_caller]
pub(crate) fn verify(x: Var) {
    if !is_current(arena().next(), x.node_id()) {
        verify_old(x.node_id());
    }
}

/// Panics if one of these handles is stale.
#[track_caller]
pub(crate) fn verify_all(x: &[Var]) {
    for &x in x {
        verify(x);
    }
}

/// As [`verify`], for a handle that is not of the current scope.
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
    state(|state| state.innermost().epoch)
}

/// Makes sure that the arena is freed when this thread ends.
#[inline(always)]
#[track_caller]
pub(crate) fn register(arena: &Arena) {
    if arena.is_unused() {
        state(|_| ());
    }
}
