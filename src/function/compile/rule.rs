//! The rules of the table as instructions.

use super::assembler::{Assembler, Rule};
use super::instructions::{Instruction, instruction};
use super::native::shims;
use crate::function::emit::symbol::{Expression, Formula, RESULT, Symbol, TIE};
use crate::real::Question;
use crate::rows::Op;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Value};
use std::rc::Rc;

/// A rule of more operations than this is called, as one with calls of its own is.
const INLINE: usize = 16;

/// A partial, as far as it is known to be something simpler than a number.
pub(super) enum Partial {
    One,
    MinusOne,
    Number(Value),
    /// 1 where a mask is set, else 0.
    Mask(Value),
}

impl Rule {
    fn of(assembler: &Assembler, op: Op, n: i32, k: usize) -> Rule {
        let formula = simplified(Formula::of_partial(op, n, k), assembler.is_nan_seen);
        let (mut cost, mut calls, mut choices) = (0, 0, 0);
        for symbol in formula.used() {
            match formula.expression(symbol) {
                Expression::Given(_) | Expression::Number(_) => {}
                &Expression::Apply(op, n, _) => {
                    cost += 1;
                    calls += usize::from(instruction(assembler, op, n).is_none());
                }
                Expression::Choose(..) => {
                    cost += 3;
                    choices += 1;
                }
                Expression::SumOverAll(_) => unreachable!("of slices only"),
            }
        }
        let is_inline = calls == 0 && cost <= INLINE || calls == 1 && choices == 0 && cost <= 4;
        let count = op.row().operands.len();
        let has = |k: u32| formula.has_given(k);
        Rule {
            op,
            n,
            k,
            operands: [0, 1, 2].map(|k| (k as usize) < count && (!is_inline || has(k) || has(TIE))),
            result: !is_inline || has(RESULT) || has(TIE),
            tie: has(TIE),
            is_inline,
            formula,
        }
    }

    /// Writes it. What it is not made of may be anything.
    pub(super) fn write(&self, assembler: &mut Assembler, operands: &[Value], z: Value, tie: Value) -> Partial {
        if !self.is_inline {
            let args: Vec<Value> = operands.iter().copied().chain([z, tie]).collect();
            let address = shims::partial(self.op, self.k);
            return Partial::Number(assembler.call(address, &args, &[self.n]));
        }
        let mut values: Vec<Option<Value>> = vec![None; self.formula.expressions.len()];
        for symbol in self.formula.used() {
            let of = |symbol: Symbol| values[symbol.place()].expect("operands come first");
            let value = match self.formula.expression(symbol) {
                &Expression::Given(RESULT) => z,
                &Expression::Given(TIE) => tie,
                &Expression::Given(k) => operands[k as usize],
                Expression::Number(x) if symbol == self.formula.root && *x == 1.0 => {
                    return Partial::One;
                }
                Expression::Number(x) if symbol == self.formula.root && *x == -1.0 => {
                    return Partial::MinusOne;
                }
                Expression::Number(x) => assembler.constant(*x),
                &Expression::Choose(question, [x, yes, no]) => {
                    let [x, yes, no] = [x, yes, no].map(of);
                    let mask = assembler.question(question, x);
                    assembler.select(mask, yes, no)
                }
                &Expression::Apply(op, n, ref args) => {
                    let args: Vec<Value> = args.iter().map(|&x| of(x)).collect();
                    let how = instruction(assembler, op, n);
                    if let (Some(Instruction::Mask(condition)), true) = (how, symbol == self.formula.root) {
                        return Partial::Mask(assembler.mask(condition, args[0], args[1]));
                    }
                    assembler.elementary(op, n, &args)
                }
                Expression::SumOverAll(_) => unreachable!("of slices only"),
            };
            values[symbol.place()] = Some(value);
        }
        Partial::Number(values[self.formula.root.place()].expect("the root is used"))
    }
}

impl Assembler {
    /// The partial of a row with respect to an operand.
    pub(super) fn rule(&mut self, op: Op, n: i32, place: u32) -> Rc<Rule> {
        if let Some(rule) = self.rules.get(&(op, n, place)) {
            return rule.clone();
        }
        let rule = Rc::new(Rule::of(self, op, n, place as usize));
        self.rules.insert((op, n, place), rule.clone());
        rule
    }

    /// The value of a row; the function is left where that would panic.
    pub(super) fn elementary(&mut self, op: Op, n: i32, operands: &[Value]) -> Value {
        match instruction(self, op, n) {
            Some(how) => self.compute(how, n, operands),
            None if op.is_indexed() => self.call(shims::value(op), operands, &[n]),
            None => self.call(shims::value(op), operands, &[]),
        }
    }

    fn question(&mut self, question: Question, x: Value) -> Value {
        let (condition, x, bound) = match question {
            Question::Below(bound) => (FloatCC::LessThan, x, bound),
            Question::Within(bound) => (FloatCC::LessThan, self.ins().fabs(x), bound),
            Question::At(point) => (FloatCC::Equal, x, point),
            Question::Subnormal => {
                let [zero, tiny] = [0.0, f64::MIN_POSITIVE].map(|bound| self.constant(bound));
                let size = self.ins().fabs(x);
                let is_small = self.mask(FloatCC::LessThan, size, tiny);
                let is_there = self.mask(FloatCC::NotEqual, x, zero);
                return self.ins().band(is_small, is_there);
            }
            Question::Nan => return self.mask(FloatCC::NotEqual, x, x),
        };
        let bound = self.constant(bound);
        self.mask(condition, x, bound)
    }
}

/// The formula for plain numbers, among which one NaN is like another: without what only keeps track of where it came from.
///
/// And without the question whether the result is NaN, if that `is_nan_seen` otherwise.
pub(super) fn simplified(mut formula: Formula, is_nan_seen: bool) -> Formula {
    fn is_nan(formula: &Formula, symbol: Symbol) -> bool {
        match formula.expression(symbol) {
            Expression::Number(x) => x.is_nan(),
            Expression::Apply(Op::Add | Op::Mul, _, operands) => operands.iter().any(|&x| is_nan(formula, x)),
            _ => false,
        }
    }
    let symbols: Vec<Symbol> = formula.symbols().collect();
    let mut same = symbols.clone();
    for symbol in symbols {
        let mut expression = formula.expression(symbol).clone();
        let operands = expression.operands_mut();
        operands.iter_mut().for_each(|x| *x = same[x.place()]);
        if let Expression::Choose(question, [x, yes, no]) = expression {
            let is_result = *formula.expression(x) == Expression::Given(RESULT);
            let is_needless =
                question == Question::Nan && (x == no && is_nan(&formula, yes) || x == yes && is_result && is_nan_seen);
            if is_needless || yes == no {
                same[symbol.place()] = no;
            }
        }
        formula.expressions[symbol.place()] = expression;
    }
    formula.root = same[formula.root.place()];
    formula
}
