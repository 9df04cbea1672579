//! A program's values and derivatives, over plain numbers and over tangents.

use super::buffers::{Along, DIRECTIONS, Space, room, with_space};
use super::on_tape::adjoints_on_tape;
use super::one_by_one::{Number, partials, value};
use super::program::Program;
use super::scheduled::{forward, forward_along, reverse};
use super::tangents::{Tangents, non_finite_products};
use super::wide::are_finite;
use crate::matrix::Matrix;
use crate::matrix::groups::Groups;
use crate::pull_back::{Adjoints, pull_back};
use crate::rows::Kind;
use smallvec::SmallVec;

/// What stopped an evaluation: the place of the guard that tripped.
pub(crate) type Tripped = usize;

/// The gradient of the sum of the outputs with the given weights, in `adjoints`: `each` gets the adjoint of every input,
/// and then they are zero again.
#[inline(always)]
fn sweep<T: Number, W: Adjoints<T>>(
    program: &Program,
    values: &[T],
    adjoints: &mut [W],
    weights: impl Iterator<Item = (usize, W)>,
    mut each: impl FnMut(usize, W),
) {
    let schedule = program.schedule();
    for (k, weight) in weights {
        adjoints[schedule.outputs[k] as usize].add(weight);
    }
    reverse(program, values, adjoints);
    for (i, w) in adjoints[..program.inputs].iter_mut().enumerate() {
        each(i, w.take());
    }
}

/// The same, for `N` sums at a time, with adjoints in the room of this thread.
pub(crate) fn sweep_in_room<const N: usize>(
    program: &Program,
    values: &[f64],
    weights: impl Iterator<Item = (usize, [f64; N])>,
    each: impl FnMut(usize, [f64; N]),
) {
    with_space(|space| {
        let adjoints = room(&mut space.adjoints, N * program.schedule().len);
        sweep(program, values, adjoints.as_chunks_mut().0, weights, each);
    });
}

/// The gradients of the outputs from `first` on, `N` of them, into `rows`.
fn sweep_lanes<const N: usize>(
    program: &Program,
    values: &[f64],
    adjoints: &mut Vec<f64>,
    first: usize,
    rows: &mut [f64],
) {
    let n = program.inputs;
    let adjoints = room(adjoints, N * program.schedule().len);
    let outputs = first..program.outputs.len().min(first + N);
    let unit = |k| std::array::from_fn(|lane| f64::from(first + lane == k));
    let weights = outputs.clone().map(|k| (k, unit(k)));
    sweep(program, values, adjoints.as_chunks_mut::<N>().0, weights, |j, w| {
        for (row, w) in rows.chunks_exact_mut(n).zip(w) {
            row[j] = w;
        }
    });
    for (row, k) in rows.chunks_exact_mut(n).zip(outputs) {
        if !are_finite(row) {
            program.correct_gradient(values, [(k, 1.0)].into_iter(), row);
        }
    }
}

impl Program {
    /// The values of the outputs, among those of all numbers.
    #[inline(always)]
    fn outputs_of<T: Copy>(&self, values: &[T]) -> impl Iterator<Item = T> {
        self.schedule().outputs.iter().map(|&k| values[k as usize])
    }

    /// Calls `each` with the value of every output.
    pub(crate) fn values(&self, x: &[f64], each: impl FnMut(f64)) -> Result<(), Tripped> {
        with_space(|space| {
            forward(self, x.iter().copied(), &mut space.values)?;
            self.outputs_of(&space.values).for_each(each);
            Ok(())
        })
    }

    /// The values of the outputs and the gradient of their sum with the given weights.
    pub(crate) fn vjp(
        &self,
        x: &[f64],
        weight: impl Fn(usize) -> f64,
        gradient: &mut [f64],
        each: impl FnMut(f64),
    ) -> Result<(), Tripped> {
        with_space(|space| {
            let Space { values, adjoints, .. } = space;
            forward(self, x.iter().copied(), values)?;
            self.outputs_of(values).for_each(each);
            let adjoints = room(adjoints, self.schedule().len);
            let weights = (0..self.outputs.len()).map(|k| (k, weight(k)));
            sweep(self, values, adjoints, weights.clone(), |i, w| gradient[i] = w);
            if !are_finite(gradient) {
                self.correct_gradient(values, weights, gradient);
            }
            Ok(())
        })
    }

