//! Nonlinear regression whose results are known: data sets of NIST, each with certified parameters.
//!
//! `cargo run --release -p curve_fit`
//!
//! The residuals are recorded once. Levenberg–Marquardt asks the recording for values and Jacobians, a trust-region
//! method for gradients and exact second derivatives.

mod least_squares;
mod problems;
mod trust_region;

use demo::{About, Corner, Figure, Panel, Run, palette};
use problems::{PROBLEMS, Problem};
use scalargrad::Function;
use std::process::ExitCode;

const ABOUT: About = About {
    name: "curve_fit",
    text: "Curves fitted to data sets of NIST, beside the certified parameters: `levenberg-marquardt` with exact Jacobians, \
           then `argmin`'s trust region with exact Hessians.",
    folder: env!("CARGO_MANIFEST_DIR"),
    settings: &[],
};

fn main() -> ExitCode {
    demo::run(&ABOUT, |run| {
        let mut figure = Figure::new(1200, 640, 3);
        for problem in &PROBLEMS {
            figure = figure.panel(fit(run, problem)?);
        }
        println!("Drawing:");
        run.picture("curve_fit", &figure)
    })
}

/// The number of digits that agree, at most eleven: as many as are certified.
fn digits(found: &[f64], certified: &[f64]) -> f64 {
    let digits = |(a, b): (&f64, &f64)| 0.0 - (a / b - 1.0).abs().clamp(1e-11, 1.0).log10();
    found.iter().zip(certified).map(digits).fold(11.0, f64::min)
}

fn fit(run: &Run, problem: &Problem) -> Result<Panel, Box<dyn std::error::Error>> {
    println!("{}: {}; y = {}", problem.name, problem.what, problem.formula);
    let (x, y) = (problem.x, problem.y);
    let residuals = Function::record(problem.starts[1], |b| problem.residuals(b));

    let mut fits = Vec::new();
    for (from, start, least) in [("afar", problem.starts[0], 6.0), ("near by", problem.starts[1], 7.0)] {
        let by_squares = least_squares::fit(&residuals, start)?;
        let newton = trust_region::fit(problem, start)?;
        let found = [&by_squares.parameters, &newton.parameters];
        let [first, second] = found.map(|found| digits(found, problem.certified));
        println!(
            "  from {from}: Levenberg–Marquardt {first:.1} digits in {} evaluations, trust region {second:.1} in {} iterations",
            by_squares.evaluations, newton.iterations
        );
        if from == "afar" && problem.is_lost_from_afar {
            // Where b2 is large the curve is a constant: the mean is the best one, and there is no way down.
            let mean = y.iter().sum::<f64>() / y.len() as f64;
            run.check(
                "Levenberg–Marquardt ends on a plateau, the mean of the data, as it is known to",
                (by_squares.parameters[0] - mean).abs() < 1e-9 * mean,
            );
        } else {
            run.check(&format!("{least} certified digits by Levenberg–Marquardt"), first > least);
        }
        run.check("8 certified digits by the trust region", second > 8.0);
        fits.push((by_squares, newton));
    }
    let (near, newton) = fits.pop().expect("two fits");
    let agreeing = digits(&newton.parameters, problem.certified);
    run.check("9 from near by", agreeing > 9.0);
    println!("    certified          found              its error   certified");
    for (k, b) in newton.parameters.iter().enumerate() {
        let (error, certified) = (near.standard_errors[k], problem.standard_errors[k]);
        println!("    {:<17.10e}  {b:<17.10e}  {error:<10.4e}  {certified:.4e}", problem.certified[k]);
    }
    let squares = digits(&[near.sum_of_squares], &[problem.sum_of_squares]);
    run.check("9 certified digits of the sum of squares", squares > 9.0);
    let errors = digits(&near.standard_errors, problem.standard_errors);
    run.check("7 certified digits of the standard errors", errors > 7.0);
    println!();

    let (low, high) = (x.iter().copied().fold(f64::INFINITY, f64::min), x.iter().copied().fold(f64::MIN, f64::max));
    let grid: Vec<f64> = (0..=300).map(|k| low + (high - low) * f64::from(k) / 300.0).collect();
    let curve =
        Function::record(problem.certified, |b| grid.iter().map(|&x| (problem.model)(b, x)).collect::<Vec<_>>());
    // What the errors of the parameters mean for the curve: twice the standard deviation to both sides.
    let (values, slopes) = (curve.values(&near.parameters)?, curve.jacobian(&near.parameters)?);
    let deviation = |k: usize| near.deviation(slopes.row(k));
    let band = (0..grid.len()).map(|k| [grid[k], values[k] - 2.0 * deviation(k), values[k] + 2.0 * deviation(k)]);
    // The colours mean the same everywhere: one legend is enough.
    let legend = |label| {
        if problem.name == PROBLEMS[0].name { label } else { "" }
    };
    let title = format!("{}: {}", problem.name, problem.what);
    let line = grid.iter().copied().zip(values.iter().copied());
    let data = x.iter().copied().zip(y.iter().copied());
    Ok(Panel::new(&title, "x", "y")
        .legend(Corner::LowerRight)
        .band(legend("two standard deviations"), palette::ORANGE, band)
        .line(legend("fit"), palette::ORANGE, line)
        .dots(legend("data"), palette::BLUE, 3.0, data))
}
