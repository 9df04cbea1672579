//! A block of rows: its forward pass and its reverse pass.

use super::super::program::{Node, Program};
use super::back::{Back, Reverse, Target};
use super::lanes::{Live, lanes_of};
use super::plan::{Place, Plan, Step};
use super::sums::{self, Ledger, Slot, Total};
use super::table_rows::{self, At, Scratch};
use pulp::Simd;
use std::ops::Range;

/// What a pass over a block is made of.
#[derive(Clone, Copy)]
pub(super) struct Pass<'a> {
    pub program: &'a Program,
    pub plan: &'a Plan,
    pub shared: &'a [f64],
    pub is_fast: bool,
}

impl Pass<'_> {
    /// A number in one lane.
    fn number<const W: usize>(&self, values: &[Slot<W>], index: u32, lane: usize) -> f64 {
        match self.plan.places[index as usize] {
            Some(Place::Slot(slot)) => values[slot as usize][lane],
            Some(Place::Shared(k)) => self.shared[k as usize],
            None => unreachable!("a number that is asked for has a place"),
        }
    }

    /// Fills `values` from the inputs, which are there. Returns whether all sums are finite.
    ///
    /// A lane whose guard trips is no longer `live`: it goes on as a copy of one that is, so that nothing is
    /// computed that the closure would not have computed. With no live lane there is nothing more to do.
    #[inline(always)]
    pub(super) fn forward<S: Simd, const W: usize>(
        self,
        simd: S,
        values: &mut [Slot<W>],
        scratch: &mut Scratch<W>,
        live: &mut Live,
        mut trip: impl FnMut(usize, u32),
    ) -> bool {
        let n = (Live::BITS - live.leading_zeros()) as usize;
        let mut not_finite = simd.splat_f64s(0.0);
        for step in &self.plan.steps {
            match step {
                Step::Sum { to, runs, .. } => {
                    let (before, to) = values.split_at_mut(*to as usize);
                    let to = &mut to[0];
                    sums::sum(
                        simd,
                        self.plan,
                        runs,
                        before,
                        self.shared,
                        to,
                        &mut not_finite,
                    );
                }
                Step::Row {
                    to, node, operands, ..
                } => {
                    let (before, to) = values.split_at_mut(*to as usize);
                    let at = self.at(node, operands, before);
                    table_rows::value(at, scratch, &mut to[0], (n, *live));
                }
                Step::Guard(k) => {
                    self.guard(*k, values, live, &mut trip);
                    if *live == 0 {
                        return true;
                    }
                }
            }
        }
        simd.reduce_sum_f64s(not_finite) == 0.0
    }

    #[inline(never)]
    fn guard<const W: usize>(
        &self,
        k: u32,
        values: &mut [Slot<W>],
        live: &mut Live,
        trip: &mut impl FnMut(usize, u32),
    ) {
        let guard = &self.program.guards[k as usize];
        let mut tripped: Live = 0;
        for lane in lanes_of::<W>(*live) {
            if guard.trips(guard.operands.map(|index| self.number(values, index, lane))) {
                trip(lane, k);
                tripped |= 1 << lane;
            }
        }
        if tripped == 0 {
            return;
        }
        *live &= !tripped;
        if *live != 0 {
            let healthy = live.trailing_zeros() as usize;
            for lane in lanes_of::<W>(!*live) {
                values
                    .iter_mut()
                    .for_each(|value| value[lane] = value[healthy]);
            }
        }
    }

    /// Gives the adjoints on, from the last step of `backs` to the first.
    #[inline(always)]
    pub(super) fn reverse<S: Simd, const W: usize>(
        self,
        simd: S,
        reverse: &Reverse,
        backs: &[Back],
        ledger: &mut Ledger<'_, W>,
        scratch: &mut Scratch<W>,
        is_finite: bool,
    ) {
        for back in backs {
            match back {
                Back::Sum { of, value, runs } => {
                    let w = take(ledger.adjoints, *of);
                    // A sum that is finite has finite factors only: the product with an infinite or NaN one is
                    // infinite or NaN, and so is what it is added to.
                    if is_finite || is_slot_finite(&ledger.values[*value as usize]) {
                        sums::give(simd, reverse, runs, &w, ledger);
                    } else {
                        sums::give_carefully(reverse, runs, &w, ledger);
                    }
                }
                Back::Row {
                    of,
                    value,
                    node,
                    operands,
                    targets,
                } => {
                    let targets = &reverse.targets[range(targets)];
                    let at = self.at(node, operands, ledger.values);
                    let w = take(ledger.adjoints, *of);
                    let z = &ledger.values[*value as usize];
                    let (adjoints, totals) = (&mut *ledger.adjoints, &mut *ledger.totals);
                    table_rows::give(at, scratch, targets, [&w, z], adjoints, totals);
                }
            }
        }
    }

    #[inline(always)]
    fn at<'a, const W: usize>(
        &'a self,
        node: &'a Node,
        operands: &Range<u32>,
        values: &'a [Slot<W>],
    ) -> At<'a, W> {
        At {
            program: self.program,
            node,
            places: &self.plan.operands[range(operands)],
            values,
            shared: self.shared,
            is_fast: self.is_fast,
        }
    }

    /// The values of an output.
    pub(super) fn output<const W: usize>(&self, values: &[Slot<W>], output: u32) -> Slot<W> {
        match self.plan.places[output as usize] {
            Some(Place::Slot(slot)) => values[slot as usize],
            Some(Place::Shared(k)) => [self.shared[k as usize]; W],
            None => unreachable!("an output has a place"),
        }
    }
}

fn range(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// The adjoint in a slot, which is zero afterwards: so are all of them at the end of a reverse pass, but for those of
/// inputs, and need no clearing before the next one.
#[inline(always)]
pub(super) fn take<const W: usize>(adjoints: &mut [Slot<W>], slot: u32) -> Slot<W> {
    std::mem::replace(&mut adjoints[slot as usize], [0.0; W])
}

#[inline(never)]
fn is_slot_finite<const W: usize>(slot: &Slot<W>) -> bool {
    slot.iter().all(|x| x.is_finite())
}

/// Makes the adjoint of the output 1 in the live lanes.
pub(super) fn seed<const W: usize>(
    target: Target,
    live: Live,
    adjoints: &mut [Slot<W>],
    totals: &mut [Total],
) {
    let mut one = [0.0; W];
    let first = (!live).trailing_zeros() as usize;
    one[..first.min(W)].fill(1.0);
    for lane in lanes_of::<W>(live).filter(|&lane| lane > first) {
        one[lane] = 1.0;
    }
    match target {
        Target::Nobody => {}
        Target::Slot(slot) => adjoints[slot as usize] = one,
        Target::Total(total) => table_rows::add_to_total(&mut totals[total as usize], &one),
    }
}
