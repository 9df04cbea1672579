//! What users call, beside the operations.

use num_traits::float::{FloatCore, TotalOrder};
use num_traits::{AsPrimitive, Float};
use scalargrad::function::{Counted, Recorder, ReplayError, SourceError};
use scalargrad::{CustomOp, Function, Matrix, Real, Var, checkpoint, graph, hessian, jacobian, sum};

#[test]
fn a_function_of_real_sums_references() {
    fn mean_square<T: Real>(x: &[T]) -> T {
        let total: T = x.iter().sum();
        let squares: T = x.iter().map(|&x| x * x).sum();
        let product: T = x.iter().product();
        (squares - total * total / x.len() as f64) * product
    }
    let x = Var::leaves(&[1.0, 2.0, 4.0]);
    assert_eq!(mean_square(&x).value(), mean_square(&[1.0, 2.0, 4.0]));
}

#[test]
fn constants_are_made_from_other_numbers() {
    fn three(x: impl Into<Var>) -> f64 {
        let x: Var = x.into();
        assert!(x.is_constant());
        x.value()
    }
    assert_eq!([three(3.0), three(3.0f32), three(3), three(3u8)], [3.0; 4]);
    let x = Var::new(2.0);
    assert_eq!((x.max(3).value(), x.powf(2).value(), x.max(2.5).value()), (3.0, 4.0, 2.5));
    let (a, b): (Var, Var) = (5i64.as_(), 0.5f32.as_());
    assert_eq!((a.value(), b.value(), a.is_constant()), (5.0, 0.5, true));
    let (n, y): (usize, Var) = (Var::new(7.9).as_(), x.as_());
    assert_eq!((n, y.is_constant()), (7, false));
}

fn mean<F: Float + 'static>(x: &[F]) -> F
where
    usize: AsPrimitive<F>,
{
    x.iter().fold(F::zero(), |sum, &x| sum + x) / x.len().as_()
}

#[test]
fn generic_code_with_as_primitive_is_differentiated() {
    let x = Var::leaves(&[1.0, 3.0]);
    let y = mean(&x);
    y.backward();
    assert_eq!((y.value(), x[0].grad(), mean(&[1.0, 3.0])), (2.0, 0.5, 2.0));
}

#[test]
fn the_core_of_float_is_that_of_f64() {
    fn by_core<T: FloatCore>(x: T, y: T) -> [T; 6] {
        let z = FloatCore::max(x, y);
        let kind = if FloatCore::is_sign_negative(x) { T::epsilon() } else { T::one() };
        [z, FloatCore::clamp(x, y, y), FloatCore::powi(x, 3), x.fract(), FloatCore::recip(y), kind]
    }
    for (x, y) in [(1.5, -2.0), (-0.25, 3.0), (-0.0, 7.0)] {
        let found = by_core(Var::new(x), Var::new(y)).map(|x| x.value());
        assert_eq!(found, by_core(x, y));
        assert_eq!(FloatCore::integer_decode(Var::new(x)), FloatCore::integer_decode(x));
        assert_eq!(TotalOrder::total_cmp(&Var::new(x), &Var::new(y)), x.total_cmp(&y));
    }
}

#[test]
fn numbers_are_written_in_either_exponent() {
    let x = Var::new(1234.5);
    assert_eq!(format!("{x:e} {x:E} {x:.1e} {x:+.2E}"), "1.2345e3 1.2345E3 1.2e3 +1.23E3");
}

#[test]
fn leaves_are_made_of_slices_and_arrays() {
    graph::scope(|| {
        let [x, y] = Var::array([1.0, 2.0]);
        let more = Var::leaves(&[3.0; 3]);
        sum(&more).backward();
        assert_eq!((graph::len(), x.is_constant(), y.value(), more[2].grad()), (6, false, 2.0, 1.0));
    });
    assert!(Var::leaves(&[]).is_empty());
}

#[test]
fn a_matrix_times_a_vector() {
    let h = hessian(|x| x[0] * x[0] * x[1], &[3.0, 2.0]);
    let v = [1.0, 10.0];
    assert_eq!((&h * &v, &h * &v[..], &h * &v.to_vec()), (vec![64.0, 6.0], vec![64.0, 6.0], vec![64.0, 6.0]));
    assert_eq!(&Matrix::zeros(0, 2) * &v, [0.0; 0]);
}

#[test]
fn outputs_have_any_shape() {
    let f = |x: &[Var]| {
        let (a, b) = (x[0], x[1]);
        (a, [[b; 2]; 1], vec![vec![a * b], vec![]], (a, b), [a], b)
    };
    let outputs = [2.0, 3.0, 3.0, 6.0, 2.0, 3.0, 2.0, 3.0];
    assert_eq!(Function::record(&[2.0, 3.0], f).values(&[2.0, 3.0]).unwrap(), outputs);
    assert_eq!(jacobian(f, &[2.0, 3.0]).row(3), [3.0, 2.0]);
}

