//! One compiled function after the other, in cranelift's language: loads and stores, arithmetic in one lane or two, masks,
//! calls, exits.
//!
//! There are no branches but the exits, and at most one loop in a function, around all of it, so instructions are simply
//! written one after the other.

mod masks;
mod places;
mod repetitions;

pub(super) use places::{At, Own};

use super::native::{Builder, Needs, Room};
use crate::function::emit::symbol::Formula;
use crate::rows::Op;
use cranelift_codegen::ir::{
    AbiParam, Block, DataFlowGraph, Function, InsertBuilder, Inst, InstBuilder, InstInserterBase, SigRef, Signature,
    Type, Value, types,
};
use places::Repetitions;
use std::collections::HashMap;
use std::rc::Rc;

/// A function under construction.
struct Open {
    function: Function,
    block: Block,
    exit: Option<Block>,
    rooms: [Value; 5],
    signatures: HashMap<(usize, Type), SigRef>,
    /// Calls that were made, with their results.
    called: HashMap<(usize, Vec<Value>, Vec<i32>), Value>,
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
    /// How many numbers go through the code at a time, one of a row each: 1, or without repetitions 2.
    pub lanes: usize,
    /// What the repetitions have for themselves.
    pub own: Own,
    /// The constants, which the code is given.
    pub constants: Vec<f64>,
    /// Whether a NaN that a partial would come from is noticed otherwise.
    pub is_nan_seen: bool,
    /// The partials that were asked for: of an operation, its parameter, an operand.
    pub rules: HashMap<(Op, i32, u32), Rc<Rule>>,
    known_constants: HashMap<u64, u32>,
    open: Option<Open>,
    /// The number of instructions written in this function.
    pub written: u32,
    /// Whether a number is farther away than an instruction can say.
    pub is_too_large: bool,
}

/// A partial of a row.
pub(super) struct Rule {
    pub op: Op,
    pub n: i32,
    pub k: usize,
    pub formula: Formula,
    pub is_inline: bool,
    /// Whether it is made of each operand.
    pub operands: [bool; 3],
    pub result: bool,
    pub tie: bool,
}

impl Assembler {
    pub(super) fn new(builder: Builder, lanes: usize, constants: Vec<f64>, is_nan_seen: bool) -> Assembler {
        Assembler {
            builder,
            needs: Needs::default(),
            lanes,
            own: Own { count: 1, base: 0, size: 0, table: 0, width: 0 },
            constants,
            is_nan_seen,
            rules: HashMap::new(),
            known_constants: HashMap::new(),
            open: None,
            written: 0,
            is_too_large: false,
        }
    }

    /// Whether the machine has what this setting of x86 names, or is another one, which needs no telling.
    pub(super) fn has(&self, setting: &str) -> bool {
        let settings = self.builder.machine().isa_flags();
        let mut named = settings.iter().filter(|value| value.name == setting);
        named.next().is_none_or(|value| value.as_bool() == Some(true))
    }

    /// The type of numbers.
    pub(super) fn number(&self) -> Type {
        match self.lanes {
            1 => types::F64,
            _ => types::F64X2,
        }
    }

    /// One lane of a number.
    pub(super) fn lane(&mut self, x: Value, lane: usize) -> Value {
        match self.lanes {
            1 => x,
            _ => self.ins().extractlane(x, lane as u8),
        }
    }

    /// The number of these lanes.
    pub(super) fn of_lanes(&mut self, mut lane: impl FnMut(&mut Assembler, usize) -> Value) -> Value {
        let first = lane(self, 0);
        if self.lanes == 1 {
            return first;
        }
        let second = lane(self, 1);
        let both = self.ins().splat(types::F64X2, first);
        self.ins().insertlane(both, second, 1)
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
        if self.is_too_large {
            return Err("it has too many numbers".into());
        }
        let zero = self.ins().iconst(types::I32, 0);
        self.ins().return_(&[zero]);
        let mut open = self.open.take().expect("a function has begun");
        if let Some(block) = open.exit {
            let function = &mut open.function;
            function.layout.append_block(block);
            let one = InsertBuilder::new(End { function, block }).iconst(types::I32, 1);
            let function = &mut open.function;
            InsertBuilder::new(End { function, block }).return_(&[one]);
        }
        self.builder.add(open.function)
    }

    fn open(&mut self) -> &mut Open {
        self.open.as_mut().expect("a function has begun")
    }

    /// Where the next instruction is written.
    pub(super) fn ins(&mut self) -> impl InstBuilder<'_> {
        self.written += 1;
        let Open { function, block, .. } = self.open();
        let block = *block;
        InsertBuilder::new(End { function, block })
    }

    /// Leaves the function, for the replay to do it, unless the condition (not zero) holds.
    pub(super) fn exit_unless(&mut self, condition: Value) {
        let open = self.open();
        let function = &mut open.function;
        let exit = *open.exit.get_or_insert_with(|| {
            let exit = function.dfg.make_block();
            function.layout.set_cold(exit);
            exit
        });
        let next = function.dfg.make_block();
        self.ins().brif(condition, next, &[], exit, &[]);
        self.go_on_in(next);
    }

    /// Writes what follows to this block.
    fn go_on_in(&mut self, block: Block) {
        let open = self.open();
        open.function.layout.append_block(block);
        open.block = block;
    }

    /// A number that is known now.
    pub(super) fn constant(&mut self, x: f64) -> Value {
        let next = self.constants.len() as u32;
        let place = *self.known_constants.entry(x.to_bits()).or_insert(next);
        if place == next {
            self.constants.push(x);
        }
        self.load(At::fixed(Room::Constants, place as usize))
    }

    pub(super) fn pointer(&mut self, address: usize) -> Value {
        let open = self.open();
        let pointer_type = open.function.dfg.value_type(open.rooms[0]);
        self.ins().iconst(pointer_type, address as i64)
    }

    /// Calls a function of numbers and parameters, for each lane; once for the same ones.
    pub(super) fn call(&mut self, address: usize, operands: &[Value], parameters: &[i32]) -> Value {
        let call = (address, operands.to_vec(), parameters.to_vec());
        if let Some(&result) = self.open().called.get(&call) {
            return result;
        }
        let result = self.of_lanes(|this, lane| {
            let mut args: Vec<Value> = operands.iter().map(|&x| this.lane(x, lane)).collect();
            for &parameter in parameters {
                args.push(this.ins().iconst(types::I32, i64::from(parameter)));
            }
            this.call_at(address, &args, types::F64)
        });
        self.open().called.insert(call, result);
        result
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
        self.open().function.dfg.inst_results(call).first().copied().unwrap_or(callee)
    }
}
