//! Native code in which what repeats is a loop computes what the replay computes.

#![cfg(feature = "jit")]

use scalargrad::function::{Compiled, Function, ReplayError};
use scalargrad::{CustomOp, Var};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// Compares value and gradient with those of the replay: the value bit for bit.
fn compare(what: &str, f: &Function, compiled: &Compiled, x: &[f64]) {
    let (found, expected) = (compiled.gradient(x), f.gradient(x));
    let ((value, gradient), (expected, of_replay)) = match (found, expected) {
        (Ok(found), Ok(expected)) => (found, expected),
        (found, expected) => {
            return assert_eq!(format!("{found:?}"), format!("{expected:?}"), "{what}");
        }
    };
    let is_same = |a: f64, b: f64| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
    assert!(is_same(value, expected), "{what}: {value} not {expected}");
    assert!(is_same(compiled.value(x).unwrap(), expected), "{what}");
    // The same contributions, added up in another order.
    let size = of_replay.iter().fold(0.0f64, |size, d| size.max(d.abs()));
    for (d, expected) in gradient.iter().zip(&of_replay) {
        let is_close = size.is_finite() && (d - expected).abs() <= 1e-11 * size;
        let is_equal = d == expected || is_close || d.is_nan() && expected.is_nan();
        assert!(is_equal, "{what} at {x:?}: {gradient:?} not {of_replay:?}");
    }
}

/// Numbers that are as good as random, from a seed.
struct Random(u64);

impl Random {
    fn below(&mut self, n: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        (self.0 >> 33) as usize % n
    }

    fn number(&mut self) -> f64 {
        self.below(4001) as f64 / 1000.0 - 2.0
    }
}

/// One operation of a body: what it does, and which of the numbers that are there it does it with.
type Step = (usize, usize, usize);

/// A program with a loop or two, one perhaps within the other, of a random body.
struct Loops {
    body: Vec<Step>,
    inner: Vec<Step>,
    counts: [usize; 2],
    stride: usize,
    carried: usize,
    data: Vec<f64>,
    order: Vec<usize>,
}

const INPUTS: usize = 41;

impl Loops {
    fn new(random: &mut Random) -> Loops {
        let steps = |random: &mut Random, most: usize| -> Vec<Step> {
            let count = 1 + random.below(most);
            (0..count).map(|_| (random.below(13), random.below(1000), random.below(1000))).collect()
        };
        Loops {
            body: steps(random, 30),
            inner: steps(random, 6),
            counts: [1 + random.below(40), random.below(4)],
            stride: random.below(4),
            carried: random.below(4),
            data: (0..40).map(|_| random.number()).collect(),
            order: (0..40).map(|_| random.below(INPUTS)).collect(),
        }
    }

    fn evaluate(&self, x: &[Var]) -> Var {
        let mut carried: Vec<Var> = x[..self.carried].to_vec();
        let mut terms = Vec::new();
        let mut grown = x[0] * 0.5;
        for r in 0..self.counts[0] {
            let mut numbers = carried.clone();
            numbers.extend([x[0], x[1], x[2]]);
            numbers.push(x[(r * self.stride) % INPUTS]);
            numbers.push(x[self.order[r]]);
            numbers.push(x[INPUTS - 1 - r % INPUTS]);
            numbers.push(Var::constant(self.data[r]));
            self.steps(&self.body, &mut numbers);
            for _ in 0..self.counts[1] {
                self.steps(&self.inner, &mut numbers);
            }
            let count = numbers.len();
            for (k, carried) in carried.iter_mut().enumerate() {
                *carried = (numbers[count - 1 - k] * 0.5).tanh();
            }
            terms.push(numbers[count - 1]);
            grown += numbers[count - 1] * self.data[r];
        }
        scalargrad::sum(&terms) + grown + carried.iter().copied().sum::<Var>() + x[3]
    }

