//! Networks, and what other crates compute with, panic at the user's line, too.

use super::{assert_none, place_of_panic, stale, take};
use scalargrad::Var;
use scalargrad::nn::{Activation, Adam, Layer, Mlp, Module, Sgd, cross_entropy, hinge, squared, uniform};

const ACTIVATIONS: [Activation; 4] = [Activation::Linear, Activation::Relu, Activation::Tanh, Activation::Sigmoid];

#[test]
fn a_network_with_a_stale_handle_panics_at_the_users_line() {
    let s = stale();
    let mut strays = Vec::new();
    refuse! { strays:
        squared(s, 1.0); hinge(s, 1.0); cross_entropy(&[s, s], 0);
    }
    for activation in ACTIVATIONS {
        let model = Mlp::new(2, &[2, 1], activation, &mut uniform(7));
        let (net, fresh) = (model.map(|_| s), model.map(Var::constant));
        let mut biased = fresh.clone();
        biased.layers[0].neurons[0].bias = s;
        refuse! { strays:
            net.forward(&[1.0, 2.0]); net.layers[0].forward(&[Var::new(1.0); 2]);
            net.layers[0].neurons[0].forward(&[Var::new(1.0); 2]); fresh.forward(&[s, s]);
            biased.forward(&[1.0, 2.0]);
        }
    }
    assert_none(strays);
}

#[test]
fn what_a_network_cannot_be_made_of_is_told_of_at_the_users_line() {
    let mut draw = uniform(7);
    let draw = &mut draw;
    let (tanh, huge) = (Activation::Tanh, usize::MAX);
    let model = Mlp::new(2, &[2, 1], tanh, draw);
    let mut p = [1.0];
    let (mut sgd, mut adam) = (Sgd::new(&p, 0.1, 0.5), Adam::new(&p, 0.1));
    let mut strays = Vec::new();
    refuse! { strays:
        Layer::new(huge, 1, tanh, draw); Layer::new(1, huge, tanh, draw); Layer::new(huge / 8, 8, tanh, draw);
        Layer::new(0, 1, tanh, draw); Layer::new(1, 0, tanh, draw);
        Mlp::new(2, &[huge], tanh, draw); Mlp::new(huge, &[2], tanh, draw); Mlp::new(2, &[], tanh, draw);
        Mlp::new(0, &[2], tanh, draw); Mlp::new(2, &[0, 1], tanh, draw); Mlp::new(2, &[2, 0], tanh, draw);
        model.with(&[1.0]); model.forward(&[1.0]); model.layers[0].forward(&[1.0]);
        model.layers[0].neurons[0].forward(&[1.0]);
        hinge(1.0, 0.0); hinge(1.0, f64::NAN); cross_entropy(&[1.0, 2.0], 2); cross_entropy::<f64>(&[], 0);
        sgd.step(&mut p, &[]); sgd.step(&mut [], &[1.0]); sgd.step(&mut p, &[f64::NAN]);
        adam.step(&mut p, &[]); adam.step(&mut [], &[1.0]); adam.step(&mut p, &[1e200]);
        Sgd::new(&p, -0.1, 0.5); Sgd::new(&p, 0.1, 1.0); Adam::new(&p, f64::NAN);
        { sgd.rate = f64::INFINITY; sgd.step(&mut p, &[1.0]) };
        { sgd.rate = 0.1; sgd.momentum = -0.5; sgd.step(&mut p, &[1.0]) };
        { adam.rate = -0.1; adam.step(&mut p, &[1.0]) };
    }
    assert_none(strays);
}

#[allow(clippy::op_ref)]
#[cfg(feature = "nalgebra")]
#[test]
fn a_product_with_a_matrix_of_nalgebra_panics_at_the_users_line() {
    use nalgebra::{ComplexField, DMatrix, Matrix2, Quaternion, RealField, Unit, Vector3};
    use scalargrad::interop::nalgebra::{axis_times_angle, rotation, rotation_about, symmetric_eigen, unit_quaternion};
    let (s, x) = (stale(), Var::new(0.5));
    let (numbers, variables) = (Matrix2::repeat(1.5), Matrix2::repeat(x));
    let of_stale = Matrix2::repeat(s);
    let (axis, w) = (Vector3::<f64>::z_axis().cast(), Vector3::repeat(s));
    let turn = Unit::new_unchecked(Quaternion::new(s, s, s, s));
    let mut strays = Vec::new();
    refuse! { strays:
        s * numbers; s * &numbers; numbers * s; &numbers * s; s * variables; s * &variables; x * of_stale; x * &of_stale;
        rotation_about(&axis, s); rotation(&w); unit_quaternion(&w); axis_times_angle(&turn);
        symmetric_eigen(&DMatrix::repeat(2, 2, s)); symmetric_eigen(&DMatrix::repeat(2, 3, x));
        ComplexField::sin(s); ComplexField::modulus_squared(s); ComplexField::to_exp(-s); ComplexField::scale(x, s);
        ComplexField::try_sqrt(s); ComplexField::signum(s);
        RealField::atan2(s, x); RealField::max(s, x); RealField::clamp(x, s, x); RealField::copysign(s, x);
    }
    assert_none(strays);
}

#[cfg(feature = "ndarray")]
#[test]
fn an_operator_with_an_array_of_ndarray_panics_at_the_users_line() {
    use ndarray::array;
    let (s, x) = (stale(), Var::new(0.5));
    let (numbers, variables, of_stale) = (array![1.0, 2.0], array![x, x], array![s, s]);
    let mut strays = Vec::new();
    refuse! { strays:
        s + &numbers; s - &variables; x * &of_stale; s / numbers.clone(); s * variables.clone(); x - of_stale.clone();
    }
    assert_none(strays);
}

#[cfg(any(feature = "argmin", feature = "levenberg-marquardt"))]
#[test]
fn what_an_optimiser_cannot_have_is_told_of_at_the_users_line() {
    use scalargrad::Function;
    use scalargrad::interop::{Differentiable, EachRow};
    let s = stale();
    let of_stale = |_: &[Var]| s;
    let pair = |x: &[Var]| [x[0], x[0]];
    let rows = Function::record(&[1.0, 2.0], pair_product).over_rows(1);
    let each = EachRow(rows, vec![1.0, 2.0]);
    let mut strays = Vec::new();
    refuse! { strays:
        of_stale.jacobian_at(&[1.0]).ok(); of_stale.hessian_at(&[1.0]).ok();
        pair.hessian_at(&[1.0]).ok(); each.hessian_at(&[1.0]).ok();
    }
    assert_none(strays);
}

#[cfg(any(feature = "argmin", feature = "levenberg-marquardt"))]
fn pair_product(x: &[Var]) -> Var {
    x[0] * x[1]
}
