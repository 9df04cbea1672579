//! From the tape to a program, in two walks over the nodes.
//!
//! The first goes down, as the tape is laid out. It notes where each node is and which of them something needs, and
//! so how much room the program takes. The second goes up and writes the program: without dead code, constants in the
//! place of what depends on no input, and, if wished, equal expressions as one.

use super::buffers::lend;
use super::builder::{Builder, Drafts, Ref};
use super::needs::{ACTIVITY, Needs, RESULT};
use super::program::{Guard, Program};
use crate::arena::{Line, Owner, Tape, arena, is_own, owner};
use crate::graph::trace::{Compared, Comparison, Escaped, Trace};
use crate::graph::{GraphState, state, verify};
use crate::handle::Var;
use crate::nodes::{Content, Node, Operand};
use crate::rows::Op;
use std::cell::Cell;
use std::collections::HashSet;
use std::panic::Location;

thread_local! {
    /// Room that recordings on this thread are read into again.
    static READING: Cell<Option<Box<Reading>>> = const { Cell::new(None) };
}

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

/// Reads back what was recorded since the `inputs`, with which the innermost scope begins.
///
/// What nothing needs is left out, and what does not depend on an input is a constant.
#[track_caller]
pub(crate) fn capture(inputs: &[Var], outputs: &[Var], trace: Trace, effort: Effort) -> Captured {
    let arena = arena();
    for &x in inputs.iter().chain(outputs) {
        verify(x);
    }
    let (start, end) = (state(|state| state.scope_start()), arena.end());
    let line = Location::caller(); // not in a closure, which has no caller
    let Trace { comparisons, escapes, .. } = trace;
    lend(&READING, |kept| {
        let reading = kept.get_or_insert_default();
        let captured = state(|state| {
            arena.tape(|tape| {
                let Reading { needs, refs, drafts } = &mut **reading;
                needs.clear(start, end);
                let roots = outputs.iter().map(|output| output.index());
                let compared = comparisons.iter().flat_map(|compared| compared.operands);
                for index in roots.chain(compared.map(|operand| operand.index)) {
                    needs.mark(index, RESULT);
                }
                for escaped in &escapes {
                    needs.mark(escaped.operand.index, ACTIVITY);
                }
                needs.propagate(tape);
                refs.clear();
                refs.reserve_exact(end - start);
                let is_sharing = effort == Effort::Optimised;
                let mut reader = Reader {
                    tape,
                    start,
                    refs,
                    builder: Builder::new(inputs.len(), needs.nodes, is_sharing, drafts),
                    operands: Vec::new(),
                    guards: HashSet::default(),
                    state,
                    outside: Vec::new(),
                    line,
                };
                reader.run(inputs.len(), needs, &comparisons);
                reader.finish(outputs, escapes, needs, effort)
            })
        });
        if reading.refs.capacity().max(reading.drafts.many.capacity()) > LARGE {
            *kept = None;
        }
        captured
    })
}

/// Nodes, or operands of slices, for which the room is too large to keep.
const LARGE: usize = 1 << 21;

/// Room for a recording that is being read.
#[derive(Default)]
pub(super) struct Reading {
    needs: Needs,
    /// What each node from `start` on has become.
    refs: Vec<Ref>,
    drafts: Drafts,
}

/// The tape as far as it has been read.
struct Reader<'a> {
    tape: Tape<'a>,
    start: usize,
    /// What each node from `start` on has become.
    refs: &'a mut Vec<Ref>,
    builder: Builder<'a>,
    /// The operands of the node that is being read.
    operands: Vec<Ref>,
    /// The guards that there are.
    guards: HashSet<(Comparison, [Ref; 2])>,
    state: &'a mut GraphState,
    outside: Vec<usize>,
    /// The user's line that records.
    line: Line,
}

