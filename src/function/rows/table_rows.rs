//! Rows of the table, operations on slices and the user's own over the lanes of a block.

use super::super::interpret::defined;
use super::super::program::{Node, Program};
use super::back::Target;
use super::lanes::{Group, LANES, Lanes, Live, lanes_of};
use super::plan::Place;
use super::stamped::{self, Gift};
use super::sums::{Slot, Total};

use crate::graph::notes::CustomOp;
use crate::pull_back::pull_back;
use crate::real::Real;
use crate::rows::{Kind, Op};
use crate::rules;
use crate::var::custom;
use smallvec::SmallVec;

/// Slots that a step of a row of the table may write to.
pub(super) struct Scratch<const W: usize> {
    /// Shared operands, the same in all lanes.
    spread: [Slot<W>; 3],
    /// The shares of operands where there is no tie.
    ones: Slot<W>,
}

impl<const W: usize> Scratch<W> {
    pub(super) fn new() -> Scratch<W> {
        Scratch {
            spread: [[0.0; W]; 3],
            ones: [1.0; W],
        }
    }
}

/// The operands of a row of the table, each in a slot.
#[inline(always)]
fn operands<'a, const W: usize>(
    spread: &'a mut [Slot<W>; 3],
    places: &[(u32, Place)],
    values: &'a [Slot<W>],
    shared: &[f64],
) -> [&'a [f64]; 3] {
    for (spread, &(_, place)) in spread.iter_mut().zip(places) {
        if let Place::Shared(k) = place {
            *spread = [shared[k as usize]; W];
        }
    }
    let slice = |k: usize| match places.get(k) {
        Some(&(_, Place::Slot(slot))) => &values[slot as usize][..],
        _ => &spread[k][..],
    };
    [slice(0), slice(1), slice(2)]
}

/// The operands of any node in one lane.
fn of_lane<const W: usize>(
    places: &[(u32, Place)],
    values: &[Slot<W>],
    shared: &[f64],
    lane: usize,
) -> SmallVec<[f64; 16]> {
    places
        .iter()
        .map(|place| number(place, values, shared, lane))
        .collect()
}

#[inline(always)]
fn number<const W: usize>(
    &(_, place): &(u32, Place),
    values: &[Slot<W>],
    shared: &[f64],
    lane: usize,
) -> f64 {
    match place {
        Place::Slot(slot) => values[slot as usize][lane],
        Place::Shared(k) => shared[k as usize],
    }
}

/// A node of a plan, and what it reads.
pub(super) struct At<'a, const W: usize> {
    pub program: &'a Program,
    pub node: &'a Node,
    pub places: &'a [(u32, Place)],
    pub values: &'a [Slot<W>],
    pub shared: &'a [f64],
    pub is_fast: bool,
}

/// Writes the values of a node in the first `n` lanes to `to`; the other lanes are copies of the first.
#[inline(never)]
pub(super) fn value<const W: usize>(
    at: At<'_, W>,
    scratch: &mut Scratch<W>,
    to: &mut Slot<W>,
    (n, live): (usize, Live),
) {
    let node = at.node;
    if node.op.is_slice() || node.op == Op::Custom {
        any_value(&at, to, (n, live));
    } else {
        let x = operands(&mut scratch.spread, at.places, at.values, at.shared);
        stamped::value(*node, x, to, n, at.is_fast);
    }
    if n < W {
        let first = to[0];
        to[n..].fill(first);
    }
}

#[inline(never)]
fn any_value<const W: usize>(at: &At<'_, W>, to: &mut Slot<W>, (n, live): (usize, Live)) {
    let &At {
        program,
        node,
        places,
        values,
        shared,
        ..
    } = at;
    if node.op != Op::Custom {
        let mut x: SmallVec<[f64; 16]> = SmallVec::from_elem(0.0, places.len());
        for (lane, to) in to[..n].iter_mut().enumerate() {
            x.iter_mut()
                .zip(places)
                .for_each(|(x, place)| *x = number(place, values, shared, lane));
            *to = f64::apply(node.op, node.n, &x);
        }
        return;
    }
    let op = defined(&program.customs[node.n as usize]);
    let first = live.trailing_zeros() as usize;
    for lane in lanes_of::<W>(live) {
        to[lane] = custom::value(op, &of_lane(places, values, shared, lane));
    }
    for lane in lanes_of::<W>(!live) {
        to[lane] = to[first];
    }
}

