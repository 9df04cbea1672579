//! Adjoints as instructions.
//!
//! An adjoint begins with the first contribution to it, so none is cleared. Nothing asks whether an adjoint is zero: see
//! [`compile`](super) for why that is right.

use super::assembler::{Assembler, At};
use super::native::{Room, shims};
use super::rule::Partial;
use super::writer::{Adjoints, Writer};
use crate::function::emit::{Contribution, Sweep, is_square};
use crate::function::one_by_one::is_plain;
use crate::pull_back::Factor;
use crate::rows::{Kind, Op};
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

/// In a long function, an adjoint that is not used for the next 24 contributions is stored in memory: it would only take a register that the
/// others need.
const NEAR: u32 = 24;

/// No contribution comes any more, and an input makes none.
const NEVER: u32 = u32::MAX;

impl Writer<'_> {
    pub(super) fn begin_sweep(&mut self, sweep: &Sweep, output: Option<(usize, u32)>) {
        let Adjoints { held, stored, touched, reached, .. } = &mut self.adjoints;
        let len = self.program.len();
        held.resize(len, None);
        stored.resize(len, None);
        touched.resize(len, NEVER);
        for k in std::mem::take(reached) {
            (held[k as usize], stored[k as usize], touched[k as usize]) = (None, None, NEVER);
        }
        reached.extend_from_slice(&sweep.reached);
        let mut start = 0;
        for (i, own) in sweep.nodes() {
            touched[self.program.first_node() + i] = start;
            start += own.len() as u32;
        }
        let mut next = vec![NEVER; sweep.contributions.len()];
        for (k, one) in sweep.contributions.iter().enumerate().rev() {
            next[k] = std::mem::replace(&mut touched[one.to as usize], k as u32);
        }
        (self.adjoints.next, self.adjoints.count, self.adjoints.output) = (next, 0, output);
    }

    /// Writes the sweep from output `k` of a whole program.
    pub(super) fn sweep(&mut self, k: usize, sweep: &Sweep) {
        let output = self.program.outputs[k];
        self.begin_sweep(sweep, Some((k, output)));
        if sweep.reaches(output) {
            let one = self.assembler.constant(1.0);
            self.add(output, one, false);
            self.store_if_complete(output);
            self.backward(sweep);
        }
        for input in self.shared..self.program.inputs {
            if self.adjoints.held[input].is_none() {
                let zero = self.assembler.constant(0.0);
                self.store_adjoint(input as u32, zero);
            }
        }
    }

    fn is_input(&self, index: u32) -> bool {
        (index as usize) < self.program.inputs
    }

    /// Where the adjoint of an index is stored, if it is not only in a register.
    fn place_of_adjoint(&self, index: u32) -> Option<At> {
        match (&self.border, self.adjoints.output) {
            (Some(border), _) => border.adjoint(index),
            (None, Some((k, _))) if self.is_input(index) => {
                let place = k * self.program.inputs + index as usize;
                Some(At::fixed(Room::Derivatives, place))
            }
            _ => None,
        }
    }

    fn store_adjoint(&mut self, index: u32, value: Value) {
        if let Some(place) = self.place_of_adjoint(index) {
            self.assembler.store(place, value);
        }
    }

    /// The adjoint of an index so far, if there were any contributions to it.
    pub(super) fn adjoint(&mut self, index: u32) -> Option<Value> {
        let k = index as usize;
        if self.adjoints.held[k].is_none() {
            let is_begun = self.border.is_some() || k < self.shared;
            let begun = || self.place_of_adjoint(index).filter(|_| is_begun);
            let place = self.adjoints.stored[k].or_else(begun)?;
            self.adjoints.held[k] = Some(self.assembler.load(place));
            self.adjoints.reached.push(index);
        }
        self.adjoints.held[k]
    }

    /// Adds `value` to the adjoint of `to`, or subtracts it.
    pub(super) fn add(&mut self, to: u32, value: Value, is_minus: bool) {
        let sum = match (self.adjoint(to), is_minus) {
            (Some(sum), false) => self.assembler.ins().fadd(sum, value),
            (Some(sum), true) => self.assembler.ins().fsub(sum, value),
            (None, false) => value,
            (None, true) => self.assembler.ins().fneg(value),
        };
        self.adjoints.held[to as usize] = Some(sum);
    }

    /// Stores the adjoint of an input that gets nothing more, or is stored where that of another one is, too.
    fn store_if_complete(&mut self, to: u32) {
        if !self.is_input(to) {
            return;
        }
        let part = self.border.as_ref().map(|border| border.part);
        let is_doubled = part.is_some_and(|part| part.is_doubled[to as usize]);
        let next = self.adjoints.next.get(self.adjoints.count as usize);
        if !is_doubled && next.is_some_and(|&next| next != NEVER) {
            return;
        }
        let mut sum = self.adjoints.held[to as usize].expect("there was a contribution");
        if self.border.is_none() && to as usize >= self.shared {
            // As if it had begun with 0: not −0.
            let zero = self.assembler.constant(0.0);
            sum = self.assembler.ins().fadd(sum, zero);
        }
        self.store_adjoint(to, sum);
        if is_doubled && self.place_of_adjoint(to).is_some() {
            self.adjoints.held[to as usize] = None;
        }
    }

    /// Stores an adjoint that is not touched soon.
    fn store_if_far(&mut self, to: u32) {
        let Adjoints { next, count, held, .. } = &self.adjoints;
        let next = next[*count as usize];
        let is_far = next != NEVER && next - count > NEAR && held[to as usize].is_some();
        if is_far
            && !self.scratch.is_empty()
            && let Some(place) = self.place_of_adjoint(to).or_else(|| self.new_scratch())
            && let Some(sum) = self.adjoints.held[to as usize].take()
        {
            self.assembler.store(place, sum);
            self.adjoints.stored[to as usize] = Some(place);
        }
    }

    /// Takes the stored adjoint of a node for its operand, without loading it, if the operand has none yet.
    fn pass_on(&mut self, index: u32, to: u32) -> bool {
        let Adjoints { held, stored, .. } = &self.adjoints;
        let passes = held[index as usize].is_none()
            && stored[index as usize].is_some()
            && held[to as usize].is_none()
            && stored[to as usize].is_none()
            && !self.is_input(to)
            && self.place_of_adjoint(to).is_none();
        if passes {
            self.adjoints.stored[to as usize] = stored[index as usize];
        }
        passes
    }

    /// Writes all contributions of a sweep that has begun.
    pub(super) fn backward(&mut self, sweep: &Sweep) {
        for (i, contributions) in sweep.nodes() {
            let index = (self.program.first_node() + i) as u32;
            let has_all = !is_plain(self.program.nodes[i].op);
            if has_all && contributions.iter().any(|one| one.factor == Factor::Partial) {
                self.call_for_partials(i, index);
            }
            for one in contributions {
                self.contribute(i, index, one);
                self.store_if_complete(one.to);
                self.store_if_far(one.to);
                self.adjoints.count += 1;
            }
        }
    }

    fn contribute(&mut self, i: usize, index: u32, one: &Contribution) {
        if one.factor == Factor::One && self.pass_on(index, one.to) {
            return;
        }
        let program = self.program;
        let node = program.nodes[i];
        let partial = match one.factor {
            Factor::One => Partial::One,
            Factor::MinusOne => Partial::MinusOne,
            Factor::Operand(other) => {
                let x = self.value_of(program.operands(&node)[other]);
                Partial::Number(if is_square(program, &node) { self.assembler.ins().fadd(x, x) } else { x })
            }
            Factor::Partial if is_plain(node.op) => self.partial(i, index, one.place),
            Factor::Partial => {
                let count = node.count as usize;
                let first = self.longest * self.assembler.lanes + one.place as usize;
                let lane = |by: &mut Assembler, lane| by.load(At::Lane(first + lane * count));
                Partial::Number(self.assembler.of_lanes(lane))
            }
        };
        let w = self.adjoint_of_node(index);
        // The output's own adjoint is 1.
        let is_one = self.adjoints.output.is_some_and(|(_, k)| k == index);
        let value = match partial {
            Partial::One | Partial::MinusOne => w,
            Partial::Number(p) if is_one => p,
            Partial::Number(p) => {
                let value = self.assembler.ins().fmul(w, p);
                if one.factor == Factor::Partial && node.op.kind() == Kind::Switch {
                    let zero = self.assembler.constant(0.0);
                    let selects = self.assembler.mask(FloatCC::NotEqual, p, zero);
                    self.assembler.keep(selects, value)
                } else {
                    value
                }
            }
            Partial::Mask(mask) => self.assembler.keep(mask, w),
        };
        self.add(one.to, value, matches!(partial, Partial::MinusOne));
    }

    fn adjoint_of_node(&mut self, index: u32) -> Value {
        let adjoint = self.adjoint(index);
        adjoint.expect("a node that contributes has an adjoint")
    }

    fn partial(&mut self, i: usize, index: u32, place: u32) -> Partial {
        let program = self.program;
        let node = program.nodes[i];
        let operands = program.operands(&node);
        let rule = self.assembler.rule(node.op, node.n, place);
        let z = if rule.result { self.value_of(index) } else { Value::from_u32(0) };
        let mut args = [Value::from_u32(0); 3];
        for ((arg, &k), is_used) in args.iter_mut().zip(operands).zip(rule.operands) {
            if is_used {
                *arg = self.value_of(k);
            }
        }
        let args = &args[..operands.len()];
        let tie = if rule.tie { self.tie(operands, args, z) } else { z };
        rule.write(self.assembler, args, z, tie)
    }

    /// The share of an operand at a tie, as `rules::tie` finds it.
    fn tie(&mut self, operands: &[u32], args: &[Value], z: Value) -> Value {
        let program = self.program;
        let assembler = &mut *self.assembler;
        let is_active = |k: &usize| program.is_active(operands[*k]);
        let active: Vec<usize> = (0..operands.len()).filter(is_active).collect();
        let one = assembler.constant(1.0);
        let mut share = one;
        if active.len() > 1 {
            let mut count = None;
            for &k in &active {
                let equals = assembler.mask(FloatCC::Equal, args[k], z);
                let term = assembler.keep(equals, one);
                count = Some(match count {
                    Some(count) => assembler.ins().fadd(count, term),
                    None => term,
                });
            }
            let count = count.expect("more than one");
            let is_none = assembler.mask(FloatCC::LessThan, count, one);
            let count = assembler.select(is_none, one, count);
            share = assembler.ins().fdiv(one, count);
        }
        for k in (0..operands.len()).filter(|k| !is_active(k)) {
            let equals = assembler.mask(FloatCC::Equal, args[k], z);
            share = assembler.drop(equals, share);
        }
        share
    }

    /// Has all partials of a node written behind the operands in the frame.
    fn call_for_partials(&mut self, i: usize, index: u32) {
        let program = self.program;
        let node = program.nodes[i];
        let count = node.count as usize;
        self.store_slice(program.operands(&node));
        let z = self.value_of(index);
        let w = self.adjoint_of_node(index);
        for lane in 0..self.assembler.lanes {
            let [x, len] = self.slice(lane, count);
            let place = self.longest * self.assembler.lanes + lane * count;
            let out = self.assembler.address_of(At::Lane(place));
            let z = self.assembler.lane(z, lane);
            if node.op != Op::Custom {
                let op = self.assembler.ins().iconst(types::I32, node.op as i64);
                let address = shims::slice_partials as *const () as usize;
                let args = [x, len, op, z, out];
                self.assembler.call_at(address, &args, types::INVALID);
                continue;
            }
            let custom = self.custom(node.n);
            let w = self.assembler.lane(w, lane);
            let args = [custom, x, len, z, w, out];
            let address = shims::custom_partials as *const () as usize;
            let is_ended = self.assembler.call_at(address, &args, types::I32);
            self.assembler.exit_unless(is_ended);
        }
    }
}
