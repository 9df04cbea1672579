//! A program under construction: equal constants and equal expressions are one, from the start.

use super::program::{Guard, Node, Program};
use crate::graph::Custom;
use crate::rows::Op;

/// A number of a program under construction, whose number of constants is not known yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ref(u32);

const CONSTANT: u32 = 1 << 31;
const NODE: u32 = 1 << 30;

impl Ref {
    /// Some constant, where it does not matter which.
    pub(crate) const ANY_CONSTANT: Ref = Ref(CONSTANT);

    pub(crate) fn input(k: usize) -> Ref {
        Ref(k as u32)
    }

    #[inline(always)]
    pub(crate) fn is_constant(self) -> bool {
        self.0 & CONSTANT != 0
    }
}

/// How much room a program needs at most.
#[derive(Clone, Copy, Default)]
pub(crate) struct Room {
    pub nodes: usize,
    pub operands: usize,
}

/// Builds a program.
pub(crate) struct Builder {
    program: Program,
    constants: HashTable,
    /// The expressions, if equal ones are to be one.
    expressions: Option<HashTable>,
}

impl Builder {
    /// An empty program; with `is_sharing`, equal expressions become one node.
    pub(crate) fn new(inputs: usize, room: Room, is_sharing: bool) -> Builder {
        assert!(inputs < NODE as usize, "scalargrad: too many inputs");
        Builder {
            program: Program {
                inputs,
                nodes: Vec::with_capacity(room.nodes),
                operands: Vec::with_capacity(room.operands),
                ..Program::default()
            },
            constants: HashTable::with_room(64),
            expressions: is_sharing.then(|| HashTable::with_room(room.nodes)),
        }
    }

    /// A constant: the one there is of this value, to the bit, or a new one.
    #[inline]
    pub(crate) fn constant(&mut self, value: f64) -> Ref {
        let constants = &mut self.program.constants;
        if self.constants.is_full() {
            let mut larger = HashTable::with_room(2 * constants.len());
            for (k, constant) in constants.iter().enumerate() {
                let slot = larger.find(hash(0, constant.to_bits()), |_| false);
                larger.get_or_insert(slot, || k as u32);
            }
            self.constants = larger;
        }
        let slot = self.constants.find(hash(0, value.to_bits()), |k| {
            constants[k as usize].to_bits() == value.to_bits()
        });
        Ref(CONSTANT
            | self.constants.get_or_insert(slot, || {
                constants.push(value);
                constants.len() as u32 - 1
            }))
    }

    /// A node, or the equal one that there is already.
    #[inline(always)]
    pub(crate) fn node(&mut self, op: Op, n: i32, operands: &[Ref]) -> Ref {
        let Program {
            nodes,
            operands: all,
            ..
        } = &mut self.program;
        let (first, count) = (all.len() as u32, operands.len() as u32);
        let push = |all: &mut Vec<u32>, nodes: &mut Vec<Node>| {
            for operand in operands {
                all.push(operand.0);
            }
            nodes.push(Node {
                op,
                n,
                first,
                count,
            });
            nodes.len() as u32 - 1
        };
        let Some(expressions) = self.expressions.as_mut().filter(|_| op != Op::Custom) else {
            return Ref(NODE | push(all, nodes));
        };
        let start = op as u64 | (n as u32 as u64) << 32;
        let hash = operands
            .iter()
            .fold(start, |seed, operand| hash(seed, operand.0.into()));
        let slot = expressions.find(hash, |k| {
            let other = &nodes[k as usize];
            (other.op, other.n, other.count) == (op, n, count)
                && all[other.first as usize..][..operands.len()]
                    .iter()
                    .zip(operands)
                    .all(|(k, operand)| *k == operand.0)
        });
        Ref(NODE | expressions.get_or_insert(slot, || push(all, nodes)))
    }

    /// Adds a user's own operation; the parameter of its node is its place.
    pub(crate) fn custom(&mut self, custom: Custom) {
        self.program.customs.push(custom);
    }

    pub(crate) fn inputs(&self) -> usize {
        self.program.inputs
    }

    /// The number of users' own operations so far.
    pub(crate) fn customs(&self) -> usize {
        self.program.customs.len()
    }

    /// The number of nodes so far.
    pub(crate) fn len(&self) -> usize {
        self.program.nodes.len()
    }

    pub(crate) fn guard(&mut self, guard: Guard, operands: [Ref; 2]) {
        self.program.guards.push(Guard {
            operands: operands.map(|operand| operand.0),
            ..guard
        });
    }

    pub(crate) fn name(&mut self, of: Ref, name: String) {
        self.program.names.insert(of.0 as usize, name);
    }

    pub(crate) fn finish(self, outputs: impl IntoIterator<Item = Ref>) -> Program {
        let mut program = self.program;
        assert!(
            program.len() < NODE as usize && program.operands.len() < u32::MAX as usize,
            "scalargrad: the program is too large"
        );
        let (inputs, first_node) = (program.inputs as u32, program.first_node() as u32);
        let resolve = |index: u32| {
            if index & CONSTANT != 0 {
                inputs + (index & !CONSTANT)
            } else if index & NODE != 0 {
                first_node + (index & !NODE)
            } else {
                index
            }
        };
        for operand in &mut program.operands {
            *operand = resolve(*operand);
        }
        for guard in &mut program.guards {
            guard.operands = guard.operands.map(resolve);
        }
        program.outputs = outputs
            .into_iter()
            .map(|output| resolve(output.0))
            .collect();
        for (index, name) in std::mem::take(&mut program.names) {
            program.names.insert(resolve(index as u32) as usize, name);
        }
        program
    }
}

/// Of a number and what was hashed before. Nobody chooses these numbers to make them collide, so a multiplication will do.
#[inline(always)]
fn hash(seed: u64, n: u64) -> u64 {
    (seed.rotate_left(26) ^ n).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A hash table of indices into an array that stands elsewhere, with open addressing.
struct HashTable {
    /// An index plus 1, or 0 where there is none; a power of two of them, at most three quarters of them in use.
    slots: Vec<u32>,
    len: usize,
}

/// A slot: the one in which an index stands, or the one in which it would.
struct Slot(usize);

impl HashTable {
    /// A table for so many indices, and hardly more.
    fn with_room(count: usize) -> HashTable {
        HashTable {
            slots: vec![0; (count + count / 2 + 2).next_power_of_two()],
            len: 0,
        }
    }

    fn is_full(&self) -> bool {
        4 * self.len >= 3 * self.slots.len()
    }

    /// The slot of the index of this hash that `is_equal`.
    #[inline(always)]
    fn find(&self, hash: u64, mut is_equal: impl FnMut(u32) -> bool) -> Slot {
        // The upper bits of a product depend on all bits of its factors.
        let mut slot = (self::hash(hash >> 29, hash) >> 32) as usize;
        loop {
            slot &= self.slots.len() - 1;
            match self.slots[slot] {
                0 => return Slot(slot),
                k if is_equal(k - 1) => return Slot(slot),
                _ => slot += 1,
            }
        }
    }

    #[inline(always)]
    fn get_or_insert(&mut self, Slot(slot): Slot, new: impl FnOnce() -> u32) -> u32 {
        if self.slots[slot] == 0 {
            assert!(!self.is_full(), "the room was told before");
            self.len += 1;
            self.slots[slot] = new() + 1;
        }
        self.slots[slot] - 1
    }
}
