//! A random program as Rust to paste.

use super::program::{Operand, Program, Source, Step};
use crate::rows::Op;
use std::fmt;

impl fmt::Debug for Program {
    /// As it displays.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for Program {
    /// Rust to paste: a closure over `&[Var]`, in one line, or in several with `{:#}`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "|x: &[Var]| ")?;
        let Some((last, others)) = self.steps.split_last() else {
            return write!(f, "{}", Place::Receiver.text(Operand::plain(self.output())));
        };
        if others.is_empty() {
            return write!(f, "{last}");
        }
        let (open, close) = if f.alternate() { ("\n    ", "\n") } else { (" ", " ") };
        write!(f, "{{")?;
        for (j, step) in others.iter().enumerate() {
            write!(f, "{open}let {} = {step};", name(j))?;
        }
        write!(f, "{open}{last}{close}}}")
    }
}

/// Where an operand is in the text of an operation.
#[derive(Clone, Copy, PartialEq)]
enum Place {
    /// Before a method, or alone.
    Receiver,
    /// Next to an operator.
    Beside,
    /// In the parentheses of a method.
    Argument,
    /// In a slice.
    Element,
}

impl Place {
    fn text(self, operand: Operand) -> String {
        let source = match operand.source {
            Source::Constant(c) if matches!(self, Place::Receiver | Place::Element) => {
                return format!("Var::constant({c:?})");
            }
            Source::Constant(c) => return format!("{c:?}"),
            Source::Input(i) => format!("x[{i}]"),
            Source::Step(j) => name(j),
        };
        let Operand { scale, shift, .. } = operand;
        let scaled = if scale == 1.0 { source } else { format!("{source} * {scale:?}") };
        let shifted = match shift {
            0.0 => scaled,
            ..0.0 => format!("{scaled} - {:?}", -shift),
            _ => format!("{scaled} + {shift:?}"),
        };
        if operand.is_plain() || matches!(self, Place::Argument | Place::Element) {
            shifted
        } else {
            format!("({shifted})")
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match self.row.op {
            Op::Add => "+",
            Op::Sub => "-",
            Op::Mul => "*",
            Op::Div => "/",
            Op::Rem => "%",
            Op::Neg => return write!(f, "-{}", Place::Receiver.text(self.operands[0])),
            _ => "",
        };
        let method = self.row.method;
        if self.row.is_nary() {
            let group = self.row.group();
            let slice = |first: usize| {
                let operands = self.operands.iter().skip(first).step_by(group);
                let elements: Vec<String> = operands.map(|&x| Place::Element.text(x)).collect();
                format!("&[{}]", elements.join(", "))
            };
            let slices: Vec<String> = (0..group).map(slice).collect();
            return write!(f, "scalargrad::{method}({})", slices.join(", "));
        }
        if !sign.is_empty() {
            let [x, y] = [self.operands[0], self.operands[1]];
            let is_constant = |x: Operand| matches!(x.source, Source::Constant(_));
            let first = if is_constant(x) && is_constant(y) { Place::Receiver } else { Place::Beside };
            return write!(f, "{} {sign} {}", first.text(x), Place::Beside.text(y));
        }
        let (receiver, others) = self.operands.split_first().expect("an operation has operands");
        let mut arguments: Vec<String> = others.iter().map(|&x| Place::Argument.text(x)).collect();
        arguments.extend(self.row.parameter.as_ref().map(|_| self.n.to_string()));
        write!(f, "{}.{method}({})", Place::Receiver.text(*receiver), arguments.join(", "))
    }
}

/// `a`, `b`, … without `x`, then `v25`, …
fn name(j: usize) -> String {
    match "abcdefghijklmnopqrstuvwyz".chars().nth(j) {
        Some(letter) => letter.into(),
        None => format!("v{j}"),
    }
}
