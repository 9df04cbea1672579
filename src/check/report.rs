//! What a check found: verdicts, and tables to read.

use super::differences::Estimate;
use crate::refusal::debug_as_displayed;
use std::fmt;

/// The result of comparing one derivative with finite differences.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub enum Verdict {
    /// It agrees with the differences, within their error. That is so, too, where the function looks constant and contributions cancel in
    /// the derivative, as in the sum of a `softmax`: a slope that is smaller than the rounding errors of what cancels is not seen.
    Agrees,
    /// The slopes of the two sides differ, and it lies between them: a subgradient.
    Kink {
        /// The slope towards smaller values of the variable.
        left: f64,
        /// The slope towards larger ones.
        right: f64,
    },
    /// The function jumps here; if it is continuous from one side, that side agrees.
    Jump,
    /// The function ends here; the side where it is defined agrees.
    Edge,
    /// The difference quotients grow without bound, and it is infinite too, or this is a cusp.
    Unbounded,
    /// The function is infinite or NaN here, and a derivative shows it.
    Undefined,
    /// It does not contradict the differences, but their error is too large for a verdict: it is more than a thousandth of the
    /// derivative, and more than a millionth of the largest difference quotient by this variable; or the function overflows on
    /// both sides.
    TooInaccurate,
    /// It contradicts the differences.
    Differs,
    /// It contradicts the differences at this point, but agrees with them right next to it: an operation inside is at a kink (or
    /// its slope is infinite), and second derivatives take its smallest subgradient for its slope. A mismatch too.
    KinkInside,
}

impl Verdict {
    pub(super) fn is_mismatch(&self) -> bool {
        matches!(self, Verdict::Differs | Verdict::KinkInside)
    }
}

impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Verdict::Agrees => "agrees",
            Verdict::Kink { left, right } => {
                return write!(f, "kink, slopes {left:.6} and {right:.6}");
            }
            Verdict::Jump => "jump",
            Verdict::Edge => "agrees, at the edge",
            Verdict::Unbounded => "unbounded",
            Verdict::Undefined => "undefined",
            Verdict::TooInaccurate => "too inaccurate to tell",
            Verdict::Differs => "DIFFERS",
            Verdict::KinkInside => "DIFFERS here, not beside: a kink inside",
        })
    }
}

/// One derivative, with its estimate from finite differences.
#[derive(Clone, Copy, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
#[non_exhaustive]
pub struct Component {
    /// The variable that was moved.
    pub index: usize,
    /// At second order, the component of the gradient that was differenced.
    pub of: Option<usize>,
    /// The value of the variable.
    pub at: f64,
    /// The derivative that is checked.
    pub analytic: f64,
    /// The estimate from differences: infinite if they diverge, NaN if there is none, as at a kink.
    pub numeric: f64,
    /// The error of the estimate, which is estimated as well.
    pub error: f64,
    /// The smallest step that the estimate was made from; NaN if there is none.
    pub step: f64,
    /// What was found.
    pub verdict: Verdict,
}

impl Component {
    pub(super) fn new(index: usize, of: Option<usize>, at: f64, analytic: f64) -> Component {
        Component {
            index,
            of,
            at,
            analytic,
            numeric: f64::NAN,
            error: f64::NAN,
            step: f64::NAN,
            verdict: Verdict::TooInaccurate,
        }
    }

    /// Sets the estimate, and the verdict if the derivative is accepted.
    pub(super) fn settle(&mut self, e: Estimate, accepted: bool, verdict: Verdict) {
        (self.numeric, self.error, self.step) = (e.value, e.error, e.step);
        self.verdict = if accepted { verdict } else { Verdict::Differs };
    }
}

/// All derivatives, with their estimates from finite differences: prints as a table.
///
/// ```
/// use scalargrad::check::{self, Verdict};
///
/// let report = check::gradient(|x| x[0].powi(2) + x[1].relu() + x[2].sqrt(), &[3.0, 0.0, 0.0])?;
/// assert!(report.is_conclusive());
/// let verdicts: Vec<Verdict> = report.iter().map(|c| c.verdict).collect();
/// assert!(matches!(verdicts[..], [Verdict::Agrees, Verdict::Kink { .. }, Verdict::Unbounded]));
/// # Ok::<(), check::Mismatch>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Report {
    point: Vec<f64>,
    components: Vec<Component>,
}

