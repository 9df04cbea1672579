//! A value is bit for bit what `f64` computes, whatever the input; and what a `Var` is as a Rust type.

use scalargrad::{Op, Real, Var, dot, graph, log_sum_exp, norm, softmax, sum, weighted_sum};
use std::f64::consts::PI;
use std::hint::black_box;
use std::panic::catch_unwind;

/// Equal bits, any NaN for a NaN.
fn is_same(a: f64, b: f64) -> bool {
    a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan()
}

#[track_caller]
fn assert_same(name: &str, args: &[f64], got: Var, expected: f64) {
    assert!(
        is_same(got.value(), expected),
        "{name} of {args:?}: {:e} ({:#x}), and f64 has {expected:e} ({:#x})",
        got.value(),
        got.value().to_bits(),
        expected.to_bits(),
    );
}

const SPECIAL: [f64; 30] = [
    0.0,
    -0.0,
    1.0,
    -1.0,
    0.5,
    -0.5,
    2.0,
    -2.0,
    2.5,
    3.0,
    -3.0,
    10.0,
    -7.25,
    1e-5,
    PI,
    700.0,
    -800.0,
    1e20,
    1e160,
    -1e160,
    1e-200,
    5e-324,
    -5e-324,
    1e-310,
    f64::MIN_POSITIVE,
    f64::MAX,
    f64::MIN,
    f64::INFINITY,
    f64::NEG_INFINITY,
    f64::NAN,
];

/// Random bits (SplitMix64).
struct Bits(u64);

impl Bits {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e3779b97f4a7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58476d1ce4e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d049bb133111eb);
        z ^ (z >> 31)
    }

    /// Any double at all, or one of moderate size, or a special one.
    fn double(&mut self) -> f64 {
        let bits = self.next();
        match self.next() % 8 {
            0..=2 => f64::from_bits(bits),
            3 | 4 => SPECIAL[bits as usize % SPECIAL.len()],
            5 => f64::from_bits(bits & !(0x7fe << 52)), // subnormal, or of the smallest normal
            _ => (bits >> 11) as f64 / (1u64 << 50) as f64 - 4.0,
        }
    }
}

fn points() -> Vec<f64> {
    let mut bits = Bits(1);
    let random = (0..2000).map(|_| bits.double());
    SPECIAL.into_iter().chain(random).collect()
}

fn pairs() -> Vec<(f64, f64)> {
    let mut bits = Bits(2);
    let special = SPECIAL.iter().flat_map(|&x| SPECIAL.map(|y| (x, y)));
    let random = (0..2000).map(|_| (bits.double(), bits.double()));
    special.chain(random.collect::<Vec<_>>()).collect()
}

#[test]
fn the_random_doubles_are_of_every_kind() {
    use std::num::FpCategory::*;
    for kind in [Nan, Infinite, Zero, Subnormal, Normal] {
        assert!(points().iter().filter(|x| x.classify() == kind).count() > 10);
    }
}

/// Functions of one operand that `f64` has too.
macro_rules! unary {
    ($($method:ident)*) => { $(
        #[test]
        fn $method() {
            for x in points() {
                let expected = f64::$method(black_box(x));
                assert_same(stringify!($method), &[x], Var::new(x).$method(), expected);
                assert_same(stringify!($method), &[x], Var::constant(x).$method(), expected);
                assert_same(stringify!($method), &[x], Real::$method(Var::new(x)), expected);
                assert!(is_same(Real::$method(x), expected));
            }
        }
    )* };
}

