//! What is in this thread's graph: why does its memory grow, why is a gradient zero?

use super::names::counted;
use super::trace::{self, Escape};
use super::{decode, is_head_at, memory, operation_name, partials_of, state};
use crate::arena::{adjoints, arena};
use crate::handle::Var;
use crate::rows::Op;
use crate::rules;
use std::collections::BTreeMap;
use std::fmt;

/// How many leaves and operations a printed report lists.
const LISTED: usize = 8;

/// Tells what is in this thread's graph: nodes, bytes, operations, the longest chain, and the leaves that the last sweep
/// gave nothing to, with the reason.
///
/// It looks at every node, so it is for finding out, not for a loop.
///
/// ```
/// use scalargrad::{Var, graph};
///
/// let (x, y) = (Var::new(2.0).named("x"), Var::new(3.0).named("y"));
/// let z = x * x + f64::from(y) * 2.0; // the value of y was read: z knows nothing of y
/// z.backward();
///
/// let report = graph::report();
/// assert_eq!((report.nodes(), report.deepest()), (4, 3));
/// assert_eq!(report.operations()[0], ("leaf".to_string(), 2));
/// assert_eq!(report.unreached().len(), 1);
/// assert_eq!(report.unreached()[0].name(), Some("y"));
/// println!("{report}");
/// ```
#[must_use]
#[track_caller]
pub fn report() -> Report {
    trace::escaped(Escape::Inspected, Var::constant(0.0));
    let end = arena().end();
    // By node: how long the longest chain to it is (in which the head of a segment is no link), the last operation that uses it, and whether
    // the output of the last sweep was made from it.
    let mut depth = vec![0u32; end];
    let mut last_use = vec![None; end];
    let mut is_ancestor = vec![false; end];
    let adjoint = |index| adjoints(|adjoints| adjoints.get(index));
    let mut counts = BTreeMap::new();
    for index in 1..end {
        let is_operation = !is_head_at(index);
        if is_operation {
            *counts.entry(operation_name(decode(index).op, index)).or_insert(0) += 1;
        }
        let mut deepest = 0;
        for (operand, _) in partials_of(index) {
            deepest = deepest.max(depth[operand]);
            last_use[operand] = Some(index);
        }
        depth[index] = deepest + u32::from(is_operation);
    }
    let output = (1..end).rev().find(|&index| adjoint(index) != 0.0);
    // Why an adjoint is zero, if not by a zero partial.
    let mut lost: Vec<Option<Why>> = vec![None; end];
    // The node whose zero partial stopped the gradient.
    let mut flat: Vec<Option<usize>> = vec![None; end];
    for index in (1..=output.unwrap_or(0)).rev() {
        is_ancestor[index] |= Some(index) == output;
        if !is_ancestor[index] {
            continue;
        }
        let w = adjoint(index);
        for (operand, partial) in partials_of(index) {
            is_ancestor[operand] = true;
            let why = match (w != 0.0, partial) {
                (_, None) => None, // of a checkpoint, not known
                (_, Some(0.0)) if !was_rounded_to_zero(index) => None,
                (true, Some(partial)) if w * partial != 0.0 => Some(Why::Cancelled),
                (true, Some(_)) => Some(Why::Underflow),
                (false, Some(_)) => lost[index],
            };
            lost[operand] = lost[operand].max(why);
            flat[operand] = match (w != 0.0, partial) {
                (true, Some(0.0)) => Some(index),
                _ => flat[operand].or(flat[index]),
            };
        }
    }
    let scopes = state(|state| state.epochs());
    let scope_of = |index| scopes[scopes.partition_point(|&(start, _)| start <= index) - 1].1;
    let has_ended_since = |index| state(|state| state.has_ended_since(index, scope_of(index)));
    let leaves = (1..end).filter(|&index| depth[index] == 1 && decode(index).op == Op::Leaf);
    let undefined = leaves.clone().filter(|&index| !adjoint(index).is_finite()).count();
    let unreached = leaves.filter(|&index| adjoint(index) == 0.0).map(|index| {
        let why = match last_use[index] {
            None if has_ended_since(index) => Why::Gone,
            None => Why::Unused,
            Some(_) if is_ancestor[index] => lost[index].unwrap_or(Why::ZeroPartials),
            Some(user) => match output {
                None => Why::NotSwept,
                Some(output) if scope_of(output) != scope_of(user) => Why::OtherScope,
                Some(_) => Why::NotAnAncestor,
            },
        };
        let flat = flat[index].filter(|_| why == Why::ZeroPartials);
        UnreachedLeaf {
            name: state(|state| state.names.get(&index).cloned()),
            value: super::value_of(index),
            why,
            flat: flat.map(|at| operation_name(decode(at).op, at)),
        }
    });
    let unreached = unreached.collect();
    let mut operations: Vec<(String, usize)> = counts.into_iter().collect();
    operations.sort_by_key(|&(_, count)| std::cmp::Reverse(count));
    Report {
        nodes: super::len(),
        bytes: memory(),
        operations,
        deepest: depth.into_iter().max().unwrap_or(0) as usize,
        undefined,
        unreached,
    }
}

