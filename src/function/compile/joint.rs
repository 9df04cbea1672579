//! What a call of a program in parts knows of it.

use super::native::Room;
use std::ops::Range;

/// How the parts of a program work together.
pub(super) struct Joint {
    /// Where in the frame the adjoints are.
    pub adjoints: Range<usize>,
    /// Where the outputs stand.
    pub outputs: Vec<(Room, usize)>,
}

impl Joint {
    /// Begins the sweep from an output: all other adjoints are zero.
    pub(super) fn seed(&self, output: usize, frame: &mut [f64], derivatives: &mut [f64]) {
        frame[self.adjoints.clone()].fill(0.0);
        derivatives.fill(0.0);
        match self.outputs[output] {
            (Room::Frame, place) => frame[self.adjoints.start + place] = 1.0,
            (Room::Inputs, place) => derivatives[place] = 1.0,
            _ => {}
        }
    }
}
