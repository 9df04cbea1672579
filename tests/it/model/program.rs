//! The language of the programs that are run on both sides.
//!
//! A register holds a row of variables; most hold one. Every action can be run in every state: what uses a stale
//! handle, or a register that was never filled, does the same on both sides.

pub use super::asked::{Calculus, Comparison, Question};
use super::ways::{Points, Way};
use scalargrad::Op;
use std::sync::Arc;

pub type Register = usize;

/// One variable of a register, counted round and round.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Pick(pub Register, pub usize);

/// The number of the name whose conversion to a text clears the graph.
pub const NAME_THAT_CLEARS: u32 = 11;

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Arg {
    Of(Pick),
    /// An operand that is a plain number.
    Number(f64),
}

/// One step of a chain, from `s` and another variable `y`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Link {
    /// `s.sin()`
    Sine,
    /// `s + 0.001`
    Number,
    /// `s * 0.999`
    Scale,
    /// `s − y` and `s + y` in turn
    Sum,
    /// `s + y * c`, the product kept too
    Product,
    /// `s + y * c`, with something recorded in a scope between the product and the sum
    ScopedProduct,
    /// `(s * 0.5 + y * 0.5).sin()`
    Spiral,
    /// One of several, by turns.
    Mixed,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Slice {
    Sum,
    Dot,
    WeightedSum,
    Norm,
    LogSumExp,
    Softmax,
}

/// What a rule of a custom operation does beside its partials.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    Plain,
    Records,
    Sweeps,
    OpensScopes,
    /// Clears the graph when it is asked for partials that are variables.
    Clears,
    /// Panics when it is asked for partials that are variables.
    Panics,
    /// Gets its partials by differentiating.
    Differentiates,
    /// Clears the graph when it is asked for its value, or for its label.
    ClearsInValue,
    ClearsInLabel,
    /// Sweeps when it is dropped, which changes nothing.
    SweepsAtTheEnd,
}

/// What a closure does when it is run again: a segment by a sweep, another one by what runs it at other points too.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Trouble {
    Sweeps,
    Clears,
    Panics,
    /// Uses a leaf of the first run, which has ended.
    Leaks,
    /// Uses a variable that was made after the first run: the segment's own output.
    UsesLater,
}

/// How a derivative is recorded inside of what a program computes.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Route {
    Sweep,
    Along,
}

/// A closure. Its register 0 holds its inputs, and 1 what it captures.
#[derive(Clone, Debug, PartialEq)]
pub struct Body {
    pub actions: Vec<Action>,
    pub outputs: Vec<Pick>,
}

