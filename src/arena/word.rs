//! How a node is laid out.

/// Bits of an index.
pub(crate) const INDEX_BITS: u32 = 29;
/// The largest index, and the mask that takes it from an id.
pub(crate) const INDEX_MASK: u64 = (1 << INDEX_BITS) - 1;

/// The last word of a node: what it computes, and from which operands.
///
/// From the lowest bit: a [code](self::code) of 3 bits, the operand `a` (29 bits), a subcode of 3 bits, the
/// operand `b` (29 bits). An id, whatever its epoch, goes into a field with one shift.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(transparent)]
pub(crate) struct Word(pub(super) u64);

/// The codes of nodes, with the words that stand before the last one.
///
/// The two lowest bits of [`ONE`](code::ONE) and [`TWO`](code::TWO) are zero. With [`FUSED`](code::FUSED) set the word
/// ends two nodes: that one, and after it the sum of the node before it and itself.
pub(crate) mod code {
    /// An operation on one active operand, `a`: its partial `p`. `b` is the operation and its form.
    pub(crate) const ONE: u8 = 0;
    /// The product of `a` and `b`: the partials `p`, `q`.
    pub(crate) const TWO: u8 = 4;
    pub(crate) const FUSED: u8 = 1;
    pub(crate) const ONE_FUSED: u8 = ONE | FUSED;
    pub(crate) const TWO_FUSED: u8 = TWO | FUSED;

    /// `a + b`, or with the subcode [`MINUS`] `a − b`: nothing.
    pub(crate) const ADD: u8 = 2;
    pub(crate) const MINUS: u8 = 1;
    /// The sum of `a` and the node before this one, each negated where the subcode says so: nothing.
    pub(crate) const ADD_LAST: u8 = 6;
    pub(crate) const NEGATES_LAST: u8 = 1;
    pub(crate) const NEGATES_OTHER: u8 = 2;
    /// The node before this one is the operand on the left.
    pub(crate) const LAST_IS_LEFT: u8 = 4;

    /// As [`ONE`], and beside the partial another number: the constant operand or the integer parameter.
    pub(crate) const ONE_WITH: u8 = 7;
    /// What else there is, told by the subcode.
    pub(crate) const REST: u8 = 3;
    /// A leaf: its value.
    pub(crate) const LEAF: u8 = 0;
    /// As [`ONE`] and [`ONE_WITH`], but a partial of zero is not propagated.
    pub(crate) const SWITCH: u8 = 1;
    pub(crate) const SWITCH_WITH: u8 = 2;
    /// An operation on two active operands `a` and `b`: the partials `p`, `q`, and the operation.
    pub(crate) const PAIR: u8 = 3;
    /// As [`PAIR`], but a partial of zero is not propagated.
    pub(crate) const SWITCH_PAIR: u8 = 4;
    /// Any operation on `b` operands, then the value. `a` is the operation and, from bit 8 on, in how many runs the
    /// operands are. In none: they go by twos, three words each: their partials, and a word with their indices;
    /// its subcode tells which partials are not propagated. In one or two: operand `i` is number `i / runs` of the
    /// run `i % runs`. A run is its partials, and a word with the index of its first operand and how far the next
    /// one is from it. Where an operand is a constant its index is 0, and its value stands in the partial's place.
    pub(crate) const NARY: u8 = 5;
    pub(crate) const DROPS_A: u8 = 1;
    pub(crate) const DROPS_B: u8 = 2;
    /// A segment that was not kept: as [`NARY`], but for the values of the operands in the partials'
    /// place, and instead of its own value the number of its outputs, which come right after it.
    pub(crate) const CHECKPOINT: u8 = 6;
    /// An output of the segment at `a`: its value.
    pub(crate) const OUTPUT: u8 = 7;
}

impl Word {
    /// That of a leaf.
    pub(crate) const LEAF: Word = Word::new(code::REST, code::LEAF, 0, 0);

    #[inline(always)]
    pub(crate) const fn new(code: u8, subcode: u8, a: u64, b: u64) -> Word {
        Word(
            ((a as u32) << 3 | code as u32) as u64
                | b << (64 - INDEX_BITS)
                | (subcode as u64) << 32,
        )
    }

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
            code::REST => self.rest_words(),
            code => BY_CODE[code as usize] as usize,
        }
    }

    #[inline(always)]
    const fn rest_words(self) -> usize {
        match self.subcode() {
            code::LEAF | code::SWITCH | code::OUTPUT => 2,
            code::SWITCH_WITH => 3,
            code::PAIR | code::SWITCH_PAIR => 4,
            _ => 2 + self.operands(),
        }
    }

    /// That of a node of `count` operands, in so many runs.
    #[inline(always)]
    pub(crate) const fn many(subcode: u8, op: u8, runs: usize, count: usize) -> Word {
        Word::new(
            code::REST,
            subcode,
            op as u64 | (runs as u64) << 8,
            count as u64,
        )
    }

    /// Of a node of any number of operands: its operation.
    pub(crate) const fn op(self) -> usize {
        self.a() & 0xff
    }

    /// Of a node of any number of operands: the runs they are in.
    #[inline(always)]
    pub(crate) const fn runs(self) -> usize {
        self.a() >> 8
    }

    /// Of a node whose operands are in one or two runs: how many are in each.
    #[inline(always)]
    pub(crate) const fn run_len(self) -> usize {
        self.b() >> (self.runs() - 1)
    }

    /// Of a run: how far each operand is from the one before.
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