/// Functions of two operands that `f64` has too.
macro_rules! binary {
    ($($method:ident)*) => { $(
        #[test]
        fn $method() {
            for (x, y) in pairs() {
                let args = [x, y];
                let expected = f64::$method(black_box(x), black_box(y));
                let (u, v) = (Var::new(x), Var::new(y));
                assert_same(stringify!($method), &args, u.$method(v), expected);
                assert_same(stringify!($method), &args, u.$method(y), expected);
                assert_same(stringify!($method), &args, u.$method(&v), expected);
                assert_same(stringify!($method), &args, u.$method(&y), expected);
                assert_same(stringify!($method), &args, Var::constant(x).$method(v), expected);
                assert_same(stringify!($method), &args, Var::constant(x).$method(y), expected);
                assert_same(stringify!($method), &args, Real::$method(u, v), expected);
                assert!(is_same(Real::$method(x, y), expected));
            }
        }
    )* };
}

mod of_one_operand {
    use super::*;
    unary! {
        abs signum sqrt cbrt recip exp exp2 exp_m1 ln log2 log10 ln_1p
        sin cos tan asin acos atan sinh cosh tanh asinh acosh atanh
        floor ceil round trunc fract to_degrees to_radians
    }
}

mod of_two_operands {
    use super::*;
    binary! { powf log atan2 hypot min max copysign div_euclid rem_euclid }
}

/// Functions that `f64` lacks: the same on `Var` as on `f64` by way of `Real`, and NaN of NaN.
macro_rules! lacking {
    ($($method:ident)*) => { $(
        #[test]
        fn $method() {
            for x in points() {
                let expected = Real::$method(black_box(x));
                assert_same(stringify!($method), &[x], Var::new(x).$method(), expected);
                assert_same(stringify!($method), &[x], Var::constant(x).$method(), expected);
                assert_same(stringify!($method), &[x], Real::$method(Var::new(x)), expected);
                assert!(!x.is_nan() || expected.is_nan());
            }
        }
    )* };
}

mod that_f64_lacks {
    use super::*;
    lacking! {
        relu sigmoid softplus silu gelu erf erfc gamma ln_gamma digamma normal_cdf sinc
        sech2 exp_neg_square normal_pdf
    }

    #[test]
    fn polygamma_and_sinc_derivative() {
        for x in points() {
            for n in [0, 1, 2, 5] {
                let name = format!("polygamma {n}");
                let expected = Real::polygamma(x, n);
                assert_same(&name, &[x], Var::new(x).polygamma(n), expected);
                assert_same(&name, &[x], Var::constant(x).polygamma(n), expected);
                let name = format!("sinc_derivative {n}");
                let expected = Real::sinc_derivative(x, n);
                assert_same(&name, &[x], Var::new(x).sinc_derivative(n), expected);
                assert_same(&name, &[x], Var::constant(x).sinc_derivative(n), expected);
                assert!(!x.is_nan() || Real::polygamma(x, n).is_nan());
                assert!(!x.is_nan() || Real::sinc_derivative(x, n).is_nan());
            }
        }
    }

    #[test]
    fn of_two_or_three_operands() {
        for (x, y) in pairs() {
            macro_rules! check {
                ($($method:ident)*) => { $(
                    let (name, args) = (stringify!($method), [x, y]);
                    let expected = Real::$method(x, y);
                    assert_same(name, &args, Var::new(x).$method(Var::new(y)), expected);
                    assert_same(name, &args, Var::new(x).$method(y), expected);
                    assert_same(name, &args, Var::constant(x).$method(Var::new(y)), expected);
                    assert_same(name, &args, Var::constant(x).$method(y), expected);
                )* };
            }
            check!(leaky_relu xlogy logaddexp exp_sub inversion gt_mask ge_mask lt_mask le_mask eq_mask);
            let z = Real::softmax_share(x, y, 7.0);
            assert_same(
                "softmax_share",
                &[x, y],
                Var::new(x).softmax_share(y, 7.0),
                z,
            );
            let z = Real::mask_select(x, y, 7.0);
            assert_same(
                "mask_select",
                &[x, y],
                Var::new(x).mask_select(Var::new(y), 7.0),
                z,
            );
            assert_same(
                "select",
                &[x, y],
                Var::select(Var::new(x), y, Var::new(7.0)),
                z,
            );
            assert_same(
                "select",
                &[x, y],
                Var::select(x != 0.0, Var::new(y), 7.0),
                z,
            );
            let either_is_nan = x.is_nan() || y.is_nan();
            assert_eq!(Real::logaddexp(x, y).is_nan(), either_is_nan);
            assert!(!either_is_nan || Real::xlogy(x, y).is_nan());
            assert!(!either_is_nan || Real::leaky_relu(x, y).is_nan());
            assert_eq!(Real::gt_mask(x, y), f64::from(x > y));
            assert_eq!(Real::ge_mask(x, y), f64::from(x >= y));
            assert_eq!(Real::lt_mask(x, y), f64::from(x < y));
            assert_eq!(Real::le_mask(x, y), f64::from(x <= y));
            assert_eq!(Real::eq_mask(x, y), f64::from(x == y));
        }
    }

