//! Every operation against values computed with hundreds of bits (`tests/reference/generate.py`).
//!
//! An error is counted in units of 2⁻⁵³ of the true result, or of the sum of the magnitudes of its
//! terms where they cancel (the column `scale`), and below the normal range in units of 2⁻¹⁰⁷⁴.

use scalargrad::{Var, graph};
use std::collections::BTreeMap;
use std::fmt::Write;

/// Of a value and a first partial, by a sweep and recorded.
const FIRST: f64 = 8.0;
/// Of the special functions, and of a second derivative.
const SECOND: f64 = 64.0;
/// Units of 2⁻¹⁰⁷⁴ that a result below the normal range may be off.
const SUBNORMAL: f64 = 4.0;

const SPECIAL: &[&str] =
    &["erf", "erfc", "gamma", "ln_gamma", "digamma", "polygamma", "normal_cdf", "gelu", "sinc", "silu"];

/// The same of a second derivative, which multiplies what was rounded to a whole unit: `n(n − 1) xⁿ⁻²` at n = 8,
/// `(1 + y ln x) xʸ⁻¹`, where the logarithm is up to 709, and `Γ(x) ψ′(x)`, where ψ′ is up to 2400 at the points.
const SECOND_SUBNORMAL: [(&str, f64); 3] = [("powi", 32.0), ("powf", 400.0), ("gamma", 1200.0)];

/// Functions whose second derivatives are judged where no operand is beyond these: there the reciprocal of one or a first
/// partial leaves the normal range, where the second derivative itself does not. All others are judged everywhere.
const CONDITIONED: std::ops::Range<f64> = 1e-300..1e300;
const CONDITIONAL: &[&str] = &["hypot", "log", "powf"];

/// Functions that `f64` lacks. The values of all others are those of `f64` (see `values.rs`), whose own
/// accuracy is not judged here: `acosh(1.7e308)` is infinite, and `powi` loses a unit at each factor.
const OWN: &[&str] = &[
    "digamma",
    "erf",
    "erfc",
    "gamma",
    "gelu",
    "leaky_relu",
    "ln_gamma",
    "logaddexp",
    "normal_cdf",
    "polygamma",
    "relu",
    "sigmoid",
    "silu",
    "sinc",
    "softplus",
    "xlogy",
];

fn apply(op: &str, n: i32, x: &[Var]) -> Option<Var> {
    macro_rules! dispatch {
        (unary: $($unary:ident)*; binary: $($binary:ident)*) => {
            match (op, x) {
                $( (stringify!($unary), &[x]) => x.$unary(), )*
                $( (stringify!($binary), &[x, y]) => x.$binary(y), )*
                ("neg", &[x]) => -x,
                ("powi", &[x]) => x.powi(n),
                ("polygamma", &[x]) => x.polygamma(n as u32),
                ("add", &[x, y]) => x + y,
                ("sub", &[x, y]) => x - y,
                ("mul", &[x, y]) => x * y,
                ("div", &[x, y]) => x / y,
                ("rem", &[x, y]) => x % y,
                ("mul_add", &[x, y, z]) => x.mul_add(y, z),
                ("clamp", &[x, y, z]) => x.clamp(y, z),
                _ => return None,
            }
        };
    }
    Some(dispatch! {
        unary: abs acos acosh asin asinh atan atanh cbrt ceil cos cosh digamma erf erfc exp exp2 exp_m1
            floor fract gamma gelu ln ln_1p ln_gamma log10 log2 normal_cdf recip relu round sigmoid
            signum silu sin sinc sinh softplus sqrt tan tanh to_degrees to_radians trunc;
        binary: atan2 copysign hypot leaky_relu log logaddexp max min powf rem_euclid xlogy
    })
}

/// One line of a table of references.
struct Line {
    op: String,
    n: i32,
    x: Vec<f64>,
    /// The names of the results with what they are and what they are judged by.
    results: Vec<(String, f64, f64)>,
}

