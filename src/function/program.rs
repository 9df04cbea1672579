//! The recorded program: flat, plain data that any evaluator can run.
//!
//! Every number has an index: first the inputs, then the constants, then one for each node, operands
//! before results. Nodes name their operation by its row of the table, so that an evaluator needs no
//! knowledge of any particular function.

use super::hash::Table;
use crate::graph::Custom;
use crate::graph::trace::Comparison;
use crate::rows::Op;
use std::collections::BTreeMap;

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

/// A number of a program under construction.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ref(u32);

const CONSTANT: u32 = 1 << 31;
const NODE: u32 = 1 << 30;

impl Ref {
    pub(crate) fn input(k: usize) -> Ref {
        Ref(k as u32)
    }

    pub(crate) fn is_constant(self) -> bool {
        self.0 & CONSTANT != 0
    }
}

/// Builds a program whose number of constants is not known yet.
#[derive(Default)]
pub(crate) struct Builder {
    program: Program,
    constants: Table<u64, Ref>,
    is_sharing: bool,
}

impl Builder {
    /// An empty program; with `is_sharing`, equal constants have one index.
    pub(crate) fn new(inputs: usize, is_sharing: bool) -> Builder {
        assert!(inputs < NODE as usize, "scalargrad: too many inputs");
        Builder {
            program: Program {
                inputs,
                ..Program::default()
            },
            constants: Table::default(),
            is_sharing,
        }
    }

    pub(crate) fn reserve(&mut self, nodes: usize, operands: usize) {
        self.program.nodes.reserve(nodes);
        self.program.operands.reserve(operands);
    }

    #[inline]
    pub(crate) fn constant(&mut self, value: f64) -> Ref {
        let new = Ref(CONSTANT | self.program.constants.len() as u32);
        if self.is_sharing {
            let shared = *self.constants.entry(value.to_bits()).or_insert(new);
            if shared != new {
                return shared;
            }
        }
        self.program.constants.push(value);
        new
    }

    /// Gives a constant its value, where none are shared.
    pub(crate) fn set_constant(&mut self, constant: Ref, value: f64) {
        self.program.constants[(constant.0 & !CONSTANT) as usize] = value;
    }

    /// Begins a node: its operands follow, then [`close`](Builder::close) or [`abandon`](Builder::abandon).
    #[inline]
    pub(crate) fn open(&self) -> usize {
        self.program.operands.len()
    }

    #[inline]
    pub(crate) fn operand(&mut self, operand: Ref) {
        self.program.operands.push(operand.0);
    }

    #[inline]
    pub(crate) fn close(&mut self, op: Op, n: i32, first: usize) -> Ref {
        let node = Ref(NODE | self.program.nodes.len() as u32);
        self.program.nodes.push(Node {
            op,
            n,
            first: first as u32,
            count: (self.program.operands.len() - first) as u32,
        });
        node
    }

    pub(crate) fn abandon(&mut self, first: usize) {
        self.program.operands.truncate(first);
    }

    pub(crate) fn node(&mut self, op: Op, n: i32, operands: &[Ref]) -> Ref {
        let first = self.open();
        self.program
            .operands
            .extend(operands.iter().map(|operand| operand.0));
        self.close(op, n, first)
    }

    /// Adds a user's own operation; the parameter of its node is its place.
    pub(crate) fn custom(&mut self, custom: Custom) {
        self.program.customs.push(custom);
    }

    /// The number of users' own operations so far.
    pub(crate) fn customs(&self) -> usize {
        self.program.customs.len()
    }

    /// The number of nodes so far.
    pub(crate) fn len(&self) -> usize {
        self.program.nodes.len()
    }

    pub(crate) fn guard(&mut self, guard: Guard, operands: [Ref; 2]) {
        self.program.guards.push(Guard {
            operands: operands.map(|operand| operand.0),
            ..guard
        });
    }

    pub(crate) fn name(&mut self, of: Ref, name: String) {
        self.program.names.insert(of.0 as usize, name);
    }

    pub(crate) fn finish(self, outputs: impl IntoIterator<Item = Ref>) -> Program {
        let mut program = self.program;
        assert!(
            program.len() < NODE as usize && program.operands.len() < u32::MAX as usize,
            "scalargrad: the program is too large"
        );
        let (inputs, first_node) = (program.inputs as u32, program.first_node() as u32);
        let resolve = |index: u32| {
            if index & CONSTANT != 0 {
                inputs + (index & !CONSTANT)
            } else if index & NODE != 0 {
                first_node + (index & !NODE)
            } else {
                index
            }
        };
        for operand in &mut program.operands {
            *operand = resolve(*operand);
        }
        for guard in &mut program.guards {
            guard.operands = guard.operands.map(resolve);
        }
        program.outputs = outputs
            .into_iter()
            .map(|output| resolve(output.0))
            .collect();
        for (index, name) in std::mem::take(&mut program.names) {
            program.names.insert(resolve(index as u32) as usize, name);
        }
        program
    }
}
