//! One-sided infinities stay infinite.

use super::*;

#[test]
fn one_sided_infinities_stay_infinite() {
    assert_eq!(slope(Var::sqrt, 0.0), INF);
    assert_eq!(slope(Var::sqrt, -0.0), INF);
    assert_eq!(slope(Var::cbrt, 0.0), INF);
    assert_eq!(slope(Var::cbrt, -0.0), INF);
    for ln in [Var::ln, Var::log2, Var::log10, |x: Var| x.log(2.0)] {
        assert_eq!(slope(ln, 0.0), INF);
    }
    assert_eq!(slope(Var::ln_1p, -1.0), INF);
    assert_eq!([-1.0, 1.0].map(|x| slope(Var::asin, x)), [INF, INF]);
    assert_eq!([-1.0, 1.0].map(|x| slope(Var::acos, x)), [-INF, -INF]);
    assert_eq!([-1.0, 1.0].map(|x| slope(Var::atanh, x)), [INF, INF]);
    assert_eq!(slope(Var::acosh, 1.0), INF);
    assert_eq!(slope(|x| x.powf(0.5), 0.0), INF);
    assert_eq!(slope(|x| x.powf(-0.5), 0.0), -INF);
    assert_eq!(slope(Var::recip, 0.0), -INF);
    assert_eq!(slope(Var::recip, -0.0), -INF);
    assert_eq!(slope(|x| 1.0 / x, 0.0), -INF);
    assert_eq!(slope(|x| x.powi(-1), 0.0), -INF);
    assert_eq!(slope(|x| x.powi(-2), 0.0), -INF);
    assert_eq!(slope(|y| Var::constant(2.0).xlogy(y), 0.0), INF);
    assert_eq!(slopes(|[x, y]| x.xlogy(y), [0.0, 0.0]), [-INF, 0.0]);
}

#[test]
fn second_derivatives_of_roots_and_logarithms_at_zero_are_infinite() {
    assert_eq!(orders(Var::sqrt, 0.0, 2)[2], -INF);
    assert_eq!(orders(Var::ln, 0.0, 2)[2], -INF);
    assert_eq!(orders(|x| x.powf(1.5), 0.0, 2), [0.0, 0.0, INF]);
    assert_eq!(orders(Var::recip, 0.0, 2)[2], INF);
}
