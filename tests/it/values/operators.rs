//! Operators in every mix of operands, and comparisons.

use super::*;

macro_rules! operators {
    ($($name:ident $op:tt $assign:tt $call:ident;)*) => { $(
        #[test]
        #[allow(clippy::op_ref)]
        fn $name() {
            for (x, y) in pairs() {
                let expected = black_box(x) $op black_box(y);
                let (u, v) = (Var::new(x), Var::new(y));
                let (c, d) = (Var::constant(x), Var::constant(y));
                let results = [
                    u $op v, u $op &v, &u $op v, &u $op &v,
                    u $op y, u $op &y, &u $op y, &u $op &y,
                    x $op v, x $op &v, &x $op v, &x $op &v,
                    u $op d, c $op v, c $op d, c $op y, x $op d,
                ];
                for got in results {
                    assert_same(stringify!($op), &[x, y], got, expected);
                }
                let recorded = [true; 14].into_iter().chain([false; 3]);
                for (got, recorded) in results.into_iter().zip(recorded) {
                    assert_eq!(got.is_constant(), !recorded);
                }
                for k in 0..8 {
                    let mut got = if k < 4 { u } else { c };
                    match k % 4 {
                        0 => got $assign v,
                        1 => got $assign &v,
                        2 => got $assign y,
                        _ => got $assign &y,
                    }
                    assert_same(stringify!($assign), &[x, y], got, expected);
                }
            }
        }
    )* };
}

mod operators_in_every_mix {
    use super::*;
    operators! {
        add + += add;
        sub - -= sub;
        mul * *= mul;
        div / /= div;
        rem % %= rem;
    }

    #[test]
    fn neg() {
        for x in points() {
            for u in [Var::new(x), Var::constant(x)] {
                assert_same("-", &[x], -u, -x);
                assert_same("-", &[x], -&u, -x);
            }
        }
    }

    #[test]
    fn an_operand_with_itself() {
        for x in points() {
            let u = Var::new(x);
            assert_same("+", &[x], u + u, x + x);
            assert_same("-", &[x], u - u, x - x);
            assert_same("*", &[x], u * u, x * x);
            assert_same("/", &[x], u / u, x / x);
            assert_same("%", &[x], u % u, x % x);
        }
    }
}

#[test]
fn comparisons_are_by_value() {
    for (x, y) in pairs() {
        let (u, v) = (Var::new(x), Var::new(y));
        assert_eq!([u == v, u == y, x == v], [x == y; 3]);
        assert_eq!([u != v, u != y, x != v], [x != y; 3]);
        assert_eq!([u < v, u < y, x < v], [x < y; 3]);
        assert_eq!([u <= v, u <= y, x <= v], [x <= y; 3]);
        assert_eq!([u > v, u > y, x > v], [x > y; 3]);
        assert_eq!([u >= v, u >= y, x >= v], [x >= y; 3]);
        let order = x.partial_cmp(&y);
        assert_eq!(u.partial_cmp(&v), order);
        assert_eq!(u.partial_cmp(&y), order);
        assert_eq!(x.partial_cmp(&v), order);
        assert_eq!(u == v.detach(), x == y);
    }
}

#[test]
fn different_variables_of_equal_value_are_equal() {
    assert_eq!(Var::new(2.0), Var::new(2.0));
    assert_eq!(Var::new(0.0), Var::new(-0.0));
    assert_ne!(Var::new(f64::NAN), Var::new(f64::NAN));
}
