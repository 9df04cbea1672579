//! The crate, as a program uses it.

use super::functions::call;
use super::inside::slope_of_variables;
use super::machine::run_body;
use super::product::{CLEARS, Named, Product, clear, sweep_in_a_scope};
use super::program::{Action, Body, Calculus, Comparison, Pick, Question, Route, Rule, Slice, Trouble};
use super::side::{Operand, Outcome, Side};
use super::story::{Fact, Heard, Refusal, Story, Told, panic_of_the_program, words};
use super::ways::{Points, Way, forget};
use scalargrad::{Gradients, Op, Var, anomaly, graph};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

/// The crate's side, which compares what it tells with the story of the model.
#[derive(Clone)]
pub struct Subject {
    pub story: Rc<RefCell<Story>>,
    /// How many closures around this run again, and tell nothing.
    quiet: Rc<Cell<usize>>,
    /// How often something was watched.
    watches: Rc<Cell<usize>>,
    /// Whether the innermost closure runs again.
    runs_again: Rc<Cell<bool>>,
    /// A leaf of its first run, if it keeps one; else what its segment gave.
    leaked: Rc<Cell<Option<Var>>>,
}

/// Sets a cell until this is dropped.
struct Within<'a, T: Copy>(&'a Cell<T>, T);

impl<'a, T: Copy> Within<'a, T> {
    fn new(cell: &'a Cell<T>, value: T) -> Self {
        Within(cell, cell.replace(value))
    }
}

impl<T: Copy> Drop for Within<'_, T> {
    fn drop(&mut self) {
        self.0.set(self.1);
    }
}

pub fn slope(x: f64) -> Fact {
    Fact::Slope(x, 0.0)
}

fn var(operand: Operand<Var>) -> Var {
    match operand {
        Operand::Variable(x) => x,
        Operand::Number(x) => Var::constant(x),
    }
}

impl Subject {
    pub fn new(story: Story) -> Subject {
        Subject {
            story: Rc::new(RefCell::new(story)),
            quiet: Rc::default(),
            watches: Rc::default(),
            runs_again: Rc::default(),
            leaked: Rc::default(),
        }
    }

    pub fn hear(&self, heard: Heard) {
        if self.quiet.get() == 0 {
            self.story.borrow_mut().hear(heard);
        }
    }

    /// A body as a closure; from run `runs` on it tells nothing.
    pub fn closure(&self, body: &Arc<Body>, captured: &[Var], runs: usize) -> impl Fn(&[Var]) -> Vec<Var> + 'static {
        self.closure_that_keeps(Rc::default(), body, captured, runs)
    }

    /// The same, and what it keeps from one run to the next.
    fn closure_that_keeps(
        &self,
        leaked: Rc<Cell<Option<Var>>>,
        body: &Arc<Body>,
        captured: &[Var],
        runs: usize,
    ) -> impl Fn(&[Var]) -> Vec<Var> + 'static {
        let (side, body, captured) = (self.clone(), body.clone(), captured.to_vec());
        let run = Cell::new(0);
        move |x: &[Var]| {
            let is_again = run.replace(run.get() + 1) >= runs;
            let _quiet = Within::new(&side.quiet, side.quiet.get() + usize::from(is_again));
            let _again = Within::new(&side.runs_again, is_again);
            let mut side = side.clone();
            side.leaked = Rc::clone(&leaked);
            run_body(&mut side, &body, x, &captured).expect("the crate panics instead")
        }
    }
}

impl Side for Subject {
    type V = Var;
    type Snapshot = Gradients;

    fn tell(&mut self, fact: Fact) {
        self.hear(Heard::Fact(fact));
    }

    fn attempt<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Option<R> {
        match catch_unwind(AssertUnwindSafe(|| f(self))) {
            Ok(result) => result.ok(),
            Err(payload) => {
                self.hear(Heard::Panic(words(payload)));
                None
            }
        }
    }

    fn settle(&mut self, what: &Action, _: Outcome) {
        self.story.borrow_mut().locate(what);
    }

    fn settle_gradient(&mut self, of: Pick) {
        self.story.borrow_mut().locate(&of);
    }

    fn goes_on(&self) -> bool {
        self.story.borrow().difference.is_none()
    }

