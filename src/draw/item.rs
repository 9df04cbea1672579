//! What a picture consists of.

use crate::rows::Op;

/// What an item stands for.
#[derive(Clone, Copy, Default, PartialEq, Debug)]
pub(super) enum Kind {
    Constant,
    Leaf,
    #[default]
    Made,
    /// Nodes that are not drawn.
    Hidden,
}

/// A box of the picture.
#[derive(Default)]
pub(super) struct Item {
    pub(super) kind: Kind,
    pub(super) name: Option<String>,
    /// The operation with its integer parameter, and its constant operands in their places if there are few.
    pub(super) operation: String,
    /// The nodes that it stands for.
    pub(super) count: usize,
    pub(super) value: Option<Span>,
    /// Absent for a constant.
    pub(super) grad: Option<Span>,
    /// The items that it was made from.
    pub(super) operands: Vec<usize>,
    pub(super) is_output: bool,
}

impl Item {
    /// What the item is called, and what made it; `name` is what the picture calls it.
    pub(super) fn label(&self, name: Option<&str>) -> String {
        let what = match (self.kind, name) {
            (Kind::Hidden, None) => return format!("… and {} more", self.count),
            (Kind::Hidden, Some(name)) => return format!("{name} = … and {} more", self.count),
            (Kind::Leaf | Kind::Constant, Some(name)) if self.name.is_some() => name.to_string(),
            (_, Some(name)) => format!("{name} = {}", self.operation),
            (_, None) => self.operation.clone(),
        };
        match self.count {
            1 => what,
            count if self.kind == Kind::Made && name.is_none() && is_sign(&what) => format!("{count} × ({what})"),
            count => match name.filter(|_| self.name.is_none()) {
                Some(name) => format!("{name} = {count} × {}", self.operation),
                None => format!("{count} × {what}"),
            },
        }
    }
}

/// Whether an operation is written between its operands.
fn is_sign(operation: &str) -> bool {
    !operation.starts_with(|c: char| c.is_alphanumeric() || c == '_')
}

/// An operation, `·` for an operand that is a node, and constants as they are.
pub(super) fn pattern(operation: &str, operands: &[Option<Span>]) -> String {
    let constant = |x: Span| if x.least == x.greatest { x.text() } else { format!("({})", x.text()) };
    let text = |operand: &Option<Span>| operand.map_or("·".to_string(), constant);
    let operands: Vec<String> = operands.iter().map(text).collect();
    match &operands[..] {
        [a, b] if is_sign(operation) => format!("{a} {operation} {b}"),
        _ => format!("{operation}({})", operands.join(", ")),
    }
}

/// The label of an operation with its integer parameter.
pub(super) fn operation(op: Op, n: i32) -> String {
    if op.is_indexed() { format!("{op}({})", op.parameter(n)) } else { op.to_string() }
}

/// The numbers of the nodes that one item stands for.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Span {
    pub(super) least: f64,
    pub(super) greatest: f64,
    has_nan: bool,
}

impl Span {
    pub(super) fn of(x: f64) -> Span {
        Span { least: x, greatest: x, has_nan: x.is_nan() }
    }

    pub(super) fn join(self, other: Span) -> Span {
        Span {
            least: self.least.min(other.least),
            greatest: self.greatest.max(other.greatest),
            has_nan: self.has_nan || other.has_nan,
        }
    }

    /// Adds to what may be absent.
    pub(super) fn join_to(self, other: &mut Option<Span>) {
        *other = Some(other.map_or(self, |other| other.join(self)));
    }

    /// In six digits; of several numbers the least and the greatest, in three.
    pub(super) fn text(&self) -> String {
        let digits = match self.least == self.greatest {
            true => 6,
            false => 3, // two numbers have to fit a box
        };
        let (least, greatest) = (number(self.least, digits), number(self.greatest, digits));
        let range = if least == greatest { least } else { format!("{least} … {greatest}") };
        if self.has_nan && !self.least.is_nan() { range + ", NaN" } else { range }
    }

    /// In all digits.
    pub(super) fn exact(&self) -> String {
        match self.least.to_bits() == self.greatest.to_bits() {
            true => format!("{}", self.least),
            false => format!("{} … {}", self.least, self.greatest),
        }
    }
}

/// `x` in `digits` digits, at most.
fn number(x: f64, digits: usize) -> String {
    let last = digits as i32 - 1;
    let short = |text: &str| match text.split_once('.') {
        Some(_) => text.trim_end_matches('0').trim_end_matches('.').to_string(),
        None => text.to_string(),
    };
    let scientific = format!("{x:.*e}", digits - 1);
    let Some((mantissa, exponent)) = scientific.split_once('e') else {
        return scientific; // NaN or infinite
    };
    match exponent.parse::<i32>() {
        Ok(exponent) if (-4..=last).contains(&exponent) => short(&format!("{x:.*}", (last - exponent) as usize)),
        _ => format!("{}e{exponent}", short(mantissa)),
    }
}
