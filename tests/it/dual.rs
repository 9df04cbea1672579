//! Forward-mode duals with derivatives of their own: an oracle that shares no rule with the table.

use scalargrad::{Op, Real, Var, gradient, log_sum_exp, norm};
use std::cmp::Ordering;
use std::f64::consts::{LN_2, LN_10, PI};
use std::fmt;
use std::iter::{Product, Sum};
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

/// A value and its tangent. Over duals themselves it carries second derivatives.
///
/// The formulas are those of a textbook, right away from kinks and poles and the ends of the range.
#[derive(Clone, Copy, Debug, Default)]
pub struct Dual<T> {
    pub value: T,
    pub tangent: T,
}

impl<T: Real> Dual<T> {
    pub fn new(value: T, tangent: T) -> Dual<T> {
        Dual { value, tangent }
    }

    pub fn constant(value: T) -> Dual<T> {
        Dual::new(value, T::from(0.0))
    }

    /// The chain rule: a value, and the slope with respect to `self`.
    fn chain(self, value: T, slope: T) -> Dual<T> {
        Dual::new(value, slope * self.tangent)
    }

    fn chain2(self, other: Dual<T>, value: T, slopes: (T, T)) -> Dual<T> {
        Dual::new(value, slopes.0 * self.tangent + slopes.1 * other.tangent)
    }

    /// A value that moves in steps.
    fn step(value: T) -> Dual<T> {
        Dual::constant(value)
    }
}

/// The derivative of `f` along the tangent `v` at `x`.
pub fn directional(f: impl Fn(&[Dual<f64>]) -> Dual<f64>, x: &[f64], v: &[f64]) -> f64 {
    let x: Vec<_> = x.iter().zip(v).map(|(&x, &v)| Dual::new(x, v)).collect();
    f(&x).tangent
}

/// The gradient of `f` at `x`, a direction for each component.
pub fn forward_gradient(f: impl Fn(&[Dual<f64>]) -> Dual<f64>, x: &[f64]) -> Vec<f64> {
    let unit = |k: usize| {
        let mut v = vec![0.0; x.len()];
        v[k] = 1.0;
        v
    };
    (0..x.len()).map(|k| directional(&f, x, &unit(k))).collect()
}

/// The second derivatives of `f` at `x`, by duals of duals.
pub fn forward_hessian(
    f: impl Fn(&[Dual<Dual<f64>>]) -> Dual<Dual<f64>>,
    x: &[f64],
) -> Vec<Vec<f64>> {
    let one_if = |condition: bool| if condition { 1.0 } else { 0.0 };
    let entry = |i: usize, j: usize| {
        let x: Vec<_> = (x.iter().enumerate())
            .map(|(k, &x)| Dual {
                value: Dual::new(x, one_if(k == i)),
                tangent: Dual::constant(one_if(k == j)),
            })
            .collect();
        f(&x).tangent.tangent
    };
    (0..x.len())
        .map(|i| (0..x.len()).map(|j| entry(i, j)).collect())
        .collect()
}

impl<T: Real> From<f64> for Dual<T> {
    fn from(value: f64) -> Dual<T> {
        Dual::constant(T::from(value))
    }
}

impl<T: Real> fmt::Display for Dual<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} + {}ε", self.value, self.tangent)
    }
}

impl<T: Real> PartialEq for Dual<T> {
    fn eq(&self, other: &Dual<T>) -> bool {
        self.value == other.value
    }
}

impl<T: Real> PartialEq<f64> for Dual<T> {
    fn eq(&self, other: &f64) -> bool {
        self.value == *other
    }
}

impl<T: Real> PartialOrd for Dual<T> {
    fn partial_cmp(&self, other: &Dual<T>) -> Option<Ordering> {
        self.value.partial_cmp(&other.value)
    }
}

impl<T: Real> PartialOrd<f64> for Dual<T> {
    fn partial_cmp(&self, other: &f64) -> Option<Ordering> {
        self.value.partial_cmp(other)
    }
}

