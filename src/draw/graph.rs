//! A flat copy of what was recorded, for drawing: its nodes from the outputs down.

use crate::nodes::{NumberOrPlace, Operand};
use crate::rows::Op;
use std::collections::BinaryHeap;
use std::ops::Range;

/// What can be drawn: this thread's graph, or a recorded function.
pub(super) trait Source {
    /// What the picture is of.
    fn outputs(&self) -> Vec<Operand>;
    /// The operation of the node at `index` with its integer parameter; calls `each` with its operands. Operands have
    /// lower indices; a constant has the index 0.
    fn read(&self, index: usize, each: &mut dyn FnMut(Operand)) -> (Op, i32);
    /// The name of a node, on one line.
    fn name(&self, index: usize) -> Option<String>;
    /// The label of a user's own operation, on one line.
    fn custom_label(&self, index: usize, n: i32) -> String;
    /// The value and the gradient of a node, where there are any.
    fn numbers(&self, index: usize) -> Option<(f64, f64)>;
}

/// An operand of the flat copy: a node, or the value of a constant.
fn number_or_place(operand: Operand) -> NumberOrPlace {
    match operand.index {
        0 => Err(operand.value),
        index => Ok(index),
    }
}

/// The ancestors of the outputs, users before their operands.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    /// The operands of all nodes.
    operands: Vec<NumberOrPlace>,
    /// The outputs.
    pub(super) outputs: Vec<NumberOrPlace>,
}

/// A node of the flat copy.
pub(super) struct Node {
    /// Its index in the source.
    pub(super) index: u32,
    pub(super) n: i32,
    pub(super) op: Op,
    /// Its operands in the list of all.
    first: u32,
    count: u32,
    /// The nodes that are drawn as this one, itself included.
    pub(super) covers: u32,
}

impl Node {
    /// Where its operands are in the list of all.
    fn range(&self) -> Range<usize> {
        self.first as usize..(self.first + self.count) as usize
    }
}

impl Graph {
    pub(super) fn of(source: &dyn Source) -> Graph {
        let outputs = source.outputs();
        let last = outputs.iter().map(|x| x.index).max().unwrap_or(0);
        let mut graph = Graph { nodes: Vec::new(), operands: Vec::new(), outputs: Vec::new() };
        // The place of each ancestor in the copy plus one. Fresh pages cost nothing until they are used.
        let mut places = vec![0u32; last + 1];
        let mut open: BinaryHeap<usize> = outputs.iter().map(|x| x.index).collect();
        while let Some(index) = open.pop() {
            if index == 0 || places[index] != 0 {
                continue;
            }
            let first = graph.operands.len();
            let (op, n) = source.read(index, &mut |operand| {
                graph.operands.push(number_or_place(operand));
                open.push(operand.index);
            });
            graph.nodes.push(Node {
                index: index as u32,
                n,
                op,
                first: first as u32,
                count: (graph.operands.len() - first) as u32,
                covers: 1,
            });
            places[index] = graph.nodes.len() as u32;
        }
        graph.outputs = outputs.into_iter().map(number_or_place).collect();
        graph.renumber(|index| places[index] as usize - 1);
        graph
    }

    /// Gives the nodes that operands and outputs refer to other places.
    fn renumber(&mut self, place: impl Fn(usize) -> usize) {
        for operand in self.operands.iter_mut().chain(&mut self.outputs) {
            *operand = operand.map(&place);
        }
    }

    pub(super) fn operands(&self, k: usize) -> impl ExactSizeIterator<Item = NumberOrPlace> + '_ {
        self.operands[self.nodes[k].range()].iter().copied()
    }

    /// The operands of `k` that are nodes.
    pub(super) fn node_operands(&self, k: usize) -> impl Iterator<Item = usize> + '_ {
        self.operands(k).filter_map(Result::ok)
    }

    /// The number of times that each node is an operand or an output.
    fn uses(&self) -> Vec<u32> {
        let mut uses = vec![0; self.nodes.len()];
        self.operands.iter().chain(&self.outputs).flatten().for_each(|&k| uses[k] += 1);
        uses
    }

    /// Makes `least` additions in a row or more, each of whose results is the first operand of the next, is
    /// used by that alone and has no name, one with many operands.
    pub(super) fn join_sums(&mut self, source: &dyn Source, least: usize) {
        let uses = self.uses();
        let mut place = vec![0u32; self.nodes.len()];
        let mut is_joined = vec![false; self.nodes.len()];
        let mut kept = 0;
        for k in 0..self.nodes.len() {
            if is_joined[k] {
                continue;
            }
            if self.nodes[k].op == Op::Add {
                self.join_sum(k, least, &uses, source).iter().for_each(|&link| is_joined[link] = true);
            }
            place[k] = kept as u32;
            self.nodes.swap(kept, k);
            kept += 1;
        }
        if kept == self.nodes.len() {
            return;
        }
        self.nodes.truncate(kept);
        // Those of the joined nodes are not looked at again.
        self.renumber(|k| place[k] as usize);
    }

    /// The nodes that are joined to `k`, if any.
    fn join_sum(&mut self, k: usize, least: usize, uses: &[u32], source: &dyn Source) -> Vec<usize> {
        let is_link = |&k: &usize| {
            let node = &self.nodes[k];
            node.op == Op::Add && uses[k] == 1 && source.name(node.index as usize).is_none()
        };
        let (mut terms, mut links) = (Vec::new(), Vec::new());
        let mut at = k;
        while let [before, term] = self.operands[self.nodes[at].range()] {
            terms.push(term);
            let Some(link) = before.ok().filter(is_link) else {
                terms.push(before);
                break;
            };
            at = link;
            links.push(at);
        }
        if links.len() + 1 < least {
            return Vec::new();
        }
        terms.reverse();
        self.nodes[k].first = self.operands.len() as u32;
        self.nodes[k].count = terms.len() as u32;
        self.nodes[k].covers += links.len() as u32;
        self.operands.append(&mut terms);
        links
    }
}
