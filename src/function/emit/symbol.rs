//! A number that is an expression: what a rule of the table writes when it is run over it.
//!
//! The rule runs once, over [`Symbol`], and every form between which it chooses is kept. The result is a small
//! [`Formula`] of the operands, the result `z` and the share `tie`, which is then written as text or as instructions.

use crate::real::{Question, Real, call, incomparable, operators};
use crate::rows::Op;
use crate::rules;
use smallvec::SmallVec;
use std::cell::RefCell;
use std::fmt;

/// What an expression computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum What {
    /// What is given from outside, by its number.
    Given(u32),
    Number(f64),
    Apply(Op, i32),
    /// The second operand where the answer about the first is yes, else the third.
    Choose(Question),
    /// The sum of an expression of [`EACH`] over all operands.
    SumOverAll,
}

/// What is computed, and from what.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expression {
    pub what: What,
    pub operands: SmallVec<[Symbol; 3]>,
}

/// The number of the result among what is given to a partial; the operands come before it.
pub(crate) const RESULT: u32 = 3;
/// The number of the share of an operand at a tie.
pub(crate) const TIE: u32 = 4;
/// The operand of a slice operation that stands for each of them, so that a rule is written once for all.
pub(crate) const EACH: u32 = 5;

thread_local! {
    /// The expressions of the rule that is running.
    static EXPRESSIONS: RefCell<Vec<Expression>> = const { RefCell::new(Vec::new()) };
}

/// The number of expressions among which equal ones are looked for: those of any rule of a row.
const SHARED: usize = 64;

/// An expression, by its place.
#[derive(Clone, Copy, PartialEq)]
pub(crate) struct Symbol(u32);

impl Symbol {
    pub(crate) fn place(self) -> usize {
        self.0 as usize
    }

    fn of(what: What, operands: &[Symbol]) -> Symbol {
        EXPRESSIONS.with_borrow_mut(|expressions| {
            let start = expressions.len().saturating_sub(SHARED);
            let is_same = |e: &Expression| match (e.what, what) {
                // Zeros have two signs.
                (What::Number(a), What::Number(b)) => a.to_bits() == b.to_bits(),
                (a, b) => a == b && e.operands[..] == *operands,
            };
            let known = expressions[start..].iter().position(is_same);
            let place = known.map_or(expressions.len(), |k| start + k);
            if known.is_none() {
                expressions.push(Expression { what, operands: operands.into() });
            }
            Symbol(place as u32)
        })
    }

    fn expression(self) -> Expression {
        EXPRESSIONS.with_borrow(|expressions| expressions[self.place()].clone())
    }

    fn is_of_each(self) -> bool {
        let Expression { what, operands } = self.expression();
        what == What::Given(EACH) || what != What::SumOverAll && operands.iter().any(|x| x.is_of_each())
    }
}

/// An expression with all that it is made of, operands before results.
#[derive(Clone, Debug)]
pub(crate) struct Formula {
    pub expressions: Vec<Expression>,
    pub root: Symbol,
}

impl Formula {
    /// What `rule` writes.
    pub(crate) fn of(rule: impl FnOnce(&dyn Fn(u32) -> Symbol) -> Symbol) -> Formula {
        EXPRESSIONS.set(Vec::new());
        let root = rule(&|k| Symbol::of(What::Given(k), &[]));
        Formula { expressions: EXPRESSIONS.take(), root }
    }

    /// The partial of a row with respect to operand `k`.
    pub(crate) fn of_partial(op: Op, n: i32, k: usize) -> Formula {
        Formula::of(|given| {
            let count = op.row().operands.len();
            let args = std::array::from_fn(|place| given(if place < count { place as u32 } else { 0 }));
            rules::partial(op, k, args, n, given(RESULT), given(TIE))
        })
    }

    /// The partial of a slice operation with respect to [`EACH`] of its operands.
    pub(crate) fn of_slice_partial(op: Op) -> Formula {
        Formula::of(|given| match op {
            Op::Norm => rules::norm_partials(1, |_| given(EACH), given(RESULT))(0),
            Op::LogSumExp => rules::log_sum_exp_partials(&[given(EACH)], given(RESULT))[0],
            _ => unreachable!("the partials of {op:?} are its operands, or one"),
        })
    }

    /// The value of `op` of `count` operands.
    pub(crate) fn of_value(op: Op, count: usize) -> Formula {
        Formula::of(|given| {
            let operands: Vec<Symbol> = (0..count as u32).map(given).collect();
            call(op, 0, &operands)
        })
    }

    /// All expressions, operands before results.
    pub(crate) fn symbols(&self) -> impl DoubleEndedIterator<Item = Symbol> + use<> {
        (0..self.expressions.len() as u32).map(Symbol)
    }

    pub(crate) fn expression(&self, symbol: Symbol) -> &Expression {
        &self.expressions[symbol.place()]
    }

    /// What the root is made of, operands before results.
    pub(crate) fn used(&self) -> impl Iterator<Item = Symbol> + use<> {
        let mut is_used = vec![false; self.expressions.len()];
        is_used[self.root.place()] = true;
        for symbol in self.symbols().rev() {
            if is_used[symbol.place()] {
                self.expression(symbol).operands.iter().for_each(|x| is_used[x.place()] = true);
            }
        }
        self.symbols().filter(move |symbol| is_used[symbol.place()])
    }

    /// Whether the formula needs what is given by that number.
    pub(crate) fn has_given(&self, k: u32) -> bool {
        let mut used = self.used();
        used.any(|symbol| self.expression(symbol).what == What::Given(k))
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.expression())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", self.0)
    }
}

impl Real for Symbol {
    fn apply(op: Op, n: i32, operands: &[Symbol]) -> Symbol {
        match (op, operands) {
            (Op::Sum, []) => Symbol::from(-0.0),
            (Op::Sum, &[x]) if x.is_of_each() => Symbol::of(What::SumOverAll, operands),
            (Op::Sum, &[x]) => x,
            (Op::Dot, _) => operands.chunks_exact(2).map(|pair| pair[0] * pair[1]).sum(),
            _ => Symbol::of(What::Apply(op, n), operands),
        }
    }

    fn choose(self, question: Question, yes: impl FnOnce() -> Symbol, no: impl FnOnce() -> Symbol) -> Symbol {
        Symbol::of(What::Choose(question), &[self, yes(), no()])
    }
}
operators!(by apply Symbol);
incomparable!(@to () Symbol, f64);

impl PartialOrd for Symbol {
    fn partial_cmp(&self, _: &Symbol) -> Option<std::cmp::Ordering> {
        None
    }
}

impl From<f64> for Symbol {
    fn from(x: f64) -> Symbol {
        Symbol::of(What::Number(x), &[])
    }
}

impl From<Symbol> for f64 {
    fn from(_: Symbol) -> f64 {
        f64::NAN
    }
}
