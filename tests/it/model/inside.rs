//! A derivative that is recorded inside of what a program computes, and used there: in a closure that is recorded itself, in
//! a segment that is run again, in a step.

use super::naive::Handle;
use super::program::Route;
use super::side::{Operand, Side};
use super::state::Model;
use super::story::Told;
use scalargrad::derive::differentiate_along;
use scalargrad::{Op, Var};

/// The negative of the derivative of `exp(2 + atan x + t)·(2 + cos y)` with respect to a leaf `t` at zero. One with respect to `x`
/// would tell whether that is a constant, which the model does not know of what a segment gives. The rule of `exp` takes no
/// decision here, which would be a guard where a function is recorded: no number is 0 or 1.
pub fn slope_of_variables(route: Route, x: Var, y: Var) -> Var {
    let (angle, factor) = (2.0 + x.atan(), 2.0 + y.sin_cos().1);
    let t = Var::new(0.0); // after them, so that the sweep does not go through their rules
    let z = (angle + t).exp() * factor;
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
        "{{ let (angle, factor) = (2.0 + {x}.atan(), 2.0 + {y}.sin_cos().1); let t = Var::new(0.0); \
         let z = (angle + t).exp() * factor; vec![-{slopes}[0]] }}"
    )
}

impl Model {
    /// The same in closed form. How many nodes the crate records for it is not known.
    pub fn slope_in_closed_form(&mut self, x: Handle, y: Handle) -> Told<Handle> {
        let (of, number) = (Operand::Variable, Operand::Number);
        let angle = self.apply(Op::Atan, 0, &[of(x)])?;
        let moved = self.apply(Op::Add, 0, &[number(2.0), of(angle)])?;
        let cosine = self.apply(Op::Cos, 0, &[of(y)])?;
        let factor = self.apply(Op::Add, 0, &[number(2.0), of(cosine)])?;
        let t = self.leaf(0.0);
        let sum = self.apply(Op::Add, 0, &[of(moved), of(t)])?;
        let power = self.apply(Op::Exp, 0, &[of(sum)])?;
        self.lose_count();
        let slope = match sum.is_constant() {
            true => Handle::constant(0.0),
            false => self.apply(Op::Mul, 0, &[of(power), of(factor)])?,
        };
        self.apply(Op::Neg, 0, &[of(slope)])
    }
}
