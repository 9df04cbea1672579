//! The two things that can be drawn.

use super::graph::Source;
use crate::function::Program;
use crate::graph::names::{tidy, visible};
use crate::graph::{decode, id_of, state, value_of};
use crate::handle::Var;
use crate::nodes::Operand;
use crate::rows::Op;

/// This thread's graph, below an output.
impl Source for Var {
    fn outputs(&self) -> Vec<Operand> {
        let (index, value) = (self.index(), self.untracked_value());
        vec![Operand { index, value }]
    }

    fn read(&self, index: usize, each: &mut dyn FnMut(Operand)) -> (Op, i32) {
        let node = decode(index);
        node.operands.into_iter().for_each(each);
        (node.op, node.n)
    }

    fn name(&self, index: usize) -> Option<String> {
        state(|state| visible(state.names.get(&index)?))
    }

    fn custom_label(&self, index: usize, _: i32) -> String {
        state(|state| tidy(&state.customs[&index].label))
    }

    fn numbers(&self, index: usize) -> Option<(f64, f64)> {
        let x = Var::from_parts(value_of(index), id_of(index));
        Some((x.untracked_value(), x.grad()))
    }
}

/// A recorded function, which has no numbers but its constants. Its indices are one more than the program's.
impl Source for Program {
    fn outputs(&self) -> Vec<Operand> {
        self.outputs.iter().map(|&k| self.operand(k)).collect()
    }

    fn read(&self, index: usize, each: &mut dyn FnMut(Operand)) -> (Op, i32) {
        match (index - 1).checked_sub(self.first_node()) {
            None => (Op::Leaf, 0),
            Some(i) => {
                let node = self.nodes[i];
                self.operands(&node).iter().map(|&k| self.operand(k)).for_each(each);
                (node.op, node.n)
            }
        }
    }

    fn name(&self, index: usize) -> Option<String> {
        let given = self.names.get(&(index - 1)).and_then(|name| visible(name));
        given.or_else(|| (index <= self.inputs).then(|| self.name(index as u32 - 1)))
    }

    fn custom_label(&self, _: usize, n: i32) -> String {
        tidy(&self.customs[n as usize].label)
    }

    fn numbers(&self, _: usize) -> Option<(f64, f64)> {
        None
    }
}

impl Program {
    fn operand(&self, k: u32) -> Operand {
        match self.is_active(k) {
            true => Operand::node(k as usize + 1),
            false => Operand::constant(self.constants[k as usize - self.inputs]),
        }
    }
}
