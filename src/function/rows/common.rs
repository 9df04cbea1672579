//! What all rows have in common: computed once before them, and swept once after them.

use super::back::{Reverse, Wanted};
use super::block::{Pass, take};
use super::lanes::first_lanes;
use super::plan::Place;
use super::plans::Engine;
use super::room::{LARGE, Room, SMALL, with_room};
use super::sums::{Ledger, Slot};
use super::table_rows::Scratch;
use pulp::{Arch, Simd, WithSimd};

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

struct RunCommon<'a> {
    rows: &'a Engine,
    inputs: &'a [f64],
    wanted: Option<Wanted>,
}

impl WithSimd for RunCommon<'_> {
    type Output = Common;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Common {
        let Engine {
            function, plans, ..
        } = self.rows;
        let (program, plan) = (&function.program, &plans.common);
        let constant = |index: u32| program.constants[index as usize - program.inputs];
        let constants: Vec<f64> = plan.shared.iter().map(|&index| constant(index)).collect();
        let pass = Pass {
            program,
            plan,
            shared: &constants,
            is_fast: self.rows.is_fast,
        };
        let mut small = vec![0.0; plan.slots * SMALL];
        let mut trip = None;
        let slots: &mut [Slot<SMALL>] = small.as_chunks_mut().0;
        for (slot, &x) in slots.iter_mut().zip(self.inputs) {
            *slot = [x; SMALL];
        }
        let mut live = first_lanes(1);
        let scratch = &mut Scratch::new();
        let is_finite = pass.forward(simd, slots, scratch, &mut live, |_, guard| {
            trip = Some(guard)
        });
        let number = |&index: &u32| match plan.places[index as usize] {
            Some(Place::Slot(slot)) => slots[slot as usize][0],
            _ => constant(index),
        };
        let shared = plans.rows.shared.iter().map(number).collect();
        let needs_large = plans.is_large && self.wanted == Some(Wanted::Each);
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

/// The gradient of the shared inputs from the totals.
struct Finish<'a> {
    rows: &'a Engine,
    common: &'a Common,
    totals: &'a [f64],
    room: &'a mut Room,
}

impl WithSimd for Finish<'_> {
    type Output = Vec<f64>;

    #[inline(always)]
    fn with_simd<S: Simd>(self, simd: S) -> Vec<f64> {
        let Finish {
            rows,
            common,
            totals,
            room,
        } = self;
        let reverse = rows.reverse(Wanted::Sum, 0);
        let adjoints = room.adjoints.slots::<SMALL>(reverse.slots);
        for (&index, &total) in rows.plans.rows.shared.iter().zip(totals) {
            if let Some(slot) = reverse.adjoints[index as usize] {
                adjoints[slot as usize][0] += total;
            }
        }
        reverse_common(simd, rows, common, reverse, adjoints, &mut Scratch::new());
        let inputs = &reverse.adjoints[..rows.shared];
        let of = |slot: &Option<u32>| slot.map_or(0.0, |slot| take(adjoints, slot)[0]);
        inputs.iter().map(of).collect()
    }
}

impl Engine {
    pub(super) fn common(&self, inputs: &[f64], wanted: Option<Wanted>) -> Common {
        Arch::new().dispatch(RunCommon {
            rows: self,
            inputs,
            wanted,
        })
    }

    pub(super) fn finish(&self, common: &Common, totals: &[f64]) -> Vec<f64> {
        with_room(|room| {
            let rows = self;
            Arch::new().dispatch(Finish {
                rows,
                common,
                totals,
                room,
            })
        })
    }
}
