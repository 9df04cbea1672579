//! One workload: its contestants, the agreement of their results, and their times.

use std::hint::black_box;
use std::panic::{self, AssertUnwindSafe};
use std::time::Instant;

use scalargrad::Function;
use workloads::{ByRow, Derivatives};

use crate::by_hand::ByHandInC;
use crate::engines::{
    Aad, Echidna, EchidnaReplay, Engine, Native, Recorded, Recording, Reversed, RustQuant, Scalargrad,
};

pub const BY_HAND_IN_C: &str = "by hand, C";
pub const BY_HAND_IN_RUST: &str = "by hand, Rust";
pub const ROWS: &str = "rows";
pub const ROWS_FAST: &str = "rows, fast math";

/// How far a value or a derivative may be from the hand-written one, relative to it.
const TOLERANCE: f64 = 1e-9;

/// The shortest time worth measuring, in seconds.
const SLICE: f64 = 4e-3;

/// How long a contestant runs before, to find in the caches what it would find there in a program that computes
/// gradients again and again, and not what the contestant before left.
const WARM_UP: f64 = 12e-3;

/// A run so long, in seconds, that a few of them must do.
const LONG: f64 = 0.05;

/// What became of a contestant.
#[derive(Clone, Copy, Debug)]
pub enum Outcome {
    /// The median time of one run, in seconds, and its ratio to the hand-written gradient in C: the
    /// median of the ratios within a round, which a machine that slows down for a while disturbs
    /// least.
    Measured {
        time: f64,
        ratio: f64,
    },
    /// The largest relative deviation from the hand-written values and gradients.
    Disagrees(f64),
    Panics,
}

/// The names of the contestants with what became of each, the hand-written gradient in C first.
pub type Standings = Vec<(&'static str, Outcome)>;

struct Contestant<'w> {
    name: &'static str,
    /// Why it may not run.
    failure: Option<Outcome>,
    /// Computes the derivatives at all points, so many times.
    run: Box<dyn FnMut(usize) + 'w>,
    times: Vec<f64>,
}

impl Contestant<'_> {
    /// Returns the time of one run in a series of them, in seconds.
    fn time(&mut self, runs: usize) -> f64 {
        let start = Instant::now();
        (self.run)(runs);
        start.elapsed().as_secs_f64() / runs as f64
    }
}

/// A workload and those who have entered for it.
pub struct Race<'w, const N: usize, const M: usize, W> {
    workload: &'w W,
    reference: Vec<Derivatives<N, M>>,
    contestants: Vec<Contestant<'w>>,
}

impl<'w, const N: usize, const M: usize, W: ByHandInC<N, M>> Race<'w, N, M, W> {
    /// Enters the hand-written gradients; the one in Rust is what all must agree with.
    pub fn new(workload: &'w W) -> Self {
        let mut store = Vec::new();
        let mut reference = vec![Derivatives::zero(); workload.points().len()];
        for (point, out) in reference.iter_mut().enumerate() {
            workload.by_hand(point, &mut store, out);
        }
        let race = Race { workload, reference, contestants: Vec::new() };
        let mut c_store = Vec::new();
        race.enter(BY_HAND_IN_C, move |point, out| workload.by_hand_in_c(point, &mut c_store, out))
            .enter(BY_HAND_IN_RUST, move |point, out| workload.by_hand(point, &mut store, out))
    }

    /// Enters all that record a tape.
    pub fn with_tapes(self) -> Self {
        let race = self.with_scalargrad();
        #[cfg(feature = "xad-rs")]
        let race = race.with::<crate::engines::Xad>();
        race.with::<RustQuant>().with::<Reversed>().with::<Aad>().with::<Echidna>().with::<EchidnaReplay>()
    }

    /// Enters those that have fused operations.
    pub fn with_fused(self) -> Self {
        let race = self.with_scalargrad();
        #[cfg(feature = "xad-rs")]
        let race = race.with::<crate::engines::Xad>();
        race
    }

    /// Enters scalargrad: the closure, to record it, and the recording.
    fn with_scalargrad(self) -> Self {
        self.with::<Scalargrad>().with::<Recording>().with::<Recorded>()
    }

    /// Enters the recording in native code.
    pub fn with_native(self) -> Self {
        self.with::<Native>()
    }

