//! A number in sixteen lanes: one of each of sixteen rows.
//!
//! Stamped from the table like every other [`Real`], so that values and partials of all of them are computed by the
//! text that serves one. Where a rule chooses between two forms, each lane gets its own. Elementary functions are those of
//! `f64`, lane by lane, or [vectorised](Vectorised) ones.

use super::super::one_by_one::Number;
use super::super::unary::{self, InLanes, of_one_operand};
use crate::graph::Custom;
use crate::pull_back::{Adjoint, Adjoints, is_zero};
use crate::real::{Question, Real, call, incomparable, operators};
use crate::rows::{Op, by_name};
use crate::rules::{self, Partials};
use crate::special;
use crate::table::table;
use smallvec::{SmallVec, smallvec};
use std::cell::Cell;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// The number of lanes.
pub(super) const LANES: usize = 16;

/// A number of each of [`LANES`] rows, aligned to 64 bytes.
#[derive(Clone, Copy, Debug)]
#[repr(align(64))]
pub(super) struct Lanes(pub [f64; LANES]);

thread_local! {
    static IS_VECTORISED: Cell<bool> = const { Cell::new(false) };
}

/// Whether lanes on this thread go through vectorised elementary functions, until it is dropped.
pub(super) struct Vectorised(bool);

impl Vectorised {
    pub(super) fn set(is_vectorised: bool) -> Vectorised {
        Vectorised(IS_VECTORISED.replace(is_vectorised))
    }
}

impl Drop for Vectorised {
    fn drop(&mut self) {
        IS_VECTORISED.set(self.0);
    }
}

/// The numbers that an expression gives for each lane. A loop compiles in less time than `array::from_fn`.
macro_rules! each_lane {
    ($lane:ident, $value:expr) => {{
        let mut result = [0.0; LANES];
        for $lane in 0..LANES {
            result[$lane] = $value;
        }
        Lanes(result)
    }};
}

/// Operands in one lane.
fn of_lane(operands: &[Lanes], lane: usize) -> SmallVec<[f64; 16]> {
    operands.iter().map(|x| x.0[lane]).collect()
}

/// Whether numbers in two lanes are the same.
fn is_same(operands: &[Lanes], a: usize, b: usize) -> bool {
    let is_same = |x: &Lanes| x.0[a].to_bits() == x.0[b].to_bits();
    operands.iter().all(is_same)
}

/// What a user's operation computes in each lane: once for lanes that are copies of one another.
fn in_each_lane<R: Clone>(operands: &[Lanes], compute: impl Fn(usize) -> R) -> [R; LANES] {
    let mut known: SmallVec<[R; LANES]> = SmallVec::new();
    for lane in 0..LANES {
        let copy = (0..lane).find(|&other| is_same(operands, lane, other));
        known.push(match copy {
            Some(other) => known[other].clone(),
            None => compute(lane),
        });
    }
    std::array::from_fn(|lane| known[lane].clone())
}

impl Adjoint for Lanes {
    #[inline(always)]
    fn is_absent(self) -> bool {
        is_zero(&self.0)
    }

    #[inline(always)]
    fn is_absent_in(self, lane: usize) -> bool {
        self.0[lane] == 0.0
    }

    #[inline(always)]
    fn times(self, p: Self) -> Self {
        each_lane!(lane, if self.0[lane] == 0.0 { 0.0 } else { self.0[lane] * p.0[lane] })
    }
}

/// Adjoints in lanes, as if all factors of products were finite: a zero times a factor is zero by itself then. Where one is
/// not, what comes out is NaN, and has to be computed again over [`Lanes`].
#[derive(Clone, Copy, Default)]
pub(super) struct AmongFinite(pub Lanes);

impl Adjoints<Lanes> for AmongFinite {
    const IS_WIDE: bool = true;

    #[inline(always)]
    fn zero() -> Self {
        AmongFinite(Lanes::default())
    }

    #[inline(always)]
    fn is_absent(self) -> bool {
        Adjoint::is_absent(self.0)
    }

    #[inline(always)]
    fn is_absent_in(self, lane: usize) -> bool {
        self.0.0[lane] == 0.0
    }

    #[inline(always)]
    fn times(self, p: Lanes) -> Self {
        AmongFinite(Adjoint::times(self.0, p))
    }

    #[inline(always)]
    fn times_factor(self, x: Lanes) -> Self {
        AmongFinite(self.0 * x)
    }

