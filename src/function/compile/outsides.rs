//! Numbers from outside of a part: its operands, what is used of it elsewhere, and their adjoints.

use super::assembler::Outside;
use super::held::NONE;
use super::native::Room;
use super::parts::{At, Part};
use super::writer::Writer;
use cranelift_codegen::ir::Value;

/// Where the numbers from outside of a part are.
pub(super) struct Outsides<'a> {
    pub part: &'a Part,
    /// Where its table begins among the constants.
    table: usize,
    /// How much farther an adjoint is in the frame than the number.
    shift: usize,
    /// For each index of the body which of its outputs it is.
    outputs: Vec<u32>,
}

impl<'a> Outsides<'a> {
    pub(super) fn new(part: &'a Part, table: usize, shift: usize) -> Outsides<'a> {
        let mut outputs = vec![NONE; part.body.len()];
        for (k, &output) in part.body.outputs.iter().enumerate() {
            outputs[output as usize] = k as u32;
        }
        Outsides {
            part,
            table,
            shift,
            outputs,
        }
    }

    /// An entry of the row of the table.
    fn entry(&self, column: usize) -> (usize, isize) {
        (self.table + column, self.part.width as isize)
    }

    /// Where an input or constant is.
    fn operand(&self, index: usize) -> Outside {
        let (part, inputs) = (self.part, self.part.body.inputs);
        let is_constant = index >= inputs;
        let at = match is_constant {
            false => part.inputs[index],
            true => part.constants[index - inputs],
        };
        match at {
            At::Strided {
                room,
                place,
                stride,
            } => Outside::Strided {
                room,
                place,
                stride,
            },
            At::Listed { room, column } => {
                let (place, stride) = self.entry(column);
                match is_constant {
                    true => Outside::Strided {
                        room,
                        place,
                        stride,
                    },
                    false => Outside::Listed {
                        room,
                        shift: 0,
                        place,
                        stride,
                    },
                }
            }
        }
    }

    /// Where output `k` is.
    fn output(&self, k: u32) -> Outside {
        Outside::Strided {
            room: Room::Frame,
            place: self.part.first_output + k as usize,
            stride: self.part.body.outputs.len() as isize,
        }
    }

    /// Where the adjoint of a number is.
    fn adjoint(&self, outside: Outside) -> Outside {
        let of = |room| match room {
            Room::Frame => (Room::Frame, self.shift),
            _ => (Room::Derivatives, 0),
        };
        match outside {
            Outside::Strided {
                room,
                place,
                stride,
            } => Outside::Strided {
                room: of(room).0,
                place: place + of(room).1,
                stride,
            },
            Outside::Listed {
                room,
                place,
                stride,
                ..
            } => Outside::Listed {
                room: of(room).0,
                shift: of(room).1,
                place,
                stride,
            },
        }
    }
}

impl Writer<'_> {
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
