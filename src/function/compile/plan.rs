//! What is known of a program before it is compiled.

use super::assembler::Assembler;
use super::parts::Part;
use super::rule::Rule;
use crate::function::program::Program;
use crate::function::walk::{Factor, Sweep};
use crate::real::Real;
use crate::rows::Op;
use std::collections::HashMap;
use std::rc::Rc;

/// How a program is cut.
#[derive(Clone, Copy)]
pub(super) struct Sizes {
    /// A program of fewer operands than this, in both directions together, is one function.
    pub whole: usize,
    /// A function of so many instructions is ended.
    pub length: u32,
}

impl Sizes {
    pub(super) const USUAL: Sizes = Sizes {
        whole: 700,
        length: 1500,
    };
}

/// Sweeps together may give so many times as much as there are operands.
const SWEEPS: usize = 8;

pub(super) struct Plan<'a> {
    pub program: &'a Program,
    /// A sweep from each output; none if that would be too much code.
    pub sweeps: Vec<Sweep>,
    /// Whether all is one function.
    pub is_whole: bool,
    /// A function of so many instructions is ended.
    pub length: u32,
    /// For each index the last place among all operands where it stands.
    pub last_use: Vec<u32>,
    /// For each index whether it is needed after the values have been computed.
    pub is_wanted: Vec<bool>,
    /// For each index whether an output is NaN if it is.
    shows_nan: Vec<bool>,
    rules: HashMap<(Op, i32, u32, bool), Rc<Rule>>,
    /// The largest number of operands of an operation that is called with a slice.
    pub longest: usize,
}

