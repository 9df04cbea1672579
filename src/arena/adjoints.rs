//! The adjoints of the last sweep.
//!
//! They are kept in *windows* of [`WINDOW`] nodes. A window gets a *page*, of zeros, when a sweep comes to give
//! something to one of its nodes for the first time; the sweep passes over the others unseen. So it pays
//! neither for what the output does not depend on nor for a pass of its own that zeroes.
//!
//! And when it leaves a window of intermediates for good, it takes the page along: the adjoints of a long
//! chain then live in the few pages that are in the cache anyway. Where somebody asks for one of those later,
//! [`get`](Adjoints::get) says that it was dropped, and the sweep is made again.

use super::arena;
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::{mem, ptr};

/// Nodes in a window.
pub(crate) const WINDOW: usize = 512;

pub(super) type Page = [f64; WINDOW];

/// Where the page of a window is, told by its *origin*: where the adjoint of index 0 would be if all stood in one
/// array. So an operand's index leads to its adjoint by one addition. Pages begin [`BEYOND`] bytes after a multiple
/// of their size, so no origin is any of the two that have a meaning of their own: null, where all adjoints are
/// zero, and [`DROPPED`].
pub(super) type Origin = *mut f64;

/// The origin of a window whose adjoints were dropped.
const DROPPED: Origin = ptr::without_provenance_mut(align_of::<f64>());

/// A cache line.
const BEYOND: usize = 64;
const _: () = assert!(size_of::<Page>() > BEYOND && BEYOND > align_of::<f64>());

/// How many windows may have pages that lie *flat*: side by side, so that their origins are one. A sweep through these
/// alone looks no page up.
const FLAT: usize = 1024;

/// The adjoints of the last sweep, and the memory for them.
pub(crate) struct Adjoints {
    windows: Windows,
    /// No windows, but memory for them.
    spare: Windows,
    /// Pages of zeros, with room for all that there are.
    free: Vec<*mut Page>,
    /// The memory that the pages are in.
    chunks: Vec<Chunk>,
    /// The number of these pages.
    pub(super) total: usize,
    /// Whether a sweep found no memory, so that nothing here means anything.
    is_starved: bool,
    /// How often one did.
    starvations: usize,
    /// Whether no sweep is to drop any, because one that was had to be made again.
    keeps_all: bool,
}

/// Where the adjoints of one sweep are.
struct Windows {
    /// By window: its page.
    pages: Vec<Origin>,
    /// The adjoints from here on are zero, whatever a page says.
    end: usize,
    /// The pages are zero from here on. In the window of `end` or at its own end.
    dirty: usize,
    /// The output of the sweep, if some of its adjoints were dropped.
    dropped_of: Option<usize>,
    /// Of the windows whose pages lie flat, the first ones, the number, the origin and the memory.
    flats: usize,
    flat: Origin,
    flat_chunk: Option<Chunk>,
    /// How many a sweep would have needed.
    wanted_flats: usize,
}

impl Windows {
    const NONE: Windows = Windows {
        pages: Vec::new(),
        end: 0,
        dirty: 0,
        dropped_of: None,
        flats: 0,
        flat: ptr::null_mut(),
        flat_chunk: None,
        wanted_flats: 0,
    };
}

/// Memory for pages side by side, of zeros.
struct Chunk {
    start: *mut u8,
    layout: Layout,
}

impl Chunk {
    /// One of `count` pages.
    fn new(count: usize) -> Option<Chunk> {
        // Not aligned by the allocator, which would touch all of it to make it zero.
        let size = (count + 1)
            .checked_mul(size_of::<Page>())?
            .checked_add(BEYOND)?;
        let layout = Layout::from_size_align(size, align_of::<Page>()).ok()?;
        // SAFETY: the size is not zero.
        let start = unsafe { alloc_zeroed(layout) };
        (!start.is_null()).then_some(Chunk { start, layout })
    }

    /// The first page.
    #[inline(always)]
    fn first(&self) -> *mut Page {
        let up = self.start.addr().wrapping_neg() % size_of::<Page>();
        self.start.wrapping_add(up + BEYOND).cast()
    }
}

impl Drop for Chunk {
    fn drop(&mut self) {
        // SAFETY: allocated with this layout; its pages go with it.
        unsafe { dealloc(self.start, self.layout) };
    }
}

/// Runs `f` with the adjoints of this thread's graph.
#[inline(always)]
pub(crate) fn adjoints<R>(f: impl FnOnce(&mut Adjoints) -> R) -> R {
    f(&mut arena().adjoints.borrow_mut())
}

/// Runs `f`, which may sweep, and then has the adjoints be what they were; all zero if there was no memory.
pub(crate) fn aside<R>(f: impl FnOnce() -> R) -> R {
    struct Restore {
        ours: Windows,
        starvations: usize,
    }
    impl Drop for Restore {
        fn drop(&mut self) {
            adjoints(|adjoints| {
                adjoints.truncate(0);
                if adjoints.starvations == self.starvations {
                    let ours = mem::replace(&mut self.ours, Windows::NONE);
                    adjoints.spare = mem::replace(&mut adjoints.windows, ours);
                }
            });
        }
    }
    let _restore = adjoints(|adjoints| {
        let none = mem::replace(&mut adjoints.spare, Windows::NONE);
        Restore {
            ours: mem::replace(&mut adjoints.windows, none),
            starvations: adjoints.starvations,
        }
    });
    f()
}

