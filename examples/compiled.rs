//! A recorded function in native code: at one point, and over the rows of a data set.
//!
//! `cargo run --release --example compiled --features jit`

use scalargrad::{Function, Var};
use std::time::Instant;

/// A weighted sum of exponentials, and its squared distance from what was measured: parameters, then time and measurement.
fn squared_error(x: &[Var]) -> Var {
    let (parameters, row) = x.split_at(6);
    let terms = parameters.chunks(2).map(|p| p[0] * (-p[1] * row[0]).exp());
    (terms.sum::<Var>() - row[1]).powi(2)
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let parameters = [1.0, 0.5, 0.5, 2.0, 0.25, 4.0];
    let data: Vec<f64> = (0..10_000)
        .flat_map(|k| {
            let time = f64::from(k) * 1e-3;
            [time, 1.5 * (-0.75 * time).exp()]
        })
        .collect();

    let f = Function::record(&[&parameters[..], &data[..2]].concat(), squared_error);
    let start = Instant::now();
    let compiled = f.compile()?;
    println!("{} operations compiled in {:.1?}", f.operations(), start.elapsed());

    // At one point: the numbers of the replay.
    let x = [&parameters[..], &data[2..4]].concat();
    assert_eq!(compiled.gradient(&x)?, f.gradient(&x)?);

    // Over all rows: the sum of the squares, and its gradient with respect to the parameters.
    let rows = compiled.over_rows(parameters.len())?;
    let start = Instant::now();
    let (loss, gradient) = rows.sum_gradient(&parameters, &data)?;
    let over_rows = start.elapsed();
    println!("loss {loss:.4}, gradient {gradient:.3?}, in {over_rows:.1?}");

    let start = Instant::now();
    let mut sum = 0.0;
    for row in data.chunks(2) {
        sum += f.gradient(&[&parameters[..], row].concat())?.0;
    }
    println!("the same by a replay of each row, in {:.1?}", start.elapsed());
    assert!((loss - sum).abs() < 1e-9 * sum);
    Ok(())
}
