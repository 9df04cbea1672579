//! How nodes are read back from the tape.
//!
//! `record` knows how a node is written, and the sweep over `f64` adds up its partials by itself. Everything else asks a
//! [`Node`]: which operation it is, on which operands, with which partials. [`down`] goes through the nodes, the last first.

mod down;
mod values;

pub(crate) use down::down;
pub(crate) use values::{Decoded, Values};

use crate::arena::{Form, LastWords, Place, Tape, arena, code};
use crate::rows::Op;

/// An operand: a node, or a number where `index` is 0.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub(crate) struct Operand {
    pub index: usize,
    pub value: f64,
}

impl Operand {
    #[inline(always)]
    pub(crate) fn node(index: usize) -> Operand {
        Operand { index, value: 0.0 }
    }

    #[inline(always)]
    pub(crate) fn constant(value: f64) -> Operand {
        Operand { index: 0, value }
    }
}

/// An operand of a copy of nodes: the place of a number in the copy, or a number that is in none.
pub(crate) type NumberOrPlace = Result<usize, f64>;

/// Where a node is: the position after its last word, and whether it is a sum that was fused into the node before it,
/// which ends at the same position.
#[derive(Clone, Copy, Default)]
pub(crate) struct NodePosition(usize);

impl NodePosition {
    #[inline(always)]
    fn new(position: usize, is_fused_sum: bool) -> NodePosition {
        NodePosition(position << 1 | is_fused_sum as usize)
    }

    #[inline(always)]
    fn position(self) -> usize {
        self.0 >> 1
    }

    #[inline(always)]
    fn is_fused_sum(self) -> bool {
        self.0 & 1 == 1
    }
}

/// Reads nodes in descending order while others are recorded.
pub(crate) struct ReverseReader(Place);

impl ReverseReader {
    /// A reader that starts at the node `index`.
    pub(crate) fn new(index: usize) -> ReverseReader {
        ReverseReader(arena().place_before(index + 1))
    }

    /// What the node at `index` is, and where. Fast if `index` is a little less than that of the call before.
    ///
    /// Recording may fuse a sum into the last node of the tape, which may be one that was read before: it stays what it is, and
    /// where it is.
    #[inline(always)]
    pub(crate) fn read(&mut self, index: usize) -> (NodePosition, Content) {
        const FAR: usize = 64;
        let arena = arena();
        if index >= self.0.index() {
            self.0 = arena.place_before(index + 1);
        } else if self.0.index() - index > FAR {
            self.0 = arena.find(self.0, index + 1);
        }
        loop {
            let place = self.0;
            let words = arena.words_before(place.position());
            let last = LastWords(&words);
            let before = place.before(last.word());
            if before.index() > index {
                self.0 = before;
                continue;
            }
            let is_fused_sum = before.index() < index;
            if !is_fused_sum {
                self.0 = before;
            }
            let at = NodePosition::new(place.position(), is_fused_sum);
            return (at, Content::read(last, index, is_fused_sum));
        }
    }
}

/// A node on the tape.
#[derive(Clone, Copy)]
pub(crate) struct Node<'a> {
    pub tape: Tape<'a>,
    pub index: usize,
    pub at: NodePosition,
}

impl<'a> Node<'a> {
    /// What it is.
    #[inline(always)]
    pub(crate) fn content(self) -> Content {
        let last = self.tape.last_words(self.at.position());
        Content::read(last, self.index, self.at.is_fused_sum())
    }

    /// Whether it is the head of a checkpoint, or an output.
    #[inline(always)]
    pub(crate) fn is_of_checkpoint(self) -> bool {
        let word = self.tape.word(self.at.position());
        word.code() == code::BY_SUBCODE && word.subcode() >= code::CHECKPOINT
    }

