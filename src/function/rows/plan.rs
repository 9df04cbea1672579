//! From a program to the steps of a block of rows.
//!
//! A plan covers one part of a program: what depends on the shared inputs only, or what depends on a row. To a plan
//! everything else is a *shared* number, the same in all lanes. Its own numbers have a *slot* each, with a lane for each
//! row of the block, but for products and sums that only one sum needs: these become terms of that sum, added in the
//! order in which the program adds them, so that no value changes in a bit.

use super::super::program::{Guard, Node, Program};
use crate::rows::Op;
use std::collections::HashMap;
use std::ops::Range;

/// What a number of a program depends on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(super) enum Part {
    Constant,
    Common,
    Row,
}

/// The part of each number, if the first `shared` inputs are shared.
pub(super) fn parts(program: &Program, shared: usize) -> Vec<Part> {
    let mut parts = vec![Part::Constant; program.len()];
    parts[..shared].fill(Part::Common);
    parts[shared..program.inputs].fill(Part::Row);
    for (index, node) in (program.first_node()..).zip(&program.nodes) {
        let operands = program.operands(node).iter();
        let part = operands.map(|&k| parts[k as usize]).max();
        // An operation that comes out of a recording depends on something.
        parts[index] = part.unwrap_or(Part::Common).max(Part::Common);
    }
    parts
}

/// Where a plan finds a number.
#[derive(Clone, Copy, Debug)]
pub(super) enum Place {
    /// In the lanes of a slot.
    Slot(u32),
    /// Among the numbers that are the same for all rows.
    Shared(u32),
}

/// A term of a sum: a number, or a product of two, by their indices in the program.
#[derive(Clone, Copy, Debug)]
pub(super) struct Term {
    pub is_negative: bool,
    pub a: u32,
    pub b: Option<u32>,
}

/// How the terms of a run are found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A slot.
    Slot,
    /// A shared number.
    Shared,
    /// The product of two slots.
    Product,
    /// The product of a slot and a shared number.
    Scaled,
    /// The product of two shared numbers.
    SharedProduct,
}

/// Terms of a sum, one after the other, that are of one kind.
#[derive(Clone, Debug)]
pub(super) struct Run {
    pub kind: Kind,
    pub is_negative: bool,
    /// In the plan's `factors`.
    pub factors: Range<u32>,
}

/// A step of the forward pass.
#[derive(Clone, Debug)]
pub(super) enum Step {
    /// A sum of terms.
    Sum {
        index: u32,
        to: u32,
        terms: Range<u32>,
        runs: Range<u32>,
    },
    /// A row of the table, an operation on a slice, or a user's own.
    Row {
        index: u32,
        to: u32,
        node: Node,
        /// In the plan's `operands`.
        operands: Range<u32>,
    },
    /// A guard, by its place in the program.
    Guard(u32),
}

/// The steps of a part of a program.
pub(super) struct Plan {
    /// Where the numbers that this part uses are, by their indices in the program.
    pub places: Vec<Option<Place>>,
    pub slots: usize,
    /// The indices of the shared numbers.
    pub shared: Vec<u32>,
    pub steps: Vec<Step>,
    pub terms: Vec<Term>,
    pub runs: Vec<Run>,
    pub factors: Vec<[u32; 2]>,
    /// The operands of rows: their indices in the program, and where they are.
    pub operands: Vec<(u32, Place)>,
}

impl Plan {
    /// The plan of the part `mine`.
    pub(super) fn new(program: &Program, parts: &[Part], mine: Part) -> Plan {
        let mut plan = Plan {
            places: vec![None; program.len()],
            slots: 0,
            shared: Vec::new(),
            steps: Vec::new(),
            terms: Vec::new(),
            runs: Vec::new(),
            factors: Vec::new(),
            operands: Vec::new(),
        };
        for index in (0..program.inputs).filter(|&k| parts[k] == mine) {
            plan.new_slot(index as u32);
        }
        let fusion = Fusion::new(program, parts);
        let mut pending: HashMap<u32, Vec<Term>> = HashMap::new();
        let mut guards = (0..).zip(&program.guards).peekable();
        for (i, node) in program.nodes.iter().enumerate() {
            while let Some((k, guard)) = guards.next_if(|(_, guard)| guard.after as usize <= i) {
                plan.guard(k, guard, parts, mine);
            }
            let index = (program.first_node() + i) as u32;
            if parts[index as usize] != mine {
                continue;
            }
            let operands = program.operands(node);
            let Some(terms) = fusion.terms(program, index, node, &mut pending) else {
                let first = plan.operands.len() as u32;
                for &operand in operands {
                    let place = plan.place(operand, parts, mine);
                    plan.operands.push((operand, place));
                }
                let to = plan.new_slot(index);
                plan.steps.push(Step::Row {
                    index,
                    to,
                    node: *node,
                    operands: first..plan.operands.len() as u32,
                });
                continue;
            };
            match fusion.into[index as usize] {
                Into::Nothing => plan.sum(index, &terms, parts, mine),
                Into::Factor => {}
                Into::Start => _ = pending.insert(index, terms),
            }
        }
        for (k, guard) in guards {
            plan.guard(k, guard, parts, mine);
        }
        if mine == Part::Row {
            for &output in &program.outputs {
                plan.place(output, parts, mine);
            }
        }
        plan
    }

    fn new_slot(&mut self, index: u32) -> u32 {
        let slot = self.slots as u32;
        self.places[index as usize] = Some(Place::Slot(slot));
        self.slots += 1;
        slot
    }

