//! What the model tells of segments, snapshots, recorded derivatives, and closures.

use super::machine::run_body;
use super::naive::{Adjoint, Handle, Operand};
use super::program::{Body, Calculus, Rule, Slice, Trouble};
use super::second::second;
use super::side::Side;
use super::state::{About, CLEARED, Knowledge, Model};
use super::story::{Fact, Refusal, Told};
use scalargrad::Op;

/// A snapshot of the gradients, and the epochs that were open when it was taken.
pub struct Snapshot {
    adjoints: Vec<Adjoint>,
    open: Vec<usize>,
    leaves: Vec<bool>,
    knowledge: Knowledge,
}

impl Model {
    /// A segment is run once, in a scope; its outputs depend on what the closure was given and has captured, with
    /// the partials that a sweep inside finds.
    pub fn segment_of(
        &mut self,
        x: &[Handle],
        captured: &[Handle],
        f: impl FnOnce(&mut Model, &[Handle]) -> Told<Vec<Handle>>,
    ) -> Told<Vec<Handle>> {
        let run = |model: &mut Model, x: &[Handle]| {
            let outputs = model.user_code(|model| f(model, x))?;
            model.verify(&outputs)?;
            Ok(outputs)
        };
        self.verify(x)?;
        if self.watching > 0 {
            return run(self, x);
        }
        if !self.tape.is_recording || x.iter().all(|x| x.is_constant()) {
            return run(self, x);
        }
        let (sweeps, mut trouble) = (self.sweeps, None);
        let outputs = self.recording(|model| {
            let floor = model.tape.nodes.len();
            let inputs: Vec<Handle> = x.iter().map(|&x| model.copy_of(x)).collect();
            let outputs = run(model, &inputs)?;
            trouble = model.last_trouble;
            let sources = |k: usize| x.iter().copied().zip(inputs.iter().map(|x| x.index)).nth(k);
            let mut found = Vec::new();
            for &y in &outputs {
                let (adjoints, mut operands) = (model.tape.sweep(y.index, floor), Vec::new());
                let inner = model.trouble_of(&adjoints, floor - 1);
                let adjoint = |index: usize| adjoints.get(index).copied().unwrap_or_default();
                let mut give = |of: Handle, index: usize| {
                    let Adjoint { value, size } = adjoint(index);
                    let partial = value;
                    operands.push(Operand { of, partial, size });
                };
                for (of, index) in (0..x.len()).filter_map(sources) {
                    give(of, index);
                }
                let mut outside: Vec<Handle> = captured.to_vec();
                outside.retain(|&of| model.tape.verify(of).is_ok());
                outside.sort_by_key(|of| of.index);
                outside.dedup_by_key(|of| of.index);
                outside.into_iter().for_each(|of| give(of, of.index));
                let mut about = About::new(Op::Checkpoint, found.len() as i32);
                about.trouble = inner;
                about.knowledge = model.known(y);
                found.push((y.value, operands, about));
            }
            Ok(found)
        });
        if trouble.is_none() && self.sweeps > sweeps {
            trouble = Some(Trouble::Sweeps);
        }
        let mut handles = Vec::new();
        for (value, operands, mut about) in outputs? {
            // The segment's own trouble comes before that of the segments inside.
            about.trouble = trouble
                .filter(|&trouble| trouble != Trouble::Sweeps)
                .or(about.trouble)
                .or(trouble);
            handles.push(self.tape.push(value, operands, about));
        }
        Ok(handles)
    }

    /// A leaf of the same value, or the same constant.
    fn copy_of(&mut self, x: Handle) -> Handle {
        if x.is_constant() {
            return x;
        }
        let knowledge = self.known(x);
        let leaf = self.leaf(x.value);
        self.tape.nodes[leaf.index].about.knowledge = knowledge;
        leaf
    }

