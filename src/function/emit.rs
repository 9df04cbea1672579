//! The walk over a program that is to be written: what is computed forward, and what each node gives in reverse.
//!
//! Rust source and native code are two [`Target`]s of the one walk, which knows the order, what is reached, and by
//! which factor an adjoint is handed on; a target knows how that is written.

pub(super) mod symbol;

use super::program::{Guard, Node, Program};
use crate::pull_back::Factor;
use crate::rows::{Kind, Op};

/// What is written.
pub(super) trait Target {
    /// Checks a guard.
    fn guard(&mut self, guard: &Guard);

    /// Computes node `i`.
    fn value(&mut self, i: usize);

    /// Hands the adjoint of node `i` on to its operands.
    fn give(&mut self, i: usize, gifts: &[Gift]);
}

/// What an operand gets from the adjoint of its node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Gift {
    /// Which operand it is.
    pub place: u32,
    /// Its index.
    pub to: u32,
    /// By what the adjoint is multiplied; a square gives twice that.
    pub factor: Factor,
}

/// Whether a node is a number times itself, which gives to its operand once.
pub(super) fn is_square(program: &Program, node: &Node) -> bool {
    let operands = program.operands(node);
    node.op == Op::Mul && operands[0] == operands[1]
}

/// All that is given in reverse from outputs.
pub(super) struct Sweep {
    #[cfg_attr(not(feature = "jit"), allow(dead_code))] // the compiler asks for them
    pub outputs: Vec<u32>,
    /// Which numbers lie between an input and an output, with no step in between.
    pub is_reached: Vec<bool>,
    /// The nodes that give, from the last to the first, each with the end of its gifts.
    pub nodes: Vec<(u32, u32)>,
    pub gifts: Vec<Gift>,
}

impl Sweep {
    pub(super) fn of(program: &Program, outputs: &[u32]) -> Sweep {
        let first_node = program.first_node();
        let smooth = || {
            let nodes = program.nodes.iter().enumerate();
            nodes.filter(|(_, node)| node.op.kind() != Kind::Step)
        };
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
        let (mut nodes, mut gifts) = (Vec::new(), Vec::new());
        for (i, node) in smooth().rev() {
            if !is_reached[first_node + i] {
                continue;
            }
            let operands = program.operands(node);
            for (place, &to) in operands.iter().enumerate() {
                if !is_varied[to as usize] {
                    continue;
                }
                is_reached[to as usize] = true;
                let Some(factor) = Factor::of(node.op, place).filter(|_| place == 0 || !is_square(program, node))
                else {
                    continue;
                };
                gifts.push(Gift { place: place as u32, to, factor });
            }
            nodes.push((i as u32, gifts.len() as u32));
        }
        Sweep { outputs: outputs.to_vec(), is_reached, nodes, gifts }
    }

    /// Has everything written that is given, in its order.
    pub(super) fn write(&self, target: &mut impl Target) {
        let mut start = 0;
        for &(i, end) in &self.nodes {
            target.give(i as usize, &self.gifts[start..end as usize]);
            start = end as usize;
        }
    }
}

/// Has all values and guards written, in their order.
pub(super) fn write_forward(program: &Program, target: &mut impl Target) {
    let mut guards = program.guards.iter().peekable();
    for i in 0..=program.nodes.len() {
        while let Some(guard) = guards.next_if(|guard| guard.after as usize <= i) {
            target.guard(guard);
        }
        if i < program.nodes.len() {
            target.value(i);
        }
    }
}
