//! From the tape to a program, in two walks over the nodes.
//!
//! The first goes down, as the tape is laid out. It notes where each node stands and which of them something needs, and
//! so how much room the program takes. The second goes up and writes the program: without dead code, constants in the
//! place of what depends on no input, and, if wished, equal expressions as one.

use super::builder::{Builder, Ref, Room};
use super::optimise::collapse_sums;
use super::program::{Guard, Program};
use crate::arena::{self, arena};
use crate::graph::trace::{Compared, Comparison, Escape, Escaped, Trace};
use crate::graph::{GraphState, state, verify};
use crate::handle::Var;
use crate::nodes::{Form, NodePosition, Stored, descend_from, read_indices, read_node, stored};
use crate::rows::Op;
use std::collections::HashSet;

/// What was recorded, and what of it a replay will not see again.
pub(crate) struct Captured {
    pub program: Program,
    pub escapes: Vec<Escaped>,
    /// The indices of variables from outside.
    pub outside: Vec<usize>,
}

/// How a program is made.
#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Effort {
    /// For one use: as it was recorded.
    Once,
    /// For many: equal expressions are one, and chains of additions too.
    Optimised,
}

/// Reads back what was recorded since the `inputs`, which stand one after the other on the tape.
///
/// What nothing needs is left out, and what does not depend on an input is a constant.
#[track_caller]
pub(crate) fn capture(inputs: &[Var], outputs: &[Var], trace: Trace, effort: Effort) -> Captured {
    let arena = arena();
    for &x in inputs.iter().chain(outputs) {
        verify(x);
    }
    let (start, end) = (
        inputs.first().map_or(arena.end(), |x| x.index()),
        arena.end(),
    );
    let Trace {
        comparisons,
        escapes,
        ..
    } = trace;
    state(|state| {
        arena.tape(|tape| {
            let mut needs = Needs::new(start, end);
            let roots = outputs.iter().map(|output| output.index());
            let compared = comparisons.iter().flat_map(|compared| compared.operands);
            for index in roots.chain(compared.map(|operand| operand.index)) {
                needs.mark(index, RESULT);
            }
            for escaped in &escapes {
                needs.mark(escaped.operand.index, ACTIVITY);
            }
            needs.propagate(tape);
            let is_sharing = effort == Effort::Optimised;
            let mut reader = Reader {
                tape,
                start,
                refs: Vec::with_capacity(end - start),
                builder: Builder::new(inputs.len(), needs.room, is_sharing),
                operands: Vec::new(),
                guards: HashSet::default(),
                state,
                outside: Vec::new(),
            };
            reader.run(inputs.len(), &needs, &comparisons);
            reader.finish(outputs, escapes, &needs, effort)
        })
    })
}

/// What a node is needed for: nothing, or a set of these bits.
type Need = u8;

/// To know whether a number that was read depends on an input.
const ACTIVITY: Need = 1;
/// For an output, or an operand of a comparison.
const RESULT: Need = 2;

/// What the nodes from `start` on are needed for, and where they stand.
struct Needs {
    start: usize,
    needs: Vec<Need>,
    positions: Vec<NodePosition>,
    room: Room,
}

impl Needs {
    fn new(start: usize, end: usize) -> Needs {
        Needs {
            start,
            needs: vec![0; end - start],
            positions: vec![NodePosition::default(); end - start],
            room: Room::default(),
        }
    }

    #[inline(always)]
    fn mark(&mut self, index: usize, need: Need) {
        if index >= self.start {
            self.needs[index - self.start] |= need;
        }
    }

    /// Walks down the tape: what a node is needed for, its operands are needed for.
    fn propagate(&mut self, tape: arena::Tape<'_>) {
        let (start, end) = (self.start, self.start + self.needs.len());
        descend_from(tape, end, start, |index, at| {
            if index < start || index >= end {
                return;
            }
            self.positions[index - start] = at;
            let need = self.needs[index - start];
            if need == 0 {
                return;
            }
            self.room.nodes += 1;
            read_indices(tape, index, at, |operand| {
                self.mark(operand, need);
                self.room.operands += 1;
            });
            // A constant beside one operand is not among them.
            self.room.operands += 1;
        });
    }
}

/// The tape as far as it has been read.
struct Reader<'a> {
    tape: arena::Tape<'a>,
    start: usize,
    /// What each node from `start` on has become.
    refs: Vec<Ref>,
    builder: Builder,
    /// Those of the node that is being read.
    operands: Vec<Ref>,
    /// The guards that there are.
    guards: HashSet<(Comparison, [Ref; 2])>,
    state: &'a mut GraphState,
    outside: Vec<usize>,
}

