//! Derivatives at kinks, poles, the ends of the range and outside the domain.

use scalargrad::{Op, Var, derivative, dot, graph, log_sum_exp, norm, softmax, sum};
use std::f64::consts::{LN_2, LN_10};

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;

/// The gradient at `x`, the same by a sweep and recorded.
#[track_caller]
fn slopes<const N: usize>(f: impl Fn([Var; N]) -> Var, x: [f64; N]) -> [f64; N] {
    graph::scope(|| {
        let x = x.map(Var::new);
        let z = f(x);
        z.backward();
        let swept = x.map(Var::grad);
        for (s, r) in swept.iter().zip(z.differentiate(&x)) {
            let r = r.value();
            let near = (s - r).abs() <= 16.0 * f64::EPSILON * s.abs();
            assert!(
                *s == r || near || s.is_nan() && r.is_nan(),
                "swept {s}, recorded {r}"
            );
        }
        swept
    })
}

/// The first derivative at `x`.
#[track_caller]
fn slope(f: impl Fn(Var) -> Var, x: f64) -> f64 {
    slopes(|[x]| f(x), [x])[0]
}

/// The value and the derivatives up to `order` at `x`.
fn orders(f: impl Fn(Var) -> Var, x: f64, order: usize) -> Vec<f64> {
    graph::scope(|| {
        let x = Var::new(x);
        let mut d = vec![f(x)];
        for k in 0..order {
            d.push(d[k].differentiate(&[x])[0]);
        }
        d.iter().map(|d| d.value()).collect()
    })
}

#[track_caller]
fn assert_close(got: f64, expected: f64, units: f64) {
    let error = (got - expected).abs();
    assert!(
        error <= units * f64::EPSILON / 2.0 * expected.abs() || error <= 5e-324 * 4.0,
        "{got:e}, and not {expected:e}"
    );
}

#[track_caller]
fn assert_nan(x: f64) {
    assert!(x.is_nan(), "{x} and not NaN");
}

// ---------------------------------------------------------------- 1: accurate to the ends of the range

mod to_the_ends_of_the_range {
    use super::*;

    #[test]
    fn the_slope_of_tanh_keeps_its_tail() {
        for x in [5.0, 20.0, 100.0, 300.0, 370.0_f64] {
            assert_close(
                slope(Var::tanh, x),
                4.0 * (-2.0 * x).exp() / (1.0 + (-2.0 * x).exp()).powi(2),
                12.0,
            );
            assert_eq!(slope(Var::tanh, x), slope(Var::tanh, -x));
        }
    }

    #[test]
    fn the_slope_of_sigmoid_keeps_both_tails() {
        for x in [40.0, 100.0, 700.0, 740.0_f64] {
            assert_close(slope(Var::sigmoid, x), (-x).exp(), 8.0);
            assert_close(slope(Var::sigmoid, -x), (-x).exp(), 8.0);
        }
    }

    #[test]
    fn the_slope_of_exp_m1_keeps_its_tail() {
        for x in [-1.0, -40.0, -700.0, -740.0_f64] {
            assert_close(slope(Var::exp_m1, x), x.exp(), 4.0);
        }
    }

    #[test]
    fn the_slopes_of_hypot_and_norm_neither_overflow_nor_underflow() {
        for scale in [1.0, 1e-300, 5e-324, 1e200, 1e307] {
            let (x, y) = (3.0 * scale, 4.0 * scale);
            let [dx, dy] = slopes(|[x, y]| x.hypot(y), [x, y]);
            let ratio = y / x;
            assert_close(dx, 1.0 / (1.0 + ratio * ratio).sqrt(), 8.0);
            assert_close(dy, ratio / (1.0 + ratio * ratio).sqrt(), 8.0);
            let n = slopes(|[x, y]| norm(&[x, y]), [x, y]);
            assert_close(n[0], dx, 8.0);
            assert_close(n[1], dy, 8.0);
        }
        assert_eq!(slopes(|[x, y]| x.hypot(y), [f64::MAX, 1.0])[0], 1.0);
        assert_close(
            slopes(|[x, y]| x.hypot(y), [f64::MAX, f64::MAX])[1],
            0.5_f64.sqrt(),
            8.0,
        );
        assert_close(
            slopes(|[x, y]| norm(&[x, y]), [f64::MAX, f64::MAX])[1],
            0.5_f64.sqrt(),
            8.0,
        );
    }

    #[test]
    fn the_slopes_of_atan2_neither_overflow_nor_underflow() {
        for scale in [1e-300, 1e-160, 1.0, 1e160, 1e300] {
            let [dy, dx] = slopes(|[y, x]| y.atan2(x), [3.0 * scale, 4.0 * scale]);
            assert_close(dy, 0.16 / scale, 12.0);
            assert_close(dx, -0.12 / scale, 12.0);
        }
    }

