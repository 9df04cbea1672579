//! How an operation is written to the tape.

mod many;

use crate::arena::{Arena, Form, INDEX_BITS, INDEX_MASK, WriteHead, arena, code, cold_path, is_current};
use crate::graph::{current_epoch, is_paused, register, stale};
use crate::handle::Var;
use crate::rows::{Kind, Op};
use crate::rules;
pub(crate) use many::{any_recorded, push_slots, sum_of_products, with_partials};
use smallvec::SmallVec;

/// Records a leaf.
#[inline(always)]
#[track_caller]
pub(crate) fn leaf(value: f64) -> Var {
    let arena = arena();
    register(arena);
    let mut id = arena.write_head().leaf(value);
    if is_paused(arena) {
        id = in_current_epoch(id);
    }
    Var::from_parts(value, id)
}

/// The id that a leaf has where nothing else is recorded.
#[cold]
#[inline(never)]
fn in_current_epoch(id: u64) -> u64 {
    let id = current_epoch() << INDEX_BITS | id & INDEX_MASK;
    arena().lines.rename_last(id);
    id
}

/// Records a leaf of each number, at the line of the caller, which the closure of an iterator would not know.
#[track_caller]
pub(crate) fn leaves(values: impl Iterator<Item = f64>) -> SmallVec<[Var; 8]> {
    let mut leaves = SmallVec::with_capacity(values.size_hint().0);
    for value in values {
        leaves.push(leaf(value));
    }
    leaves
}

/// A rule of the table, over `f64`: the partial with respect to operand `k` of the operands, the
/// integer parameter, the result and the tie.
pub(crate) trait Rule: Fn(usize, [f64; 3], i32, f64, f64) -> f64 {}
impl<F: Fn(usize, [f64; 3], i32, f64, f64) -> f64> Rule for F {}

/// Records a function of two operands. Unlike in [`binary`], a constant operand is as likely as a variable.
#[inline(always)]
#[track_caller]
pub(crate) fn function(op: Op, a: Var, b: Var, value: f64, rule: impl Rule) -> Var {
    if b.is_constant() {
        with_constant(op, a, b.untracked_value(), Form::ConstantRight, value, rule)
    } else if a.is_constant() {
        with_constant(op, b, a.untracked_value(), Form::ConstantLeft, value, rule)
    } else {
        binary(op, a, b, value, rule)
    }
}

/// Records an operation of two operands.
#[inline(always)]
#[track_caller]
pub(crate) fn binary(op: Op, a: Var, b: Var, value: f64, rule: impl Rule) -> Var {
    let head = arena().write_head();
    let (arena, next) = (head.arena(), head.next());
    let (a_id, b_id) = (a.node_id(), b.node_id());
    if let Some(id) = sum_with_last(head, op, a_id, b_id) {
        return Var::from_parts(value, id);
    }
    if !(is_current(next, a_id) & is_current(next, b_id)) {
        cold_path();
        if b_id == 0 {
            return with_constant(op, a, b.untracked_value(), Form::ConstantRight, value, rule);
        }
        if a_id == 0 {
            return with_constant(op, b, a.untracked_value(), Form::ConstantLeft, value, rule);
        }
        if !(is_recorded(arena, a_id) & is_recorded(arena, b_id)) {
            return Var::constant(value);
        }
    }
    let (x, y) = (a.untracked_value(), b.untracked_value());
    let tie = rules::tie(op, &[x, y], &|_| true, value);
    let partial = |k| match op.kind() {
        Kind::Step => 0.0,
        _ => rule(k, [x, y, 0.0], 0, value, tie),
    };
    let id = if a_id == b_id {
        head.one(op, Form::Twice, a_id, partial(0) + partial(1), None)
    } else if matches!(op, Op::Add | Op::Sub) {
        head.sum(op == Op::Sub, a_id, b_id)
    } else {
        head.two(op, a_id, b_id, partial(0), partial(1))
    };
    Var::from_parts(value, id)
}

/// Records the sum or the difference of the last node and another one of the current scope.
///
/// Such a node has no partials on the tape. If it is a sum and the other operand is the node before the last, it has no word
/// either: it is fused into the last node. The last node is of the current scope, so only the other one is checked.
#[inline(always)]
#[track_caller]
fn sum_with_last(head: WriteHead<'_>, op: Op, a: u64, b: u64) -> Option<u64> {
    let (next, minus) = (head.next(), op == Op::Sub);
    if op != Op::Add && !minus {
        return None;
    }
    let (other, subcode) = if b + 1 == next {
        if !minus
            && a + 2 == next
            && let Some(id) = head.push_fused_sum()
        {
            return Some(id);
        }
        (a, if minus { code::NEGATES_LAST } else { 0 })
    } else if a + 1 == next {
        let negates = if minus { code::NEGATES_OTHER } else { 0 };
        (b, code::LAST_IS_LEFT | negates)
    } else {
        return None;
    };
    match is_current(next, other) {
        true => Some(head.sum_with_last(subcode, other)),
        false => None,
    }
}

/// Records an operation of one operand and a number; `form` says on which side the number is.
#[inline(always)]
#[track_caller]
pub(crate) fn with_constant(op: Op, x: Var, c: f64, form: Form, value: f64, rule: impl Rule) -> Var {
    let head = arena().write_head();
    if !is_current(head.next(), x.node_id()) {
        cold_path();
        if !is_recorded(head.arena(), x.node_id()) {
            return Var::constant(value);
        }
    }
    let (k, args) = match form {
        Form::ConstantLeft => (1, [c, x.untracked_value(), 0.0]),
        _ => (0, [x.untracked_value(), c, 0.0]),
    };
    let tie = rules::tie(op, &args[..2], &|i| i == k, value);
    let p = match op.kind() {
        Kind::Step => 0.0,
        _ => rule(k, args, 0, value, tie),
    };
    let with = (op != Op::Mul).then_some(c); // the partial of a product is its other factor
    Var::from_parts(value, head.one(op, form, x.node_id(), p, with))
}

/// Whether an operation on `id`, which is not of the current scope, is to be recorded: not if it is a constant, nor in
/// `no_grad`. Panics for a stale handle.
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
///
/// Value and partial are computed next to each other, so that the compiler makes one call for a sine and its cosine.
#[inline(always)]
#[track_caller]
pub(crate) fn unary(op: Op, n: i32, a: Var, value: impl Fn(f64) -> f64, rule: impl Rule) -> Var {
    let (arena, x) = (arena(), a.untracked_value());
    if !is_current(arena.next(), a.node_id()) {
        cold_path();
        if !is_recorded(arena, a.node_id()) {
            return Var::constant(value(x));
        }
    }
    let z = value(x);
    let p = match op.kind() {
        Kind::Step => 0.0,
        _ => rule(0, [x, 0.0, 0.0], n, z, 0.0),
    };
    let with = op.is_indexed().then_some(f64::from(n));
    let head = arena.write_head();
    Var::from_parts(z, head.one(op, Form::Alone, a.node_id(), p, with))
}

/// Records a function of three operands.
#[inline(always)]
#[track_caller]
pub(crate) fn ternary(op: Op, operands: [Var; 3], value: f64, rule: impl Rule) -> Var {
    let args = operands.map(Var::untracked_value);
    let tie = rules::tie(op, &args, &|k| !operands[k].is_constant(), value);
    with_partials(op, &operands, value, |k| match op.kind() {
        Kind::Step => 0.0,
        _ => rule(k, args, 0, value, tie),
    })
}
