//! The rules of the table as instructions.

use super::assembler::{Assembler, Rule};
use super::instructions::{Instruction, instruction};
use super::native::shims;
use crate::function::emit::symbol::{Formula, RESULT, Symbol, TIE, What};
use crate::real::Question;
use crate::rows::Op;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Value};
use smallvec::SmallVec;
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
            match formula.expression(symbol).what {
                What::Given(_) | What::Number(_) => {}
                What::Apply(op, n) => {
                    cost += 1;
                    calls += usize::from(instruction(assembler, op, n).is_none());
                }
                What::Choose(_) => {
                    cost += 3;
                    choices += 1;
                }
                What::SumOverAll => unreachable!("of slices only"),
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
            let is_root = symbol == self.formula.root;
            let expression = self.formula.expression(symbol);
            let of = |symbol: &Symbol| values[symbol.place()].expect("operands come first");
            let args: SmallVec<[Value; 3]> = expression.operands.iter().map(of).collect();
            let value = match expression.what {
                What::Given(RESULT) => z,
                What::Given(TIE) => tie,
                What::Given(k) => operands[k as usize],
                What::Number(1.0) if is_root => return Partial::One,
                What::Number(-1.0) if is_root => return Partial::MinusOne,
                What::Number(x) => assembler.constant(x),
                What::Choose(question) => {
                    let mask = assembler.question(question, args[0]);
                    assembler.select(mask, args[1], args[2])
                }
                What::Apply(op, n) => match instruction(assembler, op, n) {
                    Some(Instruction::Mask(condition)) if is_root => {
                        return Partial::Mask(assembler.mask(condition, args[0], args[1]));
                    }
                    _ => assembler.elementary(op, n, &args),
                },
                What::SumOverAll => unreachable!("of slices only"),
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
        let expression = formula.expression(symbol);
        match expression.what {
            What::Number(x) => x.is_nan(),
            What::Apply(Op::Add | Op::Mul, _) => expression.operands.iter().any(|&x| is_nan(formula, x)),
            _ => false,
        }
    }
    let symbols: Vec<Symbol> = formula.symbols().collect();
    let mut same = symbols.clone();
    for symbol in symbols {
        let mut expression = formula.expression(symbol).clone();
        expression.operands.iter_mut().for_each(|x| *x = same[x.place()]);
        if let (What::Choose(question), &[x, yes, no]) = (expression.what, &expression.operands[..]) {
            let is_result = formula.expression(x).what == What::Given(RESULT);
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
