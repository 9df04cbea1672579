//! The reverse sweep, step by step: one for each node.
//!
//! Three things bound it. The way of an adjoint through memory: stored by one node and loaded by the next it costs
//! ten cycles or more, kept in a register four; so the contribution to the node just before the one at hand, which
//! very often is an operand, is *carried* in a register. The branches that find out what a node is: a step jumps
//! right to the next one, by the three bits of its code, and a processor learns from which to which; a loop around a
//! decision tree, or around one jump for all, takes up to a third more time. And the number of instructions: so
//! nothing here checks a bound, and the state of the sweep is passed on in registers.
//!
//! This is threaded dispatch by tail calls: a step ends with the call of the next one, a function of the same signature,
//! of which an optimised build makes a jump. Nothing depends on that: the steps of one call of [`steps`] are those of one
//! [window](super::adjoints::WINDOW) at most, of which some nodes take two, so calls that are not made jumps nest no deeper than that.
//!
//! # Why it is safe
//!
//! One proof serves all functions here and in `state`, so none has another of its own. Each takes a [`State`], and is called
//! only while this holds of it:
//!
//! - *`end` is where a node ends and `at` is eight times its index, or the window is done (`at < start`)*. It holds in [`steps`]
//!   by its contract. A step goes on by the words of its node and by one index, or by two where a sum is fused into the node: by
//!   [`Arena::assert_nodes`] the node before ends there. So what is read of a node are words of it: each step reads those that
//!   [its kind](super::word) has.
//! - *`adjoints` has room for every index up to that of the node, and `flags` for the windows of these*. It holds in [`steps`] by
//!   its contract, and indices only get smaller. By [`Arena::assert_nodes`] the indices in a word are below that of its node (or
//!   equal, once the epochs have started again: see `is_current`), so what is contributed to an operand lands inside. What is
//!   carried goes to the node just before, where that is an operand; the first node of a graph is a leaf, which carries nothing.
//! - *Nothing else refers to the adjoints and the flags, and the tape does not change*: no step calls anything but steps.

// Blocks inside of these functions would each repeat the proof above.
#![allow(unsafe_op_in_unsafe_fn)]

mod state;

use super::adjoints::WINDOW;
use super::place::Place;
use super::raw::Arena;
use super::word::{Word, code};
use state::{State, half_of};

/// Where the steps of a window stopped: before its start, or at the head of a checkpoint. Two numbers, which a function
/// returns in registers.
pub(super) struct Stopped {
    /// The end of the node at hand.
    pub(super) end: *const u64,
    /// Its index.
    pub(super) at: usize,
}

/// Sweeps the nodes below `from` down to `start`, not more than a window has, or to a checkpoint.
///
/// # Safety
///
/// `from` is a place between nodes, so not between a node and the sum that is fused into it; so is `start`, or the steps go on to the
/// beginning of the pair that it is in. Between them are nodes of the tape. `adjoints` and `flags` lead to those of all nodes below `from`, and nothing else
/// refers to them while the steps are made.
///
/// If `FLAGGED`, all windows that the steps reach have flags already, and they set none.
#[inline]
pub(super) unsafe fn steps<const FLAGGED: bool>(
    arena: &Arena,
    adjoints: *mut f64,
    flags: *mut u8,
    start: usize,
    from: Place,
) -> Stopped {
    debug_assert!(from.index - start <= WINDOW);
    let state = State::<FLAGGED> {
        start: 8 * start,
        flags,
        adjoints,
        end: arena.base.get().add(from.position),
        at: 8 * (from.index - 1),
        carry: 0.0,
    };
    state.go()
}

/// A step of the sweep, and all that follow: takes the state, and the lower half of the node's word.
type Step = unsafe fn(usize, *mut u8, *mut f64, *const u64, usize, usize, f64) -> Stopped;

