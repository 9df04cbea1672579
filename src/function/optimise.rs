//! The recording made smaller, once: dead code, equal expressions, chains of additions.
//!
//! (What does not depend on an input is a constant already; see `capture`.) Nodes stay in the order in
//! which they were recorded, and no value changes in a bit.

use super::hash::Table;
use super::program::{Builder, Guard, Node, Program, Ref};
use crate::rows::Op;
use smallvec::SmallVec;

/// The program with the same results.
pub(crate) fn optimise(program: &Program) -> Program {
    collapse_sums(&merge_equal(program))
}

/// Copies a program node by node.
struct Copy<'a> {
    old: &'a Program,
    new: Builder,
    /// What each index has become; `None` for what was left out.
    refs: Vec<Option<Ref>>,
    guards: std::iter::Peekable<std::slice::Iter<'a, Guard>>,
}

impl<'a> Copy<'a> {
    fn new(old: &'a Program) -> Copy<'a> {
        let mut refs = vec![None; old.len()];
        for (k, input) in refs[..old.inputs].iter_mut().enumerate() {
            *input = Some(Ref::input(k));
        }
        Copy {
            old,
            new: Builder::new(old.inputs, true),
            refs,
            guards: old.guards.iter().peekable(),
        }
    }

    /// What `index` has become.
    fn of(&mut self, index: u32) -> Ref {
        if let Some(new) = self.refs[index as usize] {
            return new;
        }
        let constant = self.old.constants[index as usize - self.old.inputs];
        let new = self.new.constant(constant);
        self.refs[index as usize] = Some(new);
        new
    }

    fn all(&mut self, indices: &[u32]) -> SmallVec<[Ref; 4]> {
        indices.iter().map(|&index| self.of(index)).collect()
    }

    fn custom(&mut self, node: &Node, operands: &[Ref]) -> Ref {
        self.new.custom(self.old.customs[node.n as usize].clone());
        let n = self.new.customs() as i32 - 1;
        self.new.node(Op::Custom, n, operands)
    }

    /// Copies the guards before old node `i`.
    fn guards_before(&mut self, i: usize, seen: &mut Table<(u8, [Ref; 2]), ()>) {
        while let Some(guard) = self.guards.next_if(|guard| guard.after as usize <= i) {
            let operands = guard.operands.map(|index| self.of(index));
            if seen
                .insert((guard.comparison as u8, operands), ())
                .is_none()
            {
                let after = self.new.len() as u32;
                let guard = guard.clone();
                self.new.guard(Guard { after, ..guard }, operands);
            }
        }
    }

    fn finish(mut self) -> Program {
        for (&index, name) in &self.old.names {
            if let Some(named) = self.refs[index].filter(|named| !named.is_constant()) {
                self.new.name(named, name.clone());
            }
        }
        let outputs = self.all(&self.old.outputs);
        self.new.finish(outputs)
    }
}

/// Leaves out what nothing needs, and computes equal expressions once.
fn merge_equal(program: &Program) -> Program {
    let mut is_live = vec![false; program.len()];
    for &index in roots(program) {
        is_live[index as usize] = true;
    }
    for (i, node) in program.nodes.iter().enumerate().rev() {
        if is_live[program.first_node() + i] {
            for &operand in program.operands(node) {
                is_live[operand as usize] = true;
            }
        }
    }
    let mut copy = Copy::new(program);
    let mut seen = Table::default();
    let mut guards = Table::default();
    for (i, node) in program.nodes.iter().enumerate() {
        copy.guards_before(i, &mut guards);
        let index = program.first_node() + i;
        if !is_live[index] {
            continue;
        }
        let operands = copy.all(program.operands(node));
        let new = if node.op == Op::Custom {
            copy.custom(node, &operands)
        } else {
            let builder = &mut copy.new;
            *seen
                .entry((node.op, node.n, operands))
                .or_insert_with_key(|(op, n, operands)| builder.node(*op, *n, operands))
        };
        copy.refs[index] = Some(new);
    }
    copy.guards_before(usize::MAX, &mut guards);
    copy.finish()
}

/// Makes a chain of additions one sum: added from the first to the last, as the chain was.
fn collapse_sums(program: &Program) -> Program {
    let first_node = program.first_node();
    let mut uses = vec![0u32; program.len()];
    let operands = program.nodes.iter().flat_map(|node| program.operands(node));
    for &index in operands.chain(roots(program)) {
        uses[index as usize] += 1;
    }
    let is_sum = |index: u32| {
        (index as usize)
            .checked_sub(first_node)
            .is_some_and(|i| matches!(program.nodes[i].op, Op::Add | Op::Sum))
    };
    let may_go = |index: u32| {
        is_sum(index) && uses[index as usize] == 1 && !program.names.contains_key(&(index as usize))
    };
    // The operand that a node's chain goes on with.
    let link = |i: usize| -> Option<usize> {
        let node = &program.nodes[i];
        let operands = program.operands(node);
        match node.op {
            Op::Add => (0..2).find(|&k| may_go(operands[k])),
            Op::Sum => (!operands.is_empty() && may_go(operands[0])).then_some(0),
            _ => None,
        }
    };
    let mut is_inner = vec![false; program.nodes.len()];
    for (i, node) in program.nodes.iter().enumerate() {
        if let Some(k) = link(i) {
            is_inner[program.operands(node)[k] as usize - first_node] = true;
        }
    }
    let mut copy = Copy::new(program);
    let mut guards = Table::default();
    for (i, node) in program.nodes.iter().enumerate() {
        copy.guards_before(i, &mut guards);
        if is_inner[i] {
            continue;
        }
        let new = if link(i).is_some() {
            let mut terms = terms(program, i, link);
            terms.reverse();
            let terms = copy.all(&terms);
            copy.new.node(Op::Sum, 0, &terms)
        } else {
            let operands = copy.all(program.operands(node));
            if node.op == Op::Custom {
                copy.custom(node, &operands)
            } else {
                copy.new.node(node.op, node.n, &operands)
            }
        };
        copy.refs[first_node + i] = Some(new);
    }
    copy.guards_before(usize::MAX, &mut guards);
    copy.finish()
}

/// The terms of the chain that ends at node `i`, from the last to the first.
fn terms(program: &Program, mut i: usize, link: impl Fn(usize) -> Option<usize>) -> Vec<u32> {
    let mut terms = Vec::new();
    loop {
        let operands = program.operands(&program.nodes[i]);
        let next = link(i);
        let others = (0..operands.len()).rev().filter(|&k| Some(k) != next);
        terms.extend(others.map(|k| operands[k]));
        match next {
            Some(k) => i = operands[k] as usize - program.first_node(),
            None => return terms,
        }
    }
}

/// What a program is for: its outputs, and the operands of its guards.
fn roots(program: &Program) -> impl Iterator<Item = &u32> {
    let guards = program.guards.iter().flat_map(|guard| &guard.operands);
    program.outputs.iter().chain(guards)
}
