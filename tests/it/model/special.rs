//! Random actions that have others inside, or that a whole closure belongs to.

use super::generate::Generator;
use super::kinds::{Kind, Mix, Setting};
use super::machine::Registers;
use super::naive::Handle;
use super::program::{Action, Body, Calculus, Pick, Question, Register, Route, Rule, Trouble};
use super::random::Random;
use super::side::Side;
use super::state::Model;
use super::ways::{Points, Way};
use std::sync::Arc;

impl Generator {
    fn picks(&mut self, most: usize) -> Vec<Pick> {
        let n = self.random.below(most + 1);
        (0..n).map(|_| self.pick()).collect()
    }

    fn values(&self, picks: &[Pick]) -> Vec<f64> {
        let value = |&pick: &Pick| self.registers.pick(pick).map_or(0.5, |x| x.value);
        picks.iter().map(value).collect()
    }

    fn point(&mut self, n: usize) -> Vec<f64> {
        (0..n).map(|_| self.random.between(-2.0, 2.0)).collect()
    }

    /// An action of the kinds that are not simple, done already.
    pub fn special(&mut self, kind: Kind, setting: Setting, to: Register) -> Option<Action> {
        let action = match kind {
            Kind::Scope => {
                self.model.tape.open();
                let actions = 1 + self.random.below(10);
                let inner = self.block(setting, actions);
                self.model.tape.close();
                return Some(Action::Scope(inner));
            }
            Kind::NoGrad => {
                let was_recording = std::mem::replace(&mut self.model.tape.is_recording, false);
                let actions = 1 + self.random.below(6);
                let inner = self.block(Setting::Segment, actions);
                self.model.tape.is_recording = was_recording;
                return Some(Action::NoGrad(inner));
            }
            Kind::Snapshot => {
                let y = self.pick();
                let handle = self.registers.pick(y)?;
                let is_taken = self.model.attempt(|model| model.snapshot(handle)).is_some();
                let actions = if is_taken { self.random.below(5) } else { 0 };
                let then = self.block(setting, actions);
                let asked = self.picks(6);
                return Some(Action::Snapshot { y, then, asked });
            }
            Kind::Differentiate => return self.differentiate(to),
            Kind::Custom => {
                let n = 1 + self.random.below(5);
                let operands = (0..n).map(|_| (self.pick(), self.partial())).collect();
                let value = self.random.between(-2.0, 2.0);
                Action::Custom { value, operands, to }
            }
            Kind::Rule => {
                let rules = [
                    Rule::Records,
                    Rule::Sweeps,
                    Rule::OpensScopes,
                    Rule::Clears,
                    Rule::Panics,
                    Rule::ClearsInValue,
                    Rule::ClearsInLabel,
                ];
                let is_on_tape = matches!(setting, Setting::Program | Setting::Segment);
                let rule = match setting == Setting::Program && self.random.once_in(2) {
                    true => self.random.of(&rules),
                    false if self.random.once_in(4) => Rule::Differentiates,
                    // In a closure it would be a recorded function that is dropped.
                    false if is_on_tape && self.random.once_in(2) => Rule::SweepsAtTheEnd,
                    false => Rule::Plain,
                };
                let x = [self.pick(), self.pick()];
                let product: f64 = self.values(&x).iter().product();
                if product.abs() > 30.0 || !x.iter().all(|&x| self.is_live(x)) {
                    return None;
                }
                Action::Rule { rule, x, to }
            }
            Kind::Segment => {
                let mut inputs = self.picks(2);
                inputs.push(self.pick());
                let (captured, outputs) = (self.picks(2), 1 + self.random.below(3));
                let inside = match setting {
                    Setting::Program => Setting::Segment,
                    setting => setting,
                };
                let (at, others) = (self.values(&inputs), self.values(&captured));
                self.runs_again = inside == Setting::Segment;
                let body = self.body(&at, &others, outputs, inside);
                Action::Segment { inputs, captured, body, to }
            }
            Kind::Advance => {
                let mut state = self.picks(2);
                state.push(self.pick());
                let steps = match self.random.below(4) {
                    0 => self.random.below(400),
                    _ => self.random.below(60),
                };
                let (at, mix) = (self.values(&state), self.mix);
                self.mix.operations = self.model.operations + 20 + 2 * self.left() / (steps + 1);
                self.runs_again = setting == Setting::Program;
                let body = self.body(&at, &[], state.len(), Setting::Every);
                self.mix = mix;
                let at_once = 2 + self.random.below(40);
                Action::Advance { state, captured: vec![], steps, at_once, body, to }
            }
            Kind::Trouble if !self.may_have_trouble || self.depth != self.depth_of_body => {
                return None;
            }
            Kind::Trouble => {
                self.may_have_trouble = false;
                let trouble = self.random.of(&[
                    Trouble::Clears,
                    Trouble::Panics,
                    Trouble::Leaks,
                    Trouble::UsesLater,
                    Trouble::Sweeps,
                ]);
                match trouble {
                    Trouble::Sweeps | Trouble::UsesLater if setting.is_total() => return None,
                    trouble => Action::Trouble(trouble),
                }
            }
            Kind::Slope => {
                let route = self.random.of(&[Route::Sweep, Route::Along]);
                let (x, y) = (self.pick(), self.pick());
                Action::Slope { route, x, y, to }
            }
            Kind::Slopes => {
                let (y, x) = (self.pick(), self.picks(4));
                // What is recorded in a closure is known only as far as it is of use there.
                let is_recorded = setting == Setting::Program && self.random.once_in(2);
                Action::Slopes { y, x, is_recorded }
            }
            Kind::Derive => self.derive(setting),
            Kind::Replay => self.replay(),
            Kind::Watch => {
                let actions = 1 + self.random.below(10);
                let inner = self.block(setting, actions);
                return Some(Action::Watch(inner));
            }
            Kind::Threads => self.threads(to)?,
            _ => self.ask(),
        };
        if let Action::Trouble(_) = action {
            return Some(action);
        }
        Some(self.done(action))
    }

