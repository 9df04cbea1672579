//! Sparse Jacobians: a sweep for each output, of only what it depends on.

use super::buffers::with_space;
use super::evaluate::Tripped;
use super::one_by_one::{contribute, walk};
use super::program::Program;
use super::sparse::{Pattern, SparseMatrix};
use crate::rows::Kind;

/// What each output depends on.
struct Ancestors<'a> {
    program: &'a Program,
    /// For each number the output that was the last to reach it, plus 1.
    reached_by: Vec<u32>,
    stack: Vec<u32>,
    inputs: Vec<u32>,
    nodes: Vec<u32>,
}

impl<'a> Ancestors<'a> {
    fn new(program: &'a Program) -> Ancestors<'a> {
        Ancestors {
            program,
            reached_by: vec![0; program.len()],
            stack: Vec::new(),
            inputs: Vec::new(),
            nodes: Vec::new(),
        }
    }

    /// Finds those of output `row`: inputs in ascending order, nodes in descending order.
    fn find(&mut self, row: usize) {
        self.inputs.clear();
        self.nodes.clear();
        self.reach(self.program.outputs[row], row);
        let first_node = self.program.first_node();
        while let Some(index) = self.stack.pop() {
            if (index as usize) < first_node {
                self.inputs.push(index);
                continue;
            }
            let i = index as usize - first_node;
            self.nodes.push(i as u32);
            let node = &self.program.nodes[i];
            if node.op.kind() != Kind::Step {
                for &operand in self.program.operands(node) {
                    self.reach(operand, row);
                }
            }
        }
        self.inputs.sort_unstable();
        self.nodes.sort_unstable_by(|a, b| b.cmp(a));
    }

    fn reach(&mut self, index: u32, row: usize) {
        let by = &mut self.reached_by[index as usize];
        if self.program.is_active(index) && *by != row as u32 + 1 {
            *by = row as u32 + 1;
            self.stack.push(index);
        }
    }
}

impl Program {
    /// Where the Jacobian may differ from zero.
    pub(crate) fn jacobian_pattern(&self) -> Pattern {
        let mut ancestors = Ancestors::new(self);
        let mut entries = Vec::new();
        for row in 0..self.outputs.len() {
            ancestors.find(row);
            entries.extend(ancestors.inputs.iter().map(|&input| (row, input as usize)));
        }
        Pattern::new(self.outputs.len(), self.inputs, entries.into_iter())
    }

    pub(crate) fn sparse_jacobian(&self, x: &[f64]) -> Result<SparseMatrix, Tripped> {
        with_space(|space| {
            walk(self, x, &mut space.values)?;
            let mut adjoints = vec![0.0; self.len()];
            let mut ancestors = Ancestors::new(self);
            let mut triplets = Vec::new();
            for row in 0..self.outputs.len() {
                ancestors.find(row);
                adjoints[self.outputs[row] as usize] = 1.0;
                for &i in &ancestors.nodes {
                    let place = self.first_node() + i as usize;
                    contribute(self, place, &space.values, &mut adjoints);
                    adjoints[place] = 0.0;
                }
                for &input in &ancestors.inputs {
                    let adjoint = std::mem::take(&mut adjoints[input as usize]);
                    triplets.push((row, input as usize, adjoint));
                }
                let of_row = triplets.len() - ancestors.inputs.len();
                let of_row = &mut triplets[of_row..];
                if !of_row.iter().all(|entry| entry.2.is_finite()) {
                    let mut gradient = vec![0.0; self.inputs];
                    of_row.iter().for_each(|entry| gradient[entry.1] = entry.2);
                    self.correct_gradient_at(x, row, &mut gradient);
                    of_row.iter_mut().for_each(|entry| entry.2 = gradient[entry.1]);
                }
            }
            Ok(SparseMatrix::new(self.outputs.len(), self.inputs, &triplets))
        })
    }
}
