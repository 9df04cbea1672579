//! The table: every elementary operation once.
//!
//! A row gives an operation its doc line, its variant of [`Op`], its method, its label in drawings,
//! its value in plain `f64`, its partials over any [`Real`], the derivative in words, the domain of
//! each operand, and the points at which tests probe it. Everything else (the methods of
//! [`Var`](crate::Var), the sweeps, replay, duals, drawings, tests) is stamped from these rows by
//! handing a macro to [`table!`].
//!
//! Four laws keep derivatives of every order right:
//!
//! - the table is **closed**: a rule uses rows of the table and `+ − × ÷` only;
//! - a partial that is **NaN** depends on what the result depends on (`unless_nan`, around every smooth partial),
//!   or its own derivative would be that of a constant;
//! - a rule is one text for every interpreter. Where one formula does not keep its accuracy over the
//!   whole domain, `below`, `within` and `at` choose between forms that are equal on paper;
//! - in a row, `z` is the result and `tie` the share of an operand at a tie: `1/k` where `k` active
//!   operands equal the result, `0` where a constant does too (the minimum-norm subgradient).
//!
//! Kinds: a `smooth` partial is multiplied as it is; a `switch` selects, and what it does not select
//! gets nothing, not even `0 × ∞`; a `step` has slope zero everywhere and no partials.
//!
//! The error bound of every first partial is 8·2⁻⁵³ over the whole domain (64·2⁻⁵³ for the special
//! functions), and that is why some rows are longer than a textbook's. What their comments call
//! "lost" is relative accuracy at first order, or of the same text differentiated again.

use crate::real::Real;
use smallvec::SmallVec;
use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, LN_2, LOG2_E, LOG10_E, PI};

const INF: f64 = f64::INFINITY;
const TINY: f64 = f64::MIN_POSITIVE;

