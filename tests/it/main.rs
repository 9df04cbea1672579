//! The integration tests: one binary, a module for each claim.

mod accuracy;
mod along;
mod anomaly;
mod boundary;
mod check;
mod checkpoint;
mod compiled;
mod compiled_loops;
mod compiled_rows;
mod custom_rules;
mod derive;
mod draw;
mod draw_large;
mod dual;
mod edges;
mod floors;
mod function;
mod generic;
mod graph;
mod interop;
mod lesson;
mod listing;
mod model;
mod nn;
mod notebook;
mod one_call;
mod places;
mod plain_numbers;
mod programs;
mod questions;
mod readme;
mod replay;
mod replay_far_out;
mod rooms;
mod rows;
mod saved;
mod sound;
mod source;
mod surface;
mod sweep;
mod tape;
mod taylor;
mod values;
mod words;

/// Runs `f` with a graph of its own.
fn afresh<R: Send + 'static>(f: impl FnOnce() -> R + Send + 'static) -> R {
    std::thread::spawn(f).join().unwrap_or_else(|payload| std::panic::resume_unwind(payload))
}
