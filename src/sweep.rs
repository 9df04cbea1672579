//! The reverse sweep over `f64`: from one output, in reverse topological order.
//!
//! Operands are recorded before their results, so index order is a topological order, and going down
//! the tape from the output meets every node after all its users.
//!
//! The loop itself is [`walk::sweep`]; here is what it leaves to others.

use crate::arena::{Adjoints, WINDOW, adjoints, arena, aside, walk};
use crate::checkpoint::{leaf, run_again};
use crate::decode::read_checkpoint;
use crate::graph::{cold, recording_scope, verify};
use crate::var::Var;
use crate::watch::{self, Reading};
use smallvec::SmallVec;

/// No index, as the one from which on adjoints are dropped.
const NONE: usize = usize::MAX;

/// Fills the adjoints of the ancestors of `output` and makes all others zero.
///
/// Those of intermediates of the innermost scope may be dropped: they and the output go together, so that
/// they can be had from it again.
#[inline]
#[track_caller]
pub(crate) fn sweep(output: Var) {
    verify(output);
    let index = output.index();
    let drops = if index < WINDOW {
        NONE
    } else {
        first_dropped()
    };
    sweep_dropping(index, drops);
}

/// The index from which a sweep may drop adjoints.
#[inline(never)]
fn first_dropped() -> usize {
    if adjoints(|adjoints| adjoints.keeps_all()) {
        return NONE;
    }
    // A segment is not run again for an adjoint.
    cold(|cold| match cold.segments.is_empty() {
        true => cold.start(),
        false => NONE,
    })
}

/// Fills all adjoints.
#[track_caller]
fn sweep_keeping(output: usize) {
    sweep_dropping(output, NONE);
}

/// As [`sweep`]; may drop adjoints of nodes from `drops` on.
#[inline]
#[track_caller]
fn sweep_dropping(output: usize, drops: usize) {
    let end = output + 1;
    sweep_between(1, end, drops, |adjoints| {
        adjoints.start(output, end + 1); // a sum that ends together with the output is passed on the way
        if drops < output {
            adjoints.drops_some_of(output);
        }
    });
}

/// Makes the last sweep again if it dropped adjoints.
#[cold]
#[track_caller]
fn keep_all() {
    if let Some(output) = adjoints(Adjoints::keep_all_from_now) {
        sweep_keeping(output);
    }
}

/// The adjoint of a node that the last sweep dropped.
#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn adjoint_dropped(index: usize) -> f64 {
    keep_all();
    arena().adjoint(index).expect("all are kept now")
}

/// Sweeps the nodes below `end` down to `floor`, after `seed` has given the outputs their adjoints.
#[inline]
#[track_caller]
fn sweep_between(floor: usize, end: usize, drops: usize, seed: impl FnOnce(&mut Adjoints)) {
    let mut checkpoint = adjoints(|adjoints| {
        seed(adjoints);
        walk::sweep(adjoints, floor, end, drops)
    });
    while let Some(head) = checkpoint {
        sweep_checkpoint(head);
        checkpoint = adjoints(|adjoints| walk::sweep(adjoints, floor, head, drops));
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
        let again = aside(|| run_again(head, &leaves, outputs));
        let end = arena().end();
        sweep_between(floor, end, NONE, |adjoints| {
            adjoints.make_room(end);
            for (k, output) in again
                .iter()
                .enumerate()
                .filter(|(_, output)| !output.is_constant())
            {
                let w = kept(adjoints, head + 1 + k);
                adjoints.add(output.index(), w);
            }
        });
        adjoints(|adjoints| {
            for (x, leaf) in inputs.iter().zip(&leaves).filter(|(x, _)| x.index != 0) {
                let w = kept(adjoints, leaf.index());
                adjoints.add(x.index, w);
            }
        });
    });
}

/// An adjoint that is not dropped: that of a leaf, or of any node after [`sweep_keeping`].
fn kept(adjoints: &Adjoints, index: usize) -> f64 {
    adjoints.get(index).expect("it was kept")
}

/// Sweeps from `output` and adds the adjoints to those that are there.
#[track_caller]
pub(crate) fn sweep_accumulate(output: Var) {
    verify(output);
    keep_all();
    let before = adjoints(|adjoints| adjoints.nonzero());
    sweep_keeping(output.index());
    adjoints(|adjoints| {
        adjoints.make_room(before.last().map_or(0, |&(last, _)| last + 1));
        for (index, adjoint) in before {
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

/// Sweeps from `output` for the derivatives with respect to the leaves `x`, and leaves the adjoints in the graph
/// as they were.
#[track_caller]
pub(crate) fn gradient(output: Var, x: &[Var]) -> Vec<f64> {
    watch::read(Reading::Gradient, output);
    for &x in x.iter().chain([&output]) {
        verify(x);
    }
    aside(|| {
        sweep_keeping(output.index());
        adjoints(|adjoints| x.iter().map(|x| kept(adjoints, x.index())).collect())
    })
}

/// Sweeps from `output` into a snapshot, and leaves the adjoints in the graph as they were.
#[track_caller]
pub(crate) fn gradients(output: Var) -> Gradients {
    verify(output);
    aside(|| {
        sweep_keeping(output.index());
        Gradients {
            adjoints: adjoints(|adjoints| adjoints.nonzero()),
            epochs: cold(|cold| cold.epochs()),
        }
    })
}
