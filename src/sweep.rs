//! The reverse sweep: from one output, in reverse topological order, over `f64` or over `Var`.
//!
//! Operands are recorded before their results, so index order is a topological order, and going down
//! the tape from the output meets every node after all its users. The tape is swept in *windows* of
//! [`WINDOW`] slots. An operand below the current window marks its own window; a window without a
//! mark is passed over unseen, so that a sweep does not pay for what the output does not depend on,
//! and the next sweep clears just the windows that this one filled.
//!
//! What bounds the sweep is not the arithmetic but the way an adjoint takes through memory: stored by
//! one node and loaded by the next it costs 12 cycles, kept in a register 4. The operand of a node is
//! very often the node just before it, so the contribution to that one is carried in a register.

use crate::arena::{Node, arena};
use crate::graph::{cold, verify};
use crate::ops::{self, Kind, Op};
use crate::record::{Custom, code, decode, unpack};
use crate::var::Var;
use std::collections::BTreeMap;

/// Slots in a window.
const WINDOW: usize = 512;

/// Fills the adjoints of the ancestors of `output`, whose own is `seed`, and zeroes all others.
#[track_caller]
pub(crate) fn sweep(output: Var, seed: f64) {
    let arena = arena();
    if !output.is_constant() {
        verify(arena, output.id());
    }
    cold(|cold| {
        arena.nodes(|nodes| {
            clear(nodes, &mut cold.swept);
            if !output.is_constant() {
                let output = output.index();
                nodes[output].adjoint = seed;
                windows(&mut nodes[..=output], &mut cold.swept);
            }
        });
    });
}

/// Sweeps from `output` and adds the adjoints to those that are there.
#[track_caller]
pub(crate) fn sweep_accumulate(output: Var) {
    let before = adjoints();
    sweep(output, 1.0);
    cold(|cold| {
        arena().nodes(|nodes| {
            for (index, adjoint) in before {
                nodes[index].adjoint += adjoint;
                cold.swept.push((index / WINDOW) as u32);
            }
        });
        cold.swept.sort_unstable();
        cold.swept.dedup();
    });
}

/// The adjoints that are not zero, by ascending index.
fn adjoints() -> Vec<(usize, f64)> {
    cold(|cold| {
        arena().nodes(|nodes| {
            let mut found = Vec::new();
            cold.swept.sort_unstable();
            for &window in &cold.swept {
                let start = (window as usize * WINDOW).min(nodes.len());
                let end = (start + WINDOW).min(nodes.len());
                found.extend(
                    (start.max(1)..end)
                        .map(|i| (i, nodes[i].adjoint))
                        .filter(|&(_, w)| w != 0.0),
                );
            }
            found
        })
    })
}

/// A snapshot of one sweep's derivatives, which later sweeps and the end of its scope leave alone.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let (gradients, x, y) = graph::scope(|| {
///     let (x, y) = (Var::new(3.0), Var::new(2.0));
///     ((x * y).gradients(), x, y)
/// });
/// assert_eq!(gradients.wrt(x), 2.0);
/// assert_eq!(gradients.wrt_all(&[x, y]), [2.0, 3.0]);
/// ```
#[derive(Clone, Debug)]
pub struct Gradients {
    /// The derivatives that are not zero, by ascending index.
    adjoints: Vec<(usize, f64)>,
    /// The epochs that were open, each with the first index it covers.
    epochs: Vec<(usize, u64)>,
}

impl Gradients {
    /// The derivative of the output with respect to `x`: zero where the output does not depend on it.
    ///
    /// # Panics
    ///
    /// If `x` was already stale when the snapshot was taken.
    #[track_caller]
    pub fn wrt(&self, x: Var) -> f64 {
        if x.is_constant() {
            return 0.0;
        }
        let inside = self
            .epochs
            .partition_point(|&(start, _)| start <= x.index());
        if inside == 0 || self.epochs[inside - 1].1 != x.epoch() {
            verify(arena(), x.id()); // a handle made later: no ancestor
            return 0.0;
        }
        self.adjoints
            .binary_search_by_key(&x.index(), |&(i, _)| i)
            .map_or(0.0, |k| self.adjoints[k].1)
    }

    /// The derivatives of the output with respect to each of `x`.
    ///
    /// # Panics
    ///
    /// If one of them was already stale when the snapshot was taken.
    ///
    /// ```
    /// use scalargrad::Var;
    ///
    /// let x = [Var::new(1.0), Var::new(2.0)];
    /// assert_eq!((x[0] - x[1]).gradients().wrt_all(&x), [1.0, -1.0]);
    /// ```
    #[track_caller]
    pub fn wrt_all(&self, x: &[Var]) -> Vec<f64> {
        x.iter().map(|&x| self.wrt(x)).collect()
    }
}

