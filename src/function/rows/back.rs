//! The steps of the reverse pass: what each step of a plan gives to its operands.

use super::super::program::{Node, Program};
use super::plan::{Part, Place, Plan, Step, Term};
use crate::rows::Kind;
use std::ops::Range;

/// Who gets what an adjoint gives.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// Nobody: no derivative with respect to it is wanted.
    Nobody,
    /// An adjoint in lanes.
    Slot(u32),
    /// The sum, over all rows, of the adjoints of a shared number.
    Total(u32),
}

/// How the terms of a run give the adjoint `w` on; `[x, y, z]` are the three numbers of a term.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Gift {
    /// `w` to the slot `x`.
    Plain,
    /// `w` times the shared number `y` to the slot `x`.
    Scaled,
    /// `w` times the value in the slot `y` to the slot `x`.
    Product,
    /// `w` to the total `x`.
    PlainTotal,
    /// `w` times the shared number `y` to the total `x`.
    ScaledTotal,
    /// `w` times the value in the slot `y` to the total `x`.
    ProductTotal,
    /// `w` times the shared number `z` to the slot `x`, and `w` times the value in the slot `y` to the total `z`.
    Both,
}

#[derive(Clone, Debug)]
pub(super) struct GiftRun {
    pub gift: Gift,
    pub is_negative: bool,
    /// In the `triples`.
    pub triples: Range<u32>,
}

/// A step of the reverse pass. `of` is the adjoint of its result, `value` the slot of its result.
#[derive(Clone, Debug)]
pub(super) enum Back {
    Sum {
        of: u32,
        value: u32,
        runs: Range<u32>,
    },
    Row {
        of: u32,
        value: u32,
        node: Node,
        operands: Range<u32>,
        /// In the `targets`.
        targets: Range<u32>,
    },
}

/// The reverse pass for one output.
pub(super) struct Reverse {
    /// The adjoints in lanes.
    pub slots: usize,
    /// Those of the part of the rows, then those of the common part.
    pub rows: Vec<Back>,
    pub common: Vec<Back>,
    pub runs: Vec<GiftRun>,
    pub triples: Vec<[u32; 3]>,
    pub targets: Vec<Target>,
    /// Where the adjoint of the output is.
    pub output: Target,
    /// Where the adjoint of each number is, by its index in the program, if it is in lanes.
    pub adjoints: Vec<Option<u32>>,
    /// The same for the inputs; a slot that stays zero for those that the output does not depend on.
    pub inputs: Vec<u32>,
}

/// Which derivatives are wanted.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Wanted {
    /// Those of the shared inputs, of the sum over all rows.
    Sum,
    /// Those of all inputs, of each row.
    Each,
}

impl Reverse {
    pub(super) fn new(
        program: &Program,
        parts: &[Part],
        [rows, common]: [&Plan; 2],
        output: u32,
        wanted: Wanted,
    ) -> Reverse {
        let mut builder = Builder {
            is_wanted: is_wanted(program, parts, wanted),
            wanted,
            reverse: Reverse {
                slots: 0,
                rows: Vec::new(),
                common: Vec::new(),
                runs: Vec::new(),
                triples: Vec::new(),
                targets: Vec::new(),
                output: Target::Nobody,
                adjoints: vec![None; program.len()],
                inputs: Vec::new(),
            },
        };
        builder.reverse.output = builder.target(rows, output);
        let steps = rows.steps.iter().rev();
        builder.reverse.rows = steps.filter_map(|step| builder.back(rows, step)).collect();
        if wanted == Wanted::Sum {
            // The totals are handed over there.
            for &index in &rows.shared {
                if builder.is_wanted[index as usize] {
                    builder.slot(index);
                }
            }
        }
        let steps = common.steps.iter().rev();
        let common = steps.filter_map(|step| builder.back(common, step));
        let common = common.collect();
        let mut reverse = builder.reverse;
        reverse.common = common;
        let zero = reverse.slots as u32;
        reverse.slots += 1;
        let inputs = reverse.adjoints[..program.inputs].iter();
        reverse.inputs = inputs.map(|slot| slot.unwrap_or(zero)).collect();
        reverse
    }
}

