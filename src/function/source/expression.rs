//! A number that is an expression: what a rule of the table writes when it is run over it.

use crate::ops::{Op, table};
use crate::real::Real;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::iter::{Product, Sum};
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

thread_local! {
    /// The texts of the expressions of one source.
    static TEXTS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Forgets all expressions.
pub(super) fn forget() {
    TEXTS.take();
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

    /// The first of two where the number compares so to `bound`, else the second.
    fn compared(self, sign: &str, bound: f64, choices: [Source; 2]) -> Source {
        Source::choice(format!("{self} {sign} {}", literal(bound)), choices)
    }

    fn choice(condition: String, [a, b]: [Source; 2]) -> Source {
        let (a, b) = (a.to_string(), b.to_string());
        let (a, b) = (without_parentheses(&a), without_parentheses(&b));
        Source::of(format!("(if {condition} {{ {a} }} else {{ {b} }})"))
    }

    fn infix(self, sign: &str, other: Source) -> Source {
        Source::of(format!("({self} {sign} {other})"))
    }

    /// The value of a row.
    fn row(op: Op, operands: &[Source], n: i32) -> Source {
        let texts: Vec<String> = operands.iter().map(Source::to_string).collect();
        let operands: Vec<&str> = texts.iter().map(String::as_str).collect();
        let text = value(op, &operands, n);
        Source::of(if text.starts_with("if ") {
            format!("({text})")
        } else {
            text
        })
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
    let (names, parameter, text) = row(op);
    let has_type = |operand: &&str| match operand.parse::<f64>() {
        // A literal alone has no methods.
        Ok(_) if operand.starts_with(|c: char| c.is_ascii_digit()) => format!("{operand}_f64"),
        _ => match without_parentheses(operand).parse::<f64>() {
            Ok(_) if operand.starts_with('(') => format!("({}_f64)", without_parentheses(operand)),
            _ => operand.to_string(),
        },
    };
    let mut to: Vec<String> = operands.iter().map(has_type).collect();
    let mut from = names.to_vec();
    if let Some(parameter) = parameter {
        from.push(parameter);
        to.push(if n < 0 {
            format!("({n})")
        } else {
            n.to_string()
        });
    }
    substitute(&text.replace(" :: ", "::"), &from, &to)
}

/// The names of a row's operands in the table.
pub(super) fn parameters(op: Op) -> &'static [&'static str] {
    row(op).0
}

macro_rules! rows {
    (
        operators { $(
            $(#[$odoc:meta])*
            $Operator:ident $operator:ident ( $ox:ident $(, $oy:ident)* ) $olabel:literal :
            $ovalue:expr, $oz:ident $otie:ident => ( $($opartial:expr),* ) ; $oderivative:literal ;
            [ $($odomain:expr),+ ] ; [ $($oprobe:expr),* $(,)? ] ;
        )* }
        $( $kind:ident { $(
            $(#[$doc:meta])*
            $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ) $label:literal :
            $value:expr, $z:ident $tie:ident => ( $($partial:expr),* ) ; $derivative:literal ;
            [ $($domain:expr),+ ] ; [ $($probe:expr),* $(,)? ] ;
        )* } )*
    ) => {
        /// The names of a row's operands and of its parameter, and the text of its value.
        fn row(op: Op) -> (&'static [&'static str], Option<&'static str>, &'static str) {
            match op {
                $( Op::$Operator => (
                    &[stringify!($ox) $(, stringify!($oy))*], None, stringify!($ovalue)
                ), )*
                $($( Op::$Op => (
                    &[stringify!($x) $(, stringify!($y))*],
                    [$(stringify!($n))?].first().copied(),
                    stringify!($value),
                ), )*)*
                _ => unreachable!("{op:?} is not a row of the table"),
            }
        }

        /// The method of a row.
        pub(super) fn method(op: Op) -> &'static str {
            match op {
                $( Op::$Operator => stringify!($operator), )*
                $($( Op::$Op => stringify!($method), )*)*
                _ => unreachable!("{op:?} is not a row of the table"),
            }
        }

        impl Real for Source {
            fn value(self) -> f64 {
                f64::NAN
            }

            fn below(self, bound: f64, a: impl FnOnce() -> Source, b: impl FnOnce() -> Source) -> Source {
                self.compared("<", bound, [a(), b()])
            }

            fn within(self, bound: f64, a: impl FnOnce() -> Source, b: impl FnOnce() -> Source) -> Source {
                Source::of(format!("f64::abs({self})")).compared("<", bound, [a(), b()])
            }

            fn at(self, point: f64, a: impl FnOnce() -> Source, b: impl FnOnce() -> Source) -> Source {
                self.compared("==", point, [a(), b()])
            }

            fn unless_nan(self, z: Source) -> Source {
                Source::choice(format!("f64::is_nan({z})"), [z, self])
            }

            fn dot(x: &[Source], y: &[Source]) -> Source {
                x.iter().zip(y).map(|(&x, &y)| x * y).sum()
            }

            fn norm(x: &[Source]) -> Source {
                Source::of(format!("special::norm({x:?}.into_iter())"))
            }

            fn log_sum_exp(x: &[Source]) -> Source {
                Source::of(format!("special::log_sum_exp({x:?}.into_iter())"))
            }

            $($(
                fn $method(self $(, $y: impl Into<Source>)* $(, $n: $N)?) -> Source {
                    Source::row(Op::$Op, &[self $(, $y.into())*], 0 $(+ $n as i32)?)
                }
            )*)*
        }
    };
}
table!(rows);

