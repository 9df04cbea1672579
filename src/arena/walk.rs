//! The way of the reverse sweep down the tape: window by window.

use super::adjoints::{Adjoints, Origin, WINDOW};
use super::steps::{Rest, Walk};
use super::{Arena, Place, arena};

/// The most steps that are made before one returns. In an unoptimised build each takes stack.
pub(super) const DEPTH: usize = if cfg!(debug_assertions) { 64 } else { WINDOW };

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
    let mut place = match end == arena.end() {
        true => arena.place(),
        false => place_of(arena, end),
    };
    assert!(place.index <= adjoints.pages().len() * WINDOW);
    let mut walk = Walk {
        pages: adjoints.pages().as_mut_ptr(),
        adjoints,
        start: 0,
        has_leaf: false,
    };
    while place.index > floor {
        let window = (place.index - 1) / WINDOW;
        let first = window * WINDOW;
        // SAFETY: this is the window of a node, of which there are all.
        let page = unsafe { *walk.pages.add(window) };
        if page.is_null() {
            // SAFETY: nothing else refers to them now.
            place = skip(arena, unsafe { (*walk.adjoints).pages() }, place, floor);
            continue;
        }
        walk.start = 8 * first.max(floor).max(place.index.saturating_sub(DEPTH));
        // SAFETY: `place` is between two nodes, there is a node at `first`, and there are pages for all.
        let Rest { end, at } = unsafe {
            match window {
                0 => walk.steps::<true>(arena, page, place),
                _ => walk.steps::<false>(arena, page, place),
            }
        };
        if at >= walk.start {
            adjoints.assert_fed();
            return Some(at / 8);
        }
        place = Place {
            index: at / 8 + 1,
            // SAFETY: both are of the tape.
            position: unsafe { end.offset_from(arena.base.get()) } as usize,
        };
        if place.index <= first.max(floor) {
            if first >= drops && !walk.has_leaf {
                // SAFETY: nothing else refers to them now.
                unsafe { (*walk.adjoints).drop_window(window) };
            }
            walk.has_leaf = false;
        }
    }
    adjoints.assert_fed();
    None
}

/// The first place with the index `end`, or the one after it.
#[inline(never)]
fn place_of(arena: &Arena, end: usize) -> Place {
    // SAFETY: nothing is recorded before this returns.
    unsafe { arena.read() }.place(end)
}

/// The place below this one where the first window with a page ends.
#[cold]
#[inline(never)]
fn skip(arena: &Arena, pages: &[Origin], place: Place, floor: usize) -> Place {
    let window = (place.index - 1) / WINDOW;
    let below = pages[..window].iter().rposition(|page| !page.is_null());
    let above = below.map_or(0, |below| (below + 1) * WINDOW);
    // SAFETY: nothing is recorded before this returns.
    unsafe { arena.read() }.down_to(place, above.max(floor))
}
