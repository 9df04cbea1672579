//! How a random program is drawn and made simpler.
//!
//! proptest draws a list of [`Gene`]s, and it makes a counterexample simpler by dropping genes and by making their numbers
//! smaller. Every list makes a program: where the operation of a gene is not wanted, because it is not smooth or cannot be
//! checked at the point, the next one of the table is taken.

use super::Programs;
use super::program::{Operand, Program, Source, Step};
use super::rows::{ROOM, Range, Row, usable};
use crate::rows::Kind;
use proptest::array::uniform6;
use proptest::bool::weighted;
use proptest::collection::vec;
use proptest::strategy::Strategy;

/// The places of a row among those that a gene chooses from. A step operation, at which derivatives stop, has only one.
const PLACES: usize = 3;

/// What one operation is made from. In every number, less is simpler.
#[derive(Clone, Debug)]
pub(super) struct Gene {
    operands: [Choice; 6],
    row: usize,
    parameter: i32,
    arity: usize,
    /// Whether it makes an operation at all: always, until it is made simpler.
    is_used: bool,
}

/// What an operand is made from: the kind of its source, and a number that chooses one of that kind.
type Choice = (u8, usize);

impl Programs {
    /// A number of inputs, and the genes of a program.
    pub(super) fn genes(&self) -> impl Strategy<Value = (usize, Vec<Gene>)> + Clone + use<> {
        let gene = (uniform6((0..20_u8, 0..1000_usize)), 0..PLACES * usable().len(), 0..8, 0..8_usize, weighted(1.0));
        let gene = gene.prop_map(|(operands, row, parameter, arity, is_used)| Gene {
            operands,
            row,
            parameter,
            arity,
            is_used,
        });
        (self.inputs.clone(), vec(gene, self.operations.clone()))
    }

    /// The program of some genes; if a point is given, it can be checked there by finite differences.
    pub(super) fn grow(&self, inputs: usize, genes: &[Gene], point: Option<&[f64]>) -> Program {
        let mut growth = Growth {
            is_smooth: self.smooth,
            point,
            program: Program { inputs, steps: Vec::new() },
            ranges: Vec::new(),
            unused: Vec::new(),
        };
        for gene in genes.iter().filter(|gene| gene.is_used) {
            growth.add(gene);
        }
        growth.program.prune();
        growth.program
    }
}

/// A program that grows. Its output is the latest operation.
struct Growth<'a> {
    is_smooth: bool,
    point: Option<&'a [f64]>,
    program: Program,
    /// The range of each operation.
    ranges: Vec<Range>,
    /// The operations that nothing uses yet.
    unused: Vec<usize>,
}

impl Growth<'_> {
    /// Adds the operation that a gene gives, or the next one of the table that is wanted.
    fn add(&mut self, gene: &Gene) {
        let places = PLACES * usable().len();
        for place in (gene.row..gene.row + places).map(|place| place % places) {
            let row = &usable()[place / PLACES];
            let is_wanted = row.op.kind() != Kind::Step || place % PLACES == 0;
            if is_wanted && self.try_add(row, gene) {
                return;
            }
        }
    }

    fn try_add(&mut self, row: &'static Row, gene: &Gene) -> bool {
        let n = row.parameter_of(gene.parameter);
        let arities: Vec<usize> = row.arity().step_by(row.group()).collect();
        let arity = arities[gene.arity % arities.len()];
        let allowed = row.operand_box(n, arity);
        if self.is_smooth && !allowed.is_smooth {
            return false;
        }
        let unused = self.unused.clone();
        let mut sources: Vec<Source> = (gene.operands[..arity].iter()).map(|&choice| self.source(choice)).collect();
        if sources.iter().all(|x| matches!(x, Source::Constant(_))) {
            sources[0] = Source::Input(gene.operands[0].1 % self.program.inputs);
        }
        let (operands, ranges): (Vec<Operand>, Vec<Range>) = (sources.into_iter())
            .zip(allowed.ranges)
            .map(|(source, to)| {
                let operand = Operand::fitted(source, self.range(source), to);
                (operand, operand.map(self.range(operand.source)))
            })
            .unzip();
        let place = self.program.steps.len();
        self.program.steps.push(Step { row, n, operands });
        if self.point.is_some_and(|x| !self.program.can_be_checked_at(x)) {
            self.program.steps.pop();
            self.unused = unused;
            return false;
        }
        self.ranges.push(row.range(n, &ranges));
        self.unused.push(place);
        true
    }

    /// Most often the latest result that nothing uses yet, so that little is dropped as unused in the end.
    fn source(&mut self, (kind, which): Choice) -> Source {
        let count = self.program.steps.len();
        match kind {
            0..14 if !self.unused.is_empty() => {
                let latest = self.unused.pop();
                Source::Step(latest.expect("there is one"))
            }
            1..10 if count > 0 => {
                let step = which % count;
                self.unused.retain(|&k| k != step);
                Source::Step(step)
            }
            0..17 => Source::Input(which % self.program.inputs),
            _ => {
                let hundredths = (which % 401) as i32;
                Source::Constant(f64::from((hundredths + 1) / 2 * (1 - hundredths % 2 * 2)) / 100.0)
            }
        }
    }

    fn range(&self, source: Source) -> Range {
        match source {
            Source::Constant(c) => (c, c),
            Source::Input(_) => (-ROOM, ROOM),
            Source::Step(j) => self.ranges[j],
        }
    }
}
