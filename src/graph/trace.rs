//! What a program decides while it is being recorded: comparisons, questions, and values that escape from the tape.
//!
//! A comparison of variables gives a `bool`, as does a question such as `is_nan`, and a value that is
//! read gives an `f64`. The tape does not know how the program uses them. While a [`Function`](crate::function::Function) is being
//! recorded they are noted here, so that a replay knows every decision that the program took. At
//! any other time each costs the test of one flag.

mod comparison;

pub(crate) use comparison::Comparison;

use crate::arena::{Line, arena};
use crate::handle::Var;
use crate::nodes::Operand;

use std::cell::{Cell, RefCell};
use std::panic::Location;

thread_local! {
    static IS_TRACING: Cell<bool> = const { Cell::new(false) };
    /// Whether recordings around those under way are suspended.
    #[cfg(any(feature = "rayon", feature = "nalgebra"))]
    static SUSPENDED: Cell<bool> = const { Cell::new(false) };
    /// The recordings under way, the innermost last.
    static TRACES: RefCell<Vec<Trace>> = const { RefCell::new(Vec::new()) };
}

/// All that was noted in one recording, in order.
///
/// A recording may contain another one. What happens in the inner one is noted in both, as it may depend on the variables of
/// both.
#[derive(Default)]
pub(crate) struct Trace {
    /// The epoch that was current at its beginning.
    epoch: u64,
    pub comparisons: Vec<Compared>,
    pub escapes: Vec<Escaped>,
}

/// A comparison that was made.
#[derive(Clone, Copy)]
pub(crate) struct Compared {
    pub comparison: Comparison,
    pub operands: [Operand; 2],
    /// The index of the node that was recorded next.
    pub end: usize,
    pub at: Line,
}

/// A value that left the tape.
#[derive(Clone, Copy)]
pub(crate) struct Escaped {
    pub how: Escape,
    pub operand: Operand,
    pub at: Line,
}

/// How a value left the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Escape {
    Value,
    Gradient,
    Detached,
    NotRecorded,
    /// As text.
    Printed,
    /// As a constant of another recording.
    Outside,
    /// The graph was inspected.
    Inspected,
}

impl Escape {
    /// Whether it is no single value that left the tape.
    pub(crate) fn is_general(self) -> bool {
        matches!(self, Escape::NotRecorded | Escape::Inspected)
    }
}

/// Whether this thread is recording a function.
#[inline(always)]
pub(crate) fn is_tracing() -> bool {
    IS_TRACING.get()
}

/// Whether some thread is recording a function that can see this one's decisions.
#[inline(always)]
fn is_noting() -> bool {
    #[cfg(feature = "nalgebra")]
    return elsewhere::is_any_recording();
    #[cfg(not(feature = "nalgebra"))]
    is_tracing()
}

/// Notes a comparison, or a question about the first of two numbers, while recording.
#[inline(always)]
#[track_caller]
pub(crate) fn compared(comparison: Comparison, a: Var, b: Var) {
    if is_noting() {
        note(Decision::Comparison(comparison, a, b));
    }
}

/// Notes that a value leaves the tape, while recording.
#[inline(always)]
#[track_caller]
pub(crate) fn escaped(how: Escape, x: Var) {
    if is_noting() {
        note(Decision::Escape(how, x));
    }
}

/// What is noted.
#[derive(Clone, Copy)]
enum Decision {
    Comparison(Comparison, Var, Var),
    Escape(Escape, Var),
}

#[cold]
#[inline(never)]
#[track_caller]
fn note(decision: Decision) {
    let at = place();
    #[cfg(feature = "nalgebra")]
    elsewhere::pass_on(decision, at);
    if is_tracing() {
        note_at(decision, at);
    }
}

/// Notes a decision in the recordings of this thread.
fn note_at(decision: Decision, at: Line) {
    match decision {
        Decision::Comparison(comparison, a, b) => {
            let operands = [operand(a), operand(b)];
            if operands.iter().any(|operand| operand.index != 0) {
                let end = arena().end();
                let compared = Compared { comparison, operands, end, at };
                each(|trace| trace.comparisons.push(compared));
            }
        }
        Decision::Escape(how, x) => {
            let operand = operand(x);
            if operand.index != 0 || how.is_general() {
                each(|trace| trace.escapes.push(Escaped { how, operand, at }));
            }
        }
    }
}

/// The line that a decision is noted with: that of the call set by [`attribute`], or else the caller's.
#[track_caller]
fn place() -> Line {
    match arena().lines.attributed() {
        Some(line) => line,
        None => Location::caller(), // not in a closure, which has no caller
    }
}

/// Until the result is dropped, all decisions are noted with the line of the caller, and what this crate or another one records, too:
/// what happens inside a function of the crate belongs to the line that calls the function.
#[track_caller]
pub(crate) fn attribute() -> Attributed {
    let before = arena().lines.attributed();
    arena().lines.attribute(before.or(Some(Location::caller())));
    Attributed(before)
}

/// Ends the attribution when it is dropped.
pub(crate) struct Attributed(Option<Line>);

impl Drop for Attributed {
    fn drop(&mut self) {
        arena().lines.attribute(self.0);
    }
}

/// The node of a handle. A handle that was stale before the recording began is a plain number.
fn operand(x: Var) -> Operand {
    let is_there = !x.is_constant() && (arena().is_open(x.node_id()) || is_kept(x));
    Operand { index: if is_there { x.index() } else { 0 }, value: x.untracked_value() }
}

