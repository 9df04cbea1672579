//! Where the numbers of a repetition are.

use crate::function::compile::native::Room;
use cranelift_codegen::ir::{Block, Value};

/// The places of the frame that are a part's own.
///
/// Each repetition has its places, so that what the values store is there for the derivatives. What the derivatives
/// store beside, all repetitions store in the same places.
#[derive(Clone, Copy)]
pub(in crate::function::compile) struct Own {
    /// Where the places of the first repetition begin.
    pub base: usize,
    /// How many each has, once that is known.
    pub size: usize,
    /// Where the places for all begin.
    pub common: usize,
    /// The number of repetitions.
    pub count: usize,
}

impl Own {
    /// The whole frame.
    pub(in crate::function::compile) const ALL: Own = Own::from(0, 1);

    /// Places from `base` on, whose number is not known yet.
    pub(in crate::function::compile) const fn from(base: usize, count: usize) -> Own {
        Own {
            base,
            size: usize::MAX,
            common: 0,
            count,
        }
    }
}

/// The loop of a function, if it has one.
pub(super) struct Repetitions {
    pub is_downward: bool,
    pub header: Block,
    /// The number of the repetition.
    pub number: Value,
    /// Where its places of the frame begin.
    pub own: Value,
}

/// Where a number from outside of a repetition stands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(in crate::function::compile) enum Outside {
    /// At a place that advances by so many from one repetition to the next.
    Strided {
        room: Room,
        place: usize,
        stride: isize,
    },
    /// `shift` places behind the one that is listed among the constants, where that advances so.
    Listed {
        room: Room,
        shift: usize,
        place: usize,
        stride: isize,
    },
}
