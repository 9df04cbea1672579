//! The derivative rules: the partials of each row over any [`Real`], and the long ones written out.

mod powers;

use crate::real::{Piecewise, Question, Real};
use crate::rows::{Kind, Op};
use crate::special;
use crate::table::table;
use powers::*;
use smallvec::SmallVec;
use std::cell::OnceCell;
use std::f64::consts::{E, FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, LOG2_E, LOG10_E, PI};

const INF: f64 = f64::INFINITY;
const TINY: f64 = f64::MIN_POSITIVE;
/// A power of two, as is its square.
const DOWN: f64 = f64::from_bits((1023 - 256) << 52);

/// `f(n + 1)`; where that overflows, NaN, which depends on `x` so that its derivatives are NaN too.
fn of_next_order<T: Real>(n: u32, x: T, f: impl FnOnce(u32) -> T) -> T {
    n.checked_add(1).map_or_else(|| x * f64::NAN, f)
}

/// `x/√(x² + y²)` from the ratio of the operands: no overflow, and no cancellation in its own derivatives.
fn hypot_dx<T: Real>(x: T, y: T) -> T {
    let smaller = || {
        let t = x / y.abs();
        t / t.hypot(1.0)
    };
    let larger = || (y / x).hypot(1.0).recip().copysign(x);
    x.at(0.0, || y.at(0.0, || T::from(0.0), smaller), || (x.abs() - y.abs()).below(0.0, smaller, larger))
}

/// Calls `of` with both inverted coordinates and a scale.
///
/// Where the first one, `z`, overflows, the derivative is infinite, and `∞ − ∞` would make it NaN: there `of` gets the
/// coordinates for a point that is farther from the origin by the scale.
fn inverted<T: Real>(x: T, y: T, z: T, of: impl Fn(T, T, f64) -> T) -> T {
    let away = || {
        let scale = special::norm_scale();
        let (x, y) = (x * scale, y * scale);
        of(x.inversion(y), y.inversion(x), scale)
    };
    z.within(INF, || of(z, y.inversion(x), 1.0), away)
}

fn inversion_dx<T: Real>(x: T, y: T, z: T) -> T {
    inverted(x, y, z, |u, v, scale| {
        let (u, v) = (u * scale, v * scale);
        // The product keeps the digits of a difference, and loses them in its derivative where one square is small.
        let product = || (v - u) * (v + u);
        let is_small = |a: T, b: T| a.abs() - b.abs() * 0.5;
        is_small(u, v).below(
            0.0,
            || (v - u * (u / v)) * v,
            || is_small(v, u).below(0.0, || (v * (v / u) - u) * u, product),
        )
    })
}

fn inversion_dy<T: Real>(x: T, y: T, z: T) -> T {
    inverted(x, y, z, |u, v, scale| (u * (-2.0 * scale)) * (v * scale))
}

fn silu_dx<T: Real>(x: T) -> T {
    // Beyond ±700 the smaller of the two sigmoids is subnormal, though its product with x may be normal. `exp(−|x|/2)` is
    // normal there.
    let left = |x: T| {
        let h = (x * 0.5).exp();
        h.at(0.0, || h, || (x + 1.0) * h * h)
    };
    x.below(
        -700.0,
        || left(x),
        || x.below(700.0, || x.sigmoid() * (x * (-x).sigmoid() + 1.0), || T::from(1.0) - left(-x)),
    )
}

fn gelu_dx<T: Real>(x: T) -> T {
    // Far from 0 the density is subnormal, and its square root is not.
    let tail = || {
        let h = (x * 0.5).exp_neg_square();
        h.at(0.0, || x.normal_cdf(), || x.normal_cdf() + h * (x * DENSITY_AT_0) * h)
    };
    x.within(37.0, || x.normal_cdf() + x.normal_pdf() * x, tail)
}

/// `1/√(2π)`.
const DENSITY_AT_0: f64 = 0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2;