    fn is_live(&self, x: Pick) -> bool {
        let handle = self.registers.pick(x);
        handle.is_some_and(|x| self.model.tape.verify(x).is_ok())
    }

    fn partial(&mut self) -> f64 {
        if self.is_wild && self.random.once_in(4) {
            return self.random.of(&[0.0, f64::INFINITY, f64::NEG_INFINITY, f64::NAN]);
        }
        match self.random.below(10) {
            0 => self.random.of(&[0.0, 1.0, -1.0]),
            _ => self.random.between(-1.0, 1.0),
        }
    }

    fn differentiate(&mut self, to: Register) -> Option<Action> {
        let (y, mut x) = (self.pick(), self.picks(2));
        x.push(self.pick());
        let output = self.registers.pick(y)?;
        let handles: Option<Vec<Handle>> = x.iter().map(|&x| self.registers.pick(x)).collect();
        let handles = handles?;
        if !self.model.tape.is_recording {
            return None;
        }
        let derivatives = self.model.attempt(|model| model.differentiate(output, &handles, true));
        let mut then = Vec::new();
        if let Some(derivatives) = derivatives {
            self.registers.set(to, derivatives);
            let actions = 2 + self.random.below(8);
            then = self.block(Setting::Calm, actions);
            self.registers.0.truncate(to);
        }
        Some(Action::Differentiate { y, x, to, then })
    }

    fn derive(&mut self, around: Setting) -> Action {
        use Calculus::*;
        let all = [
            Gradient,
            Gradient,
            Jacobian,
            Jvp,
            Vjp,
            Hessian,
            Hvp,
            Laplacian,
            Taylor,
            Check,
            CheckSecond,
            Sweeps,
            Along,
            ByTurns,
            Series,
        ];
        let calculus = match self.random.of(&all) {
            // Each runs its closure a hundred times.
            Check | CheckSecond if self.checks == 2 => Gradient,
            calculus => calculus,
        };
        let n = match calculus {
            Taylor => 1,
            _ => 1 + self.random.below(4),
        };
        let (at, along) = (self.point(n), self.point(n));
        // What is differentiated again where a function is recorded takes decisions, which the model does not know.
        let is_recorded = around == Setting::Recorded || around.is_total();
        let captured = self.picks(usize::from(!is_recorded));
        let (others, outputs) = (self.values(&captured), 1 + self.random.below(3));
        let setting = match calculus {
            _ if calculus.has_orders() || calculus.runs_again() => Setting::Total,
            _ if around.is_total() => Setting::Total,
            Gradient | Vjp if around != Setting::Recorded => Setting::Segment,
            _ => Setting::Recorded,
        };
        let mix = self.mix;
        if calculus.has_orders() || calculus.runs_again() {
            // Each order is several times as large as the one before, and finite differences take many runs.
            let most = self.model.operations + 80;
            self.mix.operations = mix.operations.min(most);
        }
        self.runs_again = calculus.runs_again();
        let checks = self.checks;
        self.checks += usize::from(calculus.runs_again());
        let body = self.body(&at, &others, outputs, setting);
        (self.mix, self.checks) = (mix, checks);
        Action::Derive { calculus, at, along, captured, body }
    }

