//! Every function of the table has the value that `f64` computes.

use super::*;

#[test]
fn the_random_doubles_are_of_every_kind() {
    use std::num::FpCategory::*;
    for kind in [Nan, Infinite, Zero, Subnormal, Normal] {
        assert!(points().iter().filter(|x| x.classify() == kind).count() > 10);
    }
}

/// Functions of one operand that `f64` has too.
macro_rules! unary {
    ($($method:ident)*) => { $(
        #[test]
        fn $method() {
            for x in points() {
                let expected = f64::$method(black_box(x));
                assert_same(stringify!($method), &[x], Var::new(x).$method(), expected);
                assert_same(stringify!($method), &[x], Var::constant(x).$method(), expected);
                assert_same(stringify!($method), &[x], Real::$method(Var::new(x)), expected);
                assert!(is_same(Real::$method(x), expected));
            }
        }
    )* };
}

/// Whether the standard library leaves open which zero is the result; a compiler may decide anew at each call.
fn is_left_open(method: &str, x: f64, y: f64) -> bool {
    matches!(method, "max" | "min") && x == 0.0 && y == 0.0
}

/// Functions of two operands that `f64` has too.
macro_rules! binary {
    ($($method:ident)*) => { $(
        #[test]
        fn $method() {
            for (x, y) in pairs() {
                if is_left_open(stringify!($method), x, y) {
                    continue;
                }
                let args = [x, y];
                let expected = f64::$method(black_box(x), black_box(y));
                let (u, v) = (Var::new(x), Var::new(y));
                assert_same(stringify!($method), &args, u.$method(v), expected);
                assert_same(stringify!($method), &args, u.$method(y), expected);
                assert_same(stringify!($method), &args, u.$method(&v), expected);
                assert_same(stringify!($method), &args, u.$method(&y), expected);
                assert_same(stringify!($method), &args, Var::constant(x).$method(v), expected);
                assert_same(stringify!($method), &args, Var::constant(x).$method(y), expected);
                assert_same(stringify!($method), &args, Real::$method(u, v), expected);
                assert!(is_same(Real::$method(x, y), expected));
            }
        }
    )* };
}

mod of_one_operand {
    use super::*;
    unary! {
        abs signum sqrt cbrt recip exp exp2 exp_m1 ln log2 log10 ln_1p
        sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
        floor ceil round trunc fract to_degrees to_radians
    }
}

mod of_two_operands {
    use super::*;
    binary! { powf log atan2 hypot min max copysign div_euclid rem_euclid }
}

/// Functions that `f64` lacks: the same on `Var` as on `f64` by way of `Real`, and NaN of NaN.
macro_rules! lacking {
    ($($method:ident)*) => { $(
        #[test]
        fn $method() {
            for x in points() {
                let expected = Real::$method(black_box(x));
                assert_same(stringify!($method), &[x], Var::new(x).$method(), expected);
                assert_same(stringify!($method), &[x], Var::constant(x).$method(), expected);
                assert_same(stringify!($method), &[x], Real::$method(Var::new(x)), expected);
                assert!(!x.is_nan() || expected.is_nan());
            }
        }
    )* };
}

mod that_f64_lacks {
    use super::*;
    lacking! {
        relu sigmoid softplus silu gelu erf erfc gamma ln_gamma digamma normal_cdf sinc
        sech2 exp_neg_square normal_pdf
    }

    #[test]
    fn polygamma_and_sinc_derivative() {
        for x in points() {
            for n in [0, 1, 2, 5] {
                let name = format!("polygamma {n}");
                let expected = Real::polygamma(x, n);
                assert_same(&name, &[x], Var::new(x).polygamma(n), expected);
                assert_same(&name, &[x], Var::constant(x).polygamma(n), expected);
                let name = format!("sinc_derivative {n}");
                let expected = Real::sinc_derivative(x, n);
                assert_same(&name, &[x], Var::new(x).sinc_derivative(n), expected);
                assert_same(&name, &[x], Var::constant(x).sinc_derivative(n), expected);
                assert!(!x.is_nan() || Real::polygamma(x, n).is_nan());
                assert!(!x.is_nan() || Real::sinc_derivative(x, n).is_nan());
            }
        }
    }

