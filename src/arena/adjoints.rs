//! The adjoints of the last sweep: one flat array, by the index of the node.
//!
//! A sweep must not pay for nodes that the output does not depend on. So the array is cut into *windows* of [`WINDOW`]
//! nodes, each with a flag that says whether anything was added to an adjoint in it. A sweep passes over windows
//! without a flag, and the next sweep has to make only those with a flag zero again.
//!
//! Two invariants, which [`Set::assert_clean`] checks in debug builds:
//!
//! - an adjoint that is not zero is below `end`, in a window with a flag;
//! - no window from `end` on has a flag, and there is room for all adjoints below `end`.

use super::zeros::zeros;
use std::mem;

/// Nodes in a window.
pub(crate) const WINDOW: usize = 256;

/// The adjoints of one sweep.
#[derive(Default)]
pub(crate) struct Set {
    values: Vec<f64>,
    /// By window: 1 where an adjoint may differ from zero.
    flags: Vec<u8>,
    /// All adjoints from here on are zero.
    end: usize,
}

/// The adjoints that `grad` reads, and those that are set aside while others are being worked out.
pub(crate) struct Adjoints {
    pub(super) current: Set,
    aside: Vec<Set>,
    /// Memory for the next set, with nothing in it.
    spare: Set,
}

impl Adjoints {
    pub(super) const fn new() -> Adjoints {
        Adjoints { current: Set::new(), aside: Vec::new(), spare: Set::new() }
    }

    /// Sets the current adjoints aside: none is left.
    pub(super) fn set_aside(&mut self) {
        let empty = mem::take(&mut self.spare);
        let current = mem::replace(&mut self.current, empty);
        self.aside.push(current);
    }

    /// Brings back those that were set aside last.
    pub(super) fn bring_back(&mut self) {
        let before = self.aside.pop().expect("it was set aside");
        let mut used = mem::replace(&mut self.current, before);
        used.truncate(0);
        self.spare = used;
    }

    /// Makes the adjoints of the nodes from `end` on zero, those that are set aside too.
    #[inline]
    pub(crate) fn truncate(&mut self, end: usize) {
        self.current.truncate(end);
        for set in &mut self.aside {
            set.truncate(end);
        }
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let sets = self.aside.iter().chain([&self.current, &self.spare]);
        sets.map(|set| size_of_val(&set.values[..]) + set.flags.len()).sum()
    }
}

impl Set {
    const fn new() -> Set {
        Set { values: Vec::new(), flags: Vec::new(), end: 0 }
    }

    /// The adjoint of a node.
    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> f64 {
        if index < self.end { self.values[index] } else { 0.0 }
    }

    /// Adds to the adjoint of a node, for which there is room.
    #[inline]
    pub(crate) fn add(&mut self, index: usize, contribution: f64) {
        assert!(index < self.end);
        self.values[index] += contribution;
        self.flags[index / WINDOW] = 1;
    }

    /// The index after the last adjoint that there is room for.
    #[inline(always)]
    pub(super) fn end(&self) -> usize {
        self.end
    }

    /// Whether a window has a flag.
    #[inline(always)]
    pub(super) fn is_flagged(&self, window: usize) -> bool {
        self.flags[window] != 0
    }

    /// Where the adjoints and the flags are.
    #[inline(always)]
    pub(super) fn parts(&mut self) -> (*mut f64, *mut u8) {
        (self.values.as_mut_ptr(), self.flags.as_mut_ptr())
    }

    /// Flags all windows before one.
    #[inline]
    pub(super) fn flag_before(&mut self, window: usize) {
        if window > 0 {
            self.flags[..window].fill(1);
        }
    }

    /// The last window before `window` that has a flag.
    #[inline]
    pub(super) fn last_flag_before(&self, window: usize) -> Option<usize> {
        const STRIDE: usize = 32;
        let mut flags = &self.flags[..window];
        // Many at a time, as most have none where an output depends on little of a large graph.
        while let Some((rest, last)) = flags.split_last_chunk::<STRIDE>()
            && last.iter().fold(0, |all, flag| all | flag) == 0
        {
            flags = rest;
        }
        flags.iter().rposition(|&flag| flag != 0)
    }

