//! The adjoints of this thread's graph, and how they are set aside while others are worked out.

use super::adjoints::Set;
use super::raw::arena;

/// Runs `f` with the current adjoints of this thread's graph.
#[inline(always)]
pub(crate) fn adjoints<R>(f: impl FnOnce(&mut Set) -> R) -> R {
    f(&mut arena().adjoints.borrow_mut().current)
}

/// Restores the adjoints when dropped.
pub(crate) struct SetAside(());

impl Drop for SetAside {
    fn drop(&mut self) {
        arena().adjoints.borrow_mut().bring_back();
    }
}

/// Sets the adjoints aside, so that others may be swept until the result is dropped; adjoints of nodes that are dropped
/// from the graph meanwhile are zero afterwards.
///
/// It takes no closure, because `#[track_caller]` does not work inside a closure: what panics in one names a line of the crate.
pub(crate) fn set_aside() -> SetAside {
    arena().adjoints.borrow_mut().set_aside();
    SetAside(())
}
