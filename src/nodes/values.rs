//! The values of nodes, which the tape does not keep: computed again, from the leaves up, the first time they are needed.

use super::{Content, Node, NodePosition, Operand, down};
use crate::arena::{Tape, WINDOW};
use crate::real::Real;
use crate::rows::Op;
use smallvec::SmallVec;

/// A node read back: its operation, its integer parameter and its operands with their values.
pub(crate) struct Decoded {
    pub op: Op,
    pub n: i32,
    pub operands: SmallVec<[Operand; 4]>,
}

/// Something that is known of some of the nodes.
#[derive(Default)]
struct Memo<T> {
    items: Vec<T>,
    /// A bit for each item that is known.
    known: Vec<u64>,
    /// No item from here on is known.
    end: usize,
}

impl<T: Copy + Default> Memo<T> {
    fn bytes(&self) -> usize {
        size_of_val(&self.items[..]) + size_of_val(&self.known[..])
    }

    #[inline]
    fn get(&self, index: usize) -> Option<T> {
        let is_known = self.known[index / 64] >> (index % 64) & 1 == 1;
        is_known.then(|| self.items[index])
    }

    #[inline]
    fn set(&mut self, index: usize, item: T) {
        self.items[index] = item;
        self.known[index / 64] |= 1 << (index % 64);
        self.end = self.end.max(index + 1);
    }

    /// Makes room for the nodes below `end`.
    #[inline]
    fn make_room(&mut self, end: usize) {
        if end > self.items.len() {
            self.grow(end);
        }
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        let words = end.div_ceil(64).max(2 * self.known.len());
        let (mut items, mut known) = (vec![T::default(); 64 * words], vec![0; words]);
        items[..self.items.len()].copy_from_slice(&self.items);
        known[..self.known.len()].copy_from_slice(&self.known);
        (self.items, self.known) = (items, known);
    }

    /// Forgets the nodes from `end` on.
    #[inline]
    fn truncate(&mut self, end: usize) {
        if end < self.end {
            self.known[end / 64] &= (1 << (end % 64)) - 1;
            self.known[end / 64 + 1..self.end.div_ceil(64)].fill(0);
            self.end = end;
        }
    }
}

/// The values that were computed so far, and the positions of nodes.
#[derive(Default)]
pub(crate) struct Values {
    values: Memo<f64>,
    positions: Memo<NodePosition>,
    /// The stack of [`work_out`](Values::work_out), kept for its memory.
    wanted: Vec<usize>,
}

impl Values {
    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let wanted = self.wanted.capacity() * size_of::<usize>();
        self.values.bytes() + self.positions.bytes() + wanted
    }

    /// The node at `index`.
    ///
    /// If its position is not known, finds those of all nodes of the same window: in each window a first part is known, up to some
    /// node.
    #[inline]
    pub(crate) fn node<'a>(&mut self, tape: Tape<'a>, index: usize) -> Node<'a> {
        self.make_room(tape.end());
        let at = match self.positions.get(index) {
            Some(at) => at,
            None => self.find(tape, index),
        };
        Node { tape, index, at }
    }

    #[cold]
    fn find(&mut self, tape: Tape<'_>, index: usize) -> NodePosition {
        let first = index / WINDOW * WINDOW;
        for node in down(tape, tape.end().min(first + WINDOW), first.max(1)) {
            if node.index < index && self.positions.get(node.index).is_some() {
                break;
            }
            self.positions.set(node.index, node.at);
        }
        self.positions.get(index).expect("it is among them")
    }

    /// A node with the values of its operands.
    pub(crate) fn decode(&mut self, node: Node<'_>) -> Decoded {
        let mut operands = SmallVec::<[Operand; 4]>::new();
        let (op, n) = node.read(|operand| operands.push(operand));
        for operand in &mut operands {
            if operand.index != 0 {
                operand.value = self.of(node.tape, operand.index);
            }
        }
        Decoded { op, n, operands }
    }

    /// The value of the node at `index`.
    pub(crate) fn of(&mut self, tape: Tape<'_>, index: usize) -> f64 {
        self.make_room(tape.end());
        match self.values.get(index) {
            Some(value) => value,
            None => self.work_out(tape, index),
        }
    }

    /// Computes a value, and before it the values of all its ancestors that are not known.
    fn work_out(&mut self, tape: Tape<'_>, index: usize) -> f64 {
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.push(index);
        while let Some(&i) = wanted.last() {
            let (node, before) = (self.node(tape, i), wanted.len());
            let value = match node.content() {
                Content::Leaf(value) => value,
                Content::Row(row) => {
                    let (mut args, mut count) = ([0.0; 3], 0);
                    row.each_operand(|Operand { index, value }| {
                        args[count] = match index {
                            0 => value,
                            // An operand of itself, once the epochs have started again: see `is_current`.
                            _ if index >= i => f64::NAN,
                            _ => self.values.get(index).unwrap_or_else(|| {
                                wanted.push(index);
                                0.0
                            }),
                        };
                        count += 1;
                    });
                    if wanted.len() > before {
                        continue;
                    }
                    f64::apply(row.op, row.n(), &args)
                }
                Content::Many(_) | Content::Head | Content::Output { .. } => node.number(),
            };
            self.values.set(i, value);
            wanted.pop();
        }
        self.wanted = wanted;
        self.values.get(index).expect("it was worked out")
    }

    #[inline]
    fn make_room(&mut self, end: usize) {
        self.values.make_room(end);
        self.positions.make_room(end);
    }

    /// Forgets the nodes from `end` on.
    #[inline]
    pub(crate) fn truncate(&mut self, end: usize) {
        self.values.truncate(end);
        self.positions.truncate(end);
    }
}