    #[test]
    fn the_slope_of_atan_reaches_the_subnormal_range() {
        assert_close(slope(Var::atan, 1e160), 1e-320, 4.0);
        assert!(slope(Var::atan, 1e160) != 0.0);
        assert_close(slope(Var::atan, -1e150), 1e-300, 4.0);
    }

    #[test]
    fn the_slope_of_a_quotient_with_a_subnormal_result() {
        let [dx, dy] = slopes(|[x, y]| x / y, [3e-320, 0.01]);
        assert_eq!(dx, 1.0 / 0.01);
        assert_close(dy, -(3e-320 / 0.01 / 0.01), 8.0);
    }

    #[test]
    fn partials_at_infinity_are_the_limits() {
        assert_eq!(slope(Var::tanh, INF), 0.0);
        assert_eq!(slope(Var::tanh, -INF), 0.0);
        assert_eq!(slope(Var::sigmoid, INF), 0.0);
        assert_eq!(slope(Var::sigmoid, -INF), 0.0);
        assert_eq!(slope(Var::softplus, INF), 1.0);
        assert_eq!(slope(Var::softplus, -INF), 0.0);
        assert_eq!(slope(Var::exp, -INF), 0.0);
        assert_eq!(slope(Var::exp_m1, -INF), 0.0);
        assert_eq!(slope(Var::atan, INF), 0.0);
        assert_eq!(slope(Var::asinh, INF), 0.0);
        assert_eq!(slope(Var::erf, INF), 0.0);
        assert_eq!(slope(Var::erfc, -INF), 0.0);
        assert_eq!(slope(Var::normal_cdf, -INF), 0.0);
        assert_eq!(slope(Var::ln, INF), 0.0);
        assert_eq!(slope(Var::sqrt, INF), 0.0);
        assert_eq!(slope(Var::cbrt, INF), 0.0);
        assert_eq!(slope(Var::recip, INF), 0.0);
        assert_eq!(slope(Var::silu, INF), 1.0);
        assert_eq!(slope(Var::relu, INF), 1.0);
        assert_eq!(slope(Var::abs, -INF), -1.0);
        assert_eq!(slopes(|[x, y]| x.logaddexp(y), [-INF, 1.0]), [0.0, 1.0]);
        assert_eq!(slopes(|[x, y]| x.logaddexp(y), [INF, 1.0]), [1.0, 0.0]);
        assert_eq!(
            slopes(|x| log_sum_exp(&x), [-INF, 1.0, 1.0]),
            [0.0, 0.5, 0.5]
        );
        assert_eq!(slopes(|x| log_sum_exp(&x), [-INF, -INF]), [0.5, 0.5]);
        assert_eq!(slopes(|x| log_sum_exp(&x), [1000.0, 1000.0]), [0.5, 0.5]);
        assert_eq!(slopes(|x| softmax(&x)[0], [1000.0, 1000.0]), [0.25, -0.25]);
        assert_eq!(slopes(|x| log_sum_exp(&x), [INF, 0.0]), [1.0, 0.0]);
        assert_eq!(slopes(|[x, y]| x.logaddexp(y), [INF, INF]), [0.5, 0.5]);
        for ln in [Var::ln, Var::log2, Var::log10, |x: Var| x.log(3.0)] {
            assert_eq!((slope(ln, 0.0), slope(ln, -0.0)), (INF, INF));
        }
        assert!(slope(|x| x.clamp(0.0, 1.0), f64::NAN).is_nan());
        assert!(slope(|x| x.copysign(1.0), f64::NAN).is_nan());
        let soft = slopes(|x| softmax(&x)[1], [-INF, 1.0, 1.0]);
        assert_eq!(soft[0], 0.0);
        assert_close(soft[1], 0.25, 8.0);
        assert_close(soft[2], -0.25, 8.0);
    }

    #[test]
    fn the_angle_of_a_point_on_an_axis_has_its_slopes_next_to_the_origin() {
        for tiny in [1e-160, 1e-200, 5e-324] {
            assert_eq!(slopes(|[y, x]| y.atan2(x), [0.0, tiny]), [1.0 / tiny, 0.0]);
            assert_eq!(slopes(|[y, x]| y.atan2(x), [tiny, 0.0]), [0.0, -1.0 / tiny]);
        }
    }

    #[test]
    fn shares_of_numbers_far_apart_keep_their_digits() {
        let x = [1024.3, 365.17];
        let share = slopes(|x| log_sum_exp(&x), x)[1];
        let exact = 5.539596639151997e-287; // e^(x₁ − x₀), from 60 digits
        assert_close(share, exact, 8.0);
        assert_close(softmax(&x.map(Var::new))[1].value(), exact, 8.0);
    }

    #[test]
    fn partials_at_infinity_are_the_limits_where_value_and_factor_meet() {
        assert_eq!(slope(Var::silu, -INF), 0.0);
        assert_eq!(slope(Var::gelu, INF), 1.0);
    }
}

// ---------------------------------------------------------------- 2: kinks

mod at_a_kink {
    use super::*;