impl Default for Source {
    fn default() -> Source {
        Source::from(0.0)
    }
}

impl From<f64> for Source {
    fn from(x: f64) -> Source {
        Source::of(literal(x))
    }
}

// Rules do not compare: they choose by `below`, `within` and `at`.
macro_rules! incomparable {
    ($($Other:ty)*) => { $(
        impl PartialEq<$Other> for Source {
            fn eq(&self, _: &$Other) -> bool {
                false
            }
        }

        impl PartialOrd<$Other> for Source {
            fn partial_cmp(&self, _: &$Other) -> Option<Ordering> {
                None
            }
        }
    )* };
}
incomparable!(Source f64);

impl Neg for Source {
    type Output = Source;
    fn neg(self) -> Source {
        Source::of(format!("(-{self})"))
    }
}

macro_rules! operators {
    ($($Trait:ident $method:ident $Assign:ident $assign:ident $sign:literal;)*) => { $(
        impl $Trait for Source {
            type Output = Source;
            fn $method(self, other: Source) -> Source {
                self.infix($sign, other)
            }
        }
        impl $Trait<f64> for Source {
            type Output = Source;
            fn $method(self, other: f64) -> Source {
                $Trait::$method(self, Source::from(other))
            }
        }
        impl $Assign for Source {
            fn $assign(&mut self, other: Source) {
                *self = $Trait::$method(*self, other);
            }
        }
        impl $Assign<f64> for Source {
            fn $assign(&mut self, other: f64) {
                *self = $Trait::$method(*self, other);
            }
        }
    )* };
}
operators! {
    Add add AddAssign add_assign "+";
    Sub sub SubAssign sub_assign "-";
    Mul mul MulAssign mul_assign "*";
    Div div DivAssign div_assign "/";
    Rem rem RemAssign rem_assign "%";
}

impl Sum for Source {
    fn sum<I: Iterator<Item = Source>>(terms: I) -> Source {
        terms.reduce(|a, b| a + b).unwrap_or(Source::from(-0.0))
    }
}

impl Product for Source {
    fn product<I: Iterator<Item = Source>>(factors: I) -> Source {
        factors.reduce(|a, b| a * b).unwrap_or(Source::from(1.0))
    }
}
