//! From a counterexample to a minimal one.
//!
//! A step towards it is an edit of the program (hoist an operand, drop a term, take a simpler
//! operation or constant) or of the point, after which everything is fitted into its domain anew.
//! Edits are tried in turn, the bold ones first, until none gives a simpler case that still fails.

use super::program::{Operand, Program, Source, Step};
use super::rows::{Row, usable};
use proptest::strategy::ValueTree;
use std::fmt;

/// A counterexample that shrinks; what the strategies of this [module](super) give to the test runner.
///
/// ```
/// use proptest::strategy::{Strategy, ValueTree};
/// use proptest::test_runner::TestRunner;
/// use scalargrad::strategy;
///
/// let mut tree = strategy::programs().new_tree(&mut TestRunner::deterministic()).unwrap();
/// while tree.simplify() {}
/// assert_eq!(tree.current().to_string(), "|x: &[Var]| x[0]"); // if everything is a counterexample
/// ```
pub struct Tree<T> {
    best: Case,
    current: Case,
    /// Simpler cases than the best one, once they are asked for.
    candidates: Option<Vec<Case>>,
    /// The candidate that comes next.
    next: usize,
    /// How many have been tried since the best one was found.
    tried: usize,
    value: fn(&Case) -> T,
}

impl<T> Tree<T> {
    pub(super) fn new(case: Case, value: fn(&Case) -> T) -> Tree<T> {
        Tree {
            candidates: None,
            current: case.clone(),
            best: case,
            next: 0,
            tried: 0,
            value,
        }
    }

    /// Goes to the next candidate, or back to the best where there is none.
    fn advance(&mut self) -> bool {
        let best = &self.best;
        let candidates = self.candidates.get_or_insert_with(|| best.simpler());
        while self.tried < candidates.len() {
            let candidate = &candidates[self.next % candidates.len()];
            self.next += 1;
            self.tried += 1;
            if candidate.is_valid() {
                self.current = candidate.clone();
                return true;
            }
        }
        self.current = self.best.clone();
        false
    }
}

impl<T: fmt::Debug> ValueTree for Tree<T> {
    type Value = T;

    fn current(&self) -> T {
        (self.value)(&self.current)
    }

    fn simplify(&mut self) -> bool {
        if self.current.complexity() < self.best.complexity() {
            // It failed too, and is the best one now. Edits that did not help before seldom help now, so go on from the same
            // place in the list.
            self.best = self.current.clone();
            self.candidates = None;
            self.next = self.next.saturating_sub(1);
            self.tried = 0;
        }
        self.advance()
    }

    fn complicate(&mut self) -> bool {
        self.advance()
    }
}

impl<T> fmt::Debug for Tree<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Tree").field(&self.current).finish()
    }
}

/// What shrinks.
#[derive(Clone, Debug)]
pub(super) enum Case {
    Anywhere(Program),
    /// With a point, at which it must be possible to check it.
    At(Program, Vec<f64>),
}

impl Case {
    pub fn program(&self) -> &Program {
        match self {
            Case::Anywhere(program) | Case::At(program, _) => program,
        }
    }

    fn is_valid(&self) -> bool {
        match self {
            Case::Anywhere(_) => true,
            Case::At(program, x) => program.can_be_checked_at(x),
        }
    }

    /// What every step of shrinking reduces: first the number of parts, then their complexity, then that of the point.
    fn complexity(&self) -> [usize; 5] {
        let program = self.program();
        let operands = || program.steps.iter().flat_map(|step| &step.operands);
        let source = |source: Source| match source {
            Source::Input(i) => i,
            Source::Constant(c) => 100 + digits(c),
            Source::Step(_) => 1000,
        };
        let operation = |step: &Step| {
            let is_simplest = std::ptr::eq(step.row, simplest_like(step));
            let n = 2 * step.n.unsigned_abs() as usize + usize::from(step.n < 0);
            10 * usize::from(!is_simplest) + n
        };
        [
            program.steps.len(),
            operands().count(),
            program.inputs,
            program.steps.iter().map(operation).sum::<usize>()
                + operands().map(|x| source(x.source)).sum::<usize>()
                + source(program.output),
            match self {
                Case::Anywhere(_) => 0,
                Case::At(_, x) => x.iter().map(|&x| digits(x)).sum(),
            },
        ]
    }

