//! The operands that a random program gives to each operation: a box on which values and derivatives are moderate.
//!
//! Nothing here is about a particular function. The table gives the domain of each operand and the points that
//! matter, and sampled values, slopes and curvatures show which box will do.

use crate::real::{Real, call};
pub(super) use crate::rows::Row;
use crate::rows::{Op, ROWS};
use std::collections::BTreeMap;
use std::f64::consts::{E, PI, SQRT_2};
use std::ops::RangeInclusive;
use std::sync::{Mutex, PoisonError};

/// Infinity, as the rows of the table write it.
const INF: f64 = f64::INFINITY;
/// What the inputs of a program may be: `−ROOM ..= ROOM`. Points stay within 2, so that finite
/// differences have room; the step of [`check`](crate::check) is a quarter of the number.
pub(super) const ROOM: f64 = 2.5;
/// The sizes of the boxes that are tried.
const SIZES: [f64; 2] = [4.0, ROOM];
/// How far operands keep from the ends of a domain.
const MARGIN: f64 = 0.25;
/// Bounds on the value, the slopes and the curvatures that count as moderate.
const BOUNDS: [f64; 3] = [200.0, 200.0, 2000.0];

/// The step of the differences that slopes and curvatures are estimated by.
const H: f64 = 1e-4;

pub(super) type Range = (f64, f64);

/// The operations that a program can use, the simplest first.
pub(super) fn usable() -> &'static [Row] {
    let (last, usable) = ROWS.split_last().expect("there are rows");
    assert!(last.op == Op::SumExp, "what the crate alone uses is the last row");
    usable
}

impl Row {
    /// The integer parameter that a number below 8 stands for: from 0 to 3, or from −3 to 4. 0 if the row has none.
    pub fn parameter_of(&self, n: i32) -> i32 {
        match &self.parameter {
            None => 0,
            Some((_, range)) if *range.start() == 0 => n % 4,
            Some(_) if n > 4 => 4 - n,
            Some(_) => n,
        }
    }

    pub fn is_nary(&self) -> bool {
        self.domains.is_empty()
    }

    /// The numbers of operands that it can have.
    pub fn arity(&self) -> RangeInclusive<usize> {
        if self.is_nary() { self.group()..=2 * self.group() + 2 } else { self.domains.len()..=self.domains.len() }
    }

    /// The number of operands is a multiple of this.
    pub fn group(&self) -> usize {
        if self.op == Op::Dot { 2 } else { 1 }
    }

    /// The value, over any number type.
    pub fn value<T: Real>(&self, n: i32, operands: &[T]) -> T {
        call(self.op, n, operands)
    }

    /// A box of operands on which its value and its derivatives are moderate.
    pub(super) fn operand_box(&self, n: i32, arity: usize) -> OperandBox {
        static FOUND: Mutex<BTreeMap<(u8, i32, usize), OperandBox>> = Mutex::new(BTreeMap::new());
        let mut found = FOUND.lock().unwrap_or_else(PoisonError::into_inner);
        found.entry((self.op as u8, n, arity)).or_insert_with(|| self.find_operand_box(n, arity)).clone()
    }

    fn find_operand_box(&self, n: i32, arity: usize) -> OperandBox {
        let whole = |size: f64| -> Vec<Range> {
            let part = |k| match self.domains.get(k) {
                Some(domain) => inner_part(domain, size),
                None => (-size, size),
            };
            (0..arity).map(part).collect()
        };
        let wholes = SIZES.map(whole);
        // Poles and kinks are mostly at or below 0. The upper part of the box has none: that of the last operand
        // alone, which is enough for the norm of a vector, or those of all operands.
        let upper_part = |cut: f64, first: usize| {
            let mut ranges = wholes[1].clone();
            for (low, high) in &mut ranges[first..] {
                *low += cut * (*high - *low);
            }
            ranges
        };
        let cuts = [0.25, 0.5625, 0.625, 0.75, 0.875].into_iter();
        let parts = cuts.flat_map(|cut| [arity - 1, 0].map(|first| upper_part(cut, first)));
        let is_linear = self.is_piecewise_linear(n, &wholes[1]);
        let mut boxes = wholes.iter().cloned().chain(parts.filter(|_| !is_linear));
        let smooth = boxes.find(|b| self.is_moderate(n, b, true));
        let is_smooth = smooth.is_some();
        let others = || wholes.iter().find(|b| self.is_moderate(n, b, false)).cloned();
        match smooth.or_else(others) {
            Some(ranges) => OperandBox { ranges, is_smooth },
            None => panic!("scalargrad: `{}` has no box of operands with moderate values", self.method),
        }
    }

    /// Whether it is linear in each operand almost everywhere on a box.
    fn is_piecewise_linear(&self, n: i32, ranges: &[Range]) -> bool {
        let (mut straight, mut all) = (0, 0);
        visit(&self.axes(ranges, 4), |x| {
            // Away from the grid, on which the kinks are.
            x.iter_mut().zip([0.0271, 0.0314, 0.0141].iter().cycle()).for_each(|(x, by)| *x += by);
            let z = self.value(n, x);
            for k in 0..x.len() {
                let [below, above] = self.beside(n, x, k);
                straight += usize::from((above - 2.0 * z + below).abs() <= 1e-13 * (1.0 + z.abs()));
                all += 1;
            }
        });
        4 * straight > 3 * all
    }

