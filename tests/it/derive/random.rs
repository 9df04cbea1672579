//! Derivatives of random programs, by every route.

use super::*;
use proptest::prelude::*;
use scalargrad::strategy;

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn second_derivatives_of_random_programs_agree(
        (f, x) in strategy::programs().operations(1..=15).at_point(),
    ) {
        let run = |x: &[Var]| f.evaluate(x);
        let expected = twice(run, &x);
        prop_assume!(expected.as_slice().iter().all(|h| h.is_finite()));
        let size = expected.as_slice().iter().fold(1.0f64, |m, h| m.max(h.abs()));
        let recorded = Function::record(&x, run);
        let dense = recorded.hessian(&x).unwrap();
        let sparse = recorded.sparse_hessian(&x).unwrap().to_dense();
        for ((dense, sparse), expected) in
            dense.as_slice().iter().zip(sparse.as_slice()).zip(expected.as_slice())
        {
            prop_assert!((dense - expected).abs() <= 1e-8 * size, "{} {}", dense, expected);
            prop_assert!((sparse - expected).abs() <= 1e-8 * size, "{} {}", sparse, expected);
        }
    }

    #[test]
    fn forward_equals_reverse_on_random_programs(
        (f, x) in strategy::programs().operations(1..=30).at_point(),
    ) {
        let run = |x: &[Var]| f.evaluate(x);
        let reverse = gradient(run, &x);
        let size = reverse.iter().fold(1.0f64, |m, g| m.max(g.abs()));
        for k in 0..x.len() {
            let mut v = vec![0.0; x.len()];
            v[k] = 1.0;
            let forward = jvp(run, &x, &v).1[0];
            prop_assert!((forward - reverse[k]).abs() <= 1e-10 * size, "{} {}", forward, reverse[k]);
        }
    }
}