    pub fn take_snapshot(&mut self, y: Handle) -> Told<Snapshot> {
        let adjoints = self.swept(y, 0)?;
        Ok(Snapshot {
            leaves: self
                .tape
                .nodes
                .iter()
                .map(|node| node.about.op == Op::Leaf)
                .collect(),
            open: self.tape.scopes.iter().map(|scope| scope.0).collect(),
            knowledge: self.known(y),
            adjoints,
        })
    }

    pub fn ask_snapshot(&mut self, snapshot: &Snapshot, x: Handle) -> Told<Fact> {
        let is_covered = x.is_constant() || snapshot.open.contains(&x.epoch);
        if !is_covered {
            self.tape.verify(x)?;
        }
        let adjoint = snapshot.adjoints.get(x.index).filter(|_| is_covered);
        let is_leaf = is_covered && snapshot.leaves.get(x.index) == Some(&true);
        Ok(self.slope(
            adjoint.copied().unwrap_or_default(),
            is_leaf,
            snapshot.knowledge,
        ))
    }

    /// Derivatives that are recorded. Of each the model knows how it depends on the leaves.
    pub fn derivatives(&mut self, y: Handle, x: &[Handle], is_recorded: bool) -> Told<Vec<Handle>> {
        self.verify(x)?;
        self.tape.verify(y)?;
        if x.is_empty() {
            return Ok(Vec::new());
        }
        let is_recorded = is_recorded && self.tape.is_recording;
        // Nodes below the lowest of `x` pass nothing on.
        let indices = x.iter().filter(|x| !x.is_constant()).map(|x| x.index);
        let lowest = indices.min();
        let adjoints = match is_recorded && !y.is_constant() {
            true => {
                self.lose_count();
                let floor = lowest.unwrap_or(y.index);
                let adjoints = self.tape.sweep(y.index, floor + 1);
                self.meet_rules(&adjoints, floor)?;
                adjoints
            }
            false => self.swept(y, lowest.unwrap_or(0))?,
        };
        let floor = lowest.unwrap_or(y.index);
        let knowledge = self.known(y);
        let adjoint = |x: &Handle| adjoints.get(x.index).copied().unwrap_or_default();
        for x in x {
            let is_leaf = self.tape.nodes[x.index].about.op == Op::Leaf;
            self.tell(self.slope(adjoint(x), is_leaf, knowledge));
        }
        if !is_recorded || y.is_constant() {
            return Ok(x
                .iter()
                .map(|x| Handle::constant(adjoint(x).value))
                .collect());
        }
        let all = self.tape.sweep(y.index, 1);
        let leaves: Vec<usize> = (1..=y.index)
            .filter(|&i| self.tape.nodes[i].about.op == Op::Leaf && all[i].size != 0.0)
            .collect();
        let is_known = leaves.len() <= 8 && y.index < 4000 && knowledge == Knowledge::Everything;
        let rows: Option<Vec<Vec<Adjoint>>> = is_known
            .then(|| {
                leaves
                    .iter()
                    .map(|&leaf| second(&self.tape, y.index, floor + 1, leaf))
                    .collect()
            })
            .flatten();
        let derivative = |x: &Handle| {
            let mut about = About::new(Op::Constant, 0);
            about.knowledge = Knowledge::Nothing;
            let mut operands = Vec::new();
            if let Some(rows) = &rows {
                about.knowledge = Knowledge::Leaves;
                for (row, &leaf) in rows.iter().zip(&leaves) {
                    let Adjoint { value, size } = row.get(x.index).copied().unwrap_or_default();
                    let of = self.tape.handle(leaf);
                    let partial = value;
                    operands.push(Operand { of, partial, size });
                }
            }
            (adjoint(x).value, operands, about)
        };
        let derivatives: Vec<_> = x.iter().map(derivative).collect();
        let push = |(value, operands, about)| self.tape.push(value, operands, about);
        Ok(derivatives.into_iter().map(push).collect())
    }