#[rustfmt::skip]
macro_rules! table {
    ($then:ident) => { $then! {
        operators {
            /// The sum.
            Add add(x, y) "+": x + y, z tie => (T::from(1.0), T::from(1.0)); "`1`, `1`";
                [-INF..=INF, -INF..=INF]; [-2.0, 0.0, 0.75, 3.0];
            /// The difference.
            Sub sub(x, y) "−": x - y, z tie => (T::from(1.0), T::from(-1.0)); "`1`, `−1`";
                [-INF..=INF, -INF..=INF]; [-2.0, 0.0, 0.75, 3.0];
            /// The product.
            Mul mul(x, y) "×": x * y, z tie => (y, x); "`y`, `x`";
                [-INF..=INF, -INF..=INF]; [-2.0, 0.0, 0.75, 3.0];
            /// The quotient.
            // A subnormal z has lost bits that −z/y would magnify.
            Div div(x, y) "÷": x / y, z tie => (
                    y.recip(),
                    z.within(TINY, || z.at(0.0, || -(z / y), || -(x / (y * y))), || -(z / y))
                ); "`1/y`, `−x/y²`";
                [-INF..=INF, 0.0..=INF]; [-2.0, 0.5, 0.75, 3.0];
            /// The remainder, with the sign of `x`.
            Rem rem(x, y) "%": x % y, z tie => (T::from(1.0).unless_nan(z), (-(x / y - z / y).round()).unless_nan(z)); "`1`, `−trunc(x/y)`";
                [-INF..=INF, 0.0..=INF]; [-7.25, 0.5, 0.75, 3.0];
            /// The negative.
            Neg neg(x) "neg": -x, z tie => (T::from(-1.0)); "`−1`";
                [-INF..=INF]; [-2.0, 0.0, 0.75];
        }
        smooth {
            /// The square root.
            Sqrt sqrt(x) "sqrt": x.sqrt(), z tie => (z.at(0.0, || x.powf(-0.5) * 0.5, || T::from(0.5) / z)); "`1/(2√x)`; `∞` at 0";
                [0.0..=INF]; [0.0, 0.25, 2.0, 1e300];
            /// The cube root.
            // The sum cancels the rounding of z, which 1/(3z²) would double; it is NaN at 0 and ∞.
            Cbrt cbrt(x) "cbrt": x.cbrt(), z tie => (
                    z.within(1e-60, || T::from(1.0) / (z * z * 3.0), || z.within(1e102,
                        || ((z / x) * 2.0 + T::from(1.0) / (z * z)) / 9.0,
                        || T::from(1.0) / (z * z * 3.0)))
                ); "`1/(3 ∛x²)`; `∞` at 0";
                [-INF..=INF]; [0.0, -8.0, 0.3, 1e300];
            /// The reciprocal.
            Recip recip(x) "recip": x.recip(), z tie => (-(z * z)); "`−1/x²`; `−∞` at 0";
                [0.0..=INF]; [0.0, -0.5, 3.0, 1e-200];
            /// The power with an integer exponent.
            Powi powi(x; n: i32) "powi": x.powi(n), z tie => (powi_dx(x, n, z)); "`n xⁿ⁻¹`; `0` for `n = 0`, at 0 too";
                [-INF..=INF]; [0.0, -1.5, 2.0, 0.3];
            /// The power with a real exponent.
            Powf powf(x, y) "powf": x.powf(y), z tie => (powf_dx(x, y, z), powf_dy(x, y, z));
                "`y xʸ⁻¹`, `xʸ ln x`; the second is `0` at `x = 0 ≤ y` and NaN for `x < 0`";
                [0.0..=INF, -INF..=INF]; [0.0, 0.5, 2.0, 3.7];
            /// The exponential, `eˣ`.
            Exp exp(x) "exp": x.exp(), z tie => (z); "`eˣ`";
                [-INF..=INF]; [-1000.0, -2.0, 0.0, 1.5];
            /// The power of two, `2ˣ`.
            Exp2 exp2(x) "exp2": x.exp2(), z tie => (z.at(INF, || (x - 1.0).exp2() * (2.0 * LN_2), || z * LN_2)); "`2ˣ ln 2`";
                [-INF..=INF]; [-1.5, 0.0, 3.0];
            /// `eˣ − 1`, accurate near zero.
            ExpM1 exp_m1(x) "exp_m1": x.exp_m1(), z tie => (x.below(-0.5, || x.exp(), || z + 1.0)); "`eˣ`";
                [-INF..=INF]; [-40.0, -0.3, 0.0, 2.0];
            /// The natural logarithm.
            Ln ln(x) "ln": x.ln(), z tie => (reciprocal(x)); "`1/x`; `∞` at 0";
                [0.0..=INF]; [0.0, 1e-300, 0.5, 1.0, 7.0];
            /// The logarithm to a given base.
            Log log(x, b) "log": x.log(b), z tie => (
                    x.at(0.0, || b.ln().recip() * reciprocal(x), || b.ln().recip() / x),
                    -((z / b.ln()) / b)
                ); "`1/(x ln b)`, `−log_b x / (b ln b)`";
                [0.0..=INF, 1.0..=INF]; [0.5, 2.0, 10.0];
            /// The logarithm to base 2.
            Log2 log2(x) "log2": x.log2(), z tie => (x.at(0.0, || reciprocal(x), || T::from(LOG2_E) / x)); "`1/(x ln 2)`; `∞` at 0";
                [0.0..=INF]; [0.5, 1.0, 7.0];
            /// The logarithm to base 10.
            Log10 log10(x) "log10": x.log10(), z tie => (x.at(0.0, || reciprocal(x), || T::from(LOG10_E) / x)); "`1/(x ln 10)`; `∞` at 0";
                [0.0..=INF]; [0.5, 1.0, 7.0];
            /// `ln(1 + x)`, accurate near zero.
            Ln1p ln_1p(x) "ln_1p": x.ln_1p(), z tie => ((x + 1.0).recip()); "`1/(1 + x)`";
                [-1.0..=INF]; [-0.999, 0.0, 1e-12, 3.0];
            /// The sine of an angle in radians.
            Sin sin(x) "sin": x.sin(), z tie => (x.cos()); "`cos x`";
                [-INF..=INF]; [0.0, 1.0, -2.5, 100.0];
            /// The cosine of an angle in radians.
            Cos cos(x) "cos": x.cos(), z tie => (-x.sin()); "`−sin x`";
                [-INF..=INF]; [0.0, 1.0, -2.5, 100.0];
            /// The tangent of an angle in radians.
            Tan tan(x) "tan": x.tan(), z tie => (z * z + 1.0); "`1 + tan² x`";
                [-1.5..=1.5]; [0.0, 1.0, -1.25];
            /// The arc sine in radians.
            // The fused 1 − x² is correctly rounded, and its own derivative is −2x without cancellation.
            Asin asin(x) "asin": x.asin(), z tie => ((-x).mul_add(x, 1.0).sqrt().recip()); "`1/√(1 − x²)`; `∞` at ±1";
                [-1.0..=1.0]; [-1.0, 0.0, 0.5, 0.999];
            /// The arc cosine in radians.
            Acos acos(x) "acos": x.acos(), z tie => (-(-x).mul_add(x, 1.0).sqrt().recip()); "`−1/√(1 − x²)`; `−∞` at ±1";
                [-1.0..=1.0]; [-1.0, 0.0, 0.5, 0.999];
            /// The arc tangent in radians.
            Atan atan(x) "atan": x.atan(), z tie => (
                    x.within(1e70, || (x * x + 1.0).recip(), || x.recip() * x.recip())
                ); "`1/(1 + x²)`";
                [-INF..=INF]; [0.0, 1.0, -5.0, 1e160];
            /// The angle of the point `(x, y)`: `y.atan2(x)`, radians in (−π, π].
            Atan2 atan2(y, x) "atan2": y.atan2(x), z tie => (atan2_dy(y, x), atan2_dx(y, x));
                "`x/(x² + y²)`, `−y/(x² + y²)`; `0`, `0` at the origin";
                [-INF..=INF, 0.0..=INF]; [-2.0, 0.5, 1.0, 3.0];
            /// The hyperbolic sine.
            Sinh sinh(x) "sinh": x.sinh(), z tie => (x.cosh()); "`cosh x`";
                [-INF..=INF]; [0.0, 1.0, -3.0];
            /// The hyperbolic cosine.
            Cosh cosh(x) "cosh": x.cosh(), z tie => (x.sinh()); "`sinh x`";
                [-INF..=INF]; [0.0, 1.0, -3.0];
            /// The hyperbolic tangent.
            Tanh tanh(x) "tanh": x.tanh(), z tie => (z.within(0.5, || T::from(1.0) - z * z, || x.sech2())); "`1 − tanh² x`";
                [-INF..=INF]; [0.0, 0.3, 1.0, -3.0, 20.0, 300.0];
            /// The squared hyperbolic secant, `1/cosh² x`: the derivative of `tanh`.
            Sech2 sech2(x) "sech2": special::sech_squared(x), z tie => (z * x.tanh() * -2.0); "`−2 sech² x tanh x`";
                [-INF..=INF]; [0.0, 0.3, 1.0, -3.0, 20.0];
            /// The inverse hyperbolic sine.
            Asinh asinh(x) "asinh": x.asinh(), z tie => (x.hypot(1.0).recip()); "`1/√(x² + 1)`";
                [-INF..=INF]; [0.0, 1.0, -3.0, 1e200];
            /// The inverse hyperbolic cosine.
            Acosh acosh(x) "acosh": x.acosh(), z tie => (((x - 1.0).sqrt() * (x + 1.0).sqrt()).recip()); "`1/√(x² − 1)`; `∞` at 1";
                [1.0..=INF]; [1.0, 1.5, 1e200];
            /// The inverse hyperbolic tangent.
            Atanh atanh(x) "atanh": x.atanh(), z tie => ((-x).mul_add(x, 1.0).recip()); "`1/(1 − x²)`; `∞` at ±1";
                [-1.0..=1.0]; [0.0, 0.5, -0.999];
            /// The length of the vector `(x, y)`.
            Hypot hypot(x, y) "hypot": x.hypot(y), z tie => (hypot_dx(x, y), hypot_dx(y, x));
                "`x/hypot(x, y)`, `y/hypot(x, y)`; `0`, `0` at the origin";
                [-INF..=INF, -INF..=INF]; [-2.0, 0.0, 0.5, 3.0];
            /// `self · a + b` with one rounding.
            MulAdd mul_add(x, a, b) "mul_add": x.mul_add(a, b), z tie => (a, x, T::from(1.0)); "`a`, `x`, `1`";
                [-INF..=INF, -INF..=INF, -INF..=INF]; [-2.0, 0.0, 3.0];
            /// The fractional part, with the sign of `x`.
            Fract fract(x) "fract": x.fract(), z tie => (T::from(1.0)); "`1`";
                [-INF..=INF]; [0.25, -2.5, 3.75];
            /// The angle in degrees of an angle in radians.
            ToDegrees to_degrees(x) "to_degrees": x.to_degrees(), z tie => (T::from(180.0 / PI)); "`180/π`";
                [-INF..=INF]; [0.0, 1.0];
            /// The angle in radians of an angle in degrees.
            ToRadians to_radians(x) "to_radians": x.to_radians(), z tie => (T::from(PI / 180.0)); "`π/180`";
                [-INF..=INF]; [0.0, 90.0];
            /// The remainder that is never negative.
            RemEuclid rem_euclid(x, y) "rem_euclid": x.rem_euclid(y), z tie => (T::from(1.0), -(x / y - z / y).round());
                "`1`, `−(x − z)/y`, a whole number";
                [-INF..=INF, 0.0..=INF]; [-7.25, 0.5, 3.0];
            /// `x` for `x > 0`, else `slope · x`.
            LeakyRelu leaky_relu(x, slope) "leaky_relu": special::leaky_relu(x, slope), z tie => (
                    x.gt_mask(0.0) + x.lt_mask(0.0) * slope + x.eq_mask(0.0) * slope.max(0.0).min(1.0),
                    x.min(0.0)
                ); "`1` or `slope`; at 0 the slope nearest to 0; `min(x, 0)`";
                [-INF..=INF, 0.0..=1.0]; [0.0, -2.0, 0.1, 3.0];
            /// The logistic function, `1/(1 + e⁻ˣ)`.
            Sigmoid sigmoid(x) "sigmoid": special::sigmoid(x), z tie => (
                    x.below(-0.1, || z * (T::from(1.0) - z), || (x * 0.5).sech2() * 0.25)
                ); "`z(1 − z)`";
                [-INF..=INF]; [-800.0, -1.0, 0.0, 2.0, 40.0];
            /// `ln(1 + eˣ)`, a smooth `relu`.
            Softplus softplus(x) "softplus": special::softplus(x), z tie => (x.sigmoid()); "`sigmoid x`";
                [-INF..=INF]; [-800.0, -1.0, 0.0, 2.0, 800.0];
            /// `x · sigmoid x`, also called swish.
            Silu silu(x) "silu": special::silu(x), z tie => (silu_dx(x)); "`s(1 + x(1 − s))` with `s = sigmoid x`";
                [-INF..=INF]; [-800.0, -1.0, 0.0, 2.0];
            /// `x · Φ(x)`, the exact Gaussian error linear unit.
            Gelu gelu(x) "gelu": special::gelu(x), z tie => (gelu_dx(x)); "`Φ(x) + x φ(x)`";
                [-30.0..=30.0]; [-5.0, -1.0, 0.0, 2.0];
            /// The error function.
            Erf erf(x) "erf": special::erf(x), z tie => (x.exp_neg_square() * FRAC_2_SQRT_PI); "`2/√π · exp(−x²)`";
                [-INF..=INF]; [-3.0, 0.0, 0.5];
            /// The complementary error function, `1 − erf x`, accurate in its tail.
            Erfc erfc(x) "erfc": special::erfc(x), z tie => (x.exp_neg_square() * -FRAC_2_SQRT_PI); "`−2/√π · exp(−x²)`";
                [-INF..=INF]; [-3.0, 0.0, 0.5, 20.0];
            /// `exp(−x²)`, accurate in its tail.
            ExpNegSquare exp_neg_square(x) "exp_neg_square": special::exp_neg_square(x), z tie => (x * z * -2.0); "`−2x exp(−x²)`";
                [-25.0..=25.0]; [-3.0, 0.0, 0.5];
            /// The density of the standard normal distribution, `φ(x)`.
            NormPdf norm_pdf(x) "norm_pdf": special::norm_pdf(x), z tie => (-(x * z)); "`−x φ(x)`";
                [-35.0..=35.0]; [-3.0, 0.0, 0.5];
            /// The distribution function of the standard normal distribution, `Φ(x)`.
            NormalCdf normal_cdf(x) "normal_cdf": special::normal_cdf(x), z tie => (x.norm_pdf()); "`φ(x)`";
                [-INF..=INF]; [-35.0, -1.0, 0.0, 2.0];
            /// The gamma function, `Γ(x)`.
            Gamma gamma(x) "gamma": special::gamma(x), z tie => (z * x.digamma()); "`Γ(x) ψ(x)`";
                [0.0..=170.0]; [0.3, 1.0, 4.5, -1.5];
            /// `ln |Γ(x)|`.
            LnGamma ln_gamma(x) "ln_gamma": special::ln_gamma(x), z tie => (x.digamma()); "`ψ(x)`";
                [0.0..=INF]; [0.3, 1.0, 4.5, -1.5, 1e10];
            /// The digamma function `ψ`, the derivative of `ln_gamma`.
            Digamma digamma(x) "digamma": special::digamma(x), z tie => (x.polygamma(1)); "`ψ⁽¹⁾(x)`";
                [0.0..=INF]; [0.3, 1.0, 4.5, -1.5];
            /// The polygamma function, the `n`-th derivative of `digamma`.
            Polygamma polygamma(x; n: u32) "polygamma": special::polygamma(n, x), z tie => (x.polygamma(n.saturating_add(1))); "`ψ⁽ⁿ⁺¹⁾(x)`";
                [0.0..=INF]; [0.3, 1.0, 4.5, -1.5];
            /// The unnormalised sinc, `sin x / x`, and 1 at 0.
            Sinc sinc(x) "sinc": special::sinc(x), z tie => (x.sinc_derivative(1)); "`cos x / x − sin x / x²`; `0` at 0";
                [-INF..=INF]; [0.0, 1e-5, 1.0, -4.0];
            /// The `n`-th derivative of `sinc`.
            SincDerivative sinc_derivative(x; n: u32) "sinc_derivative": special::sinc_derivative(n, x), z tie => (x.sinc_derivative(n.saturating_add(1)));
                "`sinc⁽ⁿ⁺¹⁾(x)`";
                [-INF..=INF]; [0.0, 1e-5, 1.0, -4.0];
            /// `x ln y`, and 0 at `x = 0`.
            Xlogy xlogy(x, y) "xlogy": special::xlogy(x, y), z tie => (
                    y.ln(),
                    x.at(0.0, || y.at(0.0, || x, || x / y), || x / y)
                ); "`ln y`, `x/y`; the second is `0` at `x = 0`";
                [-INF..=INF, 0.0..=INF]; [0.0, 0.5, 2.0];
            /// `ln(eˣ + eʸ)`.
            LogAddExp logaddexp(x, y) "logaddexp": special::logaddexp(x, y), z tie => (
                    logaddexp_dx(x, y), logaddexp_dx(y, x)
                ); "`sigmoid(x − y)`, `sigmoid(y − x)`";
                [-INF..=INF, -INF..=INF]; [-700.0, 0.0, 0.5, 800.0];
            /// `exp(x − y)`, with the rounding of the difference made good.
            ExpSub exp_sub(x, y) "exp_sub": special::exp_sub(x, y), z tie => (z, -z); "`z`, `−z`";
                [-INF..=INF, -INF..=INF]; [-2.0, 0.0, 3.0];
            /// `exp(x − c) / s`: a softmax from the log-sum-exp `c` and the sum `s` of what is above the line.
            SoftmaxShare softmax_share(x, c, s) "softmax": special::exp_sub(x, c) / s, z tie => (z, -z, -(z / s)); "`z`, `−z`, `−z/s`";
                [-INF..=1.0, 0.0..=INF, 0.5..=2.0]; [-1.0, 0.0, 1.0];
        }
        switch {
            /// The absolute value.
            Abs abs(x) "abs": x.abs(), z tie => ((x.gt_mask(0.0) - x.lt_mask(0.0)).unless_nan(z)); "the sign of `x`; `0` at 0";
                [-INF..=INF]; [0.0, -2.0, 3.0];
            /// The larger operand; a NaN operand is ignored.
            Max max(x, y) "max": x.max(y), z tie => ((x.eq_mask(z) * tie).unless_nan(z), (y.eq_mask(z) * tie).unless_nan(z));
                "`1` for the larger; at a tie `½`, `½`, and `0` against a constant";
                [-INF..=INF, -INF..=INF]; [0.0, -2.0, 3.0];
            /// The smaller operand; a NaN operand is ignored.
            Min min(x, y) "min": x.min(y), z tie => ((x.eq_mask(z) * tie).unless_nan(z), (y.eq_mask(z) * tie).unless_nan(z));
                "`1` for the smaller; at a tie `½`, `½`, and `0` against a constant";
                [-INF..=INF, -INF..=INF]; [0.0, -2.0, 3.0];
            /// The nearest number between `low` and `high`. Panics if `low > high` or one is NaN.
            Clamp clamp(x, low, high) "clamp": x.clamp(low, high), z tie => (
                    (x.eq_mask(z) * tie).unless_nan(z), (low.eq_mask(z) * tie).unless_nan(z), (high.eq_mask(z) * tie).unless_nan(z)
                ); "`1` for the operand that is the result; shared at a tie, `0` against a constant";
                [-INF..=INF, -INF..=0.0, 0.0..=INF]; [-1.0, 0.0, 0.5, 2.0];
            /// `|x|` with the sign of `y`.
            Copysign copysign(x, y) "copysign": x.copysign(y), z tie => (
                    ((x.gt_mask(0.0) - x.lt_mask(0.0)) * T::from(1.0).copysign(y)).unless_nan(z),
                    T::from(0.0).unless_nan(z)
                ); "`±1` as the sign changed; `0` at `x = 0`; `0`";
                [-INF..=INF, -INF..=INF]; [0.0, -2.0, 3.0];
            /// `max(x, 0)`.
            Relu relu(x) "relu": special::relu(x), z tie => (x.gt_mask(0.0).unless_nan(z)); "`1` for `x > 0`, else `0`";
                [-INF..=INF]; [0.0, -2.0, 3.0];
            /// `a` where the mask `self` is not zero, else `b`.
            Select mask_select(mask, a, b) "select": if mask != 0.0 { a } else { b }, z tie => (
                    T::from(0.0), T::from(1.0) - mask.eq_mask(0.0), mask.eq_mask(0.0)
                ); "`0`; `1` for the operand selected, `0` for the other";
                [-INF..=INF, -INF..=INF, -INF..=INF]; [0.0, 1.0, 3.0];
        }
        step {
            /// The sign: `1` or `−1`, of a zero too.
            Signum signum(x) "signum": x.signum(), z tie => (); "`0`"; [-INF..=INF]; [0.0, -2.0, 3.0];
            /// The largest whole number not above `x`.
            Floor floor(x) "floor": x.floor(), z tie => (); "`0`"; [-INF..=INF]; [0.0, -2.5, 3.0];
            /// The smallest whole number not below `x`.
            Ceil ceil(x) "ceil": x.ceil(), z tie => (); "`0`"; [-INF..=INF]; [0.0, -2.5, 3.0];
            /// The nearest whole number, halves away from zero.
            Round round(x) "round": x.round(), z tie => (); "`0`"; [-INF..=INF]; [0.0, -2.5, 3.0];
            /// The whole part, towards zero.
            Trunc trunc(x) "trunc": x.trunc(), z tie => (); "`0`"; [-INF..=INF]; [0.0, -2.5, 3.0];
            /// `1` where `x > y`, else `0`.
            GtMask gt_mask(x, y) ">": if x > y { 1.0 } else { 0.0 }, z tie => (); "`0`, `0`"; [-INF..=INF, -INF..=INF]; [0.0, 1.0];
            /// `1` where `x ≥ y`, else `0`.
            GeMask ge_mask(x, y) "≥": if x >= y { 1.0 } else { 0.0 }, z tie => (); "`0`, `0`"; [-INF..=INF, -INF..=INF]; [0.0, 1.0];
            /// `1` where `x < y`, else `0`.
            LtMask lt_mask(x, y) "<": if x < y { 1.0 } else { 0.0 }, z tie => (); "`0`, `0`"; [-INF..=INF, -INF..=INF]; [0.0, 1.0];
            /// `1` where `x ≤ y`, else `0`.
            LeMask le_mask(x, y) "≤": if x <= y { 1.0 } else { 0.0 }, z tie => (); "`0`, `0`"; [-INF..=INF, -INF..=INF]; [0.0, 1.0];
            /// `1` where `x = y`, else `0`.
            EqMask eq_mask(x, y) "=": if x == y { 1.0 } else { 0.0 }, z tie => (); "`0`, `0`"; [-INF..=INF, -INF..=INF]; [0.0, 1.0];
        }
    } };
}
pub(crate) use table;

