//! Which second partials of a row may differ from zero, read off the text of its partials.

use super::interpret::is_row;
use crate::ops::{self, Kind, Op};
use crate::real::Real;
use std::cmp::Ordering;
use std::fmt;
use std::iter::{Product, Sum};
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

/// Calls `each` for every pair of operands `j <= k` whose second partial may differ from zero.
pub(crate) fn second_partials(
    op: Op,
    n: i32,
    count: usize,
    is_active: impl Fn(usize) -> bool,
    mut each: impl FnMut(usize, usize),
) {
    match op {
        Op::Sum => {}
        Op::Dot => (0..count).step_by(2).for_each(|k| {
            if is_active(k) && is_active(k + 1) {
                each(k, k + 1);
            }
        }),
        _ if op.kind() == Kind::Step => {}
        _ if is_row(op) => {
            let mut args = [Dependence(0); 3];
            for (k, arg) in args[..count].iter_mut().enumerate() {
                *arg = Dependence((is_active(k) as u8) << k);
            }
            let z = args[0] + args[1] + args[2];
            for j in (0..count).filter(|&j| is_active(j)) {
                let Dependence(on) = ops::partial(op, j, args, n, z, Dependence(0));
                (j..count)
                    .filter(|&k| on >> k & 1 == 1)
                    .for_each(|k| each(j, k));
            }
        }
        _ => {
            for j in (0..count).filter(|&j| is_active(j)) {
                (j..count)
                    .filter(|&k| is_active(k))
                    .for_each(|k| each(j, k));
            }
        }
    }
}

/// The set of operands that an expression depends on smoothly, a bit for each.
#[derive(Clone, Copy, Debug, Default)]
struct Dependence(u8);

impl From<f64> for Dependence {
    fn from(_: f64) -> Self {
        Dependence(0)
    }
}

impl fmt::Display for Dependence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:b}", self.0)
    }
}

impl PartialEq for Dependence {
    fn eq(&self, _: &Self) -> bool {
        false
    }
}

impl PartialEq<f64> for Dependence {
    fn eq(&self, _: &f64) -> bool {
        false
    }
}

impl PartialOrd for Dependence {
    fn partial_cmp(&self, _: &Self) -> Option<Ordering> {
        None
    }
}

impl PartialOrd<f64> for Dependence {
    fn partial_cmp(&self, _: &f64) -> Option<Ordering> {
        None
    }
}

impl Neg for Dependence {
    type Output = Self;
    fn neg(self) -> Self {
        self
    }
}

macro_rules! operators {
    ($($Trait:ident $method:ident $Assign:ident $assign:ident;)*) => { $(
        impl $Trait for Dependence {
            type Output = Self;
            #[allow(clippy::suspicious_arithmetic_impl)]
            fn $method(self, other: Self) -> Self {
                Dependence(self.0 | other.0)
            }
        }
        impl $Trait<f64> for Dependence {
            type Output = Self;
            fn $method(self, _: f64) -> Self {
                self
            }
        }
        impl $Assign for Dependence {
            #[allow(clippy::suspicious_op_assign_impl)]
            fn $assign(&mut self, other: Self) {
                self.0 |= other.0;
            }
        }
        impl $Assign<f64> for Dependence {
            fn $assign(&mut self, _: f64) {}
        }
    )* };
}
operators! {
    Add add AddAssign add_assign;
    Sub sub SubAssign sub_assign;
    Mul mul MulAssign mul_assign;
    Div div DivAssign div_assign;
    Rem rem RemAssign rem_assign;
}

impl Sum for Dependence {
    fn sum<I: Iterator<Item = Self>>(terms: I) -> Self {
        terms.fold(Dependence(0), |a, b| a + b)
    }
}

impl Product for Dependence {
    fn product<I: Iterator<Item = Self>>(factors: I) -> Self {
        factors.sum()
    }
}

macro_rules! methods {
    (
        operators { $($operators:tt)* }
        $( $kind:ident { $(
            $(#[$doc:meta])*
            $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ) $label:literal :
            $value:expr, $z:ident $tie:ident => ( $($partial:expr),* ) ; $derivative:literal ;
            [ $($domain:expr),+ ] ; [ $($probe:expr),* $(,)? ] ;
        )* } )*
    ) => {
        impl Real for Dependence {
            fn value(self) -> f64 {
                f64::NAN
            }

            fn below(self, _: f64, a: impl FnOnce() -> Self, b: impl FnOnce() -> Self) -> Self {
                a() + b()
            }

            fn within(self, _: f64, a: impl FnOnce() -> Self, b: impl FnOnce() -> Self) -> Self {
                a() + b()
            }

            fn at(self, _: f64, a: impl FnOnce() -> Self, b: impl FnOnce() -> Self) -> Self {
                a() + b()
            }

            fn unless_nan(self, _: Self) -> Self {
                self
            }

            fn dot(x: &[Self], y: &[Self]) -> Self {
                x.iter().chain(y).copied().sum()
            }

            fn norm(x: &[Self]) -> Self {
                x.iter().copied().sum()
            }

            fn log_sum_exp(x: &[Self]) -> Self {
                x.iter().copied().sum()
            }

            $($(
                fn $method(self $(, $y: impl Into<Self>)* $(, $n: $N)?) -> Self {
                    $(let _ = $n;)?
                    let union = self $(+ $y.into())*;
                    if Op::$Op.kind() == Kind::Step { Dependence(0) } else { union }
                }
            )*)*
        }
    };
}
ops::table!(methods);
