//! From a draft to the program, in which chains of additions are one sum each.
//!
//! (Dead code, constants and equal expressions are seen to when the draft is written; see `capture`.) Nodes stay in
//! the order in which they were recorded, and no value changes in a bit.

use super::builder::{Arity, Builder, Draft, Drafts, Ref};
use super::program::{Node, Program, Uses};
use crate::rows::Op;

impl Builder<'_> {
    /// The program of what was drafted. With `collapses_sums` a chain of additions becomes one sum: added from the first to
    /// the last, as the chain was.
    pub(crate) fn finish(mut self, outputs: &[Ref], collapses_sums: bool) -> Program {
        outputs.iter().for_each(|&output| self.keep(output));
        let Builder { mut program, room: drafts, operands, .. } = self;
        let inputs = program.inputs;
        let first_node = program.first_node() as u32;
        assert!(
            program.constants.len() + drafts.nodes.len() < 1 << 30 && operands < u32::MAX as usize,
            "scalargrad: the program is too large"
        );
        let parts = if collapses_sums { drafts.find_parts(inputs) } else { 0 };
        let count = drafts.nodes.len() - inputs;
        let mut nodes = Vec::with_capacity(count - parts);
        let mut all = Vec::with_capacity(operands - parts);
        let mut guards = program.guards.iter_mut().peekable();
        for i in 0..count {
            while let Some(guard) = guards.next_if(|guard| guard.after as usize <= i) {
                guard.after = nodes.len() as u32;
            }
            let draft = drafts.nodes[inputs + i];
            if draft.uses == Uses::Part {
                continue;
            }
            let first = all.len();
            if draft.op == Op::Sum {
                drafts.each_term(draft, |k| all.push(drafts.index(k, inputs)));
                all[first..].reverse();
            } else {
                drafts.each_operand(draft, |k| all.push(drafts.index(k, inputs)));
            }
            let n = drafts.n(draft);
            drafts.nodes[inputs + i].words[0] = first_node + nodes.len() as u32;
            nodes.push(Node { op: draft.op, n, first: first as u32, count: (all.len() - first) as u32 });
        }
        for guard in guards {
            guard.after = nodes.len() as u32;
        }
        let index = |k: u32| drafts.index(Ref(k), inputs);
        for guard in &mut program.guards {
            guard.operands = guard.operands.map(index);
        }
        let names = std::mem::take(&mut program.names).into_iter();
        program.names = names.map(|(k, name)| (index(k as u32) as usize, name)).collect();
        program.outputs = outputs.iter().map(|&Ref(k)| index(k)).collect();
        (program.nodes, program.operands) = (nodes, all);
        program
    }
}

impl Drafts {
    /// Marks each sum that is used once, where the chain of another sum goes on with it, as part of that, which is no
    /// addition of two any more; says how many.
    fn find_parts(&mut self, inputs: usize) -> usize {
        let mut parts = 0;
        for i in inputs..self.nodes.len() {
            if !matches!(self.nodes[i].op, Op::Add | Op::Sum) {
                continue;
            }
            for end in self.ends(self.nodes[i]) {
                let Some(end) = self.nodes.get_mut(end.place()) else {
                    continue;
                };
                if end.uses == Uses::Once && matches!(end.op, Op::Add | Op::Sum) {
                    end.uses = Uses::Part;
                    self.nodes[i].op = Op::Sum;
                    parts += 1;
                    break;
                }
            }
        }
        parts
    }

    /// The operands of a sum of which one may be a sum that goes on with it.
    #[inline(always)]
    fn ends(&self, draft: Draft) -> [Ref; 2] {
        match (draft.op, draft.arity) {
            (Op::Add, _) => draft.words.map(Ref),
            (_, Arity::Many) => {
                let first = self.many(draft).first();
                [*first.unwrap_or(&Ref::ANY_CONSTANT), Ref::ANY_CONSTANT]
            }
            _ => [Ref(draft.words[0]), Ref::ANY_CONSTANT],
        }
    }

    /// The sum that a number is, if that is part of another.
    #[inline(always)]
    fn part(&self, number: Ref) -> Option<Draft> {
        let draft = self.nodes.get(number.place())?;
        (draft.uses == Uses::Part).then_some(*draft)
    }

    /// Calls `each` with the terms of the chain that ends with a node, from the last to the first.
    fn each_term(&self, mut end: Draft, mut each: impl FnMut(Ref)) {
        loop {
            let mut inner = None;
            let mut term = |k| match self.part(k) {
                None => each(k),
                part => inner = part,
            };
            match end.arity {
                Arity::Many => self.many(end).iter().rev().for_each(|&k| term(k)),
                Arity::One => term(Ref(end.words[0])),
                Arity::Two => {
                    term(Ref(end.words[1]));
                    term(Ref(end.words[0]));
                }
            }
            match inner {
                Some(part) => end = part,
                None => return,
            }
        }
    }

    /// The index of a number that has been written: a node then has it in the place of its first operand.
    #[inline(always)]
    fn index(&self, number: Ref, inputs: usize) -> u32 {
        match self.nodes.get(number.place()) {
            Some(draft) => draft.words[0],
            None => inputs as u32 + number.0,
        }
    }
}
