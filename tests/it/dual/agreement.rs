//! Sweeps agree with duals on every operation.

use super::*;
use std::hint::black_box;

fn assert_close(a: f64, b: f64, what: &str) {
    assert!((a - b).abs() <= 1e-12 * (1.0 + a.abs().max(b.abs())), "{what}: {a} is not {b}");
}

/// Compares the sweep with duals for each expression of `x`, at a point of its domain.
macro_rules! agree {
    ($($point:expr => |$x:ident| $f:expr;)*) => { $( {
        fn f<T: Real>($x: &[T]) -> T {
            $f
        }
        let (point, what): (&[f64], _) = (&$point, stringify!($f));
        let duals: Vec<Dual<f64>> = point.iter().map(|&x| Dual::from(x)).collect();
        assert_eq!(f(point).to_bits(), f(&duals).value.to_bits(), "{what}");
        let sweep = gradient(f::<Var>, point);
        for (a, b) in sweep.iter().zip(forward_gradient(f::<Dual<f64>>, point)) {
            assert_close(*a, b, what);
        }
        let again = scalargrad::graph::scope(|| {
            let x: Vec<Var> = point.iter().map(|&x| Var::new(x)).collect();
            let first = f(&x).differentiate(&x);
            first.iter().map(|d| d.gradients().wrt_all(&x)).collect::<Vec<_>>()
        });
        for (a, b) in again.iter().flatten().zip(forward_hessian(f, point).iter().flatten()) {
            assert_close(*a, *b, &format!("second derivatives of {what}"));
        }
    } )* };
}

