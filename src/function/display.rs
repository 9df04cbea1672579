//! A program in print.

use super::Function;
use super::program::{Item, Program};
use crate::graph::names::{tidy, visible};
use crate::rows::Op;
use std::fmt;

/// Operations that an expression is nested deep, beyond which it is cut.
const DEPTH: usize = 3;

/// Operands of an expression, inputs or outputs in a list, beyond which it is cut.
const SHOWN: usize = 8;

impl Program {
    /// The name of an input or a node: its own, or one that is not taken.
    pub(crate) fn name(&self, index: u32) -> String {
        if let Some(name) = self.own_name(index) {
            return name;
        }
        let k = index as usize;
        if k < self.inputs {
            format!("x[{k}]")
        } else if k < self.first_node() {
            format!("{:?}", self.constants[k - self.inputs]).trim_end_matches(".0").into()
        } else {
            format!("t{}", k - self.first_node())
        }
    }

    /// The name that a user gave, if there is something to see of it.
    fn own_name(&self, index: u32) -> Option<String> {
        visible(self.names.get(&(index as usize))?)
    }

    /// The number at `index` as an expression.
    pub(crate) fn expression(&self, index: u32) -> String {
        self.nested(index, DEPTH)
    }

    fn nested(&self, index: u32, depth: usize) -> String {
        if self.is_plain(index) {
            return self.name(index);
        }
        if depth == 0 {
            return "…".into();
        }
        let i = index as usize - self.first_node();
        let inner = |&operand: &u32| {
            let text = self.nested(operand, depth - 1);
            if depth > 1 && self.is_infix(index) && self.is_infix(operand) { format!("({text})") } else { text }
        };
        let operands = self.operands(&self.nodes[i]);
        let mut texts: Vec<String> = operands.iter().take(SHOWN).map(inner).collect();
        if operands.len() > SHOWN {
            texts.push("…".into());
        }
        self.apply(i, texts)
    }

    /// Whether the number at `index` is shown by its name.
    fn is_plain(&self, index: u32) -> bool {
        (index as usize) < self.first_node() || self.own_name(index).is_some()
    }

    /// Whether it is shown with a sign between two operands.
    fn is_infix(&self, index: u32) -> bool {
        !self.is_plain(index) && {
            let node = self.nodes[index as usize - self.first_node()];
            node.count == 2 && node.op.label().chars().count() == 1
        }
    }

    /// Node `i` applied to the texts of its operands.
    fn apply(&self, i: usize, operands: Vec<String>) -> String {
        let node = self.nodes[i];
        if node.op == Op::Custom {
            let label = tidy(&self.customs[node.n as usize].label);
            return format!("{label}({})", operands.join(", "));
        }
        let label = node.op.label();
        match (&operands[..], label.chars().count()) {
            ([a, b], 1) => format!("{a} {label} {b}"),
            ([a], _) if node.op == Op::Neg => format!("-{a}"),
            ([a], _) if node.op.is_indexed() => format!("{label}({a}, {})", node.op.parameter(node.n)),
            _ => format!("{label}({})", operands.join(", ")),
        }
    }
}

impl fmt::Display for Function {
    /// One line for each operation, guard and output.
    ///
    /// ```
    /// use scalargrad::function::Function;
    ///
    /// let f = Function::record(&[3.0, 2.0], |x| {
    ///     let (width, height) = (x[0].named("width"), x[1]);
    ///     (width * height).sin() + 1.0
    /// });
    /// assert_eq!(f.to_string(), "\
    /// function of width, x[1]
    ///   t0 = width × x[1]
    ///   t1 = sin(t0)
    ///   t2 = t1 + 1
    /// output t2");
    /// ```
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let program = &self.program;
        let list = |indices: &[u32]| {
            let names: Vec<String> = indices.iter().take(SHOWN).map(|&k| program.name(k)).collect();
            let more = match indices.len() {
                n if n > SHOWN => format!(", … ({n} in all)"),
                _ => String::new(),
            };
            names.join(", ") + &more
        };
        let inputs: Vec<u32> = (0..program.inputs as u32).collect();
        writeln!(f, "function of {}", list(&inputs))?;
        for item in program.items() {
            match item {
                Item::Guard(k) => {
                    let guard = &program.guards[k];
                    let [a, b] = guard.operands.map(|k| program.name(k));
                    let comparison = guard.comparison.text(&a, &b);
                    writeln!(f, "  guard {comparison} as at {}", guard.place)?;
                }
                Item::Node(i) => {
                    let operands = program.operands(&program.nodes[i]);
                    let text = program.apply(i, operands.iter().map(|&k| program.name(k)).collect());
                    let name = program.name((program.first_node() + i) as u32);
                    writeln!(f, "  {name} = {text}")?;
                }
            }
        }
        let plural = if program.outputs.len() == 1 { "" } else { "s" };
        write!(f, "output{plural} {}", list(&program.outputs))
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("inputs", &self.inputs())
            .field("outputs", &self.outputs())
            .field("operations", &self.operations())
            .field("guards", &self.guards())
            .field("frozen_reads", &self.frozen)
            .finish()
    }
}
