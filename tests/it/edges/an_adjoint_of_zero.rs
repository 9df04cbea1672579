//! An adjoint of exactly zero is not propagated.

use super::*;

#[test]
fn is_not_propagated_into_a_pole() {
    assert_eq!(slope(|x| x.sqrt() * 0.0 + x, 0.0), 1.0);
    assert_eq!(slope(|x| x.ln().detach() * 0.0 + x * 2.0, 1.0), 2.0);
    assert_eq!(slope(|x| (x.recip() * 0.0).detach() + x, 0.0), 1.0);
    assert_eq!(slopes(|[x, y]| (x / y) * 0.0 + x, [1.0, 0.0]), [1.0, 0.0]);
    assert_eq!(slope(|x| sum(&[x.ln() * 0.0, x]), 0.0), 1.0);
    assert_eq!(slope(|x| dot(&[x.ln(), x], &[Var::constant(0.0), Var::constant(3.0)]), 0.0), 3.0);
}

#[test]
fn never_comes_out_of_an_unused_branch() {
    let x = Var::new(0.0);
    let _unused = [x.ln(), x.sqrt(), x.recip(), (-x - 1.0).sqrt(), x / x];
    let z = x * 2.0;
    z.backward();
    assert_eq!(x.grad(), 2.0);
    assert_eq!(z.differentiate(&[x])[0].value(), 2.0);
}

#[test]
fn never_comes_out_of_an_unselected_branch() {
    for x in [0.0, -0.0, -1.0] {
        let by_mask = |x: Var| Var::select(x.gt_mask(0.0), x.ln() + x.sqrt() + x.powf(0.5), x * 2.0);
        let by_bool = |x: Var| Var::select(x > 0.0, x.ln(), x * 2.0);
        let otherwise = |x: Var| Var::select(x.le_mask(0.0), x * 2.0, x.ln());
        assert_eq!(slope(by_mask, x), 2.0);
        assert_eq!(slope(by_bool, x), 2.0);
        assert_eq!(slope(otherwise, x), 2.0);
        assert_eq!(orders(by_mask, x, 3)[1..], [2.0, 0.0, 0.0]);
        assert_eq!(orders(otherwise, x, 3)[1..], [2.0, 0.0, 0.0]);
    }
    let both = |x: Var| Var::select(x.gt_mask(0.0), x * x * x, x.sqrt());
    assert_eq!(orders(both, 2.0, 4), [8.0, 12.0, 12.0, 6.0, 0.0]);
}

#[test]
fn never_comes_out_of_a_nan_beside_the_selected_branch() {
    // The selected operand is NaN: that is its own, and nothing of the other.
    let [x, y] = slopes(|[x, y]| Var::select(x.eq_mask(x), x.ln(), y * 3.0), [-1.0, 2.0]);
    assert_nan(x);
    assert_eq!(y, 0.0);
    let mask = slopes(|[m, y]| Var::select(m, y.ln(), 0.0), [1.0, -1.0])[0];
    assert_eq!(mask, 0.0);
}

#[test]
fn a_switch_gives_nothing_to_what_it_does_not_select() {
    assert_eq!(slope(|x| x.relu().sqrt(), -1.0), 0.0); // 0 × ∞
    assert_eq!(slope(|x| x.relu().ln(), -1.0), 0.0);
    assert_eq!(slope(|x| x.max(0.0).sqrt(), -1.0), 0.0);
    assert_eq!(slope(|x| x.clamp(0.0, 1.0).powf(0.5), -1.0), 0.0);
    assert_eq!(slope(|x| x.abs().sqrt(), 0.0), 0.0);
    assert_eq!(slope(|x| x.floor().sqrt(), 0.5), 0.0);
    assert_eq!(slopes(|[x, y]| x.max(y).sqrt(), [0.0, -1.0]), [INF, 0.0]);
}

#[test]
fn everything_else_is_plain_ieee_arithmetic() {
    assert_eq!(slope(|x| x.sqrt() * 2.0, 0.0), INF);
    assert_nan(slope(|x| (x * 0.0).sqrt(), 1.0)); // ∞ × 0, a partial of zero and not an adjoint
    assert_nan(slope(|x| x.sqrt() - x.sqrt(), 0.0)); // ∞ − ∞
    assert_eq!(slope(|x| x * INF, 2.0), INF);
    assert_nan(slope(|x| x * NAN, 2.0));
}

#[test]
fn does_not_end_a_higher_derivative() {
    // At 0 the first derivative of x² is zero, the second is not.
    assert_eq!(orders(|x| (x * x) * (x * x), 0.0, 5), [0.0, 0.0, 0.0, 0.0, 24.0, 0.0]);
    assert_eq!(orders(|x| (x * x).sin(), 0.0, 2), [0.0, 0.0, 2.0]);
    assert_eq!(orders(|x| x * x * x.exp(), 0.0, 3), [0.0, 0.0, 2.0, 6.0]);
    assert_eq!(orders(|x| x.sin() * x.sin(), 0.0, 4), [0.0, 0.0, 2.0, 0.0, -8.0]);
    assert_eq!(orders(|x| dot(&[x, x], &[x * x, x]), 0.0, 3), [0.0, 0.0, 2.0, 6.0]);
    assert_eq!(orders(|x| x.mul_add(x, x), 0.0, 3), [0.0, 1.0, 2.0, 0.0]);
}