    #[inline(always)]
    fn times_selected(self, p: Lanes) -> Self {
        AmongFinite(Adjoints::times_selected(self.0, p))
    }

    #[inline(always)]
    fn negated(self) -> Self {
        AmongFinite(-self.0)
    }

    #[inline(always)]
    fn add(&mut self, share: Self) {
        self.0 += share.0;
    }
}

impl Number for Lanes {
    #[inline(always)]
    fn row(op: Op, n: i32, operands: &[Lanes], _: &dyn Fn(usize) -> bool) -> Lanes {
        Lanes::apply(op, n, operands)
    }

    fn partials(op: Op, n: i32, operands: &[Lanes], is_active: &dyn Fn(usize) -> bool, z: Lanes) -> Partials<Lanes> {
        if op.is_slice() {
            return rules::slice_partials(op, operands, is_active, z);
        }
        if op == Op::Div {
            let args = [operands[0], operands[1], Lanes::default()];
            let partial = |k| rules::of::div(k, args, n, z, Lanes::from(1.0));
            return (0..2).map(|k| is_active(k).then(|| partial(k))).collect();
        }
        // In each lane a rule takes one of its forms, and other operands are tied.
        let mut partials: Partials<Lanes> = operands.iter().map(|_| None).collect();
        for lane in 0..LANES {
            let operands = of_lane(operands, lane);
            let of_lane = rules::partials(op, n, &operands, is_active, z.0[lane]);
            for (partial, p) in partials.iter_mut().zip(of_lane) {
                if let Some(p) = p {
                    partial.get_or_insert_default().0[lane] = p;
                }
            }
        }
        partials
    }

    fn custom(custom: &Custom, operands: &[Lanes]) -> Lanes {
        Lanes(in_each_lane(operands, |lane| f64::custom(custom, &of_lane(operands, lane))))
    }

    fn custom_partials(
        custom: &Custom,
        operands: &[Lanes],
        z: Lanes,
        is_given: &dyn Fn(usize) -> bool,
    ) -> SmallVec<[Lanes; 4]> {
        let mut partials: SmallVec<[Lanes; 4]> = smallvec![Lanes::default(); operands.len()];
        for lane in (0..LANES).filter(|&lane| is_given(lane)) {
            let of_lane = of_lane(operands, lane);
            let of_lane = f64::custom_partials(custom, &of_lane, z.0[lane], is_given);
            for (partial, p) in partials.iter_mut().zip(of_lane) {
                partial.0[lane] = p;
            }
        }
        partials
    }

    #[inline(always)]
    fn fill_unary(op: Op, n: i32, known: &[Lanes], results: &mut [Lanes], operands: &[u32]) {
        if special::is_vectorised(op) && IS_VECTORISED.get() {
            return fill_vectorised(op, known, results, operands);
        }
        fill_simple(op, n, known, results, operands);
    }

    #[inline(always)]
    fn give_unary<W: Adjoints<Lanes>>(
        op: Op,
        n: i32,
        known: &[Lanes],
        results: (&[Lanes], &mut [W]),
        operands: &[u32],
        adjoints: &mut [W],
    ) {
        give_by_lanes(op, n, known, results, operands, adjoints);
    }
}

/// Fills the results of a run by a vectorised function, of several operands at a time.
#[inline(never)]
fn fill_vectorised(op: Op, known: &[Lanes], results: &mut [Lanes], operands: &[u32]) {
    const SEVERAL: usize = 8;
    let mut room = [0.0; SEVERAL * LANES];
    for (results, operands) in results.chunks_mut(SEVERAL).zip(operands.chunks(SEVERAL)) {
        let x = &mut room[..results.len() * LANES];
        for (x, &k) in x.as_chunks_mut().0.iter_mut().zip(operands) {
            *x = known[k as usize].0;
        }
        special::vectorised(op, x);
        results.iter_mut().zip(x.as_chunks().0).for_each(|(z, x)| z.0 = *x);
    }
}

impl InLanes for Lanes {
    #[inline(always)]
    fn in_lanes(self, z: Lanes, partial: impl Fn(f64, f64) -> f64) -> Lanes {
        each_lane!(lane, partial(self.0[lane], z.0[lane]))
    }
}

impl From<f64> for Lanes {
    #[inline(always)]
    fn from(x: f64) -> Self {
        Lanes([x; LANES])
    }
}

impl From<Lanes> for f64 {
    fn from(_: Lanes) -> f64 {
        f64::NAN
    }
}

