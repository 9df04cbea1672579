//! The evaluator that goes through nodes one after the other, over any kind of [`Number`], wherever the [`Nodes`] are stored: in
//! a program, or still on the tape.
//!
//! It needs nothing but the nodes. A program that is called often is evaluated in the order of a schedule instead, by `scheduled`.

use super::program::Program;
use super::unary;
use crate::graph::Custom;
use crate::nodes::NumberOrPlace;
use crate::pull_back::{Adjoint, Adjoints, pull_back, share};
use crate::rows::Op;
use crate::rules::{self, Partials};
use crate::var::custom;
use smallvec::SmallVec;

/// A number that a program can be run over.
pub(crate) trait Number: Adjoint {
    /// The value of any row but a user's own; `is_active` says which operands depend on an input.
    fn row(op: Op, n: i32, operands: &[Self], is_active: &dyn Fn(usize) -> bool) -> Self;

    /// The partials of any row but a user's own with the result `z`, with respect to its active operands.
    #[inline(always)]
    fn partials(op: Op, n: i32, operands: &[Self], is_active: &dyn Fn(usize) -> bool, z: Self) -> Partials<Self> {
        rules::partials(op, n, operands, is_active, z)
    }

    /// The value of a user's own operation.
    fn custom(custom: &Custom, operands: &[Self]) -> Self;

    /// The partials of a user's own operation with the result `z`. Of a number in lanes, the rule is asked in those where
    /// something `is_given` to the result, as a sweep asks it.
    fn custom_partials(
        custom: &Custom,
        operands: &[Self],
        z: Self,
        is_given: &dyn Fn(usize) -> bool,
    ) -> SmallVec<[Self; 4]>;

    /// Fills `results` with a row of one operand each, of the numbers in `known` at the places `operands`.
    fn fill_unary(op: Op, n: i32, known: &[Self], results: &mut [Self], operands: &[u32]) {
        for (result, &k) in results.iter_mut().zip(operands) {
            *result = Self::row(op, n, &[known[k as usize]], &|_| true);
        }
    }

    /// Adds what each adjoint of such results contributes to that of its operand, and takes it: a zero stays in its place. Next to
    /// the adjoints of the `results` are their values.
    fn give_unary<W: Adjoints<Self>>(
        op: Op,
        n: i32,
        known: &[Self],
        results: (&[Self], &mut [W]),
        operands: &[u32],
        adjoints: &mut [W],
    ) {
        for ((w, &z), &k) in results.1.iter_mut().zip(results.0).zip(operands) {
            let w = w.take();
            if !w.is_absent() {
                let partial = partial_of_one(op, n, known[k as usize], z);
                adjoints[k as usize].add(share(op, w, partial));
            }
        }
    }
}

/// Whether it is a row of the table, of at most three operands.
#[inline(always)]
pub(crate) fn is_plain(op: Op) -> bool {
    !op.is_slice() && op != Op::Custom
}

/// The value of any operation; of a user's own one `n` is the place among the `customs`.
#[inline]
pub(crate) fn value<T: Number>(
    customs: &[Custom],
    op: Op,
    n: i32,
    operands: &[T],
    is_active: &dyn Fn(usize) -> bool,
) -> T {
    match op {
        Op::Custom => T::custom(&customs[n as usize], operands),
        _ => T::row(op, n, operands, is_active),
    }
}

/// The partials of any operation with the result `z`, with respect to its active operands.
#[inline]
pub(crate) fn partials<T: Number>(
    customs: &[Custom],
    op: Op,
    n: i32,
    operands: &[T],
    is_active: &dyn Fn(usize) -> bool,
    z: T,
    is_given: &dyn Fn(usize) -> bool,
) -> Partials<T> {
    if op != Op::Custom {
        return T::partials(op, n, operands, is_active, z);
    }
    let partials = T::custom_partials(&customs[n as usize], operands, z, is_given);
    partials.into_iter().enumerate().map(|(k, p)| is_active(k).then_some(p)).collect()
}

/// The partial of a row of one operand, which at a tie with itself shares nothing.
#[inline(always)]
fn partial_of_one<T: Number>(op: Op, n: i32, x: T, z: T) -> T {
    rules::partial(op, 0, [x, T::default(), T::default()], n, z, T::from(1.0))
}

/// A node, as far as it is one of the frequent ones.
pub(crate) enum Seen {
    Number(f64),
    /// A row of one operand, with its parameter.
    One(Op, i32, usize),
    /// A row of two operands.
    Two(Op, [NumberOrPlace; 2]),
    Other,
}