/// Whether a zero partial of the node at `index` is one that is too small for a number.
fn was_rounded_to_zero(index: usize) -> bool {
    let node = decode(index);
    let first = node.operands.first();
    first.is_some_and(|x| rules::slope_was_rounded_to_zero(node.op, x.value))
}

/// What is in a graph; its [`Display`](fmt::Display) is a page of plain text.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct Report {
    nodes: usize,
    bytes: usize,
    operations: Vec<(String, usize)>,
    deepest: usize,
    undefined: usize,
    unreached: Vec<UnreachedLeaf>,
}

impl Report {
    /// The number of nodes, as [`graph::len`](super::len) tells it.
    ///
    /// ```
    /// use scalargrad::{Var, graph};
    ///
    /// let _y = Var::new(1.0) * 2.0;
    /// assert_eq!(graph::report().nodes(), 2);
    /// ```
    #[must_use]
    pub fn nodes(&self) -> usize {
        self.nodes
    }

    /// The bytes that the graph holds, as [`graph::memory`](super::memory) tells them.
    ///
    /// ```
    /// assert_eq!(scalargrad::graph::report().bytes(), scalargrad::graph::memory());
    /// ```
    #[must_use]
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The names of the operations and how many nodes there are of each, the most frequent first.
    ///
    /// ```
    /// use scalargrad::{Var, graph};
    ///
    /// let _y = Var::new(1.0).sin().sin();
    /// assert_eq!(graph::report().operations(), [("sin".to_string(), 2), ("leaf".to_string(), 1)]);
    /// ```
    #[must_use]
    pub fn operations(&self) -> &[(String, usize)] {
        &self.operations
    }

    /// The number of nodes on the longest chain from a leaf to a result.
    ///
    /// ```
    /// use scalargrad::{Var, graph};
    ///
    /// let x = Var::new(1.0);
    /// let _y = (0..100).fold(x, |y, _| y.sin());
    /// assert_eq!(graph::report().deepest(), 101);
    /// ```
    #[must_use]
    pub fn deepest(&self) -> usize {
        self.deepest
    }

    /// The number of leaves whose gradient is NaN or infinite after the last sweep; [`anomaly::detect`](crate::anomaly::detect)
    /// finds the operation that is to blame.
    ///
    /// ```
    /// use scalargrad::{Var, graph};
    ///
    /// let x = Var::new(0.0);
    /// (x * x).sqrt().backward();
    /// assert_eq!(graph::report().undefined(), 1);
    /// ```
    #[must_use]
    pub fn undefined(&self) -> usize {
        self.undefined
    }