    /// Whether value (and slopes and curvatures, if `smoothly`) are bounded over a box.
    fn is_moderate(&self, n: i32, ranges: &[Range], smoothly: bool) -> bool {
        let [value, slope, curvature] = BOUNDS;
        let count = [64, 16, 8, 4, 2, 2][ranges.len() - 1];
        let mut is_moderate = true;
        visit(&self.axes(ranges, count), |x| {
            let z = self.value(n, x);
            is_moderate &= z.abs() <= value;
            for k in 0..x.len() {
                if smoothly && is_moderate {
                    let [below, above] = self.beside(n, x, k);
                    is_moderate &= (above - below).abs() <= slope * 2.0 * H
                        && (above - 2.0 * z + below).abs() <= curvature * H * H;
                }
            }
        });
        is_moderate
    }

    /// The values with one operand decreased and increased a little.
    fn beside(&self, n: i32, x: &mut [f64], k: usize) -> [f64; 2] {
        let v = x[k];
        let values = [v - H, v + H].map(|moved| {
            x[k] = moved;
            self.value(n, x)
        });
        x[k] = v;
        values
    }

    /// The range of the value on a box of operands, found by sampling and widened.
    pub fn range(&self, n: i32, ranges: &[Range]) -> Range {
        let (mut low, mut high) = (INF, -INF);
        let mut see = |x: &mut [f64]| {
            let z = self.value(n, x);
            low = low.min(z);
            high = high.max(z);
        };
        let allowed = self.operand_box(n, ranges.len());
        let count = [16, 8, 4, 2, 2, 2][ranges.len() - 1];
        let mut axes = self.axes(ranges, if allowed.is_smooth { count } else { 2 });
        let mut slack = 0.01;
        if !allowed.is_smooth {
            // Where operands are equal, and points that are not regular, so that no saw-tooth has the same period.
            let ends: Vec<f64> = ranges.iter().flat_map(|r| [r.0, r.1]).collect();
            for (axis, &(low, high)) in axes.iter_mut().zip(ranges) {
                axis.extend(ends.iter().filter(|&&x| low < x && x < high));
            }
            let mut x = vec![0.0; ranges.len()];
            for i in 0..100 {
                let strides = [SQRT_2, PI, E].into_iter().cycle();
                for ((x, stride), r) in x.iter_mut().zip(strides).zip(ranges) {
                    let t = f64::from(i) * stride;
                    *x = r.0 + (t - f64::from(t as i32)) * (r.1 - r.0);
                }
                see(&mut x);
            }
            slack = 0.5;
        }
        visit(&axes, see);
        let slack = slack * (high - low);
        (low - slack, high + slack)
    }

    /// A grid on a box, of about `count` numbers for each operand: the ends, the points that matter to
    /// this row, and between them multiples of a power of two, for kinks and jumps are at whole
    /// numbers and where operands are equal.
    fn axes(&self, ranges: &[Range], count: usize) -> Vec<Vec<f64>> {
        let axis = |&(low, high): &Range| {
            let mut step = 1.0 / 64.0;
            while high - low > step * count as f64 {
                step *= 2.0;
            }
            let first = (low / step).round() as i64;
            let last = (high / step).round() as i64;
            let grid = (first..=last).map(|i| i as f64 * step);
            let between = grid.chain(self.probes.iter().copied()).filter(|&x| low < x && x < high);
            let mut axis: Vec<f64> = between.chain([low, high]).collect();
            axis.sort_by(f64::total_cmp);
            axis.dedup();
            axis
        };
        ranges.iter().map(axis).collect()
    }

    /// Whether there is no kink and no jump within `reach` of the operands, each moved alone.
    ///
    /// A row that is not smooth is linear in each operand between its kinks, and may turn where two
    /// operands are equal.
    pub fn is_smooth_at(&self, n: i32, x: &[f64], reach: f64) -> bool {
        if self.operand_box(n, x.len()).is_smooth {
            return true;
        }
        let z = self.value(n, x);
        let mut moved = x.to_vec();
        (0..x.len()).all(|k| {
            if x[..k].iter().any(|y| (x[k] - y).abs() <= reach) {
                return false;
            }
            moved[k] = x[k] + reach;
            let above = self.value(n, &moved);
            moved[k] = x[k] - reach;
            let below = self.value(n, &moved);
            moved[k] = x[k];
            (above - 2.0 * z + below).abs() <= 1e-9 * (1.0 + z.abs())
        })
    }
}

/// Calls `f` at each point of a grid.
fn visit(axes: &[Vec<f64>], mut f: impl FnMut(&mut [f64])) {
    let total: usize = axes.iter().map(Vec::len).product();
    let mut x = vec![0.0; axes.len()];
    for mut i in 0..total {
        for (x, axis) in x.iter_mut().zip(axes) {
            *x = axis[i % axis.len()];
            i /= axis.len();
        }
        f(&mut x);
    }
}

/// The part of a domain that is near 0 and away from its ends.
fn inner_part(domain: &RangeInclusive<f64>, size: f64) -> Range {
    let low = (domain.start() + MARGIN).max(-size);
    let high = if low < size / 2.0 { size } else { low + size };
    (low, high.min(domain.end() - MARGIN))
}

/// A box of operands on which an operation is moderate.
#[derive(Clone)]
pub(super) struct OperandBox {
    /// The range of each operand.
    pub ranges: Vec<Range>,
    /// Whether it has neither kinks nor jumps there.
    pub is_smooth: bool,
}
