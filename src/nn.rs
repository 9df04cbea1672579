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
//! for _ in 0..100 {
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
//! | `from micrograd.nn import MLP` | `use scalargrad::nn::{Activation, Mlp, Module};` |
//! | `model = MLP(2, [16, 16, 1])` | `let mut model = Mlp::new(2, &[16, 16, 1], Activation::Relu, uniform(1337));` |
//! | one `Value` for each parameter, for ever | inside the scope of a step: `let net = model.leaves();` |
//! | `model(x)` | `net.forward(&x)`, always a vector: `net.forward(&x)[0]` for the only output |
//! | `(1 + -yi*scorei).relu()` | the same, or [`hinge(score, y)`](hinge) |
//! | `sum(losses) * (1.0 / len(losses))` | [`mean(losses)`](mean) |
//! | `alpha * sum((p*p for p in model.parameters()))` | `alpha * net.parameters().iter().map(\|p\| p * p).sum::<Var>()` |
//! | `model.zero_grad()` | nothing: each sweep starts from zero |
//! | `total_loss.backward()` | `total_loss.backward();` |
//! | `for p in model.parameters(): p.data -= lr * p.grad` | `model = net.map(\|p\| p.value() - lr * p.grad());` |
//! | | or [`model = optimiser.step(&net)`](Optimiser::step) with [`Sgd`] or [`Adam`] |
//! | `model(x)` on a grid, for a picture | `model.forward(&x)`: plain `f64`, no graph |
//! | `len(model.parameters())` | `model.parameters().len()` |
//! | `Neuron(2, nonlin=False)` | [`Neuron::new(2, Activation::Linear, &mut uniform(1337))`](Neuron::new) |
//! | a class of one's own with `parameters()` | a struct of one's own with [`Module::map`] and [`Module::names`] |
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
mod optimisers;

pub use layers::{Activation, Layer, Mlp, Neuron, uniform};
pub use losses::{cross_entropy, hinge, mean, squared};
pub use optimisers::{Adam, Optimiser, Sgd};

use crate::real::Real;
use crate::handle::Var;

/// Something with parameters: a neuron, a layer, a network, a model of one's own.
///
/// Two methods are asked for, and both go through the parameters in the same order.
///
/// ```
/// use scalargrad::{Real, derivative, nn::Module};
///
/// /// `y = slope·x`, which goes through the origin.
/// struct Line<T> {
///     slope: T,
/// }
///
/// impl<T: Real> Module for Line<T> {
///     type Number = T;
///     type Of<U: Real> = Line<U>;
///
///     fn map<U: Real>(&self, mut f: impl FnMut(T) -> U) -> Line<U> {
///         Line { slope: f(self.slope) }
///     }
///     fn names(&self) -> Vec<String> {
///         vec!["slope".into()]
///     }
/// }
///
/// let line = Line { slope: 3.0 };
/// assert_eq!(line.parameters(), [3.0]);
/// assert_eq!(line.with(&[4.0]).slope, 4.0);
/// assert_eq!(line.leaves().slope.value(), 3.0);
/// ```
pub trait Module: Sized {
    /// The type of its parameters.
    type Number: Real;

    /// The same module with parameters of another type.
    type Of<U: Real>: Module<Number = U, Of<Self::Number> = Self>;

    /// Makes the same module with `f` of each parameter.
    fn map<U: Real>(&self, f: impl FnMut(Self::Number) -> U) -> Self::Of<U>;

    /// The name of each parameter.
    fn names(&self) -> Vec<String>;

    /// The parameters, in the order of [`map`](Module::map).
    fn parameters(&self) -> Vec<Self::Number> {
        let mut all = Vec::new();
        self.map(|p| {
            all.push(p);
            p
        });
        all
    }

    /// The parameters with their names.
    ///
    /// ```
    /// use scalargrad::nn::{Activation, Mlp, Module, uniform};
    ///
    /// let model = Mlp::new(2, &[3, 1], Activation::Relu, uniform(7));
    /// assert_eq!(model.named_parameters()[8], ("layers[0].neurons[2].bias".into(), 0.0));
    ///
    /// let net = model.leaves();
    /// for (name, leaf) in net.named_parameters() {
    ///     leaf.named(name); // for a picture
    /// }
    /// assert!(net.forward(&[1.0, 2.0])[0].to_text().contains("layers[0].neurons[0].weights[1]"));
    /// ```
    fn named_parameters(&self) -> Vec<(String, Self::Number)> {
        self.names().into_iter().zip(self.parameters()).collect()
    }

    /// The same module with these parameters.
    ///
    /// # Panics
    ///
    /// If their number is another.
    #[track_caller]
    fn with<U: Real>(&self, parameters: &[U]) -> Self::Of<U> {
        let (mut rest, mut count) = (parameters.iter(), 0);
        let module = self.map(|_| {
            count += 1;
            rest.next().copied().unwrap_or_default()
        });
        assert!(
            count == parameters.len(),
            "scalargrad: nn: the module has {count} parameters, and {} were given",
            parameters.len()
        );
        module
    }

    /// The same module with a leaf for each parameter. Call it inside the scope of a step.
    fn leaves(&self) -> Self::Of<Var> {
        self.map(|p| Var::new(p.value()))
    }
}
