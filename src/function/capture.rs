//! From the tape to a program.

use super::program::{Builder, Guard, Program, Ref};
use crate::arena::{self, arena};
use crate::graph::trace::{Compared, Escape, Escaped, Trace};
use crate::graph::{state, value_of, verify};
use crate::handle::Var;
use crate::nodes::{NodePosition, find_positions, is_head, read_node};
use crate::rows::Op;

/// What was recorded, and what of it a replay will not see again.
pub(crate) struct Captured {
    pub program: Program,
    pub escapes: Vec<Escaped>,
    /// The indices of variables from outside.
    pub outside: Vec<usize>,
}

/// Reads back what was recorded since the `inputs`, which stand one after the other on the tape.
///
/// What does not depend on an input is a constant.
#[track_caller]
pub(crate) fn capture(inputs: &[Var], outputs: &[Var], trace: Trace) -> Captured {
    let arena = arena();
    for &x in inputs.iter().chain(outputs) {
        verify(x);
    }
    let (start, end) = (
        inputs.first().map_or(arena.end(), |x| x.index()),
        arena.end(),
    );
    let mut tape = Tape {
        start,
        refs: Vec::with_capacity(end - start),
        builder: Builder::new(inputs.len(), false),
        pending: Vec::new(),
        customs: Vec::new(),
    };
    tape.builder.reserve(end - start, 2 * (end - start));
    let mut comparisons = trace.comparisons.into_iter().peekable();
    arena.tape(|nodes| {
        let mut positions = Vec::new();
        find_positions(nodes, start, end, &mut positions);
        for index in start..=end {
            while let Some(compared) = comparisons.next_if(|next| next.end <= index) {
                tape.push_guard(&compared);
            }
            if index < start + inputs.len() {
                tape.refs.push(Ref::input(index - start));
            } else if index < end {
                tape.push(index, nodes, positions[index - start]);
            }
        }
    });
    let mut escapes = trace.escapes;
    escapes.retain(|escaped| {
        let operand = escaped.operand;
        escaped.how == Escape::NotRecorded
            || operand.index >= start && !tape.refs[operand.index - start].is_constant()
    });
    let names: Vec<(usize, String)> = state(|state| {
        let names = state.names.range(start..);
        names.map(|(&index, name)| (index, name.clone())).collect()
    });
    for (index, name) in names {
        let named = tape.refs[index - start];
        if !named.is_constant() {
            tape.builder.name(named, name);
        }
    }
    let outputs: Vec<Ref> = outputs.iter().map(|&output| tape.var(output)).collect();
    let mut builder = tape.builder;
    for &(index, constant) in &tape.pending {
        builder.set_constant(constant, value_of(index));
    }
    state(|state| {
        tape.customs
            .iter()
            .for_each(|index| builder.custom(state.customs[index].clone()))
    });
    let mut outside: Vec<usize> = tape.pending.iter().map(|&(index, _)| index).collect();
    outside.retain(|&index| index < start);
    outside.sort_unstable();
    outside.dedup();
    Captured {
        program: builder.finish(outputs),
        escapes,
        outside,
    }
}

/// The tape as far as it has been escaped.
struct Tape {
    start: usize,
    /// What each node from `start` on has become.
    refs: Vec<Ref>,
    builder: Builder,
    /// Nodes that are constants, whose values are still to be asked for.
    pending: Vec<(usize, Ref)>,
    /// The users' own operations.
    customs: Vec<usize>,
}

impl Tape {
    #[inline]
    fn push(&mut self, index: usize, nodes: arena::Tape<'_>, at: NodePosition) {
        if is_head(nodes, at) {
            // No handle leads here.
            self.refs.push(Ref::input(0));
            return;
        }
        let first = self.builder.open();
        let mut is_active = false;
        let (op, n) = read_node(nodes, index, at, |index, value| {
            let operand = self.operand(index, value);
            is_active |= !operand.is_constant();
            self.builder.operand(operand);
        });
        let new = if !is_active {
            self.builder.abandon(first);
            self.pending(index)
        } else if op == Op::Custom {
            self.customs.push(index);
            self.builder.close(op, self.customs.len() as i32 - 1, first)
        } else {
            assert!(
                op != Op::Checkpoint,
                "a checkpoint keeps all of a recording"
            );
            self.builder.close(op, n, first)
        };
        self.refs.push(new);
    }

    fn push_guard(&mut self, compared: &Compared) {
        let operands = compared
            .operands
            .map(|operand| self.operand(operand.index, operand.value));
        if operands.iter().all(|operand| operand.is_constant()) {
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
            self.pending(index)
        }
    }

    fn pending(&mut self, index: usize) -> Ref {
        let constant = self.builder.constant(0.0);
        self.pending.push((index, constant));
        constant
    }

    fn var(&mut self, x: Var) -> Ref {
        self.operand(x.index(), x.untracked_value())
    }
}
