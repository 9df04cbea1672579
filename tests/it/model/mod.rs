//! The model test: random programs are run on the crate and on a naive tape, and both must tell the same story.
//!
//! Beside the module `naive`, which is the specification, stand the language of the programs, the interpreter, the
//! two sides that it runs them on, and the generator. A program that fails is shrunk and printed as Rust.

mod calculus;
mod functions;
pub mod generate;
mod machine;
mod model;
mod naive;
mod program;
pub mod print;
mod random;
mod second;
pub mod shrink;
mod special;
mod story;
mod subject;

use machine::{Registers, run};
use model::Model;
use program::Action;
use story::Story;
use subject::Subject;

/// How the sides differ on a program, if they do.
pub fn difference(program: &[Action]) -> Option<String> {
    let mut model = Model::new();
    let _ = run(&mut model, &mut Registers(Vec::new()), program);
    let mut subject = Subject::new(Story::of(model.facts));
    let _ = run(&mut subject, &mut Registers(Vec::new()), program);
    let story = subject.story.borrow();
    story.difference.clone().or_else(|| story.missing())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_programs_do_on_the_crate_what_they_do_on_the_naive_tape() {
        for seed in 0..30 {
            let program = generate::program(seed, generate::Mix::default()).0;
            if let Some(difference) = crate::afresh(move || difference(&program)) {
                panic!("seed {seed}: {difference}");
            }
        }
    }
}
