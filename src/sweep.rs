//! The reverse sweep over `f64`: from one output, in reverse topological order.
//!
//! Operands are recorded before their results, so index order is a topological order, and going down
//! the tape from the output meets every node after all its users. The tape is swept in *windows* of
//! [`WINDOW`] slots. The first contribution to a window makes it live, and zeroes its adjoints; a
//! window that is not live is passed over unseen, and its adjoints read 0, so that a sweep does not
//! pay for what the output does not depend on.
//!
//! What bounds the sweep is not the arithmetic but the way an adjoint takes through memory: stored by
//! one node and loaded by the next it costs 12 cycles, kept in a register 4. The operand of a node is
//! very often the node just before it, so the contribution to that one is carried in a register.

use crate::arena::{Node, arena};
use crate::checkpoint::run_again;
use crate::graph::{Cold, cold, recording_scope, verify};
use crate::record::{Operand, code, read_checkpoint};
use crate::var::Var;
use crate::watch::{self, Reading};
use smallvec::SmallVec;

/// Slots in a window.
const WINDOW: usize = 64;

/// The adjoints of the last sweep.
#[derive(Default)]
pub(crate) struct Adjoints {
    /// By index; of windows that are not live, whatever was there.
    adjoints: Vec<f64>,
    /// Whether the last sweep came to a window.
    live: Vec<bool>,
    /// The live windows.
    swept: Vec<usize>,
}

impl Adjoints {
    /// The adjoint of a node.
    pub(crate) fn get(&self, index: usize) -> f64 {
        if self.live.get(index / WINDOW) == Some(&true) {
            self.adjoints[index]
        } else {
            0.0
        }
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.adjoints[..]) + self.live.len()
    }

    /// Adds to the adjoint of a node.
    #[inline(always)]
    fn add(&mut self, index: usize, contribution: f64) {
        if !self.live[index / WINDOW] {
            self.enliven(index / WINDOW);
        }
        self.adjoints[index] += contribution;
    }

    /// Zeroes a window that a sweep comes to.
    #[cold]
    #[inline(never)]
    fn enliven(&mut self, window: usize) {
        self.adjoints[window * WINDOW..(window + 1) * WINDOW].fill(0.0);
        self.live[window] = true;
        self.swept.push(window);
    }

    /// Makes all adjoints zero, with room for those of the slots below `end`.
    fn reset(&mut self, end: usize) {
        for window in self.swept.drain(..) {
            self.live[window] = false;
        }
        if end > self.adjoints.len() {
            self.adjoints = Vec::new(); // nothing in it is live
            self.make_room(end);
        }
    }

    /// Makes room for those of the slots below `end`.
    fn make_room(&mut self, end: usize) {
        let windows = end.div_ceil(WINDOW);
        if windows > self.live.len() {
            self.live.resize(windows.max(self.live.len() * 2), false);
        }
        let len = self.live.len() * WINDOW;
        if self.adjoints.is_empty() {
            self.adjoints = vec![0.0; len]; // from fresh pages, which cost nothing until used
        } else if len > self.adjoints.len() {
            self.adjoints.resize(len, 0.0);
        }
    }

    /// Forgets those of the slots from `end` on.
    pub(crate) fn truncate(&mut self, end: usize) {
        // The first window that keeps none: slot 0 is nobody's.
        let window = if end <= 1 { 0 } else { end.div_ceil(WINDOW) };
        let live = &mut self.live;
        self.swept
            .retain(|&swept| swept < window || !std::mem::take(&mut live[swept]));
        if let Some(true) = self.live.get(end / WINDOW) {
            self.adjoints[end..window * WINDOW].fill(0.0);
        }
    }

    /// Those that are not zero, by ascending index.
    fn nonzero(&self) -> Vec<(usize, f64)> {
        let mut windows = self.swept.clone();
        windows.sort_unstable();
        windows
            .into_iter()
            .flat_map(|window| window * WINDOW..(window + 1) * WINDOW)
            .map(|index| (index, self.adjoints[index]))
            .filter(|&(_, w)| w != 0.0)
            .collect()
    }
}

