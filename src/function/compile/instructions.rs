//! What the processor computes by itself: values of rows of the table that need no call.
//!
//! The table gives a row's value as Rust. Where that text is one of those below, a few instructions give the same number
//! bit for bit; every other row is called.

use super::assembler::Assembler;
use crate::rows::{Op, ROWS};
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Value};
use std::sync::LazyLock;

/// How the value of a row is computed, if it is not called.
#[derive(Clone, Copy)]
pub(super) enum Instruction {
    /// By these instructions, from the operands.
    Of(fn(&mut Assembler, &[Value]) -> Value),
    /// As a product with one rounding, if the machine has that.
    Fused,
    /// As a product of few factors.
    Power,
    /// As 1 where the comparison holds, else 0.
    Mask(FloatCC),
}
use Instruction::{Fused, Mask, Of, Power};

/// Without spaces.
const TEXTS: [(&str, Instruction); 20] = [
    ("x+y", Of(|by, x| by.ins().fadd(x[0], x[1]))),
    ("x-y", Of(|by, x| by.ins().fsub(x[0], x[1]))),
    ("x*y", Of(|by, x| by.ins().fmul(x[0], x[1]))),
    ("x/y", Of(|by, x| by.ins().fdiv(x[0], x[1]))),
    ("-x", Of(|by, x| by.ins().fneg(x[0]))),
    ("x.sqrt()", Of(|by, x| by.ins().sqrt(x[0]))),
    ("x.abs()", Of(|by, x| by.ins().fabs(x[0]))),
    ("x.recip()", Of(Assembler::reciprocal)),
    ("x.mul_add(a,b)", Fused),
    ("special::max(x,y)", Of(|by, x| by.one_of(FloatCC::GreaterThan, x))),
    ("special::min(x,y)", Of(|by, x| by.one_of(FloatCC::LessThan, x))),
    ("x.powi(n)", Power),
    ("special::relu(x)", Of(Assembler::positive)),
    ("special::clamp(x,low,high)", Of(Assembler::bounded)),
    ("ifmask!=0.0{a}else{b}", Of(Assembler::choice)),
    ("ifx>y{1.0}else{0.0}", Mask(FloatCC::GreaterThan)),
    ("ifx>=y{1.0}else{0.0}", Mask(FloatCC::GreaterThanOrEqual)),
    ("ifx<y{1.0}else{0.0}", Mask(FloatCC::LessThan)),
    ("ifx<=y{1.0}else{0.0}", Mask(FloatCC::LessThanOrEqual)),
    ("ifx==y{1.0}else{0.0}", Mask(FloatCC::Equal)),
];

/// The instructions for each operation, by its number.
static INSTRUCTIONS: LazyLock<Vec<Option<Instruction>>> = LazyLock::new(|| {
    let of = |op: &Op| {
        let row = ROWS.iter().find(|row| row.op == *op)?;
        let text = row.value.replace(' ', "");
        TEXTS.iter().find(|known| known.0 == text).map(|known| known.1)
    };
    Op::ALL.iter().map(of).collect()
});

/// The largest exponent of a power that is multiplied out.
const LARGEST_POWER: u32 = 64;

/// How the value of an operation with that parameter is computed on this machine, if it is not called.
pub(super) fn instruction(assembler: &Assembler, op: Op, n: i32) -> Option<Instruction> {
    INSTRUCTIONS[op as usize].filter(|instruction| match instruction {
        Fused => assembler.has("has_fma"),
        Power => n.unsigned_abs() <= LARGEST_POWER,
        _ => true,
    })
}

impl Assembler {
    /// The value of an instruction.
    pub(super) fn compute(&mut self, instruction: Instruction, n: i32, x: &[Value]) -> Value {
        match instruction {
            Of(write) => write(self, x),
            Fused => self.ins().fma(x[0], x[1], x[2]),
            Power => self.power(x[0], n),
            Mask(condition) => {
                let mask = self.mask(condition, x[0], x[1]);
                let one = self.constant(1.0);
                self.keep(mask, one)
            }
        }
    }

    fn reciprocal(&mut self, x: &[Value]) -> Value {
        let one = self.constant(1.0);
        self.ins().fdiv(one, x[0])
    }

    fn positive(&mut self, x: &[Value]) -> Value {
        let zero = self.constant(0.0);
        let mask = self.mask(FloatCC::LessThanOrEqual, x[0], zero);
        self.drop(mask, x[0])
    }

    /// The function is left where bounds cross.
    fn bounded(&mut self, x: &[Value]) -> Value {
        let &[x, low, high] = x else {
            unreachable!("a number and two bounds");
        };
        let in_order = self.holds(FloatCC::LessThanOrEqual, low, high, true);
        self.exit_unless(in_order);
        let below = self.mask(FloatCC::LessThan, x, low);
        let x = self.select(below, low, x);
        let above = self.mask(FloatCC::GreaterThan, x, high);
        self.select(above, high, x)
    }

    fn choice(&mut self, x: &[Value]) -> Value {
        let zero = self.constant(0.0);
        let mask = self.mask(FloatCC::NotEqual, x[0], zero);
        self.select(mask, x[1], x[2])
    }

    /// The second number where it stands to the first in that order or the first is NaN, else the first.
    fn one_of(&mut self, order: FloatCC, x: &[Value]) -> Value {
        let (x, y) = (x[0], x[1]);
        let is_second = self.mask(order, y, x);
        let chosen = self.select(is_second, y, x);
        let is_nan = self.mask(FloatCC::NotEqual, x, x);
        self.select(is_nan, y, chosen)
    }

    /// A power by squaring, as the compiler's own library does it.
    fn power(&mut self, x: Value, n: i32) -> Value {
        let (mut square, mut left, mut product) = (x, n.unsigned_abs(), None);
        loop {
            if left & 1 == 1 {
                product = Some(match product {
                    Some(product) => self.ins().fmul(product, square),
                    None => square,
                });
            }
            left /= 2;
            if left == 0 {
                break;
            }
            square = self.ins().fmul(square, square);
        }
        let one = self.constant(1.0);
        match product {
            None => one,
            Some(product) if n < 0 => self.ins().fdiv(one, product),
            Some(product) => product,
        }
    }
}
