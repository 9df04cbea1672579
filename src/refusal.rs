//! Panics that name the user's line, out of code that cannot know it.
//!
//! A function marked `#[track_caller]` knows the line of its caller, a closure and a function called through a pointer do
//! not. Evaluators are made of these. What fails inside of [`at_callers_line`] is therefore carried out of it without a word,
//! and the panic is there.

use std::cell::Cell;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

thread_local! {
    /// Whether a refusal is carried to an outer call instead of panicking here.
    static IS_CARRIED: Cell<bool> = const { Cell::new(false) };
}

/// What was refused, on its way to the line that is to be named.
pub(crate) struct CarriedPanic(String);

impl CarriedPanic {
    #[cold]
    #[inline(never)]
    #[track_caller]
    fn raise(self) -> ! {
        refuse(format_args!("{}", self.0))
    }
}

/// Panics with these words: here, or at the line that an evaluation around was asked for.
#[cold]
#[inline(never)]
#[track_caller]
pub(crate) fn refuse(words: fmt::Arguments<'_>) -> ! {
    // A panic that aborts must say its words first.
    if IS_CARRIED.get() && cfg!(panic = "unwind") {
        resume_unwind(Box::new(CarriedPanic(words.to_string())));
    }
    panic!("{words}");
}

/// Refuses a slice of another length than what it belongs to, in a sentence with both.
#[inline(always)]
#[track_caller]
pub(crate) fn must_match(what: &str, found: usize, wanted_by: &str, wanted: usize) {
    if found != wanted {
        differ(what, found, wanted_by, wanted);
    }
}

#[cold]
#[inline(never)]
#[track_caller]
fn differ(what: &str, found: usize, wanted_by: &str, wanted: usize) -> ! {
    let plural = if found == 1 { "" } else { "s" };
    refuse(format_args!(
        "scalargrad: {what} has {found} number{plural}, and {wanted_by} {wanted}; there must be as many"
    ))
}

/// Says whether refusals are carried, as long as it lives.
pub(crate) struct Carrying(bool);

impl Carrying {
    #[inline]
    pub(crate) fn set(is_carried: bool) -> Carrying {
        Carrying(IS_CARRIED.replace(is_carried))
    }
}

impl Drop for Carrying {
    #[inline]
    fn drop(&mut self) {
        IS_CARRIED.set(self.0);
    }
}

/// The result of `f`, or what it refused.
#[inline]
pub(crate) fn attempt<R>(f: impl FnOnce() -> R) -> Result<R, CarriedPanic> {
    let carrying = Carrying::set(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    drop(carrying);
    match result {
        Ok(result) => Ok(result),
        Err(payload) => match payload.downcast() {
            Ok(refusal) => Err(*refusal),
            Err(panic) => resume_unwind(panic),
        },
    }
}

/// The result of `f`; what it refuses is a panic at the line of the caller.
#[inline]
#[track_caller]
pub(crate) fn at_callers_line<R>(f: impl FnOnce() -> R) -> R {
    told(attempt(f))
}

/// The result of an [`attempt`]; what it refused is a panic at the line of the caller.
#[inline]
#[track_caller]
pub(crate) fn told<R>(attempted: Result<R, CarriedPanic>) -> R {
    match attempted {
        Ok(result) => result,
        Err(refusal) => refusal.raise(),
    }
}

/// Makes `Debug` of an error print the words of its `Display`, which are what `unwrap` and a `Result` of `main` then show.
macro_rules! debug_as_displayed {
    ($($error:ty),+) => { $(
        impl std::fmt::Debug for $error {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                std::fmt::Display::fmt(self, f)
            }
        }
    )+ };
}
pub(crate) use debug_as_displayed;