    /// What the rules and segments on the way of a recording sweep do: the highest comes first.
    fn meet_rules(&mut self, adjoints: &[Adjoint], floor: usize) -> Told<()> {
        for (index, adjoint) in adjoints.iter().enumerate().skip(1).rev() {
            let About {
                op, rule, trouble, ..
            } = self.tape.nodes[index].about;
            let refusal = match (rule, trouble) {
                (Some(Rule::Sweeps), _) | (_, Some(Trouble::Sweeps))
                    if adjoint.size != 0.0 && index > floor =>
                {
                    self.knowledge = Knowledge::Nothing;
                    if self.has_troubles {
                        // A segment that runs on its operands themselves may sweep down to what makes trouble.
                        self.tell(Fact::End);
                    }
                    continue;
                }
                (Some(Rule::Panics), _) | (_, Some(Trouble::Panics)) => Refusal::Panic,
                (Some(Rule::Clears), _) | (_, Some(Trouble::Clears)) => CLEARED,
                (None, _) if op == Op::Custom => {
                    Refusal::Words("with partials that are plain numbers")
                }
                _ => continue,
            };
            if self.is_reached(index, *adjoint, floor) {
                if trouble.is_some() {
                    // It may have swept before.
                    self.knowledge = Knowledge::Nothing;
                }
                if refusal == CLEARED {
                    self.clear();
                    self.lose_count();
                }
                return Err(refusal);
            }
        }
        Ok(())
    }

    /// Runs a closure of the calculus on leaves of its own.
    pub fn in_closure<R>(
        &mut self,
        at: &[f64],
        is_watched: bool,
        f: impl FnOnce(&mut Model, &[Handle]) -> Told<R>,
    ) -> Told<R> {
        self.watching += usize::from(is_watched);
        let result = self.recording(|model| {
            let leaves: Vec<Handle> = at.iter().map(|&x| model.leaf(x)).collect();
            f(model, &leaves)
        });
        self.watching -= usize::from(is_watched);
        self.count_again();
        result
    }

    /// Tells what a function of the crate's calculus returns.
    pub fn tell_calculus(
        &mut self,
        calculus: Calculus,
        along: &[f64],
        leaves: &[Handle],
        outputs: &[Handle],
    ) -> Told<()> {
        let jacobian = |model: &mut Model| -> Told<Vec<Vec<Adjoint>>> {
            let row = |adjoints: Vec<Adjoint>| {
                let adjoint = |x: &Handle| adjoints.get(x.index).copied().unwrap_or_default();
                leaves.iter().map(adjoint).collect()
            };
            outputs
                .iter()
                .map(|&y| Ok(row(model.swept(y, leaves[0].index)?)))
                .collect()
        };
        // The sum of the terms, each a derivative times a number.
        let combined = |terms: &mut dyn Iterator<Item = (Adjoint, f64)>| {
            let mut sum = Adjoint::default();
            terms.for_each(|(p, v)| sum.add(p.value * v, p.size * v.abs()));
            Fact::Slope(sum.value, sum.size)
        };
        match calculus {
            Calculus::Gradient => {
                let rows = jacobian(self)?;
                self.tell(Fact::Value(outputs[0].value));
                for p in &rows[0] {
                    self.tell(Fact::Slope(p.value, p.size));
                }
            }
            Calculus::Jacobian => {
                for p in jacobian(self)?.concat() {
                    self.tell(Fact::Slope(p.value, p.size));
                }
            }
            Calculus::Jvp => {
                for (row, y) in jacobian(self)?.into_iter().zip(outputs) {
                    self.tell(Fact::Value(y.value));
                    self.tell(combined(
                        &mut row.into_iter().zip(along.iter().copied().cycle()),
                    ));
                }
            }
            Calculus::Vjp => {
                let weights = along.iter().map(|&w| Handle::constant(w)).cycle();
                let weights: Vec<Handle> = weights.take(outputs.len()).collect();
                let sum = self.fold(Slice::WeightedSum, outputs, &weights)?[0];
                let adjoints = self.swept(sum, leaves[0].index)?;
                for x in leaves {
                    let p = adjoints.get(x.index).copied().unwrap_or_default();
                    self.tell(Fact::Slope(p.value, p.size));
                }
            }
            Calculus::Hessian | Calculus::Hvp | Calculus::Laplacian | Calculus::Taylor => {
                return self.tell_second(calculus, along, leaves, outputs[0]);
            }
        }
        Ok(())
    }

