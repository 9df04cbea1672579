//! Functions in native code.
//!
//! What is computed is what the replay computes: values bit for bit, for everything that is not plain arithmetic is a call of
//! the very function of the table; gradients too.
//!
//! The code differs from the replay in one thing, and this is why it may. The replay does not propagate an adjoint that is
//! zero; the code asks nothing and multiplies. Where the adjoint is zero, the product is a zero, which changes nothing, or
//! it is NaN, as the partial is infinite or NaN. A NaN adjoint makes everything NaN that it is given to, down to an input, but
//! for what a switch does not select and a step does not hand on, and these get nothing from the right adjoint
//! either. So a gradient without NaN is that of the replay, and one with NaN is computed again by the replay. In the same way
//! a rule need not ask whether its result is NaN where an output would be NaN, too.

mod assembler;
mod forward;
mod instructions;
mod native;
mod plan;
mod reverse;
mod rule;
mod writer;

use super::program::Program;
use super::{BranchChange, Counted, Function, ReplayError};
use crate::matrix::Matrix;
use assembler::Assembler;
use forward::{CROSSED, PANICKED};
use native::shims::take_panic;
use native::{Builder, Code, Room};
use plan::Plan;
use std::cell::Cell;
use std::fmt;
use std::panic::resume_unwind;
use writer::Writer;

/// Why a function cannot be compiled.
///
/// ```
/// use scalargrad::Function;
///
/// let f = Function::record(&[1.0], |x| x[0] * x[0]);
/// if let Err(error) = f.compile() {
///     println!("{error}"); // on a machine for which there is no compiler
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum CompileError {
    /// The compiler does not know this machine.
    NoMachine(String),
    /// The compiler refused the program.
    Refused(String),
}

impl fmt::Display for CompileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CompileError::NoMachine(why) => write!(
                f,
                "there is no compiler for this machine ({why}): call the function itself, or write it out by `to_rust`"
            ),
            CompileError::Refused(why) => write!(
                f,
                "the compiler refused the function ({why}): call the function itself"
            ),
        }
    }
}

impl std::error::Error for CompileError {}

/// A [`Function`] in native code, made by [`compile`](Function::compile).
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
    function: Function,
    code: Code,
    constants: Vec<f64>,
    /// Where the functions of the values end.
    values: usize,
    /// Where those of the derivatives begin.
    derivatives: usize,
    has_derivatives: bool,
}

impl fmt::Debug for Compiled {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let operations = self.function.operations();
        f.debug_struct("Compiled")
            .field("operations", &operations)
            .finish_non_exhaustive()
    }
}

impl Function {
    /// The function in native code, for this machine.
    ///
    /// Compiling takes a few microseconds an operation, as often as it is done; it is linear in the number of operations.
    /// It pays after some hundred to some thousand gradients. To compile ahead of time, see [`to_rust`](Function::to_rust).
    ///
    /// # Errors
    ///
    /// If there is no compiler for this machine: there is one for x86-64, AArch64, RISC-V 64 and s390x.
    ///
    /// ```
    /// use scalargrad::Function;
    ///
    /// let f = Function::record(&[3.0], |x| if x[0] > 0.0 { x[0].ln() } else { -x[0] });
    /// let compiled = f.compile()?;
    /// assert_eq!(compiled.gradient(&[2.0])?, (2f64.ln(), vec![0.5]));
    /// assert_eq!(compiled.gradient(&[-2.0]), f.gradient(&[-2.0])); // the other branch: the same error
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    pub fn compile(&self) -> Result<Compiled, CompileError> {
        let unit = Unit::of(&self.program, 1, 0)?;
        Ok(Compiled {
            function: self.clone(),
            code: unit.code,
            constants: unit.constants,
            values: unit.values,
            derivatives: unit.derivatives,
            has_derivatives: unit.has_derivatives,
        })
    }
}

/// What a compilation makes.
struct Unit {
    code: Code,
    constants: Vec<f64>,
    values: usize,
    derivatives: usize,
    has_derivatives: bool,
}

impl Unit {
    fn of(program: &Program, lanes: usize, shared: usize) -> Result<Unit, CompileError> {
        let machine = native::machine().map_err(CompileError::NoMachine)?;
        let builder = Builder::new(machine);
        let assembler = Assembler::new(builder, lanes, program.constants.clone());
        let refused = CompileError::Refused;
        let plan = Plan::new(program, &assembler).map_err(refused)?;
        let has_derivatives = !plan.sweeps.is_empty();
        let known = (
            program.customs.clone().into(),
            program.guards.clone().into(),
        );
        let mut writer = Writer::new(plan, assembler, known, shared);
        let [values, derivatives] = writer.write().map_err(refused)?;
        let Assembler {
            builder,
            needs,
            constants,
            ..
        } = writer.assembler;
        let code = builder.finish(needs, writer.known).map_err(refused)?;
        let constants = constants
            .iter()
            .flat_map(|&c| std::iter::repeat_n(c, lanes));
        Ok(Unit {
            code,
            constants: constants.collect(),
            values,
            derivatives,
            has_derivatives,
        })
    }
}

