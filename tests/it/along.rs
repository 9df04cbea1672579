//! Derivatives that are recorded: along a direction, and inside a recording.

use approx::assert_relative_eq;
use scalargrad::function::{Recorder, ReplayError};
use scalargrad::{Function, Var, derive, value_and_gradient};

#[test]
fn forward_and_reverse_nest_in_every_way() {
    // f(x, y) = x³·y + sin(x·y), and its mixed second derivative.
    let f = |x: Var, y: Var| x.powi(3) * y + (x * y).sin();
    let (a, b): (f64, f64) = (0.7, 1.3);
    let mixed = 3.0 * a * a + (a * b).cos() - a * b * (a * b).sin();
    let one = Var::from(1.0);
    let forward = |z: Var, x: Var| derive::differentiate_along(&[z], &[x], &[one])[0];
    let reverse = |z: Var, x: Var| z.differentiate(&[x])[0];
    let run = |x: Var, y: Var| {
        let z = f(x, y);
        [forward(forward(z, x), y), forward(reverse(z, x), y), reverse(forward(z, x), y), reverse(reverse(z, x), y)]
    };
    for z in run(Var::new(a), Var::new(b)) {
        assert_relative_eq!(z.value(), mixed, max_relative = 1e-14);
    }
    // Inside a recording, at another point.
    let g = Function::record(&[0.1, 0.2], |x| run(x[0], x[1]));
    for z in g.values(&[a, b]).unwrap() {
        assert_relative_eq!(z, mixed, max_relative = 1e-14);
    }
}

#[test]
fn a_direction_is_not_taken_for_that_of_another_derivative() {
    // D(x ↦ x · D(y ↦ x + y)(1))(1) = 1, which is 2 where perturbations are confused.
    let along = |z: Var, x: Var| derive::differentiate_along(&[z], &[x], &[1.0.into()])[0];
    let (x, y) = (Var::new(1.0), Var::new(1.0));
    assert_eq!(along(x * along(x + y, y), x).value(), 1.0);
}

#[test]
fn tangents_of_several_outputs_are_a_jacobian_times_a_direction() {
    let x = Var::leaves(&[0.3, -1.2, 2.0]);
    let v = [0.5, 2.0, -1.0];
    let f = |x: &[Var]| vec![x[0] * x[1], x[1].exp() - x[2], Var::from(3.0), x[2]];
    let along = derive::differentiate_along(&f(&x), &x, &v.map(Var::from));
    let (_, expected) = scalargrad::jvp(f, &[0.3, -1.2, 2.0], &v);
    for (a, b) in along.iter().zip(&expected) {
        assert_relative_eq!(a.value(), b, max_relative = 1e-15);
    }
}

#[test]
fn what_a_recorded_derivative_leaves_out_is_a_guard() {
    type F = fn(&[Var]) -> Var;
    let cases: [(F, [f64; 2], [f64; 2]); 5] = [
        (|x| (x[1] * x[0].recip()).differentiate(&x[..1])[0], [0.0, 0.0], [1.0, 0.0]),
        (|x| (x[1] * x[0].exp()).differentiate(&x[..1])[0], [800.0, 0.0], [1.0, 0.0]),
        (|x| (x[1] * x[0].asin()).differentiate(&x[..1])[0], [1.0, 0.0], [0.5, 0.0]),
        (|x| (x[1] * x[0].powi(5)).differentiate(&x[..1])[0], [1e200, 0.0], [1.0, 0.0]),
        (|x| (x[1].exp() * x[0].powi(0)).differentiate(&x[..1])[0], [1.0, 1.0], [1.0, 800.0]),
    ];
    for (f, recorded, x) in cases {
        let (value, slopes) = value_and_gradient(f, &x);
        let function = Function::record(&recorded, f);
        assert!(matches!(function.gradient(&x), Err(ReplayError::BranchChanged(_))), "{function}");
        let mut recorder = Recorder::new(f);
        let _ = recorder.gradient(&recorded);
        let (again, gradient) = recorder.gradient(&x);
        assert!(again == value || again.is_nan() && value.is_nan());
        for (d, right) in gradient.iter().zip(&slopes) {
            assert!(d == right || d.is_nan() && right.is_nan(), "{gradient:?} {slopes:?}");
        }
    }
}

#[test]
fn a_slope_that_is_not_finite_and_does_no_harm_costs_no_sweep_for_each_output() {
    // A distance that is 0, times 0; then steps of which each is an output, and one that the slope of the distance reaches.
    let run = |x: &[Var]| {
        let distance = (x[0] * x[0] + x[1] * x[1]).sqrt();
        let mut y = x[0] * 0.5 + distance * x[2] + 1.0;
        let mut outputs = vec![distance * 2.0, distance - distance];
        for _ in 0..4000 {
            y = y + y.sin() * 0.01;
            outputs.push(y);
        }
        outputs
    };
    let (x, v) = ([0.0, 0.0, 0.0], [1.0, 0.5, 0.0]);
    let exact = |k: usize| scalargrad::gradient(|x| run(x)[k], &x);
    let start = std::time::Instant::now();
    let f = Function::record(&x, run);
    let jacobians = [scalargrad::jacobian(run, &x), f.jacobian(&x).unwrap()];
    let tangents = [scalargrad::jvp(run, &x, &v).1, f.jvp(&x, &v).unwrap().1];
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
    let is_same = |a: f64, b: f64| a.is_nan() && b.is_nan() || (a - b).abs() <= 1e-12 * b.abs();
    for k in [0, 1, 2, 100, 4001] {
        let row = exact(k);
        let along = row[0] + row[1] * 0.5;
        for (jacobian, tangents) in jacobians.iter().zip(&tangents) {
            assert!(is_same(tangents[k], along), "{k}: {} {along}", tangents[k]);
            for j in 0..3 {
                assert!(is_same(jacobian[(k, j)], row[j]), "{k} {j}: {} {}", jacobian[(k, j)], row[j]);
            }
        }
    }
}
