//! How an operation is written to the tape, and read back.

use crate::arena::{Arena, INDEX_BITS, INDEX_MASK, Node, Word, arena};
use crate::graph::{cold, current_epoch, id_of, is_paused, register, stale};
use crate::ops::{self, Kind, Op};
use crate::var::{CustomOp, Var};
use smallvec::SmallVec;
use std::sync::Arc;

/// The codes of nodes. Arithmetic has one for each way its operands may be constant; a constant
/// operand of such a node stands in the slot before it.
pub(crate) mod code {
    /// Not a node: an operand or a constant of the node after it.
    pub(crate) const SLOT: u8 = 0;
    pub(crate) const LEAF: u8 = 1;
    pub(crate) const ADD: u8 = 2;
    pub(crate) const ADD_CONST: u8 = 3;
    pub(crate) const CONST_ADD: u8 = 4;
    pub(crate) const SUB: u8 = 5;
    pub(crate) const SUB_CONST: u8 = 6;
    pub(crate) const CONST_SUB: u8 = 7;
    pub(crate) const MUL: u8 = 8;
    pub(crate) const MUL_CONST: u8 = 9;
    pub(crate) const CONST_MUL: u8 = 10;
    pub(crate) const DIV: u8 = 11;
    pub(crate) const DIV_CONST: u8 = 12;
    pub(crate) const CONST_DIV: u8 = 13;
    /// `x * x` of one node.
    pub(crate) const SQUARE: u8 = 14;
    /// A row of one operand: `b` holds the operation and the integer parameter.
    pub(crate) const UNARY: u8 = 15;
    /// Any operation, its operands in as many slots before it: `a` holds the operation, `b` the
    /// number of slots. A slot's word names its operand and its value is the partial, or the
    /// operand itself where it is a constant.
    pub(crate) const NARY: u8 = 16;
    /// As [`NARY`], with all partials 1.
    pub(crate) const SUM: u8 = 17;
    /// As [`NARY`], with two operands to a slot, each the other's partial; the value is the
    /// constant one, if any.
    pub(crate) const DOT: u8 = 18;
}

/// Bits of an operation in the `b` field of a unary word; the others hold the integer parameter.
const OP_BITS: u32 = 8;
const PARAMETER_BITS: u32 = INDEX_BITS - OP_BITS;
const PARAMETER_MAX: i32 = (1 << (PARAMETER_BITS - 1)) - 1;

/// A user's own operation.
#[derive(Clone)]
pub(crate) struct Custom {
    pub label: Arc<str>,
    /// Absent for partials that were given as numbers.
    pub op: Option<Arc<dyn CustomOp>>,
}

/// Records a leaf.
#[inline(always)]
#[track_caller]
pub(crate) fn leaf(value: f64) -> Var {
    let arena = arena();
    register(arena);
    let mut id = arena.push(value, Word::new(code::LEAF, 0, 0));
    if is_paused(arena) {
        id = current_epoch() << INDEX_BITS | id & INDEX_MASK;
    }
    Var::from_parts(value, id)
}

/// Records an operation of arithmetic; `code` is the one for two active operands.
#[inline(always)]
#[track_caller]
pub(crate) fn arithmetic(code: u8, a: Var, b: Var, value: f64) -> Var {
    let arena = arena();
    let next = arena.next();
    let (a_id, b_id) = (a.id(), b.id());
    let id = if ((a_id ^ next) | (b_id ^ next)) >> INDEX_BITS == 0 {
        let code = if code == code::MUL && a_id == b_id {
            code::SQUARE
        } else {
            code
        };
        arena.push(value, Word::new(code, a_id, b_id))
    } else if b_id == 0 {
        if (a_id ^ next) >> INDEX_BITS == 0 || is_recorded(arena, a_id) {
            arena.push_with((b.raw(), SLOT), value, Word::new(code + 1, a_id, 0))
        } else {
            0
        }
    } else if a_id == 0 {
        if (b_id ^ next) >> INDEX_BITS == 0 || is_recorded(arena, b_id) {
            arena.push_with((a.raw(), SLOT), value, Word::new(code + 2, b_id, 0))
        } else {
            0
        }
    } else if is_recorded(arena, a_id) & is_recorded(arena, b_id) {
        arena.push(value, Word::new(code, a_id, b_id))
    } else {
        0
    };
    Var::from_parts(value, id)
}

