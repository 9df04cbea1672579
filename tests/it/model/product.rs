//! The operation of the programs' own, and other things that their code does to the graph.

use super::program::{NAME_THAT_CLEARS, Rule};
use super::story::panic_of_the_program;
use scalargrad::{CustomOp, Var, graph};
use std::cell::Cell;

thread_local! {
    /// How often this thread's graph was cleared.
    pub static CLEARS: Cell<usize> = const { Cell::new(0) };
}

pub fn clear() {
    CLEARS.set(CLEARS.get() + 1);
    graph::clear();
}

/// A name by its number.
pub struct Named(pub u32);
impl From<Named> for String {
    fn from(Named(name): Named) -> String {
        if name == NAME_THAT_CLEARS {
            clear();
        }
        format!("n{name}")
    }
}

pub fn sweep_in_a_scope() {
    graph::scope(|| {
        let t = Var::new(0.7);
        (t * t).backward();
    });
}

/// The product of two numbers, with a rule that does something else beside.
pub struct Product(pub Rule);

impl CustomOp for Product {
    fn value(&self, x: &[f64]) -> f64 {
        if self.0 == Rule::ClearsInValue {
            clear();
        }
        x[0] * x[1]
    }

    fn label(&self) -> String {
        if self.0 == Rule::ClearsInLabel {
            clear();
        }
        "product".into()
    }

    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        let is_recorded = x.iter().any(|x| !x.is_constant());
        match self.0 {
            Rule::Plain | Rule::Differentiates | Rule::SweepsAtTheEnd => (),
            Rule::ClearsInValue | Rule::ClearsInLabel => (),
            Rule::Records => {
                let _ = Var::new(0.5) * 2.0;
            }
            Rule::Sweeps => sweep_in_a_scope(),
            Rule::OpensScopes => graph::scope(|| {
                graph::scope(|| Var::new(0.5) * x[0]);
            }),
            Rule::Clears if is_recorded => clear(),
            Rule::Panics if is_recorded => panic_of_the_program(),
            Rule::Clears | Rule::Panics => (),
        }
        if self.0 == Rule::Differentiates {
            return (x[0] * x[1]).differentiate(x);
        }
        vec![x[1], x[0]]
    }
}

impl Drop for Product {
    fn drop(&mut self) {
        if self.0 == Rule::SweepsAtTheEnd {
            sweep_in_a_scope();
        }
    }
}
