//! What a detection has found so far.

use super::found::{Absorbed, Anomaly, Details, Operand, What, When};
use crate::arena::{Owner, adjoints, arena, owner};
use crate::graph::names::tidy;
use crate::graph::{decode, is_head_at, operation_name, partials_of, state, value_of};
use crate::nodes;
use crate::rows::Kind;
use std::collections::{BTreeMap, BTreeSet};

/// Where what is not finite began: a node and the operand that got it; 0 for an adjoint of the node that is not finite itself.
pub(super) type Way = (usize, usize);

/// The segment of a checkpoint.
#[derive(Default)]
pub(super) struct Segment {
    /// For each output whose value is not finite: the operation inside that made it, unless that is outside.
    pub undefined: Vec<Option<Anomaly>>,
    /// The variables to which it gave something: inputs, and what its closure captured. After a sweep only those whose value is not
    /// finite.
    pub outside: Vec<usize>,
    /// The variables to which it gave what is not finite, each with where that began.
    pub gave: BTreeMap<usize, Way>,
    /// What is to be told of these ways, but for those from above.
    pub began: BTreeMap<Way, Anomaly>,
    /// The partials inside from which something came to these variables.
    pub partials: Vec<(usize, Absorbed)>,
}

impl Segment {
    /// What stays after the sweep.
    pub(super) fn settled(mut self) -> Segment {
        self.outside.retain(|&index| is_undefined(index));
        Segment { undefined: self.undefined, outside: self.outside, ..Segment::default() }
    }
}

/// What was found so far.
#[derive(Default)]
pub(super) struct Findings {
    /// The first operation whose number reached a result.
    pub harmful: Option<Anomaly>,
    /// The nodes whose value is not finite and that no sweep has met, by their index.
    pub unmet: BTreeMap<usize, When>,
    /// The first of those that were dropped.
    dropped: Option<Anomaly>,
    /// The segments of checkpoints, by the head.
    pub segments: BTreeMap<usize, Segment>,
    /// The segment that has run for the first time, and whose head is recorded next.
    pub first_run: Option<Segment>,
    pub absorbed: Vec<Absorbed>,
    /// The values of the nodes below this index have been looked at.
    inspected: usize,
    /// When what is recorded now happens.
    pub now: When,
    /// Whether the detections around, if there are any, are suspended: see `graph::suspend`.
    pub is_alone: bool,
}

impl Findings {
    pub(super) fn new(is_alone: bool) -> Findings {
        Findings { inspected: arena().end(), is_alone, ..Findings::default() }
    }

    /// Ends the detection: gives the first operation that did harm, or else the first value that no sweep has met; and what was absorbed.
    pub(super) fn end(mut self) -> (Option<Anomaly>, Vec<Absorbed>) {
        self.look_at_values();
        self.drop_from(0);
        let mut found = self.harmful.or(self.dropped);
        if let Some(Anomaly(details)) = &mut found {
            details.absorbed = self.absorbed.clone();
        }
        (found, self.absorbed)
    }

    /// Looks at the values of the nodes that are new.
    pub(super) fn look_at_values(&mut self) {
        for index in self.inspected..arena().end() {
            self.now.nodes += 1;
            if let Some(segment) = self.first_run.take_if(|_| is_head_at(index)) {
                self.segments.insert(index, segment);
            }
            if self.harmful.is_none() && is_undefined(index) {
                self.unmet.insert(index, self.now);
            }
        }
        self.inspected = arena().end();
    }

    /// The nodes from `end` on are about to be dropped.
    pub(super) fn drop_from(&mut self, end: usize) {
        let first = self.unmet.range(end..).next().map(|(&index, _)| self.undefined(index));
        self.dropped = self.dropped.take().into_iter().chain(first).min_by_key(|found| found.0.when.nodes);
        self.unmet.split_off(&end);
        self.segments.split_off(&end);
        self.inspected = self.inspected.min(end);
    }

    /// What is to be told of a node whose value is not finite. For an output of a checkpoint that is the operation inside.
    pub(super) fn undefined(&self, index: usize) -> Anomaly {
        let mut found = self.inside(index).cloned().unwrap_or_else(|| self.anomaly(index, What::Value, None));
        found.0.index = index;
        found
    }

