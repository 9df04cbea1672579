//! A number in eight lanes: one of each of eight rows, with vectorised elementary functions.
//!
//! Stamped from the table like every other [`Real`], so that values and partials of eight rows are computed by the
//! text that serves one. Where a rule chooses between two forms, each lane gets its own.

use crate::pull_back::Adjoint;
use crate::real::{Question, Real, call, incomparable, operators};
use crate::rows::{Op, by_name};
use crate::special;
use crate::table::table;
use smallvec::SmallVec;
use std::fmt;
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// The number of lanes.
pub(super) const LANES: usize = 8;

/// One bit for each lane of a block.
pub(super) type Live = u32;

/// The first `n` lanes.
pub(super) fn first_lanes(n: usize) -> Live {
    Live::MAX.checked_shr(Live::BITS - n as u32).unwrap_or(0)
}

/// The lanes of a mask.
pub(super) fn lanes_of<const W: usize>(mask: Live) -> impl Iterator<Item = usize> {
    (0..W).filter(move |lane| mask >> lane & 1 != 0)
}

/// Eight numbers, of which elementary functions are those of `f64`, or if `FAST` vectorised ones.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lanes<const FAST: bool>(pub [f64; LANES]);

/// What the rows of the table are computed over: a lane, or eight at a time.
pub(super) trait Group: Adjoint {
    const LEN: usize;

    /// The first of these numbers.
    fn load(from: &[f64]) -> Self;

    /// Adds to the first of these numbers.
    fn add_to(self, to: &mut [f64]);
}

impl Group for f64 {
    const LEN: usize = 1;

    #[inline(always)]
    fn load(from: &[f64]) -> f64 {
        from[0]
    }

    #[inline(always)]
    fn add_to(self, to: &mut [f64]) {
        to[0] += self;
    }
}

impl<const FAST: bool> Group for Lanes<FAST> {
    const LEN: usize = LANES;

    #[inline(always)]
    fn load(from: &[f64]) -> Self {
        Lanes(from.as_chunks().0[0])
    }

    #[inline(always)]
    fn add_to(self, to: &mut [f64]) {
        let to: &mut [f64; LANES] = &mut to.as_chunks_mut().0[0];
        to.iter_mut().zip(self.0).for_each(|(to, x)| *to += x);
    }
}

impl<const FAST: bool> Adjoint for Lanes<FAST> {
    #[inline(always)]
    fn is_absent(self) -> bool {
        self.0 == [0.0; LANES]
    }
}

impl<const FAST: bool> From<f64> for Lanes<FAST> {
    #[inline(always)]
    fn from(x: f64) -> Self {
        Lanes([x; LANES])
    }
}

impl<const FAST: bool> From<Lanes<FAST>> for f64 {
    fn from(_: Lanes<FAST>) -> f64 {
        f64::NAN
    }
}

impl<const FAST: bool> fmt::Display for Lanes<FAST> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

incomparable!((const FAST: bool) Lanes<FAST>);

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

macro_rules! arithmetic {
    ($($Trait:ident $method:ident $sign:tt;)*) => { $(
        impl<const FAST: bool> $Trait for Lanes<FAST> {
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

impl<const FAST: bool> Neg for Lanes<FAST> {
    type Output = Self;
    #[inline(always)]
    fn neg(self) -> Self {
        each_lane!(lane, -self.0[lane])
    }
}

operators!((const FAST: bool) Lanes<FAST>);

macro_rules! stamp {
    (
        operators { $( $Operator:ident $operator:ident ( $ox:ident $(, $oy:ident)* ); )* }
        functions { $( $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ); )* }
    ) => {
        impl<const FAST: bool> Real for Lanes<FAST> {
            #[inline(always)]
            fn apply(op: Op, n: i32, operands: &[Self]) -> Self {
                match op {
                    Op::Dot | Op::Norm | Op::LogSumExp => each_lane!(lane, {
                        let operands: SmallVec<[f64; 16]> = operands.iter().map(|x| x.0[lane]).collect();
                        f64::apply(op, n, &operands)
                    }),
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
                let mut holds = [false; LANES];
                for lane in 0..LANES {
                    holds[lane] = question.holds(self.0[lane]);
                }
                match holds.iter().filter(|&&holds| holds).count() {
                    0 => no(),
                    LANES => yes(),
                    _ => {
                        let (yes, no) = (yes(), no());
                        each_lane!(lane, if holds[lane] { yes.0[lane] } else { no.0[lane] })
                    }
                }
            }

            $(
                #[inline(always)]
                #[track_caller]
                fn $method(self $(, $y: impl Into<Self>)* $(, $n: $N)?) -> Self {
                    let $x = self;
                    $(let $y: Self = $y.into();)*
                    if FAST && const { special::is_vectorised(Op::$Op) } {
                        return Lanes(special::vectorised(Op::$Op, &$x.0));
                    }
                    each_lane!(lane, Real::$method($x.0[lane] $(, $y.0[lane])* $(, $n)?))
                }
            )*
        }
    };
}
table!(by_name, stamp);
