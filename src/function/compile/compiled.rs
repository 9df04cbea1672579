//! A compiled function of one point.

use super::native::Room;
use super::native::shims::take_panic;
use super::{Joint, OUTPUTS, Unit};
use crate::function::buffers::{lend, room};
use crate::function::wide::are_finite;
use crate::function::{Counted, Function, ReplayError};
use crate::matrix::Matrix;
use crate::refusal::at_callers_line;
use std::cell::Cell;
use std::fmt;
use std::panic::resume_unwind;

/// A [`Function`] in native code, made by [`compile`](Function::compile), with the feature `jit`.
///
/// `Send` and `Sync`; its memory is freed when it is dropped.
///
/// ```
/// use scalargrad::Function;
///
/// let f = Function::record(&[1.0, 1.0], |x| (1.0 - x[0]).powi(2) + 100.0 * (x[1] - x[0] * x[0]).powi(2));
/// let compiled = f.compile()?;
/// assert_eq!(compiled.gradient(&[0.0, 1.0])?, f.gradient(&[0.0, 1.0])?);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Compiled {
    pub(super) function: Function,
    pub(super) unit: Unit,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.function.operations();
        f.debug_struct("Compiled").field("operations", &operations).finish_non_exhaustive()
    }
}

thread_local! {
    /// The frame of this thread's calls, to be used again.
    static FRAME: Cell<Vec<f64>> = const { Cell::new(Vec::new()) };
}

impl Compiled {
    /// The function that was compiled.
    #[cfg(any(feature = "argmin", feature = "levenberg-marquardt"))]
    pub(crate) fn function(&self) -> &Function {
        &self.function
    }

    /// The number of inputs.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// assert_eq!(Function::record(&[1.0, 2.0], |x| x[0] + x[1]).compile()?.inputs(), 2);
    /// # Ok::<(), scalargrad::function::CompileError>(())
    /// ```
    #[must_use]
    pub fn inputs(&self) -> usize {
        self.function.inputs()
    }

    /// The number of outputs.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// assert_eq!(Function::record(&[1.0], |x| (x[0], x[0] * 2.0)).compile()?.outputs(), 2);
    /// # Ok::<(), scalargrad::function::CompileError>(())
    /// ```
    #[must_use]
    pub fn outputs(&self) -> usize {
        self.function.outputs()
    }

    /// The value of the only output.
    ///
    /// # Errors
    ///
    /// Those of [`Function::value`].
    ///
    /// # Panics
    ///
    /// Where [`Function::value`] does.
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0], |x| x[0].sin()).compile()?;
    /// assert_eq!(f.value(&[2.0])?, 2f64.sin());
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn value(&self, x: &[f64]) -> Result<f64, ReplayError> {
        self.function.check_one_output()?;
        let mut value = [0.0];
        self.values_into(x, &mut value)?;
        Ok(value[0])
    }

    /// The values of all outputs.
    ///
    /// # Errors
    ///
    /// Those of [`Function::values`].
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0], |x| [x[0] * 2.0, x[0] * x[0]]).compile()?;
    /// assert_eq!(f.values(&[3.0])?, [6.0, 9.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn values(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        let mut values = vec![0.0; self.outputs()];
        self.values_into(x, &mut values)?;
        Ok(values)
    }

    /// The value and the gradient of the only output.
    ///
    /// # Errors
    ///
    /// Those of [`Function::gradient`].
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]).compile()?;
    /// assert_eq!(f.gradient(&[2.0, 3.0])?, (6.0, vec![3.0, 2.0]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
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
    /// Those of [`Function::gradient_into`].
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| x[0] * x[1]).compile()?;
    /// let mut gradient = [0.0; 2];
    /// assert_eq!(f.gradient_into(&[2.0, 3.0], &mut gradient)?, 6.0);
    /// assert_eq!(gradient, [3.0, 2.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn gradient_into(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, ReplayError> {
        self.function.check_one_output()?;
        self.function.check_inputs(x)?;
        Counted::Gradient.check(gradient.len(), self.inputs())?;
        let mut value = [0.0];
        match at_callers_line(|| self.derivatives(x, &mut value, gradient)) {
            true => Ok(value[0]),
            false => self.function.gradient_into(x, gradient),
        }
    }

    /// The derivative of every output (a row each) with respect to every input.
    ///
    /// # Errors
    ///
    /// Those of [`Function::jacobian`].
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| [x[0] * x[1], x[0] - x[1]]).compile()?;
    /// assert_eq!(f.jacobian(&[2.0, 3.0])?.as_slice(), [3.0, 2.0, 1.0, -1.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn jacobian(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        Ok(self.values_and_jacobian(x)?.1)
    }

    /// The values of all outputs, and the [`jacobian`](Compiled::jacobian).
    ///
    /// # Errors
    ///
    /// Those of [`Function::values_and_jacobian`].
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| [x[0] * x[1], x[0] - x[1]]).compile()?;
    /// assert_eq!(f.values_and_jacobian(&[2.0, 3.0])?.0, [6.0, -1.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn values_and_jacobian(&self, x: &[f64]) -> Result<(Vec<f64>, Matrix), ReplayError> {
        let mut values = vec![0.0; self.outputs()];
        let mut jacobian = Matrix::zeros(values.len(), self.inputs());
        self.values_and_jacobian_into(x, &mut values, jacobian.as_mut_slice())?;
        Ok((values, jacobian))
    }

    /// Writes the values of all outputs to `values`, and the Jacobian to `jacobian`, row by row.
    ///
    /// # Errors
    ///
    /// Those of [`Function::values_and_jacobian_into`].
    ///
    /// ```
    /// # use scalargrad::Function;
    /// let f = Function::record(&[1.0, 1.0], |x| [x[0] * x[1], x[0] - x[1]]).compile()?;
    /// let (mut values, mut jacobian) = ([0.0; 2], [0.0; 4]);
    /// f.values_and_jacobian_into(&[2.0, 3.0], &mut values, &mut jacobian)?;
    /// assert_eq!((values, jacobian), ([6.0, -1.0], [3.0, 2.0, 1.0, -1.0]));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    #[track_caller]
    pub fn values_and_jacobian_into(
        &self,
        x: &[f64],
        values: &mut [f64],
        jacobian: &mut [f64],
    ) -> Result<(), ReplayError> {
        self.function.check_jacobian(x, values, jacobian)?;
        match at_callers_line(|| self.derivatives(x, values, jacobian)) {
            true => Ok(()),
            false => self.function.values_and_jacobian_into(x, values, jacobian),
        }
    }

    /// Writes the values; the replay does it where it is to.
    #[track_caller]
    fn values_into(&self, x: &[f64], values: &mut [f64]) -> Result<(), ReplayError> {
        self.function.check_inputs(x)?;
        if !at_callers_line(|| self.unit.call(false, x, values, &mut [])) {
            values.copy_from_slice(&self.function.values(x)?);
        }
        Ok(())
    }

    /// Writes values and derivatives; whether it did, and the replay is not to do it.
    #[inline(always)]
    fn derivatives(&self, x: &[f64], values: &mut [f64], derivatives: &mut [f64]) -> bool {
        let is_for_replay = self.unit.joint.is_some() && values.len() > OUTPUTS;
        !is_for_replay && self.unit.call(true, x, values, derivatives) && are_finite(values) && are_finite(derivatives)
    }
}

