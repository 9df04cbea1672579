//! `nalgebra`

mod field;
mod lane;