    /// The values and the tangents of the outputs along `v`.
    pub(crate) fn jvp(&self, x: &[f64], v: &[f64]) -> Result<(Vec<f64>, Vec<f64>), Tripped> {
        let mut values = Vec::new();
        let inputs = seeded::<1>(x, |i, _| v[i]);
        let before = non_finite_products();
        forward_along(self, x, inputs, &mut Vec::new(), &mut values)?;
        let (values, mut tangents): (_, Vec<f64>) = self.outputs_of(&values).map(|z| (z.value, z.tangents[0])).unzip();
        if non_finite_products() != before {
            let mut gradient = vec![0.0; x.len()];
            for (k, [tangent]) in self.tangents_along_paths(x, |j, _| v[j]).into_iter().enumerate() {
                tangents[k] = tangent;
                if !tangent.is_finite() {
                    self.vjp(x, |m| f64::from(m == k), &mut gradient, |_| {})?;
                    let moved = gradient.iter().zip(v).filter(|&(_, &v)| v != 0.0);
                    tangents[k] = moved.map(|(slope, v)| slope * v).sum();
                }
            }
        }
        Ok((values, tangents))
    }

    /// Writes the values of the outputs, and the derivative of every output with respect to every input, row by row.
    pub(crate) fn jacobian(&self, x: &[f64], outputs: &mut [f64], jacobian: &mut [f64]) -> Result<(), Tripped> {
        let n = self.inputs;
        if n != 0
            && let Some(groups) = self.groups()
        {
            let before = non_finite_products();
            self.jacobian_forward(x, groups, outputs, jacobian)?;
            // Not to depend on the shape.
            if non_finite_products() != before {
                self.jacobian_along_paths(x, groups, jacobian)?;
            }
            return Ok(());
        }
        with_space(|space| {
            let Space { values, adjoints, .. } = space;
            forward(self, x.iter().copied(), values)?;
            outputs.iter_mut().zip(self.outputs_of(values)).for_each(|(output, z)| *output = z);
            if n == 0 {
                return Ok(());
            }
            for (pack, rows) in jacobian.chunks_mut(DIRECTIONS * n).enumerate() {
                let sweep = match rows.len() / n {
                    1 => sweep_lanes::<1>,
                    2 => sweep_lanes::<2>,
                    3 | 4 => sweep_lanes::<4>,
                    _ => sweep_lanes::<DIRECTIONS>,
                };
                sweep(self, values, adjoints, DIRECTIONS * pack, rows);
            }
            Ok(())
        })
    }

    /// The columns of the Jacobian in groups, if that takes fewer passes than the rows do.
    fn groups(&self) -> Option<&Groups> {
        let packs = self.outputs.len().div_ceil(DIRECTIONS).saturating_sub(1);
        let groups = || Groups::of(self.inputs, DIRECTIONS, packs, |k| self.dependence(k));
        self.groups.get_or_init(groups).as_ref()
    }

    /// On which of the 64 inputs from `64 * k` on each output depends: a bit for each.
    fn dependence(&self, k: usize) -> Vec<u64> {
        let mut depends = vec![0u64; self.len()];
        let inputs = depends[..self.inputs].iter_mut().skip(64 * k).take(64);
        inputs.enumerate().for_each(|(j, depends)| *depends = 1 << j);
        for (i, node) in self.nodes.iter().enumerate() {
            if node.op.kind() != Kind::Step {
                let all = self.operands(node).iter().fold(0, |all, &operand| all | depends[operand as usize]);
                depends[self.first_node() + i] = all;
            }
        }
        self.outputs.iter().map(|&output| depends[output as usize]).collect()
    }

