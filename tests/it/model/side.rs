//! What a program does, as the crate and the model each do it.

use super::program::{Action, Body, Calculus, Comparison, Pick, Question, Route, Rule, Slice, Trouble};
use super::story::{Fact, Refusal, Told};
use super::ways::{Points, Way};
use scalargrad::Op;
use std::sync::Arc;

/// A variable, or a plain number in its place.
#[derive(Clone, Copy)]
pub enum Operand<V> {
    Variable(V),
    Number(f64),
}

/// What came of an action.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Outcome {
    Done,
    Refused,
    /// It was not done, as an operand is missing.
    Undone,
}

/// What can be done: to the crate, or to the model. An error stands for a panic of the crate.
pub trait Side: Sized {
    type V: Copy;

    /// Tells a fact about what is being done.
    fn tell(&mut self, fact: Fact);
    /// Does something that may be refused, and tells the refusal.
    fn attempt<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Option<R>;
    /// After something was done: what it was, and what came of it.
    fn settle(&mut self, what: &Action, outcome: Outcome);
    /// Whether to go on.
    fn goes_on(&self) -> bool;
    /// Panics with the words of the program's own panics.
    fn panic(&mut self) -> Refusal;
    /// After a gradient was told.
    fn settle_gradient(&mut self, _of: Pick) {}

    fn constant(x: f64) -> Self::V;
    fn tell_value(&mut self, x: Self::V);
    fn leaf(&mut self, value: f64) -> Self::V;
    fn apply(&mut self, op: Op, n: i32, args: &[Operand<Self::V>]) -> Told<Self::V>;
    fn fold(&mut self, slice: Slice, x: &[Self::V], y: &[Self::V]) -> Told<Vec<Self::V>>;
    fn custom(&mut self, value: f64, operands: &[(Self::V, f64)]) -> Told<Self::V>;
    fn rule(&mut self, rule: Rule, x: [Self::V; 2]) -> Told<Self::V>;
    fn compare(&mut self, how: Comparison, a: Operand<Self::V>, b: Operand<Self::V>) -> bool;
    fn choose(&mut self, is_so: bool, yes: Self::V, no: Self::V) -> Self::V {
        if is_so { yes } else { no }
    }
    /// The negative of the recorded derivative of `exp(2 + atan x + t)·(2 + cos y)` with respect to a leaf `t` at zero.
    fn slope_inside(&mut self, route: Route, x: Self::V, y: Self::V) -> Told<Self::V>;
    fn detach(&mut self, x: Self::V) -> Self::V;

    fn segment(&mut self, x: &[Self::V], captured: &[Self::V], body: &Arc<Body>) -> Told<Vec<Self::V>>;
    fn advance(
        &mut self,
        state: &[Self::V],
        captured: &[Self::V],
        steps_and_at_once: (usize, usize),
        body: &Arc<Body>,
    ) -> Told<Vec<Self::V>>;
    fn trouble(&mut self, trouble: Trouble) -> Told<()>;

    fn scope<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Told<R>;
    fn no_grad<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Told<R>;
    fn clear(&mut self);
    /// How often the graph was cleared.
    fn clears(&self) -> usize;
    fn reserve(&mut self, n: usize);

    fn backward(&mut self, y: Self::V) -> Told<()>;
    fn accumulate(&mut self, y: Self::V) -> Told<()>;
    fn grad(&mut self, x: Self::V) -> Told<Fact>;
    type Snapshot;
    fn snapshot(&mut self, y: Self::V) -> Told<Self::Snapshot>;
    fn wrt(&mut self, snapshot: &Self::Snapshot, x: Self::V) -> Told<Fact>;
    /// Records derivatives and tells their values.
    fn differentiate(&mut self, y: Self::V, x: &[Self::V], is_recorded: bool) -> Told<Vec<Self::V>>;
    fn derive(
        &mut self,
        calculus: Calculus,
        at_and_along: (&[f64], &[f64]),
        captured: &[Self::V],
        body: &Arc<Body>,
    ) -> Told<()>;
    fn replay(&mut self, at: &Points, captured: &[Self::V], body: &Arc<Body>, way: Way) -> Told<()>;
    fn watch<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Told<R>;
    /// Runs a program on several threads at once.
    fn threads(&mut self, copies: usize, handles: &[Self::V], actions: &[Action]) -> Told<Vec<Self::V>>;
    /// Forgets a snapshot, and does not drop it.
    fn forget(&mut self, snapshot: Self::Snapshot);

    fn name(&mut self, x: Self::V, name: u32) -> Told<()>;
    fn ask(&mut self, question: Question, x: Self::V) -> Told<()>;
    fn count(&mut self);
}