    #[test]
    fn abs_has_slope_zero_at_zero() {
        assert_eq!(
            [-2.0, -0.0, 0.0, 2.0].map(|x| slope(Var::abs, x)),
            [-1.0, 0.0, 0.0, 1.0]
        );
        assert_eq!(orders(Var::abs, 0.0, 2), [0.0, 0.0, 0.0]);
        assert_eq!(orders(Var::abs, -3.0, 2), [3.0, -1.0, 0.0]);
    }

    #[test]
    fn relu_has_slope_zero_at_zero() {
        assert_eq!(
            [-2.0, -0.0, 0.0, 2.0].map(|x| slope(Var::relu, x)),
            [0.0, 0.0, 0.0, 1.0]
        );
        assert_eq!(orders(|x| x.relu() * x, 3.0, 3), [9.0, 6.0, 2.0, 0.0]);
    }

    #[test]
    fn leaky_relu_has_the_slope_nearest_to_zero_at_zero() {
        for (slope_below, expected) in [(0.1, 0.1), (0.0, 0.0), (1.0, 1.0), (3.0, 1.0), (-2.0, 0.0)]
        {
            assert_eq!(slope(|x| x.leaky_relu(slope_below), 0.0), expected);
            assert_eq!(slope(|x| x.leaky_relu(slope_below), -1.0), slope_below);
            assert_eq!(slope(|x| x.leaky_relu(slope_below), 1.0), 1.0);
        }
        assert_eq!(slopes(|[x, s]| x.leaky_relu(s), [-3.0, 0.1]), [0.1, -3.0]);
        assert_eq!(slopes(|[x, s]| x.leaky_relu(s), [3.0, 0.1]), [1.0, 0.0]);
    }

    #[test]
    fn max_and_min_share_a_tie_of_variables() {
        for f in [|[x, y]: [Var; 2]| x.max(y), |[x, y]: [Var; 2]| x.min(y)] {
            assert_eq!(slopes(f, [2.0, 2.0]), [0.5, 0.5]);
            assert_eq!(slopes(f, [0.0, -0.0]), [0.5, 0.5]);
            assert_eq!(slopes(f, [INF, INF]), [0.5, 0.5]);
        }
        assert_eq!(slopes(|[x, y]| x.max(y), [3.0, 2.0]), [1.0, 0.0]);
        assert_eq!(slopes(|[x, y]| x.min(y), [3.0, 2.0]), [0.0, 1.0]);
    }

    #[test]
    fn max_and_min_of_one_variable_with_itself_have_slope_one() {
        assert_eq!(slope(|x| x.max(x), 2.0), 1.0);
        assert_eq!(slope(|x| x.min(x), 2.0), 1.0);
        assert_eq!(slope(|x| x.max(x).max(x), 2.0), 1.0);
        assert_eq!(orders(|x| (x * x).max(x * x), 2.0, 2), [4.0, 4.0, 2.0]);
    }

    #[test]
    fn max_and_min_have_slope_zero_at_a_constant() {
        assert_eq!(slope(|x| x.max(0.0), 0.0), 0.0);
        assert_eq!(slope(|x| x.min(0.0), 0.0), 0.0);
        assert_eq!(slope(|x| Var::constant(0.0).max(x), 0.0), 0.0);
        assert_eq!(slope(|x| x.max(Var::constant(0.0)), -0.0), 0.0);
        assert_eq!(slope(|x| x.max(x.detach()), 1.0), 0.0);
    }

    #[test]
    fn max_and_min_give_all_to_the_operand_beside_a_nan() {
        assert_eq!(slope(|x| x.max(NAN), 2.0), 1.0);
        assert_eq!(slope(|x| Var::constant(NAN).min(x), 2.0), 1.0);
        assert_eq!(slopes(|[x, y]| x.max(y), [2.0, NAN]), [1.0, 0.0]);
        assert!(
            slopes(|[x, y]| x.max(y), [NAN, NAN])
                .iter()
                .all(|d| d.is_nan())
        );
    }

    #[test]
    fn clamp_has_slope_zero_at_a_bound() {
        let clamp = |x| slope(|x| x.clamp(0.0, 2.0), x);
        assert_eq!(
            [-1.0, 0.0, 1.0, 2.0, 3.0].map(clamp),
            [0.0, 0.0, 1.0, 0.0, 0.0]
        );
        assert_eq!(slope(|x| x.clamp(1.0, 1.0), 1.0), 0.0);
    }

    #[test]
    fn clamp_shares_a_tie_with_a_bound_that_is_a_variable() {
        let f = |[x, low, high]: [Var; 3]| x.clamp(low, high);
        assert_eq!(slopes(f, [1.0, 0.0, 2.0]), [1.0, 0.0, 0.0]);
        assert_eq!(slopes(f, [-1.0, 0.0, 2.0]), [0.0, 1.0, 0.0]);
        assert_eq!(slopes(f, [5.0, 0.0, 2.0]), [0.0, 0.0, 1.0]);
        assert_eq!(slopes(f, [0.0, 0.0, 2.0]), [0.5, 0.5, 0.0]);
        assert_eq!(slopes(f, [2.0, 0.0, 2.0]), [0.5, 0.0, 0.5]);
    }