#[test]
fn a_checkpoint_has_the_shape_of_what_its_closure_returns() {
    let x = Var::new(0.5);
    let (y, [z, w], rest) = checkpoint(&[x], |x| (x[0].sin(), [x[0] * 2.0, x[0] * x[0]], vec![vec![x[0]]; 2]));
    (y + z * w + rest[1][0]).backward();
    assert_eq!((y.value(), rest.len()), (0.5f64.sin(), 2));
    assert!((x.grad() - (0.5f64.cos() + 6.0 * 0.25 + 1.0)).abs() < 1e-15);
    let inline = Function::record(&[0.5], |x| checkpoint(x, |x| [x[0].sin(); 2]));
    assert_eq!(inline.values(&[1.0]).unwrap(), [1f64.sin(); 2]);
    let constant = checkpoint(&[Var::constant(2.0)], |x| x[0] * 2.0);
    assert!(constant.is_constant() && constant.value() == 4.0);
}

#[test]
fn errors_are_told_apart_without_their_words() {
    let f = Function::record(&[1.0, 2.0], |x| [x[0] * x[1], x[1]]);
    let what = |error: ReplayError| match error {
        ReplayError::WrongLength { what, found, expected, .. } => (what, found, expected),
        error => panic!("{error}"),
    };
    assert_eq!(what(f.value(&[1.0, 2.0]).unwrap_err()), (Counted::Outputs, 2, 1));
    assert_eq!(what(f.values(&[1.0]).unwrap_err()), (Counted::Inputs, 1, 2));
    assert_eq!(what(f.vjp(&[1.0, 2.0], &[1.0]).unwrap_err()), (Counted::Weights, 1, 2));
    assert_eq!(what(f.jvp(&[1.0, 2.0], &[1.0]).unwrap_err()), (Counted::Direction, 1, 2));
    let g = Function::record(&[1.0], |x| x[0].max(0.0));
    let error = g.gradient_into(&[1.0], &mut []).unwrap_err();
    assert_eq!(what(error), (Counted::Gradient, 0, 1));
    struct Mine;
    impl CustomOp for Mine {
        fn value(&self, x: &[f64]) -> f64 {
            x[0]
        }
        fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
            vec![Var::constant(1.0)]
        }
        fn label(&self) -> String {
            "mine".into()
        }
    }
    let mine = Function::record(&[1.0], |x| Var::apply(Mine, x));
    let erf = Function::record(&[1.0], |x| x[0].erf());
    assert_eq!(f.to_rust("f"), Err(SourceError::Outputs(2)));
    assert_eq!(g.to_rust("2f"), Err(SourceError::NotAName("2f".into())));
    assert_eq!(g.to_rust("tie"), Err(SourceError::NameTaken("tie".into())));
    assert_eq!(mine.to_rust("f"), Err(SourceError::Custom("mine".into())));
    assert_eq!(erf.to_rust("f"), Err(SourceError::NeedsCrate("erf".into())));
}

#[test]
fn the_rows_that_only_derivatives_are_made_of_are_still_methods() {
    let x = Var::new(0.3);
    assert_eq!(x.tanh().differentiate(&[x])[0].value(), 1.0 - 0.3f64.tanh().powi(2));
    assert_eq!(x.sech2().value(), x.value().sech2());
    assert_eq!(x.normal_pdf().value(), Real::normal_pdf(0.3));
}

#[test]
fn a_recorder_gives_values() {
    let mut f = Recorder::new(|x: &[Var]| if x[0] < 0.0 { [x[0], x[0]] } else { [x[0] * 2.0, x[0]] });
    assert_eq!((f.values(&[1.0]), f.values(&[-1.0])), (vec![2.0, 1.0], vec![-1.0, -1.0]));
}

#[test]
fn an_id_tells_variables_apart_and_orders_them() {
    let x = Var::new(2.0);
    let (inner, again) = graph::scope(|| {
        let y = x * 2.0;
        assert!(x.id() < y.id() && y.operands().iter().all(|z| z.id() < y.id()));
        (y.id(), graph::scope(|| Var::new(1.0).id()))
    });
    let later = x * 2.0;
    assert!(later.id() != inner && inner != again && later.id() > x.id());
    assert_eq!(Var::constant(2.0).id(), Var::from(2.0).id());
    assert_ne!(Var::constant(2.0).id(), Var::constant(3.0).id());
    assert_ne!(Var::constant(2.0).id(), x.id());
}
