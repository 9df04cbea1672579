//! A program under construction: equal constants and equal expressions are one, from the start.

use super::expression_table::{Table, hash};
use super::program::{Guard, Program, Uses};
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
    /// The node that has this one as its latest operand; or [`NOBODY`], or [`SEVERAL`].
    user: u32,
    pub op: Op,
    pub arity: Arity,
    pub uses: Uses,
}

/// The last operand of no node so far. (No node is at place 0, as each depends on an input.)
const NOBODY: u32 = 0;
/// The last operand of more nodes than one: these are in the table of expressions.
const SEVERAL: u32 = u32::MAX;

impl Draft {
    fn new(op: Op, arity: Arity, words: [u32; 2]) -> Draft {
        Draft { words, user: NOBODY, op, arity, uses: Uses::None }
    }
}

/// What the words of a [`Draft`] are.
#[derive(Clone, Copy, PartialEq)]
pub(super) enum Arity {
    One,
    Two,
    /// Any other number. The integer parameter is stored before the operands.
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

    /// The operands of a node of many.
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

    /// The node that computes the same as a new one, or `next`.
    ///
    /// Equal expressions have the same last operand, so they are looked for among those of which it is that. Mostly
    /// there is none, or one; a table has the others.
    #[inline(always)]
    fn equal_or(&mut self, next: u32, new: Draft, operands: &[Ref], inputs: usize) -> u32 {
        let youngest = operands.iter().fold(0, |last, operand| last.max(operand.0));
        let youngest = Ref(youngest).place();
        let user = self.nodes[youngest].user;
        if user == NOBODY {
            self.nodes[youngest].user = next;
            return next;
        }
        if user != SEVERAL {
            let only = self.nodes[user as usize];
            if is_equal(&self.many, only, new) {
                return user;
            }
            self.nodes[youngest].user = SEVERAL;
            self.find_or_insert(user, only, inputs);
        }
        self.find_or_insert(next, new, inputs)
    }

    /// The place of the expression of the table that is the same as a node, or else that of the node, which is put in.
    #[inline(always)]
    fn find_or_insert(&mut self, place: u32, node: Draft, inputs: usize) -> u32 {
        let (mut hash, mut youngest) = (hash(node.op as u64, 0), 0);
        self.each_operand(node, |operand| {
            hash = self::hash(hash, operand.0.into());
            youngest = youngest.max(operand.0);
        });
        if node.arity != Arity::Two {
            hash = self::hash(hash, node.words[1].into());
        }
        let mut home = Ref(youngest).place();
        if home < inputs {
            // A constant may be younger than an input.
            self.each_operand(node, |operand| {
                if let Some(&birth) = self.births.get(operand.0 as usize) {
                    home = home.max(birth as usize);
                }
            });
        }
        let Drafts { nodes, many, expressions, .. } = self;
        let is_equal = |k: u32| is_equal(many, nodes[k as usize], node);
        expressions.get_or_insert(hash, Some(home), is_equal, place)
    }
}

/// Whether two nodes are the same expression.
#[inline(always)]
fn is_equal(many: &[Ref], old: Draft, new: Draft) -> bool {
    let is_same = match new.arity {
        Arity::Many => is_same(many, old, new),
        _ => old.words == new.words && old.arity == new.arity,
    };
    is_same && old.op == new.op
}

/// Whether a node is one of many operands, and those are the same.
#[inline(never)]
fn is_same(many: &[Ref], old: Draft, new: Draft) -> bool {
    let all = |draft: Draft| &many[draft.words[0] as usize..][..draft.words[1] as usize + 1];
    old.arity == Arity::Many && all(old) == all(new)
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
    /// An empty program, which will have at most this many nodes; with `is_sharing`, equal expressions become one node.
    pub(crate) fn new(inputs: usize, nodes: usize, is_sharing: bool, room: &'a mut Drafts) -> Builder<'a> {
        assert!(inputs + nodes < ACTIVE as usize, "scalargrad: the program is too large");
        room.many.clear();
        room.births.clear();
        room.constants.clear(16);
        room.nodes.clear();
        room.nodes.reserve_exact(inputs + nodes);
        let leaves = (0..inputs).map(|k| Draft::new(Op::Leaf, Arity::One, [k as u32, 0]));
        room.nodes.extend(leaves);
        if is_sharing {
            room.expressions.clear(inputs + nodes + 1);
        }
        Builder { program: Program { inputs, ..Program::default() }, operands: 0, is_sharing, room }
    }

    /// A constant: the one there is of this value, to the bit, or a new one.
    #[inline]
    pub(crate) fn constant(&mut self, value: f64) -> Ref {
        let Drafts { nodes, constants: table, births, .. } = &mut *self.room;
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
        let next = self.room.nodes.len() as u32;
        let new = Draft::new(op, arity, words);
        let k = if self.is_sharing && op != Op::Custom {
            self.room.equal_or(next, new, operands, self.program.inputs)
        } else {
            next
        };
        if k == next {
            for operand in operands {
                if let Some(draft) = self.room.nodes.get_mut(operand.place()) {
                    draft.uses = draft.uses.and_one();
                }
            }
            self.operands += operands.len();
            self.room.nodes.push(new);
        }
        Ref(ACTIVE | k)
    }

    /// Adds a guard.
    pub(crate) fn guard(&mut self, guard: Guard, operands: [Ref; 2]) {
        for operand in operands {
            self.keep(operand);
        }
        self.program.guards.push(Guard { operands: operands.map(|operand| operand.0), ..guard });
    }

    /// Gives a number a name.
    pub(crate) fn name(&mut self, of: Ref, name: String) {
        self.keep(of);
        self.program.names.insert(of.0 as usize, name);
    }

    /// A number that must stay.
    pub(super) fn keep(&mut self, number: Ref) {
        if let Some(draft) = self.room.nodes.get_mut(number.place()) {
            draft.uses = Uses::Many;
        }
    }
}
