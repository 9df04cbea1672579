//! How the code of a part reads and writes the numbers from outside, and hands numbers from one repetition to the next.

use super::assembler::Outside;
use super::held::NONE;
use super::native::Room;
use super::outsides::Carried;
use super::parts::At;
use super::writer::Writer;
use crate::function::walk::Sweep;
use cranelift_codegen::ir::{InstBuilder, Value};

/// A place of the frame that does not advance.
fn first(place: usize) -> Outside {
    Outside::Strided {
        room: Room::Frame,
        place,
        stride: 0,
    }
}

impl Writer<'_> {
    fn carried(&self) -> Vec<Carried> {
        let outsides = self.outsides.as_ref();
        outsides.map_or_else(Vec::new, |outsides| outsides.carried.clone())
    }

    /// Whether an input of a part is an output of the repetition before.
    pub(super) fn is_carried(&self, index: u32) -> bool {
        let outsides = self.outsides.as_ref();
        let input = outsides.and_then(|outsides| outsides.part.inputs.get(index as usize));
        matches!(input, Some(At::Carried { .. }))
    }

    /// Begins a loop: upward values are carried in registers, downward adjoints.
    pub(super) fn begin_carrying(&mut self, is_reverse: bool) {
        let mut carried = self.carried();
        let initial: Vec<Value> = carried
            .iter()
            .map(|carried| match is_reverse {
                true => self.assembler.constant(0.0),
                false => self.assembler.load_outside(first(carried.place)),
            })
            .collect();
        let values = self.assembler.begin_repetitions(is_reverse, &initial);
        for (carried, value) in carried.iter_mut().zip(values) {
            carried.value = value;
            if !is_reverse {
                self.hold_value(carried.input, value);
                if self.plan.is_wanted[carried.input as usize] {
                    self.places[carried.input as usize] = self.store(value);
                }
            }
        }
        let outsides = self.outsides.as_mut().expect("a part has a loop");
        outsides.carried = carried;
    }

    /// Adds what the repetition after has handed on to the adjoints of the outputs.
    pub(super) fn take_carried_adjoints(&mut self, sweep: &Sweep) {
        for carried in self.carried() {
            self.adjoints.is_begun[carried.input as usize] = false;
            if sweep.is_reached[carried.output as usize] {
                let adjoint = self.adjoint(carried.output).expect("it has begun");
                let sum = self.assembler.ins().fadd(adjoint, carried.value);
                self.hold_adjoint(carried.output, sum);
            }
        }
    }

    /// Ends a loop.
    pub(super) fn end_carrying(&mut self, is_reverse: bool, size: usize) {
        let carried = self.carried();
        let next: Vec<Value> = carried
            .iter()
            .map(|carried| match is_reverse {
                true => match self.adjoint(carried.input) {
                    Some(adjoint) => adjoint,
                    None => self.assembler.constant(0.0),
                },
                false => self.value_of(carried.output),
            })
            .collect();
        self.assembler.end_repetitions(size, &next);
        if is_reverse {
            let shift = self.outsides.as_ref().map_or(0, |outsides| outsides.shift);
            for (carried, value) in carried.iter().zip(next) {
                let at = first(carried.place + shift);
                let so_far = self.assembler.load_outside(at);
                let sum = self.assembler.ins().fadd(so_far, value);
                self.assembler.store_outside(at, sum);
            }
        }
    }

    pub(super) fn is_output(&self, index: u32) -> bool {
        let outsides = self.outsides.as_ref();
        outsides.is_some_and(|outsides| outsides.outputs[index as usize] != NONE)
    }

    /// Whether an input of a part can be the same number as another one, so that their adjoints are one.
    pub(super) fn is_doubled(&self, index: u32) -> bool {
        let outsides = self.outsides.as_ref();
        outsides.is_some_and(|outsides| outsides.part.is_doubled.get(index as usize) == Some(&true))
    }

    /// Loads an input or a constant of a part, or an output if `is_output`.
    pub(super) fn load_outside(&mut self, index: u32, is_output: bool) -> Option<Value> {
        let outsides = self.outsides.as_ref()?;
        let outside = if is_output {
            outsides.output(outsides.outputs[index as usize])
        } else if (index as usize) < self.plan.program.first_node() {
            outsides.operand(index as usize)
        } else {
            return None;
        };
        Some(self.assembler.load_outside(outside))
    }

    pub(super) fn store_output(&mut self, index: u32, value: Value) {
        let outsides = self.outsides.as_ref().expect("an output of a part");
        let outside = outsides.output(outsides.outputs[index as usize]);
        self.assembler.store_outside(outside, value);
    }

    /// Where the adjoint of an input or output of a part is.
    pub(super) fn outside_of_adjoint(&self, index: u32) -> Option<Outside> {
        let outsides = self.outsides.as_ref()?;
        let k = outsides.outputs[index as usize];
        let outside = if (index as usize) < self.plan.program.inputs {
            outsides.operand(index as usize)
        } else if k != NONE {
            outsides.output(k)
        } else {
            return None;
        };
        Some(outsides.adjoint(outside))
    }

    /// What a function returns when guard `k` trips.
    pub(super) fn code_of_guard(&mut self, k: usize) -> Value {
        let part = self.outsides.as_ref().map(|outsides| outsides.part);
        let (first, each) = part.map_or((0, 0), |part| (part.first_guard, part.body.guards.len()));
        self.assembler.counted(first + k + 1, each)
    }

    /// The address of a user's operation, which a node names by its parameter.
    pub(super) fn custom(&mut self, n: i32) -> Value {
        let outsides = self.outsides.as_ref();
        if let Some(outsides) = outsides.filter(|outsides| outsides.part.count > 1) {
            let (place, stride) = outsides.entry(n as usize);
            return self.assembler.load_address(place, stride);
        }
        let custom: *const _ = &self.known.0[n as usize];
        self.assembler.pointer(custom as usize)
    }
}
