//! Pictures of a graph: text, DOT and SVG.
//!
//! All three show one [`Picture`]: the output and what is nearest to it, up to [`MOST`] items, each
//! node once. What is left out is counted. Nothing here recurses over the graph.

mod svg;

use crate::graph::decode;
use crate::graph::names::tidy;
use crate::graph::trace;
use crate::graph::{state, verify};
use crate::handle::Var;
use crate::nodes::Decoded;
use crate::rows::Op;
use std::collections::{BinaryHeap, HashMap};
use std::fmt::Write;

/// Items in a picture: nodes and constants.
const MOST: usize = 200;
/// Operations from the output to what is farthest from it in a picture.
const DEEPEST: usize = 24;

/// # Pictures
///
/// Each shows the variables that this one was made from, a shared one once, with their values and the
/// gradients of the last sweep. Numbers are rounded to six digits. A picture holds what is nearest to
/// the output, up to 200 nodes and 24 operations deep, and says how many more nodes there are.
impl Var {
    /// Draws the graph of this output as text, for a terminal.
    ///
    /// A variable that is used again is drawn where it is met first, and called by its name, or by a
    /// number, where it is met again. In an operation with a constant, `·` stands for the variable.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// use scalargrad::Var;
    ///
    /// let (x, y) = (Var::new(3.0).named("x"), Var::new(2.0).named("y"));
    /// let z = x * (x + y / 2.0);
    /// z.backward();
    /// let picture = "
    ///                  value  grad
    /// ×                   12     1
    /// ├─ x                 3     7
    /// └─ +                 4     3
    ///    ├─ x (above)
    ///    └─ · ÷ 2          1     3
    ///       └─ y           2   1.5
    /// ";
    /// assert_eq!(format!("\n{}", z.to_text()), picture);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn to_text(self) -> String {
        Picture::of(self).text()
    }

    /// Draws the graph of this output in the DOT language, for Graphviz.
    ///
    /// As micrograd does: a box for a number, an ellipse for the operation that made it.
    /// `dot -Tsvg graph.dot -o graph.svg` makes an image of it; [`to_svg`](Var::to_svg) needs no tool.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// use scalargrad::Var;
    ///
    /// let x = Var::new(3.0).named("x");
    /// assert!((x * x).to_dot().contains(r#"label="{ x | value 3 | grad 0 }""#));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn to_dot(self) -> String {
        Picture::of(self).dot()
    }

    /// Draws the graph of this output as an SVG image, complete in itself.
    ///
    /// Operands stand to the left of what is made from them, and enter it in order from the top.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```no_run
    /// let x = scalargrad::Var::new(3.0).named("x");
    /// std::fs::write("graph.svg", (x * x).to_svg())?;
    /// # Ok::<(), std::io::Error>(())
    /// ```
    #[must_use]
    #[track_caller]
    pub fn to_svg(self) -> String {
        svg::draw(&Picture::of(self))
    }
}

/// What is drawn of a graph.
struct Picture {
    /// The output first, then what is nearest to it.
    items: Vec<Item>,
    /// Nodes that are not drawn.
    hidden: usize,
}

/// A node or a constant.
struct Item {
    /// The index of the node; 0 for a constant.
    index: usize,
    name: Option<String>,
    /// The operation, with its integer parameter.
    operation: String,
    /// Whether an operation on operands made it.
    is_made: bool,
    value: f64,
    /// Absent for a constant.
    grad: Option<f64>,
    /// The items that it was made from.
    operands: Vec<usize>,
    /// Whether there are more of them.
    is_cut: bool,
}

impl Picture {
    #[track_caller]
    fn of(output: Var) -> Picture {
        verify(output);
        let _at = trace::attribute();
        let mut items = vec![];
        let mut places = HashMap::from([(output.index(), 0)]);
        let mut found = vec![(output, 0)];
        while let Some(&(x, depth)) = found.get(items.len()) {
            let node = (!x.is_constant()).then(|| decode(x.index()));
            let mut item = Item::new(x, node.as_ref());
            for operand in node.iter().flat_map(|node| &node.operands) {
                let known = places.get(&operand.index).filter(|_| operand.index != 0);
                if let Some(&place) = known {
                    item.operands.push(place);
                } else if found.len() < MOST && depth < DEEPEST {
                    item.operands.push(found.len());
                    places.insert(operand.index, found.len());
                    found.push((operand.var(), depth + 1));
                } else {
                    item.is_cut = true;
                }
            }
            items.push(item);
        }
        let drawn = items.iter().filter(|item| item.index != 0).count();
        let hidden = match items.iter().any(|item| item.is_cut) {
            true => count(output.index()) - drawn,
            false => 0,
        };
        Picture { items, hidden }
    }

