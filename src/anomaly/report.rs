//! The report of an anomaly.

use super::found::{Absorbed, Anomaly, Details, Operand, What, When};
use crate::arena::{Owner, owner};
use crate::graph::names::counted;
use crate::rows::Op;
use crate::rules;
use std::fmt;

/// How many operands, and how many absorbed partials, a report lists.
const LISTED: usize = 4;
const TOO_LARGE: &str = "larger than a number of 64 bits can be";

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details { operation, value, operands, names, absorbed, .. } = &*self.0;
        match self.0.what {
            What::Value => write!(f, "the value of `{operation}` is {value:?}")?,
            What::Partial => write!(f, "a partial of `{operation}` is not finite")?,
            What::Adjoint if self.0.adjoint.is_none() => write!(f, "a derivative of `{operation}` is not finite")?,
            What::Adjoint => write!(f, "an adjoint that `{operation}` passes on is not finite")?,
        }
        let place = match self.0.line {
            None => "recorded before the detection began; to see the line, compute inside: \
                     `anomaly::detect(|| { let loss = …; loss.backward(); })`"
                .into(),
            Some(line) if owner(line) == Owner::StandardLibrary => {
                "in the standard library, which adds up an iterator or calls a function by its name, as in `map(Var::ln)`; a closure shows its line".into()
            }
            Some(line) if self.0.is_of_derivative => format!("in the derivative of the operation at {line}"),
            Some(line) => line.to_string(),
        };
        write!(f, "\n  where:    {place}")?;
        if let Some(line) = self.0.after {
            write!(f, "\n            after {line}")?;
        }
        let When { sweeps, nodes, in_sweep } = self.0.when;
        match in_sweep {
            true => write!(f, "\n  when:     in sweep {}, after {}", sweeps + 1, counted(nodes, "node"))?,
            false => write!(f, "\n  when:     after {}, at node {nodes}", counted(sweeps, "sweep"))?,
        }
        write!(f, "\n  value:    {value:?}")?;
        if let Some(adjoint) = self.0.adjoint {
            write!(f, "\n  adjoint:  {adjoint:?}")?;
        }
        for Operand { name, value, partial } in operands.iter().take(LISTED) {
            let name = name.as_ref().map_or(String::new(), |name| format!(" (`{name}`)"));
            let partial = partial.map_or("a constant".into(), |partial| format!("with the partial {partial:?}"));
            write!(f, "\n  operand:  {value:?}{name}, {partial}")?;
        }
        if let Some(more @ 1..) = operands.len().checked_sub(LISTED) {
            write!(f, "\n            … and {more} more")?;
        }
        if !names.is_empty() {
            write!(f, "\n  on the way to the output: `{}`", names.join("`, `"))?;
        }
        write!(f, "\n  why:      {}", self.0.why())?;
        let at = operands.first().map_or(0.0, |operand| operand.value);
        // A rule chose the operations of a derivative, which the user cannot write in another way.
        if !self.0.is_of_derivative
            && let Some(remedy) = rules::remedy(self.0.op, at)
        {
            write!(f, "\n  remedy:   {remedy}")?;
        }
        if let count @ 1.. = absorbed.len() {
            write!(f, "\n  absorbed: partials that are not finite and came to no leaf, without effect: {count}")?;
        }
        for Absorbed { operation, line, .. } in absorbed.iter().take(LISTED) {
            let at = line.map_or(String::new(), |line| format!(" at {line}"));
            write!(f, "\n            `{operation}`{at}")?;
        }
        Ok(())
    }
}

impl Details {
    /// What may have led to it.
    fn why(&self) -> String {
        let operation = &self.operation;
        let values = self.operands.iter().take(LISTED).map(|x| format!("{:?}", x.value));
        let at = values.collect::<Vec<_>>().join(", ");
        match self.what {
            What::Value if self.op == Op::Leaf => "the variable was made with this value".into(),
            What::Value => match self.operands.iter().find(|x| !x.value.is_finite()) {
                Some(Operand { value, partial: None, .. }) => {
                    format!("its operand {value:?} is a number from outside the graph")
                }
                Some(Operand { value, .. }) => format!(
                    "its operand was {value:?} before the detection began, or before a sweep to which it did no harm"
                ),
                None if self.value.is_nan() => format!("`{operation}` is not defined at ({at})"),
                None => format!("`{operation}` at ({at}) is a pole, or {TOO_LARGE}"),
            },
            What::Partial => format!("the slope of `{operation}` at ({at}) is not finite"),
            What::Adjoint => match self.adjoint {
                None => format!("its derivative along a direction, or a sum of second derivatives, is {TOO_LARGE}"),
                Some(w) if w.is_finite() => format!("the adjoint {w:?} times a partial is {TOO_LARGE}"),
                Some(_) => format!("the sum of the contributions to its adjoint is {TOO_LARGE}"),
            },
        }
    }
}
