//! How an operation is written to the tape.

use crate::arena::{Arena, INDEX_BITS, INDEX_MASK, Node, Word, arena};
use crate::custom::CustomOp;
use crate::graph::{cold, current_epoch, is_paused, register, stale};
use crate::ops::{self, Kind, Op};
use crate::var::Var;
use std::rc::Rc;
use std::sync::Arc;

/// The codes of nodes.
///
/// A node holds what the sweep needs, its partials, and what a reader needs to tell the operation.
/// Values are not kept: the handle carries its own, and [`value_of`](crate::decode::value_of) works one out again.
///
/// The [class](Word::class) of a code is what the sweep looks at first, a bit of it.
pub(crate) mod code {
    /// The slot 0, which is nobody's.
    pub(crate) const NOTHING: u8 = 0;
    /// A leaf, of value `p`.
    pub(crate) const LEAF: u8 = 1;
    /// As [`ONE`], with a partial that is not propagated.
    pub(crate) const DROPPED: u8 = 2;
    /// An operation on two active operands `a` and `b`, neither of whose partials is propagated: `q`
    /// is the operation.
    pub(crate) const NEITHER: u8 = 3;
    /// Any operation, its operands in slots before it: `a` is the operation, `b` the number of
    /// operands, `p` the value.
    pub(crate) const NARY: u8 = 4;
    /// A segment that was not kept: laid out as [`NARY`], but for the values of the operands in the
    /// partials' place. Its outputs come right after it, `q` of them.
    pub(crate) const CHECKPOINT: u8 = 5;
    /// An output of the segment at `a`, of value `p`.
    pub(crate) const OUTPUT: u8 = 6;

    /// In the class of those of which one partial is propagated, `p` to `a`.
    pub(crate) const GIVES_ONE: u8 = ONE >> 3;
    /// An operation on one active operand `a`: `b` is the operation and its [`Form`](super::Form),
    /// `q` the constant operand or the integer parameter.
    pub(crate) const ONE: u8 = 8;
    /// As [`NEITHER`], but the partial with respect to `a`, the left operand, is propagated.
    pub(crate) const LEFT: u8 = 9;
    /// As [`LEFT`], but `a` is the right operand.
    pub(crate) const RIGHT: u8 = 10;
    /// Not a node: two operands `a`, `b` of the [`NARY`] node after it, and their partials; where an
    /// operand is a constant its index is 0, and its value stands in the partial's place. The two
    /// lowest bits of the code tell which partials are not propagated.
    pub(crate) const SLOT: u8 = 12;
    pub(crate) const SLOT_MAX: u8 = SLOT | DROPS_A | DROPS_B;
    pub(crate) const DROPS_A: u8 = 1;
    pub(crate) const DROPS_B: u8 = 2;

    /// In the class of those of which two partials are propagated, `p` to `a` and `q` to `b`.
    pub(crate) const GIVES_TWO: u8 = SHARE >> 3;
    /// A share of a softmax: `a` is its number, `b` the log-sum-exp.
    pub(crate) const SHARE: u8 = 32;
    /// An operation on two active operands `a` and `b`: this plus its place in `Op::BINARY`.
    pub(crate) const TWO: u8 = 33;
}

/// What stands beside the active operand of a [`code::ONE`] node.
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

/// A node of one active operand.
#[inline(always)]
fn one(op: Op, a: u64, p: f64, q: f64, form: Form) -> Node {
    let code = if op.kind() != Kind::Smooth && p == 0.0 {
        code::DROPPED
    } else {
        code::ONE
    };
    Node {
        p,
        q,
        word: Word::new(code, a, op as u64 | (form as u64) << 8),
    }
}

/// A node of two active operands.
#[inline(always)]
fn two(op: Op, a: u64, b: u64, p: f64, q: f64) -> Node {
    let of_one = |code, a, b, p| Node {
        p,
        q: f64::from(op as u8),
        word: Word::new(code, a, b),
    };
    match (op.kind(), p == 0.0, q == 0.0) {
        (Kind::Step, ..) | (Kind::Switch, true, true) => of_one(code::NEITHER, a, b, 0.0),
        (Kind::Switch, false, true) => of_one(code::LEFT, a, b, p),
        (Kind::Switch, true, false) => of_one(code::RIGHT, b, a, q),
        (Kind::Smooth, ..) | (Kind::Switch, false, false) => Node {
            p,
            q,
            word: Word::new(code::TWO + op.place(), a, b),
        },
    }
}

