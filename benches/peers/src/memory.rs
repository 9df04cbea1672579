//! The peak memory of each crate on the long chain, each in a process of its own (on Linux;
//! elsewhere nothing).
//!
//! What the process had before is subtracted. It differentiates a small workload first, as the code that runs, and what a
//! crate and the system's libraries set up once, is no memory for operations: it would count as 0.1 bytes of each.

use std::process::{Command, Stdio};
use std::{env, fs, io};

use workloads::{Chain, Derivatives, Product};

use crate::engines::{Aad, Echidna, EchidnaReplay, Engine, Reversed, RustQuant, Scalargrad};

/// The option, not for users, by which the program calls itself.
pub const OPTION: &str = "--peak-memory-of";

/// Measures the bytes for one operation, if the system tells.
type Peak = fn() -> Option<f64>;

const ENGINES: &[(&str, Peak)] = &[
    (Scalargrad::NAME, peak::<Scalargrad>),
    #[cfg(feature = "xad-rs")]
    (crate::engines::Xad::NAME, peak::<crate::engines::Xad>),
    (RustQuant::NAME, peak::<RustQuant>),
    (Reversed::NAME, peak::<Reversed>),
    (Aad::NAME, peak::<Aad>),
    (Echidna::NAME, peak::<Echidna>),
    (EchidnaReplay::NAME, peak::<EchidnaReplay>),
];

/// Returns the name of each crate with the bytes that it needed for one operation.
pub fn peaks() -> io::Result<Vec<(&'static str, f64)>> {
    let mut peaks = Vec::new();
    for &(name, _) in ENGINES {
        let mut child = Command::new(env::current_exe()?);
        let output = child.args([OPTION, name]).stderr(Stdio::null()).output()?;
        if let Ok(bytes) = String::from_utf8_lossy(&output.stdout).trim().parse() {
            peaks.push((name, bytes));
        }
    }
    Ok(peaks)
}

/// Runs one crate and prints what it needed.
pub fn print_peak(name: &str) {
    let engine = ENGINES.iter().find(|(candidate, _)| *candidate == name);
    if let Some(bytes) = engine.and_then(|(_, peak)| peak()) {
        println!("{bytes}");
    }
}

fn peak<E: Engine>() -> Option<f64> {
    let (chain, mut engine) = (Chain::new(), E::default());
    engine.differentiate(&Product::new(), 0, &mut Derivatives::zero());
    let before = high_water_mark()?;
    engine.differentiate(&chain, 0, &mut Derivatives::zero());
    Some((high_water_mark()? - before) / Chain::OPERATIONS as f64)
}

/// The most memory that this process has had resident, in bytes.
fn high_water_mark() -> Option<f64> {
    let status = fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: f64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(1024.0 * kilobytes)
}
