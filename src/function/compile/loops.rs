//! Compiling a program in parts, each segment that repeats as a loop.
//!
//! The frame begins with the numbers that go from one part or repetition to another; as many places follow for their
//! adjoints, then those that every repetition uses for itself while it goes on, and then each part has places of its own.
//! All parts compute their values, one after the other; then, with the adjoints of all but one output zero, they contribute
//! derivatives in the opposite order.

use super::assembler::Own;
use super::native::Room;
use super::parts::{Part, Parts};
use super::repeats::Items;
use super::unroll_sums::unroll_sums;
use super::writer::{Border, Writer};
use super::{CompileError, Joint, Sizes, Unit, assembler};
use crate::function::program::Program;
use crate::graph::Custom;
use std::sync::Arc;

/// A larger program is refused at once; the assembler refuses one whose numbers are farther away than instructions can say.
const LARGEST: usize = 1 << 25;
/// The most items of all parts together that are compiled with much effort.
const FEW: usize = 3000;

impl Unit {
    /// The program in parts. With lanes it has no loops: so much code is run for many rows.
    pub(super) fn of_parts(program: &Program, sizes: Sizes, lanes: usize, shared: usize) -> Result<Unit, CompileError> {
        let refused = CompileError::Refused;
        if program.len() + program.operands.len() > LARGEST {
            return Err(refused("it has too many operations".into()));
        }
        let program = &unroll_sums(program);
        let items = Items::of(program);
        let segments = items.segments(sizes.length, lanes == 1);
        let length = segments.iter().map(|segment| segment.len).sum::<usize>();
        let is_mostly_loops = 4 * length <= 3 * items.items.len();
        let mut by = assembler(program, !is_mostly_loops || length > FEW, lanes)?;
        let customs: Arc<[Custom]> = program.customs.clone().into();
        let Parts { parts, places, outputs } = Parts::of(&items, &segments, &customs);
        for (room, end) in
            [(Room::Inputs, program.inputs), (Room::Frame, 2 * places), (Room::Derivatives, program.inputs)]
        {
            by.needs.widen(room, lanes * end);
        }
        // Each number of a part may be stored once upward, and once for each operand downward.
        let most = |part: &Part| part.body.len() + part.body.operands.len();
        let scratch = 2 * places..2 * places + parts.iter().map(most).max().unwrap_or(0);
        let mut top = scratch.end;
        for part in &parts {
            by.own = Own { count: part.count, base: top, size: 0, table: by.constants.len(), width: part.width };
            by.constants.extend(&part.table);
            let border = Border { part, farther: places };
            let mut writer = Writer::new(&part.body, &mut by, &customs, Some(border));
            writer.scratch = scratch.clone();
            writer.write_part(part).map_err(refused)?;
            top += by.own.size * part.count;
        }
        // Of each part the derivatives come first.
        let count = parts.len();
        let (values, derivatives) = ((0..count).map(|k| 2 * k + 1), (0..count).map(|k| 2 * k));
        by.builder.reorder(values.chain(derivatives.rev()));
        let joint = Joint { adjoints: lanes * places..2 * lanes * places, outputs, shared };
        Unit::finish(by, count, customs, Some(joint))
    }
}
