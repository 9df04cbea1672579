//! What the functions of a compiled program share: where each number is at the moment, and where they are cut.
//!
//! A program of some hundred operations is one function, whose numbers are in registers. A longer one is cut into
//! functions of about equal length, so that compiling takes linear time; numbers go from one to the next
//! by places of the frame. A number that is used again at once is not stored.

use super::assembler::Assembler;
use super::held::{Adjoints, Held, NEAR, NONE};
use super::native::{Known, Needs, Room};
use super::outsides::Outsides;
use super::plan::Plan;
use crate::function::walk::write_forward;
use cranelift_codegen::ir::Value;

/// A number that was not used for so many instructions is loaded again rather than kept in a register.
const AGE: u32 = 12;
/// Places of the frame, to be used again.
#[derive(Default)]
struct Frame {
    owners: Vec<u32>,
    free: Vec<u32>,
}

/// Writes the functions of a program.
pub(super) struct Writer<'a> {
    pub plan: Plan<'a>,
    pub assembler: Assembler,
    /// The first so many inputs are the same in all rows, and what their adjoints get is added to what is there.
    pub shared: usize,
    /// The function that is open.
    pub function: u32,
    values: Vec<Held>,
    /// Where the value of each index is stored in the frame.
    pub places: Vec<u32>,
    /// What is held only, for as long as it is needed.
    held: Vec<u32>,
    frame: Frame,
    pub adjoints: Adjoints,
    pub known: Known,
    /// Where the numbers from outside of a part are, if it is one.
    pub outsides: Option<Outsides<'a>>,
    /// What the functions of the values need.
    pub less: Needs,
    error: Option<String>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(
        plan: Plan<'a>,
        assembler: Assembler,
        known: Known,
        shared: usize,
    ) -> Writer<'a> {
        let len = plan.program.len();
        Writer {
            // What operations with slices are called with: operands, partials, one result.
            frame: Frame {
                owners: vec![1; 2 * plan.longest + usize::from(plan.longest > 0)],
                free: Vec::new(),
            },
            plan,
            assembler,
            shared,
            function: 0,
            values: vec![Held::not(); len],
            places: vec![NONE; len],
            held: Vec::new(),
            adjoints: Adjoints::new(len),
            known,
            outsides: None,
            less: Needs::default(),
            error: None,
        }
    }

    /// Writes all functions; returns where those of the values end, and where those of the derivatives begin.
    pub(super) fn write(&mut self) -> Result<[usize; 2], String> {
        self.assembler.begin();
        self.forward();
        let values = if self.plan.is_whole {
            self.end();
            let values = self.assembler.builder.len();
            self.less = self.assembler.needs;
            if !self.plan.sweeps.is_empty() {
                self.begin();
                self.forward();
                self.sweeps();
                self.end();
            }
            [values, values]
        } else {
            self.end();
            let values = self.assembler.builder.len();
            self.less = self.assembler.needs;
            if !self.plan.sweeps.is_empty() {
                self.begin();
                self.sweeps();
                self.end();
            }
            [values, 0]
        };
        self.error.take().map_or(Ok(values), Err)
    }

    fn forward(&mut self) {
        write_forward(self.plan.program, self);
        for (k, &output) in self.plan.program.outputs.iter().enumerate() {
            self.cut_if_long();
            let value = self.value_of(output);
            self.assembler.store(Room::Values, k, value);
        }
    }

    fn sweeps(&mut self) {
        let sweeps = std::mem::take(&mut self.plan.sweeps);
        for (k, sweep) in sweeps.iter().enumerate() {
            self.sweep(k, sweep);
        }
        self.plan.sweeps = sweeps;
    }

    /// Writes the functions of a part: those of the values, or those of the derivatives.
    pub(super) fn write_part(&mut self, is_reverse: bool) -> Result<(), String> {
        let has_loop = self.assembler.own.count > 1;
        self.begin();
        if has_loop {
            self.begin_carrying(is_reverse);
        }
        if is_reverse {
            self.sweeps();
        } else {
            write_forward(self.plan.program, self);
        }
        if has_loop {
            let places = self.places_of_frame();
            let size = self.assembler.own.size.min(places);
            self.end_carrying(is_reverse, size);
        }
        self.end();
        self.error.take().map_or(Ok(()), Err)
    }

    /// How many places of the frame there are.
    pub(super) fn places_of_frame(&self) -> usize {
        self.frame.owners.len()
    }

    fn begin(&mut self) {
        self.function += 1;
        self.assembler.begin();
    }

    fn end(&mut self) {
        if let Err(error) = self.assembler.end() {
            self.error.get_or_insert(error);
        }
    }

    pub(super) fn is_long(&self) -> bool {
        !self.plan.is_whole && self.assembler.written >= self.plan.length
    }

    /// Goes on in the next function if this one is long.
    pub(super) fn cut_if_long(&mut self) {
        if !self.is_long() {
            return;
        }
        for index in std::mem::take(&mut self.held) {
            let held = self.values[index as usize];
            if held.function == self.function && self.places[index as usize] == NONE {
                self.places[index as usize] = self.store(held.value);
            }
        }
        self.store_held_adjoints();
        self.end();
        self.begin();
    }

    /// Stores a number in a place of the frame that is free.
    pub(super) fn store(&mut self, x: Value) -> u32 {
        let place = self.frame.free.pop().unwrap_or_else(|| {
            self.frame.owners.push(0);
            self.frame.owners.len() as u32 - 1
        });
        self.frame.owners[place as usize] = 1;
        self.assembler.store(Room::Frame, place as usize, x);
        place
    }

    /// One owner of a place more.
    pub(super) fn share(&mut self, place: u32) {
        self.frame.owners[place as usize] += 1;
    }

    /// One owner of a place less.
    pub(super) fn free(&mut self, place: u32) {
        let owners = &mut self.frame.owners[place as usize];
        *owners -= 1;
        if *owners == 0 {
            self.frame.free.push(place);
        }
    }

    /// The value of an index.
    pub(super) fn value_of(&mut self, index: u32) -> Value {
        let program = self.plan.program;
        let (k, place) = (index as usize, self.places[index as usize]);
        let first_node = program.first_node();
        let is_output = self.is_output(index);
        let is_carried = self.is_carried(index);
        let is_stored = k < first_node && !is_carried || place != NONE || is_output;
        let now = self.assembler.written;
        let held = &mut self.values[k];
        if held.function == self.function && !(is_stored && now - held.at > AGE) {
            held.at = now;
            return held.value;
        }
        let value = if is_carried {
            debug_assert!(place != NONE, "what is carried is held or stored");
            self.assembler.load(Room::Frame, place as usize)
        } else if let Some(value) = self.load_outside(index, place == NONE && is_output) {
            value
        } else if k < program.inputs {
            self.assembler.load(Room::Inputs, k)
        } else if k < first_node {
            self.assembler.load(Room::Constants, k - program.inputs)
        } else {
            debug_assert!(is_stored, "a value is held or stored");
            self.assembler.load(Room::Frame, place as usize)
        };
        self.hold_value(index, value);
        value
    }

    pub(super) fn hold_value(&mut self, index: u32, value: Value) {
        self.values[index as usize] = Held {
            function: self.function,
            at: self.assembler.written,
            value,
        };
    }

    /// Gives a node its value, now that so many operands of the program have been read, `operands` last.
    pub(super) fn define(&mut self, index: u32, value: Value, operands: &[u32], read: u32) {
        self.hold_value(index, value);
        self.places[index as usize] = NONE;
        if self.plan.is_whole {
            return;
        }
        for &k in operands {
            let (plan, place) = (&self.plan, self.places[k as usize]);
            if place != NONE && !plan.is_wanted[k as usize] && plan.last_use[k as usize] < read {
                self.places[k as usize] = NONE;
                self.free(place);
            }
        }
        if self.is_output(index) {
            self.store_output(index, value);
            return;
        }
        let last_use = self.plan.last_use[index as usize];
        if self.plan.is_wanted[index as usize] || last_use > read + NEAR {
            self.places[index as usize] = self.store(value);
        } else {
            self.held.push(index);
            if self.held.len() > 4 * NEAR as usize {
                let last_use = &self.plan.last_use;
                self.held.retain(|&index| last_use[index as usize] >= read);
            }
        }
    }
}