impl fmt::Display for Lanes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

incomparable!(() Lanes);

macro_rules! arithmetic {
    ($($Trait:ident $method:ident $sign:tt;)*) => { $(
        impl $Trait for Lanes {
            type Output = Self;
            #[inline(always)]
            fn $method(self, y: Self) -> Self {
                each_lane!(lane, self.0[lane] $sign y.0[lane])
            }
        }
    )* };
}
arithmetic! {
    Add add +;
    Sub sub -;
    Mul mul *;
    Div div /;
    Rem rem %;
}

impl Neg for Lanes {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        each_lane!(lane, -self.0[lane])
    }
}

operators!(() Lanes);

macro_rules! stamp {
    (
        operators { $( $Operator:ident $operator:ident ( $ox:ident $(, $oy:ident)* ); )* }
        functions { $( $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ); )* }
    ) => {
        /// Does [`unary::fill`], with the loops of simple operations compiled for the processor of the caller.
        #[inline(always)]
        #[allow(clippy::unnecessary_cast, unused_variables)]
        fn fill_simple(op: Op, n: i32, known: &[Lanes], results: &mut [Lanes], operands: &[u32]) {
            match op {
                $( Op::$Op if const { special::is_simple(Op::$Op) } => of_one_operand!($x $($y)* => {
                    $(let $n = n as $N;)?
                    unary::each_value(known, results, operands, |x| Real::$method(x $(, $n)?))
                }), )*
                _ => unary::fill(op, n, known, results, operands),
            }
        }

        /// Does [`unary::give`], with the loops of simple partials and of vectorised ones compiled for the processor of the caller. Of the
        /// others no rule is compiled over lanes.
        #[inline(always)]
        fn give_by_lanes<W: Adjoints<Lanes>>(
            op: Op,
            n: i32,
            known: &[Lanes],
            results: (&[Lanes], &mut [W]),
            operands: &[u32],
            adjoints: &mut [W],
        ) {
            let (zero, one) = (Lanes::default(), Lanes::from(1.0));
            match op {
                $( Op::$Op if const { special::has_simple_partial(Op::$Op) } => {
                    unary::each_share(op, known, results, operands, adjoints, |x, z| {
                        x.in_lanes(z, |x, z| rules::of::$method(0, [x, 0.0, 0.0], n, z, 1.0))
                    })
                } )*
                $( Op::$Op if const { special::is_vectorised(Op::$Op) } && IS_VECTORISED.get() => {
                    unary::each_share(op, known, results, operands, adjoints, |x, z| {
                        rules::of::$method(0, [x, zero, zero], n, z, one)
                    })
                } )*
                _ => unary::give(op, n, known, results, operands, adjoints),
            }
        }

        impl Real for Lanes {
            #[inline(always)]
            fn apply(op: Op, n: i32, operands: &[Self]) -> Self {
                match op {
                    Op::Dot | Op::Norm | Op::LogSumExp => {
                        each_lane!(lane, f64::apply(op, n, &of_lane(operands, lane)))
                    }
                    _ => call(op, n, operands),
                }
            }

            #[inline(always)]
            fn choose(
                self,
                question: Question,
                yes: impl FnOnce() -> Self,
                no: impl FnOnce() -> Self,
            ) -> Self {
                let (mut some, mut all) = (false, true);
                for lane in 0..LANES {
                    some |= question.holds(self.0[lane]);
                    all &= question.holds(self.0[lane]);
                }
                match (some, all) {
                    (false, _) => no(),
                    (_, true) => yes(),
                    _ => {
                        let (yes, no) = (yes(), no());
                        each_lane!(lane, {
                            if question.holds(self.0[lane]) { yes.0[lane] } else { no.0[lane] }
                        })
                    }
                }
            }

            $(
                #[inline(always)]
                #[track_caller]
                fn $method(self $(, $y: impl Into<Self>)* $(, $n: $N)?) -> Self {
                    let $x = self;
                    $(let $y: Self = $y.into();)*
                    if const { special::is_vectorised(Op::$Op) } && IS_VECTORISED.get() {
                        let mut lanes = $x;
                        special::vectorised(Op::$Op, &mut lanes.0);
                        return lanes;
                    }
                    each_lane!(lane, Real::$method($x.0[lane] $(, $y.0[lane])* $(, $n)?))
                }
            )*
        }
    };
}
table!(by_name, stamp);