/// `slope · x · z` for a bell curve `z`, which is `scale · h²`. Computed from `h` where z is subnormal, as the product may be
/// normal.
fn bell_slope<T: Real>(x: T, z: T, slope: f64, scale: f64, h: impl Fn() -> T) -> T {
    let by_root = || {
        let h = h();
        h.at(0.0, || h, || h * (x * (slope * scale)) * h)
    };
    z.within(TINY, by_root, || x * z * slope)
}

/// The square root of `exp(−x²)`, as the square of its fourth root: `x/2` is exact, and `x/√2` is not.
fn root_of_bell<T: Real>(x: T) -> T {
    let fourth_root = (x * 0.5).exp_neg_square();
    fourth_root * fourth_root
}

/// `Γ(x) ψ(x)` at large negative `x`, where Γ(x) is subnormal or zero, and the product may be normal: by
/// `Γ(x) = Γ(x + 8) / (x (x + 1) … (x + 7))`. The sum `x + 8` is exact there.
fn gamma_dx_of_small<T: Real>(x: T) -> T {
    let product = (x + 8.0).gamma() * x.digamma();
    (0..8).fold(product, |product, k| product / (x + f64::from(k)))
}

/// `sigmoid(x − y)`, corrected for the rounding error of the difference.
fn logaddexp_dx<T: Real>(x: T, y: T) -> T {
    let d = x - y;
    d.within(
        INF,
        || {
            let v = d - x;
            let e = (x - (d - v)) - (y + v);
            d.sigmoid() * (e * (-d).sigmoid() + 1.0)
        },
        || d.at(INF, || T::from(1.0), || d.at(-INF, || T::from(0.0), || T::from(0.5))),
    )
}

macro_rules! nth {
    ($k:expr; ) => {
        T::from(0.0)
    };
    ($k:expr; $p0:expr) => {
        $p0
    };
    ($k:expr; $p0:expr, $p1:expr) => {
        if $k == 0 { $p0 } else { $p1 }
    };
    ($k:expr; $p0:expr, $p1:expr, $p2:expr) => {
        match $k {
            0 => $p0,
            1 => $p1,
            _ => $p2,
        }
    };
}

/// A partial, which is NaN where the result is. Those of operators are NaN where their operands are, and the rules of switches
/// take care of it themselves.
macro_rules! undefined {
    (smooth $partial:ident $z:ident) => {
        $partial.unless_nan($z)
    };
    ($kind:ident $partial:ident $z:ident) => {
        $partial
    };
}

macro_rules! stamp {
    (
        $( $kind:ident { $(
            $(#[$doc:meta])*
            $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ) $label:literal :
            $value:expr, $z:ident $tie:ident => ( $($partial:expr),* ) ; $derivative:literal ;
            [ $($domain:expr),+ ] ; [ $($probe:expr),* $(,)? ] ;
        )* } )*
    ) => {
        /// The rule of each row: its partial with respect to operand `k`.
        #[allow(clippy::unnecessary_cast, unused_variables)]
        pub(crate) mod of {
            use super::*;

            $($(
                #[inline]
                pub(crate) fn $method<T: Real>(k: usize, args: [T; 3], n: i32, z: T, tie: T) -> T {
                    let [$x $(, $y)*, ..] = args;
                    $(let $n = n as $N;)?
                    let ($z, $tie) = (z, tie);
                    let partial = nth!(k; $($partial),*);
                    undefined!($kind partial $z)
                }
            )*)*
        }

        /// The partial of a row of the table with respect to operand `k`.
        pub(crate) fn partial<T: Real>(op: Op, k: usize, args: [T; 3], n: i32, z: T, tie: T) -> T {
            match op {
                $($( Op::$Op => of::$method(k, args, n, z, tie), )*)*
                _ => unreachable!("{op:?} is not a row of the table"),
            }
        }
    };
}
table!(stamp);

/// The partials of one node: `None` for a constant operand, and for one that nothing is propagated to.
pub(crate) type Partials<T> = SmallVec<[Option<T>; 4]>;

