//! What connects the code of a part with that of the others, and a repetition with the next one.

use super::assembler::At;
use super::native::Room;
use super::parts::{Carried, Part};
use super::writer::{Border, Writer};
use crate::function::emit::Sweep;
use cranelift_codegen::ir::{InstBuilder, Value};

impl Border<'_> {
    /// Where an input, an output or a constant of the part is stored, unless it is carried.
    pub(super) fn value(&self, index: u32) -> Option<At> {
        self.part.places[index as usize].filter(|at| !matches!(at, At::Carried { .. }))
    }

    /// Where the adjoint of an input or an output is stored, unless it is carried.
    pub(super) fn adjoint(&self, index: u32) -> Option<At> {
        Some(self.value(index)?.adjoint(self.farther))
    }
}

impl Writer<'_> {
    /// Writes the two functions of a part: the derivatives, then the values, which store what the derivatives ask for.
    pub(super) fn write_part(&mut self, part: &Part) -> Result<(), String> {
        let sweep = Sweep::of(self.program, &part.body.outputs);
        self.begin();
        self.derivatives_of_part(part, &sweep);
        self.assembler.end()?;
        self.begin();
        self.values_of_part(part);
        self.assembler.end()
    }

    /// Upward values are carried from one repetition to the next.
    fn values_of_part(&mut self, part: &Part) {
        if part.count == 1 {
            return self.forward();
        }
        let mut initial = Vec::new();
        for carried in &part.carried {
            initial.push(self.assembler.load(carried.first()));
        }
        let size = self.assembler.own.size;
        let values = self.assembler.begin_repetitions(false, &initial);
        for (carried, value) in part.carried.iter().zip(values) {
            self.define(carried.input, value);
        }
        self.forward();
        let next = part.carried.iter();
        let next: Vec<Value> = next.map(|carried| self.value_of(carried.output)).collect();
        assert_eq!(self.assembler.own.size, size, "no place was added");
        self.assembler.end_repetitions(&next);
    }

    /// The same for the derivatives: what is carried from one repetition to the next are adjoints.
    fn derivatives_of_part(&mut self, part: &Part, sweep: &Sweep) {
        self.begin_sweep(sweep, None);
        if part.count == 1 {
            return self.backward(sweep);
        }
        let zero = self.assembler.constant(0.0);
        let initial = vec![zero; part.carried.len()];
        let values = self.assembler.begin_repetitions(true, &initial);
        for (carried, value) in part.carried.iter().zip(values) {
            if sweep.reaches(carried.output) {
                self.add(carried.output, value, false);
            }
        }
        self.backward(sweep);
        let mut next = Vec::new();
        for carried in &part.carried {
            let adjoint = self.adjoint(carried.input);
            next.push(adjoint.unwrap_or_else(|| self.assembler.constant(0.0)));
        }
        self.assembler.end_repetitions(&next);
        let farther = self.border.as_ref().expect("a part has a border").farther;
        for (carried, value) in part.carried.iter().zip(next) {
            let at = carried.first().adjoint(farther);
            let so_far = self.assembler.load(at);
            let sum = self.assembler.ins().fadd(so_far, value);
            self.assembler.store(at, sum);
        }
    }

    /// The address of a user's operation, which a node names by its parameter.
    pub(super) fn custom(&mut self, n: i32) -> Value {
        let border = self.border.as_ref();
        if border.is_some_and(|border| border.part.count > 1) {
            return self.assembler.load_address(n as usize);
        }
        let custom: *const _ = &self.customs[n as usize];
        self.assembler.pointer(custom as usize)
    }
}

impl Carried {
    /// Where the first repetition finds it.
    fn first(&self) -> At {
        At::fixed(Room::Frame, self.place)
    }
}
