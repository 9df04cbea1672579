//! Numbers from outside of a part: its operands, what is used of it elsewhere, and their adjoints.

use super::assembler::Outside;
use super::held::NONE;
use super::native::Room;
use super::parts::{At, Part};
use super::writer::Writer;
use crate::function::walk::Sweep;
use cranelift_codegen::ir::{InstBuilder, Value};

/// Where the numbers from outside of a part are.
pub(super) struct Outsides<'a> {
    pub part: &'a Part,
    /// Where its table begins among the constants.
    table: usize,
    /// How much farther an adjoint is in the frame than the number.
    shift: usize,
    /// For each index of the body which of its outputs it is.
    outputs: Vec<u32>,
    carried: Vec<Carried>,
}

/// What a repetition takes over from the one before.
#[derive(Clone, Copy)]
struct Carried {
    input: u32,
    /// The index of the output that the repetition before has for it.
    output: u32,
    /// Where in the frame the first repetition has it.
    place: usize,
    /// What is carried in the function that is written.
    value: Value,
}

/// A place of the frame that does not advance.
fn first(place: usize) -> Outside {
    Outside::Strided {
        room: Room::Frame,
        place,
        stride: 0,
    }
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
