//! A fixed number of rows, block by block; and the tree of tasks, whose shape depends on nothing but their number.

use super::back::Wanted;
use super::block::{Pass, seed, take};
use super::common::{Common, reverse_common};
use super::lanes::{LANES, Live, first_lanes, lanes_of};
use super::plans::Engine;
use super::room::{Aligned, LARGE, Room, SMALL, with_room};
use super::sums::{Ledger, Slot, Total};
use super::table_rows::{Scratch, add_to_total};
use crate::refusal::Carrying;
use pulp::{Arch, Simd, WithSimd};
use std::sync::atomic::{AtomicUsize, Ordering};

/// A guard that got another answer.
#[derive(Clone, Copy, Debug)]
pub(super) struct Trip {
    pub row: usize,
    pub guard: u32,
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
    pub common: &'a Common,
    pub data: &'a [f64],
    pub wanted: Option<Wanted>,
    /// The rows that are done.
    pub done: AtomicUsize,
}

impl Job<'_> {
    fn number_of_rows(&self) -> usize {
        self.data.len() / self.rows.row_len()
    }

    /// Runs the rows from `first` on to the end of `out`, in a tree that depends on their number only.
    pub(super) fn run(&self, rows: std::ops::Range<usize>, out: Out<'_>) -> Sums {
        let size = self.rows.plans.task;
        let tasks = rows.len().div_ceil(size);
        if tasks <= 1 {
            // The thread may be another one than that of the call.
            let _carrying = Carrying::set(true);
            let sums = with_room(|room| {
                let rows = rows.clone();
                let job = self;
                Arch::new().dispatch(Task {
                    job,
                    rows,
                    out,
                    room,
                })
            });
            let done = self.done.fetch_add(rows.len(), Ordering::Relaxed) + rows.len();
            self.rows.tell(done, self.number_of_rows());
            return sums;
        }
        let middle = rows.start + tasks.div_ceil(2) * size;
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

struct Task<'a> {
    job: &'a Job<'a>,
    rows: std::ops::Range<usize>,
    out: Out<'a>,
    room: &'a mut Room,
}

impl WithSimd for Task<'_> {
    type Output = Sums;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Sums {
        let Task {
            job,
            rows,
            mut out,
            room,
        } = self;
        let plans = &job.rows.plans;
        let Room { values, adjoints } = room;
        let mut sums = Sums::default();
        let (mut value, mut totals) = ([0.0; LANES], Vec::new());
        if job.wanted == Some(Wanted::Sum) {
            totals = vec![[0.0; LANES]; plans.rows.shared.len()];
        }
        let mut large = Scratch::<LARGE>::new();
        let mut small = Scratch::<SMALL>::new();
        let mut first = rows.start;
        while first < rows.end {
            let left = rows.end - first;
            let width = if plans.is_large && left >= LARGE {
                LARGE
            } else {
                SMALL
            };
            let block = Block {
                job,
                task: rows.start,
                rows: first..first + left.min(width),
            };
            let results = (&mut value, &mut totals[..], &mut sums, &mut out);
            if width == LARGE {
                let values = values.slots(plans.rows.slots);
                block.run(simd, values, adjoints, &mut large, results);
            } else {
                let values = values.slots(plans.rows.slots);
                block.run(simd, values, adjoints, &mut small, results);
            }
            first += width;
        }
        sums.value = tree(value);
        for lanes in totals {
            sums.totals.push(tree(lanes));
        }
        sums
    }
}

/// The sum of the lanes.
fn tree(lanes: Total) -> f64 {
    let [a, b, c, d, e, f, g, h] = lanes;
    ((a + b) + (c + d)) + ((e + f) + (g + h))
}

struct Block<'a> {
    job: &'a Job<'a>,
    /// The first row of the task.
    task: usize,
    rows: std::ops::Range<usize>,
}

impl Block<'_> {
    #[inline(always)]
    fn run<S: Simd, const W: usize>(
        self,
        simd: S,
        values: &mut [Slot<W>],
        adjoints: &mut Aligned,
        scratch: &mut Scratch<W>,
        (value, totals, sums, out): (&mut Total, &mut [Total], &mut Sums, &mut Out<'_>),
    ) {
        let Block { job, task, rows } = self;
        let Job {
            rows: all,
            common,
            data,
            wanted,
            ..
        } = job;
        let (program, plans) = (&all.function.program, &all.plans);
        let n = rows.len();
        load(
            &data[rows.start * all.row_len()..rows.end * all.row_len()],
            n,
            values,
        );
        let pass = Pass {
            program,
            plan: &plans.rows,
            shared: &common.shared,
            is_fast: all.is_fast,
        };
        let mut live = first_lanes(n);
        let is_finite = pass.forward(simd, values, scratch, &mut live, |lane, guard| {
            sums.trips.push(Trip {
                row: rows.start + lane,
                guard,
            });
        });
        if live == 0 {
            return;
        }
        let outputs = program.outputs.len();
        for (m, &output) in program.outputs.iter().enumerate() {
            let z = pass.output(values, output);
            if out.values.is_empty() {
                if live == first_lanes(W) {
                    add_to_total(value, &z);
                } else {
                    lanes_of::<W>(live).for_each(|lane| value[lane % LANES] += z[lane]);
                }
            } else {
                let first = (rows.start - task) * outputs + m;
                let values = out.values[first..].iter_mut().step_by(outputs);
                values.zip(&z[..n]).for_each(|(value, z)| *value = *z);
            }
            let Some(wanted) = *wanted else { continue };
            let reverse = all.reverse(wanted, m);
            let adjoints = adjoints.slots::<W>(reverse.slots);
            seed(reverse.output, live, adjoints, totals);
            let mut ledger = Ledger {
                values,
                shared: &common.shared,
                adjoints,
                totals,
            };
            pass.reverse(
                simd,
                reverse,
                &reverse.rows,
                &mut ledger,
                scratch,
                is_finite,
            );
            if wanted == Wanted::Each {
                reverse_common(simd, all, common, reverse, ledger.adjoints, scratch);
                let width = program.inputs;
                let first = (rows.start - task) * outputs + m;
                let gradients = out.gradients.chunks_exact_mut(width);
                let gradients = gradients.skip(first).step_by(outputs);
                for (lane, gradient) in (0..n).zip(gradients) {
                    for (d, &slot) in gradient.iter_mut().zip(&reverse.inputs) {
                        *d = adjoints[slot as usize][lane];
                    }
                }
                for &slot in &reverse.inputs {
                    take(adjoints, slot);
                }
            }
        }
    }
}

/// Writes the numbers of `n` rows to the lanes; the lanes without a row get the last one once more.
#[inline(always)]
fn load<const W: usize>(data: &[f64], n: usize, values: &mut [Slot<W>]) {
    let len = data.len() / n;
    for (k, slot) in values[..len].iter_mut().enumerate() {
        for (lane, row) in slot[..n].iter_mut().zip(data.chunks_exact(len)) {
            *lane = row[k];
        }
    }
    for slot in &mut values[..len] {
        let last = slot[n - 1];
        slot[n..].fill(last);
    }
}

const _: () = assert!(Live::BITS >= 32);