    fn panic(&mut self) -> Refusal {
        panic_of_the_program()
    }

    fn constant(x: f64) -> Var {
        Var::constant(x)
    }

    fn tell_value(&mut self, x: Var) {
        self.tell(Fact::Value(x.value()));
    }

    fn leaf(&mut self, value: f64) -> Var {
        Var::new(value)
    }

    fn apply(&mut self, op: Op, n: i32, args: &[Operand<Var>]) -> Told<Var> {
        use Operand::{Number, Variable};
        Ok(match (op, args) {
            (Op::Add, &[Variable(x), Number(c)]) => x + c,
            (Op::Sub, &[Variable(x), Number(c)]) => x - c,
            (Op::Mul, &[Variable(x), Number(c)]) => x * c,
            (Op::Div, &[Variable(x), Number(c)]) => x / c,
            (Op::Rem, &[Variable(x), Number(c)]) => x % c,
            (Op::Add, &[Number(c), Variable(x)]) => c + x,
            (Op::Sub, &[Number(c), Variable(x)]) => c - x,
            (Op::Mul, &[Number(c), Variable(x)]) => c * x,
            (Op::Div, &[Number(c), Variable(x)]) => c / x,
            (Op::Rem, &[Number(c), Variable(x)]) => c % x,
            _ => {
                let arg = |k: usize| args.get(k).map_or(Var::constant(0.0), |&arg| var(arg));
                call(op, n, [arg(0), arg(1), arg(2)])
            }
        })
    }

    fn fold(&mut self, slice: Slice, x: &[Var], y: &[Var]) -> Told<Vec<Var>> {
        let weights = || y.iter().map(|y| y.value()).collect::<Vec<f64>>();
        Ok(match slice {
            Slice::Sum => vec![scalargrad::sum(x)],
            Slice::Dot => vec![scalargrad::dot(x, y)],
            Slice::WeightedSum => vec![scalargrad::weighted_sum(x, &weights())],
            Slice::Norm => vec![scalargrad::norm(x)],
            Slice::LogSumExp => vec![scalargrad::log_sum_exp(x)],
            Slice::Softmax => scalargrad::softmax(x),
        })
    }

    fn custom(&mut self, value: f64, operands: &[(Var, f64)]) -> Told<Var> {
        Ok(Var::custom("custom", value, operands.iter().copied()))
    }

    fn rule(&mut self, rule: Rule, x: [Var; 2]) -> Told<Var> {
        Ok(Var::apply(Product(rule), &x))
    }

    fn compare(&mut self, how: Comparison, a: Operand<Var>, b: Operand<Var>) -> bool {
        how.of_variables(var(a), var(b))
    }

    fn choose(&mut self, is_so: bool, yes: Var, no: Var) -> Var {
        Var::select(is_so, yes, no)
    }

    fn slope_inside(&mut self, route: Route, x: Var, y: Var) -> Told<Var> {
        Ok(slope_of_variables(route, x, y))
    }

    fn detach(&mut self, x: Var) -> Var {
        x.detach()
    }

    fn segment(&mut self, x: &[Var], captured: &[Var], body: &Arc<Body>) -> Told<Vec<Var>> {
        let later = Rc::<Cell<Option<Var>>>::default();
        let outputs = scalargrad::checkpoint(x, self.closure_that_keeps(later.clone(), body, captured, 1));
        later.set(later.get().or(outputs.first().copied()));
        Ok(outputs)
    }

    fn advance(
        &mut self,
        state: &[Var],
        captured: &[Var],
        (steps, at_once): (usize, usize),
        body: &Arc<Body>,
    ) -> Told<Vec<Var>> {
        let step = self.closure(body, captured, steps);
        Ok(scalargrad::advance(state, steps, at_once, move |_, x| step(x)))
    }

    fn trouble(&mut self, trouble: Trouble) -> Told<()> {
        if trouble == Trouble::Leaks && !self.runs_again.get() {
            self.leaked.set(Some(Var::new(0.5)));
        } else if self.runs_again.get() {
            match trouble {
                Trouble::Leaks | Trouble::UsesLater => {
                    let _ = self.leaked.get().expect("it ran before") + 1.0;
                }
                Trouble::Clears => clear(),
                Trouble::Panics => panic_of_the_program(),
                Trouble::Sweeps => sweep_in_a_scope(),
            }
        }
        Ok(())
    }