    /// Makes the adjoints of the nodes from `end` on zero.
    #[inline]
    pub(crate) fn truncate(&mut self, end: usize) {
        if end < self.end {
            let end = if end == 1 { 0 } else { end }; // nothing has index 0
            self.clear_from(end);
            self.end = end;
        }
    }

    fn clear_from(&mut self, end: usize) {
        if self.end <= WINDOW {
            // The only window, of a small graph, without a search for its flag.
            self.values[end..self.end].fill(0.0);
            self.flags[0] &= (end != 0) as u8;
            return;
        }
        let whole = end.div_ceil(WINDOW);
        let mut windows = self.end.div_ceil(WINDOW);
        while let Some(last) = self.last_flag_before(windows)
            && last >= whole
        {
            // Neighbours together: one long fill need not read from memory what it overwrites.
            let flags = &self.flags[whole..last];
            let first = whole + flags.iter().rposition(|&flag| flag == 0).map_or(0, |unset| unset + 1);
            self.values[first * WINDOW..self.end.min((last + 1) * WINDOW)].fill(0.0);
            self.flags[first..=last].fill(0);
            windows = first;
        }
        // What is before `end` in its window stays, and with it the flag.
        self.values[end..self.end.min(whole * WINDOW)].fill(0.0);
    }

    /// Makes all adjoints zero but that of `output`, if it is a node, which becomes 1; with room for those of the
    /// nodes below `end`.
    #[inline]
    #[track_caller]
    pub(crate) fn start(&mut self, output: usize, end: usize) {
        self.truncate(0);
        self.make_room(end);
        if output != 0 {
            self.add(output, 1.0);
        }
    }

    /// Makes room for the adjoints of the nodes below `end`.
    #[inline]
    #[track_caller]
    pub(crate) fn make_room(&mut self, end: usize) {
        if end > self.end {
            if end > self.values.len() {
                self.grow(end);
            }
            self.end = end;
        }
        #[cfg(debug_assertions)]
        self.assert_clean();
    }

    /// Moves the adjoints to a larger memory.
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn grow(&mut self, end: usize) {
        // Half as much again, so that a graph that grows and is swept in turn is not copied each time.
        let room = end.max(self.values.len() + self.values.len() / 2);
        let windows = room.div_ceil(WINDOW);
        let larger = zeros(windows * WINDOW).zip(zeros(windows));
        let Some((mut values, mut flags)) = larger else {
            self.truncate(0);
            panic!(
                "scalargrad: no memory for the adjoints of a sweep; the graph is unchanged, its gradients are zero. \
                 Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`"
            )
        };
        let mut window = self.end.div_ceil(WINDOW);
        while let Some(below) = self.last_flag_before(window) {
            let adjoints = below * WINDOW..(below + 1) * WINDOW;
            values[adjoints.clone()].copy_from_slice(&self.values[adjoints]);
            flags[below] = 1;
            window = below;
        }
        (self.values, self.flags) = (values, flags);
    }

    /// Those that are not zero, by ascending index.
    pub(crate) fn nonzero(&self) -> Vec<(usize, f64)> {
        let windows = (0..self.end.div_ceil(WINDOW)).filter(|&window| self.flags[window] != 0);
        windows
            .flat_map(|window| window * WINDOW..self.end.min((window + 1) * WINDOW))
            .map(|index| (index, self.values[index]))
            .filter(|&(_, w)| w != 0.0)
            .collect()
    }

    /// Checks the invariants, for small graphs in debug builds: it reads all that there is.
    #[cfg(debug_assertions)]
    fn assert_clean(&self) {
        assert!(self.end <= self.values.len() && self.values.len() == self.flags.len() * WINDOW);
        if self.values.len() > 16 * WINDOW && !cfg!(test) {
            return;
        }
        for (window, adjoints) in self.values.chunks(WINDOW).enumerate() {
            let used = self.end.saturating_sub(window * WINDOW).min(WINDOW);
            let is_zero = |some: &[f64]| some.iter().all(|&w| w == 0.0);
            assert!(is_zero(&adjoints[used..]), "an adjoint beyond the end");
            let is_flagged = self.flags[window] != 0;
            assert!(is_flagged || is_zero(adjoints), "an adjoint without a flag");
            assert!(!is_flagged || used > 0, "a flag beyond the end");
        }
    }
}
