//! The way of the reverse sweep down the tape, window by window, and how a node gives to many others.

use super::adjoints::{Adjoints, Origin, Page, WINDOW};
use super::steps::Rest;
use super::{Arena, Place, arena};

/// The most steps that are made before one returns. In an unoptimised build each takes stack.
pub(super) const DEPTH: usize = if cfg!(debug_assertions) { 64 } else { WINDOW };

/// How many windows a sweep lays flat for each that it went through. It has to look through one that it turns out
/// not to reach, which takes a fifteenth of the time.
const AHEAD: usize = 4;

/// Sweeps the nodes below the index `end` down to `floor`, or to a checkpoint: returns its index.
///
/// There must be room for the adjoints of all that is below `end`. Those of the windows from the index `drops`
/// on that have no leaf are dropped.
#[inline(never)]
#[track_caller]
pub(crate) fn sweep(
    adjoints: &mut Adjoints,
    floor: usize,
    end: usize,
    drops: usize,
) -> Option<usize> {
    let arena = arena();
    assert!(floor >= 1 && !arena.is_lent.get());
    let place = match end == arena.end() {
        true => arena.place(),
        false => place_of(arena, end),
    };
    assert!(place.index <= adjoints.pages().len() * WINDOW);
    let walk = Walk {
        pages: adjoints.pages().as_mut_ptr(),
        adjoints,
        start: 8 * floor,
        has_leaf: false,
    };
    let checkpoint = match place.index <= DEPTH {
        true => at_one_go(arena, walk, place),
        false => by_windows(arena, walk, place, floor, drops),
    };
    adjoints.assert_fed();
    checkpoint
}

/// Sweeps nodes that are all in the first window.
#[inline(always)]
fn at_one_go(arena: &Arena, mut walk: Walk, place: Place) -> Option<usize> {
    // SAFETY: there is a window, `place` being after the node of index 0.
    let page = unsafe { *walk.pages };
    if page.is_null() {
        return None;
    }
    // SAFETY: `place` is between two nodes, and they have a page.
    let Rest { at, .. } = unsafe { walk.steps::<true>(arena, page, place) };
    (at >= walk.start).then_some(at / 8)
}

#[inline(never)]
fn by_windows(
    arena: &Arena,
    mut walk: Walk,
    mut place: Place,
    floor: usize,
    drops: usize,
) -> Option<usize> {
    let (top, mut swept, mut is_flat) = ((place.index - 1) / WINDOW, 0, false);
    while place.index > floor {
        let window = (place.index - 1) / WINDOW;
        let first = window * WINDOW;
        // SAFETY: this is the window of a node, of which there are all.
        let page = unsafe { *walk.pages.add(window) };
        // SAFETY: nothing else refers to them now.
        let adjoints = unsafe { &mut *walk.adjoints };
        if page.is_null() || is_flat && !adjoints.is_live(window) {
            place = skip(arena, adjoints, is_flat, place, floor);
            continue;
        }
        // Not where it passes over most of them.
        let is_dense = || top < window + 2 * swept && window <= AHEAD * swept;
        is_flat = is_flat || window == 0 || is_dense() && adjoints.lay_flat(window);
        walk.start = 8 * first.max(floor).max(place.index.saturating_sub(DEPTH));
        // SAFETY: `place` is between two nodes, there is a node at `first`, and there are pages for all.
        let Rest { end, at } = unsafe {
            match is_flat {
                true => walk.steps::<true>(arena, page, place),
                false => walk.steps::<false>(arena, page, place),
            }
        };
        if at >= walk.start {
            return Some(at / 8);
        }
        place = Place {
            index: at / 8 + 1,
            // SAFETY: both are of the tape.
            position: unsafe { end.offset_from(arena.base.get()) } as usize,
        };
        if place.index <= first.max(floor) {
            swept += 1;
            if first >= drops && !walk.has_leaf {
                // SAFETY: nothing else refers to them now.
                unsafe { (*walk.adjoints).drop_window(window) };
            }
            walk.has_leaf = false;
        }
    }
    None
}

/// The first place with the index `end`, or the one after it.
#[inline(never)]
fn place_of(arena: &Arena, end: usize) -> Place {
    // SAFETY: nothing is recorded before this returns.
    unsafe { arena.read() }.place(end)
}

