//! Sparse Hessians by edge pushing.
//!
//! Edge pushing (Gower and Mello, 2012) goes through the program once, in reverse, and keeps the
//! second derivatives of the output with respect to the numbers it has met, as weighted edges between
//! them. A node passes its edges to its operands, times its partials, and adds edges between its operands
//! for its own second partials, times its adjoint. What remains in the end are edges between inputs: the
//! Hessian. Its cost is the number of edges added; unlike colouring it does not mind a dense
//! row, and needs no pattern first.

use super::buffers::{DIRECTIONS, with_space};
use super::dependence::{pairs, second_partials};
use super::evaluate::Tripped;
use super::one_by_one::{self, contribute, walk};
use super::program::{Node, Program};
use super::sparse::{Pattern, SparseMatrix};
use super::tangents::Tangents;
use crate::matrix::Matrix;
use crate::pull_back::{Factor, pull_back};
use crate::rows::Op;
use smallvec::SmallVec;

/// Row, column, entry.
type Triplets = Vec<(usize, usize, f64)>;

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
        Edges { heads: vec![NONE; len], pool: Vec::new(), free: NONE, place: vec![0; len], added: 0 }
    }

    #[inline]
    fn add(&mut self, i: u32, j: u32, weight: f64) {
        let (owner, other) = (i.max(j), i.min(j));
        let next = self.heads[owner as usize];
        let edge = Edge { other, next, weight };
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
            let Edge { other, next, weight } = self.pool[at as usize];
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
        let is_active = |k: usize| program.is_active(operands[k]);
        let value = |k: usize| values.map_or(0.0, |values| values[operands[k] as usize]);
        for k in (0..operands.len()).filter(|&k| is_active(k)) {
            let p = match Factor::of(node.op, k) {
                None => return local,
                Some(Factor::One) => 1.0,
                Some(Factor::MinusOne) => -1.0,
                Some(Factor::Operand(other)) => {
                    if k < other && is_active(other) {
                        local.pair(operands, k, other, 1.0);
                    }
                    value(other)
                }
                Some(Factor::Partial) => match values {
                    Some(values) => {
                        local.by_rule(program, node, values[index], value);
                        break;
                    }
                    None => 0.0,
                },
            };
            local.first.push((operands[k], p));
        }
        if values.is_none() && Factor::of(node.op, 0) == Some(Factor::Partial) {
            let all = 0..operands.len();
            second_partials(node.op, node.n, operands.len(), all, is_active, |j, k| {
                local.pair(operands, j, k, 0.0);
            });
        }
        local.merge();
        local
    }

    /// The partials of a node with a rule: what an adjoint of 1 contributes to its operands has the first ones for its values. Its
    /// tangents along the operands, [`DIRECTIONS`] at a time, are the second ones.
    fn by_rule(&mut self, program: &Program, node: &Node, z: f64, value: impl Fn(usize) -> f64) {
        let (op, n, operands) = (node.op, node.n, program.operands(node));
        let is_active = |k: usize| program.is_active(operands[k]);
        let mut args: SmallVec<[Tangents<DIRECTIONS>; 4]> =
            (0..operands.len()).map(|k| Tangents::from(value(k))).collect();
        let mut shares: SmallVec<[Tangents<DIRECTIONS>; 4]> = args.clone();
        for start in (0..operands.len()).step_by(DIRECTIONS) {
            let pack = start..operands.len().min(start + DIRECTIONS);
            for k in pack.clone().filter(|&k| is_active(k)) {
                args[k].tangents[k - start] = 1.0;
            }
            let mut result = one_by_one::value(&program.customs, op, n, &args, &is_active);
            debug_assert!(op == Op::Custom || result.value == z || result.value.is_nan());
            result.value = z;
            let mut is_defined = true;
            shares.fill(Tangents::default());
            pull_back(
                op,
                operands.len(),
                |k| args[k],
                Tangents::from(1.0),
                || one_by_one::partials(&program.customs, op, n, &args, &is_active, result, &|_| true),
                is_active,
                |k, share: Tangents<DIRECTIONS>| {
                    is_defined &= !share.value.is_nan();
                    shares[k] = share;
                },
            );
            let pair = |j: usize, k: usize| {
                self.pair(operands, j, k, shares[k].tangents[j - start]);
            };
            if is_defined {
                second_partials(op, n, operands.len(), pack.clone(), is_active, pair);
            } else {
                // Where there is no derivative the pattern of the others does not hold.
                pairs(operands.len(), pack.clone(), is_active, pair);
            }
            for k in pack {
                args[k].tangents = [0.0; DIRECTIONS];
            }
        }
        let first = (0..operands.len()).filter(|&k| is_active(k));
        self.first.extend(first.map(|k| (operands[k], shares[k].value)));
    }

    /// Makes the operands distinct.
    fn merge(&mut self) {
        if let [(a, _), (b, _)] = self.first[..] {
            if a != b {
                return;
            }
        } else if self.first.len() > 2 {
            self.first.sort_unstable_by_key(|&(operand, _)| operand);
        }
        self.first.dedup_by(|&mut (a, p), (b, sum)| {
            let is_same = a == *b;
            if is_same {
                *sum += p;
            }
            is_same
        });
    }

    /// Notes the second partial with respect to two slots, which may hold the same operand.
    fn pair(&mut self, operands: &[u32], j: usize, k: usize, second: f64) {
        let (a, b) = (operands[j], operands[k]);
        let is_twice = j != k && a == b;
        self.second.push((a, b, if is_twice { 2.0 * second } else { second }));
    }
}

