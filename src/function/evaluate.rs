//! A program's values and derivatives, over plain numbers and over tangents.

use super::interpret::{forward, reverse};
use super::program::Program;
use super::tangents::{Tangents, non_finite_products};
use super::tape::{Room, adjoints_on_tape};
use crate::matrix::Matrix;
use std::cell::Cell;

/// Directions pushed forward at a time where there are many.
pub(crate) const LANES: usize = 8;

/// What stopped an evaluation: the place of the guard that tripped.
pub(crate) type Tripped = usize;

thread_local! {
    /// Room that evaluations on this thread use again.
    static SPACE: Cell<Space> = const {
        Cell::new(Space {
            values: Vec::new(),
            adjoints: Vec::new(),
            along: (Vec::new(), Vec::new()),
            on_tape: Room::NEW,
        })
    };
}

#[derive(Default)]
pub(crate) struct Space {
    pub values: Vec<f64>,
    pub adjoints: Vec<f64>,
    /// Values and adjoints with a tangent.
    pub along: (Vec<Tangents<1>>, Vec<Tangents<1>>),
    pub on_tape: Room<Tangents<1>>,
}

/// Lends this thread's room.
pub(crate) fn with_space<R>(f: impl FnOnce(&mut Space) -> R) -> R {
    let mut space = SPACE.try_with(Cell::take).unwrap_or_default();
    let result = f(&mut space);
    // At the end of the thread there is nobody to keep it for.
    let _ = SPACE.try_with(|cell| cell.set(space));
    result
}

impl Program {
    /// The value of every output into `outputs`.
    pub(crate) fn values(&self, x: &[f64], mut each: impl FnMut(f64)) -> Result<(), Tripped> {
        with_space(|space| {
            forward(self, x, &mut space.values)?;
            self.outputs
                .iter()
                .for_each(|&output| each(space.values[output as usize]));
            Ok(())
        })
    }

    /// The values of the outputs and the gradient of their sum with the given weights.
    pub(crate) fn vjp(
        &self,
        x: &[f64],
        weight: impl Fn(usize) -> f64,
        gradient: &mut [f64],
        mut each: impl FnMut(f64),
    ) -> Result<(), Tripped> {
        with_space(|space| {
            forward(self, x, &mut space.values)?;
            space.adjoints.clear();
            space.adjoints.resize(self.len(), 0.0);
            for (k, &output) in self.outputs.iter().enumerate() {
                each(space.values[output as usize]);
                space.adjoints[output as usize] += weight(k);
            }
            reverse(self, &space.values, &mut space.adjoints);
            gradient.copy_from_slice(&space.adjoints[..self.inputs]);
            Ok(())
        })
    }

    /// The values and the tangents of the outputs along `v`.
    pub(crate) fn jvp(&self, x: &[f64], v: &[f64]) -> Result<(Vec<f64>, Vec<f64>), Tripped> {
        let mut values = Vec::new();
        let x: Vec<_> = seeded::<1>(x, |i, _| v[i]).collect();
        forward(self, &x, &mut values)?;
        let outputs = self.outputs.iter().map(|&output| values[output as usize]);
        Ok(outputs.map(|z| (z.value, z.tangents[0])).unzip())
    }

    /// The derivative of every output with respect to every input.
    pub(crate) fn jacobian(&self, x: &[f64]) -> Result<Matrix, Tripped> {
        let (m, n) = (self.outputs.len(), self.inputs);
        let mut jacobian = Matrix::zeros(m, n);
        // A pack of tangents costs about three sweeps.
        if n.div_ceil(LANES) * 3 < m {
            let mut values = Vec::new();
            let before = non_finite_products();
            for start in (0..n).step_by(LANES) {
                let direction = |i, lane| f64::from(i == start + lane);
                let x: Vec<_> = seeded::<LANES>(x, direction).collect();
                forward(self, &x, &mut values)?;
                for (row, &output) in self.outputs.iter().enumerate() {
                    let tangents = values[output as usize].tangents;
                    for (j, tangent) in (start..n).zip(tangents) {
                        jacobian[(row, j)] = tangent;
                    }
                }
            }
            // Not to depend on the shape.
            if non_finite_products() != before {
                return Ok(self.sparse_jacobian(x)?.to_dense());
            }
            return Ok(jacobian);
        }
        with_space(|space| {
            forward(self, x, &mut space.values)?;
            for (row, &output) in self.outputs.iter().enumerate() {
                space.adjoints.clear();
                space.adjoints.resize(self.len(), 0.0);
                space.adjoints[output as usize] = 1.0;
                reverse(self, &space.values, &mut space.adjoints);
                for j in 0..n {
                    jacobian[(row, j)] = space.adjoints[j];
                }
            }
            Ok(jacobian)
        })
    }

