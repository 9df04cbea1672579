//! The state of a sweep between two steps, and the memory that a step reads and writes.

use crate::arena::adjoints::WINDOW;

/// The state of a sweep between two steps, which goes through calls in registers. An adjoint is found by its offset in
/// bytes, eight times the index: as an operand's index is stored in a word three bits up, no step has to shift it.
#[derive(Clone, Copy)]
pub(super) struct State<const FLAGGED: bool> {
    /// The offset down to which the window is swept.
    pub(super) start: usize,
    /// By window.
    pub(super) flags: *mut u8,
    pub(super) adjoints: *mut f64,
    /// The end of the node at hand.
    pub(super) end: *const u64,
    /// The offset of its adjoint.
    pub(super) at: usize,
    /// What the node after it gave to it.
    pub(super) carry: f64,
}

/// What is asked for belongs to the node at hand, and what is written to are adjoints: its own, or those of its operands. The
/// proof is that of the [steps](super).
impl<const FLAGGED: bool> State<FLAGGED> {
    /// The adjoint of the sum at hand, and that of the node it is fused into.
    #[inline(always)]
    pub(super) unsafe fn fused(self) -> (f64, f64) {
        let sum = self.adjoint();
        (sum, *self.adjoints.byte_add(self.at - 8) + sum)
    }

    /// The adjoint of the node at hand.
    #[inline]
    pub(super) unsafe fn adjoint(self) -> f64 {
        *self.adjoints.byte_add(self.at) + self.carry
    }

    /// Sets it.
    #[inline]
    pub(super) unsafe fn set(self, w: f64) {
        *self.adjoints.byte_add(self.at) = w
    }

    /// Adds to the adjoint at an offset.
    #[inline]
    pub(super) unsafe fn add(self, to: usize, contribution: f64) {
        debug_assert!(to > 0 && to <= self.at && to.is_multiple_of(8));
        let flag = self.flags.add(to / (8 * WINDOW));
        if !FLAGGED {
            *flag = 1;
        }
        debug_assert!(*flag == 1, "a window without a flag");
        *self.adjoints.byte_add(to) += contribution;
    }

    /// Adds `w` times each of `count` partials to the adjoint of its operand: `first` is the index of the first operand, each
    /// next one is `stride` further. There is at least one ([`Runs::finish`](crate::arena::write::Runs::finish)).
    #[inline]
    pub(super) unsafe fn add_run(self, first: usize, stride: isize, w: f64, partials: *const f64, count: usize) {
        debug_assert!(count > 0);
        if stride == 1 {
            debug_assert!(8 * (first + count - 1) < self.at);
            let windows = first / WINDOW..=(first + count - 1) / WINDOW;
            self.flags.add(*windows.start()).write_bytes(1, windows.count());
            let adjoints = std::slice::from_raw_parts_mut(self.adjoints.add(first), count);
            let partials = std::slice::from_raw_parts(partials, count);
            for (adjoint, p) in adjoints.iter_mut().zip(partials) {
                *adjoint += w * p;
            }
        } else {
            let mut index = first;
            for k in 0..count {
                self.add(8 * index, w * *partials.add(k));
                index = index.wrapping_add_signed(stride);
            }
        }
    }

    /// Whether an operand is the node before.
    #[inline]
    pub(super) fn is_before(self, to: usize) -> bool {
        to == self.at - 8
    }

    /// The number `back` words before the end.
    #[inline]
    pub(super) unsafe fn number(self, back: usize) -> f64 {
        *self.end.sub(back).cast::<f64>()
    }

    /// The upper half of the word.
    #[inline]
    pub(super) unsafe fn high(self) -> usize {
        self.half(1)
    }

    /// A half of the word: each has a field and bits of its own.
    #[inline]
    pub(super) unsafe fn half(self, upper: usize) -> usize {
        half_of(self.end, upper)
    }
}

/// A half of the word before `end`.
#[inline]
pub(super) unsafe fn half_of(end: *const u64, upper: usize) -> usize {
    let word = end.sub(1).cast::<u32>();
    *word.add(upper ^ cfg!(target_endian = "big") as usize) as usize
}
