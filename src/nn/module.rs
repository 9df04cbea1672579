//! What has parameters.

use crate::handle::Var;
use crate::real::Real;

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
