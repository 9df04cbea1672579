//! The loops over lanes, one for each row of the table: its value, and what its partials give.
//!
//! Each is compiled over single lanes, whose values are those of `f64` bit for bit, and over eight at a time with
//! vectorised functions.

use super::super::program::Node;
use super::lanes::{Group, LANES, Lanes};

use crate::pull_back::share;
use crate::real::Real;
use crate::rows::{Op, by_name};
use crate::rules::of;
use crate::special;
use crate::table::table;

type Fast = Lanes<true>;

/// What a loop over the lanes of an operand's gifts reads and writes.
pub(super) struct Gift<'a> {
    pub node: Node,
    /// The place of the operand.
    pub k: usize,
    pub x: [&'a [f64]; 3],
    pub tie: &'a [f64],
    pub z: &'a [f64],
    pub w: &'a [f64],
    pub to: &'a mut [f64],
}

/// Writes the values of a row of the table in the first `n` lanes.
#[inline(never)]
pub(super) fn value(node: Node, x: [&[f64]; 3], to: &mut [f64], n: usize, is_fast: bool) {
    if is_fast && special::is_vectorised(node.op) {
        let groups = n.next_multiple_of(LANES);
        special::vectorised_into(node.op, &x[0][..groups], &mut to[..groups]);
    } else {
        values(node, x, to, n);
    }
}

/// Adds what the adjoints `w` give to operand `k`.
#[inline(never)]
pub(super) fn give(gift: Gift<'_>, is_fast: bool) {
    if is_fast && special::is_vectorised(gift.node.op) {
        fast_gifts(gift);
    } else {
        gifts(gift);
    }
}

#[inline(always)]
fn each_value([x, y, c]: [&[f64]; 3], to: &mut [f64], value: impl Fn([f64; 3]) -> f64) {
    let len = to.len();
    let (x, y, c) = (&x[..len], &y[..len], &c[..len]);
    for at in 0..len {
        to[at] = value([x[at], y[at], c[at]]);
    }
}

#[inline(always)]
fn each_gift<T: Group>(op: Op, gift: Gift<'_>, partial: impl Fn([T; 3], T, T) -> T) {
    let Gift {
        x: [x, y, c],
        tie,
        z,
        w,
        to,
        ..
    } = gift;
    let len = to.len();
    let (x, y, c) = (&x[..len], &y[..len], &c[..len]);
    let (tie, z, w) = (&tie[..len], &z[..len], &w[..len]);
    for at in (0..len).step_by(T::LEN) {
        let w = T::load(&w[at..]);
        // One lane at a time goes without a branch, so that the compiler may take several.
        if T::LEN > 1 && w.is_absent() {
            continue;
        }
        let x = [T::load(&x[at..]), T::load(&y[at..]), T::load(&c[at..])];
        let p = partial(x, T::load(&z[at..]), T::load(&tie[at..]));
        share(op, w, p).add_to(&mut to[at..]);
    }
}

/// A loop for each operand that there is.
macro_rules! by_operand {
    ($k:ident ($x:ident) $give:ident!($($rest:tt)*)) => {
        $give!(0, $($rest)*)
    };
    ($k:ident ($x:ident, $y:ident) $give:ident!($($rest:tt)*)) => {
        if $k == 0 { $give!(0, $($rest)*) } else { $give!(1, $($rest)*) }
    };
    ($k:ident ($x:ident, $y:ident, $c:ident) $give:ident!($($rest:tt)*)) => {
        match $k {
            0 => $give!(0, $($rest)*),
            1 => $give!(1, $($rest)*),
            _ => $give!(2, $($rest)*),
        }
    };
}

macro_rules! give {
    ($k:literal, $Op:ident, $rule:ident, $T:ident, $gift:ident) => {{
        let n = $gift.node.n;
        each_gift::<$T>(Op::$Op, $gift, |x, z, tie| of::$rule($k, x, n, z, tie))
    }};
}

macro_rules! stamp {
    (
        operators { $( $Operator:ident $operator:ident ( $ox:ident $(, $oy:ident)* ); )* }
        functions { $( $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ); )* }
    ) => {
        #[inline(always)]
        #[allow(clippy::unnecessary_cast)]
        fn values(node: Node, x: [&[f64]; 3], to: &mut [f64], n: usize) {
            let to = &mut to[..n];
            match node.op {
                $( Op::$Operator => each_value(x, to, |[$ox $(, $oy)*, ..]| {
                    std::ops::$Operator::$operator($ox $(, $oy)*)
                }), )*
                $( Op::$Op => each_value(x, to, |[$x $(, $y)*, ..]| {
                    Real::$method($x, $($y,)* $(node.n as $N)?)
                }), )*
                op => unreachable!("{op:?} is not a row of the table"),
            }
        }

        #[inline(always)]
        fn gifts(gift: Gift<'_>) {
            let k = gift.k;
            match gift.node.op {
                $( Op::$Operator => by_operand!(k ($ox $(, $oy)*) give!($Operator, $operator, f64, gift)), )*
                $( Op::$Op => by_operand!(k ($x $(, $y)*) give!($Op, $method, f64, gift)), )*
                op => unreachable!("{op:?} is not a row of the table"),
            }
        }

        /// The same with vectorised functions, where there are any.
        #[inline(always)]
        fn fast_gifts(gift: Gift<'_>) {
            match gift.node.op {
                $( Op::$Op if const { special::is_vectorised(Op::$Op) } => {
                    give!(0, $Op, $method, Fast, gift)
                } )*
                _ => {}
            }
        }
    };
}
table!(by_name, stamp);
