//! A number that is an expression: what a rule of the table writes when it is run over it.

use crate::ops::{Op, table};
use crate::real::Real;
use std::cell::RefCell;
use std::cmp::Ordering;
use std::fmt;
use std::iter::{Product, Sum};
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};

thread_local! {
    /// The texts of all expressions, each once. They are few: the rules' own, and a program's names.
    static TEXTS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

/// An expression: a name, a literal, a call, or anything in parentheses.
#[derive(Clone, Copy)]
pub(super) struct Source(&'static str);
