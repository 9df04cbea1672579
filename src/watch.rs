//! What a program decides while it is being recorded: comparisons, and reads of values.
//!
//! A comparison of variables turns into a `bool`, and a value that is read turns into an `f64`; the
//! tape does not see what becomes of them. While a [`Function`](crate::function::Function) is being
//! recorded they are noted here, so that a replay knows every decision that the program took. At
//! any other time each costs one look at a flag.

use crate::arena::arena;
use crate::graph::current_epoch;
use crate::nodes::Operand;
use crate::var::Var;
use std::cell::{Cell, RefCell};
use std::cmp::Ordering;
use std::panic::Location;

thread_local! {
    static WATCHING: Cell<bool> = const { Cell::new(false) };
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

/// What is asked of two operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Comparison {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
    /// Which of the four answers `partial_cmp` gives.
    Order,
}

impl Comparison {
    /// The answer, as a number: 0 or 1, and for the order −1, 0, 1, or 2 for none.
    #[inline(always)]
    pub(crate) fn answer(self, a: f64, b: f64) -> i8 {
        match self {
            Comparison::Equal => (a == b) as i8,
            Comparison::Less => (a < b) as i8,
            Comparison::LessOrEqual => (a <= b) as i8,
            Comparison::Greater => (a > b) as i8,
            Comparison::GreaterOrEqual => (a >= b) as i8,
            Comparison::Order => match a.partial_cmp(&b) {
                Some(Ordering::Less) => -1,
                Some(Ordering::Equal) => 0,
                Some(Ordering::Greater) => 1,
                None => 2,
            },
        }
    }

    /// The comparison that is written with `sign`.
    #[cfg(feature = "serde")]
    pub(crate) fn of_sign(sign: &str) -> Option<Comparison> {
        use Comparison::*;
        let all = [Equal, Less, LessOrEqual, Greater, GreaterOrEqual, Order];
        all.into_iter().find(|comparison| comparison.sign() == sign)
    }

    /// The sign it is written with.
    pub(crate) const fn sign(self) -> &'static str {
        match self {
            Comparison::Equal => "==",
            Comparison::Less => "<",
            Comparison::LessOrEqual => "<=",
            Comparison::Greater => ">",
            Comparison::GreaterOrEqual => ">=",
            Comparison::Order => "partial_cmp",
        }
    }
}

/// How a value left the tape.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Reading {
    Value,
    Gradient,
    Detached,
    NotRecorded,
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
        let at = Location::caller();
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
        let at = Location::caller();
        each(|watch| watch.reads.push(Read { how, operand, at }));
    }
}

/// The node of a handle; one from before the recording that is stale is a plain number.
fn operand(x: Var) -> Operand {
    let is_there = !x.is_constant() && (arena().is_open(x.id()) || is_kept(x));
    Operand {
        index: if is_there { x.index() } else { 0 },
        value: x.raw(),
    }
}

/// Whether the scope of a handle began while recording: its nodes stay, though it has ended.
fn is_kept(x: Var) -> bool {
    let began = WATCHES.with_borrow(|watches| watches.first().map(|watch| watch.epoch));
    began.is_some_and(|epoch| x.epoch() > epoch) && x.index() < arena().end()
}

/// Runs `f` on every recording under way.
fn each(f: impl FnMut(&mut Watch)) {
    WATCHES.with_borrow_mut(|watches| watches.iter_mut().for_each(f));
}

/// Runs `f` and returns what was noted meanwhile.
pub(crate) fn watch<R>(f: impl FnOnce() -> R) -> (R, Watch) {
    /// Ends this recording; there are so many around it.
    struct End(usize);
    impl Drop for End {
        fn drop(&mut self) {
            WATCHES.with_borrow_mut(|watches| watches.truncate(self.0));
            WATCHING.set(self.0 > 0);
        }
    }
    let new = Watch {
        epoch: current_epoch(),
        ..Watch::default()
    };
    let _end = WATCHES.with_borrow_mut(|watches| {
        watches.push(new);
        End(watches.len() - 1)
    });
    WATCHING.set(true);
    let result = f();
    let watch = WATCHES.with_borrow_mut(Vec::pop).unwrap_or_default();
    (result, watch)
}
