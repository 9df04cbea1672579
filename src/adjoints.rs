//! The adjoints of the last sweep, and where among them there is anything but zeros.
//!
//! They are kept in *windows* of [`WINDOW`] slots. A sweep marks a window *live* when it gives
//! something to one of its slots; the next sweep zeroes the live windows and no others, and passes over the
//! rest unseen, so that it does not pay for what the output does not depend on.

use crate::arena::arena;

/// Slots in a window.
pub(crate) const WINDOW: usize = 512;

/// The adjoints of the last sweep: all those outside the live windows are zero.
pub(crate) struct Adjoints {
    /// By index.
    adjoints: Vec<f64>,
    /// Whether a sweep came to a window.
    live: Vec<bool>,
    /// The adjoints from here on belong to nobody; they are zero from `clean` on.
    end: usize,
    clean: usize,
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
            clean: 0,
        }
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        size_of_val(&self.adjoints[..]) + self.live.len()
    }

    /// The adjoint of a node.
    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> f64 {
        if index < self.end {
            self.adjoints[index]
        } else {
            0.0
        }
    }

    /// Sets the adjoint of a node.
    #[inline(always)]
    pub(crate) fn set(&mut self, index: usize, adjoint: f64) {
        self.adjoints[index] = adjoint;
        self.live[index / WINDOW] = true;
    }

    /// Adds to the adjoint of a node.
    #[inline(always)]
    pub(crate) fn add(&mut self, index: usize, contribution: f64) {
        self.set(index, self.adjoints[index] + contribution);
    }

    /// The adjoints, and the marks of their windows.
    #[inline(always)]
    pub(crate) fn parts(&mut self) -> (&mut [f64], &mut [bool]) {
        (&mut self.adjoints, &mut self.live)
    }

    /// Forgets those of the slots from `end` on.
    #[inline]
    pub(crate) fn truncate(&mut self, end: usize) {
        self.end = self.end.min(end);
    }

    /// Makes all adjoints zero, with room for those of the slots below `end`.
    #[inline]
    pub(crate) fn reset(&mut self, end: usize) {
        self.end = 0;
        self.make_room(end);
    }

    /// Makes room for those of the slots below `end`.
    #[inline]
    pub(crate) fn make_room(&mut self, end: usize) {
        self.zero();
        if end > self.adjoints.len() {
            self.grow(end);
        }
        self.end = self.end.max(end);
        self.clean = self.end;
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

    /// Zeroes those that belong to nobody.
    #[inline]
    fn zero(&mut self) {
        let mut start = self.end;
        while start < self.clean {
            let window = start / WINDOW;
            let end = ((window + 1) * WINDOW).min(self.clean);
            if self.live[window] {
                self.adjoints[start..end].fill(0.0);
                self.live[window] = start > window * WINDOW;
            }
            start = end;
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
