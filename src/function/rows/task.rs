//! A fixed number of rows, block by block; and the tree of tasks, whose shape depends on nothing but their number.

use super::engine::{Engine, Wanted};
use super::lanes::{AmongFinite, LANES, Lanes, Vectorised};
use crate::function::buffers::room;
use crate::function::evaluate::sweep_in_room;
use crate::function::scheduled::{forward_from, reverse, reverse_inline};
use crate::function::wide::are_finite;
use crate::pull_back::is_zero;
use crate::refusal::Carrying;
use pulp::{Arch, Simd, WithSimd};
use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

/// A guard that got another answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    pub row: usize,
    pub guard: usize,
}

/// What is done with a task's results.
pub(super) struct Out<'a> {
    /// The values of every output of every row, if they are wanted.
    pub values: &'a mut [f64],
    /// The gradient of every output of every row, if it is wanted.
    pub gradients: &'a mut [f64],
}

impl<'a> Out<'a> {
    /// Nothing but the sums.
    pub(super) fn nothing() -> Out<'a> {
        Out {
            values: &mut [],
            gradients: &mut [],
        }
    }

    /// Those of the first `rows` of `all` rows, and those of the others.
    fn split(self, rows: usize, all: usize) -> (Out<'a>, Out<'a>) {
        let values = self.values.len() / all * rows;
        let (values, other_values) = self.values.split_at_mut(values);
        let gradients = self.gradients.len() / all * rows;
        let (gradients, other_gradients) = self.gradients.split_at_mut(gradients);
        (
            Out { values, gradients },
            Out {
                values: other_values,
                gradients: other_gradients,
            },
        )
    }
}

/// Of the rows of a task, or of several.
#[derive(Default)]
pub(super) struct Sums {
    pub value: f64,
    /// The adjoints of the numbers that the rows share.
    pub totals: Vec<f64>,
    pub trips: Vec<Trip>,
}

impl Sums {
    fn and(mut self, other: Sums) -> Sums {
        self.value += other.value;
        for (total, other) in self.totals.iter_mut().zip(other.totals) {
            *total += other;
        }
        self.trips.extend(other.trips);
        self
    }
}

/// A run over many rows.
pub(super) struct Job<'a> {
    pub rows: &'a Engine,
    /// The values of all that rows have in common, and those that they need of them.
    pub common: &'a [f64],
    pub numbers: &'a [f64],
    pub data: &'a [f64],
    pub wanted: Option<Wanted>,
    /// The rows of a task.
    pub size: usize,
    /// The rows that are done.
    pub done: AtomicUsize,
}

impl Job<'_> {
    fn number_of_rows(&self) -> usize {
        self.data.len() / self.rows.row_len()
    }

    /// Runs the rows from `first` on to the end of `out`, in a tree that depends on their number only.
    pub(super) fn run(&self, rows: Range<usize>, out: Out<'_>) -> Sums {
        let tasks = rows.len().div_ceil(self.size);
        if tasks <= 1 {
            // The thread may be another one than that of the call.
            let _carrying = Carrying::set(true);
            let _vectorised = Vectorised::set(self.rows.is_fast);
            let count = rows.len();
            let sums = with_room(|room| {
                let mut run = |is_careful, out| {
                    Arch::new().dispatch(Task {
                        job: self,
                        rows: rows.clone(),
                        out,
                        room,
                        is_careful,
                    })
                };
                // A rule of the user's is asked only where a sweep asks it, so there must be no 0 × ∞ before it.
                let has_rules = !self.rows.split.row.program.customs.is_empty();
                let sums: Sums = run(has_rules, out);
                if has_rules || are_finite(&sums.totals) {
                    return sums;
                }
                run(true, Out::nothing())
            });
            let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
            self.rows.tell(done, self.number_of_rows());
            return sums;
        }
        let middle = rows.start + tasks.div_ceil(2) * self.size;
        let (first, second) = out.split(middle - rows.start, rows.len());
        let (first, second) = join(
            || self.run(rows.start..middle, first),
            || self.run(middle..rows.end, second),
        );
        first.and(second)
    }
}

#[cfg(feature = "rayon")]
fn join<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    rayon::join(a, b)
}

#[cfg(not(feature = "rayon"))]
fn join<A, B>(a: impl FnOnce() -> A, b: impl FnOnce() -> B) -> (A, B) {
    let a = a();
    (a, b())
}

/// The values and the adjoints of a block. The adjoints are zeros, but in a task.
type Room = (Vec<Lanes>, Vec<AmongFinite>);

thread_local! {
    /// Memory that tasks on this thread use again.
    static ROOM: Cell<Room> = const { Cell::new((Vec::new(), Vec::new())) };
}

