//! The first minute: ordinary arithmetic, then gradients, then a picture.
//!
//! `cargo run --release --example quickstart`

use scalargrad::Var;

fn main() {
    // A `Var` is a number that remembers where it came from. The names are for the picture only.
    let x = Var::new(3.0).named("x");
    let y = Var::new(2.0).named("y");
    let z = Var::new(1.0).named("z");

    // Ordinary arithmetic computes the value at once and records what it did.
    let h1 = (x * y).named("h1");
    let h2 = (y * z).named("h2");
    let h = (h1 * h2).named("h");
    let o = h.powi(2).named("o");
    println!("o = ((x*y) * (y*z))² = {o}\n");
    assert_eq!(o.value(), 144.0);

    // One sweep back from the output finds the derivative with respect to everything.
    o.backward();
    println!("do/dx = {}", x.grad());
    println!("do/dy = {}", y.grad()); // y is used twice: both ways add up
    println!("do/dz = {}\n", z.grad());
    assert_eq!((x.grad(), y.grad(), z.grad()), (96.0, 288.0, 288.0));

    // The numbers on the way have gradients too.
    assert_eq!((h.grad(), h1.grad(), h2.grad()), (24.0, 48.0, 144.0));

    // The whole graph, from the output down to the leaves. `to_svg` and `to_dot` make images of it.
    let picture = o.to_text();
    print!("{picture}");
    assert_eq!(format!("\n{picture}"), PICTURE);
}

const PICTURE: &str = "
                    value  grad
o = powi(2)           144     1
└─ h = ×               12    24
   ├─ h1 = ×            6    48
   │  ├─ x              3    96
   │  └─ y              2   288
   └─ h2 = ×            2   144
      ├─ y (above)
      └─ z              1   288
";
