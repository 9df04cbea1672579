//! What the model tells of closures: of their derivatives, and of what is recorded of them.

use super::machine::run_body;
use super::naive::{Adjoint, Handle};
use super::orders::orders;
use super::program::{Body, Calculus, Slice};
use super::second::second;
use super::side::Side;
use super::state::Model;
use super::story::{Fact, Told};
use super::ways::{ANOTHER_BRANCH, Points, Way};

impl Model {
    /// Runs a closure of the calculus on leaves of its own.
    pub fn in_closure<R>(
        &mut self,
        at: &[f64],
        is_watched: bool,
        f: impl FnOnce(&mut Model, &[Handle]) -> Told<R>,
    ) -> Told<R> {
        self.watched(is_watched, |model| {
            model.recording(|model| {
                let leaves: Vec<Handle> = at.iter().map(|&x| model.leaf(x)).collect();
                f(model, &leaves)
            })
        })
    }

    /// Runs what is recorded as a function, maybe. After the outermost recording as many nodes are there as before.
    fn watched<R>(&mut self, is_watched: bool, f: impl FnOnce(&mut Model) -> Told<R>) -> Told<R> {
        let (clears, vague_within) = (self.clears, self.vague_within);
        self.watching += usize::from(is_watched);
        let result = f(self);
        self.watching -= usize::from(is_watched);
        if self.watching == 0 {
            self.vague_within = vague_within.filter(|_| self.clears == clears);
        }
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
            outputs.iter().map(|&y| Ok(row(model.swept(y, leaves[0].index)?))).collect()
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
                    self.tell(combined(&mut row.into_iter().zip(along.iter().copied().cycle())));
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
            Calculus::Check => {
                for p in &jacobian(self)?[0] {
                    self.tell(Fact::Slope(p.value, p.size));
                }
                self.tell(Fact::Holds(true));
            }
            Calculus::Hessian | Calculus::CheckSecond | Calculus::Hvp | Calculus::Laplacian | Calculus::Taylor => {
                return self.tell_second(calculus, along, leaves, outputs[0]);
            }
            Calculus::Sweeps | Calculus::Along | Calculus::ByTurns | Calculus::Series => {
                let orders = orders(&self.tape, leaves, along, outputs[0]);
                orders.iter().enumerate().for_each(|(k, &(p, size))| {
                    let factorial = [1.0, 2.0, 6.0, 24.0][k];
                    let factor = if calculus == Calculus::Series { 1.0 / factorial } else { 1.0 };
                    self.tell(Fact::Slope(p * factor, size));
                });
            }
        }
        Ok(())
    }

    fn tell_second(&mut self, calculus: Calculus, along: &[f64], leaves: &[Handle], y: Handle) -> Told<()> {
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
            Calculus::Hessian | Calculus::CheckSecond => {
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
                facts.extend([Fact::Value(y.value), slope(first, 1.0), slope(entry(0, 0), 0.5)]);
            }
        }
        facts.into_iter().for_each(|fact| self.tell(fact));
        Ok(())
    }

    /// What a recorded function tells at some points.
    pub fn replay_all(&mut self, at: &Points, captured: &[Handle], body: &Body, way: Way) -> Told<()> {
        let at_first = self.answers.len();
        let mut trouble = None;
        self.in_closure(&at.recorded, true, |model, leaves| {
            let outputs = model.user_code(|model| run_body(model, body, leaves, captured))?;
            trouble = model.last_trouble;
            model.verify(leaves)?;
            model.verify(&outputs)
        })?;
        let mut recorded = vec![self.answers.split_off(at_first)];
        let (mut facts, clears) = (Vec::new(), self.clears);
        for at in &at.called {
            if self.clears != clears {
                break; // what was captured is gone
            }
            let (adjoints, knowledge) = (self.tape.adjoints.clone(), self.knowledge);
            self.quiet += 1;
            let told = self.in_closure(at, true, |model, leaves| {
                let outputs = model.user_code(|model| run_body(model, body, leaves, captured))?;
                let answers = model.answers.split_off(at_first);
                if !recorded.contains(&answers) {
                    if !way.records_anew() {
                        return Ok(vec![Fact::Words(ANOTHER_BRANCH.to_string())]);
                    }
                    trouble.map_or(Ok(()), |trouble| model.meet(trouble))?;
                    recorded.push(answers);
                }
                let from = model.facts.len();
                let was_quiet = std::mem::take(&mut model.quiet);
                outputs.iter().for_each(|y| model.tell(Fact::Value(y.value)));
                model.tell_calculus(Calculus::Jacobian, &[], leaves, &outputs)?;
                if outputs.len() == 1 {
                    model.tell_calculus(Calculus::Hessian, &[], leaves, &outputs)?;
                }
                model.quiet = was_quiet;
                Ok(model.facts.split_off(from))
            });
            self.quiet -= 1;
            if self.clears == clears {
                (self.tape.adjoints, self.knowledge) = (adjoints, knowledge);
            }
            match told {
                Ok(more) => facts.extend(more),
                // Another point is another call, after which the next one is made.
                Err(refusal) if way == Way::Recorded => facts.push(Fact::Refused(refusal)),
                Err(refusal) => return Err(refusal),
            }
        }
        facts.into_iter().for_each(|fact| self.tell(fact));
        Ok(())
    }

    /// What a function of a closure tells.
    pub fn derive_closure(
        &mut self,
        calculus: Calculus,
        (at, along): (&[f64], &[f64]),
        captured: &[Handle],
        body: &Body,
    ) -> Told<()> {
        let tell = |model: &mut Model, leaves: &[Handle]| {
            let run = |model: &mut Model| run_body(model, body, leaves, captured);
            let mut outputs = match calculus.is_written_out() {
                true => run(model)?, // the program calls it, and not the crate
                false => model.user_code(run)?,
            };
            let trouble = model.last_trouble;
            outputs.truncate(calculus.outputs());
            model.verify(leaves)?;
            model.verify(&outputs)?;
            if calculus.runs_again() {
                trouble.map_or(Ok(()), |trouble| model.meet(trouble))?;
            }
            model.tell_calculus(calculus, along, leaves, &outputs)
        };
        if calculus.is_written_out() {
            return self.watched(true, |model| {
                model.scope(|model| {
                    let leaves: Vec<Handle> = at.iter().map(|&x| model.leaf(x)).collect();
                    tell(model, &leaves)
                })
            });
        }
        self.in_closure(at, calculus.is_traced(), tell)
    }
}
