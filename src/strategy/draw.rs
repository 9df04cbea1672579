//! The drawing of a random program, operation by operation.

use super::Programs;
use super::program::{Operand, Program, Source, Step};
use super::random::Random;
use super::rows::usable;
use crate::rows::Kind;

impl Programs {
    pub(super) fn draw(&self, random: &mut Random) -> Program {
        let inputs = random.within(&self.inputs);
        let mut draft = Draft::new(inputs);
        for _ in 0..random.within(&self.operations) {
            draft.push(self.smooth, random);
        }
        draft.program()
    }

    /// A program and a point at which finite differences can check it: an operation that would prevent this is drawn again.
    pub(super) fn draw_at_point(&self, random: &mut Random) -> (Program, Vec<f64>) {
        loop {
            let inputs = random.within(&self.inputs);
            let x: Vec<f64> = (0..inputs).map(|_| random.decimal(1000)).collect();
            let count = random.within(&self.operations);
            let mut draft = Draft::new(inputs);
            let mut attempts = 20 * count;
            while draft.steps.len() < count && attempts > 0 {
                let before = draft.clone();
                draft.push(self.smooth, random);
                if !draft.program().can_be_checked_at(&x) {
                    draft = before;
                }
                attempts -= 1;
            }
            if draft.steps.len() == count {
                return (draft.program(), x);
            }
        }
    }
}

/// A program that grows.
#[derive(Clone)]
struct Draft {
    inputs: usize,
    steps: Vec<Step>,
    /// The steps that nothing uses yet.
    unused: Vec<usize>,
}

impl Draft {
    fn new(inputs: usize) -> Draft {
        Draft {
            inputs,
            steps: Vec::new(),
            unused: Vec::new(),
        }
    }

    /// The program whose output is the latest operation.
    fn program(&self) -> Program {
        let output = Source::Step(self.steps.len() - 1);
        Program::new(self.inputs, self.steps.clone(), output)
    }

    fn push(&mut self, smooth: bool, random: &mut Random) {
        let (row, n, arity) = loop {
            let row = &usable()[random.below(usable().len())];
            let n = row.parameters().map_or(0, |range| {
                let (least, greatest) = (*range.start(), *range.end());
                least + random.below((greatest - least + 1) as usize) as i32
            });
            let arity = random.within(&row.arity());
            let arity = arity - arity % row.group();
            // Derivatives stop at a step operation, so it is chosen seldom.
            let is_wanted = row.op.kind() != Kind::Step || random.below(3) == 0;
            if is_wanted && (!smooth || row.operand_box(n, arity).is_smooth) {
                break (row, n, arity);
            }
        };
        let mut operands: Vec<Source> = (0..arity).map(|_| self.source(random)).collect();
        if operands.iter().all(|x| matches!(x, Source::Constant(_))) {
            operands[random.below(arity)] = Source::Input(random.below(self.inputs));
        }
        let operands = operands.into_iter().map(Operand::plain).collect();
        self.unused.push(self.steps.len());
        self.steps.push(Step { row, n, operands });
    }

    /// Most often the latest result that nothing uses yet, so that little is dropped as unused in the end.
    fn source(&mut self, random: &mut Random) -> Source {
        let kind = random.below(20);
        if kind < 3 {
            return Source::Constant(random.decimal(100));
        }
        if let (3..17, Some(j)) = (kind, self.unused.last().copied()) {
            self.unused.pop();
            return Source::Step(j);
        }
        if (3..12).contains(&kind) && !self.steps.is_empty() {
            let j = random.below(self.steps.len());
            self.unused.retain(|&k| k != j);
            return Source::Step(j);
        }
        Source::Input(random.below(self.inputs))
    }
}
