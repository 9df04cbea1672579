//! `num-complex`

use num_complex::Complex;
use scalargrad::Var;

fn variable(z: Complex<f64>) -> Complex<Var> {
    Complex::new(Var::new(z.re), Var::new(z.im))
}

fn number(z: Complex<Var>) -> Complex<f64> {
    Complex::new(z.re.value(), z.im.value())
}

#[test]
fn a_complex_function_has_its_values_and_its_complex_derivative() {
    type Case = (
        &'static str,
        fn(Complex<Var>) -> Complex<Var>,
        fn(Complex<f64>) -> Complex<f64>,
        fn(Complex<f64>) -> Complex<f64>,
    );
    let cases: [Case; 6] = [
        ("exp", |z| z.exp(), |z| z.exp(), |z| z.exp()),
        ("ln", |z| z.ln(), |z| z.ln(), |z| 1.0 / z),
        ("sqrt", |z| z.sqrt(), |z| z.sqrt(), |z| 0.5 / z.sqrt()),
        ("sin", |z| z.sin(), |z| z.sin(), |z| z.cos()),
        ("powi", |z| z.powi(3), |z| z.powi(3), |z| 3.0 * z * z),
        ("inv", |z| z.inv(), |z| z.inv(), |z| -1.0 / (z * z)),
    ];
    for (name, of_variable, of_number, derivative) in cases {
        for z in [Complex::new(0.3, -0.7), Complex::new(-1.2, 0.4), Complex::new(2.0, 1e-3)] {
            let x = variable(z);
            let w = of_variable(x);
            assert!((number(w) - of_number(z)).norm() <= 1e-15 * of_number(z).norm(), "{name}");
            // By Cauchy and Riemann: ∂Re w/∂x = Re w', ∂Re w/∂y = −Im w'.
            w.re.backward();
            let found = Complex::new(x.re.grad(), -x.im.grad());
            assert!((found - derivative(z)).norm() <= 1e-14 * derivative(z).norm(), "{name} at {z}");
        }
    }
}

#[test]
fn the_modulus_at_zero_has_slope_zero() {
    let z = variable(Complex::new(0.0, 0.0));
    z.norm().backward();
    assert_eq!((z.re.grad(), z.im.grad()), (0.0, 0.0));
}
