//! Follows what is not finite down a sweep, from where it began to the results.
//!
//! A sweep is a tree: inside it are those of the segments of checkpoints. A segment is swept first, and tells what it gave to its
//! inputs and to what its closure captured. In the sweep around it the checkpoint is a node that gave this. So only the end of the
//! outermost sweep, whose results are known, says what did harm.

use super::found::{Absorbed, Anomaly, What};
use super::inspect::{Findings, adjoint, is_undefined, name};
use crate::arena::{arena, set_aside};
use crate::graph::names::tidy;
use crate::graph::{Results, decode, operation_name, partials_of, read_checkpoint};
use crate::handle::Var;
use crate::nodes::Operand;
use crate::rows::Kind;
use smallvec::SmallVec;
use std::cell::LazyCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

/// How many partials that did no harm are listed.
const LISTED: usize = 1000;

/// Where what is not finite began: a node and the operand that got it; 0 for an adjoint of the node that is not finite itself.
type Way = (usize, usize);

/// It began above the segment, whose outputs have it as their adjoint.
const ABOVE: Way = (usize::MAX, 0);

/// A node that a sweep went through.
struct Met {
    /// The node above it on a way to an output; itself if it is one.
    above: usize,
    /// Of all that is not finite and came to it, what began first.
    from: Option<Way>,
    /// The operands to which it gave what is not finite.
    to: Vec<usize>,
}

/// A sweep that has ended.
pub(super) struct Sweep<'a> {
    /// 0 for a constant.
    outputs: Vec<usize>,
    floor: usize,
    results: Results<'a>,
    /// The operands of a checkpoint, of which the first nodes of its segment are copies.
    inputs: SmallVec<[Operand; 4]>,
    /// The nodes that it went through, and those below the floor to which it gave something.
    met: BTreeMap<usize, Met>,
    /// The partials that are not finite, each with the operand to which the product was not finite either; or else with 0.
    partials: Vec<(usize, Absorbed)>,
}

/// The segment of a checkpoint, as it was run the last time.
#[derive(Default)]
pub(super) struct Segment {
    /// For each output whose value is not finite: the operation inside that made it, unless that is outside.
    pub undefined: Vec<Option<Anomaly>>,
    /// The variables from outside that its closure uses; after a sweep only those whose value is not finite.
    pub captured: Vec<usize>,
    /// The variables to which it gave what is not finite, each with the operation where that began; absent if it was above.
    gave: BTreeMap<usize, Option<Rc<Anomaly>>>,
    /// The partials inside from which something came to these.
    partials: Vec<Absorbed>,
}

impl Findings {
    /// Looks at what a sweep has left.
    pub(super) fn look_at_sweep(&mut self, mut sweep: Sweep<'_>) {
        let is_first_run = matches!(sweep.results, Results::Segment { head: None, .. });
        // The adjoints that are there belong to another sweep.
        let _aside = (is_first_run || matches!(sweep.results, Results::Finite)).then(set_aside);
        self.follow(&mut sweep);
        let wrong = sweep.wrong_results();
        let mut harmful: BTreeSet<usize> = wrong.iter().copied().collect();
        for (&index, node) in sweep.met.range(sweep.floor..) {
            if node.to.iter().any(|operand| harmful.contains(operand)) {
                harmful.insert(index);
            }
        }
        let (partials, absorbed): (Vec<_>, Vec<_>) =
            std::mem::take(&mut sweep.partials).into_iter().partition(|(to, _)| harmful.contains(to));
        if is_first_run {
            self.unmet.split_off(&sweep.floor);
        } else {
            self.absorbed.extend(absorbed.into_iter().map(|(_, absorbed)| absorbed));
        }
        match sweep.results {
            Results::Segment { head, inputs } => {
                let partials = partials.into_iter().map(|(_, partial)| partial).collect();
                let mut segment = self.segment(&sweep, inputs, partials);
                match head {
                    Some(head) => drop(self.segments.insert(head, segment)),
                    None => {
                        segment.settle();
                        self.first_run = Some(segment);
                    }
                }
            }
            _ => {
                if self.harmful.is_none() {
                    let value = sweep.outputs.iter().find(|&&output| is_undefined(output));
                    let value = value.and_then(|&output| self.undefined_above(output)).map(|found| sweep.named(found));
                    let way = wrong
                        .iter()
                        .map(|index| sweep.met.get(index).and_then(|node| node.from).unwrap_or((*index, 0)))
                        .max();
                    self.harmful = value.or_else(|| way.map(|way| self.describe(way, &sweep)));
                }
                self.sweeps += 1;
            }
        }
        for (index, _) in sweep.met.range(sweep.floor..) {
            self.unmet.remove(index);
            if let Some(segment) = self.segments.get_mut(index) {
                segment.settle();
            }
        }
    }

