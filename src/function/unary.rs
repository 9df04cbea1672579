//! The loops over runs of operations of one operand, one for each row of the table: over `f64`, and over lanes.
//!
//! The operation is selected once per run, so that what is a call of a function elsewhere is compiled into the loop.

use crate::pull_back::{Adjoint, Adjoints, share};
use crate::rows::{Op, by_name};
use crate::rules;
use crate::table::table;

/// A number in one lane or in several.
pub(super) trait InLanes: Adjoint {
    /// What `partial` makes of this and the result in each lane, where a rule takes one of its forms and not both.
    fn in_lanes(self, z: Self, partial: impl Fn(f64, f64) -> f64) -> Self;
}

impl InLanes for f64 {
    #[inline(always)]
    fn in_lanes(self, z: f64, partial: impl Fn(f64, f64) -> f64) -> f64 {
        partial(self, z)
    }
}

/// The expression, for a row of one operand only.
macro_rules! of_one_operand {
    ($x:ident => $then:expr) => {
        $then
    };
    ($($x:ident)+ => $then:expr) => {
        unreachable!("a run of operations of one operand")
    };
}
pub(super) use of_one_operand;

macro_rules! stamp {
    (
        operators { $( $Operator:ident $operator:ident ( $ox:ident $(, $oy:ident)* ); )* }
        functions { $( $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ); )* }
    ) => {
        /// Fills the results of a run.
        #[allow(clippy::unnecessary_cast, unused_variables)]
        pub(super) fn fill<T: Adjoint>(op: Op, n: i32, known: &[T], results: &mut [T], operands: &[u32]) {
            match op {
                $( Op::$Op => of_one_operand!($x $($y)* => {
                    $(let $n = n as $N;)?
                    each_value(known, results, operands, |x| T::$method(x $(, $n)?))
                }), )*
                _ => each_value(known, results, operands, |x| T::apply(op, n, &[x])),
            }
        }

        /// Calls `give` for every operation of a run with an adjoint that is not zero: with the operand and its share. Takes
        /// the adjoints, and leaves zeros behind.
        pub(super) fn give<T: InLanes, W: Adjoints<T>>(
            op: Op,
            n: i32,
            known: &[T],
            results: (&[T], &mut [W]),
            operands: &[u32],
            adjoints: &mut [W],
        ) {
            match op {
                $( Op::$Op => of_one_operand!($x $($y)* => {
                    each_share(op, known, results, operands, adjoints, |x, z| {
                        x.in_lanes(z, |x, z| rules::of::$method(0, [x, 0.0, 0.0], n, z, 1.0))
                    })
                }), )*
                _ => each_share(op, known, results, operands, adjoints, |x, z| {
                    x.in_lanes(z, |x, z| rules::partial(op, 0, [x, 0.0, 0.0], n, z, 1.0))
                }),
            }
        }
    };
}
table!(by_name, stamp);

#[inline(always)]
pub(super) fn each_value<T: Adjoint>(known: &[T], results: &mut [T], operands: &[u32], value: impl Fn(T) -> T) {
    for (result, &k) in results.iter_mut().zip(operands) {
        *result = value(known[k as usize]);
    }
}

/// Calls `partial` for every operation of a run with an adjoint that is not zero, and gives its operand its share.
#[inline(always)]
pub(super) fn each_share<T: Adjoint, W: Adjoints<T>>(
    op: Op,
    known: &[T],
    (results, taken): (&[T], &mut [W]),
    operands: &[u32],
    adjoints: &mut [W],
    partial: impl Fn(T, T) -> T,
) {
    for ((w, &z), &k) in taken.iter_mut().zip(results).zip(operands) {
        let w = w.take();
        if w.is_absent() {
            continue;
        }
        adjoints[k as usize].add(share(op, w, partial(known[k as usize], z)));
    }
}
