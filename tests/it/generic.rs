//! Generic code runs unchanged on `f64` and on `Var`, by num-traits, by `Real`, by approx.

mod approximate;

use approx::{
    AbsDiffEq, RelativeEq, UlpsEq, assert_abs_diff_eq, assert_relative_eq, assert_ulps_eq, relative_eq, ulps_eq,
};
use num_traits::{
    Bounded, Euclid, Float, FloatConst, FromPrimitive, Inv, MulAdd, MulAddAssign, Num, One, Pow, Signed, ToPrimitive,
    Zero,
};
use scalargrad::{Real, Var, derivative, gradient};

/// A bit of everything in `Float`, differentiable near 0.4.
fn by_float<T: Float + FloatConst>(x: T) -> T {
    let two = T::one() + T::one();
    let a = x.sin() * x.exp() + (x + T::PI()).ln() - x.powi(3) / two;
    let b = x.sqrt().atan2(x.cosh()) + x.hypot(two).max(x).min(T::max_value());
    let c = x.mul_add(two, a).tanh() + x.powf(T::from(1.5).unwrap()) + x.abs().recip();
    let d = x.asin() + x.acos() * x.atan() + x.asinh() + (x + two).acosh() + x.atanh();
    let e = x.exp2() + x.exp_m1() + x.log(two + two) + x.log2() + x.log10() + x.ln_1p() + x.cbrt();
    let (sin, cos) = x.sin_cos();
    let f = x.floor() + x.ceil() + x.round() + x.trunc() + x.fract() + x.signum() + sin * cos;
    let g = x.to_degrees() + x.to_radians() + x.sinh() + x.cos() + x.tan() + x.copysign(-two);
    let h = x.clamp(T::zero(), T::one()) + x.abs_sub(T::epsilon()) + T::min_positive_value();
    assert!(x.is_finite() && x.is_normal() && !x.is_nan() && !x.is_infinite());
    a + b * c - d / e + f * g + h % (two + two)
}

fn by_real<T: Real>(x: T) -> T {
    let a = x.sin() * x.exp() + (x + 3.0).ln() - x.powi(3) / 2.0;
    let b = x.sqrt().atan2(x.cosh()) + x.hypot(2.0).max(x) + T::from(2.0).powf(x);
    let (sin, cos) = x.sin_cos();
    let mut c = (x.erf() + x.sigmoid() * x.digamma() + sin * cos).softplus();
    c += T::dot(&[x, a], &[b, x]) + T::norm(&[x, a]) + T::log_sum_exp(&[x, b]);
    c -= [x, a, b].into_iter().sum::<T>() * [x, b].into_iter().product::<T>();
    if c > 0.0 { c * a.clamp(-10.0, 10.0) } else { b - c % 7.0 }
}

fn polynomial<T: Num + Copy>(x: T) -> T {
    let two = T::one() + T::one();
    x * x * x - two * x + T::one() / x
}

/// Central differences, good to about ten digits.
#[track_caller]
fn assert_slope(slope: f64, f: impl Fn(f64) -> f64, x: f64) {
    let h = 1e-4;
    let d = |h: f64| (f(x + h) - f(x - h)) / (2.0 * h);
    let estimate = (4.0 * d(h / 2.0) - d(h)) / 3.0;
    assert!((slope - estimate).abs() < 1e-8 * estimate.abs(), "{slope} is not {estimate}");
}

#[test]
fn a_function_of_float_has_the_same_value_and_the_right_slope() {
    for x in [0.3, 0.4, 0.7] {
        assert_eq!(by_float(Var::new(x)).value().to_bits(), by_float(x).to_bits());
        assert_slope(derivative(by_float, x), by_float, x);
    }
}

#[test]
fn a_function_of_real_has_the_same_value_and_the_right_slope() {
    for x in [0.3, 0.4, 1.7] {
        assert_eq!(by_real(Var::new(x)).value().to_bits(), by_real(x).to_bits());
        assert_slope(derivative(by_real, x), by_real, x);
    }
}

#[test]
fn a_function_of_num_runs_on_variables() {
    assert_eq!(polynomial(Var::new(2.0)).value(), polynomial(2.0));
    assert_eq!(derivative(polynomial, 2.0), 12.0 - 2.0 - 0.25);
}

#[test]
fn a_function_of_float_has_higher_derivatives() {
    fn f<T: Float>(x: T) -> T {
        x.powi(4) * T::from(0.5).unwrap()
    }
    let x = Var::new(3.0);
    let first = f(x).differentiate(&[x])[0];
    let second = first.differentiate(&[x])[0];
    assert_eq!((first.value(), second.value()), (54.0, 54.0));
}

