//! Derivatives are accurate to the ends of the range.

use super::*;

#[test]
fn the_slope_of_tanh_keeps_its_tail() {
    for x in [5.0, 20.0, 100.0, 300.0, 370.0_f64] {
        assert_close(slope(Var::tanh, x), 4.0 * (-2.0 * x).exp() / (1.0 + (-2.0 * x).exp()).powi(2), 12.0);
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
    assert_close(slopes(|[x, y]| x.hypot(y), [f64::MAX, f64::MAX])[1], 0.5_f64.sqrt(), 8.0);
    assert_close(slopes(|[x, y]| norm(&[x, y]), [f64::MAX, f64::MAX])[1], 0.5_f64.sqrt(), 8.0);
}

#[test]
fn the_slopes_of_norm_are_those_of_operands_that_are_scaled_exactly() {
    for (x, y) in (1..20).flat_map(|x| (1..20).map(move |y| (f64::from(x), f64::from(y)))) {
        let expected = slopes(|[x, y]| norm(&[x, y]), [x, y]);
        for power in [-1070, -1040, 1019] {
            let scale = 2f64.powi(power / 2) * 2f64.powi(power - power / 2);
            let scaled = slopes(|[x, y]| norm(&[x, y]), [x * scale, y * scale]);
            assert_eq!(scaled, expected, "{x} and {y} times 2^{power}");
        }
    }
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
    assert_eq!(slopes(|x| log_sum_exp(&x), [-INF, 1.0, 1.0]), [0.0, 0.5, 0.5]);
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