/// The partials of any operation but a user's own, with respect to its active operands.
pub(crate) fn partials<T: Real>(
    op: Op,
    n: i32,
    operands: &[T],
    is_active: &dyn Fn(usize) -> bool,
    z: T,
) -> Partials<T> {
    if op.is_slice() {
        return slice_partials(op, operands, is_active, z);
    }
    if op.kind() == Kind::Step {
        return operands.iter().map(|_| None).collect();
    }
    let (args, tie) = (padded(operands), tie(op, operands, is_active, z));
    (0..operands.len()).map(|k| is_active(k).then(|| partial(op, k, args, n, z, tie))).collect()
}

/// The operands of a row as its rule gets them: three, with zeros after those that there are.
pub(crate) fn padded<T: Real>(operands: &[T]) -> [T; 3] {
    let mut args = [T::from(0.0); 3];
    args[..operands.len()].copy_from_slice(operands);
    args
}

/// The partials of an operation on a slice.
pub(crate) fn slice_partials<T: Real>(op: Op, operands: &[T], is_active: &dyn Fn(usize) -> bool, z: T) -> Partials<T> {
    let of = |partial: &dyn Fn(usize) -> T| -> Partials<T> {
        (0..operands.len()).map(|k| is_active(k).then(|| partial(k))).collect()
    };
    match op {
        Op::Sum => of(&|_| T::from(1.0)),
        Op::Dot => of(&|k| operands[k ^ 1]),
        Op::Norm => of(&norm_partials(operands.len(), |k| operands[k], z)),
        Op::LogSumExp => {
            let shares = log_sum_exp_partials(operands, z);
            of(&|k| shares[k])
        }
        Op::SumExp => operands.iter().map(|_| None).collect(),
        _ => unreachable!("{op:?} is no operation on slices"),
    }
}

/// `exp(xₖ − z)`, divided by their sum, which removes the effect of the rounding error of `z`.
pub(crate) fn log_sum_exp_partials<T: Real>(x: &[T], z: T) -> SmallVec<[T; 16]> {
    let share = |x: T| z.within(INF, || x.exp_sub(z), || x.eq_mask(z).unless_nan(z));
    let mut shares: SmallVec<[T; 16]> = x.iter().map(|&x| share(x)).collect();
    let sum: T = shares.iter().copied().sum();
    for share in &mut shares {
        *share /= sum;
    }
    shares
}

/// The partials of the norm `z` of `len` operands, `xₖ/z`; 0 for a zero vector. Where `z` is subnormal or has overflowed, they are those
/// of scaled operands, which are computed once.
#[inline(always)]
pub(crate) fn norm_partials<T: Real>(len: usize, x: impl Fn(usize) -> T, z: T) -> impl Fn(usize) -> T {
    let (up, down) = (OnceCell::new(), OnceCell::new());
    move |k| {
        let scaled = |known: &OnceCell<(SmallVec<[T; 4]>, T)>, scale: f64| {
            let (x, norm) = known.get_or_init(|| {
                let x: SmallVec<[T; 4]> = (0..len).map(|k| x(k) * scale).collect();
                let norm = T::norm(&x);
                (x, norm)
            });
            x[k] / *norm
        };
        let scale = special::norm_scale();
        let small = || z.at(0.0, || T::from(0.0), || scaled(&up, scale));
        z.below(TINY, small, || z.at(INF, || scaled(&down, scale.recip()), || x(k) / z))
    }
}

/// Whether the partials of a row depend on which operands are equal to its result.
const fn has_ties(op: Op) -> bool {
    matches!(op, Op::Max | Op::Min | Op::Clamp)
}

/// The partial of an operand that equals the result `z`: `1/k` if `k` active operands do, and `0` if a
/// constant does too. Other operations than those with ties compare nothing, as a recording would take it for a decision.
#[inline(always)]
pub(crate) fn tie<T: Real>(op: Op, operands: &[T], is_active: &(impl Fn(usize) -> bool + ?Sized), z: T) -> T {
    if !has_ties(op) {
        return T::from(1.0);
    }
    let mut active = 0;
    for (k, &x) in operands.iter().enumerate() {
        if x == z {
            if !is_active(k) {
                return T::from(0.0);
            }
            active += 1;
        }
    }
    T::from(1.0 / f64::from(active.max(1)))
}

