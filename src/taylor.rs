//! Taylor series of a function of one variable.
//!
//! The derivative of an operation is its partial times the derivative of its operand. So a series of the partial up to order
//! k − 1 gives the series of the operation up to order k. A partial is itself an expression of operations of the table. It is
//! recorded once for each operation, and equal expressions are shared (the partial of the partial of `sin` is `−sin`). All
//! series then grow together, one order at a time.

use crate::arena::arena;
use crate::graph::trace::{self, Escape};
use crate::graph::{self, decode};
use crate::handle::Var;
use crate::nodes::Decoded;
use crate::rows::{Kind, Op};
use crate::var::differentiate;
use smallvec::SmallVec;
use std::collections::HashMap;

/// The highest order: hours for a small function.
const HIGHEST_ORDER: usize = 100_000;

/// The Taylor coefficients of `f` around `x`: the `k`-th is the `k`-th derivative over `k!`.
///
/// All `order + 1` of them from one recording of `f`, in time that grows with the square of the order; with its third power where the
/// derivatives of an operation are always new ones (`powf`, `sinc`, and the gamma family, whose higher derivatives also overflow
/// from order 171 on: the coefficients are infinite from there).
/// Variables from outside that `f` uses are constants.
///
/// # Derivative
///
/// Where an infinite slope meets an inner derivative of exactly zero, as in `(x / x).asin()`, the coefficient is 0: a coefficient of zero
/// is not propagated, as an adjoint of zero is not in a sweep. A sweep may give NaN there, where two infinite contributions cancel.
///
/// At a kink every order takes the smallest subgradient for the slope, so that all coefficients of `x.abs().powi(4)` at 0 are zero: see
/// [`hessian`](crate::hessian).
///
/// # Panics
///
/// If the output is stale, or depends on a [`Var::custom`] operation, whose partials are numbers. If the order is above 100,000.
///
/// ```
/// use scalargrad::taylor;
///
/// assert_eq!(taylor(|x| x * x * x, 2.0, 4), [8.0, 12.0, 6.0, 1.0, 0.0]);
/// let series = taylor(|x| x.exp(), 0.0, 20);
/// assert!((series[20] * 2432902008176640000.0 - 1.0).abs() < 1e-14);
/// ```
#[must_use]
#[track_caller]
pub fn taylor(f: impl FnOnce(Var) -> Var, x: f64, order: usize) -> Vec<f64> {
    assert!(
        order <= HIGHEST_ORDER,
        "scalargrad: a Taylor series of order {order}: its time grows with the square of the order, and {HIGHEST_ORDER} is the highest"
    );
    let _scope = graph::open_recording();
    // While tracing, a checkpoint runs its closure directly, which is needed here, in the partials of a custom operation too.
    // If a function is being recorded around this call, that one traces already, and notes what `f` decides.
    let _tracing = (!trace::is_tracing()).then(trace::start);
    let x = Var::new(x);
    let z = graph::user_code("the closure", || f(x));
    let mut series = Series { order, x, terms: Vec::new(), of_node: HashMap::new(), of_expression: HashMap::new() };
    let output = series.of(z, 0);
    // A recording around this call must know that its variable became a plain number.
    trace::escaped(Escape::Gradient, z);
    series.add_partials();
    series.grow();
    let mut coefficients = std::mem::take(&mut series.terms[output].coefficients);
    coefficients.resize(order + 1, 0.0);
    coefficients
}

/// The key of an operation among all others: itself, its parameter, the places of its operands.
type Expression = (Op, i32, SmallVec<[usize; 4]>);

/// A number with its coefficients so far.
struct Term {
    /// The index of a node with this value; 0 for a constant.
    index: usize,
    op: Op,
    n: i32,
    operands: SmallVec<[usize; 4]>,
    /// The place of the partial with respect to each operand, if there is one.
    partials: SmallVec<[Option<usize>; 4]>,
    /// The order of derivative at which it is first used.
    depth: usize,
    coefficients: Vec<f64>,
}

struct Series {
    order: usize,
    x: Var,
    /// The terms; each comes after its operands.
    terms: Vec<Term>,
    of_node: HashMap<usize, usize>,
    of_expression: HashMap<Expression, usize>,
}

impl Series {
    /// The place of a variable; adds it, and all its ancestors, to the terms.
    #[track_caller]
    fn of(&mut self, z: Var, depth: usize) -> usize {
        // `self.x` too: `graph::clear` may have dropped it.
        graph::verify(self.x);
        graph::verify(z);
        if self.is_outside(z.index()) {
            return self.constant(z.untracked_value(), false, depth);
        }
        let mut wanted = vec![(z.index(), z.untracked_value())];
        while let Some(&(index, value)) = wanted.last() {
            if self.of_node.contains_key(&index) {
                wanted.pop();
                continue;
            }
            let Decoded { op, n, operands } = decode(index);
            let before = wanted.len();
            wanted.extend(
                operands
                    .iter()
                    .filter(|operand| !self.is_outside(operand.index) && !self.of_node.contains_key(&operand.index))
                    .map(|operand| (operand.index, operand.value)),
            );
            if wanted.len() > before {
                continue;
            }
            wanted.pop();
            let places: SmallVec<[usize; 4]> = operands
                .iter()
                .map(|operand| match self.of_node.get(&operand.index) {
                    Some(&place) => place,
                    None => self.constant(operand.value, false, depth),
                })
                .collect();
            let is_constant = places.iter().all(|&place| self.is_constant(place));
            let expression = (op, n, places.clone());
            let shared = self.of_expression.get(&expression);
            let place = match shared.filter(|_| op != Op::Custom) {
                _ if is_constant && index != self.x.index() => self.constant(value, true, depth),
                Some(&place) => place,
                None => {
                    let place = self.push(index, op, n, places, depth, value);
                    self.of_expression.insert(expression, place);
                    place
                }
            };
            self.of_node.insert(index, place);
        }
        self.of_node[&z.index()]
    }

