//! What is written of a program: its items forward, and what each node contributes in reverse.
//!
//! Rust source and native code are written from the same [`Sweep`], which knows the order, what is reached, and by which
//! factor an adjoint is multiplied; they know how that is written.

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
    /// Which numbers lie between an input and an output, with no step in between.
    pub is_reached: Vec<bool>,
    /// The nodes that contribute, from the last to the first, each with the end of its contributions.
    nodes: Vec<(usize, usize)>,
    pub contributions: Vec<Contribution>,
}

impl Sweep {
    pub(super) fn of(program: &Program, outputs: &[u32]) -> Sweep {
        let first_node = program.first_node();
        let smooth = || program.nodes.iter().enumerate().filter(|(_, node)| node.op.kind() != Kind::Step);
        let mut is_varied = vec![false; program.len()];
        is_varied[..program.inputs].fill(true);
        for (i, node) in smooth() {
            let operands = program.operands(node);
            is_varied[first_node + i] = operands.iter().any(|&k| is_varied[k as usize]);
        }
        let mut is_reached = vec![false; program.len()];
        for &output in outputs {
            is_reached[output as usize] = is_varied[output as usize];
        }
        let (mut nodes, mut contributions) = (Vec::new(), Vec::new());
        for (i, node) in smooth().rev() {
            if !is_reached[first_node + i] {
                continue;
            }
            for (place, &to) in program.operands(node).iter().enumerate().filter(|&(_, &to)| is_varied[to as usize]) {
                is_reached[to as usize] = true;
                if let Some(factor) = Factor::of(node.op, place).filter(|_| place == 0 || !is_square(program, node)) {
                    contributions.push(Contribution { place: place as u32, to, factor });
                }
            }
            nodes.push((i, contributions.len()));
        }
        Sweep { is_reached, nodes, contributions }
    }

    /// The nodes that contribute, from the last to the first, with their contributions.
    pub(super) fn nodes(&self) -> impl Iterator<Item = (usize, &[Contribution])> {
        let mut start = 0;
        self.nodes.iter().map(move |&(i, end)| (i, &self.contributions[std::mem::replace(&mut start, end)..end]))
    }
}
