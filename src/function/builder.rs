//! A program under construction: equal constants and equal expressions are one, from the start.

use super::expressions::{Table, hash};
use super::program::{Guard, Program, Uses};
use crate::graph::Custom;
use crate::rows::Op;

/// A number of a program under construction, whose number of constants is not known yet: a constant, or an input or node.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct Ref(pub(super) u32);

/// The bit of inputs and nodes, which are numbered together.
const ACTIVE: u32 = 1 << 31;

impl Ref {
    /// Some constant, where it does not matter which.
    pub(crate) const ANY_CONSTANT: Ref = Ref(0);

    pub(crate) fn input(k: usize) -> Ref {
        Ref(ACTIVE | k as u32)
    }

    #[inline(always)]
    pub(crate) fn is_constant(self) -> bool {
        self.0 & ACTIVE == 0
    }

    /// The place of an input or a node among the drafts; that of a constant is beyond them.
    #[inline(always)]
    pub(super) fn place(self) -> usize {
        (self.0 ^ ACTIVE) as usize
    }
}

/// A node under construction.
#[derive(Clone, Copy)]
pub(super) struct Draft {
    /// One operand and the integer parameter, or two operands, or in `many` the first place and the number of operands.
    pub words: [u32; 2],
    pub op: Op,
    pub arity: Arity,
    pub uses: Uses,
}

/// What the words of a [`Draft`] are.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Arity {
    One,
    Two,
    /// Any other number. The integer parameter stands before the operands.
    Many,
}

/// Room for programs under construction, to be used again.
#[derive(Default)]
pub(crate) struct Drafts {
    /// The inputs, and then the nodes.
    pub(super) nodes: Vec<Draft>,
    pub(super) many: Vec<Ref>,
    expressions: Table,
    constants: Table,
    /// The place of the node that came next when a constant was new.
    births: Vec<u32>,
}

impl Drafts {
    /// The operands of a node.
    #[inline(always)]
    pub(super) fn each_operand(&self, draft: Draft, mut each: impl FnMut(Ref)) {
        let [a, b] = draft.words;
        match draft.arity {
            Arity::One => each(Ref(a)),
            Arity::Two => {
                each(Ref(a));
                each(Ref(b));
            }
            Arity::Many => self.many(draft).iter().for_each(|&operand| each(operand)),
        }
    }

    /// Those of a node of many.
    pub(super) fn many(&self, draft: Draft) -> &[Ref] {
        &self.many[draft.words[0] as usize + 1..][..draft.words[1] as usize]
    }

    /// The integer parameter of a node.
    #[inline(always)]
    pub(super) fn n(&self, draft: Draft) -> i32 {
        match draft.arity {
            Arity::One => draft.words[1] as i32,
            Arity::Two => 0,
            Arity::Many => self.many[draft.words[0] as usize].0 as i32,
        }
    }

    /// The bytes held.
    pub(crate) fn bytes(&self) -> usize {
        self.nodes.capacity() * size_of::<Draft>()
            + self.many.capacity() * size_of::<Ref>()
            + self.expressions.bytes()
            + self.constants.bytes()
            + self.births.capacity() * size_of::<u32>()
    }
}

/// Whether a node is one of many operands, and those are the same.
#[inline(never)]
fn is_same(many: &[Ref], draft: &Draft, words: [u32; 2]) -> bool {
    let all = |words: [u32; 2]| &many[words[0] as usize..][..words[1] as usize + 1];
    draft.arity == Arity::Many && all(draft.words) == all(words)
}

/// Builds a program.
pub(crate) struct Builder<'a> {
    pub(super) program: Program,
    pub(super) room: &'a mut Drafts,
    /// How many operands there are.
    pub(super) operands: usize,
    is_sharing: bool,
}

