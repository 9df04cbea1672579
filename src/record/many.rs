//! How an operation on any number of operands is written: as a *run*, where the indices of the operands are at equal distances,
//! else in *slots* of two operands each.

use super::is_recorded;
use crate::arena::{Arena, INDEX_BITS, Word, arena, is_current};
use crate::graph::is_paused;
use crate::handle::Var;
use crate::rows::{Kind, Op};
use crate::special;

/// Records any operation whose partials are known.
#[inline]
#[track_caller]
pub(crate) fn with_partials(op: Op, operands: &[Var], value: f64, partial: impl Fn(usize) -> f64) -> Var {
    let (arena, may_drop) = (arena(), op.kind() != Kind::Smooth);
    if !may_drop
        && operands.len() > 3
        && let Some(id) = push_run(arena, op, operands, value, &partial)
    {
        return Var::from_parts(value, id);
    }
    if !any_recorded(arena, operands.iter().copied()) {
        return Var::constant(value);
    }
    let active = |k| {
        let p = partial(k);
        (p, may_drop && p == 0.0)
    };
    let word = Word::nary(op, 0, operands.len());
    Var::from_parts(value, push_slots(arena, operands, active, value, word))
}

/// Operands of one scope whose indices are at equal distances, or that are all constants.
struct Run {
    first: u64,
    stride: u64,
    /// The id that the next operand must have.
    expected: u64,
    /// Not zero if an operand had another id than expected.
    differs: u64,
}

impl Run {
    /// The run that these ids would be, as far as the first, the second and the last one show, if it may be recorded.
    /// [`meet`](Run::meet) checks the others.
    #[inline(always)]
    fn of(arena: &Arena, ids: impl DoubleEndedIterator<Item = u64> + ExactSizeIterator) -> Option<Run> {
        let (run, last) = Run::spanned(ids)?;
        let next = arena.next();
        let are_live = is_current(next, run.first) && is_current(next, last)
            || arena.is_open(run.first) && arena.is_open(last) && !is_paused(arena);
        (are_live || run.is_constant() && run.stride == 0).then_some(run)
    }

    /// The run between the first and the last of the ids, and the last one.
    #[inline(always)]
    fn spanned(mut ids: impl DoubleEndedIterator<Item = u64> + ExactSizeIterator) -> Option<(Run, u64)> {
        let steps = ids.len().checked_sub(1)? as u64;
        let first = ids.next()?;
        let last = ids.next_back().unwrap_or(first);
        let second = ids.next().unwrap_or(last);
        let stride = second.wrapping_sub(first);
        let reaches_last = first.wrapping_add(steps.wrapping_mul(stride)) == last;
        // The signed distance is stored in `INDEX_BITS` bits.
        let is_short = stride.wrapping_add(1 << (INDEX_BITS - 1)) >> INDEX_BITS == 0;
        if !(reaches_last && is_short) {
            return None;
        }
        // All ids between two ids of a scope are of that scope.
        let are_of_one = ((first ^ second) | (first ^ last)) >> INDEX_BITS == 0;
        let run = Run { first, stride, expected: first, differs: 0 };
        are_of_one.then_some((run, last))
    }

    #[inline(always)]
    fn is_constant(&self) -> bool {
        self.first == 0
    }

    /// Checks the id of the next operand.
    #[inline(always)]
    fn meet(&mut self, id: u64) {
        self.differs |= id ^ self.expected;
        self.expected = self.expected.wrapping_add(self.stride);
    }

    #[inline(always)]
    fn word(&self) -> Word {
        Word::run(self.first, self.stride)
    }
}

/// Appends a node as a run, if its operands are one.
#[inline(always)]
#[track_caller]
fn push_run(arena: &Arena, op: Op, operands: &[Var], value: f64, partial: impl Fn(usize) -> f64) -> Option<u64> {
    let mut run = Run::of(arena, operands.iter().map(|x| x.node_id())).filter(|run| !run.is_constant())?;
    let mut runs = arena.runs(operands.len());
    for (k, x) in operands.iter().enumerate() {
        run.meet(x.node_id());
        runs.push([partial(k)]);
    }
    let word = Word::nary(op, 1, operands.len());
    (run.differs == 0).then(|| runs.finish([run.word()], value, word))
}

/// Appends a node of any number of operands in slots. `active` gives the number that is stored with an active operand, and whether
/// that is a partial which a sweep leaves out.
#[inline]
#[track_caller]
pub(crate) fn push_slots(
    arena: &Arena,
    operands: &[Var],
    active: impl Fn(usize) -> (f64, bool),
    number: f64,
    word: Word,
) -> u64 {
    let operand = |k: usize| match operands.get(k) {
        None => (0.0, false, 0),
        Some(x) if x.is_constant() => (x.untracked_value(), false, 0),
        Some(x) => {
            let (p, drop) = active(k);
            (p, drop, x.node_id())
        }
    };
    let mut slots = arena.slots(operands.len().div_ceil(2));
    for k in (0..operands.len()).step_by(2) {
        let ((p, drop_a, a), (q, drop_b, b)) = (operand(k), operand(k + 1));
        slots.push(p, q, Word::slot(a, b, [drop_a, drop_b]));
    }
    slots.finish(number, word)
}

