//! Where a function has no value it has no derivative of any order either: every row, by every route.

use super::Function;
use super::tests::{Row, points, rows};
use crate::handle::Var;
use crate::rows::{Kind, Op};
use crate::{gradient, graph, hessian, hvp, laplacian, taylor, value_and_gradient};
use std::collections::BTreeMap;

const INF: f64 = f64::INFINITY;
const NAN: f64 = f64::NAN;
/// Numbers in and outside of domains, at poles, and where there is no number.
const NUMBERS: [f64; 12] = [NAN, INF, -INF, 0.0, -0.0, 1.0, -1.0, -2.5, 2.0, 1e300, -1e300, 1e-300];
/// More inputs than the columns of a Hessian are made for: beyond, it is made by edge pushing.
const MANY: usize = 20;

/// Rows that pass on an operand as it is, or times another one: their derivatives are right at NaN too.
fn is_plain(row: &Row) -> bool {
    let plain = ["add", "sub", "mul", "div", "neg", "mask_select"];
    plain.contains(&row.method) || row.op.kind() == Kind::Step
}

/// Every row, and the functions of slices that are more than arithmetic.
fn functions() -> Vec<Row> {
    let of_slice =
        |op: Op, method, f: fn(&[Var]) -> Var| Row { op, method, arity: 3, probes: Vec::new(), f: Box::new(f) };
    let mut functions = rows();
    functions.retain(|row| !is_plain(row));
    functions.push(of_slice(Op::Norm, "norm", crate::norm));
    functions.push(of_slice(Op::LogSumExp, "log_sum_exp", crate::log_sum_exp));
    functions.push(of_slice(Op::Custom, "softmax", |x| crate::softmax(x)[1]));
    functions
}

/// The points at which a row is defined or NaN, but does not panic.
fn points_of(row: &Row) -> Vec<Vec<f64>> {
    let few: Vec<f64> = NUMBERS.into_iter().take(9).collect();
    let numbers = if row.arity < 3 { &NUMBERS[..] } else { &few };
    let mut points = points(numbers, row.arity);
    // Of all sizes.
    let mut state = 1u64;
    let mut next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        state >> 11
    };
    for _ in 0..40 {
        let mut number = || {
            let size = 2f64.powi((next() % 80) as i32 - 40) * (1.0 + next() as f64 / 2f64.powi(53));
            if next() % 2 == 0 { size } else { -size }
        };
        points.push((0..row.arity).map(|_| number()).collect());
    }
    points.retain(|x| match row.method {
        "clamp" => x[1] <= x[2],
        // Several nodes, and next to an infinite operand one contributes a zero to the next.
        "softmax" => !x.iter().any(|x| x.is_infinite()),
        _ => true,
    });
    points
}