    /// The note under a picture that is not complete.
    fn note(&self) -> Option<String> {
        (self.hidden > 0).then(|| format!("… and {} more", self.hidden))
    }

    fn text(&self) -> String {
        let rows = self.rows();
        let numbers = |k: usize| {
            let item = &self.items[k];
            (
                number(item.value),
                item.grad.map_or_else(String::new, number),
            )
        };
        let columns: Vec<(String, String)> = rows
            .iter()
            .map(|(_, item)| item.map_or_else(Default::default, numbers))
            .collect();
        let width = |of: &dyn Fn(usize) -> usize, least: usize| {
            (0..rows.len()).map(of).fold(least, usize::max)
        };
        let label = width(&|i| rows[i].0.chars().count(), 0);
        let value = width(&|i| columns[i].0.len(), "value".len());
        let grad = width(&|i| columns[i].1.len(), "grad".len());
        let mut text = format!("{:label$}  {:>value$}  {:>grad$}\n", "", "value", "grad");
        for ((name, _), (v, g)) in rows.iter().zip(&columns) {
            let line = format!("{name:label$}  {v:>value$}  {g:>grad$}");
            let _ = writeln!(text, "{}", line.trim_end());
        }
        if let Some(note) = self.note() {
            let _ = writeln!(text, "{note}");
        }
        text
    }

    /// The lines of the text: the branches with the label, and the item whose numbers follow, if any.
    fn rows(&self) -> Vec<(String, Option<usize>)> {
        let mut uses = vec![0; self.items.len()];
        for item in &self.items {
            item.operands.iter().for_each(|&k| uses[k] += 1);
        }
        let is_shared = |name: &String| {
            let bearers = self.items.iter().filter(|x| x.name.as_ref() == Some(name));
            bearers.count() > 1
        };
        // How a line refers to an item that was drawn above; absent where none does.
        let mut called: Vec<Option<String>> = vec![None; self.items.len()];
        let mut numbered = 0;
        let mut rows = Vec::new();
        let mut open = vec![(Some(0), String::new(), String::new())];
        while let Some((item, branch, below)) = open.pop() {
            let Some(k) = item else {
                rows.push((branch + "…", None));
                continue;
            };
            if let Some(called) = &called[k] {
                rows.push((format!("{branch}{called} (above)"), None));
                continue;
            }
            let item = &self.items[k];
            let mut name = item.name.clone();
            if uses[k] > 1 {
                if name.as_ref().is_none_or(is_shared) {
                    numbered += 1;
                    let number = format!("#{numbered}");
                    name = Some(name.map_or(number.clone(), |name| format!("{name} {number}")));
                }
                called[k].clone_from(&name);
            }
            let constants = self.constants(item);
            let label = item.label(name.as_deref(), constants.as_deref());
            rows.push((branch + &label, Some(k)));
            let inline = |k: &usize| constants.is_some() && self.items[*k].grad.is_none();
            let operands = item
                .operands
                .iter()
                .filter(|k| !inline(k))
                .map(|&k| Some(k));
            let mut last = true;
            for operand in item
                .is_cut
                .then_some(None)
                .into_iter()
                .chain(operands.rev())
            {
                let (branch, line) = if last {
                    ("└─ ", "   ")
                } else {
                    ("├─ ", "│  ")
                };
                open.push((operand, below.clone() + branch, below.clone() + line));
                last = false;
            }
        }
        rows
    }

    /// The operation with its constant operands in their places, if it has some and is short.
    fn constants(&self, item: &Item) -> Option<String> {
        let is_constant = |&k: &usize| self.items[k].grad.is_none();
        let is_short = item.operands.len() <= 3 && !item.is_cut;
        if !(is_short && item.operands.iter().any(is_constant)) {
            return None;
        }
        let operands: Vec<String> = (item.operands.iter())
            .map(|k| {
                if is_constant(k) {
                    number(self.items[*k].value)
                } else {
                    "·".into()
                }
            })
            .collect();
        let operation = &item.operation;
        let is_sign = !operation.starts_with(|c: char| c.is_alphanumeric() || c == '_');
        match &operands[..] {
            [a, b] if is_sign => Some(format!("{a} {operation} {b}")),
            _ => Some(format!("{operation}({})", operands.join(", "))),
        }
    }

