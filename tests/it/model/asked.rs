//! What a program asks: of closures, of variables, of two numbers.

use scalargrad::Var;
use std::cmp::Ordering;

/// What is asked of a closure.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Calculus {
    Gradient,
    Jacobian,
    Jvp,
    Vjp,
    Hessian,
    Hvp,
    Laplacian,
    Taylor,
    /// By finite differences, for which it is run many times: the gradient, and second derivatives.
    Check,
    CheckSecond,
    /// Derivatives of orders 1 to 4 along a direction: by recorded sweeps, along directions, by turns, by Taylor series.
    Sweeps,
    Along,
    ByTurns,
    Series,
}

impl Calculus {
    /// Whether its closure is traced, so that checkpoints in it are kept.
    pub fn is_traced(self) -> bool {
        matches!(
            self,
            Calculus::Hessian | Calculus::Hvp | Calculus::Laplacian | Calculus::Taylor | Calculus::CheckSecond
        ) || self.has_orders()
    }

    /// Whether its closure is run again at other points.
    pub fn runs_again(self) -> bool {
        matches!(self, Calculus::Check | Calculus::CheckSecond)
    }

    /// Whether it gives the derivatives of orders 1 to 4.
    pub fn has_orders(self) -> bool {
        use Calculus::{Along, ByTurns, Series, Sweeps};
        matches!(self, Sweeps | Along | ByTurns | Series)
    }

    /// Whether it is written out, in a scope of the program's own.
    pub fn is_written_out(self) -> bool {
        self.has_orders() && self != Calculus::Series
    }

    /// How many outputs it can be asked of.
    pub fn outputs(self) -> usize {
        match self {
            Calculus::Jacobian | Calculus::Jvp | Calculus::Vjp => usize::MAX,
            _ => 1,
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Question {
    Grad,
    Name,
    Op,
    Operands,
    Text,
    Svg,
    Dot,
    /// Of the whole graph.
    Report,
}

macro_rules! comparisons {
    ($($Comparison:ident $phrase:literal ($a:ident, $b:ident) $answer:expr;)*) => {
        /// A question about one or two numbers that decides what a program does next.
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Comparison { $($Comparison),* }

        impl Comparison {
            pub const ALL: &[Comparison] = &[$(Comparison::$Comparison),*];

            /// The answer of plain numbers.
            pub fn of_numbers(self, a: f64, b: f64) -> bool {
                match self { $(Comparison::$Comparison => { let ($a, $b) = (a, b); $answer })* }
            }

            /// What is noted of it where a function is recorded: of an order, all of it.
            pub fn noted(self, a: f64, b: f64) -> Option<Ordering> {
                match self {
                    Comparison::Before => Some(a.total_cmp(&b)),
                    Comparison::After => a.partial_cmp(&b),
                    _ => Some(self.of_numbers(a, b).cmp(&false)),
                }
            }

            /// The answer of variables.
            pub fn of_variables(self, a: Var, b: Var) -> bool {
                match self { $(Comparison::$Comparison => { let ($a, $b) = (a, b); $answer })* }
            }

            /// As Rust.
            pub fn phrase(self, a: &str, b: &str) -> String {
                let phrase = match self { $(Comparison::$Comparison => $phrase),* };
                phrase.replace("{a}", a).replace("{b}", b)
            }
        }
    };
}

comparisons! {
    Less "{a} < {b}" (a, b) a < b;
    AtMost "{a} <= {b}" (a, b) a <= b;
    Equal "{a} == {b}" (a, b) a == b;
    Before "{a}.total_cmp(&{b}).is_lt()" (a, b) a.total_cmp(&b) == Ordering::Less;
    After "{a}.partial_cmp(&{b}).is_some_and(|order| order.is_gt())" (a, b) a.partial_cmp(&b) == Some(Ordering::Greater);
    Negative "{a}.is_sign_negative()" (a, _b) a.is_sign_negative();
    Finite "{a}.is_finite()" (a, _b) a.is_finite();
}
