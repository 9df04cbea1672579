//! Looks through what was recorded and what was swept.

use super::found::{Absorbed, Anomaly, Details, Operand, What, When};
use crate::arena::{Owner, adjoints, arena, owner};
use crate::graph::names::tidy;
use crate::graph::{Event, decode, is_head_at, operation_name, partials_of, state, value_of};
use crate::nodes;
use crate::rows::{Kind, Op};
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};

thread_local! {
    /// What was found on this thread by each detection that is under way, the outermost first.
    pub(super) static FINDINGS: RefCell<Vec<Findings>> = const { RefCell::new(Vec::new()) };
}

/// How many partials that did no harm are listed.
const LISTED: usize = 1000;

/// What was found so far.
pub(super) struct Findings {
    /// The first operation whose number reached the value of an output or the gradient of a leaf.
    harmful: Option<Anomaly>,
    /// What was found in a segment of a checkpoint during the sweep that is under way.
    in_segment: Option<Anomaly>,
    /// The nodes that made a value that is not finite, by their index, if no sweep has shown that it does no harm.
    suspects: BTreeMap<usize, Suspect>,
    /// The first one of those that were dropped.
    dropped: Option<Anomaly>,
    /// The first one of the first run of a segment whose outputs have not been looked at yet.
    first_run: Option<Anomaly>,
    pub absorbed: Vec<Absorbed>,
    /// The values of the nodes below this index have been looked at.
    inspected: usize,
    /// What is made of a value below this index that is not finite is a suspect as well: it was recorded before the detection began, or
    /// a sweep has met it.
    old: usize,
    /// How many sweeps there were, and how many nodes were looked at.
    sweeps: usize,
    nodes: usize,
}

/// A node that made a value that is not finite.
#[derive(Clone)]
struct Suspect {
    when: When,
    /// If it is an output of a checkpoint: the operation inside.
    inner: Option<Anomaly>,
}

impl Suspect {
    fn anomaly(self, index: usize) -> Anomaly {
        self.inner.unwrap_or_else(|| anomaly(index, What::Value, None, self.when))
    }
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
            Event::FirstRun { start } => {
                // A leaf has its value from outside.
                let is_made = |index: usize| decode(index).op != Op::Leaf;
                let first = findings.take_suspects(start, is_made);
                findings.first_run = first.or(findings.first_run.take());
            }
            Event::Dropping { end } => {
                let first = findings.take_suspects(end, |_| true);
                findings.dropped = findings.dropped.take().or(first);
                findings.inspected = findings.inspected.min(end);
                findings.old = findings.old.min(end);
            }
        }
    }
    FINDINGS.set(all);
}

impl Findings {
    pub(super) fn new(inspected: usize) -> Findings {
        Findings {
            harmful: None,
            in_segment: None,
            suspects: BTreeMap::new(),
            dropped: None,
            first_run: None,
            absorbed: Vec::new(),
            inspected,
            old: inspected,
            sweeps: 0,
            nodes: 0,
        }
    }

    /// What was found: of the operations that did harm the first, or else of the suspects.
    pub(super) fn anomaly(mut self) -> Option<Anomaly> {
        let suspects = [self.take_suspects(0, |_| true), self.dropped];
        let first = suspects.into_iter().flatten().min_by_key(|suspect| suspect.0.when.nodes);
        let mut anomaly = self.harmful.or(first)?;
        anomaly.0.absorbed = self.absorbed;
        Some(anomaly)
    }

