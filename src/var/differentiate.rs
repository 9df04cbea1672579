//! The reverse sweep over `Var`: derivatives that are recorded, and can be differentiated again.

use super::backward::gradient;
use super::checkpoint::{independent, run_again};
use super::custom;
use crate::arena::{arena, set_aside};
use crate::graph::trace;
use crate::graph::{Custom, is_paused, read_checkpoint, state, verify};
use crate::handle::Var;
use crate::nodes::{Content, Decoded, Node, Operand, ReverseReader};
use crate::pull_back::{Adjoint, pull_back};
use crate::refusal::refuse;
use crate::rows::Op;
use crate::rules;
use smallvec::SmallVec;

/// # Differentiating again
impl Var {
    /// Records the derivatives of this output with respect to each of `x`, as variables.
    ///
    /// They can be differentiated again, to any order.
    ///
    /// # Panics
    ///
    /// If a handle is stale, or the output depends on a [`Var::custom`] operation, whose partials
    /// are numbers.
    ///
    /// ```
    /// let x = scalargrad::Var::new(2.0);
    /// let first = (x * x * x).differentiate(&[x])[0];
    /// let second = first.differentiate(&[x])[0];
    /// let third = second.differentiate(&[x])[0];
    /// assert_eq!((first.value(), second.value(), third.value()), (12.0, 12.0, 6.0));
    /// ```
    #[must_use]
    #[track_caller]
    pub fn differentiate(self, x: &[Var]) -> Vec<Var> {
        let _at = trace::attribute();
        differentiate(self, x)
    }
}

/// Records the derivatives of `output` with respect to each of `x`.
///
/// An adjoint that is absent is never recorded as a zero, so that the graph of a derivative does not grow with the order where
/// there is nothing to differentiate.
#[track_caller]
pub(crate) fn differentiate(output: Var, x: &[Var]) -> Vec<Var> {
    for &x in x.iter().chain([&output]) {
        verify(x);
    }
    if output.is_constant() || x.iter().any(|x| x.is_constant()) {
        custom::derivative_of_a_constant();
    }
    if output.is_constant() {
        return vec![Var::default(); x.len()];
    }
    if is_paused(arena()) {
        let gradient = gradient(output, x);
        return gradient.into_iter().map(Var::constant).collect();
    }
    let lowest = x.iter().filter(|x| !x.is_constant()).map(|x| x.index());
    let Some(floor) = lowest.min().filter(|&floor| floor <= output.index()) else {
        return vec![Var::default(); x.len()];
    };
    let mut sweep = Sweep::new(output, floor);
    while let Some((index, w)) = sweep.pop() {
        sweep.contribute_to_operands(index, w);
    }
    let adjoint = |x: &Var| (!x.is_constant()).then(|| sweep.adjoint(x.index())).flatten();
    x.iter().map(|x| adjoint(x).unwrap_or_default()).collect()
}

/// The state of a recording sweep.
struct Sweep {
    /// The adjoints of nodes below this index are not needed, so nothing is recorded for them. The first window begins up to 63
    /// nodes below it.
    floor: usize,
    /// One for each 64 nodes.
    windows: Vec<Window>,
    /// No window from here on has an adjoint that is still to be passed on.
    end: usize,
    /// The adjoints of the windows that have any: each as its value, and one more than its id; 0 where there is none. An output may
    /// stand far from what it depends on.
    adjoints: Vec<[(f64, u64); 64]>,
    reader: ReverseReader,
    /// The first index and the epoch of each open scope.
    epochs: Vec<(usize, u64)>,
}

#[derive(Clone, Copy, Default)]
struct Window {
    /// One more than the place of its adjoints; 0 where it has none.
    adjoints: usize,
    /// A bit for each adjoint that is still to be passed on.
    open: u64,
}

impl Sweep {
    fn new(output: Var, floor: usize) -> Sweep {
        let epochs = state(|state| state.epochs());
        let windows = output.index() / 64 - floor / 64 + 1;
        let mut sweep = Sweep {
            floor,
            windows: vec![Window::default(); windows],
            end: 0,
            adjoints: Vec::with_capacity(windows.min(16)),
            reader: ReverseReader::new(output.index()),
            epochs,
        };
        sweep.contribute(output.index(), Var::constant(1.0));
        sweep
    }

