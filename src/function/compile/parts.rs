//! A program in parts: each a small program of its own, for one repetition of a segment, that says where the numbers of each
//! repetition are stored.
//!
//! A number that is used outside of the repetition that computes it has a place in the frame, and its adjoint has one as many
//! places further on as there are such numbers. The numbers of a repetition are stored together, so that an operand which the repetition
//! before computed is at a fixed distance. Operands that advance otherwise, and constants, are listed in a table, a row
//! for each repetition.

use super::assembler::At;
use super::native::Room;
use super::repeats::{Items, Segment};
use crate::function::program::{Guard, Item, Node, Program};
use crate::graph::Custom;
use crate::rows::Op;
use std::collections::HashMap;

/// A segment as a program.
pub(super) struct Part {
    /// One repetition. Its inputs are numbers from outside that may vary; its outputs are what is used outside.
    pub body: Program,
    pub count: usize,
    /// Where the inputs, the constants and the outputs of the body are stored.
    pub places: Vec<Option<At>>,
    pub carried: Vec<Carried>,
    /// For each input whether it can be the same number as another one.
    pub is_doubled: Vec<bool>,
    /// What the repetitions list, row by row: constants, places, the addresses of users' operations.
    pub table: Vec<f64>,
    /// The length of a row.
    pub width: usize,
}

/// What a repetition takes over from the one before.
pub(super) struct Carried {
    pub input: u32,
    /// The output that the repetition before has for it.
    pub output: u32,
    /// Where in the frame the first repetition has it.
    pub place: usize,
}

/// A program in parts.
pub(super) struct Parts {
    pub parts: Vec<Part>,
    /// How many numbers have places.
    pub places: usize,
    /// Where the outputs are stored.
    pub outputs: Vec<(Room, usize)>,
}

/// What an operand of a repetition is.
#[derive(Clone, Copy)]
enum Operand {
    Input(u32),
    Constant(u32),
    Node(u32),
}

/// The indices of an operand in all repetitions.
type Column = Vec<u32>;

impl Parts {
    pub(super) fn of(items: &Items, segments: &[Segment], customs: &[Custom]) -> Parts {
        let program = items.program;
        let is_used_outside = used_outside(items, segments);
        let mut places = vec![u32::MAX; items.items.len()];
        let mut parts = Vec::with_capacity(segments.len());
        let mut next = 0;
        for segment in segments {
            let outputs: Vec<usize> = (0..segment.len)
                .filter(|k| {
                    let mut same = (segment.start + k..segment.end()).step_by(segment.len);
                    same.any(|place| is_used_outside[place])
                })
                .collect();
            for (r, start) in (segment.start..segment.end()).step_by(segment.len).enumerate() {
                for (slot, k) in outputs.iter().enumerate() {
                    places[start + k] = (next + r * outputs.len() + slot) as u32;
                }
            }
            let mut columns = Columns {
                items,
                segment,
                places: &places,
                inputs: Vec::new(),
                constants: Vec::new(),
                known: HashMap::new(),
                table: Vec::new(),
            };
            parts.push(columns.part(&outputs, next, customs));
            next += outputs.len() * segment.count;
        }
        let outputs = program.outputs.iter().map(|&k| at(items, &places, k));
        Parts { parts, places: next, outputs: outputs.collect() }
    }
}

/// Where a number is stored.
fn at(items: &Items, places: &[u32], index: u32) -> (Room, usize) {
    let (k, program) = (index as usize, items.program);
    match items.place_of(index) {
        Some(place) => (Room::Frame, places[place] as usize),
        None if k < program.inputs => (Room::Inputs, k),
        None => (Room::Constants, k - program.inputs),
    }
}

