//! Prices of options with all their sensitivities, which finance calls greeks.
//!
//! `cargo run --release -p greeks`

mod black_scholes;
mod monte_carlo;
mod sabr;

use black_scholes::{INPUTS, call, textbook};
use demo::{About, Corner, Figure, Panel, Run, Setting, palette};
use monte_carlo::{BLOCK, Sums, closed_form};
use rayon::ThreadPoolBuilder;
use sabr::Smile;
use scalargrad::{Function, gradient};
use std::error::Error;
use std::process::ExitCode;
use std::time::Instant;

const ABOUT: About = About {
    name: "greeks",
    text: "Options: every greek of a Black–Scholes price in one go, a SABR smile calibrated, and a path-dependent option \
           by Monte Carlo over rows, on all cores.",
    folder: env!("CARGO_MANIFEST_DIR"),
    settings: &[Setting {
        name: "paths",
        default: 1_000_000,
        quick: 50_000,
        help: "paths of the Monte Carlo estimate",
    }],
};

fn main() -> ExitCode {
    demo::run(&ABOUT, |run| {
        let mut figure = Figure::new(1000, 760, 2);
        for panel in all_greeks(run)? {
            figure = figure.panel(panel);
        }
        figure = figure.panel(smile(run)?).panel(path_dependent(run)?);
        println!("Drawing:");
        run.picture("greeks", &figure)
    })
}

const STRIKE: f64 = 100.0;
const MARKET: [f64; 5] = [105.0, 0.25, 0.03, 0.01, 0.75];

/// First and second derivatives of one price, and pictures of some by the spot.
fn all_greeks(run: &Run) -> Result<[Panel; 2], Box<dyn Error>> {
    println!("A call with strike {STRIKE} by Black and Scholes, at {INPUTS:?} = {MARKET:?}:");
    let price = Function::record(&MARKET, |x| call(x, STRIKE));
    let (value, first) = price.gradient(&MARKET)?;
    let second = price.hessian(&MARKET)?;
    println!("  price {value:.10}, with 5 first and 15 second derivatives from one recording");
    let mut largest: f64 = 0.0;
    for greek in textbook(&MARKET, STRIKE) {
        let found = match *greek.by {
            [i] => first[i],
            _ => second[(greek.by[0], greek.by[1])],
        };
        let by: Vec<&str> = greek.by.iter().map(|&i| INPUTS[i]).collect();
        println!("  {:<8} {found:>20.14}   by {}", greek.name, by.join(" and "));
        largest = largest.max((found / greek.value - 1.0).abs());
    }
    println!("  the largest relative difference from the textbook: {largest:.1e}");
    run.check("all are those of the textbook to twelve digits", largest < 1e-12);
    println!();

    let spots: Vec<f64> = (0..=160).map(|k| 60.0 + f64::from(k) * 0.5).collect();
    let (mut slopes, mut curvatures) = (vec![vec![]; 2], vec![vec![]; 3]);
    for &spot in &spots {
        let x = [spot, MARKET[1], MARKET[2], MARKET[3], MARKET[4]];
        let (first, second) = (price.gradient(&x)?.1, price.hessian(&x)?);
        slopes[0].push((spot, first[0]));
        slopes[1].push((spot, first[1] / 100.0));
        for (k, (i, j, unit)) in [(0, 0, 20.0), (0, 1, 0.5), (1, 1, 0.01)].into_iter().enumerate() {
            curvatures[k].push((spot, second[(i, j)] * unit));
        }
    }
    let [a, b] = <[_; 2]>::try_from(slopes).expect("two");
    let [c, d, e] = <[_; 3]>::try_from(curvatures).expect("three");
    Ok([
        Panel::new("A call by Black and Scholes, strike 100", "spot", "")
            .legend(Corner::UpperLeft)
            .line("delta", palette::BLUE, a)
            .line("vega / 100", palette::ORANGE, b),
        Panel::new("Its second derivatives", "spot", "")
            .legend(Corner::LowerLeft)
            .line("gamma × 20", palette::BLUE, c)
            .line("vanna / 2", palette::ORANGE, d)
            .line("volga / 100", palette::GREEN, e),
    ])
}

/// A calibration to quotes that were made from known parameters and rounded to a hundredth of a per cent.
fn smile(run: &Run) -> Result<Panel, Box<dyn Error>> {
    println!("A smile of 11 quotes, fitted by the SABR model with β = ½:");
    let (truth, forward, time) = ([0.35, -0.3, 0.8], 4.0, 2.0);
    let strikes: Vec<f64> = (0..11).map(|k| 2.0 + 0.4 * f64::from(k)).collect();
    let quote = |&k: &f64| (sabr::volatility(&truth, forward, k, time) * 1e4).round() / 1e4;
    let volatilities = strikes.iter().map(quote).collect();
    let smile = Smile { forward, time, strikes, volatilities };
    let start = Instant::now();
    let (found, iterations) = sabr::calibrate(&smile)?;
    println!("  {iterations} iterations in {:.2} ms", 1e3 * start.elapsed().as_secs_f64());
    println!("  α, ρ, ν: {found:.5?}; the quotes were made with {truth:?}");
    let off = |(&k, v): (&f64, &f64)| (sabr::volatility(&found, forward, k, time) - v).abs();
    let worst = smile.strikes.iter().zip(&smile.volatilities).map(off).fold(0.0, f64::max);
    run.check("every quote is met to the hundredth of a per cent", worst < 1e-4);
    let near = found.iter().zip(truth).all(|(a, b)| (a - b).abs() < 2e-3);
    run.check("the parameters are those of the quotes", near);
    println!();
    let curve = (0..=200).map(|k| 1.6 + f64::from(k) * 0.024);
    let curve = curve.map(|k| (k, 100.0 * sabr::volatility(&found, forward, k, time)));
    let quotes = smile.strikes.iter().zip(&smile.volatilities).map(|(&k, v)| (k, 100.0 * v));
    Ok(Panel::new("A smile and the SABR model", "strike", "implied volatility, %")
        .line("SABR", palette::ORANGE, curve)
        .dots("quotes", palette::BLUE, 4.0, quotes))
}

