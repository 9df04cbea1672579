//! Compiling a program in parts, each segment that repeats as a loop.
//!
//! The frame begins with the numbers that go from one part or repetition to another; as many places follow for their
//! adjoints, and then each part has places of its own. All parts compute their values, one after the other; then, with
//! the adjoints of all but one output zero, they hand on derivatives in the opposite order.

use super::assembler::{Assembler, Own};
use super::joint::Joint;
use super::native::{Effort, Known, Room};
use super::outsides::Outsides;
use super::parts::Parts;
use super::plan::{Plan, Sizes, shows_nan};
use super::repeats::{Items, Segment};
use super::spread::spread_sums;
use super::writer::Writer;
use super::{CompileError, Unit};
use crate::function::program::Program;
use std::ops::Range;

/// For more outputs, sweeps through all parts would be more work than one from each output.
const OUTPUTS: usize = 8;
/// A larger program might need places farther away than instructions can tell.
const LARGEST: usize = 1 << 25;
/// So many items of all parts together are compiled with much effort.
const FEW: usize = 3000;

impl Unit {
    /// The program in parts, if enough of it repeats.
    pub(super) fn of_parts(program: &Program, sizes: Sizes) -> Result<Option<Unit>, CompileError> {
        let count = program.outputs.len();
        let is_short = 2 * program.operands.len() < sizes.whole;
        if is_short
            || count == 0
            || count > OUTPUTS
            || program.len() + program.operands.len() > LARGEST
        {
            return Ok(None);
        }
        let program = &spread_sums(program);
        let items = Items::of(program);
        let segments = items.segments();
        let length = segments.iter().map(|segment| segment.len).sum::<usize>();
        if 4 * length > 3 * items.items.len() {
            return Ok(None);
        }
        let known = (
            program.customs.clone().into(),
            program.guards.clone().into(),
        );
        let effort = match length <= FEW {
            true => Effort::Much,
            false => Effort::Little,
        };
        let by = Unit::assembler(program, effort, 1)?;
        let unit = compile(&items, &segments, by, known, sizes);
        unit.map(Some).map_err(CompileError::Refused)
    }
}

fn compile(
    items: &Items,
    segments: &[Segment],
    mut by: Assembler,
    known: Known,
    sizes: Sizes,
) -> Result<Unit, String> {
    let shown = shows_nan(items.program, &items.program.outputs);
    let Parts {
        parts,
        places,
        outputs,
    } = Parts::of(items, segments, &known.0, &shown);
    for (room, end) in [
        (Room::Inputs, items.program.inputs),
        (Room::Frame, 2 * places),
        (Room::Derivatives, items.program.inputs),
    ] {
        by.needs.widen(room, end);
    }
    let mut top = 2 * places;
    let (mut values, mut derivatives): (Vec<Range<usize>>, Vec<Range<usize>>) = Default::default();
    for part in &parts {
        let outsides = Outsides::new(part, by.constants.len(), places);
        by.constants.extend(&part.table);
        by.own = Own::from(top, part.count);
        let plan = Plan::of_part(part, &by, sizes);
        let first = by.builder.len();
        let mut writer = Writer::new(plan, by, known.clone(), part.body.inputs);
        writer.outsides = Some(outsides);
        writer.write_part(false)?;
        let second = writer.assembler.builder.len();
        let size = writer.places_of_frame();
        top += size * part.count;
        writer.assembler.own.size = size;
        writer.assembler.own.common = top;
        writer.write_part(true)?;
        top += writer.places_of_frame() - size;
        by = writer.assembler;
        values.push(first..second);
        derivatives.push(second..by.builder.len());
    }
    let count = values.iter().map(Range::len).sum();
    let order = values.into_iter().chain(derivatives.into_iter().rev());
    by.builder.reorder(order.flatten());
    let less = by.needs.without(Room::Derivatives);
    let code = by.builder.finish((count, less), by.needs, known)?;
    Ok(Unit {
        code,
        constants: by.constants,
        values: count,
        derivatives: count,
        has_derivatives: true,
        joint: Some(Joint {
            adjoints: places..2 * places,
            outputs,
        }),
    })
}
