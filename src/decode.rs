//! How an operation is read back from the tape, and the values that the tape does not keep.

use crate::arena::{Node, Word, arena};
use crate::graph::{cold, id_of};
use crate::ops::{self, Op};
use crate::record::{Form, code};
use crate::var::Var;
use smallvec::SmallVec;

/// Whether a slot holds a node.
pub(crate) fn is_node(word: Word) -> bool {
    !matches!(
        word.code(),
        code::NOTHING | code::CHECKPOINT | code::SLOT..=code::SLOT_MAX
    )
}

/// How a node holds its operands.
#[derive(Clone, Copy)]
pub(crate) enum Layout {
    One(Op, Form),
    Two(Op),
    /// In some other way.
    Other,
}

/// The layout that a word tells.
#[inline(always)]
pub(crate) fn layout(word: Word) -> Layout {
    const FORMS: [Form; 4] = [
        Form::Alone,
        Form::ConstantRight,
        Form::ConstantLeft,
        Form::Twice,
    ];
    match word.code() {
        code::TWO.. => Layout::Two(Op::BINARY[(word.code() - code::TWO) as usize]),
        code::ONE | code::DROPPED => Layout::One(Op::ALL[word.b() & 255], FORMS[word.b() >> 8 & 3]),
        _ => Layout::Other,
    }
}

/// A node read back: its operation, its integer parameter and its operands.
pub(crate) struct Decoded {
    pub op: Op,
    pub n: i32,
    pub operands: SmallVec<[Operand; 4]>,
}

/// An operand: a node, or a number where `index` is 0.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Operand {
    pub index: usize,
    pub value: f64,
}

impl Operand {
    /// Its handle.
    pub(crate) fn var(self) -> Var {
        if self.index == 0 {
            Var::constant(self.value)
        } else {
            Var::from_parts(self.value, id_of(self.index))
        }
    }
}

/// Reads the node at `index` back.
pub(crate) fn decode(index: usize) -> Decoded {
    cold(|cold| arena().nodes(|nodes| cold.values.decode(nodes, index)))
}

/// The operation of the node at `index` and its integer parameter; `each` gets the index of every
/// operand, or 0 and the value of a constant.
#[inline(always)]
pub(crate) fn read_node(
    nodes: &[Node],
    index: usize,
    mut each: impl FnMut(usize, f64),
) -> (Op, i32) {
    let Node { q, word, .. } = nodes[index];
    let (a, b) = (word.a(), word.b());
    match layout(word) {
        Layout::One(op, form) => {
            if let Form::ConstantLeft = form {
                each(0, q);
            }
            each(a, 0.0);
            match form {
                Form::ConstantRight => each(0, q),
                Form::Twice => each(a, 0.0),
                Form::Alone | Form::ConstantLeft => {}
            }
            return (op, if op.is_indexed() { q as i32 } else { 0 });
        }
        Layout::Two(op) => {
            each(a, 0.0);
            each(b, 0.0);
            return (op, 0);
        }
        Layout::Other => {}
    }
    let op = match word.code() {
        code::NEITHER | code::LEFT => {
            each(a, 0.0);
            each(b, 0.0);
            Op::ALL[q as usize]
        }
        code::RIGHT => {
            each(b, 0.0);
            each(a, 0.0);
            Op::ALL[q as usize]
        }
        code::SHARE => {
            each(a, 0.0);
            each(b, 0.0);
            each(total_of(nodes, b), 0.0);
            Op::SoftmaxShare
        }
        code::NARY => {
            read_slots(nodes, index).for_each(|(index, value)| each(index, value));
            Op::ALL[a]
        }
        code::OUTPUT => {
            read_slots(nodes, a).for_each(|(index, value)| each(index, value));
            Op::Checkpoint
        }
        _ => Op::Leaf,
    };
    (op, 0)
}

/// The value of the node at `index`.
///
/// Works out, once, what it was made from: only drawings, `differentiate` and the like ask.
pub(crate) fn value_of(index: usize) -> f64 {
    cold(|cold| arena().nodes(|nodes| cold.values.of(nodes, index)))
}

/// The values of nodes that were asked for.
#[derive(Default)]
pub(crate) struct Values {
    values: Vec<f64>,
    /// A bit for each value that is known.
    known: Vec<u64>,
    /// Room for what [`work_out`](Values::work_out) still has to do.
    wanted: Vec<usize>,
}

