//! At a kink the derivative is the smallest subgradient.

use super::*;

#[test]
fn abs_has_slope_zero_at_zero() {
    assert_eq!([-2.0, -0.0, 0.0, 2.0].map(|x| slope(Var::abs, x)), [-1.0, 0.0, 0.0, 1.0]);
    assert_eq!(orders(Var::abs, 0.0, 2), [0.0, 0.0, 0.0]);
    assert_eq!(orders(Var::abs, -3.0, 2), [3.0, -1.0, 0.0]);
}

#[test]
fn relu_has_slope_zero_at_zero() {
    assert_eq!([-2.0, -0.0, 0.0, 2.0].map(|x| slope(Var::relu, x)), [0.0, 0.0, 0.0, 1.0]);
    assert_eq!(orders(|x| x.relu() * x, 3.0, 3), [9.0, 6.0, 2.0, 0.0]);
}

#[test]
fn leaky_relu_has_the_slope_nearest_to_zero_at_zero() {
    for (slope_below, expected) in [(0.1, 0.1), (0.0, 0.0), (1.0, 1.0), (3.0, 1.0), (-2.0, 0.0)] {
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
    assert!(slopes(|[x, y]| x.max(y), [NAN, NAN]).iter().all(|d| d.is_nan()));
}

#[test]
fn clamp_has_slope_zero_at_a_bound() {
    let clamp = |x| slope(|x| x.clamp(0.0, 2.0), x);
    assert_eq!([-1.0, 0.0, 1.0, 2.0, 3.0].map(clamp), [0.0, 0.0, 1.0, 0.0, 0.0]);
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
    for (x, y, expected) in [(2.0, 3.0, 1.0), (2.0, -3.0, -1.0), (-2.0, 3.0, -1.0), (-2.0, -0.0, 1.0)] {
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

#[test]
fn of_two_zeros_the_first_is_the_larger_and_the_smaller_one() {
    use scalargrad::{Function, Real};
    use std::hint::black_box;
    // Whatever the compiler knows of the operands: `f64::max` leaves the sign to it.
    for (x, y) in [(-0.0, 0.0), (0.0, -0.0)] {
        let (a, b) = (Var::new(black_box(x)), Var::new(black_box(y)));
        let known =
            if y == 0.0 && y.is_sign_positive() { [a.max(0.0), a.min(0.0)] } else { [a.max(-0.0), a.min(-0.0)] };
        let f = Function::record(&[1.0, 2.0], |x| vec![x[0].max(x[1]), x[0].min(x[1])]);
        let replayed = f.values(&[x, y]).unwrap();
        let plain = [Real::max(x, y), Real::min(x, y)];
        for (k, z) in [a.max(b), a.min(b)].into_iter().chain(known).enumerate() {
            let k = k % 2;
            for value in [z.value(), (z * 2.0).operands()[0].value(), replayed[k], plain[k]] {
                assert_eq!(value.to_bits(), x.to_bits());
            }
        }
    }
}

#[test]
fn the_slopes_of_a_norm_at_the_ends_of_the_range_take_no_square_of_its_length() {
    for at in [1e-310, 1e308] {
        let x = Var::leaves(&vec![at; 3000]);
        let z = scalargrad::norm(&x);
        let before = scalargrad::graph::len();
        let slopes = z.differentiate(&x);
        assert!(scalargrad::graph::len() - before < 20 * x.len());
        assert!(slopes.iter().all(|w| (w.value() * 3000f64.sqrt() - 1.0).abs() < 1e-12));
    }
}
