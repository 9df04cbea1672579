//! The gradient of one loss in four ways.

use crate::data::Sample;
use crate::{loss, micrograds_model};
use scalargrad::nn::{Mlp, Module};
use scalargrad::{Function, Var, value_and_gradient};
use std::error::Error;

/// The loss and its gradient for some parameters.
pub type Gradient<'a> = Box<dyn Fn(&[f64]) -> (f64, Vec<f64>) + 'a>;

/// Each way with its name. A recording could be refused where a comparison goes the other way: the loss makes none.
pub fn all(samples: &[Sample]) -> Result<[(&'static str, Gradient<'_>); 4], Box<dyn Error>> {
    let model = micrograds_model();
    let start = model.parameters();
    let n = start.len();

    let whole = Function::record(&start, |p| loss(&model.with(p), samples));
    let (x, y) = (samples[0].at[0], samples[0].at[1]);
    let of_row = Function::record(&[&start[..], &[x, y, samples[0].side]].concat(), |x| {
        let (p, row) = x.split_at(n);
        share_of_row(&model.with(p), row, samples.len())
    });
    println!("  recorded: {} operations for all points, {} for one", whole.operations(), of_row.operations());
    let data: Vec<f64> = samples.iter().flat_map(|s| [s.at[0], s.at[1], s.side]).collect();
    let of_compiled = data.clone();
    let rows = of_row.over_rows(n);
    let compiled = of_row.compile()?.over_rows(n)?;

    let closure = move |p: &[f64]| value_and_gradient(|p| loss(&model.with(p), samples), p);
    let whole = move |p: &[f64]| whole.gradient(p).expect("no comparison");
    let rows = move |p: &[f64]| rows.sum_gradient(p, &data).expect("no comparison");
    let compiled = move |p: &[f64]| {
        let found = compiled.sum_gradient(p, &of_compiled);
        found.expect("no comparison")
    };
    Ok([
        ("the closure, run anew", Box::new(closure)),
        ("recorded, all points", Box::new(whole)),
        ("recorded, over rows", Box::new(rows)),
        ("compiled, over rows", Box::new(compiled)),
    ])
}

/// What one row, a point and its side, adds to the loss. The squares are the same in all rows, and so computed once.
fn share_of_row(net: &Mlp<Var>, row: &[Var], rows: usize) -> Var {
    let score = net.forward(&row[..2])[0];
    let squares: Var = net.parameters().iter().map(|p| p * p).sum();
    ((1.0 - row[2] * score).relu() + squares * 1e-4) * (1.0 / rows as f64)
}
