//! Comparisons within a tolerance, by approx.

use super::*;

#[test]
fn approx_compares_values() {
    let (x, y) = (Var::new(1.0), Var::new(1.0 + 1e-12));
    assert_relative_eq!(x, y, epsilon = Var::from(1e-10));
    assert_relative_eq!(x, y, max_relative = Var::from(1e-11));
    assert_abs_diff_eq!(x, y, epsilon = Var::from(1e-11));
    assert_ulps_eq!(x, Var::new(1.0 + 2.0 * f64::EPSILON));
    assert_abs_diff_eq!(x, 1.0);
    assert_relative_eq!(x, 1.0);
    assert_ulps_eq!(x, 1.0);
    assert_relative_eq!([x, y][..], [x, x][..], epsilon = Var::from(1e-10));
    assert!(!relative_eq!(x, y) && !ulps_eq!(x, y));
    assert!(!relative_eq!(Var::new(f64::NAN), Var::new(f64::NAN)));
}

#[test]
fn approx_is_that_of_f64() {
    let points = [0.0, -0.0, 1.0, 1.0 + 4e-16, 1.0 + 1e-15, -1.0, 5e-324, 1e300, f64::INFINITY, f64::NAN];
    assert_eq!(<Var as AbsDiffEq>::default_epsilon(), <f64 as AbsDiffEq>::default_epsilon());
    assert_eq!(<Var as RelativeEq>::default_max_relative(), <f64 as RelativeEq>::default_max_relative());
    assert_eq!(<Var as UlpsEq>::default_max_ulps(), <f64 as UlpsEq>::default_max_ulps());
    for x in points {
        for y in points {
            for epsilon in [0.0, f64::EPSILON, 1e-3] {
                let (u, v) = (Var::new(x), Var::new(y));
                let absolute = x.abs_diff_eq(&y, epsilon);
                assert_eq!([u.abs_diff_eq(&v, epsilon.into()), u.abs_diff_eq(&y, epsilon)], [absolute; 2]);
                let relative = x.relative_eq(&y, epsilon, 1e-15);
                assert_eq!(
                    [u.relative_eq(&v, epsilon.into(), 1e-15.into()), u.relative_eq(&y, epsilon, 1e-15)],
                    [relative; 2]
                );
                let ulps = x.ulps_eq(&y, epsilon, 3);
                assert_eq!([u.ulps_eq(&v, epsilon.into(), 3), u.ulps_eq(&y, epsilon, 3)], [ulps; 2]);
            }
        }
    }
}