#[inline]
fn powi_dx<T: Real>(x: T, n: i32, z: T) -> T {
    match n {
        0 => T::from(0.0),
        1 => T::from(1.0),
        // `powi` multiplies n − 2 times and rounds each time; beyond 8 `powf` is more accurate.
        2..=8 => x.powi(n - 1) * f64::from(n),
        _ => powf_dx(x, T::from(f64::from(n)), z),
    }
}

/// `1/x`, and `∞` at both zeros.
fn reciprocal<T: Real>(x: T) -> T {
    x.at(0.0, || x.recip() * x.recip(), || x.recip())
}

/// `y xʸ⁻¹`: plainly where `y − 1` is exact, else from the result; by two half powers where a whole
/// one would leave the normal range. At `x = 0` plainly too: exact at every order.
fn powf_dx<T: Real>(x: T, y: T, z: T) -> T {
    let m = y - 1.0;
    let plain = || y.at(0.0, || y, || y * x.powf(m));
    let halved = |exponent: T, sign: T| {
        let h = x.abs().powf(exponent * 0.5);
        (y * h, h.copysign(sign))
    };
    // y z/x, in the order that neither overflows nor underflows on the way.
    let from_result = || {
        let by_halves = || {
            let (yh, h) = halved(y, z);
            yh * (h / x)
        };
        let of_large = || y.within(1.0, || y / x * z, || y * (z / x));
        let of_normal = || z.within(1.0, || y * z / x, of_large);
        z.within(TINY, by_halves, || z.within(INF, of_normal, by_halves))
    };
    let exact = || {
        let p = x.powf(m);
        let by_halves = || {
            let (yh, h) = halved(m, p);
            yh * h
        };
        p.within(TINY, by_halves, || p.within(INF, || y * p, by_halves))
    };
    x.at(0.0, plain, || {
        let is_exact = || {
            (m + 1.0 - y).at(
                0.0,
                || (y - m - 1.0).at(0.0, exact, from_result),
                from_result,
            )
        };
        x.within(INF, is_exact, plain)
    })
}

