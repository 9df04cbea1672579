//! The functions of duals, with the derivatives of a textbook.

use super::*;

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
        abs |x, z| if z.value() == 0.0 { x * 0.0 } else { x / z };
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
        let slope =
            if x.value().abs() < 0.5 { x.sinc_derivative(n + 1) } else { (right - x.sinc_derivative(n) * m) / x };
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
        if self.value == 0.0 { b.into() } else { a.into() }
    }
}
