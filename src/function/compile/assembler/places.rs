//! Where numbers are stored.

use crate::function::compile::native::Room;
use cranelift_codegen::ir::{Block, Value};

/// Where a number is stored, in each repetition of a part.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum At {
    /// At a place of the frame that each repetition has for itself.
    Own(usize),
    /// At one of those places, of which each lane of a number takes one.
    Lane(usize),
    /// At a place that advances by this number from one repetition to the next.
    Strided { room: Room, place: usize, stride: isize },
    /// In a column of the table.
    Entry(usize),
    /// `shift` places behind the one that a column of the table gives, in bytes.
    Listed { room: Room, column: usize, shift: usize },
    /// As an output of the repetition before, in a register; at this place of the frame for the first repetition.
    Carried { output: usize, place: usize },
}

impl At {
    /// At the same place in all repetitions.
    pub(crate) const fn fixed(room: Room, place: usize) -> At {
        At::Strided { room, place, stride: 0 }
    }

    /// Where the adjoint of that number is stored: of one in the frame `farther` places farther on.
    pub(crate) fn adjoint(self, farther: usize) -> At {
        let of = |room| match room {
            Room::Frame => (Room::Frame, farther),
            _ => (Room::Derivatives, 0),
        };
        match self {
            At::Strided { room, place, stride } => At::Strided { room: of(room).0, place: place + of(room).1, stride },
            At::Listed { room, column, .. } => At::Listed { room: of(room).0, column, shift: of(room).1 },
            _ => unreachable!("it has no place outside of the repetition"),
        }
    }
}

/// What the repetitions of a part have for themselves: places of the frame, so that what the values store is there for the
/// derivatives, and a row each of a table among the constants.
#[derive(Clone, Copy)]
pub(crate) struct Own {
    /// The number of repetitions.
    pub count: usize,
    /// Where the places of the last repetition begin; those of the others follow.
    pub base: usize,
    /// How many each has so far.
    pub size: usize,
    /// Where the table begins among the constants.
    pub table: usize,
    /// The length of a row of the table.
    pub width: usize,
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