macro_rules! steps {
    ($($(#[$attribute:meta])* fn $name:ident($state:ident, $low:ident) $body:block)*) => { $(
        $(#[$attribute])*
        unsafe fn $name<const FLAGGED: bool>(
            start: usize, flags: *mut u8, adjoints: *mut f64, end: *const u64, at: usize, $low: usize, carry: f64,
        ) -> Stopped {
            #[allow(unused_mut)]
            let mut $state = State::<FLAGGED> { start, flags, adjoints, end, at, carry };
            $body
        }
    )* };
}

steps! {
    fn one(state, low) {
        let w = state.adjoint();
        state.contribute_to_one(w, low - code::ONE as usize, w * state.number(2), 2)
    }

    fn one_with(state, low) {
        let w = state.adjoint();
        state.contribute_to_one(w, low - code::ONE_WITH as usize, w * state.number(3), 3)
    }

    fn two(state, low) {
        let w = state.adjoint();
        let a = low - code::TWO as usize;
        state.contribute_to_two(w, a, w * state.number(3), state.high(), w * state.number(2), 3)
    }

    fn one_fused(state, low) {
        let (sum, w) = state.fused();
        if w == 0.0 {
            return state.go_on_fused(sum, w, 2);
        }
        state.add(low - code::ONE_FUSED as usize, w * state.number(2));
        state.go_on_fused(sum, w, 2)
    }

    fn two_fused(state, low) {
        let (sum, w) = state.fused();
        if w == 0.0 {
            return state.go_on_fused(sum, w, 3);
        }
        state.add(low - code::TWO_FUSED as usize, w * state.number(3));
        state.add(state.high(), w * state.number(2));
        state.go_on_fused(sum, w, 3)
    }

    fn sum(state, low) {
        let (w, high) = (state.adjoint(), state.high());
        let to_b = if high & code::MINUS as usize != 0 { -w } else { w };
        state.contribute_to_two(w, low - code::ADD as usize, w, high & !7, to_b, 1)
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
            state.add(low - code::ADD_LAST as usize, other);
        }
        state.go_on(w, last, 1)
    }

    fn rest(state, low) {
        let w = state.adjoint();
        match (state.high() & 7) as u8 {
            code::LEAF => {
                state.set(w);
                state.carry = 0.0;
                loop {
                    state.end = state.end.sub(2);
                    state.at -= 8;
                    if state.at < state.start || *state.end.sub(1) != Word::LEAF.0 {
                        return state.go();
                    }
                }
            }
            code::SWITCH => state.make(switch::<FLAGGED>, low),
            code::SWITCH_WITH => state.make(switch_with::<FLAGGED>, low),
            code::PAIR => state.make(pair::<FLAGGED>, low),
            code::SWITCH_PAIR => state.make(switch_pair::<FLAGGED>, low),
            _ if w == 0.0 => state.go_on(w, 0.0, Word(*state.end.sub(1)).words()),
            code::NARY if Word(*state.end.sub(1)).runs() == 0 => state.make(slots::<FLAGGED>, low),
            code::NARY => state.make(runs::<FLAGGED>, low),
            code::CHECKPOINT => {
                state.set(w);
                Stopped { end: state.end, at: state.at / 8 }
            }
            // An output: adds |w|, so that adjoints of several outputs cannot cancel and the segment is swept.
            _ => state.contribute_to_one(w, low - code::BY_SUBCODE as usize, w.abs(), 2),
        }
    }

    fn switch(state, low) {
        state.switch_one(state.adjoint(), low - code::BY_SUBCODE as usize, state.number(2), 2)
    }

    fn switch_with(state, low) {
        state.switch_one(state.adjoint(), low - code::BY_SUBCODE as usize, state.number(3), 3)
    }

    fn pair(state, low) {
        let (w, a, b) = (state.adjoint(), low - code::BY_SUBCODE as usize, state.high() & !7);
        state.contribute_to_two(w, a, w * state.number(4), b, w * state.number(3), 4)
    }

    fn switch_pair(state, low) {
        let (w, a, b) = (state.adjoint(), low - code::BY_SUBCODE as usize, state.high() & !7);
        match (state.number(4), state.number(3)) {
            (0.0, q) => state.switch_one(w, b, q, 4),
            (p, 0.0) => state.contribute_to_one(w, a, w * p, 4),
            (p, q) => state.contribute_to_two(w, a, w * p, b, w * q, 4),
        }
    }

    /// Leaves the window: what is carried goes to a node of the one below it.
    #[cold]
    #[inline(never)]
    fn leave(state, _low) {
        if state.carry != 0.0 {
            state.add(state.at, state.carry);
        }
        Stopped { end: state.end, at: state.at / 8 }
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
                state.add_run(run.a(), run.stride(), w, partials, count);
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
                state.add(a, w * p);
            }
            if b != 0 && high & code::DROPS_B as usize == 0 {
                state.add(b, w * q);
            }
        }
        state.go_on(w, 0.0, words)
    }
}

