//! Every row of the table at its probe points: replayed as run, to the second order.

use super::Function;
use crate::handle::Var;
use crate::real::Real;
use crate::rows::Op;

/// Equal, NaN to NaN, or up to a few roundings of `scale`.
#[track_caller]
fn assert_close(found: f64, expected: f64, scale: f64, what: &str) {
    let is_close = found == expected
        || found.is_nan() && expected.is_nan()
        || (found - expected).abs() <= 16.0 * f64::EPSILON * scale.max(expected.abs());
    assert!(is_close, "{what}: {found:?}, not {expected:?}");
}

/// All points whose coordinates are probes.
pub(super) fn points(probes: &[f64], arity: usize) -> Vec<Vec<f64>> {
    (0..arity).fold(vec![vec![]], |points, _| {
        let extended = points.iter().flat_map(|point| probes.iter().map(|&probe| [&point[..], &[probe]].concat()));
        extended.collect()
    })
}

/// The eager value, gradient and second derivatives.
fn eager(f: impl Fn(&[Var]) -> Var, x: &[f64]) -> (f64, Vec<f64>, Vec<Vec<f64>>) {
    crate::graph::scope(|| {
        let x: Vec<Var> = x.iter().map(|&x| Var::new(x)).collect();
        let z = f(&x);
        let gradient = z.gradients().wrt_all(&x);
        let second = z.differentiate(&x).into_iter().map(|g| g.gradients().wrt_all(&x));
        (z.untracked_value(), gradient, second.collect())
    })
}

/// Checks a row recorded at one point and replayed at the others.
fn check(method: &str, arity: usize, probes: &[f64], f: impl Fn(&[Var]) -> Var) {
    let points = points(probes, arity);
    let is_defined = |x: &&Vec<f64>| method != "clamp" || x[1] <= x[2];
    let defined: Vec<&Vec<f64>> = points.iter().filter(is_defined).collect();
    let recorded = Function::record(defined[0], &f);
    assert_eq!((recorded.guards(), recorded.frozen_reads().len()), (0, 0), "{method}");
    for x in defined {
        let what = format!("{method} at {x:?}");
        let (value, gradient, second) = eager(&f, x);
        let (replayed, replayed_gradient) = recorded.gradient(x).unwrap();
        assert!(
            replayed.to_bits() == value.to_bits() || replayed.is_nan() && value.is_nan(),
            "{what}: {replayed:?}, not {value:?}"
        );
        for (found, expected) in replayed_gradient.iter().zip(&gradient) {
            assert_close(*found, *expected, 0.0, &format!("{what}: gradient"));
        }
        let hessian = recorded.hessian(x).unwrap();
        for i in 0..arity {
            for j in 0..arity {
                let scale = second.iter().flatten().fold(0.0f64, |m, h| m.max(h.abs()));
                let scale = if scale.is_finite() { scale } else { 0.0 };
                // At a kink the two orders of differentiation may take different sides, and none is wrong.
                let [a, b] = [second[i][j], second[j][i]];
                if a != b && [a, b].contains(&hessian[(i, j)]) {
                    continue;
                }
                let mean = 0.5 * second[i][j] + 0.5 * second[j][i];
                if mean.is_finite() {
                    assert_close(hessian[(i, j)], mean, scale, &format!("{what}: second ({i}, {j})"));
                }
            }
        }
        for i in 0..arity {
            let mut v = vec![0.0; arity];
            v[i] = 1.0;
            let (_, tangents) = recorded.jvp(x, &v).unwrap();
            assert_close(tangents[0], gradient[i], 0.0, &format!("{what}: tangent {i}"));
        }
    }
}

