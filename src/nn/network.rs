//! What has parameters, and the networks that are made of it.

use crate::matrix::has_memory_for;
use crate::real::Real;
use crate::refusal::must_match;
use std::fmt::Arguments;
use std::ops::Mul;
use std::sync::Arc;

/// Something with parameters: a neuron, a layer, a network, a model of your own.
///
/// One method is asked for, which goes through the parameters and says what each is called.
///
/// ```
/// use scalargrad::{Real, Var, nn::Module};
/// use std::fmt::Arguments;
///
/// /// `y = slope·x`, which goes through the origin.
/// struct Line<T> {
///     slope: T,
/// }
///
/// impl<T: Real> Module<T> for Line<T> {
///     type Of<U: Real> = Line<U>;
///
///     fn map_named<U: Real>(&self, f: &mut impl FnMut(Arguments, T) -> U) -> Line<U> {
///         Line { slope: f(format_args!("slope"), self.slope) }
///     }
/// }
///
/// let line = Line { slope: 3.0 };
/// assert_eq!(line.parameters()[..], [3.0]);
/// assert_eq!(line.with(&[4.0]).slope, 4.0);
/// assert_eq!(line.map(Var::new).slope.value(), 3.0);
/// ```
pub trait Module<T: Real>: Sized {
    /// The same module with parameters of another type.
    type Of<U: Real>: Module<U, Of<T> = Self>;

    /// Makes the same module with `f` of each parameter, which gets its name, too.
    fn map_named<U: Real>(&self, f: &mut impl FnMut(Arguments, T) -> U) -> Self::Of<U>;

    /// Makes the same module with `f` of each parameter: `model.map(Var::new)` has a leaf for each.
    fn map<U: Real>(&self, mut f: impl FnMut(T) -> U) -> Self::Of<U> {
        self.map_named(&mut |_, p| f(p))
    }

    /// The parameters, in the order of [`map`](Module::map): a copy of them.
    ///
    /// A copy that changes does not change the module, so this one cannot be changed; micrograd's loop does not compile:
    ///
    /// ```compile_fail
    /// # use scalargrad::{Var, nn::{Activation, Mlp, Module, uniform}};
    /// # let net = Mlp::new(2, &[3, 1], Activation::Relu, &mut uniform(7)).map(Var::new);
    /// for p in net.parameters().iter_mut() {
    ///     *p -= 0.1 * p.grad();
    /// }
    /// ```
    ///
    /// To read them, `for p in net.parameters().iter()`. Make a network of the new numbers, or take a list of your own, for an optimiser:
    ///
    /// ```
    /// # use scalargrad::{Var, nn::{Activation, Mlp, Module, Sgd, uniform}};
    /// let mut model = Mlp::new(2, &[3, 1], Activation::Relu, &mut uniform(7));
    /// let net = model.map(Var::new);
    /// net.forward(&[1.0, 2.0])[0].backward();
    /// model = net.map(|p| p.value() - 0.1 * p.grad());
    ///
    /// let mut p = model.parameters().to_vec();
    /// Sgd::new(&p, 0.1, 0.0).step(&mut p, &vec![1.0; 13]);
    /// model = model.with(&p);
    /// ```
    fn parameters(&self) -> Arc<[T]> {
        let mut all = Vec::new();
        self.map(|p| (all.push(p), p).1); // the mapped module is not used
        all.into()
    }

    /// The [parameters](Module::parameters) with their names.
    ///
    /// ```
    /// use scalargrad::Var;
    /// use scalargrad::nn::{Activation, Mlp, Module, uniform};
    ///
    /// let model = Mlp::new(2, &[3, 1], Activation::Relu, &mut uniform(7));
    /// assert_eq!(model.named_parameters()[8], ("layers[0].neurons[2].bias".into(), 0.0));
    ///
    /// let net = model.map(Var::new);
    /// for (name, leaf) in net.named_parameters().iter() {
    ///     leaf.named(name); // for a picture
    /// }
    /// assert!(net.forward(&[1.0, 2.0])[0].to_text().contains("layers[0].neurons[0].weights[1]"));
    /// ```
    fn named_parameters(&self) -> Arc<[(String, T)]> {
        let mut all = Vec::new();
        self.map_named(&mut |name, p| (all.push((name.to_string(), p)), p).1);
        all.into()
    }