/// Where nodes are stored.
pub(crate) trait Nodes {
    /// The node at a place. `None` if it cannot be computed from here, and so is `read_any`.
    fn read(&self, place: usize) -> Option<Seen>;

    /// Calls `each` for every operand of any node; returns its operation and its parameter.
    fn read_any(&self, place: usize, each: impl FnMut(NumberOrPlace)) -> Option<(Op, i32)>;

    /// Whether an operand depends on an input.
    fn is_active(&self, x: NumberOrPlace) -> bool;

    /// The users' own operations.
    fn customs(&self) -> &[Custom];
}

#[inline(always)]
fn get<T: Number>(values: &[T], x: NumberOrPlace) -> T {
    x.map_or_else(T::from, |k| values[k])
}

/// `+ − × ÷`; `None` for what else there is.
#[inline(always)]
fn arithmetic<T: Number>(op: Op, x: T, y: T) -> Option<T> {
    match op {
        Op::Add => Some(x + y),
        Op::Sub => Some(x - y),
        Op::Mul => Some(x * y),
        Op::Div => Some(x / y),
        _ => None,
    }
}

/// Fills the values of the nodes at these places, the values before them being known.
#[inline(always)]
pub(crate) fn forward<T: Number>(
    nodes: &impl Nodes,
    places: impl Iterator<Item = usize>,
    values: &mut [T],
) -> Option<()> {
    for place in places {
        let value = match nodes.read(place)? {
            Seen::Number(value) => Some(T::from(value)),
            Seen::One(Op::Neg, _, a) => Some(-values[a]),
            Seen::One(op, n, a) => Some(value_of_one(op, n, values[a])),
            // Where the operands are is known at compile time in each of these.
            Seen::Two(op, [Ok(a), Ok(b)]) => arithmetic(op, values[a], values[b]),
            Seen::Two(op, [Ok(a), Err(c)]) => arithmetic(op, values[a], T::from(c)),
            Seen::Two(op, [Err(c), Ok(b)]) => arithmetic(op, T::from(c), values[b]),
            Seen::Two(_, [Err(_), Err(_)]) | Seen::Other => None,
        };
        values[place] = match value {
            Some(value) => value,
            None => value_of_any(nodes, place, values)?,
        };
    }
    Some(())
}

#[inline(never)]
fn value_of_one<T: Number>(op: Op, n: i32, x: T) -> T {
    T::row(op, n, &[x], &|_| true)
}

#[inline(never)]
fn value_of_any<T: Number>(nodes: &impl Nodes, place: usize, values: &[T]) -> Option<T> {
    let mut operands: SmallVec<[NumberOrPlace; 4]> = SmallVec::new();
    let (op, n) = nodes.read_any(place, |x| operands.push(x))?;
    let args: SmallVec<[T; 4]> = operands.iter().map(|&x| get(values, x)).collect();
    let is_active = |k: usize| nodes.is_active(operands[k]);
    Some(value(nodes.customs(), op, n, &args, &is_active))
}

/// Adds what the adjoint of a node contributes to those of its operands.
#[inline(always)]
pub(crate) fn contribute<T: Number>(nodes: &impl Nodes, place: usize, values: &[T], adjoints: &mut [T]) {
    let w = adjoints[place];
    if w.is_absent() {
        return;
    }
    match nodes.read(place) {
        Some(Seen::Number(_)) => {}
        Some(Seen::One(Op::Neg, _, a)) => adjoints[a] -= w,
        Some(Seen::One(op, n, a)) => {
            contribute_one(op, n, values[a], values[place], w, &mut adjoints[a]);
        }
        // 2x is rounded once here, as where the tape records a square.
        Some(Seen::Two(Op::Mul, [Ok(a), Ok(b)])) if a == b => {
            adjoints[a] += w.times(values[a] + values[a]);
        }
        Some(Seen::Two(op @ (Op::Add | Op::Sub | Op::Mul), x)) => match x {
            [Ok(a), Ok(b)] => contribute_two(op, [a, b], |k| values[[a, b][k]], w, |_| true, adjoints),
            [Ok(a), Err(c)] => contribute_two(op, [a, a], |_| T::from(c), w, |k| k == 0, adjoints),
            [Err(c), Ok(b)] => contribute_two(op, [b, b], |_| T::from(c), w, |k| k == 1, adjoints),
            [Err(_), Err(_)] => {}
        },
        _ => contribute_any(nodes, place, values, adjoints),
    }
}