/// `xʸ ln x`.
fn powf_dy<T: Real>(x: T, y: T, z: T) -> T {
    let product = || {
        let by_halves = || {
            let h = x.powf(y * 0.5);
            h * x.ln() * h
        };
        z.within(TINY, by_halves, || z.below(INF, || z * x.ln(), by_halves))
    };
    x.at(
        0.0,
        || y.below(0.0, product, || T::from(0.0)),
        || x.at(INF, || y.below(0.0, || T::from(0.0), product), product),
    )
}

/// `x/√(x² + y²)` from the ratio of the operands: no overflow, and no cancellation when recorded.
fn hypot_dx<T: Real>(x: T, y: T) -> T {
    let smaller = || {
        let t = x / y.abs();
        t / t.hypot(1.0)
    };
    let larger = || (y / x).hypot(1.0).recip().copysign(x);
    x.at(
        0.0,
        || y.at(0.0, || T::from(0.0), smaller),
        || (x.abs() - y.abs()).below(0.0, smaller, larger),
    )
}

/// `x/(x² + y²)`.
fn atan2_dy<T: Real>(y: T, x: T) -> T {
    let d = x * x + y * y;
    d.below(
        1e-100,
        || by_ratio(x, y),
        || d.below(1e100, || x / d, || by_ratio(x, y)),
    )
}

