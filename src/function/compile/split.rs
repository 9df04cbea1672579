//! A function of one row in two parts: what depends on the shared inputs only, and the rest.

use crate::function::builder::{Builder, Drafts, Ref};
use crate::function::program::{Guard, Program};

/// The two parts of a program.
pub(super) struct Split {
    /// From the shared inputs to what of them the row needs beside.
    pub shared: Program,
    /// From the shared inputs, what the first part computes, and the inputs of a row to the outputs.
    pub row: Program,
    /// For each guard of the parts its place in the program.
    pub guards: [Vec<usize>; 2],
}

impl Split {
    /// Splits a program whose first `shared` inputs all rows share.
    pub(super) fn of(program: &Program, shared: usize) -> Split {
        let first_node = program.first_node();
        // Whether a number depends on shared inputs and constants only.
        let mut is_shared: Vec<bool> = (0..first_node)
            .map(|k| k < shared || k >= program.inputs)
            .collect();
        for node in &program.nodes {
            let operands = program.operands(node);
            is_shared.push(operands.iter().all(|&k| is_shared[k as usize]));
        }
        let of_row = |guard: &&Guard| guard.operands.iter().any(|&k| !is_shared[k as usize]);
        let mut is_needed = vec![false; program.len()];
        for (i, node) in program.nodes.iter().enumerate() {
            if !is_shared[first_node + i] {
                let operands = program.operands(node);
                operands.iter().for_each(|&k| is_needed[k as usize] = true);
            }
        }
        let guarded = program.guards.iter().filter(of_row);
        let asked = guarded.flat_map(|guard| guard.operands);
        for k in asked.chain(program.outputs.iter().copied()) {
            is_needed[k as usize] = true;
        }
        let is_handed_on = |k: usize| k >= first_node && is_shared[k] && is_needed[k];
        let handed_on: Vec<usize> = (0..program.len()).filter(|&k| is_handed_on(k)).collect();

        let input = |k: usize| Ref::input(k);
        let (first, of_first) = part(
            program,
            shared,
            &|k| (k < shared).then(|| input(k)),
            &|i| is_shared[first_node + i],
            &|guard| !of_row(&guard),
            &handed_on,
        );
        let place = |k: usize| {
            if k < shared {
                Some(input(k))
            } else if k < program.inputs {
                Some(input(k + handed_on.len()))
            } else {
                let place = handed_on.binary_search(&k);
                place.ok().map(|place| input(shared + place))
            }
        };
        let outputs: Vec<usize> = program.outputs.iter().map(|&k| k as usize).collect();
        let (row, of_rows) = part(
            program,
            program.inputs + handed_on.len(),
            &place,
            &|i| !is_shared[first_node + i],
            &|guard| of_row(&guard),
            &outputs,
        );
        Split {
            shared: first,
            row,
            guards: [of_first, of_rows],
        }
    }
}

/// The nodes and guards of a program that are wanted, with other inputs; and the places of the guards.
fn part(
    program: &Program,
    inputs: usize,
    input: &dyn Fn(usize) -> Option<Ref>,
    is_wanted: &dyn Fn(usize) -> bool,
    is_asked: &dyn Fn(&Guard) -> bool,
    outputs: &[usize],
) -> (Program, Vec<usize>) {
    let first_node = program.first_node();
    let mut drafts = Drafts::default();
    let mut builder = Builder::new(inputs, program.nodes.len(), true, &mut drafts);
    let mut numbers: Vec<Option<Ref>> = (0..program.len()).map(input).collect();
    let mut places = Vec::new();
    let mut guards = program.guards.iter().enumerate().peekable();
    // A constant is made where it is used, so that there are no others.
    fn number(
        program: &Program,
        builder: &mut Builder,
        numbers: &mut [Option<Ref>],
        k: usize,
    ) -> Ref {
        *numbers[k].get_or_insert_with(|| builder.constant(program.constants[k - program.inputs]))
    }
    for custom in &program.customs {
        builder.custom(custom.clone());
    }
    for i in 0..=program.nodes.len() {
        while let Some((k, guard)) = guards.next_if(|(_, guard)| guard.after as usize <= i) {
            if is_asked(guard) {
                let after = builder.len() as u32;
                let operands = guard.operands;
                let operands =
                    operands.map(|k| number(program, &mut builder, &mut numbers, k as usize));
                let guard = Guard {
                    after,
                    ..guard.clone()
                };
                builder.guard(guard, operands);
                places.push(k);
            }
        }
        let Some(node) = program.nodes.get(i).filter(|_| is_wanted(i)) else {
            continue;
        };
        let operands: Vec<Ref> = program
            .operands(node)
            .iter()
            .map(|&k| number(program, &mut builder, &mut numbers, k as usize))
            .collect();
        numbers[first_node + i] = Some(builder.node(node.op, node.n, &operands));
    }
    let outputs: Vec<Ref> = outputs
        .iter()
        .map(|&k| number(program, &mut builder, &mut numbers, k))
        .collect();
    (builder.finish(&outputs, false), places)
}