#[test]
fn inherent_methods_win_over_those_of_the_traits() {
    // All traits are imported: an `f64` operand is only taken by the inherent methods.
    let x = Var::new(0.5);
    let y = x.max(0.0) + x.min(1.0) + x.powf(2.0) + x.hypot(1.0) + x.atan2(2.0) + x.log(10.0);
    let z = y + x.clamp(0.0, 1.0) + x.mul_add(2.0, x) + x.copysign(1.0) + x.abs() + x.signum();
    let w = z + x.rem_euclid(1.0) + x.recip() + x.sqrt() + x.sin_cos().0 + x.powi(2);
    w.backward();
    assert!(x.grad().is_finite());
}

#[test]
fn pow_takes_every_exponent() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    for z in [
        Pow::pow(x, 2),
        Pow::pow(&x, 2),
        Pow::pow(x, &2),
        Pow::pow(&x, &2),
        Pow::pow(x, 2.0),
        Pow::pow(&x, 2.0),
        Pow::pow(x, &2.0),
        Pow::pow(&x, &2.0),
        Pow::pow(x, y),
        Pow::pow(&x, y),
        Pow::pow(x, &y),
        Pow::pow(&x, &y),
        Pow::pow(x, 2_i8),
        Pow::pow(x, 2_u8),
        Pow::pow(x, 2_i16),
        Pow::pow(x, 2_u16),
        Pow::pow(x, 2_f32),
        x.pow(2),
        x.pow(2.0),
        x.pow(y),
    ] {
        z.backward();
        assert_eq!((z.value(), x.grad()), (9.0, 6.0));
    }
    for z in [Pow::pow(3.0, y), Pow::pow(&3.0, y), Pow::pow(3.0, &y), Pow::pow(&3.0, &y), 3.0.pow(y)] {
        z.backward();
        assert_eq!((z.value(), y.grad()), (9.0, 9.0 * 3.0_f64.ln()));
    }
    assert_eq!(Pow::pow(x, i32::MIN).value(), 3.0_f64.powi(i32::MIN));
}

#[test]
fn constants_of_the_traits_are_those_of_f64_and_have_no_node() {
    macro_rules! check {
        ($($Trait:ident: $($name:ident)*;)*) => { $( $(
            let c = <Var as $Trait>::$name();
            assert!(c.is_constant());
            assert_eq!(c.value().to_bits(), <f64 as $Trait>::$name().to_bits());
        )* )* };
    }
    check! {
        Zero: zero;
        One: one;
        Bounded: min_value max_value;
        Float: nan infinity neg_infinity neg_zero min_value max_value min_positive_value epsilon;
        FloatConst: E FRAC_1_PI FRAC_1_SQRT_2 FRAC_2_PI FRAC_2_SQRT_PI FRAC_PI_2 FRAC_PI_3 FRAC_PI_4
            FRAC_PI_6 FRAC_PI_8 LN_10 LN_2 LOG10_E LOG2_E PI SQRT_2 TAU LOG10_2 LOG2_10;
    }
    for (text, radix) in [("1.5", 10), ("ff.8", 16), ("-101", 2), ("x", 10), ("", 10), ("inf", 10)] {
        let got = <Var as Num>::from_str_radix(text, radix);
        match f64::from_str_radix(text, radix) {
            Ok(value) => assert!(got.is_ok_and(|c| c.is_constant() && c == value)),
            Err(_) => assert!(got.is_err()),
        }
    }
    assert!(Var::new(0.0).is_zero() && Var::new(-0.0).is_zero() && !Var::new(1.0).is_zero());
    assert!(Var::new(1.0).is_one() && !Var::new(0.0).is_one());
    let mut x = Var::new(2.0);
    x.set_zero();
    assert!(x == 0.0 && x.is_constant());
    x.set_one();
    assert!(x == 1.0 && x.is_constant());
}

#[test]
fn questions_are_answered_by_value() {
    let points =
        [0.0, -0.0, 1.5, -2.0, 5e-324, 1e-310, f64::MAX, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -f64::NAN];
    for x in points {
        let u = Var::new(x);
        macro_rules! check {
            ($($name:ident)*) => { $( assert_eq!(Float::$name(u), Float::$name(x)); )* };
        }
        check!(is_nan is_infinite is_finite is_normal is_subnormal is_sign_positive is_sign_negative
            classify integer_decode);
        assert_eq!(u.is_positive(), Signed::is_positive(&x));
        assert_eq!(u.is_negative(), Signed::is_negative(&x));
        for y in points {
            let same = |a: Var, b: f64| a.value().to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            let v = Var::new(y);
            #[allow(deprecated)]
            let expected = f64::abs_sub(x, y);
            assert!(same(Float::abs_sub(u, v), expected), "{x} {y}");
            assert!(same(Signed::abs_sub(&u, &v), Signed::abs_sub(&x, &y)), "{x} {y}");
            assert!(same(Euclid::div_euclid(&u, &v), x.div_euclid(y)), "{x} {y}");
            assert!(same(Euclid::rem_euclid(&u, &v), x.rem_euclid(y)), "{x} {y}");
        }
        assert!(u.is_nan() || Signed::signum(&u) == x.signum() && Signed::abs(&u) == x.abs());
    }
}

