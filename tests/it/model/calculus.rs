//! What the model tells of segments, snapshots and recorded derivatives.

use super::model_side::{nothing, operand};
use super::naive::{Adjoint, Handle, Operand};
use super::program::{Rule, Slice, Trouble};
use super::second::SHARE;
use super::second::second;
use super::side::{self, Side};
use super::state::{About, CLEARED, Knowledge, Model, refusal};
use super::story::{Fact, Refusal, Told};
use scalargrad::{Op, Real};

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
        let is_kept = self.watching > 0 || !self.tape.is_recording;
        if is_kept || x.iter().all(|x| x.is_constant()) {
            let copies = self.independent(x)?;
            return run(self, &copies);
        }
        let (sweeps, mut trouble) = (self.sweeps, None);
        let outputs = self.recording(|model| {
            let floor = model.tape.nodes.len();
            let inputs: Vec<Handle> = x.iter().map(|&x| model.copy_of(x)).collect();
            let outputs = run(model, &inputs)?;
            trouble = model.last_trouble;
            let index = |k: usize| if x[k].is_constant() { x[k].index } else { inputs[k].index };
            let sources = |k: usize| Some((x[k], index(k)));
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
            about.trouble = trouble.filter(|&trouble| trouble != Trouble::Sweeps).or(about.trouble).or(trouble);
            self.has_troubles |= about.trouble.is_some();
            handles.push(self.tape.push(value, operands, about));
        }
        Ok(handles)
    }

    /// Copies for code that may differentiate by them: each is a node of its own, constants too, unless all are.
    pub fn independent(&mut self, x: &[Handle]) -> Told<Vec<Handle>> {
        self.independent_if(x.iter().any(|x| !x.is_constant()), x)
    }

    /// The same, constants too if that is wanted.
    pub fn independent_if(&mut self, is_wanted: bool, x: &[Handle]) -> Told<Vec<Handle>> {
        let stay = !self.tape.is_recording || !is_wanted;
        let copy = |&x: &Handle| match x.is_constant() {
            true if stay => Ok(x),
            true => Ok(self.leaf(x.value)),
            false => self.apply(Op::Mul, 0, &[side::Operand::Variable(x), side::Operand::Number(1.0)]),
        };
        x.iter().map(copy).collect()
    }

    /// A leaf of the same value.
    fn copy_of(&mut self, x: Handle) -> Handle {
        if x.is_constant() {
            return self.leaf(x.value);
        }
        let knowledge = self.known(x);
        let leaf = self.leaf(x.value);
        self.tape.nodes[leaf.index].about.knowledge = knowledge;
        leaf
    }

    pub fn take_snapshot(&mut self, y: Handle) -> Told<Snapshot> {
        let adjoints = self.swept(y, 0)?;
        self.sweep_below();
        Ok(Snapshot {
            leaves: self.tape.nodes.iter().map(|node| node.about.op == Op::Leaf).collect(),
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
        Ok(self.slope(adjoint.copied().unwrap_or_default(), is_leaf, snapshot.knowledge))
    }

    /// Derivatives that are recorded. Of each the model knows how it depends on the leaves.
    pub fn derivatives(&mut self, y: Handle, x: &[Handle], is_recorded: bool) -> Told<Vec<Handle>> {
        self.verify(x)?;
        self.tape.verify(y)?;
        self.sweep_below();
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
            return Ok(x.iter().map(|x| Handle::constant(adjoint(x).value)).collect());
        }
        let all = self.tape.sweep(y.index, 1);
        let leaves: Vec<usize> =
            (1..=y.index).filter(|&i| self.tape.nodes[i].about.op == Op::Leaf && all[i].size != 0.0).collect();
        let is_known = leaves.len() <= 8 && y.index < 4000 && knowledge == Knowledge::Everything;
        let rows: Option<Vec<Vec<Adjoint>>> = is_known
            .then(|| leaves.iter().map(|&leaf| second(&self.tape, y.index, floor + 1, leaf)).collect())
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

    /// Notes a sweep that leaves the gradients alone: in a segment that runs again on its operands themselves it may meet trouble below.
    fn sweep_below(&mut self) {
        self.sweeps += usize::from(self.has_troubles);
    }

    /// What the rules and segments on the way of a recording sweep do: the highest comes first.
    fn meet_rules(&mut self, adjoints: &[Adjoint], floor: usize) -> Told<()> {
        for (index, adjoint) in adjoints.iter().enumerate().skip(1).rev() {
            let About { op, rule, trouble, .. } = self.tape.nodes[index].about;
            let refusal = match (rule, trouble) {
                (Some(Rule::Sweeps), _) | (_, Some(Trouble::Sweeps)) if adjoint.size != 0.0 && index > floor => {
                    self.knowledge = Knowledge::Nothing;
                    if self.has_troubles {
                        // A segment that runs on its operands themselves may sweep down to what makes trouble.
                        self.tell(Fact::End);
                    }
                    continue;
                }
                (Some(Rule::Panics), _) => Refusal::Panic,
                (Some(Rule::Clears), _) => CLEARED,
                (_, Some(trouble)) if trouble != Trouble::Sweeps => refusal(trouble),
                (None, _) if op == Op::Custom => Refusal::Words("with partials that are plain numbers"),
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
}

impl Model {
    /// A softmax: the logarithm of a sum, the sum, and a share for each.
    pub fn share(&mut self, x: &[Handle]) -> Told<Vec<Handle>> {
        let c = self.fold(Slice::LogSumExp, x, x)?[0];
        let s: f64 = x.iter().map(|x| x.value.exp_sub(c.value)).sum();
        let all = [c].iter().chain(x).map(|&x| operand(x, 0.0)).collect();
        let s = self.record(s, all, About::new(Op::SumExp, 0))?;
        let mut shares = Vec::new();
        for &x in x {
            let z = x.value.softmax_share(c.value, s.value);
            // The share of a constant has its row of the table, which gives to the sum as well.
            let sum = if x.is_constant() { operand(s, -(z / s.value)) } else { nothing(s) };
            let operands = vec![operand(x, z), operand(c, -z), sum];
            shares.push(self.record(z, operands, About::new(Op::SoftmaxShare, SHARE))?);
        }
        Ok(shares)
    }
}
