//! The recorded program: flat, plain data that any evaluator can run.
//!
//! Every number has an index: first the inputs, then the constants, then one for each node, operands
//! before results. Nodes name their operation by its row of the table, so that an evaluator needs no
//! knowledge of any particular function.

use super::schedule::Schedule;
use crate::graph::Custom;
use crate::graph::trace::Comparison;
use crate::matrix::groups::Groups;
use crate::rows::Op;
use std::collections::BTreeMap;
use std::sync::OnceLock;

/// One operation.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Node {
    pub op: Op,
    /// The integer parameter of the row; of a user's own operation its place in `customs`.
    pub n: i32,
    /// Its operands in the program's `operands`, right after those of the node before.
    pub first: u32,
    pub count: u32,
}

/// A comparison that the closure made, with the answer it got.
#[derive(Clone, Debug)]
pub(crate) struct Guard {
    pub comparison: Comparison,
    pub operands: [u32; 2],
    pub answer: i8,
    /// The operands when recorded.
    pub recorded: [f64; 2],
    /// The number of nodes before it.
    pub after: u32,
    /// The place in the source.
    pub place: Box<str>,
}

impl Guard {
    /// Whether these operands get another answer. The sign of a NaN that arithmetic makes is not specified, and may depend on the
    /// order of a sum, so it is no other answer.
    #[inline(always)]
    pub(crate) fn trips(&self, [a, b]: [f64; 2]) -> bool {
        self.comparison.answer(a, b) != self.answer
            && !(self.comparison.is_of_sign() && a.is_nan() && self.recorded[0].is_nan())
    }
}

/// A node or a guard, by its place.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Item {
    Node(usize),
    Guard(usize),
}

/// How a number is used.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Uses {
    None,
    Once,
    /// More than once, or by somebody who must see it.
    Many,
    /// Once, by an operation that it has become part of.
    Part,
}

impl Uses {
    /// With one use more.
    #[inline(always)]
    pub(crate) fn and_one(self) -> Uses {
        match self {
            Uses::None => Uses::Once,
            _ => Uses::Many,
        }
    }
}

/// A straight-line program.
#[derive(Clone, Default)]
pub(crate) struct Program {
    pub inputs: usize,
    pub constants: Vec<f64>,
    pub nodes: Vec<Node>,
    pub operands: Vec<u32>,
    pub outputs: Vec<u32>,
    /// In the order of `after`.
    pub guards: Vec<Guard>,
    pub customs: Vec<Custom>,
    /// The names of inputs and nodes.
    pub names: BTreeMap<usize, String>,
    /// Made when it is evaluated for the first time.
    pub schedule: OnceLock<Schedule>,
    /// The groups of the columns of its Jacobian, if it is computed forward; found when that is asked for for the first time.
    pub groups: OnceLock<Option<Groups>>,
}

impl Program {
    /// The number of indices.
    pub(crate) fn len(&self) -> usize {
        self.first_node() + self.nodes.len()
    }

    /// The index of the first node.
    pub(crate) fn first_node(&self) -> usize {
        self.inputs + self.constants.len()
    }

    /// The operands of a node.
    #[inline(always)]
    pub(crate) fn operands(&self, node: &Node) -> &[u32] {
        &self.operands[node.first as usize..][..node.count as usize]
    }

    /// Adds a node; returns its index.
    pub(crate) fn push(&mut self, op: Op, n: i32, operands: impl IntoIterator<Item = u32>) -> u32 {
        let first = self.operands.len();
        self.operands.extend(operands);
        self.nodes.push(Node { op, n, first: first as u32, count: (self.operands.len() - first) as u32 });
        self.len() as u32 - 1
    }

    /// All nodes and guards, in the order in which they were recorded.
    pub(crate) fn items(&self) -> impl Iterator<Item = Item> {
        let (mut node, mut guards) = (0, (0..).zip(&self.guards).peekable());
        std::iter::from_fn(move || {
            if let Some((k, _)) = guards.next_if(|(_, guard)| guard.after as usize <= node) {
                return Some(Item::Guard(k));
            }
            node += 1;
            (node <= self.nodes.len()).then_some(Item::Node(node - 1))
        })
    }

    /// How every number is used. Guards and outputs must see theirs.
    pub(crate) fn uses(&self) -> Vec<Uses> {
        let mut uses = vec![Uses::None; self.len()];
        for &k in &self.operands {
            uses[k as usize] = uses[k as usize].and_one();
        }
        let guards = self.guards.iter().flat_map(|guard| guard.operands);
        for k in guards.chain(self.outputs.iter().copied()) {
            uses[k as usize] = Uses::Many;
        }
        uses
    }

    /// Which numbers an output depends on.
    pub(crate) fn reached(&self) -> Vec<bool> {
        let mut is_reached = vec![false; self.len()];
        for &output in &self.outputs {
            is_reached[output as usize] = true;
        }
        for (i, node) in self.nodes.iter().enumerate().rev() {
            if is_reached[self.first_node() + i] {
                self.operands(node).iter().for_each(|&k| is_reached[k as usize] = true);
            }
        }
        is_reached
    }

    /// Whether the number at `index` depends on an input.
    #[inline(always)]
    pub(crate) fn is_active(&self, index: u32) -> bool {
        (index as usize).wrapping_sub(self.inputs) >= self.constants.len()
    }

    /// Panics if there is an operation whose partials are mere numbers.
    #[track_caller]
    pub(crate) fn refuse_first_order_customs(&self) {
        if let Some(custom) = self.customs.iter().find(|custom| custom.op.is_none()) {
            panic!(
                "scalargrad: `{}` was made by `Var::custom` from plain numbers, so it can neither be \
                 computed again elsewhere nor be differentiated twice. Implement `CustomOp` for it",
                custom.label
            );
        }
    }
}