fn path_dependent(run: &Run) -> Result<Panel, Box<dyn Error>> {
    let blocks = run.setting("paths").div_ceil(BLOCK);
    let threads = rayon::current_num_threads();
    println!("A call on the geometric mean of {} fixings, by {} paths:", monte_carlo::FIXINGS, blocks * BLOCK);
    let x = [MARKET[0], MARKET[1], MARKET[2]];
    let function = monte_carlo::record(&x, STRIKE, MARKET[4]);
    let rows = function.over_rows(x.len());

    let normals = monte_carlo::draw(0..1);
    let by_path = monte_carlo::one_by_one(&function, &x, &normals)?;
    let (prices, slopes) = rows.gradients(&x, &normals)?;
    let difference = |(k, s): (usize, &[f64; 4])| {
        let off = (0..3).map(|i| (slopes[(k, i)] - s[i + 1]).abs());
        off.fold((prices[k] - s[0]).abs(), f64::max)
    };
    let off = by_path.iter().enumerate().map(difference);
    run.check("over rows every path has the same price and slopes as by itself", off.fold(0.0, f64::max) < 1e-11);
    let alone = ThreadPoolBuilder::new().num_threads(1).build()?;
    let [single, in_rows] = alone.install(|| {
        let single = || drop(monte_carlo::one_by_one(&function, &x, &normals));
        demo::time_by_turns(100, [&mut { single }, &mut || drop(rows.gradients(&x, &normals))])
    });
    println!(
        "  a path takes {:.0} ns by itself, {:.0} ns over rows: {:.1} times as fast",
        single.as_nanos() as f64 / BLOCK as f64,
        in_rows.as_nanos() as f64 / BLOCK as f64,
        single.as_secs_f64() / in_rows.as_secs_f64()
    );

    let few = blocks.div_ceil(5);
    let bar = demo::bar(few, "one thread");
    let clock = Instant::now();
    let first = alone.install(|| monte_carlo::run(&rows, &x, few, &bar))?;
    let speed = few as f64 * BLOCK as f64 / clock.elapsed().as_secs_f64();
    bar.finish_and_clear();
    let bar = demo::bar(blocks, "all threads");
    let clock = Instant::now();
    let sums = monte_carlo::run(&rows, &x, blocks, &bar)?;
    let speed_together = blocks as f64 * BLOCK as f64 / clock.elapsed().as_secs_f64();
    bar.finish_and_clear();
    println!(
        "  with the drawing of numbers: {:.2} million paths a second on one thread, {:.2} on {threads}",
        speed * 1e-6,
        speed_together * 1e-6
    );
    run.check("the sums do not depend on the number of threads", sums[..first.len()] == first[..]);

    let exact = |x: &[f64; 3]| closed_form(x, STRIKE, MARKET[4]);
    let slopes = gradient(|x| closed_form(x, STRIKE, MARKET[4]), &x);
    let exact = [exact(&x), slopes[0], slopes[1], slopes[2]];
    let mut total = Sums::default();
    let mut delta = Vec::new();
    for block in &sums {
        total.merge(block);
        let (mean, error) = total.estimate(1);
        delta.push([mean, error]);
    }
    let mut worst: f64 = 0.0;
    for (k, name) in ["price", "delta", "vega", "rho"].into_iter().enumerate() {
        let (mean, error) = total.estimate(k);
        println!("  {name:<6} {mean:>10.5} ± {error:.5}, exactly {:>10.5}", exact[k]);
        worst = worst.max((mean - exact[k]).abs() / error);
    }
    run.check("all are within four standard errors of the closed form", worst < 4.0);
    println!();

    let every = (delta.len() / 400).max(1);
    let shown: Vec<_> = delta.iter().enumerate().step_by(every).skip(1).collect();
    let at = |k: usize| (k + 1) as f64 * BLOCK as f64 / 1000.0;
    let end = at(delta.len() - 1);
    let band = shown.iter().map(|(k, [m, e])| [at(*k), m - 2.0 * e, m + 2.0 * e]);
    let spread = 2.0 * shown[0].1[1];
    Ok(Panel::new("Delta by Monte Carlo", "thousand paths", "delta")
        .range(0.0..end, exact[1] - spread..exact[1] + spread)
        .band("two standard errors", palette::BLUE, band)
        .line("estimate", palette::BLUE, shown.iter().map(|(k, [m, _])| (at(*k), *m)))
        .thin_line("closed form", palette::BLACK, [(0.0, exact[1]), (end, exact[1])]))
}
