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
        for &k in used_by(program, &parts, Part::Row).iter().chain(&program.outputs) {
            is_needed[k as usize] = parts[k as usize] == Part::Common;
        }
        let needed: Vec<u32> = (0..program.len() as u32).filter(|&k| is_needed[k as usize]).collect();
        let inputs: Vec<u32> = (0..program.inputs as u32).collect();
        let (of_all, of_row) = inputs.split_at(shared);
        let of_row = [&needed, of_row].concat();
        Split {
            common: half(program, &parts, Part::Common, of_all, &needed),
            row: half(program, &parts, Part::Row, &of_row, &program.outputs),
        }
    }
}

fn parts(program: &Program, shared: usize) -> Vec<Part> {
    let mut parts = vec![Part::Constant; program.len()];
    parts[..shared].fill(Part::Common);
    parts[shared..program.inputs].fill(Part::Row);
    for (index, node) in (program.first_node()..).zip(&program.nodes) {
        let part = program.operands(node).iter().map(|&k| parts[k as usize]).max();
        // An operation that comes out of a recording depends on something.
        parts[index] = part.unwrap_or(Part::Common).max(Part::Common);
    }
    parts
}

/// The nodes of a part.
fn nodes<'a>(program: &'a Program, parts: &'a [Part], mine: Part) -> impl Iterator<Item = (usize, &'a Node)> {
    let nodes = (program.first_node()..).zip(&program.nodes);
    nodes.filter(move |&(index, _)| parts[index] == mine)
}

/// The guards of a part, with their places.
fn guards<'a>(program: &'a Program, parts: &'a [Part], mine: Part) -> impl Iterator<Item = (usize, &'a Guard)> {
    let part = |guard: &Guard| guard.operands.map(|k| parts[k as usize]).into_iter().max();
    program.guards.iter().enumerate().filter(move |(_, guard)| part(guard) == Some(mine))
}

/// The numbers that nodes and guards of a part use.
fn used_by(program: &Program, parts: &[Part], mine: Part) -> Vec<u32> {
    let of_nodes = nodes(program, parts, mine).flat_map(|(_, node)| program.operands(node));
    let of_guards = guards(program, parts, mine).flat_map(|(_, guard)| &guard.operands);
    of_nodes.chain(of_guards).copied().collect()
}

/// The program of a part, with these numbers as its inputs and those as its outputs.
fn half(program: &Program, parts: &[Part], mine: Part, inputs: &[u32], outputs: &[u32]) -> Half {
    let used = used_by(program, parts, mine);
    let used = used.iter().chain(outputs).copied();
    let mut constants: Vec<u32> = used.filter(|&k| parts[k as usize] == Part::Constant).collect();
    constants.sort_unstable();
    constants.dedup();
    let (places, nodes): (Vec<usize>, Vec<&Node>) = nodes(program, parts, mine).unzip();
    let kept = inputs.iter().chain(&constants).map(|&k| k as usize);
    let mut index_of = vec![0; program.len()];
    for (index, k) in (0..).zip(kept.chain(places.iter().copied())) {
        index_of[k] = index;
    }
    let number = |&k: &u32| program.constants[k as usize - program.inputs];
    let mut half = Program {
        inputs: inputs.len(),
        constants: constants.iter().map(number).collect(),
        outputs: outputs.iter().map(|&k| index_of[k as usize]).collect(),
        customs: program.customs.clone(),
        ..Program::default()
    };
    for node in nodes {
        half.push(node.op, node.n, program.operands(node).iter().map(|&k| index_of[k as usize]));
    }
    let mut of_guards = Vec::new();
    for (place, guard) in guards(program, parts, mine) {
        let end = program.first_node() + guard.after as usize;
        of_guards.push(place);
        half.guards.push(Guard {
            operands: guard.operands.map(|k| index_of[k as usize]),
            after: places.partition_point(|&k| k < end) as u32,
            ..guard.clone()
        });
    }
    Half { program: half, guards: of_guards }
}