    fn replay(&mut self) -> Action {
        let n = 1 + self.random.below(3);
        let recorded = self.point(n);
        let calls = match self.random.below(8) {
            0 => 0,
            1 => 5 + self.random.below(40),
            _ => 1 + self.random.below(4),
        };
        let shared = self.random.below(n);
        let mut called: Vec<Vec<f64>> = (0..calls).map(|_| self.point(n)).collect();
        for x in &mut called {
            x[..shared].copy_from_slice(&recorded[..shared]);
        }
        let way = match self.random.of(Way::ALL) {
            // To compile costs a thousand times what a call does, and a thread a hundred times.
            Way::Compiled | Way::CompiledRows if cfg!(feature = "jit") && !self.random.once_in(8) => Way::OfRows,
            Way::OnThreads if calls > 4 || !self.random.once_in(4) => Way::Called,
            way => way,
        };
        let (captured, outputs) = (self.picks(1), 1 + self.random.below(2));
        let others = self.values(&captured);
        let mix = self.mix;
        self.runs_again = way.records_anew();
        self.mix.operations = self.model.operations + 2 * self.left() / (2 * calls + 2).min(20);
        let body = self.body(&recorded, &others, outputs, Setting::Total);
        self.mix = mix;
        let at = Points { recorded, called, shared };
        Action::Replay { at, captured, body, way }
    }

    /// A program for several threads, which has some of the handles that are here.
    fn threads(&mut self, to: Register) -> Option<Action> {
        let copies = 1 + self.random.below(3);
        let handles = self.picks(4);
        let here: Option<Vec<Handle>> = handles.iter().map(|&x| self.registers.pick(x)).collect();
        let mix = Mix { operations: (self.left() / copies / 2).min(2000), ..self.mix };
        let mut inner = Generator::new(Random::new(self.random.next()), mix, self.is_wild);
        (inner.model, inner.registers) = Model::of_another_thread(&here?);
        inner.model.quiet = 1;
        let actions = 10 + inner.random.below(40);
        let actions = inner.block(Setting::Program, actions);
        Some(Action::Threads { copies, handles, actions, to })
    }

    fn ask(&mut self) -> Action {
        use Question::*;
        let x = self.pick();
        let is_small = self.registers.pick(x).is_some_and(|x| x.index < 600);
        let questions = [Grad, Name, Op, Op, Operands, Operands, Text, Svg, Dot, Report];
        let question = match self.random.of(&questions) {
            Text | Svg | Dot | Report if !is_small => Operands,
            question => question,
        };
        Action::Ask(question, x)
    }

    /// A closure's body for inputs and captured variables of these values.
    pub fn body(&mut self, inputs: &[f64], captured: &[f64], outputs: usize, setting: Setting) -> Arc<Body> {
        let random = std::mem::replace(&mut self.random, Random::new(0));
        let mix = Mix { operations: self.left() / 2, ..self.mix };
        let mut inner = Generator::new(random, mix, self.is_wild);
        inner.depth = self.depth;
        inner.depth_of_body = self.depth + 1;
        inner.checks = self.checks;
        inner.may_have_trouble = std::mem::take(&mut self.runs_again);
        let row = |model: &mut Model, values: &[f64]| values.iter().map(|&x| model.leaf(x)).collect();
        let rows = vec![row(&mut inner.model, inputs), row(&mut inner.model, captured)];
        inner.registers = Registers(rows);
        let most = if setting.is_total() { 5 } else { 12 };
        let actions = 1 + inner.random.below(most);
        let actions = inner.block(setting, actions);
        let outputs = (0..outputs).map(|_| inner.pick()).collect();
        self.random = inner.random;
        Arc::new(Body { actions, outputs })
    }
}
