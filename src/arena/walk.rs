//! The way of the reverse sweep down the tape: window by window.

use super::adjoints::{Adjoints, WINDOW};
use super::steps::{Rest, Walk};
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
        if page.is_null() || is_flat && !adjoints.is_live(window, is_flat) {
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
    let window = (place.index - 1) / WINDOW;
    let below = (0..window)
        .rev()
        .find(|&window| adjoints.is_live(window, is_flat));
    let above = below.map_or(0, |below| (below + 1) * WINDOW);
    // SAFETY: nothing is recorded before this returns.
    unsafe { arena.read() }.down_to(place, above.max(floor))
}