/// For each item whether another repetition or segment uses it, or it is an output.
fn used_outside(items: &Items, segments: &[Segment]) -> Vec<bool> {
    let mut is_used = vec![false; items.items.len()];
    for segment in segments {
        for start in (segment.start..segment.end()).step_by(segment.len) {
            for place in start..start + segment.len {
                let before = items.operands(place).iter().filter_map(|&k| items.place_of(k));
                before.filter(|&k| k < start).for_each(|k| is_used[k] = true);
            }
        }
    }
    items.program.outputs.iter().filter_map(|&k| items.place_of(k)).for_each(|k| is_used[k] = true);
    is_used
}

/// The operands of a segment's repetitions while its part is made.
struct Columns<'a> {
    items: &'a Items<'a>,
    segment: &'a Segment,
    places: &'a [u32],
    inputs: Vec<Column>,
    constants: Vec<Column>,
    /// The columns of operands from outside by their index in the first repetition.
    known: HashMap<u32, Vec<u32>>,
    table: Vec<Vec<f64>>,
}

impl Columns<'_> {
    /// The part, whose outputs have places from `first_output` on.
    fn part(&mut self, outputs: &[usize], first_output: usize, customs: &[Custom]) -> Part {
        let (items, segment) = (self.items, self.segment);
        let places = segment.start..segment.start + segment.len;
        let operands: Vec<Vec<Operand>> = places
            .clone()
            .map(|place| {
                let count = items.operands(place).len();
                (0..count).map(|k| self.operand(place, k)).collect()
            })
            .collect();
        let inputs: Vec<At> = (0..self.inputs.len()).map(|k| self.input(k, outputs)).collect();
        let constants: Vec<At> = (0..self.constants.len()).map(|k| self.constant(k)).collect();
        let program = items.program;
        let value = |column: &Column| program.constants[column[0] as usize - program.inputs];
        let mut body = Program {
            inputs: inputs.len(),
            constants: self.constants.iter().map(value).collect(),
            ..Program::default()
        };
        let mut index = vec![u32::MAX; segment.len];
        for (k, place) in places.enumerate() {
            let resolved = operands[k].iter().map(|&operand| match operand {
                Operand::Input(k) => k,
                Operand::Constant(k) => (inputs.len() + k as usize) as u32,
                Operand::Node(k) => index[k as usize],
            });
            match items.items[place] {
                Item::Node(i) => {
                    let Node { op, n, .. } = program.nodes[i];
                    let is_listed = op == Op::Custom && segment.count > 1;
                    let n = if is_listed { self.custom(k, customs) } else { n };
                    index[k] = body.push(op, n, resolved);
                }
                Item::Guard(k) => {
                    let resolved: Vec<u32> = resolved.collect();
                    body.guards.push(Guard {
                        operands: [resolved[0], resolved[1]],
                        after: body.nodes.len() as u32,
                        ..program.guards[k].clone()
                    });
                }
            }
        }
        body.outputs = outputs.iter().map(|&k| index[k]).collect();
        let carried = (0..).zip(&inputs).filter_map(|(input, at)| match *at {
            At::Carried { output, place } => Some(Carried { input, output: body.outputs[output], place }),
            _ => None,
        });
        let carried = carried.collect();
        let mut places: Vec<Option<At>> = inputs.into_iter().chain(constants).map(Some).collect();
        places.resize(body.len(), None);
        for (k, &output) in body.outputs.iter().enumerate() {
            places[output as usize] =
                Some(At::Strided { room: Room::Frame, place: first_output + k, stride: outputs.len() as isize });
        }
        let rows = (0..segment.count).flat_map(|r| self.table.iter().map(move |column| column[r]));
        Part {
            body,
            count: segment.count,
            places,
            carried,
            is_doubled: self.doubled(),
            table: rows.collect(),
            width: self.table.len(),
        }
    }

    /// The places of the same item in all repetitions.
    fn repetitions(&self, place: usize) -> impl Iterator<Item = usize> + Clone + use<> {
        let Segment { len, count, .. } = *self.segment;
        (0..count).map(move |r| place + r * len)
    }

    fn operand(&mut self, place: usize, k: usize) -> Operand {
        let (items, program) = (self.items, self.items.program);
        let first = items.operands(place)[k];
        if let Some(place) = items.place_of(first)
            && place >= self.segment.start
        {
            return Operand::Node((place - self.segment.start) as u32);
        }
        let indices = self.repetitions(place).map(|place| items.operands(place)[k]);
        let (columns, operand): (_, fn(u32) -> Operand) = match program.is_active(first) {
            true => (&mut self.inputs, Operand::Input),
            false => (&mut self.constants, Operand::Constant),
        };
        let known = self.known.entry(first).or_default();
        let is_same = |&k: &u32| indices.clone().eq(columns[k as usize].iter().copied());
        operand(known.iter().copied().find(is_same).unwrap_or_else(|| {
            known.push(columns.len() as u32);
            columns.push(indices.collect());
            columns.len() as u32 - 1
        }))
    }

    fn input(&mut self, k: usize, outputs: &[usize]) -> At {
        if let Some(carried) = self.carried(k, outputs) {
            return carried;
        }
        let at = |&index: &u32| at(self.items, self.places, index);
        let column = &self.inputs[k];
        let (room, place) = at(&column[0]);
        let places = || column.iter().map(|index| at(index).1);
        let stride = column.get(1).map_or(0, |index| at(index).1 as isize - place as isize);
        let is_strided = places().enumerate().all(|(r, found)| found as isize == place as isize + r as isize * stride);
        if is_strided {
            return At::Strided { room, place, stride };
        }
        let list = places().map(|place| f64::from_bits(8 * place as u64));
        let list = list.collect();
        At::Listed { room, column: self.list(list), shift: 0 }
    }

    /// An input that is an output of the repetition before.
    fn carried(&self, k: usize, outputs: &[usize]) -> Option<At> {
        let items = self.items;
        let (&first, others) = self.inputs[k].split_first()?;
        let place = items.place_of(*others.first()?)?;
        let position = place.checked_sub(self.segment.start)?;
        let output = outputs.iter().position(|&k| k == position)?;
        let before = self.repetitions(place);
        let others = others.iter().map(|&index| items.place_of(index));
        let is_carried = others.eq(before.take(self.segment.count - 1).map(Some));
        let place = self.places[items.place_of(first)?] as usize;
        is_carried.then_some(At::Carried { output, place })
    }

    fn constant(&mut self, k: usize) -> At {
        let program = self.items.program;
        let places = || self.constants[k].iter().map(|&index| index as usize - program.inputs);
        let first = self.constants[k][0] as usize - program.inputs;
        if places().all(|place| place == first) {
            return At::fixed(Room::Constants, first);
        }
        let list = places().map(|place| program.constants[place]).collect();
        At::Entry(self.list(list))
    }

    /// Adds a column to the table; its place.
    fn list(&mut self, column: Vec<f64>) -> usize {
        self.table.push(column);
        self.table.len() - 1
    }

    /// Lists the addresses of a user's operations; the column.
    fn custom(&mut self, k: usize, customs: &[Custom]) -> i32 {
        let (items, program) = (self.items, self.items.program);
        let address = |place: usize| match items.items[place] {
            Item::Node(i) => {
                let custom: *const Custom = &customs[program.nodes[i].n as usize];
                f64::from_bits(custom as usize as u64)
            }
            Item::Guard(_) => unreachable!("the repetitions do the same"),
        };
        let column = self.repetitions(self.segment.start + k).map(address);
        let column = column.collect();
        self.list(column) as i32
    }

    /// For each input whether it is the same number as another one in some repetition.
    fn doubled(&self) -> Vec<bool> {
        let mut is_doubled = vec![false; self.inputs.len()];
        if self.segment.count == 1 {
            return is_doubled;
        }
        let mut last: HashMap<u32, (usize, usize)> = HashMap::new();
        for r in 0..self.segment.count {
            for (k, column) in self.inputs.iter().enumerate() {
                if let Some((at, other)) = last.insert(column[r], (r, k))
                    && at == r
                {
                    is_doubled[k] = true;
                    is_doubled[other] = true;
                }
            }
        }
        is_doubled
    }
}