impl<T: Real> Neg for Dual<T> {
    type Output = Dual<T>;
    fn neg(self) -> Dual<T> {
        Dual::new(-self.value, -self.tangent)
    }
}

macro_rules! operators {
    ($($Trait:ident $method:ident $Assign:ident $assign:ident $op:tt ($x:ident, $y:ident) => $tangent:expr;)*) => { $(
        impl<T: Real> $Trait for Dual<T> {
            type Output = Dual<T>;
            fn $method(self, other: Dual<T>) -> Dual<T> {
                let ($x, $y) = (self, other);
                Dual::new($x.value $op $y.value, $tangent)
            }
        }

        impl<T: Real> $Trait<f64> for Dual<T> {
            type Output = Dual<T>;
            fn $method(self, other: f64) -> Dual<T> {
                self $op Dual::from(other)
            }
        }

        impl<T: Real> $Assign for Dual<T> {
            fn $assign(&mut self, other: Dual<T>) {
                *self = *self $op other;
            }
        }

        impl<T: Real> $Assign<f64> for Dual<T> {
            fn $assign(&mut self, other: f64) {
                *self = *self $op other;
            }
        }
    )* };
}
operators! {
    Add add AddAssign add_assign + (x, y) => x.tangent + y.tangent;
    Sub sub SubAssign sub_assign - (x, y) => x.tangent - y.tangent;
    Mul mul MulAssign mul_assign * (x, y) => x.value * y.tangent + x.tangent * y.value;
    Div div DivAssign div_assign / (x, y) =>
        (x.tangent * y.value - x.value * y.tangent) / (y.value * y.value);
    Rem rem RemAssign rem_assign % (x, y) => x.tangent - (x.value / y.value).trunc() * y.tangent;
}

impl<T: Real> Sum for Dual<T> {
    fn sum<I: Iterator<Item = Dual<T>>>(terms: I) -> Dual<T> {
        let (values, tangents): (Vec<T>, Vec<T>) = terms.map(|x| (x.value, x.tangent)).unzip();
        Dual::new(values.into_iter().sum(), tangents.into_iter().sum())
    }
}

impl<'a, T: Real> Sum<&'a Dual<T>> for Dual<T> {
    fn sum<I: Iterator<Item = &'a Dual<T>>>(terms: I) -> Dual<T> {
        terms.copied().sum()
    }
}

impl<'a, T: Real> Product<&'a Dual<T>> for Dual<T> {
    fn product<I: Iterator<Item = &'a Dual<T>>>(factors: I) -> Dual<T> {
        factors.copied().product()
    }
}

impl<T: Real> Product for Dual<T> {
    fn product<I: Iterator<Item = Dual<T>>>(factors: I) -> Dual<T> {
        factors.reduce(|x, y| x * y).unwrap_or(Dual::from(1.0))
    }
}

/// Functions of one operand: the slope, as an expression of the operand `x` and the result `z`.
macro_rules! functions {
    ($($method:ident |$x:ident, $z:ident| $slope:expr;)*) => { $(
        fn $method(self) -> Self {
            let $x = self.value;
            let $z = $x.$method();
            self.chain($z, $slope)
        }
    )* };
}

/// Functions of two operands, with both slopes.
macro_rules! functions2 {
    ($($method:ident |$x:ident, $y:ident, $z:ident| $dx:expr, $dy:expr;)*) => { $(
        fn $method(self, other: impl Into<Self>) -> Self {
            let other = other.into();
            let ($x, $y) = (self.value, other.value);
            let $z = $x.$method($y);
            self.chain2(other, $z, ($dx, $dy))
        }
    )* };
}

macro_rules! steps {
    ($($method:ident)*) => { $(
        fn $method(self) -> Self {
            Dual::step(self.value.$method())
        }
    )* };
}

macro_rules! masks {
    ($($method:ident)*) => { $(
        fn $method(self, other: impl Into<Self>) -> Self {
            Dual::step(self.value.$method(other.into().value))
        }
    )* };
}

fn number<T: Real>(x: f64) -> T {
    T::from(x)
}

/// The standard normal density.
fn density<T: Real>(x: T) -> T {
    (x * x * -0.5).exp() / (2.0 * PI).sqrt()
}