    #[test]
    fn relu_and_leaky_relu_are_their_definitions() {
        for x in points() {
            let relu = if x <= 0.0 { 0.0 } else { x };
            assert_same("relu", &[x], Var::new(x).relu(), relu);
            let leaky = if x < 0.0 { 0.1 * x } else { x };
            assert_same("leaky_relu", &[x], Var::new(x).leaky_relu(0.1), leaky);
        }
    }
}

#[test]
fn powi() {
    for x in points() {
        for n in [
            -1000,
            -3,
            -2,
            -1,
            0,
            1,
            2,
            3,
            4,
            7,
            31,
            1000,
            i32::MAX,
            i32::MIN,
        ] {
            let n = black_box(n);
            let args = [x, f64::from(n)];
            assert_same("powi", &args, Var::new(x).powi(n), x.powi(n));
            assert_same("powi", &args, Var::constant(x).powi(n), x.powi(n));
            assert_same("powi", &args, Real::powi(Var::new(x), n), x.powi(n));
        }
    }
}

#[test]
fn sin_cos() {
    for x in points() {
        let (sin, cos) = Var::new(x).sin_cos();
        assert_same("sin of sin_cos", &[x], sin, x.sin_cos().0);
        assert_same("cos of sin_cos", &[x], cos, x.sin_cos().1);
    }
}

#[test]
fn mul_add() {
    let mut bits = Bits(3);
    for _ in 0..5000 {
        let [x, a, b] = [0; 3].map(|_| bits.double());
        let expected = x.mul_add(a, b);
        let [u, v, w] = [x, a, b].map(Var::new);
        for got in [
            u.mul_add(v, w),
            u.mul_add(a, w),
            u.mul_add(v, b),
            u.mul_add(a, b),
            Var::constant(x).mul_add(v, w),
            Var::constant(x).mul_add(a, w),
            Var::constant(x).mul_add(v, b),
            Var::constant(x).mul_add(a, b),
        ] {
            assert_same("mul_add", &[x, a, b], got, expected);
        }
    }
}

#[test]
fn clamp() {
    let mut bits = Bits(4);
    for _ in 0..5000 {
        let [x, a, b] = [0; 3].map(|_| bits.double());
        if a.is_nan() || b.is_nan() {
            continue;
        }
        let (low, high) = if a <= b { (a, b) } else { (b, a) };
        let expected = x.clamp(low, high);
        let args = [x, low, high];
        assert_same("clamp", &args, Var::new(x).clamp(low, high), expected);
        assert_same(
            "clamp",
            &args,
            Var::new(x).clamp(Var::new(low), high),
            expected,
        );
        assert_same(
            "clamp",
            &args,
            Var::new(x).clamp(low, Var::new(high)),
            expected,
        );
        assert_same("clamp", &args, Var::constant(x).clamp(low, high), expected);
    }
}

