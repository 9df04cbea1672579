//! Powers are exact at zero, one and infinity, at every order.

use super::*;
use scalargrad::taylor;

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
            for (k, d) in orders(|x| x.powi(n as i32), zero, n + 3).into_iter().enumerate() {
                assert_eq!(d, if k == n { factorial(n) } else { 0.0 }, "derivative {k} of x^{n}");
            }
        }
    }
}

#[test]
fn powf_at_zero_is_exact_at_every_order() {
    for n in 0..8_usize {
        for (k, d) in orders(|x| x.powf(n as f64), 0.0, n + 3).into_iter().enumerate() {
            assert_eq!(d, if k == n { factorial(n) } else { 0.0 }, "derivative {k} of x^{n}.0");
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
    assert_close(slope(|y| Var::constant(10.0).powf(y), 2.0), 100.0 * LN_10, 4.0);
}

#[test]
fn smooth_functions_have_their_taylor_coefficients_at_zero() {
    let check = |f: fn(Var) -> Var, expected: [f64; 6]| {
        for (got, expected) in orders(f, 0.0, 5).into_iter().zip(expected) {
            assert!((got - expected).abs() <= 64.0 * f64::EPSILON * expected.abs().max(0.01), "{got} {expected}");
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
    check(Var::erf, [0.0, pi_sqrt, 0.0, -2.0 * pi_sqrt, 0.0, 12.0 * pi_sqrt]);
    check(Var::sinc, [1.0, 0.0, -1.0 / 3.0, 0.0, 0.2, 0.0]);
    check(|x| x.hypot(1.0), [1.0, 0.0, 1.0, 0.0, -3.0, 0.0]);
    check(|x| x.atan2(1.0), [0.0, 1.0, 0.0, -2.0, 0.0, 24.0]);
    check(|x| x.logaddexp(0.0), [LN_2, 0.5, 0.25, 0.0, -0.125, 0.0]);
    check(|x| norm(&[x, Var::constant(1.0)]), [1.0, 0.0, 1.0, 0.0, -3.0, 0.0]);
    check(|x| log_sum_exp(&[x, Var::constant(0.0)]), [LN_2, 0.5, 0.25, 0.0, -0.125, 0.0]);
    check(|x| softmax(&[x, Var::constant(0.0)])[0], [0.5, 0.25, 0.0, -0.125, 0.0, 0.25]);
    assert_eq!(derivative(Var::sinc, 0.0), 0.0);
}

#[test]
fn third_derivatives_of_the_powers_zero_one_and_two_are_right_at_small_bases() {
    for x in [1e-300, 1e-250, 1e-200, 1e-155, 1e-120, 1e-20, 0.5] {
        for y in [0.0, 1.0, 2.0] {
            assert_eq!(orders(|x| x.powf(y), x, 3)[3], 0.0, "{x}^{y}");
            assert_eq!(taylor(|x| x.powf(y), x, 3)[3], 0.0, "{x}^{y}");
        }
        let (base, exponent) = (Var::new(x), Var::new(0.0));
        let z = base.powf(exponent);
        for order in [[base, exponent, exponent], [exponent, base, exponent], [exponent, exponent, base]] {
            let third = order.iter().fold(z, |z, &operand| z.differentiate(&[operand])[0]);
            assert_close(third.value(), 2.0 * x.ln() / x, 64.0);
        }
    }
}
