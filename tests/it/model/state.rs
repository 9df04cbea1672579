//! The model: the naive tape, and what a program can do with it.

use super::naive::{Adjoint, Fate, Handle, Operand, Tape};
use super::program::{Action, Rule, Trouble};
use super::side::{Outcome, Side};
use super::story::{Fact, Refusal, Told};
use scalargrad::Op;
use std::cmp::Ordering;
use std::collections::HashMap;

/// How much the model knows of what depends on a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Knowledge {
    Nothing,
    /// The gradients of leaves: others depend on how a derivative was recorded.
    Leaves,
    Everything,
}

/// What the model remembers of a node beside its operands.
#[derive(Clone)]
pub struct About {
    pub op: Op,
    pub n: i32,
    pub name: Option<String>,
    pub knowledge: Knowledge,
    pub rule: Option<Rule>,
    /// What the sweep runs into here.
    pub trouble: Option<Trouble>,
}

impl About {
    pub fn new(op: Op, n: i32) -> About {
        About { op, n, name: None, knowledge: Knowledge::Everything, rule: None, trouble: None }
    }
}

pub struct Model {
    pub tape: Tape<About>,
    pub facts: Vec<Fact>,
    /// What the last sweep tells.
    pub knowledge: Knowledge,
    /// The number of nodes is not known while as many scopes are open, or more.
    pub vague_within: Option<usize>,
    /// The closures that are being recorded as functions.
    pub watching: usize,
    /// Answers of the comparisons that were made there.
    pub answers: Vec<Option<Ordering>>,
    /// What came of the actions that were not done, for whoever prints the program.
    pub outcomes: HashMap<*const Action, Outcome>,
    /// Closures that run without telling.
    pub quiet: usize,
    /// The trouble that the closures around will make when they run again.
    pub troubles: Vec<Option<Trouble>>,
    /// The same of the closure that ended last.
    pub last_trouble: Option<Trouble>,
    /// How often the graph was cleared.
    pub clears: usize,
    /// How often it was swept.
    pub sweeps: usize,
    /// Whether any segment ever made trouble.
    pub has_troubles: bool,
    /// The nodes that sweeps went over.
    pub swept_over: usize,
    /// All that was ever done: nodes and operations.
    pub operations: usize,
}

impl From<Fate> for Refusal {
    fn from(fate: Fate) -> Refusal {
        match fate {
            Fate::Cleared => Refusal::Cleared,
            Fate::Foreign => Refusal::Foreign,
            _ => Refusal::Ended,
        }
    }
}

/// How a closure that makes trouble is refused.
pub fn refusal(trouble: Trouble) -> Refusal {
    match trouble {
        Trouble::Sweeps => unreachable!("a sweep is not refused"),
        Trouble::Clears => CLEARED,
        Trouble::Panics => Refusal::Panic,
        Trouble::Leaks => Refusal::Ended,
        Trouble::UsesLater => Refusal::Words("that was made after the checkpoint"),
    }
}

/// The words for code of the user that clears the graph around it.
pub const CLEARED: Refusal = Refusal::Words("dropped the graph that it is part of, by `graph::clear` at");

impl Model {
    pub fn new() -> Model {
        Model {
            tape: Tape::new(About::new(Op::Constant, 0)),
            facts: Vec::new(),
            knowledge: Knowledge::Everything,
            vague_within: None,
            watching: 0,
            answers: Vec::new(),
            outcomes: HashMap::new(),
            quiet: 0,
            troubles: Vec::new(),
            last_trouble: None,
            clears: 0,
            sweeps: 0,
            has_troubles: false,
            swept_over: 0,
            operations: 0,
        }
    }

    /// Records an operation; what it depends on limits what is known of it.
    pub fn record(&mut self, value: f64, operands: Vec<Operand>, mut about: About) -> Told<Handle> {
        self.operations += 1;
        for operand in &operands {
            about.knowledge = about.knowledge.min(self.known(operand.of));
        }
        Ok(self.tape.record(value, operands, about)?)
    }

    /// Opens a scope that records, and closes it.
    pub fn recording<R>(&mut self, f: impl FnOnce(&mut Model) -> Told<R>) -> Told<R> {
        let was_recording = std::mem::replace(&mut self.tape.is_recording, true);
        let result = self.scope(f);
        self.tape.is_recording = was_recording;
        result
    }