    #[test]
    fn of_two_or_three_operands() {
        for (x, y) in pairs() {
            macro_rules! check {
                ($($method:ident)*) => { $(
                    let (name, args) = (stringify!($method), [x, y]);
                    let expected = Real::$method(x, y);
                    assert_same(name, &args, Var::new(x).$method(Var::new(y)), expected);
                    assert_same(name, &args, Var::new(x).$method(y), expected);
                    assert_same(name, &args, Var::constant(x).$method(Var::new(y)), expected);
                    assert_same(name, &args, Var::constant(x).$method(y), expected);
                )* };
            }
            check!(leaky_relu xlogy logaddexp exp_sub inversion gt_mask ge_mask lt_mask le_mask eq_mask);
            let z = Real::softmax_share(x, y, 7.0);
            assert_same("softmax_share", &[x, y], Var::new(x).softmax_share(y, 7.0), z);
            let z = Real::mask_select(x, y, 7.0);
            assert_same("mask_select", &[x, y], Var::new(x).mask_select(Var::new(y), 7.0), z);
            assert_same("select", &[x, y], Var::select(Var::new(x), y, Var::new(7.0)), z);
            assert_same("select", &[x, y], Var::select(x != 0.0, Var::new(y), 7.0), z);
            let either_is_nan = x.is_nan() || y.is_nan();
            assert_eq!(Real::logaddexp(x, y).is_nan(), either_is_nan);
            assert!(!either_is_nan || Real::xlogy(x, y).is_nan());
            assert!(!either_is_nan || Real::leaky_relu(x, y).is_nan());
            assert_eq!(Real::gt_mask(x, y), f64::from(x > y));
            assert_eq!(Real::ge_mask(x, y), f64::from(x >= y));
            assert_eq!(Real::lt_mask(x, y), f64::from(x < y));
            assert_eq!(Real::le_mask(x, y), f64::from(x <= y));
            assert_eq!(Real::eq_mask(x, y), f64::from(x == y));
        }
    }

    #[test]
    fn relu_and_leaky_relu_are_their_definitions() {
        for x in points() {
            let relu = if x <= 0.0 { 0.0 } else { x };
            assert_same("relu", &[x], Var::new(x).relu(), relu);
            let leaky = if x < 0.0 { 0.1 * x } else { x };
            assert_same("leaky_relu", &[x], Var::new(x).leaky_relu(0.1), leaky);
        }
    }
}

#[test]
fn powi() {
    for x in points() {
        for n in [-1000, -3, -2, -1, 0, 1, 2, 3, 4, 7, 31, 1000, i32::MAX, i32::MIN] {
            let n = black_box(n);
            let args = [x, f64::from(n)];
            assert_same("powi", &args, Var::new(x).powi(n), x.powi(n));
            assert_same("powi", &args, Var::constant(x).powi(n), x.powi(n));
            assert_same("powi", &args, Real::powi(Var::new(x), n), x.powi(n));
        }
    }
}

#[test]
fn sin_cos() {
    for x in points() {
        let (sin, cos) = Var::new(x).sin_cos();
        assert_same("sin of sin_cos", &[x], sin, x.sin_cos().0);
        assert_same("cos of sin_cos", &[x], cos, x.sin_cos().1);
    }
}

#[test]
fn mul_add() {
    let mut bits = Bits(3);
    for _ in 0..5000 {
        let [x, a, b] = [0; 3].map(|_| bits.double());
        let expected = x.mul_add(a, b);
        let [u, v, w] = [x, a, b].map(Var::new);
        for got in [
            u.mul_add(v, w),
            u.mul_add(a, w),
            u.mul_add(v, b),
            u.mul_add(a, b),
            Var::constant(x).mul_add(v, w),
            Var::constant(x).mul_add(a, w),
            Var::constant(x).mul_add(v, b),
            Var::constant(x).mul_add(a, b),
        ] {
            assert_same("mul_add", &[x, a, b], got, expected);
        }
    }
}

#[test]
fn clamp() {
    let mut bits = Bits(4);
    for _ in 0..5000 {
        let [x, a, b] = [0; 3].map(|_| bits.double());
        if a.is_nan() || b.is_nan() {
            continue;
        }
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let expected = x.clamp(low, high);
        let args = [x, low, high];
        assert_same("clamp", &args, Var::new(x).clamp(low, high), expected);
        assert_same("clamp", &args, Var::new(x).clamp(Var::new(low), high), expected);
        assert_same("clamp", &args, Var::new(x).clamp(low, Var::new(high)), expected);
        assert_same("clamp", &args, Var::constant(x).clamp(low, high), expected);
    }
}

