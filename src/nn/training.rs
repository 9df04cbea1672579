//! What training makes small, and how parameters follow its gradient down.

use super::must_match;
use crate::real::Real;

/// The squared error of one output.
///
/// ```
/// assert_eq!(scalargrad::nn::squared(3.0, 1.0), 4.0);
/// ```
pub fn squared<T: Real>(output: T, target: f64) -> T {
    (output - target).powi(2)
}

/// The max-margin loss `max(0, 1 − side·score)` of one score; `side` is 1 or −1.
///
/// ```
/// use scalargrad::nn::hinge;
///
/// assert_eq!((hinge(0.25, 1.0), hinge(2.0, 1.0), hinge(2.0, -1.0)), (0.75, 0.0, 3.0));
/// ```
pub fn hinge<T: Real>(score: T, side: f64) -> T {
    (score * -side + 1.0).relu()
}

/// The cross-entropy `−ln softmax(scores)[class]` of one sample, without overflow on the way.
///
/// # Panics
///
/// If there is no such class.
///
/// ```
/// use scalargrad::nn::cross_entropy;
///
/// assert_eq!(cross_entropy(&[0.0, 0.0], 1), 2f64.ln());
/// assert_eq!(cross_entropy(&[1000.0, 0.0], 0), 0.0);
/// ```
#[track_caller]
pub fn cross_entropy<T: Real>(scores: &[T], class: usize) -> T {
    T::log_sum_exp(scores) - scores[class]
}

/// Gradient descent, with momentum or without.
///
/// ```
/// use scalargrad::nn::Sgd;
///
/// let mut p = [1.0];
/// let mut sgd = Sgd::new(&p, 0.5, 0.5);
/// sgd.step(&mut p, &[1.0]);
/// assert_eq!(p, [0.5]);
/// sgd.step(&mut p, &[0.0]); // it rolls on
/// assert_eq!(p, [0.25]);
/// ```
#[derive(Clone, Debug)]
pub struct Sgd {
    /// The learning rate, which may change between steps.
    pub rate: f64,
    /// The part of a step that is made again in the next one: 0 for none.
    pub momentum: f64,
    velocity: Vec<f64>,
}

impl Sgd {
    /// Gradient descent of these parameters.
    pub fn new(parameters: &[f64], rate: f64, momentum: f64) -> Sgd {
        let velocity = vec![0.0; parameters.len()];
        Sgd {
            rate,
            momentum,
            velocity,
        }
    }

    /// Changes the parameters by one step.
    ///
    /// # Panics
    ///
    /// If parameters or gradient are not as many as the optimiser was made for.
    #[track_caller]
    pub fn step(&mut self, parameters: &mut [f64], gradient: &[f64]) {
        must_match("parameters", parameters.len(), self.velocity.len());
        must_match("slopes", gradient.len(), self.velocity.len());
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
/// use scalargrad::nn::{Activation, Adam, Mlp, Module, squared, uniform};
/// use scalargrad::value_and_gradient;
///
/// let model = Mlp::new(1, &[4, 1], Activation::Tanh, &mut uniform(7));
/// let mut p = model.parameters();
/// let mut adam = Adam::new(&p, 0.1);
/// for _ in 0..200 {
///     let (_loss, gradient) = value_and_gradient(|p| squared(model.with(p).forward(&[0.5])[0], 3.0), &p);
///     adam.step(&mut p, &gradient);
/// }
/// assert!((model.with(&p).forward(&[0.5])[0] - 3.0).abs() < 1e-3);
/// ```
#[derive(Clone, Debug)]
pub struct Adam {
    /// The learning rate, which may change between steps.
    pub rate: f64,
    steps: i32,
    means: Vec<[f64; 2]>,
}

impl Adam {
    /// Adam for these parameters.
    pub fn new(parameters: &[f64], rate: f64) -> Adam {
        let means = vec![[0.0; 2]; parameters.len()];
        Adam {
            rate,
            steps: 0,
            means,
        }
    }

    /// Changes the parameters by one step.
    ///
    /// # Panics
    ///
    /// If parameters or gradient are not as many as the optimiser was made for.
    #[track_caller]
    pub fn step(&mut self, parameters: &mut [f64], gradient: &[f64]) {
        must_match("parameters", parameters.len(), self.means.len());
        must_match("slopes", gradient.len(), self.means.len());
        self.steps += 1;
        // The means start at zero, and are that much too small.
        let [share, share_of_square] = [0.9f64, 0.999].map(|kept| 1.0 - kept.powi(self.steps));
        for ((p, g), [mean, square]) in parameters.iter_mut().zip(gradient).zip(&mut self.means) {
            *mean = 0.9 * *mean + 0.1 * g;
            *square = 0.999 * *square + 0.001 * g * g;
            *p -= self.rate * (*mean / share) / ((*square / share_of_square).sqrt() + 1e-8);
        }
    }
}