impl Report {
    pub(super) fn new(point: &[f64], components: Vec<Component>) -> Report {
        let point = point.to_vec();
        Report { point, components }
    }

    /// Itself, or a mismatch if a component differs.
    pub(super) fn into_result(self) -> Result<Report, Mismatch> {
        match self.iter().any(|c| c.verdict.is_mismatch()) {
            true => Err(Mismatch(Box::new(self))),
            false => Ok(self),
        }
    }

    /// The components: of a gradient by variable, of second derivatives row by row.
    pub fn iter(&self) -> std::slice::Iter<'_, Component> {
        self.components.iter()
    }

    /// The point.
    pub fn point(&self) -> &[f64] {
        &self.point
    }

    /// Whether finite differences could judge every component.
    pub fn is_conclusive(&self) -> bool {
        self.iter().all(|c| c.verdict != Verdict::TooInaccurate)
    }

    fn table(&self, f: &mut fmt::Formatter<'_>, show: impl Fn(&Component) -> bool) -> fmt::Result {
        let head = ["", "at", "analytic", "numeric", "± error", "step", "verdict"].map(String::from);
        let mut lines = vec![head];
        lines.extend(self.iter().filter(|c| show(c)).map(|c| {
            let name = match c.of {
                None => format!("∂f/∂x[{}]", c.index),
                Some(of) => format!("∂²f/∂x[{of}]∂x[{}]", c.index),
            };
            let rough = |v: f64| format!("{v:.1e}");
            let (error, step) = (rough(c.error), rough(c.step));
            let (analytic, numeric) = (number(c.analytic), number(c.numeric));
            [name, format!("{:?}", c.at), analytic, numeric, error, step, c.verdict.to_string()]
        }));
        let width = |column: usize| lines.iter().map(|l| l[column].chars().count()).max();
        let widths: Vec<usize> = (0..6).filter_map(width).collect();
        for line in &lines {
            write!(f, "\n  {:<1$}", line[0], widths[0])?;
            for column in 1..6 {
                write!(f, "  {:>1$}", line[column], widths[column])?;
            }
            write!(f, "  {}", line[6])?;
        }
        Ok(())
    }
}

fn number(v: f64) -> String {
    match v.abs() {
        0.0 | 1e-3..1e6 => format!("{v:.10}"),
        _ => format!("{v:.10e}"),
    }
}

impl<'a> IntoIterator for &'a Report {
    type Item = &'a Component;
    type IntoIter = std::slice::Iter<'a, Component>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "derivatives against finite differences at {}", Shown(&self.point))?;
        self.table(f, |_| true)
    }
}

/// A point as it is printed: only the beginning if it is long.
struct Shown<'a>(&'a [f64]);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            [first @ .., _] if first.len() >= 8 => {
                write!(f, "x = {:?} and {} more", &self.0[..8], self.0.len() - 8)
            }
            all => write!(f, "x = {all:?}"),
        }
    }
}

/// Derivatives that differ from finite differences: prints as a table of them.
///
/// ```
/// use scalargrad::{Var, check};
///
/// let wrong = |x: &[Var]| Var::custom("product", 6.0 * x[0].value(), [(x[0], -6.0)]);
/// let mismatch = check::gradient(wrong, &[2.0]).unwrap_err();
/// assert!(mismatch.to_string().contains("∂f/∂x[0]  2.0  -6.0000000000  6.0000000000"));
/// ```
#[derive(Clone, PartialEq)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Mismatch(Box<Report>);

impl Mismatch {
    /// The components that differ.
    pub fn iter(&self) -> impl Iterator<Item = &Component> {
        self.0.iter().filter(|c| c.verdict.is_mismatch())
    }

    /// The report on all components.
    pub fn report(&self) -> &Report {
        &self.0
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (count, all) = (self.iter().count(), self.0.components.len());
        write!(f, "{count} of {all} derivatives differ from finite differences at {}", Shown(&self.0.point))?;
        self.0.table(f, |c| c.verdict.is_mismatch())
    }
}

debug_as_displayed!(Mismatch);
impl std::error::Error for Mismatch {}
