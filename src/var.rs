//! The handle: constructors, operators, methods stamped from the table, n-ary functions.

use crate::arena::{INDEX_BITS, INDEX_MASK, arena};
use crate::differentiate::differentiate;
use crate::graph::{cold, verify};
use crate::ops::{self, Op};
use crate::real::Real;
use crate::record::{self, Custom};
use crate::special;
use crate::sweep::{self, Gradients};
use crate::watch::{self, Comparison, Reading};
use smallvec::SmallVec;
use std::cmp::Ordering;
use std::fmt;
use std::iter::{self, Product, Sum};
use std::marker::PhantomData;
use std::ops::{
    Add, AddAssign, Div, DivAssign, Mul, MulAssign, Neg, Rem, RemAssign, Sub, SubAssign,
};
use std::sync::Arc;

/// A real number that remembers where it came from.
///
/// Arithmetic on variables records itself; [`backward`](Var::backward) then finds the derivative of
/// one result with respect to everything it was made from, and [`grad`](Var::grad) reads it.
///
/// ```
/// use scalargrad::Var;
///
/// let (x, y, z) = (Var::new(3.0), Var::new(2.0), Var::new(1.0));
/// let o = ((x * y) * (y * z)).powi(2);
/// o.backward();
/// assert_eq!((o.value(), x.grad(), y.grad(), z.grad()), (144.0, 96.0, 288.0, 288.0));
/// ```
///
/// A `Var` is a value of 16 bytes, `Copy` and immutable like an `f64`: to change a parameter, make a
/// new leaf. It belongs to the thread that made it:
///
/// ```compile_fail
/// let x = scalargrad::Var::new(1.0);
/// std::thread::spawn(move || x.value());
/// ```
///
/// ```compile_fail
/// let x = scalargrad::Var::new(1.0);
/// std::thread::scope(|scope| { scope.spawn(|| x.value()); });
/// ```
#[derive(Clone, Copy)]
pub struct Var {
    value: f64,
    /// The epoch and the index of its node; 0 for a constant.
    id: u64,
    /// Not `Send`, not `Sync`: the node is in this thread's graph.
    thread: PhantomData<*const ()>,
}

/// # Making, reading, differentiating
impl Var {
    /// Makes a variable that derivatives are taken with respect to: a leaf of the graph.
    ///
    /// # Panics
    ///
    /// If the graph is full (2²⁹ − 1 slots) or there is no memory for it; the graph stays usable.
    ///
    /// ```
    /// let x = scalargrad::Var::new(2.0);
    /// (x * x).backward();
    /// assert_eq!(x.grad(), 4.0);
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn new(value: f64) -> Var {
        record::leaf(value)
    }

    /// Makes a constant: a number without a node, which costs no more than an `f64`.
    ///
    /// ```
    /// let c = scalargrad::Var::constant(2.0);
    /// assert!(c.is_constant() && (c * c).is_constant());
    /// ```
    #[inline(always)]
    pub const fn constant(value: f64) -> Var {
        Var {
            value,
            id: 0,
            thread: PhantomData,
        }
    }

    #[inline(always)]
    pub(crate) const fn from_parts(value: f64, id: u64) -> Var {
        Var {
            value,
            id,
            thread: PhantomData,
        }
    }

    /// The variable of the node at `index`, recorded in `epoch`.
    #[inline(always)]
    pub(crate) const fn of(value: f64, epoch: u64, index: usize) -> Var {
        Var::from_parts(value, epoch << INDEX_BITS | index as u64)
    }

    /// The value, not noted as a read.
    #[inline(always)]
    pub(crate) const fn raw(self) -> f64 {
        self.value
    }

    #[inline(always)]
    pub(crate) const fn id(self) -> u64 {
        self.id
    }

    #[inline(always)]
    pub(crate) const fn index(self) -> usize {
        (self.id & INDEX_MASK) as usize
    }

    #[inline(always)]
    pub(crate) const fn epoch(self) -> u64 {
        self.id >> INDEX_BITS
    }

    /// The number. Never fails, for a stale handle either.
    ///
    /// ```
    /// let x = scalargrad::graph::scope(|| scalargrad::Var::new(2.0) * 3.0);
    /// assert_eq!(x.value(), 6.0);
    /// ```
    #[inline(always)]
    #[track_caller]
    pub fn value(self) -> f64 {
        watch::read(Reading::Value, self);
        self.value
    }

