//! What a program decides while it is being recorded: comparisons, questions, and reads of values.
//!
//! A comparison of variables turns into a `bool`, as does a question such as `is_nan`, and a value that is
//! read turns into an `f64`; the tape does not see what becomes of them. While a [`Function`](crate::function::Function) is being
//! recorded they are noted here, so that a replay knows every decision that the program took. At
//! any other time each costs one look at a flag.

mod comparison;

pub(crate) use comparison::Comparison;

use crate::arena::arena;
use crate::handle::Var;
use crate::nodes::Operand;

use std::cell::{Cell, RefCell};
use std::panic::Location;

thread_local! {
    static WATCHING: Cell<bool> = const { Cell::new(false) };
    /// What decisions are attributed to.
    static PLACE: Cell<Option<&'static Location<'static>>> = const { Cell::new(None) };
    /// The recordings under way, the innermost last.
    static WATCHES: RefCell<Vec<Watch>> = const { RefCell::new(Vec::new()) };
}

/// All that was noted in one recording, in order.
///
/// What is noted in a recording inside another is noted in both: it may depend on the variables of both.
#[derive(Default)]
pub(crate) struct Watch {
    /// The epoch that it began in.
    epoch: u64,
    pub comparisons: Vec<Compared>,
    pub reads: Vec<Read>,
}

/// A comparison that was made.
#[derive(Clone, Copy)]
pub(crate) struct Compared {
    pub comparison: Comparison,
    pub operands: [Operand; 2],
    /// The index that the next node had at the time.
    pub end: usize,
    pub at: &'static Location<'static>,
}

/// A value that left the tape.
#[derive(Clone, Copy)]
pub(crate) struct Read {
    pub how: Reading,
    pub operand: Operand,
    pub at: &'static Location<'static>,
}

/// How a value left the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Value,
    Gradient,
    Detached,
    NotRecorded,
    /// As text.
    Printed,
    /// As a constant of another recording.
    Outside,
}

/// Whether this thread is recording a function.
#[inline(always)]
pub(crate) fn is_watching() -> bool {
    WATCHING.get()
}

/// Notes a comparison, while recording.
#[inline(always)]
#[track_caller]
pub(crate) fn compared(comparison: Comparison, a: Var, b: Var) {
    if is_watching() {
        note_comparison(comparison, a, b);
    }
}

/// Notes a question about one number, while recording.
#[inline(always)]
#[track_caller]
pub(crate) fn asked(question: Comparison, x: Var) {
    compared(question, x, Var::constant(0.0));
}

/// Notes that a value leaves the tape, while recording.
#[inline(always)]
#[track_caller]
pub(crate) fn read(how: Reading, x: Var) {
    if is_watching() {
        note_read(how, x);
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn note_comparison(comparison: Comparison, a: Var, b: Var) {
    let operands = [operand(a), operand(b)];
    if operands.iter().any(|operand| operand.index != 0) {
        let end = arena().end();
        let at = place();
        let compared = Compared {
            comparison,
            operands,
            end,
            at,
        };
        each(|watch| watch.comparisons.push(compared));
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn note_read(how: Reading, x: Var) {
    let operand = operand(x);
    if operand.index != 0 || how == Reading::NotRecorded {
        let at = place();
        each(|watch| watch.reads.push(Read { how, operand, at }));
    }
}

/// The place that a decision is noted with: that of the call of the crate under way, or the caller's.
#[track_caller]
fn place() -> &'static Location<'static> {
    match PLACE.get() {
        Some(place) => place,
        None => Location::caller(), // not in a closure, which has no caller
    }
}

/// While this is kept, all decisions are noted with the place of the caller: those that a rule takes inside
/// a call of the crate are the call's.
#[track_caller]
pub(crate) fn attribute() -> Attributed {
    let before = PLACE.get();
    PLACE.set(before.or(Some(Location::caller())));
    Attributed(before)
}

/// Ends the attribution of decisions to one place when it is dropped.
pub(crate) struct Attributed(Option<&'static Location<'static>>);

impl Drop for Attributed {
    fn drop(&mut self) {
        PLACE.set(self.0);
    }
}

/// The node of a handle; one from before the recording that is stale is a plain number.
fn operand(x: Var) -> Operand {
    let is_there = !x.is_constant() && (arena().is_open(x.node_id()) || is_kept(x));
    Operand {
        index: if is_there { x.index() } else { 0 },
        value: x.raw(),
    }
}

/// Whether the scope of a handle began while recording: its nodes stay, though it has ended.
fn is_kept(x: Var) -> bool {
    let began = WATCHES.with_borrow(|watches| watches.first().map(|watch| watch.epoch));
    began.is_some_and(|epoch| x.epoch() > epoch)
        && x.index() < arena().end()
        && super::state(|state| state.is_own(x.epoch()))
}

/// Runs `f` on every recording under way.
fn each(f: impl FnMut(&mut Watch)) {
    WATCHES.with_borrow_mut(|watches| watches.iter_mut().for_each(f));
}

/// Runs `f` and returns what was noted meanwhile; `epoch` is the current one.
pub(crate) fn watch<R>(epoch: u64, f: impl FnOnce() -> R) -> (R, Watch) {
    let _end = start(epoch);
    let result = f();
    let watch = WATCHES.with_borrow_mut(Vec::pop).unwrap_or_default();
    (result, watch)
}

/// A recording that ends when this is dropped; there are so many around it.
pub(crate) struct Watching(usize);

impl Drop for Watching {
    fn drop(&mut self) {
        WATCHES.with_borrow_mut(|watches| watches.truncate(self.0));
        WATCHING.set(self.0 > 0);
    }
}

/// Starts to note comparisons and reads; `epoch` is the current one.
pub(crate) fn start(epoch: u64) -> Watching {
    let new = Watch {
        epoch,
        ..Watch::default()
    };
    WATCHING.set(true);
    WATCHES.with_borrow_mut(|watches| {
        watches.push(new);
        Watching(watches.len() - 1)
    })
}