#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `n` leaves.
    Leaves {
        value: f64,
        n: usize,
        to: Register,
    },
    Apply {
        op: Op,
        n: i32,
        args: Vec<Arg>,
        to: Register,
    },
    /// The operation on each of a row, with the other operands.
    Map {
        op: Op,
        n: i32,
        x: Register,
        others: Vec<Arg>,
        to: Register,
    },
    /// A row of what is there already.
    Gather {
        args: Vec<Arg>,
        to: Register,
    },
    /// `n` links; the register gets every `keep`-th intermediate and the end.
    Chain {
        link: Link,
        x: Pick,
        y: Pick,
        n: usize,
        keep: usize,
        to: Register,
    },
    /// A function of every `stride`-th of a row, and of another row.
    Fold {
        slice: Slice,
        x: Register,
        y: Register,
        stride: usize,
        is_reversed: bool,
        to: Register,
    },
    Custom {
        value: f64,
        operands: Vec<(Pick, f64)>,
        to: Register,
    },
    Rule {
        rule: Rule,
        x: [Pick; 2],
        to: Register,
    },
    /// `if a < b { c } else { d }`, or another comparison.
    Choose {
        how: Comparison,
        compared: [Arg; 2],
        chosen: [Pick; 2],
        to: Register,
    },
    /// The negative of the derivative of `exp(2 + atan x + t)·(2 + cos y)` with respect to a leaf `t` at zero.
    Slope {
        route: Route,
        x: Pick,
        y: Pick,
        to: Register,
    },
    Detach {
        x: Pick,
        to: Register,
    },
    Segment {
        inputs: Vec<Pick>,
        captured: Vec<Pick>,
        body: Arc<Body>,
        to: Register,
    },
    Advance {
        state: Vec<Pick>,
        captured: Vec<Pick>,
        steps: usize,
        at_once: usize,
        body: Arc<Body>,
        to: Register,
    },
    /// In a body: what it does when it is run again.
    Trouble(Trouble),
    Scope(Vec<Action>),
    NoGrad(Vec<Action>),
    /// A panic, out of whatever is around it.
    Panic,
    Clear,
    Reserve(usize),
    Backward(Pick),
    Accumulate(Pick),
    /// A snapshot is taken, then something is done, then the snapshot is asked.
    Snapshot {
        y: Pick,
        then: Vec<Action>,
        asked: Vec<Pick>,
    },
    /// Recorded derivatives, and what is done with them; after that, registers from this one on are empty.
    Differentiate {
        y: Pick,
        x: Vec<Pick>,
        to: Register,
        then: Vec<Action>,
    },
    /// The values of recorded derivatives alone, or of derivatives that are not recorded.
    Slopes {
        y: Pick,
        x: Vec<Pick>,
        is_recorded: bool,
    },
    Derive {
        calculus: Calculus,
        at: Vec<f64>,
        along: Vec<f64>,
        captured: Vec<Pick>,
        body: Arc<Body>,
    },
    /// A recorded function, called at some points.
    Replay {
        at: Points,
        captured: Vec<Pick>,
        body: Arc<Body>,
        way: Way,
    },
    /// The same actions on several threads at once. Each has these handles in its first register, where the type
    /// system lets them through, and gives some back.
    Threads {
        copies: usize,
        handles: Vec<Pick>,
        actions: Vec<Action>,
        to: Register,
    },
    /// Actions under `anomaly::absorbed`, or `detect`.
    Watch(Vec<Action>),
    /// A name; the conversion of [`NAME_THAT_CLEARS`] clears the graph.
    Name(Pick, u32),
    Ask(Question, Pick),
    /// The number of nodes.
    Count,
    /// The gradients of what the registers hold: of some of each row, or of all.
    Look {
        all: bool,
    },
}

impl Action {
    /// The register that gets what the action gives.
    pub fn to(&self) -> Option<Register> {
        match *self {
            Action::Leaves { to, .. }
            | Action::Apply { to, .. }
            | Action::Map { to, .. }
            | Action::Gather { to, .. }
            | Action::Chain { to, .. }
            | Action::Fold { to, .. }
            | Action::Custom { to, .. }
            | Action::Rule { to, .. }
            | Action::Choose { to, .. }
            | Action::Detach { to, .. }
            | Action::Slope { to, .. }
            | Action::Segment { to, .. }
            | Action::Advance { to, .. }
            | Action::Threads { to, .. }
            | Action::Differentiate { to, .. } => Some(to),
            _ => None,
        }
    }

    /// The actions inside of this one.
    pub fn inner(&self) -> &[Action] {
        match self {
            Action::Scope(actions)
            | Action::NoGrad(actions)
            | Action::Watch(actions)
            | Action::Threads { actions, .. } => actions,
            Action::Snapshot { then, .. } | Action::Differentiate { then, .. } => then,
            Action::Segment { body, .. }
            | Action::Advance { body, .. }
            | Action::Derive { body, .. }
            | Action::Replay { body, .. } => &body.actions,
            _ => &[],
        }
    }

    /// The same, to be changed.
    pub fn inner_mut(&mut self) -> Option<&mut Vec<Action>> {
        match self {
            Action::Scope(actions)
            | Action::NoGrad(actions)
            | Action::Watch(actions)
            | Action::Threads { actions, .. } => Some(actions),
            Action::Snapshot { then, .. } | Action::Differentiate { then, .. } => Some(then),
            Action::Segment { body, .. }
            | Action::Advance { body, .. }
            | Action::Derive { body, .. }
            | Action::Replay { body, .. } => Some(&mut Arc::make_mut(body).actions),
            _ => None,
        }
    }

    /// The numbers that say how much there is of something.
    pub fn counts_mut(&mut self) -> Vec<&mut usize> {
        match self {
            Action::Leaves { n, .. } | Action::Reserve(n) => vec![n],
            Action::Chain { n, keep, .. } => vec![n, keep],
            Action::Fold { stride, .. } => vec![stride],
            Action::Threads { copies, .. } => vec![copies],
            Action::Advance { steps, at_once, .. } => vec![steps, at_once],
            _ => Vec::new(),
        }
    }
}