#[test]
fn euclidean_division_at_random_points() {
    for k in -40..40 {
        for l in (-12..12).filter(|&l| l != 0) {
            let (x, y) = (f64::from(k) * 0.25, f64::from(l) * 0.75);
            let (u, v) = (Var::new(x), Var::new(y));
            let (q, r) = Euclid::div_rem_euclid(&u, &v);
            assert_eq!((q.value(), r.value()), (x.div_euclid(y), x.rem_euclid(y)));
            assert_eq!(q.gradients().wrt_all(&[u, v]), [0.0, 0.0]);
            assert_eq!(r.gradients().wrt_all(&[u, v]), [1.0, -q.value()]);
        }
    }
}

#[test]
fn conversions_are_those_of_f64() {
    for x in [0.0, 1.0, -1.0, 2.9, -129.0, 255.5, 1e10, -1e30, 1e300, f64::NAN, f64::INFINITY] {
        let u = Var::new(x);
        macro_rules! check {
            ($($name:ident)*) => { $( assert_eq!(u.$name(), x.$name()); )* };
        }
        check!(to_isize to_i8 to_i16 to_i32 to_i64 to_i128 to_usize to_u8 to_u16 to_u32 to_u64 to_u128);
        assert_eq!(u.to_f32().map(f32::to_bits), x.to_f32().map(f32::to_bits));
        assert_eq!(u.to_f64().map(f64::to_bits), Some(x.to_bits()));
        assert!(<Var as num_traits::NumCast>::from(u).unwrap().is_constant());
    }
    assert_eq!(Var::from_i64(-3), Some(Var::from(-3.0)));
    assert_eq!(Var::from_u64(u64::MAX), Some(Var::from(u64::MAX as f64)));
    assert_eq!(Var::from_i128(i128::MIN).unwrap(), i128::MIN as f64);
    assert_eq!(Var::from_u128(7).unwrap(), 7.0);
    assert_eq!(Var::from_f32(0.1).unwrap(), f64::from(0.1_f32));
    assert_eq!(Var::from_usize(9).unwrap(), 9.0);
    assert_eq!(<Var as num_traits::NumCast>::from(3_u8).unwrap(), 3.0);
    assert_eq!(num_traits::cast::<Var, i32>(Var::new(3.7)), Some(3));
    assert_eq!(num_traits::cast::<f32, Var>(0.5).unwrap(), 0.5);
}

#[test]
fn the_positive_difference_has_the_slope_of_relu() {
    for abs_sub in [|x: Var, y: Var| Float::abs_sub(x, y), |x, y| Signed::abs_sub(&x, &y)] {
        let slopes = |x: f64, y: f64| gradient(|x| abs_sub(x[0], x[1]), &[x, y]);
        assert_eq!(slopes(3.0, 1.0), [1.0, -1.0]);
        assert_eq!(slopes(1.0, 3.0), [0.0, 0.0]);
        assert_eq!(slopes(2.0, 2.0), [0.0, 0.0]);
    }
}

#[test]
fn inv_and_mul_add_forward() {
    let x = Var::new(4.0);
    assert_eq!((x.inv().value(), Inv::inv(&x).value()), (0.25, 0.25));
    assert_eq!(derivative(|x| x.inv(), 4.0), -0.0625);
    fn fused<T: MulAdd<Output = T>>(x: T, a: T, b: T) -> T {
        MulAdd::mul_add(x, a, b)
    }
    assert_eq!(gradient(|x| fused(x[0], x[1], x[2]), &[2.0, 3.0, 4.0]), [3.0, 2.0, 1.0]);
    let mut y = x;
    y.mul_add_assign(2.0, x);
    y.backward();
    assert_eq!((y.value(), x.grad()), (12.0, 3.0));
    y.mul_add_assign(x, 1.0);
    assert_eq!(MulAdd::mul_add(y, 2.0, 0.5).value(), 98.5);
}

#[test]
fn signed_and_float_agree_with_the_inherent_slopes() {
    fn by_signed<T: Signed + Copy>(x: T) -> T {
        x.abs() * x.signum() * x
    }
    assert_eq!(derivative(by_signed, -3.0), -6.0);
    assert_eq!(derivative(AbsOf::abs_of, 0.0), 0.0);
}

/// `Signed::abs` as a function of a value.
trait AbsOf: Signed {
    fn abs_of(self) -> Self;
}

impl<T: Signed> AbsOf for T {
    fn abs_of(self) -> Self {
        self.abs()
    }
}