    #[test]
    fn lengths_and_angles_at_the_origin_have_slopes_zero() {
        assert_eq!(slopes(|[x, y]| x.hypot(y), [0.0, 0.0]), [0.0, 0.0]);
        assert_eq!(slopes(|[x, y]| x.hypot(y), [-0.0, 0.0]), [0.0, 0.0]);
        assert_eq!(slope(|x| x.hypot(0.0), 0.0), 0.0);
        assert_eq!(slopes(|x| norm(&x), [0.0; 3]), [0.0; 3]);
        for y in [0.0, -0.0] {
            for x in [0.0, -0.0] {
                assert_eq!(slopes(|[y, x]| y.atan2(x), [y, x]), [0.0, 0.0]);
            }
        }
    }

    #[test]
    fn lengths_and_angles_on_an_axis() {
        assert_eq!(slopes(|[x, y]| x.hypot(y), [0.0, 2.0]), [0.0, 1.0]);
        assert_eq!(slopes(|[x, y]| x.hypot(y), [-3.0, 0.0]), [-1.0, 0.0]);
        assert_eq!(slopes(|x| norm(&x), [0.0, -2.0]), [0.0, -1.0]);
        assert_eq!(slopes(|[y, x]| y.atan2(x), [0.0, 2.0]), [0.5, 0.0]);
        assert_eq!(slopes(|[y, x]| y.atan2(x), [0.0, -2.0]), [-0.5, 0.0]);
        assert_eq!(slopes(|[y, x]| y.atan2(x), [2.0, 0.0]), [0.0, -0.5]);
    }

    #[test]
    fn steps_have_slope_zero_everywhere() {
        for f in [Var::floor, Var::ceil, Var::round, Var::trunc, Var::signum] {
            for x in [-2.5, -1.0, -0.0, 0.0, 0.3, 0.5, 1.0, 1e300, INF] {
                assert_eq!(slope(f, x), 0.0);
                assert_eq!(slope(|x| f(x) * x, x), f(Var::new(x)).value());
            }
        }
        for f in [
            |x: Var, y: Var| x.gt_mask(y),
            |x: Var, y: Var| x.ge_mask(y),
            |x: Var, y: Var| x.lt_mask(y),
            |x: Var, y: Var| x.le_mask(y),
            |x: Var, y: Var| x.eq_mask(y),
        ] {
            assert_eq!(slopes(|[x, y]| f(x, y), [1.0, 1.0]), [0.0, 0.0]);
            assert_eq!(slopes(|[x, y]| f(x, y), [1.0, 2.0]), [0.0, 0.0]);
        }
    }

    #[test]
    fn copysign_turns_the_slope_with_the_sign() {
        for (x, y, expected) in [
            (2.0, 3.0, 1.0),
            (2.0, -3.0, -1.0),
            (-2.0, 3.0, -1.0),
            (-2.0, -0.0, 1.0),
        ] {
            assert_eq!(slopes(|[x, y]| x.copysign(y), [x, y]), [expected, 0.0]);
        }
        assert_eq!(slopes(|[x, y]| x.copysign(y), [0.0, -1.0]), [0.0, 0.0]);
    }

    #[test]
    fn fract_and_remainders_have_the_slope_beside_their_jumps() {
        assert_eq!(slope(Var::fract, 2.0), 1.0);
        assert_eq!(slope(Var::fract, -2.5), 1.0);
        assert_eq!(slopes(|[x, y]| x % y, [7.25, 2.0]), [1.0, -3.0]);
        assert_eq!(slopes(|[x, y]| x % y, [-7.25, 2.0]), [1.0, 3.0]);
        assert_eq!(slopes(|[x, y]| x % y, [6.0, 2.0]), [1.0, -3.0]);
        assert_eq!(slopes(|[x, y]| x.rem_euclid(y), [-7.25, 2.0]), [1.0, 4.0]);
        assert_eq!(slopes(|[x, y]| x.rem_euclid(y), [-7.25, -2.0]), [1.0, -4.0]);
    }
}

// ---------------------------------------------------------------- 3: one-sided infinities

mod at_a_pole {
    use super::*;

