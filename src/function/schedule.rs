//! The order in which a program is evaluated.
//!
//! To look at each operation of a program in turn and branch to the code for it takes longer than the operation itself.
//! So the operations are sorted, a window of them at a time: by their *level*, which is the length of the longest path
//! to them within the window, and within a level by what they compute. Operations of one level do not depend on each
//! other; those that also compute the same stand together in a *run*, and `runs` evaluates a run in one loop over operand
//! indices, without a branch for each. Their results stand one after the other.
//!
//! A window is large enough for runs to be long and small enough for what it reads and writes to stay in the cache.
//!
//! ```text
//!  recorded                           scheduled
//!  p = w * x                          level 0   p  q  = w * x, v * y     one run
//!  a = tanh(p)                        level 1   a  b  = tanh(p), tanh(q) one run
//!  q = v * y
//!  b = tanh(q)
//! ```
//!
//! On the way, a product that is used once, as a term of a sum or a difference, becomes part of that ([`Form`]): neither
//! its value nor its adjoint goes through memory, and the derivatives of a product are its factors anyway.
//!
//! Guards are checked at the ends of windows. What would have been left out by a guard that trips is computed in vain
//! then, which does no harm, unless it may panic or is a user's code: a window ends before such an operation.

use super::program::{Node, Program};
use crate::rows::{Kind, Op};

/// Operations in a window. Their values, adjoints and operands are a few hundred kilobytes.
const WINDOW: usize = 8192;

/// What the operations of a run compute.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// Their own operation, of their operands.
    Node,
    /// The sum of so many operands, then of the products of two each.
    Products { plain: u32 },
    /// The difference of two numbers, each of which may be a product of two operands.
    Difference { left: u8, right: u8 },
}

/// Operations that compute the same, of other operands.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Run {
    pub form: Form,
    pub op: Op,
    pub n: i32,
    /// The operands of each.
    pub arity: u32,
    /// Whether the first operand, and the last one, depend on an input; of [`Form::Products`] the last one of some pair.
    pub is_first_active: bool,
    pub is_last_active: bool,
    /// The index of the first result.
    pub start: u32,
    pub count: u32,
    /// The place of the first operand.
    pub operands: u32,
}

/// A guard, with its operands as they are numbered here.
#[derive(Clone, Debug)]
pub(crate) struct Check {
    /// The number of runs before it.
    pub after: usize,
    pub guard: usize,
    pub operands: [u32; 2],
}

/// A program in the order in which it is evaluated, its numbers renumbered: inputs, constants, the constant 1, then the
/// results of the runs.
#[derive(Clone, Debug)]
pub(crate) struct Schedule {
    pub runs: Vec<Run>,
    pub operands: Vec<u32>,
    pub outputs: Vec<u32>,
    pub checks: Vec<Check>,
    pub inputs: u32,
    /// The index of the first result.
    pub first: u32,
    /// The number of indices.
    pub len: usize,
}

impl Schedule {
    pub(crate) fn new(program: &Program) -> Schedule {
        Scheduler::new(program).run()
    }

    /// Whether the number at `index` depends on an input.
    #[inline(always)]
    pub(crate) fn is_active(&self, index: u32) -> bool {
        is_active(self.inputs, self.first, index)
    }
}

#[inline(always)]
fn is_active(inputs: u32, first: u32, index: u32) -> bool {
    index.wrapping_sub(inputs) >= first - inputs
}

/// How a number of the program is used.
#[derive(Clone, Copy, PartialEq)]
enum Uses {
    None,
    Once,
    Many,
    /// Once, by the sum or difference that the product has become part of.
    Part,
}

struct Scheduler<'a> {
    program: &'a Program,
    uses: Vec<Uses>,
    /// The level of each node within its window.
    levels: Vec<u32>,
    /// The index of each number here.
    index_of: Vec<u32>,
    /// The nodes of the window with what they are sorted by.
    order: Vec<(u64, u32)>,
    schedule: Schedule,
}

