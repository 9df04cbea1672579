//! Outside the domain and at NaN, value and partials are NaN.

use super::*;

#[test]
fn outside_the_domain_value_and_partials_are_nan() {
    type Outside = (&'static str, fn(Var) -> Var, &'static [f64]);
    let unary: &[Outside] = &[
        ("ln", Var::ln, &[-1.0, -5e-324, -INF]),
        ("log2", Var::log2, &[-1.0, -INF]),
        ("log10", Var::log10, &[-1.0, -INF]),
        ("ln_1p", Var::ln_1p, &[-1.5, -INF]),
        ("sqrt", Var::sqrt, &[-1.0, -5e-324, -INF]),
        ("asin", Var::asin, &[2.0, -1.0000000000000002, INF]),
        ("acos", Var::acos, &[2.0, -1.0000000000000002, -INF]),
        ("acosh", Var::acosh, &[0.5, 0.0, -2.0, -INF]),
        ("atanh", Var::atanh, &[2.0, -1.0000000000000002, INF]),
        ("sin", Var::sin, &[INF, -INF]),
        ("cos", Var::cos, &[INF, -INF]),
        ("tan", Var::tan, &[INF, -INF]),
        ("fract", Var::fract, &[INF, -INF]),
        ("powf 0.5", |x| x.powf(0.5), &[-1.0, -1e-300]),
        ("log base 2", |x| x.log(2.0), &[-1.0]),
        ("log of 2", |b| Var::constant(2.0).log(b), &[-1.0]),
        ("gamma", Var::gamma, &[-1.0, -2.0, -INF]),
        ("digamma", Var::digamma, &[-1.0, -2.0, -INF]),
        ("xlogy", |y| Var::constant(1.0).xlogy(y), &[-1.0]),
        ("x % 0", |x| x % 0.0, &[1.0, 0.0]),
        ("x % 1", |x| x % 1.0, &[INF, -INF]),
        ("1 % y", |y| 1.0 % y, &[0.0]),
        ("x.rem_euclid(0)", |x| x.rem_euclid(0.0), &[1.0, 0.0]),
        ("1.rem_euclid(y)", |y| Var::constant(1.0).rem_euclid(y), &[0.0]),
    ];
    let mut wrong = String::new();
    for (name, f, points) in unary {
        for &x in *points {
            let z = derivative_and_value(f, x);
            if !(z.0.is_nan() && z.1.is_nan() && z.2.is_nan()) {
                wrong += &format!("{name} at {x}: value {}, slope {}, recorded {}\n", z.0, z.1, z.2);
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong}");
}

fn derivative_and_value(f: impl Fn(Var) -> Var, x: f64) -> (f64, f64, f64) {
    graph::scope(|| {
        let x = Var::new(x);
        let z = f(x);
        z.backward();
        (z.value(), x.grad(), z.differentiate(&[x])[0].value())
    })
}

#[test]
fn nan_in_gives_nan_partials() {
    for f in [Var::sin, Var::exp, Var::tanh, Var::sigmoid, Var::relu, Var::abs, Var::sqrt, Var::powi_3] {
        assert_nan(slope(f, NAN));
    }
    assert!(slopes(|[x, y]| x.powf(y), [NAN, 2.0])[0].is_nan());
    assert!(slopes(|[x, y]| x.hypot(y), [NAN, 2.0])[0].is_nan());
}

trait Cubed {
    fn powi_3(self) -> Var;
}

impl Cubed for Var {
    fn powi_3(self) -> Var {
        self.powi(3)
    }
}

#[test]
fn edges_are_handed_on_once_where_the_slopes_of_an_operand_cancel() {
    let x0 = vec![1.0; 40];
    let f = |x: &[Var]| {
        let square = |y: Var| y * y;
        x.iter().map(|&x| square(x) + square((x - x) * 1e8)).sum::<Var>()
    };
    let f = scalargrad::Function::record(&x0, f);
    assert_eq!(f.hessian(&x0).unwrap()[(0, 0)], 2.0);
    assert_eq!(f.sparse_hessian(&x0).unwrap().get(0, 0), 2.0);
}
