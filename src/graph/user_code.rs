//! The one place from which the user's code is called.

use super::state;
use crate::refusal::{Carrying, refuse};

/// Calls what the user gave: a closure, a rule of a custom operation, the segment of a checkpoint.
///
/// Such code may do anything: record, sweep, open and end scopes, run all that the crate has, clear the graph, panic.
/// What was remembered before the call is therefore not known to be true after it. This function is the only place from
/// which the user's code is called (but for destructors, see below), and after it has returned a caller may rely on this and nothing else:
///
/// - the same scopes are open as before, since a scope ends where its closure returns or panics;
/// - all nodes that there were are still at their places (if the graph was cleared, this function panics and does not
///   return). There may be more nodes than before;
/// - the adjoints may be those of any sweep, unless they were [set aside](crate::arena::set_aside).
///
/// The destructor of an operation, or of what a closure owns, is such code as well. It runs when the scope ends that the operation was
/// recorded in, with the adjoints set aside. Who goes on after the end of a scope with what it remembered from before ends it inside
/// this function, as a sweep does with that of a segment, or verifies its handles again.
///
/// What is refused in the user's code is a panic at a line of that code, whatever it was called from.
///
/// If the user's code panics, so does this function. What a caller must restore in that case is restored by the destructor of
/// a guard.
#[track_caller]
pub(crate) fn user_code<R>(what: &str, f: impl FnOnce() -> R) -> R {
    let clears = state(|state| state.clears);
    let carrying = Carrying::set(false);
    let result = f();
    drop(carrying);
    let cleared = state(|state| (state.clears != clears).then_some(state.cleared_at));
    if let Some(at) = cleared {
        refuse(format_args!(
            "scalargrad: {what} dropped the graph that it is part of, by `graph::clear` at {at}. \
             Use `graph::scope` there, or clear the graph before or afterwards"
        ));
    }
    result
}