    fn scope<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Told<R> {
        graph::scope(|| f(self))
    }

    fn no_grad<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Told<R> {
        graph::no_grad(|| f(self))
    }

    fn clear(&mut self) {
        clear();
    }

    fn clears(&self) -> usize {
        CLEARS.get()
    }

    fn reserve(&mut self, n: usize) {
        graph::reserve(n);
    }

    fn backward(&mut self, y: Var) -> Told<()> {
        y.backward();
        Ok(())
    }

    fn accumulate(&mut self, y: Var) -> Told<()> {
        y.backward_accumulate();
        Ok(())
    }

    fn grad(&mut self, x: Var) -> Told<Fact> {
        Ok(slope(x.grad()))
    }

    fn snapshot(&mut self, y: Var) -> Told<Gradients> {
        Ok(y.gradients())
    }

    fn wrt(&mut self, snapshot: &Gradients, x: Var) -> Told<Fact> {
        let found = snapshot.wrt(x);
        assert_eq!(snapshot.wrt_all(&[x])[0].to_bits(), found.to_bits());
        Ok(slope(found))
    }

    fn differentiate(&mut self, y: Var, x: &[Var], is_recorded: bool) -> Told<Vec<Var>> {
        let derivatives = match is_recorded {
            true => y.differentiate(x),
            false => graph::no_grad(|| y.differentiate(x)),
        };
        derivatives.iter().for_each(|d| self.tell(slope(d.value())));
        Ok(derivatives)
    }

    fn derive(
        &mut self,
        calculus: Calculus,
        at_and_along: (&[f64], &[f64]),
        captured: &[Var],
        body: &Arc<Body>,
    ) -> Told<()> {
        self.derive_closure(calculus, at_and_along, captured, body);
        Ok(())
    }

    fn replay(&mut self, at: &Points, captured: &[Var], body: &Arc<Body>, way: Way) -> Told<()> {
        for answer in way.answers(&self.closure(body, captured, 1), at) {
            match answer {
                Ok([values, jacobian, hessian]) => {
                    self.tell_values(&values);
                    self.tell_slopes(&jacobian);
                    self.tell_slopes(&hessian);
                }
                Err(heard) => self.hear(heard),
            }
        }
        Ok(())
    }

    fn watch<R>(&mut self, f: impl FnOnce(&mut Self) -> Told<R>) -> Told<R> {
        self.watches.set(self.watches.get() + 1);
        if self.watches.get().is_multiple_of(2) {
            return anomaly::absorbed(|| f(self)).0;
        }
        let mut result = None;
        let _found = anomaly::detect(|| result = Some(f(self)));
        result.expect("it ran")
    }

    fn threads(&mut self, copies: usize, handles: &[Var], actions: &[Action]) -> Told<Vec<Var>> {
        Ok(self.on_threads(copies, handles, actions))
    }

    fn forget(&mut self, snapshot: Gradients) {
        forget(snapshot);
    }

    fn name(&mut self, x: Var, name: u32) -> Told<()> {
        x.named(Named(name));
        Ok(())
    }

    fn ask(&mut self, question: Question, x: Var) -> Told<()> {
        let fact = match question {
            Question::Grad => slope(x.grad()),
            Question::Name => Fact::Words(format!("{:?}", x.name())),
            Question::Op => Fact::Words(x.op().label().to_string()),
            Question::Operands => {
                let operands = x.operands();
                let mut facts = vec![Fact::Count(operands.len())];
                for x in operands.iter().take(8) {
                    facts.extend([Fact::Value(x.value()), slope(x.grad())]);
                }
                Fact::Several(facts)
            }
            Question::Text => Fact::Holds(x.to_text().lines().count() > 1),
            Question::Svg => Fact::Holds(x.to_svg().contains("</svg>")),
            Question::Report => {
                let report = graph::report();
                Fact::Holds(report.nodes() == graph::len() && !report.to_string().is_empty())
            }
            Question::Dot => Fact::Holds(x.to_dot().starts_with("digraph")),
        };
        self.tell(fact);
        Ok(())
    }

    fn count(&mut self) {
        self.tell(Fact::Count(graph::len()));
    }
}