/// Fills the adjoints of the ancestors of `output` and makes all others zero.
#[track_caller]
pub(crate) fn sweep(output: Var) {
    if !output.is_constant() {
        verify(arena(), output.id());
    }
    let end = output.index() + 1;
    sweep_between(1, end, |adjoints| {
        adjoints.reset(end);
        if !output.is_constant() {
            adjoints.add(output.index(), 1.0);
        }
    });
}

/// Sweeps the slots below `end` down to `floor`, after `seed` has given the outputs their adjoints.
#[track_caller]
fn sweep_between(floor: usize, end: usize, seed: impl FnOnce(&mut Adjoints)) {
    let sweep = |cold: &mut Cold, end: usize| {
        arena().nodes(|nodes| sweep_to_checkpoint(nodes, &mut cold.adjoints, floor, end))
    };
    let mut checkpoint = cold(|cold| {
        seed(&mut cold.adjoints);
        sweep(cold, end)
    });
    while let Some(head) = checkpoint {
        sweep_checkpoint(head);
        checkpoint = cold(|cold| sweep(cold, head));
    }
}

/// Records the segment of the checkpoint at `head` again, and sweeps it.
#[track_caller]
fn sweep_checkpoint(head: usize) {
    let (inputs, outputs) = read_checkpoint(head);
    recording_scope(|| {
        let leaf = |x: &Operand| {
            if x.index == 0 {
                Var::constant(x.value)
            } else {
                Var::new(x.value)
            }
        };
        let leaves: SmallVec<[Var; 4]> = inputs.iter().map(leaf).collect();
        let floor = arena().end();
        let again = run_again(head, &leaves, outputs);
        let end = arena().end();
        sweep_between(floor, end, |adjoints| {
            adjoints.make_room(end);
            for (k, output) in again
                .iter()
                .enumerate()
                .filter(|(_, output)| !output.is_constant())
            {
                let w = adjoints.get(head + 1 + k);
                adjoints.add(output.index(), w);
            }
        });
        cold(|cold| {
            for (x, leaf) in inputs.iter().zip(&leaves).filter(|(x, _)| x.index != 0) {
                let w = cold.adjoints.get(leaf.index());
                cold.adjoints.add(x.index, w);
            }
        });
    });
}

/// Sweeps the live windows below `end` down to `floor`, or to a checkpoint: returns its index.
fn sweep_to_checkpoint(
    nodes: &[Node],
    adjoints: &mut Adjoints,
    floor: usize,
    end: usize,
) -> Option<usize> {
    let mut i = end;
    while i > floor {
        let window = (i - 1) / WINDOW;
        if !adjoints.live[window] {
            let live = &adjoints.live[floor / WINDOW..window];
            i = live
                .iter()
                .rposition(|&live| live)
                .map_or(floor, |below| (floor / WINDOW + below + 1) * WINDOW);
            continue;
        }
        let start = (window * WINDOW).max(floor);
        let carry;
        (i, carry) = sweep_fast(nodes, &mut adjoints.adjoints, &adjoints.live, start, i);
        if i == start {
            if carry != 0.0 {
                adjoints.add(i - 1, carry);
            }
        } else if nodes[i - 1].word.code() == code::CHECKPOINT {
            return Some(i - 1);
        } else {
            i = sweep_one(nodes, adjoints, i - 1).max(start);
        }
    }
    None
}