/// `−y/(x² + y²)`.
fn atan2_dx<T: Real>(y: T, x: T) -> T {
    -atan2_dy(x, y)
}

/// `a/(a² + b²)` from the ratio of the operands; 0 at the origin.
fn by_ratio<T: Real>(a: T, b: T) -> T {
    let smaller = || {
        let t = a / b;
        t.within(
            TINY,
            || a / (b * b),
            || t * 0.5 / b * (T::from(2.0) / (t * t + 1.0)),
        )
    };
    let larger = || {
        let t = b / a;
        (T::from(0.5) / a) * (T::from(2.0) / (t * t + 1.0))
    };
    a.at(
        0.0,
        || b.at(0.0, || T::from(0.0), || a / b / b),
        || (a.abs() - b.abs()).below(0.0, smaller, larger),
    )
}

fn silu_dx<T: Real>(x: T) -> T {
    // Below −700 the sigmoid is subnormal while the product is not.
    x.below(
        -700.0,
        || {
            let h = (x * 0.5).exp();
            h.at(0.0, || h, || (x + 1.0) * h * h)
        },
        || {
            x.below(
                700.0,
                || x.sigmoid() * (x * (-x).sigmoid() + 1.0),
                || T::from(1.0),
            )
        },
    )
}

fn gelu_dx<T: Real>(x: T) -> T {
    // In the far left tail the density is subnormal; its factors are not.
    let tail = || {
        let h = (x * 0.5).exp_neg_square();
        h.at(
            0.0,
            || h,
            || x.normal_cdf() + h * (x * (0.5 * FRAC_2_SQRT_PI * FRAC_1_SQRT_2)) * h,
        )
    };
    let density = || {
        let density = x.norm_pdf();
        density.at(0.0, || x.normal_cdf(), || x.normal_cdf() + density * x)
    };
    x.below(-37.0, tail, density)
}

