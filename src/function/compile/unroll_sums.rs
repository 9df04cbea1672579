//! Sums unrolled: each term is added by an operation of its own, as soon as it is there.
//!
//! A sum over all repetitions of a loop was collapsed into one node behind the loop. Its terms are added one after the other,
//! from the first to the last, so each addition may stand where its term is computed, and the sum grows with the loop; no
//! value changes in a bit.

use crate::function::program::{Guard, Item, Node, Program};
use crate::rows::Op;

/// The term of a sum that is added once the nodes before `after` are there.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Term {
    after: u32,
    /// The node of the sum.
    sum: u32,
    /// The place of its first operand among those of the node.
    place: u32,
}

/// The program with its sums, and sums of products, written as multiplications and additions.
///
/// Names are left out.
pub(super) fn unroll_sums(program: &Program) -> Program {
    let first_node = program.first_node() as u32;
    let terms = terms(program);
    let mut new = Program {
        inputs: program.inputs,
        constants: program.constants.clone(),
        nodes: Vec::with_capacity(program.nodes.len() + terms.len()),
        operands: Vec::with_capacity(program.operands.len() + 2 * terms.len()),
        customs: program.customs.clone(),
        ..Program::default()
    };
    // What has become of each number; of a sum, as far as it has grown.
    let mut index: Vec<u32> = (0..first_node).collect();
    index.resize(program.len(), u32::MAX);
    let mut terms = terms.iter().peekable();
    for item in program.items().map(Some).chain([None]) {
        let at = match item {
            Some(Item::Node(i)) => i as u32,
            Some(Item::Guard(k)) => program.guards[k].after,
            None => u32::MAX,
        };
        while let Some(term) = terms.next_if(|term| term.after <= at) {
            let sum = &program.nodes[term.sum as usize];
            let of = |place: u32| index[program.operands(sum)[place as usize] as usize];
            let mut x = of(term.place);
            if sum.op == Op::Dot {
                x = new.push(Op::Mul, 0, [x, of(term.place + 1)]);
            }
            let so_far = &mut index[(first_node + term.sum) as usize];
            *so_far = if term.place > 0 { new.push(Op::Add, 0, [*so_far, x]) } else { x };
        }
        match item {
            Some(Item::Guard(k)) => {
                let guard = &program.guards[k];
                let operands = guard.operands.map(|k| index[k as usize]);
                new.guards.push(Guard { operands, after: new.nodes.len() as u32, ..guard.clone() });
            }
            Some(Item::Node(i)) if !is_unrolled(&program.nodes[i]) => {
                let node = &program.nodes[i];
                let operands = program.operands(node).iter().map(|&k| index[k as usize]);
                index[first_node as usize + i] = new.push(node.op, node.n, operands);
            }
            _ => {}
        }
    }
    new.outputs = program.outputs.iter().map(|&k| index[k as usize]).collect();
    new
}

fn is_unrolled(node: &Node) -> bool {
    node.op == Op::Sum && node.count > 1 || node.op == Op::Dot && node.count > 0
}

/// All terms of all sums, in the order in which they are added.
fn terms(program: &Program) -> Vec<Term> {
    let first_node = program.first_node() as u32;
    // A sum is there when its last term is.
    let mut there: Vec<u32> = vec![0; program.nodes.len()];
    let mut terms = Vec::new();
    for (i, node) in program.nodes.iter().enumerate() {
        if !is_unrolled(node) {
            there[i] = i as u32 + 1;
            continue;
        }
        let mut after = 0;
        let len = if node.op == Op::Dot { 2 } else { 1 };
        for (k, term) in program.operands(node).chunks(len).enumerate() {
            for &x in term.iter().filter(|&&x| x >= first_node) {
                after = after.max(there[(x - first_node) as usize]);
            }
            terms.push(Term { after, sum: i as u32, place: (k * len) as u32 });
        }
        there[i] = after;
    }
    terms.sort_unstable();
    terms
}
