//! Looks through what was recorded and what was swept.

use super::found::{Absorbed, Anomaly, Details, Operand, What, When};
use crate::arena::{Owner, adjoints, arena, owner};
use crate::graph::names::tidy;
use crate::graph::{Event, decode, is_head_at, operation_name, partials_of, state, value_of};
use crate::nodes;
use std::cell::RefCell;

thread_local! {
    /// What was found on this thread by each detection that is under way, the outermost first.
    pub(super) static FINDINGS: RefCell<Vec<Findings>> = const { RefCell::new(Vec::new()) };
}

/// What was found so far.
pub(super) struct Findings {
    pub anomaly: Option<Anomaly>,
    pub absorbed: Vec<Absorbed>,
    /// The values of the nodes below this index have been looked at.
    inspected: usize,
    /// The nodes below this index were recorded before the detection began.
    began: usize,
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
            Event::Swept {
                outputs,
                floor,
                is_segment,
            } => {
                findings.look_at_sweep(outputs, floor);
                findings.sweeps += usize::from(!is_segment);
            }
            Event::Dropping { end } => {
                findings.inspected = findings.inspected.min(end);
                findings.began = findings.began.min(end);
            }
        }
    }
    FINDINGS.set(all);
}

impl Findings {
    pub(super) fn new(inspected: usize) -> Findings {
        Findings {
            anomaly: None,
            absorbed: Vec::new(),
            inspected,
            began: inspected,
            sweeps: 0,
            nodes: 0,
        }
    }

    /// When something happens that is found now.
    fn now(&self, in_sweep: bool) -> When {
        When {
            sweeps: self.sweeps,
            nodes: self.nodes,
            in_sweep,
        }
    }

    /// Looks at the values of the nodes that are new.
    fn look_at_values(&mut self) {
        let end = arena().end();
        for index in self.inspected..end {
            self.nodes += 1;
            if self.anomaly.is_none() && has_undefined_value(index) {
                self.anomaly = Some(anomaly(index, What::Value, None, self.now(false)));
            }
        }
        self.inspected = end;
    }

    /// Looks at what a sweep from `outputs` gave to the nodes from `floor` on.
    fn look_at_sweep(&mut self, outputs: &[usize], floor: usize) {
        let Some(&top) = outputs.iter().max() else {
            return;
        };
        // Of each node from `floor` on the node above it on a way to an output, itself if it is one, or 0.
        let mut above = vec![0; (top + 1).saturating_sub(floor)];
        for &output in outputs.iter().filter(|&&output| output >= floor) {
            above[output - floor] = output;
        }
        let mut found = None;
        for index in (floor..=top).rev() {
            if above[index - floor] == 0 || is_head_at(index) {
                continue;
            }
            let w = adjoints(|adjoints| adjoints.get(index));
            for (operand, partial) in partials_of(index) {
                if operand >= floor && above[operand - floor] == 0 {
                    above[operand - floor] = index;
                }
                let Some(partial) = partial else {
                    continue; // its segment has been looked at when it was swept
                };
                let what = match (partial.is_finite(), w == 0.0) {
                    (false, true) => {
                        self.absorbed.push(Absorbed {
                            operation: tidy(&operation_name(decode(index).op, index)),
                            line: arena().line_of(index),
                            partial,
                        });
                        continue;
                    }
                    (false, false) => What::Partial,
                    _ if w.is_finite() && (w * partial).is_finite() => continue,
                    _ => What::Adjoint,
                };
                found.get_or_insert((index, what, w));
            }
        }
        if self.anomaly.is_none() {
            // What made the value that a sweep of older nodes suffers from.
            let mut older = floor..self.began.min(top + 1);
            let maker = older.find(|&i| above[i - floor] != 0 && has_undefined_value(i));
            let maker = maker.map(|index| (index, What::Value, None));
            let found = maker.or(found.map(|(index, what, w)| (index, what, Some(w))));
            let now = self.now(true);
            self.anomaly = found.map(|(index, what, w)| anomaly(index, what, w, now));
        }
        if let Some(Anomaly(anomaly)) = &mut self.anomaly
            && anomaly.names.is_empty()
            && anomaly.index >= floor
            && anomaly.index <= top
        {
            anomaly.names = names_on_the_way(anomaly.index, &above, floor);
        }
    }
}

fn name(index: usize) -> Option<String> {
    state(|state| state.names.get(&index).map(|name| tidy(name)))
}

/// The names of a node and of those on the way from it to an output.
fn names_on_the_way(from: usize, above: &[usize], floor: usize) -> Vec<String> {
    let (mut names, mut index) = (Vec::new(), from);
    loop {
        names.extend(name(index));
        let next = above[index - floor];
        if next <= index {
            return names;
        }
        index = next;
    }
}

fn has_undefined_value(index: usize) -> bool {
    !is_head_at(index) && !value_of(index).is_finite()
}

/// What is to be told of a node.
fn anomaly(index: usize, what: What, adjoint: Option<f64>, when: When) -> Anomaly {
    let (decoded, partials) = (decode(index), partials_of(index));
    let line = arena().line_of(index);
    let is_users = line.is_some_and(|line| owner(line) == Owner::User);
    let before = || arena().users_line_before(index);
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
        is_of_derivative: arena().is_of_derivative(index),
        after: (!is_users).then(before).flatten(),
        when,
        value: value_of(index),
        adjoint,
        operands: decoded.operands.iter().map(operand).collect(),
        names: Vec::new(),
        absorbed: Vec::new(),
    }))
}