const SLOT: Word = Word::new(code::SLOT, 0, 0);

/// Whether an operation on the node `id`, not of the current scope, is to be recorded: false for a
/// constant and in `no_grad`, and a panic for a stale handle.
#[inline(always)]
#[track_caller]
fn is_recorded(arena: &Arena, id: u64) -> bool {
    if id == 0 {
        return false;
    }
    if !arena.is_open(id) {
        stale(id);
    }
    !is_paused(arena)
}

/// Records a function of one operand.
#[inline(always)]
#[track_caller]
pub(crate) fn unary(op: Op, n: i32, a: Var, value: f64) -> Var {
    let arena = arena();
    if (a.id() ^ arena.next()) >> INDEX_BITS != 0 && !is_recorded(arena, a.id()) {
        return Var::constant(value);
    }
    if op.is_indexed() && !(-PARAMETER_MAX..=PARAMETER_MAX).contains(&n) {
        return nary(op, &[a, Var::constant(f64::from(n))], value);
    }
    let b = (n as u64) << OP_BITS | op as u64;
    Var::from_parts(value, arena.push(value, Word::new(code::UNARY, a.id(), b)))
}

/// Records a row of the table of several operands.
#[inline(never)]
#[track_caller]
pub(crate) fn nary(op: Op, operands: &[Var], value: f64) -> Var {
    let arena = arena();
    if !any_recorded(arena, operands) {
        return Var::constant(value);
    }
    let mut args = [0.0; 3];
    for (arg, x) in args.iter_mut().zip(operands) {
        *arg = x.raw();
    }
    let n = if op.is_indexed() { args[1] as i32 } else { 0 };
    let tie = ops::tie(
        &args[..operands.len()],
        &|k: usize| !operands[k].is_constant(),
        value,
    );
    let slots = operands.iter().enumerate().map(|(k, x)| {
        if x.is_constant() {
            return (x.raw(), SLOT);
        }
        let partial = if op.kind() == Kind::Step {
            0.0
        } else {
            ops::partial(op, k, args, n, value, tie)
        };
        let dropped = partial == 0.0 && op.kind() != Kind::Smooth;
        (partial, Word::new(code::SLOT, x.id(), dropped as u64))
    });
    push_slots(arena, slots, value, code::NARY, op)
}

/// Records slots and the node that they belong to.
#[track_caller]
fn push_slots(
    arena: &Arena,
    slots: impl ExactSizeIterator<Item = (f64, Word)>,
    value: f64,
    code: u8,
    op: Op,
) -> Var {
    let count = slots.len();
    arena.reserve(count + 1);
    for (value, word) in slots {
        arena.push(value, word);
    }
    Var::from_parts(
        value,
        arena.push(value, Word::new(code, op as u64, count as u64)),
    )
}

/// Records the sum of the operands.
#[track_caller]
pub(crate) fn sum(operands: &[Var], value: f64) -> Var {
    let arena = arena();
    if !any_recorded(arena, operands) {
        return Var::constant(value);
    }
    let slots = operands
        .iter()
        .map(|x| (x.raw(), Word::new(code::SLOT, x.id(), 0)));
    push_slots(arena, slots, value, code::SUM, Op::Sum)
}

/// Records the dot product of `x` and `y`.
#[track_caller]
pub(crate) fn dot(x: &[Var], y: &[Var], value: f64) -> Var {
    let arena = arena();
    if !(any_recorded(arena, x) | any_recorded(arena, y)) {
        return Var::constant(value);
    }
    let slots = x
        .iter()
        .zip(y)
        .map(|(x, y)| match (x.is_constant(), y.is_constant()) {
            (true, true) => (x.raw() * y.raw(), Word::new(code::SLOT, 0, 0)),
            (true, false) => (x.raw(), Word::new(code::SLOT, 0, y.id())),
            (false, true) => (y.raw(), Word::new(code::SLOT, x.id(), 0)),
            (false, false) => (0.0, Word::new(code::SLOT, x.id(), y.id())),
        });
    push_slots(arena, slots, value, code::DOT, Op::Dot)
}