#[test]
fn clamp_panics_where_f64_does_and_leaves_the_graph_usable() {
    for (low, high) in [(1.0, 0.0), (f64::NAN, 1.0), (0.0, f64::NAN)] {
        assert!(catch_unwind(|| 0.5_f64.clamp(low, high)).is_err());
        assert!(catch_unwind(|| Var::new(0.5).clamp(low, high)).is_err());
        assert!(catch_unwind(|| Var::new(0.5).clamp(Var::new(low), high)).is_err());
    }
    let x = Var::new(3.0);
    (x * x).backward();
    assert_eq!(x.grad(), 6.0);
}

/// Every row of the table stands in this file, so that a new one cannot be forgotten.
#[test]
fn every_operation_of_the_table_is_checked_here() {
    let (table, here) = (
        include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/src/table.rs")),
        include_str!("values.rs"),
    );
    let mut rows = 0;
    for line in table.lines() {
        // `Variant method(operands) "label": value, …`
        let Some((head, _)) = line.trim().split_once("(") else {
            continue;
        };
        let Some((variant, method)) = head.split_once(' ') else {
            continue;
        };
        let is_row = line.starts_with("            ")
            && line.contains("\": ")
            && variant.starts_with(char::is_uppercase)
            && variant.chars().all(char::is_alphanumeric);
        if is_row {
            rows += 1;
            assert!(
                here.split(|c: char| !(c.is_alphanumeric() || c == '_'))
                    .any(|word| word == method),
                "`{method}` is checked nowhere in this file"
            );
        }
    }
    assert!(rows >= 70, "found {rows} rows only");
}

// ---------------------------------------------------------------- operators

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

// ---------------------------------------------------------------- comparisons

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

// ---------------------------------------------------------------- sums, products, slices

fn slices() -> Vec<Vec<f64>> {
    let mut bits = Bits(5);
    let mut slices: Vec<Vec<f64>> = (0..400)
        .map(|k| (0..k % 40).map(|_| bits.double()).collect())
        .collect();
    slices.extend((0..400).map(|k| {
        (0..k % 40)
            .map(|_| (bits.next() >> 11) as f64 * 1e-15)
            .collect()
    }));
    slices.extend([vec![-0.0], vec![-0.0, -0.0], vec![0.0, -0.0], vec![]]);
    slices
}

fn vars(x: &[f64]) -> Vec<Var> {
    x.iter().map(|&x| Var::new(x)).collect()
}

#[test]
fn sum_and_product_of_iterators() {
    for x in slices() {
        let u = vars(&x);
        let (total, product): (f64, f64) = (x.iter().sum(), x.iter().product());
        assert_same("sum", &x, u.iter().sum(), total);
        assert_same("sum", &x, u.iter().copied().sum(), total);
        assert_same("sum", &x, sum(&u), total);
        assert_same("product", &x, u.iter().product(), product);
        assert_same("product", &x, u.iter().copied().product(), product);
        let constants = x.iter().map(|&x| Var::constant(x));
        assert_same("sum", &x, constants.clone().sum(), total);
        assert_same("product", &x, constants.product(), product);
    }
}

#[test]
fn functions_of_slices_are_those_of_plain_slices() {
    for x in slices() {
        let u = vars(&x);
        let y: Vec<f64> = x.iter().rev().copied().collect();
        let expected: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
        assert_same("dot", &x, dot(&u, &vars(&y)), expected);
        assert_same("weighted_sum", &x, weighted_sum(&u, &y), expected);
        assert_same("norm", &x, norm(&u), <f64 as Real>::norm(&x));
        let expected = <f64 as Real>::log_sum_exp(&x);
        assert_same("log_sum_exp", &x, log_sum_exp(&u), expected);
        if x.iter().any(|x| x.is_nan()) {
            assert!(norm(&u).value().is_nan());
            assert!(log_sum_exp(&u).value().is_nan());
            assert!(softmax(&u).iter().all(|z| z.value().is_nan()));
        }
    }
}