impl Reader<'_> {
    fn run(&mut self, inputs: usize, needs: &Needs, comparisons: &[Compared]) {
        let mut comparisons = comparisons.iter().peekable();
        for (place, (&need, &at)) in needs.needs.iter().zip(&needs.positions).enumerate() {
            let index = self.start + place;
            while let Some(compared) = comparisons.next_if(|next| next.end <= index) {
                self.push_guard(compared);
            }
            let node = Node { tape: self.tape, index, at };
            let new = match need {
                _ if place < inputs => Ref::input(place),
                0 => Ref::ANY_CONSTANT,
                ACTIVITY => self.activity(node),
                _ => self.push(node),
            };
            self.refs.push(new);
        }
        comparisons.for_each(|compared| self.push_guard(compared));
    }

    /// Any number that depends on an input, if the node does.
    fn activity(&self, node: Node<'_>) -> Ref {
        let mut activity = Ref::ANY_CONSTANT;
        node.read(|Operand { index, .. }| {
            if index >= self.start && !self.refs[index - self.start].is_constant() {
                activity = Ref::input(0);
            }
        });
        activity
    }

    #[inline]
    fn push(&mut self, node: Node<'_>) -> Ref {
        // Nearly all nodes are rows of one operand or two, a number among them.
        match node.content() {
            Content::Row(row) if row.arity == 2 => {
                let [x, y, _] = row.operands;
                let operands = [self.operand(x), self.operand(y)];
                if operands[0].is_constant() && operands[1].is_constant() {
                    return self.frozen(node.index);
                }
                self.builder.node(row.op, 0, &operands)
            }
            Content::Row(row) if row.arity == 1 => {
                let operand = self.operand(row.operands[0]);
                if operand.is_constant() {
                    return self.frozen(node.index);
                }
                self.builder.node(row.op, row.n(), &[operand])
            }
            _ => self.push_any(node),
        }
    }

    #[inline(never)]
    fn push_any(&mut self, node: Node<'_>) -> Ref {
        let mut operands = std::mem::take(&mut self.operands);
        operands.clear();
        let (op, n) = node.read(|operand| operands.push(self.operand(operand)));
        let new = if operands.iter().all(|operand| operand.is_constant()) {
            self.frozen(node.index)
        } else if op == Op::Custom {
            let customs = &mut self.builder.program.customs;
            customs.push(self.state.customs[&node.index].clone());
            let n = customs.len() as i32 - 1;
            self.builder.node(op, n, &operands)
        } else {
            assert!(op != Op::Checkpoint, "a checkpoint keeps all of a recording");
            self.builder.node(op, n, &operands)
        };
        self.operands = operands;
        new
    }

    fn push_guard(&mut self, compared: &Compared) {
        let operands = compared.operands.map(|operand| self.operand(operand));
        if operands.iter().all(|operand| operand.is_constant()) || !self.guards.insert((compared.comparison, operands))
        {
            return;
        }
        let recorded = compared.operands.map(|operand| operand.value);
        let guard = Guard {
            comparison: compared.comparison,
            operands: [0; 2],
            answer: compared.comparison.answer(recorded[0], recorded[1]),
            recorded,
            after: (self.builder.room.nodes.len() - self.builder.program.inputs) as u32,
            place: match owner(compared.at) {
                Owner::Package | Owner::StandardLibrary if !is_own(self.line) => {
                    format!("{}, in the function recorded at {}", compared.at, self.line)
                }
                _ => compared.at.to_string(),
            }
            .into(),
        };
        self.builder.guard(guard, operands);
    }

    #[inline(always)]
    fn operand(&mut self, Operand { index, value }: Operand) -> Ref {
        if let Some(&number) = self.refs.get(index.wrapping_sub(self.start)) {
            number
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

    fn finish(mut self, outputs: &[Var], mut escapes: Vec<Escaped>, needs: &Needs, effort: Effort) -> Captured {
        let (start, inputs) = (self.start, self.builder.program.inputs);
        escapes.retain(|escaped| {
            let index = escaped.operand.index;
            escaped.how.is_general() || index >= start && !self.refs[index - start].is_constant()
        });
        for (&index, name) in self.state.names.range(start..) {
            let named = self.refs[index - start];
            let is_there = index - start < inputs || needs.needs[index - start] & RESULT != 0;
            if is_there && !named.is_constant() {
                self.builder.name(named, name.clone());
            }
        }
        let operand = |x: &Var| self.operand(Operand { index: x.index(), value: x.untracked_value() });
        let outputs: Vec<Ref> = outputs.iter().map(operand).collect();
        let Reader { builder, mut outside, .. } = self;
        outside.sort_unstable();
        outside.dedup();
        Captured { program: builder.finish(&outputs, effort == Effort::Optimised), escapes, outside }
    }
}
