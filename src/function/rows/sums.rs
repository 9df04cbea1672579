//! Sums of products over the lanes of a block, in whatever vectors the processor has.
//!
//! Forward a sum stays in registers from its first term to its last; in reverse its adjoint does. Nothing is fused or
//! reordered, so that every processor gives the same bits.

use super::back::{Gift, GiftRun, Reverse};
use super::lanes::LANES;
use super::plan::{Kind, Plan, Run};
use pulp::Simd;
use std::ops::Range;

/// A slot: a number for each lane of a block.
pub(super) type Slot<const W: usize> = [f64; W];

/// Of the sums over all rows, one for each lane of the smallest block, so that they do not depend on the vectors.
pub(super) type Total = [f64; LANES];

#[inline(always)]
fn registers<S: Simd>(slot: &[f64]) -> &[S::f64s] {
    S::as_simd_f64s(slot).0
}

#[inline(always)]
fn registers_mut<S: Simd>(slot: &mut [f64]) -> &mut [S::f64s] {
    S::as_mut_simd_f64s(slot).0
}

fn range(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}

/// Calls `$group` for the registers of a slot, as many at a time as there are, up to four.
macro_rules! in_groups {
    ($S:ident, $W:ident, $group:ident($($argument:expr),*)) => {
        let count = const { $W / $S::F64_LANES };
        // Constants, so that nothing is compiled for the other numbers.
        if const { $W / $S::F64_LANES % 4 == 0 } {
            for at in (0..count).step_by(4) {
                $group::<$S, $W, 4>($($argument,)* at);
            }
        } else if const { $W / $S::F64_LANES % 2 == 0 } {
            for at in (0..count).step_by(2) {
                $group::<$S, $W, 2>($($argument,)* at);
            }
        } else {
            for at in 0..count {
                $group::<$S, $W, 1>($($argument,)* at);
            }
        }
    };
}

/// Writes the sum of the terms of `runs` to `to`. `not_finite` stays zero as long as all sums are finite.
#[inline(always)]
pub(super) fn sum<S: Simd, const W: usize>(
    simd: S,
    plan: &Plan,
    runs: &Range<u32>,
    values: &[Slot<W>],
    shared: &[f64],
    to: &mut Slot<W>,
    not_finite: &mut S::f64s,
) {
    let runs = &plan.runs[range(runs)];
    in_groups!(
        S,
        W,
        sum_group(simd, plan, runs, values, shared, to, not_finite)
    );
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn sum_group<S: Simd, const W: usize, const K: usize>(
    simd: S,
    plan: &Plan,
    runs: &[Run],
    values: &[Slot<W>],
    shared: &[f64],
    to: &mut Slot<W>,
    not_finite: &mut S::f64s,
    at: usize,
) {
    // To which a first term is added, or from which it is subtracted, without a change in a bit.
    let mut sum = [simd.splat_f64s(-0.0); K];
    for run in runs {
        let factors = &plan.factors[range(&run.factors)];
        if run.is_negative {
            let op = |x, y| simd.sub_f64s(x, y);
            add_run(simd, run.kind, factors, values, shared, at, &mut sum, op);
        } else {
            let op = |x, y| simd.add_f64s(x, y);
            add_run(simd, run.kind, factors, values, shared, at, &mut sum, op);
        }
    }
    for (to, sum) in registers_mut::<S>(to)[at..at + K].iter_mut().zip(sum) {
        *to = sum;
        *not_finite = simd.add_f64s(*not_finite, simd.sub_f64s(sum, sum));
    }
}

#[inline(always)]
#[allow(clippy::too_many_arguments)]
fn add_run<S: Simd, const W: usize, const K: usize>(
    simd: S,
    kind: Kind,
    factors: &[[u32; 2]],
    values: &[Slot<W>],
    shared: &[f64],
    at: usize,
    sum: &mut [S::f64s; K],
    op: impl Fn(S::f64s, S::f64s) -> S::f64s,
) {
    let slot = |k: u32| &registers::<S>(&values[k as usize])[at..at + K];
    let shared = |k: u32| simd.splat_f64s(shared[k as usize]);
    match kind {
        Kind::Slot => {
            for &[x, _] in factors {
                let x = slot(x);
                for i in 0..K {
                    sum[i] = op(sum[i], x[i]);
                }
            }
        }
        Kind::Shared => {
            for &[x, _] in factors {
                let x = shared(x);
                for sum in sum.iter_mut() {
                    *sum = op(*sum, x);
                }
            }
        }
        Kind::Product => {
            for &[x, y] in factors {
                let (x, y) = (slot(x), slot(y));
                for i in 0..K {
                    sum[i] = op(sum[i], simd.mul_f64s(x[i], y[i]));
                }
            }
        }
        Kind::Scaled => {
            for &[x, y] in factors {
                let (x, y) = (slot(x), shared(y));
                for i in 0..K {
                    sum[i] = op(sum[i], simd.mul_f64s(x[i], y));
                }
            }
        }
        Kind::SharedProduct => {
            for &[x, y] in factors {
                let product = simd.mul_f64s(shared(x), shared(y));
                for sum in sum.iter_mut() {
                    *sum = op(*sum, product);
                }
            }
        }
    }
}

/// What the reverse pass of a block reads and writes.
pub(super) struct Ledger<'a, const W: usize> {
    pub values: &'a [Slot<W>],
    pub shared: &'a [f64],
    pub adjoints: &'a mut [Slot<W>],
    pub totals: &'a mut [Total],
}