impl Adjoints {
    pub(super) const fn new() -> Adjoints {
        Adjoints {
            windows: Windows::NONE,
            spare: Windows::NONE,
            free: Vec::new(),
            chunks: Vec::new(),
            total: 0,
            is_starved: false,
            starvations: 0,
            keeps_all: false,
        }
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        let pages = self.total + self.windows.flats;
        pages * size_of::<Page>() + size_of_val(&self.windows.pages[..])
    }

    /// The adjoint of a node, unless it was dropped.
    #[inline(always)]
    pub(crate) fn get(&self, index: usize) -> Option<f64> {
        if index >= self.windows.end {
            return Some(0.0);
        }
        match self.windows.pages[index / WINDOW] {
            DROPPED => None,
            page if page.is_null() => Some(0.0),
            // SAFETY: any other page that is there is one of a chunk.
            page => Some(unsafe { *page.wrapping_add(index) }),
        }
    }

    /// Adds to the adjoint of a node, which is below the end.
    #[inline]
    pub(crate) fn add(&mut self, index: usize, contribution: f64) {
        debug_assert!(index < self.windows.end);
        if self.windows.pages[index / WINDOW].is_null() {
            self.wake(index / WINDOW);
            self.assert_fed();
        }
        let page = self.windows.pages[index / WINDOW];
        assert!(page != DROPPED, "a sweep starts from what is there");
        // SAFETY: any other page that is there is one of a chunk.
        unsafe { *page.wrapping_add(index) += contribution };
    }

    /// By window, the pages: for a sweep, which may give a page to a window without and write to those below
    /// the end.
    #[inline(always)]
    pub(super) fn pages(&mut self) -> &mut [Origin] {
        &mut self.windows.pages
    }

    /// Gives a page to a window. Where there is no memory for one, it is that of another window.
    #[inline]
    pub(super) fn wake(&mut self, window: usize) {
        if window < self.windows.flats {
            self.windows.pages[window] = self.windows.flat;
            return;
        }
        if self.free.is_empty() {
            self.allocate();
        }
        let page = self.free.pop().unwrap_or_else(|| {
            self.is_starved = true;
            let other = (0..self.windows.pages.len()).find(|&other| self.has_page(other));
            other.map_or(ptr::null_mut(), |other| self.page(other))
        });
        if !page.is_null() {
            self.windows.pages[window] = page.cast::<f64>().wrapping_sub(window * WINDOW);
        }
    }

    /// Gives pages to all windows up to one, and tells whether they lie flat. If not, they may in another sweep.
    pub(super) fn lay_flat(&mut self, last: usize) -> bool {
        if last >= self.windows.flats {
            self.windows.wanted_flats = (last + 1).next_power_of_two().min(FLAT);
            return false;
        }
        for window in 0..=last {
            if self.windows.pages[window].is_null() {
                self.wake(window);
            }
        }
        let flat = self.windows.flat;
        self.windows.pages[..=last].iter().all(|&page| page == flat)
    }

    /// Whether a window that has a page has anything in it. One that has not loses it.
    pub(super) fn is_live(&mut self, window: usize) -> bool {
        // SAFETY: a page that is there is one of a chunk.
        let page = unsafe { &*self.page(window) };
        let is_zero = |some: &[f64]| some.iter().fold(0, |all, w| all | w.to_bits()) == 0;
        let is_live = !page.rchunks_exact(8).all(is_zero);
        if !is_live {
            self.take_page(window);
        }
        is_live
    }

    /// A chunk of so many pages.
    fn chunk(&self, count: usize) -> Option<Chunk> {
        #[cfg(test)]
        if self.total + count > super::tests::PAGES.get() {
            return None;
        }
        Chunk::new(count)
    }

    /// Makes as many pages again as there are, or if there is no memory one.
    #[cold]
    fn allocate(&mut self) {
        for count in [self.total.max(1), 1] {
            let (Some(chunk), Ok(()), Ok(())) = (
                self.chunk(count),
                self.chunks.try_reserve(1),
                self.free.try_reserve_exact(self.total + count),
            ) else {
                continue;
            };
            let first = chunk.first();
            self.free
                .extend((0..count).rev().map(|k| first.wrapping_add(k)));
            self.chunks.push(chunk);
            self.total += count;
            return;
        }
    }

    /// Panics where a sweep found no memory.
    #[inline(always)]
    #[track_caller]
    pub(super) fn assert_fed(&mut self) {
        if self.is_starved {
            self.starve();
        }
    }

    #[cold]
    #[track_caller]
    fn starve(&mut self) -> ! {
        let starvations = self.starvations + 1;
        *self = Adjoints::new();
        self.starvations = starvations;
        panic!(
            "scalargrad: no memory for the adjoints of a sweep; the graph is unchanged, its gradients are zero. \
             Drop finished work with `graph::scope` or `graph::clear`, or split it with `checkpoint`"
        )
    }