    #[test]
    fn one_sided_infinities_stay_infinite() {
        assert_eq!(slope(Var::sqrt, 0.0), INF);
        assert_eq!(slope(Var::sqrt, -0.0), INF);
        assert_eq!(slope(Var::cbrt, 0.0), INF);
        assert_eq!(slope(Var::cbrt, -0.0), INF);
        for ln in [Var::ln, Var::log2, Var::log10, |x: Var| x.log(2.0)] {
            assert_eq!(slope(ln, 0.0), INF);
        }
        assert_eq!(slope(Var::ln_1p, -1.0), INF);
        assert_eq!([-1.0, 1.0].map(|x| slope(Var::asin, x)), [INF, INF]);
        assert_eq!([-1.0, 1.0].map(|x| slope(Var::acos, x)), [-INF, -INF]);
        assert_eq!([-1.0, 1.0].map(|x| slope(Var::atanh, x)), [INF, INF]);
        assert_eq!(slope(Var::acosh, 1.0), INF);
        assert_eq!(slope(|x| x.powf(0.5), 0.0), INF);
        assert_eq!(slope(|x| x.powf(-0.5), 0.0), -INF);
        assert_eq!(slope(Var::recip, 0.0), -INF);
        assert_eq!(slope(Var::recip, -0.0), -INF);
        assert_eq!(slope(|x| 1.0 / x, 0.0), -INF);
        assert_eq!(slope(|x| x.powi(-1), 0.0), -INF);
        assert_eq!(slope(|x| x.powi(-2), 0.0), -INF);
        assert_eq!(slope(|y| Var::constant(2.0).xlogy(y), 0.0), INF);
        assert_eq!(slopes(|[x, y]| x.xlogy(y), [0.0, 0.0]), [-INF, 0.0]);
    }

    #[test]
    fn second_derivatives_of_roots_and_logarithms_at_zero_are_infinite() {
        assert_eq!(orders(Var::sqrt, 0.0, 2)[2], -INF);
        assert_eq!(orders(Var::ln, 0.0, 2)[2], -INF);
        assert_eq!(orders(|x| x.powf(1.5), 0.0, 2), [0.0, 0.0, INF]);
        assert_eq!(orders(Var::recip, 0.0, 2)[2], INF);
    }
}

// ---------------------------------------------------------------- 4: outside the domain

