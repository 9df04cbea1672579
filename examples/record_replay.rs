//! Define once, run many: a recorded function, its guards, and a recorder that follows the branches.
//!
//! `cargo run --release --example record_replay`

use scalargrad::Var;
use scalargrad::function::{Function, Recorder, ReplayError};

/// The range of a projectile that bounces off a wall if it reaches it.
fn range(x: &[Var]) -> Var {
    let (speed, angle) = (x[0].named("speed"), x[1].named("angle"));
    let wall = 12.0;
    let free = speed * speed * (angle * 2.0).sin() / 9.81;
    if free < wall { free } else { wall - (free - wall) * 0.5 }
}

fn main() -> Result<(), ReplayError> {
    let f = Function::record(&[10.0, 0.7], range);
    println!("{f}\n");

    // Steepest ascent on the recording: no closure, no graph.
    let mut x = [9.0, 0.3];
    let mut gradient = [0.0; 2];
    for _ in 0..20 {
        let value = f.gradient_into(&x, &mut gradient)?;
        x[1] += 0.01 * gradient[1];
        assert!(value.is_finite());
    }
    println!("best angle {:.4} (π/4 = {:.4})", x[1], std::f64::consts::FRAC_PI_4);
    assert!((x[1] - std::f64::consts::FRAC_PI_4).abs() < 0.1);

    // Beyond the wall the recording does not apply, and says so.
    let error = f.value(&[14.0, 0.7]).unwrap_err();
    println!("\n{error}\n");
    assert!(matches!(error, ReplayError::BranchChanged(_)));

    // A recorder records that branch too.
    let mut recorder = Recorder::new(range);
    for speed in [9.0, 10.0, 11.0, 12.0, 13.0] {
        let (value, gradient) = recorder.gradient(&[speed, 0.7]);
        println!("speed {speed:4}: range {value:7.4}, slope {:7.4}", gradient[0]);
    }
    println!("{} branches recorded", recorder.variants().len());
    assert_eq!(recorder.variants().len(), 2);
    Ok(())
}
