//! The reverse sweep, step by step: one for each node.
//!
//! Three things bound it. The way of an adjoint through memory: stored by one node and loaded by the next it costs
//! ten cycles or more, kept in a register four; so the contribution to the node just before the one at hand, which
//! very often is an operand, is *carried* in a register. The branches that find out what a node is: a step jumps
//! right to the next one, by the three bits that tell, and a processor learns from which to which; a loop around a
//! decision tree, or around one jump for all, takes up to a third more time. And the number of instructions: so
//! nothing here checks a bound, and the state of the sweep is passed on in registers.
//!
//! The jump is the call that a step ends with, of a function of the same signature: an optimised build makes a jump
//! of it. Where one does not, calls nest, but not deeper than [`DEPTH`](super::walk::DEPTH).

use super::adjoints::{Origin, Page};
use super::walk::Walk;
use super::{Arena, Place, Word, code};

impl Walk {
    /// Sweeps the nodes below `from` down to the start, all of one window, or to a checkpoint.
    ///
    /// # Safety
    ///
    /// `from` is after a node of the tape, and `start` that of one; `page` is the origin of the window of both, and
    /// all below it have a place for one. If `FLAT`, theirs is `page` too.
    /// By what an arena warrants, all that this reaches is there then: the words of whole nodes above the empty
    /// tape, and adjoints of operands, which are below their node.
    #[inline(always)]
    pub(super) unsafe fn steps<const FLAT: bool>(
        &mut self,
        arena: &Arena,
        page: Origin,
        from: Place,
    ) -> Rest {
        let state = State::<FLAT> {
            walk: self,
            pages: self.pages,
            page,
            // SAFETY: of the tape.
            end: unsafe { arena.base.get().add(from.position) },
            at: 8 * (from.index - 1),
            carry: 0.0,
        };
        // SAFETY: the caller's promise.
        unsafe { state.go() }
    }
}

/// The state of a sweep between two steps: as much as goes through calls in registers.
#[derive(Clone, Copy)]
struct State<const FLAT: bool> {
    walk: *mut Walk,
    /// By window.
    pages: *mut Origin,
    /// Of the window at hand.
    page: Origin,
    /// The end of the node at hand.
    end: *const u64,
    /// The offset of its adjoint.
    at: usize,
    /// What the node after it gave to it.
    carry: f64,
}

/// Where a sweep comes to rest: before the start, or at a node that wants more than a step.
pub(super) struct Rest {
    pub(super) end: *const u64,
    pub(super) at: usize,
}

/// A step of the sweep, and all that follow: takes the state, and the lower half of the node's word.
type Step = unsafe fn(*mut Walk, *mut Origin, Origin, *const u64, usize, usize, f64) -> Rest;

