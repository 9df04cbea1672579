//! Neurons, layers, and networks of layers.

use super::module::Module;
use crate::real::Real;
use std::ops::Mul;

/// What a neuron does to its weighted sum.
///
/// ```
/// use scalargrad::nn::{Activation, Neuron};
///
/// let neuron = Neuron { weights: vec![2.0], bias: 1.0, activation: Activation::Relu };
/// assert_eq!((neuron.forward(&[1.0]), neuron.forward(&[-1.0])), (3.0, 0.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Activation {
    /// Nothing.
    Linear,
    /// `max(x, 0)`.
    Relu,
    /// `x` where it is positive, else `0.01·x`.
    LeakyRelu,
    /// The hyperbolic tangent.
    Tanh,
    /// The logistic function, from 0 to 1.
    Sigmoid,
    /// `ln(1 + eˣ)`.
    Softplus,
    /// `x` times its logistic function.
    Silu,
    /// `x` times the normal distribution function of it.
    Gelu,
}

impl Activation {
    fn apply<T: Real>(self, x: T) -> T {
        match self {
            Activation::Linear => x,
            Activation::Relu => x.relu(),
            Activation::LeakyRelu => x.leaky_relu(0.01),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => x.sigmoid(),
            Activation::Softplus => x.softplus(),
            Activation::Silu => x.silu(),
            Activation::Gelu => x.gelu(),
        }
    }
}

/// Numbers that are evenly distributed between −1 and 1: weights to start from, the same for the same seed.
///
/// A constructor here takes any closure that draws numbers, so that another distribution is one line:
///
/// ```
/// use scalargrad::nn::{Activation, Layer, Module, uniform};
///
/// let mut draw = uniform(7);
/// let narrow = Layer::new(100, 10, Activation::Tanh, &mut || 0.1 * draw());
/// assert!(narrow.parameters().iter().all(|w| w.abs() <= 0.1));
/// ```
pub fn uniform(seed: u64) -> impl FnMut() -> f64 {
    let mut state = seed;
    move || {
        // SplitMix64: https://prng.di.unimi.it/splitmix64.c
        state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = state;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) as f64 * 2f64.powi(-63) - 1.0
    }
}

/// `activation(bias + Σ weightᵢ·xᵢ)`.
#[derive(Clone, Debug, PartialEq)]
pub struct Neuron<T = f64> {
    /// A weight for each input.
    pub weights: Vec<T>,
    /// What is added to the weighted sum.
    pub bias: T,
    /// What is done to the sum.
    pub activation: Activation,
}

impl Neuron {
    /// A neuron of so many inputs with weights from `draw`, and the bias 0.
    ///
    /// ```
    /// use scalargrad::nn::{Activation, Neuron, uniform};
    ///
    /// let neuron = Neuron::new(3, Activation::Tanh, &mut uniform(7));
    /// assert_eq!((neuron.weights.len(), neuron.bias), (3, 0.0));
    /// ```
    pub fn new(inputs: usize, activation: Activation, draw: &mut impl FnMut() -> f64) -> Neuron {
        Neuron {
            weights: (0..inputs).map(|_| draw()).collect(),
            bias: 0.0,
            activation,
        }
    }
}

impl<T: Real> Neuron<T> {
    /// The output for the inputs `x`, which are data (`f64`) or outputs of other neurons.
    ///
    /// # Panics
    ///
    /// If there are more inputs than weights, or fewer.
    #[track_caller]
    pub fn forward<X: Copy>(&self, x: &[X]) -> T
    where
        T: Mul<X, Output = T>,
    {
        assert!(
            x.len() == self.weights.len(),
            "scalargrad: nn: a neuron with {} weights was given {} inputs",
            self.weights.len(),
            x.len()
        );
        let pairs = self.weights.iter().zip(x);
        let sum = pairs.fold(self.bias, |sum, (&weight, &x)| sum + weight * x);
        self.activation.apply(sum)
    }
}

impl<T: Real> Module for Neuron<T> {
    type Number = T;
    type Of<U: Real> = Neuron<U>;

    fn map<U: Real>(&self, mut f: impl FnMut(T) -> U) -> Neuron<U> {
        Neuron {
            weights: self.weights.iter().map(|&weight| f(weight)).collect(),
            bias: f(self.bias),
            activation: self.activation,
        }
    }

    fn names(&self) -> Vec<String> {
        let weights = (0..self.weights.len()).map(|i| format!("weights[{i}]"));
        weights.chain(["bias".into()]).collect()
    }
}

/// Neurons side by side: all have the same inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer<T = f64> {
    /// One for each output.
    pub neurons: Vec<Neuron<T>>,
}

