//! Looks through what was recorded and what was swept.

use super::found::{Absorbed, Anomaly, Details, Operand, What, When};
use crate::arena::{Owner, adjoints, arena, owner};
use crate::graph::names::tidy;
use crate::graph::{Event, decode, is_head_at, operation_name, partials_of, state, value_of};
use crate::nodes;
use crate::rows::Kind;
use std::cell::RefCell;
use std::collections::BTreeSet;

thread_local! {
    /// What was found on this thread by each detection that is under way, the outermost first.
    pub(super) static FINDINGS: RefCell<Vec<Findings>> = const { RefCell::new(Vec::new()) };
}

/// How many suspects are kept at once.
const SUSPECTS: usize = 1000;

/// What was found so far.
pub(super) struct Findings {
    /// The first operation whose number reached the value of an output or the gradient of a leaf.
    pub harmful: Option<Anomaly>,
    /// The operations that made a value that is not finite from finite ones, if no sweep has shown that it does no harm.
    pub suspects: Vec<Anomaly>,
    pub absorbed: Vec<Absorbed>,
    /// The values of the nodes below this index have been looked at.
    inspected: usize,
    /// How many sweeps there were, and how many nodes were looked at.
    sweeps: usize,
    nodes: usize,
}

/// Takes a look, before what was recorded or swept is gone.
pub(super) fn observe(event: Event<'_>) {
    // Taken out meanwhile: working out a value tells nobody.
    let mut all = FINDINGS.take();
    for findings in &mut all {
        findings.look_at_values();
        match event {
            Event::Swept { outputs, floor, is_segment } => {
                findings.look_at_sweep(&Swept::new(outputs, floor, is_segment));
                findings.sweeps += usize::from(!is_segment);
            }
            Event::Dropping { end } => {
                findings.inspected = findings.inspected.min(end);
                // No later sweep is about them.
                let dropped = findings.suspects.iter_mut().filter(|s| s.0.index >= end);
                dropped.for_each(|suspect| suspect.0.index = usize::MAX);
            }
        }
    }
    FINDINGS.set(all);
}

impl Findings {
    pub(super) fn new(inspected: usize) -> Findings {
        Findings { harmful: None, suspects: Vec::new(), absorbed: Vec::new(), inspected, sweeps: 0, nodes: 0 }
    }

    /// What was found: of the operations that did harm the first, or else of the suspects.
    pub(super) fn anomaly(self) -> Option<Anomaly> {
        let mut anomaly = self.harmful.or(self.suspects.into_iter().next())?;
        anomaly.0.absorbed = self.absorbed;
        Some(anomaly)
    }

    /// When something happens that is found now.
    fn now(&self, in_sweep: bool) -> When {
        When { sweeps: self.sweeps, nodes: self.nodes, in_sweep }
    }

    /// Looks at the values of the nodes that are new.
    fn look_at_values(&mut self) {
        let end = arena().end();
        for index in self.inspected..end {
            self.nodes += 1;
            let wanted = self.harmful.is_none() && self.suspects.len() < SUSPECTS;
            if wanted && has_undefined_value(index) && undefined_operands(index).is_empty() {
                let suspect = anomaly(index, What::Value, None, self.now(false));
                self.suspects.push(suspect);
            }
        }
        self.inspected = end;
    }

    /// Looks at what a sweep has left.
    fn look_at_sweep(&mut self, sweep: &Swept<'_>) {
        let reaches = sweep.reaching();
        let mut found = None;
        for index in sweep.met().rev() {
            let (w, reaches, partials) = (adjoint(index), reaches[index - sweep.floor], partials_of(index));
            if reaches && partials.is_empty() {
                found.get_or_insert((index, What::Adjoint, w));
            }
            for partial in partials.into_iter().filter_map(|(_, partial)| partial) {
                match fault(index, w, partial) {
                    Some(what) if reaches => {
                        found.get_or_insert((index, what, w));
                    }
                    _ if partial.is_finite() || !w.is_finite() => {}
                    _ => self.absorbed.push(Absorbed {
                        operation: tidy(&operation_name(decode(index).op, index)),
                        line: arena().lines.of(index).map(|(line, _)| line),
                        partial,
                    }),
                }
            }
        }
        if self.harmful.is_none() {
            let mut used = sweep.outputs.iter().filter(|&&output| adjoint(output) != 0.0);
            let value = used.find_map(|&output| origin(output));
            let value = value.or_else(|| found.and_then(|(index, ..)| origin(index)));
            let suspect = self.suspects.iter().find(|suspect| Some(suspect.0.index) == value);
            let now = self.now(true);
            self.harmful = match (suspect, value) {
                (Some(suspect), _) => Some(suspect.clone()),
                (None, Some(index)) => Some(anomaly(index, What::Value, None, now)),
                (None, None) => found.map(|(index, what, w)| anomaly(index, what, Some(w), now)),
            };
            if let Some(Anomaly(anomaly)) = &mut self.harmful {
                anomaly.names = sweep.names_from(anomaly.index);
            }
        }
        // The values that went into this sweep have done no harm, or one of them is reported.
        self.suspects.retain(|suspect| !sweep.has_met(suspect.0.index));
    }
}

/// A sweep that has ended.
struct Swept<'a> {
    outputs: &'a [usize],
    floor: usize,
    /// For each node from `floor` on the node above it on a way to an output, itself if it is one, or 0.
    above: Vec<usize>,
    is_segment: bool,
}

