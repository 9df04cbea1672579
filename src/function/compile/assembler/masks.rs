//! Comparisons, and choices by them.

use super::Assembler;
use cranelift_codegen::ir::condcodes::{FloatCC, IntCC};
use cranelift_codegen::ir::{Endianness, InstBuilder, MemFlagsData, Value, types};

impl Assembler {
    /// A number as a vector, in which masks are made.
    fn vector(&mut self, x: Value) -> Value {
        match self.lanes {
            1 => self.ins().scalar_to_vector(types::F64X2, x),
            _ => x,
        }
    }

    fn of_vector(&mut self, x: Value) -> Value {
        match self.lanes {
            1 => self.ins().extractlane(x, 0),
            _ => x,
        }
    }

    /// Where the comparison holds: all bits of a lane are set, or none.
    pub(crate) fn mask(&mut self, condition: FloatCC, x: Value, y: Value) -> Value {
        let (x, y) = (self.vector(x), self.vector(y));
        self.ins().fcmp(condition, x, y)
    }

    /// `yes` where the mask is set, else `no`.
    pub(crate) fn select(&mut self, mask: Value, yes: Value, no: Value) -> Value {
        let mask = self.bits_as_numbers(mask);
        let (yes, no) = (self.vector(yes), self.vector(no));
        let chosen = self.ins().bitselect(mask, yes, no);
        self.of_vector(chosen)
    }

    /// `x` where the mask is set, else 0.
    pub(crate) fn keep(&mut self, mask: Value, x: Value) -> Value {
        let mask = self.bits_as_numbers(mask);
        let x = self.vector(x);
        let kept = self.ins().band(mask, x);
        self.of_vector(kept)
    }

    /// 0 where the mask is set, else `x`.
    pub(crate) fn drop(&mut self, mask: Value, x: Value) -> Value {
        let mask = self.bits_as_numbers(mask);
        let x = self.vector(x);
        let kept = self.ins().band_not(x, mask);
        self.of_vector(kept)
    }

    fn bits_as_numbers(&mut self, mask: Value) -> Value {
        let flags = MemFlagsData::new().with_endianness(Endianness::Little);
        self.ins().bitcast(types::F64X2, flags, mask)
    }

    /// Whether the comparison has the answer in all lanes, as a condition of an exit.
    pub(crate) fn holds(&mut self, condition: FloatCC, x: Value, y: Value, answer: bool) -> Value {
        let holds = self.ins().fcmp(condition, x, y);
        let any_or_all = match answer {
            _ if self.lanes == 1 => holds,
            true => self.ins().vall_true(holds),
            false => self.ins().vany_true(holds),
        };
        if answer { any_or_all } else { self.ins().icmp_imm_u(IntCC::Equal, any_or_all, 0) }
    }
}
