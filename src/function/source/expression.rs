//! A number that is an expression: what a rule of the table writes when it is run over it.

use crate::real::{Question, Real, call, incomparable, operators};
use crate::rows::Op;
use std::cell::RefCell;
use std::fmt;

thread_local! {
    /// The texts of the expressions of one source.
    static TEXTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
    static SUMS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Forgets all expressions.
pub(super) fn forget() {
    TEXTS.take();
    SUMS.take();
}

/// The operand of a slice operation that stands for each of them, so that a rule is written once for all:
/// `each_` of the slice `all_`.
pub(super) fn each() -> Source {
    Source::of(EACH)
}

const EACH: &str = "each_";

/// The sums over `all_` that were written since this was asked last: `let` lines of `sum0_`, `sum1_`, …
pub(super) fn take_sums() -> Vec<String> {
    SUMS.take()
}

/// An expression: a name, a literal, a call, or anything in parentheses.
#[derive(Clone, Copy)]
pub(super) struct Source(usize);

impl Source {
    pub(super) fn of(text: impl Into<String>) -> Source {
        TEXTS.with_borrow_mut(|texts| {
            texts.push(text.into());
            Source(texts.len() - 1)
        })
    }

    /// The numbers of a slice, as an iterator.
    fn iterator(x: &[Source]) -> String {
        match x {
            [x] if x.is_each() => format!("all_.iter().map(|&{EACH}| {x})"),
            x => format!("{x:?}.into_iter()"),
        }
    }

    /// Whether it is an expression of [`each`].
    fn is_each(self) -> bool {
        self.to_string().contains(EACH)
    }

    fn choice(condition: String, [a, b]: [Source; 2]) -> Source {
        let (a, b) = (a.to_string(), b.to_string());
        let (a, b) = (without_parentheses(&a), without_parentheses(&b));
        Source::of(format!("(if {condition} {{ {a} }} else {{ {b} }})"))
    }

    fn infix(self, sign: &str, other: Source) -> Source {
        Source::of(format!("({self} {sign} {other})"))
    }
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        TEXTS.with_borrow(|texts| f.write_str(&texts[self.0]))
    }
}

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
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
    let Some(inner) = text
        .strip_prefix('(')
        .and_then(|text| text.strip_suffix(')'))
    else {
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
    let is_word = |c: char| c.is_alphanumeric() || c == '_';
    let (mut result, mut rest) = (String::new(), text);
    while let Some(start) = rest.find(is_word) {
        let len = rest[start..]
            .find(|c| !is_word(c))
            .unwrap_or(rest.len() - start);
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

impl Real for Source {
    fn apply(op: Op, n: i32, operands: &[Source]) -> Source {
        let infix = |sign: &str| operands[0].infix(sign, operands[1]);
        match op {
            Op::Add => infix("+"),
            Op::Sub => infix("-"),
            Op::Mul => infix("*"),
            Op::Div => infix("/"),
            Op::Rem => infix("%"),
            Op::Neg => Source::of(format!("(-{})", operands[0])),
            Op::Sum => match operands {
                [] => Source::from(-0.0),
                [x] if x.is_each() => SUMS.with_borrow_mut(|sums| {
                    let name = format!("sum{}_", sums.len());
                    let all = Source::iterator(operands);
                    sums.push(format!("let {name} = {all}.sum::<f64>();"));
                    Source::of(name)
                }),
                [x] => *x,
                // In one piece: a sum of many terms is not to be written again for each of them.
                _ => {
                    let terms: Vec<String> = operands.iter().map(Source::to_string).collect();
                    Source::of(format!("({})", terms.join(" + ")))
                }
            },
            Op::Dot => operands.chunks_exact(2).map(|pair| pair[0] * pair[1]).sum(),
            Op::SumExp => call(op, n, operands),
            _ if op.is_slice() => Source::of(format!(
                "special::{}({})",
                op.row().method,
                Source::iterator(operands)
            )),
            _ => {
                let texts: Vec<String> = operands.iter().map(Source::to_string).collect();
                let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
                let text = value(op, &texts, n);
                Source::of(if text.starts_with("if ") {
                    format!("({text})")
                } else {
                    text
                })
            }
        }
    }

    fn choose(
        self,
        question: Question,
        yes: impl FnOnce() -> Source,
        no: impl FnOnce() -> Source,
    ) -> Source {
        let condition = match question {
            Question::Below(bound) => format!("{self} < {}", literal(bound)),
            Question::Within(bound) => format!("f64::abs({self}) < {}", literal(bound)),
            Question::At(point) => format!("{self} == {}", literal(point)),
            Question::Nan => format!("f64::is_nan({self})"),
        };
        Source::choice(condition, [yes(), no()])
    }
}
operators!(by apply Source);
incomparable!(Source);

impl From<f64> for Source {
    fn from(x: f64) -> Source {
        Source::of(literal(x))
    }
}

impl From<Source> for f64 {
    fn from(_: Source) -> f64 {
        f64::NAN
    }
}