    /// Where the adjoint of a node is stored in the table.
    #[inline(always)]
    fn place(&self, index: usize) -> usize {
        index - self.floor / 64 * 64
    }

    /// The adjoint of a node, if there is one.
    #[inline(always)]
    fn adjoint(&self, index: usize) -> Option<Var> {
        let place = self.place(index);
        let window = self.windows.get(place / 64)?.adjoints.checked_sub(1)?;
        let (value, id) = self.adjoints[window][place % 64];
        Some(Var::from_parts(value, id.checked_sub(1)?))
    }

    /// Adds to the adjoint of a node.
    #[inline]
    fn contribute(&mut self, index: usize, contribution: Var) {
        if contribution.is_absent() {
            return;
        }
        let place = self.place(index);
        let (window, bit) = (place / 64, place % 64);
        if window >= self.windows.len() {
            // The node of a segment that was recorded during the sweep.
            self.windows.resize(window + 1, Window::default());
        }
        self.end = self.end.max(window + 1);
        let window = &mut self.windows[window];
        if window.adjoints == 0 {
            self.adjoints.push([(0.0, 0); 64]);
            window.adjoints = self.adjoints.len();
        }
        window.open |= 1 << bit;
        let adjoint = &mut self.adjoints[window.adjoints - 1][bit];
        let sum = match adjoint.1.checked_sub(1) {
            Some(id) => Var::from_parts(adjoint.0, id) + contribution,
            None => contribution,
        };
        *adjoint = (sum.untracked_value(), sum.node_id() + 1);
    }

    /// Takes the last node above the floor whose adjoint has not been passed on yet.
    #[inline]
    fn pop(&mut self) -> Option<(usize, Var)> {
        while let Some(window) = self.end.checked_sub(1) {
            let bits = self.windows[window].open;
            if bits != 0 {
                let bit = 63 - bits.leading_zeros() as usize;
                self.windows[window].open = bits & !(1 << bit);
                let index = 64 * window + bit + self.floor / 64 * 64;
                if index == self.floor {
                    return None;
                }
                return Some((index, self.adjoint(index).expect("it was given")));
            }
            self.end = window;
        }
        None
    }

    #[inline(always)]
    fn var(&self, Operand { index, value }: Operand) -> Var {
        if index == 0 {
            return Var::constant(value);
        }
        let inside = self.epochs.iter().rfind(|&&(start, _)| start <= index);
        let &(_, epoch) = inside.expect("the thread's own graph is never closed");
        Var::of(value, epoch, index)
    }

    /// Records what the node at `index`, whose adjoint is `w`, adds to the adjoints of its operands.
    #[track_caller]
    fn contribute_to_operands(&mut self, index: usize, w: Var) {
        let _line = arena().set_line_of_derivative(index);
        let (at, content) = self.reader.read(index);
        // For `+ − ×` the tape gives the operands; the values of others would have to be worked out.
        match content {
            Content::Leaf(_) => return,
            Content::Row(row) if matches!(row.op, Op::Add | Op::Sub | Op::Mul) => {
                if let Some(x) = row.factors() {
                    let x = x.map(|x| self.var(x));
                    return self.pull_back(row.op, &x, w, || [None; 2]);
                }
            }
            _ => {}
        }
        let (Decoded { op, n, operands }, value) = state(|state| {
            arena().tape(|tape| {
                let decoded = state.values.decode(Node { tape, index, at });
                (decoded, state.values.of(tape, index))
            })
        });
        let x: SmallVec<[Var; 4]> = operands.iter().map(|&operand| self.var(operand)).collect();
        if let Content::Output { head } = content {
            return self.contribute_to_segment(head, &x);
        }
        let z = self.var(Operand { index, value });
        if op == Op::Custom {
            // Not in the closure, as `#[track_caller]` does not work inside one.
            let partials = partials(index, op, n, &x, z);
            return self.pull_back(op, &x, w, || partials);
        }
        self.pull_back(op, &x, w, || partials(index, op, n, &x, z));
    }

