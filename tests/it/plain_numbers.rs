//! Code of the user's of which plain numbers are wanted: it may use the graph on its way, and leaves nothing behind.

use scalargrad::{CustomOp, Function, Var, graph};

/// The derivative of a cube: its value is found by differentiating.
struct SlopeOfCube;

impl CustomOp for SlopeOfCube {
    fn value(&self, x: &[f64]) -> f64 {
        let t = Var::new(x[0]);
        (t * t * t).differentiate(&[t])[0].value()
    }

    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        vec![6.0 * x[0]]
    }
}

/// Doubles; value, rule and label each record and sweep on their way, and the rule makes a leaf of its operand.
struct Busy;

fn sweep(x: f64) -> f64 {
    let t = Var::new(x);
    (t * t).backward();
    t.grad()
}

impl CustomOp for Busy {
    fn value(&self, x: &[f64]) -> f64 {
        sweep(x[0])
    }

    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        vec![Var::from(sweep(x[0].value()) / x[0].value())]
    }

    fn label(&self) -> String {
        sweep(1.0);
        "busy".into()
    }
}

#[test]
fn the_value_of_a_custom_operation_may_differentiate_in_no_grad_too() {
    let x = Var::new(2.0);
    assert_eq!(Var::apply(SlopeOfCube, &[x]).value(), 12.0);
    assert_eq!(graph::no_grad(|| Var::apply(SlopeOfCube, &[x]).value()), 12.0);
    let f = Function::record(&[2.0], |x| Var::apply(SlopeOfCube, x));
    assert_eq!(graph::no_grad(|| f.gradient(&[2.0])), f.gradient(&[2.0]));
    assert_eq!(graph::no_grad(|| f.over_rows(0).sum(&[], &[2.0, 1.0])), Ok(15.0));
}

#[test]
fn what_a_custom_operation_records_for_its_numbers_is_dropped() {
    let f = Function::record(&[1.0, 2.0], |x| Var::apply(Busy, &x[..1]) * x[1]);
    graph::clear();
    let x = [3.0, 2.0];
    let v = [1.0, 0.0];
    f.value(&x).unwrap();
    assert_eq!(f.gradient(&x).unwrap(), (12.0, vec![4.0, 6.0]));
    f.jacobian(&x).unwrap();
    f.hessian(&x).unwrap();
    f.hvp(&x, &v).unwrap();
    f.jvp(&x, &v).unwrap();
    f.sparse_jacobian(&x).unwrap();
    f.sparse_hessian(&x).unwrap();
    f.over_rows(1).gradients(&[3.0], &[1.0, 2.0, 3.0]).unwrap();
    #[cfg(feature = "jit")]
    f.compile().unwrap().gradient(&x).unwrap();
    assert_eq!(graph::len(), 0);
    let y = Var::new(3.0);
    let _ = Var::apply(Busy, &[y]);
    assert_eq!(graph::len(), 2);
}

#[test]
fn what_a_custom_operation_sweeps_for_its_numbers_leaves_the_gradients_alone() {
    let x = Var::new(3.0);
    let f = Function::record(&[3.0], |x| Var::apply(Busy, x) * x[0]);
    let progress = f.over_rows(0).on_progress(|_, _| _ = sweep(1.0));
    let kept = |what: &str, act: &dyn Fn()| {
        x.powi(3).backward();
        act();
        assert_eq!(x.grad(), 27.0, "{what}");
    };
    kept("apply", &|| _ = Var::apply(Busy, &[x]));
    kept("apply in no_grad", &|| _ = graph::no_grad(|| Var::apply(Busy, &[x])));
    kept("apply to a constant", &|| _ = Var::apply(Busy, &[Var::from(1.0)]));
    kept("value", &|| _ = f.value(&[1.0]).unwrap());
    kept("gradient", &|| _ = f.gradient(&[1.0]).unwrap());
    kept("rows", &|| _ = f.over_rows(0).sum_gradient(&[], &[1.0]).unwrap());
    kept("progress", &|| _ = progress.values(&[], &[1.0, 2.0]).unwrap());
    #[cfg(feature = "jit")]
    kept("compiled", &|| _ = f.compile().unwrap().gradient(&[1.0]).unwrap());
    x.powi(3).backward();
    Var::apply(Busy, &[x]).backward_accumulate();
    assert_eq!(x.grad(), 29.0);
}