/// Gives the adjoint `w` to the terms of a sum, all of whose factors are finite.
#[inline(always)]
pub(super) fn give<S: Simd, const W: usize>(
    simd: S,
    reverse: &Reverse,
    runs: &Range<u32>,
    w: &Slot<W>,
    ledger: &mut Ledger<'_, W>,
) {
    let runs = &reverse.runs[range(runs)];
    in_groups!(S, W, give_group(simd, reverse, runs, w, ledger));
}

#[inline(always)]
fn give_group<S: Simd, const W: usize, const K: usize>(
    simd: S,
    reverse: &Reverse,
    runs: &[GiftRun],
    w: &Slot<W>,
    ledger: &mut Ledger<'_, W>,
    at: usize,
) {
    let positive: [S::f64s; K] = std::array::from_fn(|i| registers::<S>(w)[at + i]);
    let values = ledger.values;
    let slot = |k: u32| &registers::<S>(&values[k as usize])[at..at + K];
    for run in runs {
        let mut w = positive;
        if run.is_negative {
            w = w.map(|w| simd.neg_f64s(w));
        }
        let triples = &reverse.triples[range(&run.triples)];
        match run.gift {
            Gift::Plain => {
                for &[x, _, _] in triples {
                    let to = &mut registers_mut::<S>(&mut ledger.adjoints[x as usize])[at..at + K];
                    for i in 0..K {
                        to[i] = simd.add_f64s(to[i], w[i]);
                    }
                }
            }
            Gift::Scaled => {
                for &[x, y, _] in triples {
                    let y = simd.splat_f64s(ledger.shared[y as usize]);
                    let to = &mut registers_mut::<S>(&mut ledger.adjoints[x as usize])[at..at + K];
                    for i in 0..K {
                        to[i] = simd.add_f64s(to[i], simd.mul_f64s(w[i], y));
                    }
                }
            }
            Gift::Product => {
                for &[x, y, _] in triples {
                    let y = slot(y);
                    let to = &mut registers_mut::<S>(&mut ledger.adjoints[x as usize])[at..at + K];
                    for i in 0..K {
                        to[i] = simd.add_f64s(to[i], simd.mul_f64s(w[i], y[i]));
                    }
                }
            }
            Gift::PlainTotal => {
                for &[x, _, _] in triples {
                    total(simd, &mut ledger.totals[x as usize], at, w);
                }
            }
            Gift::ScaledTotal => {
                for &[x, y, _] in triples {
                    let y = simd.splat_f64s(ledger.shared[y as usize]);
                    let w = w.map(|w| simd.mul_f64s(w, y));
                    total(simd, &mut ledger.totals[x as usize], at, w);
                }
            }
            Gift::ProductTotal => {
                for &[x, y, _] in triples {
                    let y = slot(y);
                    let w = std::array::from_fn::<_, K, _>(|i| simd.mul_f64s(w[i], y[i]));
                    total(simd, &mut ledger.totals[x as usize], at, w);
                }
            }
            Gift::Both => {
                for &[x, y, z] in triples {
                    let y = slot(y);
                    let products = std::array::from_fn::<_, K, _>(|i| simd.mul_f64s(w[i], y[i]));
                    total(simd, &mut ledger.totals[z as usize], at, products);
                    let z = simd.splat_f64s(ledger.shared[z as usize]);
                    let to = &mut registers_mut::<S>(&mut ledger.adjoints[x as usize])[at..at + K];
                    for i in 0..K {
                        to[i] = simd.add_f64s(to[i], simd.mul_f64s(w[i], z));
                    }
                }
            }
        }
    }
}

/// Adds to a total, whose lanes are those of the smallest block: lane after lane in the order of the rows.
#[inline(always)]
fn total<S: Simd, const K: usize>(simd: S, total: &mut Total, at: usize, w: [S::f64s; K]) {
    let total = registers_mut::<S>(total);
    for (i, w) in w.into_iter().enumerate() {
        let total = &mut total[(at + i) % const { LANES / S::F64_LANES }];
        *total = simd.add_f64s(*total, w);
    }
}

/// Does what [`give`] does where a factor is infinite or NaN: an adjoint that is zero gives nothing, lane by lane.
#[inline(never)]
pub(super) fn give_carefully<const W: usize>(
    reverse: &Reverse,
    runs: &Range<u32>,
    w: &Slot<W>,
    ledger: &mut Ledger<'_, W>,
) {
    for lane in (0..W).filter(|&lane| w[lane] != 0.0) {
        for run in &reverse.runs[range(runs)] {
            let w = if run.is_negative { -w[lane] } else { w[lane] };
            for &[x, y, z] in &reverse.triples[range(&run.triples)] {
                let (x, y, z) = (x as usize, y as usize, z as usize);
                match run.gift {
                    Gift::Plain => ledger.adjoints[x][lane] += w,
                    Gift::Scaled => ledger.adjoints[x][lane] += w * ledger.shared[y],
                    Gift::Product => ledger.adjoints[x][lane] += w * ledger.values[y][lane],
                    Gift::PlainTotal => ledger.totals[x][lane % LANES] += w,
                    Gift::ScaledTotal => ledger.totals[x][lane % LANES] += w * ledger.shared[y],
                    Gift::ProductTotal => {
                        ledger.totals[x][lane % LANES] += w * ledger.values[y][lane];
                    }
                    Gift::Both => {
                        ledger.adjoints[x][lane] += w * ledger.shared[z];
                        ledger.totals[z][lane % LANES] += w * ledger.values[y][lane];
                    }
                }
            }
        }
    }
}
