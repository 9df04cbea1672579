//! The program of micrograd's README, and its numbers.
//!
//! `cargo run --release --example micrograd`
//!
//! The Python original, line by line: <https://github.com/karpathy/micrograd>

use scalargrad::Var;

#[expect(clippy::misrefactored_assign_op, reason = "`c += c + 1` is what the original says")]
fn main() {
    let a = Var::new(-4.0).named("a");
    let b = Var::new(2.0).named("b");
    let mut c = a + b;
    let mut d = a * b + b.powi(3);
    // `c += …` makes a new number and calls it `c`; the old one stays in the graph.
    c += c + 1.0;
    c += 1.0 + c + (-a);
    d += d * 2.0 + (b + a).relu();
    d += 3.0 * d + (b - a).relu();
    let e = c - d;
    let f = e.powi(2);
    let mut g = f / 2.0;
    g += 10.0 / f;

    println!("{:.4}", g.value()); // the outcome of the forward pass
    assert_eq!(g.value(), 24.70408163265306);

    g.backward();
    println!("{:.4}", a.grad()); // dg/da
    println!("{:.4}", b.grad()); // dg/db
    assert_eq!((a.grad(), b.grad()), (138.83381924198252, 645.5772594752186));

    // The same picture as micrograd's `draw_dot(g)`: pass a file name to keep it.
    if let Some(path) = std::env::args().nth(1) {
        std::fs::write(&path, g.to_svg()).expect("the picture can be written");
        println!("the graph is drawn in {path}");
    }
}