/// Sweeps the slots below `end` down to `start`, or to one that wants more than this loop can do.
///
/// Returns the index after it, and what the slot before `start` is still owed.
///
/// There is no call in here. One that returns would make the compiler keep the numbers around it in
/// memory, where each takes three times as long from one node to the next.
#[inline(never)]
fn sweep_fast(
    nodes: &[Node],
    adjoints: &mut [f64],
    live: &[bool],
    start: usize,
    end: usize,
) -> (usize, f64) {
    let (nodes, adjoints) = (&nodes[..end], &mut adjoints[..end]);
    let mut i = end;
    // What the node before this one gave to the slot `i − 1`.
    let mut carry = 0.0;
    while i > start {
        let Node { p, q, word } = nodes[i - 1];
        let w = adjoints[i - 1] + carry;
        adjoints[i - 1] = w;
        carry = 0.0;
        i -= 1;
        if w == 0.0 {
            continue;
        }
        macro_rules! give {
            ($to:expr, $contribution:expr) => {
                if $to + 1 == i {
                    carry = $contribution; // no node has the same operand twice
                } else {
                    adjoints[$to] += $contribution;
                }
            };
        }
        let (a, b) = (word.a(), word.b());
        let is_ready = |to: usize| to >= start || to + 1 == i || live[to / WINDOW];
        if word.code() >= code::TWO {
            if !(is_ready(a) && is_ready(b)) {
                return (i + 1, 0.0);
            }
            give!(a, w * p);
            give!(b, w * q);
        } else if word.code() == code::ONE {
            if !is_ready(a) {
                return (i + 1, 0.0);
            }
            give!(a, w * p);
        } else if word.code() >= code::NARY {
            return (i + 1, 0.0);
        }
    }
    (i, carry)
}

/// Sweeps any one node; returns the index of the first slot that belongs to it.
#[inline(never)]
fn sweep_one(nodes: &[Node], adjoints: &mut Adjoints, i: usize) -> usize {
    let (w, word) = (adjoints.adjoints[i], nodes[i].word);
    let slots = match word.code() {
        code::NARY => i - word.b().div_ceil(2)..i,
        // So that its segment is swept, whatever the signs of its outputs' adjoints.
        code::OUTPUT => {
            adjoints.add(word.a(), w.abs());
            return i;
        }
        _ => i..i + 1,
    };
    let first = slots.start;
    for &Node { p, q, word } in &nodes[slots] {
        let (a, b, code) = (word.a(), word.b(), word.code());
        let is_slot = code <= code::SLOT_MAX;
        if a != 0 && !(is_slot && code & 1 != 0) {
            adjoints.add(a, w * p);
        }
        if b != 0 && (code >= code::TWO || is_slot && code & 2 == 0) {
            adjoints.add(b, w * q);
        }
    }
    first
}

/// Sweeps from `output` and adds the adjoints to those that are there.
#[track_caller]
pub(crate) fn sweep_accumulate(output: Var) {
    let before = cold(|cold| cold.adjoints.nonzero());
    sweep(output);
    restore(before);
}

/// Adds adjoints of an earlier sweep.
fn restore(adjoints: Vec<(usize, f64)>) {
    cold(|cold| {
        for (index, adjoint) in adjoints {
            cold.adjoints.add(index, adjoint);
        }
    });
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

/// Sweeps from `output` for the derivatives with respect to `x`, and leaves the adjoints in the graph
/// as they were.
#[track_caller]
pub(crate) fn gradient(output: Var, x: &[Var]) -> Vec<f64> {
    watch::read(Reading::Gradient, output);
    let before = cold(|cold| cold.adjoints.nonzero());
    sweep(output);
    let gradient = cold(|cold| x.iter().map(|x| cold.adjoints.get(x.index())).collect());
    sweep(Var::constant(0.0));
    restore(before);
    gradient
}

/// Sweeps from `output` into a snapshot, and leaves the adjoints in the graph as they were.
#[track_caller]
pub(crate) fn gradients(output: Var) -> Gradients {
    let before = cold(|cold| cold.adjoints.nonzero());
    sweep(output);
    let gradients = cold(|cold| Gradients {
        adjoints: cold.adjoints.nonzero(),
        epochs: cold.epochs(),
    });
    sweep(Var::constant(0.0));
    restore(before);
    gradients
}
