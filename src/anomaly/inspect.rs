//! Looks through what was recorded and what was swept.

use super::found::{Absorbed, Anomaly, Details, Operand, What};
use crate::arena::{adjoints, arena};
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
}

/// Takes a look, before what was recorded or swept is gone.
pub(super) fn observe(event: Event<'_>) {
    // Taken out meanwhile: working out a value tells nobody.
    let mut all = FINDINGS.take();
    for findings in &mut all {
        findings.look_at_values();
        match event {
            Event::Swept { outputs, floor } => findings.look_at_sweep(outputs, floor),
            Event::Dropping { end } => findings.inspected = findings.inspected.min(end),
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
        }
    }

    /// Looks at the values of the nodes that are new.
    fn look_at_values(&mut self) {
        let end = arena().end();
        for index in self.inspected..end {
            if self.anomaly.is_none() && !is_head_at(index) && !value_of(index).is_finite() {
                self.anomaly = Some(anomaly(index, What::Value, None));
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
        if let (None, Some((index, what, w))) = (&self.anomaly, found) {
            self.anomaly = Some(anomaly(index, what, Some(w)));
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

/// What is to be told of a node.
fn anomaly(index: usize, what: What, adjoint: Option<f64>) -> Anomaly {
    let (decoded, partials) = (decode(index), partials_of(index));
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
        line: arena().line_of(index),
        value: value_of(index),
        adjoint,
        operands: decoded.operands.iter().map(operand).collect(),
        names: Vec::new(),
        absorbed: Vec::new(),
    }))
}