    fn steps(&self, steps: &[Step], numbers: &mut Vec<Var>) {
        for &(what, a, b) in steps {
            let len = numbers.len();
            let (a, b) = (numbers[len - 1 - a % len], numbers[len - 1 - b % len]);
            numbers.push(match what {
                0 => a + b,
                1 => a - b,
                2 => a * b,
                3 => (a * 0.25).sin(),
                4 => a / (b * b + 1.0),
                5 => a.max(b),
                6 => a.max(0.0),
                7 => (a * 0.1).exp(),
                8 => scalargrad::dot(&[a, b, a], &[b, a, a]) * 0.1,
                9 => scalargrad::norm(&[a, b]),
                10 => (a * a + 0.5).ln(),
                11 => a.tanh() * b,
                _ => Var::select(a.gt_mask(b), a, b * 0.5),
            });
        }
    }
}

#[test]
fn random_loops_compute_what_their_replays_do() {
    let mut random = Random(7);
    for case in 0..60 {
        let loops = Loops::new(&mut random);
        let point = |random: &mut Random| -> Vec<f64> { (0..INPUTS).map(|_| random.number()).collect() };
        let f = Function::record(&point(&mut random), |x| loops.evaluate(x));
        let compiled = f.compile().unwrap();
        let mut points: Vec<Vec<f64>> = (0..2).map(|_| point(&mut random)).collect();
        points.push(vec![0.5; INPUTS]);
        points.push(vec![0.0; INPUTS]);
        points.push(vec![f64::NAN; INPUTS]);
        for x in points {
            compare(&format!("case {case}"), &f, &compiled, &x);
        }
    }
}

#[test]
fn any_number_of_repetitions_is_right() {
    for count in [0, 1, 2, 3, 4, 5, 17, 100] {
        let f = Function::record(&[0.9, 0.2, 0.4], |x| {
            let (mut a, mut b) = (x[0], x[1]);
            let mut total = x[2] * 0.0;
            for r in 0..count {
                for _ in 0..30 {
                    (a, b) = (a + b * 0.01, (b - a * x[2]) * 0.9);
                }
                total += (a * b - r as f64).powi(2);
            }
            total + a
        });
        let compiled = f.compile().unwrap();
        compare(&format!("{count}"), &f, &compiled, &[0.9, 0.2, 0.4]);
        compare(&format!("{count}"), &f, &compiled, &[-0.1, 2.0, 0.0]);
    }
}

#[test]
fn several_outputs_have_their_derivatives() {
    let f = Function::record(&[0.3, 0.7, 1.5], |x| {
        let (mut a, mut b) = (x[0], x[1]);
        for _ in 0..500 {
            (a, b) = (a + (b * x[2]).sin() * 0.01, b - a * 0.01);
        }
        vec![a, b, x[2], Var::constant(2.0), a * b]
    });
    let (compiled, x) = (f.compile().unwrap(), [0.2, 0.9, 1.1]);
    assert_eq!(compiled.values(&x).unwrap(), f.values(&x).unwrap());
    let (found, expected) = (compiled.jacobian(&x).unwrap(), f.jacobian(&x).unwrap());
    for (a, b) in found.as_slice().iter().zip(expected.as_slice()) {
        assert!((a - b).abs() <= 1e-13, "{found:?} not {expected:?}");
    }
}

#[test]
fn the_guard_that_trips_in_the_middle_is_reported() {
    let data: Vec<f64> = (0..300).map(|r| (r as f64 * 0.7).sin()).collect();
    let f = Function::record(&[2.0, 0.5], |x| {
        let mut total = x[1] * 1.0;
        for &d in &data {
            let y = x[0] * d + x[1];
            if y < 10.0 && !y.is_nan() {
                total += y * y;
            }
        }
        total
    });
    assert_eq!(f.guards(), 600);
    let compiled = f.compile().unwrap();
    compare("no guard", &f, &compiled, &[-2.0, 0.25]);
    for scale in [9.8, 10.1, 10.6, 1e9, f64::NAN] {
        let (found, expected) = (compiled.gradient(&[scale, 0.5]), f.gradient(&[scale, 0.5]));
        assert_eq!(format!("{found:?}"), format!("{expected:?}"));
        let value = compiled.value(&[scale, 0.5]);
        assert_eq!(format!("{value:?}"), format!("{:?}", f.value(&[scale, 0.5])));
        assert_eq!(matches!(found, Err(ReplayError::BranchChanged(_))), scale != 9.8 || expected.is_err());
    }
}