macro_rules! check_rows {
    (
        operators { $(
            $(#[$odoc:meta])*
            $Operator:ident $operator:ident ( $ox:ident $(, $oy:ident)* ) $olabel:literal :
            $ovalue:expr, $oz:ident $otie:ident => ( $($opartial:expr),* ) ; $oderivative:literal ;
            [ $($odomain:expr),+ ] ; [ $($oprobe:expr),* $(,)? ] ;
        )* }
        $( $kind:ident { $(
            $(#[$doc:meta])*
            $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ) $label:literal :
            $value:expr, $z:ident $tie:ident => ( $($partial:expr),* ) ; $derivative:literal ;
            [ $($domain:expr),+ ] ; [ $($probe:expr),* $(,)? ] ;
        )* } )*
    ) => {
        pub(super) fn rows() -> Vec<Row> {
            let mut rows = Vec::new();
            $({
                let f = |x: &[Var]| {
                    let mut operands = x.iter().copied();
                    let $ox = operands.next().unwrap();
                    $(let $oy = operands.next().unwrap();)*
                    $ovalue
                };
                rows.push(Row {
                    op: Op::$Operator,
                    method: stringify!($operator),
                    arity: [$(stringify!($odomain)),+].len(),
                    probes: vec![$($oprobe),*],
                    f: Box::new(f),
                });
            })*
            $($(
                for n in [0, 1, 2, 3, 5] {
                    let _ = n;
                    $(let $n = n as $N;)?
                    let f = move |x: &[Var]| {
                        let mut operands = x.iter().copied();
                        let $x = operands.next().unwrap();
                        $(let $y = operands.next().unwrap();)*
                        Real::$method($x $(, $y)* $(, $n)?)
                    };
                    rows.push(Row {
                        op: Op::$Op,
                        method: stringify!($method),
                        arity: [$(stringify!($domain)),+].len(),
                        probes: vec![$($probe),*],
                        f: Box::new(f),
                    });
                    if concat!($(stringify!($n))?).is_empty() { break; }
                }
            )*)*
            rows
        }
    };
}
crate::table::table!(check_rows);

pub(super) struct Row {
    pub op: Op,
    pub method: &'static str,
    pub arity: usize,
    pub probes: Vec<f64>,
    pub f: Run,
}

type Run = Box<dyn Fn(&[Var]) -> Var>;

#[test]
fn every_row_replays_as_it_runs() {
    for row in rows() {
        check(row.method, row.arity, &row.probes, row.f);
    }
}

#[path = "../../tests/it/run_source.rs"]
mod run_source;

use run_source::check_sources;

#[test]
fn the_source_of_every_row_computes_what_the_row_does() {
    let (mut functions, mut refused) = (Vec::new(), Vec::new());
    for row in rows() {
        let mut points = points(&row.probes, row.arity);
        points.retain(|x| row.method != "clamp" || x[1] <= x[2]);
        if row.method != "clamp" {
            points.push(vec![f64::NAN; row.arity]);
            points.extend(self::points(&[-1.5, f64::INFINITY], row.arity));
        }
        let f = Function::record(&points[0], row.f);
        match f.to_rust("f") {
            Ok(_) => functions.push((f, points)),
            Err(error) => refused.push((row.method, error.to_string())),
        }
    }
    assert!(refused.iter().all(|(_, error)| error.contains("`libm`")), "{refused:?}");
    assert!(functions.len() > 4 * refused.len(), "{refused:?}");
    check_sources("rows", &functions);
}

#[test]
fn what_cannot_be_written_is_an_error() {
    let f = Function::record(&[1.0], |x| [x[0], x[0]]);
    assert!(f.to_rust("f").unwrap_err().to_string().contains("2 outputs"));
    let f = Function::record(&[1.0], |x| x[0]);
    for name in ["", "fn", "a b", "1a", "é"] {
        assert!(f.to_rust(name).is_err(), "{name}");
    }
}

#[test]
fn functions_of_slices_replay_as_they_run() {
    let probes = [-2.0, 0.0, 0.5];
    check("sum", 3, &probes, |x| crate::sum(x));
    check("dot", 3, &probes, |x| crate::dot(x, &[x[1], x[2], 3.0.into()]));
    check("norm", 3, &probes, |x| crate::norm(x));
    check("log_sum_exp", 3, &probes, |x| crate::log_sum_exp(x));
    check("softmax", 3, &probes, |x| crate::softmax(x)[1]);
    check("weighted_sum", 2, &probes, |x| crate::weighted_sum(x, &[0.5, 0.0]));
}

#[test]
fn a_partial_that_another_operation_computes_is_not_computed_again() {
    let found = |f: fn(Var) -> Var| {
        let both = move |x: &[Var]| x.iter().map(|&x| f(x)).sum::<Var>() * x[0];
        check("two operations of the same operand", 2, &[0.0, -0.5, 3.0, 800.0, f64::INFINITY, f64::NAN], both);
        let function = Function::record(&[0.5, 0.75], both);
        function.program.schedule().runs.iter().filter(|run| run.partials.is_some()).count()
    };
    assert_eq!(found(|x| x.sin() - x.cos() * 2.0), 2);
    assert_eq!(found(|x| x.cosh() + x.sinh() * 2.0), 2);
    assert_eq!(found(|x| x.softplus() * x.sigmoid()), 1);
    assert_eq!(found(|x| x.ln_gamma() + x.digamma() * 2.0), 1);
    assert_eq!(found(|x| x.sin() - (x * 2.0).cos()), 0);
}
