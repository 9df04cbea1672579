//! How a node is laid out: numbers, and last a [`Word`] that says what the node is.
//!
//! | node | code | numbers before the word | operands, and what else is in the fields |
//! |---|---|---|---|
//! | function of one operand, product with a number | `ONE` | partial | `a`; `b` is the operation and its [`Form`] |
//! | the same, where the partial does not give the number: `x + c`, `x.powi(n)` | `ONE_WITH` | partial, number | as `ONE` |
//! | product | `TWO` | partials `p`, `q` | `a`, `b` |
//! | sum, or difference with `MINUS` | `ADD` | | `a`, `b` |
//! | sum with the last node | `ADD_LAST` | | `a`, and the node just before, with the signs that the subcode gives |
//! | sum of the last two nodes | `FUSED` set in the word of the last one | no word either | these two |
//! | leaf | `BY_SUBCODE`, `LEAF` | value | |
//! | switch of one operand | `SWITCH`, `SWITCH_WITH` | as `ONE`, `ONE_WITH` | as `ONE` |
//! | other function of two operands | `PAIR`, `SWITCH_PAIR` | partials `p`, `q`, operation | `a`, `b` |
//! | function of any number | `NARY` | its operands, value | `a` is the operation and, from bit 8 on, the number of runs; `b` is the number of operands |
//! | segment that was not kept | `CHECKPOINT` | as `NARY`, with values for partials and the number of outputs for the value | as `NARY`; its outputs come right after it |
//! | output of a segment | `OUTPUT` | value | `a` is the segment |
//!
//! In the rows from `LEAF` on, the code is `BY_SUBCODE` and the subcode identifies the node. A partial of zero of a switch is not
//! propagated. Operands of any number are stored without runs, in one, or in two:
//!
//! - without runs, they are stored in pairs: two partials, and a word with the two indices, whose subcode says with `DROPS_A` and
//!   `DROPS_B` which partials are not propagated;
//! - operand `i` is number `i / runs` of the run `i % runs`. A run is its partials, and a word with the index of its first operand
//!   in `a`, and in `b` how far each is from the one before.
//!
//! The index of a constant operand is 0, and its value is stored in place of the partial.

use crate::rows::Op;

/// Bits of an index.
pub(crate) const INDEX_BITS: u32 = 29;
/// The largest index, and the mask that takes it from an id.
pub(crate) const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;

/// The last word of a node.
///
/// From the lowest bit: a [code](self::code) of 3 bits, the operand `a` (29 bits), a subcode of 3 bits, the
/// operand `b` (29 bits). An id, whatever its epoch, goes into a field with one shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Word(pub(super) u64);

/// The codes of nodes. `FUSED` can be set only in codes whose two lowest bits are 0. Each subcode below belongs to the code above
/// it.
pub(crate) mod code {
    pub(crate) const ONE: u8 = 0;
    pub(crate) const TWO: u8 = 4;
    pub(crate) const FUSED: u8 = 1;
    pub(crate) const ONE_FUSED: u8 = ONE | FUSED;
    pub(crate) const TWO_FUSED: u8 = TWO | FUSED;
    pub(crate) const ONE_WITH: u8 = 7;

    pub(crate) const ADD: u8 = 2;
    pub(crate) const MINUS: u8 = 1;

    pub(crate) const ADD_LAST: u8 = 6;
    pub(crate) const NEGATES_LAST: u8 = 1;
    pub(crate) const NEGATES_OTHER: u8 = 2;
    /// The node before is the operand on the left.
    pub(crate) const LAST_IS_LEFT: u8 = 4;

    pub(crate) const BY_SUBCODE: u8 = 3;
    pub(crate) const LEAF: u8 = 0;
    pub(crate) const SWITCH: u8 = 1;
    pub(crate) const SWITCH_WITH: u8 = 2;
    pub(crate) const PAIR: u8 = 3;
    pub(crate) const SWITCH_PAIR: u8 = 4;
    pub(crate) const NARY: u8 = 5;
    pub(crate) const CHECKPOINT: u8 = 6;
    pub(crate) const OUTPUT: u8 = 7;

    pub(crate) const DROPS_A: u8 = 1;
    pub(crate) const DROPS_B: u8 = 2;
}

/// What else there is where a node has one active operand.
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

/// The words that nodes are written with.
impl Word {
    /// The word of a leaf.
    pub(crate) const LEAF: Word = Word::new(code::BY_SUBCODE, code::LEAF, 0, 0);