#[test]
fn sweeps_and_duals_agree_on_every_operation() {
    agree! {
        [1.3, -0.4] => |x| x[0] + x[1];
        [1.3, -0.4] => |x| x[0] - x[1];
        [1.3, -0.4] => |x| x[0] * x[1];
        [1.3, -0.4] => |x| x[0] / x[1];
        [-7.3, 1.4] => |x| x[0] % x[1];
        [1.3] => |x| -x[0];
        [1.3] => |x| x[0].sqrt();
        [-1.3] => |x| x[0].cbrt();
        [-1.3] => |x| x[0].recip();
        [-1.3] => |x| x[0].powi(black_box(0));
        [-1.3] => |x| x[0].powi(black_box(1));
        [-1.3] => |x| x[0].powi(black_box(2));
        [-1.3] => |x| x[0].powi(black_box(5));
        [-1.3] => |x| x[0].powi(black_box(-3));
        [1.3] => |x| x[0].powi(black_box(11));
        [1.3, -0.4] => |x| x[0].powf(x[1]);
        [0.3, 2.4] => |x| x[0].powf(x[1]);
        [-1.3] => |x| x[0].exp();
        [-1.3] => |x| x[0].exp2();
        [-1.3] => |x| x[0].exp_m1();
        [0.2] => |x| x[0].exp_m1();
        [0.3] => |x| x[0].ln();
        [0.3, 2.7] => |x| x[0].log(x[1]);
        [0.3] => |x| x[0].log2();
        [0.3] => |x| x[0].log10();
        [-0.3] => |x| x[0].ln_1p();
        [1.3] => |x| x[0].sin();
        [1.3] => |x| x[0].cos();
        [1.3] => |x| x[0].tan();
        [0.4] => |x| x[0].asin();
        [0.4] => |x| x[0].acos();
        [-1.3] => |x| x[0].atan();
        [-1.3, 0.7] => |x| x[0].atan2(x[1]);
        [1.3, -0.7] => |x| x[0].atan2(x[1]);
        [-1.3] => |x| x[0].sinh();
        [-1.3] => |x| x[0].cosh();
        [-1.3] => |x| x[0].tanh();
        [0.2] => |x| x[0].tanh();
        [-1.3] => |x| x[0].sech2();
        [-1.3] => |x| x[0].asinh();
        [1.3] => |x| x[0].acosh();
        [-0.3] => |x| x[0].atanh();
        [-1.3, 0.7] => |x| x[0].hypot(x[1]);
        [0.3, -0.7] => |x| x[0].hypot(x[1]);
        [1.3, 0.7, -0.2] => |x| x[0].mul_add(x[1], x[2]);
        [-1.3] => |x| x[0].fract();
        [-1.3] => |x| x[0].to_degrees();
        [-1.3] => |x| x[0].to_radians();
        [-7.3, 1.4] => |x| x[0].rem_euclid(x[1]);
        [-1.3] => |x| x[0].sigmoid();
        [1.3] => |x| x[0].sigmoid();
        [-1.3] => |x| x[0].softplus();
        [-1.3] => |x| x[0].silu();
        [-1.3] => |x| x[0].gelu();
        [-0.3] => |x| x[0].erf();
        [-0.3] => |x| x[0].erfc();
        [-0.3] => |x| x[0].exp_neg_square();
        [-0.3] => |x| x[0].normal_pdf();
        [-0.3] => |x| x[0].normal_cdf();
        [2.3] => |x| x[0].gamma();
        [2.3] => |x| x[0].ln_gamma();
        [2.3] => |x| x[0].digamma();
        [2.3] => |x| x[0].polygamma(2);
        [2.3] => |x| x[0].sinc();
        [2.3] => |x| x[0].sinc_derivative(2);
        [1.3, 0.4] => |x| x[0].xlogy(x[1]);
        [1.3, 0.4] => |x| x[0].logaddexp(x[1]);
        [1.3, 0.4] => |x| x[0].exp_sub(x[1]);
        [1.3, 0.4] => |x| x[0].inversion(x[1]);
        [1.3, 0.4, 1.1] => |x| x[0].softmax_share(x[1], x[2]);
        [-1.3] => |x| x[0].abs();
        [-1.3, 0.4] => |x| x[0].max(x[1]);
        [1.3, 0.4] => |x| x[0].max(x[1]);
        [-1.3, 0.4] => |x| x[0].min(x[1]);
        [1.3, 0.4] => |x| x[0].min(x[1]);
        [-1.3, 0.4, 1.0] => |x| x[0].clamp(x[1], x[2]);
        [0.7, 0.4, 1.0] => |x| x[0].clamp(x[1], x[2]);
        [1.7, 0.4, 1.0] => |x| x[0].clamp(x[1], x[2]);
        [-1.3, 0.4] => |x| x[0].copysign(x[1]);
        [-1.3, -0.4] => |x| x[0].copysign(x[1]);
        [-1.3] => |x| x[0].relu();
        [1.3] => |x| x[0].relu();
        [-1.3, 0.4] => |x| x[0].leaky_relu(x[1]);
        [1.3, 0.4] => |x| x[0].leaky_relu(x[1]);
        [0.0, 1.3, 0.4] => |x| x[0].mask_select(x[1], x[2]);
        [2.0, 1.3, 0.4] => |x| x[0].mask_select(x[1], x[2]);
        [1.3] => |x| x[0].signum() + x[0].floor() * x[0].ceil() + x[0].round() * x[0].trunc();
        [1.3, 0.4] => |x| x[0].gt_mask(x[1]) * x[0] + x[0].ge_mask(x[1]) * x[1];
        [1.3, 0.4] => |x| x[0].lt_mask(x[1]) * x[0] + x[0].le_mask(x[1]) * x[1] + x[0].eq_mask(x[1]);
        [1.3, 0.4, -2.0] => |x| x.iter().copied().sum();
        [1.3, 0.4, -2.0, 0.5] => |x| T::dot(&x[..2], &x[2..]);
        [1.3, 0.4, -2.0] => |x| T::norm(x);
        [1.3, 0.4, -2.0] => |x| T::log_sum_exp(x);
    }
}

#[test]
fn duals_know_textbook_derivatives() {
    let x = Dual::new(3.0, 1.0);
    assert_eq!((x * x * x).tangent, 27.0);
    assert_eq!(x.ln().tangent, 1.0 / 3.0);
    let hessian = forward_hessian(|x| x[0] * x[0] * x[1], &[3.0, 2.0]);
    assert_eq!(hessian, [[4.0, 6.0], [6.0, 0.0]]);
}

#[test]
fn slices_with_constants_agree_with_duals() {
    let f = |x: &[Var]| norm(&[x[0], 2.0.into(), x[1]]) + log_sum_exp(&[1.0.into(), x[0], x[0]]);
    let g = |x: &[Dual<f64>]| Dual::norm(&[x[0], 2.0.into(), x[1]]) + Dual::log_sum_exp(&[1.0.into(), x[0], x[0]]);
    let x = [0.7, -1.1];
    for (a, b) in gradient(f, &x).iter().zip(forward_gradient(g, &x)) {
        assert_close(*a, b, "norm and log_sum_exp");
    }
}