    /// Whether this is a node from before the variable, or a constant.
    fn is_outside(&self, index: usize) -> bool {
        index < self.x.index()
    }

    fn is_constant(&self, place: usize) -> bool {
        self.terms[place].op == Op::Constant
    }

    /// The place of a constant; equal constants share one. Those made inside are variables of the graph, which shares ties with
    /// them.
    fn constant(&mut self, value: f64, is_inside: bool, depth: usize) -> usize {
        let bits = value.to_bits();
        let expression =
            (Op::Constant, i32::from(is_inside), SmallVec::from_slice(&[bits as usize, (bits >> 32) as usize]));
        if let Some(&place) = self.of_expression.get(&expression) {
            return place;
        }
        let (n, operands) = (expression.1, SmallVec::new());
        let place = self.push(0, Op::Constant, n, operands, depth, value);
        self.of_expression.insert(expression, place);
        place
    }

    fn push(
        &mut self,
        index: usize,
        op: Op,
        n: i32,
        operands: SmallVec<[usize; 4]>,
        depth: usize,
        value: f64,
    ) -> usize {
        self.terms.push(Term { index, op, n, operands, partials: SmallVec::new(), depth, coefficients: vec![value] });
        self.terms.len() - 1
    }

    /// Whether the series follows from those of the operands, without partials.
    fn is_arithmetic(op: Op) -> bool {
        matches!(op, Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Neg | Op::Sum | Op::Dot)
    }

    /// Records the partials of all terms, and the partials of these partials, as far as the order needs them.
    #[track_caller]
    fn add_partials(&mut self) {
        let mut place = 0;
        while place < self.terms.len() {
            let Term { index, op, n, depth, .. } = self.terms[place];
            let is_plain = matches!(op, Op::Constant | Op::Leaf) || Series::is_arithmetic(op);
            if !is_plain && op.kind() != Kind::Step && depth < self.order {
                let operands: Vec<Var> = (decode(index).operands.iter())
                    .zip(&self.terms[place].operands)
                    .map(|(x, &place)| match &self.terms[place] {
                        term if term.op == Op::Constant && term.n == 0 => Var::constant(x.value),
                        _ => x.var(),
                    })
                    .collect();
                let z = Var::from_parts(self.terms[place].coefficients[0], graph::id_of(index));
                let line = arena().set_line_of_derivative(index);
                let partials = differentiate::partials(index, op, n, &operands, z);
                drop(line);
                let of_operands = self.terms[place].operands.clone();
                let places = partials
                    .into_iter()
                    .zip(of_operands)
                    .map(|(p, operand)| p.filter(|_| !self.is_constant(operand)).map(|p| self.of(p, depth + 1)));
                self.terms[place].partials = places.collect();
            }
            place += 1;
        }
    }

    /// Computes the coefficients, an order at a time.
    fn grow(&mut self) {
        for k in 1..=self.order {
            for place in 0..self.terms.len() {
                if self.terms[place].depth + k <= self.order {
                    let coefficient = self.coefficient(place, k);
                    self.terms[place].coefficients.push(coefficient);
                }
            }
        }
    }

    /// The coefficient of order `k`, from those of the operands and lower ones.
    fn coefficient(&self, place: usize, k: usize) -> f64 {
        let term = &self.terms[place];
        let of = |operand: usize, j: usize| self.terms[term.operands[operand]].coefficients[j];
        let product = |a: usize, b: usize| {
            let pairs = (0..=k).map(|j| times((j, of(a, j)), (k - j, of(b, k - j))));
            pairs.sum::<f64>()
        };
        match term.op {
            Op::Constant => 0.0,
            Op::Leaf => f64::from(k == 1),
            Op::Add => of(0, k) + of(1, k),
            Op::Sub => of(0, k) - of(1, k),
            Op::Neg => -of(0, k),
            Op::Mul => product(0, 1),
            Op::Div => {
                let known: f64 = (0..k).map(|j| times((j, term.coefficients[j]), (k - j, of(1, k - j)))).sum();
                (of(0, k) - known) / of(1, 0)
            }
            Op::Sum => (0..term.operands.len()).map(|a| of(a, k)).sum(),
            Op::Dot => (0..term.operands.len()).step_by(2).map(|a| product(a, a + 1)).sum(),
            op => {
                let mut sum = 0.0;
                for (a, partial) in term.partials.iter().enumerate() {
                    let Some(partial) = *partial else { continue };
                    let p = &self.terms[partial].coefficients;
                    if op.kind() == Kind::Switch && p[0] == 0.0 {
                        continue;
                    }
                    sum += (1..=k).map(|j| times((j, of(a, j) * j as f64), (k - j, p[k - j]))).sum::<f64>();
                }
                sum / k as f64
            }
        }
    }
}

/// The product of two coefficients, each with its order. Zero times a slope is nothing, not even where the other is infinite, as
/// a sweep does not propagate an adjoint of zero; the product of two values is that of `f64`.
fn times((i, a): (usize, f64), (j, b): (usize, f64)) -> f64 {
    let is_nothing = i + j > 0 && (a == 0.0 || b == 0.0);
    if is_nothing { 0.0 } else { a * b }
}
