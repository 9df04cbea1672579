//! The numbers of the lesson that the crate grew from, and of micrograd's README.

use scalargrad::{Var, derivative, gradient, value_and_gradient};

/// `x, y, z`, the products `h1 = xy` and `h2 = yz`, and `h = h1·h2`.
fn diamond() -> [Var; 6] {
    let (x, y, z) = (Var::new(3.0), Var::new(2.0), Var::new(1.0));
    let (h1, h2) = (x * y, y * z);
    [x, y, z, h1, h2, h1 * h2]
}

fn grads<const N: usize>(x: [Var; N]) -> [f64; N] {
    x.map(Var::grad)
}

#[test]
fn the_diamond_squared_by_multiplication() {
    let [x, y, z, h1, h2, h] = diamond();
    let o = h * h;
    o.backward();
    assert_eq!(o.value(), 144.0);
    assert_eq!(grads([x, y, z]), [96.0, 288.0, 288.0]);
    assert_eq!(grads([h, h1, h2, o]), [24.0, 48.0, 144.0, 1.0]);
}

#[test]
fn the_diamond_squared_by_powi() {
    let [x, y, z, h1, h2, h] = diamond();
    let o = h.powi(2);
    o.backward();
    assert_eq!(o.value(), 144.0);
    assert_eq!(grads([x, y, z]), [96.0, 288.0, 288.0]);
    assert_eq!(grads([h, h1, h2, o]), [24.0, 48.0, 144.0, 1.0]);
}

#[test]
fn the_diamond_squared_by_powf() {
    let [x, y, z, h1, h2, h] = diamond();
    let o = h.powf(2.0);
    o.backward();
    assert_eq!(o.value(), 144.0);
    assert_eq!(grads([x, y, z]), [96.0, 288.0, 288.0]);
    assert_eq!(grads([h, h1, h2, o]), [24.0, 48.0, 144.0, 1.0]);
}

#[test]
fn the_diamond_in_one_line() {
    let (x, y, z) = (Var::new(3.0), Var::new(2.0), Var::new(1.0));
    let o = ((x * y) * (y * z)).powi(2);
    o.backward();
    assert_eq!(grads([x, y, z]), [96.0, 288.0, 288.0]);
}

#[test]
fn the_diamond_by_closure() {
    let f = |x: &[Var]| ((x[0] * x[1]) * (x[1] * x[2])).powi(2);
    let at = [3.0, 2.0, 1.0];
    assert_eq!(gradient(f, &at), [96.0, 288.0, 288.0]);
    assert_eq!(value_and_gradient(f, &at), (144.0, vec![96.0, 288.0, 288.0]));
}

#[test]
fn the_diamond_by_differentiate_with_intermediates() {
    let [x, y, z, h1, h2, h] = diamond();
    let o = h * h;
    let d: Vec<f64> = o.differentiate(&[x, y, z, h, h1, h2, o]).iter().map(|d| d.value()).collect();
    assert_eq!(d, [96.0, 288.0, 288.0, 24.0, 48.0, 144.0, 1.0]);
}

#[test]
fn five_times_a_product() {
    let (a, b) = (Var::new(2.0), Var::new(3.0));
    let product = a * b;
    let f = 5.0 * product;
    f.backward();
    assert_eq!(f.value(), 30.0);
    assert_eq!(grads([a, b, product]), [15.0, 10.0, 5.0]);
}

#[test]
fn a_product_squared_by_two_functions() {
    fn f(x: Var, y: Var) -> Var {
        x * y
    }
    fn g(h: Var) -> Var {
        h * h
    }
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    let o = g(f(x, y));
    o.backward();
    assert_eq!(o.value(), 36.0);
    assert_eq!(grads([x, y]), [24.0, 36.0]);
}

#[test]
fn the_fourth_power_and_its_inner_square_asked_of_one_graph() {
    let x = Var::new(3.0);
    let square = x * x;
    let z = square * square;
    for _ in 0..2 {
        z.backward();
        assert_eq!((z.value(), x.grad(), square.grad()), (81.0, 108.0, 18.0));
        square.backward();
        assert_eq!((square.value(), x.grad(), square.grad()), (9.0, 6.0, 1.0));
        assert_eq!(z.grad(), 0.0);
    }
    assert_eq!(derivative(|x| (x * x) * (x * x), 3.0), 108.0);
}

#[test]
#[allow(clippy::misrefactored_assign_op)] // as it stands there
fn the_program_of_micrograds_readme() {
    let (a, b) = (Var::new(-4.0), Var::new(2.0));
    let mut c = a + b;
    let mut d = a * b + b.powi(3);
    c += c + 1.0;
    c += 1.0 + c + (-a);
    d += d * 2.0 + (b + a).relu();
    d += 3.0 * d + (b - a).relu();
    let e = c - d;
    let f = e.powi(2);
    let mut g = f / 2.0;
    g += 10.0 / f;
    assert_eq!(format!("{g:.4}"), "24.7041");
    g.backward();
    assert_eq!(g.value(), 24.70408163265306);
    assert_eq!(a.grad(), 138.83381924198252);
    assert_eq!(b.grad(), 645.5772594752186);
}
