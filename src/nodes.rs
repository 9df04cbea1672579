//! How a node is read back from the tape: where it stands, which operation it is, which operands it has.
//!
//! `record` knows how a node is written, and the sweep over `f64` reads its partials itself. All others use this module.

mod values;

pub(crate) use values::{Decoded, Operand, Values};

use crate::arena::{Place, Tape, arena, code};
use crate::rows::Op;

/// What stands beside the operand of a node that has one active operand.
#[derive(Clone, Copy)]
#[repr(u8)]
pub(crate) enum Form {
    /// Nothing, or an integer parameter.
    Alone,
    /// A constant to its right.
    ConstantRight,
    /// A constant to its left.
    ConstantLeft,
    /// Itself, as in `x * x`.
    Twice,
}

/// Where a node stands: the position after its last word, and whether it is a sum that was fused into the node before it,
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

    fn is_fused_sum(self) -> bool {
        self.0 & 1 == 1
    }
}

/// Reads nodes in descending order.
pub(crate) struct ReverseReader(Place);

impl ReverseReader {
    /// A reader that starts at the node `index`.
    pub(crate) fn new(index: usize) -> ReverseReader {
        ReverseReader(arena().place_before(index + 1))
    }

    /// The node at `index`, and where it stands. Fast if `index` is a little less than that of the call before.
    ///
    /// Recording may go on between two calls: it may change the last node of the tape, into which it fuses a sum, but none
    /// that was read before.
    #[inline(always)]
    pub(crate) fn read(&mut self, index: usize) -> (NodePosition, Stored) {
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
            let (node, end) = (Tape::of(&words), words.len());
            let before = place.before(node.word(end));
            if before.index() > index {
                self.0 = before;
                continue;
            }
            let is_fused_sum = before.index() < index;
            if !is_fused_sum {
                self.0 = before;
            }
            let stored = stored(node, index, NodePosition::new(end, is_fused_sum));
            return (NodePosition::new(place.position(), is_fused_sum), stored);
        }
    }
}

/// Calls `each` with the index and the position of the nodes before a place, the last first, until one is below `start`.
#[inline(always)]
fn descend(tape: Tape<'_>, from: Place, start: usize, mut each: impl FnMut(usize, NodePosition)) {
    let (mut index, mut position) = (from.index(), from.position());
    while index > start {
        let word = tape.word(position);
        // One `match` for both questions: how long is it (as in `Word::words`), and are there two nodes in it?
        let words = match word.code() {
            code::ONE => 2,
            code::ADD | code::ADD_LAST => 1,
            code::TWO | code::ONE_WITH => 3,
            code::REST => word.words(),
            fused => {
                index -= 1;
                each(index, NodePosition::new(position, true));
                if fused == code::ONE_FUSED { 2 } else { 3 }
            }
        };
        debug_assert_eq!(words, word.words());
        index -= 1;
        each(index, NodePosition::new(position, false));
        position -= words;
    }
}

/// Calls `each` with the index and the position of the nodes below `end`, the last first, down to `start`; where a node
/// and a sum fused into it end at one place, with both of them.
#[inline(always)]
pub(crate) fn descend_from(
    tape: Tape<'_>,
    end: usize,
    start: usize,
    each: impl FnMut(usize, NodePosition),
) {
    descend(tape, arena().place_in(tape, end), start, each);
}

/// The positions of the nodes from index `start` on, into `positions`.
pub(crate) fn find_positions(
    tape: Tape<'_>,
    start: usize,
    end: usize,
    positions: &mut Vec<NodePosition>,
) {
    positions.resize(end.saturating_sub(start), NodePosition::default());
    descend_from(tape, end, start, |index, at| {
        if let Some(place) = positions.get_mut(index.wrapping_sub(start)) {
            *place = at;
        }
    });
}

/// A node as it is stored.
#[derive(Clone, Copy)]
pub(crate) enum Stored {
    Leaf(f64),
    /// An operation on one active operand `a` with the partial `p`. `q` is its constant operand or its integer
    /// parameter.
    One {
        op: Op,
        form: Form,
        a: usize,
        p: f64,
        q: f64,
    },
    /// An operation on two active operands; `p` and `q` are the partials of a product.
    Two {
        op: Op,
        a: usize,
        b: usize,
        p: f64,
        q: f64,
    },
    /// A node with more operands, or a share of a softmax.
    Other,
}

