//! Special values at infinities, signed zeros, poles and NaN, which the reference table does not have.

use super::*;

const INF: f64 = f64::INFINITY;

fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

#[test]
fn limits_poles_and_signed_zeros_are_exact() {
    type Row = (&'static str, fn(f64) -> f64, [f64; 4]);
    let nan = f64::NAN;
    #[rustfmt::skip]
    let rows: [Row; 18] = [ // at −∞, −0, +0, +∞
        ("relu", relu, [0.0, 0.0, 0.0, INF]),
        ("sigmoid", sigmoid, [0.0, 0.5, 0.5, 1.0]),
        ("softplus", softplus, [0.0, 2f64.ln(), 2f64.ln(), INF]),
        ("silu", silu, [-0.0, -0.0, 0.0, INF]),
        ("sech_squared", sech_squared, [0.0, 1.0, 1.0, 0.0]),
        ("erf", erf, [-1.0, -0.0, 0.0, 1.0]),
        ("erfc", erfc, [2.0, 1.0, 1.0, 0.0]),
        ("exp_neg_square", exp_neg_square, [0.0, 1.0, 1.0, 0.0]),
        ("normal_pdf", normal_pdf, [0.0, 0.3989422804014327, 0.3989422804014327, 0.0]),
        ("normal_cdf", normal_cdf, [0.0, 0.5, 0.5, 1.0]),
        ("gelu", gelu, [-0.0, -0.0, 0.0, INF]),
        ("gamma", gamma, [nan, -INF, INF, INF]),
        ("ln_gamma", ln_gamma, [INF, INF, INF, INF]),
        ("digamma", digamma, [nan, INF, -INF, INF]),
        ("polygamma 1", |x| polygamma(1, x), [nan, INF, INF, 0.0]),
        ("polygamma 2", |x| polygamma(2, x), [nan, INF, -INF, -0.0]),
        ("sinc", sinc, [0.0, 1.0, 1.0, 0.0]),
        ("sinc_derivative 2", |x| sinc_derivative(2, x), [0.0, -1.0 / 3.0, -1.0 / 3.0, 0.0]),
    ];
    for (name, f, expected) in rows {
        for (x, y) in [-INF, -0.0, 0.0, INF].into_iter().zip(expected) {
            assert!(same(f(x), y), "{name}({x:?}) = {:?}, not {y:?}", f(x));
        }
        assert!(f(f64::NAN).is_nan(), "{name}(NaN)");
    }
    for x in [-1.0, -2.0, -170.0, -1e20, f64::MIN] {
        assert!(gamma(x).is_nan() && digamma(x).is_nan() && polygamma(2, x).is_nan());
        assert_eq!((ln_gamma(x), polygamma(1, x)), (INF, INF));
    }
}

#[test]
fn two_operands_keep_their_limits() {
    assert_eq!(logaddexp(INF, INF), INF);
    assert_eq!(logaddexp(-INF, -INF), -INF);
    assert_eq!(logaddexp(-INF, 3.0), 3.0);
    assert_eq!(logaddexp(f64::MAX, f64::MIN), f64::MAX);
    assert_eq!(logaddexp(1e5, 1e5), 1e5 + 2f64.ln());
    for y in [0.0, -1.0, INF] {
        assert_eq!(xlogy(0.0, y), 0.0);
    }
    assert!(xlogy(1.0, -1.0).is_nan());
    assert_eq!((leaky_relu(-2.0, 0.25), leaky_relu(2.0, 0.25)), (-0.5, 2.0));
    for f in [logaddexp, xlogy, leaky_relu] {
        for x in [-1.0, 0.0, 1.0, INF] {
            assert!(f(x, f64::NAN).is_nan() && f(f64::NAN, x).is_nan());
        }
    }
}

#[test]
fn many_operands_neither_overflow_nor_vanish() {
    assert_eq!(norm([3e300, -4e300].into_iter()), 5e300);
    assert_eq!(norm([3e-320, 4e-320].into_iter()), 5e-320);
    assert_eq!((norm([].into_iter()), norm([0.0, -0.0].into_iter()), norm([1.0, -INF].into_iter())), (0.0, 0.0, INF));
    assert_eq!(log_sum_exp([1000.0, 1000.0].into_iter()), 1000.0 + 2f64.ln());
    assert_eq!(log_sum_exp([].into_iter()), -INF);
    assert_eq!(log_sum_exp([-INF, -INF].into_iter()), -INF);
    assert_eq!(log_sum_exp([1.0, INF].into_iter()), INF);
    assert_eq!(dot([].into_iter()), 0.0);
    assert_eq!(dot([(1.0, 3.0), (2.0, 4.0)].into_iter()), 11.0);
    for x in [[f64::NAN, INF], [INF, f64::NAN], [-f64::NAN, 1.0], [1.0, f64::NAN]] {
        assert!(norm(x.into_iter()).is_nan() && log_sum_exp(x.into_iter()).is_nan());
    }
}

#[test]
fn polygamma_overflows_only_where_it_must() {
    assert_eq!(polygamma(1, 1e-200), INF);
    assert_eq!(polygamma(1, 1e200), 1e-200);
    assert_eq!(polygamma(2, 1e200), 0.0);
    assert_eq!(polygamma(0, 2.5), digamma(2.5));
    for n in [1, 2, 40, 171, 172, 301, 5000] {
        let sign = if n % 2 == 1 { INF } else { -INF };
        assert_eq!(polygamma(n, 5e-324), sign, "{n}");
        assert_eq!(polygamma(n, -5e-324), INF, "{n}");
        assert!(!polygamma(n, -2.5).is_nan() && !polygamma(n, -3.25).is_nan(), "{n}");
        assert_eq!(polygamma(n, 1e300) == 0.0, n > 1, "{n}");
    }
}

/// The largest difference between a vectorised function and the plain one, in units of 2⁻⁵³ of the result, or of 1 where
/// `is_absolute`; in units of the smallest number below the normal ones.
fn largest_difference(op: crate::rows::Op, plain: fn(f64) -> f64, x: &[f64], is_absolute: bool) -> f64 {
    let mut largest: f64 = 0.0;
    for x in x.chunks_exact(8) {
        let mut z: [f64; 8] = x.try_into().unwrap();
        super::vectorised(op, &mut z);
        for (&x, z) in x.iter().zip(z) {
            let exact = plain(x);
            if !exact.is_finite() || exact == 0.0 {
                assert!(z == exact || z.is_nan() && exact.is_nan(), "{op:?} at {x:?}: {z:?} is not {exact:?}");
                continue;
            }
            let size = if is_absolute { exact.abs().max(1.0) } else { exact.abs() };
            let unit = (size * 2f64.powi(-53)).max(f64::from_bits(1));
            let difference: f64 = (z - exact).abs() / unit;
            largest = difference.max(largest);
        }
    }
    largest
}

#[test]
fn vectorised_functions_are_close_to_the_plain_ones_over_the_whole_domain() {
    use crate::rows::Op;
    let n = 80_000;
    let grid = |low: f64, high: f64| (0..n).map(move |k| low + (high - low) * (f64::from(k) + 0.37) / f64::from(n));
    let all_sizes = (0..n).map(|k| f64::from_bits((k as u64 * (0x7ff0_0000_0000_0000 / n as u64)) | 0x5_a5a5));
    let edges = [0.0, -0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN, f64::MAX, f64::MIN_POSITIVE, f64::from_bits(1)];
    let both = |x: f64| [x, -x];
    let quarter_turns = (1..n).map(|k| f64::from(k * 8 - 7) * std::f64::consts::FRAC_PI_2);
    let x = grid(-760.0, 720.0).chain(grid(-3.0, 3.0)).chain(all_sizes.chain(quarter_turns).flat_map(both));
    let x: Vec<f64> = x.chain(grid(-1.1e6, 1.1e6)).chain(edges).collect();
    for (op, plain, is_absolute, bound) in [
        (Op::Exp, f64::exp as fn(f64) -> f64, false, 4.0),
        (Op::Ln, f64::ln, true, 4.0),
        (Op::Sin, f64::sin, false, 4.0),
        (Op::Cos, f64::cos, false, 4.0),
        (Op::Tanh, f64::tanh, false, 8.0),
        (Op::Sech2, super::sech_squared, false, 8.0),
        (Op::Sigmoid, super::sigmoid, false, 8.0),
    ] {
        assert!(super::is_vectorised(op));
        let largest = largest_difference(op, plain, &x, is_absolute);
        assert!(largest <= bound, "{op:?}: {largest}");
    }
}
