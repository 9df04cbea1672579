use scalargrad::{Function, Matrix, Var, jacobian};

use super::{Problem, Run};
use crate::{BundleAdjustment, Derivatives, Workload};

/// J: the Jacobian of each block of the bundle adjustment by itself.
pub struct Jacobians {
    blocks: BundleAdjustment,
}

impl Jacobians {
    pub fn new() -> Self {
        Jacobians {
            blocks: BundleAdjustment::new(),
        }
    }

    fn each(&self, out: &mut Vec<f64>, mut jacobian: impl FnMut(usize, &[f64]) -> Matrix) {
        out.clear();
        for (block, x) in self.blocks.points().iter().enumerate() {
            out.extend_from_slice(jacobian(block, x).as_slice());
        }
    }

    fn eval(&self, block: usize, x: &[Var]) -> [Var; 2] {
        self.blocks.eval(block, x.try_into().expect("15 inputs"))
    }
}

impl Problem for Jacobians {
    fn by_hand(&self, out: &mut Vec<f64>) {
        out.clear();
        let mut derivatives = Derivatives::zero();
        let mut store = Vec::new();
        for block in 0..self.blocks.points().len() {
            self.blocks.by_hand(block, &mut store, &mut derivatives);
            out.extend_from_slice(derivatives.gradient.as_flattened());
        }
    }

    fn by_closure(&self, out: &mut Vec<f64>) {
        self.each(out, |block, x| jacobian(|x| self.eval(block, x), x));
    }

    fn recorded(&self) -> Run<'_> {
        let record = |(block, x): (usize, &[f64; 15])| Function::record(x, |x| self.eval(block, x));
        let f: Vec<Function> = self
            .blocks
            .points()
            .iter()
            .enumerate()
            .map(record)
            .collect();
        Box::new(move |out| self.each(out, |block, x| f[block].jacobian(x).expect("no guard")))
    }
}
