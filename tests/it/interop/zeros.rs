//! `nalgebra`: eigenvalues, singular values and determinants at matrices with many zeros, where rounding noise stands in
//! for a zero inside the algorithms.

use super::nalgebra::assert_close;
use crate::model::random::Random;
use nalgebra::{DMatrix, DVector};
use scalargrad::function::Function;
use scalargrad::interop::nalgebra::{determinant, singular_values, svd, symmetric_eigen};
use scalargrad::{Var, gradient, hessian, jvp};

/// Small whole numbers, most of them 0.
fn with_zeros(random: &mut Random, rows: usize, columns: usize) -> DMatrix<f64> {
    DMatrix::from_fn(rows, columns, |i, j| {
        if i == j { random.below(9) as f64 } else { random.of(&[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, -1.0, 2.0]) }
    })
}

/// What is below the diagonal, also above it.
fn mirrored(m: &DMatrix<f64>) -> DMatrix<f64> {
    DMatrix::from_fn(m.nrows(), m.nrows(), |i, j| m[(i.max(j), i.min(j))])
}

/// `∂/∂A` of a function of a symmetric matrix of which the lower triangle is read.
fn lower(m: &DMatrix<f64>) -> DMatrix<f64> {
    DMatrix::from_fn(m.nrows(), m.nrows(), |i, j| match i.cmp(&j) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => m[(i, i)],
        std::cmp::Ordering::Greater => m[(i, j)] + m[(j, i)],
    })
}

/// Whether no two of the numbers are nearly equal.
fn are_distinct(numbers: &[f64]) -> bool {
    (0..numbers.len()).all(|i| (0..i).all(|j| (numbers[i] - numbers[j]).abs() > 0.05))
}

/// A symmetric matrix with zeros whose eigenvalues are distinct, and what `nalgebra` says that they are.
fn distinct(random: &mut Random, n: usize) -> (DMatrix<f64>, DVector<f64>, DMatrix<f64>) {
    loop {
        let m = mirrored(&with_zeros(random, n, n));
        let eigen = m.clone().symmetric_eigen();
        if are_distinct(eigen.eigenvalues.as_slice()) {
            return (m, eigen.eigenvalues, eigen.eigenvectors);
        }
    }
}

fn matrix(n: usize, x: &[Var]) -> DMatrix<Var> {
    DMatrix::from_column_slice(n, n, x)
}

fn square(x: &[f64]) -> DMatrix<f64> {
    let n = x.len().isqrt();
    DMatrix::from_column_slice(n, n, x)
}

#[test]
fn an_eigenvalue_by_an_entry_that_does_not_change_it() {
    let rows = [
        [2.0, 1.0, 0.0, 0.0, 1.0, 0.0],
        [1.0, 3.0, 0.0, 0.0, 0.0, 1.0],
        [0.0, 0.0, 4.0, 0.0, 0.0, 0.0],
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        [1.0, 0.0, 0.0, 0.0, 3.0, 1.0],
        [0.0, 1.0, 0.0, 0.0, 1.0, 0.0],
    ];
    for k in 0..6 {
        let found = gradient(|x| symmetric_eigen(&matrix(6, x)).eigenvalues[k], rows.as_flattened());
        assert!(found[3].abs() < 1e-13, "{}", found[3]);
    }
}

#[test]
fn eigenvalues() {
    let mut random = Random::new(1);
    for n in 2..=8 {
        for _ in 0..40 {
            let (m, values, vectors) = distinct(&mut random, n);
            let direction = DMatrix::from_fn(n, n, |_, _| random.below(7) as f64 - 3.0);
            let k = random.below(n);
            let eigenvalue = |x: &[Var]| symmetric_eigen(&matrix(n, x)).eigenvalues[k];
            let expected = lower(&(vectors.column(k) * vectors.column(k).transpose()));
            assert_close(&square(&gradient(eigenvalue, m.as_slice())), &expected, 1e-12);
            let (value, slope) = jvp(eigenvalue, m.as_slice(), direction.as_slice());
            assert!((value[0] - values[k]).abs() < 1e-13 * values.amax().max(1.0));
            assert!((slope[0] - expected.dot(&direction)).abs() < 1e-11);
        }
    }
}