    /// Enters the recording of one row over all rows, with exact and with fast functions.
    pub fn with_rows(mut self) -> Self
    where
        W: ByRow<N, M>,
    {
        for (name, is_fast) in [(ROWS, false), (ROWS_FAST, true)] {
            let (workload, shared, data) = (self.workload, self.workload.shared(), self.workload.data());
            let p = shared.len();
            let first = [&shared[..], &data[..workload.row_len()]].concat();
            let f = Function::record(&first, |x| workload.eval_row(&x[..p], &x[p..]).to_vec());
            let rows = f.over_rows(p).fast_math(is_fast);
            let points = self.reference.len();
            let (mut values, mut gradients) = (vec![0.0; points * M], vec![0.0; points * M * first.len()]);
            self = self.enter_all(name, move |out| {
                if let [out] = out {
                    let (value, gradient) = rows.sum_gradient(&shared, &data).expect("no guard");
                    out.value = [value; M];
                    out.gradient[0].copy_from_slice(&gradient);
                    return;
                }
                rows.gradients_into(&shared, &data, &mut values, &mut gradients).expect("no guard");
                let values = values.as_chunks::<M>().0.iter();
                let gradients = gradients.chunks_exact(M * first.len());
                for ((out, value), rows) in out.iter_mut().zip(values).zip(gradients) {
                    out.value = *value;
                    for (to, row) in out.gradient.iter_mut().zip(rows.chunks_exact(first.len())) {
                        to.copy_from_slice(&row[..N]);
                    }
                }
            });
        }
        self
    }

    /// Enters one crate.
    pub fn with<E: Engine + 'w>(self) -> Self {
        let workload = self.workload;
        let mut engine = E::default();
        self.enter(E::NAME, move |point, out| engine.differentiate(black_box(workload), point, out))
    }

    /// Enters what computes the derivatives at one point.
    fn enter(self, name: &'static str, mut differentiate: impl FnMut(usize, &mut Derivatives<N, M>) + 'w) -> Self {
        self.enter_all(name, move |results| {
            for (point, out) in results.iter_mut().enumerate() {
                differentiate(black_box(point), black_box(out));
            }
        })
    }

    /// Enters what computes the derivatives at all points.
    fn enter_all(mut self, name: &'static str, mut differentiate: impl FnMut(&mut [Derivatives<N, M>]) + 'w) -> Self {
        let mut results = vec![Derivatives::zero(); self.reference.len()];
        let trial = panic::catch_unwind(AssertUnwindSafe(|| differentiate(&mut results)));
        let failure = match trial {
            Err(_) => Some(Outcome::Panics),
            Ok(()) => {
                let pairs = self.reference.iter().zip(&results);
                let by = pairs.map(|(want, got)| deviation(want, got)).fold(0.0, f64::max);
                (by > TOLERANCE).then_some(Outcome::Disagrees(by))
            }
        };
        let run = Box::new(move |runs| {
            for _ in 0..runs {
                differentiate(black_box(&mut results));
            }
        });
        let times = Vec::new();
        self.contestants.push(Contestant { name, failure, run, times });
        self
    }

    /// Measures in rounds, each of which runs every contestant for a moment, and takes the medians.
    pub fn run(mut self, quick: bool) -> Standings {
        let able = self.contestants.iter_mut().filter(|c| c.failure.is_none());
        let mut able: Vec<_> = able.map(|c| (c.time(1), c)).collect();
        let long = able.iter().any(|(once, _)| *once > LONG);
        for _ in 0..if quick || long { 5 } else { 21 } {
            for (once, contestant) in &mut able {
                let runs = |time: f64| (time / *once).ceil() as usize;
                contestant.time(runs(WARM_UP));
                let time = contestant.time(runs(SLICE));
                contestant.times.push(time);
            }
        }
        let floor = self.contestants[0].times.clone();
        let outcome = |contestant: Contestant| {
            let ratios = contestant.times.iter().zip(&floor).map(|(time, floor)| time / floor);
            let measured = Outcome::Measured { ratio: median(ratios.collect()), time: median(contestant.times) };
            (contestant.name, contestant.failure.unwrap_or(measured))
        };
        self.contestants.into_iter().map(outcome).collect()
    }
}

fn median(mut numbers: Vec<f64>) -> f64 {
    numbers.sort_by(f64::total_cmp);
    numbers.get(numbers.len() / 2).copied().unwrap_or(f64::NAN)
}

/// The largest relative deviation of a value or derivative; infinite where one is not a number.
fn deviation<const N: usize, const M: usize>(want: &Derivatives<N, M>, got: &Derivatives<N, M>) -> f64 {
    let wanted = want.value.iter().chain(want.gradient.as_flattened());
    let gotten = got.value.iter().chain(got.gradient.as_flattened());
    let deviations = wanted.zip(gotten).map(|(want, got)| match (got - want).abs() {
        0.0 => 0.0,
        by if by.is_nan() => f64::INFINITY,
        by => by / want.abs(),
    });
    deviations.fold(0.0, f64::max)
}
