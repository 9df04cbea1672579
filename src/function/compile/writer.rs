//! What the functions of a program, or of a part of one, share: which numbers are in registers, and where the others are stored.
//!
//! Within a function everything is in registers, and the compiler sees to it that they suffice. The derivatives of a part are written
//! before its values: what they ask of the values gets a place in the frame, and the values store just that.

use super::assembler::{Assembler, At};
use super::native::Room;
use super::parts::Part;
use crate::function::emit::Sweep;
use crate::function::program::Program;
use crate::graph::Custom;
use crate::rows::Op;
use cranelift_codegen::ir::Value;
use std::ops::Range;

/// A number that was not used for this many instructions is loaded again, if it can be, rather than kept in a register.
const AGE: u32 = 12;

/// In a long function, a value that is used after more nodes than this is stored meanwhile: it would only take a register that the
/// others need.
const FAR: u32 = 12;

/// Writes the functions of a program, or of one repetition of a part.
pub(super) struct Writer<'a> {
    pub program: &'a Program,
    pub assembler: &'a mut Assembler,
    /// The users' operations, which code knows by their addresses.
    pub customs: &'a [Custom],
    /// What connects a part with the others; a whole program has nothing of the kind.
    pub border: Option<Border<'a>>,
    /// What the adjoints of the first inputs of a whole program, this many, get is added to what is there.
    pub shared: usize,
    /// The places of the frame for what a function stores meanwhile; a short one stores nothing.
    pub scratch: Range<usize>,
    /// The numbers that are in registers, each with the number of instructions when it was used last.
    values: Vec<Option<(Value, u32)>>,
    /// Where the values of nodes are stored that the derivatives ask for.
    places: Vec<Option<At>>,
    /// The last node that uses each number.
    last_use: Vec<u32>,
    pub adjoints: Adjoints,
    /// The largest number of operands of an operation that is called with a slice. The frame begins with room for
    /// its operands and partials, and one result.
    pub longest: usize,
}

/// The border of a part.
pub(super) struct Border<'a> {
    pub part: &'a Part,
    /// How much farther an adjoint is in the frame than its number.
    pub farther: usize,
}

/// The adjoints while contributions are added to them.
#[derive(Default)]
pub(super) struct Adjoints {
    /// The sum of the contributions to each number so far, if that is in a register.
    pub held: Vec<Option<Value>>,
    /// Where that sum is stored, if that is not where the adjoint is stored.
    pub stored: Vec<Option<At>>,
    /// For each number the next contribution to it.
    pub touched: Vec<u32>,
    /// The numbers for which these three have something, of the last sweep.
    pub reached: Vec<u32>,
    /// For each contribution the next one to the same number, or the first one of that number.
    pub next: Vec<u32>,
    /// The number of contributions so far.
    pub count: u32,
    /// The output of a whole program whose derivatives are written, and its index.
    pub output: Option<(usize, u32)>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        program: &'a Program,
        assembler: &'a mut Assembler,
        customs: &'a [Custom],
        border: Option<Border<'a>>,
    ) -> Writer<'a> {
        let called = |op: Op| op.is_slice() && !matches!(op, Op::Sum | Op::Dot) || op == Op::Custom;
        let called = program.nodes.iter().filter(|node| called(node.op));
        let longest = called.map(|node| node.count as usize).max();
        for _ in 0..longest.map_or(0, |longest| 2 * longest + 1) {
            assembler.new_place();
        }
        Writer {
            program,
            assembler,
            customs,
            border,
            shared: 0,
            scratch: 0..0,
            values: vec![None; program.len()],
            last_use: last_uses(program),
            places: vec![None; program.len()],
            adjoints: Adjoints::default(),
            longest: longest.unwrap_or(0),
        }
    }

    /// Writes two functions of a whole program: of the values, and of the values and the derivatives.
    pub(super) fn write_whole(&mut self, sweeps: &[Sweep]) -> Result<(), String> {
        for sweeps in [&[][..], sweeps] {
            self.begin();
            self.forward();
            for (k, &output) in self.program.outputs.iter().enumerate() {
                let value = self.value_of(output);
                self.assembler.store(At::fixed(Room::Values, k), value);
            }
            let scratch = self.scratch.clone();
            for (k, sweep) in sweeps.iter().enumerate() {
                self.scratch = scratch.clone();
                self.sweep(k, sweep);
            }
            self.assembler.end()?;
        }
        Ok(())
    }

    pub(super) fn begin(&mut self) {
        self.values.fill(None);
        self.assembler.begin();
    }

    /// The value of an index.
    pub(super) fn value_of(&mut self, index: u32) -> Value {
        let k = index as usize;
        let now = self.assembler.written;
        let place = self.place_of(index);
        if let Some((value, at)) = &mut self.values[k]
            && (place.is_none() || now - *at <= AGE)
        {
            *at = now;
            return *value;
        }
        let place = place.unwrap_or_else(|| {
            let place = self.assembler.new_place();
            self.places[k] = Some(place);
            place
        });
        let value = self.assembler.load(place);
        self.hold(index, value);
        value
    }

    /// Where the value of an index is stored, if it is not only in a register.
    fn place_of(&self, index: u32) -> Option<At> {
        let (k, program) = (index as usize, self.program);
        self.places[k].or_else(|| match &self.border {
            Some(border) => border.value(index),
            None if k < program.inputs => Some(At::fixed(Room::Inputs, k)),
            None if k < program.first_node() => Some(At::fixed(Room::Constants, k - program.inputs)),
            None => None,
        })
    }

    fn hold(&mut self, index: u32, value: Value) {
        self.values[index as usize] = Some((value, self.assembler.written));
    }

    /// A place of the frame that is free until the function ends, if it is long.
    pub(super) fn new_scratch(&mut self) -> Option<At> {
        let place = self.scratch.next()?;
        Some(At::fixed(Room::Frame, place))
    }

    /// Gives an index its value.
    pub(super) fn define(&mut self, index: u32, value: Value) {
        self.hold(index, value);
        let place = self.place_of(index).or_else(|| {
            let node = (index as usize).checked_sub(self.program.first_node())?;
            // Those of a whole program are used again by its sweeps.
            let is_far = self.border.is_none() || self.last_use[index as usize] > node as u32 + FAR;
            let place = is_far.then(|| self.new_scratch())??;
            self.places[index as usize] = Some(place);
            Some(place)
        });
        if let Some(place) = place {
            self.assembler.store(place, value);
        }
    }
}

/// For each index the last node that uses it, or that a guard which does so comes before.
fn last_uses(program: &Program) -> Vec<u32> {
    let mut last_use = vec![0; program.len()];
    let guards = program.guards.iter().map(|guard| (guard.after, &guard.operands[..]));
    let nodes = program.nodes.iter().map(|node| program.operands(node));
    for (i, operands) in guards.chain((0..).zip(nodes)) {
        for &k in operands {
            let last = &mut last_use[k as usize];
            *last = i.max(*last);
        }
    }
    last_use
}