    /// The gradient of the only output, and its derivatives along `N` directions.
    fn gradient_along<const N: usize>(
        &self,
        x: &[f64],
        direction: impl Fn(usize, usize) -> f64,
        space: &mut (Vec<Tangents<N>>, Vec<Tangents<N>>),
    ) -> Result<(), Tripped> {
        let (values, adjoints) = space;
        let x: Vec<_> = seeded(x, direction).collect();
        forward(self, &x, values)?;
        adjoints.clear();
        adjoints.resize(self.len(), Tangents::default());
        adjoints[self.outputs[0] as usize] = Tangents::from(1.0);
        reverse(self, values, adjoints);
        Ok(())
    }

    /// The Hessian of the only output times `v`.
    pub(crate) fn hvp(&self, x: &[f64], v: &[f64]) -> Result<Vec<f64>, Tripped> {
        with_space(|space| {
            self.gradient_along::<1>(x, |i, _| v[i], &mut space.along)?;
            Ok(tangents(&space.along.1[..self.inputs]))
        })
    }

    /// The Hessian of the only output, by packs of columns.
    pub(crate) fn hessian_by_columns(&self, x: &[f64]) -> Result<Matrix, Tripped> {
        let n = self.inputs;
        let mut hessian = Matrix::zeros(n, n);
        let mut space = Default::default();
        for start in (0..n).step_by(LANES) {
            let direction = |i, lane| f64::from(i == start + lane);
            self.gradient_along::<LANES>(x, direction, &mut space)?;
            for (i, w) in space.1[..n].iter().enumerate() {
                for (j, tangent) in (start..n).zip(w.tangents) {
                    hessian[(i, j)] = tangent;
                }
            }
        }
        symmetrise(&mut hessian);
        Ok(hessian)
    }

    /// The trace of the Hessian of the only output.
    pub(crate) fn laplacian(&self, x: &[f64]) -> Result<f64, Tripped> {
        let mut sum = 0.0;
        let mut space = Default::default();
        for start in (0..self.inputs).step_by(LANES) {
            let direction = |i, lane| f64::from(i == start + lane);
            self.gradient_along::<LANES>(x, direction, &mut space)?;
            for (lane, w) in space.1[start..self.inputs].iter().take(LANES).enumerate() {
                sum += w.tangents[lane];
            }
        }
        Ok(sum)
    }
}

/// The Hessian times `v`, straight from the tape: of the `output` of inputs that stand on the tape
/// from `start` on. `None` if that takes a program.
pub(crate) fn hvp_on_tape(start: usize, x: &[f64], v: &[f64], output: usize) -> Option<Vec<f64>> {
    with_space(|space| {
        let x = seeded::<1>(x, |i, _| v[i]);
        adjoints_on_tape(start, x, output, &mut space.on_tape).map(tangents)
    })
}

fn tangents(adjoints: &[Tangents<1>]) -> Vec<f64> {
    adjoints.iter().map(|w| w.tangents[0]).collect()
}

/// Inputs with tangents.
fn seeded<const N: usize>(
    x: &[f64],
    tangent: impl Fn(usize, usize) -> f64,
) -> impl ExactSizeIterator<Item = Tangents<N>> {
    let with = move |(i, &value): (usize, &f64)| Tangents {
        value,
        tangents: std::array::from_fn(|lane| tangent(i, lane)),
    };
    x.iter().enumerate().map(with)
}

/// Makes the entries that rounding has set apart equal.
fn symmetrise(matrix: &mut Matrix) {
    for i in 0..matrix.rows() {
        for j in 0..i {
            let (lower, upper) = (matrix[(i, j)], matrix[(j, i)]);
            if lower != upper {
                let mean = 0.5 * lower + 0.5 * upper;
                matrix[(i, j)] = mean;
                matrix[(j, i)] = mean;
            }
        }
    }
}
