//! The model test: random programs are run on the crate and on a naive tape, and both must tell the same story.
//!
//! Beside the module `naive`, which is the specification, stand the language of the programs, the interpreter, the
//! two sides that it runs them on, and the generator. A program that fails is shrunk and printed as Rust.

mod answers;
mod asked;
mod calculus;
mod chain;
mod closures;
mod functions;
pub mod generate;
mod inside;
pub mod kinds;
mod machine;
mod model_side;
mod naive;
mod orders;
mod page;
mod phrases;
pub mod print;
mod product;
mod program;
pub mod random;
mod second;
pub mod shrink;
mod side;
mod special;
mod state;
mod story;
mod subject;
mod subject_calculus;
mod threads;
mod ways;
mod ways_of_rows;

use machine::{Registers, run};
use program::Action;
use state::Model;
use story::Story;
use subject::Subject;

/// How the sides differ on a program, if they do.
pub fn difference(program: &[Action]) -> Option<String> {
    story::note_places();
    let mut model = Model::new();
    let _ = run(&mut model, &mut Registers(Vec::new()), program);
    let mut subject = Subject::new(Story::of(model.facts));
    let _ = run(&mut subject, &mut Registers(Vec::new()), program);
    let story = subject.story.borrow();
    story.difference.clone().or_else(|| story.missing())
}

#[cfg(test)]
mod tests;