/// The place below this one where the first window that is live ends.
#[cold]
#[inline(never)]
fn skip(
    arena: &Arena,
    adjoints: &mut Adjoints,
    is_flat: bool,
    place: Place,
    floor: usize,
) -> Place {
    let mut window = (place.index - 1) / WINDOW;
    let below = loop {
        let below = &adjoints.pages()[..window];
        match below.iter().rposition(|page| !page.is_null()) {
            Some(below) if is_flat && !adjoints.is_live(below) => window = below,
            below => break below,
        }
    };
    let above = below.map_or(0, |below| (below + 1) * WINDOW);
    // SAFETY: nothing is recorded before this returns.
    unsafe { arena.read() }.down_to(place, above.max(floor))
}

/// What stays the same for the steps of one window, and what few of them ask for.
pub(super) struct Walk {
    /// By window.
    pub(super) pages: *mut Origin,
    pub(super) adjoints: *mut Adjoints,
    /// The offset down to which the window is swept.
    pub(super) start: usize,
    pub(super) has_leaf: bool,
}

impl Walk {
    /// Adds to the adjoint at an offset.
    ///
    /// # Safety
    ///
    /// As [`steps`](Walk::steps) has it.
    #[inline(always)]
    pub(super) unsafe fn add(&mut self, to: usize, contribution: f64) {
        // SAFETY: the caller's promise.
        unsafe {
            let page = self.page(to / size_of::<Page>());
            *page.wrapping_byte_add(to) += contribution;
        }
    }

    /// The page of a window, given to it if it had none.
    ///
    /// # Safety
    ///
    /// As [`steps`](Walk::steps) has it.
    #[inline(always)]
    unsafe fn page(&mut self, window: usize) -> Origin {
        // SAFETY: the caller's promise.
        unsafe {
            let page = self.pages.add(window);
            if (*page).is_null() {
                self.wake(window);
            }
            *page
        }
    }

    /// Gives a page to a window.
    ///
    /// # Safety
    ///
    /// As [`steps`](Walk::steps) has it.
    #[cold]
    #[inline(never)]
    pub(super) unsafe fn wake(&mut self, window: usize) {
        // SAFETY: nothing else refers to them now.
        unsafe { (*self.adjoints).wake(window) }
    }

    /// Adds `w` times each of `count` partials to the adjoint of the operand it is of: of the first the index is
    /// given, and `stride` leads from each to the next.
    ///
    /// # Safety
    ///
    /// As [`steps`](Walk::steps) has it.
    #[inline(always)]
    pub(super) unsafe fn add_run(
        &mut self,
        first: usize,
        stride: isize,
        w: f64,
        partials: *const f64,
        count: usize,
    ) {
        let (mut index, mut done) = (first, 0);
        while done < count {
            let left = count - done;
            let of_window = match stride {
                1 => WINDOW - index % WINDOW,
                _ => left_in_window(index, stride, left),
            };
            let count = left.min(of_window);
            // SAFETY: the caller's promise.
            unsafe {
                let place = self.page(index / WINDOW).wrapping_add(index);
                let partials = partials.add(done);
                if stride == 1 {
                    add_row(place, w, partials, count);
                } else {
                    for k in 0..count {
                        *place.wrapping_offset(k as isize * stride) += w * *partials.add(k);
                    }
                }
            }
            done += count;
            index = index.wrapping_add_signed(count as isize * stride);
        }
    }
}

/// How many of the indices from `first` on by strides are in its window, if there are `count`.
#[inline(always)]
fn left_in_window(first: usize, stride: isize, count: usize) -> usize {
    let last = first.wrapping_add_signed((count as isize - 1) * stride);
    if last / WINDOW == first / WINDOW {
        return count;
    }
    let place = first % WINDOW;
    let to_end = if stride < 0 {
        place
    } else {
        WINDOW - 1 - place
    };
    1 + to_end / stride.unsigned_abs()
}

/// Adds `w` times each partial to the adjoint that is at the same place.
///
/// # Safety
///
/// Both rows are of `count` numbers, and do not overlap.
#[inline(always)]
unsafe fn add_row(adjoints: *mut f64, w: f64, partials: *const f64, count: usize) {
    // SAFETY: the caller's promise.
    let (adjoints, partials) = unsafe {
        (
            std::slice::from_raw_parts_mut(adjoints, count),
            std::slice::from_raw_parts(partials, count),
        )
    };
    for (adjoint, p) in adjoints.iter_mut().zip(partials) {
        *adjoint += w * p;
    }
}