thread_local! {
    /// The frame and the outputs of this thread's calls, to be used again.
    static ROOMS: Cell<(Vec<f64>, Vec<f64>)> = const { Cell::new((Vec::new(), Vec::new())) };
}

/// What a call came to.
enum Ending {
    Done,
    /// The guard that tripped.
    Tripped(usize),
    /// The replay is to do it.
    Crossed,
}

impl Compiled {
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
    pub fn value(&self, x: &[f64]) -> Result<f64, ReplayError> {
        self.function.check(Counted::Outputs, self.outputs(), 1)?;
        self.values_with(x, |values| values[0], |f| f.value(x))
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
    pub fn values(&self, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
        self.values_with(x, <[f64]>::to_vec, |f| f.values(x))
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
    pub fn gradient_into(&self, x: &[f64], gradient: &mut [f64]) -> Result<f64, ReplayError> {
        self.function.check(Counted::Outputs, self.outputs(), 1)?;
        self.function.check_inputs(x)?;
        self.function
            .check(Counted::Gradient, gradient.len(), self.inputs())?;
        let (ending, value) = self.derivatives(x, |outputs| {
            gradient.copy_from_slice(&outputs[1..]);
            outputs[0]
        });
        match (ending, value) {
            (Ending::Done, Some(value)) => Ok(value),
            (Ending::Tripped(k), _) => Err(self.tripped(k, x)),
            _ => self.function.gradient_into(x, gradient),
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
    pub fn jacobian(&self, x: &[f64]) -> Result<Matrix, ReplayError> {
        self.function.check_inputs(x)?;
        let (m, n) = (self.outputs(), self.inputs());
        let of = |outputs: &[f64]| {
            let mut jacobian = Matrix::zeros(m, n);
            for (i, row) in outputs[m..].chunks_exact(n.max(1)).enumerate() {
                row.iter()
                    .enumerate()
                    .for_each(|(j, &d)| jacobian[(i, j)] = d);
            }
            jacobian
        };
        match self.derivatives(x, of) {
            (Ending::Done, Some(jacobian)) => Ok(jacobian),
            (Ending::Tripped(k), _) => Err(self.tripped(k, x)),
            _ => self.function.jacobian(x),
        }
    }

    fn values_with<R>(
        &self,
        x: &[f64],
        of: impl FnOnce(&[f64]) -> R,
        replay: impl FnOnce(&Function) -> Result<R, ReplayError>,
    ) -> Result<R, ReplayError> {
        self.function.check_inputs(x)?;
        let (ending, values) =
            self.run(0..self.values, x, |outputs| of(&outputs[..self.outputs()]));
        match ending {
            Ending::Done => Ok(values),
            Ending::Tripped(k) => Err(self.tripped(k, x)),
            Ending::Crossed => replay(&self.function),
        }
    }

    /// What is made of values and derivatives; nothing if the replay is to do it.
    fn derivatives<R>(&self, x: &[f64], of: impl FnOnce(&[f64]) -> R) -> (Ending, Option<R>) {
        if !self.has_derivatives {
            return (Ending::Crossed, None);
        }
        let all = self.derivatives..self.code.len();
        self.run(all, x, |outputs| {
            let has_nan = outputs.iter().fold(false, |has, x| has | x.is_nan());
            (!has_nan).then(|| of(outputs))
        })
    }

    /// Runs functions in this thread's rooms.
    #[inline]
    fn run<R>(
        &self,
        functions: std::ops::Range<usize>,
        x: &[f64],
        of: impl FnOnce(&[f64]) -> R,
    ) -> (Ending, R) {
        let (mut frame, mut outputs) = ROOMS.try_with(Cell::take).unwrap_or_default();
        let of_derivatives = self.outputs() * self.inputs();
        let written = self.outputs()
            + if self.has_derivatives {
                of_derivatives
            } else {
                0
            };
        let rooms = [
            (&mut frame, self.code.need(Room::Frame)),
            (&mut outputs, written),
        ];
        for (room, need) in rooms {
            if room.len() < need {
                room.resize(need, 0.0);
            }
        }
        let code = self
            .code
            .run(functions, x, &self.constants, &mut frame, &mut outputs);
        let result = of(&outputs[..written]);
        // At the end of the thread there is nobody to keep them for.
        let _ = ROOMS.try_with(|rooms| rooms.set((frame, outputs)));
        let ending = match code {
            0 => Ending::Done,
            CROSSED => Ending::Crossed,
            PANICKED => match take_panic() {
                Some(payload) => resume_unwind(payload),
                None => Ending::Crossed,
            },
            k => Ending::Tripped(k as usize - 1),
        };
        (ending, result)
    }

    fn tripped(&self, k: usize, x: &[f64]) -> ReplayError {
        let change = BranchChange::of(&self.function.program, k, x);
        ReplayError::BranchChanged(Box::new(change))
    }
}
