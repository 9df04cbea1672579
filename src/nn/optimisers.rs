//! How parameters follow their gradient down.

use super::module::Module;
use crate::handle::Var;

/// A rule that changes parameters by their gradient.
///
/// ```
/// use scalargrad::graph;
/// use scalargrad::nn::{Activation, Adam, Mlp, Module, Optimiser, squared, uniform};
///
/// let mut model = Mlp::new(1, &[4, 1], Activation::Tanh, uniform(7));
/// let mut adam = Adam::new(0.1);
/// for _ in 0..200 {
///     model = graph::scope(|| {
///         let net = model.leaves();
///         squared(net.forward(&[0.5])[0], 3.0).backward();
///         adam.step(&net)
///     });
/// }
/// assert!((model.forward(&[0.5])[0] - 3.0).abs() < 1e-3);
/// ```
pub trait Optimiser {
    /// Changes the parameters by one step.
    ///
    /// # Panics
    ///
    /// If there are more numbers in the gradient than parameters, or fewer, or than in the step before.
    fn update(&mut self, parameters: &mut [f64], gradient: &[f64]);

    /// One step from the gradients that a sweep has left in the module, which then is one of plain numbers.
    ///
    /// # Panics
    ///
    /// If there is another number of parameters than in the step before, or one of them is stale.
    #[track_caller]
    fn step<M: Module<Number = Var>>(&mut self, module: &M) -> M::Of<f64> {
        let leaves = module.parameters();
        let gradient: Vec<f64> = leaves.iter().map(|p| p.grad()).collect();
        let mut parameters: Vec<f64> = leaves.iter().map(|p| p.value()).collect();
        self.update(&mut parameters, &gradient);
        module.with(&parameters)
    }
}

/// Makes room, at first, for what an optimiser remembers of each parameter: zeros.
#[track_caller]
fn remember<M: Clone + Default>(memory: &mut Vec<M>, parameters: &[f64], gradient: &[f64]) {
    let (count, slopes) = (parameters.len(), gradient.len());
    if memory.is_empty() {
        memory.resize(count, M::default());
    }
    let before = memory.len();
    assert!(
        count == slopes && count == before,
        "scalargrad: nn: a step of {count} parameters with a gradient of {slopes} numbers; the optimiser was used for \
         {before} before: make a new one for another model"
    );
}

/// Gradient descent, with momentum or without.
///
/// ```
/// use scalargrad::nn::{Optimiser, Sgd};
///
/// let (mut p, mut sgd) = ([1.0], Sgd::new(0.5).momentum(0.5));
/// sgd.update(&mut p, &[1.0]);
/// assert_eq!(p, [0.5]);
/// sgd.update(&mut p, &[0.0]); // it rolls on
/// assert_eq!(p, [0.25]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct Sgd {
    /// The learning rate, which may change between steps.
    pub rate: f64,
    momentum: f64,
    velocity: Vec<f64>,
}

impl Sgd {
    /// Gradient descent with this learning rate.
    #[must_use]
    pub fn new(rate: f64) -> Sgd {
        Sgd {
            rate,
            ..Sgd::default()
        }
    }

    /// The same with momentum: the part of a step that is made again in the next one.
    #[must_use]
    pub fn momentum(self, momentum: f64) -> Sgd {
        Sgd { momentum, ..self }
    }
}

impl Optimiser for Sgd {
    #[track_caller]
    fn update(&mut self, parameters: &mut [f64], gradient: &[f64]) {
        remember(&mut self.velocity, parameters, gradient);
        for ((p, g), v) in parameters.iter_mut().zip(gradient).zip(&mut self.velocity) {
            *v = self.momentum * *v + g;
            *p -= self.rate * *v;
        }
    }
}

/// Adam: each parameter has a step size of its own, from the mean of its gradient and of its square.
///
/// Kingma and Ba, *Adam: a method for stochastic optimization*, 2015, with their defaults.
///
/// ```
/// use scalargrad::nn::{Adam, Optimiser};
///
/// let (mut p, mut adam) = ([1.0, 1.0], Adam::new(0.1));
/// adam.update(&mut p, &[1000.0, 0.001]); // the first step is as long for every gradient
/// assert!(p.iter().all(|p| (p - 0.9).abs() < 1e-5));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Adam {
    /// The learning rate, which may change between steps.
    pub rate: f64,
    steps: f64,
    means: Vec<[f64; 2]>,
}

impl Adam {
    /// Adam with this learning rate.
    #[must_use]
    pub fn new(rate: f64) -> Adam {
        Adam {
            rate,
            ..Adam::default()
        }
    }
}

impl Optimiser for Adam {
    #[track_caller]
    fn update(&mut self, parameters: &mut [f64], gradient: &[f64]) {
        remember(&mut self.means, parameters, gradient);
        self.steps += 1.0;
        // The means start at zero, and are that much too small.
        let [share, share_of_square] = [0.9f64, 0.999].map(|kept| 1.0 - kept.powf(self.steps));
        for ((p, g), [mean, square]) in parameters.iter_mut().zip(gradient).zip(&mut self.means) {
            *mean = 0.9 * *mean + 0.1 * g;
            *square = 0.999 * *square + 0.001 * g * g;
            *p -= self.rate * (*mean / share) / ((*square / share_of_square).sqrt() + 1e-8);
        }
    }
}