#[test]
fn eigenvectors() {
    let mut random = Random::new(2);
    for n in 2..=8 {
        for _ in 0..25 {
            let (m, values, vectors) = distinct(&mut random, n);
            let (k, row) = (random.below(n), random.below(n));
            let mut expected = DMatrix::zeros(n, n);
            for j in (0..n).filter(|&j| j != k) {
                let share = vectors[(row, j)] / (values[k] - values[j]);
                expected += lower(&(vectors.column(j) * vectors.column(k).transpose())) * share;
            }
            let found = gradient(|x| symmetric_eigen(&matrix(n, x)).eigenvectors[(row, k)], m.as_slice());
            assert_close(&square(&found), &expected, 1e-11);
        }
    }
}

#[test]
fn second_derivatives_of_eigenvalues() {
    let mut random = Random::new(3);
    for n in 2..=5 {
        for _ in 0..20 {
            let (m, values, vectors) = distinct(&mut random, n);
            let k = random.below(n);
            let found = hessian(|x| symmetric_eigen(&matrix(n, x)).eigenvalues[k], m.as_slice());
            let mut expected = DMatrix::zeros(n * n, n * n);
            for j in (0..n).filter(|&j| j != k) {
                let slopes = lower(&(vectors.column(j) * vectors.column(k).transpose()));
                let slopes = DVector::from_column_slice(slopes.as_slice());
                expected += &slopes * slopes.transpose() * (2.0 / (values[k] - values[j]));
            }
            assert_close(&DMatrix::from(found), &expected, 1e-10);
        }
    }
}

#[test]
fn at_equal_eigenvalues_their_sum_is_right() {
    let mut random = Random::new(4);
    for n in 2..=8 {
        for _ in 0..25 {
            let m = with_zeros(&mut random, n, n);
            let (values, found) = {
                let x = m.map(Var::new);
                let values = symmetric_eigen(&x).eigenvalues;
                values.sum().backward();
                (values.map(Var::value), x.map(Var::grad))
            };
            assert_close(&found, &DMatrix::identity(n, n), 1e-12);
            let expected = m.clone().symmetric_eigen().eigenvalues;
            assert!((values - &expected).amax() < 1e-13 * expected.amax().max(1.0));
        }
    }
}

#[test]
fn a_recorded_eigenvalue_is_computed_anew() {
    let mut random = Random::new(5);
    let mut replays = 0;
    for n in 2..=6 {
        for _ in 0..25 {
            let (m, ..) = distinct(&mut random, n);
            let k = random.below(n);
            let eigenvalue = |x: &[Var]| symmetric_eigen(&matrix(n, x)).eigenvalues[k];
            let f = Function::record(m.as_slice(), eigenvalue);
            assert!(f.frozen_reads().is_empty());
            let moved = m.map(|x| if x == 0.0 { 0.0 } else { x + random.between(-0.1, 0.1) });
            let moved = mirrored(&moved);
            for point in [&m * 2.0, moved] {
                let Ok((value, found)) = f.gradient(point.as_slice()) else { continue };
                replays += 1;
                let expected = gradient(eigenvalue, point.as_slice());
                assert_close(&square(&found), &square(&expected), 1e-11);
                assert!((value - point.clone().symmetric_eigen().eigenvalues[k]).abs() < 1e-12 * value.abs().max(1.0));
                #[cfg(feature = "jit")]
                if n <= 3 && replays % 20 == 0 {
                    let compiled = f.compile().unwrap().gradient(point.as_slice()).unwrap();
                    assert_eq!(compiled.0, value);
                    assert_close(&square(&compiled.1), &square(&found), 1e-13);
                }
            }
        }
    }
    assert!(replays > 150, "{replays}");
}

/// A matrix with zeros whose singular values are distinct, and not 0 where this is asked for.
fn distinct_singular(random: &mut Random, rows: usize, columns: usize, may_be_singular: bool) -> DMatrix<f64> {
    loop {
        let m = with_zeros(random, rows, columns);
        let values = m.clone().svd(false, false).singular_values;
        if are_distinct(values.as_slice()) && (may_be_singular || values.min() > 0.05) {
            return m;
        }
    }
}