impl Line {
    /// Whether its second derivatives are judged: not where a first one is beyond the range already.
    fn is_conditioned(&self) -> bool {
        let in_range = |x: &f64| *x == 0.0 || CONDITIONED.contains(&x.abs());
        let first = &self.results[..1 + self.x.len()];
        let is_conditional = CONDITIONAL.contains(&self.op.as_str());
        let is_finite = !first.iter().any(|result| result.1.is_infinite());
        is_finite && (!is_conditional || self.x.iter().all(in_range))
    }
}

fn number(text: &str) -> f64 {
    text.parse().unwrap_or_else(|_| panic!("{text:?} is not a number"))
}

fn lines(table: &str) -> Vec<Line> {
    let mut lines = table.lines();
    let names: Vec<&str> = lines.next().expect("a line of names").split(',').collect();
    let first = names.iter().position(|&name| name == "value").expect("a column `value`");
    let last = names.iter().position(|&name| name == "scale").expect("a column `scale`");
    let operands = 1 + usize::from(names[1] == "param");
    let read = |line: &str| {
        let fields: Vec<&str> = line.split(',').collect();
        let scales: Vec<&str> = fields[last].split_whitespace().collect();
        let results = (first..last).map(|k| {
            let result = number(fields[k]);
            let scale = scales.get(k - first).filter(|&&s| s != "-").map_or(0.0, |s| number(s));
            (names[k].to_string(), result, result.abs().max(scale))
        });
        Line {
            op: fields[0].to_string(),
            n: if operands == 2 { fields[1].parse().unwrap_or(0) } else { 0 },
            x: fields[operands..first].iter().map(|x| number(x)).collect(),
            results: results.collect(),
        }
    };
    lines.map(read).collect()
}

/// The error in units of 2⁻⁵³ of `scale`, less what is allowed below the normal range.
fn units(got: f64, expected: f64, scale: f64, subnormal: f64) -> f64 {
    if got == expected || got.is_nan() && expected.is_nan() {
        return 0.0;
    }
    if expected.is_infinite() && got.is_finite() {
        // Beyond the range: as good as the largest number within it.
        return if got.signum() == expected.signum() && got.abs() > 0.999999 * f64::MAX { 0.0 } else { f64::INFINITY };
    }
    if got.is_nan() || expected.is_nan() {
        return f64::INFINITY;
    }
    // Of halves, so that nothing overflows.
    let error = (got * 0.5 - expected * 0.5).abs() * 2.0;
    let error = (error - subnormal * 5e-324).max(0.0);
    if error == 0.0 {
        return 0.0;
    }
    let units = error / scale * 2f64.powi(53);
    if units.is_nan() { f64::INFINITY } else { units }
}

/// The worst error of one result of one operation.
struct Worst {
    points: usize,
    failures: usize,
    units: f64,
    allowed: f64,
    at: String,
}

/// All results at a line's point by name: value, partials by a sweep, recorded partials, second ones.
fn compute(line: &Line) -> Vec<(String, f64)> {
    graph::scope(|| {
        let x: Vec<Var> = line.x.iter().map(|&x| Var::new(x)).collect();
        let z = apply(&line.op, line.n, &x).unwrap_or_else(|| panic!("the operation `{}` is not known here", line.op));
        let names: &[&str] = if x.len() == 1 { &[""] } else { &["x", "y", "z"] };
        let name = |order: &str, k: &str| {
            if k.is_empty() { order.to_string() } else { format!("d{k}") }
        };
        z.backward();
        let mut results = vec![("value".to_string(), z.value())];
        for (k, x) in x.iter().enumerate() {
            results.push((name("d1", names[k]), x.grad()));
        }
        let first = z.differentiate(&x);
        for (k, d) in first.iter().enumerate() {
            results.push((name("d1", names[k]) + " recorded", d.value()));
            let second = d.differentiate(&x);
            for l in k..x.len() {
                let both = format!("{}{}", names[k], names[l]);
                results.push((name("d2", &both), second[l].value()));
                if l != k {
                    let other = first[l].differentiate(&x)[k];
                    results.push((name("d2", &both) + " transposed", other.value()));
                }
            }
        }
        results
    })
}

