//! Neurons, layers, losses and optimisers, the micrograd way: read it, copy it, change it.
//!
//! A network holds plain numbers. Each training step makes a leaf of every one of them inside a scope, computes a loss,
//! sweeps, and makes a network of plain numbers again; memory stays constant, and the trained network predicts on `f64`.
//!
//! ```
//! use scalargrad::nn::{Activation, Mlp, Module, hinge, uniform};
//! use scalargrad::{Var, graph};
//!
//! let data = [([0.0, 0.0], -1.0), ([0.0, 1.0], 1.0), ([1.0, 0.0], 1.0), ([1.0, 1.0], -1.0)];
//!
//! let mut model = Mlp::new(2, &[8, 1], Activation::Tanh, &mut uniform(7));
//! for _ in 0..200 {
//!     model = graph::scope(|| {
//!         let net = model.map(Var::new);
//!         let losses = data.iter().map(|(x, y)| hinge(net.forward(x)[0], *y));
//!         let loss = losses.sum::<Var>() / 4.0;
//!         loss.backward();
//!         net.map(|p| p.value() - 0.1 * p.grad())
//!     });
//! }
//! assert!(data.iter().all(|(x, y)| model.forward(x)[0] * y > 0.0));
//! ```
//!
//! With an optimiser the parameters are a list of numbers next to the network, which [`with`](Module::with) puts in. The
//! closure opens the scope, makes the leaves and sweeps:
//!
//! ```
//! use scalargrad::nn::{Activation, Adam, Mlp, Module, cross_entropy, uniform};
//! use scalargrad::{Var, value_and_gradient};
//!
//! let data = [([0.0, 0.0], 0), ([1.0, 0.0], 1), ([0.0, 1.0], 2)];
//!
//! let model = Mlp::new(2, &[8, 3], Activation::Tanh, &mut uniform(7));
//! let loss = |p: &[Var]| {
//!     let net = model.with(p);
//!     data.iter().map(|(x, class)| cross_entropy(&net.forward(x), *class)).sum::<Var>()
//! };
//!
//! let mut p = model.parameters().to_vec();
//! let mut adam = Adam::new(&p, 0.05);
//! for _ in 0..100 {
//!     let (_, gradient) = value_and_gradient(loss, &p);
//!     adam.step(&mut p, &gradient);
//! }
//! let scores = model.with(&p).forward(&[0.0, 1.0]);
//! assert!(scores[2] > scores[0] && scores[2] > scores[1]);
//! ```
//!
//! Such a loss can be recorded as it is: [`Function::record(&p, loss)`](crate::Function::record). Faster is to record the loss of one
//! row, with the point and its label as inputs behind the parameters, and to run it over all rows. A label that is not an input is a
//! constant: every row would have that of the row that was recorded. A class is a plain number, so `cross_entropy` cannot be recorded
//! for rows of different classes; `hinge` and `squared` can:
//!
//! ```
//! use scalargrad::Function;
//! use scalargrad::nn::{Activation, Mlp, Module, hinge, uniform};
//!
//! let model = Mlp::new(2, &[8, 1], Activation::Tanh, &mut uniform(7));
//! let p = model.parameters();
//! let count = p.len();
//! let row = [0.0, 1.0, 1.0]; // a point, and its side
//! let loss = Function::record(&[&p[..], &row].concat(), |v| {
//!     let (p, row) = v.split_at(count);
//!     hinge(model.with(p).forward(&row[..2])[0], row[2])
//! });
//! let rows = [0.0, 0.0, -1.0, 0.0, 1.0, 1.0, 1.0, 1.0, -1.0];
//! let (_sum, gradient) = loss.over_rows(count).sum_gradient(&p, &rows)?;
//! assert_eq!(gradient.len(), count);
//! # Ok::<(), scalargrad::function::ReplayError>(())
//! ```
//!
//! # Saving and loading
//!
//! Write the names and the numbers, and give the numbers to a new network of the same shape. `{:?}` prints an `f64` so that it is
//! read back exactly; `serde_json` does this with its feature `float_roundtrip` only.
//!
//! ```
//! use scalargrad::nn::{Activation, Mlp, Module, uniform};
//!
//! let model = Mlp::new(2, &[3, 1], Activation::Tanh, &mut uniform(7));
//! let text: String = model.named_parameters().iter().map(|(name, p)| format!("{name} {p:?}\n")).collect();
//!
//! let number = |line: &str| line.rsplit(' ').next().unwrap_or("").parse::<f64>();
//! let numbers: Vec<f64> = text.lines().map(number).collect::<Result<_, _>>()?;
//! let loaded = Mlp::new(2, &[3, 1], Activation::Tanh, &mut uniform(0)).with(&numbers);
//! assert_eq!(loaded, model);
//! let (a, b) = (loaded.forward(&[0.5, -1.0])[0], model.forward(&[0.5, -1.0])[0]);
//! assert_eq!(a.to_bits(), b.to_bits());
//! # Ok::<(), std::num::ParseFloatError>(())
//! ```
//!
//! # Compared with micrograd
//!
//! | `nn.py`, and its demo | here |
//! |---|---|
//! | `from micrograd.engine import Value` | `use scalargrad::{Var, graph};` |
//! | `from micrograd.nn import MLP` | `use scalargrad::nn::{Activation, Mlp, Module, uniform};` |
//! | `model = MLP(2, [16, 16, 1])` | `let mut model = Mlp::new(2, &[16, 16, 1], Activation::Relu, &mut uniform(1337));` |
//! | one `Value` for each parameter, for ever | inside the scope of a step: `let net = model.map(Var::new);` |
//! | `inputs = [list(map(Value, row)) for row in X]` | nothing: data stay `f64` |
//! | `model(x)` | `net.forward(&x)`, always a vector: `net.forward(&x)[0]` for the only output |
//! | `(1 + -yi*scorei).relu()` | the same, or [`hinge(score, y)`](hinge) |
//! | `sum(losses) * (1.0 / len(losses))` | `losses.iter().sum::<Var>() * (1.0 / losses.len() as f64)` |
//! | `alpha * sum((p*p for p in model.parameters()))` | `alpha * net.parameters().iter().map(\|p\| p * p).sum::<Var>()` |
//! | `(yi > 0) == (scorei.data > 0)` | `(yi > 0.0) == (scorei > 0.0)` |
//! | `model.zero_grad()` | nothing: each sweep starts from zero |
//! | `total_loss.backward()` | `total_loss.backward();` |
//! | `for p in model.parameters(): p.data -= lr * p.grad` | `model = net.map(\|p\| p.value() - lr * p.grad());` [and not a loop](Module::parameters) |
//! | | or [`Sgd`] or [`Adam`], which take `model.parameters().to_vec()` and a gradient |
//! | `model(x)` on a grid, for a picture | `model.forward(&x)`: plain `f64`, no graph |
//! | `len(model.parameters())` | `model.parameters().len()` |
//! | `print(model)` | `println!("{model:?}")`, with all its numbers |
//! | `Neuron(2, nonlin=False)`, `Layer(2, 16)` | [`Neuron`], [`Layer::new(2, 16, Activation::Relu, &mut uniform(7))`](Layer::new) |
//! | a class of your own with `parameters()` | a struct of your own with [`Module::map_named`] |
//!
//! A sum is added in micrograd's order, so that the same weights give the same losses.

mod network;
mod training;

pub use network::{Activation, Draw, Layer, Mlp, Module, Neuron, uniform};
pub use training::{Adam, Sgd, cross_entropy, hinge, squared};