#[test]
fn softmax_is_positive_and_sums_to_one_without_overflow() {
    for x in [[1000.0, 999.0, -2000.0], [-1e300, 0.0, 1e300], [0.0; 3]] {
        let z = softmax(&vars(&x));
        let total: f64 = z.iter().map(|z| z.value()).sum();
        assert!((total - 1.0).abs() < 1e-15);
        assert!(z.iter().all(|z| (0.0..=1.0).contains(&z.value())));
    }
    assert!(softmax(&[]).is_empty());
}

#[test]
fn softmax_takes_one_node_per_output_and_two_that_they_share() {
    for n in 1..20 {
        let x = vars(&vec![0.5; n]);
        let before = graph::len();
        let z = softmax(&x);
        assert_eq!(graph::len() - before, n + 2);
        assert!(z.iter().all(|z| z.op() == Op::SoftmaxShare));
        let operands = z[n - 1].operands();
        let ops: Vec<Op> = operands.iter().map(|x| x.op()).collect();
        assert_eq!(ops, [Op::Leaf, Op::LogSumExp, Op::SumExp]);
        assert_eq!(operands[2].operands().len(), n + 1);
    }
    let z = softmax(&[Var::new(1.0), Var::constant(2.0)]);
    let e = 1f64.exp();
    assert_eq!(z[1].value(), e / (1.0 + e));
    assert_eq!(z[1].operands()[0].value(), 2.0);
}

#[test]
fn norm_neither_overflows_nor_underflows() {
    for scale in [1e300, 1e200, 1.0, 1e-200, 1e-300] {
        let z = norm(&vars(&[3.0 * scale, -4.0 * scale])).value();
        assert!((z / (5.0 * scale) - 1.0).abs() < 4e-16);
    }
    assert_eq!(norm(&vars(&[-3.0])).value(), 3.0);
    assert_eq!(norm(&[]).value(), 0.0);
}

// ---------------------------------------------------------------- printing and traits

#[test]
fn display_is_that_of_f64() {
    for x in points() {
        for u in [Var::new(x), Var::constant(x)] {
            assert_eq!(format!("{u}"), format!("{x}"));
            assert_eq!(format!("{u:.3}"), format!("{x:.3}"));
            assert_eq!(format!("{u:+012.2}"), format!("{x:+012.2}"));
            assert_eq!(format!("{u:>30}"), format!("{x:>30}"));
        }
    }
}

#[test]
fn debug_tells_a_variable_from_a_constant() {
    assert_eq!(format!("{:?}", Var::new(2.0)), "Var(2.0)");
    assert_eq!(format!("{:?}", Var::constant(2.0)), "Constant(2.0)");
    assert_eq!(format!("{:?}", Var::new(2.0) * 1.5), "Var(3.0)");
    assert_eq!(format!("{:.2?}", Var::new(1.0)), "Var(1.00)");
    assert_eq!(format!("{:?}", Var::new(f64::NAN)), "Var(NaN)");
}

#[test]
fn defaults_and_conversions_are_constants() {
    assert!(Var::default().is_constant() && is_same(Var::default().value(), 0.0));
    for x in points() {
        for u in [Var::from(x), Var::from(&x), x.into(), Var::new(x).detach()] {
            assert!(u.is_constant() && u.op() == Op::Constant);
            assert_same("from", &[x], u, x);
        }
        assert_same("new", &[x], Var::new(x), x);
        assert!(!Var::new(x).is_constant());
    }
}

#[test]
fn no_grad_changes_no_value() {
    graph::no_grad(|| {
        for (x, y) in pairs() {
            let (u, v) = (Var::new(x), Var::new(y));
            assert_same("no_grad", &[x, y], u * v + u.powf(v), x * y + x.powf(y));
        }
    });
}

/// `item()` picks the impl for `T` where `T` is not `Send`; where it is there are two, an error.
macro_rules! assert_not {
    ($T:ty: $Trait:path) => {{
        trait AmbiguousIf<A> {
            fn item() {}
        }
        impl<T: ?Sized> AmbiguousIf<()> for T {}
        struct Has;
        #[allow(dead_code)]
        impl<T: ?Sized + $Trait> AmbiguousIf<Has> for T {}
        <$T as AmbiguousIf<_>>::item();
    }};
}

