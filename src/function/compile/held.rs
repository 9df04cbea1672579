//! Where the numbers of a compiled program are at the moment: in a register, or in the frame.

use super::plan::Order;
use cranelift_codegen::ir::Value;

/// A number whose next use is farther away than so many operands is stored.
pub(super) const NEAR: u32 = 24;

pub(super) const NONE: u32 = u32::MAX;

/// A number in a register.
#[derive(Clone, Copy)]
pub(super) struct Held {
    pub function: u32,
    /// The number of instructions when it was used last.
    pub at: u32,
    pub value: Value,
}

impl Held {
    /// Not at all.
    pub(super) fn not() -> Held {
        Held {
            function: NONE,
            at: 0,
            value: Value::from_u32(0),
        }
    }
}

/// Where the adjoints are.
pub(super) struct Adjoints {
    pub order: Order,
    /// Which output it is, and its index.
    pub output: (usize, u32),
    /// The number of gifts so far.
    pub given: u32,
    pub held: Vec<Held>,
    /// Those that are held and not stored.
    pub only_held: Vec<u32>,
    /// Where in the frame each is, if it is there as it is now; an input's is among the derivatives.
    pub places: Vec<u32>,
    pub is_begun: Vec<bool>,
}

impl Adjoints {
    pub(super) fn new(len: usize) -> Adjoints {
        Adjoints {
            order: Order::default(),
            output: (0, 0),
            given: 0,
            held: vec![Held::not(); len],
            only_held: Vec::new(),
            places: vec![NONE; len],
            is_begun: vec![false; len],
        }
    }
}
