//! The sweep goes down the tape in windows; nothing may depend on where one begins.

use scalargrad::{Var, dot, graph, sum};

/// A name and a program.
type Named = (&'static str, fn(Var) -> Var);

/// All have the slope of `x³ + 2x`.
fn programs() -> [Named; 6] {
    [
        ("plain", |x| x * x * x + x * 2.0),
        ("an operand two back", |x| {
            let (cube, twice) = (x * x * x, 2.0 * x);
            let unrelated = x + 1.0;
            let _ = unrelated;
            cube + twice
        }),
        ("constants on both sides", |x| {
            let y = (1.0 + x) * x - x - 0.0;
            y * x + (x - (0.0 - x)) / 1.0
        }),
        ("slices", |x| {
            dot(&[x * x, x], &[x, Var::from(1.0)]) + sum(&[x, -x, x])
        }),
        ("far and near", |x| {
            let square = x * x;
            let mut y = square * x;
            for _ in 0..150 {
                y = y + square - square;
            }
            y + x + x
        }),
        ("a division", |x| {
            let y = x / (1.0 / x) / (1.0 / x);
            y + x + x
        }),
    ]
}

#[test]
fn gradients_do_not_depend_on_where_in_a_window_a_node_lies() {
    for (name, f) in programs() {
        for pad in 0..200 {
            graph::scope(|| {
                let x = Var::new(1.5);
                for _ in 0..pad {
                    Var::new(0.0);
                }
                f(x).backward();
                let far = x.grad();
                assert!(
                    (far - 8.75).abs() < 1e-13,
                    "{name}, {pad} slots after x: {far}"
                );
                let x = Var::new(1.5);
                f(x).backward();
                let near = x.grad();
                assert!(
                    (near - 8.75).abs() < 1e-13,
                    "{name}, {pad} slots before x: {near}"
                );
            });
        }
    }
}

#[test]
fn chains_cross_windows() {
    for length in 1..300 {
        graph::scope(|| {
            let x = Var::new(1.0);
            let end = (0..length).fold(x, |y, _| -y);
            end.backward();
            assert_eq!(x.grad(), if length % 2 == 0 { 1.0 } else { -1.0 });
            let [mut a, mut b] = [x, x];
            for _ in 0..length {
                (a, b) = (b + 0.0, a * 1.0);
            }
            (a - b * 3.0).backward();
            assert_eq!(x.grad(), -2.0);
        });
    }
}

#[test]
fn a_slope_of_zero_that_is_a_variable_keeps_its_mixed_derivative() {
    let (x, slope) = (Var::new(-2.0), Var::new(0.0));
    let first = x.leaky_relu(slope).differentiate(&[x, slope]);
    assert_eq!((first[0].value(), first[1].value()), (0.0, -2.0));
    for (first, of) in [(first[0], slope), (first[1], x)] {
        first.backward();
        assert_eq!(of.grad(), 1.0);
    }
}