/// Records a function of the operands whose partials are known.
#[track_caller]
pub(crate) fn with_partials(
    op: Op,
    operands: &[Var],
    value: f64,
    partial: impl Fn(usize) -> f64,
) -> Var {
    let arena = arena();
    if !any_recorded(arena, operands) {
        return Var::constant(value);
    }
    let slots = operands.iter().enumerate().map(|(k, x)| {
        if x.is_constant() {
            (x.raw(), SLOT)
        } else {
            (partial(k), Word::new(code::SLOT, x.id(), 0))
        }
    });
    push_slots(arena, slots, value, code::NARY, op)
}

/// Records a user's own operation.
#[track_caller]
pub(crate) fn custom(custom: Custom, operands: &[Var], value: f64, partials: &[f64]) -> Var {
    let result = with_partials(Op::Custom, operands, value, |k| partials[k]);
    if !result.is_constant() {
        cold(|cold| cold.customs.insert(result.index(), custom));
    }
    result
}

/// Whether an operation on these operands is to be recorded; looks at all, so that none is stale.
#[track_caller]
fn any_recorded(arena: &Arena, operands: &[Var]) -> bool {
    operands
        .iter()
        .fold(false, |any, x| any | is_recorded(arena, x.id()))
}

/// Whether a slot holds a node.
pub(crate) fn is_node(word: Word) -> bool {
    word.code() != code::SLOT
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

/// Reads the node at `index` back; `node` gives the slot of an index.
pub(crate) fn decode(index: usize, node: impl Fn(usize) -> Node) -> Decoded {
    let word = node(index).word;
    let active = |i: usize| Operand {
        index: i,
        value: node(i).value,
    };
    let constant = |value: f64| Operand { index: 0, value };
    let beside = || constant(node(index - 1).value);
    let (a, b) = (word.a(), word.b());
    let arithmetic = |op: Op, form: u8| Decoded {
        op,
        n: 0,
        operands: match form {
            0 => SmallVec::from_slice(&[active(a), active(b)]),
            1 => SmallVec::from_slice(&[active(a), beside()]),
            _ => SmallVec::from_slice(&[beside(), active(a)]),
        },
    };
    match word.code() {
        code::LEAF => Decoded {
            op: Op::Leaf,
            n: 0,
            operands: SmallVec::new(),
        },
        code @ code::ADD..=code::CONST_ADD => arithmetic(Op::Add, code - code::ADD),
        code @ code::SUB..=code::CONST_SUB => arithmetic(Op::Sub, code - code::SUB),
        code @ code::MUL..=code::CONST_MUL => arithmetic(Op::Mul, code - code::MUL),
        code @ code::DIV..=code::CONST_DIV => arithmetic(Op::Div, code - code::DIV),
        code::SQUARE => arithmetic(Op::Mul, 0),
        code::UNARY => {
            let (op, n) = unpack(b);
            Decoded {
                op,
                n,
                operands: SmallVec::from_slice(&[active(a)]),
            }
        }
        code::DOT => Decoded {
            op: Op::Dot,
            n: 0,
            operands: (index - b..index)
                .flat_map(|i| {
                    let slot = node(i);
                    let (x, y) = (slot.word.a(), slot.word.b());
                    match (x, y) {
                        (0, 0) => [constant(slot.value), constant(1.0)],
                        (0, y) => [constant(slot.value), active(y)],
                        (x, 0) => [active(x), constant(slot.value)],
                        (x, y) => [active(x), active(y)],
                    }
                })
                .collect(),
        },
        _ => {
            let op = Op::ALL[a];
            let mut operands: SmallVec<[Operand; 4]> = (index - b..index)
                .map(|i| {
                    let slot = node(i);
                    if slot.word.a() == 0 {
                        constant(slot.value)
                    } else {
                        active(slot.word.a())
                    }
                })
                .collect();
            let n = if op.is_indexed() {
                operands.pop().map_or(0, |n| n.value as i32)
            } else {
                0
            };
            Decoded { op, n, operands }
        }
    }
}

/// The operation and the integer parameter in the `b` field of a unary word.
#[inline(always)]
pub(crate) fn unpack(b: usize) -> (Op, i32) {
    let sign = 32 - INDEX_BITS;
    let n = ((b as u32) << sign) as i32 >> (sign + OP_BITS);
    (Op::ALL[b & ((1 << OP_BITS) - 1)], n)
}