    fn jacobian_forward(
        &self,
        x: &[f64],
        groups: &Groups,
        outputs: &mut [f64],
        jacobian: &mut [f64],
    ) -> Result<(), Tripped> {
        jacobian.fill(0.0);
        with_space(|space| {
            let (plain, values, _) = &mut space.packs;
            for first in (0..groups.count()).step_by(DIRECTIONS) {
                let direction = |j, lane| f64::from(groups.has(first + lane, j));
                forward_along(self, x, seeded::<DIRECTIONS>(x, direction), plain, values)?;
                let rows = outputs.iter_mut().zip(jacobian.chunks_exact_mut(x.len()));
                for (i, ((output, row), z)) in rows.zip(self.outputs_of(values)).enumerate() {
                    *output = z.value;
                    groups.write(i, first, &z.tangents, row);
                }
            }
            Ok(())
        })
    }

    /// The tangents of the outputs in `N` directions, where a factor that is exactly 0 ends a path, as it does in a sweep. If they are
    /// finite they are what a sweep finds.
    fn tangents_along_paths<const N: usize>(
        &self,
        x: &[f64],
        direction: impl Fn(usize, usize) -> f64,
    ) -> Vec<[f64; N]> {
        let mut values = [x, &self.constants].concat();
        let of_input = |j| std::array::from_fn(|lane| if j < x.len() { direction(j, lane) } else { 0.0 });
        let mut tangents: Vec<[f64; N]> = (0..values.len()).map(of_input).collect();
        for node in &self.nodes {
            let operands = self.operands(node);
            let args: SmallVec<[f64; 8]> = operands.iter().map(|&k| values[k as usize]).collect();
            let is_active = |k: usize| self.is_active(operands[k]);
            let z = value(&self.customs, node.op, node.n, &args, &is_active);
            let partials = || partials(&self.customs, node.op, node.n, &args, &is_active, z, &|_| true);
            let mut sum = [0.0; N];
            pull_back(
                node.op,
                args.len(),
                |k| args[k],
                1.0,
                partials,
                is_active,
                |k, partial| {
                    if partial != 0.0 {
                        let along = tangents[operands[k] as usize];
                        (0..N).for_each(|lane| sum[lane] += partial * along[lane]);
                    }
                },
            );
            values.push(z);
            tangents.push(sum);
        }
        self.outputs.iter().map(|&output| tangents[output as usize]).collect()
    }

    /// The Jacobian where a product on the way forward is not finite: rows that are not finite themselves are swept for.
    fn jacobian_along_paths(&self, x: &[f64], groups: &Groups, jacobian: &mut [f64]) -> Result<(), Tripped> {
        for first in (0..groups.count()).step_by(DIRECTIONS) {
            let tangents = self.tangents_along_paths::<DIRECTIONS>(x, |j, lane| f64::from(groups.has(first + lane, j)));
            for (i, (row, tangents)) in jacobian.chunks_exact_mut(x.len()).zip(tangents).enumerate() {
                groups.write(i, first, &tangents, row);
            }
        }
        for (i, row) in jacobian.chunks_exact_mut(x.len()).enumerate().filter(|(_, row)| !are_finite(row)) {
            self.vjp(x, |m| f64::from(m == i), row, |_| {})?;
        }
        Ok(())
    }

    /// The gradient of the only output with its derivatives along `N` directions: `each` gets the adjoint of every input.
    fn gradient_along<const N: usize>(
        &self,
        x: &[f64],
        direction: impl Fn(usize, usize) -> f64,
        (plain, values, adjoints): &mut Along<N>,
        each: impl FnMut(usize, Tangents<N>),
    ) -> Result<f64, Tripped> {
        forward_along(self, x, seeded(x, direction), plain, values)?;
        let schedule = self.schedule();
        let adjoints = room(adjoints, schedule.len);
        let weights = [(0, Tangents::from(1.0))].into_iter();
        sweep(self, values, adjoints, weights, each);
        Ok(values[schedule.outputs[0] as usize].value)
    }

