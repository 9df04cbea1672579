//! This thread's graph: its scopes, clearing it, its size.

mod lookup;
pub(crate) mod names;
pub(crate) mod notes;
mod numbers;
mod report;
mod state;
pub(crate) mod trace;
mod user_code;

pub(crate) use lookup::{decode, id_of, is_head_at, operation_name, partials_of, read_checkpoint, value_of};
pub(crate) use notes::{Custom, Event, Results, Segment};
pub use report::{Report, UnreachedLeaf, report};
pub(crate) use state::{
    GraphState, current_epoch, is_paused, observe_with, register, stale, state, tell, unobserved, verify, verify_all,
};
pub(crate) use user_code::user_code;

use crate::arena::{Place, SetAside, arena, set_aside};
use crate::handle::Var;
#[cfg(feature = "rayon")]
use crate::refusal::Carrying;
use crate::refusal::refuse;
use numbers::PAUSED;
use state::{Frame, STATE};
use std::panic::Location;
use trace::Escape;

/// Runs `f`, then drops all that it recorded.
///
/// Handles made inside become stale when the scope ends, by return or by unwinding; their `value()`
/// can still be read. Leaves made outside keep the gradients that a sweep inside gave them. Scopes nest.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let x = Var::new(3.0);
/// for _ in 0..100_000 {
///     graph::scope(|| (x * x).backward()); // the memory of one step
/// }
/// assert_eq!(x.grad(), 6.0);
/// assert_eq!(graph::len(), 1);
/// ```
#[track_caller]
pub fn scope<R>(f: impl FnOnce() -> R) -> R {
    let _scope = Scope::open(Some(Location::caller()));
    f()
}