fn with_room<R>(f: impl FnOnce(&mut Room) -> R) -> R {
    let mut room = ROOM.try_with(Cell::take).unwrap_or_default();
    let result = f(&mut room);
    // At the end of the thread there is nobody to keep it for.
    let _ = ROOM.try_with(|cell| cell.set(room));
    result
}

struct Task<'a> {
    job: &'a Job<'a>,
    rows: Range<usize>,
    out: Out<'a>,
    room: &'a mut Room,
    /// Whether factors may not be finite.
    is_careful: bool,
}

impl WithSimd for Task<'_> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, _: S) -> Sums {
        let Task {
            job,
            rows,
            mut out,
            room: (values, adjoints),
            is_careful,
        } = self;
        let program = &job.rows.split.row.program;
        let schedule = program.schedule();
        let values = room(values, schedule.len);
        let adjoints = room(adjoints, schedule.len);
        let numbers = values.iter_mut().zip(job.numbers);
        numbers.for_each(|(value, &x)| *value = x.into());
        let constants = program.constants.iter().chain(&[1.0]);
        let known = values[program.inputs..].iter_mut().zip(constants);
        known.for_each(|(value, &c)| *value = c.into());
        let mut block = Block {
            job,
            values,
            adjoints,
            is_careful,
            of_shared: Vec::new(),
            value: Lanes::default(),
            sums: Sums::default(),
        };
        for first in rows.clone().step_by(LANES) {
            let count = LANES.min(rows.end - first);
            let (some, rest) = out.split(count, rows.end - first);
            out = rest;
            block.run(first..first + count, some);
        }
        let Block {
            value, mut sums, ..
        } = block;
        sums.value = tree(value);
        let shared = &mut adjoints[..job.numbers.len()];
        if job.wanted == Some(Wanted::Sum) {
            sums.totals = shared.iter().map(|w| tree(w.0)).collect();
        }
        shared.fill(AmongFinite::default());
        sums
    }
}

/// The sum of the lanes.
fn tree(Lanes(mut lanes): Lanes) -> f64 {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for lane in 0..width {
            lanes[lane] += lanes[lane + width];
        }
    }
    lanes[0]
}

/// So many rows at a time go through the program, one in each lane.
struct Block<'a> {
    job: &'a Job<'a>,
    values: &'a mut [Lanes],
    /// Those of the numbers that all rows share are summed over the rows, if the gradient of the sum is wanted.
    adjoints: &'a mut [AmongFinite],
    is_careful: bool,
    /// The adjoints of the shared inputs.
    of_shared: Vec<[f64; LANES]>,
    /// The sum of the values, lane by lane.
    value: Lanes,
    sums: Sums,
}