impl<'a> Plan<'a> {
    pub(super) fn new(
        program: &'a Program,
        assembler: &Assembler,
        sizes: Sizes,
    ) -> Result<Plan<'a>, String> {
        // Offsets of 31 bits, two lanes of 8 bytes: values, adjoints and what operations ask for.
        if program.len() + program.operands.len() > 1 << 25 {
            return Err("the program is too large".into());
        }
        let mut sweeps = Vec::new();
        let mut given = 0;
        for &output in &program.outputs {
            let sweep = Sweep::of(program, &[output]);
            given += sweep.gifts.len();
            sweeps.push(sweep);
            if given > sizes.whole + SWEEPS * program.operands.len() {
                sweeps.clear();
                break;
            }
        }
        let is_whole = program.operands.len() + given < sizes.whole;
        let mut plan = Plan {
            is_whole,
            length: sizes.length,
            ..Plan::of_sweeps(program, sweeps, shows_nan(program, &program.outputs))
        };
        for &output in &program.outputs {
            plan.is_wanted[output as usize] = true;
        }
        plan.want_all(assembler);
        Ok(plan)
    }

    /// The plan for one repetition of a part, whose outputs are stored as soon as they are there.
    pub(super) fn of_part(part: &'a Part, assembler: &Assembler, sizes: Sizes) -> Plan<'a> {
        let program = &part.body;
        let sweeps = vec![Sweep::of(program, &program.outputs)];
        let outputs = program.outputs.iter().zip(&part.shows_nan);
        let shown: Vec<u32> = outputs
            .filter(|shown| *shown.1)
            .map(|shown| *shown.0)
            .collect();
        let mut plan = Plan::of_sweeps(program, sweeps, shows_nan(program, &shown));
        if part.count == 1 {
            plan.length = sizes.length;
        }
        plan.want_all(assembler);
        plan
    }

    /// One function for each direction.
    fn of_sweeps(program: &'a Program, sweeps: Vec<Sweep>, shows_nan: Vec<bool>) -> Plan<'a> {
        let called = |op: Op| op.is_slice() && !matches!(op, Op::Sum | Op::Dot) || op == Op::Custom;
        let counts = program.nodes.iter().filter(|node| called(node.op));
        Plan {
            program,
            sweeps,
            is_whole: false,
            length: u32::MAX,
            last_use: last_uses(program),
            is_wanted: vec![false; program.len()],
            shows_nan,
            rules: HashMap::new(),
            longest: counts.map(|node| node.count as usize).max().unwrap_or(0),
        }
    }

    fn want_all(&mut self, assembler: &Assembler) {
        let sweeps = std::mem::take(&mut self.sweeps);
        for sweep in &sweeps {
            self.want(sweep, assembler);
        }
        self.sweeps = sweeps;
    }

    /// Notes which values a sweep needs.
    fn want(&mut self, sweep: &Sweep, assembler: &Assembler) {
        let program = self.program;
        let mut start = 0;
        for &(i, end) in &sweep.nodes {
            let node = program.nodes[i as usize];
            let operands = program.operands(&node);
            for gift in &sweep.gifts[start..end as usize] {
                match gift.factor {
                    Factor::One | Factor::MinusOne => {}
                    Factor::Number(k) | Factor::Twice(k) => self.is_wanted[k as usize] = true,
                    Factor::Rule { .. } => {
                        let rule = self.rule(assembler, i as usize, gift.place);
                        let used = operands.iter().zip(rule.operands);
                        used.filter(|used| used.1)
                            .for_each(|(&k, _)| self.is_wanted[k as usize] = true);
                        self.is_wanted[program.first_node() + i as usize] |= rule.result;
                    }
                    Factor::RuleOfAll => {
                        self.is_wanted[program.first_node() + i as usize] = true;
                        operands
                            .iter()
                            .for_each(|&k| self.is_wanted[k as usize] = true);
                        break;
                    }
                }
            }
            start = end as usize;
        }
    }

    /// The partial of node `i` with respect to an operand.
    pub(super) fn rule(&mut self, assembler: &Assembler, i: usize, place: u32) -> Rc<Rule> {
        let node = self.program.nodes[i];
        let is_seen = self.shows_nan[self.program.first_node() + i];
        let rule = self.rules.entry((node.op, node.n, place, is_seen));
        let new = || Rule::of(assembler, node.op, node.n, place as usize, is_seen).into();
        rule.or_insert_with(new).clone()
    }
}

/// For each index the last place among all operands where it stands.
fn last_uses(program: &Program) -> Vec<u32> {
    let mut last_use = vec![0; program.len()];
    for (place, &k) in program.operands.iter().enumerate() {
        last_use[k as usize] = place as u32;
    }
    for guard in &program.guards {
        // Asked after the node before it.
        let node = program.nodes.get(guard.after as usize);
        let place = node.map_or(program.operands.len() as u32, |node| node.first);
        for k in guard.operands {
            let last = &mut last_use[k as usize];
            *last = place.max(*last);
        }
    }
    last_use
}

/// For each index whether one of these outputs is NaN if it is.
pub(super) fn shows_nan(program: &Program, outputs: &[u32]) -> Vec<bool> {
    let mut shows = vec![false; program.len()];
    for &output in outputs {
        shows[output as usize] = true;
    }
    let mut known = HashMap::new();
    for (i, node) in program.nodes.iter().enumerate().rev() {
        if !shows[program.first_node() + i] {
            continue;
        }
        let operands = program.operands(node);
        let hands_on = match (node.op, operands) {
            (Op::Add | Op::Sub | Op::Mul | Op::Div | Op::Neg | Op::Sum | Op::Dot, _) => true,
            (Op::Custom, _) => false,
            (op, [_]) => *known
                .entry((op, node.n))
                .or_insert_with(|| f64::apply(op, node.n, &[f64::NAN]).is_nan()),
            _ => false,
        };
        if hands_on {
            operands.iter().for_each(|&k| shows[k as usize] = true);
        }
    }
    shows
}

/// For each gift of a sweep the next one to the same number, or the first one of that number; and whether it is the only one.
#[derive(Default)]
pub(super) struct Order {
    pub next: Vec<u32>,
    pub is_only: Vec<bool>,
}

/// Nothing more is given, and an input gives nothing on.
pub(super) const LAST: u32 = u32::MAX;

impl Order {
    pub(super) fn of(program: &Program, sweep: &Sweep) -> Order {
        let mut place = vec![LAST; program.len()];
        let mut count = vec![0u32; program.len()];
        for &output in &sweep.outputs {
            count[output as usize] = 1;
        }
        let mut start = 0;
        for &(i, end) in &sweep.nodes {
            place[program.first_node() + i as usize] = start;
            start = end;
        }
        let mut next = vec![LAST; sweep.gifts.len()];
        for (k, gift) in sweep.gifts.iter().enumerate().rev() {
            let place = &mut place[gift.to as usize];
            next[k] = std::mem::replace(place, k as u32);
            count[gift.to as usize] += 1;
        }
        let gifts = sweep.gifts.iter();
        let is_only = gifts.map(|gift| count[gift.to as usize] == 1).collect();
        Order { next, is_only }
    }
}