#[test]
fn singular_values_and_their_second_derivatives() {
    let mut random = Random::new(6);
    for (rows, columns) in [(2, 2), (3, 3), (4, 4), (2, 4), (5, 3), (6, 1), (1, 3)] {
        for _ in 0..12 {
            let m = distinct_singular(&mut random, rows, columns, false);
            let reference = m.clone().svd(true, true);
            let k = random.below(rows.min(columns));
            let expected = reference.u.unwrap().column(k) * reference.v_t.unwrap().row(k);
            let value = |x: &[Var]| singular_values(&DMatrix::from_column_slice(rows, columns, x))[k];
            let found = gradient(value, m.as_slice());
            assert_close(&DMatrix::from_column_slice(rows, columns, &found), &expected, 1e-12);
            // The squares are eigenvalues of a symmetric matrix.
            let square = |x: &[Var]| {
                let m = DMatrix::from_column_slice(rows, columns, x);
                let m = if rows > columns { m.transpose() * m } else { &m * m.transpose() };
                let values = symmetric_eigen(&m).eigenvalues;
                let sigma = reference.singular_values[k];
                let near = |x: &Var| (x.value() - sigma * sigma).abs();
                values.iter().copied().min_by(|a, b| near(a).total_cmp(&near(b))).unwrap().sqrt()
            };
            let (found, expected) = (hessian(value, m.as_slice()), hessian(square, m.as_slice()));
            assert_close(&DMatrix::from(found), &DMatrix::from(expected), 1e-8);
        }
    }
}

#[test]
fn what_is_made_of_singular_vectors() {
    let mut random = Random::new(7);
    for (rows, columns) in [(2, 2), (4, 4), (6, 6), (2, 4), (5, 3), (4, 6)] {
        for _ in 0..40 {
            let m = distinct_singular(&mut random, rows, columns, rows == columns);
            let (i, j) = (random.below(rows), random.below(columns));
            let decompose = |x: &[Var]| svd(&DMatrix::from_column_slice(rows, columns, x));
            let found = gradient(|x| decompose(x).recompose().unwrap()[(i, j)], m.as_slice());
            let mut expected = DMatrix::zeros(rows, columns);
            expected[(i, j)] = 1.0;
            assert_close(&DMatrix::from_column_slice(rows, columns, &found), &expected, 1e-10);
            if m.clone().svd(false, false).singular_values.min() < 0.05 {
                continue;
            }
            let inverse = |x: &[Var]| decompose(x).pseudo_inverse(Var::constant(1e-9)).unwrap()[(j, i)];
            let by_solving = |x: &[Var]| {
                let m = DMatrix::from_column_slice(rows, columns, x);
                let t = m.transpose();
                let inverse = if rows >= columns {
                    (&t * &m).try_inverse().unwrap() * &t
                } else {
                    &t * (&m * &t).try_inverse().unwrap()
                };
                inverse[(j, i)]
            };
            let [found, expected] = [gradient(inverse, m.as_slice()), gradient(by_solving, m.as_slice())];
            let [found, expected] = [found, expected].map(|x| DMatrix::from_column_slice(rows, columns, &x));
            assert_close(&found, &expected, 1e-9);
        }
    }
}

#[test]
fn where_singular_values_are_equal_or_zero_their_sum_of_squares_is_right() {
    let mut random = Random::new(8);
    for (rows, columns) in [(2, 2), (3, 3), (5, 5), (2, 4), (5, 3)] {
        for _ in 0..25 {
            let m = with_zeros(&mut random, rows, columns);
            let x = m.map(Var::new);
            let values = singular_values(&x);
            values.dot(&values).backward();
            assert_close(&x.map(Var::grad), &(&m * 2.0), 1e-12);
            let expected = m.clone().svd(false, false).singular_values;
            assert!((values.map(Var::value) - &expected).amax() < 1e-13 * expected.amax().max(1.0));
            assert!(values.iter().all(|x| x.value() >= 0.0));
        }
    }
}

/// By minors, which is exact for small whole numbers.
fn by_minors(m: &DMatrix<f64>) -> f64 {
    let term = |j: usize| {
        let sign = if j.is_multiple_of(2) { 1.0 } else { -1.0 };
        if m[(0, j)] == 0.0 { 0.0 } else { sign * m[(0, j)] * by_minors(&m.clone().remove_row(0).remove_column(j)) }
    };
    if m.is_empty() { 1.0 } else { (0..m.ncols()).map(term).sum() }
}

