//! The reverse sweep over `f64`: from one output, in reverse topological order.
//!
//! Operands are recorded before their results, so index order is a topological order, and going down
//! the tape from the output meets every node after all its users.
//!
//! What bounds the sweep is not the arithmetic but the way an adjoint takes through memory: stored by
//! one node and loaded by the next it costs 12 cycles, kept in a register 4. The operand of a node is
//! very often the node just before it, so the contribution to that one is carried in a register.

use crate::adjoints::{Adjoints, WINDOW, adjoints};
use crate::arena::{Node, arena};
use crate::checkpoint::{leaf, run_again};
use crate::decode::read_checkpoint;
use crate::graph::{cold, recording_scope, verify};
use crate::record::code;
use crate::var::Var;
use crate::watch::{self, Reading};
use smallvec::SmallVec;
use std::cell::Cell;

/// Fills the adjoints of the ancestors of `output` and makes all others zero.
#[track_caller]
pub(crate) fn sweep(output: Var) {
    verify(output);
    let end = output.index() + 1;
    sweep_between(1, end, |adjoints| {
        adjoints.reset(end);
        if !output.is_constant() {
            adjoints.set(output.index(), 1.0);
        }
    });
}

/// Sweeps the slots below `end` down to `floor`, after `seed` has given the outputs their adjoints.
#[track_caller]
fn sweep_between(floor: usize, end: usize, seed: impl FnOnce(&mut Adjoints)) {
    adjoints(seed);
    let mut end = end;
    while let Some(head) =
        adjoints(|adjoints| arena().nodes(|nodes| sweep_to_checkpoint(nodes, adjoints, floor, end)))
    {
        sweep_checkpoint(head);
        end = head;
    }
}

/// Records the segment of the checkpoint at `head` again, and sweeps it.
#[track_caller]
fn sweep_checkpoint(head: usize) {
    let (inputs, outputs) = read_checkpoint(head);
    recording_scope(|| {
        let leaves: SmallVec<[Var; 4]> = inputs.iter().map(|x| leaf(x.var())).collect();
        let floor = arena().end();
        // The segment may sweep on its way: not into the adjoints of this sweep.
        let ours = arena().adjoints.replace(Adjoints::new());
        let again = run_again(head, &leaves, outputs);
        arena().adjoints.replace(ours);
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
        adjoints(|adjoints| {
            for (x, leaf) in inputs.iter().zip(&leaves).filter(|(x, _)| x.index != 0) {
                let w = adjoints.get(leaf.index());
                adjoints.add(x.index, w);
            }
        });
    });
}

/// Sweeps the slots below `end` down to `floor`, or to a checkpoint: returns its index.
#[inline]
fn sweep_to_checkpoint(
    nodes: &[Node],
    adjoints: &mut Adjoints,
    floor: usize,
    end: usize,
) -> Option<usize> {
    let mut i = end;
    loop {
        i = {
            let (w, live) = adjoints.parts();
            sweep_fast(nodes, w, live, floor, i)
        };
        if i <= floor {
            return None;
        }
        i -= 1;
        if nodes[i].word.code() == code::CHECKPOINT {
            return Some(i);
        }
        i = sweep_slots(nodes, adjoints, i);
    }
}

/// Sweeps the slots below `end` down to `floor`, or to one that wants more than this loop can do:
/// returns the index after it.
///
/// There is no call in here. One that returns would make the compiler keep the numbers around it in
/// memory, where each takes three times as long from one node to the next.
#[inline(never)]
fn sweep_fast(
    nodes: &[Node],
    adjoints: &mut [f64],
    live: &mut [bool],
    floor: usize,
    end: usize,
) -> usize {
    let adjoints = Cell::from_mut(adjoints).as_slice_of_cells();
    let mut end = end;
    while end > floor {
        let window = (end - 1) / WINDOW;
        if !live[window] {
            end = window * WINDOW;
            continue;
        }
        let start = (window * WINDOW).max(floor);
        // What the node before this one gave to the slot `i − 1`.
        let mut carry = 0.0;
        let slots = nodes[start..end].iter().zip(&adjoints[start..end]);
        for (k, (&Node { p, q, word }, adjoint)) in slots.enumerate().rev() {
            let i = start + k;
            let w = adjoint.get() + carry;
            adjoint.set(w);
            carry = 0.0;
            if w == 0.0 {
                continue;
            }
            macro_rules! give {
                ($to:expr, $contribution:expr) => {
                    if $to + 1 == i {
                        carry = $contribution; // no node has the same operand twice
                    } else {
                        let adjoint = &adjoints[$to];
                        adjoint.set(adjoint.get() + $contribution);
                        if $to < start {
                            live[$to / WINDOW] = true;
                        }
                    }
                };
            }
            if word.class() & code::GIVES_TWO != 0 {
                give!(word.a(), w * p);
                give!(word.b(), w * q);
            } else if word.class() & code::GIVES_ONE != 0 {
                give!(word.a(), w * p);
            } else if word.code() >= code::NARY {
                return i + 1;
            }
        }
        if carry != 0.0 {
            adjoints[start - 1].set(adjoints[start - 1].get() + carry);
            live[(start - 1) / WINDOW] = true;
        }
        end = start;
    }
    floor
}

/// Sweeps a node of any number of operands; returns the index of the first slot that belongs to it.
#[inline(never)]
fn sweep_slots(nodes: &[Node], adjoints: &mut Adjoints, i: usize) -> usize {
    let (w, word) = (adjoints.get(i), nodes[i].word);
    // So that its segment is swept, whatever the signs of its outputs' adjoints.
    if word.code() == code::OUTPUT {
        adjoints.add(word.a(), w.abs());
        return i;
    }
    let first = i - word.b().div_ceil(2);
    for &Node { p, q, word } in &nodes[first..i] {
        let (mut a, mut b) = (word.a(), word.b());
        if word.code() & (code::DROPS_A | code::DROPS_B) != 0 {
            a *= (word.code() & code::DROPS_A == 0) as usize;
            b *= (word.code() & code::DROPS_B == 0) as usize;
        }
        if a != 0 {
            adjoints.add(a, w * p);
        }
        if b != 0 {
            adjoints.add(b, w * q);
        }
    }
    first
}

/// Sweeps from `output` and adds the adjoints to those that are there.
#[track_caller]
pub(crate) fn sweep_accumulate(output: Var) {
    let before = adjoints(|adjoints| adjoints.nonzero());
    sweep(output);
    restore(before);
}

/// Adds adjoints of an earlier sweep.
fn restore(earlier: Vec<(usize, f64)>) {
    adjoints(|adjoints| {
        adjoints.make_room(earlier.last().map_or(0, |&(last, _)| last + 1));
        for (index, adjoint) in earlier {
            adjoints.add(index, adjoint);
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
            verify(x); // a handle made later: no ancestor
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
    for &x in x {
        verify(x);
    }
    let before = adjoints(|adjoints| adjoints.nonzero());
    sweep(output);
    let gradient = adjoints(|adjoints| x.iter().map(|x| adjoints.get(x.index())).collect());
    sweep(Var::constant(0.0));
    restore(before);
    gradient
}

/// Sweeps from `output` into a snapshot, and leaves the adjoints in the graph as they were.
#[track_caller]
pub(crate) fn gradients(output: Var) -> Gradients {
    let before = adjoints(|adjoints| adjoints.nonzero());
    sweep(output);
    let gradients = Gradients {
        adjoints: adjoints(|adjoints| adjoints.nonzero()),
        epochs: cold(|cold| cold.epochs()),
    };
    sweep(Var::constant(0.0));
    restore(before);
    gradients
}