#[test]
#[cfg(any(feature = "argmin", feature = "levenberg-marquardt"))]
fn a_closure_to_optimise_may_differentiate() {
    use scalargrad::derive::differentiate_along;
    use scalargrad::interop::Differentiable;
    let by_sweep = |x: &[Var]| [(x[0] * x[0] * x[0]).differentiate(&[x[0]])[0] - 3.0];
    let along = |x: &[Var]| [differentiate_along(&[x[0] * x[0] * x[0]], &[x[0]], &[Var::from(1.0)])[0] - 3.0];
    let by_gradient = |x: &[Var]| {
        (x[0] * x[0] * x[0]).backward();
        [x[0].grad() + x[0] - x[0].value() - 3.0]
    };
    let x = Var::new(3.0);
    x.powi(3).backward();
    assert_eq!(by_sweep.values_at(&[2.0]).unwrap(), [9.0]);
    assert_eq!(along.values_at(&[2.0]).unwrap(), [9.0]);
    assert_eq!(by_gradient.values_at(&[2.0]).unwrap(), [9.0]);
    assert_eq!(graph::no_grad(|| by_sweep.values_at(&[2.0])).unwrap(), [9.0]);
    assert_eq!(x.grad(), 27.0);
    assert_eq!(by_sweep.jacobian_at(&[2.0]).unwrap().as_slice(), [12.0]);
}

#[test]
fn the_line_of_a_product_is_not_one_of_the_crate() {
    let found = scalargrad::anomaly::detect(|| {
        let x = Var::new(1e200);
        let w = x.sin();
        let y: Var = [x, x, x].iter().product();
        (y + w).backward();
    });
    assert!(found.unwrap_err().line().is_none());
}

/// The rule of an operation that has a variable of another rule.
#[test]
#[cfg(feature = "nalgebra")]
fn a_rule_inside_of_a_rule_may_ask_for_a_derivative_by_its_operand() {
    struct Inner(Var);
    impl CustomOp for Inner {
        fn value(&self, x: &[f64]) -> f64 {
            x[0] * 2.0 * self.0.value()
        }
        fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
            (self.0 * self.0).differentiate(&[self.0])
        }
    }
    struct Outer;
    impl CustomOp for Outer {
        fn value(&self, x: &[f64]) -> f64 {
            x[0] * x[0]
        }
        fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
            let t = Var::new(1.0);
            Var::apply(Inner(x[0]), &[t]).backward();
            vec![Var::from(t.grad())]
        }
    }
    let x = Var::new(3.0);
    Var::apply(Outer, &[x]).backward();
    assert_eq!(x.grad(), 6.0);
}

#[test]
#[cfg(any(feature = "argmin", feature = "levenberg-marquardt"))]
fn closures_to_optimise_may_be_nested() {
    use scalargrad::interop::Differentiable;
    let outer = |x: &[Var]| {
        let inner = |y: &[Var]| [(x[0] * y[0]).differentiate(&[x[0]])[0]];
        [Var::from(inner.values_at(&[2.0]).unwrap()[0])]
    };
    assert_eq!(outer.values_at(&[3.0]).unwrap(), [2.0]);
    let without_inputs = |x: &[Var]| {
        let inner = |_: &[Var]| [(x[0] * x[0]).differentiate(&[x[0]])[0]];
        [Var::from(inner.values_at(&[]).unwrap()[0])]
    };
    assert_eq!(without_inputs.values_at(&[3.0]).unwrap(), [6.0]);
}

#[test]
fn what_a_custom_operation_does_for_its_numbers_changes_no_message() {
    let mut stale = Var::from(0.0);
    graph::scope(|| stale = Var::new(1.0));
    let unused = Var::new(1.0).named("unused");
    for _ in 0..100 {
        Var::apply(Busy, &[Var::new(2.0)]).backward();
    }
    let report = graph::report();
    assert_eq!(report.unreached()[0].name(), unused.name().as_deref());
    assert!(report.unreached()[0].why().starts_with("no operation uses it"), "{report}");
    let panic = std::panic::catch_unwind(|| stale + 1.0).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains(&format!("that of the closure at {}", file!())), "{text}");
}