    /// Simpler cases, the boldest first.
    fn simpler(&self) -> Vec<Case> {
        let program = self.program();
        let edited = |edit: &dyn Fn(&mut Vec<Step>, &mut Source)| {
            let (mut steps, mut output) = (program.steps.clone(), program.output);
            edit(&mut steps, &mut output);
            self.with(Program::new(program.inputs, steps, output))
        };
        let mut cases = Vec::new();

        let inputs = (0..program.inputs).map(Source::Input);
        for source in inputs
            .clone()
            .chain((0..program.steps.len()).map(Source::Step))
        {
            cases.push(edited(&|_, output| *output = source));
        }
        for (j, step) in program.steps.iter().enumerate() {
            let constant = Source::Constant(1.0);
            let operands = step.operands.iter().map(|x| x.source);
            for source in inputs.clone().chain([constant]).chain(operands) {
                cases.push(edited(&|steps, output| {
                    let operands = steps.iter_mut().flat_map(|step| &mut step.operands);
                    for place in operands.map(|x| &mut x.source).chain([output]) {
                        if *place == Source::Step(j) {
                            *place = source;
                        }
                    }
                }));
            }
        }
        for (j, step) in program.steps.iter().enumerate() {
            let (count, group) = (step.operands.len(), step.row.group());
            if count > *step.row.arity().start() {
                for k in 0..count / group {
                    cases.push(edited(&|steps, _| {
                        for part in (0..group).rev() {
                            steps[j].operands.remove(part * count / group + k);
                        }
                    }));
                }
            }
            for n in [0, 1, 2, step.n.abs(), step.n / 2] {
                if step.row.parameters().is_some() {
                    cases.push(edited(&|steps, _| steps[j].n = n));
                }
            }
            let row = simplest_like(step);
            cases.push(edited(&|steps, _| (steps[j].row, steps[j].n) = (row, 0)));
            for k in 0..count {
                let constants = match step.operands[k].source {
                    Source::Constant(c) => simpler_numbers(c),
                    _ => vec![0.0, 1.0],
                };
                let constants = constants.into_iter().map(Source::Constant);
                for source in inputs.clone().chain(constants) {
                    cases.push(edited(&|steps, _| {
                        steps[j].operands[k] = Operand::plain(source)
                    }));
                }
            }
        }
        cases.extend(self.without_unused_inputs());
        if let Case::At(program, x) = self {
            for i in 0..x.len() {
                for number in simpler_numbers(x[i]) {
                    let mut x = x.clone();
                    x[i] = number;
                    cases.push(Case::At(program.clone(), x));
                }
            }
        }
        let complexity = self.complexity();
        cases.retain(|case| case.complexity() < complexity);
        cases
    }

    fn with(&self, program: Program) -> Case {
        match self {
            Case::Anywhere(_) => Case::Anywhere(program),
            Case::At(_, x) => Case::At(program, x.clone()),
        }
    }

    /// The cases in which one unused input is removed.
    fn without_unused_inputs(&self) -> Vec<Case> {
        let program = self.program();
        let is_used = |i: usize| {
            let mut operands = program.steps.iter().flat_map(|step| &step.operands);
            program.output == Source::Input(i) || operands.any(|x| x.source == Source::Input(i))
        };
        let unused = (0..program.inputs).filter(|&i| program.inputs > 1 && !is_used(i));
        unused
            .map(|unused| {
                let renumber = |source: &mut Source| {
                    if let Source::Input(i) = source {
                        *i -= usize::from(*i > unused);
                    }
                };
                let mut program = program.clone();
                program.inputs -= 1;
                renumber(&mut program.output);
                for step in &mut program.steps {
                    step.operands
                        .iter_mut()
                        .for_each(|x| renumber(&mut x.source));
                }
                match self {
                    Case::Anywhere(_) => Case::Anywhere(program),
                    Case::At(_, x) => {
                        let mut x = x.clone();
                        x.remove(unused);
                        Case::At(program, x)
                    }
                }
            })
            .collect()
    }
}

/// The complexity of a number: twice the length of its text, and one more for a minus. 0 and 1 are the simplest.
fn digits(x: f64) -> usize {
    if x == 0.0 {
        return 0;
    }
    if x == 1.0 {
        return 1;
    }
    2 * format!("{}", x.abs()).len() + usize::from(x < 0.0)
}

fn simpler_numbers(x: f64) -> Vec<f64> {
    let tenths = (x * 10.0).round() / 10.0;
    let hundredths = (x * 100.0).round() / 100.0;
    vec![
        0.0,
        1.0,
        x.round(),
        f64::from(x as i32),
        tenths,
        hundredths,
        x.abs(),
    ]
}

/// The first row of the table that takes the same operands.
fn simplest_like(step: &Step) -> &'static Row {
    usable()
        .iter()
        .find(|row| {
            row.parameters().is_none()
                && row.group() == step.row.group()
                && row.arity().contains(&step.operands.len())
        })
        .unwrap_or(step.row)
}
