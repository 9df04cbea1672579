//! A program's values and derivatives, over plain numbers and over tangents.

use super::interpret::Number;
use super::program::Program;
use super::runs::{forward, reverse};
use super::tangents::{Tangents, non_finite_products};
use super::tape::adjoints_on_tape;
use crate::matrix::Matrix;
use crate::nodes::NodePosition;
use std::cell::Cell;

/// Directions pushed forward at a time where there are many.
pub(crate) const LANES: usize = 8;

/// What stopped an evaluation: the place of the guard that tripped.
pub(crate) type Tripped = usize;

thread_local! {
    /// Room that evaluations on this thread use again.
    static SPACE: Cell<Option<Box<Space>>> = const { Cell::new(None) };
}

#[derive(Default)]
pub(crate) struct Space {
    pub values: Vec<f64>,
    /// Zeros, but while a sweep is under way.
    adjoints: Vec<f64>,
    /// Values, and adjoints of which the same is true, with a tangent.
    along: (Vec<Tangents<1>>, Vec<Tangents<1>>),
    positions: Vec<NodePosition>,
}

/// Lends this thread's room.
pub(crate) fn with_space<R>(f: impl FnOnce(&mut Space) -> R) -> R {
    let space = SPACE.try_with(Cell::take).ok().flatten();
    let mut space = space.unwrap_or_default();
    let result = f(&mut space);
    // At the end of the thread there is nobody to keep it for.
    let _ = SPACE.try_with(|cell| cell.set(Some(space)));
    result
}

/// The gradient of the sum of the outputs with the given weights, in `adjoints`: `each` gets the adjoint of every input,
/// and then they are zero again.
#[inline(always)]
fn sweep<T: Number>(
    program: &Program,
    values: &[T],
    adjoints: &mut Vec<T>,
    weight: impl Fn(usize) -> T,
    mut each: impl FnMut(usize, T),
) {
    let schedule = program.schedule();
    if adjoints.len() < schedule.len {
        adjoints.resize(schedule.len, T::default());
    }
    for (k, &output) in schedule.outputs.iter().enumerate() {
        adjoints[output as usize] += weight(k);
    }
    reverse(program, values, adjoints);
    for (i, w) in adjoints[..program.inputs].iter_mut().enumerate() {
        each(i, std::mem::take(w));
    }
}

impl Program {
    /// The value of every output into `outputs`.
    pub(crate) fn values(&self, x: &[f64], mut each: impl FnMut(f64)) -> Result<(), Tripped> {
        with_space(|space| {
            forward(self, x.iter().copied(), &mut space.values)?;
            let outputs = self.schedule().outputs.iter();
            outputs.for_each(|&output| each(space.values[output as usize]));
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
            let Space {
                values, adjoints, ..
            } = space;
            forward(self, x.iter().copied(), values)?;
            let outputs = self.schedule().outputs.iter();
            outputs.for_each(|&output| each(values[output as usize]));
            sweep(self, values, adjoints, weight, |i, w| gradient[i] = w);
            Ok(())
        })
    }

    /// The values and the tangents of the outputs along `v`.
    pub(crate) fn jvp(&self, x: &[f64], v: &[f64]) -> Result<(Vec<f64>, Vec<f64>), Tripped> {
        let mut values = Vec::new();
        forward(self, seeded::<1>(x, |i, _| v[i]), &mut values)?;
        let outputs = self.schedule().outputs.iter();
        let outputs = outputs.map(|&output| values[output as usize]);
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
                forward(self, seeded::<LANES>(x, direction), &mut values)?;
                for (row, &output) in self.schedule().outputs.iter().enumerate() {
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
            let Space {
                values, adjoints, ..
            } = space;
            forward(self, x.iter().copied(), values)?;
            for row in 0..m {
                let weight = |k| f64::from(k == row);
                sweep(self, values, adjoints, weight, |j, w| {
                    jacobian[(row, j)] = w
                });
            }
            Ok(jacobian)
        })
    }

    /// The gradient of the only output with its derivatives along `N` directions: `each` gets the adjoint of every input.
    fn gradient_along<const N: usize>(
        &self,
        x: &[f64],
        direction: impl Fn(usize, usize) -> f64,
        (values, adjoints): &mut (Vec<Tangents<N>>, Vec<Tangents<N>>),
        each: impl FnMut(usize, Tangents<N>),
    ) -> Result<(), Tripped> {
        forward(self, seeded(x, direction), values)?;
        sweep(self, values, adjoints, |_| Tangents::from(1.0), each);
        Ok(())
    }

    /// The Hessian of the only output times `v`.
    pub(crate) fn hvp(&self, x: &[f64], v: &[f64]) -> Result<Vec<f64>, Tripped> {
        let mut product = vec![0.0; self.inputs];
        with_space(|space| {
            let each = |i: usize, w: Tangents<1>| product[i] = w.tangents[0];
            self.gradient_along(x, |i, _| v[i], &mut space.along, each)
        })?;
        Ok(product)
    }

    /// The Hessian of the only output, by packs of columns.
    pub(crate) fn hessian_by_columns(&self, x: &[f64]) -> Result<Matrix, Tripped> {
        let n = self.inputs;
        let mut hessian = Matrix::zeros(n, n);
        let mut space = Default::default();
        for start in (0..n).step_by(LANES) {
            let direction = |i, lane| f64::from(i == start + lane);
            self.gradient_along::<LANES>(x, direction, &mut space, |i, w| {
                for (j, tangent) in (start..n).zip(w.tangents) {
                    hessian[(i, j)] = tangent;
                }
            })?;
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
            self.gradient_along::<LANES>(x, direction, &mut space, |i, w| {
                if (start..start + LANES).contains(&i) {
                    sum += w.tangents[i - start];
                }
            })?;
        }
        Ok(sum)
    }
}

/// The Hessian times `v`, straight from the tape: of the `output` of inputs that stand on the tape
/// from `start` on. `None` if that takes a program.
pub(crate) fn hvp_on_tape(start: usize, x: &[f64], v: &[f64], output: usize) -> Option<Vec<f64>> {
    let mut product = Vec::with_capacity(x.len());
    with_space(|space| {
        let x = seeded::<1>(x, |i, _| v[i]);
        let Space {
            positions, along, ..
        } = space;
        let each = |w: &Tangents<1>| product.push(w.tangents[0]);
        adjoints_on_tape(start, x, output, positions, along, each)
    })?;
    Some(product)
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
