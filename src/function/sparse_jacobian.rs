//! Sparse Jacobians: a sweep for each output, of only what it depends on.

use super::buffers::with_space;
use super::emit::Sweeper;
use super::evaluate::Tripped;
use super::one_by_one::{contribute, walk};
use super::program::Program;
use super::sparse::{Pattern, SparseMatrix};

impl Program {
    /// Where the Jacobian may differ from zero.
    pub(crate) fn jacobian_pattern(&self) -> Pattern {
        let mut sweeper = Sweeper::new(self);
        let mut entries = Vec::new();
        for (row, &output) in self.outputs.iter().enumerate() {
            let [inputs, _] = sweeper.reach(&[output]);
            entries.extend(inputs.iter().map(|&input| (row, input as usize)));
        }
        Pattern::new(self.outputs.len(), self.inputs, entries.into_iter())
    }

    pub(crate) fn sparse_jacobian(&self, x: &[f64]) -> Result<SparseMatrix, Tripped> {
        with_space(|space| {
            walk(self, x, &mut space.values)?;
            let mut adjoints = vec![0.0; self.len()];
            let mut sweeper = Sweeper::new(self);
            let mut triplets = Vec::new();
            for (row, &output) in self.outputs.iter().enumerate() {
                let [inputs, nodes] = sweeper.reach(&[output]);
                // Not of a step: no sweep takes it away again.
                if !inputs.is_empty() {
                    adjoints[output as usize] = 1.0;
                }
                for &place in nodes.iter().rev() {
                    contribute(self, place as usize, &space.values, &mut adjoints);
                    adjoints[place as usize] = 0.0;
                }
                let first = triplets.len();
                for &input in inputs {
                    let adjoint = std::mem::take(&mut adjoints[input as usize]);
                    triplets.push((row, input as usize, adjoint));
                }
                let of_row = &mut triplets[first..];
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
