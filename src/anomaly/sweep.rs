//! Follows what is not finite down a sweep, from where it began to the results.
//!
//! A sweep is a tree: inside it are those of the segments of checkpoints. A segment is swept first, and tells what it gave to its
//! inputs and to what its closure captured. In the sweep around it the checkpoint is a node that gave this. So only the end of the
//! outermost sweep, whose results are known, says what did harm.

use super::findings::{Findings, Segment, Way, adjoint, is_undefined, name};
use super::found::{Absorbed, Anomaly, Details, What};
use crate::arena::arena;
use crate::graph::names::tidy;
use crate::graph::{Event, Results, decode, operation_name, partials_of, read_checkpoint};
use crate::handle::Var;
use crate::rows::Kind;
use std::cell::{LazyCell, RefCell};
use std::collections::{BTreeMap, BTreeSet};

/// How many partials that did no harm are listed.
const LISTED: usize = 1000;

/// Of how many outputs of a segment that are not finite, and of how many ways down to its inputs, the operation inside is told.
const TOLD: usize = 64;

/// It began above the segment, whose outputs have it as their adjoint.
const ABOVE: Way = (usize::MAX, 0);

thread_local! {
    /// What was found on this thread by each detection that is under way, the outermost first.
    pub(super) static FINDINGS: RefCell<Vec<Findings>> = const { RefCell::new(Vec::new()) };
}

/// A node that a sweep went through.
struct Met {
    /// The node above it on a way to an output; what stands for an output around its segment, or else 0.
    above: usize,
    /// Whether that one gave something that is not 0.
    is_given: bool,
    /// Of all that is not finite and came to it, what began first.
    from: Option<Way>,
    /// The operands to which it gave what is not finite.
    to: Vec<usize>,
}

/// A sweep that has ended.
struct Sweep<'a> {
    /// 0 for a constant.
    outputs: Vec<usize>,
    floor: usize,
    results: Results<'a>,
    /// The first nodes of a segment, each with the input of the checkpoint that it is a copy of.
    inputs: BTreeMap<usize, usize>,
    /// The nodes that it went through, and those below the floor to which it gave something.
    met: BTreeMap<usize, Met>,
    /// The partials that are not finite, each with the operand to which the product was not finite either; or else with 0.
    partials: Vec<(usize, Absorbed)>,
}

/// Takes a look, before what was recorded or swept is gone.
pub(super) fn observe(event: Event<'_>) {
    // Taken out meanwhile: working out a value tells nobody.
    let mut all = FINDINGS.take();
    let first = all.iter().rposition(|findings| findings.is_alone).unwrap_or(0);
    for findings in &mut all[first..] {
        findings.look_at_values();
        match event {
            Event::Swept { outputs, floor, results } => findings.look_at_sweep(Sweep::new(outputs, floor, results)),
            Event::Undefined { output } => {
                let found = findings.undefined_above(output);
                let found = found.unwrap_or_else(|| findings.anomaly(output, What::Adjoint, None));
                findings.harmful.get_or_insert(found);
            }
            Event::Dropping { end } => findings.drop_from(end),
        }
    }
    FINDINGS.set(all);
}

