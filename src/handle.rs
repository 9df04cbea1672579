//! The handle: a value and where it came from. What it can do is written in the files that do the work.

use crate::arena::{INDEX_BITS, INDEX_MASK};
use std::marker::PhantomData;
#[cfg(not(feature = "nalgebra"))]
use std::panic::{RefUnwindSafe, UnwindSafe};

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
/// new leaf. It belongs to the thread that made it: it is neither `Send` nor `Sync`. With the feature `nalgebra`, whose
/// traits require both, it is; on another thread [`value`](Var::value), comparisons and questions, printing and
/// [`detach`](Var::detach) work, all else panics.
#[cfg_attr(
    not(feature = "nalgebra"),
    doc = r"
```compile_fail
let x = scalargrad::Var::new(1.0);
std::thread::spawn(move || x.value());
```

```compile_fail
let x = scalargrad::Var::new(1.0);
std::thread::scope(|scope| { scope.spawn(|| x.value()); });
```
"
)]
#[derive(Clone, Copy)]
pub struct Var {
    value: f64,
    /// The epoch and the index of its node; 0 for a constant.
    id: u64,
    /// Not `Send`, not `Sync`: the node is in this thread's graph.
    thread: PhantomData<Thread>,
}

#[cfg(not(feature = "nalgebra"))]
type Thread = dyn BelongsToTheThreadThatMadeIt;
/// The traits of `simba` require `Send` and `Sync`; the numbers of epochs differ from thread to thread.
#[cfg(feature = "nalgebra")]
type Thread = ();

/// A name for the compiler's message when a [`Var`] is sent to another thread, or shared with one.
#[cfg(not(feature = "nalgebra"))]
trait BelongsToTheThreadThatMadeIt: UnwindSafe + RefUnwindSafe + Unpin {}

// The parts of a handle, for the rest of the crate.
impl Var {
    #[inline(always)]
    pub(crate) const fn from_parts(value: f64, id: u64) -> Var {
        Var { value, id, thread: PhantomData }
    }

    /// The variable of the node at `index`, recorded in `epoch`.
    #[inline(always)]
    pub(crate) const fn of(value: f64, epoch: u64, index: usize) -> Var {
        Var::from_parts(value, epoch << INDEX_BITS | index as u64)
    }

    /// The value. A recording under way does not note that it was read, as it does for [`Var::value`].
    #[inline(always)]
    pub(crate) const fn untracked_value(self) -> f64 {
        self.value
    }

    #[inline(always)]
    pub(crate) const fn node_id(self) -> u64 {
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
}

/// # Constants
impl Var {
    /// Makes a constant: a number without a node, which costs no more than an `f64`.
    ///
    /// ```
    /// let c = scalargrad::Var::constant(2.0);
    /// assert!(c.is_constant() && (c * c).is_constant());
    /// ```
    #[must_use]
    #[inline(always)]
    pub const fn constant(value: f64) -> Var {
        Var::from_parts(value, 0)
    }

    /// Whether this is a number without a node.
    ///
    /// ```
    /// use scalargrad::Var;
    /// assert!(Var::from(1.0).is_constant());
    /// assert!(!Var::new(1.0).is_constant());
    /// ```
    #[must_use]
    #[inline]
    pub const fn is_constant(self) -> bool {
        self.id == 0
    }
}
