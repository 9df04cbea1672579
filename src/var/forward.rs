//! The forward sweep over `f64`: tangents pushed along the tape, from the first node to the last.
//!
//! The tape has the partials of every node, so a tangent is a sum of products: `ẏ = Σ ∂y/∂xᵢ · ẋᵢ`. The tape can only be read
//! from its end down; so the positions of the nodes are listed first, and then several directions are pushed at a time.
//!
//! A sweep down leaves out an adjoint of zero, and this one leaves out nothing. Both give the same unless a product is not finite.
//! Then a second sweep up lets a partial of zero end a path, as it does on the way down: what is finite then is right, and for the
//! rest the caller sweeps down.

use crate::arena::{Tape, arena};
use crate::handle::Var;
use crate::nodes::{Node, NodePosition, down};

/// Directions that are pushed at a time.
pub(crate) const LANES: usize = 8;

/// The nodes of a recording, to be gone through from the first to the last, with `N` tangents of each.
pub(crate) struct Forward<const N: usize> {
    /// The index of the first node.
    start: usize,
    positions: Vec<NodePosition>,
    tangents: Vec<[f64; N]>,
}

impl<const N: usize> Forward<N> {
    /// The nodes from `x` on, the leaves with which the scope begins; `None` if there is a checkpoint among them, whose
    /// interior is not on the tape.
    pub(crate) fn from(x: &[Var]) -> Option<Forward<N>> {
        let end = arena().end();
        let start = x.first().map_or(end, |x| x.index());
        let mut positions = Vec::with_capacity(end - start);
        let is_complete = arena().tape(|tape| {
            down(tape, end, start).all(|node| {
                positions.push(node.at);
                !node.is_of_checkpoint()
            })
        });
        positions.reverse();
        is_complete.then_some(Forward { start, positions, tangents: Vec::new() })
    }

    /// On which of the 64 leaves from `64 * k` on each of `outputs` depends: a bit for each; given how many leaves there are.
    pub(crate) fn dependence(&self, k: usize, leaves: usize, outputs: &[Var]) -> Vec<u64> {
        let bit = |j: usize| if j / 64 == k { 1 << (j % 64) } else { 0 };
        let mut depends: Vec<u64> = Vec::with_capacity(self.positions.len());
        depends.extend((0..leaves).map(bit));
        let from = |all, _, operand: &u64| all | operand;
        arena().tape(|tape| self.each_after_leaves(tape, &mut depends, 0, from, |_| true));
        let of = |y: &Var| Some(depends[y.index().checked_sub(self.start)?]);
        outputs.iter().map(|y| of(y).unwrap_or(0)).collect()
    }

    /// Works out all tangents in `N` directions, given those of the leaves; all other leaves stand still. Only those that are finite
    /// are right.
    pub(crate) fn push(&mut self, leaves: impl Iterator<Item = [f64; N]> + Clone) {
        let mut tangents = std::mem::take(&mut self.tangents);
        tangents.clear();
        tangents.reserve(self.positions.len());
        tangents.extend(leaves.clone());
        let add =
            |sum: [f64; N], partial, along: &[f64; N]| std::array::from_fn(|lane| sum[lane] + partial * along[lane]);
        // Zero times what is not finite is NaN.
        let is_finite = |sum: &[f64; N]| sum.iter().map(|t| 0.0 * t).sum::<f64>() == 0.0;
        let is_done = arena().tape(|tape| self.each_after_leaves(tape, &mut tangents, [0.0; N], add, is_finite));
        if !is_done {
            tangents.clear();
            tangents.extend(leaves);
            let add = |sum, partial, along: &_| if partial == 0.0 { sum } else { add(sum, partial, along) };
            arena().tape(|tape| self.each_after_leaves(tape, &mut tangents, [0.0; N], add, |_| true));
        }
        self.tangents = tangents;
    }

    /// For each node in turn, folds `add` over the operands, from `nothing`; stops where `is_fine` is false.
    #[inline(always)]
    fn each_after_leaves<T: Copy>(
        &self,
        tape: Tape<'_>,
        known: &mut Vec<T>,
        nothing: T,
        add: impl Fn(T, f64, &T) -> T,
        is_fine: impl Fn(&T) -> bool,
    ) -> bool {
        for (k, &at) in self.positions.iter().enumerate().skip(known.len()) {
            let (mut sum, index) = (nothing, self.start + k);
            Node { tape, index, at }.each_partial(|operand, partial| {
                // A node before the first leaf does not change.
                if let Some(operand) = operand.checked_sub(self.start) {
                    sum = add(sum, partial, &known[operand]);
                }
            });
            if !is_fine(&sum) {
                return false;
            }
            known.push(sum);
        }
        true
    }

    /// The tangents of a node, which are zero if it does not depend on the leaves.
    pub(crate) fn of(&self, y: Var) -> [f64; N] {
        let known = y.index().checked_sub(self.start);
        known.map_or([0.0; N], |k| self.tangents[k])
    }
}