impl Unit {
    /// Writes values, and if wanted the derivatives of each output, but adds to those of the inputs that are shared; whether
    /// it did. The panic of a user's operation goes on.
    #[inline(always)]
    pub(super) fn call(&self, has_derivatives: bool, x: &[f64], values: &mut [f64], derivatives: &mut [f64]) -> bool {
        let need = self.code.needs.of(Room::Frame);
        let mut run = |frame: &mut [f64]| {
            let functions = if has_derivatives { 1..2 } else { 0..1 };
            self.run(functions, x, [frame, values, derivatives])
        };
        let is_done = match &self.joint {
            Some(joint) => with_frame(need, |frame| joint.run(self, has_derivatives, x, [frame, values, derivatives])),
            // A small function, of whose cost each call on the way is a part.
            None if need == 0 => run(&mut []),
            None => with_frame(need, run),
        };
        if !is_done && let Some(payload) = take_panic() {
            resume_unwind(payload);
        }
        is_done
    }
}

impl Joint {
    fn run(
        &self,
        unit: &Unit,
        has_derivatives: bool,
        x: &[f64],
        [frame, values, derivatives]: [&mut [f64]; 3],
    ) -> bool {
        let (lanes, count, n) = (unit.lanes, unit.code.len(), x.len());
        if !unit.run(0..count / 2, x, [frame, &mut [], &mut []]) {
            return false;
        }
        for (k, &(room, place)) in self.outputs.iter().enumerate() {
            let place = lanes * place..lanes * (place + 1);
            values[lanes * k..][..lanes].copy_from_slice(match room {
                Room::Inputs => &x[place],
                Room::Constants => &unit.constants[place],
                _ => &frame[place],
            });
        }
        let mut sweep = |(k, &(room, place)): (usize, &(Room, usize))| {
            let derivatives = &mut derivatives[k * n..][..n];
            derivatives[lanes * self.shared..].fill(0.0);
            let adjoints = &mut frame[self.adjoints.clone()];
            adjoints.fill(0.0);
            let place = lanes * place..lanes * (place + 1);
            match room {
                Room::Frame => adjoints[place].fill(1.0),
                Room::Inputs => derivatives[place].iter_mut().for_each(|d| *d += 1.0),
                _ => {}
            }
            unit.run(count / 2..count, x, [frame, &mut [], derivatives])
        };
        !has_derivatives || self.outputs.iter().enumerate().all(&mut sweep)
    }
}

/// Lends so much of the frame of this thread.
#[inline(never)]
fn with_frame<R>(need: usize, run: impl FnOnce(&mut [f64]) -> R) -> R {
    lend(&FRAME, |frame| run(room(frame, need)))
}
