//! One compiled function after the other, in cranelift's language: loads and stores, arithmetic in one lane or two, masks,
//! calls, exits.
//!
//! There are no branches but the exits, and at most one loop in a function, around all of it, so instructions are simply
//! written one after the other.

mod masks;
mod places;
mod repetitions;

pub(super) use places::{Outside, Own};

use super::native::shims::Shim;
use super::native::{Builder, Needs, Room};
use cranelift_codegen::ir::immediates::Offset32;
use cranelift_codegen::ir::{
    AbiParam, Block, BlockArg, DataFlowGraph, Function, InsertBuilder, Inst, InstBuilder,
    InstInserterBase, MemFlagsData, SigRef, Signature, Type, Value, types,
};
use places::Repetitions;
use std::collections::HashMap;

/// A function under construction.
struct Open {
    function: Function,
    block: Block,
    exit: Option<Block>,
    rooms: [Value; 5],
    signatures: HashMap<(usize, Type), SigRef>,
    /// Calls that were made, with their results.
    called: HashMap<(usize, Vec<Value>, i32), Value>,
    repetitions: Option<Repetitions>,
    /// Rooms as they advance with the repetitions.
    strided: HashMap<(Room, isize), Value>,
    /// The listed places of this repetition.
    listed: HashMap<(Room, usize), Value>,
}

/// The end of a block, where instructions are appended.
struct End<'f> {
    function: &'f mut Function,
    block: Block,
}

impl<'f> InstInserterBase<'f> for End<'f> {
    fn data_flow_graph(&self) -> &DataFlowGraph {
        &self.function.dfg
    }

    fn data_flow_graph_mut(&mut self) -> &mut DataFlowGraph {
        &mut self.function.dfg
    }

    fn insert_built_inst(self, inst: Inst) -> &'f mut DataFlowGraph {
        self.function.layout.append_inst(inst, self.block);
        &mut self.function.dfg
    }

    fn insert_aux_inst(&mut self, inst: Inst) {
        self.function.layout.append_inst(inst, self.block);
    }
}

/// Writes functions.
pub(super) struct Assembler {
    pub builder: Builder,
    pub needs: Needs,
    /// How many numbers go through the code at a time: 1 or 2.
    pub lanes: usize,
    /// Whether results of calls are kept as long as a function goes on.
    pub is_keeping: bool,
    /// Which places of the frame the functions use.
    pub own: Own,
    /// The constants, which the code is given.
    pub constants: Vec<f64>,
    known_constants: HashMap<u64, u32>,
    open: Option<Open>,
    /// The number of instructions written in this function.
    pub written: u32,
}

fn flags() -> MemFlagsData {
    MemFlagsData::new().with_notrap()
}

impl Assembler {
    pub(super) fn new(builder: Builder, lanes: usize, constants: Vec<f64>) -> Assembler {
        Assembler {
            builder,
            needs: Needs::default(),
            lanes,
            is_keeping: false,
            own: Own::ALL,
            constants,
            known_constants: HashMap::new(),
            open: None,
            written: 0,
        }
    }

    /// Whether the machine has what this setting of x86 names, or is another one, which needs no telling.
    pub(super) fn has(&self, setting: &str) -> bool {
        let settings = self.builder.machine().isa_flags();
        let mut named = settings.iter().filter(|value| value.name == setting);
        named
            .next()
            .is_none_or(|value| value.as_bool() == Some(true))
    }

    /// The type of numbers.
    pub(super) fn number(&self) -> Type {
        if self.lanes == 1 {
            types::F64
        } else {
            types::F64X2
        }
    }

    /// Begins a function.
    pub(super) fn begin(&mut self) {
        let mut function = Function::new();
        function.signature = self.builder.signature();
        let block = function.dfg.make_block();
        function.layout.append_block(block);
        let pointer = function.signature.params[0].value_type;
        let rooms = [(); 5].map(|()| function.dfg.append_block_param(block, pointer));
        self.open = Some(Open {
            function,
            block,
            exit: None,
            rooms,
            signatures: HashMap::new(),
            called: HashMap::new(),
            repetitions: None,
            strided: HashMap::new(),
            listed: HashMap::new(),
        });
        self.written = 0;
    }

    /// Ends the function and compiles it.
    pub(super) fn end(&mut self) -> Result<(), String> {
        let zero = self.ins().iconst(types::I32, 0);
        self.ins().return_(&[zero]);
        let mut open = self.open.take().expect("a function has begun");
        if let Some(exit) = open.exit {
            open.function.layout.append_block(exit);
            let code = open.function.dfg.block_params(exit)[0];
            let function = &mut open.function;
            InsertBuilder::new(End {
                function,
                block: exit,
            })
            .return_(&[code]);
        }
        self.builder.add(open.function)
    }

    fn open(&mut self) -> &mut Open {
        self.open.as_mut().expect("a function has begun")
    }