impl<T: Real> From<Dual<T>> for f64 {
    fn from(x: Dual<T>) -> f64 {
        x.value.value()
    }
}

impl<T: Real> Real for Dual<T> {
    fn value(self) -> f64 {
        self.value.value()
    }

    /// Only what has no method: a row that is missing below must not be found by another way.
    fn apply(op: Op, _: i32, _: &[Self]) -> Self {
        unimplemented!("the textbook's derivative of {op}")
    }

    fn dot(x: &[Self], y: &[Self]) -> Self {
        let values = |x: &[Self]| -> Vec<T> { x.iter().map(|x| x.value).collect() };
        let tangents = x.iter().zip(y).map(|(&x, &y)| (x * y).tangent);
        Dual::new(T::dot(&values(x), &values(y)), tangents.sum())
    }

    fn norm(x: &[Self]) -> Self {
        let values: Vec<T> = x.iter().map(|x| x.value).collect();
        let z = T::norm(&values);
        let tangents = x.iter().map(|x| x.value / z * x.tangent);
        Dual::new(z, tangents.sum())
    }

    fn log_sum_exp(x: &[Self]) -> Self {
        let values: Vec<T> = x.iter().map(|x| x.value).collect();
        let z = T::log_sum_exp(&values);
        let tangents = x.iter().map(|x| (x.value - z).exp() * x.tangent);
        Dual::new(z, tangents.sum())
    }

    functions! {
        sqrt |x, z| number::<T>(0.5) / z;
        cbrt |x, z| number::<T>(1.0) / (z * z * 3.0);
        recip |x, z| number::<T>(-1.0) / (x * x);
        exp |x, z| z;
        exp2 |x, z| z * LN_2;
        exp_m1 |x, z| x.exp();
        ln |x, z| x.recip();
        log2 |x, z| (x * LN_2).recip();
        log10 |x, z| (x * LN_10).recip();
        ln_1p |x, z| (x + 1.0).recip();
        sin |x, z| x.cos();
        cos |x, z| -x.sin();
        tan |x, z| (x.cos() * x.cos()).recip();
        asin |x, z| (number::<T>(1.0) - x * x).sqrt().recip();
        acos |x, z| -(number::<T>(1.0) - x * x).sqrt().recip();
        atan |x, z| (x * x + 1.0).recip();
        sinh |x, z| x.cosh();
        cosh |x, z| x.sinh();
        tanh |x, z| (x.cosh() * x.cosh()).recip();
        sech2 |x, z| x.sinh() * -2.0 / (x.cosh() * x.cosh() * x.cosh());
        asinh |x, z| (x * x + 1.0).sqrt().recip();
        acosh |x, z| (x * x - 1.0).sqrt().recip();
        atanh |x, z| (number::<T>(1.0) - x * x).recip();
        fract |x, z| number(1.0);
        to_degrees |x, z| number(180.0 / PI);
        to_radians |x, z| number(PI / 180.0);
        sigmoid |x, z| (-x).exp() / (((-x).exp() + 1.0) * ((-x).exp() + 1.0));
        softplus |x, z| x.exp() / (x.exp() + 1.0);
        silu |x, z| {
            let e = (-x).exp();
            (e + 1.0 + x * e) / ((e + 1.0) * (e + 1.0))
        };
        gelu |x, z| ((x / 2f64.sqrt()).erf() + 1.0) * 0.5 + x * density(x);
        erf |x, z| (-(x * x)).exp() * (2.0 / PI.sqrt());
        erfc |x, z| (-(x * x)).exp() * (-2.0 / PI.sqrt());
        exp_neg_square |x, z| x * (-(x * x)).exp() * -2.0;
        normal_pdf |x, z| -x * density(x);
        normal_cdf |x, z| density(x);
        gamma |x, z| z * x.digamma();
        ln_gamma |x, z| x.digamma();
        digamma |x, z| x.polygamma(1);
        sinc |x, z| x.sinc_derivative(1);
        abs |x, z| x / z;
        relu |x, z| number(if x > 0.0 { 1.0 } else { 0.0 });
    }