    /// The word of a segment of `count` operands.
    #[inline(always)]
    pub(crate) fn checkpoint(count: usize) -> Word {
        Word::many(code::CHECKPOINT, Op::Checkpoint, 0, count)
    }

    /// The word of a function of `count` operands, in `runs` runs.
    #[inline(always)]
    pub(crate) fn nary(op: Op, runs: usize, count: usize) -> Word {
        Word::many(code::NARY, op, runs, count)
    }

    #[inline(always)]
    fn many(subcode: u8, op: Op, runs: usize, count: usize) -> Word {
        let a = op as u64 | (runs as u64) << 8;
        Word::new(code::BY_SUBCODE, subcode, a, count as u64)
    }

    /// The word of a slot with two operands; a partial of zero may be left out.
    #[inline(always)]
    pub(crate) fn slot(a: u64, b: u64, [drops_a, drops_b]: [bool; 2]) -> Word {
        let drops = (drops_a as u8 * code::DROPS_A) | (drops_b as u8 * code::DROPS_B);
        Word::new(0, drops, a, b)
    }

    /// The word of a run of operands.
    #[inline(always)]
    pub(crate) fn run(first: u64, stride: u64) -> Word {
        Word::new(0, 0, first, stride)
    }

    /// The word of a node that [`WriteHead`](super::WriteHead) appends.
    #[inline(always)]
    pub(super) const fn new(code: u8, subcode: u8, a: u64, b: u64) -> Word {
        Word(((a as u32) << 3 | code as u32) as u64 | b << (64 - INDEX_BITS) | (subcode as u64) << 32)
    }
}

/// How they are read.
impl Word {
    #[inline(always)]
    pub(crate) const fn code(self) -> u8 {
        (self.0 & 7) as u8
    }

    #[inline(always)]
    pub(crate) const fn subcode(self) -> u8 {
        (self.0 >> 32 & 7) as u8
    }

    #[inline(always)]
    pub(crate) const fn a(self) -> usize {
        (self.0 as u32 >> 3) as usize
    }

    #[inline(always)]
    pub(crate) const fn b(self) -> usize {
        (self.0 >> (64 - INDEX_BITS)) as usize
    }

    /// Whether the sum of the node before and its own can be fused into it.
    #[inline(always)]
    pub(crate) const fn can_take_sum(self) -> bool {
        self.0 & 3 == 0
    }

    /// Whether it ends two nodes: its own, and the sum of the node before and its own.
    #[inline(always)]
    pub(crate) const fn has_fused_sum(self) -> bool {
        self.0 & 3 == 1
    }

    /// The words of the node that it ends.
    #[inline(always)]
    pub(crate) const fn words(self) -> usize {
        const BY_CODE: [u8; 8] = [2, 2, 1, 0, 3, 3, 1, 3];
        match self.code() {
            code::BY_SUBCODE => self.words_by_subcode(),
            code => BY_CODE[code as usize] as usize,
        }
    }

    #[inline(always)]
    const fn words_by_subcode(self) -> usize {
        match self.subcode() {
            code::LEAF | code::SWITCH | code::OUTPUT => 2,
            code::SWITCH_WITH => 3,
            code::PAIR | code::SWITCH_PAIR => 4,
            _ => 2 + self.operands(),
        }
    }

    /// The operation of a node of any number of operands.
    pub(crate) const fn op(self) -> usize {
        self.a() & 0xff
    }

    /// The runs in which a node of any number of operands has them.
    #[inline(always)]
    pub(crate) const fn runs(self) -> usize {
        self.a() >> 8
    }

    /// How many operands are in each run of a node whose operands are in one or two.
    #[inline(always)]
    pub(crate) const fn run_len(self) -> usize {
        self.b() >> (self.runs() - 1)
    }

    /// How far each operand of a run is from the one before.
    #[inline(always)]
    pub(crate) const fn stride(self) -> isize {
        (self.0 as i64 >> (64 - INDEX_BITS)) as isize
    }

    /// The words that hold the operands of a node of any number.
    #[inline(always)]
    pub(crate) const fn operands(self) -> usize {
        match self.runs() {
            0 => 3 * self.b().div_ceil(2),
            runs => self.b() + runs,
        }
    }
}

// The field `b` and the subcode fill the upper half.
const _: () = assert!(64 - INDEX_BITS == 35);
