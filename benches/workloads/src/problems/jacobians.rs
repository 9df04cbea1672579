use scalargrad::{Function, Var, jacobian};

use super::{Problem, Run};
use crate::{BundleAdjustment, Derivatives, Workload};

/// J: the Jacobian of each block of the bundle adjustment by itself.
pub struct Jacobians {
    blocks: BundleAdjustment,
}

impl Jacobians {
    pub fn new() -> Self {
        Jacobians { blocks: BundleAdjustment::new() }
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
        out.clear();
        for (block, x) in self.blocks.points().iter().enumerate() {
            out.extend_from_slice(jacobian(|x| self.eval(block, x), x).as_slice());
        }
    }

    fn recorded(&self) -> Run<'_> {
        let record = |(block, x): (usize, &[f64; 15])| Function::record(x, |x| self.eval(block, x));
        let points = self.blocks.points();
        let f: Vec<Function> = points.iter().enumerate().map(record).collect();
        Box::new(move |out| {
            out.resize(30 * points.len(), 0.0);
            for ((f, x), jacobian) in f.iter().zip(points).zip(out.chunks_exact_mut(30)) {
                f.values_and_jacobian_into(x, &mut [0.0; 2], jacobian).expect("no guard");
            }
        })
    }
}