    functions2! {
        powf |x, y, z| y * x.powf(y - 1.0), z * x.ln();
        log |x, b, z| (x * b.ln()).recip(), -x.ln() / (b * b.ln() * b.ln());
        atan2 |y, x, z| x / (x * x + y * y), -y / (x * x + y * y);
        inversion |x, y, z| {
            let d = x * x + y * y;
            (y * y - x * x) / (d * d)
        }, {
            let d = x * x + y * y;
            x * y * -2.0 / (d * d)
        };
        hypot |x, y, z| x / (x * x + y * y).sqrt(), y / (x * x + y * y).sqrt();
        rem_euclid |x, y, z| number(1.0), -(x / y).floor();
        xlogy |x, y, z| y.ln(), x / y;
        logaddexp |x, y, z| x.exp() / (x.exp() + y.exp()), y.exp() / (x.exp() + y.exp());
        max |x, y, z| number(if x > y { 1.0 } else { 0.0 }), number(if x > y { 0.0 } else { 1.0 });
        min |x, y, z| number(if x < y { 1.0 } else { 0.0 }), number(if x < y { 0.0 } else { 1.0 });
        copysign |x, y, z| number(if (x < 0.0) == (y < 0.0) { 1.0 } else { -1.0 }), number(0.0);
        exp_sub |x, y, z| z, -z;
        leaky_relu |x, slope, z|
            if x > 0.0 { number(1.0) } else { slope },
            if x > 0.0 { number(0.0) } else { x };
    }

    steps! { signum floor ceil round trunc }
    masks! { div_euclid gt_mask ge_mask lt_mask le_mask eq_mask }

    fn powi(self, n: i32) -> Self {
        let x = self.value;
        let slope = match n {
            0 => 0.0.into(),
            _ => x.powi(n - 1) * f64::from(n),
        };
        self.chain(x.powi(n), slope)
    }

    fn polygamma(self, n: u32) -> Self {
        self.chain(self.value.polygamma(n), self.value.polygamma(n + 1))
    }

    fn sinc_derivative(self, n: u32) -> Self {
        let x = self.value;
        // From x·sinc x = sin x, differentiated n + 1 times, away from 0.
        let m = f64::from(n) + 1.0;
        let right = match (n + 1) % 4 {
            0 => x.sin(),
            1 => x.cos(),
            2 => -x.sin(),
            _ => -x.cos(),
        };
        let slope = if x.value().abs() < 0.5 {
            x.sinc_derivative(n + 1)
        } else {
            (right - x.sinc_derivative(n) * m) / x
        };
        self.chain(x.sinc_derivative(n), slope)
    }

    fn softmax_share(self, c: impl Into<Self>, s: impl Into<Self>) -> Self {
        (self - c.into()).exp() / s.into()
    }

    fn mul_add(self, a: impl Into<Self>, b: impl Into<Self>) -> Self {
        let (a, b) = (a.into(), b.into());
        let tangent = (self * a + b).tangent;
        Dual::new(self.value.mul_add(a.value, b.value), tangent)
    }

    fn clamp(self, low: impl Into<Self>, high: impl Into<Self>) -> Self {
        let (low, high) = (low.into(), high.into());
        match self {
            x if x.value < low.value => low,
            x if x.value > high.value => high,
            x => x,
        }
    }

    fn mask_select(self, a: impl Into<Self>, b: impl Into<Self>) -> Self {
        if self.value == 0.0 {
            b.into()
        } else {
            a.into()
        }
    }
}

fn assert_close(a: f64, b: f64, what: &str) {
    assert!(
        (a - b).abs() <= 1e-12 * (1.0 + a.abs().max(b.abs())),
        "{what}: {a} is not {b}"
    );
}

