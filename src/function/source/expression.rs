//! The text of expressions.

use super::words::is_word;
use crate::function::emit::symbol::{Formula, Symbol, What};
use crate::real::Question;
use crate::rows::Op;

/// Writes formulas, in which `given` names what comes from outside.
pub(super) struct Printer<'a> {
    pub given: &'a dyn Fn(u32) -> String,
    /// The sums over `all_` that were written: `let` lines of `sum0_`, `sum1_`, …
    pub sums: Vec<String>,
}

impl Printer<'_> {
    pub(super) fn print(&mut self, formula: &Formula) -> String {
        self.symbol(formula, formula.root)
    }

    fn symbol(&mut self, formula: &Formula, symbol: Symbol) -> String {
        let expression = formula.expression(symbol);
        let texts: Vec<String> = expression.operands.iter().map(|&operand| self.symbol(formula, operand)).collect();
        match expression.what {
            What::Given(k) => (self.given)(k),
            What::Number(x) => literal(x),
            What::Apply(op, n) => apply(op, n, &texts),
            What::Choose(question) => {
                let (yes, no) = (without_parentheses(&texts[1]), without_parentheses(&texts[2]));
                format!("(if {} {{ {yes} }} else {{ {no} }})", condition(question, &texts[0]))
            }
            What::SumOverAll => {
                let name = format!("sum{}_", self.sums.len());
                let all = iterator(&texts);
                self.sums.push(format!("let {name} = {all}.sum::<f64>();"));
                name
            }
        }
    }
}

fn condition(question: Question, x: &str) -> String {
    match question {
        Question::Below(bound) => format!("{x} < {}", literal(bound)),
        Question::Within(bound) => format!("f64::abs({x}) < {}", literal(bound)),
        Question::At(point) => format!("{x} == {}", literal(point)),
        Question::Subnormal => format!("f64::is_subnormal({x})"),
        Question::Nan => format!("f64::is_nan({x})"),
    }
}

/// An operation, in parentheses where it is not a call.
fn apply(op: Op, n: i32, operands: &[String]) -> String {
    let infix = |sign: &str| format!("({} {sign} {})", operands[0], operands[1]);
    match op {
        Op::Add => infix("+"),
        Op::Sub => infix("-"),
        Op::Mul => infix("*"),
        Op::Div => infix("/"),
        Op::Rem => infix("%"),
        Op::Neg => format!("(-{})", operands[0]),
        Op::Sum => format!("({})", operands.join(" + ")),
        _ if op.is_slice() => format!("special::{}({})", op.row().method, iterator(operands)),
        _ => {
            let texts: Vec<&str> = operands.iter().map(String::as_str).collect();
            let text = value(op, &texts, n);
            if text.starts_with("if ") { format!("({text})") } else { text }
        }
    }
}

/// What the operand that stands for each is called.
pub(super) const EACH_NAME: &str = "each_";

/// Numbers as an iterator: all operands, if it is one expression of each of them.
fn iterator(x: &[String]) -> String {
    match x {
        [x] if x.contains(EACH_NAME) => format!("all_.iter().map(|&{EACH_NAME}| {x})"),
        // For any edition: before 2021 the method of an array gives references.
        x => format!("IntoIterator::into_iter([{}])", x.join(", ")),
    }
}

/// A number as Rust writes it; a negative one in parentheses.
pub(super) fn literal(x: f64) -> String {
    if x.is_nan() {
        "f64::NAN".into()
    } else if x == f64::INFINITY {
        "f64::INFINITY".into()
    } else if x == f64::NEG_INFINITY {
        "f64::NEG_INFINITY".into()
    } else if x.is_sign_negative() {
        format!("({x:?})")
    } else {
        format!("{x:?}")
    }
}

/// The expression without the parentheses around all of it.
pub(super) fn without_parentheses(text: &str) -> &str {
    let Some(inner) = text.strip_prefix('(').and_then(|text| text.strip_suffix(')')) else {
        return text;
    };
    let mut depth = 0i32;
    for c in inner.chars() {
        depth += (c == '(') as i32 - (c == ')') as i32;
        if depth < 0 {
            return text;
        }
    }
    inner
}

/// `text` with each of the words `from` replaced by what it stands for.
fn substitute(text: &str, from: &[&str], to: &[String]) -> String {
    let (mut result, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(is_word) {
        let len = rest[start..].find(|c| !is_word(c)).unwrap_or(rest.len() - start);
        let word = &rest[start..start + len];
        result += &rest[..start];
        let is_free = !result.ends_with(['.', ':']);
        match from.iter().position(|&name| name == word && is_free) {
            Some(k) => result += &to[k],
            None => result += word,
        }
        rest = &rest[start + len..];
    }
    result + rest
}

/// The value of a row with the given operands.
pub(super) fn value(op: Op, operands: &[&str], n: i32) -> String {
    let row = op.row();
    let has_type = |operand: &&str| match operand.parse::<f64>() {
        // A literal alone has no methods.
        Ok(_) if operand.starts_with(|c: char| c.is_ascii_digit()) => format!("{operand}_f64"),
        _ => match without_parentheses(operand).parse::<f64>() {
            Ok(_) if operand.starts_with('(') => format!("({}_f64)", without_parentheses(operand)),
            _ => operand.to_string(),
        },
    };
    let mut to: Vec<String> = operands.iter().map(has_type).collect();
    let mut from = row.operands.to_vec();
    if let Some((parameter, _)) = &row.parameter {
        from.push(parameter);
        to.push(match op.parameter(n) {
            n if n < 0 => format!("({n})"),
            n => n.to_string(),
        });
    }
    substitute(&row.value.replace(" :: ", "::"), &from, &to)
}
