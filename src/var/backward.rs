//! The reverse sweep over `f64`: from one output, in reverse topological order.
//!
//! Operands are recorded before their results, so index order is a topological order, and going down
//! the tape from the output meets every node after all its users.
//!
//! The loop itself is [`walk::sweep`]. This file has what is around it: checkpoints, accumulating, snapshots.

use super::checkpoint::run_again;
use super::custom;
use crate::arena::{adjoints, arena, set_aside, walk};
use crate::graph::trace::{self, Escape};
use crate::graph::{Event, Results, open_recording, read_checkpoint, state, tell, user_code, verify};
use crate::handle::Var;
use crate::record;

/// # Differentiating
impl Var {
    /// Sweeps the graph from this output back: fills [`grad`](Var::grad) of every ancestor.
    ///
    /// The gradient of every other variable is `0.0` afterwards; each sweep starts from zero. Nothing is freed,
    /// so that a graph may be swept again, from this or another output. Takes time in proportion to
    /// the ancestors, whatever else the graph holds. A constant, as everything made in [`no_grad`](crate::graph::no_grad) is, has no
    /// ancestors: its sweep leaves all gradients at zero, and [`graph::report`](crate::graph::report()) says so.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// let square = x * x;
    /// square.backward();
    /// assert_eq!(x.grad(), 6.0);
    /// (square * square).backward();
    /// assert_eq!(x.grad(), 108.0);
    /// ```
    #[inline]
    #[track_caller]
    pub fn backward(self) {
        sweep_above(self, 1);
    }

    /// The derivative of the output of the last sweep with respect to this variable.
    ///
    /// `0.0` where the output does not depend on it, for a constant, and before any sweep.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let (x, y) = (scalargrad::Var::new(3.0), scalargrad::Var::new(2.0));
    /// let product = x * y;
    /// (5.0 * product).backward();
    /// assert_eq!((x.grad(), y.grad(), product.grad()), (10.0, 15.0, 5.0));
    /// ```
    #[must_use]
    #[inline(always)]
    #[track_caller]
    pub fn grad(self) -> f64 {
        verify(self);
        trace::escaped(Escape::Gradient, self);
        if self.is_constant() {
            custom::derivative_of_a_constant();
        }
        arena().adjoint(self.index()) // a constant has the index 0, whose adjoint is zero
    }

    /// Sweeps like [`backward`](Var::backward), but adds to the gradients that are there.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// (x * 2.0).backward();
    /// (x * 5.0).backward_accumulate();
    /// assert_eq!(x.grad(), 7.0);
    /// ```
    #[track_caller]
    pub fn backward_accumulate(self) {
        verify(self);
        // Only what is added is gone through, as those that are there may be many more. If the sweep fails they are brought back
        // first, and then made zero.
        let failing = Failing;
        let before = set_aside();
        sweep_untold(self, 1);
        let added = adjoints(|adjoints| adjoints.nonzero());
        drop(before);
        std::mem::forget(failing);
        adjoints(|adjoints| {
            adjoints.make_room(added.last().map_or(0, |&(last, _)| last + 1));
            for (index, adjoint) in added {
                adjoints.add(index, adjoint);
            }
        });
        tell_of_sweep(&[self], 1, Results::Leaves);
    }

    /// Sweeps from this output into a snapshot that outlives later sweeps.
    ///
    /// [`grad`](Var::grad) of every variable stays what it was.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// let gradients = (x * x).gradients();
    /// (x * 5.0).backward();
    /// assert_eq!((gradients.wrt(x), x.grad()), (6.0, 5.0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn gradients(self) -> Gradients {
        trace::escaped(Escape::Gradient, self);
        gradients_above(self, 1)
    }
}

/// Fills the adjoints of the ancestors of `output` and makes all others zero. If the sweep fails, because there is no memory
/// or a segment panics, all are zero.
///
/// Only the nodes from the index `floor` on are swept: nodes below it receive contributions from above.
#[inline]
#[track_caller]
fn sweep_above(output: Var, floor: usize) {
    sweep_untold(output, floor);
    tell_of_sweep(&[output], floor, Results::Leaves);
}

/// As [`sweep_above`], of which no observer is told yet.
#[inline]
#[track_caller]
fn sweep_untold(output: Var, floor: usize) {
    verify(output);
    if output.is_constant() {
        custom::derivative_of_a_constant();
        // No room is made: on a thread without a graph nobody would free it.
        return adjoints(|adjoints| adjoints.truncate(0));
    }
    let (output, end) = (output.index(), output.index() + 1);
    // Room for one node more than the output, as a sum may be fused into it.
    let checkpoint = adjoints(|adjoints| {
        adjoints.start(output, end + 1);
        walk::sweep(adjoints, floor, end)
    });
    if let Some(head) = checkpoint {
        sweep_from_checkpoint(head, floor);
    }
}

#[inline(always)]
fn tell_of_sweep(outputs: &[Var], floor: usize, results: Results<'_>) {
    tell(Event::Swept { outputs, floor, results });
}

/// Makes all adjoints zero when it is dropped: when a sweep fails, and nobody forgets it.
struct Failing;