#[test]
fn clamp_panics_where_f64_does_and_leaves_the_graph_usable() {
    for (low, high) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::NAN)] {
        assert!(catch_unwind(|| 0.5_f64.clamp(low, high)).is_err());
        assert!(catch_unwind(|| Var::new(0.5).clamp(low, high)).is_err());
        assert!(catch_unwind(|| Var::new(0.5).clamp(Var::new(low), high)).is_err());
    }
    let x = Var::new(3.0);
    (x * x).backward();
    assert_eq!(x.grad(), 6.0);
}

/// Every row of the table stands in these files, so that a new one cannot be forgotten.
#[test]
fn every_operation_of_the_table_is_checked_here() {
    let table = include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/table.rs"));
    let here = [include_str!("functions.rs"), include_str!("operators.rs"), include_str!("slices.rs")];
    let mut rows = 0;
    for line in table.lines() {
        // `Variant method(operands) "label": value, …`
        let Some((head, _)) = line.trim().split_once("(") else {
            continue;
        };
        let Some((variant, method)) = head.split_once(' ') else {
            continue;
        };
        let is_row = line.starts_with("            ")
            && line.contains("\": ")
            && variant.starts_with(char::is_uppercase)
            && variant.chars().all(char::is_alphanumeric);
        if is_row {
            rows += 1;
            assert!(
                (here.iter())
                    .flat_map(|file| file.split(|c: char| !(c.is_alphanumeric() || c == '_')))
                    .any(|word| word == method),
                "`{method}` is checked nowhere in these files"
            );
        }
    }
    assert!(rows >= 70, "found {rows} rows only");
}

/// The `n`-th derivative of `sinc` by the recurrence alone, from as far off as it takes.
fn sinc_derivative_by_recurrence(n: u32, x: f64) -> f64 {
    let (sin, cos) = x.sin_cos();
    let sin_derivative = |m: u32| [sin, cos, -sin, -cos][(m % 4) as usize];
    if x.abs() >= f64::from(n) {
        return (1..=n).fold(sin / x, |s, m| (sin_derivative(m) - f64::from(m) * s) / x);
    }
    let end = n + 2 * (x.abs() as u32) + 100;
    let step = |s: f64, m: u32| (sin_derivative(m) - x * s) / f64::from(m);
    (n + 1..=end).rev().fold(0.0, step)
}

#[test]
fn derivatives_of_sinc_of_high_order_are_those_of_the_recurrence() {
    for n in [1000, 1001, 1002, 1003, 1500, 4999, 20_000, 100_001] {
        for share in [0.0, 1e-3, 0.3, 0.9, 0.999, 1.0, 1.001, 1.5, 7.0, 1e3] {
            for x in [share * f64::from(n), -share * f64::from(n)] {
                let (found, expected) = (x.sinc_derivative(n), sinc_derivative_by_recurrence(n, x));
                let size = 1.0 / f64::from(n).hypot(x);
                assert!((found - expected).abs() <= 64.0 * f64::EPSILON * size, "{n} {x}: {found:e} {expected:e}");
            }
        }
    }
}

#[test]
fn an_integer_parameter_of_any_size_takes_no_time() {
    let start = std::time::Instant::now();
    let points = [0.0, -0.0, 1e-300, 0.5, -1.5, 3.0, 1e3, 1e9, -2e9, 4e9, 1e12, 1e300, f64::MAX];
    for n in [0, 1, 999, 1000, i32::MAX as u32, 1 << 31, u32::MAX - 1, u32::MAX] {
        for x in points {
            let sinc = x.sinc_derivative(n);
            assert!(sinc.abs() <= 1.0 / (f64::from(n) + 1.0) * 1.001, "{n} {x} {sinc}");
            let v = Var::new(x);
            let values = [v.sinc_derivative(n), v.polygamma(n), v.powi(n as i32)];
            for z in values {
                z.backward();
                let _ = (v.grad(), z.differentiate(&[v])[0].differentiate(&[v]), z.to_text());
            }
            assert!(values[0].to_text().contains(&n.to_string()) || v.value() == 0.0 || n == 0);
        }
        assert!(f64::NAN.sinc_derivative(n).is_nan());
    }
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    // There is no order beyond: not a wrong number.
    let x = Var::new(0.5);
    x.sinc_derivative(u32::MAX).backward();
    assert!(x.grad().is_nan());
}