    /// The operation that made the value of an output of a checkpoint, if it is inside.
    fn inside(&self, index: usize) -> Option<&Anomaly> {
        let &(head, _) = partials_of(index).first()?;
        self.segments.get(&head)?.undefined.get(index - head - 1)?.as_ref()
    }

    /// For the nodes from `floor` on whose value is not finite: the first such node of those from which it was made and itself.
    pub(super) fn origins(&self, floor: usize) -> BTreeMap<usize, usize> {
        let mut origins = BTreeMap::new();
        for index in (floor..arena().end()).filter(|&index| is_undefined(index) || is_head_at(index)) {
            let mut first = None;
            if self.inside(index).is_none() {
                let origin = |k: usize| match k < floor {
                    true => is_undefined(k).then_some(k),
                    false => origins.get(&k).copied(),
                };
                first = self.made_from(index).filter_map(origin).min();
            }
            if let Some(origin) = first.or_else(|| is_undefined(index).then_some(index)) {
                origins.insert(index, origin);
            }
        }
        origins
    }

    /// The nodes from which the value of a node was made: not what a switch left out.
    fn made_from(&self, index: usize) -> impl Iterator<Item = usize> {
        let is_switch = decode(index).op.kind() == Kind::Switch;
        let operands = partials_of(index).into_iter().filter(move |&(_, partial)| !is_switch || partial != Some(0.0));
        let outside = self.segments.get(&index).into_iter().flat_map(|segment| &segment.outside).copied();
        operands.map(|(operand, _)| operand).chain(outside)
    }

    /// The [origin](Findings::origins) of one node.
    pub(super) fn origin(&self, index: usize) -> Option<usize> {
        let (mut open, mut seen) = (vec![index], BTreeSet::from([index]));
        while let Some(index) = open.pop() {
            if self.inside(index).is_some() {
                continue;
            }
            let undefined = self.made_from(index).filter(|&operand| is_undefined(operand) || is_head_at(operand));
            open.extend(undefined.filter(|&operand| seen.insert(operand)));
        }
        seen.into_iter().find(|&index| is_undefined(index))
    }

    /// What is to be told of the [origin](Findings::origin).
    pub(super) fn undefined_above(&self, index: usize) -> Option<Anomaly> {
        self.origin(index).map(|origin| self.undefined(origin))
    }

    /// What is to be told of a node.
    pub(super) fn anomaly(&self, index: usize, what: What, adjoint: Option<f64>) -> Anomaly {
        let decoded = decode(index);
        let partials: BTreeMap<_, _> = partials_of(index).into_iter().collect();
        let (line, is_of_derivative) = arena().lines.of(index).unzip();
        let operand = |operand: &nodes::Operand| Operand {
            name: name(operand.index),
            value: operand.value,
            partial: (operand.index != 0).then(|| partials.get(&operand.index).copied().flatten().unwrap_or(0.0)),
        };
        Anomaly(Box::new(Details {
            index,
            what,
            op: decoded.op,
            operation: tidy(&operation_name(decoded.op, index)),
            line,
            is_of_derivative: is_of_derivative == Some(true),
            after: match line.map(owner) {
                Some(Owner::User) => None,
                _ => arena().lines.users_before(index),
            },
            when: self.unmet.get(&index).copied().unwrap_or(When { in_sweep: true, ..self.now }),
            value: value_of(index),
            adjoint,
            operands: decoded.operands.iter().map(operand).collect(),
            names: Vec::new(),
            absorbed: Vec::new(),
        }))
    }
}

pub(super) fn name(index: usize) -> Option<String> {
    state(|state| state.names.get(&index).map(|name| tidy(name)))
}

pub(super) fn adjoint(index: usize) -> f64 {
    adjoints(|adjoints| adjoints.get(index))
}

/// Whether the value of a node is not finite. The head of a checkpoint has a number that is; 0 is no node.
pub(super) fn is_undefined(index: usize) -> bool {
    index != 0 && !value_of(index).is_finite()
}
