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
//!
//! A recorded loop leaves the same operations many times. They are found (`repeats`), made a small program of one repetition
//! (`parts`), and compiled once, as a loop (`loops`). What does not repeat is one function, or cut into several (`writer`).

mod assembler;
mod compiled;
mod crossing;
mod forward;
mod held;
mod instructions;
mod joint;
#[cfg(test)]
mod loop_tests;
mod loops;
mod native;
mod outsides;
mod parts;
mod plan;
mod repeats;
mod reverse;
mod rows;
mod rule;
mod split;
mod spread;
#[cfg(test)]
mod tests;
mod writer;

pub use compiled::Compiled;
pub use rows::CompiledRows;

use super::Function;
use super::program::Program;
use assembler::Assembler;
use joint::Joint;
use native::{Builder, Code, Effort};
use plan::{Plan, Sizes};
use std::fmt;
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

impl Function {
    /// The function in native code, for this machine.
    ///
    /// What a loop recorded, operations that repeat with other operands, is found and becomes a loop again: such a function takes
    /// 0.1 to 2 µs an operation to compile, pays after fifty to a thousand gradients, and takes 0.6 to 1.9 times as long as a
    /// gradient written by hand. An operation that does not repeat takes 5 µs, in a function of less than a few hundred
    /// operations, on which more effort is spent, 20 µs; all in linear time. That pays after some thousand gradients, and a
    /// function of 40,000 operations without loops is slower than its replay, as the processor must read all its code for each
    /// call. For the rows of a data set see [`Compiled::over_rows`]; to compile ahead of time, [`to_rust`](Function::to_rust).
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
        self.compile_in(Sizes::USUAL)
    }

    fn compile_in(&self, sizes: Sizes) -> Result<Compiled, CompileError> {
        let unit = match Unit::of_parts(&self.program, sizes)? {
            Some(unit) => unit,
            None => Unit::of(&self.program, sizes, 1, 0)?,
        };
        Ok(Compiled {
            function: self.clone(),
            unit,
        })
    }
}

/// What a compilation makes.
struct Unit {
    code: Code,
    constants: Vec<f64>,
    /// Where the functions of the values end.
    values: usize,
    /// Where those of the derivatives begin.
    derivatives: usize,
    has_derivatives: bool,
    /// How the parts work together, if it is in parts.
    joint: Option<Joint>,
}

impl Unit {
    fn assembler(
        program: &Program,
        effort: Effort,
        lanes: usize,
    ) -> Result<Assembler, CompileError> {
        let machine = native::machine(effort).map_err(CompileError::NoMachine)?;
        let builder = Builder::new(machine);
        Ok(Assembler::new(builder, lanes, program.constants.clone()))
    }

    fn of(
        program: &Program,
        sizes: Sizes,
        lanes: usize,
        shared: usize,
    ) -> Result<Unit, CompileError> {
        let assembler = |effort| Unit::assembler(program, effort, lanes);
        let refused = CompileError::Refused;
        let mut by = assembler(Effort::Little)?;
        let plan = Plan::new(program, &by, sizes).map_err(refused)?;
        if plan.is_whole {
            by = assembler(Effort::Much)?;
            by.is_keeping = true;
        }
        let has_derivatives = !plan.sweeps.is_empty();
        let known = (
            program.customs.clone().into(),
            program.guards.clone().into(),
        );
        let mut writer = Writer::new(plan, by, known, shared);
        let [values, derivatives] = writer.write().map_err(refused)?;
        let Assembler {
            builder,
            needs,
            constants,
            ..
        } = writer.assembler;
        let code = builder
            .finish((values, writer.less), needs, writer.known)
            .map_err(refused)?;
        let constants = constants
            .iter()
            .flat_map(|&c| std::iter::repeat_n(c, lanes));
        Ok(Unit {
            code,
            constants: constants.collect(),
            values,
            derivatives,
            has_derivatives,
            joint: None,
        })
    }

    /// Runs functions in rooms of this size: frame, values, derivatives.
    #[inline(always)]
    fn run(
        &self,
        functions: std::ops::Range<usize>,
        inputs: &[f64],
        rooms: [&mut [f64]; 3],
    ) -> i32 {
        self.code.run(functions, inputs, &self.constants, rooms)
    }
}
