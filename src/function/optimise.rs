//! Chains of additions made one sum each.
//!
//! (Dead code, constants and equal expressions are seen to when the program is written; see `capture`.) Nodes stay in
//! the order in which they were recorded, and no value changes in a bit.

use super::program::{Node, Program, Uses};
use crate::rows::Op;

/// Makes a chain of additions one sum: added from the first to the last, as the chain was.
pub(crate) fn collapse_sums(program: Program) -> Program {
    let first_node = program.first_node();
    let uses = uses(&program);
    let inner = uses.iter().filter(|&&uses| uses == Uses::Part).count();
    if inner == 0 {
        return program;
    }
    let mut nodes = Vec::with_capacity(program.nodes.len() - inner);
    let mut operands: Vec<u32> = Vec::with_capacity(program.operands.len() - inner);
    // What has become of each number; inputs and constants stay.
    let mut new_index: Vec<u32> = (0..first_node as u32).collect();
    new_index.reserve_exact(program.nodes.len());
    let mut new_guards = program.guards.clone();
    let mut guards = new_guards.iter_mut().peekable();
    for (i, node) in program.nodes.iter().enumerate() {
        while let Some(guard) = guards.next_if(|guard| guard.after as usize <= i) {
            guard.after = nodes.len() as u32;
        }
        new_index.push((first_node + nodes.len()) as u32);
        if uses[first_node + i] == Uses::Part {
            continue;
        }
        let first = operands.len();
        let op = if has_inner(&uses, program.operands(node)) {
            push_chain(&program, &uses, node, |k| {
                operands.push(new_index[k as usize])
            });
            operands[first..].reverse();
            Op::Sum
        } else {
            for &k in program.operands(node) {
                operands.push(new_index[k as usize]);
            }
            node.op
        };
        nodes.push(Node {
            op,
            n: node.n,
            first: first as u32,
            count: (operands.len() - first) as u32,
        });
    }
    for guard in guards {
        guard.after = nodes.len() as u32;
    }
    let renumbered = |k: u32| new_index[k as usize];
    for guard in &mut new_guards {
        guard.operands = guard.operands.map(renumbered);
    }
    let names = program.names.into_iter();
    Program {
        nodes,
        operands,
        guards: new_guards,
        outputs: program.outputs.iter().map(|&k| renumbered(k)).collect(),
        names: names
            .map(|(k, name)| (renumbered(k as u32) as usize, name))
            .collect(),
        ..program
    }
}

#[inline(always)]
fn has_inner(uses: &[Uses], operands: &[u32]) -> bool {
    // A sum takes in one of its first two operands.
    let mut ends = operands.iter().take(2);
    ends.any(|&k| uses[k as usize] == Uses::Part)
}

/// Calls `each` with the terms of the chain that ends with a node, from the last to the first.
#[inline(always)]
fn push_chain<'a>(
    program: &'a Program,
    uses: &[Uses],
    mut end: &'a Node,
    mut each: impl FnMut(u32),
) {
    loop {
        let terms = program.operands(end);
        let mut inner = None;
        for &k in terms.iter().rev() {
            match uses[k as usize] {
                Uses::Part => inner = Some(k),
                _ => each(k),
            }
        }
        match inner {
            Some(k) => end = &program.nodes[k as usize - program.first_node()],
            None => return,
        }
    }
}

/// The uses of every number: a sum that is used once, where the chain of another sum goes on with it, is part of that.
fn uses(program: &Program) -> Vec<Uses> {
    let first_node = program.first_node();
    let mut uses = program.uses(program.names.keys().map(|&k| k as u32));
    for node in &program.nodes {
        let operands = program.operands(node);
        let ends = match node.op {
            Op::Add => operands,
            Op::Sum => &operands[..operands.len().min(1)],
            _ => continue,
        };
        for &k in ends {
            let Some(i) = (k as usize).checked_sub(first_node) else {
                continue;
            };
            if uses[k as usize] == Uses::Once && matches!(program.nodes[i].op, Op::Add | Op::Sum) {
                uses[k as usize] = Uses::Part;
                break;
            }
        }
    }
    uses
}
