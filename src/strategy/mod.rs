//! Strategies for property tests: points, and random differentiable programs (feature `proptest`).
//!
//! The macros are those of `proptest`, so your crate needs both under `[dev-dependencies]`: `proptest = "1"`, and this crate with its
//! feature `proptest`.
//!
//! A function of your own, against finite differences at any number of points:
//!
//! ```
//! use proptest::prelude::*;
//! use scalargrad::{Var, check, strategy};
//!
//! fn soft_distance(x: &[Var]) -> Var {
//!     (x[0] - x[1]).hypot(x[2].exp())
//! }
//!
//! proptest! {
//!     # /*
//!     #[test]
//!     # */
//!     fn its_gradient_is_right(x in strategy::points(3)) {
//!         check::assert_gradient(soft_distance, &x);
//!     }
//! }
//! # its_gradient_is_right();
//! ```
//!
//! And code that takes *any* function, such as an optimiser or a number type of your own, on random programs:
//! acyclic graphs of all operations, with reuse, constants and dead ends removed. A counterexample
//! shrinks to a minimal expression, which prints as Rust to paste into a test.
//!
//! ```
//! use proptest::prelude::*;
//! use scalargrad::{gradient, strategy};
//!
//! proptest! {
//!     # /*
//!     #[test]
//!     # */
//!     fn a_gradient_is_linear((f, x) in strategy::program_at_point()) {
//!         let once = gradient(|x| f.evaluate(x), &x);
//!         let twice = gradient(|x| f.evaluate(x) * 2.0, &x);
//!         for (a, b) in once.iter().zip(twice) {
//!             prop_assert!((2.0 * a - b).abs() <= 1e-12 * b.abs());
//!         }
//!     }
//! }
//! # a_gradient_is_linear();
//! ```

mod gene;
mod program;
mod rows;
mod text;

pub use program::Program;

use proptest::collection::vec;
use proptest::strategy::{NewTree, Strategy, ValueTree};
use proptest::test_runner::TestRunner;
use std::ops::RangeInclusive;

/// Points of `n` coordinates in `−2 ..= 2`: the box in which every [`Program`] is defined.
///
/// The coordinates are whole thousandths, and shrink towards 0.
///
/// ```
/// use proptest::prelude::*;
/// use scalargrad::strategy;
///
/// proptest!(|(x in strategy::points(3))| {
///     prop_assert_eq!(x.len(), 3);
///     prop_assert!(x.iter().all(|x| x.abs() <= 2.0));
/// });
/// ```
pub fn points(n: usize) -> impl Strategy<Value = Vec<f64>> + Clone {
    vec((-2000..=2000).prop_map(|k| f64::from(k) / 1000.0), n)
}

/// Points of `n` coordinates in `range`.
///
/// ```
/// use proptest::prelude::*;
/// use scalargrad::{check, strategy};
///
/// proptest!(|(x in strategy::points_within(2, 0.1..=10.0))| {
///     check::assert_gradient(|x| x[0].ln() * x[1].sqrt(), &x);
/// });
/// ```
pub fn points_within(n: usize, range: RangeInclusive<f64>) -> impl Strategy<Value = Vec<f64>> + Clone {
    vec(range, n)
}

/// Random differentiable programs of one to three inputs and up to twelve operations.
///
/// ```
/// use proptest::prelude::*;
/// use scalargrad::{Var, strategy};
///
/// let smooth = strategy::programs().inputs(2..=2).operations(1..=30).smooth();
/// proptest!(|(f in smooth, x in strategy::points(2))| {
///     prop_assert!(f.evaluate(&x).is_finite());
/// });
/// ```
pub fn programs() -> Programs {
    Programs { inputs: 1..=3, operations: 1..=12, smooth: false }
}

/// A random program with a point at which it is smooth, away from all kinks and jumps:
/// [`programs`]`().`[`at_point`](Programs::at_point)`()`.
///
/// ```
/// use proptest::prelude::*;
/// use scalargrad::{check, strategy};
///
/// proptest!(ProptestConfig::with_cases(32), |((f, x) in strategy::program_at_point())| {
///     check::assert_gradient(|x| f.evaluate(x), &x);
/// });
/// ```
pub fn program_at_point() -> impl Strategy<Value = (Program, Vec<f64>)> + Clone {
    programs().at_point()
}

/// The strategy that [`programs`] makes.
#[derive(Clone, Debug)]
pub struct Programs {
    inputs: RangeInclusive<usize>,
    operations: RangeInclusive<usize>,
    smooth: bool,
}

impl Programs {
    /// With a number of inputs in `range`.
    ///
    /// # Panics
    ///
    /// If the range is empty or starts at 0.
    ///
    /// ```
    /// use proptest::prelude::*;
    ///
    /// let two = scalargrad::strategy::programs().inputs(2..=2);
    /// proptest!(|(f in two)| prop_assert_eq!(f.inputs(), 2));
    /// ```
    pub fn inputs(self, range: RangeInclusive<usize>) -> Programs {
        assert!(!range.is_empty() && *range.start() > 0, "scalargrad: a program has at least one input, not {range:?}");
        Programs { inputs: range, ..self }
    }

    /// With a number of operations in `range`, before those that do not matter to the result are dropped.
    ///
    /// # Panics
    ///
    /// If the range is empty or starts at 0.
    ///
    /// ```
    /// use proptest::prelude::*;
    ///
    /// let one = scalargrad::strategy::programs().operations(1..=1);
    /// proptest!(|(f in one)| prop_assert_eq!(f.operations(), 1));
    /// ```
    pub fn operations(self, range: RangeInclusive<usize>) -> Programs {
        assert!(
            !range.is_empty() && *range.start() > 0,
            "scalargrad: a program has at least one operation, not {range:?}"
        );
        Programs { operations: range, ..self }
    }

    /// Without operations that have a kink or a jump.
    ///
    /// ```
    /// use proptest::prelude::*;
    ///
    /// proptest!(|(f in scalargrad::strategy::programs().smooth())| {
    ///     prop_assert!(!f.to_string().contains("floor"));
    /// });
    /// ```
    pub fn smooth(self) -> Programs {
        Programs { smooth: true, ..self }
    }

    /// Each with a point of [`points`] around which it is smooth, and not too steep for finite differences.
    ///
    /// ```
    /// use proptest::prelude::*;
    /// use scalargrad::{check, strategy};
    ///
    /// let cases = strategy::programs().inputs(2..=2).at_point();
    /// proptest!(ProptestConfig::with_cases(32), |((f, x) in cases)| {
    ///     check::assert_gradient(|x| f.evaluate(x), &x);
    /// });
    /// ```
    pub fn at_point(self) -> impl Strategy<Value = (Program, Vec<f64>)> + Clone {
        let cases = (self.genes(), points(*self.inputs.end()));
        cases.prop_map(move |((inputs, genes), mut x)| {
            x.truncate(inputs);
            (self.grow(inputs, &genes, Some(&x)), x)
        })
    }
}

impl Strategy for Programs {
    type Tree = Box<dyn ValueTree<Value = Program>>;
    type Value = Program;

    fn new_tree(&self, runner: &mut TestRunner) -> NewTree<Self> {
        let programs = self.clone();
        let grown = (self.genes()).prop_map(move |(inputs, genes)| programs.grow(inputs, &genes, None));
        grown.boxed().new_tree(runner)
    }
}
