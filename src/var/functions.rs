//! The methods of `Var`, stamped from the table.

use super::slices::{dot, log_sum_exp, norm};
use crate::graph::trace::{self, Comparison};
use crate::handle::Var;
use crate::real::{Question, Real, call};
use crate::record;
use crate::rows::Op;
use crate::rules;
use crate::table::table;
use std::cmp::Ordering;

/// Methods of a trait that are those of [`Var`] of the same names. Operands and results are variables, unless another type is given.
/// After `&` come those that borrow them.
macro_rules! forward_to_var {
    (& $($method:ident($($y:ident),*) $(-> $Out:ty)?),* $(,)?) => { $(
        #[inline]
        #[track_caller]
        fn $method(&self $(, $y: &Var)*) -> forward_to_var!(@ $($Out)?) {
            (*self).$method($($y),*)
        }
    )* };
    ($($method:ident($($y:ident $(: $T:ty)?),*) $(-> $Out:ty)?),* $(,)?) => { $(
        #[inline]
        #[track_caller]
        fn $method(self $(, $y: forward_to_var!(@ $($T)?))*) -> forward_to_var!(@ $($Out)?) {
            Var::$method(self $(, $y)*)
        }
    )* };
    (@) => { Var };
    (@ $T:ty) => { $T };
}
pub(crate) use forward_to_var;

macro_rules! methods {
    (
        operators { $($operators:tt)* }
        $( $kind:ident { $(
            $(#[$doc:meta])*
            $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ) $label:literal :
            $value:expr, $z:ident $tie:ident => ( $($partial:expr),* ) ; $derivative:literal ;
            [ $($domain:expr),+ ] ; [ $point:expr $(, $probe:expr)* $(,)? ] ;
        )* } )*
    ) => {
        /// # Elementary functions
        ///
        /// A value is bit for bit that of the `f64` method of the same name, where there is one.
        /// In a function of several operands each after the first may be an `f64`, which costs no work for its gradient.
        /// Outside its domain a function is NaN, and so are its derivatives of every order. Each panics for a stale handle.
        impl Var {
            $($(
                $(#[$doc])*
                #[doc = concat!("\n\n# Derivative\n\n", $derivative)]
                #[doc = concat!(
                    "\n\n# Example\n\n```\nuse scalargrad::{Real, Var};\n\nlet x = ", stringify!($point), ";\n",
                    "let z = Var::new(x).", stringify!($method), "(", methods!(@arguments $($y)* $($n)?), ");\n",
                    "assert_eq!(z.value(), Real::", stringify!($method), "(x",
                    $( ", ", methods!(@arguments $y), )* $( ", ", methods!(@arguments $n), )? "));\n```"
                )]
                #[must_use]
                #[inline]
                #[track_caller]
                pub fn $method(self $(, $y: impl Into<Var>)* $(, $n: $N)?) -> Var {
                    methods!(@record $kind $Op $method self $x ($($y),*) ($($n)?))
                }
            )*)*
        }

        impl Real for Var {
            #[inline]
            fn choose(self, question: Question, yes: impl FnOnce() -> Var, no: impl FnOnce() -> Var) -> Var {
                if holds(self, question) { yes() } else { no() }
            }

            #[track_caller]
            fn apply(op: Op, n: i32, operands: &[Var]) -> Var {
                call(op, n, operands)
            }

            forward_to_var! {
                value() -> f64, is_nan() -> bool, is_infinite() -> bool, is_finite() -> bool, is_sign_negative() -> bool,
            }

            forward_to_var! { & total_cmp(other) -> Ordering }

            #[track_caller]
            fn dot(x: &[Var], y: &[Var]) -> Var {
                dot(x, y)
            }

            #[track_caller]
            fn norm(x: &[Var]) -> Var {
                norm(x)
            }

            #[track_caller]
            fn log_sum_exp(x: &[Var]) -> Var {
                log_sum_exp(x)
            }

            $($(
                #[inline]
                #[track_caller]
                fn $method(self $(, $y: impl Into<Var>)* $(, $n: $N)?) -> Var {
                    Var::$method(self $(, $y)* $(, $n)?)
                }
            )*)*
        }
    };
    // The text of the operands after the first, for the example of a method.
    (@arguments) => { "" };
    (@arguments n) => { "2" };
    (@arguments $y:ident) => { "0.5" };
    (@arguments $y:ident $z:ident) => { "0.5, 0.5" };
    (@record $kind:ident $Op:ident $method:ident $this:ident $x:ident () ($($n:ident)?)) => {
        record::unary(
            Op::$Op, 0 $(+ $n as i32)?, $this, |x: f64| Real::$method(x $(, $n)?), rules::of::$method
        )
    };
    (@record smooth $Op:ident $method:ident $this:ident $x:ident ($($y:ident),+) ()) => {{
        // A function of its own, which is not inlined: the call costs little compared with the work.
        #[track_caller]
        fn record($x: Var $(, $y: Var)*) -> Var {
            methods!(@several $Op $method $x $($y)*)
        }
        record($this $(, $y.into())*)
    }};
    (@record $kind:ident $Op:ident $method:ident $this:ident $x:ident ($($y:ident),+) ()) => {{
        let ($x $(, $y)*) = ($this $(, $y.into())*);
        methods!(@several $Op $method $x $($y)*)
    }};
    (@several $Op:ident $method:ident $x:ident $y:ident) => {
        record::function(Op::$Op, $x, $y, Real::$method($x.untracked_value(), $y.untracked_value()), rules::of::$method)
    };
    (@several $Op:ident $method:ident $x:ident $y:ident $z:ident) => {
        record::ternary(
            Op::$Op, [$x, $y, $z], Real::$method($x.untracked_value(), $y.untracked_value(), $z.untracked_value()), rules::of::$method
        )
    };
}
table!(methods);

/// The answer to a question of a rule: a comparison of variables, so that a recording notes what was decided here.
#[inline(never)]
#[allow(clippy::eq_op)]
fn holds(x: Var, question: Question) -> bool {
    match question {
        Question::Below(bound) => x < bound,
        // One question: two comparisons would note a sign that the rule does not ask for.
        Question::Within(bound) => {
            trace::compared(Comparison::Within, x, bound.into());
            question.holds(x.untracked_value())
        }
        Question::At(point) => x == point,
        Question::Subnormal => x.is_subnormal(),
        Question::Nan => x != x,
    }
}