    /// The derivative of the output of the last sweep with respect to this variable.
    ///
    /// `0.0` where the output does not depend on it, for a constant, and before any sweep.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let (x, y) = (scalargrad::Var::new(3.0), scalargrad::Var::new(2.0));
    /// let product = x * y;
    /// (5.0 * product).backward();
    /// assert_eq!((x.grad(), y.grad(), product.grad()), (10.0, 15.0, 5.0));
    /// ```
    #[inline]
    #[track_caller]
    pub fn grad(self) -> f64 {
        if self.id == 0 {
            return 0.0;
        }
        let arena = arena();
        verify(arena, self.id);
        watch::read(Reading::Gradient, self);
        arena.adjoints.borrow().get(self.index())
    }

    /// Sweeps the graph from this output back: fills [`grad`](Var::grad) of every ancestor.
    ///
    /// Every other variable's reads `0.0` afterwards; each sweep starts from zero. Nothing is freed,
    /// so that a graph may be swept again, from this or another output. Takes time in proportion to
    /// the ancestors, whatever else the graph holds, and no recursion.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// let square = x * x;
    /// square.backward();
    /// assert_eq!(x.grad(), 6.0);
    /// (square * square).backward();
    /// assert_eq!(x.grad(), 108.0);
    /// ```
    #[inline]
    #[track_caller]
    pub fn backward(self) {
        sweep::sweep(self);
    }

    /// Sweeps like [`backward`](Var::backward), but adds to the gradients that are there.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// (x * 2.0).backward();
    /// (x * 5.0).backward_accumulate();
    /// assert_eq!(x.grad(), 7.0);
    /// ```
    #[track_caller]
    pub fn backward_accumulate(self) {
        sweep::sweep_accumulate(self);
    }

    /// Sweeps from this output into a snapshot that outlives later sweeps.
    ///
    /// [`grad`](Var::grad) of every variable stays what it was.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// let gradients = (x * x).gradients();
    /// (x * 5.0).backward();
    /// assert_eq!((gradients.wrt(x), x.grad()), (6.0, 5.0));
    /// ```
    #[track_caller]
    pub fn gradients(self) -> Gradients {
        watch::read(Reading::Gradient, self);
        sweep::gradients(self)
    }

    /// Records the derivatives of this output with respect to each of `x`, as variables.
    ///
    /// They can be differentiated again, to any order.
    ///
    /// # Panics
    ///
    /// If a handle is stale, or the output depends on a [`Var::custom`] operation, whose partials
    /// are numbers.
    ///
    /// ```
    /// let x = scalargrad::Var::new(2.0);
    /// let first = (x * x * x).differentiate(&[x])[0];
    /// let second = first.differentiate(&[x])[0];
    /// let third = second.differentiate(&[x])[0];
    /// assert_eq!((first.value(), second.value(), third.value()), (12.0, 12.0, 6.0));
    /// ```
    #[track_caller]
    pub fn differentiate(self, x: &[Var]) -> Vec<Var> {
        differentiate(self, x)
    }

    /// The same number as a constant: what is computed from it does not reach back.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// (x * x.detach()).backward();
    /// assert_eq!(x.grad(), 3.0);
    /// ```
    #[inline]
    #[track_caller]
    pub fn detach(self) -> Var {
        watch::read(Reading::Detached, self);
        Var::constant(self.value)
    }

    /// Whether this is a number without a node.
    ///
    /// ```
    /// use scalargrad::Var;
    /// assert!(Var::from(1.0).is_constant());
    /// assert!(!Var::new(1.0).is_constant());
    /// ```
    #[inline]
    pub const fn is_constant(self) -> bool {
        self.id == 0
    }

    /// Gives the node a name, for drawings and reports. A constant has no node to name.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0).named("x");
    /// assert_eq!(x.name().as_deref(), Some("x"));
    /// ```
    #[track_caller]
    pub fn named(self, name: impl Into<String>) -> Var {
        if self.id != 0 {
            verify(arena(), self.id);
            let name = name.into();
            cold(|cold| cold.names.insert(self.index(), name));
        }
        self
    }