#[test]
fn outside_the_domain_value_and_partials_are_nan() {
    type Outside = (&'static str, fn(Var) -> Var, &'static [f64]);
    let unary: &[Outside] = &[
        ("ln", Var::ln, &[-1.0, -5e-324, -INF]),
        ("log2", Var::log2, &[-1.0, -INF]),
        ("log10", Var::log10, &[-1.0, -INF]),
        ("ln_1p", Var::ln_1p, &[-1.5, -INF]),
        ("sqrt", Var::sqrt, &[-1.0, -5e-324, -INF]),
        ("asin", Var::asin, &[2.0, -1.0000000000000002, INF]),
        ("acos", Var::acos, &[2.0, -1.0000000000000002, -INF]),
        ("acosh", Var::acosh, &[0.5, 0.0, -2.0, -INF]),
        ("atanh", Var::atanh, &[2.0, -1.0000000000000002, INF]),
        ("sin", Var::sin, &[INF, -INF]),
        ("cos", Var::cos, &[INF, -INF]),
        ("tan", Var::tan, &[INF, -INF]),
        ("fract", Var::fract, &[INF, -INF]),
        ("powf 0.5", |x| x.powf(0.5), &[-1.0, -1e-300]),
        ("log base 2", |x| x.log(2.0), &[-1.0]),
        ("log of 2", |b| Var::constant(2.0).log(b), &[-1.0]),
        ("gamma", Var::gamma, &[-1.0, -2.0, -INF]),
        ("digamma", Var::digamma, &[-1.0, -2.0, -INF]),
        ("xlogy", |y| Var::constant(1.0).xlogy(y), &[-1.0]),
        ("x % 0", |x| x % 0.0, &[1.0, 0.0]),
        ("x % 1", |x| x % 1.0, &[INF, -INF]),
        ("1 % y", |y| 1.0 % y, &[0.0]),
        ("x.rem_euclid(0)", |x| x.rem_euclid(0.0), &[1.0, 0.0]),
        (
            "1.rem_euclid(y)",
            |y| Var::constant(1.0).rem_euclid(y),
            &[0.0],
        ),
    ];
    let mut wrong = String::new();
    for (name, f, points) in unary {
        for &x in *points {
            let z = derivative_and_value(f, x);
            if !(z.0.is_nan() && z.1.is_nan() && z.2.is_nan()) {
                wrong += &format!(
                    "{name} at {x}: value {}, slope {}, recorded {}\n",
                    z.0, z.1, z.2
                );
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn derivative_and_value(f: impl Fn(Var) -> Var, x: f64) -> (f64, f64, f64) {
    graph::scope(|| {
        let x = Var::new(x);
        let z = f(x);
        z.backward();
        (z.value(), x.grad(), z.differentiate(&[x])[0].value())
    })
}

#[test]
fn nan_in_gives_nan_partials() {
    for f in [
        Var::sin,
        Var::exp,
        Var::tanh,
        Var::sigmoid,
        Var::relu,
        Var::abs,
        Var::sqrt,
        Var::powi_3,
    ] {
        assert_nan(slope(f, NAN));
    }
    assert!(slopes(|[x, y]| x.powf(y), [NAN, 2.0])[0].is_nan());
    assert!(slopes(|[x, y]| x.hypot(y), [NAN, 2.0])[0].is_nan());
}

trait Cubed {
    fn powi_3(self) -> Var;
}

impl Cubed for Var {
    fn powi_3(self) -> Var {
        self.powi(3)
    }
}

// ---------------------------------------------------------------- 5: powers

mod powers {
    use super::*;

    fn factorial(n: usize) -> f64 {
        (1..=n).map(|k| k as f64).product()
    }

    #[test]
    fn slopes_of_tiny_numbers_to_tiny_powers_are_finite() {
        assert_close(slope(|x| x.powf(1e-200), 1e-310), 1e-200 / 1e-310, 8.0);
        let x = 5e-324;
        let exact = 1e-300 / 5e-324;
        assert_close(slope(|x| x.powf(1e-300), x), exact, 8.0);
        assert_close(slopes(|[x, y]| x.powf(y), [x, 1e-300])[0], exact, 8.0);
    }

    #[test]
    fn the_derivative_of_a_whole_power_is_no_more_than_it_must_be() {
        let x = Var::new(3.0);
        let slope = |n| x.powi(n).differentiate(&[x])[0];
        assert!(slope(0).is_constant() && slope(1).is_constant());
        assert_eq!(slope(2).op(), Op::Mul);
        for n in 2..=8 {
            let operands = slope(n).operands();
            assert_eq!(operands[0].op(), Op::Powi, "powi({n})");
            assert_eq!(operands[1].value(), f64::from(n));
        }
    }

    #[test]
    fn powi_at_zero_is_exact_at_every_order() {
        for n in 0..8_usize {
            for zero in [0.0, -0.0] {
                for (k, d) in orders(|x| x.powi(n as i32), zero, n + 3)
                    .into_iter()
                    .enumerate()
                {
                    assert_eq!(
                        d,
                        if k == n { factorial(n) } else { 0.0 },
                        "derivative {k} of x^{n}"
                    );
                }
            }
        }
    }

    #[test]
    fn powf_at_zero_is_exact_at_every_order() {
        for n in 0..8_usize {
            for (k, d) in orders(|x| x.powf(n as f64), 0.0, n + 3)
                .into_iter()
                .enumerate()
            {
                assert_eq!(
                    d,
                    if k == n { factorial(n) } else { 0.0 },
                    "derivative {k} of x^{n}.0"
                );
            }
        }
        assert_eq!(orders(|x| x.powf(2.0), 0.0, 2), [0.0, 0.0, 2.0]);
        assert_eq!(orders(|x| x.powf(0.0), 0.0, 2), [1.0, 0.0, 0.0]);
        assert_eq!(orders(|x| x.powf(1.0), 0.0, 2), [0.0, 1.0, 0.0]);
    }

    #[test]
    fn powers_away_from_zero_are_exact_at_every_order() {
        for x in [-2.0, 2.0, 0.5] {
            let expected = [x * x * x, 3.0 * x * x, 6.0 * x, 6.0, 0.0, 0.0];
            assert_eq!(orders(|x| x.powi(3), x, 5), expected);
            assert_eq!(orders(|x| x.powf(3.0), x, 5), expected);
            assert_eq!(orders(|x| x * x * x, x, 5), expected);
        }
    }

    #[test]
    fn the_powers_zero_and_one_are_exact_at_infinity_and_beside_zero() {
        for x in [5e-324, -3.0, 1e300] {
            assert_eq!(slope(|x| x.powi(0), x), 0.0);
            assert_eq!(slope(|x| x.powi(1), x), 1.0);
            assert_eq!(slope(|x| x.powf(0.0), x), 0.0);
            assert_eq!(slope(|x| x.powf(1.0), x), 1.0);
            assert_eq!(slope(|x| x.powi(2), x), 2.0 * x);
        }
        assert_eq!(slope(|x| x.powf(0.0), INF), 0.0);
        assert_eq!(slope(|x| x.powf(1.0), INF), 1.0);
    }

    #[test]
    fn the_exponents_slope_is_zero_at_base_zero() {
        for (y, dx) in [(0.0, 0.0), (0.5, INF), (1.0, 1.0), (2.0, 0.0), (3.5, 0.0)] {
            assert_eq!(slopes(|[x, y]| x.powf(y), [0.0, y]), [dx, 0.0], "0^{y}");
        }
        assert_eq!(slope(|y| Var::constant(0.0).powf(y), 2.0), 0.0);
        assert_eq!(slope(|y| Var::constant(0.0).powf(y), 0.0), 0.0);
    }

    #[test]
    fn the_exponents_slope_is_nan_at_a_negative_base() {
        let [dx, dy] = slopes(|[x, y]| x.powf(y), [-3.0, 2.0]);
        assert_eq!(dx, -6.0);
        assert_nan(dy);
        // A constant exponent asks for no slope, and so gets no NaN.
        assert_eq!(slope(|x| x.powf(2.0), -3.0), -6.0);
    }

    #[test]
    fn a_power_of_two_variables_has_all_second_derivatives() {
        let (x, y) = (Var::new(2.0), Var::new(3.0));
        let d = x.powf(y).differentiate(&[x, y]);
        let ln = LN_2;
        assert_close(d[0].value(), 12.0, 4.0);
        assert_close(d[1].value(), 8.0 * ln, 4.0);
        assert_close(d[0].differentiate(&[x])[0].value(), 12.0, 8.0);
        assert_close(d[0].differentiate(&[y])[0].value(), 4.0 + 12.0 * ln, 8.0);
        assert_close(d[1].differentiate(&[x])[0].value(), 4.0 + 12.0 * ln, 8.0);
        assert_close(d[1].differentiate(&[y])[0].value(), 8.0 * ln * ln, 8.0);
    }

    #[test]
    fn exp2_and_powers_of_ten_have_their_logarithms() {
        assert_close(slope(Var::exp2, 3.0), 8.0 * LN_2, 4.0);
        assert_close(
            slope(|y| Var::constant(10.0).powf(y), 2.0),
            100.0 * LN_10,
            4.0,
        );
    }
}

// ---------------------------------------------------------------- 6: an adjoint of zero

mod an_adjoint_of_zero {
    use super::*;

    #[test]
    fn is_not_propagated_into_a_pole() {
        assert_eq!(slope(|x| x.sqrt() * 0.0 + x, 0.0), 1.0);
        assert_eq!(slope(|x| x.ln().detach() * 0.0 + x * 2.0, 1.0), 2.0);
        assert_eq!(slope(|x| (x.recip() * 0.0).detach() + x, 0.0), 1.0);
        assert_eq!(slopes(|[x, y]| (x / y) * 0.0 + x, [1.0, 0.0]), [1.0, 0.0]);
        assert_eq!(slope(|x| sum(&[x.ln() * 0.0, x]), 0.0), 1.0);
        assert_eq!(
            slope(
                |x| dot(&[x.ln(), x], &[Var::constant(0.0), Var::constant(3.0)]),
                0.0
            ),
            3.0
        );
    }

    #[test]
    fn never_comes_out_of_an_unused_branch() {
        let x = Var::new(0.0);
        let _unused = [x.ln(), x.sqrt(), x.recip(), (-x - 1.0).sqrt(), x / x];
        let z = x * 2.0;
        z.backward();
        assert_eq!(x.grad(), 2.0);
        assert_eq!(z.differentiate(&[x])[0].value(), 2.0);
    }

    #[test]
    fn never_comes_out_of_an_unselected_branch() {
        for x in [0.0, -0.0, -1.0] {
            let by_mask =
                |x: Var| Var::select(x.gt_mask(0.0), x.ln() + x.sqrt() + x.powf(0.5), x * 2.0);
            let by_bool = |x: Var| Var::select(x > 0.0, x.ln(), x * 2.0);
            let otherwise = |x: Var| Var::select(x.le_mask(0.0), x * 2.0, x.ln());
            assert_eq!(slope(by_mask, x), 2.0);
            assert_eq!(slope(by_bool, x), 2.0);
            assert_eq!(slope(otherwise, x), 2.0);
            assert_eq!(orders(by_mask, x, 3)[1..], [2.0, 0.0, 0.0]);
            assert_eq!(orders(otherwise, x, 3)[1..], [2.0, 0.0, 0.0]);
        }
        let both = |x: Var| Var::select(x.gt_mask(0.0), x * x * x, x.sqrt());
        assert_eq!(orders(both, 2.0, 4), [8.0, 12.0, 12.0, 6.0, 0.0]);
    }

    #[test]
    fn never_comes_out_of_a_nan_beside_the_selected_branch() {
        // The selected operand is NaN: that is its own, and nothing of the other.
        let [x, y] = slopes(
            |[x, y]| Var::select(x.eq_mask(x), x.ln(), y * 3.0),
            [-1.0, 2.0],
        );
        assert_nan(x);
        assert_eq!(y, 0.0);
        let mask = slopes(|[m, y]| Var::select(m, y.ln(), 0.0), [1.0, -1.0])[0];
        assert_eq!(mask, 0.0);
    }

    #[test]
    fn a_switch_gives_nothing_to_what_it_does_not_select() {
        assert_eq!(slope(|x| x.relu().sqrt(), -1.0), 0.0); // 0 × ∞
        assert_eq!(slope(|x| x.relu().ln(), -1.0), 0.0);
        assert_eq!(slope(|x| x.max(0.0).sqrt(), -1.0), 0.0);
        assert_eq!(slope(|x| x.clamp(0.0, 1.0).powf(0.5), -1.0), 0.0);
        assert_eq!(slope(|x| x.abs().sqrt(), 0.0), 0.0);
        assert_eq!(slope(|x| x.floor().sqrt(), 0.5), 0.0);
        assert_eq!(slopes(|[x, y]| x.max(y).sqrt(), [0.0, -1.0]), [INF, 0.0]);
    }

    #[test]
    fn everything_else_is_plain_ieee_arithmetic() {
        assert_eq!(slope(|x| x.sqrt() * 2.0, 0.0), INF);
        assert_nan(slope(|x| (x * 0.0).sqrt(), 1.0)); // ∞ × 0, a partial of zero and not an adjoint
        assert_nan(slope(|x| x.sqrt() - x.sqrt(), 0.0)); // ∞ − ∞
        assert_eq!(slope(|x| x * INF, 2.0), INF);
        assert_nan(slope(|x| x * NAN, 2.0));
    }

    #[test]
    fn does_not_end_a_higher_derivative() {
        // At 0 the first derivative of x² is zero, the second is not.
        assert_eq!(
            orders(|x| (x * x) * (x * x), 0.0, 5),
            [0.0, 0.0, 0.0, 0.0, 24.0, 0.0]
        );
        assert_eq!(orders(|x| (x * x).sin(), 0.0, 2), [0.0, 0.0, 2.0]);
        assert_eq!(orders(|x| x * x * x.exp(), 0.0, 3), [0.0, 0.0, 2.0, 6.0]);
        assert_eq!(
            orders(|x| x.sin() * x.sin(), 0.0, 4),
            [0.0, 0.0, 2.0, 0.0, -8.0]
        );
        assert_eq!(
            orders(|x| dot(&[x, x], &[x * x, x]), 0.0, 3),
            [0.0, 0.0, 2.0, 6.0]
        );
        assert_eq!(orders(|x| x.mul_add(x, x), 0.0, 3), [0.0, 1.0, 2.0, 0.0]);
    }
}

#[test]
fn smooth_functions_have_their_taylor_coefficients_at_zero() {
    let check = |f: fn(Var) -> Var, expected: [f64; 6]| {
        for (got, expected) in orders(f, 0.0, 5).into_iter().zip(expected) {
            assert!(
                (got - expected).abs() <= 64.0 * f64::EPSILON * expected.abs().max(0.01),
                "{got} {expected}"
            );
        }
    };
    let pi_sqrt = std::f64::consts::FRAC_2_SQRT_PI;
    check(Var::sin, [0.0, 1.0, 0.0, -1.0, 0.0, 1.0]);
    check(Var::cos, [1.0, 0.0, -1.0, 0.0, 1.0, 0.0]);
    check(Var::tan, [0.0, 1.0, 0.0, 2.0, 0.0, 16.0]);
    check(Var::exp, [1.0; 6]);
    check(Var::exp_m1, [0.0, 1.0, 1.0, 1.0, 1.0, 1.0]);
    check(Var::ln_1p, [0.0, 1.0, -1.0, 2.0, -6.0, 24.0]);
    check(Var::asin, [0.0, 1.0, 0.0, 1.0, 0.0, 9.0]);
    check(Var::atan, [0.0, 1.0, 0.0, -2.0, 0.0, 24.0]);
    check(Var::sinh, [0.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    check(Var::cosh, [1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    check(Var::tanh, [0.0, 1.0, 0.0, -2.0, 0.0, 16.0]);
    check(Var::asinh, [0.0, 1.0, 0.0, -1.0, 0.0, 9.0]);
    check(Var::atanh, [0.0, 1.0, 0.0, 2.0, 0.0, 24.0]);
    check(Var::sigmoid, [0.5, 0.25, 0.0, -0.125, 0.0, 0.25]);
    check(Var::softplus, [LN_2, 0.5, 0.25, 0.0, -0.125, 0.0]);
    check(Var::silu, [0.0, 0.5, 0.5, 0.0, -0.5, 0.0]);
    check(
        Var::erf,
        [0.0, pi_sqrt, 0.0, -2.0 * pi_sqrt, 0.0, 12.0 * pi_sqrt],
    );
    check(Var::sinc, [1.0, 0.0, -1.0 / 3.0, 0.0, 0.2, 0.0]);
    check(|x| x.hypot(1.0), [1.0, 0.0, 1.0, 0.0, -3.0, 0.0]);
    check(|x| x.atan2(1.0), [0.0, 1.0, 0.0, -2.0, 0.0, 24.0]);
    check(|x| x.logaddexp(0.0), [LN_2, 0.5, 0.25, 0.0, -0.125, 0.0]);
    check(
        |x| norm(&[x, Var::constant(1.0)]),
        [1.0, 0.0, 1.0, 0.0, -3.0, 0.0],
    );
    check(
        |x| log_sum_exp(&[x, Var::constant(0.0)]),
        [LN_2, 0.5, 0.25, 0.0, -0.125, 0.0],
    );
    check(
        |x| softmax(&[x, Var::constant(0.0)])[0],
        [0.5, 0.25, 0.0, -0.125, 0.0, 0.25],
    );
    assert_eq!(derivative(Var::sinc, 0.0), 0.0);
}