impl Findings {
    /// Looks at what a sweep has left.
    fn look_at_sweep(&mut self, mut sweep: Sweep<'_>) {
        self.follow(&mut sweep);
        let wrong = sweep.wrong_results();
        let mut harmful: BTreeSet<usize> = wrong.keys().copied().collect();
        for (&index, node) in sweep.met.range(sweep.floor..) {
            if node.to.iter().any(|operand| harmful.contains(operand)) {
                harmful.insert(index);
            }
        }
        let partials = std::mem::take(&mut sweep.partials).into_iter();
        let (partials, absorbed): (Vec<_>, Vec<_>) = partials.partition(|(to, _)| harmful.contains(to));
        if let Results::Segment { head: None, inputs } = sweep.results {
            self.unmet.split_off(&sweep.floor);
            self.first_run = Some(self.segment(&sweep, inputs, BTreeMap::new()).settled());
            return;
        }
        self.absorbed.extend(absorbed.into_iter().map(|(_, partial)| partial));
        self.absorbed.truncate(LISTED);
        if let Results::Segment { head: Some(head), inputs } = sweep.results {
            let mut segment = Segment { partials, ..self.segment(&sweep, inputs, wrong) };
            // What its first run has found came before.
            segment.undefined = self.segments.remove(&head).map_or(segment.undefined, |before| before.undefined);
            self.segments.insert(head, segment);
        } else {
            if self.harmful.is_none() {
                let value = sweep.outputs.iter().find(|&&output| is_undefined(output));
                let value = value.and_then(|&output| self.undefined_above(output)).map(|value| sweep.named(value));
                self.harmful = value.or_else(|| Some(self.describe(wrong.into_values().max()?, &sweep)));
            }
            self.now.sweeps += 1;
        }
        for (index, _) in sweep.met.range(sweep.floor..) {
            self.unmet.remove(index);
            self.segments.entry(*index).and_modify(|segment| *segment = std::mem::take(segment).settled());
        }
    }

    /// Goes from the outputs of a sweep down.
    fn follow(&mut self, sweep: &mut Sweep<'_>) {
        let mut end = usize::MAX;
        while let Some((&index, node)) = sweep.met.range(sweep.floor..end).next_back() {
            end = index;
            let (w, mut from, mut to) = (adjoint(index), node.from, Vec::new());
            let segment = self.segments.get_mut(&index);
            if segment.is_none() && !w.is_finite() && !sweep.inputs.contains_key(&index) {
                from = from.or(Some((index, 0)));
            }
            let mut give = |operand, way: Option<Way>, is_given: bool| {
                let new = Met { above: index, is_given, from: None, to: Vec::new() };
                let below = sweep.met.entry(operand).or_insert(new);
                if way > below.from || is_given && !below.is_given {
                    (below.above, below.is_given) = (index, is_given);
                }
                below.from = below.from.max(way);
                to.extend(way.map(|_| operand));
            };
            sweep.inputs.get(&index).into_iter().for_each(|&input| give(input, from, w != 0.0));
            let is_smooth = LazyCell::new(|| decode(index).op.kind() == Kind::Smooth);
            for (operand, partial) in partials_of(index) {
                let way = match partial {
                    None => from.filter(|_| segment.is_none()),
                    Some(p) if w == 0.0 || (w * p).is_finite() || p == 0.0 && !*is_smooth => None,
                    Some(_) => from.or(Some((index, operand))),
                };
                give(operand, way, w != 0.0 && partial != Some(0.0));
                let is_listed = w.is_finite() && self.absorbed.len() + sweep.partials.len() < LISTED;
                if let Some(partial) = partial.filter(|partial| is_listed && !partial.is_finite()) {
                    let operation = tidy(&operation_name(decode(index).op, index));
                    let line = arena().lines.of(index).map(|(line, _)| line);
                    sweep.partials.push((way.map_or(0, |_| operand), Absorbed { operation, line, partial }));
                }
            }
            if let Some(segment) = segment {
                segment.outside.iter().for_each(|&operand| give(operand, None, false));
                for (&operand, &way) in &segment.gave {
                    give(operand, if way == ABOVE { from } else { Some((index, operand)) }, true);
                }
                sweep.partials.extend(segment.partials.drain(..).map(|(_, partial)| (index, partial)));
            }
            let node = sweep.met.get_mut(&index).expect("it was met");
            (node.from, node.to) = (from, to);
        }
    }

