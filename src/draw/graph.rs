//! A flat copy of what was recorded, for drawing: its nodes from the outputs down.

use crate::nodes::Operand;
use crate::rows::Op;

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

/// An operand of the flat copy.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Part {
    Node(usize),
    Constant(f64),
}

/// The ancestors of the outputs, users before their operands.
pub(super) struct Graph {
    pub(super) nodes: Vec<Node>,
    operands: Vec<u32>,
    constants: Vec<f64>,
    /// The outputs.
    pub(super) outputs: Vec<Part>,
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

/// Marks an operand that is a constant.
const CONSTANT: u32 = 1 << 31;

impl Graph {
    pub(super) fn of(source: &dyn Source) -> Graph {
        let outputs = source.outputs();
        let last = outputs.iter().map(|x| x.index).max().unwrap_or(0);
        let mut graph = Graph {
            nodes: Vec::new(),
            operands: Vec::new(),
            constants: Vec::new(),
            outputs: Vec::new(),
        };
        // The place of each ancestor in the copy plus one. Fresh pages cost nothing until they are used.
        let mut places = vec![0u32; last + 1];
        let mut reached = vec![0u64; last / 64 + 1];
        let mut open = 0;
        let reach = |index: usize, open: &mut usize, reached: &mut [u64]| {
            let bit = 1 << (index % 64);
            *open += usize::from(reached[index / 64] & bit == 0);
            reached[index / 64] |= bit;
        };
        for x in outputs.iter().filter(|x| x.index != 0) {
            reach(x.index, &mut open, &mut reached);
        }
        let mut word = last / 64;
        while open > 0 {
            let bits = reached[word];
            if bits == 0 {
                word -= 1;
                continue;
            }
            let bit = bits.ilog2();
            reached[word] ^= 1 << bit;
            open -= 1;
            let index = word * 64 + bit as usize;
            let first = graph.operands.len();
            let (operands, constants) = (&mut graph.operands, &mut graph.constants);
            let (op, n) = source.read(index, &mut |operand| {
                if operand.index == 0 {
                    operands.push(CONSTANT | constants.len() as u32);
                    constants.push(operand.value);
                } else {
                    operands.push(operand.index as u32);
                    reach(operand.index, &mut open, &mut reached);
                }
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
        for operand in graph.operands.iter_mut().filter(|k| **k & CONSTANT == 0) {
            *operand = places[*operand as usize] - 1;
        }
        graph.outputs = outputs
            .iter()
            .map(|x| match x.index {
                0 => Part::Constant(x.value),
                index => Part::Node(places[index] as usize - 1),
            })
            .collect();
        graph
    }

    pub(super) fn operands(&self, k: usize) -> impl ExactSizeIterator<Item = Part> + '_ {
        let node = &self.nodes[k];
        let operands = &self.operands[node.first as usize..][..node.count as usize];
        operands.iter().map(|&k| self.part(k))
    }

    fn part(&self, k: u32) -> Part {
        match k & CONSTANT {
            0 => Part::Node(k as usize),
            _ => Part::Constant(self.constants[(k & !CONSTANT) as usize]),
        }
    }

    /// The operands of `k` that are nodes.
    pub(super) fn node_operands(&self, k: usize) -> impl Iterator<Item = usize> + '_ {
        self.operands(k).filter_map(|operand| match operand {
            Part::Node(k) => Some(k),
            Part::Constant(_) => None,
        })
    }

    /// The number of times that each node is an operand or an output.
    fn uses(&self) -> Vec<u32> {
        let mut uses = vec![0; self.nodes.len()];
        let nodes = (self.operands.iter()).filter(|&&k| k & CONSTANT == 0);
        nodes.for_each(|&k| uses[k as usize] += 1);
        for output in &self.outputs {
            if let Part::Node(k) = output {
                uses[*k] += 1;
            }
        }
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
                let links = self.join_sum(k, least, &uses, source);
                links.iter().for_each(|&link| is_joined[link] = true);
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
        for operand in self.operands.iter_mut().filter(|k| **k & CONSTANT == 0) {
            *operand = place[*operand as usize];
        }
        for output in &mut self.outputs {
            if let Part::Node(k) = output {
                *k = place[*k] as usize;
            }
        }
    }

    /// The nodes that are joined to `k`, if any.
    fn join_sum(
        &mut self,
        k: usize,
        least: usize,
        uses: &[u32],
        source: &dyn Source,
    ) -> Vec<usize> {
        let range = |node: &Node| node.first as usize..(node.first + node.count) as usize;
        let is_link = |operand: u32| {
            let node = self.nodes.get(operand as usize); // no constant is so low
            node.is_some_and(|node| {
                node.op == Op::Add
                    && uses[operand as usize] == 1
                    && source.name(node.index as usize).is_none()
            })
        };
        let (mut terms, mut links) = (Vec::new(), Vec::new());
        let mut at = k;
        while let [before, term] = self.operands[range(&self.nodes[at])] {
            terms.push(term);
            if !is_link(before) {
                terms.push(before);
                break;
            }
            at = before as usize;
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
