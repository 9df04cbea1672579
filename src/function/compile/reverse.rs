//! Adjoints as instructions.
//!
//! An adjoint begins with the first thing that it is given, so none is cleared; of a number that is given one
//! adjoint only, that is its adjoint, in the same place. Nothing asks whether an adjoint is zero: see
//! [`compile`](super) for why that is right.

use super::held::{Held, NEAR, NONE};
use super::native::{PANICKED, Room, shims};
use super::plan::{LAST, Order};
use super::rule::Partial;
use super::writer::Writer;
use crate::function::walk::{Factor, Gift, Sweep};
use crate::rows::Op;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

impl Writer<'_> {
    /// Writes all that output `k` gives.
    pub(super) fn sweep(&mut self, k: usize, sweep: &Sweep) {
        let shared = self.shared;
        let adjoints = &mut self.adjoints;
        adjoints.order = Order::of(self.plan.program, sweep);
        // A part whose values only guards need has none.
        adjoints.output = (k, sweep.outputs.first().copied().unwrap_or(NONE));
        adjoints.given = 0;
        adjoints.held.fill(Held::not());
        adjoints.only_held.clear();
        adjoints.places.fill(NONE);
        adjoints.is_begun.fill(false);
        adjoints.is_begun[..shared].fill(true);
        if self.outsides.is_some() {
            for &output in &sweep.outputs {
                self.adjoints.is_begun[output as usize] = true;
            }
            // No output's adjoint is known to be 1.
            self.adjoints.output.1 = NONE;
            self.take_carried_adjoints(sweep);
            sweep.write(self);
            return;
        }
        if sweep.is_reached[sweep.outputs[0] as usize] {
            self.seed(sweep.outputs[0]);
            sweep.write(self);
        }
        for input in 0..self.plan.program.inputs {
            if !self.adjoints.is_begun[input] {
                self.cut_if_long();
                let zero = self.assembler.constant(0.0);
                let place = self.place_of_input(input);
                self.assembler.store(Room::Derivatives, place, zero);
            }
        }
    }

    /// The place of an input's adjoint among the derivatives.
    fn place_of_input(&self, input: usize) -> usize {
        let program = self.plan.program;
        self.adjoints.output.0 * program.inputs + input
    }

    fn is_input(&self, index: u32) -> bool {
        (index as usize) < self.plan.program.inputs
    }

    fn seed(&mut self, output: u32) {
        let one = self.assembler.constant(1.0);
        self.adjoints.is_begun[output as usize] |= !self.is_input(output);
        if self.is_input(output) {
            self.add(output, one, false, LAST);
        } else {
            self.hold_adjoint(output, one);
        }
    }

    pub(super) fn hold_adjoint(&mut self, index: u32, value: Value) {
        let place = std::mem::replace(&mut self.adjoints.places[index as usize], NONE);
        if place != NONE {
            self.free(place);
        }
        self.note_adjoint(index, value);
        if !self.plan.is_whole {
            self.adjoints.only_held.push(index);
        }
    }

    fn note_adjoint(&mut self, index: u32, value: Value) {
        self.adjoints.held[index as usize] = Held {
            function: self.function,
            at: self.assembler.written,
            value,
        };
    }

    /// The adjoint of an index as far as it has been given, if anything has.
    pub(super) fn adjoint(&mut self, index: u32) -> Option<Value> {
        let k = index as usize;
        if !self.adjoints.is_begun[k] {
            return None;
        }
        let held = self.adjoints.held[k];
        if held.function == self.function {
            return Some(held.value);
        }
        let place = self.adjoints.places[k];
        if let Some(outside) = self.outside_of_adjoint(index).filter(|_| place == NONE) {
            let value = self.assembler.load_outside(outside);
            self.note_adjoint(index, value);
            return Some(value);
        }
        if self.is_input(index) {
            let place = self.place_of_input(k);
            return Some(self.assembler.load(Room::Derivatives, place));
        }
        let value = self.assembler.load(Room::Frame, place as usize);
        self.note_adjoint(index, value);
        Some(value)
    }

    /// Stores what would be lost at the end of the function.
    pub(super) fn store_held_adjoints(&mut self) {
        for index in std::mem::take(&mut self.adjoints.only_held) {
            let held = self.adjoints.held[index as usize];
            if held.function == self.function {
                self.store_adjoint(index, held.value);
            }
        }
    }

    fn store_adjoint(&mut self, index: u32, value: Value) {
        if self.is_input(index) {
            if let Some(outside) = self.outside_of_adjoint(index) {
                return self.assembler.store_outside(outside, value);
            }
            let place = self.place_of_input(index as usize);
            self.assembler.store(Room::Derivatives, place, value);
        } else if self.adjoints.places[index as usize] == NONE {
            self.adjoints.places[index as usize] = self.store(value);
        }
    }

    /// Gives `value`, or takes it away, to the adjoint of `to`, which is touched next at `next`.
    fn add(&mut self, to: u32, value: Value, is_minus: bool, next: u32) {
        let so_far = self.adjoint(to);
        let sum = match (so_far, is_minus) {
            (Some(sum), false) => self.assembler.ins().fadd(sum, value),
            (Some(sum), true) => self.assembler.ins().fsub(sum, value),
            (None, false) => value,
            (None, true) => self.assembler.ins().fneg(value),
        };
        self.adjoints.is_begun[to as usize] = true;
        self.adjoints.held[to as usize] = Held::not();
        if self.is_carried(to) {
            self.hold_adjoint(to, sum);
        } else if next == LAST || self.is_doubled(to) {
            let is_shared = (to as usize) < self.shared;
            let sum = if is_shared {
                sum
            } else {
                // As if it had begun with 0: not −0.
                let zero = self.assembler.constant(0.0);
                self.assembler.ins().fadd(sum, zero)
            };
            self.store_adjoint(to, sum);
        } else if self.plan.is_whole || next - self.adjoints.given <= NEAR {
            self.hold_adjoint(to, sum);
        } else {
            let place = std::mem::replace(&mut self.adjoints.places[to as usize], NONE);
            if place != NONE {
                self.free(place);
            }
            self.store_adjoint(to, sum);
        }
    }

    /// Hands the adjoint of node `i` on to its operands.
    pub(super) fn hand_on(&mut self, i: usize, gifts: &[Gift]) {
        let index = (self.plan.program.first_node() + i) as u32;
        if gifts.iter().any(|gift| gift.factor == Factor::RuleOfAll) {
            self.call_for_partials(i, index);
        }
        for gift in gifts {
            self.cut_if_long();
            self.hand(i, index, gift);
            self.adjoints.given += 1;
        }
        let place = std::mem::replace(&mut self.adjoints.places[index as usize], NONE);
        if place != NONE {
            self.free(place);
        }
        self.adjoints.held[index as usize] = Held::not();
        if self.adjoints.only_held.len() > 4 * NEAR as usize {
            let (held, function) = (&self.adjoints.held, self.function);
            let is_held = |&index: &u32| held[index as usize].function == function;
            self.adjoints.only_held.retain(is_held);
        }
    }

    fn hand(&mut self, i: usize, index: u32, gift: &Gift) {
        let (q, to) = (self.adjoints.given as usize, gift.to);
        let next = self.adjoints.order.next[q];
        let is_near = self.plan.is_whole || next.wrapping_sub(q as u32) <= NEAR;
        let is_passed_on = gift.factor == Factor::One && self.adjoints.order.is_only[q];
        if is_passed_on && !is_near && !self.is_input(to) {
            self.pass_on(index, to);
            return;
        }
        let partial = match gift.factor {
            Factor::One | Factor::MinusOne => Partial::One,
            Factor::Number(k) => Partial::Number(self.value_of(k)),
            Factor::Twice(k) => {
                let x = self.value_of(k);
                Partial::Number(self.assembler.ins().fadd(x, x))
            }
            Factor::Rule { .. } => self.partial(i, index, gift.place),
            Factor::RuleOfAll => {
                let count = self.plan.program.nodes[i].count as usize;
                let first = self.plan.longest * self.assembler.lanes + gift.place as usize;
                let lane = |assembler: &mut super::assembler::Assembler, lane: usize| {
                    assembler.load_lane(Room::Frame, first + lane * count)
                };
                Partial::Number(self.assembler.of_lanes(lane))
            }
        };
        let w = self
            .adjoint(index)
            .expect("a node that gives was given something");
        // The output's own adjoint is 1.
        let is_one = index == self.adjoints.output.1;
        let (value, is_minus) = match partial {
            Partial::One => (w, gift.factor == Factor::MinusOne),
            Partial::MinusOne => (w, true),
            Partial::Number(p) if is_one => (p, false),
            Partial::Number(p) => {
                let value = self.assembler.ins().fmul(w, p);
                let value = if gift.factor == (Factor::Rule { is_switch: true }) {
                    let zero = self.assembler.constant(0.0);
                    let selects = self.assembler.mask(FloatCC::NotEqual, p, zero);
                    self.assembler.keep(selects, value)
                } else {
                    value
                };
                (value, false)
            }
            Partial::Mask(mask) => (self.assembler.keep(mask, w), false),
        };
        self.add(to, value, is_minus, next);
    }

    /// Makes the adjoint of a node that of its operand, which gets nothing else.
    fn pass_on(&mut self, index: u32, to: u32) {
        let mut place = self.adjoints.places[index as usize];
        if place == NONE {
            let w = self
                .adjoint(index)
                .expect("a node that gives was given something");
            place = self.store(w);
            self.adjoints.places[index as usize] = place;
        }
        self.share(place);
        self.adjoints.places[to as usize] = place;
        self.adjoints.is_begun[to as usize] = true;
    }

    fn partial(&mut self, i: usize, index: u32, place: u32) -> Partial {
        let program = self.plan.program;
        let node = program.nodes[i];
        let operands = program.operands(&node);
        let rule = self.plan.rule(&self.assembler, i, place);
        let z = match rule.result {
            true => self.value_of(index),
            false => Value::from_u32(0),
        };
        let mut args = [Value::from_u32(0); 3];
        for ((arg, &k), is_used) in args.iter_mut().zip(operands).zip(rule.operands) {
            if is_used {
                *arg = self.value_of(k);
            }
        }
        let args = &args[..operands.len()];
        let tie = match rule.tie {
            true => self.tie(operands, args, z),
            false => z,
        };
        rule.write(&mut self.assembler, args, z, tie)
    }

    /// The share of an operand at a tie, as `rules::tie` finds it.
    fn tie(&mut self, operands: &[u32], args: &[Value], z: Value) -> Value {
        let program = self.plan.program;
        let assembler = &mut self.assembler;
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

    /// Has all partials of a node written behind its operands in the frame.
    fn call_for_partials(&mut self, i: usize, index: u32) {
        let program = self.plan.program;
        let node = program.nodes[i];
        let operands = program.operands(&node);
        self.spread(operands);
        self.cut_if_long();
        let z = self.value_of(index);
        let w = self
            .adjoint(index)
            .expect("a node that gives was given something");
        let (len, lanes) = (operands.len(), self.assembler.lanes);
        for lane in 0..lanes {
            let custom = (node.op == Op::Custom).then(|| self.custom(node.n));
            let assembler = &mut self.assembler;
            let x = assembler.address(Room::Frame, lane * len, len);
            let place = self.plan.longest * lanes + lane * len;
            let out = assembler.address(Room::Frame, place, len);
            let count = assembler.pointer(len);
            let z = assembler.lane(z, lane);
            if let Some(custom) = custom {
                let w = assembler.lane(w, lane);
                let args = [custom, x, count, z, w, out];
                let address = shims::custom_partials as *const () as usize;
                let is_ended = assembler.call_at(address, &args, types::I32);
                assembler.exit_unless(is_ended, PANICKED);
            } else {
                let op = assembler.ins().iconst(types::I32, node.op as i64);
                let address = shims::slice_partials as *const () as usize;
                assembler.call_at(address, &[x, count, op, z, out], types::INVALID);
            }
        }
    }
}