    /// The leaves whose gradient the last sweep left at zero.
    ///
    /// ```
    /// use scalargrad::{Var, graph};
    ///
    /// let x = Var::new(-1.0);
    /// x.relu().backward();
    /// let report = graph::report();
    /// assert!(report.unreached()[0].why().contains("zero partial"));
    /// ```
    #[must_use]
    pub fn unreached(&self) -> &[UnreachedLeaf] {
        &self.unreached
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{}, {} bytes with free room; the longest chain has {}",
            counted(self.nodes, "node"),
            self.bytes,
            counted(self.deepest, "node")
        )?;
        if self.nodes > 0 {
            writeln!(f, "(if this grows in a loop: `graph::scope` around a step drops what the step recorded)")?;
        }
        for (operation, count) in self.operations.iter().take(LISTED) {
            writeln!(f, "  {count:>9} × {operation}")?;
        }
        if self.operations.len() > LISTED {
            writeln!(f, "            and {} other operations", self.operations.len() - LISTED)?;
        }
        let leaves = |count| match count {
            1 => "1 leaf has".to_string(),
            _ => format!("{count} leaves have"),
        };
        if self.undefined > 0 {
            let these = leaves(self.undefined);
            writeln!(f, "{these} a gradient that is NaN or infinite: `anomaly::detect` finds the operation")?;
        }
        match self.unreached.len() {
            0 if self.nodes == 0 => {
                return write!(
                    f,
                    "there is no leaf: nothing was recorded, or all of it was dropped; what `Var::from` and `Var::constant` make has no gradient"
                );
            }
            0 => return write!(f, "every leaf got a gradient in the last sweep"),
            1 => write!(f, "1 leaf got no gradient in the last sweep")?,
            count => write!(f, "{count} leaves got no gradient in the last sweep")?,
        }
        for leaf in self.unreached.iter().take(LISTED) {
            let name = leaf.name().unwrap_or("a leaf").escape_debug();
            write!(f, "\n  {name} = {}: {}", leaf.value, leaf.why())?;
            if let Some(operation) = &leaf.flat {
                write!(f, ", of `{}`", operation.escape_debug())?;
            }
        }
        if self.unreached.len() > LISTED {
            write!(f, "\n  … and {} more", self.unreached.len() - LISTED)?;
        }
        Ok(())
    }
}

/// Why a sweep gave nothing to a leaf.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
enum Why {
    Unused,
    Gone,
    ZeroPartials,
    NotSwept,
    OtherScope,
    NotAnAncestor,
    Cancelled,
    Underflow,
}

/// A leaf whose gradient the last sweep left at zero.
#[derive(Clone, Debug)]
#[cfg_attr(feature = "serde", derive(serde::Serialize))]
pub struct UnreachedLeaf {
    name: Option<String>,
    value: f64,
    why: Why,
    /// The operation with the zero partial that a slope met last.
    #[cfg_attr(feature = "serde", serde(skip_serializing_if = "Option::is_none"))]
    flat: Option<String>,
}

impl UnreachedLeaf {
    /// Its name, if it has one.
    ///
    /// ```
    /// use scalargrad::{Var, graph};
    ///
    /// Var::new(1.0).named("w");
    /// assert_eq!(graph::report().unreached()[0].name(), Some("w"));
    /// ```
    #[must_use]
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// Its value.
    ///
    /// ```
    /// use scalargrad::{Var, graph};
    ///
    /// Var::new(1.5);
    /// assert_eq!(graph::report().unreached()[0].value(), 1.5);
    /// ```
    #[must_use]
    pub fn value(&self) -> f64 {
        self.value
    }

    /// The reason, in words.
    ///
    /// ```
    /// use scalargrad::{Var, graph};
    ///
    /// Var::new(1.5);
    /// assert!(graph::report().unreached()[0].why().contains("no operation uses it"));
    /// ```
    #[must_use]
    pub fn why(&self) -> &'static str {
        match self.why {
            Why::Unused => match cfg!(feature = "nalgebra") {
                true => {
                    "no operation uses it: what is made from its `value()`, by `detach`, in `no_grad`, or after a comparison alone (as in `nalgebra`'s own rotations by an angle of 0: see `rotation_about`) is a constant"
                }
                false => {
                    "no operation uses it: what is made from its `value()`, by `detach`, in `no_grad`, or after a comparison alone is a constant"
                }
            },
            Why::Gone => {
                "no operation that is left uses it: one in a scope that has ended is gone; or its `value()` was read instead"
            }
            Why::NotSwept => {
                "no sweep has reached the nodes that are left: `backward` was not called, was called on a constant, or on an output whose scope has ended"
            }
            Why::OtherScope => "the operations that use it are in another scope than the output that was swept",
            Why::ZeroPartials => {
                "on every way from it to the output is a zero partial here (a step, the flat side of a kink, a factor of 0)"
            }
            Why::Cancelled => "what came to it on several ways adds up to 0",
            Why::Underflow => {
                "on a way from it to the output is a slope too small for a number, which was rounded to 0 (`exp` of a large negative number, a saturated `tanh` or `sigmoid`, a product of small factors)"
            }
            Why::NotAnAncestor => "the output that was swept does not depend on it",
        }
    }
}