/// What usually helps where the value or a partial of an operation, at this first operand, is not finite.
pub(crate) fn remedy(op: Op, at: f64) -> Option<&'static str> {
    Some(match op {
        Op::Sqrt if at < 0.0 => {
            "the operand is negative: look for a wrong sign; if it is rounding, cut it off with `x.max(1e-12)`; a distance is `hypot` or `scalargrad::norm`"
        }
        Op::Powf if at < 0.0 => {
            "the operand is negative: look for a wrong sign, or cut it off with `x.max(1e-12)`; a whole power is `powi`, a cube root `cbrt`"
        }
        Op::Sqrt | Op::Powf | Op::Cbrt => {
            "for a distance write `hypot` or `scalargrad::norm`, for the root of a square `abs`, whose slopes at 0 are 0; a whole power is `powi`; or keep the operand above 0"
        }
        Op::Ln | Op::Log2 | Op::Log10 | Op::Log if at < 0.0 => {
            "the operand is negative: look for a wrong sign, or cut it off with `x.max(1e-12)`"
        }
        Op::Ln | Op::Log2 | Op::Log10 | Op::Log => {
            "`x * ln(y)` is `xlogy`, the logarithm of a sum of exponentials `log_sum_exp`, of 1 + x `ln_1p`; or keep the operand above 0"
        }
        Op::Div | Op::Recip => {
            "the divisor is zero or very small: take another value there by `select` (a product with a mask keeps the NaN), or add a small number to it"
        }
        Op::Exp | Op::Exp2 | Op::Sinh | Op::Cosh | Op::ExpM1 => {
            "`log_sum_exp`, `softmax`, `softplus`, `sigmoid` and `logaddexp` compute with large operands without overflow"
        }
        Op::Asin | Op::Acos if at.abs() > 1.0 => {
            "the operand is beyond ±1: if it is rounding, `clamp(-1.0, 1.0)` before it; an angle between vectors is `atan2`, which has no ends"
        }
        Op::Asin | Op::Acos => {
            "the operand is at ±1, where the slope is infinite: an angle between vectors is `atan2`, which has no such ends"
        }
        Op::Acosh | Op::Atanh | Op::Ln1p => "the operand is at the end of the domain or beyond it: keep it inside",
        _ => return None,
    })
}

/// Whether a slope of exactly 0, at this first operand, is one that is not zero but too small for a number.
pub(crate) fn slope_was_rounded_to_zero(op: Op, at: f64) -> bool {
    match op {
        Op::Exp | Op::Exp2 | Op::ExpM1 | Op::ExpSub | Op::LogAddExp | Op::LogSumExp => true,
        Op::Tanh | Op::Sigmoid | Op::Softplus | Op::Silu | Op::Gelu | Op::SoftmaxShare => true,
        Op::Erf | Op::Erfc | Op::NormalCdf | Op::Atan | Op::Recip => true,
        Op::NormalPdf | Op::ExpNegSquare | Op::Sech2 => at != 0.0,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::{has_ties, partial};
    use crate::real::Real;
    use crate::rows::ROWS;

    #[test]
    fn partials_depend_on_the_tie_where_there_are_ties() {
        for row in ROWS.iter().filter(|row| !row.op.is_slice()) {
            let count = row.operands.len();
            let depends = |&x: &f64| {
                let z = f64::apply(row.op, 1, &[x; 3][..count]);
                let of = |k, tie| partial(row.op, k, [x; 3], 1, z, tie).to_bits();
                (0..count).any(|k| of(k, 0.5) != of(k, 0.25))
            };
            let has_ties_somewhere = row.probes.iter().filter(|x| !x.is_nan()).any(depends);
            assert_eq!(has_ties_somewhere, has_ties(row.op), "{}", row.method);
        }
    }
}
