//! The name of a variable, its operation, its operands, its id.

use crate::graph::{self, state, verify};
use crate::handle::Var;
use crate::nodes::{Decoded, Operand};
use crate::rows::Op;
use smallvec::SmallVec;

/// A unique key of a variable; see [`Var::id`].
///
/// ```
/// use scalargrad::{Var, VarId};
///
/// let (x, y) = (Var::new(1.0), Var::new(1.0));
/// let copy = x;
/// let ids: [VarId; 3] = [x.id(), y.id(), copy.id()];
/// assert!(ids[0] != ids[1] && ids[0] == ids[2]);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct VarId {
    /// The epoch and the index of the node; 0 for a constant.
    node: u64,
    /// The bits of a constant; 0 for a node.
    constant: u64,
}

/// # Names and structure
impl Var {
    /// Gives the node a name, for drawings and reports. A constant has no node to name.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0).named("x");
    /// assert_eq!(x.name().as_deref(), Some("x"));
    /// ```
    #[track_caller]
    pub fn named(self, name: impl Into<String>) -> Var {
        if !self.is_constant() {
            let name = graph::user_code("the conversion of a name", || name.into());
            verify(self); // after the conversion, which may have dropped it
            state(|state| state.names.insert(self.index(), name));
        }
        self
    }

    /// The name of the node, if it was given one.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// assert_eq!(scalargrad::Var::new(3.0).name(), None);
    /// ```
    #[must_use]
    #[track_caller]
    pub fn name(self) -> Option<String> {
        if self.is_constant() {
            return None;
        }
        verify(self);
        state(|state| state.names.get(&self.index()).cloned())
    }

    /// The operation that made it.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// use scalargrad::{Op, Var};
    /// let x = Var::new(3.0);
    /// assert_eq!((x.op(), (x * x).op(), x.sin().op()), (Op::Leaf, Op::Mul, Op::Sin));
    /// assert_eq!(x.sin().op().label(), "sin");
    /// ```
    #[must_use]
    #[track_caller]
    pub fn op(self) -> Op {
        self.decode().map_or(Op::Constant, |node| node.op)
    }

    /// The operands that it was made from, constants included.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// let operands = (x * 2.0).operands();
    /// assert_eq!((operands[0].value(), operands[1].value()), (3.0, 2.0));
    /// assert!(operands[1].is_constant());
    /// ```
    #[must_use]
    #[track_caller]
    pub fn operands(self) -> SmallVec<[Var; 4]> {
        let operands = self.decode().map(|node| node.operands);
        operands.into_iter().flatten().map(Operand::var).collect()
    }

    /// A unique key of this variable: for walks over [`operands`](Var::operands).
    ///
    /// Never fails, not even for a stale handle. No other variable gets the same id, even after the scope has ended. The id of an operand is
    /// less than that of what was made from it. A constant has no node; its id is that of its value.
    ///
    /// ```
    /// use scalargrad::Var;
    /// use std::collections::HashSet;
    ///
    /// let x = Var::new(3.0);
    /// let square = x * x;
    /// let (mut seen, mut open) = (HashSet::new(), vec![square + square.sin()]);
    /// while let Some(z) = open.pop() {
    ///     if seen.insert(z.id()) {
    ///         open.extend(z.operands());
    ///     }
    /// }
    /// assert_eq!(seen.len(), 4); // x, its square, the sine, the sum
    /// assert!(seen.contains(&x.id()) && x.id() < square.id());
    /// ```
    #[must_use]
    #[inline]
    pub fn id(self) -> VarId {
        VarId { node: self.node_id(), constant: if self.is_constant() { self.untracked_value().to_bits() } else { 0 } }
    }

    #[track_caller]
    fn decode(self) -> Option<Decoded> {
        if self.is_constant() {
            return None;
        }
        verify(self);
        Some(graph::decode(self.index()))
    }
}
