//! What a node is, and what it was made from.

use super::Var;
use crate::graph::{self, state, verify};
use crate::nodes::Decoded;
use crate::rows::Op;
use smallvec::SmallVec;

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
        if self.id != 0 {
            verify(self);
            let name = name.into();
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
        if self.id == 0 {
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
        match self.decode() {
            Some(node) => node.op,
            None => Op::Constant,
        }
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
        match self.decode() {
            Some(node) => node.operands.iter().map(|x| x.var()).collect(),
            None => SmallVec::new(),
        }
    }

    #[track_caller]
    fn decode(self) -> Option<Decoded> {
        if self.id == 0 {
            return None;
        }
        verify(self);
        Some(graph::decode(self.index()))
    }
}