/// The derivatives of one order by one route, each with the operands that it is by.
type Found = Vec<(&'static str, Vec<usize>, f64)>;

/// All first, second and third derivatives, by every route.
fn derivatives(f: &dyn Fn(&[Var]) -> Var, x: &[f64]) -> Found {
    let n = x.len();
    let mut found = Found::new();
    for (i, slope) in gradient(f, x).into_iter().enumerate() {
        found.push(("backward", vec![i], slope));
    }
    graph::scope(|| {
        let x: Vec<Var> = x.iter().map(|&x| Var::new(x)).collect();
        for (i, first) in f(&x).differentiate(&x).into_iter().enumerate() {
            found.push(("differentiate", vec![i], first.untracked_value()));
            for (j, second) in first.differentiate(&x).into_iter().enumerate() {
                found.push(("differentiate", vec![i, j], second.untracked_value()));
                for (k, third) in second.gradients().wrt_all(&x).into_iter().enumerate() {
                    found.push(("backward of differentiate", vec![i, j, k], third));
                }
            }
        }
    });
    let (recorded, dense) = (Function::record(x, f), hessian(f, x));
    let padded = [x, &[0.5; MANY]].concat();
    let by_edges = hessian(|x: &[Var]| f(&x[..n]), &padded);
    let (replayed, sparse) = (recorded.hessian(x).unwrap(), recorded.sparse_hessian(x).unwrap());
    for (i, slope) in recorded.gradient(x).unwrap().1.into_iter().enumerate() {
        found.push(("replay", vec![i], slope));
    }
    let jacobian = Function::record(x, |x| [f(x), x[0]]).jacobian(x).unwrap();
    let mut trace = 0.0;
    for i in 0..n {
        let direction: Vec<f64> = (0..n).map(|j| f64::from(i == j)).collect();
        let (product, again) = (hvp(f, x, &direction), recorded.hvp(x, &direction).unwrap());
        found.push(("jvp", vec![i], recorded.jvp(x, &direction).unwrap().1[0]));
        found.push(("jacobian", vec![i], jacobian[(0, i)]));
        trace += dense[(i, i)];
        for j in 0..n {
            found.push(("hessian", vec![i, j], dense[(i, j)]));
            found.push(("hessian by edges", vec![i, j], by_edges[(i, j)]));
            found.push(("replayed hessian", vec![i, j], replayed[(i, j)]));
            found.push(("sparse hessian", vec![i, j], sparse.get(i, j)));
            found.push(("hvp", vec![i, j], product[j]));
            found.push(("replayed hvp", vec![i, j], again[j]));
        }
        let along = |t: Var| {
            let at = |k: usize| if k == i { t } else { Var::constant(x[k]) };
            f(&(0..n).map(at).collect::<Vec<_>>())
        };
        for (order, coefficient) in taylor(along, x[i], 4).into_iter().enumerate().skip(1) {
            found.push(("taylor", vec![i; order], coefficient));
        }
    }
    if trace.is_nan() {
        found.push(("laplacian", vec![0, 0], laplacian(f, x)));
    }
    found
}

#[track_caller]
fn assert_none(wrong: &[String]) {
    let shown = wrong.len().min(60);
    assert!(wrong.is_empty(), "{} lies:\n{}", wrong.len(), wrong[..shown].join("\n"));
}

#[test]
fn where_the_value_is_nan_derivatives_of_every_order_are_nan_by_every_route() {
    let mut wrong = Vec::new();
    for row in functions() {
        for x in points_of(&row) {
            if !value_and_gradient(&row.f, &x).0.is_nan() {
                continue;
            }
            for (route, by, d) in derivatives(&row.f, &x) {
                if !d.is_nan() {
                    wrong.push(format!("{} at {x:?}: {route} by {by:?} is {d}", row.method));
                }
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn where_a_partial_is_nan_so_are_its_own_derivatives() {
    let mut wrong = Vec::new();
    for row in functions() {
        for x in points_of(&row) {
            let (value, partials) = value_and_gradient(&row.f, &x);
            if value.is_nan() || !partials.iter().any(|p| p.is_nan()) {
                continue;
            }
            for (route, by, d) in derivatives(&row.f, &x) {
                if partials[by[0]].is_nan() && by.iter().all(|&i| i == by[0]) && !d.is_nan() {
                    wrong.push(format!("{} at {x:?}: {route} by {by:?} is {d}", row.method));
                }
            }
        }
    }
    assert_none(&wrong);
}

#[test]
fn a_function_of_what_is_nan_is_nan_at_every_order() {
    let mut wrong = Vec::new();
    let rows = rows();
    let logarithm = &rows.iter().find(|row| row.method == "ln").expect("a row").f;
    for row in rows.iter().filter(|row| row.op.kind() != Kind::Step) {
        let x: Vec<f64> = (0..row.arity).map(|k| -1.0 + k as f64).collect();
        // The logarithm of a negative number is NaN, and depends on it.
        let f = |x: &[Var]| {
            let undefined = logarithm(&x[..1]);
            (row.f)(&[&[undefined], &x[1..]].concat()) * 3.0 + undefined
        };
        for (route, by, d) in derivatives(&f, &x) {
            if by.iter().all(|&i| i == 0) && !d.is_nan() {
                wrong.push(format!("{} of ln at {x:?}: {route} by {by:?} is {d}", row.method));
            }
        }
    }
    assert_none(&wrong);
}

/// Whether second derivatives are beyond the range where the first ones may not be, so that each route subtracts other infinite
/// numbers.
fn is_beyond(row: &Row, x: &[f64]) -> bool {
    let is_of_reciprocals = ["log", "inversion", "atan2"].contains(&row.method);
    // A power of −0 is that of the one side or of the other one.
    let is_of_negative_zero = row.method == "powf" && x[0] == 0.0 && x[0].is_sign_negative();
    is_of_reciprocals && x.contains(&1e-300) || is_of_negative_zero
}

/// What the routes find different for the second derivatives of `f` at `x`, where there are first ones.
fn disagreements(f: &dyn Fn(&[Var]) -> Var, x: &[f64]) -> Vec<String> {
    let (value, partials) = value_and_gradient(f, x);
    let mut found = derivatives(f, x);
    found.retain(|(route, by, _)| by.len() == 2 && !["taylor", "laplacian"].contains(route));
    for i in 0..x.len() {
        // A series has the other operands as constants, which matters at a tie.
        let along = |t: &[Var]| {
            let at = |k: usize| if k == i { t[0] } else { Var::constant(x[k]) };
            f(&(0..x.len()).map(at).collect::<Vec<_>>())
        };
        let series = taylor(|t| along(&[t]), x[i], 2);
        let of_one = hessian(along, &x[i..=i])[(0, 0)];
        found.push(("series", vec![i, i, 0], 2.0 * series[2]));
        found.push(("hessian of one", vec![i, i, 0], of_one));
    }
    let slopes = Function::record(x, |x| f(x).differentiate(x));
    let replayed = slopes.jacobian(x).unwrap();
    for (i, j) in (0..x.len()).flat_map(|i| (0..x.len()).map(move |j| (i, j))) {
        found.push(("replay of differentiate", vec![i, j], replayed[(i, j)]));
    }
    if x.len() == 1 {
        found.push(("laplacian", vec![0, 0], laplacian(f, x)));
        #[cfg(feature = "jit")]
        {
            let compiled = slopes.compile().unwrap().jacobian(x).unwrap();
            found.push(("compiled", vec![0, 0], compiled[(0, 0)]));
        }
    }
    let mut by_place = BTreeMap::<Vec<usize>, Vec<(&str, f64)>>::new();
    for (route, mut by, d) in found {
        if !value.is_nan() && by.iter().all(|&i| !partials[i].is_nan()) {
            by.sort();
            by_place.entry(by).or_default().push((route, d));
        }
    }
    let seconds = by_place.values().flatten().map(|&(_, d)| d.abs());
    let smallest = x.iter().map(|x| x.abs()).filter(|&x| x > 0.0).fold(1.0, f64::min);
    let partials = partials.iter().map(|p| p.abs() / smallest);
    let sizes = seconds.chain(partials).chain([value.abs()]);
    let scale = sizes.filter(|d| d.is_finite()).fold(0.0, f64::max);
    // Beside an infinite operand some route may have to subtract infinite numbers.
    let is_lenient = x.iter().any(|x| x.is_infinite());
    let is_same = |a: f64, b: f64| {
        a == b
            || a.is_nan() && b.is_nan()
            || is_lenient && (a.is_nan() || b.is_nan())
            || (a - b).abs() <= 1e-13 * scale + 1e-320
    };
    let differ = |(_, found): &(Vec<usize>, Vec<(&str, f64)>)| found.iter().any(|&(_, d)| !is_same(d, found[0].1));
    let differing = by_place.into_iter().filter(differ);
    differing.map(|(by, found)| format!("at {x:?} by {by:?}: {found:?}")).collect()
}

#[test]
fn second_derivatives_are_the_same_by_every_route() {
    let mut wrong = Vec::new();
    for row in functions() {
        let mut points = points_of(&row);
        points.retain(|x| !is_beyond(&row, x));
        // Of the many points of three operands one in seven.
        let step = if points.len() > 200 { 7 } else { 1 };
        for x in points.into_iter().step_by(step) {
            let found = disagreements(&row.f, &x);
            wrong.extend(found.into_iter().map(|w| format!("{} {w}", row.method)));
        }
        // All operands are one variable.
        if row.arity > 1 && row.method != "clamp" && row.method != "softmax" {
            for x in NUMBERS.into_iter().filter(|&x| !is_beyond(&row, &[x])) {
                let found = disagreements(&|x: &[Var]| (row.f)(&vec![x[0]; row.arity]), &[x]);
                wrong.extend(found.into_iter().map(|w| format!("{} of one {w}", row.method)));
            }
        }
    }
    assert_none(&wrong);
}
