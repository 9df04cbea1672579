//! At the ends of the range a recorded function gives what the closure gives.

use scalargrad::{Function, Real, Var, value_and_gradient};

/// Checks every evaluator of first derivatives against the closure: the closure is recorded elsewhere.
#[track_caller]
fn as_the_closure(f: impl Fn(&[Var]) -> Var + Copy, recorded: &[f64], at: &[f64]) {
    let expected = value_and_gradient(f, at);
    assert!(expected.1.iter().all(|d| d.is_finite()), "{expected:?}");
    let function = Function::record(recorded, f);
    assert_eq!(function.gradient(at).unwrap(), expected, "{function}");
    assert_eq!(function.vjp(at, &[1.0]).unwrap(), expected.1);
    assert_eq!(function.jacobian(at).unwrap().as_slice(), expected.1);
    assert_eq!(function.sparse_jacobian(at).unwrap().to_dense().as_slice(), expected.1);
    let along = function.value_gradient_and_hvp(at, &vec![0.0; at.len()]);
    assert_eq!(along.unwrap().1, expected.1);
    let several = Function::record(recorded, |x| [x[0] * 3.0, f(x), f(x)]);
    let jacobian = several.jacobian(at).unwrap();
    assert_eq!(jacobian.as_slice()[at.len()..], expected.1.repeat(2));
    for shared in 0..at.len() {
        let (first, row) = at.split_at(shared);
        let data = [row, &recorded[shared..], row].concat();
        let (_, gradients) = function.over_rows(shared).gradients(first, &data).unwrap();
        assert_eq!(gradients.as_slice()[..at.len()], expected.1);
        assert_eq!(gradients.as_slice()[2 * at.len()..], expected.1);
        let (_, gradient) = function.over_rows(shared).sum_gradient(first, row).unwrap();
        assert_eq!(gradient, expected.1[..shared]);
        #[cfg(feature = "jit")]
        {
            let rows = function.compile().unwrap().over_rows(shared).unwrap();
            let (_, compiled) = rows.gradients(first, &data).unwrap();
            assert_eq!(compiled.as_slice()[..at.len()], expected.1);
            assert_eq!(rows.sum_gradient(first, row).unwrap().1, expected.1[..shared]);
        }
    }
    #[cfg(feature = "jit")]
    assert_eq!(function.compile().unwrap().gradient(at).unwrap(), expected);
}

#[test]
fn an_adjoint_that_overflows_because_equal_expressions_are_one_does_no_harm() {
    let small = 1e-308;
    as_the_closure(|x| x[0] / x[0] + x[0] / x[0], &[1.0], &[small]);
    as_the_closure(|x| x[1] * (x[0] / x[0] + x[0] / x[0]), &[1.0, 1.0], &[small, 1.0]);
    // One expression twice, and two that take away what it gives.
    as_the_closure(
        |x| {
            let (up, down) = (1e308, -1e308);
            (x[0].sin() * up + x[0].tan() * down) + (x[0].sin() * up + x[0].sinh() * down)
        },
        &[0.5],
        &[0.0],
    );
    as_the_closure(|x| (x[0].ln() - x[1].ln()) + (x[0].ln() - x[1].ln()) * -0.5, &[1.0, 2.0], &[small, small]);
}

#[test]
fn gradients_that_are_not_finite_are_those_of_the_closure() {
    let functions: [fn(&[Var]) -> Var; 4] = [
        |x| x[0].sqrt() + x[1],
        |x| x[0].ln() * x[1] + x[0].ln(),
        |x| (x[0] * 1e200) * (x[1] * 1e200) * 1e200,
        |x| (x[0] - 1.0).sqrt() + x[1],
    ];
    for f in functions {
        for at in [[0.0, 1.0], [2.0, 3.0], [0.0, f64::INFINITY]] {
            let bits = |numbers: &[f64]| -> Vec<_> {
                let number = |x: &f64| if x.is_nan() { None } else { Some(x.to_bits()) };
                numbers.iter().map(number).collect()
            };
            let (_, expected) = value_and_gradient(f, &at);
            let function = Function::record(&[2.0, 2.0], f);
            assert_eq!(bits(&function.gradient(&at).unwrap().1), bits(&expected));
            let rows = function.over_rows(1);
            let (_, gradients) = rows.gradients(&at[..1], &at[1..]).unwrap();
            assert_eq!(bits(gradients.as_slice()), bits(&expected));
            let (_, gradient) = rows.sum_gradient(&at[..1], &at[1..]).unwrap();
            assert_eq!(bits(&gradient), bits(&expected[..1]));
        }
    }
}

#[test]
fn a_derivative_of_a_quotient_is_replayed_where_the_quotient_is_zero_or_negative() {
    let quotient = |x: &[Var]| (x[0] / x[1]).differentiate(x);
    for recorded in [[1.0, 2.0], [-1.0, 2.0], [0.0, 2.0]] {
        let f = Function::record(&recorded, quotient);
        for at in [[0.0, 3.0], [-0.0, 3.0], [-2.0, 3.0], [2.0, 3.0], [1e-300, 1e200]] {
            let expected = [at[1].recip(), -(at[0] / at[1] / at[1])];
            assert_eq!(f.values(&at).unwrap(), expected, "{f}");
            assert_eq!(f.over_rows(0).values(&[], &at).unwrap(), expected, "{recorded:?}");
        }
        // Another form serves where the quotient has lost bits.
        assert!(f.values(&[1e-310, 2.0]).is_err());
    }
}

#[test]
fn a_derivative_is_replayed_where_only_the_sign_of_an_operand_is_another() {
    let functions: [fn(Var) -> Var; 6] =
        [Var::cbrt, Var::atan, Var::tanh, Var::gelu, Var::normal_pdf, Var::exp_neg_square];
    for (k, f) in functions.into_iter().enumerate() {
        let slope = |x: &[Var]| f(x[0]).differentiate(x)[0];
        for at in [0.25, 0.375] {
            let expected = Function::record(&[-at], slope).value(&[-at]).unwrap();
            let replayed = Function::record(&[0.25], slope).value(&[-at]);
            assert_eq!(replayed, Ok(expected), "function {k}");
            let saved = Function::record(&[-0.25], slope).value(&[at]);
            assert!(saved.is_ok(), "function {k}: {saved:?}");
        }
    }
    let slope = Function::record(&[0.25], |x| x[0].tanh().differentiate(x)[0]);
    let error = slope.value(&[4.0]).unwrap_err().to_string();
    assert!(error.contains("`|tanh(x[0])| < 0.5`"), "{error}");
}
