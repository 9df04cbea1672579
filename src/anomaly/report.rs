//! The report of an anomaly.

use super::found::{Anomaly, Details, Operand, What, When};
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
        let Details { operation, value, .. } = &*self.0;
        match self.0.what {
            What::Value => write!(f, "the value of `{operation}` is {value:?}")?,
            What::Partial => write!(f, "a partial of `{operation}` is not finite")?,
            What::Adjoint if self.0.adjoint.is_none() => write!(f, "a derivative of `{operation}` is not finite")?,
            What::Adjoint => write!(f, "an adjoint that `{operation}` passes on is not finite")?,
        }
        match self.0.line {
            None => write!(
                f,
                "\n  where:    recorded before the detection began; to see the line, compute inside: \
                 `anomaly::detect(|| {{ let loss = …; loss.backward(); }})`"
            )?,
            Some(line) if owner(line) == Owner::StandardLibrary => write!(
                f,
                "\n  where:    in the standard library, which adds up an iterator or calls a function by its name, as in `map(Var::ln)`; a closure shows its line"
            )?,
            Some(line) if self.0.is_of_derivative => {
                write!(f, "\n  where:    in the derivative of the operation at {line}")?
            }
            Some(line) => write!(f, "\n  where:    {line}")?,
        }
        if let Some(line) = self.0.after {
            write!(f, "\n            after {line}")?;
        }
        let When { sweeps, nodes, in_sweep } = self.0.when;
        let (recorded, swept) = (counted(nodes, "node"), counted(sweeps, "sweep"));
        match in_sweep {
            true => write!(f, "\n  when:     in sweep {}, after {recorded}", sweeps + 1)?,
            false => write!(f, "\n  when:     after {swept}, at node {nodes}")?,
        }
        write!(f, "\n  value:    {value:?}")?;
        if let Some(adjoint) = self.0.adjoint {
            write!(f, "\n  adjoint:  {adjoint:?}")?;
        }
        let operands = &self.0.operands;
        for operand in operands.iter().take(LISTED) {
            write!(f, "\n  operand:  {operand}")?;
        }
        if operands.len() > LISTED {
            let more = operands.len() - LISTED;
            write!(f, "\n            … and {more} more")?;
        }
        if !self.0.names.is_empty() {
            let names = self.0.names.join("`, `");
            write!(f, "\n  on the way to the output: `{names}`")?;
        }
        write!(f, "\n  why:      {}", self.0.why())?;
        let at = operands.first().map_or(0.0, |operand| operand.value);
        // A rule chose the operations of a derivative, which the user cannot write in another way.
        if !self.0.is_of_derivative
            && let Some(remedy) = rules::remedy(self.0.op, at)
        {
            write!(f, "\n  remedy:   {remedy}")?;
        }
        let absorbed = &self.0.absorbed;
        if !absorbed.is_empty() {
            let count = absorbed.len();
            write!(f, "\n  absorbed: partials that are not finite and came to no leaf, without effect: {count}")?;
        }
        for absorbed in absorbed.iter().take(LISTED) {
            write!(f, "\n            `{}`", absorbed.operation)?;
            if let Some(line) = absorbed.line {
                write!(f, " at {line}")?;
            }
        }
        Ok(())
    }
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.value)?;
        if let Some(name) = &self.name {
            write!(f, " (`{name}`)")?;
        }
        match self.partial {
            Some(partial) => write!(f, ", with the partial {partial:?}"),
            None => write!(f, ", a constant"),
        }
    }
}

impl Details {
    /// What may have led to it.
    fn why(&self) -> String {
        let operation = &self.operation;
        let operands = self.operands.iter().take(LISTED);
        let at: Vec<String> = operands.map(|x| format!("{:?}", x.value)).collect();
        let at = at.join(", ");
        match self.what {
            What::Value if self.op == Op::Leaf => "the variable was made with this value".into(),
            What::Value => match self.operands.iter().find(|x| !x.value.is_finite()) {
                Some(Operand { value, partial, .. }) => match partial {
                    None => format!("its operand {value:?} is a number from outside the graph"),
                    Some(_) => format!("its operand was {value:?} before the detection began"),
                },
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