    /// Runs code of the user, which must not clear the graph that it is part of.
    pub fn user_code<R>(&mut self, f: impl FnOnce(&mut Model) -> Told<R>) -> Told<R> {
        let clears = self.clears;
        self.troubles.push(None);
        let result = f(self);
        self.last_trouble = self.troubles.pop().expect("it was pushed");
        match self.clears == clears || result.is_err() {
            true => result,
            false => Err(CLEARED),
        }
    }

    /// From now on the number of nodes is not known, as long as this scope is open.
    pub fn lose_count(&mut self) {
        let here = self.tape.scopes.len();
        self.vague_within = Some(self.vague_within.map_or(here, |within| within.min(here)));
    }

    /// After the end of a scope.
    pub fn count_again(&mut self) {
        let here = self.tape.scopes.len();
        self.vague_within = self.vague_within.filter(|&within| within <= here);
    }

    pub fn verify(&self, x: &[Handle]) -> Told<()> {
        for &x in x {
            self.tape.verify(x)?;
        }
        Ok(())
    }

    /// What is known of what depends on a handle; of a stale one only its number is asked.
    pub fn known(&self, y: Handle) -> Knowledge {
        match self.tape.verify(y) {
            Ok(()) => self.tape.nodes[y.index].about.knowledge,
            Err(_) => Knowledge::Everything,
        }
    }

    /// The trouble that a sweep of nodes above `floor` runs into: the highest node comes first, but a sweep inside is
    /// told of only where there is nothing worse.
    pub fn trouble_of(&mut self, adjoints: &[Adjoint], floor: usize) -> Option<Trouble> {
        let mut sweeps = None;
        for (index, adjoint) in adjoints.iter().enumerate().skip(1).rev() {
            let trouble = self.tape.nodes[index].about.trouble;
            match trouble {
                Some(Trouble::Sweeps) if adjoint.size != 0.0 => sweeps = Some(Trouble::Sweeps),
                Some(Trouble::Clears | Trouble::Panics | Trouble::Leaks | Trouble::UsesLater)
                    if self.is_reached(index, *adjoint, floor) =>
                {
                    return trouble;
                }
                _ => (),
            }
        }
        sweeps
    }

    /// Whether a sweep of nodes above `floor` comes to what a node has given. An adjoint that cancels to zero may be
    /// a rounding error in the crate; and if it ends between the outputs of a segment, it may run that, or not.
    pub fn is_reached(&mut self, index: usize, adjoint: Adjoint, floor: usize) -> bool {
        let first = match &self.tape.nodes[index].about {
            about if about.op == Op::Checkpoint => index - about.n as usize,
            _ => index,
        };
        let is_asked_for = index > floor && adjoint.size != 0.0;
        let cancels = adjoint.value.abs() <= 1e-12 * adjoint.size;
        if is_asked_for && (cancels || first <= floor) {
            self.tell(Fact::End);
        }
        is_asked_for && adjoint.value != 0.0
    }

    /// Sweeps the nodes above `floor`; what segments do on the way may be a refusal.
    pub fn swept(&mut self, y: Handle, floor: usize) -> Told<Vec<Adjoint>> {
        self.tape.verify(y)?;
        self.swept_over += y.index;
        let is_known = self.known(y) == Knowledge::Everything;
        if self.has_troubles && (self.watching > 0 || !is_known) {
            // Which segments a recorded derivative depends on is not known. Nor is which of those inside of one run again
            // where a function is being recorded.
            self.tell(Fact::End);
        }
        let adjoints = self.tape.sweep(y.index, floor + 1);
        match self.trouble_of(&adjoints, floor) {
            None => Ok(adjoints),
            Some(trouble) => self.meet(trouble).map(|()| adjoints),
        }
    }

    /// Runs again what makes trouble then.
    pub fn meet(&mut self, trouble: Trouble) -> Told<()> {
        match trouble {
            Trouble::Sweeps => return Ok(()),
            Trouble::Clears => self.clear(),
            Trouble::Panics | Trouble::Leaks | Trouble::UsesLater => {}
        }
        Err(refusal(trouble))
    }

    pub fn slope(&self, adjoint: Adjoint, is_leaf: bool, knowledge: Knowledge) -> Fact {
        match knowledge {
            Knowledge::Everything => Fact::Slope(adjoint.value, adjoint.size),
            Knowledge::Leaves if is_leaf => Fact::Slope(adjoint.value, 100.0 * (1.0 + adjoint.size)),
            _ => Fact::Anything,
        }
    }
}