    /// Where the next instruction is written.
    pub(super) fn ins(&mut self) -> impl InstBuilder<'_> {
        self.written += 1;
        let Open {
            function, block, ..
        } = self.open();
        let block = *block;
        InsertBuilder::new(End { function, block })
    }

    /// Leaves the function with `code` unless the condition (not zero) holds.
    pub(super) fn exit_unless(&mut self, condition: Value, code: i32) {
        let code = self.ins().iconst(types::I32, i64::from(code));
        self.exit_with(condition, code);
    }

    /// Leaves the function with `code` unless the condition (not zero) holds.
    pub(super) fn exit_with(&mut self, condition: Value, code: Value) {
        let open = self.open();
        let function = &mut open.function;
        let exit = *open.exit.get_or_insert_with(|| {
            let exit = function.dfg.make_block();
            function.dfg.append_block_param(exit, types::I32);
            function.layout.set_cold(exit);
            exit
        });
        let next = function.dfg.make_block();
        self.ins()
            .brif(condition, next, &[], exit, &[BlockArg::Value(code)]);
        let open = self.open();
        open.function.layout.append_block(next);
        open.block = next;
    }

    fn offset(&mut self, room: Room, place: usize) -> (Value, Offset32) {
        let first = self.lanes * place;
        self.widen(room, first, self.lanes);
        self.place(room, place, first)
    }

    /// The number at a place of a room.
    pub(super) fn load(&mut self, room: Room, place: usize) -> Value {
        let number = self.number();
        let (pointer, offset) = self.offset(room, place);
        self.ins().load(number, flags(), pointer, offset)
    }

    pub(super) fn store(&mut self, room: Room, place: usize, x: Value) {
        let (pointer, offset) = self.offset(room, place);
        self.ins().store(flags(), x, pointer, offset);
    }

    /// One lane of a number, by its place among single lanes.
    pub(super) fn load_lane(&mut self, room: Room, place: usize) -> Value {
        let (pointer, offset) = self.lane_offset(room, place);
        self.ins().load(types::F64, flags(), pointer, offset)
    }

    pub(super) fn store_lane(&mut self, room: Room, place: usize, x: Value) {
        let (pointer, offset) = self.lane_offset(room, place);
        self.ins().store(flags(), x, pointer, offset);
    }

    /// The address of `len` single lanes.
    pub(super) fn address(&mut self, room: Room, place: usize, len: usize) -> Value {
        self.widen(room, place, len);
        let (pointer, offset) = self.place(room, place, place);
        self.ins().iadd_imm_s(pointer, i64::from(offset))
    }

    fn lane_offset(&mut self, room: Room, place: usize) -> (Value, Offset32) {
        self.widen(room, place, 1);
        self.place(room, place, place)
    }

    /// The address of a place, where so many lanes come before.
    fn place(&mut self, room: Room, place: usize, lanes: usize) -> (Value, Offset32) {
        if room == Room::Frame {
            return self.own_place(place, 8 * lanes);
        }
        // `Plan` refuses what is larger.
        let offset = i32::try_from(8 * lanes).expect("a program of bounded size");
        (self.open().rooms[room as usize], Offset32::new(offset))
    }

    /// The code needs so many numbers from `first` on.
    fn widen(&mut self, room: Room, first: usize, len: usize) {
        let Own {
            base,
            size,
            common,
            count,
        } = self.own;
        let first = match room {
            Room::Frame if size == usize::MAX => base + count * (first + len) - len,
            Room::Frame if first < size => base + (count - 1) * size + first,
            Room::Frame => common + first - size,
            _ => first,
        };
        self.needs.widen(room, first + len);
    }

    /// A number that is known now.
    pub(super) fn constant(&mut self, x: f64) -> Value {
        let next = self.constants.len() as u32;
        let place = *self.known_constants.entry(x.to_bits()).or_insert(next);
        if place == next {
            self.constants.push(x);
        }
        self.load(Room::Constants, place as usize)
    }

    pub(super) fn pointer(&mut self, address: usize) -> Value {
        let open = self.open();
        let pointer_type = open.function.dfg.value_type(open.rooms[0]);
        self.ins().iconst(pointer_type, address as i64)
    }

    /// One lane of a number.
    pub(super) fn lane(&mut self, x: Value, lane: usize) -> Value {
        match self.lanes {
            1 => x,
            _ => self.ins().extractlane(x, lane as u8),
        }
    }

    /// A number of these lanes.
    pub(super) fn of_lanes(&mut self, lane: impl Fn(&mut Assembler, usize) -> Value) -> Value {
        let first = lane(self, 0);
        if self.lanes == 1 {
            return first;
        }
        let second = lane(self, 1);
        let both = self.ins().splat(types::F64X2, first);
        self.ins().insertlane(both, second, 1)
    }

    /// Calls a function of plain numbers, for each lane; once for the same operands, if results are to be kept.
    pub(super) fn call(&mut self, shim: Shim, operands: &[Value], parameter: i32) -> Value {
        let call = (shim.address, operands.to_vec(), parameter);
        if let Some(&result) = self.open().called.get(&call) {
            return result;
        }
        let result = self.call_again(shim, operands, parameter);
        if self.is_keeping {
            self.open().called.insert(call, result);
        }
        result
    }

    fn call_again(&mut self, shim: Shim, operands: &[Value], parameter: i32) -> Value {
        self.of_lanes(|this, lane| {
            let mut args: Vec<Value> = operands.iter().map(|&x| this.lane(x, lane)).collect();
            if shim.has_parameter {
                args.push(this.ins().iconst(types::I32, i64::from(parameter)));
            }
            debug_assert_eq!(operands.len(), shim.floats);
            this.call_at(shim.address, &args, types::F64)
        })
    }

    /// Calls the function at an address with these arguments; `INVALID` is the type of no result.
    pub(super) fn call_at(&mut self, address: usize, args: &[Value], result: Type) -> Value {
        let convention = self.builder.machine().default_call_conv();
        let open = self.open();
        let dfg = &mut open.function.dfg;
        let signature = *open.signatures.entry((address, result)).or_insert_with(|| {
            let mut signature = Signature::new(convention);
            let types = args.iter().map(|&arg| AbiParam::new(dfg.value_type(arg)));
            signature.params.extend(types);
            if result != types::INVALID {
                signature.returns.push(AbiParam::new(result));
            }
            dfg.signatures.push(signature)
        });
        let callee = self.pointer(address);
        let call = self.ins().call_indirect(signature, callee, args);
        self.written += 4;
        let results = self.open().function.dfg.inst_results(call);
        results.first().copied().unwrap_or(callee)
    }
}
