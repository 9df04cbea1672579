//! Numbers with tangents: several directional derivatives pushed forward at a time.
//!
//! Stamped from the table like every other [`Real`]: the value by the row's value over `f64`, the
//! tangents by its partials over `f64`. Run through the reverse sweep, whose rules are the same text,
//! they give the derivatives of the adjoints: forward over reverse.

use super::one_by_one::{Number, defined};
use crate::graph::Custom;
use crate::handle::Var;
use crate::pull_back::Adjoint;
use crate::real::{Real, operators};
use crate::rows::{Kind, Op};
use crate::rules;
use smallvec::SmallVec;
use std::cell::Cell;
use std::cmp::Ordering;
use std::fmt;

/// A value and `N` tangents.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tangents<const N: usize> {
    pub value: f64,
    pub tangents: [f64; N],
}

impl<const N: usize> Tangents<N> {
    #[inline(always)]
    fn map(value: f64, tangent: impl Fn(usize) -> f64) -> Self {
        Tangents { value, tangents: std::array::from_fn(tangent) }
    }

    /// `value` with the tangents `Σ partial · tangents`, in which a zero tangent contributes nothing.
    #[inline(always)]
    fn combine<const M: usize>(value: f64, terms: [(f64, [f64; N]); M]) -> Self {
        let mut nonfinite = 0.0;
        let tangents = std::array::from_fn(|i| {
            let mut tangent = terms[0].0 * terms[0].1[i];
            for (partial, along) in &terms[1..] {
                tangent += partial * along[i];
            }
            nonfinite += tangent * 0.0;
            tangent
        });
        if nonfinite != 0.0 {
            return Tangents { value, tangents: carefully(terms) };
        }
        Tangents { value, tangents }
    }

    #[inline(always)]
    fn product(x: Self, y: Self) -> Self {
        let terms = [(y.value, x.tangents), (x.value, y.tangents)];
        Self::combine(x.value * y.value, terms)
    }

    /// The results of operators, which have no ties.
    #[inline(always)]
    fn arithmetic(op: Op, operands: &[Self]) -> Option<Self> {
        Some(match (op, operands) {
            (Op::Neg, &[x]) => Self::map(-x.value, |i| -x.tangents[i]),
            (Op::Add, &[x, y]) => Self::map(x.value + y.value, |i| x.tangents[i] + y.tangents[i]),
            (Op::Sub, &[x, y]) => Self::map(x.value - y.value, |i| x.tangents[i] - y.tangents[i]),
            (Op::Mul, &[x, y]) => Self::product(x, y),
            (Op::Div | Op::Rem, &[x, y]) => {
                let args = [x.value, y.value, 0.0];
                let z = f64::apply(op, 0, &args[..2]);
                let p = |k| rules::partial(op, k, args, 0, z, 1.0);
                if y.tangents == [0.0; N] {
                    return Some(Self::combine(z, [(p(0), x.tangents)]));
                }
                Self::combine(z, [(p(0), x.tangents), (p(1), y.tangents)])
            }
            _ => return None,
        })
    }

    #[inline(always)]
    fn unary(op: Op, n: i32, x: Self) -> Self {
        let z = f64::apply(op, n, &[x.value]);
        if op.kind() == Kind::Step {
            return z.into();
        }
        let p = rules::partial(op, 0, [x.value, 0.0, 0.0], n, z, 1.0);
        if p == 0.0 && op.kind() == Kind::Switch {
            return z.into();
        }
        Self::combine(z, [(p, x.tangents)])
    }

    fn nary(op: Op, n: i32, x: &[Self], is_active: &dyn Fn(usize) -> bool) -> Self {
        let values: SmallVec<[f64; 4]> = x.iter().map(|x| x.value).collect();
        let z = f64::apply(op, n, &values);
        Self::along(op, z, x, rules::partials(op, n, &values, is_active, z))
    }

    /// The result `z`, with what its partials make of the tangents of the operands.
    fn along(op: Op, z: f64, x: &[Self], partials: impl IntoIterator<Item = Option<f64>>) -> Self {
        let mut result = Self::from(z);
        for (x, p) in x.iter().zip(partials) {
            if let Some(p) = p.filter(|&p| p != 0.0 || op.kind() == Kind::Smooth) {
                result = Self::combine(z, [(1.0, result.tangents), (p, x.tangents)]);
            }
        }
        result
    }
}