    fn dot(&self) -> String {
        let mut dot = String::from(
            "digraph {\n  rankdir=LR\n  node [fontname=\"monospace\" fontsize=11 height=0.3]\n",
        );
        for (k, item) in self.items.iter().enumerate() {
            let value = number(item.value);
            let Some(grad) = item.grad.map(number) else {
                let _ = writeln!(dot, "  n{k} [shape=plaintext label=\"{value}\"]");
                continue;
            };
            let name = item
                .name
                .as_deref()
                .map(|name| escape(name, r#"\"{}|<>"#) + " | ");
            let name = name.unwrap_or_default();
            let _ = writeln!(
                dot,
                "  n{k} [shape=record label=\"{{ {name}value {value} | grad {grad} }}\"]"
            );
            if item.is_made {
                let operation = escape(&item.operation, "\\\"");
                let _ = writeln!(dot, "  o{k} [label=\"{operation}\"]\n  o{k} -> n{k}");
            }
            for operand in &item.operands {
                let _ = writeln!(dot, "  n{operand} -> o{k}");
            }
            if item.is_cut {
                let _ = writeln!(dot, "  more -> o{k} [style=dashed]");
            }
        }
        if let Some(note) = self.note() {
            let _ = writeln!(dot, "  more [shape=plaintext label=\"{note}\"]");
        }
        dot + "}\n"
    }
}

impl Item {
    fn new(x: Var, node: Option<&Decoded>) -> Item {
        let op = node.map_or(Op::Constant, |node| node.op);
        let mut operation = match op {
            Op::Custom => state(|state| tidy(&state.customs[&x.index()].label)),
            op => op.label().to_string(),
        };
        if let Some(node) = node.filter(|_| op.is_indexed()) {
            let _ = write!(operation, "({})", op.parameter(node.n));
        }
        Item {
            index: x.index(),
            name: x
                .name()
                .map(|name| tidy(&name))
                .filter(|name| !name.is_empty()),
            operation,
            is_made: !matches!(op, Op::Constant | Op::Leaf),
            value: x.untracked_value(),
            grad: (!x.is_constant()).then(|| x.grad()),
            operands: Vec::new(),
            is_cut: false,
        }
    }

    /// What the item is called, and what made it.
    fn label(&self, name: Option<&str>, operation: Option<&str>) -> String {
        let operation = operation.unwrap_or(&self.operation);
        match name {
            Some(name) if self.name.is_some() && !self.is_made => name.to_string(),
            Some(name) => format!("{name} = {operation}"),
            None => operation.to_string(),
        }
    }
}

/// The number of nodes that the node at `index` was made from, itself included.
fn count(index: usize) -> usize {
    let (mut total, mut last) = (0, 0);
    let mut open = BinaryHeap::from([index]);
    while let Some(index) = open.pop() {
        if std::mem::replace(&mut last, index) == index {
            continue;
        }
        total += 1;
        let operands = decode(index).operands;
        open.extend(operands.iter().map(|x| x.index).filter(|&index| index != 0));
    }
    total
}

/// `text` with a backslash before each of `special`.
fn escape(text: &str, special: &str) -> String {
    let mut escaped = String::new();
    for c in text.chars() {
        if special.contains(c) {
            escaped.push('\\');
        }
        escaped.push(c);
    }
    escaped
}

/// `x` in six digits.
fn number(x: f64) -> String {
    let short = |digits: &str| match digits.split_once('.') {
        Some(_) => digits
            .trim_end_matches('0')
            .trim_end_matches('.')
            .to_string(),
        None => digits.to_string(),
    };
    let scientific = format!("{x:.5e}");
    let Some((digits, exponent)) = scientific.split_once('e') else {
        return scientific; // NaN or infinite
    };
    match exponent.parse::<i32>() {
        Ok(exponent @ -4..=5) => short(&format!("{x:.*}", (5 - exponent) as usize)),
        _ => format!("{}e{exponent}", short(digits)),
    }
}
