//! The model as a program uses it.

use super::calculus::Snapshot;
use super::functions::{call, partial, selects};
use super::machine::run_body;
use super::naive::{self, Adjoint, Handle};
use super::program::{Action, Body, Calculus, Comparison, NAME_THAT_CLEARS, Question, Route, Rule, Slice, Trouble};
use super::side::{Operand, Outcome, Side};
use super::state::{About, Knowledge, Model};
use super::story::{Fact, Refusal, Told};
use super::ways::{Points, Way};
use scalargrad::{Op, Real};
use std::sync::Arc;

impl Side for Model {
    type V = Handle;

    fn tell(&mut self, fact: Fact) {
        if self.quiet == 0 {
            self.facts.push(fact);
        }
    }

    fn attempt<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Option<R> {
        let result = f(self);
        result.map_err(|refusal| self.tell(Fact::Refused(refusal))).ok()
    }

    fn settle(&mut self, what: &Action, outcome: Outcome) {
        if outcome != Outcome::Done {
            self.outcomes.insert(what, outcome);
        }
    }

    fn goes_on(&self) -> bool {
        true
    }

    fn panic(&mut self) -> Refusal {
        Refusal::Panic
    }

    fn constant(x: f64) -> Handle {
        Handle::constant(x)
    }

    fn tell_value(&mut self, x: Handle) {
        let is_exact = self.tape.verify(x).is_err() || self.known(x) == Knowledge::Everything;
        self.tell(match is_exact {
            true => Fact::Value(x.value),
            false => Fact::Slope(x.value, 1e2 * (1.0 + x.value.abs())),
        });
    }

    fn leaf(&mut self, value: f64) -> Handle {
        self.operations += 1;
        self.tape.push(value, Vec::new(), About::new(Op::Leaf, 0))
    }

    fn apply(&mut self, op: Op, n: i32, args: &[Operand<Handle>]) -> Told<Handle> {
        let mut x = [0.0; 3];
        for (x, &arg) in x.iter_mut().zip(args) {
            *x = handle(arg).value;
        }
        if op == Op::Clamp && x[1].partial_cmp(&x[2]).is_none_or(|order| order.is_gt()) {
            return Err(Refusal::Words("the bounds of `clamp` cross"));
        }
        let with_partial = |(k, &arg): (usize, &Operand<Handle>)| match handle(arg) {
            x if x.is_constant() => nothing(x),
            of if matches!(op, Op::Max | Op::Min) && x[0] == x[1] => {
                let shares = args.iter().all(|&arg| !handle(arg).is_constant());
                if shares { operand(of, 0.5) } else { nothing(of) }
            }
            of => match partial(op, n, x, k) {
                0.0 if selects(op) => nothing(of),
                p => operand(of, p),
            },
        };
        let operands = args.iter().enumerate().map(with_partial).collect();
        self.record(call(op, n, x), operands, About::new(op, n))
    }

    fn fold(&mut self, slice: Slice, x: &[Handle], y: &[Handle]) -> Told<Vec<Handle>> {
        let values: Vec<f64> = x.iter().map(|x| x.value).collect();
        let factors: Vec<f64> = y.iter().map(|y| y.value).collect();
        let each = |z: f64, p: &dyn Fn(f64) -> f64| (z, x.iter().map(|&x| operand(x, p(x.value))).collect::<Vec<_>>());
        let (op, (z, operands)) = match slice {
            Slice::Sum => (Op::Sum, each(values.iter().sum(), &|_| 1.0)),
            Slice::Norm => {
                let z = f64::norm(&values);
                (Op::Norm, each(z, &|x| if z == 0.0 { 0.0 } else { x / z }))
            }
            Slice::LogSumExp => {
                // By differences of the operands, as the result of large ones is rounded.
                let largest = values.iter().copied().fold(f64::NEG_INFINITY, f64::max);
                let sum: f64 = values.iter().map(|x| (x - largest).exp()).sum();
                let share = |x: f64| (x - largest).exp() / sum;
                (Op::LogSumExp, each(f64::log_sum_exp(&values), &share))
            }
            Slice::Dot | Slice::WeightedSum => {
                let is_dot = slice == Slice::Dot;
                let factor = |y: Handle| if is_dot { y } else { Handle::constant(y.value) };
                let pairs = x.iter().zip(y).flat_map(|(&x, &y)| {
                    let y = factor(y);
                    [operand(x, y.value), operand(y, x.value)]
                });
                (Op::Dot, (f64::dot(&values, &factors), pairs.collect()))
            }
            Slice::Softmax => return self.share(x),
        };
        let mut about = About::new(op, 0);
        if slice == Slice::WeightedSum {
            // Weights are numbers, but not exact ones if what they were read from is not.
            about.knowledge = y.iter().map(|&y| self.known(y)).fold(about.knowledge, Knowledge::min);
        }
        Ok(vec![self.record(z, operands, about)?])
    }