#[track_caller]
fn check(table: &str) {
    let mut found: BTreeMap<(String, String), Worst> = BTreeMap::new();
    for line in lines(table) {
        for (name, got) in compute(&line) {
            let column = name.split(' ').next().expect("a name");
            let Some((_, expected, scale)) = line.results.iter().find(|(n, ..)| n == column) else {
                panic!("the table has no column `{column}`");
            };
            let is_second = column == "d2" || column.len() == 3;
            let is_special = SPECIAL.contains(&line.op.as_str());
            let allowed = if is_second || is_special { SECOND } else { FIRST };
            if is_second && !line.is_conditioned() || column == "value" && !OWN.contains(&line.op.as_str()) {
                continue;
            }
            let subnormal = SECOND_SUBNORMAL.iter().find(|(op, _)| is_second && *op == line.op);
            let subnormal = subnormal.map_or(SUBNORMAL, |&(_, units)| units);
            // Where two terms of different signs are both beyond the range, and where twice the result is.
            let is_beyond = expected.abs() > f64::MAX / 4.0;
            let is_lost = got.is_nan() && expected.is_infinite() || got.is_infinite();
            if line.op == "powf" && is_second && is_beyond && is_lost && got != -expected {
                continue;
            }
            let units = units(got, *expected, *scale, subnormal);
            let worst = found.entry((line.op.clone(), name.clone())).or_insert(Worst {
                points: 0,
                failures: 0,
                units: 0.0,
                allowed,
                at: String::new(),
            });
            worst.points += 1;
            worst.failures += usize::from(units > allowed);
            if units > worst.units {
                worst.units = units;
                let n = if line.n == 0 { String::new() } else { format!(" n = {}", line.n) };
                worst.at = format!("{:?}{n}: {got:e} is {expected:e}", line.x);
            }
        }
    }
    let mut report = String::new();
    for ((op, name), worst) in &found {
        if worst.failures > 0 || std::env::var_os("ACCURACY").is_some() {
            let Worst { points, failures, units, allowed, at } = worst;
            writeln!(report, "{op:12} {name:16} {failures:4} of {points:4}  worst {units:9.3e} (of {allowed}) at {at}")
                .expect("a string takes all");
        }
    }
    if std::env::var_os("ACCURACY").is_some() {
        println!("{report}");
    }
    assert!(found.values().all(|worst| worst.failures == 0), "too far off:\n{report}");
}

#[test]
fn functions_of_one_operand_are_accurate() {
    check(include_str!("../reference/unary.csv"));
}

#[test]
fn functions_of_two_operands_are_accurate() {
    check(include_str!("../reference/binary.csv"));
}

#[test]
fn functions_of_three_operands_are_accurate() {
    check(include_str!("../reference/ternary.csv"));
}

#[test]
fn errors_are_counted_in_units() {
    let units = |got, expected, scale| units(got, expected, scale, SUBNORMAL);
    assert_eq!(units(1.0, 1.0, 1.0), 0.0);
    assert_eq!(units(1.0 + f64::EPSILON, 1.0, 1.0), 2.0);
    assert_eq!(units(f64::NAN, f64::NAN, f64::NAN), 0.0);
    assert_eq!(units(f64::NAN, 1.0, 1.0), f64::INFINITY);
    assert_eq!(units(1.0, f64::NAN, f64::NAN), f64::INFINITY);
    assert_eq!(units(f64::INFINITY, 1.0, 1.0), f64::INFINITY);
    assert_eq!(units(1.0, f64::INFINITY, f64::INFINITY), f64::INFINITY);
    assert_eq!(units(f64::MAX, f64::INFINITY, f64::INFINITY), 0.0);
    assert_eq!(units(-f64::INFINITY, f64::INFINITY, f64::INFINITY), f64::INFINITY);
    assert_eq!(units(1e-323, 2e-323, 2e-323), 0.0);
    assert!(units(1e-300, 1.1e-300, 1.1e-300) > 1e14);
    assert!(units(1.0, 0.0, 0.0) > SECOND);
}