/// Sweeps from `output` into a snapshot, and leaves the adjoints in the graph as they were.
#[track_caller]
pub(crate) fn gradients(output: Var) -> Gradients {
    let before = adjoints();
    sweep(output, 1.0);
    let after = adjoints();
    cold(|cold| {
        arena().nodes(|nodes| {
            clear(nodes, &mut cold.swept);
            for &(index, adjoint) in &before {
                nodes[index].adjoint = adjoint;
                cold.swept.push((index / WINDOW) as u32);
            }
        });
        cold.swept.dedup();
        Gradients {
            adjoints: after,
            epochs: cold.epochs(),
        }
    })
}

/// Records the derivatives of `output` with respect to each of `x`.
///
/// An adjoint that is absent, or exactly zero and constant, is not propagated, so that the graph of
/// a derivative grows with what it depends on and not with its order.
#[track_caller]
pub(crate) fn differentiate(output: Var, x: &[Var]) -> Vec<Var> {
    let arena = arena();
    for x in x.iter().chain([&output]).filter(|x| !x.is_constant()) {
        verify(arena, x.id());
    }
    let mut found: BTreeMap<usize, Var> = BTreeMap::new();
    let mut open: BTreeMap<usize, Var> = BTreeMap::new();
    if !output.is_constant() {
        open.insert(output.index(), Var::constant(1.0));
    }
    let wanted: BTreeMap<usize, ()> = x.iter().map(|x| (x.index(), ())).collect();
    while let Some((index, w)) = open.pop_last() {
        if wanted.contains_key(&index) {
            found.insert(index, w);
        }
        for (operand, contribution) in contributions(index, w) {
            open.entry(operand)
                .and_modify(|sum| *sum += contribution)
                .or_insert(contribution);
        }
    }
    x.iter()
        .map(|x| found.get(&x.index()).copied().unwrap_or_default())
        .collect()
}
/// Zeroes the adjoints of the windows in `swept`.
fn clear(nodes: &mut [Node], swept: &mut Vec<u32>) {
    for window in swept.drain(..) {
        let start = (window as usize * WINDOW).min(nodes.len());
        let end = (start + WINDOW).min(nodes.len());
        for node in &mut nodes[start..end] {
            node.adjoint = 0.0;
        }
    }
}

/// Sweeps the windows that matter, from the last slot of `nodes` down, and lists them in `swept`.
fn windows(nodes: &mut [Node], swept: &mut Vec<u32>) {
    let mut window = (nodes.len() - 1) / WINDOW;
    if window == 0 {
        sweep_window(nodes, 0, |_| ());
        swept.push(0);
        return;
    }
    let mut marks = vec![false; window];
    loop {
        let start = window * WINDOW;
        let end = (start + WINDOW).min(nodes.len());
        sweep_window(&mut nodes[..end], start, |below| {
            marks[below / WINDOW] = true
        });
        swept.push(window as u32);
        match marks[..window].iter().rposition(|&mark| mark) {
            Some(next) => window = next,
            None => return,
        }
    }
}

