//! A picture in the DOT language: a box for a number, an ellipse for the operation that made it, as micrograd draws them.

use super::item::{Item, Kind};
use std::fmt::Write;

pub(super) fn draw(items: &[Item]) -> String {
    let mut dot = String::from("digraph {\n  rankdir=LR\n  node [fontname=\"monospace\" fontsize=11 height=0.3]\n");
    for (k, item) in items.iter().enumerate() {
        let value = item.value.map(|value| value.text());
        let grad = item.grad.map(|grad| grad.text());
        match item.kind {
            Kind::Hidden | Kind::Constant => {
                let label = value.unwrap_or_else(|| item.label(None));
                let _ = writeln!(dot, "  n{k} [shape=plaintext label=\"{label}\"]");
            }
            Kind::Leaf | Kind::Made => {
                let count = (item.count > 1).then(|| format!("{} ×", item.count));
                let fields = [
                    count,
                    item.name.as_deref().map(|name| escape(name, r#"\"{}|<>"#)),
                    value.map(|value| format!("value {value}")),
                    grad.map(|grad| format!("grad {grad}")),
                ];
                let fields: Vec<String> = fields.into_iter().flatten().collect();
                let _ = match fields.join(" | ") {
                    none if none.is_empty() => writeln!(dot, "  n{k} [shape=point]"),
                    fields => writeln!(dot, "  n{k} [shape=record label=\"{{ {fields} }}\"]"),
                };
            }
        }
        let mut to = 'n';
        if item.kind == Kind::Made {
            let operation = escape(&item.operation, "\\\"");
            let _ = writeln!(dot, "  o{k} [label=\"{operation}\"]\n  o{k} -> n{k}");
            to = 'o';
        }
        for operand in &item.operands {
            let _ = writeln!(dot, "  n{operand} -> {to}{k}");
        }
    }
    dot + "}\n"
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
