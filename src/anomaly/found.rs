//! What a detection tells.

use crate::arena::{Line, Owner, owner};
use crate::refusal::debug_as_displayed;
use crate::rows::Op;
use std::error::Error;
use std::panic::Location;

/// A line as `src/main.rs:5:48`.
#[cfg(feature = "serde")]
fn as_text<S: serde::Serializer>(line: &Option<Line>, serializer: S) -> Result<S::Ok, S::Error> {
    serde::Serialize::serialize(&not_of_the_standard_library(*line).map(|line| line.to_string()), serializer)
}

fn not_of_the_standard_library(line: Option<Line>) -> Option<Line> {
    line.filter(|line| owner(line) != Owner::StandardLibrary)
}

/// What was not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum What {
    /// The value of the operation.
    Value,
    /// A partial of the operation, which a sweep multiplied by an adjoint that was not zero.
    Partial,
    /// The product of an adjoint and a partial that are both finite, the sum of such products, or a derivative that no sweep works out, as
    /// one along a direction.
    Adjoint,
}

/// The first operation that was not finite.
///
/// Its [`Display`](std::fmt::Display) is a report of some ten lines: what happened, where, why, and what helps.
#[derive(Clone)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Anomaly(pub(super) Box<Details>);

#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub(super) struct Details {
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) index: usize,
    pub(super) what: What,
    #[cfg_attr(feature = "serde", serde(skip))]
    pub(super) op: Op,
    /// The name of the operation.
    pub(super) operation: String,
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    pub(super) line: Option<Line>,
    /// Whether it happened in the derivative of the operation of that line.
    pub(super) is_of_derivative: bool,
    /// The user's line that recorded something last before, if that line is not the user's.
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    pub(super) after: Option<Line>,
    pub(super) when: When,
    pub(super) value: f64,
    /// Absent if no sweep has passed it on.
    pub(super) adjoint: Option<f64>,
    pub(super) operands: Vec<Operand>,
    pub(super) names: Vec<String>,
    pub(super) absorbed: Vec<Absorbed>,
}

/// When an anomaly happened, counted from the beginning of the detection.
#[derive(Clone, Copy, Debug, Default)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub(super) struct When {
    /// How many sweeps had ended.
    pub(super) sweeps: usize,
    /// How many nodes had been recorded.
    pub(super) nodes: usize,
    /// Whether it was in a sweep, and not in recording.
    pub(super) in_sweep: bool,
}

/// An operand of an anomaly.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub(super) struct Operand {
    pub(super) name: Option<String>,
    pub(super) value: f64,
    /// Absent for a constant.
    pub(super) partial: Option<f64>,
}

impl Anomaly {
    /// What was not finite.
    ///
    /// ```
    /// use scalargrad::{Var, anomaly::{What, detect}};
    ///
    /// let anomaly = detect(|| Var::new(-1.0).ln()).unwrap_err();
    /// assert_eq!(anomaly.what(), What::Value);
    /// ```
    #[must_use]
    pub fn what(&self) -> What {
        self.0.what
    }

    /// The name of the operation, as in drawings; `leaf` for a variable that was made with such a value.
    ///
    /// ```
    /// use scalargrad::{Var, anomaly::detect};
    ///
    /// assert_eq!(detect(|| Var::new(1000.0).exp() * 2.0).unwrap_err().operation(), "exp");
    /// ```
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.0.operation
    }

    /// The line of the source that recorded the operation.
    ///
    /// Absent for what was recorded before the detection began, and where the standard library called what it was given by its
    /// name, as in `map(Var::ln)`.
    ///
    /// ```
    /// use scalargrad::{Var, anomaly::detect};
    ///
    /// let anomaly = detect(|| Var::new(-1.0).ln()).unwrap_err();
    /// assert!(anomaly.line().unwrap().file().ends_with(".rs"));
    /// ```
    #[must_use]
    pub fn line(&self) -> Option<&'static Location<'static>> {
        not_of_the_standard_library(self.0.line)
    }

    /// The value of the operation.
    ///
    /// ```
    /// use scalargrad::{Var, anomaly::detect};
    ///
    /// assert!(detect(|| Var::new(-1.0).ln()).unwrap_err().value().is_nan());
    /// ```
    #[must_use]
    pub fn value(&self) -> f64 {
        self.0.value
    }

    /// The values of the operands.
    ///
    /// ```
    /// use scalargrad::{Var, anomaly::detect};
    ///
    /// assert_eq!(detect(|| Var::new(1.0) / 0.0).unwrap_err().operands(), [1.0, 0.0]);
    /// ```
    #[must_use]
    pub fn operands(&self) -> Vec<f64> {
        self.0.operands.iter().map(|operand| operand.value).collect()
    }

    /// The [names](crate::Var::named) on the way from the operation to the output that was swept, its own first; those inside of a
    /// checkpoint before those outside.
    ///
    /// ```
    /// use scalargrad::{Var, anomaly::detect};
    ///
    /// let anomaly = detect(|| {
    ///     let radius = Var::new(0.0).sqrt().named("radius");
    ///     (radius * 2.0).named("loss").backward();
    /// });
    /// assert_eq!(anomaly.unwrap_err().names(), ["radius", "loss"]);
    /// ```
    #[must_use]
    pub fn names(&self) -> &[String] {
        &self.0.names
    }

    /// The places at which a partial was infinite or NaN and did no harm, as it met an adjoint of exactly zero, or its product came to no
    /// leaf.
    ///
    /// ```
    /// use scalargrad::{Var, anomaly::detect};
    ///
    /// assert!(detect(|| Var::new(-1.0).ln()).unwrap_err().absorbed().is_empty());
    /// ```
    #[must_use]
    pub fn absorbed(&self) -> &[Absorbed] {
        &self.0.absorbed
    }
}

debug_as_displayed!(Anomaly);
impl Error for Anomaly {}

/// A place at which a partial that is NaN or infinite did no harm.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Absorbed {
    pub(super) operation: String,
    #[cfg_attr(feature = "serde", serde(serialize_with = "as_text"))]
    pub(super) line: Option<Line>,
    pub(super) partial: f64,
}

impl Absorbed {
    /// The name of the operation.
    ///
    /// ```
    /// use scalargrad::{Var, anomaly};
    ///
    /// let (_, absorbed) = anomaly::absorbed(|| (Var::new(0.0).ln() * 0.0).backward());
    /// assert_eq!(absorbed[0].operation(), "ln");
    /// ```
    #[must_use]
    pub fn operation(&self) -> &str {
        &self.operation
    }

    /// The line of the source that recorded it, if that was inside the detection.
    ///
    /// ```
    /// use scalargrad::{Var, anomaly};
    ///
    /// let (_, absorbed) = anomaly::absorbed(|| (Var::new(0.0).sqrt() * 0.0).backward());
    /// assert!(absorbed[0].line().is_some());
    /// ```
    #[must_use]
    pub fn line(&self) -> Option<&'static Location<'static>> {
        not_of_the_standard_library(self.line)
    }

    /// The partial.
    ///
    /// ```
    /// use scalargrad::{Var, anomaly};
    ///
    /// let (_, absorbed) = anomaly::absorbed(|| (Var::new(0.0).sqrt() * 0.0).backward());
    /// assert_eq!(absorbed[0].partial(), f64::INFINITY);
    /// ```
    #[must_use]
    pub fn partial(&self) -> f64 {
        self.partial
    }
}