    /// The value of the only output, its gradient and its Hessian times `v`.
    pub(crate) fn hvp(&self, x: &[f64], v: &[f64]) -> Result<AlongOne, Tripped> {
        let (mut gradient, mut product) = (vec![0.0; x.len()], vec![0.0; x.len()]);
        let value = with_space(|space| {
            let each = |i, w: Tangents<1>| (gradient[i], product[i]) = (w.value, w.tangents[0]);
            self.gradient_along(x, |i, _| v[i], &mut space.along, each)
        })?;
        if !are_finite(&gradient) {
            self.correct_gradient_at(x, 0, &mut gradient);
        }
        Ok((value, gradient, product))
    }

    /// The Hessian of the only output, by columns.
    pub(crate) fn hessian_by_columns(&self, x: &[f64]) -> Result<Matrix, Tripped> {
        let mut hessian = Matrix::zeros(self.inputs, self.inputs);
        self.each_second_derivative(x, |i, j, slope| hessian[(i, j)] = slope)?;
        symmetrise(&mut hessian);
        Ok(hessian)
    }

    /// The trace of the Hessian of the only output.
    pub(crate) fn laplacian(&self, x: &[f64]) -> Result<f64, Tripped> {
        let mut sum = 0.0;
        let add = |i, j, slope: f64| sum += if i == j { slope } else { 0.0 };
        self.each_second_derivative(x, add)?;
        Ok(sum)
    }

    /// Calls `each` with the second derivatives of the only output, by packs of columns where there are more than two.
    fn each_second_derivative(&self, x: &[f64], mut each: impl FnMut(usize, usize, f64)) -> Result<(), Tripped> {
        match self.inputs {
            0..=2 => self.each_column::<1>(x, &mut each),
            _ => self.each_column::<DIRECTIONS>(x, &mut each),
        }
    }

    fn each_column<const N: usize>(&self, x: &[f64], each: &mut dyn FnMut(usize, usize, f64)) -> Result<(), Tripped> {
        let mut space = Along::default();
        for start in (0..x.len()).step_by(N) {
            let direction = |i, lane| f64::from(i == start + lane);
            self.gradient_along::<N>(x, direction, &mut space, |i, w| {
                let columns = (start..x.len()).zip(w.tangents);
                columns.for_each(|(j, slope)| each(i, j, slope));
            })?;
        }
        Ok(())
    }
}

/// A value, its gradient, and the Hessian times a direction.
pub(crate) type AlongOne = (f64, Vec<f64>, Vec<f64>);

/// The same straight from the tape: of the `output` of inputs that are on the tape from `start` on. `None` if that takes a
/// program.
pub(crate) fn hvp_on_tape(start: usize, x: &[f64], v: &[f64], output: usize) -> Option<AlongOne> {
    let room = || Vec::with_capacity(x.len());
    let (mut gradient, mut product) = (room(), room());
    let value = with_space(|space| {
        let x = seeded::<1>(x, |i, _| v[i]);
        adjoints_on_tape(start, x, output, space, |w| {
            gradient.push(w.value);
            product.push(w.tangents[0]);
        })
    })?;
    Some((value, gradient, product))
}

/// Up to this number of inputs, a pass over the tape for each is quicker than to make a program first.
const FEW: usize = 4;

/// The Hessian, likewise, a column at a time; `None` for more than a few inputs, too.
pub(crate) fn hessian_on_tape(start: usize, x: &[f64], output: usize) -> Option<Matrix> {
    if x.len() > FEW {
        return None;
    }
    let mut hessian = Matrix::zeros(x.len(), x.len());
    for j in 0..x.len() {
        let mut along = [0.0; FEW];
        along[j] = 1.0;
        let column = hvp_on_tape(start, x, &along, output)?.2;
        for (i, slope) in column.into_iter().enumerate() {
            hessian[(i, j)] = slope;
        }
    }
    symmetrise(&mut hessian);
    Some(hessian)
}

/// Inputs with tangents.
fn seeded<const N: usize>(
    x: &[f64],
    tangent: impl Fn(usize, usize) -> f64,
) -> impl ExactSizeIterator<Item = Tangents<N>> {
    let with =
        move |(i, &value): (usize, &f64)| Tangents { value, tangents: std::array::from_fn(|lane| tangent(i, lane)) };
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