    /// Takes the page from a window, whose adjoints are zero from now on.
    #[inline]
    fn release(&mut self, window: usize) {
        if self.has_page(window) {
            self.clean(window, 0);
            self.take_page(window);
        }
        self.windows.pages[window] = ptr::null_mut();
    }

    /// Takes a page of zeros from a window.
    #[inline]
    fn take_page(&mut self, window: usize) {
        if self.windows.pages[window] != self.windows.flat {
            self.free.push(self.page(window));
        }
        self.windows.pages[window] = ptr::null_mut();
    }

    /// Takes the page from a window that a sweep leaves for good.
    pub(super) fn drop_window(&mut self, window: usize) {
        self.release(window);
        self.windows.pages[window] = DROPPED;
    }

    #[inline(always)]
    fn has_page(&self, window: usize) -> bool {
        let page = self.windows.pages[window];
        !page.is_null() && page != DROPPED
    }

    /// The page of a window that has one.
    #[inline(always)]
    fn page(&self, window: usize) -> *mut Page {
        let first = window * WINDOW;
        self.windows.pages[window].wrapping_add(first).cast()
    }

    /// Zeroes the page of a window, from the node `from` of it on.
    #[inline]
    fn clean(&mut self, window: usize, from: usize) {
        let used = WINDOW.min(self.windows.dirty - window * WINDOW);
        // SAFETY: the callers see to it that this is one of a chunk.
        unsafe { (&mut *self.page(window))[from..used].fill(0.0) };
    }

    /// Makes the adjoints of the nodes from `end` on zero.
    #[inline]
    pub(crate) fn truncate(&mut self, end: usize) {
        if end < self.windows.end {
            let whole = end.div_ceil(WINDOW);
            for window in whole..self.windows.dirty.div_ceil(WINDOW) {
                self.release(window);
            }
            self.windows.end = end;
            self.windows.dirty = self.windows.dirty.min(whole * WINDOW);
            self.windows.dropped_of.take_if(|output| *output >= end);
        }
    }

    /// Makes all adjoints zero but that of `output`, if it is a node, which becomes 1, with room for those of the
    /// nodes below `end`.
    #[inline]
    pub(crate) fn start(&mut self, output: usize, end: usize) {
        let own = output / WINDOW;
        let moves = self.windows.wanted_flats > self.windows.flats;
        for window in 0..self.windows.dirty.div_ceil(WINDOW) {
            if self.windows.pages[window].is_null() {
                continue; // as most are, where a sweep needs little of a large graph
            }
            if window == own && !moves && self.has_page(window) {
                self.clean(window, 0); // it is about to need it
            } else {
                self.release(window);
            }
        }
        (self.windows.end, self.windows.dirty) = (0, 0);
        self.windows.dropped_of = None;
        if moves {
            self.flatten();
        }
        self.make_room(end);
        if output != 0 {
            self.add(output, 1.0);
        }
    }

    /// Has as many pages lie flat as a sweep would have needed, while no window has a page.
    #[cold]
    fn flatten(&mut self) {
        let wanted = self.windows.wanted_flats;
        if let Some(chunk) = self.chunk(wanted) {
            self.windows.flats = wanted;
            self.windows.flat = chunk.first().cast();
            self.windows.flat_chunk = Some(chunk);
        }
    }

    /// Makes room for those of the nodes below `end`.
    #[inline]
    pub(crate) fn make_room(&mut self, end: usize) {
        let windows = end.div_ceil(WINDOW);
        if windows > self.windows.pages.len() {
            self.windows.pages.resize(windows, ptr::null_mut());
        }
        if end > self.windows.end {
            let (window, place) = (self.windows.end / WINDOW, self.windows.end % WINDOW);
            if self.windows.dirty > self.windows.end && self.has_page(window) {
                self.clean(window, place);
            }
            self.windows.end = end;
            self.windows.dirty = end;
        }
    }

    /// Whether no sweep is to drop adjoints.
    pub(crate) fn keeps_all(&self) -> bool {
        self.keeps_all
    }

    /// Notes that a sweep from `output` drops some.
    pub(crate) fn drops_some_of(&mut self, output: usize) {
        self.windows.dropped_of = Some(output);
    }

    /// The output of the last sweep, if it dropped some: no sweep does from now on.
    pub(crate) fn keep_all_from_now(&mut self) -> Option<usize> {
        let output = self.windows.dropped_of.take();
        self.keeps_all |= output.is_some();
        output
    }

    /// Those that are not zero, by ascending index.
    pub(crate) fn nonzero(&self) -> Vec<(usize, f64)> {
        debug_assert!(self.windows.dropped_of.is_none());
        let end = self.windows.end;
        (0..end.div_ceil(WINDOW))
            .filter(|&window| !self.windows.pages[window].is_null())
            .flat_map(|window| window * WINDOW..end.min((window + 1) * WINDOW))
            .map(|index| (index, self.get(index).unwrap_or(0.0)))
            .filter(|&(_, w)| w != 0.0)
            .collect()
    }
}
