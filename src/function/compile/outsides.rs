//! Numbers from outside of a part: its operands, what is used of it elsewhere, and their adjoints.

use super::assembler::Outside;
use super::held::NONE;
use super::native::Room;
use super::parts::{At, Part};
use cranelift_codegen::ir::Value;

/// Where the numbers from outside of a part are.
pub(super) struct Outsides<'a> {
    pub part: &'a Part,
    /// Where its table begins among the constants.
    table: usize,
    /// How much farther an adjoint is in the frame than the number.
    pub shift: usize,
    /// For each index of the body which of its outputs it is.
    pub outputs: Vec<u32>,
    pub carried: Vec<Carried>,
}

/// What a repetition takes over from the one before.
#[derive(Clone, Copy)]
pub(super) struct Carried {
    pub input: u32,
    /// The index of the output that the repetition before has for it.
    pub output: u32,
    /// Where in the frame the first repetition has it.
    pub place: usize,
    /// What is carried in the function that is written.
    pub value: Value,
}

impl<'a> Outsides<'a> {
    pub(super) fn new(part: &'a Part, table: usize, shift: usize) -> Outsides<'a> {
        let mut outputs = vec![NONE; part.body.len()];
        for (k, &output) in part.body.outputs.iter().enumerate() {
            outputs[output as usize] = k as u32;
        }
        let carried = part
            .inputs
            .iter()
            .enumerate()
            .filter_map(|(input, at)| match *at {
                At::Carried { output, place } => Some(Carried {
                    input: input as u32,
                    output: part.body.outputs[output],
                    place,
                    value: Value::from_u32(0),
                }),
                _ => None,
            });
        Outsides {
            carried: carried.collect(),
            part,
            table,
            shift,
            outputs,
        }
    }

    /// An entry of the row of the table.
    pub(super) fn entry(&self, column: usize) -> (usize, isize) {
        (self.table + column, self.part.width as isize)
    }

    /// Where an input or constant is.
    pub(super) fn operand(&self, index: usize) -> Outside {
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
            At::Carried { .. } => unreachable!("it is carried in a register"),
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
    pub(super) fn output(&self, k: u32) -> Outside {
        Outside::Strided {
            room: Room::Frame,
            place: self.part.first_output + k as usize,
            stride: self.part.body.outputs.len() as isize,
        }
    }

    /// Where the adjoint of a number is.
    pub(super) fn adjoint(&self, outside: Outside) -> Outside {
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