impl Block<'_> {
    #[inline(always)]
    fn run(&mut self, rows: Range<usize>, out: Out<'_>) {
        let half = &self.job.rows.split.row;
        let (program, schedule) = (&half.program, half.program.schedule());
        self.load(rows.clone());
        let mut is_live = std::array::from_fn(|lane| lane < rows.len());
        let trips = &mut self.sums.trips;
        let ended = forward_from(program, self.values, |check, values| {
            let guard = &program.guards[check.guard];
            let operands = check.operands.map(|k| values[k as usize]);
            let mut has_tripped = false;
            for (lane, is_live) in is_live.iter_mut().enumerate() {
                if *is_live && guard.trips(operands.map(|x| x.0[lane])) {
                    let (row, guard) = (rows.start + lane, half.guards[check.guard]);
                    trips.push(Trip { row, guard });
                    (*is_live, has_tripped) = (false, true);
                }
            }
            has_tripped && !heal(&is_live, values)
        });
        if ended.is_err() {
            return;
        }
        for (m, &output) in schedule.outputs.iter().enumerate() {
            let z = self.values[output as usize];
            if out.values.is_empty() {
                let live = |lane: usize| if is_live[lane] { z.0[lane] } else { -0.0 };
                self.value += Lanes(std::array::from_fn(live));
            } else {
                let values = out.values[m..].iter_mut().step_by(schedule.outputs.len());
                values.zip(z.0).for_each(|(value, z)| *value = z);
            }
            if let Some(wanted) = self.job.wanted {
                let seed = |lane: usize| f64::from(u8::from(is_live[lane]));
                let seed = Lanes(std::array::from_fn(seed));
                let inputs = program.inputs;
                if self.is_careful {
                    self.sweep_carefully(output as usize, seed);
                } else {
                    self.adjoints[output as usize].0 += seed;
                    reverse_inline(program, self.values, self.adjoints);
                    if wanted == Wanted::Each && !is_finite(&self.adjoints[..inputs]) {
                        self.adjoints[..inputs].fill(AmongFinite::default());
                        self.sweep_carefully(output as usize, seed);
                    }
                }
                if wanted == Wanted::Each {
                    self.gradients(m, out.gradients);
                }
                self.adjoints[self.job.numbers.len()..inputs].fill(AmongFinite::default());
            }
        }
        if !are_finite(out.gradients) {
            self.correct(rows, out.gradients);
        }
    }

    /// Corrects the gradients of these rows that are not finite.
    #[cold]
    #[inline(never)]
    fn correct(&self, rows: Range<usize>, gradients: &mut [f64]) {
        let (engine, outputs) = (self.job.rows, self.job.rows.function.outputs());
        let shared = &self.job.common[..engine.shared];
        let data = self.job.data.chunks_exact(engine.row_len());
        let gradients = gradients.chunks_exact_mut(engine.function.inputs() * outputs);
        for (row, gradients) in data.skip(rows.start).zip(gradients) {
            let x = [shared, row].concat();
            for (m, gradient) in gradients.chunks_exact_mut(x.len()).enumerate() {
                if !are_finite(gradient) {
                    engine.function.program.correct_gradient_at(&x, m, gradient);
                }
            }
        }
    }

    /// Sweeps from an output, where factors may be infinite or NaN.
    #[cold]
    #[inline(never)]
    fn sweep_carefully(&mut self, output: usize, seed: Lanes) {
        let program = &self.job.rows.split.row.program;
        let mut adjoints: Vec<Lanes> = self.adjoints.iter().map(|w| w.0).collect();
        adjoints[output] += seed;
        reverse(program, &*self.values, &mut adjoints);
        let inputs = self.adjoints[..program.inputs].iter_mut();
        inputs.zip(adjoints).for_each(|(to, w)| to.0 = w);
    }

    /// Writes the numbers of the rows to the lanes; the lanes without a row get the first one once more.
    #[inline(always)]
    fn load(&mut self, rows: Range<usize>) {
        let (job, len) = (self.job, self.job.rows.row_len());
        let data = &job.data[rows.start * len..rows.end * len];
        for (k, x) in self.values[job.numbers.len()..][..len]
            .iter_mut()
            .enumerate()
        {
            *x = data[k].into();
            for (x, row) in x.0.iter_mut().zip(data.chunks_exact(len)) {
                *x = row[k];
            }
        }
    }

    /// Takes the adjoints of the shared numbers and gives them on, and writes the gradients of output `m` of all rows.
    #[inline(never)]
    fn gradients(&mut self, m: usize, gradients: &mut [f64]) {
        let Job { rows, common, .. } = *self.job;
        let row_inputs = rows.split.row.program.inputs;
        let (numbers, of_row) = self.adjoints[..row_inputs].split_at_mut(self.job.numbers.len());
        let (inputs, outputs) = (rows.function.inputs(), rows.function.outputs());
        let gradients = gradients.chunks_exact_mut(inputs).skip(m).step_by(outputs);
        self.of_shared.clear();
        self.of_shared.resize(rows.shared, [0.0; LANES]);
        let weights = numbers
            .iter_mut()
            .map(|w| std::mem::take(w).0.0)
            .enumerate();
        sweep_in_room(&rows.split.common.program, common, weights, |k, w| {
            self.of_shared[k] = w;
        });
        for (lane, gradient) in gradients.enumerate() {
            let (shared, row) = gradient.split_at_mut(rows.shared);
            let of_shared = self.of_shared.iter();
            shared
                .iter_mut()
                .zip(of_shared)
                .for_each(|(d, w)| *d = w[lane]);
            row.iter_mut()
                .zip(&*of_row)
                .for_each(|(d, w)| *d = w.0.0[lane]);
        }
    }
}

/// Whether all lanes of all adjoints are finite.
#[inline(always)]
fn is_finite(adjoints: &[AmongFinite]) -> bool {
    let mut zero = Lanes::default();
    for w in adjoints {
        zero += w.0 * 0.0;
    }
    is_zero(&zero.0)
}

/// Makes the lanes that are not live copies of one that is, so that nothing is computed that the closure would not have
/// computed. Returns whether there is one.
#[inline(never)]
fn heal(is_live: &[bool; LANES], values: &mut [Lanes]) -> bool {
    let Some(healthy) = is_live.iter().position(|&is_live| is_live) else {
        return false;
    };
    for lane in (0..LANES).filter(|&lane| !is_live[lane]) {
        values.iter_mut().for_each(|x| x.0[lane] = x.0[healthy]);
    }
    true
}