    /// Takes the suspects from the index `start` on out; returns the first one that is wanted.
    fn take_suspects(&mut self, start: usize, is_wanted: impl Fn(usize) -> bool) -> Option<Anomaly> {
        let mut taken = self.suspects.split_off(&start).into_iter();
        taken.find(|&(index, _)| is_wanted(index)).map(|(index, suspect)| suspect.anomaly(index))
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
            if self.harmful.is_none() && is_undefined_of(index, |operand| operand < self.old) {
                let inner = self.first_run.clone().filter(|_| partials_of(index).iter().any(|(_, p)| p.is_none()));
                self.suspects.insert(index, Suspect { when: self.now(false), inner });
            }
        }
        if self.inspected < end {
            self.first_run = None;
        }
        self.inspected = end;
    }

    /// Looks at what a sweep has left.
    fn look_at_sweep(&mut self, sweep: &Swept<'_>) {
        let mut found = None;
        for (&index, met) in sweep.met.iter().rev() {
            let (w, partials) = (adjoint(index), partials_of(index));
            if met.reaches && partials.is_empty() {
                found.get_or_insert((index, What::Adjoint, w));
            }
            for partial in partials.into_iter().filter_map(|(_, partial)| partial) {
                match fault(index, w, partial) {
                    Some(what) if met.reaches => {
                        found.get_or_insert((index, what, w));
                    }
                    _ if partial.is_finite() || !w.is_finite() || self.absorbed.len() == LISTED => {}
                    _ => self.absorbed.push(Absorbed {
                        operation: tidy(&operation_name(decode(index).op, index)),
                        line: arena().lines.of(index).map(|(line, _)| line),
                        partial,
                    }),
                }
            }
        }
        if self.harmful.is_none() {
            let is_wrong = |output: &&usize| adjoint(**output) != 0.0 && has_undefined_value(**output);
            let value = sweep.outputs.iter().find(is_wrong).and_then(|&output| origin(output));
            let value = value.or_else(|| found.and_then(|(index, ..)| origin(index)));
            let now = self.now(true);
            let mut harmful = match value {
                Some(index) => {
                    let suspect = self.suspects.get(&index).cloned();
                    Some(suspect.unwrap_or(Suspect { when: now, inner: None }).anomaly(index))
                }
                None => found.map(|(index, what, w)| anomaly(index, what, Some(w), now)),
            };
            if let Some(Anomaly(anomaly)) = &mut harmful {
                anomaly.names = sweep.names_from(anomaly.index);
            }
            let is_leaf = |found: &Anomaly| found.0.op == Op::Leaf;
            if sweep.is_segment {
                // Whether it does harm is known when the sweep that it is part of has ended. A leaf has its number from outside.
                self.in_segment = self.in_segment.take().or(harmful.filter(|found| !is_leaf(found)));
            } else {
                let is_first = |inner: &Anomaly| inner.0.adjoint.is_none_or(f64::is_finite);
                let inner = if sweep.has_segment { self.in_segment.take().filter(is_first) } else { None };
                self.harmful = match (inner, harmful) {
                    (Some(inner), Some(_)) => Some(inner),
                    // A segment passes on to variables that its closure has captured, too.
                    (Some(inner), None) => has_wrong_leaf().then_some(inner),
                    (None, outer) => outer,
                };
            }
        }
        self.acquit(sweep);
    }

    /// The values that went into a sweep have done no harm, or one of them is reported. What was made of them besides is not known to be
    /// harmless.
    fn acquit(&mut self, sweep: &Swept<'_>) {
        if !self.suspects.is_empty() {
            let acquitted = sweep.met.keys().filter(|index| self.suspects.remove(index).is_some());
            if let Some(&first) = acquitted.collect::<Vec<_>>().first() {
                for index in (*first..self.inspected).filter(|index| !sweep.met.contains_key(index)) {
                    if is_undefined_of(index, |operand| operand < self.old || sweep.met.contains_key(&operand)) {
                        let suspect = Suspect { when: self.now(false), inner: None };
                        self.suspects.entry(index).or_insert(suspect);
                    }
                }
            }
        }
        self.old = self.inspected;
    }
}

/// A node that a sweep went through.
struct Met {
    /// The node above it on a way to an output; itself if it is one.
    above: usize,
    /// Whether what is not finite comes down from it to a leaf.
    reaches: bool,
}

/// A sweep that has ended.
struct Swept<'a> {
    outputs: &'a [usize],
    /// The nodes that it went through, but for the heads of segments.
    met: BTreeMap<usize, Met>,
    is_segment: bool,
    /// Whether it went through a checkpoint.
    has_segment: bool,
}

impl<'a> Swept<'a> {
    fn new(outputs: &'a [usize], floor: usize, is_segment: bool) -> Swept<'a> {
        let (mut met, mut has_segment) = (BTreeMap::new(), false);
        for &output in outputs.iter().filter(|&&output| output >= floor) {
            met.insert(output, Met { above: output, reaches: false });
        }
        let mut end = usize::MAX;
        while let Some((&index, _)) = met.range(..end).next_back() {
            end = index;
            for (operand, partial) in partials_of(index) {
                has_segment |= partial.is_none();
                if operand >= floor && !is_head_at(operand) {
                    met.entry(operand).or_insert(Met { above: index, reaches: false });
                }
            }
        }
        let mut start = 0;
        while let Some((&index, _)) = met.range(start..).next() {
            start = index + 1;
            let (w, partials) = (adjoint(index), partials_of(index));
            let passes_on = |&(operand, partial): &(usize, Option<f64>)| {
                // What is below the floor may be a leaf of a segment, or what was asked for.
                let is_reached = met.get(&operand).map_or(operand < floor, |met| met.reaches);
                // The partial of a checkpoint is not known; its segment was looked at when it was swept.
                is_reached && partial.is_none_or(|partial| fault(index, w, partial).is_some())
            };
            let is_leaf = partials.is_empty() || index == floor && !is_segment;
            let reaches = is_leaf && !w.is_finite() || partials.iter().any(passes_on);
            met.get_mut(&index).expect("it was met").reaches = reaches;
        }
        Swept { outputs, met, is_segment, has_segment }
    }

    /// The names of a node that it met and of those on the way from it to an output.
    fn names_from(&self, from: usize) -> Vec<String> {
        let (mut names, mut index) = (Vec::new(), from);
        while let Some(met) = self.met.get(&index) {
            names.extend(name(index));
            if met.above == index {
                break;
            }
            index = met.above;
        }
        names
    }
}

fn adjoint(index: usize) -> f64 {
    adjoints(|adjoints| adjoints.get(index))
}

/// Whether the last sweep left a leaf with a gradient that is not finite.
fn has_wrong_leaf() -> bool {
    let adjoints = adjoints(|adjoints| adjoints.nonzero());
    adjoints.into_iter().any(|(index, w)| !w.is_finite() && !is_head_at(index) && partials_of(index).is_empty())
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

/// Whether the value of a node is not finite, and its operands that are not finite either are all old.
fn is_undefined_of(index: usize, is_old: impl Fn(usize) -> bool) -> bool {
    has_undefined_value(index) && undefined_operands(index).into_iter().all(is_old)
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
