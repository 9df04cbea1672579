//! Values and guards as instructions.

use super::native::shims;
use super::native::{CROSSED, PANICKED, Room};
use super::writer::Writer;
use crate::function::program::Guard;
use crate::function::walk::{Gift, Target};
use crate::graph::trace::Comparison;
use crate::rows::Op;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

impl Target for Writer<'_> {
    /// Leaves the function with `k + 1` where the answer is another one.
    fn guard(&mut self, k: usize, guard: &Guard) {
        self.cut_if_long();
        let [a, b] = guard.operands.map(|index| self.value_of(index));
        let condition = match guard.comparison {
            Comparison::Equal => FloatCC::Equal,
            Comparison::Less => FloatCC::LessThan,
            Comparison::LessOrEqual => FloatCC::LessThanOrEqual,
            Comparison::Greater => FloatCC::GreaterThan,
            Comparison::GreaterOrEqual => FloatCC::GreaterThanOrEqual,
            _ => return self.rare_guard(k, guard, [a, b]),
        };
        let holds = self.assembler.holds(condition, a, b, guard.answer != 0);
        let code = self.code_of_guard(k);
        self.assembler.exit_with(holds, code);
    }

    fn value(&mut self, i: usize) {
        self.cut_if_long();
        let program = self.plan.program;
        let node = program.nodes[i];
        let operands = program.operands(&node);
        let value = match node.op {
            Op::Sum | Op::Dot => self.sum(node.op, operands),
            op if op.is_slice() || op == Op::Custom => self.call_with_slice(i),
            op => {
                let mut args = [Value::from_u32(0); 3];
                for (arg, &k) in args.iter_mut().zip(operands) {
                    *arg = self.value_of(k);
                }
                let args = &args[..operands.len()];
                self.assembler.elementary(op, node.n, args, CROSSED)
            }
        };
        let index = (program.first_node() + i) as u32;
        self.define(index, value, operands, node.first + node.count);
    }

    fn give(&mut self, i: usize, gifts: &[Gift]) {
        self.hand_on(i, gifts);
    }
}

impl Writer<'_> {
    fn rare_guard(&mut self, k: usize, guard: &Guard, operands: [Value; 2]) {
        let first = self
            .outsides
            .as_ref()
            .map_or(0, |outsides| outsides.part.first_guard);
        let comparison: *const Comparison = &self.known.1[first + k].comparison;
        let code = self.code_of_guard(k);
        for lane in 0..self.assembler.lanes {
            let assembler = &mut self.assembler;
            let [a, b] = operands.map(|x| assembler.lane(x, lane));
            let comparison = assembler.pointer(comparison as usize);
            let answer = assembler
                .ins()
                .iconst(types::I32, i64::from(guard.answer) & 0xffff_ffff);
            let args = [a, b, comparison, answer];
            let holds = assembler.call_at(shims::answers as *const () as usize, &args, types::I32);
            assembler.exit_with(holds, code);
        }
    }

    /// Terms added from the first to the last.
    fn sum(&mut self, op: Op, operands: &[u32]) -> Value {
        let mut sum = None;
        for term in operands.chunks(if op == Op::Dot { 2 } else { 1 }) {
            // In the middle of a long sum, what there is goes by way of the frame.
            if let Some(so_far) = sum.filter(|_| self.is_long()) {
                let place = self.store(so_far);
                self.cut_if_long();
                sum = Some(self.assembler.load(Room::Frame, place as usize));
                self.free(place);
            }
            let x = self.value_of(term[0]);
            let x = match term {
                &[_, y] => {
                    let y = self.value_of(y);
                    self.assembler.ins().fmul(x, y)
                }
                _ => x,
            };
            sum = Some(match sum {
                Some(sum) => self.assembler.ins().fadd(sum, x),
                None => x,
            });
        }
        sum.unwrap_or_else(|| self.assembler.constant(-0.0))
    }

    /// Puts the operands of a node at the begin of the frame, each lane in one piece.
    pub(super) fn spread(&mut self, operands: &[u32]) {
        for (place, &k) in operands.iter().enumerate() {
            self.cut_if_long();
            let x = self.value_of(k);
            for lane in 0..self.assembler.lanes {
                let x = self.assembler.lane(x, lane);
                let place = lane * operands.len() + place;
                self.assembler.store_lane(Room::Frame, place, x);
            }
        }
    }

    /// The first lane after the operands and the partials of the longest operation with a slice.
    fn result_lane(&self) -> usize {
        2 * self.plan.longest * self.assembler.lanes
    }

    fn call_with_slice(&mut self, i: usize) -> Value {
        let program = self.plan.program;
        let node = program.nodes[i];
        let operands = program.operands(&node);
        self.spread(operands);
        let (len, result) = (operands.len(), self.result_lane());
        for lane in 0..self.assembler.lanes {
            let custom = (node.op == Op::Custom).then(|| self.custom(node.n));
            let assembler = &mut self.assembler;
            let x = assembler.address(Room::Frame, lane * len, len);
            let count = assembler.pointer(len);
            if let Some(custom) = custom {
                let out = assembler.address(Room::Frame, result + lane, 1);
                let address = shims::custom_value as *const () as usize;
                let is_ended = assembler.call_at(address, &[custom, x, count, out], types::I32);
                assembler.exit_unless(is_ended, PANICKED);
            } else {
                let op = assembler.ins().iconst(types::I32, node.op as i64);
                let address = shims::slice_value as *const () as usize;
                let value = assembler.call_at(address, &[x, count, op], types::F64);
                assembler.store_lane(Room::Frame, result + lane, value);
            }
        }
        let lane = |assembler: &mut super::assembler::Assembler, lane| {
            assembler.load_lane(Room::Frame, result + lane)
        };
        self.assembler.of_lanes(lane)
    }
}
