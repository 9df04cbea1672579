//! An adjoint of zero goes no further, and an infinite one no further than it should.

use super::*;

/// Every way in which a node can be stored, of infinite partials, as functions of `x`.
fn poles(x: Var) -> Vec<Var> {
    let (zero, infinity) = (x - 0.5, Var::new(f64::INFINITY));
    let near = (x + 1.0) + x * infinity;
    let near_one = (x + 1.0) + zero.sqrt();
    vec![
        x * infinity,
        near,
        near_one,
        zero.sqrt(),
        zero.powi(-1),
        infinity - infinity * x,
        x / zero,
        zero.powf(zero - 1.0),
        dot(&[x, zero], &[infinity, x]),
        dot(&[x], &[Var::constant(f64::INFINITY)]),
        zero.mul_add(infinity, x),
        (x * infinity).max(x * infinity * 2.0),
    ]
}

#[test]
fn an_adjoint_of_zero_goes_no_further_whatever_the_node() {
    let x = Var::new(0.5);
    for k in 0..poles(x).len() {
        let pole = poles(x)[k];
        Var::select(false_mask(x), pole, x * 2.0).backward();
        assert_eq!(x.grad(), 2.0, "{k}: {}", pole.op());
        (pole * 0.0).backward();
        assert_eq!(x.grad(), 0.0, "{k}: {}", pole.op());
    }
    graph::clear();
}

fn false_mask(x: Var) -> Var {
    x.gt_mask(1.0)
}

#[test]
fn an_infinite_adjoint_does_not_reach_what_is_not_selected() {
    let (x, y) = (Var::new(0.5), Var::new(0.25));
    let infinity = Var::constant(f64::INFINITY);
    for (z, selected) in [
        (false_mask(x).mask_select(x, y), y),
        ((1.0 - false_mask(x)).mask_select(x, y), x),
        (x.clamp(y, 2.0), x),
        (y.clamp(-1.0, x), y),
        (Var::constant(9.0).clamp(y, x), x),
        (Var::constant(-9.0).clamp(y, x), y),
        (x.max(y), x),
        (x.min(y), y),
    ] {
        (z * infinity).backward();
        for v in [x, y] {
            let exact = if v == selected { f64::INFINITY } else { 0.0 };
            assert_eq!(v.grad(), exact, "{}", z.op());
        }
    }
    for step in [x.gt_mask(y), x.le_mask(y), x.eq_mask(y)] {
        (step * infinity).backward();
        assert_eq!((x.grad(), y.grad()), (0.0, 0.0), "{}", step.op());
    }
    graph::clear();
}