impl Program {
    /// The second derivatives of the only output, as sorted triplets of both triangles; `None` if
    /// more than `budget` edges are added. Without `values` and adjoints just their places.
    fn push_edges(&self, numbers: Option<(&[f64], &[f64])>, budget: usize) -> Option<Triplets> {
        let first_node = self.first_node();
        let is_reached = self.reached();
        let mut edges = Edges::new(self.len());
        let mut list = Vec::new();
        for (i, node) in self.nodes.iter().enumerate().rev() {
            let index = first_node + i;
            let is_linear = matches!(node.op, Op::Add | Op::Sub | Op::Sum);
            if !is_reached[index] || edges.heads[index] == NONE && is_linear {
                continue;
            }
            edges.take(index as u32, &mut list);
            // At most so many edges are added for this node: from each that there is to each operand, and between any two of these.
            let count = node.count as usize;
            let is_own = |&(other, _): &(u32, f64)| other == index as u32;
            let has_pairs = Factor::of(node.op, 0) == Some(Factor::Partial) || list.iter().any(is_own);
            let pairs = if has_pairs { count.saturating_mul(count) / 2 } else { 0 };
            let coming = pairs.saturating_add(count.saturating_mul(list.len()));
            if edges.added.saturating_add(coming) > budget {
                return None;
            }
            let local = Local::of(self, node, index, numbers.map(|(values, _)| values));
            for &(other, weight) in &list {
                if other == index as u32 {
                    for (a, &(j, pj)) in local.first.iter().enumerate() {
                        for &(k, pk) in &local.first[a..] {
                            edges.add(j, k, times(times(weight, pj), pk));
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

    /// Where the Hessian of the only output may differ from zero.
    pub(crate) fn hessian_pattern(&self) -> Pattern {
        let entries = self.push_edges(None, usize::MAX).unwrap_or_default();
        Pattern::new(self.inputs, self.inputs, entries.iter().map(|&(i, j, _)| (i, j)))
    }

    /// The second derivatives of the only output at `x`, unless there are more than `budget` edges.
    fn edges_at(&self, x: &[f64], budget: usize) -> Result<Option<Triplets>, Tripped> {
        with_space(|space| {
            walk(self, x, &mut space.values)?;
            let mut adjoints = vec![0.0; self.len()];
            adjoints[self.outputs[0] as usize] = 1.0;
            for place in (self.first_node()..self.len()).rev() {
                contribute(self, place, &space.values, &mut adjoints);
            }
            Ok(self.push_edges(Some((&space.values, &adjoints)), budget))
        })
    }

    pub(crate) fn sparse_hessian(&self, x: &[f64]) -> Result<SparseMatrix, Tripped> {
        let triplets = self.edges_at(x, usize::MAX)?.unwrap_or_default();
        Ok(SparseMatrix::new(self.inputs, self.inputs, &triplets))
    }

    /// The Hessian of the only output: by edge pushing where that is less work than packs of columns.
    pub(crate) fn hessian(&self, x: &[f64]) -> Result<Matrix, Tripped> {
        let packs = self.inputs.div_ceil(DIRECTIONS);
        if packs > 2
            && let Some(triplets) = self.edges_at(x, 2 * packs * self.nodes.len())?
        {
            return Ok(SparseMatrix::new(self.inputs, self.inputs, &triplets).to_dense());
        }
        self.hessian_by_columns(x)
    }
}