#[test]
fn where_a_guard_trips_nothing_is_written() {
    let f = Function::record(&[2.0, 0.5], |x| {
        let mut total = x[1] * 1.0;
        for r in 0..300 {
            let y = x[0] * (r as f64 * 0.7).sin() + x[1];
            if y < 10.0 {
                total += y * y;
            }
        }
        total
    });
    let compiled = f.compile().unwrap();
    let (mut value, mut gradient) = ([7.0], [8.0, 9.0]);
    assert!(compiled.gradient_into(&[1e9, 0.5], &mut gradient).is_err());
    let result = compiled.values_and_jacobian_into(&[1e9, 0.5], &mut value, &mut gradient);
    assert!(result.is_err());
    assert_eq!((value, gradient), ([7.0], [8.0, 9.0]));
}

struct Scaled(f64);

impl CustomOp for Scaled {
    fn label(&self) -> String {
        "scaled".into()
    }
    fn value(&self, x: &[f64]) -> f64 {
        assert!(x[0] != 7.0 || self.0 != 100.0, "seven in the middle");
        x[0] * x[1] * self.0
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        vec![x[1] * self.0, x[0] * self.0]
    }
}

#[test]
fn a_custom_operation_in_a_loop_is_the_one_of_its_repetition() {
    let f = Function::record(&[1.0, 0.5], |x| {
        let mut y = x[1];
        for r in 0..200 {
            y = (y + Var::apply(Scaled(r as f64), &[x[0], y]) * 0.001).sin();
        }
        y
    });
    let compiled = f.compile().unwrap();
    compare("custom", &f, &compiled, &[1.0, 0.5]);
    compare("custom", &f, &compiled, &[-0.3, 2.0]);
    let panic = catch_unwind(AssertUnwindSafe(|| compiled.gradient(&[7.0, 0.5])));
    let payload = panic.unwrap_err();
    assert_eq!(payload.downcast_ref::<&str>(), Some(&"seven in the middle"));
    compare("custom", &f, &compiled, &[1.5, 0.5]);
}

#[test]
fn one_number_under_two_names_gets_both_adjoints() {
    // The two indices meet now and then.
    let f = Function::record(&[0.3, 0.6, 0.9, 1.2, 1.5], |x| {
        let mut total = x[0] * 0.0;
        for r in 0..200 {
            let (a, b) = (x[r * 7 % 5], x[r * r % 5]);
            total += (a * b + r as f64).sin() * (a + b) - a * 0.5;
        }
        total
    });
    let compiled = f.compile().unwrap();
    compare("doubled", &f, &compiled, &[0.1, 0.2, 0.3, 0.4, 0.5]);
}

#[test]
fn a_repeated_part_that_only_a_guard_needs_has_no_derivatives() {
    let limit = Var::new(10.0);
    let f = Function::record(&[0.5, 1.0, 2.0], |x| {
        let smaller = x[2].min(x[1]);
        let decayed = (0..174).fold(x[0], |s, _| s * 0.999);
        [smaller, if decayed > limit { limit } else { smaller }]
    });
    let compiled = f.compile().unwrap();
    let x = [0.25, 2.0, 1.0];
    assert_eq!(compiled.values(&x), f.values(&x));
    assert_eq!(compiled.jacobian(&x), f.jacobian(&x));
}

#[test]
fn loops_are_compiled_and_dropped_many_times() {
    let f = Function::record(&[0.5, 1.0], |x| {
        let mut y = x[0];
        for r in 0..400 {
            y = (y * x[1] + r as f64 * 0.01).cos();
        }
        y
    });
    let expected = f.gradient(&[0.3, 0.8]).unwrap();
    for _ in 0..300 {
        let compiled = f.compile().unwrap();
        let (value, gradient) = compiled.gradient(&[0.3, 0.8]).unwrap();
        assert_eq!(value, expected.0);
        assert!((gradient[0] - expected.1[0]).abs() <= 1e-12);
    }
}
