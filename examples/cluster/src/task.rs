//! What is computed: the loss of a small network over many points, as a function of one row.

use demo::Random;
use scalargrad::Function;
use scalargrad::function::{ReplayError, Rows};
use scalargrad::nn::{Activation, Mlp, Module, uniform};
use std::f64::consts::PI;

/// Numbers of a row: a point of the plane and its side.
pub const WIDTH: usize = 3;

/// The blocks that rows are summed in, whoever sums them: so sums do not depend on the number of processes.
pub const BLOCKS: usize = 64;

pub fn network() -> Mlp {
    Mlp::new(2, &[16, 16, 1], Activation::Tanh, &mut uniform(1337))
}

/// The loss of one row: the parameters of the network, then the numbers of the row.
pub fn record() -> Function {
    let model = network();
    let parameters = model.parameters();
    let start = [&parameters[..], &[0.5, 0.5, 1.0]].concat();
    Function::record(&start, |x| {
        let (p, row) = x.split_at(parameters.len());
        let score = model.with(p).forward(&row[..2])[0];
        (1.0 - row[2] * score).softplus()
    })
}

/// Two moons, one row after the other.
pub fn rows(count: usize) -> Vec<f64> {
    let mut random = Random::new(5);
    let row = |k: usize| {
        let side = if k.is_multiple_of(2) { 1.0 } else { -1.0 };
        let angle = PI * random.uniform();
        let x = 0.5 - 0.5 * side + side * angle.cos() + 0.1 * random.normal();
        let y = 0.25 - 0.25 * side + side * angle.sin() + 0.1 * random.normal();
        [x, y, side]
    };
    (0..count).flat_map(row).collect()
}

/// The rows of a block.
pub fn rows_of_block(block: usize, rows: usize) -> std::ops::Range<usize> {
    block * rows / BLOCKS..(block + 1) * rows / BLOCKS
}

/// The blocks of a rank.
pub fn blocks_of_rank(rank: usize, ranks: usize) -> std::ops::Range<usize> {
    rank * BLOCKS / ranks..(rank + 1) * BLOCKS / ranks
}

/// The sum of the loss over some rows, followed by that of its gradient with respect to the parameters.
pub fn sum_over(function: &Rows, parameters: &[f64], rows: &[f64]) -> Result<Vec<f64>, ReplayError> {
    let (loss, gradient) = function.sum_gradient(parameters, rows)?;
    Ok([&[loss], &gradient[..]].concat())
}

pub fn add(total: &mut [f64], part: &[f64]) {
    total.iter_mut().zip(part).for_each(|(t, p)| *t += p);
}
