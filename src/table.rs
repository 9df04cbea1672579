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
//! functions), and that is why some rows are longer than a textbook's. Where a comment says that something is
//! "lost", it is the relative accuracy of the first derivative, or of the same text differentiated again.

#[rustfmt::skip]
macro_rules! table {
    ($then:ident $(, $with:ident)?) => { $then! { $($with)?
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
            // A subnormal z has lost bits, an error that −z/y would magnify: y is scaled down there, where it is large enough.
            Div div(x, y) "÷": x / y, z tie => (
                    y.recip(),
                    z.choose(Question::Subnormal, || -(x / (y * DOWN) / (y * DOWN) * (DOWN * DOWN)), || -(z / y))
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
            // The correction removes the rounding error of z, which 1/(3z²) would double; it is NaN at 0 and ∞.
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
            // One logarithm to base b, where two operations would have a subnormal number in between.
            Log log(x, b) "log": x.log(b), z tie => (
                    x.at(0.0, || T::from(E).log(b) * reciprocal(x), || T::from(E).log(b) / x),
                    log_db(x, b, z)
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
            Atan2 atan2(y, x) "atan2": y.atan2(x), z tie => (x.inversion(y), -y.inversion(x));
                "`x/(x² + y²)`, `−y/(x² + y²)`; `0`, `0` at the origin";
                [-INF..=INF, 0.0..=INF]; [-2.0, 0.5, 1.0, 3.0];
            /// The first coordinate of the point `(x, y)` inverted in the unit circle, `x/(x² + y²)`; 0 at the origin.
            // The derivatives are written in terms of both inverted coordinates: so they lose no digits, and do not overflow early.
            Inversion inversion(x, y) "inversion": special::inversion(x, y), z tie => (inversion_dx(x, y, z), inversion_dy(x, y, z));
                "`v² − z²`, `−2zv` with `v = y/(x² + y²)`; `0`, `0` at the origin";
                [-INF..=INF, 1.0..=INF]; [-2.0, 0.5, 1.0, 3.0];
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
            #[doc(hidden)]
            Sech2 sech2(x) "sech2": special::sech_squared(x), z tie => (z * x.tanh() * -2.0); "`−2 sech² x tanh x`";
                [-INF..=INF]; [0.0, 0.3, 1.0, -3.0, 20.0];
            /// The inverse hyperbolic sine.
            Asinh asinh(x) "asinh": x.asinh(), z tie => (x.hypot(1.0).recip()); "`1/√(x² + 1)`";
                [-INF..=INF]; [0.0, 1.0, -3.0, 1e200];
            /// The inverse hyperbolic cosine.
            Acosh acosh(x) "acosh": x.acosh(), z tie => (acosh_dx(x)); "`1/√(x² − 1)`; `∞` at 1";
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
                    x.lt_mask(0.0).mask_select(slope, x.gt_mask(0.0) + x.eq_mask(0.0) * slope.max(0.0).min(1.0)),
                    (x.lt_mask(0.0) + x.eq_mask(0.0) * slope.gt_mask(0.0) * slope.lt_mask(1.0)).mask_select(x, 0.0)
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
            #[doc(hidden)]
            ExpNegSquare exp_neg_square(x) "exp_neg_square": special::exp_neg_square(x), z tie => (bell_slope(x, z, -2.0, 1.0, || root_of_bell(x))); "`−2x exp(−x²)`";
                [-25.0..=25.0]; [-3.0, 0.0, 0.5];
            /// The density of the standard normal distribution, `φ(x)`.
            NormalPdf normal_pdf(x) "normal_pdf": special::normal_pdf(x), z tie => (bell_slope(x, z, -1.0, DENSITY_AT_0, || (x * 0.5).exp_neg_square())); "`−x φ(x)`";
                [-35.0..=35.0]; [-3.0, 0.0, 0.5];
            /// The distribution function of the standard normal distribution, `Φ(x)`.
            NormalCdf normal_cdf(x) "normal_cdf": special::normal_cdf(x), z tie => (x.normal_pdf()); "`φ(x)`";
                [-INF..=INF]; [-35.0, -1.0, 0.0, 2.0];
            /// The gamma function, `Γ(x)`.
            Gamma gamma(x) "gamma": special::gamma(x), z tie => (z.within(TINY, || gamma_dx_of_small(x), || z * x.digamma())); "`Γ(x) ψ(x)`";
                [0.0..=170.0]; [0.3, 1.0, 4.5, -1.5];
            /// `ln |Γ(x)|`.
            LnGamma ln_gamma(x) "ln_gamma": special::ln_gamma(x), z tie => (x.digamma()); "`ψ(x)`";
                [0.0..=INF]; [0.3, 1.0, 4.5, -1.5, 1e10];
            /// The digamma function `ψ`, the derivative of `ln_gamma`.
            Digamma digamma(x) "digamma": special::digamma(x), z tie => (x.polygamma(1)); "`ψ⁽¹⁾(x)`";
                [0.0..=INF]; [0.3, 1.0, 4.5, -1.5];
            /// The polygamma function, the `n`-th derivative of `digamma`.
            Polygamma polygamma(x; n: u32) "polygamma": special::polygamma(n, x), z tie => (of_next_order(n, x, |n| x.polygamma(n))); "`ψ⁽ⁿ⁺¹⁾(x)`";
                [0.0..=INF]; [0.3, 1.0, 4.5, -1.5];
            /// The unnormalised sinc, `sin x / x`, and 1 at 0.
            Sinc sinc(x) "sinc": special::sinc(x), z tie => (x.sinc_derivative(1)); "`cos x / x − sin x / x²`; `0` at 0";
                [-INF..=INF]; [0.0, 1e-5, 1.0, -4.0];
            /// The `n`-th derivative of `sinc`.
            #[doc(hidden)]
            SincDerivative sinc_derivative(x; n: u32) "sinc_derivative": special::sinc_derivative(n, x), z tie => (of_next_order(n, x, |n| x.sinc_derivative(n)));
                "`sinc⁽ⁿ⁺¹⁾(x)`";
                [-INF..=INF]; [0.0, 1e-5, 1.0, -4.0];
            /// `x ln y`, and 0 at `x = 0`.
            Xlogy xlogy(x, y) "xlogy": special::xlogy(x, y), z tie => (
                    y.ln(),
                    y.at(0.0, || x.at(0.0, || -x.xlogy(y), || x * reciprocal(y)), || x / y)
                ); "`ln y`, `x/y`; the second is `0` at `x = 0`";
                [-INF..=INF, 0.0..=INF]; [0.0, 0.5, 2.0];
            /// `ln(eˣ + eʸ)`.
            LogAddExp logaddexp(x, y) "logaddexp": special::logaddexp(x, y), z tie => (
                    logaddexp_dx(x, y), logaddexp_dx(y, x)
                ); "`sigmoid(x − y)`, `sigmoid(y − x)`";
                [-INF..=INF, -INF..=INF]; [-700.0, 0.0, 0.5, 800.0];
            /// `exp(x − y)`, without the rounding error of the difference.
            #[doc(hidden)]
            ExpSub exp_sub(x, y) "exp_sub": special::exp_sub(x, y), z tie => (z, -z); "`z`, `−z`";
                [-INF..=INF, -INF..=INF]; [-2.0, 0.0, 3.0];
            /// `exp(x − c) / s`: a softmax, from the log-sum-exp `c` and the sum `s` of all the numerators.
            #[doc(hidden)]
            SoftmaxShare softmax_share(x, c, s) "softmax": special::exp_sub(x, c) / s, z tie => (z, -z, -(z / s)); "`z`, `−z`, `−z/s`";
                [-INF..=1.0, 0.0..=INF, 0.5..=2.0]; [-1.0, 0.0, 1.0];
        }
        switch {
            /// The absolute value.
            Abs abs(x) "abs": x.abs(), z tie => ((x.gt_mask(0.0) - x.lt_mask(0.0)).unless_nan(z)); "the sign of `x`; `0` at 0";
                [-INF..=INF]; [0.0, -2.0, 3.0];
            /// The larger operand, `x` where both are equal; a NaN operand is ignored.
            Max max(x, y) "max": special::max(x, y), z tie => ((x.eq_mask(z) * tie).unless_nan(z), (y.eq_mask(z) * tie).unless_nan(z));
                "`1` for the larger; at a tie `½`, `½`, and `0` against a constant";
                [-INF..=INF, -INF..=INF]; [0.0, -2.0, 3.0];
            /// The smaller operand, `x` where both are equal; a NaN operand is ignored.
            Min min(x, y) "min": special::min(x, y), z tie => ((x.eq_mask(z) * tie).unless_nan(z), (y.eq_mask(z) * tie).unless_nan(z));
                "`1` for the smaller; at a tie `½`, `½`, and `0` against a constant";
                [-INF..=INF, -INF..=INF]; [0.0, -2.0, 3.0];
            /// The nearest number between `low` and `high`. Panics if `low > high` or one is NaN.
            Clamp clamp(x, low, high) "clamp": special::clamp(x, low, high), z tie => (
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
            #[doc(hidden)]
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
            /// The whole number of times that `y` is in `x`, so that `rem_euclid` is what remains.
            DivEuclid div_euclid(x, y) "div_euclid": x.div_euclid(y), z tie => (); "`0`, `0`"; [-INF..=INF, 0.0..=INF]; [-7.25, 0.5, 3.0];
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