    /// The name of the node, if it was given one.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// assert_eq!(scalargrad::Var::new(3.0).name(), None);
    /// ```
    #[track_caller]
    pub fn name(self) -> Option<String> {
        if self.id == 0 {
            return None;
        }
        verify(arena(), self.id);
        cold(|cold| cold.names.get(&self.index()).cloned())
    }

    /// The operation that made it.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// use scalargrad::{Op, Var};
    /// let x = Var::new(3.0);
    /// assert_eq!((x.op(), (x * x).op(), x.sin().op()), (Op::Leaf, Op::Mul, Op::Sin));
    /// assert_eq!(x.sin().op().label(), "sin");
    /// ```
    #[track_caller]
    pub fn op(self) -> Op {
        match self.decode() {
            Some(node) => node.op,
            None => Op::Constant,
        }
    }

    /// The operands that it was made from, constants included.
    ///
    /// # Panics
    ///
    /// If the handle is stale.
    ///
    /// ```
    /// let x = scalargrad::Var::new(3.0);
    /// let operands = (x * 2.0).operands();
    /// assert_eq!((operands[0].value(), operands[1].value()), (3.0, 2.0));
    /// assert!(operands[1].is_constant());
    /// ```
    #[track_caller]
    pub fn operands(self) -> SmallVec<[Var; 4]> {
        match self.decode() {
            Some(node) => node.operands.iter().map(|x| x.var()).collect(),
            None => SmallVec::new(),
        }
    }

    #[track_caller]
    fn decode(self) -> Option<record::Decoded> {
        if self.id == 0 {
            return None;
        }
        verify(arena(), self.id);
        Some(record::decode(self.index()))
    }

    /// `a` where the condition holds, else `b`.
    ///
    /// The condition is a `bool`, or a mask: a number that is not zero where it holds, such as
    /// [`gt_mask`](Var::gt_mask) gives. What is not selected gets no gradient, not even a NaN.
    ///
    /// ```
    /// use scalargrad::Var;
    /// let x = Var::new(0.0);
    /// let y = Var::select(x.gt_mask(0.0), x.ln(), x * 2.0);
    /// y.backward();
    /// assert_eq!((y.value(), x.grad()), (0.0, 2.0));
    /// ```
    #[inline]
    #[track_caller]
    pub fn select(condition: impl Condition, a: impl Into<Var>, b: impl Into<Var>) -> Var {
        condition.select(a.into(), b.into())
    }

    /// The sine and the cosine, in this order.
    ///
    /// ```
    /// let (sin, cos) = scalargrad::Var::new(1.0).sin_cos();
    /// assert_eq!((sin.value(), cos.value()), 1f64.sin_cos());
    /// ```
    #[inline]
    #[track_caller]
    pub fn sin_cos(self) -> (Var, Var) {
        (self.sin(), self.cos())
    }

    /// Records an operation of your own, from its value and its partials as plain numbers.
    ///
    /// First derivatives only; for every order implement [`CustomOp`].
    ///
    /// # Panics
    ///
    /// If an operand is stale.
    ///
    /// ```
    /// use scalargrad::Var;
    /// let (x, y) = (Var::new(3.0), Var::new(2.0));
    /// let area = Var::custom("area", x.value() * y.value(), [(x, y.value()), (y, x.value())]);
    /// area.backward();
    /// assert_eq!((area.value(), x.grad(), y.grad()), (6.0, 2.0, 3.0));
    /// ```
    #[track_caller]
    pub fn custom(
        label: impl Into<String>,
        value: f64,
        partials: impl IntoIterator<Item = (Var, f64)>,
    ) -> Var {
        let (operands, partials): (SmallVec<[Var; 4]>, SmallVec<[f64; 4]>) =
            partials.into_iter().unzip();
        let label: String = label.into();
        record::custom(
            Custom {
                label: label.into(),
                op: None,
            },
            &operands,
            value,
            &partials,
        )
    }
}

/// A condition of [`Var::select`]: a `bool`, or a mask that is not zero where it holds.
pub trait Condition {
    /// `a` where the condition holds, else `b`.
    fn select(self, a: Var, b: Var) -> Var;
}