impl Values {
    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let wanted = self.wanted.capacity() * size_of::<usize>();
        size_of_val(&self.values[..]) + size_of_val(&self.known[..]) + wanted
    }

    /// Reads the node at `index` back, with the values of its operands.
    pub(crate) fn decode(&mut self, nodes: &[Node], index: usize) -> Decoded {
        let mut operands = SmallVec::new();
        let (op, n) = read_node(nodes, index, |index, value| {
            operands.push(Operand { index, value })
        });
        for operand in operands
            .iter_mut()
            .filter(|operand: &&mut Operand| operand.index != 0)
        {
            operand.value = self.of(nodes, operand.index);
        }
        Decoded { op, n, operands }
    }

    /// The value of the node at `index`.
    pub(crate) fn of(&mut self, nodes: &[Node], index: usize) -> f64 {
        self.make_room(nodes.len());
        if !self.is_known(index) {
            self.work_out(nodes, index);
        }
        self.values[index]
    }

    /// Works a value out, after those that it was made from.
    fn work_out(&mut self, nodes: &[Node], index: usize) {
        let mut wanted = std::mem::take(&mut self.wanted);
        wanted.push(index);
        while let Some(&i) = wanted.last() {
            let Node { p, word, .. } = nodes[i];
            let operands: &[usize] = match word.code() {
                code::ONE | code::DROPPED => &[word.a()],
                code::SHARE => &[word.a(), word.b(), total_of(nodes, word.b())],
                code::NEITHER | code::LEFT | code::RIGHT | code::TWO.. => &[word.a(), word.b()],
                _ => {
                    self.set(i, p);
                    wanted.pop();
                    continue;
                }
            };
            let before = wanted.len();
            wanted.extend(operands.iter().filter(|&&operand| !self.is_known(operand)));
            if wanted.len() == before {
                let (mut args, mut k) = ([0.0; 3], 0);
                let (op, n) = read_node(nodes, i, |index, value| {
                    args[k] = if index == 0 {
                        value
                    } else {
                        self.values[index]
                    };
                    k += 1;
                });
                self.set(i, ops::value(op, args, n));
                wanted.pop();
            }
        }
        self.wanted = wanted;
    }

    fn is_known(&self, index: usize) -> bool {
        self.known[index / 64] >> (index % 64) & 1 == 1
    }

    fn set(&mut self, index: usize, value: f64) {
        self.values[index] = value;
        self.known[index / 64] |= 1 << (index % 64);
    }

    /// Makes room for those of the slots below `end`, in fresh pages, which cost nothing until used.
    fn make_room(&mut self, end: usize) {
        if end > self.values.len() {
            let words = end.div_ceil(64).max(2 * self.known.len());
            let (mut values, mut known) = (vec![0.0; 64 * words], vec![0; words]);
            values[..self.values.len()].copy_from_slice(&self.values);
            known[..self.known.len()].copy_from_slice(&self.known);
            (self.values, self.known) = (values, known);
        }
    }

    /// Forgets those of the slots from `end` on.
    pub(crate) fn truncate(&mut self, end: usize) {
        if end < self.values.len() {
            self.known[end / 64] &= (1 << (end % 64)) - 1;
            self.known[end / 64 + 1..].fill(0);
        }
    }
}

/// What `record::push_slots` wrote before the node at `index`: an operand's index and what is beside it.
fn read_slots(nodes: &[Node], index: usize) -> impl Iterator<Item = (usize, f64)> {
    let count = nodes[index].word.b();
    nodes[index - count.div_ceil(2)..index]
        .iter()
        .flat_map(|slot| [(slot.word.a(), slot.p), (slot.word.b(), slot.q)])
        .take(count)
}

/// The index of the [`Op::SumExp`] that was recorded after the log-sum-exp `c` of its operands.
fn total_of(nodes: &[Node], c: usize) -> usize {
    let operands = nodes[c].word.b() + 1;
    c + operands.div_ceil(2) + 1
}

/// The operands of the checkpoint at `head`, and the number of its outputs.
pub(crate) fn read_checkpoint(head: usize) -> (SmallVec<[Operand; 4]>, usize) {
    arena().nodes(|nodes| {
        let operands = read_slots(nodes, head).map(|(index, value)| Operand { index, value });
        (operands.collect(), nodes[head].q as usize)
    })
}