#[test]
fn determinants_of_singular_matrices() {
    let mut random = Random::new(9);
    for n in 1..=6 {
        for _ in 0..25 {
            let mut m = with_zeros(&mut random, n, n);
            let rank = random.below(n + 1);
            if random.once_in(2) {
                for _ in rank..n {
                    let (i, j) = (random.below(n), random.below(n));
                    let column = if i == j { DVector::zeros(n) } else { m.column(i) * 2.0 };
                    m.set_column(j, &column);
                }
            }
            // The function is affine in each entry, so its differences are its derivatives.
            let moved = |entries: &[usize]| {
                let mut m = m.clone();
                entries.iter().for_each(|&k| m.as_mut_slice()[k] += 1.0);
                by_minors(&m)
            };
            let f = |x: &[Var]| determinant(&matrix(n, x));
            let value = moved(&[]);
            let expected = DMatrix::from_fn(n, n, |i, j| moved(&[i + j * n]) - value);
            assert_close(&square(&gradient(f, m.as_slice())), &expected, 1e-12);
            if n <= 4 {
                let expected = DMatrix::from_fn(n * n, n * n, |a, b| {
                    if a == b { 0.0 } else { moved(&[a, b]) - moved(&[a]) - moved(&[b]) + value }
                });
                assert_close(&DMatrix::from(hessian(f, m.as_slice())), &expected, 1e-11);
            }
        }
    }
}

#[test]
fn determinants_of_static_and_empty_matrices() {
    let x = nalgebra::Matrix4::<f64>::zeros().map(Var::new);
    let third = determinant(&x).differentiate(&[x[(0, 0)]])[0].differentiate(&[x[(1, 1)]])[0];
    let fourth = third.differentiate(&[x[(2, 2)]])[0].differentiate(&[x[(3, 3)]])[0];
    assert_eq!(fourth.value(), 1.0);
    assert_eq!(determinant(&DMatrix::<Var>::zeros(0, 0)).value(), 1.0);
}

#[test]
fn decompositions_at_any_scale_of_any_numbers_and_under_detection() {
    use scalargrad::anomaly::detect;
    let m = nalgebra::dmatrix![2.0, 1.0; 1.0, 3.0];
    assert!(detect(|| symmetric_eigen(&m.map(Var::new)).eigenvalues[0].backward()).is_ok());
    assert!(detect(|| svd(&m.map(Var::new)).u.unwrap()[(0, 1)].backward()).is_ok());
    assert!(detect(|| determinant(&m.map(Var::new)).backward()).is_ok());
    for scale in [1e-300, 1e-170, 1e-155, 1.0, 1e154, 1e175, 1e300] {
        let x = (nalgebra::dmatrix![2.0, 1.0; 0.0, 1.0] * scale).map(Var::new);
        let nalgebra::SVD { u, singular_values, .. } = svd(&x);
        let u = u.unwrap();
        (u[(0, 0)] / u[(1, 0)]).backward();
        let slopes = x.map(|x| x.grad() * scale);
        let exact = [3.788854381999831, -7.577708763999663, -1.8944271909999157, -5.683281572999747];
        for (slope, exact) in slopes.iter().zip(exact) {
            assert!((slope - exact).abs() < 1e-12, "{scale:e}: {slopes}");
        }
        let values = (nalgebra::dmatrix![2.0, 1.0; 0.0, 1.0] * scale).singular_values();
        for (value, exact) in singular_values.iter().zip(&values) {
            assert!((value.value() / exact - 1.0).abs() < 1e-14);
        }
        let m = nalgebra::dmatrix![2.0, 1.0, 0.5; 1.0, 3.0, 0.25; 0.5, 0.25, 5.0] * scale;
        let y = m.map(Var::new);
        let largest = symmetric_eigen(&y).eigenvalues.iter().copied().fold(Var::constant(0.0), |a, b| a.max(b));
        largest.backward();
        assert!((largest.value() / m.symmetric_eigenvalues().max() - 1.0).abs() < 1e-14, "{scale:e}");
        assert!((y.map(|y| y.grad()).trace() - 1.0).abs() < 1e-13, "{scale:e}");
    }
    for nan in [f64::NAN, f64::INFINITY] {
        let m = nalgebra::dmatrix![1.0, nan, 3.0; 1.0, 2.0, 4.0; 1.0, 1.0, 5.0];
        let x = m.map(Var::new);
        assert!(singular_values(&x).iter().all(|x| x.is_nan()) && svd(&x).v_t.unwrap()[(0, 0)].is_nan());
        assert!(symmetric_eigen(&m.transpose().map(Var::new)).eigenvalues[0].is_nan());
    }
}
