//! What a check may be told, and what it leaves alone.

use super::*;

#[test]
fn settings_move_the_largest_step_and_the_tolerance() {
    let f = |x: &[Var]| 1e12 + 1e-6 * x[0];
    assert!(Check::new().step(1e9).gradient(f, &[1.0]).unwrap().is_conclusive());
    assert!(Check::new().tolerance(1e-2).gradient(f, &[1.0]).unwrap().is_conclusive());
    let slight = |x: &[Var]| x[0] + Var::custom("bend", 0.0, [(x[0], 1e-7)]);
    assert!(check::gradient(slight, &[1.0]).is_err());
    assert!(Check::new().tolerance(1e-6).gradient(slight, &[1.0]).is_ok());
    assert!(Check::new().tolerance(1e-6).hessian(rosenbrock, &[1.0, 2.0]).is_ok());
}

#[test]
fn a_check_leaves_the_graph_and_its_gradients_alone() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    (x * y).backward();
    let before = graph::len();
    check::assert_gradient(|z| z[0] * x * y + z[0].sin(), &[0.5]);
    check::assert_hessian(|z| z[0] * x * y + z[0].sin(), &[0.5]);
    assert_eq!((graph::len(), x.grad(), y.grad()), (before, 2.0, 3.0));
}

#[test]
fn a_function_may_take_derivatives_itself() {
    check::assert_gradient(
        |x| {
            let inner = (x[0].sin() * x[1]).differentiate(&[x[0]])[0];
            inner * x[1]
        },
        &[0.4, 1.5],
    );
}

#[test]
fn every_step_and_no_more_than_some_are_evaluated() {
    let count = std::cell::Cell::new(0);
    let f = |x: &[Var]| {
        count.set(count.get() + 1);
        x[0].exp()
    };
    check::assert_gradient(f, &[1.0]);
    assert!((20..90).contains(&count.get()), "{}", count.get());
}

#[test]
fn no_grad_around_a_check_changes_nothing() {
    let f = |x: &[Var]| (x[0] * x[1]).sin() / x[1];
    let at = [0.5, 3.0];
    let (first, second) = (check::gradient(f, &at), check::hessian(f, &at));
    graph::no_grad(|| {
        assert_eq!(check::gradient(f, &at), first);
        assert_eq!(check::hessian(f, &at), second);
        // A function that takes derivatives itself.
        check::assert_gradient(|x| (x[0].sin() * x[1]).differentiate(&[x[0]])[0], &at);
        let bent = |x: &[Var]| x[0] * x[1] + Var::custom("bend", 0.0, [(x[1], -4.0)]);
        assert!(check::gradient(bent, &at).is_err());
    });
    assert!(first.is_ok_and(|report| report.is_conclusive()));
    assert!(second.is_ok_and(|report| report.iter().all(|c| c.analytic != 0.0)));
}

#[test]
fn a_constant_that_varies_by_rounding_alone_agrees() {
    // Beyond a step of 0.5 the whole part is another, and the fraction a unit in the last place more.
    let f = |x: &[Var]| (x[0].silu().ceil() - 0.51).fract();
    check::assert_gradient(f, &[1.8]);
    // A variation that rounding hides is not a constant.
    let hidden = |x: &[Var]| (x[0] + 1e20) - 1e20 - x[0].detach();
    assert!(!check::gradient(hidden, &[1.8]).is_ok_and(|report| report.is_conclusive()));
}