#[test]
fn var_is_sixteen_bytes_copy_static_and_bound_to_its_thread() {
    fn is<T: Copy + 'static + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    is::<Var>();
    assert_eq!((size_of::<Var>(), align_of::<Var>()), (16, 8));
    #[cfg(not(feature = "nalgebra"))]
    assert_not!(Var: Send);
    #[cfg(not(feature = "nalgebra"))]
    assert_not!(Var: Sync);
    assert_not!(Var: Eq);
    assert_not!(Var: Ord);
    assert_not!(Var: std::hash::Hash);
}

#[test]
fn a_constant_can_be_made_in_a_const() {
    const HALF: Var = Var::constant(0.5);
    assert_eq!((HALF + HALF).value(), 1.0);
}

/// The `n`-th derivative of `sinc` by the recurrence alone, from as far off as it takes.
fn sinc_derivative_by_recurrence(n: u32, x: f64) -> f64 {
    let (sin, cos) = x.sin_cos();
    let sin_derivative = |m: u32| [sin, cos, -sin, -cos][(m % 4) as usize];
    if x.abs() >= f64::from(n) {
        return (1..=n).fold(sin / x, |s, m| (sin_derivative(m) - f64::from(m) * s) / x);
    }
    let end = n + 2 * (x.abs() as u32) + 100;
    let step = |s: f64, m: u32| (sin_derivative(m) - x * s) / f64::from(m);
    (n + 1..=end).rev().fold(0.0, step)
}

#[test]
fn derivatives_of_sinc_of_high_order_are_those_of_the_recurrence() {
    for n in [1000, 1001, 1002, 1003, 1500, 4999, 20_000, 100_001] {
        for share in [0.0, 1e-3, 0.3, 0.9, 0.999, 1.0, 1.001, 1.5, 7.0, 1e3] {
            for x in [share * f64::from(n), -share * f64::from(n)] {
                let (found, expected) = (x.sinc_derivative(n), sinc_derivative_by_recurrence(n, x));
                let size = 1.0 / f64::from(n).hypot(x);
                assert!(
                    (found - expected).abs() <= 64.0 * f64::EPSILON * size,
                    "{n} {x}: {found:e} {expected:e}"
                );
            }
        }
    }
}

#[test]
fn an_integer_parameter_of_any_size_takes_no_time() {
    let start = std::time::Instant::now();
    let points = [
        0.0,
        -0.0,
        1e-300,
        0.5,
        -1.5,
        3.0,
        1e3,
        1e9,
        -2e9,
        4e9,
        1e12,
        1e300,
        f64::MAX,
    ];
    for n in [
        0,
        1,
        999,
        1000,
        i32::MAX as u32,
        1 << 31,
        u32::MAX - 1,
        u32::MAX,
    ] {
        for x in points {
            let sinc = x.sinc_derivative(n);
            assert!(
                sinc.abs() <= 1.0 / (f64::from(n) + 1.0) * 1.001,
                "{n} {x} {sinc}"
            );
            let v = Var::new(x);
            let values = [v.sinc_derivative(n), v.polygamma(n), v.powi(n as i32)];
            for z in values {
                z.backward();
                let _ = (
                    v.grad(),
                    z.differentiate(&[v])[0].differentiate(&[v]),
                    z.to_text(),
                );
            }
            assert!(values[0].to_text().contains(&n.to_string()) || v.value() == 0.0 || n == 0);
        }
        assert!(f64::NAN.sinc_derivative(n).is_nan());
    }
    assert!(start.elapsed().as_secs() < 10, "{:?}", start.elapsed());
    // There is no order beyond: not a wrong number.
    let x = Var::new(0.5);
    x.sinc_derivative(u32::MAX).backward();
    assert!(x.grad().is_nan());
}
