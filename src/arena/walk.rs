//! The loop of the reverse sweep.
//!
//! What bounds it is the way an adjoint takes through memory (stored by one node and loaded by the next it
//! costs 12 cycles, kept in a register 4) and after that the number of instructions. So the contribution to
//! the node just before the one at hand, which very often is an operand, is *carried* in a register; a
//! node tells in three bits what it is; and nothing here checks a bound: that alone takes a seventh of the
//! instructions.

use super::{Place, Tape, code, trampoline};
use crate::adjoints::WINDOW;

/// Zeroes adjoints.
extern "sysv64" fn zero(first: *mut f64, count: usize) {
    // SAFETY: `zero_preserving_registers` is told where there are so many.
    unsafe { first.write_bytes(0, count) }
}

trampoline::preserving_registers! {
    /// Calls [`zero`], on the cold branch of a give.
    fn zero_preserving_registers(first in "rdi": *mut f64, count in "rsi": usize) => zero;
}

/// Sweeps the nodes below `from` down to the index `floor`, or to a checkpoint or an output of one: returns
/// the place after it.
///
/// `live` has a flag for each window of the adjoints. A window without is zeroed when it is given something,
/// and gets one; windows that still have none are passed over unseen.
#[inline(never)]
pub(crate) fn sweep(
    tape: Tape<'_>,
    adjoints: &mut [f64],
    live: &mut [bool],
    floor: usize,
    from: Place,
) -> Place {
    assert!(floor >= 1 && from.index <= tape.end && from.position <= tape.words.len());
    assert!(adjoints.len() >= from.index && live.len() * WINDOW >= from.index);
    let mut place = from;
    while place.index > floor {
        let window = (place.index - 1) / WINDOW;
        let start = (window * WINDOW).max(floor);
        if !live[window] {
            let below = live[..window].iter().rposition(|&live| live);
            place = tape.down_to(
                place,
                below.map_or(floor, |below| ((below + 1) * WINDOW).max(floor)),
            );
            continue;
        }
        // SAFETY: the asserts above; `place` is between two nodes, and there is a node at `start`.
        let (w, len, live) = (adjoints.as_mut_ptr(), adjoints.len(), live.as_mut_ptr());
        match unsafe { sweep_window(tape, w, len, live, start, place) } {
            Ok(before) => place = before,
            Err(many) if tape.word(many.position).subcode() == code::NARY => {
                // SAFETY: as above; this is the node that the sweep came to.
                unsafe { sweep_slots(tape, w, len, live, start, many) };
                place = tape.before(many);
            }
            Err(stopped) => return stopped,
        }
    }
    place
}

/// Adds to the adjoint at an offset; `start` is that of a window that is live.
///
/// # Safety
///
/// As [`sweep_window`] has it.
#[inline(always)]
unsafe fn add(
    adjoints: *mut f64,
    len: usize,
    live: *mut bool,
    start: usize,
    to: usize,
    contribution: f64,
) {
    debug_assert!(to > 0 && to < 8 * len);
    // SAFETY: the caller's promise.
    unsafe {
        if to < start {
            let window = to / (8 * WINDOW);
            if !*live.add(window) {
                *live.add(window) = true;
                let first = window * WINDOW;
                zero_preserving_registers(adjoints.add(first), WINDOW.min(len - first));
            }
        }
        *adjoints.byte_add(to) += contribution;
    }
}

/// Sweeps the node of any number of operands that ends at a place.
///
/// # Safety
///
/// As [`sweep_window`] has it, for the window from the index `start` on.
#[inline]
unsafe fn sweep_slots(
    tape: Tape<'_>,
    adjoints: *mut f64,
    len: usize,
    live: *mut bool,
    start: usize,
    place: Place,
) {
    // SAFETY: the caller's promise.
    unsafe {
        let w = *adjoints.add(place.index - 1);
        for (p, q, word) in tape.slots(place.position) {
            let (a, b, drops) = (8 * word.a(), 8 * word.b(), word.subcode());
            if a != 0 && drops & code::DROPS_A == 0 {
                add(adjoints, len, live, 8 * start, a, w * p);
            }
            if b != 0 && drops & code::DROPS_B == 0 {
                add(adjoints, len, live, 8 * start, b, w * q);
            }
        }
    }
}