    fn custom(&mut self, value: f64, operands: &[(Handle, f64)]) -> Told<Handle> {
        let operands = operands.iter().map(|&(x, p)| operand(x, p)).collect();
        self.record(value, operands, About::new(Op::Custom, 0))
    }

    fn rule(&mut self, rule: Rule, [x, y]: [Handle; 2]) -> Told<Handle> {
        let is_constant = x.is_constant() && y.is_constant();
        if rule == Rule::ClearsInValue || rule == Rule::ClearsInLabel && !is_constant {
            return self.meet(Trouble::Clears).map(|()| x);
        }
        if is_constant {
            return Ok(Handle::constant(x.value * y.value));
        }
        // What the rule does beside, it does in a scope of its own; the gradients are those of before.
        let operands = vec![operand(x, y.value), operand(y, x.value)];
        let mut about = About::new(Op::Custom, 0);
        about.rule = Some(rule);
        self.record(x.value * y.value, operands, about)
    }

    fn compare(&mut self, how: Comparison, a: Operand<Handle>, b: Operand<Handle>) -> bool {
        let (a, b) = (handle(a).value, handle(b).value);
        if self.watching > 0 {
            self.answers.push(how.noted(a, b));
        }
        how.of_numbers(a, b)
    }

    fn slope_inside(&mut self, _: Route, x: Handle, y: Handle) -> Told<Handle> {
        self.slope_in_closed_form(x, y)
    }

    fn detach(&mut self, x: Handle) -> Handle {
        Handle::constant(x.value)
    }

    fn segment(&mut self, x: &[Handle], captured: &[Handle], body: &Arc<Body>) -> Told<Vec<Handle>> {
        self.segment_of(x, captured, |model, x| run_body(model, body, x, captured))
    }

    fn advance(
        &mut self,
        state: &[Handle],
        captured: &[Handle],
        (steps, at_once): (usize, usize),
        body: &Arc<Body>,
    ) -> Told<Vec<Handle>> {
        let all = |model: &mut Model, state: &[Handle]| {
            let (mut state, mut trouble, mut had_variable) = (state.to_vec(), None, false);
            for _ in 0..steps {
                had_variable |= state.iter().any(|x| !x.is_constant());
                let copies = model.independent_if(had_variable, &state)?;
                state = model.user_code(|model| run_body(model, body, &copies, captured))?;
                trouble = trouble.or(model.last_trouble);
                model.verify(&state)?;
            }
            if let Some(last) = model.troubles.last_mut() {
                *last = last.or(trouble); // that of the segments that the steps are
            }
            Ok(state)
        };
        self.verify(state)?;
        if steps <= at_once {
            return all(self, state);
        }
        let result = self.segment_of(state, captured, all);
        self.lose_count();
        result
    }

    fn trouble(&mut self, trouble: Trouble) -> Told<()> {
        if trouble == Trouble::Leaks {
            self.leaf(0.5);
        }
        if let Some(last) = self.troubles.last_mut() {
            last.get_or_insert(trouble);
        }
        Ok(())
    }

    fn scope<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Told<R> {
        self.tape.open();
        let result = f(self);
        self.tape.close();
        self.count_again();
        if self.watching > 0 {
            self.lose_count();
        }
        result
    }

    fn no_grad<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Told<R> {
        let was_recording = std::mem::replace(&mut self.tape.is_recording, false);
        let result = f(self);
        self.tape.is_recording = was_recording;
        result
    }

