//! What has parameters.

use crate::handle::Var;
use crate::real::Real;
use std::fmt::Arguments;

/// Something with parameters: a neuron, a layer, a network, a model of one's own.
///
/// One method is asked for, which goes through the parameters and says what each is called.
///
/// ```
/// use scalargrad::{Real, nn::Module};
/// use std::fmt::Arguments;
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
///     fn map_named<U: Real>(&self, f: &mut impl FnMut(Arguments, T) -> U) -> Line<U> {
///         Line { slope: f(format_args!("slope"), self.slope) }
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

    /// Makes the same module with `f` of each parameter, which is told its name.
    fn map_named<U: Real>(&self, f: &mut impl FnMut(Arguments, Self::Number) -> U) -> Self::Of<U>;

    /// Makes the same module with `f` of each parameter.
    ///
    /// ```
    /// use scalargrad::nn::{Activation, Module, Neuron};
    ///
    /// let neuron = Neuron { weights: vec![2.0], bias: 1.0, activation: Activation::Relu };
    /// assert_eq!(neuron.map(|p| 10.0 * p).parameters(), [20.0, 10.0]);
    /// ```
    fn map<U: Real>(&self, mut f: impl FnMut(Self::Number) -> U) -> Self::Of<U> {
        self.map_named(&mut |_, p| f(p))
    }

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
        let mut all = Vec::new();
        self.map_named(&mut |name, p| {
            all.push((name.to_string(), p));
            p
        });
        all
    }

    /// The same module with these parameters.
    ///
    /// # Panics
    ///
    /// If their number is another.
    #[track_caller]
    fn with<U: Real>(&self, parameters: &[U]) -> Self::Of<U> {
        let (count, given) = (self.parameters().len(), parameters.len());
        assert!(
            count == given,
            "scalargrad: nn: the module has {count} parameters, and {given} were given"
        );
        let mut rest = parameters.iter();
        self.map(|_| *rest.next().expect("they are as many"))
    }

    /// The same module with a leaf for each parameter. Call it inside the scope of a step.
    fn leaves(&self) -> Self::Of<Var> {
        self.map(|p| Var::new(p.value()))
    }
}

/// Modules in a row: the name of a parameter begins with the place of its module, such as `[0].bias`.
impl<M: Module> Module for Vec<M> {
    type Number = M::Number;
    type Of<U: Real> = Vec<M::Of<U>>;

    fn map_named<U: Real>(&self, f: &mut impl FnMut(Arguments, M::Number) -> U) -> Self::Of<U> {
        let mut place = |(i, module): (usize, &M)| {
            module.map_named(&mut |name, p| f(format_args!("[{i}].{name}"), p))
        };
        self.iter().enumerate().map(&mut place).collect()
    }
}