/// A scope that records, until this is dropped.
///
/// It takes no closure, because `#[track_caller]` does not work inside a closure.
pub(crate) struct RecordingScope(#[expect(dead_code)] Switch, #[expect(dead_code)] Scope);

/// Opens a scope that records, inside [`no_grad`] too.
#[track_caller]
pub(crate) fn open_recording() -> RecordingScope {
    let scope = Scope::open(Some(Location::caller()));
    RecordingScope(Switch::to(false), scope)
}

/// The same for code of the user's of which plain numbers are wanted, or nothing: what it records is dropped, and the adjoints are
/// those of before.
pub(crate) struct ScopeAside(#[expect(dead_code)] RecordingScope, SetAside);

/// Opens such a scope. The user does not know of it, so no message names it.
#[track_caller]
pub(crate) fn open_aside() -> ScopeAside {
    let aside = set_aside();
    let scope = Scope::open(None);
    ScopeAside(RecordingScope(Switch::to(false), scope), aside)
}

/// What this thread was in the middle of, until this is dropped.
#[cfg(feature = "rayon")]
pub(crate) struct Suspended {
    _switch: Switch,
    _recordings: trace::Suspended,
    _observer: Option<state::Unobserved>,
    _carrying: Carrying,
    _aside: SetAside,
}

/// Suspends what this thread is in the middle of: a thread that waits for others in a pool runs other code of the user's meanwhile,
/// which has nothing to do with that. The scopes stay open.
#[cfg(feature = "rayon")]
pub(crate) fn suspend() -> Suspended {
    Suspended {
        _switch: Switch::to(false),
        _recordings: trace::suspend(),
        _observer: arena().lines.is_kept().then(unobserved),
        _carrying: Carrying::set(false),
        _aside: set_aside(),
    }
}

/// Stops or resumes recording, until this is dropped.
struct Switch {
    was_paused: bool,
}

impl Switch {
    fn to(paused: bool) -> Switch {
        let was_paused = is_paused(arena());
        Switch::set(paused);
        Switch { was_paused }
    }

    fn set(paused: bool) {
        let arena = arena();
        if paused != is_paused(arena) && !arena.is_retired() {
            let epoch = if paused { PAUSED } else { current_epoch() };
            arena.go_on(epoch);
        }
    }
}

impl Drop for Switch {
    fn drop(&mut self) {
        Switch::set(self.was_paused);
    }
}

/// A scope that ends when this is dropped, and the line that is remembered then.
struct Scope(Option<&'static Location<'static>>);

impl Scope {
    #[track_caller]
    fn open(at: Option<&'static Location<'static>>) -> Scope {
        let arena = arena();
        state(|state| {
            let epoch = state.new_epoch(arena);
            state.frames.push(Frame { epoch, start: arena.place() });
            if !is_paused(arena) {
                arena.go_on(epoch);
            }
        });
        Scope(at)
    }
}

impl Drop for Scope {
    fn drop(&mut self) {
        let arena = arena();
        // While a function is being recorded, the nodes that a comparison refers to must stay.
        let stay = trace::is_tracing();
        if arena.lines.is_kept() && !stay {
            let end = state(|state| state.scope_start());
            tell(Event::Dropping { end });
        }
        let end = state(|state| {
            let ended = state.frames.pop().expect("this scope is the innermost one");
            state.end_epoch(arena, ended.epoch, Some(ended.start.index()), self.0);
            let epoch = state.recording_epoch(arena);
            if stay {
                arena.go_on(epoch);
                return None;
            }
            let end = ended.start.index();
            arena.restart(epoch, ended.start);
            state.truncate(end).then_some(end)
        });
        if let Some(end) = end {
            forget(end);
        }
    }
}

/// Notes that a node is an operation of the user's own.
pub(crate) fn note_custom(index: usize, mut custom: Custom) {
    if !will_leave() {
        drop_given(custom.op.take());
    }
    state(|state| state.customs.insert(index, custom));
}

/// Notes the segment of the checkpoint that begins with a node.
pub(crate) fn note_segment(index: usize, mut segment: Segment) {
    if !will_leave() {
        drop_given(std::mem::replace(&mut segment, ended_segment()));
    }
    state(|state| state.segments.insert(index, segment));
}

/// Sees to it that what the user gives to nodes is dropped before the graph of this thread. `false` if that has happened already.
fn will_leave() -> bool {
    state(|_| ()); // made before, and so dropped after
    LEAVING.try_with(|_| ()).is_ok()
}

/// In place of a segment that was dropped because its thread ends.
fn ended_segment() -> Segment {
    std::rc::Rc::new(|_| refuse(format_args!("scalargrad: this thread is ending")))
}

thread_local! {
    /// Drops what the user gave to nodes when its thread ends. It is made after the graph, and so the standard library drops it before:
    /// destructors find the graph still there.
    static LEAVING: Leaving = const { Leaving };
}

struct Leaving;

impl Drop for Leaving {
    fn drop(&mut self) {
        if arena().is_retired() {
            return;
        }
        let gone: (Vec<_>, Vec<_>) = state(|state| {
            let operations = state.customs.values_mut().filter_map(|custom| custom.op.take());
            let segments = state.segments.values_mut().map(|segment| std::mem::replace(segment, ended_segment()));
            (operations.collect(), segments.collect())
        });
        drop_given(gone);
    }
}

/// Drops what the user gave to the nodes from `end` on.
#[cold]
fn forget(end: usize) {
    let gone = state(|state| {
        state.names.split_off(&end);
        (state.customs.split_off(&end), state.segments.split_off(&end))
    });
    if !(gone.0.is_empty() && gone.1.is_empty()) {
        drop_given(gone);
    }
}

/// Drops what the user gave. Destructors are the user's code: they run when the state is free again, in a scope of their own, that
/// records, and with the adjoints set aside. A caller that remembers handles or indices must verify them again afterwards.
pub(crate) fn drop_given<T>(gone: T) {
    if arena().is_retired() {
        return; // the thread ends, and there is no graph
    }
    let _scope = open_aside();
    drop(gone);
}

/// Drops all nodes of this thread's graph; every handle becomes stale.
///
/// The memory is kept for what comes next. Scopes that are open stay open, and empty.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let x = Var::new(1.0);
/// graph::clear();
/// assert_eq!(graph::len(), 0);
/// assert_eq!(x.value(), 1.0); // still a number, no longer a variable
/// ```
#[track_caller]
pub fn clear() {
    let (arena, at) = (arena(), Location::caller());
    tell(Event::Dropping { end: 1 });
    let has_more = state(|state| {
        state.clears += 1;
        state.cleared_at = at;
        for i in 0..state.frames.len() {
            let epoch = state.new_epoch(arena);
            state.end_epoch(arena, state.frames[i].epoch, None, Some(at));
            state.frames[i] = Frame { epoch, start: Place::START };
        }
        arena.restart(state.recording_epoch(arena), Place::START);
        state.truncate(0)
    });
    if has_more {
        forget(0);
    }
}

/// Runs `f` without recording: operations give constants, and cost what plain numbers cost.
///
/// [`Var::new`] still makes a leaf, so that a step of an optimiser can be taken inside.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let x = Var::new(2.0);
/// let y = graph::no_grad(|| x * x);
/// assert!(y.is_constant());
/// assert_eq!(y.value(), 4.0);
/// ```
#[track_caller]
pub fn no_grad<R>(f: impl FnOnce() -> R) -> R {
    trace::escaped(Escape::NotRecorded, Var::constant(0.0));
    let _switch = Switch::to(true);
    f()
}

/// The number of nodes in this thread's graph: leaves and recorded operations.
///
/// Constants have no node.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let x = Var::new(2.0);
/// let _y = x * 3.0 + 1.0;
/// assert_eq!(graph::len(), 3); // x, x * 3, x * 3 + 1
/// ```
#[must_use]
pub fn len() -> usize {
    let nodes = arena().end() - 1;
    // Each checkpoint has one more node, its head, which no handle refers to.
    STATE.try_with(|state| nodes - state.borrow().segments.len()).unwrap_or(nodes)
}

/// The bytes that this thread's graph holds: nodes, adjoints, and free room for more.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let _x = Var::new(2.0);
/// assert!(graph::memory() > 0);
/// ```
#[must_use]
pub fn memory() -> usize {
    let beside = STATE.try_with(|state| state.borrow().values.bytes());
    arena().bytes() + beside.unwrap_or(0)
}

/// Makes room for at least `nodes` more nodes.
///
/// Recording grows the graph by itself; with the room made before, no operation has to. A function of a
/// slice takes the room of one node for every two operands.
///
/// # Panics
///
/// If there is no memory for them, or they are more than a graph can have.
///
/// ```
/// use scalargrad::graph;
///
/// graph::reserve(1_000_000);
/// assert!(graph::memory() >= 24_000_000);
/// ```
#[track_caller]
pub fn reserve(nodes: usize) {
    let arena = arena();
    register(arena);
    arena.reserve(nodes);
}