/// Compares the sweep with duals for each expression of `x`, at a point of its domain.
macro_rules! agree {
    ($($point:expr => |$x:ident| $f:expr;)*) => { $( {
        fn f<T: Real>($x: &[T]) -> T {
            $f
        }
        let (point, what): (&[f64], _) = (&$point, stringify!($f));
        let duals: Vec<Dual<f64>> = point.iter().map(|&x| Dual::from(x)).collect();
        assert_eq!(f(point).to_bits(), f(&duals).value.to_bits(), "{what}");
        let sweep = gradient(f::<Var>, point);
        for (a, b) in sweep.iter().zip(forward_gradient(f::<Dual<f64>>, point)) {
            assert_close(*a, b, what);
        }
        let again = scalargrad::graph::scope(|| {
            let x: Vec<Var> = point.iter().map(|&x| Var::new(x)).collect();
            let first = f(&x).differentiate(&x);
            first.iter().map(|d| d.gradients().wrt_all(&x)).collect::<Vec<_>>()
        });
        for (a, b) in again.iter().flatten().zip(forward_hessian(f, point).iter().flatten()) {
            assert_close(*a, *b, &format!("second derivatives of {what}"));
        }
    } )* };
}

#[test]
fn sweeps_and_duals_agree_on_every_operation() {
    agree! {
        [1.3, -0.4] => |x| x[0] + x[1];
        [1.3, -0.4] => |x| x[0] - x[1];
        [1.3, -0.4] => |x| x[0] * x[1];
        [1.3, -0.4] => |x| x[0] / x[1];
        [-7.3, 1.4] => |x| x[0] % x[1];
        [1.3] => |x| -x[0];
        [1.3] => |x| x[0].sqrt();
        [-1.3] => |x| x[0].cbrt();
        [-1.3] => |x| x[0].recip();
        [-1.3] => |x| x[0].powi(0);
        [-1.3] => |x| x[0].powi(1);
        [-1.3] => |x| x[0].powi(2);
        [-1.3] => |x| x[0].powi(5);
        [-1.3] => |x| x[0].powi(-3);
        [1.3] => |x| x[0].powi(11);
        [1.3, -0.4] => |x| x[0].powf(x[1]);
        [0.3, 2.4] => |x| x[0].powf(x[1]);
        [-1.3] => |x| x[0].exp();
        [-1.3] => |x| x[0].exp2();
        [-1.3] => |x| x[0].exp_m1();
        [0.2] => |x| x[0].exp_m1();
        [0.3] => |x| x[0].ln();
        [0.3, 2.7] => |x| x[0].log(x[1]);
        [0.3] => |x| x[0].log2();
        [0.3] => |x| x[0].log10();
        [-0.3] => |x| x[0].ln_1p();
        [1.3] => |x| x[0].sin();
        [1.3] => |x| x[0].cos();
        [1.3] => |x| x[0].tan();
        [0.4] => |x| x[0].asin();
        [0.4] => |x| x[0].acos();
        [-1.3] => |x| x[0].atan();
        [-1.3, 0.7] => |x| x[0].atan2(x[1]);
        [1.3, -0.7] => |x| x[0].atan2(x[1]);
        [-1.3] => |x| x[0].sinh();
        [-1.3] => |x| x[0].cosh();
        [-1.3] => |x| x[0].tanh();
        [0.2] => |x| x[0].tanh();
        [-1.3] => |x| x[0].sech2();
        [-1.3] => |x| x[0].asinh();
        [1.3] => |x| x[0].acosh();
        [-0.3] => |x| x[0].atanh();
        [-1.3, 0.7] => |x| x[0].hypot(x[1]);
        [0.3, -0.7] => |x| x[0].hypot(x[1]);
        [1.3, 0.7, -0.2] => |x| x[0].mul_add(x[1], x[2]);
        [-1.3] => |x| x[0].fract();
        [-1.3] => |x| x[0].to_degrees();
        [-1.3] => |x| x[0].to_radians();
        [-7.3, 1.4] => |x| x[0].rem_euclid(x[1]);
        [-1.3] => |x| x[0].sigmoid();
        [1.3] => |x| x[0].sigmoid();
        [-1.3] => |x| x[0].softplus();
        [-1.3] => |x| x[0].silu();
        [-1.3] => |x| x[0].gelu();
        [-0.3] => |x| x[0].erf();
        [-0.3] => |x| x[0].erfc();
        [-0.3] => |x| x[0].exp_neg_square();
        [-0.3] => |x| x[0].normal_pdf();
        [-0.3] => |x| x[0].normal_cdf();
        [2.3] => |x| x[0].gamma();
        [2.3] => |x| x[0].ln_gamma();
        [2.3] => |x| x[0].digamma();
        [2.3] => |x| x[0].polygamma(2);
        [2.3] => |x| x[0].sinc();
        [2.3] => |x| x[0].sinc_derivative(2);
        [1.3, 0.4] => |x| x[0].xlogy(x[1]);
        [1.3, 0.4] => |x| x[0].logaddexp(x[1]);
        [1.3, 0.4] => |x| x[0].exp_sub(x[1]);
        [1.3, 0.4] => |x| x[0].inversion(x[1]);
        [1.3, 0.4, 1.1] => |x| x[0].softmax_share(x[1], x[2]);
        [-1.3] => |x| x[0].abs();
        [-1.3, 0.4] => |x| x[0].max(x[1]);
        [1.3, 0.4] => |x| x[0].max(x[1]);
        [-1.3, 0.4] => |x| x[0].min(x[1]);
        [1.3, 0.4] => |x| x[0].min(x[1]);
        [-1.3, 0.4, 1.0] => |x| x[0].clamp(x[1], x[2]);
        [0.7, 0.4, 1.0] => |x| x[0].clamp(x[1], x[2]);
        [1.7, 0.4, 1.0] => |x| x[0].clamp(x[1], x[2]);
        [-1.3, 0.4] => |x| x[0].copysign(x[1]);
        [-1.3, -0.4] => |x| x[0].copysign(x[1]);
        [-1.3] => |x| x[0].relu();
        [1.3] => |x| x[0].relu();
        [-1.3, 0.4] => |x| x[0].leaky_relu(x[1]);
        [1.3, 0.4] => |x| x[0].leaky_relu(x[1]);
        [0.0, 1.3, 0.4] => |x| x[0].mask_select(x[1], x[2]);
        [2.0, 1.3, 0.4] => |x| x[0].mask_select(x[1], x[2]);
        [1.3] => |x| x[0].signum() + x[0].floor() * x[0].ceil() + x[0].round() * x[0].trunc();
        [1.3, 0.4] => |x| x[0].gt_mask(x[1]) * x[0] + x[0].ge_mask(x[1]) * x[1];
        [1.3, 0.4] => |x| x[0].lt_mask(x[1]) * x[0] + x[0].le_mask(x[1]) * x[1] + x[0].eq_mask(x[1]);
        [1.3, 0.4, -2.0] => |x| x.iter().copied().sum();
        [1.3, 0.4, -2.0, 0.5] => |x| T::dot(&x[..2], &x[2..]);
        [1.3, 0.4, -2.0] => |x| T::norm(x);
        [1.3, 0.4, -2.0] => |x| T::log_sum_exp(x);
    }
}

#[test]
fn duals_know_textbook_derivatives() {
    let x = Dual::new(3.0, 1.0);
    assert_eq!((x * x * x).tangent, 27.0);
    assert_eq!(x.ln().tangent, 1.0 / 3.0);
    let hessian = forward_hessian(|x| x[0] * x[0] * x[1], &[3.0, 2.0]);
    assert_eq!(hessian, [[4.0, 6.0], [6.0, 0.0]]);
}

#[test]
fn slices_with_constants_agree_with_duals() {
    let f = |x: &[Var]| norm(&[x[0], 2.0.into(), x[1]]) + log_sum_exp(&[1.0.into(), x[0], x[0]]);
    let g = |x: &[Dual<f64>]| {
        Dual::norm(&[x[0], 2.0.into(), x[1]]) + Dual::log_sum_exp(&[1.0.into(), x[0], x[0]])
    };
    let x = [0.7, -1.1];
    for (a, b) in gradient(f, &x).iter().zip(forward_gradient(g, &x)) {
        assert_close(*a, b, "norm and log_sum_exp");
    }
}
