//! The loop of the reverse sweep.
//!
//! What bounds it is the way an adjoint takes through memory (stored by one node and loaded by the next it
//! costs 12 cycles, kept in a register 4) and after that the number of instructions. So the contribution to
//! the node just before the one at hand, which very often is an operand, is *carried* in a register; a
//! node tells in three bits what it is; and nothing here checks a bound: that alone takes a seventh of the
//! instructions.

use super::adjoints::{Adjoints, Page, WINDOW};
use super::{Place, Tape, arena, code, trampoline};

/// Gives a page to a window.
extern "sysv64" fn wake(adjoints: *mut Adjoints, window: usize) {
    // SAFETY: `wake_preserving_registers` is told where they are, and that the window is one of theirs.
    unsafe { (*adjoints).wake(window) }
}

trampoline::preserving_registers! {
    /// Calls [`wake`], on the cold branch of a give.
    fn wake_preserving_registers(adjoints in "rdi": *mut Adjoints, window in "rsi": usize) => wake;
}

/// Sweeps the nodes below the index `end` down to `floor`, or to a checkpoint: returns its index.
///
/// There must be room for the adjoints of all that is below `end`. Those of the windows from the index `drops`
/// on that have no leaf are dropped.
#[inline]
#[track_caller]
pub(crate) fn sweep(
    adjoints: &mut Adjoints,
    floor: usize,
    end: usize,
    drops: usize,
) -> Option<usize> {
    // SAFETY: nothing is recorded before this returns.
    let tape = unsafe { arena().read() };
    let mut place = tape.place(end);
    assert!(floor >= 1 && place.index <= adjoints.pages().len() * WINDOW);
    let mut has_leaf = false;
    while place.index > floor {
        let window = (place.index - 1) / WINDOW;
        let first = window * WINDOW;
        let pages = adjoints.pages();
        if pages[window].is_null() {
            let below = pages[..window].iter().rposition(|page| !page.is_null());
            place = tape.down_to(
                place,
                below.map_or(floor, |below| ((below + 1) * WINDOW).max(floor)),
            );
            continue;
        }
        let pages = pages.as_mut_ptr();
        // SAFETY: `place` is between two nodes, there is a node at `first`, and there are pages for all.
        let walk = unsafe {
            Walk {
                adjoints,
                pages,
                page: (*pages.add(window)).cast::<f64>().wrapping_sub(first),
                start: 8 * first.max(floor),
            }
        };
        // SAFETY: as above.
        match unsafe { walk.sweep_window(tape, &mut has_leaf, place) } {
            Ok(before) => place = before,
            Err(stopped) => {
                let (index, word) = (stopped.index - 1, tape.word(stopped.position));
                match word.subcode() {
                    // SAFETY: as above; this is the node that the sweep came to.
                    code::NARY => unsafe { walk.sweep_slots(tape, stopped) },
                    code::CHECKPOINT => {
                        adjoints.assert_fed();
                        return Some(index);
                    }
                    // An output, which sees to it that its segment is swept, whatever the signs of the
                    // adjoints.
                    // SAFETY: as above.
                    _ => unsafe { walk.add(8 * word.a(), (*walk.page.add(index)).abs()) },
                }
                place = tape.before(stopped);
            }
        }
        if place.index <= first.max(floor) {
            if first >= drops && !has_leaf {
                adjoints.drop_window(window);
            }
            has_leaf = false;
        }
    }
    adjoints.assert_fed();
    None
}

/// Where the adjoints are for the sweep of one window.
#[derive(Clone, Copy)]
struct Walk {
    adjoints: *mut Adjoints,
    /// By window.
    pages: *mut *mut Page,
    /// Where the first adjoint of the window is, less its index.
    page: *mut f64,
    /// The index from which the window is swept, as an offset.
    start: usize,
}

impl Walk {
    /// Adds to the adjoint at an offset.
    ///
    /// # Safety
    ///
    /// As [`sweep_window`](Walk::sweep_window) has it.
    #[inline(always)]
    unsafe fn add(self, to: usize, contribution: f64) {
        debug_assert!(to > 0);
        // SAFETY: the caller's promise.
        unsafe {
            let window = to / size_of::<Page>();
            let page = self.pages.add(window);
            if (*page).is_null() {
                wake_preserving_registers(self.adjoints, window);
            }
            *(*page).cast::<f64>().byte_add(to % size_of::<Page>()) += contribution;
        }
    }

    /// Sweeps the node of any number of operands that ends at a place.
    ///
    /// # Safety
    ///
    /// As [`sweep_window`](Walk::sweep_window) has it.
    #[inline]
    unsafe fn sweep_slots(self, tape: Tape<'_>, place: Place) {
        // SAFETY: the caller's promise.
        unsafe {
            let w = *self.page.wrapping_add(place.index - 1);
            for (p, q, word) in tape.slots(place.position) {
                let (a, b, drops) = (8 * word.a(), 8 * word.b(), word.subcode());
                if a != 0 && drops & code::DROPS_A == 0 {
                    self.add(a, w * p);
                }
                if b != 0 && drops & code::DROPS_B == 0 {
                    self.add(b, w * q);
                }
            }
        }
    }

    /// Sweeps the nodes below `from` down to the start, all of one window: returns the place before
    /// them, or after the one that wants more. Tells whether there are leaves.
    ///
    /// # Safety
    ///
    /// `from` is after a node of the tape, and `start` that of one, which is not the second of two; the
    /// window of both has a page, and all below it have a place for one. By what an arena warrants, all that this
    /// reaches is there then: the words of whole nodes above the empty tape, and adjoints of operands, which are
    /// below their node.
    #[inline(always)]
    unsafe fn sweep_window(
        self,
        tape: Tape<'_>,
        has_leaf: &mut bool,
        from: Place,
    ) -> Result<Place, Place> {
        // Indices are kept as offsets of adjoints in bytes, as they stand in a word.
        let start = self.start;
        // Of the node before the one at hand.
        let mut before = 8 * (from.index - 2);
        // What the node at hand gave to the one before.
        let mut carry = 0.0;
        // SAFETY: the caller's promise.
        unsafe {
            let mut end = tape.words.as_ptr().add(from.position);
            macro_rules! adjoint {
                ($offset:expr) => {
                    *self.page.wrapping_byte_add($offset)
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
                    self.add($to, $contribution)
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
                debug_assert!(end > tape.words.as_ptr().add(4));
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
                        _ if high & 7 == code::LEAF as u32 => {
                            *has_leaf = true;
                            end = end.sub(2);
                            while before >= start && *end.sub(1) == super::Word::LEAF.0 {
                                end = end.sub(2);
                                before -= 8;
                            }
                        }
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
}
