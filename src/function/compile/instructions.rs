//! What the processor computes by itself: values of rows of the table that need no call.
//!
//! The table tells a row's value as Rust. Where that text is one of those below, a few instructions give the same number
//! bit for bit; every other row is called.

use super::assembler::Assembler;
use crate::rows::Op;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Value};
use std::sync::LazyLock;

/// How the value of a row is computed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Instruction {
    Add,
    Sub,
    Mul,
    Div,
    Neg,
    Root,
    Absolute,
    Reciprocal,
    Fused,
    Larger,
    Smaller,
    Rectifier,
    Power,
    Bounded,
    Choice,
    Mask(FloatCC),
    /// None: it is called.
    Call,
}

/// Of each operation, by its number.
static INSTRUCTIONS: LazyLock<Vec<Instruction>> = LazyLock::new(|| {
    let has_row = |op: Op| !op.is_slice() && crate::rows::ROWS.iter().any(|row| row.op == op);
    let of = |&op: &Op| match has_row(op) {
        true => of_value(&op.row().value.replace(' ', "")),
        false => Instruction::Call,
    };
    Op::ALL.iter().map(of).collect()
});

fn of_value(text: &str) -> Instruction {
    use Instruction::*;
    match text {
        "x+y" => Add,
        "x-y" => Sub,
        "x*y" => Mul,
        "x/y" => Div,
        "-x" => Neg,
        "x.sqrt()" => Root,
        "x.abs()" => Absolute,
        "x.recip()" => Reciprocal,
        "x.mul_add(a,b)" => Fused,
        "special::max(x,y)" => Larger,
        "special::min(x,y)" => Smaller,
        "x.powi(n)" => Power,
        "special::relu(x)" => Rectifier,
        "special::clamp(x,low,high)" => Bounded,
        "ifmask!=0.0{a}else{b}" => Choice,
        "ifx>y{1.0}else{0.0}" => Mask(FloatCC::GreaterThan),
        "ifx>=y{1.0}else{0.0}" => Mask(FloatCC::GreaterThanOrEqual),
        "ifx<y{1.0}else{0.0}" => Mask(FloatCC::LessThan),
        "ifx<=y{1.0}else{0.0}" => Mask(FloatCC::LessThanOrEqual),
        "ifx==y{1.0}else{0.0}" => Mask(FloatCC::Equal),
        _ => Call,
    }
}

/// The largest exponent of a power that is multiplied out.
const LARGEST_POWER: u32 = 64;

/// How the value of an operation with that parameter is computed on this machine.
pub(super) fn instruction(assembler: &Assembler, op: Op, n: i32) -> Instruction {
    use Instruction::*;
    match INSTRUCTIONS[op as usize] {
        Power if n.unsigned_abs() > LARGEST_POWER => Call,
        Fused if !assembler.has("has_fma") => Call,
        instruction => instruction,
    }
}

impl Assembler {
    /// The value of an instruction, if it is one; the function is left where bounds cross.
    pub(super) fn compute(
        &mut self,
        instruction: Instruction,
        n: i32,
        operands: &[Value],
    ) -> Option<Value> {
        let operand = |k: usize| operands[k];
        Some(match instruction {
            Instruction::Call => return None,
            Instruction::Add => self.ins().fadd(operand(0), operand(1)),
            Instruction::Sub => self.ins().fsub(operand(0), operand(1)),
            Instruction::Mul => self.ins().fmul(operand(0), operand(1)),
            Instruction::Div => self.ins().fdiv(operand(0), operand(1)),
            Instruction::Neg => self.ins().fneg(operand(0)),
            Instruction::Root => self.ins().sqrt(operand(0)),
            Instruction::Absolute => self.ins().fabs(operand(0)),
            Instruction::Reciprocal => {
                let one = self.constant(1.0);
                self.ins().fdiv(one, operand(0))
            }
            Instruction::Fused => self.ins().fma(operand(0), operand(1), operand(2)),
            Instruction::Larger => self.one_of(FloatCC::GreaterThan, operand(0), operand(1)),
            Instruction::Smaller => self.one_of(FloatCC::LessThan, operand(0), operand(1)),
            Instruction::Rectifier => {
                let zero = self.constant(0.0);
                let mask = self.mask(FloatCC::LessThanOrEqual, operand(0), zero);
                self.drop(mask, operand(0))
            }
            Instruction::Power => self.power(operand(0), n),
            Instruction::Bounded => {
                let [x, low, high] = [operand(0), operand(1), operand(2)];
                let in_order = self.holds(FloatCC::LessThanOrEqual, low, high, true);
                self.exit_unless(in_order);
                let below = self.mask(FloatCC::LessThan, x, low);
                let x = self.select(below, low, x);
                let above = self.mask(FloatCC::GreaterThan, x, high);
                self.select(above, high, x)
            }
            Instruction::Choice => {
                let zero = self.constant(0.0);
                let mask = self.mask(FloatCC::NotEqual, operand(0), zero);
                self.select(mask, operand(1), operand(2))
            }
            Instruction::Mask(condition) => {
                let mask = self.mask(condition, operand(0), operand(1));
                let one = self.constant(1.0);
                self.keep(mask, one)
            }
        })
    }

    /// The second number where it stands to the first in that order or the first is NaN, else the first.
    fn one_of(&mut self, order: FloatCC, x: Value, y: Value) -> Value {
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
