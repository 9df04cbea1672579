//! The comparisons and questions that a recording notes, their answers, and how they are printed.

use std::cmp::Ordering;
use std::num::FpCategory;

macro_rules! comparisons {
    ($($(#[$doc:meta])* $Comparison:ident $sign:literal)*) => {
        /// What is asked of two operands, or of the first of them.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        pub(crate) enum Comparison {
            $($(#[$doc])* $Comparison,)*
        }

        impl Comparison {
            #[cfg(any(feature = "serde", feature = "jit"))]
            pub(crate) const ALL: &[Comparison] = &[$(Comparison::$Comparison),*];

            /// The sign or the method that it is written with.
            pub(crate) const fn sign(self) -> &'static str {
                match self {
                    $(Comparison::$Comparison => $sign,)*
                }
            }
        }
    };
}
comparisons! {
    Equal "=="
    Less "<"
    LessOrEqual "<="
    Greater ">"
    GreaterOrEqual ">="
    /// Whether the absolute value of the first is less than the second.
    Within "abs <"
    /// Which of the four answers `partial_cmp` gives.
    Order "partial_cmp"
    /// Which of the three answers `total_cmp` gives.
    TotalOrder "total_cmp"
    // All that follow are asked of one number.
    IsNan "is_nan"
    IsInfinite "is_infinite"
    IsFinite "is_finite"
    IsNormal "is_normal"
    IsSubnormal "is_subnormal"
    IsSignPositive "is_sign_positive"
    IsSignNegative "is_sign_negative"
    /// Which of five classes `classify` gives.
    Class "classify"
}

use Comparison::*;

impl Comparison {
    /// The answer, as a number: 0 or 1; for an order −1, 0, 1, or 2 for none; for a class its place in
    /// [`CLASSES`].
    #[inline(always)]
    pub(crate) fn answer(self, a: f64, b: f64) -> i8 {
        match self {
            Equal => (a == b) as i8,
            Less => (a < b) as i8,
            LessOrEqual => (a <= b) as i8,
            Greater => (a > b) as i8,
            GreaterOrEqual => (a >= b) as i8,
            Within => (a.abs() < b) as i8,
            _ => self.other_answer(a, b),
        }
    }

    #[inline(never)]
    fn other_answer(self, a: f64, b: f64) -> i8 {
        match self {
            Order => match a.partial_cmp(&b) {
                Some(order) => order as i8,
                None => 2,
            },
            TotalOrder => a.total_cmp(&b) as i8,
            IsNan => a.is_nan() as i8,
            IsInfinite => a.is_infinite() as i8,
            IsFinite => a.is_finite() as i8,
            IsNormal => a.is_normal() as i8,
            IsSubnormal => a.is_subnormal() as i8,
            IsSignPositive => a.is_sign_positive() as i8,
            IsSignNegative => a.is_sign_negative() as i8,
            Class => {
                let class = a.classify();
                let place = CLASSES.iter().position(|&(c, _)| c == class);
                place.expect("one of five") as i8
            }
            Equal | Less | LessOrEqual | Greater | GreaterOrEqual | Within => {
                unreachable!("answered before")
            }
        }
    }

    /// The comparison that is written with `sign`.
    #[cfg(feature = "serde")]
    pub(crate) fn of_sign(sign: &str) -> Option<Comparison> {
        let mut all = Comparison::ALL.iter().copied();
        all.find(|comparison| comparison.sign() == sign)
    }

    /// Whether it is asked of one number.
    pub(crate) const fn is_of_one(self) -> bool {
        self as u8 >= IsNan as u8
    }

    /// Whether it is a question about the sign of a number.
    pub(crate) fn is_of_sign(self) -> bool {
        matches!(self, IsSignPositive | IsSignNegative)
    }

    /// The comparison of `a` and `b` in print.
    pub(crate) fn text(self, a: &str, b: &str) -> String {
        match self {
            Equal | Less | LessOrEqual | Greater | GreaterOrEqual => {
                format!("{a} {} {b}", self.sign())
            }
            Within => format!("|{a}| < {b}"),
            _ if self.is_of_one() => format!("{}.{}()", receiver(a), self.sign()),
            _ => format!("{}.{}({b})", receiver(a), self.sign()),
        }
    }

    /// The condition, in Rust, that the answer of `a` and `b` is `answer` once more.
    pub(crate) fn condition(self, a: &str, b: &str, answer: i8) -> String {
        let order = |answer: i8| match answer {
            -1 => Ordering::Less,
            0 => Ordering::Equal,
            _ => Ordering::Greater,
        };
        let call = match self {
            Order | TotalOrder => format!("f64::{}(&{a}, &{b})", self.sign()),
            Within => format!("f64::abs({a}) < {b}"),
            _ if self.is_of_one() => format!("f64::{}({a})", self.sign()),
            _ => self.text(a, b),
        };
        match (self, answer) {
            (Order, 2) => format!("{call} == None"),
            (Order, _) => format!("{call} == Some(std::cmp::Ordering::{:?})", order(answer)),
            (TotalOrder, _) => format!("{call} == std::cmp::Ordering::{:?}", order(answer)),
            (Class, k) => format!("{call} == std::num::FpCategory::{:?}", CLASSES[k as usize].0),
            (_, 0) => format!("!({call})"),
            _ => call,
        }
    }

    /// An answer as a word.
    pub(crate) const fn word(self, answer: i8) -> &'static str {
        match (self, answer) {
            (Order | TotalOrder, -1) => "less",
            (Order | TotalOrder, 0) => "equal",
            (Order | TotalOrder, 1) => "greater",
            (Order | TotalOrder, _) => "none",
            (Class, k) => CLASSES[k as usize].1,
            (_, 0) => "false",
            _ => "true",
        }
    }
}

const CLASSES: [(FpCategory, &str); 5] = [
    (FpCategory::Nan, "NaN"),
    (FpCategory::Infinite, "infinite"),
    (FpCategory::Zero, "zero"),
    (FpCategory::Subnormal, "subnormal"),
    (FpCategory::Normal, "normal"),
];

/// An expression of which a method is called: in parentheses if it is made by an operator.
fn receiver(text: &str) -> String {
    let mut depth = 0;
    let is_operator = |sign: char| {
        depth += i32::from(sign == '(') - i32::from(sign == ')');
        depth == 0 && sign == ' '
    };
    match text.starts_with('-') || text.chars().any(is_operator) {
        true => format!("({text})"),
        false => text.into(),
    }
}