    /// Its operation and its integer parameter. `each` is called for every operand, in order; for a node, `value` is the number
    /// stored next to it (a partial), not the node's value.
    #[inline(always)]
    pub(crate) fn read(self, mut each: impl FnMut(Operand)) -> (Op, i32) {
        let (op, position) = match self.content() {
            Content::Leaf(_) => return (Op::Leaf, 0),
            Content::Row(row) => {
                row.each_operand(each);
                return (row.op, row.n());
            }
            Content::Many(op) => (op, self.at.position()),
            Content::Head => (Op::Checkpoint, self.at.position()),
            Content::Output { head } => {
                let head = arena().place_in(self.tape, head + 1);
                (Op::Checkpoint, head.position())
            }
        };
        self.tape.each_operand(position, |index, value| each(Operand { index, value }));
        (op, 0)
    }

    /// Calls `each` with the index of every active operand.
    #[inline(always)]
    pub(crate) fn each_active(self, mut each: impl FnMut(usize)) {
        let word = self.tape.word(self.at.position());
        match word.code() {
            _ if self.at.is_fused_sum() => {
                each(self.index - 2);
                each(self.index - 1);
            }
            code::ONE | code::ONE_WITH | code::ONE_FUSED => each(word.a()),
            code::ADD | code::TWO | code::TWO_FUSED => {
                each(word.a());
                each(word.b());
            }
            _ => {
                self.read(|operand| {
                    if operand.index != 0 {
                        each(operand.index);
                    }
                });
            }
        }
    }

    /// Calls `each` with the index of every active operand and the partial with respect to it. The head and the outputs of a
    /// checkpoint have none on the tape.
    #[inline(always)]
    pub(crate) fn each_partial(self, mut each: impl FnMut(usize, f64)) {
        match self.content() {
            Content::Row(row) => row.each_partial(each),
            Content::Many(_) => self.tape.each_operand(self.at.position(), |operand, p| {
                if operand != 0 {
                    each(operand, p);
                }
            }),
            Content::Leaf(_) | Content::Head | Content::Output { .. } => {}
        }
    }

    /// The number before its word: the value, or of the head of a checkpoint how many outputs there are.
    #[inline(always)]
    pub(crate) fn number(self) -> f64 {
        self.tape.last_words(self.at.position()).number(1)
    }
}

/// What a node is, as its last words say.
#[derive(Clone, Copy)]
pub(crate) enum Content {
    /// A leaf: its value.
    Leaf(f64),
    /// An operation on up to three operands.
    Row(Row),
    /// An operation on any number of operands.
    Many(Op),
    /// A checkpoint, which no handle refers to. Its outputs come after it.
    Head,
    /// An output of the checkpoint at `head`.
    Output { head: usize },
}

/// An operation on up to three operands.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    pub op: Op,
    /// How many operands there are.
    pub arity: usize,
    pub operands: [Operand; 3],
    /// The first active operand and its partial; for an operand on both sides, the partial of both.
    first: (usize, f64),
    /// Another active operand and its partial.
    second: Option<(usize, f64)>,
    /// The constant operand or the integer parameter.
    pub number: f64,
}

impl Row {
    /// An operation on two nodes, or more.
    #[inline(always)]
    fn pair(op: Op, [a, b]: [usize; 2], p: f64, q: f64) -> Row {
        Row {
            op,
            arity: 2,
            operands: [Operand::node(a), Operand::node(b), Operand::default()],
            first: (a, p),
            second: Some((b, q)),
            number: 0.0,
        }
    }

    /// An operation on one node, `a`, and perhaps a number.
    #[inline(always)]
    fn one(op: Op, form: Form, a: usize, p: f64, number: f64) -> Row {
        let (x, c, none) = (Operand::node(a), Operand::constant(number), Operand::default());
        let (arity, x, y) = match form {
            Form::Alone => (1, x, none),
            Form::ConstantRight => (2, x, c),
            Form::ConstantLeft => (2, c, x),
            Form::Twice => (2, x, x),
        };
        Row { op, arity, operands: [x, y, none], first: (a, p), second: None, number }
    }

    /// The integer parameter.
    #[inline(always)]
    pub(crate) fn n(&self) -> i32 {
        if self.op.is_indexed() { self.number as i32 } else { 0 }
    }