impl Condition for bool {
    #[inline]
    fn select(self, a: Var, b: Var) -> Var {
        if self { a } else { b }
    }
}

impl Condition for Var {
    #[inline]
    #[track_caller]
    fn select(self, a: Var, b: Var) -> Var {
        self.mask_select(a, b)
    }
}

/// An operation of your own that can be differentiated to any order.
///
/// ```
/// use scalargrad::{CustomOp, Var};
///
/// struct Cube;
/// impl CustomOp for Cube {
///     fn value(&self, x: &[f64]) -> f64 {
///         x[0] * x[0] * x[0]
///     }
///     fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
///         vec![3.0 * x[0] * x[0]]
///     }
/// }
/// let x = Var::new(2.0);
/// let first = Cube.apply(&[x]).differentiate(&[x])[0];
/// let second = first.differentiate(&[x])[0];
/// assert_eq!((first.value(), second.value()), (12.0, 12.0));
/// ```
pub trait CustomOp: Send + Sync + 'static {
    /// The value at `x`.
    fn value(&self, x: &[f64]) -> f64;

    /// The partial with respect to each operand, as expressions of the operands `x` and the result `z`.
    fn partials(&self, x: &[Var], z: Var) -> Vec<Var>;

    /// The name in drawings.
    fn label(&self) -> String {
        "custom".into()
    }

    /// Computes and records the operation.
    ///
    /// # Panics
    ///
    /// If an operand is stale, or `partials` gives another number of them than there are operands.
    #[track_caller]
    fn apply(self, operands: &[Var]) -> Var
    where
        Self: Sized,
    {
        let x: SmallVec<[f64; 4]> = operands.iter().map(|x| x.value).collect();
        let value = self.value(&x);
        if operands.iter().all(|x| x.is_constant()) {
            return Var::constant(value);
        }
        let constants: SmallVec<[Var; 4]> = x.into_iter().map(Var::constant).collect();
        let partials: SmallVec<[f64; 4]> = self
            .partials(&constants, Var::constant(value))
            .iter()
            .map(|p| p.value)
            .collect();
        assert_eq!(
            partials.len(),
            operands.len(),
            "scalargrad: `{}` gives another number of partials than it has operands",
            self.label()
        );
        let custom = Custom {
            label: self.label().into(),
            op: Some(Arc::new(self)),
        };
        record::custom(custom, operands, value, &partials)
    }
}

macro_rules! operators {
    ($($Trait:ident $method:ident $TraitAssign:ident $method_assign:ident $op:tt;)*) => { $(
        impl $Trait for Var {
            type Output = Var;
            #[inline(always)]
            #[track_caller]
            fn $method(self, other: Var) -> Var {
                record::binary(Op::$Trait, self, other, self.value $op other.value, ops::rules::$method)
            }
        }
        operators!(@mixed $Trait $method: Var, f64; f64, Var);
        operators!(@mixed $Trait $method: &Var, &Var; &Var, Var; Var, &Var);
        operators!(@mixed $Trait $method: &Var, &f64; &Var, f64; Var, &f64);
        operators!(@mixed $Trait $method: &f64, &Var; &f64, Var; f64, &Var);
        operators!(@assign $TraitAssign $method_assign $op: Var, &Var, f64, &f64);
    )* };
    (@mixed $Trait:ident $method:ident: $($A:ty, $B:ty);*) => { $(
        impl $Trait<$B> for $A {
            type Output = Var;
            #[inline(always)]
            #[track_caller]
            fn $method(self, other: $B) -> Var {
                $Trait::$method(Var::from(self), Var::from(other))
            }
        }
    )* };
    (@assign $Trait:ident $method:ident $op:tt: $($B:ty),*) => { $(
        impl $Trait<$B> for Var {
            #[inline(always)]
            #[track_caller]
            fn $method(&mut self, other: $B) {
                *self = *self $op other;
            }
        }
    )* };
}
operators! {
    Add add AddAssign add_assign +;
    Sub sub SubAssign sub_assign -;
    Mul mul MulAssign mul_assign *;
    Div div DivAssign div_assign /;
    Rem rem RemAssign rem_assign %;
}

