//! What all rows have in common: computed once before them, and swept once after them.

use super::back::{Reverse, Wanted};
use super::block::{Pass, take};
use super::lanes::first_lanes;
use super::plan::Place;
use super::plans::Engine;
use super::room::{LARGE, SMALL, with_room};
use super::sums::{Ledger, Slot};
use super::table_rows::Scratch;
use pulp::{Scalar, Simd};

/// The part of the function that all rows have in common, at some shared inputs.
pub(super) struct Common {
    /// Its values, the same in all lanes of a small block, and of a large one if these are needed.
    small: Vec<f64>,
    large: Vec<f64>,
    /// The constants that it uses.
    constants: Vec<f64>,
    /// The numbers that the rows share.
    pub shared: Vec<f64>,
    is_finite: bool,
    /// The guard that tripped for all rows.
    pub trip: Option<u32>,
}

impl Common {
    fn values<const W: usize>(&self) -> &[Slot<W>] {
        let values = if W == SMALL { &self.small } else { &self.large };
        values.as_chunks().0
    }
}

/// Gives adjoints on through the common part.
#[inline(always)]
pub(super) fn reverse_common<S: Simd, const W: usize>(
    simd: S,
    rows: &Engine,
    common: &Common,
    reverse: &Reverse,
    adjoints: &mut [Slot<W>],
    scratch: &mut Scratch<W>,
) {
    let pass = Pass {
        program: &rows.function.program,
        plan: &rows.plans.common,
        shared: &common.constants,
        is_fast: rows.is_fast,
    };
    let mut ledger = Ledger {
        values: common.values(),
        shared: &common.constants,
        adjoints,
        totals: &mut [],
    };
    pass.reverse(
        simd,
        reverse,
        &reverse.common,
        &mut ledger,
        scratch,
        common.is_finite,
    );
}

// Once for all rows, and so not worth code for each kind of processor.
impl Engine {
    pub(super) fn common(&self, inputs: &[f64], wanted: Option<Wanted>) -> Common {
        let Engine {
            function, plans, ..
        } = self;
        let (program, plan) = (&function.program, &plans.common);
        let constant = |index: u32| program.constants[index as usize - program.inputs];
        let constants: Vec<f64> = plan.shared.iter().map(|&index| constant(index)).collect();
        let pass = Pass {
            program,
            plan,
            shared: &constants,
            is_fast: self.is_fast,
        };
        let mut small = vec![0.0; plan.slots * SMALL];
        let mut trip = None;
        let slots: &mut [Slot<SMALL>] = small.as_chunks_mut().0;
        for (slot, &x) in slots.iter_mut().zip(inputs) {
            *slot = [x; SMALL];
        }
        let mut live = first_lanes(1);
        let scratch = &mut Scratch::new();
        let is_finite = pass.forward(Scalar, slots, scratch, &mut live, |_, guard| {
            trip = Some(guard)
        });
        let number = |&index: &u32| match plan.places[index as usize] {
            Some(Place::Slot(slot)) => slots[slot as usize][0],
            _ => constant(index),
        };
        let shared = plans.rows.shared.iter().map(number).collect();
        let needs_large = plans.is_large && wanted == Some(Wanted::Each);
        let spread = slots.iter().flat_map(|slot| [slot[0]; LARGE]);
        let large = if needs_large {
            spread.collect()
        } else {
            Vec::new()
        };
        Common {
            shared,
            small,
            large,
            constants,
            is_finite,
            trip,
        }
    }

    /// The gradient of the shared inputs from the totals.
    pub(super) fn finish(&self, common: &Common, totals: &[f64]) -> Vec<f64> {
        let reverse = self.reverse(Wanted::Sum, 0);
        with_room(|room| {
            let adjoints = room.adjoints.slots::<SMALL>(reverse.slots);
            for (&index, &total) in self.plans.rows.shared.iter().zip(totals) {
                if let Some(slot) = reverse.adjoints[index as usize] {
                    adjoints[slot as usize][0] += total;
                }
            }
            let scratch = &mut Scratch::new();
            reverse_common(Scalar, self, common, reverse, adjoints, scratch);
            let inputs = &reverse.adjoints[..self.shared];
            let of = |slot: &Option<u32>| slot.map_or(0.0, |slot| take(adjoints, slot)[0]);
            inputs.iter().map(of).collect()
        })
    }
}
