//! Measures scalargrad beside hand-written gradients and the other crates, and reports it.

mod by_hand;
mod chart;
mod engines;
mod memory;
mod problems;
mod race;
mod report;

use std::{env, fs, io, process};

use workloads::{BlackScholes, BundleAdjustment, Chain, LotkaVolterra, Mixture, Network, Product, Rosenbrock};

use engines::NumDual;
use problems::PROBLEMS;
use race::{Race, Standings};
use report::Row;

const USAGE: &str = "\
Usage: peers [--only A,B,…] [--quick]

Measures all workloads and writes benches/RESULTS.md and benches/results.svg.

  --only A,B,…  only these workloads, and only print
  --quick       fewer rounds, and only print";

/// Letter, description, and measurement (quick or not) of each workload.
type Workload = (&'static str, &'static str, fn(bool) -> Standings);

const WORKLOADS: [Workload; 12] = [
    ("A", "`((x*y)*(y*z))²`, latency", |quick| {
        Race::new(&Product::new()).with_tapes().with_native().with::<NumDual>().run(quick)
    }),
    ("B", "Rosenbrock, n = 1000", |quick| Race::new(&Rosenbrock::new()).with_tapes().with_native().run(quick)),
    ("C", "network 2-16-16-1, tanh, squared loss", |quick| {
        Race::new(&Network::<false, false>::new()).with_tapes().with_native().with_rows().run(quick)
    }),
    ("C dot", "the same with fused `dot`", |quick| {
        Race::new(&Network::<false, true>::new()).with_fused().with_native().run(quick)
    }),
    ("R", "network 2-16-16-1, relu, max-margin loss", |quick| {
        Race::new(&Network::<true, false>::new()).with_tapes().with_native().with_rows().run(quick)
    }),
    ("R dot", "the same with fused `dot`", |quick| {
        Race::new(&Network::<true, true>::new()).with_fused().with_native().run(quick)
    }),
    ("D", "Black–Scholes Monte Carlo, 10 000 paths", |quick| {
        Race::new(&BlackScholes::new()).with_tapes().with_native().with_rows().with::<NumDual>().run(quick)
    }),
    ("E", "ADBench Gaussian mixture, d = 10, K = 5, N = 1000", |quick| {
        Race::new(&Mixture::<false>::new()).with_tapes().with_native().run(quick)
    }),
    ("E fused", "the same with fused `dot` and `log_sum_exp`", |quick| {
        Race::new(&Mixture::<true>::new()).with_fused().with_native().with_rows().run(quick)
    }),
    ("F", "ADBench bundle adjustment, 1000 blocks", |quick| {
        Race::new(&BundleAdjustment::new()).with_tapes().with_native().with_rows().with::<NumDual>().run(quick)
    }),
    ("G", "`x = sin(x)*a + x*b`, 2.5 million times", |quick| {
        Race::new(&Chain::new()).with_tapes().with::<NumDual>().run(quick)
    }),
    ("H", "Lotka–Volterra, 10 000 Runge–Kutta steps", |quick| {
        Race::new(&LotkaVolterra::new()).with_tapes().with_native().with::<NumDual>().run(quick)
    }),
];

fn main() -> io::Result<()> {
    let arguments: Vec<String> = env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let (only, quick) = match arguments[..] {
        [] => (None, false),
        ["--quick"] => (None, true),
        ["--only", letters] => (Some(letters), false),
        ["--only", letters, "--quick"] | ["--quick", "--only", letters] => (Some(letters), true),
        [memory::OPTION, name] => {
            memory::print_peak(name);
            return Ok(());
        }
        _ => {
            eprintln!("{USAGE}");
            process::exit(2);
        }
    };
    let wanted = |letter: &str| only.is_none_or(|only| only.split(',').any(|one| letter.starts_with(one.trim())));

    let mut rows = Vec::new();
    for (letter, description, measure) in WORKLOADS {
        if wanted(letter) {
            eprintln!("{letter}: {description}");
            rows.push(Row { letter, description, standings: measure(quick) });
        }
    }
    let peaks = if wanted("G") { memory::peaks()? } else { Vec::new() };
    let mut problems = Vec::new();
    for (letter, description, new) in PROBLEMS {
        if wanted(letter) {
            eprintln!("{letter}: {description}");
            problems.push((letter, description, problems::measure(&*new(), quick)));
        }
    }
    let tables = [report::crates(&rows, &peaks), report::ways(&rows), report::problems(&problems)];
    println!("{}", tables.join("\n\n"));
    if only.is_none() && !quick {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/..");
        fs::write(format!("{folder}/RESULTS.md"), report::page(&tables))?;
        fs::write(format!("{folder}/results.svg"), chart::draw(&rows))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::WORKLOADS;
    use crate::race::Outcome;

    /// The long G is left to the measurement.
    #[test]
    fn all_crates_agree_with_the_gradients_by_hand() {
        for (letter, _, measure) in WORKLOADS.into_iter().filter(|(letter, ..)| *letter != "G") {
            for (name, outcome) in measure(true) {
                assert!(matches!(outcome, Outcome::Measured { .. }), "{letter}, {name}: {outcome:?}");
            }
        }
    }
}
