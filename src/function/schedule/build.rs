//! How a program is scheduled.

use super::{Check, Form, Partials, Run, Schedule, is_active};
use crate::function::emit::symbol::{Expression, Formula, Symbol, What};
use crate::function::one_by_one::is_plain;
use crate::function::program::{Node, Program, Uses};
use crate::real::Question;
use crate::rows::{Kind, Op, ROWS};
use smallvec::SmallVec;
use std::sync::OnceLock;

/// Operations in a window. Their values, adjoints and operands are a few hundred kilobytes.
const WINDOW: usize = 8192;
/// How many runs before and after a run are searched for its partials: those of a level are next to one another.
const NEAR: usize = 16;

impl Program {
    /// The order in which it is evaluated.
    #[inline(always)]
    pub(crate) fn schedule(&self) -> &Schedule {
        self.schedule.get_or_init(|| Scheduler::new(self).run())
    }
}

/// The loop for a sum of this many terms, and of products, which has that many operands.
fn sum(plain: u32, operands: usize) -> Form {
    match (plain, operands) {
        (1, 3) => Form::TermPlusProduct,
        (0, 4) => Form::ProductPlusProduct,
        _ => Form::Products { plain },
    }
}

/// Makes the schedule of a program.
struct Scheduler<'a> {
    program: &'a Program,
    uses: Vec<Uses>,
    /// Whether an output depends on a number. What only guards ask for is in runs of its own, which no sweep goes through.
    is_reached: Vec<bool>,
    /// The level of each node within its window.
    levels: Vec<u32>,
    /// The index of each number here.
    index_of: Vec<u32>,
    schedule: Schedule,
}

