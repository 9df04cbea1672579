//! What one call gives at once is what several calls give: values with the Jacobian, value and gradient with a product of the
//! Hessian.

use scalargrad::function::{Counted, Function, ReplayError};
use scalargrad::{
    Matrix, Var, gradient, hvp, jacobian, jvp, taylor, value_and_gradient, value_gradient_and_hvp, values_and_jacobian,
};

/// A function of `n` inputs with `m` outputs, each of which depends on `width` inputs side by side.
fn banded(m: usize, width: usize) -> impl Fn(&[Var]) -> Vec<Var> + Copy {
    move |x| {
        let at = |k: usize| x[k % x.len()];
        let output = |i: usize| {
            let products = (i..i + width).map(|k| at(k).sin() * at(k) + at(i) / (at(k) * at(k) + 1.0));
            products.sum::<Var>() - at(i).abs().max(0.25)
        };
        (0..m).map(output).collect()
    }
}

fn point(n: usize) -> Vec<f64> {
    (0..n).map(|k| (k as f64 * 0.7 + 0.3).sin()).collect()
}

fn assert_close(found: &[f64], expected: &[f64], what: &str) {
    assert_eq!(found.len(), expected.len(), "{what}");
    for (found, expected) in found.iter().zip(expected) {
        let by = (found - expected).abs();
        assert!(by <= 1e-13 * expected.abs().max(1.0), "{what}: {found} for {expected}");
    }
}

#[test]
fn the_values_and_the_jacobian_come_by_one_call_whatever_the_shape() {
    for (m, n, width) in [
        (0, 3, 1),
        (1, 3, 3),
        (2, 15, 15),
        (3, 1, 1),
        (4, 9, 5),
        (8, 2, 2),
        (9, 20, 4),
        (40, 3, 3),
        (40, 12, 12),
        (90, 30, 3),
        (150, 140, 5),
        (150, 1, 1),
    ] {
        let (f, x, what) = (banded(m, width), point(n), format!("{m} × {n}"));
        let rows: Vec<f64> = (0..m).flat_map(|i| gradient(|x| f(x)[i], &x)).collect();
        let (values, matrix) = values_and_jacobian(f, &x);
        assert_close(matrix.as_slice(), &rows, &what);
        assert_eq!(matrix, jacobian(f, &x));
        let recorded = Function::record(&x, f);
        assert_eq!(values, recorded.values(&x).unwrap(), "{what}");
        let (again, matrix) = recorded.values_and_jacobian(&x).unwrap();
        assert_eq!(values, again, "{what}");
        assert_eq!((matrix.rows(), matrix.cols()), (m, n));
        assert_close(matrix.as_slice(), &rows, &what);
        let (mut values_there, mut rows_there) = (vec![7.0; m], vec![7.0; m * n]);
        for _ in 0..2 {
            recorded.values_and_jacobian_into(&x, &mut values_there, &mut rows_there).unwrap();
            assert_eq!((&values_there[..], &rows_there[..]), (&values[..], matrix.as_slice()));
        }
        #[cfg(feature = "jit")]
        {
            let compiled = recorded.compile().unwrap();
            let (again, matrix) = compiled.values_and_jacobian(&x).unwrap();
            assert_eq!(values, again, "{what}");
            assert_close(matrix.as_slice(), &rows, &what);
        }
    }
}

#[test]
fn in_lanes_an_adjoint_of_zero_gives_nothing_even_through_an_infinite_partial() {
    let f = |x: &[Var]| {
        let (root, masked) = (x[0].sqrt(), x[0].sqrt() * x[1]);
        [root, masked + x[2], x[2].max(x[0].ln()), x[2] * x[3], x[3].relu() * root]
    };
    let x = [0.0, 0.0, 2.0, 3.0];
    let recorded = Function::record(&x, f);
    let found = recorded.jacobian(&x).unwrap();
    for i in 0..5 {
        let weights: Vec<f64> = (0..5).map(|k| f64::from(k == i)).collect();
        let row = recorded.vjp(&x, &weights).unwrap();
        let bits = |row: &[f64]| row.iter().map(|p| p.to_bits()).collect::<Vec<_>>();
        assert_eq!(bits(found.row(i)), bits(&row), "row {i}: {:?} {row:?}", found.row(i));
    }
    assert_eq!(found.row(1), [0.0, 0.0, 1.0, 0.0]);
}