    fn tell_second(
        &mut self,
        calculus: Calculus,
        along: &[f64],
        leaves: &[Handle],
        y: Handle,
    ) -> Told<()> {
        let floor = leaves[0].index;
        let row = |x: &Handle| match y.index < x.index {
            true => Some(vec![Adjoint::default(); y.index + 1]),
            false => second(&self.tape, y.index, floor, x.index),
        };
        let rows: Option<Vec<Vec<Adjoint>>> = leaves.iter().map(row).collect();
        let rows = rows.expect("closures are made of what can be differentiated twice");
        let entry = |i: usize, j: usize| rows[i].get(leaves[j].index).copied().unwrap_or_default();
        let slope = |p: Adjoint, factor: f64| Fact::Slope(p.value * factor, 100.0 * (1.0 + p.size));
        let n = leaves.len();
        let mut facts = Vec::new();
        match calculus {
            Calculus::Hessian => {
                facts.extend((0..n * n).map(|k| slope(entry(k / n, k % n), 1.0)));
            }
            Calculus::Hvp => facts.extend((0..n).map(|j| {
                let mut sum = Adjoint::default();
                for i in 0..n {
                    let (p, v) = (entry(i, j), along[i % along.len()]);
                    sum.add(p.value * v, p.size * v.abs());
                }
                slope(sum, 1.0)
            })),
            Calculus::Laplacian => {
                let mut sum = Adjoint::default();
                (0..n).for_each(|i| sum.add(entry(i, i).value, entry(i, i).size));
                facts.push(slope(sum, 1.0));
            }
            _ => {
                let first = self.tape.sweep(y.index, floor);
                let first = first.get(leaves[0].index).copied().unwrap_or_default();
                facts.extend([
                    Fact::Value(y.value),
                    slope(first, 1.0),
                    slope(entry(0, 0), 0.5),
                ]);
            }
        }
        facts.into_iter().for_each(|fact| self.tell(fact));
        Ok(())
    }

    /// What a recorded function tells at each of some points, the first of which it was recorded at.
    pub fn replay_all(&mut self, at: &[Vec<f64>], captured: &[Handle], body: &Body) -> Told<()> {
        let at_first = self.answers.len();
        self.in_closure(&at[0], true, |model, leaves| {
            let outputs = model.user_code(|model| run_body(model, body, leaves, captured))?;
            model.verify(leaves)?;
            model.verify(&outputs)
        })?;
        let recorded = self.answers.split_off(at_first);
        for at in at {
            let (adjoints, knowledge) = (self.tape.adjoints.clone(), self.knowledge);
            self.quiet += 1;
            let told = self.in_closure(at, true, |model, leaves| {
                let outputs = run_body(model, body, leaves, captured)?;
                if model.answers.split_off(at_first) != recorded {
                    return Ok(vec![Fact::Words("another branch".to_string())]);
                }
                let from = model.facts.len();
                let was_quiet = std::mem::take(&mut model.quiet);
                outputs
                    .iter()
                    .for_each(|y| model.tell(Fact::Value(y.value)));
                model.tell_calculus(Calculus::Jacobian, &[], leaves, &outputs)?;
                if outputs.len() == 1 {
                    model.tell_calculus(Calculus::Hessian, &[], leaves, &outputs)?;
                }
                model.quiet = was_quiet;
                Ok(model.facts.split_off(from))
            });
            self.quiet -= 1;
            (self.tape.adjoints, self.knowledge) = (adjoints, knowledge);
            told?.into_iter().for_each(|fact| self.tell(fact));
        }
        Ok(())
    }
}
