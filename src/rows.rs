//! The rows of the table as data: everything about an operation that is not code.
//!
//! Operations on slices have rows of their own here, in [`slices!`]: they have any number of operands, and no domain.

use crate::table::table;
use std::ops::RangeInclusive;

/// The name by which the table calls infinity.
const INF: f64 = f64::INFINITY;

/// How the partials of a row are propagated.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Each is multiplied by the adjoint, whatever it is.
    Smooth,
    /// Only those that are not zero.
    Switch,
    /// None: the slope is zero everywhere.
    Step,
}

macro_rules! kind {
    (operators) => {
        Kind::Smooth
    };
    (smooth) => {
        Kind::Smooth
    };
    (switch) => {
        Kind::Switch
    };
    (step) => {
        Kind::Step
    };
}

/// The rows by their names alone, for what is stamped for all of them alike: calls
/// `$then! { operators { Add add(x, y); … } functions { Powi powi(x; n: i32); … } }`.
///
/// Use it as `table!(by_name, then)`.
macro_rules! by_name {
    (
        $then:ident
        operators { $(
            $(#[$odoc:meta])*
            $Operator:ident $operator:ident ( $($ox:ident),+ ) $olabel:literal :
            $ovalue:expr, $oz:ident $otie:ident => ( $($opartial:expr),* ) ; $oderivative:literal ;
            [ $($odomain:expr),+ ] ; [ $($oprobe:expr),* $(,)? ] ;
        )* }
        $( $kind:ident { $(
            $(#[$doc:meta])*
            $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ) $label:literal :
            $value:expr, $z:ident $tie:ident => ( $($partial:expr),* ) ; $derivative:literal ;
            [ $($domain:expr),+ ] ; [ $($probe:expr),* $(,)? ] ;
        )* } )*
    ) => { $then! {
        operators { $( $Operator $operator ( $($ox),+ ); )* }
        functions { $($( $Op $method ( $x $(, $y)* $(; $n : $N)? ); )*)* }
    } };
}
pub(crate) use by_name;

/// What is known of an operation.
#[cfg_attr(not(feature = "proptest"), allow(dead_code))] // strategies read the domains and probes
pub(crate) struct Row {
    pub op: Op,
    /// The name of its method.
    pub method: &'static str,
    /// The name in drawings.
    pub label: &'static str,
    /// The names of its operands; none if it has any number of them.
    pub operands: &'static [&'static str],
    /// The name of its integer parameter, and what that may be.
    pub parameter: Option<(&'static str, RangeInclusive<i64>)>,
    /// The text of its value in plain `f64`.
    pub value: &'static str,
    /// Where each operand may be.
    pub domains: &'static [RangeInclusive<f64>],
    /// The points at which tests probe it.
    pub probes: &'static [f64],
}

/// The operations on slices: a doc line, the variant, the name, how the partials are propagated.
macro_rules! slices {
    ($then:ident ! { $($before:tt)* }) => { $then! { $($before)* ; slices {
        /// The sum of a slice.
        Sum sum smooth;
        /// The dot product of two slices. Its operands are the elements in pairs: `x₀, y₀, x₁, y₁, …`.
        Dot dot smooth;
        /// The Euclidean norm of a slice.
        Norm norm smooth;
        /// The logarithm of the sum of the exponentials of a slice.
        LogSumExp log_sum_exp smooth;
        /// The sum of the exponentials of a slice after its first number has been subtracted from the
        /// others. The numbers that a softmax divides by it add up to it; without rounding it would be 1.
        SumExp sum_exp step;
    } } };
}

macro_rules! parameter {
    () => {
        None
    };
    ($n:ident $N:ty) => {
        Some((stringify!($n), <$N>::MIN as i64..=<$N>::MAX as i64))
    };
}

macro_rules! with_slices {
    ($($rows:tt)*) => { slices! { stamp ! { $($rows)* } } };
}

macro_rules! stamp {
    (
        $( $kind:ident { $(
            $(#[$doc:meta])*
            $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ) $label:literal :
            $value:expr, $z:ident $tie:ident => ( $($partial:expr),* ) ; $derivative:literal ;
            [ $($domain:expr),+ ] ; [ $($probe:expr),* $(,)? ] ;
        )* } )*
        ; slices { $( $(#[$sdoc:meta])* $Slice:ident $slice:ident $skind:ident; )* }
    ) => {
        /// An elementary operation, as [`Var::op`](crate::Var::op) names it.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
        #[non_exhaustive]
        #[repr(u8)]
        pub enum Op {
            /// A number without a node.
            Constant,
            /// A variable made by [`Var::new`](crate::Var::new).
            Leaf,
            $($( $(#[$doc])* $Op, )*)*
            $( $(#[$sdoc])* $Slice, )*
            /// A user's own operation.
            Custom,
            /// An output of a [`checkpoint`](fn@crate::checkpoint).
            Checkpoint,
        }

        /// Every operation that has a row.
        pub(crate) static ROWS: &[Row] = &[
            $($( Row {
                op: Op::$Op,
                method: stringify!($method),
                label: $label,
                operands: &[stringify!($x) $(, stringify!($y))*],
                parameter: parameter!($($n $N)?),
                value: stringify!($value),
                domains: &[ $($domain),+ ],
                probes: &[ $($probe),* ],
            }, )*)*
            $( Row {
                op: Op::$Slice,
                method: stringify!($slice),
                label: stringify!($slice),
                operands: &[],
                parameter: None,
                value: "",
                domains: &[],
                probes: &[0.0],
            }, )*
        ];

        impl Op {
            /// Every operation, in the order of their discriminants.
            pub(crate) const ALL: &[Op] = &[
                Op::Constant, Op::Leaf,
                $($( Op::$Op, )*)*
                $( Op::$Slice, )*
                Op::Custom, Op::Checkpoint,
            ];

            /// How its partials are propagated.
            #[inline(always)]
            pub(crate) const fn kind(self) -> Kind {
                match self {
                    $($( Op::$Op => kind!($kind), )*)*
                    $( Op::$Slice => kind!($skind), )*
                    _ => Kind::Smooth,
                }
            }

            /// Whether it has an integer parameter, as `powi` has.
            #[inline(always)]
            pub(crate) const fn is_indexed(self) -> bool {
                match self {
                    $($( Op::$Op => false $(|| { let _: Option<$N> = None; true })?, )*)*
                    _ => false,
                }
            }

            /// The integer parameter from the 32 bits of `n`, which a row may take for an unsigned number.
            #[allow(clippy::unnecessary_cast)]
            pub(crate) const fn parameter(self, n: i32) -> i64 {
                match self {
                    $($( Op::$Op => n $(as $N)? as i64, )*)*
                    _ => n as i64,
                }
            }

            /// Whether it is an operation on a slice, of any number of operands.
            #[inline(always)]
            pub(crate) const fn is_slice(self) -> bool {
                matches!(self, $( Op::$Slice )|*)
            }
        }
    };
}
table!(with_slices);

impl Op {
    /// Its row.
    ///
    /// # Panics
    ///
    /// If it has none: a constant, a leaf, and what the user gave.
    pub(crate) fn row(self) -> &'static Row {
        let first = Op::ALL.iter().position(|&op| op == ROWS[0].op);
        let place = (self as usize).checked_sub(first.expect("the rows are operations"));
        let row = place.and_then(|place| ROWS.get(place));
        row.unwrap_or_else(|| unreachable!("{self:?} is not a row of the table"))
    }

    /// The name in drawings: a sign for an operator, the method's name for a function.
    pub fn label(self) -> &'static str {
        match self {
            Op::Constant => "constant",
            Op::Leaf => "leaf",
            Op::Custom => "custom",
            Op::Checkpoint => "checkpoint",
            _ => self.row().label,
        }
    }
}

impl std::fmt::Display for Op {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.pad(self.label())
    }
}