thread_local! {
    static NON_FINITE: Cell<u64> = const { Cell::new(0) };
}

/// How many there were on this thread of products with a tangent that are not finite.
///
/// Only then can a pass forward find something else than a sweep: each leaves out its own zeros.
pub(crate) fn non_finite_products() -> u64 {
    NON_FINITE.get()
}

#[cold]
#[inline(never)]
fn carefully<const N: usize, const M: usize>(terms: [(f64, [f64; N]); M]) -> [f64; N] {
    NON_FINITE.set(NON_FINITE.get() + 1);
    std::array::from_fn(|i| {
        let along = terms.iter().filter(|(_, along)| along[i] != 0.0);
        along.map(|(p, along)| p * along[i]).sum()
    })
}

impl<const N: usize> Number for Tangents<N> {
    #[inline(always)]
    fn row(op: Op, n: i32, operands: &[Self], is_active: &dyn Fn(usize) -> bool) -> Self {
        match (Self::arithmetic(op, operands), operands) {
            (Some(z), _) => z,
            (None, &[x]) if !op.is_slice() => Self::unary(op, n, x),
            (None, terms) if op == Op::Sum => terms.iter().sum(),
            _ => Self::nary(op, n, operands, is_active),
        }
    }

    fn custom(custom: &Custom, operands: &[Self]) -> Self {
        let values: SmallVec<[f64; 4]> = operands.iter().map(|x| x.value).collect();
        let z = f64::custom(custom, &values);
        let partials = f64::custom_partials(custom, &values, z, &|_| true);
        Self::along(Op::Custom, z, operands, partials.into_iter().map(Some))
    }

    fn custom_partials(custom: &Custom, operands: &[Self], z: Self, _: &dyn Fn(usize) -> bool) -> SmallVec<[Self; 4]> {
        let _scope = crate::graph::open_recording();
        let x: SmallVec<[Var; 4]> = operands.iter().map(|x| Var::new(x.value)).collect();
        let result = Var::new(z.value);
        let along = x.iter().zip(operands).chain([(&result, &z)]);
        let partials = crate::var::custom::partials(defined(custom), &x, result);
        let differential = |p: &Var| {
            let gradients = p.gradients();
            along.clone().fold(Self::from(p.untracked_value()), |sum, (&x, dx)| {
                let slope = gradients.wrt(x);
                Self::combine(sum.value, [(1.0, sum.tangents), (slope, dx.tangents)])
            })
        };
        partials.iter().map(differential).collect()
    }
}

impl<const N: usize> Adjoint for Tangents<N> {
    #[inline(always)]
    fn is_absent(self) -> bool {
        self.value == 0.0 && self.tangents.iter().all(|&tangent| tangent == 0.0)
    }

    #[inline(always)]
    fn times(self, p: Self) -> Self {
        if self.value == 0.0 {
            let w = if p.value.is_finite() { self } else { Self::default() };
            return Self::combine(0.0, [(p.value, w.tangents)]);
        }
        Self::product(self, p)
    }
}

impl<const N: usize> From<f64> for Tangents<N> {
    #[inline(always)]
    fn from(value: f64) -> Self {
        Tangents { value, tangents: [0.0; N] }
    }
}

impl<const N: usize> fmt::Display for Tangents<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl<const N: usize> PartialEq for Tangents<N> {
    fn eq(&self, other: &Self) -> bool {
        self.value == other.value
    }
}

impl<const N: usize> PartialEq<f64> for Tangents<N> {
    fn eq(&self, other: &f64) -> bool {
        self.value == *other
    }
}

impl<const N: usize> PartialOrd for Tangents<N> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<const N: usize> PartialOrd<f64> for Tangents<N> {
    fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
        self.value.partial_cmp(other)
    }
}

operators!(by apply (const N: usize) Tangents<N>);

impl<const N: usize> From<Tangents<N>> for f64 {
    #[inline(always)]
    fn from(x: Tangents<N>) -> f64 {
        x.value
    }
}

impl<const N: usize> Real for Tangents<N> {
    #[inline(always)]
    fn apply(op: Op, n: i32, operands: &[Self]) -> Self {
        // Inside a rule nothing but a constant has no tangent at all.
        Self::row(op, n, operands, &|k| operands[k].tangents != [0.0; N])
    }
}