impl Reader<'_> {
    fn run(&mut self, inputs: usize, needs: &Needs, comparisons: &[Compared]) {
        let end = self.start + needs.needs.len();
        let mut comparisons = comparisons.iter().peekable();
        for index in self.start..=end {
            while let Some(compared) = comparisons.next_if(|next| next.end <= index) {
                self.push_guard(compared);
            }
            if index == end {
                break;
            }
            let place = index - self.start;
            let new = if place < inputs {
                Ref::input(place)
            } else {
                match needs.needs[place] {
                    0 => Ref::ANY_CONSTANT,
                    ACTIVITY => self.activity(index, needs.positions[place]),
                    _ => self.push(index, needs.positions[place]),
                }
            };
            self.refs.push(new);
        }
    }

    /// Any number that depends on an input, if the node does.
    fn activity(&self, index: usize, at: NodePosition) -> Ref {
        let mut activity = Ref::ANY_CONSTANT;
        read_node(self.tape, index, at, |operand, _| {
            if operand >= self.start && !self.refs[operand - self.start].is_constant() {
                activity = Ref::input(0);
            }
        });
        activity
    }

    #[inline]
    fn push(&mut self, index: usize, at: NodePosition) -> Ref {
        // Most nodes have one operand or two.
        let (op, n, operands) = match stored(self.tape, index, at) {
            Stored::Two { op, a, b, .. } => (op, 0, [self.operand(a, 0.0), self.operand(b, 0.0)]),
            Stored::One { op, form, a, q, .. } => {
                let a = self.operand(a, 0.0);
                match form {
                    Form::ConstantRight => (op, 0, [a, self.builder.constant(q)]),
                    Form::ConstantLeft => (op, 0, [self.builder.constant(q), a]),
                    Form::Twice => (op, 0, [a, a]),
                    Form::Alone => return self.push_any(index, at),
                }
            }
            _ => return self.push_any(index, at),
        };
        if operands[0].is_constant() && operands[1].is_constant() {
            return self.frozen(index);
        }
        self.builder.node(op, n, &operands)
    }

    #[inline(never)]
    fn push_any(&mut self, index: usize, at: NodePosition) -> Ref {
        let mut operands = std::mem::take(&mut self.operands);
        operands.clear();
        let (op, n) = read_node(self.tape, index, at, |index, value| {
            operands.push(self.operand(index, value));
        });
        let new = if operands.iter().all(|operand| operand.is_constant()) {
            self.frozen(index)
        } else if op == Op::Custom {
            let n = self.builder.customs();
            self.builder.custom(self.state.customs[&index].clone());
            self.builder.node(op, n as i32, &operands)
        } else {
            assert!(
                op != Op::Checkpoint,
                "a checkpoint keeps all of a recording"
            );
            self.builder.node(op, n, &operands)
        };
        self.operands = operands;
        new
    }

    fn push_guard(&mut self, compared: &Compared) {
        let operands = compared
            .operands
            .map(|operand| self.operand(operand.index, operand.value));
        if operands.iter().all(|operand| operand.is_constant())
            || !self.guards.insert((compared.comparison, operands))
        {
            return;
        }
        let recorded = compared.operands.map(|operand| operand.value);
        let guard = Guard {
            comparison: compared.comparison,
            operands: [0; 2],
            answer: compared.comparison.answer(recorded[0], recorded[1]),
            recorded,
            after: self.builder.len() as u32,
            place: compared.at.to_string().into(),
        };
        self.builder.guard(guard, operands);
    }

    #[inline(always)]
    fn operand(&mut self, index: usize, value: f64) -> Ref {
        if index >= self.start {
            self.refs[index - self.start]
        } else if index == 0 {
            self.builder.constant(value)
        } else {
            self.frozen(index)
        }
    }

    /// The value of a node that depends on no input.
    #[cold]
    fn frozen(&mut self, index: usize) -> Ref {
        if index < self.start {
            self.outside.push(index);
        }
        let value = self.state.values.of(self.tape, index);
        self.builder.constant(value)
    }

    fn finish(
        mut self,
        outputs: &[Var],
        mut escapes: Vec<Escaped>,
        needs: &Needs,
        effort: Effort,
    ) -> Captured {
        let (start, inputs) = (self.start, self.builder.inputs());
        escapes.retain(|escaped| {
            let index = escaped.operand.index;
            escaped.how == Escape::NotRecorded
                || index >= start && !self.refs[index - start].is_constant()
        });
        for (&index, name) in self.state.names.range(start..) {
            let named = self.refs[index - start];
            let is_there = index - start < inputs || needs.needs[index - start] & RESULT != 0;
            if is_there && !named.is_constant() {
                self.builder.name(named, name.clone());
            }
        }
        let outputs: Vec<Ref> = outputs
            .iter()
            .map(|output| self.operand(output.index(), output.untracked_value()))
            .collect();
        let Reader {
            builder,
            refs,
            mut outside,
            ..
        } = self;
        drop(refs);
        outside.sort_unstable();
        outside.dedup();
        let program = builder.finish(outputs);
        Captured {
            program: match effort {
                Effort::Once => program,
                Effort::Optimised => collapse_sums(program),
            },
            escapes,
            outside,
        }
    }
}
