//! Values and guards as instructions.

use super::assembler::At;
use super::native::shims;
use super::writer::Writer;
use crate::function::program::{Guard, Item, Node};
use crate::graph::trace::Comparison;
use crate::rows::Op;
use cranelift_codegen::ir::condcodes::FloatCC;
use cranelift_codegen::ir::{InstBuilder, Value, types};

impl Writer<'_> {
    /// Writes all values and guards, in their order.
    pub(super) fn forward(&mut self) {
        let program = self.program;
        for item in program.items() {
            match item {
                Item::Guard(k) => self.guard(&program.guards[k]),
                Item::Node(i) => self.value(i),
            }
        }
    }

    /// Leaves the function where the answer is another one.
    fn guard(&mut self, guard: &Guard) {
        let [a, b] = guard.operands.map(|index| self.value_of(index));
        let condition = match guard.comparison {
            Comparison::Equal => FloatCC::Equal,
            Comparison::Less => FloatCC::LessThan,
            Comparison::LessOrEqual => FloatCC::LessThanOrEqual,
            Comparison::Greater => FloatCC::GreaterThan,
            Comparison::GreaterOrEqual => FloatCC::GreaterThanOrEqual,
            _ => return self.rare_guard(guard, [a, b]),
        };
        let holds = self.assembler.holds(condition, a, b, guard.answer != 0);
        self.assembler.exit_unless(holds);
    }

    fn value(&mut self, i: usize) {
        let program = self.program;
        let node = program.nodes[i];
        let operands = program.operands(&node);
        let value = match node.op {
            Op::Sum | Op::Dot => self.sum(node.op, operands),
            op if op.is_slice() || op == Op::Custom => self.call_for_value(i),
            op => {
                let args: Vec<Value> = operands.iter().map(|&k| self.value_of(k)).collect();
                self.assembler.elementary(op, node.n, &args)
            }
        };
        self.define((program.first_node() + i) as u32, value);
    }

    fn rare_guard(&mut self, guard: &Guard, [a, b]: [Value; 2]) {
        let parameters = [guard.comparison as i64, i64::from(guard.answer) & 0xffff_ffff];
        let [comparison, answer] = parameters.map(|x| self.assembler.ins().iconst(types::I32, x));
        let address = shims::answers as *const () as usize;
        for lane in 0..self.assembler.lanes {
            let [a, b] = [a, b].map(|x| self.assembler.lane(x, lane));
            let args = [a, b, comparison, answer];
            let holds = self.assembler.call_at(address, &args, types::I32);
            self.assembler.exit_unless(holds);
        }
    }

    /// Terms added from the first to the last.
    fn sum(&mut self, op: Op, operands: &[u32]) -> Value {
        let mut sum = None;
        for term in operands.chunks(if op == Op::Dot { 2 } else { 1 }) {
            let mut x = self.value_of(term[0]);
            if let &[_, y] = term {
                let y = self.value_of(y);
                x = self.assembler.ins().fmul(x, y);
            }
            sum = Some(match sum {
                Some(sum) => self.assembler.ins().fadd(sum, x),
                None => x,
            });
        }
        sum.unwrap_or_else(|| self.assembler.constant(-0.0))
    }

    /// Puts the operands of a node at the begin of the frame, each lane in one piece.
    pub(super) fn store_slice(&mut self, operands: &[u32]) {
        for (place, &k) in operands.iter().enumerate() {
            let x = self.value_of(k);
            for lane in 0..self.assembler.lanes {
                let x = self.assembler.lane(x, lane);
                let place = lane * operands.len() + place;
                self.assembler.store(At::Lane(place), x);
            }
        }
    }

    /// The address of a lane of the operands, and their number.
    pub(super) fn slice(&mut self, lane: usize, count: usize) -> [Value; 2] {
        let address = self.assembler.address_of(At::Lane(lane * count));
        [address, self.assembler.pointer(count)]
    }

    fn call_for_value(&mut self, i: usize) -> Value {
        let program = self.program;
        let node = program.nodes[i];
        self.store_slice(program.operands(&node));
        let values: Vec<Value> = (0..self.assembler.lanes).map(|lane| self.call_for_lane(node, lane)).collect();
        self.assembler.of_lanes(|_, lane| values[lane])
    }

    fn call_for_lane(&mut self, node: Node, lane: usize) -> Value {
        let [x, count] = self.slice(lane, node.count as usize);
        if node.op != Op::Custom {
            let op = self.assembler.ins().iconst(types::I32, node.op as i64);
            let address = shims::slice_value as *const () as usize;
            return self.assembler.call_at(address, &[x, count, op], types::F64);
        }
        let custom = self.custom(node.n);
        let result = At::Lane(2 * self.longest * self.assembler.lanes);
        let out = self.assembler.address_of(result);
        let address = shims::custom_value as *const () as usize;
        let args = [custom, x, count, out];
        let is_ended = self.assembler.call_at(address, &args, types::I32);
        self.assembler.exit_unless(is_ended);
        self.assembler.load(result)
    }
}
