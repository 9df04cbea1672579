//! A derivative that is recorded inside of what a program computes, and used there: in a closure that is recorded itself, in
//! a segment that is run again, in a step.

use super::naive::Handle;
use super::program::Route;
use super::side::{Operand, Side};
use super::state::Model;
use super::story::Told;
use scalargrad::derive::differentiate_along;
use scalargrad::{Op, Var};

/// The negative of the derivative of `sin(x + t)·(2 + cos y)` with respect to a leaf `t` at zero. One with respect to `x`
/// would tell whether that is a constant, which the model does not know of what a segment gives.
pub fn slope_of_variables(route: Route, x: Var, y: Var) -> Var {
    let t = Var::new(0.0);
    let z = (x + t).sin() * (2.0 + y.cos());
    let slopes = match route {
        Route::Sweep => z.differentiate(&[t]),
        Route::Along => differentiate_along(&[z], &[t], &[Var::constant(1.0)]),
    };
    -slopes[0]
}

/// The same as Rust.
pub fn phrase(route: Route, x: &str, y: &str) -> String {
    let slopes = match route {
        Route::Sweep => "z.differentiate(&[t])",
        Route::Along => "derive::differentiate_along(&[z], &[t], &[Var::constant(1.0)])",
    };
    format!(
        "{{ let t = Var::new(0.0); let z = ({x} + t).sin() * (2.0 + {y}.cos()); vec![-{slopes}[0]] }}"
    )
}

impl Model {
    /// The same in closed form. How many nodes the crate records for it is not known.
    pub fn slope_in_closed_form(&mut self, x: Handle, y: Handle) -> Told<Handle> {
        let (of, number) = (Operand::Variable, Operand::Number);
        let t = self.leaf(0.0);
        let copy = self.apply(Op::Add, 0, &[of(x), of(t)])?;
        self.apply(Op::Sin, 0, &[of(copy)])?; // nothing depends on it but the number of nodes
        let cosine = self.apply(Op::Cos, 0, &[of(y)])?;
        let factor = self.apply(Op::Add, 0, &[number(2.0), of(cosine)])?;
        self.lose_count();
        let slope = match copy.is_constant() {
            true => Handle::constant(0.0),
            false => {
                let partial = self.apply(Op::Cos, 0, &[of(copy)])?;
                self.apply(Op::Mul, 0, &[of(partial), of(factor)])?
            }
        };
        self.apply(Op::Neg, 0, &[of(slope)])
    }
}
