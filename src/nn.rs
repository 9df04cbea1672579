//! Neurons, layers, losses and optimisers, the micrograd way: read it, copy it, change it.
//!
//! A network holds plain numbers. Each training step makes a leaf of every one of them inside a scope, computes a loss,
//! sweeps, and makes a network of plain numbers again; memory stays constant, and the trained network predicts on `f64`.
//!
//! ```
//! use scalargrad::graph;
//! use scalargrad::nn::{Activation, Mlp, Module, hinge, mean, uniform};
//!
//! let data = [([0.0, 0.0], -1.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], -1.0)];
//!
//! let mut model = Mlp::new(2, &[8, 1], Activation::Tanh, uniform(7));
//! for _ in 0..200 {
//!     model = graph::scope(|| {
//!         let net = model.leaves();
//!         let loss = mean(data.iter().map(|(x, y)| hinge(net.forward(x)[0], *y)));
//!         loss.backward();
//!         net.map(|p| p.value() - 0.1 * p.grad())
//!     });
//! }
//! assert!(data.iter().all(|(x, y)| model.forward(x)[0] * y > 0.0));
//! ```
//!
//! # Beside micrograd
//!
//! | `nn.py`, and its demo | here |
//! |---|---|
//! | `from micrograd.engine import Value` | `use scalargrad::{Var, graph};` |
//! | `from micrograd.nn import MLP` | `use scalargrad::nn::{Activation, Mlp, Module, uniform};` |
//! | `model = MLP(2, [16, 16, 1])` | `let mut model = Mlp::new(2, &[16, 16, 1], Activation::Relu, uniform(1337));` |
//! | one `Value` for each parameter, for ever | inside the scope of a step: `let net = model.leaves();` |
//! | `inputs = [list(map(Value, row)) for row in X]` | nothing: data stay `f64` |
//! | `model(x)` | `net.forward(&x)`, always a vector: `net.forward(&x)[0]` for the only output |
//! | `(1 + -yi*scorei).relu()` | the same, or [`hinge(score, y)`](hinge) |
//! | `sum(losses) * (1.0 / len(losses))` | [`mean(losses)`](mean) |
//! | `alpha * sum((p*p for p in model.parameters()))` | `alpha * net.parameters().iter().map(\|p\| p * p).sum::<Var>()` |
//! | `(yi > 0) == (scorei.data > 0)` | `(yi > 0.0) == (scorei > 0.0)` |
//! | `model.zero_grad()` | nothing: each sweep starts from zero |
//! | `total_loss.backward()` | `total_loss.backward();` |
//! | `for p in model.parameters(): p.data -= lr * p.grad` | `model = net.map(\|p\| p.value() - lr * p.grad());` |
//! | | or [`model = optimiser.step(&net)`](Optimiser::step) with [`Sgd`] or [`Adam`] |
//! | `model(x)` on a grid, for a picture | `model.forward(&x)`: plain `f64`, no graph |
//! | `len(model.parameters())` | `model.parameters().len()` |
//! | `print(model)` | `println!("{model:?}")`, with all its numbers |
//! | `Neuron(2, nonlin=False)` | [`Neuron::new(2, Activation::Linear, &mut uniform(1337))`](Neuron::new) |
//! | a class of one's own with `parameters()` | a struct of one's own with [`Module::map_named`] |
//!
//! A sum is added in micrograd's order, so that the same weights give the same losses.
//!
//! # As a function of its parameters
//!
//! [`Module::with`] puts other numbers in, of any type. So a network is a closure, or a [`Function`](crate::Function):
//!
//! ```
//! use scalargrad::{Function, Var, value_and_gradient};
//! use scalargrad::nn::{Activation, Mlp, Module, squared, uniform};
//!
//! let model = Mlp::new(1, &[4, 1], Activation::Tanh, uniform(7));
//! let loss = |p: &[Var]| squared(model.with(p).forward(&[0.5])[0], 2.0);
//!
//! let p = model.parameters();
//! let (value, gradient) = value_and_gradient(loss, &p);
//! let recorded = Function::record(&p, loss).gradient(&p).unwrap();
//! assert_eq!((recorded.0, recorded.1.len()), (value, gradient.len()));
//! ```

mod layers;
mod losses;
mod module;
mod optimisers;
mod random;

pub use layers::{Activation, Layer, Mlp, Neuron};
pub use losses::{cross_entropy, hinge, mean, squared};
pub use module::Module;
pub use optimisers::{Adam, Optimiser, Sgd};
pub use random::uniform;
