//! A variable as a vector of one lane.
//!
//! `simba` declares two methods `unsafe`, so they must be written so; nothing in them is.

#![allow(unsafe_code)]

use crate::handle::Var;
use simba::simd::{PrimitiveSimdValue, SimdValue};

impl PrimitiveSimdValue for Var {}

impl SimdValue for Var {
    const LANES: usize = 1;
    type Element = Var;
    type SimdBool = bool;

    fn splat(x: Var) -> Var {
        x
    }

    fn extract(&self, _: usize) -> Var {
        *self
    }

    unsafe fn extract_unchecked(&self, _: usize) -> Var {
        *self
    }

    fn replace(&mut self, _: usize, x: Var) {
        *self = x;
    }

    unsafe fn replace_unchecked(&mut self, _: usize, x: Var) {
        *self = x;
    }

    fn select(self, condition: bool, other: Var) -> Var {
        if condition { self } else { other }
    }
}