impl<'a> Swept<'a> {
    fn new(outputs: &'a [usize], floor: usize, is_segment: bool) -> Swept<'a> {
        let end = outputs.iter().max().map_or(0, |top| top + 1);
        let mut above = vec![0; end.saturating_sub(floor)];
        for &output in outputs.iter().filter(|&&output| output >= floor) {
            above[output - floor] = output;
        }
        for index in (floor..end).rev() {
            if above[index - floor] == 0 || is_head_at(index) {
                continue;
            }
            for (operand, _) in partials_of(index) {
                if operand >= floor && above[operand - floor] == 0 {
                    above[operand - floor] = index;
                }
            }
        }
        Swept { outputs, floor, above, is_segment }
    }

    /// Whether it went through a node.
    fn has_met(&self, index: usize) -> bool {
        let above = index.checked_sub(self.floor).and_then(|k| self.above.get(k));
        above.is_some_and(|&above| above != 0)
    }

    /// The nodes that it went through.
    fn met(&self) -> impl DoubleEndedIterator<Item = usize> {
        let all = self.floor..self.floor + self.above.len();
        all.filter(|&index| self.has_met(index) && !is_head_at(index))
    }

    /// By node from `floor` on: whether what is not finite comes down from it to a leaf.
    fn reaching(&self) -> Vec<bool> {
        let mut reaches = vec![false; self.above.len()];
        for index in self.met() {
            let (w, partials) = (adjoint(index), partials_of(index));
            let passes_on = |&(operand, partial): &(usize, Option<f64>)| {
                let is_reached = match operand.checked_sub(self.floor) {
                    Some(k) => reaches[k],
                    None => self.is_segment, // its leaves are below its floor
                };
                // The partial of a checkpoint is not known; its segment was looked at when it was swept.
                is_reached && partial.is_none_or(|partial| fault(index, w, partial).is_some())
            };
            let is_leaf = partials.is_empty() || index == self.floor;
            reaches[index - self.floor] = is_leaf && !w.is_finite() || partials.iter().any(passes_on);
        }
        reaches
    }

    /// The names of a node that it met and of those on the way from it to an output.
    fn names_from(&self, from: usize) -> Vec<String> {
        let (mut names, mut index) = (Vec::new(), from);
        while self.has_met(index) {
            names.extend(name(index));
            match self.above[index - self.floor] {
                next if next > index => index = next,
                _ => break,
            }
        }
        names
    }
}

fn adjoint(index: usize) -> f64 {
    adjoints(|adjoints| adjoints.get(index))
}

/// What is not finite about what a node gives to an operand, if anything is.
fn fault(index: usize, w: f64, partial: f64) -> Option<What> {
    let is_finite = w == 0.0 || partial == 0.0 && decode(index).op.kind() != Kind::Smooth || (w * partial).is_finite();
    match partial.is_finite() {
        _ if is_finite => None,
        false => Some(What::Partial),
        true => Some(What::Adjoint),
    }
}

/// The operands of a node, variables, that are not finite.
fn undefined_operands(index: usize) -> Vec<usize> {
    let operands = decode(index).operands;
    let undefined = |operand: &&nodes::Operand| operand.index != 0 && !operand.value.is_finite();
    operands.iter().filter(undefined).map(|operand| operand.index).collect()
}

/// The first node that made the value of a node, or of one of its operands, one that is not finite.
fn origin(index: usize) -> Option<usize> {
    let (mut open, mut seen) = (vec![index], BTreeSet::new());
    while let Some(index) = open.pop() {
        open.extend(undefined_operands(index).into_iter().filter(|&operand| seen.insert(operand)));
    }
    let itself = Some(index).filter(|&index| has_undefined_value(index));
    seen.first().copied().or(itself)
}

fn name(index: usize) -> Option<String> {
    state(|state| state.names.get(&index).map(|name| tidy(name)))
}

fn has_undefined_value(index: usize) -> bool {
    !is_head_at(index) && !value_of(index).is_finite()
}

/// What is to be told of a node.
fn anomaly(index: usize, what: What, adjoint: Option<f64>, when: When) -> Anomaly {
    let (decoded, partials) = (decode(index), partials_of(index));
    let recorded = arena().lines.of(index);
    let line = recorded.map(|(line, _)| line);
    let is_users = line.is_some_and(|line| owner(line) == Owner::User);
    let before = || arena().lines.users_before(index);
    let partial_of = |index: usize| partials.iter().find(|(of, _)| *of == index)?.1;
    let operand = |operand: &nodes::Operand| Operand {
        name: name(operand.index),
        value: operand.value,
        partial: (operand.index != 0).then(|| partial_of(operand.index).unwrap_or(0.0)),
    };
    Anomaly(Box::new(Details {
        index,
        what,
        op: decoded.op,
        operation: tidy(&operation_name(decoded.op, index)),
        line,
        is_of_derivative: recorded.is_some_and(|(_, is_of_derivative)| is_of_derivative),
        after: (!is_users).then(before).flatten(),
        when,
        value: value_of(index),
        adjoint,
        operands: decoded.operands.iter().map(operand).collect(),
        names: Vec::new(),
        absorbed: Vec::new(),
    }))
}