    /// Records what an operation on `x`, whose adjoint is `w`, adds to the adjoints of its operands. A constant needs none, nor
    /// does what stands below the floor.
    #[inline(always)]
    #[track_caller]
    fn pull_back<P: IntoIterator<Item = Option<Var>>>(
        &mut self,
        op: Op,
        x: &[Var],
        w: Var,
        partials: impl FnOnce() -> P,
    ) {
        let (count, floor) = (x.len(), self.floor);
        let is_wanted = |k: usize| x[k].index() >= floor;
        let give = |k: usize, share: Var| self.contribute(x[k].index(), share);
        pull_back(op, count, |k| x[k], w, partials, is_wanted, give);
    }

    /// Runs the segment at `head` again, on its operands `x`, and gives to its outputs what those of the checkpoint have got.
    ///
    /// The last output is met first, and nothing gives to the others any more. They are all served at once: what they have in
    /// common is recorded once, and passed on once.
    #[track_caller]
    fn contribute_to_segment(&mut self, head: usize, x: &[Var]) {
        if head < self.floor {
            return; // no adjoint of what it was made from is needed
        }
        let (_, outputs) = read_checkpoint(head);
        let aside = set_aside(); // the segment may run sweeps of its own
        let start = arena().end();
        let again = run_again(head, start, &independent(x), outputs);
        drop(aside);
        for (index, again) in (head + 1..).zip(again) {
            if let Some(w) = self.adjoint(index) {
                let place = self.place(index);
                self.windows[place / 64].open &= !(1 << (place % 64));
                self.pull_back(Op::Sum, &[again], w, || [None]);
            }
        }
    }
}

impl Adjoint for Var {
    #[inline(always)]
    fn is_absent(self) -> bool {
        self.is_constant() && self.untracked_value() == 0.0
    }

    /// Records no node for a factor 1, nor for a product that is the constant 0.
    ///
    /// Where the answer to a question leads to a product that is left out, a recording keeps the question: `is_finite` is asked of
    /// the variable, and not of its value.
    #[inline]
    fn times(self, p: Var) -> Var {
        let (w, slope) = (self.untracked_value(), p.untracked_value());
        match (self.is_constant(), w, p.is_constant(), slope) {
            (true, 1.0, ..) => p,
            (_, _, true, 1.0) => self,
            (_, _, true, -1.0) => -self,
            (_, _, true, 0.0) if self.is_finite() => p,
            _ if !slope.is_finite() && self == 0.0 && !p.is_finite() => Var::default(),
            _ => self * p,
        }
    }
}

/// The partials of a node with respect to its operands, recorded.
#[track_caller]
pub(crate) fn partials(index: usize, op: Op, n: i32, operands: &[Var], z: Var) -> rules::Partials<Var> {
    if op != Op::Custom {
        return rules::partials(op, n, operands, &|k| !operands[k].is_constant(), z);
    }
    let Custom { label, op } = state(|state| state.customs[&index].clone());
    let Some(op) = op else {
        refuse(format_args!(
            "scalargrad: `{label}` was made by `Var::custom` with partials that are plain numbers, \
             so it cannot be differentiated again. Implement `CustomOp`, whose partials are expressions"
        ))
    };
    let partials = custom::partials(&*op, &independent(operands), z);
    partials.into_iter().map(Some).collect()
}

#[cfg(test)]
mod tests {
    use super::Sweep;
    use crate::handle::Var;

    #[test]
    fn a_sweep_to_a_variable_that_stands_far_away_takes_room_for_what_it_meets_alone() {
        crate::graph::clear();
        let x = Var::new(3.0);
        let _between = (0..100_000).fold(x, |y, _| y + 1.0);
        let output = x * x;
        let mut sweep = Sweep::new(output, x.index());
        while let Some((index, w)) = sweep.pop() {
            sweep.contribute_to_operands(index, w);
        }
        assert_eq!(sweep.adjoint(x.index()).map(Var::value), Some(6.0));
        assert_eq!(sweep.adjoints.len(), 2);
    }
}