/// Gives the adjoint `w` of a node with the values `z` to its operands.
#[inline(never)]
pub(super) fn give<const W: usize>(
    at: At<'_, W>,
    scratch: &mut Scratch<W>,
    targets: &[Target],
    [w, z]: [&Slot<W>; 2],
    adjoints: &mut [Slot<W>],
    totals: &mut [Total],
) {
    let node = at.node;
    if node.op.is_slice() || node.op == Op::Custom {
        return give_any(&at, targets, [w, z], adjoints, totals);
    }
    let Scratch { spread, ones } = scratch;
    let x = operands(spread, at.places, at.values, at.shared);
    let ties;
    let tie = match node.op.kind() {
        Kind::Switch if at.places.len() > 1 => {
            ties = self::ties(&at, x, z);
            &ties
        }
        _ => ones,
    };
    for (k, &target) in targets.iter().enumerate() {
        let gift = |to| Gift {
            node: *node,
            k,
            x,
            tie,
            z,
            w,
            to,
        };
        match target {
            Target::Nobody => {}
            Target::Slot(slot) => {
                stamped::give(gift(&mut adjoints[slot as usize]), at.is_fast);
            }
            Target::Total(total) => {
                let mut gifts = [0.0; W];
                stamped::give(gift(&mut gifts), at.is_fast);
                add_to_total(&mut totals[total as usize], &gifts);
            }
        }
    }
}

/// Adds to a total, lane after lane in the order of the rows.
#[inline(always)]
pub(super) fn add_to_total<const W: usize>(total: &mut [f64; LANES], gifts: &Slot<W>) {
    for gifts in gifts.as_chunks::<LANES>().0 {
        total
            .iter_mut()
            .zip(gifts)
            .for_each(|(total, gift)| *total += gift);
    }
}

/// The share of an operand at a tie, in each lane.
#[inline(never)]
fn ties<const W: usize>(at: &At<'_, W>, x: [&[f64]; 3], z: &Slot<W>) -> Slot<W> {
    let (program, places) = (at.program, at.places);
    std::array::from_fn(|lane| {
        let x = x.map(|x| x[lane]);
        rules::tie(
            &x[..places.len()],
            &|k| program.is_active(places[k].0),
            z[lane],
        )
    })
}

#[inline(never)]
fn give_any<const W: usize>(
    at: &At<'_, W>,
    targets: &[Target],
    [w, z]: [&Slot<W>; 2],
    adjoints: &mut [Slot<W>],
    totals: &mut [Total],
) {
    let &At {
        program,
        node,
        places,
        values,
        shared,
        ..
    } = at;
    let is_wanted = |k: usize| targets[k] != Target::Nobody;
    let group = |slot: &Slot<W>, k: usize| Lanes::<false>(slot.as_chunks().0[k]);
    for k in 0..W / LANES {
        let (w, z) = (group(w, k), group(z, k));
        let x: SmallVec<[Lanes<false>; 8]> = places
            .iter()
            .map(|&(_, place)| match place {
                Place::Slot(slot) => group(&values[slot as usize], k),
                Place::Shared(k) => shared[k as usize].into(),
            })
            .collect();
        let partials = || match node.op {
            Op::Custom => custom_partials(defined(&program.customs[node.n as usize]), &x, w, z),
            op => rules::slice_partials(op, &x, &is_wanted, z),
        };
        pull_back(
            node.op,
            x.len(),
            |k| x[k],
            w,
            partials,
            is_wanted,
            |place, share| match targets[place] {
                Target::Nobody => {}
                Target::Slot(slot) => share.add_to(&mut adjoints[slot as usize][k * LANES..]),
                Target::Total(total) => share.add_to(&mut totals[total as usize]),
            },
        );
    }
}

/// The partials of the user's operation in the lanes whose adjoint is not zero.
fn custom_partials(
    op: &dyn CustomOp,
    x: &[Lanes<false>],
    w: Lanes<false>,
    z: Lanes<false>,
) -> rules::Partials<Lanes<false>> {
    let zero = Lanes::<false>::from(0.0);
    let mut partials: rules::Partials<_> = x.iter().map(|_| Some(zero)).collect();
    for lane in (0..LANES).filter(|&lane| w.0[lane] != 0.0) {
        let x: SmallVec<[f64; 4]> = x.iter().map(|x| x.0[lane]).collect();
        let of_lane = custom::plain_partials(op, &x, z.0[lane]);
        for (p, of_lane) in partials.iter_mut().flatten().zip(of_lane) {
            p.0[lane] = of_lane;
        }
    }
    partials
}
