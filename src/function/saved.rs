//! Saving and loading (feature `serde`): plain data out, checked data in.
//!
//! Numbers are saved as their bits, so that every format keeps all of them, NaN and infinities too; an
//! operation by its name in the table. What is loaded is checked as if an enemy had written it.

use super::Function;
use super::error::FrozenRead;
use super::program::{Guard, Node, Program};
use crate::graph::trace::Comparison;
use crate::rows::{Op, ROWS};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::collections::HashMap;

/// The version of the format.
const FORMAT: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Saved {
    format: u32,
    /// The name of every input, empty for none.
    inputs: Vec<String>,
    constants: Vec<u64>,
    /// Operation, integer parameter, operands.
    nodes: Vec<(String, i64, Vec<u32>)>,
    outputs: Vec<u32>,
    guards: Vec<SavedGuard>,
    /// The names of nodes.
    names: Vec<(u32, String)>,
    frozen: Vec<(String, Option<u64>)>,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct SavedGuard {
    comparison: String,
    operands: [u32; 2],
    answer: i8,
    recorded: [u64; 2],
    after: u32,
    place: String,
}

impl Serialize for Function {
    /// Fails for a function with users' own operations, which are code.
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        Saved::of(self).map_err(serde::ser::Error::custom)?.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Function {
    /// Fails for anything but what a function was saved as.
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Function, D::Error> {
        Saved::deserialize(deserializer)?.check().map_err(serde::de::Error::custom)
    }
}

impl Saved {
    fn of(function: &Function) -> Result<Saved, String> {
        let program = &function.program;
        if let Some(custom) = program.customs.first() {
            return Err(format!("the operation `{}` is a user's own and cannot be saved", custom.label));
        }
        let node = |node: &Node| (format!("{:?}", node.op), node.op.parameter(node.n), program.operands(node).to_vec());
        let guard = |guard: &Guard| SavedGuard {
            comparison: guard.comparison.sign().into(),
            operands: guard.operands,
            answer: guard.answer,
            recorded: guard.recorded.map(f64::to_bits),
            after: guard.after,
            place: guard.place.to_string(),
        };
        let inputs = (0..program.inputs).map(|k| program.names.get(&k).cloned().unwrap_or_default());
        let nodes = program.names.iter().filter(|&(&k, _)| k >= program.inputs);
        let frozen = function.frozen.iter();
        Ok(Saved {
            format: FORMAT,
            inputs: inputs.collect(),
            constants: program.constants.iter().map(|c| c.to_bits()).collect(),
            nodes: program.nodes.iter().map(node).collect(),
            outputs: program.outputs.clone(),
            guards: program.guards.iter().map(guard).collect(),
            names: nodes.map(|(&k, name)| (k as u32, name.clone())).collect(),
            frozen: frozen.map(|read| (read.text.clone(), read.value.map(f64::to_bits))).collect(),
        })
    }

    fn check(self) -> Result<Function, String> {
        if self.format != FORMAT {
            return Err(format!("format {} is not known, {FORMAT} is", self.format));
        }
        let mut program = Program {
            inputs: self.inputs.len(),
            constants: self.constants.into_iter().map(f64::from_bits).collect(),
            ..Program::default()
        };
        let operands: usize = self.nodes.iter().map(|(.., operands)| operands.len()).sum();
        let first_node = program.first_node();
        let len = first_node + self.nodes.len();
        if len.max(operands) >= 1 << 30 {
            return Err("the program is too large".into());
        }
        let texts = self.frozen.iter().map(|(text, _)| text);
        let mut texts = texts.chain(self.guards.iter().map(|guard| &guard.place));
        if texts.any(|text| text.contains(char::is_control)) {
            return Err("a description is not on one line".into());
        }
        let below = |end: usize, index: u32| match (index as usize) < end {
            true => Ok(index),
            false => Err(format!("{index} is no number that is known there")),
        };
        let ops: HashMap<String, Op> = Op::ALL.iter().map(|&op| (format!("{op:?}"), op)).collect();
        for (i, (name, n, operands)) in self.nodes.into_iter().enumerate() {
            let op = *ops.get(&name).ok_or_else(|| format!("`{name}` is no operation"))?;
            if !is_sound(op, n, operands.len()) {
                return Err(format!("`{name}` does not take {} operands and {n}", operands.len()));
            }
            operands.iter().try_for_each(|&k| below(first_node + i, k).map(drop))?;
            program.push(op, n as i32, operands); // the same 32 bits for either kind of parameter
        }
        for output in self.outputs {
            program.outputs.push(below(len, output)?);
        }
        for guard in self.guards {
            let earliest = program.guards.last().map_or(0, |guard| guard.after);
            if guard.after < earliest || guard.after as usize > program.nodes.len() {
                return Err("a guard is out of place".into());
            }
            let comparison = Comparison::of_sign(&guard.comparison)
                .ok_or_else(|| format!("`{}` is no comparison", guard.comparison))?;
            let recorded = guard.recorded.map(f64::from_bits);
            if guard.answer != comparison.answer(recorded[0], recorded[1]) {
                return Err(format!("{} is not what `{}` answers of {recorded:?}", guard.answer, guard.comparison));
            }
            let known = first_node + guard.after as usize;
            program.guards.push(Guard {
                comparison,
                operands: [below(known, guard.operands[0])?, below(known, guard.operands[1])?],
                answer: guard.answer,
                recorded,
                after: guard.after,
                place: guard.place.into(),
            });
        }
        let inputs = (0..).zip(self.inputs).filter(|(_, name)| !name.is_empty());
        for (index, name) in inputs.chain(self.names) {
            program.names.insert(below(len, index)? as usize, name);
        }
        let frozen = self.frozen.into_iter().map(|(text, value)| FrozenRead { text, value: value.map(f64::from_bits) });
        Ok(Function { program, frozen: frozen.collect() })
    }
}

/// Whether an operation takes that many operands and that integer parameter.
fn is_sound(op: Op, n: i64, count: usize) -> bool {
    let Some(row) = ROWS.iter().find(|row| row.op == op) else {
        return false;
    };
    let takes_parameter = match &row.parameter {
        Some((_, range)) => range.contains(&n),
        None => n == 0,
    };
    let takes_count = match op {
        // What has no operands depends on nothing, and does not come out of a recording.
        Op::Dot => count > 0 && count.is_multiple_of(2),
        _ if op.is_slice() => count > 0,
        _ => count == row.operands.len(),
    };
    takes_parameter && takes_count
}