/// What `+ − ×` contribute to the adjoints at two places.
#[inline(always)]
fn contribute_two<T: Number>(
    op: Op,
    to: [usize; 2],
    x: impl Fn(usize) -> T,
    w: T,
    is_wanted: impl Fn(usize) -> bool,
    adjoints: &mut [T],
) {
    let add = |k: usize, share| adjoints[to[k]] += share;
    pull_back(op, 2, x, w, || [None; 2], is_wanted, add);
}

#[inline(never)]
fn contribute_one<T: Number>(op: Op, n: i32, x: T, z: T, w: T, adjoint: &mut T) {
    let partials = || [Some(partial_of_one(op, n, x, z))];
    pull_back(op, 1, |_| x, w, partials, |_| true, |_, share| *adjoint += share);
}

#[inline(never)]
fn contribute_any<T: Number>(nodes: &impl Nodes, place: usize, values: &[T], adjoints: &mut [T]) {
    let mut operands: SmallVec<[NumberOrPlace; 4]> = SmallVec::new();
    let Some((op, n)) = nodes.read_any(place, |x| operands.push(x)) else {
        return;
    };
    let args: SmallVec<[T; 4]> = operands.iter().map(|&x| get(values, x)).collect();
    let is_active = |k: usize| nodes.is_active(operands[k]);
    let (w, z) = (adjoints[place], values[place]);
    let partials = || partials(nodes.customs(), op, n, &args, &is_active, z, &|_| true);
    let add = |k: usize, share| operands[k].iter().for_each(|&k| adjoints[k] += share);
    pull_back(op, args.len(), |k| args[k], w, partials, is_active, add);
}

impl Nodes for Program {
    #[inline(always)]
    fn read(&self, place: usize) -> Option<Seen> {
        let node = &self.nodes[place - self.first_node()];
        Some(match *self.operands(node) {
            [a] if is_plain(node.op) => Seen::One(node.op, node.n, a as usize),
            [a, b] if is_plain(node.op) => Seen::Two(node.op, [a, b].map(|k| Ok(k as usize))),
            _ => Seen::Other,
        })
    }

    fn read_any(&self, place: usize, each: impl FnMut(NumberOrPlace)) -> Option<(Op, i32)> {
        let node = &self.nodes[place - self.first_node()];
        self.operands(node).iter().map(|&k| Ok(k as usize)).for_each(each);
        Some((node.op, node.n))
    }

    fn is_active(&self, x: NumberOrPlace) -> bool {
        x.is_ok_and(|k| Program::is_active(self, k as u32))
    }

    fn customs(&self) -> &[Custom] {
        &self.customs
    }
}

/// Fills `values` from the inputs, node by node; stops at the first guard whose answer is another now, and returns its
/// place.
pub(crate) fn walk(program: &Program, inputs: &[f64], values: &mut Vec<f64>) -> Result<(), usize> {
    values.clear();
    values.extend(inputs.iter().chain(&program.constants));
    values.resize(program.len(), 0.0);
    let mut done = program.first_node();
    let mut compute = |end: usize, values: &mut [f64]| {
        let all = forward(program, done..end, values);
        debug_assert!(all.is_some(), "a program has all that it needs");
        done = end;
    };
    for (k, guard) in program.guards.iter().enumerate() {
        compute(program.first_node() + guard.after as usize, values);
        if guard.trips(guard.operands.map(|index| values[index as usize])) {
            return Err(k);
        }
    }
    compute(program.len(), values);
    Ok(())
}

impl Number for f64 {
    #[inline(always)]
    fn row(op: Op, n: i32, operands: &[f64], _: &dyn Fn(usize) -> bool) -> f64 {
        <f64 as crate::Real>::apply(op, n, operands)
    }

    fn fill_unary(op: Op, n: i32, known: &[f64], results: &mut [f64], operands: &[u32]) {
        unary::fill(op, n, known, results, operands);
    }

    fn give_unary<W: Adjoints<f64>>(
        op: Op,
        n: i32,
        known: &[f64],
        results: (&[f64], &mut [W]),
        operands: &[u32],
        adjoints: &mut [W],
    ) {
        unary::give(op, n, known, results, operands, adjoints);
    }

    fn custom(custom: &Custom, operands: &[f64]) -> f64 {
        custom::value(defined(custom), operands)
    }

    fn custom_partials(custom: &Custom, operands: &[f64], z: f64, _: &dyn Fn(usize) -> bool) -> SmallVec<[f64; 4]> {
        custom::plain_partials(defined(custom), operands, z)
    }
}

/// The user's operation; `Program::refuse_first_order_customs` has seen to it that there is one.
pub(crate) fn defined(custom: &Custom) -> &dyn crate::CustomOp {
    custom.op.as_deref().expect("an operation that can be computed again")
}
