//! Every row of the table in native code, at its probe points and at the edges.

use super::Compiled;
use super::assembler::At;
use super::native::Room;
use super::rule::simplified;
use super::{Sizes, assembler};
use crate::function::Function;
use crate::function::emit::symbol::{Formula, Symbol, What};
use crate::function::program::Program;
use crate::handle::Var;
use crate::real::{Question, call};
use crate::rows::{Op, ROWS, Row};

const EDGES: [f64; 14] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -2.5,
    3.0,
    1e-310,
    -1e-200,
    1e160,
    f64::MAX,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

fn is_same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

/// As it is, and cut into the smallest pieces.
fn compiled(f: &Function) -> [Compiled; 2] {
    let smallest = Sizes { whole: 0, length: 1 };
    [Sizes::USUAL, smallest].map(|sizes| f.compile_in(sizes).unwrap())
}

/// Compares everything with the replay at one point.
fn compare(what: &str, f: &Function, compiled: &Compiled, x: &[f64]) {
    let replayed = f.values(x).unwrap();
    for (value, expected) in compiled.values(x).unwrap().iter().zip(&replayed) {
        assert!(is_same(*value, *expected), "{what} at {x:?}: {value:e}, not {expected:e}");
    }
    let (jacobian, expected) = (compiled.jacobian(x).unwrap(), f.jacobian(x).unwrap());
    for (d, expected) in jacobian.as_slice().iter().zip(expected.as_slice()) {
        assert!(
            // The same contributions, added up in another order.
            d == expected
                || (d - expected).abs() <= 4.0 * f64::EPSILON * expected.abs()
                || d.is_nan() && expected.is_nan(),
            "{what} at {x:?}: the gradient {:?}, not {:?}",
            jacobian.as_slice(),
            f.jacobian(x).unwrap().as_slice()
        );
    }
}

#[test]
fn a_number_too_far_away_is_refused() {
    for (place, is_refused) in [(1 << 10, false), (1 << 28, true), (1 << 40, true)] {
        let mut by = assembler(&Program::default(), true, 1).unwrap();
        by.begin();
        by.load(At::fixed(Room::Inputs, place));
        assert_eq!(by.end().is_err(), is_refused, "{place}");
    }
}

/// The points of `arity` numbers from a list; of three a part, which goes through all of each.
fn points(numbers: &[f64], arity: usize) -> Vec<Vec<f64>> {
    let mut points = vec![Vec::new()];
    for _ in 0..arity {
        let longer = |p: &Vec<f64>| {
            let with = |&x: &f64| [&p[..], &[x]].concat();
            numbers.iter().map(with).collect::<Vec<_>>()
        };
        points = points.iter().flat_map(longer).collect();
    }
    points
}

/// An operation in all the places where its partials are used in another way: alone, where its NaN is not seen, where its
/// adjoint is zero, with an operand that is a constant.
fn uses(row: &'static Row, n: i32, constant: f64) -> impl Fn(&[Var]) -> Vec<Var> {
    move |x| {
        let alone = call(row.op, n, x);
        let mut outputs = vec![alone, alone.max(0.25) + x[0], (x[0] * 0.0).mask_select(alone, x[0]), alone * x[0]];
        for k in 0..x.len() {
            let mut with_constant = x.to_vec();
            with_constant[k] = Var::from(constant);
            if row.op.kind() != crate::rows::Kind::Step && x.len() > 1 && row.method != "clamp" {
                outputs.push(call(row.op, n, &with_constant));
            }
        }
        outputs
    }
}

fn parameters(row: &Row) -> &'static [i32] {
    match &row.parameter {
        None => &[0],
        Some((_, range)) if *range.start() == 0 => &[0, 1, 2, 5],
        Some(_) => &[0, 1, 2, 3, 8, 9, -1, -3, 100],
    }
}

#[test]
fn every_row_computes_what_the_replay_does() {
    for row in ROWS {
        let arity = row.operands.len();
        if arity == 0 {
            continue;
        }
        let mut numbers = row.probes.to_vec();
        numbers.extend(EDGES);
        if arity == 3 {
            numbers.truncate(9);
            numbers.extend([f64::INFINITY, f64::NAN]);
        }
        for &n in parameters(row) {
            let x = vec![row.probes[0]; arity];
            let f = Function::record(&x, uses(row, n, row.probes[row.probes.len() / 2]));
            let both = compiled(&f);
            for x in points(&numbers, arity) {
                if row.method == "clamp" && !x[1].partial_cmp(&x[2]).is_some_and(|order| order.is_le()) {
                    continue;
                }
                for compiled in &both {
                    compare(&format!("{} {n}", row.method), &f, compiled, &x);
                }
            }
        }
    }
}