    /// The same module with these parameters, numbers of any type.
    ///
    /// # Panics
    ///
    /// If there are more of them than the module has, or fewer.
    #[track_caller]
    fn with<U: Real>(&self, parameters: &[U]) -> Self::Of<U> {
        let wanted = self.parameters().len();
        must_match("nn: `parameters`", parameters.len(), "the module has", wanted);
        let mut rest = parameters.iter();
        self.map(|_| *rest.next().expect("they are as many"))
    }
}

/// Modules in a row: the name of a parameter begins with the place of its module, such as `[0].bias`.
impl<T: Real, M: Module<T>> Module<T> for Vec<M> {
    type Of<U: Real> = Vec<M::Of<U>>;

    fn map_named<U: Real>(&self, f: &mut impl FnMut(Arguments, T) -> U) -> Vec<M::Of<U>> {
        let mut map = |i, m: &M| m.map_named(&mut |name, p| f(format_args!("[{i}].{name}"), p));
        self.iter().enumerate().map(|(i, m)| map(i, m)).collect()
    }
}

/// What draws the weights to start from: [`uniform`], or a closure of your own.
///
/// ```
/// use scalargrad::nn::{Activation, Layer, Module, uniform};
///
/// let mut draw = uniform(7);
/// let narrow = Layer::new(100, 10, Activation::Tanh, &mut || 0.1 * draw());
/// assert!(narrow.parameters().iter().all(|w| w.abs() <= 0.1));
/// ```
pub type Draw<'a> = dyn FnMut() -> f64 + 'a;

/// Numbers that are evenly distributed between −1 and 1, the same for the same seed.
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

/// What a neuron does to its weighted sum.
///
/// ```
/// use scalargrad::nn::{Activation, Neuron};
///
/// let neuron = Neuron { weights: vec![2.0], bias: 1.0, activation: Activation::Relu };
/// assert_eq!((neuron.forward(&[1.0]), neuron.forward(&[-1.0])), (3.0, 0.0));
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// Nothing.
    Linear,
    /// `max(x, 0)`.
    Relu,
    /// The hyperbolic tangent.
    Tanh,
    /// The logistic function, from 0 to 1.
    Sigmoid,
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

impl<T: Real> Neuron<T> {
    /// The output for the inputs `x`.
    ///
    /// # Panics
    ///
    /// If there are more inputs than weights, or fewer. If a handle is stale.
    #[track_caller]
    pub fn forward(&self, x: &[T]) -> T {
        must_match("nn: `x`", x.len(), "the neuron takes", self.weights.len());
        let mut sum = self.bias;
        for (&weight, &x) in self.weights.iter().zip(x) {
            sum += weight * x; // not in a closure, which would not know the caller
        }
        match self.activation {
            Activation::Linear => sum,
            Activation::Relu => sum.relu(),
            Activation::Tanh => sum.tanh(),
            Activation::Sigmoid => sum.sigmoid(),
        }
    }
}

impl<T: Real> Module<T> for Neuron<T> {
    type Of<U: Real> = Neuron<U>;

    fn map_named<U: Real>(&self, f: &mut impl FnMut(Arguments, T) -> U) -> Neuron<U> {
        let weights = self.weights.iter().enumerate();
        let weights = weights.map(|(i, &w)| f(format_args!("weights[{i}]"), w));
        Neuron { weights: weights.collect(), bias: f(format_args!("bias"), self.bias), activation: self.activation }
    }
}