impl<'a> Scheduler<'a> {
    fn new(program: &'a Program) -> Scheduler<'a> {
        let first = program.first_node() as u32 + 1;
        let mut uses = vec![Uses::None; program.len()];
        for &k in &program.operands {
            let uses = &mut uses[k as usize];
            *uses = match uses {
                Uses::None => Uses::Once,
                _ => Uses::Many,
            };
        }
        let guards = program.guards.iter().flat_map(|guard| guard.operands);
        for k in guards.chain(program.outputs.iter().copied()) {
            uses[k as usize] = Uses::Many;
        }
        Scheduler {
            program,
            uses,
            levels: vec![0; program.nodes.len()],
            index_of: (0..program.len() as u32).collect(),
            order: Vec::with_capacity(WINDOW.min(program.nodes.len())),
            schedule: Schedule {
                runs: Vec::new(),
                operands: Vec::with_capacity(program.operands.len()),
                outputs: Vec::new(),
                checks: Vec::with_capacity(program.guards.len()),
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
        let may_panic = |node: &Node| {
            node.op == Op::Custom || node.op.kind() == Kind::Switch && node.count == 3
        };
        let mut after_guard = guard.after as usize..end;
        after_guard.find(|&i| may_panic(&nodes[i])).unwrap_or(end)
    }

    /// The guards that stand before node `end`.
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
        self.order.clear();
        for i in start..end {
            if self.uses[first_node + i] != Uses::Part {
                self.order.push((self.key(i), i as u32));
            }
        }
        // Stable, and quick where there are few different keys.
        self.order.sort_by_key(|&(key, _)| key);
        let order = std::mem::take(&mut self.order);
        let mut last_level = None;
        for &(key, i) in &order {
            let level = key >> 32;
            let may_extend = last_level == Some(level);
            last_level = Some(level);
            self.push(i as usize, may_extend);
        }
        self.order = order;
    }

    /// Makes the products of the window that are terms of a sum or a difference part of it, if they are most of them.
    fn take_in_products(&mut self, node: &Node, start: usize) {
        let program = self.program;
        let operands = program.operands(node);
        let uses = &mut self.uses;
        let is_product = |uses: &[Uses], k: u32| {
            k as usize >= start
                && uses[k as usize] == Uses::Once
                && program.nodes[k as usize - program.first_node()].op == Op::Mul
        };
        let products = operands.iter().filter(|&&k| is_product(uses, k)).count();
        if 2 * products >= operands.len() {
            for &k in operands {
                if is_product(uses, k) {
                    uses[k as usize] = Uses::Part;
                }
            }
        }
    }

    /// By level, then by what is computed. Runs are told apart for good in [`push`](Scheduler::push).
    fn key(&self, i: usize) -> u64 {
        let node = &self.program.nodes[i];
        let operands = self.program.operands(node);
        let first_node = self.program.first_node();
        let mut details = node.n as u32 as u64 ^ (node.count as u64) << 8;
        for (place, &k) in operands.iter().take(8).enumerate() {
            let is_active = self.program.is_active(k);
            let is_part = (k as usize) >= first_node && self.uses[k as usize] == Uses::Part;
            details ^= ((is_part as u64) << 1 | is_active as u64) << (2 * place);
        }
        let details = details.wrapping_mul(0x9e37_79b9_7f4a_7c15) >> 40;
        (self.levels[i] as u64) << 32 | (node.op as u64) << 24 | details
    }

    /// Adds a node to the last run, or begins a new one.
    fn push(&mut self, i: usize, may_extend: bool) {
        let (program, node) = (self.program, &self.program.nodes[i]);
        let first = self.schedule.operands.len();
        let form = self.push_operands(node);
        let operands = &mut self.schedule.operands[first..];
        let (inputs, first_result) = (self.schedule.inputs, self.schedule.first);
        let is_active = |k: u32| is_active(inputs, first_result, k);
        let is_symmetric = matches!((form, node.op), (Form::Node, Op::Add | Op::Mul));
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
            start: self.schedule.len as u32,
            count: 1,
            operands: first as u32,
        };
        self.index_of[program.first_node() + i] = new.start;
        self.schedule.len += 1;
        if let Some(last) = self.schedule.runs.last_mut().filter(|_| may_extend) {
            let (start, count, operands) = (last.start, last.count, last.operands);
            let same = Run {
                start,
                count,
                operands,
                ..new
            };
            if *last == same {
                last.count += 1;
                return;
            }
        }
        self.schedule.runs.push(new);
    }

    /// Pushes the operands of a node, as its form has them.
    fn push_operands(&mut self, node: &Node) -> Form {
        let program = self.program;
        let terms = program.operands(node);
        let has_parts = matches!(node.op, Op::Add | Op::Sub | Op::Sum)
            && terms.iter().any(|&k| self.is_part(k));
        if node.op == Op::Sub && has_parts {
            let left = self.push_term(terms[0]);
            let right = self.push_term(terms[1]);
            return Form::Difference { left, right };
        }
        if node.op == Op::Dot {
            for pair in terms.chunks_exact(2) {
                self.push_pair(pair[0], pair[1]);
            }
            return Form::Products { plain: 0 };
        }
        if !has_parts {
            for &k in terms {
                self.schedule.operands.push(self.index_of[k as usize]);
            }
            return Form::Node;
        }
        // The first two terms may change places.
        let is_swapped = terms.len() > 1 && self.is_part(terms[0]) && !self.is_part(terms[1]);
        let mut plain = 0;
        for place in 0..terms.len() {
            let k = terms[if is_swapped && place < 2 {
                1 - place
            } else {
                place
            }];
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
        Form::Products { plain }
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
        let (a, b) = match self.program.is_active(a) {
            true => (a, b),
            false => (b, a),
        };
        let pair = [a, b].map(|k| self.index_of[k as usize]);
        self.schedule.operands.extend(pair);
    }
}