/// Records a sum of products. The partial of each factor is the other factor.
#[inline(always)]
#[track_caller]
pub(crate) fn sum_of_products(pairs: impl ExactSizeIterator<Item = (Var, Var)> + DoubleEndedIterator + Clone) -> Var {
    let (arena, len) = (arena(), pairs.len());
    let values = |(x, y): (Var, Var)| (x.untracked_value(), y.untracked_value());
    // A constant has no partial; its value is stored there instead.
    let beside = |x: Var, y: Var, is_constant| {
        if is_constant { x.untracked_value() } else { y.untracked_value() }
    };
    // First as two runs, as rows of parameters and results of a loop often are; ids are checked while the node is written.
    let runs = (
        Run::of(arena, pairs.clone().map(|(x, _)| x.node_id())),
        Run::of(arena, pairs.clone().map(|(_, y)| y.node_id())),
    );
    if let (Some(xs), Some(ys)) = runs {
        let pairs = pairs.clone();
        let id = match (xs.is_constant(), ys.is_constant()) {
            (false, false) => push_runs(arena, xs, ys, pairs, |x, y| [y, x]),
            (false, true) => push_runs(arena, xs, ys, pairs, |_, y| [y, y]),
            (true, false) => push_runs(arena, xs, ys, pairs, |x, _| [x, x]),
            (true, true) => None,
        };
        if let Some((value, id)) = id {
            return Var::from_parts(value, id);
        }
    }
    if !any_recorded(arena, pairs.clone().flat_map(|(x, y)| [x, y])) {
        return Var::constant(special::dot(pairs.map(values)));
    }
    let mut slots = arena.slots(len);
    let value = special::dot(pairs.map(|(x, y)| {
        let (p, q) = (beside(x, y, x.is_constant()), beside(y, x, y.is_constant()));
        slots.push(p, q, Word::slot(x.node_id(), y.node_id(), [false; 2]));
        values((x, y))
    }));
    let word = Word::nary(Op::Dot, 0, 2 * len);
    Var::from_parts(value, slots.finish(value, word))
}

/// Appends the sum of the products of two runs; returns its value and id, or `None` if they are not runs. `beside` gives the
/// numbers that are stored with the two factors.
#[inline(always)]
#[track_caller]
fn push_runs(
    arena: &Arena,
    mut xs: Run,
    mut ys: Run,
    pairs: impl ExactSizeIterator<Item = (Var, Var)>,
    beside: impl Fn(f64, f64) -> [f64; 2],
) -> Option<(f64, u64)> {
    let mut runs = arena.runs::<2>(pairs.len());
    let word = Word::nary(Op::Dot, 2, 2 * pairs.len());
    let value = special::dot(pairs.map(|(x, y)| {
        xs.meet(x.node_id());
        ys.meet(y.node_id());
        runs.push(beside(x.untracked_value(), y.untracked_value()));
        (x.untracked_value(), y.untracked_value())
    }));
    let are_runs = xs.differs | ys.differs == 0;
    are_runs.then(|| (value, runs.finish([xs.word(), ys.word()], value, word)))
}

/// Whether an operation on these operands is to be recorded. Checks all of them, and panics if one is stale.
#[inline]
#[track_caller]
pub(crate) fn any_recorded(arena: &Arena, operands: impl Iterator<Item = Var> + Clone) -> bool {
    let next = arena.next();
    if operands.clone().next().is_none() {
        return false;
    }
    // As `is_current` of all of them.
    let differences = operands.clone().fold(0, |all, x| all | next.wrapping_sub(x.node_id()));
    if differences >> INDEX_BITS == 0 {
        return true;
    }
    let mut any = false;
    for x in operands {
        any |= is_current(next, x.node_id()) || is_recorded(arena, x.node_id());
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_run_has_a_distance_that_its_word_can_tell() {
        // Ids of a graph with hundreds of millions of nodes.
        let scope = arena().next() >> INDEX_BITS << INDEX_BITS;
        let most = 1 << (INDEX_BITS - 1);
        for (first, stride) in [(1, 1), (1, most - 1), (2 * most - 1, -most), (1 << 20, -7)] {
            let ids = [first, first + stride].map(|index: i64| scope | index as u64);
            let word = Run::spanned(ids.into_iter()).map(|(run, _)| run.word());
            let found = word.map(|word| (word.a() as i64, word.stride() as i64));
            assert_eq!(found, Some((first, stride)));
        }
        for [first, second] in [[1, 1 + most], [2 * most - 1, most - 2]] {
            let ids = [first, second].map(|index: i64| scope | index as u64);
            assert!(Run::spanned(ids.into_iter()).is_none());
        }
    }
}
