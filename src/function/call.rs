//! A recorded function called: its values and derivatives at a point.

use super::Function;
use super::error::{BranchChange, Counted, ReplayError};
use super::program::Program;
use crate::matrix::Matrix;
use crate::refusal::at_callers_line;

/// # At a point
impl Function {
    /// The value of the only output.
    ///
    /// # Errors
    ///
    /// If a comparison would go another way at `x`, `x` has the wrong length, or there is
    /// not exactly one output.
    ///
    /// # Panics
    ///
    /// Where the closure would, if an output depends on it: the bounds of a [`Var::clamp`](crate::Var::clamp) cross at `x`, or a
    /// [`CustomOp`](crate::CustomOp) panics. So does every other method that takes an `x`.
    ///
    /// ```should_panic
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[0.5, 1.0], |x| x[0].clamp(0.0, x[1]));
    /// let _ = f.value(&[0.5, -1.0]);
    /// ```
    #[track_caller]
    pub fn value(&self, x: &[f64]) -> Result<f64, ReplayError> {
        self.check_one_output()?;
        let mut value = 0.0;
        self.at(x, |program| program.values(x, |z| value = z))?;
        Ok(value)
    }

    /// The values of all outputs.
    ///
    /// # Errors
    ///
    /// If a comparison would go another way at `x`, or `x` has the wrong length.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0], |x| [x[0] * 2.0, x[0] * x[0]]);
    /// assert_eq!(f.values(&[3.0])?, [6.0, 9.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn values(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        let mut values = Vec::with_capacity(self.outputs());
        self.at(x, |program| program.values(x, |z| values.push(z)))?;
        Ok(values)
    }

    /// The value and the gradient of the only output.
    ///
    /// # Errors
    ///
    /// As for [`value`](Function::value).
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]);
    /// assert_eq!(f.gradient(&[2.0, 3.0])?, (6.0, vec![3.0, 2.0]));
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn gradient(&self, x: &[f64]) -> Result<(f64, Vec<f64>), ReplayError> {
        let mut gradient = vec![0.0; self.inputs()];
        Ok((self.gradient_into(x, &mut gradient)?, gradient))
    }

    /// The value of the only output; writes its gradient to `gradient`, and allocates nothing once this
    /// thread has room.
    ///
    /// # Errors
    ///
    /// As for [`value`](Function::value), or if `gradient` has another length than `x`.
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]);
    /// let mut gradient = [0.0; 2];
    /// assert_eq!(f.gradient_into(&[2.0, 3.0], &mut gradient)?, 6.0);
    /// assert_eq!(gradient, [3.0, 2.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn gradient_into(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, ReplayError> {
        self.check_one_output()?;
        self.check_inputs(x)?;
        Counted::Gradient.check(gradient.len(), self.inputs())?;
        let mut value = 0.0;
        self.replay(x, |program| program.vjp(x, |_| 1.0, gradient, |z| value = z))?;
        Ok(value)
    }

    /// The derivative of every output (a row each) with respect to every input.
    ///
    /// Forward or in reverse, whichever takes fewer passes; where a partial or a tangent is not finite, in
    /// reverse: whatever the shape, each row is the gradient of its output.
    ///
    /// # Errors
    ///
    /// As for [`values`](Function::values).
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| [x[0] * x[1], x[0] - x[1]]);
    /// assert_eq!(f.jacobian(&[2.0, 3.0])?.as_slice(), [3.0, 2.0, 1.0, -1.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn jacobian(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        Ok(self.values_and_jacobian(x)?.1)
    }

    /// The values of all outputs, and the [`jacobian`](Function::jacobian).
    ///
    /// # Errors
    ///
    /// As for [`values`](Function::values).
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| [x[0] * x[1], x[0] - x[1]]);
    /// let (values, jacobian) = f.values_and_jacobian(&[2.0, 3.0])?;
    /// assert_eq!(values, [6.0, -1.0]);
    /// assert_eq!(jacobian.as_slice(), [3.0, 2.0, 1.0, -1.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn values_and_jacobian(&self, x: &[f64]) -> Result<(Vec<f64>, Matrix), ReplayError> {
        let mut values = vec![0.0; self.outputs()];
        let mut jacobian = Matrix::zeros(values.len(), self.inputs());
        self.values_and_jacobian_into(x, &mut values, jacobian.as_mut_slice())?;
        Ok((values, jacobian))
    }

    /// Writes the values of all outputs to `values`, and the Jacobian to `jacobian`, row by row. Where there are at least as many
    /// inputs as outputs it allocates nothing once this thread has room.
    ///
    /// # Errors
    ///
    /// As for [`values`](Function::values), or if `values` or `jacobian` has another length than there are numbers for it.
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| [x[0] * x[1], x[0] - x[1]]);
    /// let (mut values, mut jacobian) = ([0.0; 2], [0.0; 4]);
    /// f.values_and_jacobian_into(&[2.0, 3.0], &mut values, &mut jacobian)?;
    /// assert_eq!((values, jacobian), ([6.0, -1.0], [3.0, 2.0, 1.0, -1.0]));
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn values_and_jacobian_into(
        &self,
        x: &[f64],
        values: &mut [f64],
        jacobian: &mut [f64],
    ) -> Result<(), ReplayError> {
        self.check_jacobian(x, values, jacobian)?;
        self.replay(x, |program| program.jacobian(x, values, jacobian))
    }

    /// The weights times the Jacobian, `wᵀJ`: the gradient of the weighted sum of the outputs.
    ///
    /// # Errors
    ///
    /// As for [`values`](Function::values), or if `w` has another length than there are outputs.
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| [x[0] * x[1], x[0] - x[1]]);
    /// assert_eq!(f.vjp(&[2.0, 3.0], &[1.0, 10.0])?, [13.0, -8.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn vjp(&self, x: &[f64], w: &[f64]) -> Result<Vec<f64>, ReplayError> {
        self.check_inputs(x)?;
        Counted::Weights.check(w.len(), self.outputs())?;
        let mut gradient = vec![0.0; self.inputs()];
        self.replay(x, |program| program.vjp(x, |k| w[k], &mut gradient, |_| ()))?;
        Ok(gradient)
    }

    /// The values of the outputs, and their tangents along `v`: the Jacobian times `v`.
    ///
    /// # Errors
    ///
    /// As for [`values`](Function::values), or if `v` has another length than `x`.
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| [x[0] * x[1], x[0] - x[1]]);
    /// assert_eq!(f.jvp(&[2.0, 3.0], &[1.0, 10.0])?, (vec![6.0, -1.0], vec![23.0, -9.0]));
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn jvp(&self, x: &[f64], v: &[f64]) -> Result<(Vec<f64>, Vec<f64>), ReplayError> {
        self.check_inputs(x)?;
        Counted::Direction.check(v.len(), self.inputs())?;
        self.replay(x, |program| program.jvp(x, v))
    }

    /// The Hessian of the only output times `v`, by one pass forward and one in reverse.
    ///
    /// # Errors
    ///
    /// As for [`value`](Function::value), or if `v` has another length than `x`.
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[0] * x[1]);
    /// assert_eq!(f.hvp(&[2.0, 3.0], &[1.0, 0.0])?, [6.0, 4.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn hvp(&self, x: &[f64], v: &[f64]) -> Result<Vec<f64>, ReplayError> {
        Ok(self.value_gradient_and_hvp(x, v)?.2)
    }

    /// The value of the only output, its gradient, and its Hessian times `v`, for the price of [`hvp`](Function::hvp).
    ///
    /// # Errors
    ///
    /// As for [`hvp`](Function::hvp).
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[0] * x[1]);
    /// let all = f.value_gradient_and_hvp(&[2.0, 3.0], &[1.0, 0.0])?;
    /// assert_eq!(all, (12.0, vec![12.0, 4.0], vec![6.0, 4.0]));
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn value_gradient_and_hvp(&self, x: &[f64], v: &[f64]) -> Result<(f64, Vec<f64>, Vec<f64>), ReplayError> {
        self.check_one_output()?;
        self.check_inputs(x)?;
        Counted::Direction.check(v.len(), self.inputs())?;
        self.replay(x, |program| program.hvp(x, v))
    }

    /// The Hessian of the only output; symmetric.
    ///
    /// # Errors
    ///
    /// As for [`value`](Function::value).
    ///
    /// ```
    /// # use scalargrad::function::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[0] * x[1]);
    /// assert_eq!(f.hessian(&[2.0, 3.0])?.as_slice(), [6.0, 4.0, 4.0, 0.0]);
    /// # Ok::<(), scalargrad::function::ReplayError>(())
    /// ```
    #[track_caller]
    pub fn hessian(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        self.check_one_output()?;
        self.at(x, |program| program.hessian(x))
    }

    pub(super) fn check_inputs(&self, x: &[f64]) -> Result<(), ReplayError> {
        Counted::Inputs.check(x.len(), self.inputs())
    }

    pub(super) fn check_one_output(&self) -> Result<(), ReplayError> {
        Counted::Outputs.check(self.outputs(), 1)
    }

    /// Checks the lengths of what a Jacobian is computed from and of where it goes.
    pub(super) fn check_jacobian(&self, x: &[f64], values: &[f64], jacobian: &[f64]) -> Result<(), ReplayError> {
        self.check_inputs(x)?;
        Counted::Values.check(values.len(), self.outputs())?;
        Counted::Jacobian.check(jacobian.len(), values.len() * x.len())
    }

    /// The error where guard `k` trips at `x`.
    pub(super) fn tripped(&self, k: usize, x: &[f64]) -> ReplayError {
        ReplayError::BranchChanged(Box::new(BranchChange::of(&self.program, k, x)))
    }

    /// What `compute` makes of the program at `x`, which may have any length.
    #[track_caller]
    pub(super) fn at<R>(
        &self,
        x: &[f64],
        compute: impl FnOnce(&Program) -> Result<R, usize>,
    ) -> Result<R, ReplayError> {
        self.check_inputs(x)?;
        self.replay(x, compute)
    }

    /// The same for an `x` whose length was checked.
    #[track_caller]
    fn replay<R>(&self, x: &[f64], compute: impl FnOnce(&Program) -> Result<R, usize>) -> Result<R, ReplayError> {
        at_callers_line(|| compute(&self.program)).map_err(|k| self.tripped(k, x))
    }
}
