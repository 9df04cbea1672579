//! The reverse sweep over `f64`: from one output, in reverse topological order.
//!
//! Operands are recorded before their results, so index order is a topological order, and going down
//! the tape from the output meets every node after all its users.
//!
//! The loop itself is [`walk::sweep`]; here is what it leaves to others.

use crate::adjoints::{Adjoints, adjoints};
use crate::arena::{arena, code, walk};
use crate::checkpoint::{leaf, run_again};
use crate::decode::read_checkpoint;
use crate::graph::{cold, recording_scope, verify};
use crate::var::Var;
use crate::watch::{self, Reading};
use smallvec::SmallVec;

/// Fills the adjoints of the ancestors of `output` and makes all others zero.
#[track_caller]
pub(crate) fn sweep(output: Var) {
    verify(output);
    let end = output.index() + 1;
    sweep_between(1, end, |adjoints| {
        adjoints.reset(end + 1); // a sum that ends together with the output is passed on the way
        if !output.is_constant() {
            adjoints.add(output.index(), 1.0);
        }
    });
}

/// Sweeps the nodes below `end` down to `floor`, after `seed` has given the outputs their adjoints.
#[inline]
#[track_caller]
fn sweep_between(floor: usize, end: usize, seed: impl FnOnce(&mut Adjoints)) {
    let mut checkpoint = adjoints(|adjoints| {
        seed(adjoints);
        sweep_to_checkpoint(adjoints, floor, end)
    });
    while let Some(head) = checkpoint {
        sweep_checkpoint(head);
        checkpoint = adjoints(|adjoints| sweep_to_checkpoint(adjoints, floor, head));
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

/// Sweeps the nodes below `end` down to `floor`, or to a checkpoint: returns its index.
#[inline]
fn sweep_to_checkpoint(adjoints: &mut Adjoints, floor: usize, end: usize) -> Option<usize> {
    arena().tape(|tape| {
        let mut place = tape.place(end);
        loop {
            let (w, live) = adjoints.parts();
            place = walk::sweep(tape, w, live, floor, place);
            if place.index() <= floor {
                return None;
            }
            let (index, word) = (place.index() - 1, tape.word(place.position()));
            if word.subcode() == code::CHECKPOINT {
                return Some(index);
            }
            // An output, which sees to it that its segment is swept, whatever the signs of the adjoints.
            let w = adjoints.get(index).abs();
            adjoints.add(word.a(), w);
            place = tape.before(place);
        }
    })
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