/// Sweeps the slots from the last one of `nodes` down to `start`; `mark` is told of operands below.
#[inline(always)]
fn sweep_window(nodes: &mut [Node], start: usize, mut mark: impl FnMut(usize)) {
    let mut i = nodes.len();
    // What the node after it gave to the node at `i − 1`.
    let mut carry = 0.0;
    while i > start {
        i -= 1;
        let node = nodes[i];
        let w = node.adjoint + carry;
        if w == 0.0 {
            if carry != 0.0 {
                nodes[i].adjoint = w;
                carry = 0.0;
            }
            continue;
        }
        nodes[i].adjoint = w;
        carry = 0.0;
        macro_rules! give {
            ($to:expr, $contribution:expr) => {{
                let to = $to;
                if to + 1 == i && to >= start {
                    carry += $contribution;
                } else {
                    nodes[to].adjoint += $contribution;
                    if to < start {
                        mark(to);
                    }
                }
            }};
        }
        macro_rules! partial {
            ($op:ident, $k:literal, $x:expr, $y:expr) => {
                ops::partial(Op::$op, $k, [$x, $y, 0.0], 0, node.value, 0.0)
            };
        }
        let (a, b) = (node.word.a(), node.word.b());
        match node.word.code() {
            code::SLOT | code::LEAF => {}
            code::ADD => {
                give!(a, w);
                give!(b, w);
            }
            code::ADD_CONST | code::CONST_ADD | code::SUB_CONST => {
                i -= 1;
                give!(a, w);
            }
            code::SUB => {
                give!(a, w);
                give!(b, -w);
            }
            code::CONST_SUB => {
                i -= 1;
                give!(a, -w);
            }
            code::MUL => {
                let (x, y) = (nodes[a].value, nodes[b].value);
                give!(a, w * y);
                give!(b, w * x);
            }
            code::MUL_CONST | code::CONST_MUL => {
                i -= 1;
                give!(a, w * nodes[i].value);
            }
            code::SQUARE => {
                let x = nodes[a].value;
                give!(a, w * (x + x));
            }
            code::DIV => {
                let (x, y) = (nodes[a].value, nodes[b].value);
                give!(a, w * partial!(Div, 0, x, y));
                give!(b, w * partial!(Div, 1, x, y));
            }
            code::DIV_CONST => {
                i -= 1;
                give!(a, w * partial!(Div, 0, 0.0, nodes[i].value));
            }
            code::CONST_DIV => {
                i -= 1;
                give!(a, w * partial!(Div, 1, nodes[i].value, nodes[a].value));
            }
            code::UNARY => {
                let (op, n) = unpack(b);
                let p = ops::partial(op, 0, [nodes[a].value, 0.0, 0.0], n, node.value, 0.0);
                if p != 0.0 || op.kind() == Kind::Smooth {
                    give!(a, w * p);
                }
            }
            code::SUM => {
                for slot in i - b..i {
                    let operand = nodes[slot].word.a();
                    if operand != 0 {
                        give!(operand, w);
                    }
                }
            }
            code::DOT => {
                for slot in i - b..i {
                    let Node { value: c, word, .. } = nodes[slot];
                    let (x, y) = (word.a(), word.b());
                    let value = |k: usize| if k == 0 { c } else { nodes[k].value };
                    let (vx, vy) = (value(x), value(y));
                    if x != 0 {
                        give!(x, w * vy);
                    }
                    if y != 0 {
                        give!(y, w * vx);
                    }
                }
            }
            _ => {
                for slot in i - b..i {
                    let Node { value: p, word, .. } = nodes[slot];
                    if word.a() != 0 && word.b() == 0 {
                        give!(word.a(), w * p);
                    }
                }
            }
        }
    }
}

/// What the node at `index`, of adjoint `w`, gives to its operands, recorded.
fn contributions(index: usize, w: Var) -> Vec<(usize, Var)> {
    let node = arena().node(index);
    let z = Var::from_parts(node.value, crate::graph::id_of(index));
    let decoded = decode(index, |i| arena().node(i));
    let operands: Vec<Var> = decoded
        .operands
        .iter()
        .map(|operand| operand.var())
        .collect();
    let partials = partials(index, decoded.op, decoded.n, &operands, z);
    let mut given = Vec::with_capacity(operands.len());
    for (x, p) in operands.into_iter().zip(partials) {
        let Some(p) = p else { continue };
        let nothing = p.is_constant() && p.raw() == 0.0;
        let absorbed = w.raw() == 0.0 && !p.raw().is_finite();
        if !(nothing || absorbed) {
            given.push((x.index(), times(w, p)));
        }
    }
    given
}

/// `w · p`, without a node for a factor of one.
fn times(w: Var, p: Var) -> Var {
    match (w.is_constant(), w.raw(), p.is_constant(), p.raw()) {
        (true, 1.0, ..) => p,
        (_, _, true, 1.0) => w,
        (_, _, true, -1.0) => -w,
        _ => w * p,
    }
}

/// The partials of a node with respect to its operands, recorded.
fn partials(index: usize, op: Op, n: i32, operands: &[Var], z: Var) -> ops::Partials<Var> {
    if op != Op::Custom {
        return ops::partials(op, n, operands, |k| !operands[k].is_constant(), z);
    }
    let Custom { label, op } = cold(|cold| cold.customs[&index].clone());
    let Some(op) = op else {
        panic!(
            "scalargrad: `{label}` was made by `Var::custom` with partials that are plain numbers, \
             so it cannot be differentiated again. Implement `CustomOp`, whose partials are expressions"
        )
    };
    let partials = op.partials(operands, z);
    assert_eq!(
        partials.len(),
        operands.len(),
        "scalargrad: `{label}` has another number of partials than of operands"
    );
    partials.into_iter().map(Some).collect()
}
