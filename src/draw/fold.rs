//! Repeated structure: nodes that were made in the same way and are used in the same way are one group.
//!
//! A node's class is a hash of what it was made from, down to the leaves, and of what it is used for, up to the
//! outputs. Numbers do not count, and of names only what is left without their digits. Two nodes of one class
//! have the same distance to their farthest leaf, so there is no cycle among the groups.

use super::graph::{Graph, Source};
use crate::rows::Op;
use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};

/// Classes beyond which nothing is folded: most of what is drawn would be left out all the same.
const MOST: usize = 100_000;

/// The group of each node, and the groups.
pub(super) struct Groups {
    pub(super) of: Vec<u32>,
    /// The number of nodes in each.
    pub(super) sizes: Vec<u32>,
}

impl Groups {
    /// Each node alone.
    pub(super) fn single(graph: &Graph) -> Groups {
        Groups { of: (0..graph.nodes.len() as u32).collect(), sizes: vec![1; graph.nodes.len()] }
    }

    /// One for each class; each node alone if there are too many classes for folding to be of use.
    pub(super) fn folded(graph: &Graph, source: &dyn Source) -> Groups {
        let mut known = HashMap::new();
        let mut folded = Groups { of: Vec::with_capacity(graph.nodes.len()), sizes: Vec::new() };
        for class in classes(graph, source) {
            let group = *known.entry(class).or_insert(folded.sizes.len());
            if group == folded.sizes.len() {
                if group == MOST {
                    return Groups::single(graph);
                }
                folded.sizes.push(0);
            }
            folded.sizes[group] += 1;
            folded.of.push(group as u32);
        }
        folded
    }
}

/// A name without digits, and without the brackets and the like that are left at its end.
fn stem(name: &str) -> String {
    let letters: String = name.chars().filter(|c| !c.is_numeric()).collect();
    let end = |c: char| !c.is_alphanumeric();
    letters.trim_matches(end).to_string()
}

/// Stands for a number that is not the same in all names of a group.
const ANY: char = '\0';

/// What two names of a group have in common: the same text, with [`ANY`] for numbers that differ; or else their stem.
pub(super) fn common(a: &str, b: &str) -> String {
    let is_number = |c: char| c.is_numeric() || c == ANY;
    let parts = |name: &str| -> Vec<String> {
        let chars: Vec<char> = name.chars().collect();
        let parts = chars.chunk_by(|&x, &y| is_number(x) == is_number(y));
        parts.map(|part| part.iter().collect()).collect()
    };
    let (of_a, of_b) = (parts(a), parts(b));
    let part = |(a, b): (&String, &String)| match a == b {
        true => Some(a.clone()),
        false => (a.starts_with(is_number) && b.starts_with(is_number)).then(|| ANY.to_string()),
    };
    let same = (of_a.len() == of_b.len()).then(|| of_a.iter().zip(&of_b).map(part).collect()).flatten();
    same.unwrap_or_else(|| stem(a))
}

/// The same to be shown. Of a number that differs nothing is left, nor of the brackets around it at the end: `x` of `x[1]` and `x[2]`,
/// `x[1].y` of `x[1].y[1]` and `x[1].y[2]`, `x[].y` of `x[1].y` and `x[2].y`.
pub(super) fn shown(common: &str) -> String {
    let mut name = common;
    let around = |c: char| c == ANY || !c.is_alphanumeric();
    for brackets in ["[\0]", "(\0)", "{\0}", "\0"] {
        while let Some(rest) = name.strip_suffix(brackets) {
            name = if brackets.len() > 1 { rest } else { rest.trim_end_matches(around) };
        }
    }
    if name.starts_with(ANY) {
        name = name.trim_start_matches(around);
    }
    name.replace(ANY, "")
}

fn hash(of: impl Hash) -> u64 {
    let mut hasher = DefaultHasher::new();
    of.hash(&mut hasher);
    hasher.finish()
}

/// Whether the operands of an operation differ by their places: all are alike to sums and operations on slices.
fn has_places(op: Op, count: usize) -> bool {
    op != Op::Add && !op.is_slice() && count <= 3
}

/// What distinguishes the place of operand `i` of a node from the others; those of two slices alternate.
fn role(op: Op, count: usize, i: usize) -> u64 {
    match op {
        Op::Dot => (i % 2) as u64,
        _ if has_places(op, count) => i as u64,
        _ => 0,
    }
}

fn classes(graph: &Graph, source: &dyn Source) -> Vec<u64> {
    let count = graph.nodes.len();
    let mut classes = vec![0u64; count];
    let mut uses = vec![0u32; count + 1];
    for (k, node) in graph.nodes.iter().enumerate().rev() {
        let index = node.index as usize;
        // The parameter of a custom operation is its place.
        let mut class = match node.op {
            Op::Custom => hash((node.op, source.custom_label(index, node.n))),
            op => hash((op, node.n)),
        };
        if let Some(name) = source.name(index) {
            class = hash((class, stem(&name)));
        }
        for operand in graph.operands(k) {
            let operand = match operand {
                Err(_) => 1,
                Ok(k) => {
                    uses[k] += 1;
                    classes[k]
                }
            };
            class = hash((class, operand));
        }
        classes[k] = class;
    }
    // The users of each node come one after another; `uses` becomes where they begin.
    let mut first = 0;
    for begin in &mut uses {
        first += std::mem::replace(begin, first);
    }
    let mut users = vec![0u64; first as usize];
    let mut filled = vec![0u32; count];
    for k in 0..count {
        let mine = &mut users[uses[k] as usize..uses[k + 1] as usize];
        mine.sort_unstable();
        for user in mine.chunk_by(|a, b| a == b).map(|equal| equal[0]) {
            classes[k] = hash((classes[k], user));
        }
        let node = &graph.nodes[k];
        let operands = graph.operands(k);
        let number = operands.len();
        for (i, operand) in operands.enumerate() {
            if let Ok(operand) = operand {
                users[(uses[operand] + filled[operand]) as usize] = hash((classes[k], role(node.op, number, i)));
                filled[operand] += 1;
            }
        }
    }
    classes
}
