//! Sparse Hessians by edge pushing, sparse Jacobians by sweeps of what each output depends on.
//!
//! Edge pushing (Gower and Mello, 2012) goes through the program once, in reverse, and keeps the
//! second derivatives of the output with respect to the numbers it has met, as weighted edges between
//! them. A node hands its edges on to its operands, times its partials, and adds edges between its operands
//! for its own second partials, times its adjoint. What remains in the end are edges between inputs: the
//! Hessian. Its cost is the number of edges handed on; unlike colouring it does not mind a dense
//! row, and needs no pattern first.

use super::evaluate::{Tripped, with_space};
use super::interpret::{Number, forward, is_row, reverse, reverse_node};
use super::program::{Node, Program};
use super::sparse::{Pattern, SparseMatrix};
use super::structure::second_partials;
use super::tangents::Tangents;
use crate::matrix::Matrix;
use crate::ops::{self, Kind, Op};
use smallvec::SmallVec;

/// The end of a list.
const NONE: u32 = u32::MAX;

/// A second derivative with respect to the owner of the list and `other`.
#[derive(Clone, Copy)]
struct Edge {
    other: u32,
    next: u32,
    weight: f64,
}

/// The edges, each in the list of the later one of its ends.
struct Edges {
    heads: Vec<u32>,
    pool: Vec<Edge>,
    free: u32,
    /// The place of each number in the list that is being read, plus 1.
    place: Vec<u32>,
    /// The number of edges added.
    added: usize,
}

impl Edges {
    fn new(len: usize) -> Edges {
        Edges {
            heads: vec![NONE; len],
            pool: Vec::new(),
            free: NONE,
            place: vec![0; len],
            added: 0,
        }
    }

    #[inline]
    fn add(&mut self, i: u32, j: u32, weight: f64) {
        let (owner, other) = (i.max(j), i.min(j));
        let next = self.heads[owner as usize];
        let edge = Edge {
            other,
            next,
            weight,
        };
        self.added += 1;
        if self.free == NONE {
            self.heads[owner as usize] = self.pool.len() as u32;
            self.pool.push(edge);
        } else {
            let at = self.free;
            self.free = self.pool[at as usize].next;
            self.pool[at as usize] = edge;
            self.heads[owner as usize] = at;
        }
    }

    /// Takes the edges of `owner` out into `list`, those to the same number added up.
    fn take(&mut self, owner: u32, list: &mut Vec<(u32, f64)>) {
        list.clear();
        let mut at = std::mem::replace(&mut self.heads[owner as usize], NONE);
        while at != NONE {
            let Edge {
                other,
                next,
                weight,
            } = self.pool[at as usize];
            let place = &mut self.place[other as usize];
            if *place == 0 {
                list.push((other, weight));
                *place = list.len() as u32;
            } else {
                list[*place as usize - 1].1 += weight;
            }
            self.pool[at as usize].next = self.free;
            self.free = at;
            at = next;
        }
        for &(other, _) in list.iter() {
            self.place[other as usize] = 0;
        }
    }
}

/// `a · b`, in which zero times anything is zero.
#[inline(always)]
fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

/// The first and second partials of a node with respect to its active operands.
#[derive(Default)]
struct Local {
    first: SmallVec<[(u32, f64); 4]>,
    second: SmallVec<[(u32, u32, f64); 4]>,
}

impl Local {
    /// Reads them off; without `values` they are all zero, and only their places count.
    fn of(program: &Program, node: &Node, index: usize, values: Option<&[f64]>) -> Local {
        let operands = program.operands(node);
        let mut local = Local::default();
        if node.op.kind() == Kind::Step {
            return local;
        }
        let is_active = |k: usize| program.is_active(operands[k]);
        let value = |k: usize| values.map_or(0.0, |values| values[operands[k] as usize]);
        let active = (0..operands.len()).filter(|&k| is_active(k));
        match (node.op, values) {
            (Op::Add | Op::Sum, _) => local.first.extend(active.map(|k| (operands[k], 1.0))),
            (Op::Sub, _) => {
                let sign = |k| if k == 0 { 1.0 } else { -1.0 };
                local.first.extend(active.map(|k| (operands[k], sign(k))));
            }
            (Op::Mul | Op::Dot, _) => {
                local.first.extend(active.map(|k| (operands[k], value(k ^ 1))));
                let pairs = (0..operands.len()).step_by(2);
                let both = pairs.filter(|&k| is_active(k) && is_active(k + 1));
                local.second.extend(both.map(|k| (operands[k], operands[k + 1], 1.0)));
            }
            (_, None) => {
                local.first.extend(active.map(|k| (operands[k], 0.0)));
                let add = |j: usize, k: usize| local.second.push((operands[j], operands[k], 0.0));
                second_partials(node.op, node.n, operands.len(), is_active, add);
            }
            (op, Some(values)) if is_row(op) => {
                let mut args = [Tangents::<3>::default(); 3];
                for (k, arg) in args[..operands.len()].iter_mut().enumerate() {
                    arg.value = value(k);
                    arg.tangents[k] = f64::from(is_active(k));
                }
                let args = &args[..operands.len()];
                let z = Tangents::<3>::row(op, node.n, args, is_active);
                debug_assert!(z.value == values[index] || z.value.is_nan());
                local.first.extend(active.map(|k| (operands[k], z.tangents[k])));
                let partials = ops::partials(op, node.n, args, is_active, z);
                second_partials(op, node.n, operands.len(), is_active, |j, k| {
                    let second = partials[j].map_or(0.0, |p| p.tangents[k]);
                    local.second.push((operands[j], operands[k], second));
                });
            }
            (_, Some(values)) => local.wide(program, node, index, values),
        }
        local
    }