impl Neg for Var {
    type Output = Var;
    #[inline(always)]
    #[track_caller]
    fn neg(self) -> Var {
        record::unary(Op::Neg, 0, self, -self.value, ops::rules::neg)
    }
}

impl Neg for &Var {
    type Output = Var;
    #[inline(always)]
    #[track_caller]
    fn neg(self) -> Var {
        -*self
    }
}

macro_rules! methods {
    (
        operators { $($operators:tt)* }
        $( $kind:ident { $(
            $(#[$doc:meta])*
            $Op:ident $method:ident ( $x:ident $(, $y:ident)* $(; $n:ident : $N:ty)? ) $label:literal :
            $value:expr, $z:ident $tie:ident => ( $($partial:expr),* ) ; $derivative:literal ;
            [ $($domain:expr),+ ] ; [ $($probe:expr),* $(,)? ] ;
        )* } )*
    ) => {
        /// # Elementary functions
        ///
        /// A value is bit for bit that of the `f64` method of the same name, where there is one.
        /// An operand of a function of several may be an `f64`, which costs no gradient work.
        /// Outside its domain a function is NaN, and so are its partials. Each panics for a stale handle.
        impl Var {
            $($(
                $(#[$doc])*
                #[doc = concat!("\n\n# Derivative\n\n", $derivative)]
                #[inline]
                #[track_caller]
                pub fn $method(self $(, $y: impl Into<Var>)* $(, $n: $N)?) -> Var {
                    methods!(@record $kind $Op $method self $x ($($y),*) ($($n)?))
                }
            )*)*
        }

        impl Real for Var {
            #[inline(always)]
            #[track_caller]
            fn value(self) -> f64 {
                Var::value(self)
            }

            #[inline(always)]
            fn below(self, bound: f64, a: impl FnOnce() -> Var, b: impl FnOnce() -> Var) -> Var {
                if self < bound { a() } else { b() }
            }

            #[inline(always)]
            fn within(self, bound: f64, a: impl FnOnce() -> Var, b: impl FnOnce() -> Var) -> Var {
                if self < bound && self > -bound { a() } else { b() }
            }

            #[inline(always)]
            fn at(self, point: f64, a: impl FnOnce() -> Var, b: impl FnOnce() -> Var) -> Var {
                if self == point { a() } else { b() }
            }

            #[inline(always)]
            fn unless_nan(self, z: Var) -> Var {
                #[allow(clippy::eq_op)]
                let is_nan = z != z;
                if is_nan { Var::constant(f64::NAN) } else { self }
            }

            #[track_caller]
            fn dot(x: &[Var], y: &[Var]) -> Var {
                dot(x, y)
            }

            #[track_caller]
            fn norm(x: &[Var]) -> Var {
                norm(x)
            }

            #[track_caller]
            fn log_sum_exp(x: &[Var]) -> Var {
                log_sum_exp(x)
            }

            $($(
                #[inline]
                #[track_caller]
                fn $method(self $(, $y: impl Into<Var>)* $(, $n: $N)?) -> Var {
                    Var::$method(self $(, $y)* $(, $n)?)
                }
            )*)*
        }
    };
    (@record $kind:ident $Op:ident $method:ident $this:ident $x:ident () ($($n:ident)?)) => {
        record::unary(
            Op::$Op, 0 $(+ $n as i32)?, $this, Real::$method($this.value $(, $n)?), ops::rules::$method
        )
    };
    (@record smooth $Op:ident $method:ident $this:ident $x:ident ($($y:ident),+) ()) => {{
        // A call of its own, as long as what it computes.
        #[track_caller]
        fn record($x: Var $(, $y: Var)*) -> Var {
            methods!(@several $Op $method $x $($y)*)
        }
        record($this $(, $y.into())*)
    }};
    (@record $kind:ident $Op:ident $method:ident $this:ident $x:ident ($($y:ident),+) ()) => {{
        let ($x $(, $y)*) = ($this $(, $y.into())*);
        methods!(@several $Op $method $x $($y)*)
    }};
    (@several $Op:ident $method:ident $x:ident $y:ident) => {
        record::binary(Op::$Op, $x, $y, Real::$method($x.value, $y.value), ops::rules::$method)
    };
    (@several $Op:ident $method:ident $x:ident $y:ident $z:ident) => {
        record::ternary(
            Op::$Op, [$x, $y, $z], Real::$method($x.value, $y.value, $z.value), ops::rules::$method
        )
    };
}
ops::table!(methods);

impl From<f64> for Var {
    /// A constant.
    #[inline(always)]
    fn from(value: f64) -> Var {
        Var::constant(value)
    }
}

impl From<&f64> for Var {
    /// A constant.
    #[inline(always)]
    fn from(value: &f64) -> Var {
        Var::constant(*value)
    }
}

impl From<&Var> for Var {
    #[inline(always)]
    fn from(x: &Var) -> Var {
        *x
    }
}

impl Default for Var {
    /// The constant 0.
    fn default() -> Var {
        Var::constant(0.0)
    }
}

// Each comparison by its own sign, so that a recording notes what was asked, and where.
macro_rules! comparisons {
    ($($A:ty, $B:ty;)*) => { $(
        impl PartialEq<$B> for $A {
            comparisons!(@ $B: eq Equal ==);
        }

        impl PartialOrd<$B> for $A {
            #[inline(always)]
            #[track_caller]
            fn partial_cmp(&self, other: &$B) -> Option<Ordering> {
                let (a, b) = (Var::from(*self), Var::from(*other));
                watch::compared(Comparison::Order, a, b);
                a.value.partial_cmp(&b.value)
            }

            comparisons!(@ $B: lt Less <);
            comparisons!(@ $B: le LessOrEqual <=);
            comparisons!(@ $B: gt Greater >);
            comparisons!(@ $B: ge GreaterOrEqual >=);
        }
    )* };
    (@ $B:ty: $method:ident $comparison:ident $sign:tt) => {
        #[inline(always)]
        #[track_caller]
        fn $method(&self, other: &$B) -> bool {
            let (a, b) = (Var::from(*self), Var::from(*other));
            watch::compared(Comparison::$comparison, a, b);
            a.value $sign b.value
        }
    };
}
comparisons! {
    Var, Var;
    Var, f64;
    f64, Var;
}

impl Sum for Var {
    /// One node, whatever the number of terms.
    #[track_caller]
    fn sum<I: Iterator<Item = Var>>(terms: I) -> Var {
        sum(&terms.collect::<SmallVec<[Var; 16]>>())
    }
}

impl<'a> Sum<&'a Var> for Var {
    /// One node, whatever the number of terms.
    #[track_caller]
    fn sum<I: Iterator<Item = &'a Var>>(terms: I) -> Var {
        terms.copied().sum()
    }
}

impl Product for Var {
    #[track_caller]
    fn product<I: Iterator<Item = Var>>(factors: I) -> Var {
        factors.reduce(|a, b| a * b).unwrap_or(Var::constant(1.0))
    }
}

impl<'a> Product<&'a Var> for Var {
    #[track_caller]
    fn product<I: Iterator<Item = &'a Var>>(factors: I) -> Var {
        factors.copied().product()
    }
}