/// Neurons side by side: all have the same inputs.
#[derive(Clone, Debug, PartialEq)]
pub struct Layer<T = f64> {
    /// One for each output.
    pub neurons: Vec<Neuron<T>>,
}

impl Layer {
    /// A layer of `inputs` inputs and `outputs` outputs with weights from `draw`, and biases 0.
    ///
    /// # Panics
    ///
    /// If it has no inputs or no outputs, or there is no memory for it.
    ///
    /// ```
    /// use scalargrad::nn::{Activation, Layer, uniform};
    ///
    /// let layer = Layer::new(3, 2, Activation::Tanh, &mut uniform(7));
    /// assert_eq!(layer.forward(&[0.0; 3]), [0.0; 2]);
    /// ```
    #[track_caller]
    pub fn new(inputs: usize, outputs: usize, activation: Activation, draw: &mut Draw) -> Layer {
        let weights = inputs.saturating_mul(outputs);
        assert!(
            weights > 0 && has_memory_for(weights),
            "scalargrad: nn: a layer of {inputs} inputs and {outputs} outputs; it must have some of both, and fit in memory"
        );
        let neuron = |_| Neuron { weights: (0..inputs).map(|_| draw()).collect(), bias: 0.0, activation };
        let neurons = (0..outputs).map(neuron).collect();
        Layer { neurons }
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

impl<T: Real> Module<T> for Layer<T> {
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
/// let model = Mlp::new(2, &[16, 16, 1], Activation::Relu, &mut uniform(1337));
/// assert_eq!(model.parameters().len(), 337);
/// assert_eq!(model.forward(&[0.5, -1.0]).len(), 1);
/// assert_eq!(model, Mlp::new(2, &[16, 16, 1], Activation::Relu, &mut uniform(1337)));
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct Mlp<T = f64> {
    /// From the inputs to the outputs.
    pub layers: Vec<Layer<T>>,
}

impl Mlp {
    /// A network with layers of these sizes, weights from `draw` and biases 0; `activation` is that of all layers but
    /// the last.
    ///
    /// # Panics
    ///
    /// If it has no layers. As [`Layer::new`].
    #[track_caller]
    pub fn new(inputs: usize, sizes: &[usize], activation: Activation, draw: &mut Draw) -> Mlp {
        assert!(
            !sizes.is_empty(),
            "scalargrad: nn: a network of no layers; give the size of each, such as `&[16, 16, 1]`"
        );
        let (mut layers, mut inputs) = (Vec::new(), inputs);
        for (k, &outputs) in sizes.iter().enumerate() {
            let is_last = k + 1 == sizes.len();
            let activation = if is_last { Activation::Linear } else { activation };
            layers.push(Layer::new(inputs, outputs, activation, draw));
            inputs = outputs;
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
    /// let model = Mlp::new(2, &[4, 1], Activation::Tanh, &mut uniform(7));
    /// let slopes = gradient(|x| model.map(Var::constant).forward(x)[0], &[0.5, 0.25]);
    /// assert_eq!(slopes.len(), 2);
    /// ```
    ///
    /// ```compile_fail
    /// # use scalargrad::nn::{Activation, Mlp, uniform};
    /// # let model = Mlp::new(2, &[4, 1], Activation::Tanh, &mut uniform(7));
    /// scalargrad::gradient(|x| model.forward(x)[0], &[0.5, 0.25]); // plain numbers do not take variables
    /// ```
    ///
    /// # Panics
    ///
    /// If the first layer wants a different number of inputs. If a handle is stale.
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

impl<T: Real> Module<T> for Mlp<T> {
    type Of<U: Real> = Mlp<U>;

    fn map_named<U: Real>(&self, f: &mut impl FnMut(Arguments, T) -> U) -> Mlp<U> {
        let prefixed = &mut |name: Arguments, p| f(format_args!("layers{name}"), p);
        let layers = self.layers.map_named(prefixed);
        Mlp { layers }
    }
}
