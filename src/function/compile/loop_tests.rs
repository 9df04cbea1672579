//! What repeats is found, and sums are unrolled without a change.

use super::Sizes;
use super::repeats::{Items, Segment};
use super::unroll_sums::unroll_sums;
use crate::function::Function;
use crate::handle::Var;

/// The lengths and counts of the segments of what a closure records.
fn segments(inputs: usize, f: impl Fn(&[Var]) -> Var) -> Vec<Segment> {
    let x: Vec<f64> = (0..inputs).map(|k| 0.5 + k as f64).collect();
    let f = Function::record(&x, |x| f(x));
    let program = unroll_sums(&f.program);
    Items::of(&program).segments(usize::MAX, true)
}

/// The longest repetition that is found.
fn longest(segments: &[Segment]) -> (usize, usize) {
    let repeated = segments.iter().filter(|segment| segment.count > 1);
    let longest = repeated.max_by_key(|segment| segment.len * segment.count);
    longest.map_or((0, 0), |segment| (segment.len, segment.count))
}

/// Whether a segment follows the other one without a gap.
fn has_no_gap(segments: &[Segment]) -> bool {
    let mut pairs = segments.windows(2);
    segments.first().is_none_or(|segment| segment.start == 0) && pairs.all(|pair| pair[0].end() == pair[1].start)
}

#[test]
fn a_loop_is_found_with_its_period() {
    let found = segments(2, |x| {
        let mut y = x[0];
        for r in 0..100 {
            y = (y * x[1] + r as f64).sin();
        }
        y
    });
    assert!(has_no_gap(&found));
    assert_eq!(longest(&found), (3, 99), "{found:?}");
}

#[test]
fn of_two_nested_loops_the_outer_one_is_found() {
    let found = segments(10, |x| {
        let mut total = Var::constant(0.0);
        for r in 0..50 {
            let mut s = x[9] * r as f64;
            for &w in &x[..9] {
                s = (s + w) * 0.5;
            }
            total += s.tanh();
        }
        total
    });
    let (len, count) = longest(&found);
    assert_eq!(len, 21, "{found:?}"); // 1 + 9 · 2 + 2, the sum over all repetitions with them
    assert!(count >= 48);
}

#[test]
fn two_loops_after_each_other_are_found() {
    let found = segments(40, |x| {
        let squares = x.iter().map(|&x| x * x).sum::<Var>();
        let mut y = x[0];
        for k in 0..40 {
            y = (y.exp() + x[39 - k]).ln();
        }
        squares + y
    });
    let repeated: Vec<usize> = found.iter().filter(|s| s.count > 1).map(|s| s.len).collect();
    assert_eq!(repeated, [2, 3], "{found:?}");
}

#[test]
fn what_does_not_repeat_is_one_segment() {
    let found = segments(3, |x| {
        let mut y = x[0];
        let mut state = 1u32;
        for _ in 0..200 {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            y = match state >> 30 {
                0 => y * x[1],
                1 => y.sin(),
                2 => x[2] - y,
                _ => y.exp() / x[1],
            };
        }
        y
    });
    assert!(has_no_gap(&found));
    assert!(longest(&found).1 < 20, "{found:?}");
}

#[test]
fn operands_that_are_now_within_and_now_before_a_repetition_end_it() {
    // The same words, but in the middle an operand of another repetition takes the place of one of its own.
    let found = segments(2, |x| {
        let mut y = x[0] * x[0];
        let mut before = x[0] * x[1];
        for r in 0..60 {
            let product = y * x[1];
            let s = product.sin();
            y = y.cos() + if r == 20 { s * before } else { s * product };
            before = product;
        }
        y
    });
    let repeated: Vec<usize> = found.iter().filter(|s| s.count > 1).map(|s| s.count).collect();
    assert_eq!(repeated.len(), 2, "{found:?}");
    assert!((18..=20).contains(&repeated[0]) && (38..=40).contains(&repeated[1]));
}

#[test]
fn an_unrolled_sum_has_the_same_bits() {
    let x: Vec<f64> = (0..50).map(|k| 10f64.powi(k % 17) * (k as f64).sin()).collect();
    let f = Function::record(&x, |x| {
        let negative: Vec<Var> = x.iter().map(|&x| x * -0.0).collect();
        let (sum, dot) = (crate::sum(x), crate::dot(x, &negative));
        let inner = crate::sum(&[sum, dot, x[3]]);
        [sum, dot, inner, crate::sum(&negative), crate::sum(&[])]
    });
    let unrolled = Function { program: unroll_sums(&f.program), ..f.clone() };
    assert!(unrolled.operations() > 100);
    for x in [x, vec![-0.0; 50], vec![0.0; 50], vec![f64::INFINITY; 50]] {
        let bits = |f: &Function| f.values(&x).unwrap().into_iter().map(f64::to_bits).collect::<Vec<_>>();
        assert_eq!(bits(&unrolled), bits(&f), "{x:?}");
    }
}

#[test]
fn a_short_function_is_one_piece_and_a_long_loop_is_not() {
    let record = |count: usize| Function::record(&[0.5, 0.9], |x| (0..count).fold(x[0], |y, _| (y * x[1]).sin()));
    let has_loops = |f: &Function| f.compile_in(Sizes::USUAL).unwrap().unit.joint.is_some();
    assert!(!has_loops(&record(20)));
    assert!(has_loops(&record(2000)));
}