    /// The two factors of a product, as far as they are known from the tape: the partial with respect to one is the other.
    /// The value of a node that is multiplied with a constant is not known, as it is not needed; nor is that of a square whose
    /// partial overflows.
    #[inline(always)]
    pub(crate) fn factors(&self) -> Option<[Operand; 2]> {
        let [mut x, mut y, _] = self.operands;
        let p = self.first.1;
        match self.second {
            Some((_, q)) => (x.value, y.value) = (q, p),
            None if x.index == y.index && !p.is_finite() => return None,
            None if x.index == y.index => (x.value, y.value) = (0.5 * p, 0.5 * p),
            None => {}
        }
        Some([x, y])
    }

    /// Calls `each` for every operand, in order.
    #[inline(always)]
    pub(crate) fn each_operand(&self, mut each: impl FnMut(Operand)) {
        each(self.operands[0]);
        if self.arity > 1 {
            each(self.operands[1]);
        }
        if self.arity > 2 {
            each(self.operands[2]);
        }
    }

    /// Calls `each` with the index of every active operand and the partial with respect to it.
    #[inline(always)]
    pub(crate) fn each_partial(&self, mut each: impl FnMut(usize, f64)) {
        each(self.first.0, self.first.1);
        if let Some((operand, p)) = self.second {
            each(operand, p);
        }
    }
}

/// The operations by their number, in a table that has a place for every byte, so that no index is out of bounds.
const OPS: [Op; 256] = {
    let (mut ops, mut k) = ([Op::Leaf; 256], 0);
    while k < Op::ALL.len() {
        ops[k] = Op::ALL[k];
        k += 1;
    }
    ops
};

impl Content {
    /// What the node at `index` is that these words end.
    #[inline(always)]
    fn read(last: LastWords<'_>, index: usize, is_fused_sum: bool) -> Content {
        const FORMS: [Form; 4] = [Form::Alone, Form::ConstantRight, Form::ConstantLeft, Form::Twice];
        let word = last.word();
        let (a, b) = (word.a(), word.b());
        let number = |back| last.number(back);
        let sum = |is_sum, operands| match is_sum {
            true => Row::pair(Op::Add, operands, 1.0, 1.0),
            false => Row::pair(Op::Sub, operands, 1.0, -1.0),
        };
        let one = |p, with| Row::one(OPS[b & 255], FORMS[b >> 8 & 3], a, p, with);
        Content::Row(match (word.code(), word.subcode()) {
            _ if is_fused_sum => sum(true, [index - 2, index - 1]),
            (code::ADD, minus) => sum(minus == 0, [a, b]),
            (code::ADD_LAST, how) => {
                let is_sum = how & (code::NEGATES_LAST | code::NEGATES_OTHER) == 0;
                match how & code::LAST_IS_LEFT {
                    0 => sum(is_sum, [a, index - 1]),
                    _ => sum(is_sum, [index - 1, a]),
                }
            }
            (code::ONE_WITH, _) | (code::BY_SUBCODE, code::SWITCH_WITH) => one(number(2), number(1)),
            (code::ONE | code::ONE_FUSED, _) | (code::BY_SUBCODE, code::SWITCH) => {
                one(number(1), number(1)) // the partial of a product with a constant is the constant
            }
            (code::BY_SUBCODE, code::LEAF) => return Content::Leaf(number(1)),
            (code::BY_SUBCODE, code::NARY) => return Content::Many(OPS[word.op()]),
            (code::BY_SUBCODE, code::CHECKPOINT) => return Content::Head,
            (code::BY_SUBCODE, code::OUTPUT) => return Content::Output { head: a },
            (code::BY_SUBCODE, _) => {
                let mut row = Row::pair(OPS[number(1) as u8 as usize], [a, b], number(3), number(2));
                if row.op == Op::SoftmaxShare {
                    // The sum was recorded right after the log-sum-exp.
                    (row.arity, row.operands[2].index) = (3, b + 1);
                }
                row
            }
            _ => Row::pair(Op::Mul, [a, b], number(2), number(1)),
        })
    }
}
