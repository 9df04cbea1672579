//! Rules of custom operations that differentiate on their way.

use scalargrad::derive::differentiate_along;
use scalargrad::{CustomOp, Function, Var, gradient, graph, hessian, taylor};

/// x·y, with partials that are derivatives.
#[derive(Clone, Copy)]
struct Product;
impl CustomOp for Product {
    fn value(&self, x: &[f64]) -> f64 {
        x[0] * x[1]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        (x[0] * x[1]).differentiate(x)
    }
}

/// Two operands of which one may depend on the other, and what their product is.
type Case = (fn(Var) -> [Var; 2], fn(Var) -> Var);

const CASES: [Case; 3] =
    [(|x| [x, x], |x| x * x), (|x| [x, x.sin()], |x| x * x.sin()), (|x| [x.exp(), x], |x| x.exp() * x)];

#[test]
fn a_partial_is_by_one_operand_even_if_another_depends_on_it() {
    for (operands, product) in CASES {
        let custom = move |x: Var| Var::apply(Product, &operands(x));
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        let at = 0.7;
        close(gradient(|x| custom(x[0]), &[at])[0], gradient(|x| product(x[0]), &[at])[0]);
        close(hessian(|x| custom(x[0]), &[at])[(0, 0)], hessian(|x| product(x[0]), &[at])[(0, 0)]);
        let (a, b) = (taylor(custom, at, 4), taylor(product, at, 4));
        a.into_iter().zip(b).for_each(|(a, b)| close(a, b));
        let third = |f: &dyn Fn(Var) -> Var| {
            let x = Var::new(at);
            (0..3).fold(f(x), |y, _| y.differentiate(&[x])[0]).value()
        };
        close(third(&custom), third(&product));
    }
}

#[test]
fn rows_ask_a_rule_as_a_replay_does() {
    let f = Function::record(&[1.0, 1.0], |x| Var::apply(Product, &[x[1], x[1]]) * x[0]);
    let (_, gradients) = f.over_rows(1).gradients(&[2.0], &[1.0, 2.0, 3.0]).unwrap();
    assert_eq!(gradients.as_slice(), [1.0, 4.0, 4.0, 8.0, 9.0, 12.0]);
}

#[test]
fn a_derivative_along_a_direction_under_no_grad_is_a_number() {
    let x = Var::new(3.0);
    let y = x * x;
    let along = graph::no_grad(|| differentiate_along(&[y, x], &[x], &[2.0.into()]));
    assert_eq!((along[0].value(), along[1].value()), (12.0, 2.0));
    assert!(along.iter().all(|tangent| tangent.is_constant()));
    let f = Function::record(&[3.0], |x| {
        let y = x[0] * x[0];
        graph::no_grad(|| differentiate_along(&[y], x, &[1.0.into()]))
    });
    assert!(!f.frozen_reads().is_empty());
}