/// Whether the scope of a handle began during the recording: its nodes are kept even after it has ended.
fn is_kept(x: Var) -> bool {
    let began = TRACES.with_borrow(|traces| traces.first().map(|trace| trace.epoch));
    x.index() < arena().end() && began.is_some_and(|epoch| super::state(|state| state.is_after(x.epoch(), epoch)))
}

/// Runs `f` on every recording under way.
fn each(f: impl FnMut(&mut Trace)) {
    TRACES.with_borrow_mut(|traces| traces.iter_mut().for_each(f));
}

/// Runs `f` and returns what was noted meanwhile.
pub(crate) fn trace<R>(f: impl FnOnce() -> R) -> (R, Trace) {
    let _end = start();
    let result = f();
    #[cfg(feature = "nalgebra")]
    elsewhere::fetch(SUSPENDED.get().then(|| TRACES.with_borrow(|traces| traces[0].epoch)));
    let trace = TRACES.with_borrow_mut(Vec::pop).unwrap_or_default();
    (result, trace)
}

/// Recordings in which nothing is noted until this is dropped.
#[cfg(feature = "rayon")]
pub(crate) struct Suspended(Vec<Trace>, bool);

/// Notes nothing in the recordings under way until the result is dropped.
#[cfg(feature = "rayon")]
pub(crate) fn suspend() -> Suspended {
    IS_TRACING.set(false);
    let traces = TRACES.take();
    let were_suspended = SUSPENDED.get();
    SUSPENDED.set(were_suspended || !traces.is_empty());
    Suspended(traces, were_suspended)
}

#[cfg(feature = "rayon")]
impl Drop for Suspended {
    fn drop(&mut self) {
        SUSPENDED.set(self.1);
        IS_TRACING.set(!self.0.is_empty());
        TRACES.set(std::mem::take(&mut self.0));
    }
}

/// A recording that ends when this is dropped. The number is that of the recordings around it.
pub(crate) struct Tracing(usize);

impl Drop for Tracing {
    fn drop(&mut self) {
        TRACES.with_borrow_mut(|traces| traces.truncate(self.0));
        IS_TRACING.set(self.0 > 0);
        #[cfg(feature = "nalgebra")]
        elsewhere::end();
    }
}

/// Starts to note comparisons and reads.
pub(crate) fn start() -> Tracing {
    let new = Trace { epoch: super::current_epoch(), ..Trace::default() };
    IS_TRACING.set(true);
    #[cfg(feature = "nalgebra")]
    elsewhere::begin();
    TRACES.with_borrow_mut(|traces| {
        traces.push(new);
        Tracing(traces.len() - 1)
    })
}

/// What other threads decide by the variables of a recording.
///
/// With the feature `nalgebra` a handle can be sent to another thread. There it can be compared and read, and no more. Such a
/// decision belongs to the recording on the thread of the variable, which fetches it when it ends: whatever depends on the
/// decision got to that thread before.
#[cfg(feature = "nalgebra")]
mod elsewhere {
    use super::{Decision, note_at};
    use crate::arena::{Line, arena};
    use crate::graph::state::{STATE, state};
    use crate::handle::Var;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::sync::{Mutex, MutexGuard, PoisonError};

    /// How many recordings there are in the process.
    ///
    /// A thread that has got a handle from a recording sees that there is one: the handle was sent after the addition.
    static RECORDINGS: AtomicUsize = AtomicUsize::new(0);

    /// What was decided by the variable of another thread, and where.
    type PassedOn = (Var, Decision, Line);

    /// The decisions that were not fetched yet.
    static PASSED_ON: Mutex<Vec<PassedOn>> = Mutex::new(Vec::new());

    fn passed_on() -> MutexGuard<'static, Vec<PassedOn>> {
        // Nothing panics while it is held, so what a poisoned lock guards is whole.
        PASSED_ON.lock().unwrap_or_else(PoisonError::into_inner)
    }

    #[inline(always)]
    pub(super) fn is_any_recording() -> bool {
        RECORDINGS.load(Ordering::Relaxed) != 0
    }

    pub(super) fn begin() {
        RECORDINGS.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn end() {
        let mut passed_on = passed_on();
        if RECORDINGS.fetch_sub(1, Ordering::Relaxed) == 1 {
            passed_on.clear(); // these were of no recording
        }
    }

    /// Leaves a decision to the thread of each of its variables that is not of this one.
    pub(super) fn pass_on(decision: Decision, at: Line) {
        let [a, b] = match decision {
            Decision::Comparison(_, a, b) => [a, b],
            Decision::Escape(_, x) => [x, Var::constant(0.0)],
        };
        // At the end of a thread it may have no graph any more.
        let is_own = |x: Var| {
            let is_own = || STATE.try_with(|state| state.borrow().is_own(x.epoch()));
            arena().is_open(x.node_id()) || is_own().unwrap_or(true)
        };
        for x in [a, b] {
            if !x.is_constant() && !is_own(x) {
                passed_on().push((x, decision, at));
            }
        }
    }

    /// Notes what other threads decided by variables of this one. Where recordings are suspended these must have been made since
    /// `began`, an epoch: what is older may belong to those.
    pub(super) fn fetch(began: Option<u64>) {
        let is_own = |x: Var| {
            let is_since = |began| x.epoch() == began || state(|state| state.is_after(x.epoch(), began));
            state(|state| state.is_own(x.epoch())) && began.is_none_or(is_since)
        };
        let own: Vec<_> = passed_on().extract_if(.., |(x, ..)| is_own(*x)).collect();
        for (_, decision, at) in own {
            note_at(decision, at);
        }
    }
}