    fn clear(&mut self) {
        self.clears += 1;
        self.tape.clear();
        self.vague_within = None;
        self.knowledge = Knowledge::Everything;
    }

    fn clears(&self) -> usize {
        self.clears
    }

    fn reserve(&mut self, _: usize) {}

    fn backward(&mut self, y: Handle) -> Told<()> {
        self.tape.verify(y)?;
        self.sweeps += 1;
        self.knowledge = self.known(y);
        // A sweep that fails leaves gradients of zero.
        self.tape.adjoints.fill(Adjoint::default());
        if self.has_troubles {
            self.swept(y, 0)?;
        }
        self.swept_over += y.index;
        Ok(self.tape.backward(y)?)
    }

    fn accumulate(&mut self, y: Handle) -> Told<()> {
        self.tape.verify(y)?;
        let before = self.tape.adjoints.clone();
        let knowledge = self.knowledge;
        self.backward(y)?;
        for (adjoint, before) in self.tape.adjoints.iter_mut().zip(before) {
            adjoint.add(before.value, before.size);
        }
        if knowledge < self.knowledge {
            self.knowledge = knowledge;
        }
        Ok(())
    }

    fn grad(&mut self, x: Handle) -> Told<Fact> {
        self.tape.verify(x)?;
        let is_leaf = self.tape.nodes[x.index].about.op == Op::Leaf;
        // A derivative may be the same node as one that was there before.
        let is_itself = self.known(x) == Knowledge::Everything || is_leaf;
        Ok(match is_itself {
            true => self.slope(self.tape.adjoints[x.index], is_leaf, self.knowledge),
            false => Fact::Anything,
        })
    }

    type Snapshot = Snapshot;

    fn snapshot(&mut self, y: Handle) -> Told<Self::Snapshot> {
        self.take_snapshot(y)
    }

    fn wrt(&mut self, snapshot: &Self::Snapshot, x: Handle) -> Told<Fact> {
        self.ask_snapshot(snapshot, x)
    }

    fn differentiate(&mut self, y: Handle, x: &[Handle], is_recorded: bool) -> Told<Vec<Handle>> {
        self.derivatives(y, x, is_recorded)
    }

    fn derive(
        &mut self,
        calculus: Calculus,
        at_and_along: (&[f64], &[f64]),
        captured: &[Handle],
        body: &Arc<Body>,
    ) -> Told<()> {
        self.derive_closure(calculus, at_and_along, captured, body)
    }

    fn replay(&mut self, at: &Points, captured: &[Handle], body: &Arc<Body>, way: Way) -> Told<()> {
        self.replay_all(at, captured, body, way)
    }

    fn watch<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Told<R> {
        f(self)
    }

    fn threads(&mut self, copies: usize, handles: &[Handle], actions: &[Action]) -> Told<Vec<Handle>> {
        self.on_threads(copies, handles, actions)
    }

    fn forget(&mut self, _: Snapshot) {}

    fn name(&mut self, x: Handle, name: u32) -> Told<()> {
        if !x.is_constant() {
            if name == NAME_THAT_CLEARS {
                self.meet(Trouble::Clears)?;
            }
            self.tape.verify(x)?;
            self.tape.nodes[x.index].about.name = Some(format!("n{name}"));
        }
        Ok(())
    }

    fn ask(&mut self, question: Question, x: Handle) -> Told<()> {
        self.answer(question, x)
    }

    fn count(&mut self) {
        self.tell(match self.vague_within {
            Some(_) => Fact::Anything,
            None => Fact::Count(self.tape.nodes.len() - 1),
        });
    }
}

/// An operand of an operation that passes on whatever its partial is.
pub fn operand(of: Handle, partial: f64) -> naive::Operand {
    let size = partial.abs().max(f64::MIN_POSITIVE);
    naive::Operand { of, partial, size }
}

/// An operand that gets nothing.
pub fn nothing(of: Handle) -> naive::Operand {
    let (partial, size) = (0.0, 0.0);
    naive::Operand { of, partial, size }
}

pub fn handle(operand: Operand<Handle>) -> Handle {
    match operand {
        Operand::Variable(x) => x,
        Operand::Number(x) => Handle::constant(x),
    }
}
