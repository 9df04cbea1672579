//! The loop over the repetitions of a part, and where their numbers are.

use super::places::{Outside, Own, Repetitions};
use super::{Assembler, Room, flags};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::immediates::Offset32;
use cranelift_codegen::ir::{BlockArg, InstBuilder, Value, types};

impl Assembler {
    /// Begins the loop: from the first repetition up, or from the last one down; what is carried from one to the next begins
    /// with `initial`. Returns what is carried.
    pub(in crate::function::compile) fn begin_repetitions(
        &mut self,
        is_downward: bool,
        initial: &[Value],
    ) -> Vec<Value> {
        let kind = self.number();
        let Own {
            base, size, count, ..
        } = self.own;
        let (number, place) = match is_downward {
            false => (0, base),
            true => (count - 1, base + (count - 1) * size),
        };
        let number = self.pointer(number);
        let frame = self.open().rooms[Room::Frame as usize];
        let own = self.ins().iadd_imm_s(frame, 8 * place as i64);
        let open = self.open();
        let dfg = &mut open.function.dfg;
        let pointer = dfg.value_type(frame);
        let header = dfg.make_block();
        let [first, second] = [(); 2].map(|()| dfg.append_block_param(header, pointer));
        let carried = initial.iter().map(|_| dfg.append_block_param(header, kind));
        let carried = carried.collect();
        let args = [number, own].into_iter().chain(initial.iter().copied());
        let args: Vec<BlockArg> = args.map(BlockArg::Value).collect();
        self.ins().jump(header, &args);
        let open = self.open();
        open.function.layout.append_block(header);
        open.block = header;
        open.repetitions = Some(Repetitions {
            is_downward,
            header,
            number: first,
            own: second,
        });
        carried
    }

    /// Ends the loop, in which each repetition has so many places and carries `next` on.
    pub(in crate::function::compile) fn end_repetitions(&mut self, size: usize, next: &[Value]) {
        let carried = next;
        let count = self.own.count as i64;
        let repetitions = self.open().repetitions.take();
        let Repetitions {
            is_downward,
            header,
            number,
            own,
        } = repetitions.expect("a loop has begun");
        let step = if is_downward { -1 } else { 1 };
        let next = self.ins().iadd_imm_s(number, step);
        let own = self.ins().iadd_imm_s(own, step * 8 * size as i64);
        let goes_on = match is_downward {
            false => self.ins().icmp_imm_u(IntCC::UnsignedLessThan, next, count),
            true => self.ins().icmp_imm_u(IntCC::NotEqual, number, 0),
        };
        let after = self.open().function.dfg.make_block();
        let args = [next, own].into_iter().chain(carried.iter().copied());
        let args: Vec<BlockArg> = args.map(BlockArg::Value).collect();
        self.ins().brif(goes_on, header, &args, after, &[]);
        let open = self.open();
        open.function.layout.append_block(after);
        open.block = after;
    }

    /// The address of a place of the frame.
    pub(super) fn own_place(&mut self, place: usize, bytes: usize) -> (Value, Offset32) {
        let Own {
            base, size, common, ..
        } = self.own;
        let frame = self.open().rooms[Room::Frame as usize];
        let (pointer, at) = match &self.open().repetitions {
            Some(repetitions) if place < size => (repetitions.own, bytes),
            _ if place < size => (frame, 8 * base + bytes),
            _ => (frame, 8 * (common - size) + bytes),
        };
        (pointer, Offset32::new(in_bounds(at)))
    }

    /// The address of a place that advances by `stride` with each repetition.
    fn strided(&mut self, room: Room, place: usize, stride: isize) -> (Value, Offset32) {
        let last = place as isize + stride * (self.own.count as isize - 1);
        self.needs.widen(room, place.max(last as usize) + 1);
        let at = Offset32::new(in_bounds(8 * place));
        let open = self.open();
        let base = open.rooms[room as usize];
        let Some(Repetitions { number, .. }) = open.repetitions.as_ref().filter(|_| stride != 0)
        else {
            return (base, at);
        };
        let (key, number) = ((room, stride), *number);
        if let Some(&pointer) = open.strided.get(&key) {
            return (pointer, at);
        }
        let advance = self.ins().imul_imm_s(number, 8 * stride as i64);
        let pointer = self.ins().iadd(base, advance);
        self.open().strided.insert(key, pointer);
        (pointer, at)
    }

    /// The address of the place of a room that stands, in bytes, at a strided place of the constants.
    fn listed(&mut self, room: Room, place: usize, stride: isize) -> (Value, Offset32) {
        let key = (room, place);
        let none = Offset32::new(0);
        if let Some(&pointer) = self.open().listed.get(&key) {
            return (pointer, none);
        }
        let bytes = self.load_address(place, stride);
        let base = self.open().rooms[room as usize];
        let pointer = self.ins().iadd(base, bytes);
        self.open().listed.insert(key, pointer);
        (pointer, none)
    }

    /// What stands at a strided place of the constants and is no number, but a number of bytes.
    pub(in crate::function::compile) fn load_address(
        &mut self,
        place: usize,
        stride: isize,
    ) -> Value {
        let (pointer, at) = self.strided(Room::Constants, place, stride);
        let open = self.open();
        let kind = open.function.dfg.value_type(open.rooms[0]);
        self.ins().load(kind, flags(), pointer, at)
    }

    /// Loads a number from outside of the repetition.
    pub(in crate::function::compile) fn load_outside(&mut self, outside: Outside) -> Value {
        let (pointer, at) = self.outside(outside);
        let number = self.number();
        self.ins().load(number, flags(), pointer, at)
    }

    /// Stores a number outside of the repetition.
    pub(in crate::function::compile) fn store_outside(&mut self, outside: Outside, x: Value) {
        let (pointer, at) = self.outside(outside);
        self.ins().store(flags(), x, pointer, at);
    }

    fn outside(&mut self, outside: Outside) -> (Value, Offset32) {
        match outside {
            Outside::Strided {
                room,
                place,
                stride,
            } => self.strided(room, place, stride),
            Outside::Listed {
                room,
                shift,
                place,
                stride,
            } => {
                let (pointer, _) = self.listed(room, place, stride);
                (pointer, Offset32::new(in_bounds(8 * shift)))
            }
        }
    }

    /// `first`, and `each` more with each repetition, as what the function returns.
    pub(in crate::function::compile) fn counted(&mut self, first: usize, each: usize) -> Value {
        let repetitions = &self.open().repetitions;
        let Some(number) = repetitions.as_ref().map(|repetitions| repetitions.number) else {
            return self.ins().iconst(types::I32, first as i64);
        };
        let advance = self.ins().imul_imm_s(number, each as i64);
        let code = self.ins().iadd_imm_s(advance, first as i64);
        self.ins().ireduce(types::I32, code)
    }
}

/// `Plan` refuses programs in which there are larger distances.
fn in_bounds(bytes: usize) -> i32 {
    i32::try_from(bytes).expect("a program of bounded size")
}
