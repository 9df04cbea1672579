//! Finds the operation at which a computation stops being finite.
//!
//! A NaN in a gradient says nothing about where it came from. [`detect`] runs a closure and watches what it records: the first
//! operation whose value is NaN or infinite, or else the first one of a sweep that gives something NaN or infinite to an
//! operand, comes back as an [`Anomaly`], with the line of the source that recorded it.
//!
//! A partial that is NaN or infinite does no harm where the adjoint is exactly zero, because a zero is not propagated. Such
//! places are not anomalies, but they are listed too: see [`Anomaly::absorbed`] and [`absorbed`].
//!
//! While nothing is being detected this costs nothing. While it is, recording takes several times as long.

mod inspect;
mod report;

use crate::arena::arena;
use crate::graph::{self, Event};
use inspect::Findings;
use std::cell::RefCell;
use std::error::Error;
use std::panic::Location;

/// A place in the source.
type Line = &'static Location<'static>;

thread_local! {
    /// What was found on this thread by each detection that is under way, the outermost first.
    static FINDINGS: RefCell<Vec<Findings>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f`, and gives the first operation on this thread that was not finite, if there is one.
///
/// All that `f` records is looked at, and all sweeps that it makes, on this thread. Detections nest. Inside, a panic about a stale handle names the line that made the handle.
///
/// # Errors
///
/// An [`Anomaly`] if a value, or what a sweep gives to an operand, is NaN or infinite.
///
/// ```
/// use scalargrad::{Var, anomaly};
///
/// let found = anomaly::detect(|| {
///     let (x, y) = (Var::new(0.0), Var::new(0.0));
///     let distance = (x * x + y * y).sqrt();
///     distance.backward();
///     x.grad()
/// });
/// let anomaly = found.unwrap_err();
/// assert_eq!(anomaly.operation(), "sqrt");
/// assert_eq!(anomaly.what(), anomaly::What::Partial);
/// assert!(anomaly.line().is_some_and(|line| line.line() > 0));
/// assert!(anomaly.to_string().contains("norm"));
///
/// assert_eq!(anomaly::detect(|| (Var::new(2.0) * 3.0).value()).unwrap(), 6.0);
/// ```
#[track_caller]
pub fn detect<R>(f: impl FnOnce() -> R) -> Result<R, Anomaly> {
    let (result, findings) = watched(f);
    match findings.anomaly {
        Some(mut anomaly) => {
            anomaly.0.absorbed = findings.absorbed;
            Err(anomaly)
        }
        None => Ok(result),
    }
}

/// Runs `f`, and lists the operations whose partial is NaN or infinite, and met an adjoint of exactly zero in a sweep.
///
/// That is how a branch that is masked stays without effect.
///
/// ```
/// use scalargrad::{Var, anomaly};
///
/// let (slope, absorbed) = anomaly::absorbed(|| {
///     let x = Var::new(0.0);
///     (x.sqrt() * 0.0 + x * 2.0).backward();
///     x.grad()
/// });
/// assert_eq!(slope, 2.0);
/// assert_eq!(absorbed.len(), 1);
/// assert_eq!(absorbed[0].operation(), "sqrt");
/// ```
#[must_use]
#[track_caller]
pub fn absorbed<R>(f: impl FnOnce() -> R) -> (R, Vec<Absorbed>) {
    let (result, findings) = watched(f);
    (result, findings.absorbed)
}

/// Runs `f` and gives what was found.
#[track_caller]
fn watched<R>(f: impl FnOnce() -> R) -> (R, Findings) {
    /// Ends a detection when dropped.
    struct Watch {
        outside: usize,
        observer: Option<fn(Event<'_>)>,
        were_kept: bool,
    }
    impl Drop for Watch {
        fn drop(&mut self) {
            FINDINGS.with_borrow_mut(|findings| findings.truncate(self.outside));
            graph::observe_with(self.observer);
            arena().keep_lines(self.were_kept);
        }
    }
    let outside = FINDINGS.with_borrow(Vec::len);
    FINDINGS.with_borrow_mut(|findings| findings.push(Findings::new(arena().end())));
    let _watch = Watch {
        outside,
        observer: graph::observe_with(Some(inspect::observe)),
        were_kept: arena().keep_lines(true),
    };
    let result = f();
    inspect::observe(Event::Dropping { end: arena().end() });
    let findings = FINDINGS.with_borrow_mut(Vec::pop);
    (
        result,
        findings.expect("a detection inside ends before this one"),
    )
}

/// What was not finite.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum What {
    /// The value of the operation.
    Value,
    /// A partial of the operation, which a sweep multiplied by an adjoint that was not zero.
    Partial,
    /// The product of an adjoint and a partial that are both finite, or the sum of such products.
    Adjoint,
}

/// The first operation that was not finite.
///
/// Its [`Display`](std::fmt::Display) is a report of some ten lines: what happened, where, why, and what helps.
#[derive(Clone, Debug)]
pub struct Anomaly(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    index: usize,
    what: What,
    operation: String,
    line: Option<Line>,
    value: f64,
    adjoint: Option<f64>,
    operands: Vec<Operand>,
    names: Vec<String>,
    why: String,
    remedy: Option<&'static str>,
    absorbed: Vec<Absorbed>,
}

/// An operand of an anomaly.
#[derive(Clone, Debug)]
struct Operand {
    name: Option<String>,
    value: f64,
    /// Absent for a constant.
    partial: Option<f64>,
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
    /// Absent for what was recorded before the detection began.
    ///
    /// ```
    /// use scalargrad::{Var, anomaly::detect};
    ///
    /// let anomaly = detect(|| Var::new(-1.0).ln()).unwrap_err();
    /// assert!(anomaly.line().unwrap().file().ends_with(".rs"));
    /// ```
    #[must_use]
    pub fn line(&self) -> Option<&'static Location<'static>> {
        self.0.line
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
        self.0
            .operands
            .iter()
            .map(|operand| operand.value)
            .collect()
    }

    /// The [names](crate::Var::named) on the way from the operation to the output that was swept, its own first.
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

    /// The places at which an infinite or NaN partial met an adjoint of exactly zero, which did no harm.
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

impl Error for Anomaly {}

/// A place at which a partial that is NaN or infinite met an adjoint of exactly zero.
#[derive(Clone, Debug)]
pub struct Absorbed {
    operation: String,
    line: Option<Line>,
    partial: f64,
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
        self.line
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