impl Layer {
    /// A layer of so many inputs and outputs with weights from `draw`, and biases 0.
    ///
    /// ```
    /// use scalargrad::nn::{Activation, Layer, uniform};
    ///
    /// let layer = Layer::new(3, 2, Activation::Tanh, &mut uniform(7));
    /// assert_eq!(layer.forward(&[0.0; 3]), [0.0; 2]);
    /// ```
    pub fn new(
        inputs: usize,
        outputs: usize,
        activation: Activation,
        draw: &mut impl FnMut() -> f64,
    ) -> Layer {
        Layer {
            neurons: (0..outputs)
                .map(|_| Neuron::new(inputs, activation, draw))
                .collect(),
        }
    }
}

impl<T: Real> Layer<T> {
    /// The output of each neuron for the inputs `x`.
    ///
    /// # Panics
    ///
    /// As [`Neuron::forward`].
    #[track_caller]
    pub fn forward<X: Copy>(&self, x: &[X]) -> Vec<T>
    where
        T: Mul<X, Output = T>,
    {
        let mut outputs = Vec::with_capacity(self.neurons.len());
        for neuron in &self.neurons {
            outputs.push(neuron.forward(x)); // not in a closure, which would not know the caller
        }
        outputs
    }
}

impl<T: Real> Module for Layer<T> {
    type Number = T;
    type Of<U: Real> = Layer<U>;

    fn map<U: Real>(&self, mut f: impl FnMut(T) -> U) -> Layer<U> {
        Layer {
            neurons: self.neurons.iter().map(|n| n.map(&mut f)).collect(),
        }
    }

    fn names(&self) -> Vec<String> {
        inside("neurons", &self.neurons)
    }
}

/// A multilayer perceptron: layers one after the other, the last of which is linear.
///
/// ```
/// use scalargrad::nn::{Activation, Mlp, Module, uniform};
///
/// let model = Mlp::new(2, &[16, 16, 1], Activation::Relu, uniform(1337));
/// assert_eq!(model.parameters().len(), 337);
/// assert_eq!(model.forward(&[0.5, -1.0]).len(), 1);
/// assert_eq!(model, Mlp::new(2, &[16, 16, 1], Activation::Relu, uniform(1337)));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp<T = f64> {
    /// From the inputs to the outputs.
    pub layers: Vec<Layer<T>>,
}

impl Mlp {
    /// A network with layers of these sizes, weights from `draw` and biases 0; `activation` is that of all layers but
    /// the last.
    pub fn new(
        inputs: usize,
        sizes: &[usize],
        activation: Activation,
        mut draw: impl FnMut() -> f64,
    ) -> Mlp {
        let mut layers = Vec::with_capacity(sizes.len());
        let mut inputs = inputs;
        for (i, &outputs) in sizes.iter().enumerate() {
            let is_last = i + 1 == sizes.len();
            let activation = if is_last {
                Activation::Linear
            } else {
                activation
            };
            layers.push(Layer::new(inputs, outputs, activation, &mut draw));
            inputs = outputs;
        }
        Mlp { layers }
    }
}

impl<T: Real> Mlp<T> {
    /// The outputs for the inputs `x`.
    ///
    /// # Panics
    ///
    /// If there are no layers, or the first one wants another number of inputs.
    #[track_caller]
    pub fn forward<X: Copy>(&self, x: &[X]) -> Vec<T>
    where
        T: Mul<X, Output = T>,
    {
        let (first, rest) = match self.layers.split_first() {
            Some(layers) => layers,
            None => panic!("scalargrad: nn: a network without layers has no outputs"),
        };
        let mut outputs = first.forward(x);
        for layer in rest {
            outputs = layer.forward::<T>(&outputs);
        }
        outputs
    }
}

impl<T: Real> Module for Mlp<T> {
    type Number = T;
    type Of<U: Real> = Mlp<U>;

    fn map<U: Real>(&self, mut f: impl FnMut(T) -> U) -> Mlp<U> {
        Mlp {
            layers: self.layers.iter().map(|l| l.map(&mut f)).collect(),
        }
    }

    fn names(&self) -> Vec<String> {
        inside("layers", &self.layers)
    }
}

/// The names in each of the `modules`, with the place of the module before them.
fn inside<M: Module>(field: &str, modules: &[M]) -> Vec<String> {
    let names = |(i, module): (usize, &M)| {
        let names = module.names().into_iter();
        names
            .map(|name| format!("{field}[{i}].{name}"))
            .collect::<Vec<_>>()
    };
    modules.iter().enumerate().flat_map(names).collect()
}