    /// What the sweep around is to know of a segment that gave these what is not finite.
    fn segment(&self, sweep: &Sweep<'_>, inputs: usize, gave: BTreeMap<usize, Way>) -> Segment {
        let is_wanted = self.harmful.is_none();
        let origins = LazyCell::new(|| self.origins(sweep.floor));
        let mut left = TOLD;
        let inside = |&output: &usize| {
            let origin = (is_wanted && is_undefined(output)).then(|| origins.get(&output).copied())??;
            left = left.checked_sub(1)?;
            (origin >= sweep.floor + inputs).then(|| sweep.named(self.undefined(origin)))
        };
        // Of many the last, which the sweep around takes; a checkpoint of more is named itself.
        let ways: BTreeSet<Way> =
            gave.values().rev().copied().filter(|way| *way != ABOVE).take(if is_wanted { TOLD } else { 0 }).collect();
        Segment {
            undefined: sweep.outputs.iter().map(inside).collect(),
            outside: sweep.met.range(..sweep.floor).map(|(&index, _)| index).collect(),
            began: ways.into_iter().map(|way| (way, self.describe(way, sweep))).collect(),
            gave,
            partials: Vec::new(),
        }
    }

    /// What is to be told of where something that is not finite began.
    fn describe(&self, (index, operand): Way, sweep: &Sweep<'_>) -> Anomaly {
        let inside = self.segments.get(&index).and_then(|segment| segment.began.get(segment.gave.get(&operand)?));
        let found = inside.cloned().or_else(|| self.undefined_above(index)).unwrap_or_else(|| {
            let partial = partials_of(index).into_iter().find_map(|(of, partial)| partial.filter(|_| of == operand));
            let what = if partial.is_none_or(f64::is_finite) { What::Adjoint } else { What::Partial };
            self.anomaly(index, what, Some(adjoint(index)))
        });
        // A copy of an input is what the input is.
        let outside = sweep.inputs.get(&found.0.index).and_then(|&input| self.undefined_above(input));
        sweep.named(outside.unwrap_or(found))
    }
}

impl<'a> Sweep<'a> {
    fn new(outputs: &[Var], floor: usize, results: Results<'a>) -> Sweep<'a> {
        let outputs: Vec<usize> = outputs.iter().map(|output| output.index()).collect();
        let (head, operands) = match results {
            Results::Segment { head: Some(head), .. } => (Some(head), read_checkpoint(head).0),
            _ => Default::default(),
        };
        let inputs =
            (floor..).zip(operands.iter().map(|operand| operand.index)).filter(|(_, operand)| *operand != 0).collect();
        let mut met = BTreeMap::new();
        for (k, &output) in outputs.iter().enumerate().filter(|(_, output)| **output != 0) {
            let from = (head.is_some() && !adjoint(output).is_finite()).then_some(ABOVE);
            met.insert(
                output,
                Met { above: head.map_or(0, |head| head + 1 + k), is_given: true, from, to: Vec::new() },
            );
        }
        Sweep { outputs, floor, results, inputs, met, partials: Vec::new() }
    }

    /// The results that are not finite, each with where that began; of a segment what it gave to variables outside.
    fn wrong_results(&self) -> BTreeMap<usize, Way> {
        let from = |index| self.met.get(&index).and_then(|node| node.from);
        let wrong = |index| (!adjoint(index).is_finite()).then(|| (index, from(index).unwrap_or((index, 0))));
        let leaf = |(&index, _): (&usize, &Met)| wrong(index).filter(|_| partials_of(index).is_empty());
        match self.results {
            Results::Leaves => self.met.range(self.floor..).filter_map(leaf).collect(),
            Results::Variables(x) => x.iter().filter_map(|x| wrong(x.index())).collect(),
            Results::Segment { .. } => {
                self.met.range(..self.floor).filter_map(|(i, node)| Some((*i, node.from?))).collect()
            }
        }
    }

    /// Adds the names on the way from a node up to an output, and leaves what the way goes on with around a segment.
    fn named(&self, mut found: Anomaly) -> Anomaly {
        let Details { index, names, .. } = &mut *found.0;
        while let Some(node) = self.met.get(index).filter(|_| *index >= self.floor) {
            names.extend(name(*index));
            *index = node.above;
        }
        found
    }
}
