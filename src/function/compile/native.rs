//! Executable memory: the only part of the compiler where there is `unsafe`.
//!
//! Why this is sound:
//!
//! - **Memory.** A compiled function touches nothing but its own stack and five rooms that it gets as pointers. The
//!   assembler is the only one that writes loads and stores, and each widens [`Needs`], so [`Code::run`] knows
//!   how large every room must be, and asserts it; in a loop, by the place of the repetition that goes farthest. A place that
//!   a repetition has for itself in the frame widens them when it is made, and no other is loaded or stored. Places that
//!   are read from a table among the constants are those of inputs and of numbers of the frame, all of which the
//!   code needs whenever it has parts. The inputs and constants are only read.
//! - **Interface.** Every function is declared with the one signature of [`Entry`], in the platform's C convention,
//!   and what it calls are the [`shims`], whose signatures are next to their addresses.
//! - **Life.** [`Code`] owns the module with the executable memory, and the users' operations, which compiled
//!   code knows by their addresses. It frees the memory when it is dropped, and a call borrows it.
//! - **Unwinding.** Nothing unwinds through compiled code: functions of the table do not panic for numbers that the code
//!   passes, and the panic of a user's operation is caught at the boundary and resumed on this side.
//! - **Threads.** Compiled code has no state but the rooms; executable memory is not written after it was made.
#![allow(unsafe_code)]

pub(super) mod shims;

use crate::graph::Custom;
use cranelift_codegen::Context;
use cranelift_codegen::ir::{AbiParam, Function, Signature, types};
use cranelift_codegen::isa::OwnedTargetIsa;
use cranelift_codegen::settings::{self, Configurable};
use cranelift_jit::{JITBuilder, JITModule};
use cranelift_module::{FuncId, Module, default_libcall_names};
use std::sync::{Arc, Mutex};

/// A compiled function: inputs, constants, frame, values, derivatives; 0 if it ran to its end.
type Entry = unsafe extern "C" fn(*const f64, *const f64, *mut f64, *mut f64, *mut f64) -> i32;

/// The rooms that compiled code is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Room {
    Inputs,
    Constants,
    Frame,
    /// The values of the outputs.
    Values,
    /// The derivatives of each output with respect to each input.
    Derivatives,
}

/// How many numbers there must be in each room.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Needs([usize; 5]);

impl Needs {
    pub(super) fn of(&self, room: Room) -> usize {
        self.0[room as usize]
    }

    /// There must be numbers up to `end`.
    pub(super) fn widen(&mut self, room: Room, end: usize) {
        let need = &mut self.0[room as usize];
        *need = end.max(*need);
    }
}

/// Turns functions of cranelift's language into machine code.
pub(super) struct Builder {
    module: JITModule,
    context: Context,
    functions: Vec<FuncId>,
}

/// The machine that this runs on, as cranelift knows it.
fn machine(is_long: bool) -> Result<OwnedTargetIsa, String> {
    let (level, allocator) = if is_long { ("none", "single_pass") } else { ("speed", "backtracking") };
    let mut flags = settings::builder();
    let options = [
        ("opt_level", level),
        ("regalloc_algorithm", allocator),
        ("is_pic", "false"),
        ("use_colocated_libcalls", "false"),
        ("unwind_info", "false"),
        ("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" }),
        ("probestack_strategy", "inline"),
    ];
    for (name, value) in options {
        flags.set(name, value).map_err(|error| error.to_string())?;
    }
    cranelift_native::builder()?.finish(settings::Flags::new(flags)).map_err(|error| error.to_string())
}

impl Builder {
    /// For the machine that this runs on. A long program, whose numbers are in registers for a short time only, is compiled with
    /// little effort.
    pub(super) fn new(is_long: bool) -> Result<Builder, String> {
        let builder = JITBuilder::with_isa(machine(is_long)?, default_libcall_names());
        Ok(Builder { module: JITModule::new(builder), context: Context::new(), functions: Vec::new() })
    }