/// Sweeps the nodes below `from` down to the index `start`, all of one window: returns the place before
/// them, or after the one that wants more.
///
/// # Safety
///
/// There are `len` adjoints, one for each index below `from` among them, and a flag for each window of those;
/// `from` is after a node of the tape, and `start` at least 1 and the index of one that is not the second of
/// two. By what an arena warrants, all that this reaches is there then: the words of whole nodes above the
/// empty tape, and adjoints of operands, which are below their node.
#[inline(always)]
unsafe fn sweep_window(
    tape: Tape<'_>,
    adjoints: *mut f64,
    len: usize,
    live: *mut bool,
    start: usize,
    from: Place,
) -> Result<Place, Place> {
    // Indices are kept as offsets of adjoints in bytes, as they stand in a word.
    let start = 8 * start;
    // Of the node before the one at hand.
    let mut before = 8 * (from.index - 2);
    // What the node at hand gave to the one before.
    let mut carry = 0.0;
    // SAFETY: the caller's promise.
    unsafe {
        let mut end = tape.words.as_ptr().add(from.position);
        macro_rules! adjoint {
            ($offset:expr) => {
                *adjoints.byte_add($offset)
            };
        }
        macro_rules! half {
            ($upper:expr) => {
                *end.sub(1)
                    .cast::<u32>()
                    .add($upper ^ cfg!(target_endian = "big") as usize)
            };
        }
        macro_rules! number {
            ($back:expr) => {
                *end.sub($back).cast::<f64>()
            };
        }
        macro_rules! add {
            ($to:expr, $contribution:expr) => {
                add(adjoints, len, live, start, $to, $contribution)
            };
        }
        macro_rules! give {
            ($to:expr, $contribution:expr) => {{
                let to: usize = $to;
                if to == before {
                    carry = $contribution; // these nodes have no operand twice
                } else {
                    add!(to, $contribution);
                }
            }};
        }
        // Wherever the linker puts this function, the loop lies in cache lines alike: else it takes up to a
        // fifth more time in some programs than in others. Of eight offsets this one measured best.
        #[cfg(all(target_arch = "x86_64", not(miri)))]
        std::arch::asm!(
            ".p2align 6\n.nops 48",
            options(nomem, nostack, preserves_flags)
        );
        loop {
            debug_assert!(before + 8 < 8 * len && end > tape.words.as_ptr().add(4));
            // In two halves: each has a field and bits of its own.
            let low = half!(0);
            let a = (low & !7) as usize;
            let mut w = adjoint!(before + 8) + carry;
            adjoint!(before + 8) = w;
            if low & 2 == 0 {
                if low & code::NEAR as u32 != 0 {
                    carry = w; // of the sum of the two before
                    w += adjoint!(before);
                    adjoint!(before) = w;
                    before -= 8;
                    if low & code::TWO as u32 != 0 {
                        if w != 0.0 {
                            add!(a, w * number!(3));
                            add!(half!(1) as usize, w * number!(2));
                        }
                        end = end.sub(3);
                    } else {
                        if w != 0.0 {
                            add!(a, w * number!(2));
                        }
                        end = end.sub(2);
                    }
                } else {
                    carry = 0.0;
                    if low & code::TWO as u32 != 0 {
                        if w != 0.0 {
                            give!(a, w * number!(3));
                            give!(half!(1) as usize, w * number!(2));
                        }
                        end = end.sub(3);
                    } else {
                        if w != 0.0 {
                            give!(a, w * number!(2));
                        }
                        end = end.sub(2);
                    }
                }
            } else if low & 1 == 0 {
                // What comes of a zero are zeros: they do no harm, but they must not wake a window.
                macro_rules! pass_on {
                    ($give:ident, $to:expr) => {{
                        let to: usize = $to;
                        if to >= start || w != 0.0 {
                            $give!(to, w);
                        }
                    }};
                }
                let high = half!(1);
                carry = 0.0;
                if low & 4 != 0 {
                    carry = w;
                    if high & (code::NEGATES_LAST | code::NEGATES_OTHER) as u32 != 0 {
                        if high & code::NEGATES_OTHER as u32 != 0 {
                            w = -w;
                        } else {
                            carry = -w;
                        }
                    }
                    pass_on!(add, a);
                } else {
                    pass_on!(give, a);
                    if high & code::MINUS as u32 != 0 {
                        w = -w;
                    }
                    pass_on!(give, (high & !7) as usize);
                }
                end = end.sub(1);
            } else if low & 4 != 0 {
                carry = 0.0;
                if w != 0.0 {
                    give!(a, w * number!(3));
                }
                end = end.sub(3);
            } else {
                carry = 0.0;
                let high = half!(1);
                let b = (high & !7) as usize;
                match (high & 7) as u8 {
                    _ if high & 7 == code::LEAF as u32 => end = end.sub(2),
                    code::SWITCH => {
                        let p = number!(2);
                        if p != 0.0 && w != 0.0 {
                            give!(a, w * p);
                        }
                        end = end.sub(2);
                    }
                    code::SWITCH_WITH => {
                        let p = number!(3);
                        if p != 0.0 && w != 0.0 {
                            give!(a, w * p);
                        }
                        end = end.sub(3);
                    }
                    code::PAIR => {
                        if w != 0.0 {
                            give!(a, w * number!(4));
                            give!(b, w * number!(3));
                        }
                        end = end.sub(4);
                    }
                    code::SWITCH_PAIR => {
                        let (p, q) = (number!(4), number!(3));
                        if p != 0.0 && w != 0.0 {
                            give!(a, w * p);
                        }
                        if q != 0.0 && w != 0.0 {
                            give!(b, w * q);
                        }
                        end = end.sub(4);
                    }
                    _ => {
                        if w != 0.0 {
                            return Err(Place {
                                index: before / 8 + 2,
                                position: end.offset_from(tape.words.as_ptr()) as usize,
                            });
                        }
                        end = end.sub(super::Word(*end.sub(1)).words());
                    }
                }
            }
            if before < start {
                break;
            }
            before -= 8;
        }
        // `before` is below `start` now.
        if carry != 0.0 {
            add!(before, carry);
        }
        Ok(Place {
            index: start / 8,
            position: end.offset_from(tape.words.as_ptr()) as usize,
        })
    }
}