impl Drop for Failing {
    fn drop(&mut self) {
        adjoints(|adjoints| adjoints.truncate(0));
    }
}

/// Goes on with a sweep down to `floor` from the checkpoint at `head`.
#[cold]
#[inline(never)]
#[track_caller]
fn sweep_from_checkpoint(head: usize, floor: usize) {
    let failing = Failing;
    let mut checkpoint = Some(head);
    while let Some(head) = checkpoint {
        sweep_checkpoint(head);
        checkpoint = adjoints(|adjoints| walk::sweep(adjoints, floor, head));
    }
    std::mem::forget(failing);
}

/// Records the segment of the checkpoint at `head` again, and sweeps it.
#[track_caller]
fn sweep_checkpoint(head: usize) {
    let (inputs, outputs) = read_checkpoint(head);
    let scope = open_recording();
    let start = arena().end();
    let leaves = record::leaves(inputs.iter().map(|x| x.value));
    let floor = arena().end();
    // The segment may run sweeps of its own, which must not change the adjoints of this one.
    let aside = set_aside();
    let again = run_again(head, start, &leaves, outputs);
    drop(aside);
    let end = arena().end();
    let checkpoint = adjoints(|adjoints| {
        adjoints.make_room(end);
        for (k, output) in again.iter().enumerate() {
            if !output.is_constant() {
                adjoints.add(output.index(), adjoints.get(head + 1 + k));
            }
        }
        walk::sweep(adjoints, floor, end)
    });
    if let Some(head) = checkpoint {
        sweep_from_checkpoint(head, floor);
    }
    tell_of_sweep(&again, start, Results::Segment { head: Some(head), inputs: leaves.len() });
    adjoints(|adjoints| {
        for (x, leaf) in inputs.iter().zip(&leaves).filter(|(x, _)| x.index != 0) {
            adjoints.add(x.index, adjoints.get(leaf.index()));
        }
    });
    // The operations of the segment end with it, and so does what the user gave to them.
    user_code("the destructor of an operation in a checkpoint", || drop(scope));
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
    ///
    /// ```
    /// let (x, y) = (scalargrad::Var::new(3.0), scalargrad::Var::new(2.0));
    /// let gradients = (x * x).gradients();
    /// assert_eq!((gradients.wrt(x), gradients.wrt(y)), (6.0, 0.0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn wrt(&self, x: Var) -> f64 {
        if x.is_constant() {
            custom::derivative_of_a_constant();
            return 0.0;
        }
        let inside = self.epochs.partition_point(|&(start, _)| start <= x.index());
        if inside == 0 || self.epochs[inside - 1].1 != x.epoch() {
            verify(x); // made after the snapshot, so it is no ancestor
            return 0.0;
        }
        self.adjoints.binary_search_by_key(&x.index(), |&(i, _)| i).map_or(0.0, |k| self.adjoints[k].1)
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
    #[must_use]
    #[track_caller]
    pub fn wrt_all(&self, x: &[Var]) -> Vec<f64> {
        let mut derivatives = Vec::with_capacity(x.len());
        for &x in x {
            derivatives.push(self.wrt(x)); // `#[track_caller]` does not work inside a closure
        }
        derivatives
    }
}

/// Sweeps from `output` for the derivatives with respect to the leaves `x`, and leaves the adjoints in the graph
/// as they were.
#[track_caller]
pub(crate) fn gradient(output: Var, x: &[Var]) -> Vec<f64> {
    let mut gradient = vec![0.0; x.len()];
    gradients_into(&[output], x, &mut gradient);
    gradient
}

/// As [`gradient`], of several outputs one after the other: a row of `rows` for each.
#[track_caller]
pub(crate) fn gradients_into(outputs: &[Var], x: &[Var], rows: &mut [f64]) {
    for &y in outputs {
        trace::escaped(Escape::Gradient, y);
    }
    for &x in x.iter().chain(outputs) {
        verify(x);
    }
    let lowest = x.iter().map(|x| x.index()).filter(|&index| index != 0);
    let floor = match lowest.min() {
        None => 1,
        // Nothing is searched for where a sweep goes down to the inputs of a closure.
        Some(lowest) if lowest == state(|state| state.scope_start()) => lowest,
        Some(lowest) => arena().floor_at(lowest),
    };
    let _aside = set_aside();
    for (&output, row) in outputs.iter().zip(rows.chunks_exact_mut(x.len().max(1))) {
        sweep_untold(output, floor);
        tell_of_sweep(&[output], floor, Results::Variables(x));
        adjoints(|adjoints| {
            for (slope, x) in row.iter_mut().zip(x) {
                *slope = adjoints.get(x.index());
            }
        });
    }
}

/// Sweeps from `output` down to the index `floor`, that of a leaf or of the first node of a scope, into a snapshot, and leaves
/// the adjoints in the graph as they were.
#[track_caller]
pub(crate) fn gradients_above(output: Var, floor: usize) -> Gradients {
    verify(output);
    let _aside = set_aside();
    sweep_above(output, floor);
    Gradients { adjoints: adjoints(|adjoints| adjoints.nonzero()), epochs: state(|state| state.epochs()) }
}