    /// Goes from the outputs of a sweep down.
    fn follow(&mut self, sweep: &mut Sweep<'_>) {
        let is_segment = matches!(sweep.results, Results::Segment { .. });
        for &output in sweep.outputs.iter().filter(|&&output| output != 0) {
            let from = (is_segment && !adjoint(output).is_finite()).then_some(ABOVE);
            sweep.met.insert(output, Met { above: output, from, to: Vec::new() });
        }
        let mut end = usize::MAX;
        while let Some((&index, node)) = sweep.met.range(sweep.floor..end).next_back() {
            end = index;
            let (w, mut from, partials) = (adjoint(index), node.from, partials_of(index));
            let mut given = Vec::with_capacity(partials.len());
            if let Some(segment) = self.segments.get_mut(&index) {
                let finite = partials.iter().map(|&(operand, _)| operand).chain(segment.captured.iter().copied());
                given.extend(finite.map(|operand| (operand, None)));
                let way = |(&operand, inside): (&usize, &Option<_>)| {
                    (operand, inside.as_ref().map(|_| (index, operand)).or(from))
                };
                given.extend(segment.gave.iter().map(way));
                sweep.partials.extend(segment.partials.drain(..).map(|partial| (index, partial)));
            } else {
                if !w.is_finite() && sweep.input(index).is_none() {
                    from = from.or(Some((index, 0)));
                }
                let is_smooth = LazyCell::new(|| decode(index).op.kind() == Kind::Smooth);
                for (operand, partial) in partials {
                    let Some(partial) = partial else {
                        given.push((operand, from));
                        continue;
                    };
                    let is_finite = w == 0.0 || (w * partial).is_finite() || partial == 0.0 && !*is_smooth;
                    let way = if is_finite { None } else { from.or(Some((index, operand))) };
                    given.push((operand, way));
                    if !partial.is_finite() && w.is_finite() && self.absorbed.len() + sweep.partials.len() < LISTED {
                        let operation = tidy(&operation_name(decode(index).op, index));
                        let line = arena().lines.of(index).map(|(line, _)| line);
                        let to = way.map_or(0, |_| operand);
                        sweep.partials.push((to, Absorbed { operation, line, partial }));
                    }
                }
            }
            let to = given.iter().filter(|(_, way)| way.is_some()).map(|&(operand, _)| operand).collect();
            for (operand, way) in given {
                let below = sweep.met.entry(operand).or_insert(Met { above: index, from: None, to: Vec::new() });
                below.from = below.from.max(way);
            }
            let node = sweep.met.get_mut(&index).expect("it was met");
            (node.from, node.to) = (from, to);
        }
    }

