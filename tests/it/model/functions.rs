//! What the model knows of the table: the name of each row, its operands, and where a textbook's derivative is
//! accurate. Values and derivatives come from [`Real`] over numbers and over the duals of `crate::dual`, which
//! share no rule with the crate.

use crate::dual::Dual;
use scalargrad::{Op, Real};
use std::ops::{Add, Div, Mul, Neg, Rem, Sub};

/// A row of the table, as a program draws it.
pub struct Row {
    pub op: Op,
    pub method: &'static str,
    pub operands: usize,
    /// Whether it has an integer parameter.
    pub is_indexed: bool,
    /// Whether the textbook's formula is accurate here: no kink, no pole, no end of the range. (Of ties the model knows.)
    pub suits: fn([f64; 3]) -> bool,
}

macro_rules! rows {
    ($( $Op:ident $Trait:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident)? ) $suits:expr; )*) => {
        pub const ROWS: &[Row] = &[ $( Row {
            op: Op::$Op,
            method: stringify!($method),
            operands: [stringify!($x) $(, stringify!($y))*].len(),
            is_indexed: [$(stringify!($n), )? ""].len() > 1,
            suits: |args| { let [$x $(, $y)*, ..] = args; let _ = ($x $(, $y)*); $suits },
        }, )* ];

        /// The row's function.
        pub fn call<T: Real>(op: Op, n: i32, args: [T; 3]) -> T {
            match op {
                $( Op::$Op => { let [$x $(, $y)*, ..] = args; <T as $Trait>::$method($x $(, $y)* $(, { let $n = n; $n as _ })?) } )*
                _ => unreachable!("{op:?} is no row"),
            }
        }
    };
}

fn between(low: f64, x: f64, high: f64) -> bool {
    low <= x && x <= high
}

/// Whether the quotient is so far from whole numbers that a remainder does not jump.
fn has_steady_remainder(x: f64, y: f64) -> bool {
    y > 0.1 && (x / y - (x / y).round()).abs() > 1e-6
}

fn differ(x: f64, y: f64) -> bool {
    (x - y).abs() > 1e-6
}

const FAR: f64 = 1e-6;

