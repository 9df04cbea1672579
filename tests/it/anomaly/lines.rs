//! Each way to record a node knows the user's line, which a detection tells.

use scalargrad::anomaly::detect;
use scalargrad::{CustomOp, Real, Var, advance, checkpoint, dot, graph, log_sum_exp, norm, softmax, sum};
use std::panic::{AssertUnwindSafe, catch_unwind};

struct Double;
impl CustomOp for Double {
    fn value(&self, x: &[f64]) -> f64 {
        2.0 * x[0]
    }

    fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
        vec![Var::from(2.0)]
    }
}

fn generic<T: Real>(x: T, y: T) -> T {
    (x * y).sin() + x.powf(y) - x.hypot(y)
}

/// What a panic about a handle says that `f` has made in a scope that has ended.
fn words_about(f: impl Fn(Var, Var) -> Var) -> String {
    let panic = catch_unwind(AssertUnwindSafe(|| {
        detect(|| {
            let (x, y) = (Var::new(0.5), Var::new(0.25));
            let stale = graph::scope(|| f(x, y));
            stale + x
        })
    }));
    panic.unwrap_err().downcast_ref::<String>().unwrap().clone()
}

#[test]
fn each_operation_knows_the_line_of_the_user() {
    macro_rules! all {
        ($(|$x:ident, $y:ident| $e:expr;)*) => { [$((stringify!($e), (|$x: Var, $y: Var| -> Var { let _ = ($x, $y); $e }) as fn(Var, Var) -> Var)),*] };
    }
    let operations = all! {
        |_x, _y| Var::new(1.0);
        |_x, _y| Var::leaves(&[1.0, 2.0])[1];
        |x, y| x + y;
        |x, y| y + x;
        |x, y| { let p = x * y; p + x };
        |x, y| { let p = x * y; x + p };
        |x, y| { let p = x * y; y + p };
        |x, y| { let p = x * y; y - p };
        |x, y| { let p = x * y; p - y };
        |x, y| x - y;
        |x, y| x * y;
        |x, y| x / y;
        |x, y| x % y;
        |x, _y| x + 1.5;
        |x, _y| 1.5 + x;
        |x, _y| x - 1.5;
        |x, _y| 1.5 - x;
        |x, _y| x * 1.5;
        |x, _y| 1.5 / x;
        |x, _y| -x;
        |x, y| { let mut z = x; z += y; z };
        |x, y| { let mut z = x; z *= &y; z };
        |x, y| { let mut z = x; z -= y.value(); z };
        |x, y| { let (a, b) = (&x, &y); a * b };
        |x, y| x.powf(y);
        |x, _y| x.powi(3);
        |x, _y| x.powf(1.5);
        |x, _y| x.sin();
        |x, _y| x.sin_cos().1;
        |x, _y| x.abs();
        |x, y| x.max(y);
        |x, y| x.min(y);
        |x, _y| x.clamp(0.0, 1.0);
        |x, y| x.atan2(y);
        |x, y| x.mul_add(y, x);
        |x, y| Var::select(x.gt_mask(y), x, y);
        |x, y| sum(&[x, y, x]);
        |x, y| dot(&[x, y], &[y, x]);
        |x, y| norm(&[x, y]);
        |x, y| log_sum_exp(&[x, y]);
        |x, y| softmax(&[x, y])[1];
        |x, y| [x, y].into_iter().sum::<Var>();
        |x, y| x.apply_double(y);
        |x, y| Var::custom("own", 1.0, [(x, 2.0), (y, 3.0)]);
        |x, y| checkpoint(&[x, y], |x| x[0] * x[1]);
        |x, y| advance(&[x, y], 9, 2, |_, s| vec![s[0] * 0.5, s[1] + s[0]])[1];
        |x, y| x.differentiate_square(y);
        |x, y| generic(x, y);
        |x, y| num_traits::Float::hypot(x, y);
        |x, _y| num_traits::Float::exp(x);
        |x, _y| num_traits::Inv::inv(x);
        |x, y| num_traits::Pow::pow(x, y);
        |x, _y| Real::tanh(x);
    };
    let own = file!();
    let wrong: Vec<String> = operations
        .into_iter()
        .map(|(code, f)| (code, words_about(f)))
        .filter(|(_, words)| !words.contains(own))
        .map(|(code, words)| format!("{code}: {words}"))
        .collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

trait Own {
    fn apply_double(self, y: Var) -> Var;
    fn differentiate_square(self, y: Var) -> Var;
}

impl Own for Var {
    fn apply_double(self, _: Var) -> Var {
        Var::apply(Double, &[self])
    }

    fn differentiate_square(self, y: Var) -> Var {
        (self * self * y).differentiate(&[self])[0]
    }
}

#[test]
fn no_line_of_the_crate_is_named_where_advance_runs_steps_again() {
    for big in 0..10 {
        let found = detect(|| {
            let x = Var::new(0.0);
            let end = advance(&[x, x], 10, 2, move |k, s| match k {
                k if k == big => vec![s[0] * 1e308 + s[1] * 1e308, s[1]],
                k if k == 1 || k + 1 == big => vec![s[0], s[0]],
                _ => vec![s[0] * 1.0, s[1] * 1.0],
            });
            end[0].backward();
        });
        if let Err(found) = found {
            let file = found.line().map(|line| line.file());
            assert!(file.is_none_or(|file| file.ends_with("lines.rs")), "{big}: {file:?}");
        }
    }
}

#[test]
#[cfg(feature = "nalgebra")]
fn what_a_function_of_the_crate_does_with_nalgebra_belongs_to_the_line_that_calls_it() {
    use nalgebra::{DMatrix, Vector3};
    use scalargrad::interop::nalgebra::{determinant, rotation, svd, symmetric_eigen};
    let line_of = |f: &dyn Fn() -> Var| detect(|| f().backward()).unwrap_err().line().unwrap().to_string();
    let matrix = |x: [f64; 4]| DMatrix::from_row_slice(2, 2, &x).map(Var::new);
    let cases: [(&dyn Fn() -> Var, u32); 4] = [
        (&|| determinant(&matrix([1e200, 0.0, 0.0, 1e200])), line!()),
        (&|| symmetric_eigen(&matrix([1.0, 0.0, 0.0, 1.0])).eigenvectors[(0, 1)], line!()),
        (&|| svd(&matrix([1.0, 0.0, 0.0, 1.0])).u.unwrap()[(0, 1)], line!()),
        (&|| rotation(&Vector3::from_element(1e200).map(Var::new))[(0, 0)], line!()),
    ];
    for (f, line) in cases {
        let found = line_of(f);
        assert!(found.starts_with(&format!("{}:{line}:", file!())), "{found}, and not line {line}");
    }
}

#[test]
fn inside_a_detection_a_stale_handle_names_the_line_that_made_it_in_no_grad_too() {
    for make in [|| Var::new(1.0), || graph::no_grad(|| Var::new(1.0))] {
        let used = || detect(|| graph::scope(make) * 2.0);
        let panic = std::panic::catch_unwind(used).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert!(text.contains(&format!("It was made at {}:", file!())), "{text}");
    }
}
