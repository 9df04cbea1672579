//! Finds the operation at which a computation stops being finite.
//!
//! A NaN in a gradient says nothing about where it came from. [`detect`] runs a closure and watches what it records and sweeps:
//! the first operation whose value, or what a sweep gives to its operands, is NaN or infinite comes back as an [`Anomaly`], with
//! the line of the source that recorded it.
//!
//! Not each such number does harm: the masked side of a [`select`](crate::Var::select) may have any value, and a zero adjoint is
//! not propagated, whatever the partial is. So the results decide. There is an anomaly if one of them is not finite: the value of an
//! output that was swept, the gradient of a leaf, or what a function such as [`gradient`](crate::gradient()),
//! [`jacobian`](crate::jacobian()) or [`hessian`](crate::hessian()) returns. The operation that is named is one from which that result
//! got it, in the [`checkpoint`](crate::checkpoint) in which it is. There is one, too, if a value that is not finite was met by no
//! sweep: nobody knows then what it will do (of the first run of a checkpoint the values of the outputs count). Else there is none.
//! Partials that were not finite and did no harm are listed: see [`Anomaly::absorbed`] and [`absorbed`].
//!
//! While nothing is being detected this costs nothing. While it is, recording takes several times as long.

mod findings;
mod found;
mod report;
mod sweep;

pub use found::{Absorbed, Anomaly, What};

use crate::arena::arena;
use crate::graph::{self, Event, trace, trace::Escape};
use crate::handle::Var;
use findings::Findings;
use std::io::{self, Write};
use sweep::{FINDINGS, observe};

/// Runs `f`, and gives the first operation on this thread that was not finite, if there is one.
///
/// All that `f` records is looked at, and all sweeps that it makes, on this thread. Detections nest. Inside, a panic about a stale
/// handle names the line that made the handle.
///
/// Replays are not looked at: a [`Function`](crate::Function), its rows and compiled code record nothing. If one of them gives a
/// number that is not finite, run its closure inside instead, as in `detect(|| gradient(loss, &x))`. If second derivatives, as those of
/// [`hessian`](crate::hessian()), are not finite, they are recorded once more to find the operation. What
/// [`Var::differentiate`](crate::Var::differentiate) records are values as others, and it is no sweep that has met anything; the same
/// goes for what [`taylor`](crate::taylor()) records, while its coefficients are not looked at. A constant has no node and is not
/// looked at either. No sum is fused into the operation before it here, so that the last digit of a gradient may differ.
///
/// Compute inside, and do not only sweep: of what was recorded before, the values that a sweep meets are looked at, too, but no line
/// is known. A whole training may be inside: the report counts the sweeps before it happened. If `f` panics, what was found is
/// printed to the standard error.
///
/// # Errors
///
/// An [`Anomaly`] if a result is NaN or infinite: the value of an output that was swept, the gradient of a leaf, or a derivative that a
/// function of the crate has returned; or if a value is so and no sweep has met it.
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
    let (result, found, _) = watched(f);
    found.map_or(Ok(result), Err)
}

/// Runs `f`, and lists the operations whose partial is NaN or infinite and did no harm in a sweep: it met an adjoint of exactly zero,
/// or the product met the flat side of a switch before it came to a leaf.
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
    let (result, _, absorbed) = watched(f);
    (result, absorbed)
}

/// Runs `f` and gives what was found.
#[track_caller]
fn watched<R>(f: impl FnOnce() -> R) -> (R, Option<Anomaly>, Vec<Absorbed>) {
    trace::escaped(Escape::Inspected, Var::constant(0.0));
    /// Ends a detection when dropped; the number is that of those around it, and the observer what was told before.
    struct Watch(usize, Option<fn(Event<'_>)>);
    impl Drop for Watch {
        fn drop(&mut self) {
            // If `f` panicked, which may be for what was found, nobody else will tell.
            let lost = FINDINGS.with_borrow_mut(|all| all.split_off(self.0.min(all.len())));
            for anomaly in lost.into_iter().filter_map(|findings| findings.end().0) {
                let _ = writeln!(io::stderr(), "scalargrad: before this panic: {anomaly}");
            }
            graph::observe_with(self.1);
            arena().keep_lines(self.0 > 0);
        }
    }
    let observer = graph::observe_with(Some(observe));
    let around = FINDINGS.with_borrow_mut(|all| {
        all.push(Findings::new(observer.is_none()));
        all.len() - 1
    });
    let _watch = Watch(around, observer);
    arena().keep_lines(true);
    let result = f();
    let findings = FINDINGS.with_borrow_mut(Vec::pop).expect("a detection inside ends before this one");
    let (anomaly, absorbed) = findings.end(); // while the lines are known
    (result, anomaly, absorbed)
}
