//! A Gaussian process through a hundred years of the Nile, whose hyperparameters are learnt from the data.
//!
//! `cargo run --release -p gaussian_process`

mod process;

use argmin::core::{Executor, State, TerminationReason};
use argmin::solver::linesearch::MoreThuenteLineSearch;
use argmin::solver::quasinewton::LBFGS;
use demo::{About, Figure, Outcome, Panel, Run, Setting, palette};
use nalgebra::DVector;
use process::Series;
use scalargrad::interop::argmin::Problem;
use scalargrad::{Var, graph, value_and_gradient};
use std::process::ExitCode;
use std::time::Instant;

const ABOUT: About = About {
    name: "gaussian_process",
    text: "A Gaussian process through the flow of the Nile from 1871 to 1970: the marginal likelihood through nalgebra's \
           Cholesky decomposition of variables, its hyperparameters by L-BFGS.",
    folder: env!("CARGO_MANIFEST_DIR"),
    settings: &[Setting { name: "years", default: 100, quick: 50, help: "years of data that are used, at most 100" }],
};

/// The yearly flow at Aswan in 10⁸ m³ (Cobb, 1978; in the public domain).
const NILE: [f64; 100] = [
    1120.0, 1160.0, 963.0, 1210.0, 1160.0, 1160.0, 813.0, 1230.0, 1370.0, 1140.0, 995.0, 935.0, 1110.0, 994.0, 1020.0,
    960.0, 1180.0, 799.0, 958.0, 1140.0, 1100.0, 1210.0, 1150.0, 1250.0, 1260.0, 1220.0, 1030.0, 1100.0, 774.0, 840.0,
    874.0, 694.0, 940.0, 833.0, 701.0, 916.0, 692.0, 1020.0, 1050.0, 969.0, 831.0, 726.0, 456.0, 824.0, 702.0, 1120.0,
    1100.0, 832.0, 764.0, 821.0, 768.0, 845.0, 864.0, 862.0, 698.0, 845.0, 744.0, 796.0, 1040.0, 759.0, 781.0, 865.0,
    845.0, 944.0, 984.0, 897.0, 822.0, 1010.0, 771.0, 676.0, 649.0, 846.0, 812.0, 742.0, 801.0, 1040.0, 860.0, 874.0,
    848.0, 890.0, 744.0, 749.0, 838.0, 1050.0, 918.0, 986.0, 797.0, 923.0, 975.0, 815.0, 1020.0, 906.0, 901.0, 1170.0,
    912.0, 746.0, 919.0, 718.0, 714.0, 740.0,
];

fn main() -> ExitCode {
    demo::run(&ABOUT, nile)
}

fn nile(run: &Run) -> Outcome {
    let years = (run.setting("years") as usize).clamp(3, NILE.len());
    let mean = NILE[..years].iter().sum::<f64>() / years as f64;
    let series = Series {
        times: (0..years).map(|k| 1871.0 + k as f64).collect(),
        values: DVector::from_fn(years, |k, _| NILE[k] - mean),
    };
    let start = [100f64, 10.0, 100.0].map(f64::ln);

    println!("The likelihood of {years} years at the start:");
    let clock = Instant::now();
    let (value, gradient) = value_and_gradient(|p| series.loss(p), &start);
    let seconds = clock.elapsed().as_secs_f64();
    let nodes = graph::scope(|| {
        let _loss = series.loss(&Var::leaves(&start));
        graph::len()
    });
    println!("  −ln likelihood {value:.6}, gradient {gradient:.6?}");
    println!("  {nodes} nodes through the decomposition, value and gradient in {:.1} ms", 1e3 * seconds);
    agree(run, &gradient, &series.textbook_gradient(start));

    println!("\nL-BFGS:");
    let problem: Problem<_> = Problem::new(|p: &[Var]| series.loss(p));
    let solver = LBFGS::new(MoreThuenteLineSearch::new(), 7).with_tolerance_grad(1e-6)?;
    let result = Executor::new(problem, solver).configure(|state| state.param(start.to_vec()).max_iters(100)).run()?;
    // An error of the line search is no error of the run, but the reason of its end.
    let reason = result.state().get_termination_reason();
    let text = reason.map_or("none", |reason| reason.text());
    println!("  the solver ended: {text}");
    run.check("the solver converged", reason == Some(&TerminationReason::SolverConverged));
    let best = result.state().get_best_param().expect("a minimum");
    let p = [best[0], best[1], best[2]];
    let (there, slopes) = value_and_gradient(|p| series.loss(p), &p);
    let [deviation, length, noise] = p.map(f64::exp);
    println!("  −ln likelihood {there:.6} after {} iterations", result.state().get_iter());
    println!("  deviation {deviation:.1}, length {length:.1} years, noise {noise:.1}");
    run.check("it is more likely than the start", there < value);
    run.check("the gradient is zero there", slopes.iter().all(|g| g.abs() < 1e-4));
    agree(run, &slopes, &series.textbook_gradient(p));

    let grid: Vec<f64> = (0..=10 * (years + 9)).map(|k| 1866.0 + 0.1 * k as f64).collect();
    let known = series.predict(p, &grid);
    let at_data = series.predict(p, &series.times);
    let is_inside = |(k, q): (usize, &[f64; 2])| {
        let spread = 1.96 * (q[1] * q[1] + noise * noise).sqrt();
        (series.values[k] - q[0]).abs() < spread
    };
    let share = at_data.iter().enumerate().filter(|&x| is_inside(x)).count() as f64 / years as f64;
    println!("  {:.0} % of the years are in the band of 95 %", 100.0 * share);
    run.check("about as many as there should be", (0.88..=1.0).contains(&share));

    println!("\nDrawing:");
    let band = |q: &[f64; 2], extra: f64| 1.96 * (q[1] * q[1] + extra * extra).sqrt();
    let with = |extra: f64| {
        let edges = |(&t, q): (&f64, &[f64; 2])| [t, mean + q[0] - band(q, extra), mean + q[0] + band(q, extra)];
        grid.iter().zip(&known).map(edges).collect::<Vec<_>>()
    };
    let panel = Panel::new("The Nile at Aswan", "year", "flow, 10⁸ m³ a year")
        .range(grid[0]..grid[grid.len() - 1], 400.0..1600.0)
        .band("95 % of the years", palette::GREY, with(noise))
        .band("95 % of the functions", palette::BLUE, with(0.0))
        .line("mean", palette::BLUE, grid.iter().zip(&known).map(|(&t, q)| (t, mean + q[0])))
        .dots("years", palette::ORANGE, 3.0, series.times.iter().zip(&NILE).map(|(&t, &y)| (t, y)));
    run.picture("gaussian_process", &Figure::new(900, 430, 1).panel(panel))
}

fn agree(run: &Run, found: &[f64], textbook: &[f64; 3]) {
    let off = found.iter().zip(textbook).map(|(a, b)| (a - b).abs() / (1.0 + b.abs()));
    let off = off.fold(0.0, f64::max);
    run.check(&format!("the gradient is the textbook's, to {off:.0e}"), off < 1e-8);
}