impl<'a> Scheduler<'a> {
    fn new(program: &'a Program) -> Scheduler<'a> {
        let first = program.first_node() as u32 + 1;
        Scheduler {
            program,
            uses: program.uses(),
            is_reached: program.reached(),
            levels: vec![0; program.nodes.len()],
            index_of: (0..program.len() as u32).collect(),
            schedule: Schedule {
                runs: Vec::new(),
                operands: Vec::with_capacity(program.operands.len()),
                outputs: Vec::new(),
                checks: Vec::with_capacity(program.guards.len()),
                is_all_reached: true,
                inputs: program.inputs as u32,
                first,
                len: first as usize,
            },
        }
    }

    fn run(mut self) -> Schedule {
        let (program, mut start) = (self.program, 0);
        while start < program.nodes.len() {
            let end = self.end_of_window(start);
            self.window(start, end);
            self.check_guards(end);
            start = end;
        }
        self.check_guards(program.nodes.len());
        let outputs = program.outputs.iter();
        let mut schedule = self.schedule;
        schedule.outputs = outputs.map(|&k| self.index_of[k as usize]).collect();
        schedule.find_partials();
        schedule.is_all_reached = schedule.runs.iter().all(|run| run.is_reached);
        schedule.operands.shrink_to_fit();
        schedule.runs.shrink_to_fit();
        schedule
    }

    fn end_of_window(&self, start: usize) -> usize {
        let nodes = &self.program.nodes;
        let end = nodes.len().min(start + WINDOW);
        let Some(guard) = self.program.guards.get(self.schedule.checks.len()) else {
            return end;
        };
        // Of the rows only a switch of three operands has bounds, which may cross.
        let may_panic = |node: &Node| node.op == Op::Custom || node.op.kind() == Kind::Switch && node.count == 3;
        let mut after_guard = guard.after as usize..end;
        after_guard.find(|&i| may_panic(&nodes[i])).unwrap_or(end)
    }

    /// The guards before node `end`.
    fn check_guards(&mut self, end: usize) {
        let done = self.schedule.checks.len();
        for (k, guard) in self.program.guards.iter().enumerate().skip(done) {
            if guard.after as usize > end {
                return;
            }
            self.schedule.checks.push(Check {
                after: self.schedule.runs.len(),
                guard: k,
                operands: guard.operands.map(|k| self.index_of[k as usize]),
            });
        }
    }

    fn window(&mut self, start: usize, end: usize) {
        let (program, first_node) = (self.program, self.program.first_node());
        for i in start..end {
            let node = &program.nodes[i];
            let operands = program.operands(node);
            if matches!(node.op, Op::Add | Op::Sub | Op::Sum) {
                self.take_in_products(node, first_node + start);
            }
            let mut level = 0;
            for &k in operands {
                if k as usize >= first_node + start {
                    let is_part = self.uses[k as usize] == Uses::Part;
                    level = level.max(self.levels[k as usize - first_node] + !is_part as u32);
                }
            }
            self.levels[i] = level;
        }
        // The nodes of the window with what they are sorted by.
        let nodes = (start..end).filter(|&i| self.uses[first_node + i] != Uses::Part);
        let mut order: Vec<(u64, usize)> = nodes.map(|i| (self.key(i), i)).collect();
        // Stable, and quick where there are few different keys.
        order.sort_by_key(|&(key, _)| key);
        for group in order.chunk_by(|(a, _), (b, _)| a >> 32 == b >> 32) {
            for (n, &(_, i)) in group.iter().enumerate() {
                self.push(i, n > 0);
            }
        }
    }

    /// Makes the products of the window that are terms of a sum or a difference part of it, if they are most of them.
    fn take_in_products(&mut self, node: &Node, start: usize) {
        let program = self.program;
        let operands = program.operands(node);
        let is_once = |k: &usize| *k >= start && self.uses[*k] == Uses::Once;
        let is_product = |k: &usize| is_once(k) && program.nodes[*k - program.first_node()].op == Op::Mul;
        let products: SmallVec<[usize; 8]> = operands.iter().map(|&k| k as usize).filter(is_product).collect();
        if 2 * products.len() >= operands.len() {
            products.into_iter().for_each(|k| self.uses[k] = Uses::Part);
        }
    }

    /// By level, then by whether an output depends on it, then by what is computed. [`push`](Scheduler::push) decides where a run ends.
    fn key(&self, i: usize) -> u64 {
        let node = &self.program.nodes[i];
        let operands = self.program.operands(node);
        let mut details = node.n as u32 as u64 ^ (node.count as u64) << 8;
        for (place, &k) in operands.iter().take(8).enumerate() {
            let is_active = self.program.is_active(k);
            details ^= ((self.is_part(k) as u64) << 1 | is_active as u64) << (2 * place);
        }
        let details = details.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        let is_reached = self.is_reached[self.program.first_node() + i] as u64;
        (self.levels[i] as u64) << 33 | is_reached << 32 | (node.op as u64) << 24 | details
    }

    /// Adds a node to the last run, or begins a new one.
    fn push(&mut self, i: usize, may_extend: bool) {
        let (program, node) = (self.program, &self.program.nodes[i]);
        let first = self.schedule.operands.len();
        let form = self.push_operands(node);
        let operands = &mut self.schedule.operands[first..];
        let (inputs, first_result) = (self.schedule.inputs, self.schedule.first);
        let is_active = |k: u32| is_active(inputs, first_result, k);
        let is_symmetric = matches!(form, Form::Add | Form::Mul);
        if is_symmetric && !is_active(operands[0]) {
            operands.swap(0, 1);
        }
        let is_last_active = match form {
            Form::Products { plain } => {
                let pairs = operands[plain as usize..].as_chunks::<2>().0;
                pairs.iter().any(|&[_, b]| is_active(b))
            }
            _ => operands.last().is_some_and(|&k| is_active(k)),
        };
        let new = Run {
            form,
            op: node.op,
            n: node.n,
            arity: operands.len() as u32,
            is_first_active: operands.first().is_some_and(|&k| is_active(k)),
            is_last_active,
            is_reached: self.is_reached[program.first_node() + i],
            count: 1,
            start: self.schedule.len,
            first,
            partials: None,
        };
        self.index_of[program.first_node() + i] = self.schedule.len as u32;
        self.schedule.len += 1;
        if let Some(last) = self.schedule.runs.last_mut().filter(|_| may_extend)
            && *last == (Run { count: last.count, start: last.start, first: last.first, ..new })
        {
            last.count += 1;
            return;
        }
        self.schedule.runs.push(new);
    }

    /// Pushes the operands of a node, with the factors of products in the place of these; says which loop they are for.
    fn push_operands(&mut self, node: &Node) -> Form {
        let program = self.program;
        let terms = program.operands(node);
        let has_parts = matches!(node.op, Op::Add | Op::Sub | Op::Sum) && terms.iter().any(|&k| self.is_part(k));
        if node.op == Op::Sub && has_parts {
            return match [terms[0], terms[1]].map(|k| self.push_term(k)) {
                [1, _] => Form::TermMinusProduct,
                [_, 1] => Form::ProductMinusTerm,
                _ => Form::ProductMinusProduct,
            };
        }
        if node.op == Op::Dot {
            for pair in terms.chunks_exact(2) {
                self.push_pair(pair[0], pair[1]);
            }
            return sum(0, terms.len());
        }
        if !has_parts {
            self.schedule.operands.extend(terms.iter().map(|&k| self.index_of[k as usize]));
            return match node.op {
                Op::Add => Form::Add,
                Op::Sub => Form::Sub,
                Op::Mul => Form::Mul,
                Op::Div => Form::Div,
                Op::Neg => Form::Neg,
                Op::Sum => Form::Products { plain: node.count },
                op if node.count == 1 && is_plain(op) => Form::OneOperand,
                _ => Form::Other,
            };
        }
        // The first two terms may change places.
        let is_swapped = terms.len() > 1 && self.is_part(terms[0]) && !self.is_part(terms[1]);
        let (mut plain, first) = (0, self.schedule.operands.len());
        for place in 0..terms.len() {
            let k = terms[if is_swapped && place < 2 { 1 - place } else { place }];
            if plain == place as u32 && !self.is_part(k) {
                self.schedule.operands.push(self.index_of[k as usize]);
                plain += 1;
            } else if self.is_part(k) {
                self.push_term(k);
            } else {
                let one = self.schedule.first - 1;
                let index = self.index_of[k as usize];
                self.schedule.operands.extend([index, one]);
            }
        }
        sum(plain, self.schedule.operands.len() - first)
    }

    fn is_part(&self, k: u32) -> bool {
        self.uses[k as usize] == Uses::Part
    }

    /// Pushes an operand, or the factors of the product that it is; says how many.
    fn push_term(&mut self, k: u32) -> u8 {
        if !self.is_part(k) {
            self.schedule.operands.push(self.index_of[k as usize]);
            return 1;
        }
        let program = self.program;
        let product = &program.nodes[k as usize - program.first_node()];
        let factors = program.operands(product);
        self.push_pair(factors[0], factors[1]);
        2
    }

    /// Pushes the factors of a product, a constant last.
    fn push_pair(&mut self, a: u32, b: u32) {
        let (a, b) = if self.program.is_active(a) { (a, b) } else { (b, a) };
        let pair = [a, b].map(|k| self.index_of[k as usize]);
        self.schedule.operands.extend(pair);
    }
}

/// The operation whose value at the same operand is the partial of a row of one operand, and whether with the other sign. It is found once for
/// each row; a row with a parameter has none.
fn operation_of_partial(op: Op, n: i32) -> Option<(Op, i32, bool)> {
    static KNOWN: [OnceLock<Option<(Op, i32, bool)>>; ROWS.len()] = [const { OnceLock::new() }; ROWS.len()];
    let of_row = ROWS.iter().zip(&KNOWN).find(|(row, _)| row.op == op && row.parameter.is_none());
    of_row.and_then(|(_, known)| *known.get_or_init(|| of_partial(op, n)))
}

fn of_partial(op: Op, n: i32) -> Option<(Op, i32, bool)> {
    let formula = Formula::of_partial(op, n, 0);
    let expression = |x: Symbol| {
        let Expression { what, operands } = formula.expression(x);
        (*what, &operands[..])
    };
    let mut x = formula.root;
    // What it is unless it is NaN.
    while let (What::Choose(Question::Nan), &[_, _, otherwise]) = expression(x) {
        x = otherwise;
    }
    let mut is_negated = false;
    if let (What::Apply(Op::Neg, _), &[of]) = expression(x) {
        (x, is_negated) = (of, true);
    }
    match expression(x) {
        (What::Apply(op, n), &[x]) if expression(x).0 == What::Given(0) => Some((op, n, is_negated)),
        _ => None,
    }
}

impl Schedule {
    /// Finds the runs whose partials are the results of another run, of the same operands.
    fn find_partials(&mut self) {
        let may_be = |run: &Run| run.form == Form::OneOperand && run.is_reached && run.op.kind() == Kind::Smooth;
        for at in 0..self.runs.len() {
            let run = self.runs[at];
            if !may_be(&run) {
                continue;
            }
            let near = &self.runs[at.saturating_sub(NEAR)..self.runs.len().min(at + NEAR)];
            let Some((op, n, is_negated)) = operation_of_partial(run.op, run.n) else {
                continue;
            };
            let other = near.iter().find(|other| {
                (other.op, other.n) == (op, n) && may_be(other) && self.operands(other) == self.operands(&run)
            });
            self.runs[at].partials = other.map(|other| Partials { start: other.start, is_negated });
        }
    }
}