impl fmt::Display for Var {
    /// The value, with the formatting of an `f64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl fmt::LowerExp for Var {
    /// The value, with the formatting of an `f64`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

impl fmt::Debug for Var {
    /// `Var(2.0)`, or `Constant(2.0)`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple(if self.is_constant() {
            "Constant"
        } else {
            "Var"
        })
        .field(&self.value)
        .finish()
    }
}

fn values(x: &[Var]) -> SmallVec<[f64; 16]> {
    x.iter().map(|x| x.value).collect()
}

/// The sum of a slice, added from the first to the last: one node.
///
/// # Derivative
///
/// `1` for each.
///
/// ```
/// use scalargrad::{Var, sum};
/// let x = [Var::new(1.0), Var::new(2.0)];
/// sum(&x).backward();
/// assert_eq!((sum(&x).value(), x[0].grad()), (3.0, 1.0));
/// ```
#[track_caller]
pub fn sum(terms: &[Var]) -> Var {
    record::with_partials(Op::Sum, terms, terms.iter().map(|x| x.value).sum(), |_| 1.0)
}

/// The dot product `Σ xᵢ·yᵢ`: one node.
///
/// # Derivative
///
/// `yᵢ` for `xᵢ` and `xᵢ` for `yᵢ`.
///
/// # Panics
///
/// If the slices have different lengths.
///
/// ```
/// use scalargrad::{Var, dot};
/// let (x, y) = ([Var::new(1.0), Var::new(2.0)], [Var::new(3.0), Var::new(4.0)]);
/// let z = dot(&x, &y);
/// z.backward();
/// assert_eq!((z.value(), x[0].grad(), y[1].grad()), (11.0, 3.0, 2.0));
/// ```
#[track_caller]
pub fn dot(x: &[Var], y: &[Var]) -> Var {
    assert_eq!(x.len(), y.len(), "dot: the slices have different lengths");
    record::dot(
        x,
        y,
        special::dot(x.iter().zip(y).map(|(x, y)| (x.value, y.value))),
    )
}