    /// As `of`, for a node of any number of operands: a tangent at a time.
    fn wide(&mut self, program: &Program, node: &Node, index: usize, values: &[f64]) {
        let operands = program.operands(node);
        let is_active = |k: usize| program.is_active(operands[k]);
        let mut args: Vec<Tangents<1>> =
            operands.iter().map(|&k| Tangents::from(values[k as usize])).collect();
        for j in (0..operands.len()).filter(|&j| is_active(j)) {
            args[j].tangents = [1.0];
            let (z, partials) = if node.op == Op::Custom {
                let custom = &program.customs[node.n as usize];
                let mut z = Tangents::from(values[index]);
                z.tangents = Tangents::<1>::custom(custom, &args).tangents;
                (z, Tangents::custom_partials(custom, &args, z))
            } else {
                let z = Tangents::row(node.op, node.n, &args, is_active);
                let partials = ops::partials(node.op, node.n, &args, is_active, z);
                (z, partials.into_iter().map(Option::unwrap_or_default).collect())
            };
            args[j].tangents = [0.0];
            self.first.push((operands[j], z.tangents[0]));
            for k in (j..operands.len()).filter(|&k| is_active(k)) {
                self.second.push((operands[j], operands[k], partials[k].tangents[0]));
            }
        }
    }
}

impl Program {
    /// The second derivatives of the only output, as sorted triplets of both triangles; `None` if
    /// more than `budget` edges are handed on. Without `values` and adjoints just their places.
    fn push_edges(
        &self,
        numbers: Option<(&[f64], &[f64])>,
        budget: usize,
    ) -> Option<Vec<(usize, usize, f64)>> {
        let first_node = self.first_node();
        let mut is_reached = vec![false; self.len()];
        is_reached[self.outputs[0] as usize] = true;
        let mut edges = Edges::new(self.len());
        let mut list = Vec::new();
        for (i, node) in self.nodes.iter().enumerate().rev() {
            let index = first_node + i;
            if !is_reached[index] {
                continue;
            }
            for &operand in self.operands(node) {
                is_reached[operand as usize] = true;
            }
            if edges.heads[index] == NONE && matches!(node.op, Op::Add | Op::Sub | Op::Sum) {
                continue;
            }
            let local = Local::of(self, node, index, numbers.map(|(values, _)| values));
            edges.take(index as u32, &mut list);
            for &(other, weight) in &list {
                if other == index as u32 {
                    for (a, &(j, pj)) in local.first.iter().enumerate() {
                        for &(k, pk) in &local.first[a..] {
                            let both = times(times(weight, pj), pk);
                            // Two different slots stand for two entries; so do they on the diagonal.
                            let is_twice = j == k && !std::ptr::eq(&local.first[a].1, &pk) && false;
                            edges.add(j, k, if is_twice { 2.0 * both } else { both });
                        }
                    }
                } else {
                    for &(j, p) in &local.first {
                        let pushed = times(weight, p);
                        edges.add(j, other, if j == other { 2.0 * pushed } else { pushed });
                    }
                }
            }
            let w = numbers.map_or(0.0, |(_, adjoints)| adjoints[index]);
            for &(j, k, second) in &local.second {
                edges.add(j, k, times(w, second));
            }
            if edges.added > budget {
                return None;
            }
        }
        let mut entries = Vec::new();
        for i in 0..self.inputs {
            edges.take(i as u32, &mut list);
            for &(j, weight) in &list {
                entries.push((i, j as usize, weight));
                if i != j as usize {
                    entries.push((j as usize, i, weight));
                }
            }
        }
        entries.sort_unstable_by_key(|&(i, j, _)| (i, j));
        Some(entries)
    }
}