/// A user's own operation.
#[derive(Clone)]
pub(crate) struct Custom {
    pub label: Arc<str>,
    /// Absent for partials that were given as numbers.
    pub op: Option<Arc<dyn CustomOp>>,
}

/// What a checkpoint runs again: its outputs from its inputs.
pub(crate) type Segment = Rc<dyn Fn(&[Var]) -> Vec<Var>>;

/// Records a leaf.
#[inline(always)]
#[track_caller]
pub(crate) fn leaf(value: f64) -> Var {
    let arena = arena();
    register(arena);
    let mut id = arena.push(Node {
        p: value,
        q: 0.0,
        word: Word::new(code::LEAF, 0, 0),
    });
    if is_paused(arena) {
        id = current_epoch() << INDEX_BITS | id & INDEX_MASK;
    }
    Var::from_parts(value, id)
}

/// A rule of the table, over `f64`: the partial with respect to operand `k` of the operands, the
/// integer parameter, the result and the tie.
pub(crate) trait Rule: Fn(usize, [f64; 3], i32, f64, f64) -> f64 {}
impl<F: Fn(usize, [f64; 3], i32, f64, f64) -> f64> Rule for F {}

/// Records an operation of two operands.
#[inline(always)]
#[track_caller]
pub(crate) fn binary(op: Op, a: Var, b: Var, value: f64, rule: impl Rule) -> Var {
    let arena = arena();
    let next = arena.next();
    let (a_id, b_id) = (a.id(), b.id());
    let args = [a.raw(), b.raw()];
    let tie = match op.kind() {
        Kind::Switch => ops::tie(&args, &|k| [a_id, b_id][k] != 0, value),
        _ => 0.0,
    };
    let partial = |k| match op.kind() {
        Kind::Step => 0.0,
        _ => rule(k, [args[0], args[1], 0.0], 0, value, tie),
    };
    let is_old = |id: u64| (id ^ next) >> INDEX_BITS != 0;
    let node = if b_id == 0 {
        if is_old(a_id) && !is_recorded(arena, a_id) {
            return Var::constant(value);
        }
        one(op, a_id, partial(0), b.raw(), Form::ConstantRight)
    } else if a_id == 0 {
        if is_old(b_id) && !is_recorded(arena, b_id) {
            return Var::constant(value);
        }
        one(op, b_id, partial(1), a.raw(), Form::ConstantLeft)
    } else {
        if ((a_id ^ next) | (b_id ^ next)) >> INDEX_BITS != 0
            && !(is_recorded(arena, a_id) & is_recorded(arena, b_id))
        {
            return Var::constant(value);
        }
        if a_id == b_id {
            one(op, a_id, partial(0) + partial(1), 0.0, Form::Twice)
        } else {
            two(op, a_id, b_id, partial(0), partial(1))
        }
    };
    Var::from_parts(value, arena.push(node))
}

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
pub(crate) fn unary(op: Op, n: i32, a: Var, value: f64, rule: impl Rule) -> Var {
    let arena = arena();
    if (a.id() ^ arena.next()) >> INDEX_BITS != 0 && !is_recorded(arena, a.id()) {
        return Var::constant(value);
    }
    let p = match op.kind() {
        Kind::Step => 0.0,
        _ => rule(0, [a.raw(), 0.0, 0.0], n, value, 0.0),
    };
    let node = one(op, a.id(), p, f64::from(n), Form::Alone);
    Var::from_parts(value, arena.push(node))
}

/// Records a function of three operands.
#[inline(always)]
#[track_caller]
pub(crate) fn ternary(op: Op, operands: [Var; 3], value: f64, rule: impl Rule) -> Var {
    let args = operands.map(Var::raw);
    let tie = match op.kind() {
        Kind::Switch => ops::tie(&args, &|k| !operands[k].is_constant(), value),
        _ => 0.0,
    };
    with_partials(op, &operands, value, |k| match op.kind() {
        Kind::Step => 0.0,
        _ => rule(k, args, 0, value, tie),
    })
}

/// Records any operation whose partials are known.
#[inline]
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
    let may_drop = op.kind() != Kind::Smooth;
    push_slots(arena, operands, |k| {
        let p = partial(k);
        (p, (may_drop && p == 0.0) as u8)
    });
    push_nary(arena, op, operands.len(), value)
}

