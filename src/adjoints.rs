//! The adjoints of the last sweep, and where among them there is anything but zeros.
//!
//! They are kept in *windows* of [`WINDOW`] nodes. A window is zeroed when a sweep comes to give something to
//! one of its nodes for the first time, and is *live* from then on; a sweep passes over the others unseen.
//! So it pays neither for what the output does not depend on nor for a pass of its own that zeroes.

use crate::arena::arena;

/// Nodes in a window.
pub(crate) const WINDOW: usize = 512;

/// The adjoints of the last sweep: all those outside the live windows are zero.
pub(crate) struct Adjoints {
    /// By index; outside the live windows they are left from earlier sweeps.
    adjoints: Vec<f64>,
    /// Whether a sweep came to a window.
    live: Vec<bool>,
    /// The adjoints from here on belong to nobody.
    end: usize,
}

/// Runs `f` with the adjoints of this thread's graph.
#[inline(always)]
pub(crate) fn adjoints<R>(f: impl FnOnce(&mut Adjoints) -> R) -> R {
    f(&mut arena().adjoints.borrow_mut())
}

impl Adjoints {
    pub(crate) const fn new() -> Adjoints {
        Adjoints {
            adjoints: Vec::new(),
            live: Vec::new(),
            end: 0,
        }
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.adjoints[..]) + self.live.len()
    }

    /// The adjoint of a node.
    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> f64 {
        match (self.live.get(index / WINDOW), self.adjoints.get(index)) {
            (Some(true), Some(&w)) if index < self.end => w,
            _ => 0.0,
        }
    }

    /// Adds to the adjoint of a node.
    #[inline(always)]
    pub(crate) fn add(&mut self, index: usize, contribution: f64) {
        let window = index / WINDOW;
        if !self.live[window] {
            let start = window * WINDOW;
            self.adjoints[start..self.end.min(start + WINDOW)].fill(0.0);
            self.live[window] = true;
        }
        self.adjoints[index] += contribution;
    }

    /// The adjoints, and the marks of their windows.
    #[inline(always)]
    pub(crate) fn parts(&mut self) -> (&mut [f64], &mut [bool]) {
        (&mut self.adjoints[..self.end], &mut self.live)
    }

    /// Forgets those of the nodes from `end` on.
    #[inline]
    pub(crate) fn truncate(&mut self, end: usize) {
        if end < self.end {
            let (kept, windows) = (end.div_ceil(WINDOW), self.end.div_ceil(WINDOW));
            if kept < windows {
                self.live[kept..windows].fill(false);
            }
            self.end = end;
        }
    }

    /// Makes all adjoints zero, with room for those of the nodes below `end`.
    #[inline]
    pub(crate) fn reset(&mut self, end: usize) {
        self.truncate(0);
        self.make_room(end);
    }

    /// Makes room for those of the nodes below `end`.
    #[inline]
    pub(crate) fn make_room(&mut self, end: usize) {
        if end > self.adjoints.len() {
            self.grow(end);
        }
        if end > self.end {
            let rest = self.end..end.min(self.end.next_multiple_of(WINDOW));
            if !rest.is_empty() && self.live[self.end / WINDOW] {
                self.adjoints[rest].fill(0.0);
            }
            self.end = end;
        }
    }

    #[cold]
    fn grow(&mut self, end: usize) {
        let windows = end.div_ceil(WINDOW).max(self.live.len() * 2);
        self.live.resize(windows, false);
        if self.end == 0 {
            self.adjoints = Vec::new();
            self.adjoints = vec![0.0; windows * WINDOW]; // from fresh pages, which cost nothing until used
        } else {
            self.adjoints.resize(windows * WINDOW, 0.0);
        }
    }

    /// Those that are not zero, by ascending index.
    pub(crate) fn nonzero(&self) -> Vec<(usize, f64)> {
        (0..self.end.div_ceil(WINDOW))
            .filter(|&window| self.live[window])
            .flat_map(|window| window * WINDOW..self.end.min((window + 1) * WINDOW))
            .map(|index| (index, self.adjoints[index]))
            .filter(|&(_, w)| w != 0.0)
            .collect()
    }
}
