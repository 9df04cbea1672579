//! Where a piece of a printed program stands, and how its registers are written.

use super::functions::row;
use super::program::{Action, Arg, Body, Pick, Question};
use super::side::Outcome;
use scalargrad::Op;
use std::collections::HashMap;
use std::fmt::Write;

/// How many registers there are.
pub fn registers(actions: &[Action]) -> usize {
    let of = |action: &Action| {
        let inner = match action {
            Action::Scope(_)
            | Action::NoGrad(_)
            | Action::Watch(_)
            | Action::Snapshot { .. }
            | Action::Differentiate { .. } => registers(action.inner()),
            _ => 0,
        };
        inner.max(action.to().map_or(0, |to| to + 1))
    };
    actions.iter().map(of).max().unwrap_or(0).max(2)
}

/// Where a piece of a program stands.
#[derive(Clone, Copy)]
pub struct Page<'a> {
    pub outcomes: &'a HashMap<*const Action, Outcome>,
    /// The name of the registers.
    pub row: &'a str,
    pub depth: usize,
}

impl Page<'_> {
    pub fn block(self, actions: &[Action], text: &mut String) {
        for action in actions {
            let outcome = self.outcomes.get(&std::ptr::from_ref(action));
            let indent = "    ".repeat(self.depth);
            let statement = self.statement(action);
            let _ = match outcome {
                Some(Outcome::Undone) => Ok(()),
                Some(Outcome::Refused) => writeln!(text, "{indent}attempt(|| {{ {statement} }});"),
                _ => writeln!(text, "{indent}{statement}"),
            };
        }
    }

    pub fn inside(self, actions: &[Action]) -> String {
        let mut text = String::from("{\n");
        let depth = self.depth + 1;
        Page { depth, ..self }.block(actions, &mut text);
        text + &"    ".repeat(self.depth) + "}"
    }

    /// A closure; what it captures is bound before it.
    pub fn closure(self, body: &Body, captured: &[Pick], is_one: bool) -> String {
        let inside = Page { row: "b", depth: self.depth + 1, ..self };
        let (indent, outside) = ("    ".repeat(inside.depth), self.picks(captured));
        let registers = registers(&body.actions);
        let mut text = format!("{{\n{indent}let outside: Vec<Var> = vec!{outside};\n");
        let has_trouble = body.actions.iter().any(|action| matches!(action, Action::Trouble(_)));
        if has_trouble {
            let _ = writeln!(text, "{indent}let runs = std::cell::Cell::new(0);");
        }
        let _ = writeln!(text, "{indent}move |x: &[Var]| {{");
        if has_trouble {
            let _ = writeln!(text, "{indent}let is_again = runs.replace(runs.get() + 1) > 0;");
        }
        let _ = writeln!(text, "{indent}let mut b: Vec<Vec<Var>> = vec![Vec::new(); {registers}];");
        let _ = writeln!(text, "{indent}(b[0], b[1]) = (x.to_vec(), outside.clone());");
        inside.block(&body.actions, &mut text);
        let output = |&pick: &Pick| match inside.is_set(pick.0, &body.actions) || pick.0 == 1 && !captured.is_empty() {
            true => pick,
            false => Pick(0, 0),
        };
        let outputs: Vec<Pick> = body.outputs.iter().map(output).collect();
        let outputs = match is_one {
            true => inside.pick(outputs[0]),
            false => format!("vec!{}", inside.picks(&outputs)),
        };
        let _ = write!(text, "{indent}{outputs}\n{indent}}}\n{}}}", "    ".repeat(self.depth));
        text
    }

    /// Whether an action that is done sets the register.
    fn is_set(self, register: usize, actions: &[Action]) -> bool {
        register == 0
            || actions.iter().any(|action| {
                let outcome = self.outcomes.get(&std::ptr::from_ref(action));
                let is_done = outcome.is_none() && action.to() == Some(register);
                let scope =
                    matches!(action, Action::Scope(_) | Action::NoGrad(_) | Action::Watch(_) | Action::Snapshot { .. });
                is_done || scope && register != 0 && self.is_set(register, action.inner())
            })
    }

    pub fn pick(self, Pick(register, at): Pick) -> String {
        let row = self.register(register);
        match at {
            0 => format!("{row}[0]"),
            _ => format!("{row}[{at} % {row}.len()]"),
        }
    }

    pub fn register(self, register: usize) -> String {
        format!("{}[{register}]", self.row)
    }

    pub fn arg(self, arg: Arg) -> String {
        match arg {
            Arg::Of(pick) => self.pick(pick),
            Arg::Number(x) => number(x),
        }
    }

    pub fn picks(self, picks: &[Pick]) -> String {
        let picks: Vec<String> = picks.iter().map(|&pick| self.pick(pick)).collect();
        format!("[{}]", picks.join(", "))
    }
}

pub fn number(x: f64) -> String {
    match x {
        x if x.is_nan() => "f64::NAN".to_string(),
        f64::INFINITY => "f64::INFINITY".to_string(),
        f64::NEG_INFINITY => "f64::NEG_INFINITY".to_string(),
        x => format!("{x:?}"),
    }
}

pub fn operation(op: Op, n: i32, args: &[String]) -> String {
    let sign = match op {
        Op::Add => "+",
        Op::Sub => "-",
        Op::Mul => "*",
        Op::Div => "/",
        Op::Rem => "%",
        Op::Neg => return format!("-{}", args[0]),
        _ => {
            let row = row(op);
            let mut rest = args[1..].to_vec();
            if row.is_indexed {
                rest.push(n.to_string());
            }
            return format!("Var::from({}).{}({})", args[0], row.method, rest.join(", "));
        }
    };
    format!("Var::from({}) {sign} {}", args[0], args[1])
}

pub fn method(question: Question) -> &'static str {
    match question {
        Question::Grad => "grad",
        Question::Name => "name",
        Question::Op => "op",
        Question::Operands => "operands",
        Question::Text => "to_text",
        Question::Svg => "to_svg",
        Question::Dot => "to_dot",
        Question::Report => unreachable!("it is asked of the graph"),
    }
}