/// Records the node after the slots of its `count` operands.
#[inline]
#[track_caller]
fn push_nary(arena: &Arena, op: Op, count: usize, value: f64) -> Var {
    let node = Node {
        p: value,
        q: 0.0,
        word: Word::new(code::NARY, op as u64, count as u64),
    };
    Var::from_parts(value, arena.push(node))
}

/// Records the slots of a node; `active` gives what stands beside an active operand, and whether
/// that is a partial that is dropped.
#[inline]
fn push_slots(arena: &Arena, operands: &[Var], active: impl Fn(usize) -> (f64, u8)) {
    let operand = |k: usize| match operands.get(k) {
        None => (0.0, 0, 0),
        Some(x) if x.is_constant() => (x.raw(), 0, 0),
        Some(x) => {
            let (p, drop) = active(k);
            (p, drop, x.id())
        }
    };
    arena.reserve(operands.len().div_ceil(2) + 1);
    for k in (0..operands.len()).step_by(2) {
        let ((p, drop_a, a), (q, drop_b, b)) = (operand(k), operand(k + 1));
        arena.push(Node {
            p,
            q,
            word: Word::new(code::SLOT | drop_a | drop_b << 1, a, b),
        });
    }
}

/// Records the dot product of `x` and `y`, a pair to a slot, each the other's partial.
#[track_caller]
pub(crate) fn dot(x: &[Var], y: &[Var], value: f64) -> Var {
    let arena = arena();
    if !(any_recorded(arena, x) | any_recorded(arena, y)) {
        return Var::constant(value);
    }
    arena.reserve(x.len() + 1);
    let slots = x.iter().zip(y).map(|(x, y)| Node {
        // Where a factor is constant, its own value stands in its place.
        p: if x.is_constant() { x } else { y }.raw(),
        q: if y.is_constant() { y } else { x }.raw(),
        word: Word::new(code::SLOT, x.id(), y.id()),
    });
    arena.extend(x.len(), slots);
    push_nary(arena, Op::Dot, 2 * x.len(), value)
}

/// Records the shares of a softmax.
///
/// Of the operands the first is their log-sum-exp `c`; `s` is the value of [`Op::SumExp`] over all. A
/// share has three operands, `x`, `c` and the sum. Its node has room for two; as the sum passes nothing on,
/// it need not be one of them, and [`decode`](crate::decode) finds it.
#[track_caller]
pub(crate) fn softmax(c: Var, operands: &[Var], s: f64) -> Vec<Var> {
    let s = with_partials(Op::SumExp, operands, s, |_| 0.0);
    let share = |&x: &Var| {
        if x.is_constant() || c.is_constant() {
            return x.softmax_share(c, s);
        }
        let args = [x.raw(), c.raw(), s.raw()];
        let z = ops::value(Op::SoftmaxShare, args, 0);
        let partial = |k| ops::partial(Op::SoftmaxShare, k, args, 0, z, 0.0);
        let node = Node {
            p: partial(0),
            q: partial(1),
            word: Word::new(code::SHARE, x.id(), c.id()),
        };
        Var::from_parts(z, arena().push(node))
    };
    operands[1..].iter().map(share).collect()
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

/// Records a segment that was not kept: a node for the whole, and one for each output.
#[track_caller]
pub(crate) fn checkpoint(segment: Segment, inputs: &[Var], outputs: &[f64]) -> Vec<Var> {
    let arena = arena();
    push_slots(arena, inputs, |k| (inputs[k].raw(), 0));
    let word = Word::new(code::CHECKPOINT, Op::Checkpoint as u64, inputs.len() as u64);
    let head = arena.push(Node {
        p: 0.0,
        q: outputs.len() as f64,
        word,
    });
    cold(|cold| cold.segments.insert((head & INDEX_MASK) as usize, segment));
    let word = Word::new(code::OUTPUT, head, 0);
    let output = |&value: &f64| {
        Var::from_parts(
            value,
            arena.push(Node {
                p: value,
                q: 0.0,
                word,
            }),
        )
    };
    outputs.iter().map(output).collect()
}

/// Whether an operation on these operands is to be recorded; looks at all, so that none is stale.
#[track_caller]
pub(crate) fn any_recorded(arena: &Arena, operands: &[Var]) -> bool {
    let next = arena.next();
    if operands.iter().fold(0, |all, x| all | (x.id() ^ next)) >> INDEX_BITS == 0 {
        return !operands.is_empty();
    }
    let mut any = false;
    for x in operands {
        any |= (x.id() ^ next) >> INDEX_BITS == 0 || is_recorded(arena, x.id());
    }
    any
}
