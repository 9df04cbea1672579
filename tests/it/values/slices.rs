//! Sums, products, and functions of slices.

use super::*;

fn slices() -> Vec<Vec<f64>> {
    let mut bits = Bits(5);
    let mut slices: Vec<Vec<f64>> = (0..400).map(|k| (0..k % 40).map(|_| bits.double()).collect()).collect();
    slices.extend((0..400).map(|k| (0..k % 40).map(|_| (bits.next() >> 11) as f64 * 1e-15).collect()));
    slices.extend([vec![-0.0], vec![-0.0, -0.0], vec![0.0, -0.0], vec![]]);
    slices
}

fn vars(x: &[f64]) -> Vec<Var> {
    x.iter().map(|&x| Var::new(x)).collect()
}

#[test]
fn sum_and_product_of_iterators() {
    for x in slices() {
        let u = vars(&x);
        let (total, product): (f64, f64) = (x.iter().sum(), x.iter().product());
        assert_same("sum", &x, u.iter().sum(), total);
        assert_same("sum", &x, u.iter().copied().sum(), total);
        assert_same("sum", &x, sum(&u), total);
        assert_same("product", &x, u.iter().product(), product);
        assert_same("product", &x, u.iter().copied().product(), product);
        let constants = x.iter().map(|&x| Var::constant(x));
        assert_same("sum", &x, constants.clone().sum(), total);
        assert_same("product", &x, constants.product(), product);
    }
}

#[test]
fn functions_of_slices_are_those_of_plain_slices() {
    for x in slices() {
        let u = vars(&x);
        let y: Vec<f64> = x.iter().rev().copied().collect();
        let expected: f64 = x.iter().zip(&y).map(|(x, y)| x * y).sum();
        assert_same("dot", &x, dot(&u, &vars(&y)), expected);
        assert_same("weighted_sum", &x, weighted_sum(&u, &y), expected);
        assert_same("norm", &x, norm(&u), <f64 as Real>::norm(&x));
        let expected = <f64 as Real>::log_sum_exp(&x);
        assert_same("log_sum_exp", &x, log_sum_exp(&u), expected);
        if x.iter().any(|x| x.is_nan()) {
            assert!(norm(&u).value().is_nan());
            assert!(log_sum_exp(&u).value().is_nan());
            assert!(softmax(&u).iter().all(|z| z.value().is_nan()));
        }
    }
}

#[test]
fn softmax_is_positive_and_sums_to_one_without_overflow() {
    for x in [[1000.0, 999.0, -2000.0], [-1e300, 0.0, 1e300], [0.0; 3]] {
        let z = softmax(&vars(&x));
        let total: f64 = z.iter().map(|z| z.value()).sum();
        assert!((total - 1.0).abs() < 1e-15);
        assert!(z.iter().all(|z| (0.0..=1.0).contains(&z.value())));
    }
    assert!(softmax(&[]).is_empty());
}

#[test]
fn softmax_takes_one_node_per_output_and_two_that_they_share() {
    for n in 1..20 {
        let x = vars(&vec![0.5; n]);
        let before = graph::len();
        let z = softmax(&x);
        assert_eq!(graph::len() - before, n + 2);
        assert!(z.iter().all(|z| z.op() == Op::SoftmaxShare));
        let operands = z[n - 1].operands();
        let ops: Vec<Op> = operands.iter().map(|x| x.op()).collect();
        assert_eq!(ops, [Op::Leaf, Op::LogSumExp, Op::SumExp]);
        assert_eq!(operands[2].operands().len(), n + 1);
    }
    let z = softmax(&[Var::new(1.0), Var::constant(2.0)]);
    let e = 1f64.exp();
    assert_eq!(z[1].value(), e / (1.0 + e));
    assert_eq!(z[1].operands()[0].value(), 2.0);
}

#[test]
fn norm_neither_overflows_nor_underflows() {
    for scale in [1e300, 1e200, 1.0, 1e-200, 1e-300] {
        let z = norm(&vars(&[3.0 * scale, -4.0 * scale])).value();
        assert!((z / (5.0 * scale) - 1.0).abs() < 4e-16);
    }
    assert_eq!(norm(&vars(&[-3.0])).value(), 3.0);
    assert_eq!(norm(&[]).value(), 0.0);
}
