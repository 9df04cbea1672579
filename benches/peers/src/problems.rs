//! The problems that ask for other derivatives than one gradient: by hand, by the closure, and recorded.

use std::hint::black_box;
use std::time::Instant;

pub use workloads::problems::PROBLEMS;
use workloads::problems::{Problem, Run};

/// How far a derivative may be from the hand-written one, relative to the largest.
const TOLERANCE: f64 = 1e-9;

/// The median time by hand, in seconds, and the medians of the ratios to it within a round.
pub struct Times {
    pub by_hand: f64,
    pub by_closure: f64,
    pub recorded: f64,
    /// What it took to record, in times by the closure.
    pub recording: f64,
}

/// Measures a problem in rounds, each of which runs the three in turn.
pub fn measure(problem: &dyn Problem, quick: bool) -> Times {
    let (mut out, mut reference) = (Vec::new(), Vec::new());
    problem.by_hand(&mut reference);
    let start = Instant::now();
    let mut recorded = problem.recorded();
    let recording = start.elapsed().as_secs_f64();
    let mut contestants: [Run; 3] =
        [Box::new(|out| problem.by_hand(out)), Box::new(|out| problem.by_closure(out)), Box::new(|out| recorded(out))];
    for run in &mut contestants {
        run(&mut out);
        let scale = reference.iter().fold(0.0f64, |most, x| most.max(x.abs()));
        let pairs = reference.iter().zip(&out);
        let by = pairs.fold(0.0, |most, (want, got)| f64::max(most, (want - got).abs()));
        assert!(out.len() == reference.len() && by <= TOLERANCE * scale, "off by {by:e}");
    }
    let rounds = if quick { 3 } else { 15 };
    let mut times = [const { Vec::new() }; 3];
    for _ in 0..rounds {
        for (run, times) in contestants.iter_mut().zip(&mut times) {
            let start = Instant::now();
            let mut runs = 0;
            while runs == 0 || start.elapsed().as_secs_f64() < 4e-3 {
                run(black_box(&mut out));
                runs += 1;
            }
            times.push(start.elapsed().as_secs_f64() / f64::from(runs));
        }
    }
    let ratio = |k: usize| {
        let ratios = times[k].iter().zip(&times[0]).map(|(time, floor)| time / floor);
        median(ratios.collect())
    };
    Times {
        by_closure: ratio(1),
        recorded: ratio(2),
        recording: recording / median(times[1].clone()),
        by_hand: median(times[0].clone()),
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers[numbers.len() / 2]
}