/// The sum `Σ wᵢ·xᵢ` with weights that are plain numbers: one node.
///
/// # Derivative
///
/// `wᵢ` for `xᵢ`.
///
/// # Panics
///
/// If the slices have different lengths.
///
/// ```
/// use scalargrad::{Var, weighted_sum};
/// let x = [Var::new(1.0), Var::new(2.0)];
/// let z = weighted_sum(&x, &[0.5, -3.0]);
/// z.backward();
/// assert_eq!((z.value(), x[0].grad(), x[1].grad()), (-5.5, 0.5, -3.0));
/// ```
#[track_caller]
pub fn weighted_sum(x: &[Var], weights: &[f64]) -> Var {
    dot(
        x,
        &weights
            .iter()
            .map(|&w| Var::constant(w))
            .collect::<SmallVec<[Var; 16]>>(),
    )
}

/// The Euclidean norm `√Σ xᵢ²`, without overflow or underflow on the way: one node.
///
/// # Derivative
///
/// `xᵢ/norm(x)`; zeros for a zero vector.
///
/// ```
/// use scalargrad::{Var, norm};
/// let big = 2f64.powi(600);
/// let x = [Var::new(3.0 * big), Var::new(4.0 * big)];
/// let z = norm(&x);
/// z.backward();
/// assert_eq!((z.value(), x[0].grad()), (5.0 * big, 0.6));
/// ```
#[track_caller]
pub fn norm(x: &[Var]) -> Var {
    let values = values(x);
    let z = <f64 as Real>::norm(&values);
    record::with_partials(Op::Norm, x, z, |k| ops::norm_partial(&values, k, z))
}

/// `ln Σ exp xᵢ`, without overflow on the way: one node.
///
/// # Derivative
///
/// The softmax `exp xᵢ / Σ exp xⱼ`.
///
/// ```
/// use scalargrad::{Var, log_sum_exp};
/// let x = [Var::new(1000.0), Var::new(1000.0)];
/// let z = log_sum_exp(&x);
/// z.backward();
/// assert_eq!((z.value(), x[0].grad()), (1000.0 + 2f64.ln(), 0.5));
/// ```
#[track_caller]
pub fn log_sum_exp(x: &[Var]) -> Var {
    let values = values(x);
    let z = <f64 as Real>::log_sum_exp(&values);
    let shares = ops::log_sum_exp_partials(&values, z);
    record::with_partials(Op::LogSumExp, x, z, |k| shares[k])
}

/// `exp xᵢ / Σ exp xⱼ` for each `xᵢ`, without overflow on the way: one node per output, and two that
/// they share.
///
/// # Derivative
///
/// `∂zᵢ/∂xⱼ = zᵢ·([i = j] − zⱼ)`.
///
/// ```
/// use scalargrad::{Var, softmax};
/// let x = [Var::new(1000.0), Var::new(1000.0)];
/// let z = softmax(&x);
/// z[0].backward();
/// assert_eq!((z[0].value(), x[0].grad(), x[1].grad()), (0.5, 0.25, -0.25));
/// ```
#[track_caller]
pub fn softmax(x: &[Var]) -> Vec<Var> {
    let c = log_sum_exp(x);
    let operands: SmallVec<[Var; 16]> = iter::once(c).chain(x.iter().copied()).collect();
    // 1, but for the rounding of `c`, which this makes good; its derivative is 0.
    let s = ops::sum_exp(&values(&operands));
    record::softmax(c, &operands, s)
}