/// `sigmoid(x − y)`, with the rounding of the difference made good.
fn logaddexp_dx<T: Real>(x: T, y: T) -> T {
    let d = x - y;
    d.within(
        INF,
        || {
            let v = d - x;
            let e = (x - (d - v)) - (y + v);
            d.sigmoid() * (e * (-d).sigmoid() + 1.0)
        },
        || {
            d.at(
                INF,
                || T::from(1.0),
                || d.at(-INF, || T::from(0.0), || T::from(0.5)),
            )
        },
    )
}

macro_rules! nth {
    ($k:expr; ) => {
        T::from(0.0)
    };
    ($k:expr; $p0:expr) => {
        $p0
    };
    ($k:expr; $p0:expr, $p1:expr) => {
        if $k == 0 { $p0 } else { $p1 }
    };
    ($k:expr; $p0:expr, $p1:expr, $p2:expr) => {
        match $k {
            0 => $p0,
            1 => $p1,
            _ => $p2,
        }
    };
}

/// How the partials of a row are propagated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As they are.
    Smooth,
    /// Where they are not zero.
    Switch,
    /// Not at all.
    Step,
}

macro_rules! kind {
    (smooth) => {
        Kind::Smooth
    };
    (switch) => {
        Kind::Switch
    };
    (step) => {
        Kind::Step
    };
}