#[rustfmt::skip]
rows! {
    Add Add add(x, y) true;
    Sub Sub sub(x, y) true;
    Mul Mul mul(x, y) true;
    Div Div div(x, y) y.abs() > 0.1;
    Rem Rem rem(x, y) has_steady_remainder(x, y);
    Neg Neg neg(x) true;
    Sqrt Real sqrt(x) x > 0.01;
    Cbrt Real cbrt(x) x.abs() > 0.01;
    Recip Real recip(x) x.abs() > 0.1;
    Powi Real powi(x; n) x.abs() > 0.1;
    Powf Real powf(x, y) between(0.1, x, 5.0) && y.abs() < 4.0;
    Exp Real exp(x) x < 3.0;
    Exp2 Real exp2(x) x < 4.0;
    ExpM1 Real exp_m1(x) x < 3.0;
    Ln Real ln(x) x > 0.05;
    Log Real log(x, b) x > 0.05 && b > 1.5;
    Log2 Real log2(x) x > 0.05;
    Log10 Real log10(x) x > 0.05;
    Ln1p Real ln_1p(x) x > -0.9;
    Sin Real sin(x) true;
    Cos Real cos(x) true;
    Tan Real tan(x) x.abs() < 1.3;
    Asin Real asin(x) x.abs() < 0.95;
    Acos Real acos(x) x.abs() < 0.95;
    Atan Real atan(x) true;
    Atan2 Real atan2(y, x) y.abs() + x.abs() > 0.1;
    Sinh Real sinh(x) x.abs() < 3.0;
    Cosh Real cosh(x) x.abs() < 3.0;
    Tanh Real tanh(x) x.abs() < 8.0;
    Sech2 Real sech2(x) x.abs() < 8.0;
    Asinh Real asinh(x) true;
    Acosh Real acosh(x) x > 1.1;
    Atanh Real atanh(x) x.abs() < 0.95;
    Hypot Real hypot(x, y) x.abs() + y.abs() > 0.1;
    MulAdd Real mul_add(x, a, b) true;
    Fract Real fract(x) differ(x, x.round());
    ToDegrees Real to_degrees(x) x.abs() < 0.1;
    ToRadians Real to_radians(x) true;
    RemEuclid Real rem_euclid(x, y) has_steady_remainder(x, y);
    Inversion Real inversion(x, y) x.abs() + y.abs() > 0.1 && differ(x.abs(), y.abs());
    DivEuclid Real div_euclid(x, y) has_steady_remainder(x, y);
    LeakyRelu Real leaky_relu(x, slope) x.abs() > FAR && between(0.0, slope, 1.0);
    Sigmoid Real sigmoid(x) x.abs() < 15.0;
    Softplus Real softplus(x) x.abs() < 15.0;
    Silu Real silu(x) x.abs() < 15.0;
    Gelu Real gelu(x) x.abs() < 5.0;
    Erf Real erf(x) x.abs() < 4.0;
    Erfc Real erfc(x) x.abs() < 4.0;
    ExpNegSquare Real exp_neg_square(x) x.abs() < 4.0;
    NormalPdf Real normal_pdf(x) x.abs() < 4.0;
    NormalCdf Real normal_cdf(x) x.abs() < 4.0;
    Gamma Real gamma(x) between(0.3, x, 4.0);
    LnGamma Real ln_gamma(x) between(0.3, x, 9.0);
    Digamma Real digamma(x) between(0.3, x, 9.0);
    Polygamma Real polygamma(x; n) between(0.8, x, 9.0);
    Sinc Real sinc(x) x.abs() > 0.6;
    SincDerivative Real sinc_derivative(x; n) x.abs() > 0.6;
    Xlogy Real xlogy(x, y) x.abs() > FAR && y > 0.05;
    LogAddExp Real logaddexp(x, y) x.abs() < 20.0 && y.abs() < 20.0;
    ExpSub Real exp_sub(x, y) x - y < 3.0;
    SoftmaxShare Real softmax_share(x, c, s) x - c < 3.0 && s > 0.2;
    Abs Real abs(x) x.abs() > FAR;
    Max Real max(x, y) true;
    Min Real min(x, y) true;
    Clamp Real clamp(x, low, high) low + 0.01 < high && differ(x, low) && differ(x, high);
    Copysign Real copysign(x, y) x.abs() > FAR && y.abs() > FAR;
    Relu Real relu(x) x.abs() > FAR;
    Select Real mask_select(mask, a, b) differ(mask, 0.0) || mask == 0.0;
    Signum Real signum(x) x.abs() > FAR;
    Floor Real floor(x) differ(x, x.round());
    Ceil Real ceil(x) differ(x, x.round());
    Round Real round(x) differ(x, x.floor() + 0.5);
    Trunc Real trunc(x) differ(x, x.round());
    GtMask Real gt_mask(x, y) differ(x, y);
    GeMask Real ge_mask(x, y) differ(x, y);
    LtMask Real lt_mask(x, y) differ(x, y);
    LeMask Real le_mask(x, y) differ(x, y);
    EqMask Real eq_mask(x, y) differ(x, y);
}

pub fn row(op: Op) -> &'static Row {
    let row = ROWS.iter().find(|row| row.op == op);
    row.expect("programs are made of rows")
}

/// The partial with respect to operand `k`.
pub fn partial(op: Op, n: i32, args: [f64; 3], k: usize) -> f64 {
    match (op, k) {
        (Op::Add, _) | (Op::Sub, 0) => 1.0,
        (Op::Sub, _) => -1.0,
        (Op::Mul, _) => args[1 - k],
        _ => {
            let dual = |i| Dual::new(args[i], if i == k { 1.0 } else { 0.0 });
            call(op, n, [dual(0), dual(1), dual(2)]).tangent
        }
    }
}

/// The partial with respect to operand `k` in `value`, and how it changes along the tangents in `tangent`.
pub fn partial_along(op: Op, n: i32, args: [f64; 3], tangents: [f64; 3], k: usize) -> Dual<f64> {
    let dual = |i: usize| Dual {
        value: Dual::new(args[i], tangents[i]),
        tangent: Dual::constant(if i == k { 1.0 } else { 0.0 }),
    };
    call(op, n, [dual(0), dual(1), dual(2)]).tangent
}

/// Whether the operation selects: what has the partial 0 gets nothing.
pub fn selects(op: Op) -> bool {
    use Op::*;
    let switches = matches!(op, Abs | Max | Min | Clamp | Copysign | Relu | Select);
    let steps = matches!(op, Signum | Floor | Ceil | Round | Trunc | DivEuclid);
    switches || steps || matches!(op, GtMask | GeMask | LtMask | LeMask | EqMask)
}

/// Rows that are defined and smooth everywhere.
pub const TOTAL: &[Op] = &[
    Op::Add,
    Op::Sub,
    Op::Mul,
    Op::Neg,
    Op::Sin,
    Op::Cos,
    Op::Atan,
    Op::Asinh,
    Op::Erf,
    Op::ExpNegSquare,
    Op::Max,
    Op::Min,
];
