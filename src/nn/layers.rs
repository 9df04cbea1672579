//! Neurons, layers, and networks of layers.

use super::module::Module;
use crate::real::Real;
use std::fmt::Arguments;
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
    /// The hyperbolic tangent.
    Tanh,
    /// The logistic function, from 0 to 1.
    Sigmoid,
    /// `x` times the normal distribution function of it.
    Gelu,
}

impl Activation {
    fn of<T: Real>(self, x: T) -> T {
        match self {
            Activation::Linear => x,
            Activation::Relu => x.relu(),
            Activation::Tanh => x.tanh(),
            Activation::Sigmoid => x.sigmoid(),
            Activation::Gelu => x.gelu(),
        }
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
    /// The output for the inputs `x`.
    ///
    /// # Panics
    ///
    /// If there are more inputs than weights, or fewer.
    #[track_caller]
    pub fn forward(&self, x: &[T]) -> T {
        let (weights, inputs) = (self.weights.len(), x.len());
        assert!(
            weights == inputs,
            "scalargrad: nn: a neuron with {weights} weights was given {inputs} inputs"
        );
        let terms = self.weights.iter().zip(x).map(|(&weight, &x)| weight * x);
        self.activation
            .of(terms.fold(self.bias, |sum, term| sum + term))
    }
}

impl<T: Real> Module for Neuron<T> {
    type Number = T;
    type Of<U: Real> = Neuron<U>;

    fn map_named<U: Real>(&self, f: &mut impl FnMut(Arguments, T) -> U) -> Neuron<U> {
        let weights = self.weights.iter().enumerate();
        let weights = weights.map(|(i, &weight)| f(format_args!("weights[{i}]"), weight));
        Neuron {
            weights: weights.collect(),
            bias: f(format_args!("bias"), self.bias),
            activation: self.activation,
        }
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
        let neuron = |_| Neuron::new(inputs, activation, draw);
        Layer {
            neurons: (0..outputs).map(neuron).collect(),
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
    pub fn forward(&self, x: &[T]) -> Vec<T> {
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

    fn map_named<U: Real>(&self, f: &mut impl FnMut(Arguments, T) -> U) -> Layer<U> {
        let prefixed = &mut |name: Arguments, p| f(format_args!("neurons{name}"), p);
        let neurons = self.neurons.map_named(prefixed);
        Layer { neurons }
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
        let sizes = [&[inputs], sizes].concat();
        let layer = |size: &[usize]| Layer::new(size[0], size[1], activation, &mut draw);
        let mut layers: Vec<Layer> = sizes.windows(2).map(layer).collect();
        if let Some(last) = layers.last_mut() {
            for neuron in &mut last.neurons {
                neuron.activation = Activation::Linear;
            }
        }
        Mlp { layers }
    }
}

impl<T: Real> Mlp<T> {
    /// The outputs for the inputs `x`, which are data (`f64`) or of the type of the parameters.
    ///
    /// For the gradient with respect to the inputs alone, make the parameters constants:
    ///
    /// ```
    /// use scalargrad::nn::{Activation, Mlp, Module, uniform};
    /// use scalargrad::{Var, gradient};
    ///
    /// let model = Mlp::new(2, &[4, 1], Activation::Tanh, uniform(7));
    /// let slopes = gradient(|x| model.map(Var::constant).forward(x)[0], &[0.5, 0.25]);
    /// assert_eq!(slopes.len(), 2);
    /// ```
    ///
    /// ```compile_fail
    /// # use scalargrad::nn::{Activation, Mlp, uniform};
    /// # let model = Mlp::new(2, &[4, 1], Activation::Tanh, uniform(7));
    /// scalargrad::gradient(|x| model.forward(x)[0], &[0.5, 0.25]); // plain numbers do not take variables
    /// ```
    ///
    /// # Panics
    ///
    /// If the first layer wants another number of inputs.
    #[track_caller]
    pub fn forward<X: Copy + Into<T>>(&self, x: &[X]) -> Vec<T>
    where
        T: Mul<X, Output = T>, // without it plain numbers would accept variables, and only their values
    {
        let mut x: Vec<T> = x.iter().map(|&x| x.into()).collect();
        for layer in &self.layers {
            x = layer.forward(&x);
        }
        x
    }
}

impl<T: Real> Module for Mlp<T> {
    type Number = T;
    type Of<U: Real> = Mlp<U>;

    fn map_named<U: Real>(&self, f: &mut impl FnMut(Arguments, T) -> U) -> Mlp<U> {
        let prefixed = &mut |name: Arguments, p| f(format_args!("layers{name}"), p);
        let layers = self.layers.map_named(prefixed);
        Mlp { layers }
    }
}