/// Whether a number depends on an input whose derivative is wanted.
fn is_wanted(program: &Program, parts: &[Part], wanted: Wanted) -> Vec<bool> {
    let mut is_wanted = vec![false; program.len()];
    for (k, is_wanted) in is_wanted[..program.inputs].iter_mut().enumerate() {
        *is_wanted = wanted == Wanted::Each || parts[k] == Part::Common;
    }
    for (index, node) in (program.first_node()..).zip(&program.nodes) {
        is_wanted[index] = node.op.kind() != Kind::Step
            && program
                .operands(node)
                .iter()
                .any(|&k| is_wanted[k as usize]);
    }
    is_wanted
}

struct Builder {
    is_wanted: Vec<bool>,
    wanted: Wanted,
    reverse: Reverse,
}

impl Builder {
    fn slot(&mut self, index: u32) -> u32 {
        let slots = &mut self.reverse.slots;
        *self.reverse.adjoints[index as usize].get_or_insert_with(|| {
            *slots += 1;
            *slots as u32 - 1
        })
    }

    /// Who gets the adjoint of the number at `index`.
    fn target(&mut self, plan: &Plan, index: u32) -> Target {
        if !self.is_wanted[index as usize] {
            return Target::Nobody;
        }
        match plan.places[index as usize] {
            Some(Place::Shared(k)) if self.wanted == Wanted::Sum => Target::Total(k),
            _ => Target::Slot(self.slot(index)),
        }
    }

    fn back(&mut self, plan: &Plan, step: &Step) -> Option<Back> {
        match step {
            Step::Sum {
                index, to, terms, ..
            } => {
                let of = self.reverse.adjoints[*index as usize]?;
                let first = self.reverse.runs.len() as u32;
                for &term in &plan.terms[terms.start as usize..terms.end as usize] {
                    self.term(plan, term, first);
                }
                Some(Back::Sum {
                    of,
                    value: *to,
                    runs: first..self.reverse.runs.len() as u32,
                })
            }
            Step::Row {
                index,
                to,
                node,
                operands,
            } => {
                let of = self.reverse.adjoints[*index as usize]?;
                let first = self.reverse.targets.len() as u32;
                for k in operands.clone() {
                    let target = self.target(plan, plan.operands[k as usize].0);
                    self.reverse.targets.push(target);
                }
                Some(Back::Row {
                    of,
                    value: *to,
                    node: *node,
                    operands: operands.clone(),
                    targets: first..self.reverse.targets.len() as u32,
                })
            }
            Step::Guard(_) => None,
        }
    }

    fn term(&mut self, plan: &Plan, term: Term, first_run: u32) {
        let Some(b) = term.b else {
            match self.target(plan, term.a) {
                Target::Nobody => {}
                Target::Slot(a) => self.gift(first_run, Gift::Plain, term, [a, 0, 0]),
                Target::Total(a) => self.gift(first_run, Gift::PlainTotal, term, [a, 0, 0]),
            }
            return;
        };
        let a = term.a;
        let (to_a, to_b) = (self.target(plan, a), self.target(plan, b));
        let place = |index: u32| plan.places[index as usize];
        match (to_a, place(b), to_b, place(a)) {
            (Target::Slot(x), Some(Place::Shared(z)), Target::Total(_), Some(Place::Slot(y)))
            | (Target::Total(_), Some(Place::Slot(y)), Target::Slot(x), Some(Place::Shared(z))) => {
                return self.gift(first_run, Gift::Both, term, [x, y, z]);
            }
            _ => {}
        }
        for (target, other) in [(to_a, b), (to_b, a)] {
            let (gift, x) = match target {
                Target::Nobody => continue,
                Target::Slot(x) => ([Gift::Product, Gift::Scaled], x),
                Target::Total(x) => ([Gift::ProductTotal, Gift::ScaledTotal], x),
            };
            match place(other) {
                Some(Place::Slot(y)) => self.gift(first_run, gift[0], term, [x, y, 0]),
                Some(Place::Shared(y)) => self.gift(first_run, gift[1], term, [x, y, 0]),
                None => unreachable!("a factor of a term has a place"),
            }
        }
    }

    fn gift(&mut self, first_run: u32, gift: Gift, term: Term, triple: [u32; 3]) {
        let reverse = &mut self.reverse;
        let at = reverse.triples.len() as u32;
        reverse.triples.push(triple);
        match reverse.runs[first_run as usize..].last_mut() {
            Some(run) if run.gift == gift && run.is_negative == term.is_negative => {
                run.triples.end = at + 1;
            }
            _ => reverse.runs.push(GiftRun {
                gift,
                is_negative: term.is_negative,
                triples: at..at + 1,
            }),
        }
    }
}