    /// What the sweep around is to know of a segment.
    fn segment(&self, sweep: &Sweep<'_>, inputs: usize, partials: Vec<Absorbed>) -> Segment {
        let inside = |&output: &usize| {
            let origin = self.origin(output)?;
            (origin >= sweep.floor + inputs).then(|| sweep.named(self.undefined(origin)))
        };
        let (mut gave, mut described) = (BTreeMap::new(), BTreeMap::new());
        for index in sweep.wrong_results() {
            let way = sweep.met[&index].from.unwrap_or(ABOVE);
            let describe = || (way != ABOVE).then(|| Rc::new(self.describe(way, sweep)));
            let inside = described.entry(way).or_insert_with(describe).clone();
            gave.insert(sweep.input(index).unwrap_or(index), inside);
        }
        Segment {
            undefined: sweep.outputs.iter().map(|output| is_undefined(*output).then(|| inside(output))?).collect(),
            captured: sweep.met.range(..sweep.floor).map(|(&index, _)| index).collect(),
            gave,
            partials,
        }
    }

    /// What is to be told of where something that is not finite began.
    fn describe(&self, (index, operand): Way, sweep: &Sweep<'_>) -> Anomaly {
        let inside = self.segments.get(&index).and_then(|segment| segment.gave.get(&operand)?.as_deref());
        let found = inside.cloned().or_else(|| self.undefined_above(index)).unwrap_or_else(|| {
            let partial = partials_of(index).into_iter().find_map(|(of, partial)| partial.filter(|_| of == operand));
            let what = if partial.is_none_or(f64::is_finite) { What::Adjoint } else { What::Partial };
            self.anomaly(index, what, Some(adjoint(index)))
        });
        // A copy of an input is what the input is.
        let outside = sweep.input(found.0.index).and_then(|input| self.undefined_above(input));
        sweep.named(outside.unwrap_or(found))
    }
}

impl Segment {
    /// Ends the sweep in which it was run.
    fn settle(&mut self) {
        self.gave.clear();
        self.captured.retain(|&index| is_undefined(index));
    }
}

impl<'a> Sweep<'a> {
    pub(super) fn new(outputs: &[Var], floor: usize, results: Results<'a>) -> Sweep<'a> {
        let outputs = outputs.iter().map(|output| output.index()).collect();
        let inputs = match results {
            Results::Segment { head: Some(head), .. } => read_checkpoint(head).0,
            _ => SmallVec::new(),
        };
        Sweep { outputs, floor, results, inputs, met: BTreeMap::new(), partials: Vec::new() }
    }

    /// The variable of which a node of a segment is a copy.
    fn input(&self, index: usize) -> Option<usize> {
        let input = self.inputs.get(index.checked_sub(self.floor)?)?.index;
        (input != 0).then_some(input)
    }

    /// The results that are not finite; of a segment what it gave to its inputs and to what it captured.
    fn wrong_results(&self) -> Vec<usize> {
        let is_wrong = |index: &usize| !adjoint(*index).is_finite();
        let met = self.met.iter().map(|(&index, _)| index);
        match self.results {
            Results::Leaves => met.filter(|index| is_wrong(index) && partials_of(*index).is_empty()).collect(),
            Results::Variables(x) => x.iter().map(|x| x.index()).filter(is_wrong).collect(),
            Results::Finite => Vec::new(),
            Results::Segment { .. } => {
                let is_outside = |index: &usize| *index < self.floor || self.input(*index).is_some();
                met.take_while(is_outside).filter(|index| self.met[index].from.is_some()).collect()
            }
        }
    }

    /// Adds the names on the way from a node up to an output; in a segment, the way goes on from that output of the checkpoint.
    fn named(&self, mut found: Anomaly) -> Anomaly {
        let details = &mut *found.0;
        while let Some(node) = self.met.get(&details.index).filter(|_| details.index >= self.floor) {
            details.names.extend(name(details.index));
            if node.above == details.index {
                if let Results::Segment { head: Some(head), .. } = self.results {
                    let place = self.outputs.iter().position(|&output| output == details.index);
                    details.index = head + 1 + place.expect("it is an output");
                }
                break;
            }
            details.index = node.above;
        }
        found
    }
}
