//! What compiled code calls: the functions of the table, once for every row, as functions of the platform's C interface.

use crate::function::one_by_one::defined;
use crate::graph::Custom;
use crate::graph::trace::Comparison;
use crate::real::Real;
use crate::rows::{Op, by_name};
use crate::rules;
use crate::table::table;
use crate::var::custom;
use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::slice;

macro_rules! shims {
    (
        operators { $( $Operator:ident $operator:ident ( $ox:ident $(, $oy:ident)* ); )* }
        functions { $( $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ); )* }
    ) => {
        mod values {
            use super::*;
            $( pub(super) extern "C" fn $operator($ox: f64 $(, $oy: f64)*) -> f64 {
                std::ops::$Operator::$operator($ox $(, $oy)*)
            } )*
            $(
                #[allow(clippy::unnecessary_cast)]
                pub(super) extern "C" fn $method($x: f64 $(, $y: f64)* $(, $n: i32)?) -> f64 {
                    Real::$method($x $(, $y)* $(, $n as $N)?)
                }
            )*
        }

        mod partials {
            use super::*;
            $(
                pub(super) extern "C" fn $operator<const K: usize>($ox: f64 $(, $oy: f64)*, z: f64, tie: f64, n: i32) -> f64 {
                    rules::of::$operator(K, rules::padded(&[$ox $(, $oy)*]), n, z, tie)
                }
            )*
            $(
                pub(super) extern "C" fn $method<const K: usize>($x: f64 $(, $y: f64)*, z: f64, tie: f64, n: i32) -> f64 {
                    rules::of::$method(K, rules::padded(&[$x $(, $y)*]), n, z, tie)
                }
            )*
        }

        /// The address of the value of a row of the table: of its operands, and its parameter if it has one.
        pub(crate) fn value(op: Op) -> usize {
            match op {
                $( Op::$Operator => values::$operator as *const () as usize, )*
                $( Op::$Op => values::$method as *const () as usize, )*
                _ => unreachable!("{op:?} is not a row of the table"),
            }
        }

        /// The address of the partial of a row with respect to operand `k`: of the operands, the result, the share at a tie, and
        /// the parameter.
        pub(crate) fn partial(op: Op, k: usize) -> usize {
            let addresses = match op {
                $( Op::$Operator => [
                    partials::$operator::<0> as *const () as usize,
                    partials::$operator::<1> as *const () as usize,
                    partials::$operator::<2> as *const () as usize,
                ], )*
                $( Op::$Op => [
                    partials::$method::<0> as *const () as usize,
                    partials::$method::<1> as *const () as usize,
                    partials::$method::<2> as *const () as usize,
                ], )*
                _ => unreachable!("{op:?} is not a row of the table"),
            };
            addresses[k]
        }
    };
}
table!(by_name, shims);

/// Whether the comparison with that place among all has that answer.
pub(crate) extern "C" fn answers(a: f64, b: f64, comparison: i32, answer: i32) -> i32 {
    let comparison = Comparison::ALL[comparison as usize];
    i32::from(i32::from(comparison.answer(a, b)) == answer)
}

/// The value of a slice operation.
///
/// # Safety
///
/// There are `len` numbers at `x`.
pub(crate) unsafe extern "C" fn slice_value(x: *const f64, len: usize, op: i32) -> f64 {
    // SAFETY: as asked.
    let x = unsafe { slice::from_raw_parts(x, len) };
    f64::apply(Op::ALL[op as usize], 0, x)
}

/// Writes the partials of a slice operation with the result `z` to `out`.
///
/// # Safety
///
/// There are `len` numbers at `x`, room for as many at `out`, and they do not overlap.
pub(crate) unsafe extern "C" fn slice_partials(x: *const f64, len: usize, op: i32, z: f64, out: *mut f64) {
    // SAFETY: as asked.
    let (x, out) = unsafe { (slice::from_raw_parts(x, len), slice::from_raw_parts_mut(out, len)) };
    let partials = rules::partials(Op::ALL[op as usize], 0, x, &|_| true, z);
    for (out, partial) in out.iter_mut().zip(partials) {
        *out = partial.unwrap_or(0.0);
    }
}

thread_local! {
    /// The panic of a user's operation, on its way through compiled code.
    static PANIC: Cell<Option<Box<dyn Any + Send>>> = const { Cell::new(None) };
}

/// The panic of the user's operation that stopped compiled code on this thread.
pub(crate) fn take_panic() -> Option<Box<dyn Any + Send>> {
    PANIC.try_with(Cell::take).ok().flatten()
}

/// Runs a user's code; whether it came to its end. A panic is kept, for it must not unwind through compiled code.
fn is_ended(f: impl FnOnce()) -> i32 {
    match catch_unwind(AssertUnwindSafe(f)) {
        Ok(()) => 1,
        Err(payload) => {
            PANIC.set(Some(payload));
            0
        }
    }
}

/// Writes the value of a user's operation to `out`; whether it came to its end.
///
/// # Safety
///
/// There is an operation at `custom`, `len` numbers at `x`, and room for one at `out`.
pub(crate) unsafe extern "C" fn custom_value(custom: *const Custom, x: *const f64, len: usize, out: *mut f64) -> i32 {
    is_ended(|| {
        // SAFETY: as asked.
        let (custom, x) = unsafe { (&*custom, slice::from_raw_parts(x, len)) };
        let value = custom::value(defined(custom), x);
        // SAFETY: as asked.
        unsafe { *out = value };
    })
}

/// Writes the partials of a user's operation with the result `z` to `out`, or zeros if its adjoint is zero, as it is
/// not asked then; whether it came to its end.
///
/// # Safety
///
/// There is an operation at `custom`, `len` numbers at `x`, and room for as many at `out`.
pub(crate) unsafe extern "C" fn custom_partials(
    custom: *const Custom,
    x: *const f64,
    len: usize,
    z: f64,
    adjoint: f64,
    out: *mut f64,
) -> i32 {
    is_ended(|| {
        // SAFETY: as asked.
        let (custom, x) = unsafe { (&*custom, slice::from_raw_parts(x, len)) };
        let partials: Vec<f64> =
            if adjoint == 0.0 { vec![0.0; len] } else { custom::plain_partials(defined(custom), x, z).to_vec() };
        // SAFETY: as asked.
        unsafe { slice::from_raw_parts_mut(out, len) }.copy_from_slice(&partials);
    })
}
