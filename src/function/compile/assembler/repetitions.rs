//! The loop over the repetitions of a part, and how their numbers are loaded and stored.

use super::places::{At, Own, Repetitions};
use super::{Assembler, Room};
use cranelift_codegen::ir::condcodes::IntCC;
use cranelift_codegen::ir::immediates::Offset32;
use cranelift_codegen::ir::{BlockArg, InstBuilder, MemFlagsData, Value, types};

fn flags() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

impl Assembler {
    /// Begins the loop: from the first repetition up, or from the last one down; what is carried from one to the next begins
    /// with `initial`. Returns what is carried.
    ///
    /// The last repetition's places come first in the frame, so a loop down, which is written first and finds out how
    /// many places there are, need not know that when it begins.
    pub(crate) fn begin_repetitions(&mut self, is_downward: bool, initial: &[Value]) -> Vec<Value> {
        let Own { base, size, count, .. } = self.own;
        let (number, place) = if is_downward { (count - 1, base) } else { (0, base + (count - 1) * size) };
        let number = self.pointer(number);
        let frame = self.open().rooms[Room::Frame as usize];
        let own = self.ins().iadd_imm_s(frame, 8 * place as i64);
        let dfg = &mut self.open().function.dfg;
        let pointer = dfg.value_type(frame);
        let header = dfg.make_block();
        let [first, second] = [(); 2].map(|()| dfg.append_block_param(header, pointer));
        let carried = initial.iter().map(|_| dfg.append_block_param(header, types::F64));
        let carried = carried.collect();
        let args = [number, own].into_iter().chain(initial.iter().copied());
        let args: Vec<BlockArg> = args.map(BlockArg::Value).collect();
        self.ins().jump(header, &args);
        self.go_on_in(header);
        self.open().repetitions = Some(Repetitions { is_downward, header, number: first, own: second });
        carried
    }

    /// Ends the loop, in which each repetition carries `next` on.
    pub(crate) fn end_repetitions(&mut self, next: &[Value]) {
        let repetitions = self.open().repetitions.take();
        let Repetitions { is_downward, header, number, own } = repetitions.expect("a loop has begun");
        let Own { count, size, .. } = self.own;
        let step = if is_downward { -1 } else { 1 };
        let advanced = self.ins().iadd_imm_s(number, step);
        let own = self.ins().iadd_imm_s(own, -step * 8 * size as i64);
        let goes_on = match is_downward {
            false => self.ins().icmp_imm_u(IntCC::UnsignedLessThan, advanced, count as i64),
            true => self.ins().icmp_imm_u(IntCC::NotEqual, number, 0),
        };
        let after = self.open().function.dfg.make_block();
        let args = [advanced, own].into_iter().chain(next.iter().copied());
        let args: Vec<BlockArg> = args.map(BlockArg::Value).collect();
        self.ins().brif(goes_on, header, &args, after, &[]);
        self.go_on_in(after);
    }

    /// A new place of the frame for each repetition.
    pub(crate) fn new_place(&mut self) -> At {
        let Own { count, base, size, .. } = &mut self.own;
        *size += 1;
        let (place, end) = (*size - 1, *base + *count * *size);
        self.needs.widen(Room::Frame, self.lanes * end);
        At::Own(place)
    }

    /// The number that is stored there.
    pub(crate) fn load(&mut self, at: At) -> Value {
        let (pointer, offset) = self.address(at);
        let number = match at {
            At::Lane(_) => types::F64,
            _ => self.number(),
        };
        self.ins().load(number, flags(), pointer, offset)
    }

    pub(crate) fn store(&mut self, at: At, x: Value) {
        let (pointer, offset) = self.address(at);
        self.ins().store(flags(), x, pointer, offset);
    }

    /// The address itself, as an argument of a call.
    pub(crate) fn address_of(&mut self, at: At) -> Value {
        let (pointer, offset) = self.address(at);
        self.ins().iadd_imm_s(pointer, i64::from(offset))
    }

    /// The address in a column of the table.
    pub(crate) fn load_address(&mut self, column: usize) -> Value {
        let (pointer, offset) = self.address(At::Entry(column));
        let open = self.open();
        let kind = open.function.dfg.value_type(open.rooms[0]);
        self.ins().load(kind, flags(), pointer, offset)
    }

    fn address(&mut self, at: At) -> (Value, Offset32) {
        let Own { base, size, table, .. } = self.own;
        match at {
            At::Own(place) => self.address(At::Lane(self.lanes * place)),
            At::Lane(place) => {
                assert!(place < self.lanes * size, "there is such a place");
                let open = self.open();
                let (pointer, first) = match &open.repetitions {
                    Some(repetitions) => (repetitions.own, 0),
                    None => (open.rooms[Room::Frame as usize], base),
                };
                (pointer, self.offset(self.lanes * first + place))
            }
            At::Strided { room, place, stride } => self.strided(room, place, stride),
            At::Entry(column) => self.strided(Room::Constants, table + column, self.own.width as isize),
            At::Listed { room, column, shift } => (self.listed(room, column), self.offset(shift)),
            At::Carried { .. } => unreachable!("it is in a register"),
        }
    }

    /// The address of a place that advances by `stride` with each repetition.
    fn strided(&mut self, room: Room, place: usize, stride: isize) -> (Value, Offset32) {
        let last = place as isize + stride * (self.own.count as isize - 1);
        let end = place.max(last as usize) + 1;
        self.needs.widen(room, self.lanes * end);
        let offset = self.offset(self.lanes * place);
        let open = self.open();
        let base = open.rooms[room as usize];
        let Some(Repetitions { number, .. }) = open.repetitions.as_ref().filter(|_| stride != 0) else {
            return (base, offset);
        };
        let (key, number) = ((room, stride), *number);
        if let Some(&pointer) = open.strided.get(&key) {
            return (pointer, offset);
        }
        let advance = self.ins().imul_imm_s(number, 8 * stride as i64);
        let pointer = self.ins().iadd(base, advance);
        self.open().strided.insert(key, pointer);
        (pointer, offset)
    }

    /// The address of the place of a room that a column of the table gives.
    fn listed(&mut self, room: Room, column: usize) -> Value {
        if let Some(&pointer) = self.open().listed.get(&(room, column)) {
            return pointer;
        }
        let bytes = self.load_address(column);
        let base = self.open().rooms[room as usize];
        let pointer = self.ins().iadd(base, bytes);
        self.open().listed.insert((room, column), pointer);
        pointer
    }

    /// The distance of `places` places in bytes, unless that is more than an instruction can say.
    fn offset(&mut self, places: usize) -> Offset32 {
        let bytes = i32::try_from(8 * places);
        self.is_too_large |= bytes.is_err();
        Offset32::new(bytes.unwrap_or(0))
    }
}
