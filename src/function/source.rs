//! A function as Rust source that depends on nothing.
//!
//! The text of a row's value is taken from the table; that of its partials is written by the rules
//! themselves, run over [`Symbol`](super::emit::symbol::Symbol), a number that is an expression. What `f64` lacks comes along as the text
//! of this crate's own functions, as far as these need no other crate.

use super::Function;
use crate::refusal::debug_as_displayed;
use std::fmt;

mod expression;
mod helpers;
mod sweep;
mod words;
mod writer;

use words::is_identifier;
use writer::Writer;

/// Why a function cannot be written as source.
///
/// ```
/// use scalargrad::function::{Function, SourceError};
///
/// let f = Function::record(&[1.0], |x| x[0].erf());
/// let error = f.to_rust("f").unwrap_err();
/// assert_eq!(error, SourceError::NeedsCrate("erf".into()));
/// assert_eq!(error.to_string(), "`erf` needs the crate `libm`, and the source is to need none");
/// ```
#[derive(Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum SourceError {
    /// The name that was asked for is no name of a function.
    NotAName(String),
    /// The written source has a helper of this name.
    NameTaken(String),
    /// The function has this number of outputs, not one.
    Outputs(usize),
    /// The operation of this label is a user's own, which is code.
    Custom(String),
    /// This function is another crate's, `libm`'s.
    NeedsCrate(String),
}

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SourceError::NotAName(name) => write!(f, "`{name}` is no name for a function"),
            SourceError::NameTaken(name) => write!(f, "the source has a function `{name}` of its own"),
            SourceError::Outputs(count) => write!(f, "the function has {count} outputs, not one"),
            SourceError::Custom(label) => write!(f, "`{label}` is a user's own operation, which is code"),
            SourceError::NeedsCrate(function) => {
                write!(f, "`{function}` needs the crate `libm`, and the source is to need none")
            }
        }
    }
}

debug_as_displayed!(SourceError);
impl std::error::Error for SourceError {}

impl Function {
    /// Rust source of a plain function `fn name(x: &[f64; N], gradient: &mut [f64; N]) -> f64`.
    ///
    /// It returns the value and fills the gradient, bit for bit those of [`value`](Function::value) and
    /// [`sparse_jacobian`](Function::sparse_jacobian), and needs the standard library only. Inputs and
    /// intermediate variables keep their names. A guard becomes an assertion. Where the gradient is not finite a replay computes it
    /// once more, over adjoints that do not overflow; the source, which would be twice as long, does not.
    ///
    /// # Errors
    ///
    /// If there is not exactly one output, `name` is no identifier or that of a function which
    /// the source has as a helper (`tie`, `max_partial_0` and the like), or an operation is a user's
    /// own or needs another crate (`erf`, `gamma` and their kin).
    ///
    /// ```
    /// use scalargrad::function::Function;
    ///
    /// let f = Function::record(&[3.0, 2.0], |x| {
    ///     let (width, height) = (x[0].named("width"), x[1].named("height"));
    ///     (width * height).named("area") + width
    /// });
    /// assert_eq!(f.to_rust("cost").unwrap(), "\
    /// pub fn cost(x: &[f64; 2], gradient: &mut [f64; 2]) -> f64 {
    ///     let width = x[0];
    ///     let height = x[1];
    ///     let area = width * height;
    ///     let t1 = area + width;
    ///
    ///     // The derivatives of the result.
    ///     let mut d_width = 0.0;
    ///     let mut d_height = 0.0;
    ///     let mut d_area = 0.0;
    ///     let d_t1 = 1.0;
    ///     d_area += d_t1;
    ///     d_width += d_t1;
    ///     if d_area != 0.0 {
    ///         d_width += d_area * height;
    ///         d_height += d_area * width;
    ///     }
    ///     *gradient = [d_width, d_height];
    ///     t1
    /// }
    /// ");
    /// ```
    pub fn to_rust(&self, name: &str) -> Result<String, SourceError> {
        if !is_identifier(name) {
            return Err(SourceError::NotAName(name.into()));
        }
        let [output] = self.program.outputs[..] else {
            return Err(SourceError::Outputs(self.outputs()));
        };
        if let Some(custom) = self.program.customs.first() {
            return Err(SourceError::Custom(custom.label.to_string()));
        }
        let mut writer = Writer::new(&self.program, name);
        writer.function(name, output);
        if writer.text.contains("((") || writer.text.contains("(-") {
            writer.text.insert_str(0, "#[allow(unused_parens)]\n");
        }
        let Writer { mut text, partials, .. } = writer;
        if partials.contains_key(name) {
            return Err(SourceError::NameTaken(name.into()));
        }
        for partial in partials.values() {
            text += partial;
        }
        text += &helpers::used_in(&text).map_err(SourceError::NeedsCrate)?;
        Ok(text)
    }
}
