//! `ndarray`

use ndarray::{Array1, Array2, Array3, Axis, array};
use scalargrad::function::Function;
use scalargrad::{Matrix, Var, jacobian};

fn numbers() -> (Array2<f64>, Array1<f64>) {
    let w = Array2::from_shape_fn((3, 4), |(i, j)| (i as f64 - 0.7) * (j as f64 + 0.3));
    (w, array![0.2, -1.0, 3.0, 0.5])
}

#[test]
fn products_and_sums_are_those_of_f64_and_have_their_gradients() {
    let (w, x) = numbers();
    let (u, v) = (w.mapv(Var::new), x.mapv(Var::new));
    let y = u.dot(&v);
    for (found, expected) in y.iter().zip(&w.dot(&x)) {
        assert!((found.value() - expected).abs() < 1e-14);
    }
    y.sum().backward();
    for ((_, j), slope) in u.mapv(Var::grad).indexed_iter() {
        assert_eq!(*slope, x[j]);
    }
    for (found, expected) in v.mapv(Var::grad).iter().zip(&w.sum_axis(Axis(0))) {
        assert!((found - expected).abs() < 1e-15);
    }
    assert!((u.dot(&u.t()).sum().value() - w.dot(&w.t()).sum()).abs() < 1e-13);
    assert_eq!(u.mean().unwrap().value(), w.mean().unwrap());
    assert_eq!((&u * &v + &u).mapv(Var::value), &w * &x + &w);
}

#[test]
fn a_variable_is_broadcast_from_either_side() {
    let (w, _) = numbers();
    let c = Var::new(2.5);
    let u = w.mapv(Var::new);
    assert_eq!((&u + c).mapv(Var::value), &w + 2.5);
    assert_eq!((&u - c).mapv(Var::value), &w - 2.5);
    assert_eq!((&u * c).mapv(Var::value), &w * 2.5);
    assert_eq!((&u / c).mapv(Var::value), &w / 2.5);
    assert_eq!((u.clone() * c).mapv(Var::value), &w * 2.5);
    assert_eq!((c + &u).mapv(Var::value), 2.5 + &w);
    assert_eq!((c - &u).mapv(Var::value), 2.5 - &w);
    assert_eq!((c * &u).mapv(Var::value), 2.5 * &w);
    assert_eq!((c / u.clone()).mapv(Var::value), 2.5 / &w);
    // And of an array of numbers.
    let product = c * &w;
    assert_eq!(product.mapv(Var::value), 2.5 * &w);
    product.sum().backward();
    assert!((c.grad() - w.sum()).abs() < 1e-14);
    let mut in_place = u.clone();
    in_place *= c;
    in_place += &u;
    assert_eq!(in_place.mapv(Var::value), &w * 2.5 + &w);
    assert_eq!((&u * Var::from(2.0)).mapv(Var::value), &w * 2.0);
}

#[test]
fn matrices_are_converted_both_ways() {
    let m = jacobian(|x| [x[0] * x[1], x[1] * x[2]], &[1.0, 2.0, 3.0]);
    let a = Array2::from(&m);
    assert_eq!(a, array![[2.0, 1.0, 0.0], [0.0, 3.0, 2.0]]);
    assert_eq!(Matrix::from(&a), m);
    // One whose rows do not lie one after the other.
    assert_eq!(Matrix::from(a.t().to_owned()).row(1), [1.0, 3.0]);
    assert_eq!(Matrix::from(a.reversed_axes()).row(2), [0.0, 2.0]);
}

#[test]
fn arrays_are_recorded() {
    let (w, x) = numbers();
    let f = Function::record(x.as_slice().unwrap(), |x| {
        let x = Array1::from_vec(x.to_vec());
        w.mapv(Var::from).dot(&x).mapv(|y| y.tanh()).sum()
    });
    let point = [1.0, 0.5, -0.25, 2.0];
    let expected = w.dot(&Array1::from_vec(point.to_vec())).mapv(f64::tanh).sum();
    assert!((f.value(&point).unwrap() - expected).abs() < 1e-15);
    assert!(f.frozen_reads().is_empty());
    let zeros = Array3::<Var>::zeros((1, 2, 3));
    assert!(zeros.iter().all(|x| x.is_constant()));
}
