//! Derivatives of operations of the user's own.

use super::*;

#[test]
fn first_order_customs_have_first_derivatives() {
    let f = |x: &[Var]| {
        let area = Var::custom("area", x[0].value() * x[1].value(), [(x[0], x[1].value()), (x[1], x[0].value())]);
        [area * 2.0, x[0]]
    };
    assert_eq!(jacobian(f, &[3.0, 2.0]).as_slice(), [4.0, 6.0, 1.0, 0.0]);
    assert_eq!(jvp(f, &[3.0, 2.0], &[1.0, 10.0]), (vec![12.0, 3.0], vec![64.0, 1.0]));
    assert_eq!(vjp(f, &[3.0, 2.0], &[1.0, 1.0]), [5.0, 6.0]);
}

#[test]
#[should_panic(expected = "Implement `CustomOp`")]
fn first_order_customs_have_no_hessian() {
    let _ = hessian(|x| Var::custom("square", 9.0, [(x[0], 6.0)]), &[3.0]);
}

struct Product;
impl CustomOp for Product {
    fn value(&self, x: &[f64]) -> f64 {
        x.iter().product()
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        (0..x.len()).map(|k| (0..x.len()).filter(|&j| j != k).map(|j| x[j]).product()).collect()
    }
}

#[test]
fn customs_have_hessians() {
    let x = point(20);
    let f = |x: &[Var]| Var::apply(Product, &x[..5]).sin() + rosenbrock(x);
    assert_close(hessian(f, &x).as_slice(), twice(f, &x).as_slice());
    assert_close(hessian(|x| f(x), &x[..6]).as_slice(), twice(f, &x[..6]).as_slice());
}