    pub(super) fn machine(&self) -> &dyn cranelift_codegen::isa::TargetIsa {
        self.module.isa()
    }

    /// The signature of [`Entry`].
    pub(super) fn signature(&self) -> Signature {
        let mut signature = self.module.make_signature();
        let pointer = AbiParam::new(self.module.target_config().pointer_type());
        signature.params.extend([pointer; 5]);
        signature.returns.push(AbiParam::new(types::I32));
        signature
    }

    /// Compiles a function of that signature.
    pub(super) fn add(&mut self, function: Function) -> Result<(), String> {
        let id = self.module.declare_anonymous_function(&function.signature).map_err(|error| error.to_string())?;
        self.context.clear();
        self.context.func = function;
        self.module.define_function(id, &mut self.context).map_err(|error| format!("{error:?}"))?;
        self.functions.push(id);
        Ok(())
    }

    /// Puts the functions into this order, which names each by its place.
    pub(super) fn reorder(&mut self, order: impl Iterator<Item = usize>) {
        self.functions = order.map(|k| self.functions[k]).collect();
    }

    /// The code of all functions, of which the first `values` need no derivatives.
    pub(super) fn finish(mut self, values: usize, needs: Needs, customs: Arc<[Custom]>) -> Result<Code, String> {
        self.module.finalize_definitions().map_err(|error| error.to_string())?;
        let entry = |&id: &FuncId| {
            let address = self.module.get_finalized_function(id);
            // SAFETY: `add` has compiled a function of this signature there.
            unsafe { std::mem::transmute::<*const u8, Entry>(address) }
        };
        let entries = self.functions.iter().map(entry).collect();
        Ok(Code { entries, values, needs, module: Some(Mutex::new(self.module)), _customs: customs })
    }
}

/// Machine code, which can be run.
pub(super) struct Code {
    entries: Box<[Entry]>,
    /// How many functions come first that need no derivatives.
    values: usize,
    pub(super) needs: Needs,
    /// Kept for its memory.
    module: Option<Mutex<JITModule>>,
    /// Compiled code knows them by their addresses.
    _customs: Arc<[Custom]>,
}

impl Code {
    /// The number of functions.
    pub(super) fn len(&self) -> usize {
        self.entries.len()
    }

    /// Runs a range of the functions one after the other, up to the first that does not come to its end; whether all did.
    #[inline(always)]
    pub(super) fn run(
        &self,
        functions: std::ops::Range<usize>,
        inputs: &[f64],
        constants: &[f64],
        [frame, values, derivatives]: [&mut [f64]; 3],
    ) -> bool {
        let Needs(needs) = self.needs;
        let is_of_values = functions.end <= self.values;
        // Without a branch for each: this is a good part of the cost of a call.
        let fits = (inputs.len() >= needs[Room::Inputs as usize])
            & (constants.len() >= needs[Room::Constants as usize])
            & (frame.len() >= needs[Room::Frame as usize])
            & (values.len() >= needs[Room::Values as usize])
            & (is_of_values | (derivatives.len() >= needs[Room::Derivatives as usize]));
        assert!(fits, "the rooms are as large as the code needs");
        let (inputs, constants) = (inputs.as_ptr(), constants.as_ptr());
        let (frame, values) = (frame.as_mut_ptr(), values.as_mut_ptr());
        let derivatives = derivatives.as_mut_ptr();
        self.entries[functions].iter().all(|entry| {
            // SAFETY: the rooms are as large as the code needs, and the memory that the entry is in is alive.
            unsafe { entry(inputs, constants, frame, values, derivatives) == 0 }
        })
    }
}

impl Drop for Code {
    fn drop(&mut self) {
        if let Some(module) = self.module.take() {
            let module = module.into_inner().unwrap_or_else(|poisoned| poisoned.into_inner());
            // SAFETY: nothing runs, for a call borrows this, and the entries go with it.
            unsafe { module.free_memory() };
        }
    }
}