impl<'a> Builder<'a> {
    /// An empty program, which will have at most so many nodes; with `is_sharing`, equal expressions become one node.
    pub(crate) fn new(
        inputs: usize,
        nodes: usize,
        is_sharing: bool,
        room: &'a mut Drafts,
    ) -> Builder<'a> {
        assert!(
            inputs + nodes < ACTIVE as usize,
            "scalargrad: the program is too large"
        );
        room.many.clear();
        room.births.clear();
        room.constants.clear(16);
        room.nodes.clear();
        room.nodes.reserve_exact(inputs + nodes);
        room.nodes.extend((0..inputs).map(|k| Draft {
            words: [k as u32, 0],
            op: Op::Leaf,
            arity: Arity::One,
            uses: Uses::None,
        }));
        if is_sharing {
            room.expressions.clear(inputs + nodes + 1);
        }
        Builder {
            program: Program {
                inputs,
                ..Program::default()
            },
            operands: 0,
            is_sharing,
            room,
        }
    }

    /// A constant: the one there is of this value, to the bit, or a new one.
    #[inline]
    pub(crate) fn constant(&mut self, value: f64) -> Ref {
        let Drafts {
            nodes,
            constants: table,
            births,
            ..
        } = &mut *self.room;
        let constants = &mut self.program.constants;
        let hash_of = |constant: f64| hash(0, constant.to_bits());
        if constants.len() == table.room() {
            table.clear(4 * constants.len());
            for (k, &constant) in constants.iter().enumerate() {
                table.get_or_insert(hash_of(constant), None, |_| false, k as u32);
            }
        }
        let next = constants.len() as u32;
        let is_equal = |k: u32| constants[k as usize].to_bits() == value.to_bits();
        let k = table.get_or_insert(hash_of(value), None, is_equal, next);
        if k == next {
            constants.push(value);
            births.push(nodes.len() as u32);
        }
        Ref(k)
    }

    /// A node, or the equal one that there is already.
    #[inline(always)]
    pub(crate) fn node(&mut self, op: Op, n: i32, operands: &[Ref]) -> Ref {
        match *operands {
            [a] => self.draft(op, Arity::One, [a.0, n as u32], operands),
            [a, b] if n == 0 => self.draft(op, Arity::Two, [a.0, b.0], operands),
            _ => {
                let first = self.room.many.len();
                self.room.many.push(Ref(n as u32));
                self.room.many.extend_from_slice(operands);
                let words = [first as u32, operands.len() as u32];
                let next = self.room.nodes.len();
                let new = self.draft(op, Arity::Many, words, operands);
                if new.place() != next {
                    self.room.many.truncate(first);
                }
                new
            }
        }
    }

    #[inline(always)]
    fn draft(&mut self, op: Op, arity: Arity, words: [u32; 2], operands: &[Ref]) -> Ref {
        let Drafts {
            nodes: drafts,
            many,
            expressions,
            births,
            ..
        } = &mut *self.room;
        let next = drafts.len() as u32;
        let k = if self.is_sharing && op != Op::Custom {
            let mut hash = hash(op as u64, 0);
            let mut last = 0;
            for operand in operands {
                hash = self::hash(hash, operand.0.into());
                last = last.max(operand.0);
            }
            if arity != Arity::Two {
                hash = self::hash(hash, words[1].into());
            }
            let mut home = last & !ACTIVE;
            // What uses the number before this one is new.
            let is_new = home + 1 == next;
            if (home as usize) < self.program.inputs {
                // Other operands may be younger than an input.
                let constants = operands.iter().filter(|operand| operand.is_constant());
                home = constants.fold(home, |home, constant| home.max(births[constant.0 as usize]));
            }
            let is_equal = |k: u32| {
                let other = &drafts[k as usize];
                let is_same = match arity {
                    Arity::Many => is_same(many, other, words),
                    _ => other.words == words && other.arity == arity,
                };
                is_same && other.op == op
            };
            let is_equal = |k: u32| !is_new && is_equal(k);
            expressions.get_or_insert(hash, Some(home as usize), is_equal, next)
        } else {
            next
        };
        if k == next {
            for operand in operands {
                if let Some(draft) = drafts.get_mut(operand.place()) {
                    draft.uses = draft.uses.and_one();
                }
            }
            self.operands += operands.len();
            drafts.push(Draft {
                words,
                op,
                arity,
                uses: Uses::None,
            });
        }
        Ref(ACTIVE | k)
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
        self.room.nodes.len() - self.program.inputs
    }

    /// Adds a guard.
    pub(crate) fn guard(&mut self, guard: Guard, operands: [Ref; 2]) {
        for operand in operands {
            self.see(operand);
        }
        self.program.guards.push(Guard {
            operands: operands.map(|operand| operand.0),
            ..guard
        });
    }

    /// Gives a number a name.
    pub(crate) fn name(&mut self, of: Ref, name: String) {
        self.see(of);
        self.program.names.insert(of.0 as usize, name);
    }

    /// A number that must stay.
    pub(super) fn see(&mut self, number: Ref) {
        if let Some(draft) = self.room.nodes.get_mut(number.place()) {
            draft.uses = Uses::Many;
        }
    }
}
