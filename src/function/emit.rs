//! What is written of a program: its items forward, and what each node contributes in reverse.
//!
//! Rust source and native code are written from the same [`Sweep`], which knows the order, what is reached, and by which
//! factor an adjoint is multiplied; they know how that is written. A sparse Jacobian asks only what each output reaches.

pub(super) mod symbol;

use super::program::{Node, Program};
use crate::pull_back::Factor;
use crate::rows::{Kind, Op};

/// What the adjoint of a node contributes to that of an operand.
#[derive(Clone, Copy, Debug)]
pub(super) struct Contribution {
    /// Which operand it is.
    pub place: u32,
    /// Its index.
    pub to: u32,
    /// By what the adjoint is multiplied; a square contributes twice that.
    pub factor: Factor,
}

/// Whether a node is a number times itself, which contributes to its operand once.
pub(super) fn is_square(program: &Program, node: &Node) -> bool {
    let operands = program.operands(node);
    node.op == Op::Mul && operands[0] == operands[1]
}

/// All contributions in reverse from an output or several.
pub(super) struct Sweep {
    /// The numbers between an input and an output, with no step in between, in ascending order.
    pub reached: Vec<u32>,
    /// The nodes that contribute, from the last to the first, each with the end of its contributions.
    nodes: Vec<(usize, usize)>,
    pub contributions: Vec<Contribution>,
}

/// Finds the sweeps of a program, each in the time that its own nodes take.
pub(super) struct Sweeper<'a> {
    program: &'a Program,
    /// Which numbers depend on an input, with no step in between; while a search goes on, those of them that it has not reached yet.
    is_varied: Vec<bool>,
    /// What the last search has reached.
    inputs: Vec<u32>,
    nodes: Vec<u32>,
}

impl Sweeper<'_> {
    pub(super) fn new(program: &Program) -> Sweeper<'_> {
        let mut is_varied = vec![false; program.len()];
        is_varied[..program.inputs].fill(true);
        for (index, node) in (program.first_node()..).zip(&program.nodes) {
            let mut operands = program.operands(node).iter();
            is_varied[index] = node.op.kind() != Kind::Step && operands.any(|&k| is_varied[k as usize]);
        }
        Sweeper { program, is_varied, inputs: Vec::new(), nodes: Vec::new() }
    }

    /// Finds the inputs and the results of nodes between an input and an output, with no step in between, each in ascending order. A
    /// step that is an output is none of them.
    pub(super) fn reach(&mut self, outputs: &[u32]) -> [&[u32]; 2] {
        let Sweeper { program, is_varied, inputs, nodes } = self;
        inputs.clear();
        nodes.clear();
        let mut reach = |k: u32, nodes: &mut Vec<u32>| {
            if std::mem::take(&mut is_varied[k as usize]) {
                if (k as usize) < program.inputs { inputs.push(k) } else { nodes.push(k) }
            }
        };
        outputs.iter().for_each(|&k| reach(k, nodes));
        let mut done = 0;
        while let Some(&k) = nodes.get(done) {
            let node = &program.nodes[k as usize - program.first_node()];
            program.operands(node).iter().for_each(|&k| reach(k, nodes));
            done += 1;
        }
        [inputs, nodes].map(|found| {
            found.iter().for_each(|&k| is_varied[k as usize] = true);
            found.sort_unstable();
            &found[..]
        })
    }

    pub(super) fn sweep(&mut self, outputs: &[u32]) -> Sweep {
        let (program, first_node) = (self.program, self.program.first_node());
        let reached = self.reach(outputs).concat();
        let (mut nodes, mut contributions) = (Vec::new(), Vec::new());
        for i in reached.iter().rev().map_while(|&k| (k as usize).checked_sub(first_node)) {
            let node = &program.nodes[i];
            let operands = program.operands(node).iter().enumerate();
            for (place, &to) in operands.filter(|&(_, &to)| self.is_varied[to as usize]) {
                if let Some(factor) = Factor::of(node.op, place).filter(|_| place == 0 || !is_square(program, node)) {
                    contributions.push(Contribution { place: place as u32, to, factor });
                }
            }
            nodes.push((i, contributions.len()));
        }
        Sweep { reached, nodes, contributions }
    }
}

impl Sweep {
    pub(super) fn of(program: &Program, outputs: &[u32]) -> Sweep {
        Sweeper::new(program).sweep(outputs)
    }

    /// Whether a number is between an input and an output.
    pub(super) fn reaches(&self, index: u32) -> bool {
        self.reached.binary_search(&index).is_ok()
    }

    /// The nodes that contribute, from the last to the first, with their contributions.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (usize, &[Contribution])> {
        let mut start = 0;
        self.nodes.iter().map(move |&(i, end)| (i, &self.contributions[std::mem::replace(&mut start, end)..end]))
    }
}
