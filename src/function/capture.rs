//! From the tape to a program.

use super::program::{Builder, Guard, Program, Ref};
use crate::arena::arena;
use crate::graph::{cold, verify};
use crate::ops::Op;
use crate::record::{self, Operand, decode, value_of};
use crate::var::Var;
use crate::watch::{Read, Reading, Watch};

/// What was recorded, and what of it a replay will not see again.
pub(crate) struct Captured {
    pub program: Program,
    pub reads: Vec<Read>,
    /// Variables from outside, each with its value and its name.
    pub outside: Vec<(f64, Option<String>)>,
}

/// Reads back what was recorded since the `inputs`, which stand one after the other on the tape.
///
/// What does not depend on an input is a constant.
#[track_caller]
pub(crate) fn capture(inputs: &[Var], outputs: &[Var], watch: Watch) -> Captured {
    let arena = arena();
    for x in inputs.iter().chain(outputs).filter(|x| !x.is_constant()) {
        verify(arena, x.id());
    }
    let (start, end) = (
        inputs.first().map_or(arena.end(), |x| x.index()),
        arena.end(),
    );
    let mut tape = Tape {
        start,
        refs: Vec::with_capacity(end - start),
        builder: Builder::new(inputs.len(), false),
        outside: Vec::new(),
    };
    tape.builder.reserve(end - start, 2 * (end - start));
    let mut comparisons = watch.comparisons.into_iter().peekable();
    for index in start..=end {
        while let Some(compared) = comparisons.next_if(|compared| compared.end <= index) {
            let operands = compared.operands.map(|operand| tape.operand(operand));
            if !operands.iter().all(|operand| operand.is_constant()) {
                let recorded = compared.operands.map(|operand| operand.value);
                let guard = Guard {
                    comparison: compared.comparison,
                    operands: [0; 2],
                    answer: compared.comparison.answer(recorded[0], recorded[1]),
                    recorded,
                    after: tape.builder.len() as u32,
                    place: compared.at.to_string().into(),
                };
                tape.builder.guard(guard, operands);
            }
        }
        if index < start + inputs.len() {
            tape.refs.push(Ref::input(index - start));
        } else if index < end {
            tape.push(index);
        }
    }
    let mut reads = watch.reads;
    reads.retain(|read| {
        read.how == Reading::NotRecorded || !tape.operand(read.operand).is_constant()
    });
    let names: Vec<(usize, String)> = cold(|cold| {
        let names = cold.names.range(start..);
        names.map(|(&index, name)| (index, name.clone())).collect()
    });
    for (index, name) in names {
        let named = tape.refs[index - start];
        if !named.is_constant() {
            tape.builder.name(named, name);
        }
    }
    let outputs: Vec<Ref> = outputs.iter().map(|&output| tape.var(output)).collect();
    Captured {
        outside: outside(tape.outside),
        program: tape.builder.finish(outputs),
        reads,
    }
}

/// The tape as far as it has been read.
struct Tape {
    start: usize,
    /// What each slot from `start` on has become.
    refs: Vec<Ref>,
    builder: Builder,
    /// Nodes before `start` that were used.
    outside: Vec<usize>,
}

impl Tape {
    fn push(&mut self, index: usize) {
        let node = arena().node(index);
        let new = if !record::is_node(node.word) {
            // No handle leads here; the node after it reads it.
            Ref::input(0)
        } else {
            let decoded = decode(index);
            let first = self.refs.len();
            let is_active = decoded.operands.iter().any(|operand| {
                operand.index >= self.start && !self.refs[operand.index - self.start].is_constant()
            });
            debug_assert_eq!(first, index - self.start);
            if !is_active {
                self.builder.constant(value_of(index))
            } else {
                let operands: smallvec::SmallVec<[Ref; 4]> = decoded
                    .operands
                    .iter()
                    .map(|&operand| self.operand(operand))
                    .collect();
                if decoded.op == Op::Custom {
                    let custom = cold(|cold| cold.customs[&index].clone());
                    self.builder.custom(custom, operands)
                } else {
                    self.builder.node(decoded.op, decoded.n, operands)
                }
            }
        };
        self.refs.push(new);
    }

    fn operand(&mut self, operand: Operand) -> Ref {
        if operand.index >= self.start {
            return self.refs[operand.index - self.start];
        }
        if operand.index != 0 {
            self.outside.push(operand.index);
        }
        self.builder.constant(operand.value)
    }

    fn var(&mut self, x: Var) -> Ref {
        self.operand(Operand {
            index: x.index(),
            value: x.raw(),
        })
    }
}

fn outside(mut indices: Vec<usize>) -> Vec<(f64, Option<String>)> {
    indices.sort_unstable();
    indices.dedup();
    let name = |index: usize| cold(|cold| cold.names.get(&index).cloned());
    indices.into_iter().map(|index| (value_of(index), name(index))).collect()
}