    /// Where the number at `index` is, which may be a shared one that is used for the first time.
    fn place(&mut self, index: u32, parts: &[Part], mine: Part) -> Place {
        if let Some(place) = self.places[index as usize] {
            return place;
        }
        debug_assert_ne!(parts[index as usize], mine, "operands come before results");
        let place = Place::Shared(self.shared.len() as u32);
        self.shared.push(index);
        self.places[index as usize] = Some(place);
        place
    }

    fn guard(&mut self, k: u32, guard: &Guard, parts: &[Part], mine: Part) {
        let part = guard.operands.map(|index| parts[index as usize]);
        if part[0].max(part[1]) == mine {
            for index in guard.operands {
                self.place(index, parts, mine);
            }
            self.steps.push(Step::Guard(k));
        }
    }

    fn sum(&mut self, index: u32, terms: &[Term], parts: &[Part], mine: Part) {
        let (first, first_run) = (self.terms.len() as u32, self.runs.len() as u32);
        for &term in terms {
            let a = self.place(term.a, parts, mine);
            let b = term.b.map(|b| self.place(b, parts, mine));
            let (kind, factors) = match (a, b) {
                (Place::Slot(a), None) => (Kind::Slot, [a, 0]),
                (Place::Shared(a), None) => (Kind::Shared, [a, 0]),
                (Place::Slot(a), Some(Place::Slot(b))) => (Kind::Product, [a, b]),
                (Place::Slot(a), Some(Place::Shared(b)))
                | (Place::Shared(b), Some(Place::Slot(a))) => (Kind::Scaled, [a, b]),
                (Place::Shared(a), Some(Place::Shared(b))) => (Kind::SharedProduct, [a, b]),
            };
            let at = self.factors.len() as u32;
            self.factors.push(factors);
            self.terms.push(term);
            match self.runs[first_run as usize..].last_mut() {
                Some(run) if run.kind == kind && run.is_negative == term.is_negative => {
                    run.factors.end = at + 1;
                }
                _ => self.runs.push(Run {
                    kind,
                    is_negative: term.is_negative,
                    factors: at..at + 1,
                }),
            }
        }
        let to = self.new_slot(index);
        self.steps.push(Step::Sum {
            index,
            to,
            terms: first..self.terms.len() as u32,
            runs: first_run..self.runs.len() as u32,
        });
    }
}

/// What becomes of a node.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Into {
    /// A number of its own.
    Nothing,
    /// A product that is a term of one sum.
    Factor,
    /// A sum that another one goes on with.
    Start,
}

struct Fusion {
    into: Vec<Into>,
}

/// Whether the operation is a sum of numbers and products.
fn is_sum(op: Op) -> bool {
    matches!(op, Op::Add | Op::Sub | Op::Sum)
}

impl Fusion {
    fn new(program: &Program, parts: &[Part]) -> Fusion {
        let mut uses = vec![0u32; program.len()];
        let operands = program.nodes.iter().flat_map(|node| program.operands(node));
        let guards = program.guards.iter().flat_map(|guard| &guard.operands);
        for &index in operands.chain(guards).chain(&program.outputs) {
            uses[index as usize] += 1;
        }
        let first_node = program.first_node();
        let mut into = vec![Into::Nothing; program.len()];
        for (index, node) in (first_node..).zip(&program.nodes) {
            if !is_sum(node.op) {
                continue;
            }
            for (k, &operand) in program.operands(node).iter().enumerate() {
                let operand = operand as usize;
                let Some(i) = operand.checked_sub(first_node) else {
                    continue;
                };
                if uses[operand] != 1 || parts[operand] != parts[index] {
                    continue;
                }
                match program.nodes[i].op {
                    Op::Mul => into[operand] = Into::Factor,
                    Op::Dot | Op::Neg if k == 0 => into[operand] = Into::Start,
                    op if k == 0 && is_sum(op) => into[operand] = Into::Start,
                    _ => {}
                }
            }
        }
        Fusion { into }
    }

    /// The node as a sum of terms, if it is one.
    fn terms(
        &self,
        program: &Program,
        index: u32,
        node: &Node,
        pending: &mut HashMap<u32, Vec<Term>>,
    ) -> Option<Vec<Term>> {
        let operands = program.operands(node);
        let term = |is_negative: bool, operand: u32| match self.into[operand as usize] {
            Into::Factor => {
                let product = &program.nodes[operand as usize - program.first_node()];
                let factors = program.operands(product);
                Term {
                    is_negative,
                    a: factors[0],
                    b: Some(factors[1]),
                }
            }
            _ => Term {
                is_negative,
                a: operand,
                b: None,
            },
        };
        let product = |a: u32, b: u32| Term {
            is_negative: false,
            a,
            b: Some(b),
        };
        Some(match node.op {
            // Its factors are taken up where it is used.
            Op::Mul if self.into[index as usize] == Into::Factor => Vec::new(),
            Op::Mul => vec![product(operands[0], operands[1])],
            Op::Dot => operands
                .chunks_exact(2)
                .map(|pair| product(pair[0], pair[1]))
                .collect(),
            Op::Neg => vec![Term {
                is_negative: true,
                a: operands[0],
                b: None,
            }],
            op if is_sum(op) => {
                let mut terms = match operands.first() {
                    Some(first) => pending
                        .remove(first)
                        .unwrap_or_else(|| vec![term(false, *first)]),
                    None => Vec::new(),
                };
                let others = operands.iter().skip(1);
                terms.extend(others.map(|&operand| term(op == Op::Sub, operand)));
                terms
            }
            _ => return None,
        })
    }
}
