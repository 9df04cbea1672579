//! The way of the reverse sweep down the tape, window by window.

use super::adjoints::{Set, WINDOW};
use super::place::Place;
use super::raw::{Arena, arena};
use super::steps::{Stopped, steps};

/// How many windows are flagged at once for each that a sweep went through. A window flagged for nothing costs a sixth of one that
/// is swept.
const AHEAD: usize = 4;

/// How many nodes the steps of one call may take. Steps that are calls and not jumps, as in a build that is not optimised, need up to
/// 5 KiB of stack for each node: debug builds, which are mostly such ones, make fewer at a time.
const AT_ONCE: usize = if cfg!(debug_assertions) { 32 } else { WINDOW };

/// Sweeps the nodes below the index `end` down to `floor`, or to a checkpoint: returns its index.
///
/// There must be room for the adjoints of all nodes below `end`, and for one more where `end` is between a node and the sum that is
/// fused into it. `floor` must be the first index of a scope, the index of a leaf or of the node after one, or what
/// [`Arena::floor_at`] gave.
#[inline(never)]
#[track_caller]
pub(crate) fn sweep(adjoints: &mut Set, floor: usize, end: usize) -> Option<usize> {
    let arena = arena();
    assert!(floor >= 1 && end <= arena.end() && !arena.is_lent.get());
    arena.assert_nodes();
    arena.assert_between(floor, None);
    let mut place = arena.place_before(end);
    assert!(place.index <= adjoints.end(), "no room for the adjoints");
    let (top, lowest) = ((place.index - 1) / WINDOW, floor / WINDOW);
    let (mut swept, mut is_flagged) = (0, false);
    while place.index > floor {
        let window = (place.index - 1) / WINDOW;
        if !adjoints.is_flagged(window) {
            place = next_live(arena, adjoints, place, floor);
            continue;
        }
        if !is_flagged && window <= AHEAD * swept && lowest <= swept && (top - window < 2 * swept || window == 0) {
            // Few windows had no flag, and few remain: flag them all, so that steps need not. That goes for those below the
            // floor too, to which steps may add as well.
            adjoints.flag_before(window);
            is_flagged = true;
        }
        let start = (window * WINDOW).max(floor).max(place.index.saturating_sub(AT_ONCE));
        let (values, flags) = adjoints.parts();
        // SAFETY: `place` is between two nodes. `start` is the first index of a window or the floor, neither of which is in the middle
        // of a fused pair (by `Tape::assert_nodes`, and by the contract), or some index above both: the steps go on to the beginning of
        // a pair in the middle of which it is. There is room for the adjoints, as asserted above: by `Set::assert_clean` there are
        // as many, and flags for their windows. Nothing else refers to them here.
        let Stopped { at, end } = unsafe {
            match is_flagged {
                true => steps::<true>(arena, values, flags, start, place),
                false => steps::<false>(arena, values, flags, start, place),
            }
        };
        if at >= start {
            return Some(at);
        }
        place = Place { index: at + 1, position: arena.position_of(end) };
        swept += 1;
    }
    None
}

/// The place below this one where the first window with a flag ends.
#[cold]
#[inline(never)]
fn next_live(arena: &Arena, adjoints: &Set, place: Place, floor: usize) -> Place {
    let window = (place.index - 1) / WINDOW;
    let live = adjoints.last_flag_before(window);
    let above = live.map_or(0, |live| (live + 1) * WINDOW);
    arena.find(place, above.max(floor))
}