/// What the steps are made of.
impl<const FLAGGED: bool> State<FLAGGED> {
    /// The steps by code.
    const STEPS: [Step; 8] = [
        one::<FLAGGED>,
        one_fused::<FLAGGED>,
        sum::<FLAGGED>,
        rest::<FLAGGED>,
        two::<FLAGGED>,
        two_fused::<FLAGGED>,
        sum_with_last::<FLAGGED>,
        one_with::<FLAGGED>,
    ];

    /// Makes the step at hand, and all that follow.
    #[inline]
    unsafe fn go(self) -> Stopped {
        if self.at < self.start {
            align_to_cache_line();
            return self.make(leave::<FLAGGED>, 0);
        }
        let low = self.half(0);
        let steps: &'static [Step; 8] = &Self::STEPS;
        self.make(steps[low & 7], low)
    }

    /// Makes a step, and all that follow.
    #[inline]
    unsafe fn make(self, step: Step, low: usize) -> Stopped {
        step(self.start, self.flags, self.adjoints, self.end, self.at, low, self.carry)
    }

    /// Contributes to one operand, and goes on.
    #[inline(always)]
    unsafe fn contribute_to_one(self, w: f64, a: usize, to_a: f64, words: usize) -> Stopped {
        if w == 0.0 {
            return self.go_on(w, 0.0, words);
        }
        if self.is_before(a) {
            return self.go_on(w, to_a, words);
        }
        self.add(a, to_a);
        self.go_on(w, 0.0, words)
    }

    /// Contributes to two operands, which are not the same, and goes on.
    #[inline(always)]
    unsafe fn contribute_to_two(self, w: f64, a: usize, to_a: f64, b: usize, to_b: f64, words: usize) -> Stopped {
        if w == 0.0 {
            return self.go_on(w, 0.0, words);
        }
        if self.is_before(a) {
            self.add(b, to_b);
            return self.go_on(w, to_a, words);
        }
        self.add(a, to_a);
        if self.is_before(b) {
            return self.go_on(w, to_b, words);
        }
        self.add(b, to_b);
        self.go_on(w, 0.0, words)
    }

    /// As [`contribute_to_one`](State::contribute_to_one), but a partial of zero is not propagated.
    #[inline(always)]
    unsafe fn switch_one(self, w: f64, a: usize, p: f64, words: usize) -> Stopped {
        if p == 0.0 {
            return self.go_on(w, 0.0, words);
        }
        self.contribute_to_one(w, a, w * p, words)
    }

    /// Goes on to the node before this one, which has `words` words and the adjoint `w`, with what was contributed to that node.
    #[inline]
    unsafe fn go_on(mut self, w: f64, carry: f64, words: usize) -> Stopped {
        self.set(w);
        self.carry = carry;
        self.end = self.end.sub(words);
        self.at -= 8;
        self.go()
    }

    /// As [`go_on`](State::go_on), of a sum and the node it is fused into.
    #[inline(always)]
    unsafe fn go_on_fused(mut self, sum: f64, w: f64, words: usize) -> Stopped {
        self.set(sum);
        self.at -= 8;
        self.go_on(w, sum, words)
    }
}

// The order of `STEPS`.
const _: () = {
    use code::{ADD, ADD_LAST, BY_SUBCODE, ONE, ONE_FUSED, ONE_WITH, TWO, TWO_FUSED};
    let by_number = [ONE, ONE_FUSED, ADD, BY_SUBCODE, TWO, TWO_FUSED, ADD_LAST, ONE_WITH];
    assert!(matches!(by_number, [0, 1, 2, 3, 4, 5, 6, 7]));
};

/// Aligns the surrounding function to a cache line, wherever the linker puts it: else a sweep takes up to a fifth more time in some
/// programs than in others. For a branch that is hardly ever taken.
#[inline]
fn align_to_cache_line() {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    // SAFETY: it does nothing.
    unsafe {
        std::arch::asm!(".p2align 6", options(nomem, nostack, preserves_flags));
    }
}
