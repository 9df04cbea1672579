//! The lines of the source that recorded the nodes, kept while somebody wants to know them.
//!
//! Lines are noted on the slow path, which a write takes when there is no room. While lines are wanted the
//! [limit](super::Arena::set_limit) is where the memory begins, so that there never is room; otherwise they cost nothing. No sum
//! is fused into the node before it then, as that asks for no room.

use super::word::INDEX_MASK;
use std::cell::{Cell, RefCell};
use std::collections::VecDeque;
use std::panic::Location;

/// How many lines of nodes that were dropped are kept.
const ENDED: usize = 1 << 16;

pub(crate) type Line = &'static Location<'static>;

/// Who wrote the code of a line.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Owner {
    User,
    /// A crate from a registry or a repository.
    Package,
    /// It calls what it was given by its name, such as the `Var::new` of `map(Var::new)`.
    StandardLibrary,
}

/// The owner of a line, as its path shows.
pub(crate) fn owner(line: Line) -> Owner {
    let file = line.file().replace('\\', "/");
    let is_below = |folders: &[&str]| folders.iter().any(|folder| file.contains(folder));
    if is_below(&["/library/core/", "/library/alloc/", "/library/std/"]) {
        Owner::StandardLibrary
    } else if is_below(&["/registry/src/", "/git/checkouts/"]) {
        Owner::Package
    } else {
        Owner::User
    }
}

/// Whether it is a line of this crate.
pub(crate) fn is_own(line: Line) -> bool {
    let (root, _) = file!().split_at(file!().len() - "arena/lines.rs".len());
    line.file().starts_with(root)
}

/// The line that recorded a node.
#[derive(Clone, Copy)]
struct Recorded {
    id: u64,
    line: Line,
    /// Whether the node belongs to the derivative of what the line recorded.
    is_of_derivative: bool,
}

/// While it lives, a derivative is being recorded; holds the previous line, which drop restores.
pub(crate) struct LineOfDerivative(pub(super) &'static Lines, pub(super) Option<Line>);

impl Drop for LineOfDerivative {
    fn drop(&mut self) {
        self.0.set_line_of_derivative(self.1);
    }
}

pub(crate) struct Lines {
    is_kept: Cell<bool>,
    /// The line of the operation whose derivative is being recorded, by rules of this crate.
    line_of_derivative: Cell<Option<Line>>,
    /// The user's line that has called a function of this crate which uses the graph.
    attributed: Cell<Option<Line>>,
    /// The line of the write that is asking for room.
    asking: Cell<Option<Line>>,
    /// The ids and lines of the nodes that are there, by ascending index.
    live: RefCell<Vec<Recorded>>,
    /// The same of nodes that were dropped.
    ended: RefCell<VecDeque<Recorded>>,
}

impl Lines {
    pub(super) const fn new() -> Lines {
        Lines {
            is_kept: Cell::new(false),
            line_of_derivative: Cell::new(None),
            attributed: Cell::new(None),
            asking: Cell::new(None),
            live: RefCell::new(Vec::new()),
            ended: RefCell::new(VecDeque::new()),
        }
    }

    #[inline(always)]
    pub(crate) fn is_kept(&self) -> bool {
        self.is_kept.get()
    }

    /// Says which line asks for room.
    #[inline(always)]
    pub(super) fn ask(&self, line: Line) {
        self.asking.set(Some(line));
    }

    /// Notes the line that asks for room as that of the node `id`. It does not panic: see the trampoline.
    pub(super) fn note(&self, id: u64) {
        if let (true, Some(line), Ok(mut live)) = (self.is_kept(), self.asking.get(), self.live.try_borrow_mut()) {
            if live.last().is_some_and(|last| last.id == id) {
                live.pop();
            }
            let of = self.line_of_derivative.get().filter(|_| is_own(line));
            let caller = || self.attributed().filter(|_| is_own(line) || owner(line) != Owner::User);
            live.push(Recorded { id, line: of.or_else(caller).unwrap_or(line), is_of_derivative: of.is_some() });
        }
    }

    /// Says that the last node has another id after all: that of a leaf in `no_grad`.
    pub(crate) fn rename_last(&self, id: u64) {
        if let Some(last) = self.live.borrow_mut().last_mut().filter(|last| last.id & INDEX_MASK == id & INDEX_MASK) {
            last.id = id;
        }
    }

    /// The line to which belongs what this crate or another one does, if there is one.
    pub(crate) fn attributed(&self) -> Option<Line> {
        self.attributed.get()
    }

    /// Says to which line it belongs from now on.
    pub(crate) fn attribute(&self, line: Option<Line>) {
        self.attributed.set(line);
    }

    /// Says of which line's operation the derivative is recorded from now on; returns what was said before.
    pub(super) fn set_line_of_derivative(&self, line: Option<Line>) -> Option<Line> {
        self.line_of_derivative.replace(line)
    }

    /// Takes out those of the nodes from the index `end` on.
    pub(super) fn truncate(&self, end: usize) {
        let mut live = self.live.borrow_mut();
        let first = live.partition_point(|line| ((line.id & INDEX_MASK) as usize) < end);
        let mut ended = self.ended.borrow_mut();
        ended.extend(live.drain(first..));
        let many = ended.len().saturating_sub(ENDED);
        ended.drain(..many);
    }

    /// Keeps the lines of what is recorded from now on, or drops them all.
    pub(super) fn keep(&self, keep: bool) {
        if !keep {
            *self.live.borrow_mut() = Vec::new();
            *self.ended.borrow_mut() = VecDeque::new();
        }
        self.is_kept.set(keep);
    }

    /// The line that recorded a node, if it was kept, and whether the node belongs to the derivative of that line's operation. Where it is
    /// a line of this crate, which records steps of `advance` again, it is the user's last one before.
    pub(crate) fn of(&self, index: usize) -> Option<(Line, bool)> {
        let live = self.live.borrow();
        let after = live.partition_point(|line| (line.id & INDEX_MASK) as usize <= index);
        let last = live[..after].last()?;
        let is_it = (last.id & INDEX_MASK) as usize == index;
        let line = if is_own(last.line) { self.users_before(index).unwrap_or(last.line) } else { last.line };
        is_it.then_some((line, last.is_of_derivative))
    }

    /// The last line of the user's own code that recorded one of the nodes before `index`, if there is one.
    pub(crate) fn users_before(&self, index: usize) -> Option<Line> {
        let live = self.live.borrow();
        let before = live.partition_point(|line| ((line.id & INDEX_MASK) as usize) < index);
        let mut lines = live[..before].iter().rev().map(|recorded| recorded.line);
        lines.find(|line| owner(line) == Owner::User && !is_own(line))
    }

    /// The line that recorded the node of a handle that is stale, if it was kept.
    pub(crate) fn of_ended(&self, id: u64) -> Option<Line> {
        let ended = self.ended.borrow();
        let mut newest_first = ended.iter().rev();
        newest_first.find(|recorded| recorded.id == id).map(|recorded| recorded.line)
    }
}
