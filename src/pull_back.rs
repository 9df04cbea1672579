//! The one pull-back: what the adjoint of a node gives to its operands.
//!
//! An adjoint of zero gives nothing, and neither does a step. A switch gives to the operand that it selects. Every other
//! operation gives each operand its adjoint times the partial, and the partials of `+ − ×`, of sums and of dot products
//! are so simple that no rule is needed for them: they are named by [`Factor`].
//!
//! Every reverse pass over operations uses this code, each over its own type of number: recorded functions over `f64` and over
//! numbers with tangents, rows over lanes, `differentiate` over variables, which record it. What writes code uses the factors
//! alone. Only the sweep over the tape does not use it: the tape has the partials already.

use crate::real::{Piecewise, Real};
use crate::rows::{Kind, Op};

/// A number that an adjoint can be.
pub(crate) trait Adjoint: Real {
    /// Whether it is zero, and so is every derivative that it carries: then there is nothing to propagate.
    fn is_absent(self) -> bool;

    /// Whether a lane of it is zero, of a number in lanes.
    #[inline(always)]
    fn is_absent_in(self, _lane: usize) -> bool {
        self.is_absent()
    }

    /// The product with a partial; zero where the adjoint is zero, even if the partial is not finite.
    #[inline(always)]
    fn times(self, p: Self) -> Self {
        self.at(0.0, Self::default, || self * p)
    }
}

impl Adjoint for f64 {
    #[inline(always)]
    fn is_absent(self) -> bool {
        self == 0.0
    }
}

/// What a sweep carries down through operations over numbers `T`: the adjoint of one output, or those of several in lanes.
pub(crate) trait Adjoints<T>: Copy {
    /// Whether it has so many lanes that one branch for each operation is cheap.
    const IS_WIDE: bool = false;

    /// Nothing to propagate.
    fn zero() -> Self;

    /// Whether it is that, in all lanes.
    fn is_absent(self) -> bool;

    /// Whether it is that in a lane of the numbers `T`.
    #[inline(always)]
    fn is_absent_in(self, _lane: usize) -> bool {
        self.is_absent()
    }

    /// The product with a partial; zero in lanes where the adjoint is zero, even if the partial is not finite.
    fn times(self, p: T) -> Self;

    /// The product with the other factor of a product.
    #[inline(always)]
    fn times_factor(self, x: T) -> Self {
        self.times(x)
    }

    /// The product with a partial through an operand that is not selected where the partial is zero: it gets nothing, not even 0 × ∞.
    fn times_selected(self, p: T) -> Self;

    /// The product with −1.
    fn negated(self) -> Self;

    /// Adds what another operation gives.
    fn add(&mut self, share: Self);

    /// Takes what is there, and leaves zero.
    #[inline(always)]
    fn take(&mut self) -> Self {
        std::mem::replace(self, Self::zero())
    }
}

impl<T: Adjoint> Adjoints<T> for T {
    #[inline(always)]
    fn zero() -> T {
        T::default()
    }

    #[inline(always)]
    fn is_absent(self) -> bool {
        Adjoint::is_absent(self)
    }

    #[inline(always)]
    fn is_absent_in(self, lane: usize) -> bool {
        Adjoint::is_absent_in(self, lane)
    }

    #[inline(always)]
    fn times(self, p: T) -> T {
        Adjoint::times(self, p)
    }

    #[inline(always)]
    fn times_selected(self, p: T) -> T {
        p.at(0.0, T::default, || Adjoint::times(self, p))
    }

    #[inline(always)]
    fn negated(self) -> T {
        -self
    }

    #[inline(always)]
    fn add(&mut self, share: T) {
        *self += share;
    }
}

impl<const N: usize> Adjoints<f64> for [f64; N] {
    #[inline(always)]
    fn zero() -> [f64; N] {
        [0.0; N]
    }

    #[inline(always)]
    fn is_absent(self) -> bool {
        is_zero(&self)
    }

    #[inline(always)]
    fn times(self, p: f64) -> [f64; N] {
        self.map(|w| Adjoint::times(w, p))
    }

    #[inline(always)]
    fn times_selected(self, p: f64) -> [f64; N] {
        match p {
            0.0 => Self::zero(),
            _ => self.times(p),
        }
    }

    #[inline(always)]
    fn negated(self) -> [f64; N] {
        self.map(|w| -w)
    }

    #[inline(always)]
    fn add(&mut self, share: [f64; N]) {
        *self = std::array::from_fn(|lane| self[lane] + share[lane]);
    }
}

/// Whether all are zero. Without a branch for each, so that one instruction may compare several.
#[inline(always)]
pub(crate) fn is_zero<const N: usize>(lanes: &[f64; N]) -> bool {
    let mut any = false;
    for &x in lanes {
        any |= x != 0.0;
    }
    !any
}

/// By what an adjoint is multiplied on its way to an operand.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Factor {
    One,
    MinusOne,
    /// The operand at another place.
    Operand(usize),
    /// The partial that the rule of the row gives.
    Partial,
}

impl Factor {
    /// The factor of the operand at a place; `None` where nothing is propagated.
    #[inline(always)]
    pub(crate) const fn of(op: Op, place: usize) -> Option<Factor> {
        Some(match (op, place) {
            (Op::Add | Op::Sum, _) | (Op::Sub, 0) => Factor::One,
            (Op::Sub | Op::Neg, _) => Factor::MinusOne,
            (Op::Mul | Op::Dot, _) => Factor::Operand(place ^ 1),
            _ if matches!(op.kind(), Kind::Step) => return None,
            _ => Factor::Partial,
        })
    }
}

/// What the adjoint `w` of an operation gives through the partial `p`.
#[inline(always)]
pub(crate) fn share<T, W: Adjoints<T>>(op: Op, w: W, p: T) -> W {
    match op.kind() {
        Kind::Smooth => w.times(p),
        Kind::Switch => w.times_selected(p),
        Kind::Step => W::zero(),
    }
}

/// Calls `give` with the place of each operand that `is_wanted`, and its share of the adjoint `w`.
///
/// `x` has the operands. The partials are asked for only where they are not plain factors: one for each operand, `None` for a
/// constant.
#[inline(always)]
pub(crate) fn pull_back<T, W: Adjoints<T>, P: IntoIterator<Item = Option<T>>>(
    op: Op,
    count: usize,
    x: impl Fn(usize) -> T,
    w: W,
    partials: impl FnOnce() -> P,
    is_wanted: impl Fn(usize) -> bool,
    mut give: impl FnMut(usize, W),
) {
    if w.is_absent() {
        return;
    }
    if Factor::of(op, 0) == Some(Factor::Partial) {
        for (k, p) in partials().into_iter().enumerate() {
            if let Some(p) = p.filter(|_| is_wanted(k)) {
                give(k, share(op, w, p));
            }
        }
        return;
    }
    for k in (0..count).filter(|&k| is_wanted(k)) {
        match Factor::of(op, k) {
            Some(Factor::One) => give(k, w),
            Some(Factor::MinusOne) => give(k, w.negated()),
            Some(Factor::Operand(other)) => give(k, w.times(x(other))),
            Some(Factor::Partial) | None => {}
        }
    }
}