macro_rules! stamp {
    (
        operators { $(
            $(#[$odoc:meta])*
            $Operator:ident $operator:ident ( $ox:ident $(, $oy:ident)* ) $olabel:literal :
            $ovalue:expr, $oz:ident $otie:ident => ( $($opartial:expr),* ) ; $oderivative:literal ;
            [ $($odomain:expr),+ ] ; [ $($oprobe:expr),* $(,)? ] ;
        )* }
        $( $kind:ident { $(
            $(#[$doc:meta])*
            $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ) $label:literal :
            $value:expr, $z:ident $tie:ident => ( $($partial:expr),* ) ; $derivative:literal ;
            [ $($domain:expr),+ ] ; [ $($probe:expr),* $(,)? ] ;
        )* } )*
    ) => {
        /// An elementary operation, as [`Var::op`](crate::Var::op) names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Op {
            /// A number without a node.
            Constant,
            /// A variable made by [`Var::new`](crate::Var::new).
            Leaf,
            $( $(#[$odoc])* $Operator, )*
            $($( $(#[$doc])* $Op, )*)*
            /// The sum of a slice.
            Sum,
            /// The dot product of two slices.
            Dot,
            /// The Euclidean norm of a slice.
            Norm,
            /// The logarithm of the sum of the exponentials of a slice.
            LogSumExp,
            /// The sum of the exponentials of a slice after its first number has been subtracted from the
            /// others: the 1 that the shares of a softmax add up to, but for rounding.
            SumExp,
            /// A user's own operation.
            Custom,
            /// An output of a [`checkpoint`](fn@crate::checkpoint).
            Checkpoint,
        }

        impl Op {
            /// Every operation, in the order of their discriminants.
            pub(crate) const ALL: &[Op] = &[
                Op::Constant, Op::Leaf,
                $( Op::$Operator, )*
                $($( Op::$Op, )*)*
                Op::Sum, Op::Dot, Op::Norm, Op::LogSumExp, Op::SumExp, Op::Custom, Op::Checkpoint,
            ];

            /// The name in drawings: a sign for an operator, the method's name for a function.
            pub const fn label(self) -> &'static str {
                match self {
                    Op::Constant => "constant",
                    Op::Leaf => "leaf",
                    $( Op::$Operator => $olabel, )*
                    $($( Op::$Op => $label, )*)*
                    Op::Sum => "sum",
                    Op::Dot => "dot",
                    Op::Norm => "norm",
                    Op::LogSumExp => "log_sum_exp",
                    Op::SumExp => "sum_exp",
                    Op::Custom => "custom",
                    Op::Checkpoint => "checkpoint",
                }
            }

            /// How its partials are propagated.
            #[inline(always)]
            pub(crate) const fn kind(self) -> Kind {
                match self {
                    $($( Op::$Op => kind!($kind), )*)*
                    Op::SumExp => Kind::Step,
                    _ => Kind::Smooth,
                }
            }

            /// Whether it has an integer parameter, as `powi` has.
            #[inline(always)]
            pub(crate) const fn is_indexed(self) -> bool {
                match self {
                    $($( Op::$Op => false $(|| { let _: Option<$N> = None; true })?, )*)*
                    _ => false,
                }
            }
        }

        /// The value of a row of the table; `n` is its integer parameter.
        #[allow(clippy::unnecessary_cast, unused_variables)]
        pub(crate) fn value<T: Real>(op: Op, args: [T; 3], n: i32) -> T {
            match op {
                $( Op::$Operator => {
                    let [$ox $(, $oy)*, ..] = args;
                    $ovalue
                } )*
                $($( Op::$Op => {
                    let [$x $(, $y)*, ..] = args;
                    $x.$method($($y,)* $(n as $N)?)
                } )*)*
                _ => unreachable!("{op:?} is not a row of the table"),
            }
        }

        /// The rule of each row: its partial with respect to operand `k`.
        #[allow(clippy::unnecessary_cast, unused_variables)]
        pub(crate) mod rules {
            use super::*;

            $(
                #[inline]
                pub(crate) fn $operator<T: Real>(k: usize, args: [T; 3], n: i32, z: T, tie: T) -> T {
                    let [$ox $(, $oy)*, ..] = args;
                    let ($oz, $otie) = (z, tie);
                    nth!(k; $($opartial),*)
                }
            )*
            $($(
                #[inline]
                pub(crate) fn $method<T: Real>(k: usize, args: [T; 3], n: i32, z: T, tie: T) -> T {
                    let [$x $(, $y)*, ..] = args;
                    $(let $n = n as $N;)?
                    let ($z, $tie) = (z, tie);
                    let partial = nth!(k; $($partial),*);
                    match Op::$Op.kind() {
                        Kind::Smooth => partial.unless_nan($z),
                        _ => partial,
                    }
                }
            )*)*
        }

        /// The partial of a row of the table with respect to operand `k`.
        pub(crate) fn partial<T: Real>(op: Op, k: usize, args: [T; 3], n: i32, z: T, tie: T) -> T {
            match op {
                $( Op::$Operator => rules::$operator(k, args, n, z, tie), )*
                $($( Op::$Op => rules::$method(k, args, n, z, tie), )*)*
                _ => unreachable!("{op:?} is not a row of the table"),
            }
        }
    };
}
table!(stamp);

/// The value of [`Op::SumExp`].
pub(crate) fn sum_exp<T: Real>(operands: &[T]) -> T {
    let (&c, x) = operands.split_first().expect("the number to subtract");
    x.iter().map(|&x| x.exp_sub(c)).sum()
}

/// The partials of one node: absent for a constant operand and where none is propagated.
pub(crate) type Partials<T> = SmallVec<[Option<T>; 4]>;

/// The partials of any operation but a user's own, with respect to its active operands.
pub(crate) fn partials<T: Real>(
    op: Op,
    n: i32,
    operands: &[T],
    is_active: &dyn Fn(usize) -> bool,
    z: T,
) -> Partials<T> {
    let of = |partial: &dyn Fn(usize) -> T| -> Partials<T> {
        (0..operands.len())
            .map(|k| is_active(k).then(|| partial(k)))
            .collect()
    };
    match op {
        Op::Sum => of(&|_| T::from(1.0)),
        Op::Dot => of(&|k| operands[k ^ 1]),
        Op::Norm => of(&|k| norm_partial(operands.len(), &|k| operands[k], k, z)),
        Op::LogSumExp => {
            let shares = log_sum_exp_partials(operands, z);
            of(&|k| shares[k])
        }
        _ if op.kind() == Kind::Step => of(&|_| T::from(0.0)).into_iter().map(|_| None).collect(),
        _ => {
            let mut args = [T::from(0.0); 3];
            args[..operands.len()].copy_from_slice(operands);
            let tie = tie(operands, &|k| is_active(k), z);
            of(&|k| partial(op, k, args, n, z, tie))
        }
    }
}

/// `exp(xₖ − z)`, divided by their own sum, which makes the rounding of z good.
pub(crate) fn log_sum_exp_partials<T: Real>(x: &[T], z: T) -> SmallVec<[T; 16]> {
    let share = |x: T| z.within(INF, || x.exp_sub(z), || x.eq_mask(z).unless_nan(z));
    let mut shares: SmallVec<[T; 16]> = x.iter().map(|&x| share(x)).collect();
    let sum: T = shares.iter().copied().sum();
    for share in &mut shares {
        *share /= sum;
    }
    shares
}

/// `xₖ/z` of so many operands, from scaled ones where z has lost bits or overflowed; 0 for a zero vector.
#[inline(always)]
pub(crate) fn norm_partial<T: Real>(len: usize, x: &impl Fn(usize) -> T, k: usize, z: T) -> T {
    let scaled = |scale: f64| {
        let x: SmallVec<[T; 4]> = (0..len).map(|k| x(k) * scale).collect();
        x[k] / T::norm(&x)
    };
    let (up, down) = (1e200, 1e-200);
    let small = || z.at(0.0, || T::from(0.0), || scaled(up));
    z.below(TINY, small, || z.at(INF, || scaled(down), || x(k) / z))
}

/// The share of an operand that equals the result `z`, among the operands that do: `1/k` for `k`
/// active ones, `0` beside a constant.
#[inline(always)]
pub(crate) fn tie<T: Real>(operands: &[T], is_active: &impl Fn(usize) -> bool, z: T) -> T {
    let mut active = 0;
    for (k, &x) in operands.iter().enumerate() {
        if x == z {
            if !is_active(k) {
                return T::from(0.0);
            }
            active += 1;
        }
    }
    T::from(1.0 / f64::from(active.max(1)))
}

impl std::fmt::Display for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.label())
    }
}