/// The node `index`, which stands at `at`.
#[inline(always)]
pub(crate) fn stored(tape: Tape<'_>, index: usize, at: NodePosition) -> Stored {
    let position = at.position();
    let word = tape.word(position);
    let (a, b) = (word.a(), word.b());
    let number = |back| tape.number(position, back);
    let sum = |op, a, b| Stored::Two {
        op,
        a,
        b,
        p: 1.0,
        q: 1.0,
    };
    let one = |with: bool| {
        const FORMS: [Form; 4] = [
            Form::Alone,
            Form::ConstantRight,
            Form::ConstantLeft,
            Form::Twice,
        ];
        let p = number(1 + with as usize);
        let q = if with { number(1) } else { p };
        Stored::One {
            op: Op::ALL[b & 255],
            form: FORMS[b >> 8 & 3],
            a,
            p,
            q,
        }
    };
    match (word.code(), word.subcode()) {
        _ if at.is_fused_sum() => sum(Op::Add, index - 2, index - 1),
        (code::ADD, minus) => sum(if minus == 0 { Op::Add } else { Op::Sub }, a, b),
        (code::ADD_LAST, how) => {
            let is_sum = how & (code::NEGATES_LAST | code::NEGATES_OTHER) == 0;
            let op = if is_sum { Op::Add } else { Op::Sub };
            if how & code::LAST_IS_LEFT == 0 {
                sum(op, a, index - 1)
            } else {
                sum(op, index - 1, a)
            }
        }
        (code::REST, code::LEAF) => Stored::Leaf(number(1)),
        (code::REST, code::SWITCH) => one(false),
        (code::REST, code::SWITCH_WITH) => one(true),
        (code::REST, code::PAIR | code::SWITCH_PAIR) => match Op::ALL[number(1) as usize] {
            Op::SoftmaxShare => Stored::Other,
            op => Stored::Two {
                op,
                a,
                b,
                p: number(3),
                q: number(2),
            },
        },
        (code::REST, _) => Stored::Other,
        (code::ONE_WITH, _) => one(true),
        (two, _) if two & code::TWO != 0 => Stored::Two {
            op: Op::Mul,
            a,
            b,
            p: number(2),
            q: number(1),
        },
        _ => one(false),
    }
}

/// The operation of the node at `index` and its integer parameter. `each` is called for every operand: with its index, or
/// with 0 and the value of a constant.
#[inline(always)]
pub(crate) fn read_node(
    tape: Tape<'_>,
    index: usize,
    at: NodePosition,
    mut each: impl FnMut(usize, f64),
) -> (Op, i32) {
    match stored(tape, index, at) {
        Stored::Leaf(_) => (Op::Leaf, 0),
        Stored::One { op, form, a, q, .. } => {
            if let Form::ConstantLeft = form {
                each(0, q);
            }
            each(a, 0.0);
            match form {
                Form::ConstantRight => each(0, q),
                Form::Twice => each(a, 0.0),
                Form::Alone | Form::ConstantLeft => {}
            }
            (op, if op.is_indexed() { q as i32 } else { 0 })
        }
        Stored::Two { op, a, b, .. } => {
            each(a, 0.0);
            each(b, 0.0);
            (op, 0)
        }
        Stored::Other => (read_other(tape, at, each), 0),
    }
}

/// Calls `each` with the index of every operand of the node at `index`, or 0 for a constant beside two others or more;
/// this is all that `read_node` would tell to somebody who asks what depends on what.
#[inline(always)]
pub(crate) fn read_indices(
    tape: Tape<'_>,
    index: usize,
    at: NodePosition,
    mut each: impl FnMut(usize),
) {
    let word = tape.word(at.position());
    match word.code() {
        _ if at.is_fused_sum() => {
            each(index - 2);
            each(index - 1);
        }
        code::ONE | code::ONE_FUSED | code::ONE_WITH => each(word.a()),
        code::ADD | code::TWO | code::TWO_FUSED => {
            each(word.a());
            each(word.b());
        }
        code::ADD_LAST => {
            each(word.a());
            each(index - 1);
        }
        _ => {
            read_node(tape, index, at, |index, _| each(index));
        }
    }
}

/// The operation of a node that is stored in some other way, and its operands.
fn read_other(tape: Tape<'_>, at: NodePosition, mut each: impl FnMut(usize, f64)) -> Op {
    let word = tape.word(at.position());
    match word.subcode() {
        code::NARY => {
            tape.each_operand(at.position(), each);
            Op::ALL[word.op()]
        }
        code::OUTPUT => {
            let head = arena().place_in(tape, word.a() + 1).position();
            tape.each_operand(head, each);
            Op::Checkpoint
        }
        // A share of a softmax: the sum was recorded right after the log-sum-exp.
        _ => {
            for index in [word.a(), word.b(), word.b() + 1] {
                each(index, 0.0);
            }
            Op::SoftmaxShare
        }
    }
}

/// Calls `each` with the index of every active operand of a node, and the partial with respect to it. The outputs of a
/// [segment](is_of_segment) have none on the tape.
#[inline(always)]
pub(crate) fn read_partials(
    tape: Tape<'_>,
    index: usize,
    at: NodePosition,
    mut each: impl FnMut(usize, f64),
) {
    match stored(tape, index, at) {
        Stored::Leaf(_) => {}
        Stored::One { a, p, .. } => each(a, p),
        Stored::Two { op, a, b, p, q } => {
            each(a, p);
            each(b, if op == Op::Sub { -q } else { q });
        }
        Stored::Other if tape.word(at.position()).subcode() == code::NARY => {
            tape.each_operand(at.position(), |operand, partial| {
                if operand != 0 {
                    each(operand, partial);
                }
            });
        }
        // A share of a softmax.
        Stored::Other => {
            let word = tape.word(at.position());
            each(word.a(), tape.number(at.position(), 3));
            each(word.b(), tape.number(at.position(), 2));
        }
    }
}

/// Whether the node that ends at `at` is the head of a segment that was not kept, or an output of one.
pub(crate) fn is_of_segment(tape: Tape<'_>, at: NodePosition) -> bool {
    let word = tape.word(at.position());
    word.is(code::REST, code::CHECKPOINT) || word.is(code::REST, code::OUTPUT)
}

/// Whether the node that ends at `at` is the head of a checkpoint, which no handle refers to.
pub(crate) fn is_head(tape: Tape<'_>, at: NodePosition) -> bool {
    tape.word(at.position()).is(code::REST, code::CHECKPOINT)
}
