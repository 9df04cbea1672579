//! The forward sweep over `f64`: tangents pushed along the tape, from the first node to the last.
//!
//! The tape has the partials of every node, so a tangent is a sum of products: `ẏ = Σ ∂y/∂xᵢ · ẋᵢ`. The tape can only be read
//! from its end down; so the positions of the nodes are listed first, and then several directions are pushed at a time.
//!
//! A sweep down leaves out an adjoint of zero, a sweep up a tangent of zero. Both give the same unless a product is not finite;
//! then there is no result here, and the caller sweeps down.

use crate::arena::{Tape, arena};
use crate::handle::Var;
use crate::nodes::{Node, NodePosition, down};

/// Directions that are pushed at a time.
pub(crate) const LANES: usize = 8;

/// The nodes of a recording, to be gone through from the first to the last, with room for `N` tangents of each.
pub(crate) struct Forward<const N: usize> {
    /// The index of the first node.
    start: usize,
    positions: Vec<NodePosition>,
    /// Those of leaves are zero, but for the leaves in `moved`.
    tangents: Vec<[f64; N]>,
    moved: Vec<usize>,
}

impl<const N: usize> Forward<N> {
    /// The nodes from the first of the leaves `x` on; `None` if there is a checkpoint among them, whose interior is not on
    /// the tape.
    pub(crate) fn from(x: &[Var]) -> Option<Forward<N>> {
        let end = arena().end();
        let start = x.first().map_or(end, |x| x.index());
        let mut positions = vec![NodePosition::default(); end - start];
        let is_complete = arena().tape(|tape| {
            let mut nodes = positions.iter_mut().rev().zip(down(tape, end, start));
            nodes.all(|(at, node)| {
                *at = node.at;
                !node.is_of_checkpoint()
            })
        });
        let tangents = vec![[0.0; N]; positions.len()];
        is_complete.then_some(Forward {
            start,
            positions,
            tangents,
            moved: Vec::new(),
        })
    }

    /// Computes all tangents in `N` directions, given those of some leaves; those of all other leaves are zero. False if a
    /// product on the way is not finite.
    pub(crate) fn push(&mut self, given: impl Iterator<Item = (Var, [f64; N])>) -> bool {
        for k in self.moved.drain(..) {
            self.tangents[k] = [0.0; N];
        }
        for (x, along) in given {
            let k = x.index() - self.start;
            self.tangents[k] = along;
            self.moved.push(k);
        }
        arena().tape(|tape| self.push_along(tape))
    }

    fn push_along(&mut self, tape: Tape<'_>) -> bool {
        for (k, &at) in self.positions.iter().enumerate() {
            let (before, rest) = self.tangents.split_at_mut(k);
            let (mut sum, mut is_leaf) = ([0.0; N], true);
            let index = self.start + k;
            Node { tape, index, at }.each_partial(|operand, partial| {
                is_leaf = false;
                // The tangent of a node before the first leaf is zero.
                if let Some(along) = operand.checked_sub(self.start) {
                    let along = &before[along];
                    sum = std::array::from_fn(|lane| sum[lane] + partial * along[lane]);
                }
            });
            if is_leaf {
                continue;
            }
            // Zero times what is not finite is NaN.
            if sum.iter().map(|t| 0.0 * t).sum::<f64>() != 0.0 {
                return false;
            }
            rest[0] = sum;
        }
        true
    }

    /// The tangents of a node, which are zero if it does not depend on the leaves.
    pub(crate) fn of(&self, y: Var) -> [f64; N] {
        let known = y.index().checked_sub(self.start);
        known.map_or([0.0; N], |k| self.tangents[k])
    }
}