#[test]
fn value_and_gradient_come_with_a_product_of_the_hessian() {
    let f = |x: &[Var]| banded(1, 4)(x)[0] * x[1] + x[3].powi(3);
    let (x, v) = (point(5), point(6)[1..].to_vec());
    let (value, slopes) = value_and_gradient(f, &x);
    let product = hvp(f, &x, &v);
    assert_eq!(value_gradient_and_hvp(f, &x, &v), (value, slopes.clone(), product.clone()));
    let recorded = Function::record(&x, f);
    let all = recorded.value_gradient_and_hvp(&x, &v).unwrap();
    assert_eq!((all.0, &all.2), (value, &recorded.hvp(&x, &v).unwrap()));
    assert_close(&all.1, &slopes, "gradient");
    assert_close(&all.2, &product, "product");
    let input = value_gradient_and_hvp(|x| x[1], &[3.0, 4.0], &[1.0, 1.0]);
    assert_eq!(input, (4.0, vec![0.0, 1.0], vec![0.0, 0.0]));
    let none = value_gradient_and_hvp(|_| Var::constant(2.0), &[], &[]);
    assert_eq!(none, (2.0, vec![], vec![]));
    let leaf = value_gradient_and_hvp(|_| Var::new(2.0) * 3.0, &[], &[]);
    assert_eq!(leaf, (6.0, vec![], vec![]));
}

#[test]
fn a_tangent_leaves_out_what_a_sweep_leaves_out() {
    let f = |x: &[Var]| x[0].sqrt() * x[1] + x[0];
    let recorded = Function::record(&[1.0, 2.0], f);
    let (x, v) = ([0.0, 0.0], [1.0, 1.0]);
    assert_eq!(jvp(f, &x, &v), (vec![0.0], vec![1.0]));
    assert_eq!(recorded.jvp(&x, &v).unwrap(), (vec![0.0], vec![1.0]));
    assert_eq!(taylor(|x| x.sqrt() * 0.0 + x, 0.0, 1), [0.0, 1.0]);
}

#[test]
fn a_root_of_many_squares_has_its_hessian_without_an_edge_for_each_pair() {
    let (inputs, squares) = (17, 20_000);
    let x: Vec<f64> = (1..=inputs).map(f64::from).collect();
    let residual = |x: &[Var]| (0..squares).map(|k| (x[k % x.len()] * (1.0 + k as f64)).powi(2)).sum::<Var>();
    let length = |x: &[Var]| residual(x).sqrt();
    let recorded = Function::record(&x, length).hessian(&x).unwrap();
    let mut weights = vec![0.0; x.len()];
    (0..squares).for_each(|k| weights[k % x.len()] += (1.0 + k as f64).powi(2));
    let z: f64 = weights.iter().zip(&x).map(|(w, x)| w * x * x).sum::<f64>().sqrt();
    for (i, j) in (0..x.len()).flat_map(|i| (0..x.len()).map(move |j| (i, j))) {
        let own = if i == j { weights[i] / z } else { 0.0 };
        let want = own - weights[i] * x[i] * weights[j] * x[j] / z.powi(3);
        assert!((recorded[(i, j)] - want).abs() <= 1e-10 * weights[0] / z, "{i} {j}");
    }
}

#[test]
fn what_the_output_does_not_depend_on_gives_a_second_derivative_nothing() {
    let f = |x: &[Var]| {
        let _unused = Var::new(1.0).max(x[0] * x[1]).ln() * x[0].sqrt();
        x[0] * x[0] * x[1]
    };
    let all = value_gradient_and_hvp(f, &[0.0, 2.0], &[1.0, 0.0]);
    assert_eq!(all, (0.0, vec![0.0, 0.0], vec![4.0, 0.0]));
}

#[test]
fn room_of_another_size_is_refused() {
    let f = Function::record(&[1.0, 2.0], |x| [x[0] * x[1], x[1]]);
    let found = |values: usize, jacobian: usize| {
        let into = (&mut vec![0.0; values], &mut vec![0.0; jacobian]);
        match f.values_and_jacobian_into(&[1.0, 2.0], into.0, into.1) {
            Err(ReplayError::WrongLength { what, found, expected, .. }) => Some((what, found, expected)),
            _ => None,
        }
    };
    assert_eq!(found(2, 4), None);
    assert_eq!(found(1, 4), Some((Counted::Values, 1, 2)));
    assert_eq!(found(2, 3), Some((Counted::Jacobian, 3, 4)));
    assert_eq!(f.values_and_jacobian(&[1.0, 2.0]).unwrap().1, Matrix::from_rows(2, 2, vec![2.0, 1.0, 0.0, 1.0]));
}
