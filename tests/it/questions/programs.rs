//! Random generic programs that ask are right on replay, or refused.

use super::*;

/// A step of a generic program: a choice of what to do, and of the numbers to do it with.
type Step = (u8, usize, usize);

/// A generic program over numbers that are asked, as a user would write one.
fn run<T: Float + Signed + Euclid>(steps: &[Step], x: &[T]) -> T {
    let mut numbers = x.to_vec();
    for &(what, a, b) in steps {
        let (a, b) = (numbers[a % numbers.len()], numbers[b % numbers.len()]);
        let choose = |answer: bool| if answer { a + b } else { a - b * a };
        let next = match what {
            0 => choose(Float::is_nan(a)),
            1 => choose(Float::is_infinite(a)),
            2 => choose(Float::is_finite(a)),
            3 => choose(Float::is_normal(a)),
            4 => choose(Float::is_sign_positive(a)),
            5 => choose(Float::is_sign_negative(a)),
            6 => match Float::classify(a) {
                FpCategory::Zero => b,
                FpCategory::Normal => a * b,
                _ => a - b,
            },
            7 => choose(Signed::is_positive(&a)),
            8 => choose(Signed::is_negative(&a)),
            9 => choose(a.is_zero()),
            10 => choose(a.is_one()),
            11 => choose(a < b),
            12 => choose(a == b),
            13 => Float::abs_sub(a, b),
            14 => Euclid::div_euclid(&a, &b),
            15 => Euclid::rem_euclid(&a, &b),
            16 if Float::is_nan(b) => a,
            16 => num_traits::clamp(a, -Float::abs(b), Float::abs(b)),
            17 => Float::max(a, b).ln(),
            18 => Signed::signum(&a) * Float::floor(b),
            19 => a / b,
            20 => {
                let mut sorted = [a, b, a * b];
                sorted.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
                sorted[1]
            }
            21 => num_traits::pow(a, 3),
            _ => numbers.iter().copied().fold(T::neg_infinity(), T::max) - T::one(),
        };
        numbers.push(next);
    }
    numbers[numbers.len() - 1]
}

fn number() -> impl Strategy<Value = f64> {
    prop_oneof![
        4 => -3.0..3.0f64,
        3 => (-3..4i32).prop_map(f64::from),
        1 => prop::sample::select(vec![-0.0, f64::NAN, f64::INFINITY, f64::NEG_INFINITY, 1e-310, 1e300]),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn a_generic_program_that_asks_is_right_on_replay_or_refused(
        steps in prop::collection::vec((0u8..23, 0usize..64, 0usize..64), 1..12),
        x in prop::array::uniform3(number()),
        others in prop::collection::vec(prop::array::uniform3(number()), 1..6),
    ) {
        let f = Function::record(&x, |x| run(&steps, x));
        prop_assert!(f.frozen_reads().is_empty());
        let mut recorder = Recorder::new(|x: &[Var]| run(&steps, x));
        let is_same = |a: f64, b: f64| a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan();
        for x in [x].iter().chain(&others) {
            let expected = run(&steps, x);
            if let Ok(found) = f.value(x) {
                prop_assert!(is_same(found, expected), "{found:?}, not {expected:?} at {x:?}");
            }
            let (found, _) = recorder.gradient(x);
            prop_assert!(is_same(found, expected), "{found:?}, not {expected:?} at {x:?}");
        }
        prop_assert!(f.value(&x).is_ok());
    }
}
