//! What a closure may return.

use crate::handle::Var;

/// The outputs of a closure: a [`Var`], a vector or array of outputs, or a tuple of up to six.
///
/// It cannot be implemented outside this crate.
///
/// ```
/// use scalargrad::function::Function;
///
/// let f = Function::record(&[2.0], |x| [x[0] * x[0], x[0] + 1.0]);
/// assert_eq!(f.values(&[3.0])?, [9.0, 4.0]);
///
/// let g = Function::record(&[2.0], |x| (x[0], [[x[0] * 2.0; 2]; 2], vec![vec![x[0] * 3.0]]));
/// assert_eq!(g.values(&[1.0])?, [1.0, 2.0, 2.0, 2.0, 2.0, 3.0]);
/// # Ok::<(), scalargrad::function::ReplayError>(())
/// ```
///
/// ```compile_fail
/// struct Point([scalargrad::Var; 2]);
/// impl scalargrad::function::Outputs for Point {}
/// ```
pub trait Outputs: sealed::Each + Sized {
    /// The outputs, in order.
    ///
    /// ```
    /// use scalargrad::{Var, function::Outputs};
    ///
    /// assert_eq!((Var::from(1.0), [Var::from(2.0); 2]).into_outputs(), [1.0, 2.0, 2.0]);
    /// ```
    fn into_outputs(mut self) -> Vec<Var> {
        self.handles()
    }
}

impl<O: sealed::Each> Outputs for O {}

pub(crate) mod sealed {
    use super::Var;

    /// A structure of variables.
    #[diagnostic::on_unimplemented(
        message = "`{Self}` is not an output of a closure",
        note = "return a `Var`, or vectors, arrays and tuples of `Var`; a plain number becomes one by `Var::from(0.0)`"
    )]
    pub trait Each {
        /// Runs `f` on every variable, in order.
        fn each(&mut self, f: &mut dyn FnMut(&mut Var));

        /// The variables, in order.
        fn handles(&mut self) -> Vec<Var> {
            let mut handles = Vec::new();
            self.each(&mut |x| handles.push(*x));
            handles
        }
    }

    impl Each for Var {
        #[inline]
        fn each(&mut self, f: &mut dyn FnMut(&mut Var)) {
            f(self);
        }
    }

    impl<O: Each> Each for Vec<O> {
        fn each(&mut self, f: &mut dyn FnMut(&mut Var)) {
            self.iter_mut().for_each(|x| x.each(f));
        }
    }

    impl<O: Each, const N: usize> Each for [O; N] {
        fn each(&mut self, f: &mut dyn FnMut(&mut Var)) {
            self.iter_mut().for_each(|x| x.each(f));
        }
    }

    macro_rules! tuples {
        ($(($($O:ident)*))*) => { $(
            impl<$($O: Each),*> Each for ($($O,)*) {
                #[allow(non_snake_case)]
                fn each(&mut self, f: &mut dyn FnMut(&mut Var)) {
                    let ($($O,)*) = self;
                    $($O.each(f);)*
                }
            }
        )* };
    }
    tuples! { (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) }
}
