//! Rows against the replay of one point, for every row of the table and at the edges.

use crate::function::Function;
use crate::handle::Var;
use crate::real::Real;
use crate::rows::{Kind, Op, ROWS};

/// Whether two numbers are the same, bit for bit, or both NaN.
fn same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

fn close(a: f64, b: f64) -> bool {
    same(a, b) || a == b || (a - b).abs() <= 1e-13 * b.abs().max(a.abs())
}

/// All tuples of `n` of the numbers.
fn tuples(numbers: &[f64], n: usize) -> Vec<Vec<f64>> {
    (0..n).fold(vec![Vec::new()], |tuples, _| {
        let longer = |tuple: &Vec<f64>| {
            let tuple = tuple.clone();
            numbers.iter().map(move |&x| [&tuple[..], &[x]].concat())
        };
        tuples.iter().flat_map(longer).collect()
    })
}

/// Checks values, gradients of all inputs and the sum over rows at the given points, of which the first `shared` numbers
/// of the first one are shared.
fn check(what: &str, f: &Function, shared: usize, points: &[Vec<f64>]) {
    let rows = f.over_rows(shared);
    let common = &points[0][..shared];
    let of_row = |point: &Vec<f64>| [common, &point[shared..]].concat();
    let data: Vec<f64> = points.iter().flat_map(|x| x[shared..].to_vec()).collect();
    let values = rows.values(common, &data).unwrap();
    let (again, gradients) = rows.gradients(common, &data).unwrap();
    for (k, point) in points.iter().enumerate() {
        let x = of_row(point);
        let (value, gradient) = f.gradient(&x).unwrap();
        assert!(same(values[k], value) && same(again[k], value), "{what} at {x:?}: {} is not {value}", values[k]);
        for (d, e) in gradients.row(k).iter().zip(&gradient) {
            assert!(close(*d, *e), "{what} at {x:?}: {:?} is not {gradient:?}", gradients.row(k));
        }
        // A row alone, whose sum is its own.
        let (sum, total) = rows.sum_gradient(common, &point[shared..]).unwrap();
        assert!(sum == value || same(sum, value), "{what} at {x:?}: {sum} is not {value}");
        for (d, e) in total.iter().zip(&gradient) {
            assert!(close(*d, *e), "{what} at {x:?}: {total:?} is not {gradient:?}");
        }
    }
}

#[test]
fn every_row_of_the_table_at_its_probes_and_at_the_edges() {
    for row in ROWS.iter().filter(|row| !row.operands.is_empty()) {
        let mut numbers = row.probes.to_vec();
        numbers.extend([f64::INFINITY, f64::NEG_INFINITY, f64::NAN, -0.0, 1e-310, 1e308]);
        let arity = row.operands.len();
        if arity == 3 {
            numbers.truncate(row.probes.len() + 1);
        }
        let parameters: &[i32] = if row.parameter.is_some() { &[0, 1, 2, 5] } else { &[0] };
        for &n in parameters {
            let mut points = tuples(&numbers, arity);
            // The bounds of `clamp` must not cross.
            points.retain(|x| row.op.kind() != Kind::Switch || arity < 3 || x[1] <= x[2]);
            let f = Function::record(&points[0], |x| Var::apply_op(row.op, n, x));
            for shared in 0..arity {
                check(row.method, &f, shared, &points);
            }
        }
    }
}

#[test]
fn every_operation_on_a_slice() {
    let numbers = [0.0, -2.0, 0.5, 800.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN];
    for row in ROWS.iter().filter(|row| row.operands.is_empty()) {
        let points = tuples(&numbers, 4);
        let f = Function::record(&points[0], |x| Var::apply_op(row.op, 0, x));
        for shared in 0..4 {
            check(row.method, &f, shared, &points);
        }
    }
}

#[test]
fn an_adjoint_of_zero_gives_nothing_in_its_lane() {
    // The reciprocal of a masked number is infinite in some lanes.
    let f = Function::record(&[2.0, 1.0, 3.0], |x| {
        let masked = x[1].gt_mask(0.0);
        (x[0] * x[2].recip() * x[1]) * masked + x[0] * x[2].sqrt() * masked
    });
    let edges = [0.0, -1.0, 1.0, f64::INFINITY, f64::NAN];
    let points: Vec<Vec<f64>> = tuples(&edges, 2).iter().map(|x| vec![2.0, x[0], x[1]]).collect();
    for shared in 0..3 {
        check("masked", &f, shared, &points);
    }
}

impl Var {
    fn apply_op(op: Op, n: i32, x: &[Var]) -> Var {
        <Var as Real>::apply(op, n, x)
    }
}