#[test]
fn every_row_computes_what_the_replay_does_over_rows() {
    for row in ROWS.iter().filter(|row| !row.operands.is_empty()) {
        let arity = row.operands.len();
        let mut numbers = row.probes.to_vec();
        numbers.extend([-0.0, 1e-310, 1e160, f64::INFINITY, f64::NAN]);
        for &n in parameters(row) {
            let f = Function::record(&vec![row.probes[0]; arity], |x| call::<Var>(row.op, n, x));
            let rows = f.compile().unwrap().over_rows(0).unwrap();
            let is_defined = |x: &Vec<f64>| row.method != "clamp" || x[1] <= x[2];
            let data: Vec<Vec<f64>> = points(&numbers, arity).into_iter().filter(is_defined).collect();
            let (values, gradients) = rows.gradients(&[], &data.concat()).unwrap();
            for (k, x) in data.iter().enumerate() {
                let (value, gradient) = f.gradient(x).unwrap();
                let what = format!("{} {n} at {x:?}", row.method);
                assert!(is_same(values[k], value), "{what}: {:e}, not {value:e}", values[k]);
                for (d, expected) in gradients.row(k).iter().zip(&gradient) {
                    let is_equal = d == expected || d.is_nan() && expected.is_nan();
                    assert!(is_equal, "{what}: {:?}, not {gradient:?}", gradients.row(k));
                }
            }
        }
    }
}

/// So a partial need not ask whether its result is NaN: either an output is NaN, too, or the adjoint of that result is 0 or NaN.
#[test]
fn a_row_whose_value_hides_a_nan_hands_nothing_on_to_it() {
    for row in ROWS.iter().filter(|row| !row.operands.is_empty()) {
        let arity = row.operands.len();
        for &n in parameters(row) {
            for x in points(&EDGES, arity) {
                let is_defined = row.method != "clamp" || x[1] <= x[2];
                if row.op.kind() == crate::rows::Kind::Step || !is_defined {
                    continue;
                }
                let z = call::<f64>(row.op, n, &x);
                let mut args = [0.0; 3];
                args[..arity].copy_from_slice(&x);
                for k in (0..arity).filter(|&k| x[k].is_nan() && !z.is_nan()) {
                    let partial = crate::rules::partial(row.op, k, args, n, z, 0.5);
                    let what = format!("{} {n} at {x:?}: {partial}", row.method);
                    assert!(partial == 0.0 || partial.is_nan(), "{what}");
                }
            }
        }
    }
}

#[test]
fn every_operation_on_slices_computes_what_the_replay_does() {
    for op in [Op::Sum, Op::Dot, Op::Norm, Op::LogSumExp, Op::SumExp] {
        for len in [0usize, 2, 4] {
            if op == Op::SumExp && len == 0 {
                continue;
            }
            let f = Function::record(&vec![1.0; len.max(1)], |x| {
                let value: Var = call(op, 0, &x[..len]);
                vec![value, value.max(0.25) + x[0], (x[0] * 0.0).mask_select(value, x[0])]
            });
            let both = compiled(&f);
            let numbers = [0.0, -0.5, 2.0, 1e160, 1e-200, f64::INFINITY, f64::NAN];
            for x in points(&numbers, len.max(1)) {
                for compiled in &both {
                    compare(&format!("{op} of {len}"), &f, compiled, &x);
                }
            }
        }
    }
}

#[test]
fn a_partial_asks_no_question_about_a_nan_that_is_seen_otherwise() {
    for row in ROWS.iter().filter(|row| row.operands.len() == 1) {
        let formula = simplified(Formula::of_partial(row.op, 1, 0), true);
        let asks = |symbol: Symbol| formula.expression(symbol).what == What::Choose(Question::Nan);
        assert!(!formula.used().any(asks), "{}", row.method);
    }
}

#[test]
fn a_jacobian_of_many_outputs_and_inputs_is_not_written_out() {
    let x = vec![0.5; 300];
    let f = |x: &[Var]| x.iter().map(|x| x.sin() * 2.0).collect::<Vec<_>>();
    let f = Function::record(&x, f);
    let operands = f.program.operands.len();
    assert!(super::sweeps(&f.program, 100 * operands).is_none());
    let compiled = f.compile().unwrap();
    assert_eq!(compiled.jacobian(&x).unwrap(), f.jacobian(&x).unwrap());
}

#[test]
fn sweeps_from_many_outputs_are_together_as_large_as_what_they_reach() {
    let f = Function::record(&[0.5], |x| (0..5000).map(|k| x[0] * f64::from(k)).collect::<Vec<_>>());
    let sweeps = super::sweeps(&f.program, 1 << 18).unwrap();
    assert!(sweeps.iter().map(|sweep| sweep.reached.len()).sum::<usize>() <= 2 * 5000);
    let jacobian = f.compile().unwrap().jacobian(&[2.0]).unwrap();
    assert_eq!((jacobian[(0, 0)], jacobian[(4999, 0)]), (0.0, 4999.0));
}
