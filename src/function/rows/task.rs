//! The rows of a task, block by block; and the tree of tasks, whose shape depends on nothing but their number.

use super::block::Block;
use super::engine::{Job, Out, Sums, Wanted};
use super::lanes::{AmongFinite, LANES, Lanes, Vectorised};
use crate::function::buffers::{lend, room};
use crate::function::wide::are_finite;
#[cfg(feature = "rayon")]
use crate::graph;
use crate::refusal::Carrying;
use pulp::{Arch, Simd, WithSimd};
use std::cell::Cell;
use std::ops::Range;
use std::sync::atomic::Ordering;

impl Job<'_> {
    fn number_of_rows(&self) -> usize {
        self.data.len() / self.rows.row_len()
    }

    /// Runs these rows, whose results go to `out`, in a tree that depends on their number only.
    pub(super) fn run(&self, rows: Range<usize>, mut out: Out<'_>) -> Sums {
        let tasks = rows.len().div_ceil(self.size);
        if tasks <= 1 {
            // The thread may be another one than that of the call.
            let _carrying = Carrying::set(true);
            let _vectorised = Vectorised::set(self.rows.is_fast);
            let count = rows.len();
            let code = self.rows.code.as_ref();
            let by_code = code.and_then(|code| code.run(self, rows.clone(), &mut out));
            let in_lanes = || {
                lend(&ROOM, |room| {
                    let mut run = |is_careful, out| {
                        Arch::new().dispatch(Task { job: self, rows: rows.clone(), out, room, is_careful })
                    };
                    // A rule of the user's is asked only where a sweep asks it, so there must be no 0 × ∞ before it.
                    let has_rules = !self.rows.split.row.program.customs.is_empty();
                    let sums: Sums = run(has_rules, out);
                    if has_rules || are_finite(&sums.totals) {
                        return sums;
                    }
                    run(true, Out::nothing())
                })
            };
            let sums = by_code.unwrap_or_else(in_lanes);
            let done = self.done.fetch_add(count, Ordering::Relaxed) + count;
            self.rows.tell(done, self.number_of_rows());
            return sums;
        }
        let middle = rows.start + tasks.div_ceil(2) * self.size;
        let (first, second) = out.split(middle - rows.start, rows.len());
        let (first, second) = join(|| self.run(rows.start..middle, first), || self.run(middle..rows.end, second));
        first.and(second)
    }
}

#[cfg(feature = "rayon")]
fn join<A: Send, B: Send>(a: impl FnOnce() -> A + Send, b: impl FnOnce() -> B + Send) -> (A, B) {
    let _suspended = graph::suspend();
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
        let Task { job, rows, mut out, room: (values, adjoints), is_careful } = self;
        let program = &job.rows.split.row.program;
        let schedule = program.schedule();
        let values = room(values, schedule.len);
        let adjoints = room(adjoints, schedule.len);
        let numbers = values.iter_mut().zip(job.numbers);
        numbers.for_each(|(value, &x)| *value = x.into());
        let constants = program.constants.iter().chain(&[1.0]);
        let known = values[program.inputs..].iter_mut().zip(constants);
        known.for_each(|(value, &c)| *value = c.into());
        let mut block = Block { job, values, adjoints, is_careful, value: Lanes::default(), sums: Sums::default() };
        for first in rows.clone().step_by(LANES) {
            let count = LANES.min(rows.end - first);
            let (some, rest) = out.split(count, rows.end - first);
            out = rest;
            block.run(first..first + count, some);
        }
        let Block { value, mut sums, .. } = block;
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
