//! The report of an anomaly.

use super::found::{Anomaly, Details, Operand, What};
use crate::rows::Op;
use std::fmt;

/// How many operands, and how many absorbed partials, a report lists.
const LISTED: usize = 4;

impl fmt::Display for Anomaly {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Details {
            operation, value, ..
        } = &*self.0;
        match self.0.what {
            What::Value => writeln!(f, "the value of `{operation}` is {value:?}")?,
            What::Partial => writeln!(f, "a partial of `{operation}` is not finite")?,
            What::Adjoint => writeln!(f, "an adjoint that `{operation}` passes on is not finite")?,
        }
        match self.0.line {
            Some(line) => writeln!(f, "  where:    {line}")?,
            None => writeln!(f, "  where:    recorded before the detection began")?,
        }
        writeln!(f, "  value:    {value:?}")?;
        if let Some(adjoint) = self.0.adjoint {
            writeln!(f, "  adjoint:  {adjoint:?}")?;
        }
        for operand in self.0.operands.iter().take(LISTED) {
            write!(f, "  operand:  {:?}", operand.value)?;
            if let Some(name) = &operand.name {
                write!(f, " (`{name}`)")?;
            }
            match operand.partial {
                Some(partial) => writeln!(f, ", with the partial {partial:?}")?,
                None => writeln!(f, ", a constant")?,
            }
        }
        if self.0.operands.len() > LISTED {
            writeln!(
                f,
                "            … and {} more",
                self.0.operands.len() - LISTED
            )?;
        }
        if !self.0.names.is_empty() {
            let names: Vec<_> = self
                .0
                .names
                .iter()
                .map(|name| format!("`{name}`"))
                .collect();
            writeln!(f, "  on the way to the output: {}", names.join(", "))?;
        }
        write!(f, "  why:      {}", self.0.why)?;
        if let Some(remedy) = self.0.remedy {
            write!(f, "\n  remedy:   {remedy}")?;
        }
        if !self.0.absorbed.is_empty() {
            let count = self.0.absorbed.len();
            write!(
                f,
                "\n  absorbed: {count} partials that are not finite met an adjoint of zero, without effect:"
            )?;
            for absorbed in self.0.absorbed.iter().take(LISTED) {
                write!(f, "\n            `{}`", absorbed.operation)?;
                if let Some(line) = absorbed.line {
                    write!(f, " at {line}")?;
                }
            }
        }
        Ok(())
    }
}

/// What may have led to it.
pub(super) fn why(
    what: What,
    op: Op,
    label: &str,
    value: f64,
    adjoint: Option<f64>,
    operands: &[Operand],
) -> String {
    let at = operands
        .iter()
        .map(|operand| format!("{:?}", operand.value));
    let at = at.take(LISTED).collect::<Vec<_>>().join(", ");
    match what {
        What::Partial => format!("the slope of `{label}` at ({at}) is not finite"),
        What::Adjoint => {
            let adjoint = adjoint.unwrap_or(f64::NAN);
            match adjoint.is_finite() {
                true => format!(
                    "the adjoint {adjoint:?} times a partial is larger than a number of 64 bits can be"
                ),
                false => {
                    "contributions to its adjoint add up to more than a number of 64 bits can be"
                        .into()
                }
            }
        }
        What::Value if op == Op::Leaf => "the variable was made with this value".into(),
        What::Value => match operands.iter().find(|operand| !operand.value.is_finite()) {
            Some(operand) if operand.partial.is_none() => {
                format!(
                    "its operand {:?} is a number from outside the graph",
                    operand.value
                )
            }
            Some(operand) => format!(
                "its operand was {:?} before the detection began",
                operand.value
            ),
            None if value.is_nan() => format!("`{label}` is not defined at ({at})"),
            None => {
                format!("`{label}` at ({at}) is a pole, or larger than a number of 64 bits can be")
            }
        },
    }
}