macro_rules! steps {
    ($($(#[$attribute:meta])* fn $name:ident($state:ident, $low:ident) $body:block)*) => { $(
        $(#[$attribute])*
        unsafe fn $name<const FLAT: bool>(
            walk: *mut Walk, pages: *mut Origin, page: Origin, end: *const u64, at: usize, $low: usize, carry: f64,
        ) -> Rest {
            #[allow(unused_mut)]
            let mut $state = State::<FLAT> { walk, pages, page, end, at, carry };
            // SAFETY: the promise that `Walk::steps` was given.
            unsafe { $body }
        }
    )* };
}

steps! {
    fn one(state, low) {
        let w = state.adjoint();
        state.give_one(w, low - code::ONE as usize, w * state.number(2), 2)
    }

    fn one_with(state, low) {
        let w = state.adjoint();
        state.give_one(w, low - code::ONE_WITH as usize, w * state.number(3), 3)
    }

    fn two(state, low) {
        let w = state.adjoint();
        let a = low - code::TWO as usize;
        state.give_two(w, a, w * state.number(3), state.high(), w * state.number(2), 3)
    }

    fn one_near(state, low) {
        let (sum, w) = state.near();
        if w == 0.0 {
            return state.go_on_near(sum, w, 2);
        }
        let Some(a) = state.place(low - code::ONE_NEAR as usize) else {
            return state.wake(low);
        };
        *a += w * state.number(2);
        state.go_on_near(sum, w, 2)
    }

    fn two_near(state, low) {
        let (sum, w) = state.near();
        if w == 0.0 {
            return state.go_on_near(sum, w, 3);
        }
        let Some(a) = state.place(low - (code::TWO | code::NEAR) as usize) else {
            return state.wake(low);
        };
        let Some(b) = state.place(state.high()) else {
            return state.wake(state.high());
        };
        *a += w * state.number(3);
        *b += w * state.number(2);
        state.go_on_near(sum, w, 3)
    }

    fn sum(state, low) {
        let (w, high) = (state.adjoint(), state.high());
        let to_b = if high & code::MINUS as usize != 0 { -w } else { w };
        state.give_two(w, low - code::ADD as usize, w, high & !7, to_b, 1)
    }

    fn sum_with_last(state, low) {
        let w = state.adjoint();
        let (mut last, mut other) = (w, w);
        let high = state.high();
        if high & (code::NEGATES_LAST | code::NEGATES_OTHER) as usize != 0 {
            if high & code::NEGATES_OTHER as usize != 0 {
                other = -w;
            } else {
                last = -w;
            }
        }
        if w != 0.0 {
            let Some(a) = state.place(low - code::ADD_LAST as usize) else {
                return state.wake(low);
            };
            *a += other;
        }
        state.go_on(w, last, 1)
    }

    fn rest(state, low) {
        let (w, high) = (state.adjoint(), state.high());
        let (a, b) = (low - code::REST as usize, high & !7);
        match (high & 7) as u8 {
            code::LEAF => {
                (*state.walk).has_leaf = true;
                state.set(w);
                state.carry = 0.0;
                loop {
                    state.end = state.end.sub(2);
                    state.at -= 8;
                    if state.at < (*state.walk).start || *state.end.sub(1) != Word::LEAF.0 {
                        return state.go();
                    }
                }
            }
            code::SWITCH => state.switch_one(w, a, state.number(2), 2),
            code::SWITCH_WITH => state.switch_one(w, a, state.number(3), 3),
            code::PAIR => state.give_two(w, a, w * state.number(4), b, w * state.number(3), 4),
            code::SWITCH_PAIR => match (state.number(4), state.number(3)) {
                (0.0, q) => state.switch_one(w, b, q, 4),
                (p, 0.0) => state.give_one(w, a, w * p, 4),
                (p, q) => state.give_two(w, a, w * p, b, w * q, 4),
            },
            _ if w == 0.0 => state.go_on(w, 0.0, Word(*state.end.sub(1)).words()),
            code::NARY if Word(*state.end.sub(1)).runs() == 0 => state.make(slots::<FLAT>, low),
            code::NARY => state.make(runs::<FLAT>, low),
            code::CHECKPOINT => {
                state.set(w);
                Rest { end: state.end, at: state.at }
            }
            // An output, which sees to it that its segment is swept, whatever the signs of the adjoints.
            _ => state.give_one(w, a, w.abs(), 2),
        }
    }

    #[inline(never)]
    fn runs(state, _low) {
        let word = Word(*state.end.sub(1));
        let (w, words) = (state.adjoint(), word.operands() + 2);
        let count = word.run_len();
        let mut partials = state.end.sub(words).cast::<f64>();
        for _ in 0..word.runs() {
            let run = Word(*partials.add(count).cast::<u64>());
            if run.a() != 0 {
                (*state.walk).add_run(run.a(), run.stride(), w, partials, count);
            }
            partials = partials.add(count + 1);
        }
        state.go_on(w, 0.0, words)
    }

    #[inline(never)]
    fn slots(state, _low) {
        let (w, operands) = (state.adjoint(), Word(*state.end.sub(1)).operands());
        let words = operands + 2;
        let mut slot = state.end.sub(words);
        for _ in 0..operands / 3 {
            let (p, q) = (*slot.cast::<f64>(), *slot.add(1).cast::<f64>());
            slot = slot.add(3);
            let (a, high) = (half_of(slot, 0), half_of(slot, 1));
            let b = high & !7;
            if a != 0 && high & code::DROPS_A as usize == 0 {
                (*state.walk).add(a, w * p);
            }
            if b != 0 && high & code::DROPS_B as usize == 0 {
                (*state.walk).add(b, w * q);
            }
        }
        state.go_on(w, 0.0, words)
    }

    /// Gives a page to the window of the offset in place of `low`, and makes the step at hand again.
    #[cold]
    #[inline(never)]
    fn again(state, low) {
        (*state.walk).wake(low / size_of::<Page>());
        state.go()
    }

    /// Leaves the window: what is carried goes to one below it.
    #[cold]
    #[inline(never)]
    fn leave(state, _low) {
        if state.carry != 0.0 {
            (*state.walk).add(state.at, state.carry);
        }
        Rest { end: state.end, at: state.at }
    }
}

/// What the steps are made of. A step finds the places of all that it gives to before it changes anything: so it
/// can be made again where a page is missing.
///
/// # Safety
///
/// As [`Walk::steps`] has it, and the node at hand is such as the function takes.
impl<const FLAT: bool> State<FLAT> {
    /// The steps by code.
    const STEPS: [Step; 8] = [
        one::<FLAT>,
        one_near::<FLAT>,
        sum::<FLAT>,
        rest::<FLAT>,
        two::<FLAT>,
        two_near::<FLAT>,
        sum_with_last::<FLAT>,
        one_with::<FLAT>,
    ];

    /// Makes the step at hand, and all that follow.
    #[inline(always)]
    unsafe fn go(self) -> Rest {
        // SAFETY: the caller's promise.
        unsafe {
            if self.at < (*self.walk).start {
                if FLAT {
                    align_to_cache_line(); // there it never wakes
                }
                return self.make(leave::<FLAT>, 0);
            }
            let low = self.half(0);
            let steps: &'static [Step; 8] = &Self::STEPS;
            self.make(steps[low & 7], low)
        }
    }

    /// Makes a step, and all that follow.
    #[inline(always)]
    unsafe fn make(self, step: Step, low: usize) -> Rest {
        // SAFETY: the caller's promise.
        unsafe {
            step(
                self.walk, self.pages, self.page, self.end, self.at, low, self.carry,
            )
        }
    }

    /// Gives to one operand, and goes on.
    #[inline(always)]
    unsafe fn give_one(self, w: f64, a: usize, to_a: f64, words: usize) -> Rest {
        // SAFETY: the caller's promise.
        unsafe {
            if w == 0.0 {
                return self.go_on(w, 0.0, words);
            }
            if self.is_before(a) {
                return self.go_on(w, to_a, words);
            }
            let Some(place) = self.place(a) else {
                return self.wake(a);
            };
            *place += to_a;
            self.go_on(w, 0.0, words)
        }
    }

    /// Gives to two operands, which are not the same, and goes on.
    #[inline(always)]
    unsafe fn give_two(
        self,
        w: f64,
        a: usize,
        to_a: f64,
        b: usize,
        to_b: f64,
        words: usize,
    ) -> Rest {
        // SAFETY: the caller's promise.
        unsafe {
            if w == 0.0 {
                return self.go_on(w, 0.0, words);
            }
            if self.is_before(a) {
                let Some(b) = self.place(b) else {
                    return self.wake(b);
                };
                *b += to_b;
                return self.go_on(w, to_a, words);
            }
            let Some(place) = self.place(a) else {
                return self.wake(a);
            };
            if self.is_before(b) {
                *place += to_a;
                return self.go_on(w, to_b, words);
            }
            let Some(other) = self.place(b) else {
                return self.wake(b);
            };
            *place += to_a;
            *other += to_b;
            self.go_on(w, 0.0, words)
        }
    }

    /// As [`give_one`](State::give_one), but a partial of zero is not propagated.
    #[inline(always)]
    unsafe fn switch_one(self, w: f64, a: usize, p: f64, words: usize) -> Rest {
        // SAFETY: the caller's promise.
        unsafe {
            if p == 0.0 {
                return self.go_on(w, 0.0, words);
            }
            self.give_one(w, a, w * p, words)
        }
    }

    /// Goes on to the node before this one, of adjoint `w` and so many words, with what was given to it.
    #[inline(always)]
    unsafe fn go_on(mut self, w: f64, carry: f64, words: usize) -> Rest {
        // SAFETY: the caller's promise.
        unsafe {
            self.set(w);
            self.carry = carry;
            self.end = self.end.sub(words);
            self.at -= 8;
            self.go()
        }
    }

    /// The adjoint of the sum at hand, and that of the node it ends with.
    #[inline(always)]
    unsafe fn near(self) -> (f64, f64) {
        // SAFETY: the caller's promise.
        unsafe {
            let sum = self.adjoint();
            (sum, *self.page.wrapping_byte_add(self.at - 8) + sum)
        }
    }

    /// As [`go_on`](State::go_on), of a sum and the node it ends with.
    #[inline(always)]
    unsafe fn go_on_near(mut self, sum: f64, w: f64, words: usize) -> Rest {
        // SAFETY: the caller's promise.
        unsafe {
            self.set(sum);
            self.at -= 8;
            self.go_on(w, sum, words)
        }
    }

    /// The adjoint of the node at hand.
    #[inline(always)]
    unsafe fn adjoint(self) -> f64 {
        // SAFETY: the caller's promise.
        unsafe { *self.page.wrapping_byte_add(self.at) + self.carry }
    }

    /// Sets it.
    #[inline(always)]
    unsafe fn set(self, w: f64) {
        // SAFETY: the caller's promise.
        unsafe { *self.page.wrapping_byte_add(self.at) = w }
    }

    /// Where the adjoint of an operand is, if its window has a page.
    #[inline(always)]
    unsafe fn place(self, to: usize) -> Option<*mut f64> {
        debug_assert!(to > 0 && to < self.at);
        if FLAT {
            return Some(self.page.wrapping_byte_add(to));
        }
        // SAFETY: the caller's promise.
        unsafe {
            let page = *self.pages.add(to / size_of::<Page>());
            if page.is_null() {
                return None;
            }
            Some(page.wrapping_byte_add(to))
        }
    }

    /// Gives a page to the window of an operand, and makes the step at hand again.
    #[inline(always)]
    unsafe fn wake(self, to: usize) -> Rest {
        align_to_cache_line();
        // SAFETY: the caller's promise.
        unsafe { self.make(again::<FLAT>, to) }
    }

    /// Whether an operand is the node before.
    #[inline(always)]
    fn is_before(self, to: usize) -> bool {
        to == self.at - 8
    }

    /// The number so many words before the end.
    #[inline(always)]
    unsafe fn number(self, back: usize) -> f64 {
        // SAFETY: the caller's promise.
        unsafe { *self.end.sub(back).cast::<f64>() }
    }

    /// The upper half of the word.
    #[inline(always)]
    unsafe fn high(self) -> usize {
        // SAFETY: the caller's promise.
        unsafe { self.half(1) }
    }

    /// A half of the word: each has a field and bits of its own.
    #[inline(always)]
    unsafe fn half(self, upper: usize) -> usize {
        // SAFETY: the caller's promise.
        unsafe { half_of(self.end, upper) }
    }
}

/// A half of the word before `end`.
///
/// # Safety
///
/// It is of the tape.
#[inline(always)]
unsafe fn half_of(end: *const u64, upper: usize) -> usize {
    // SAFETY: the caller's promise.
    unsafe {
        let word = end.sub(1).cast::<u32>();
        *word.add(upper ^ cfg!(target_endian = "big") as usize) as usize
    }
}

/// Has the function that it stands in begin with a cache line, wherever the linker puts it: else a sweep takes up
/// to a fifth more time in some programs than in others. For a branch that is hardly ever taken.
#[inline(always)]
fn align_to_cache_line() {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: it does nothing.
    unsafe {
        std::arch::asm!(".p2align 6", options(nomem, nostack, preserves_flags));
    }
}
