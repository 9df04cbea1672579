//! A program in two: what depends on the shared inputs only, and what depends on a row.
//!
//! The first one is computed once for all rows. Its outputs are the numbers that rows need of it, and they are the first inputs
//! of the second one, before those of the row.

use crate::function::program::{Guard, Node, Program};

/// What a number of a program depends on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Part {
    Constant,
    Common,
    Row,
}

/// A program, with the places of its guards in the program that it is part of.
pub(super) struct Half {
    pub program: Program,
    pub guards: Vec<usize>,
}

/// The two programs.
pub(super) struct Split {
    pub common: Half,
    pub row: Half,
}

impl Split {
    /// The first `shared` inputs of the program are shared.
    pub(super) fn new(program: &Program, shared: usize) -> Split {
        let parts = parts(program, shared);
        let mut is_needed = vec![false; program.len()];
        for &k in used_by(program, &parts, Part::Row)
            .iter()
            .chain(&program.outputs)
        {
            is_needed[k as usize] = parts[k as usize] == Part::Common;
        }
        let needed: Vec<u32> = (0..program.len() as u32)
            .filter(|&k| is_needed[k as usize])
            .collect();
        let inputs = |range: std::ops::Range<usize>| range.map(|k| k as u32);
        let of_row = needed.iter().copied().chain(inputs(shared..program.inputs));
        Split {
            common: half(program, &parts, Part::Common, inputs(0..shared), &needed),
            row: half(program, &parts, Part::Row, of_row, &program.outputs),
        }
    }
}

fn parts(program: &Program, shared: usize) -> Vec<Part> {
    let mut parts = vec![Part::Constant; program.len()];
    parts[..shared].fill(Part::Common);
    parts[shared..program.inputs].fill(Part::Row);
    for (index, node) in (program.first_node()..).zip(&program.nodes) {
        let operands = program.operands(node).iter();
        let part = operands.map(|&k| parts[k as usize]).max();
        // An operation that comes out of a recording depends on something.
        parts[index] = part.unwrap_or(Part::Common).max(Part::Common);
    }
    parts
}

/// The nodes of a part.
fn nodes<'a>(
    program: &'a Program,
    parts: &'a [Part],
    mine: Part,
) -> impl Iterator<Item = (usize, &'a Node)> {
    let nodes = (program.first_node()..).zip(&program.nodes);
    nodes.filter(move |&(index, _)| parts[index] == mine)
}

/// The guards of a part, with their places.
fn guards<'a>(
    program: &'a Program,
    parts: &'a [Part],
    mine: Part,
) -> impl Iterator<Item = (usize, &'a Guard)> {
    let part = |guard: &Guard| guard.operands.map(|k| parts[k as usize]).into_iter().max();
    let guards = program.guards.iter().enumerate();
    guards.filter(move |(_, guard)| part(guard) == Some(mine))
}

/// The numbers that nodes and guards of a part use.
fn used_by(program: &Program, parts: &[Part], mine: Part) -> Vec<u32> {
    let of_nodes = nodes(program, parts, mine).flat_map(|(_, node)| program.operands(node));
    let of_guards = guards(program, parts, mine).flat_map(|(_, guard)| &guard.operands);
    of_nodes.chain(of_guards).copied().collect()
}

/// The program of a part, with these numbers as its inputs and those as its outputs.
fn half(
    program: &Program,
    parts: &[Part],
    mine: Part,
    inputs: impl Iterator<Item = u32>,
    outputs: &[u32],
) -> Half {
    const NOWHERE: u32 = u32::MAX;
    let mut index_of = vec![NOWHERE; program.len()];
    let mut next = 0;
    let mut place = |index_of: &mut [u32], k: u32| {
        index_of[k as usize] = next;
        next += 1;
    };
    inputs.for_each(|k| place(&mut index_of, k));
    let mut half = Program {
        inputs: index_of.iter().filter(|&&k| k != NOWHERE).count(),
        customs: program.customs.clone(),
        ..Program::default()
    };
    for &k in used_by(program, parts, mine).iter().chain(outputs) {
        if parts[k as usize] == Part::Constant && index_of[k as usize] == NOWHERE {
            place(&mut index_of, k);
            half.constants
                .push(program.constants[k as usize - program.inputs]);
        }
    }
    let mut after = vec![0; program.nodes.len() + 1];
    for (index, node) in nodes(program, parts, mine) {
        place(&mut index_of, index as u32);
        let first = half.operands.len() as u32;
        let operands = program.operands(node).iter();
        half.operands
            .extend(operands.map(|&k| index_of[k as usize]));
        half.nodes.push(Node { first, ..*node });
        after[index - program.first_node() + 1] = 1;
    }
    for i in 1..after.len() {
        after[i] += after[i - 1];
    }
    let (places, guards) = guards(program, parts, mine)
        .map(|(place, guard)| {
            let operands = guard.operands.map(|k| index_of[k as usize]);
            let after = after[guard.after as usize];
            (
                place,
                Guard {
                    operands,
                    after,
                    ..guard.clone()
                },
            )
        })
        .unzip();
    half.guards = guards;
    half.outputs = outputs.iter().map(|&k| index_of[k as usize]).collect();
    Half {
        program: half,
        guards: places,
    }
}
