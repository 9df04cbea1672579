//! A picture as text: a tree, in which what was drawn above is only called by its name.

use super::item::{Item, Kind, Span};
use std::fmt::Write;

pub(super) fn draw(items: &[Item]) -> String {
    let rows = rows(items);
    let number = |x: Option<Span>| x.map_or_else(String::new, |x| x.text());
    let numbers = |k: usize| (number(items[k].value), number(items[k].grad));
    let columns: Vec<(String, String)> =
        rows.iter().map(|(_, item)| item.map_or_else(Default::default, numbers)).collect();
    let is_constant = |item: &Item| item.kind == Kind::Constant;
    if !(items.iter().all(is_constant) || items.iter().any(|item| item.grad.is_some())) {
        // A recorded function, which has no numbers but constants.
        let lines = rows.iter().zip(columns);
        let line = |((text, _), (value, _)): (&(String, _), _)| format!("{text} {value}");
        return lines.map(|row| line(row).trim_end().to_string() + "\n").collect();
    }
    let width = |of: &dyn Fn(usize) -> usize, least: usize| (0..rows.len()).map(of).fold(least, usize::max);
    let label = width(&|i| rows[i].0.chars().count(), 0);
    let value = width(&|i| columns[i].0.chars().count(), "value".len());
    let grad = width(&|i| columns[i].1.chars().count(), "grad".len());
    let mut text = format!("{:label$}  {:>value$}  {:>grad$}\n", "", "value", "grad");
    for ((name, _), (v, g)) in rows.iter().zip(&columns) {
        let line = format!("{name:label$}  {v:>value$}  {g:>grad$}");
        let _ = writeln!(text, "{}", line.trim_end());
    }
    text
}

/// The lines: the branches with the label, and the item whose numbers follow, if any.
fn rows(items: &[Item]) -> Vec<(String, Option<usize>)> {
    let mut uses = vec![0; items.len()];
    for item in items {
        item.operands.iter().for_each(|&k| uses[k] += 1);
    }
    let is_shared = |name: &String| items.iter().filter(|x| x.name.as_ref() == Some(name)).count() > 1;
    // How a line refers to an item that was drawn above; absent where none does.
    let mut called: Vec<Option<String>> = vec![None; items.len()];
    let mut numbered = 0;
    let mut rows = Vec::new();
    let outputs = (0..items.len()).filter(|&k| items[k].is_output);
    let mut open: Vec<(usize, String, String)> = outputs.map(|k| (k, String::new(), String::new())).collect();
    open.reverse();
    while let Some((k, branch, below)) = open.pop() {
        if let Some(called) = &called[k] {
            rows.push((format!("{branch}{called} (above)"), None));
            continue;
        }
        let item = &items[k];
        let mut name = item.name.clone();
        if uses[k] + usize::from(item.is_output) > 1 {
            if name.as_ref().is_none_or(is_shared) {
                numbered += 1;
                let number = format!("#{numbered}");
                name = Some(name.map_or(number.clone(), |name| format!("{name} {number}")));
            }
            called[k].clone_from(&name);
        }
        rows.push((branch + &item.label(name.as_deref()), Some(k)));
        for (n, &operand) in item.operands.iter().rev().enumerate() {
            let (branch, line) = if n == 0 { ("└─ ", "   ") } else { ("├─ ", "│  ") };
            open.push((operand, below.clone() + branch, below.clone() + line));
        }
    }
    rows
}
