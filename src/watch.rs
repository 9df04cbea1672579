//! What a program decides while it is being recorded: comparisons, and reads of values.
//!
//! A comparison of variables turns into a `bool`, and a value that is read turns into an `f64`; the
//! tape does not see what becomes of them. While a [`Function`](crate::function::Function) is being
//! recorded they are noted here, so that a replay knows every decision that the program took. At
//! any other time each costs one look at a flag.

use crate::arena::arena;
use crate::decode::Operand;
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
#[derive(Default)]
pub(crate) struct Watch {
    pub comparisons: Vec<Compared>,
    pub reads: Vec<Read>,
}

/// A comparison that was made.
pub(crate) struct Compared {
    pub comparison: Comparison,
    pub operands: [Operand; 2],
    /// The number of slots on the tape at the time.
    pub end: usize,
    pub at: &'static Location<'static>,
}

/// A value that left the tape.
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
        innermost(|watch| {
            watch.comparisons.push(Compared {
                comparison,
                operands,
                end,
                at,
            });
        });
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn note_read(how: Reading, x: Var) {
    let operand = operand(x);
    if operand.index != 0 || how == Reading::NotRecorded {
        let at = Location::caller();
        innermost(|watch| watch.reads.push(Read { how, operand, at }));
    }
}

/// The node of a handle; a stale one is a plain number.
fn operand(x: Var) -> Operand {
    let index = if !x.is_constant() && arena().is_open(x.id()) {
        x.index()
    } else {
        0
    };
    Operand {
        index,
        value: x.raw(),
    }
}

fn innermost(f: impl FnOnce(&mut Watch)) {
    WATCHES.with_borrow_mut(|watches| watches.last_mut().map(f));
}

/// Runs `f` and returns what was noted meanwhile.
pub(crate) fn watch<R>(f: impl FnOnce() -> R) -> (R, Watch) {
    struct End(bool);
    impl Drop for End {
        fn drop(&mut self) {
            WATCHING.set(self.0);
            if std::thread::panicking() {
                WATCHES.with_borrow_mut(Vec::pop);
            }
        }
    }
    WATCHES.with_borrow_mut(|watches| watches.push(Watch::default()));
    let end = End(WATCHING.replace(true));
    let result = f();
    drop(end);
    let watch = WATCHES.with_borrow_mut(Vec::pop).unwrap_or_default();
    (result, watch)
}
