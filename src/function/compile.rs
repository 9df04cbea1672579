//! Functions in native code.
//!
//! What is computed is what the replay computes: values bit for bit, because everything that is not plain arithmetic is a call of
//! the very function of the table; gradients too.
//!
//! The replay skips a zero adjoint; the code multiplies it. The product is 0, or NaN if the partial is not finite. A NaN always
//! reaches an output of the sweep, except where a switch or a step stops it, where the right answer is also "nothing". So: no
//! NaN means the gradient is right; with a NaN the replay computes it again. In the same way a rule need not ask whether its
//! result is NaN where an output would be NaN, too.
//!
//! The stages, from a program to a [`Unit`] of machine code:
//!
//! 1. A small program is one function, for the values and once more for the values and the derivatives (`writer`). So is one
//!    with many outputs, if the sweeps from all of them are not too much code. Any other one goes through 2 to 4.
//! 2. A recorded loop left the same operations many times. Sums are unrolled (`unroll_sums`), so that each repetition adds
//!    its terms, and what `repeats` is found. What does not repeat is cut into pieces, which are loops of one turn.
//! 3. Each of these segments becomes one of the `parts`: a small program of one repetition, which says where the numbers that
//!    it takes from outside are stored in each repetition, and where those that are used outside.
//! 4. Of each part two functions are written (`loops`, and for what connects them `border`).
//! 5. The writer goes through the items and contributions from which Rust is written, too ([`emit`](super::emit)): upward for
//!    values (`forward`), downward for adjoints (`reverse`), with the partials of the table (`rule`, `instructions`).
//! 6. The `assembler` writes the instructions of one function after the other, loops over repetitions, and calls of the
//!    table's functions (`shims`); `native` makes machine code of them and runs it.
//!
//! A user sees the `compiled` function of one point, and the same over `rows`.

mod assembler;
mod border;
mod compiled;
mod forward;
mod instructions;
#[cfg(test)]
mod loop_tests;
mod loops;
mod native;
mod parts;
mod repeats;
mod reverse;
mod rows;
mod rule;
#[cfg(test)]
mod tests;
mod unroll_sums;
mod writer;

pub use compiled::Compiled;

use super::Function;
use super::emit::{Sweep, Sweeper};
use super::program::Program;
use crate::graph::Custom;
use crate::refusal::debug_as_displayed;
use assembler::Assembler;
use native::{Builder, Code, Room};
use std::fmt;
use std::ops::Range;
use std::sync::Arc;
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
#[derive(Clone, PartialEq, Eq)]
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
            CompileError::Refused(why) => {
                write!(f, "the compiler refused the function ({why}): call the function itself")
            }
        }
    }
}

debug_as_displayed!(CompileError);
impl std::error::Error for CompileError {}

impl Function {
    /// The function in native code, for this machine, with the feature `jit`.
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
        Ok(Compiled { function: self.clone(), unit: Unit::of(&self.program, sizes, 1, 0)? })
    }
}

/// How a program is cut.
#[derive(Clone, Copy)]
struct Sizes {
    /// A program of fewer operands than this, in both directions together, is one function.
    whole: usize,
    /// The most operations of a part that does not repeat.
    length: usize,
}

impl Sizes {
    const USUAL: Sizes = Sizes { whole: 700, length: 400 };
}

/// For more outputs, sweeps through all parts would be more work than one from each output.
const OUTPUTS: usize = 8;
/// The sweeps may have up to 8 times as many contributions as there are operands.
const SWEEPS: usize = 8;
/// A function of more operands would be too large for the compiler.
const LARGEST_WHOLE: usize = 1 << 18;

/// The sweeps from all outputs, if these and the program have fewer operands together than `most`. Each sweep also stores the
/// adjoints of all inputs.
fn sweeps(program: &Program, most: usize) -> Option<Vec<Sweep>> {
    let mut left = most.checked_sub(program.operands.len() + 1)?;
    let (mut sweeper, mut sweeps) = (Sweeper::new(program), Vec::new());
    for &output in &program.outputs {
        let sweep = sweeper.sweep(&[output]);
        left = left.checked_sub(sweep.contributions.len() + program.inputs)?;
        sweeps.push(sweep);
    }
    Some(sweeps)
}

fn assembler(program: &Program, is_long: bool, lanes: usize) -> Result<Assembler, CompileError> {
    let builder = Builder::new(is_long).map_err(CompileError::NoMachine)?;
    // A NaN that any row of the table gets comes to an output, or nothing is contributed to it; not so with users' operations.
    let is_nan_seen = program.customs.is_empty();
    Ok(Assembler::new(builder, lanes, program.constants.clone(), is_nan_seen))
}

/// How the parts of a program work together.
struct Joint {
    /// Where in the frame the adjoints are.
    adjoints: Range<usize>,
    /// Where the outputs are stored.
    outputs: Vec<(Room, usize)>,
    /// The number of inputs to whose adjoints the sweep adds.
    shared: usize,
}

/// What a compilation makes.
struct Unit {
    code: Code,
    constants: Vec<f64>,
    /// How many numbers go through the code at a time.
    lanes: usize,
    /// How the parts work together, if it is in parts.
    joint: Option<Joint>,
}

impl Unit {
    /// The program for `lanes` lanes; what the adjoints of the first `shared` inputs get is added to what is there.
    fn of(program: &Program, sizes: Sizes, lanes: usize, shared: usize) -> Result<Unit, CompileError> {
        let most = match program.outputs.len() > OUTPUTS {
            true => LARGEST_WHOLE.min(sizes.whole + SWEEPS * program.operands.len()),
            false => sizes.whole,
        };
        match sweeps(program, most) {
            Some(sweeps) => Unit::whole(program, &sweeps, sizes, lanes, shared),
            None => Unit::of_parts(program, sizes, lanes, shared),
        }
    }

    /// The program as one function: of the values, and once more with the derivatives.
    fn whole(
        program: &Program,
        sweeps: &[Sweep],
        sizes: Sizes,
        lanes: usize,
        shared: usize,
    ) -> Result<Unit, CompileError> {
        let given = sweeps.iter().map(|sweep| sweep.contributions.len());
        let most = given.clone().max().unwrap_or(0);
        let is_long = program.operands.len() + given.sum::<usize>() >= sizes.whole;
        let scratch = if is_long { 0..program.len() + most } else { 0..0 };
        let mut by = assembler(program, is_long, lanes)?;
        by.own.base = scratch.end;
        let customs: Arc<[Custom]> = program.customs.clone().into();
        let mut writer = Writer::new(program, &mut by, &customs, None);
        writer.scratch = scratch;
        writer.shared = shared;
        writer.write_whole(sweeps).map_err(CompileError::Refused)?;
        Unit::finish(by, 1, customs, None)
    }

    fn finish(
        by: Assembler,
        values: usize,
        customs: Arc<[Custom]>,
        joint: Option<Joint>,
    ) -> Result<Unit, CompileError> {
        let code = by.builder.finish(values, by.needs, customs);
        let constants = by.constants.iter().flat_map(|&c| std::iter::repeat_n(c, by.lanes));
        Ok(Unit { code: code.map_err(CompileError::Refused)?, constants: constants.collect(), lanes: by.lanes, joint })
    }

    /// Runs functions in rooms of this size: frame, values, derivatives; whether all came to their end.
    #[inline(always)]
    fn run(&self, functions: Range<usize>, inputs: &[f64], rooms: [&mut [f64]; 3]) -> bool {
        self.code.run(functions, inputs, &self.constants, rooms)
    }
}
