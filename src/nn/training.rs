//! What training makes small, and how parameters follow its gradient down.

use crate::handle::Var;
use crate::real::Real;
use crate::refusal::must_match;
use std::any::Any;
use std::ops::{Mul, Sub};

/// Refuses a setting that is negative, not below a bound, or NaN.
#[track_caller]
fn must_be_below(bound: f64, what: &str, x: f64) {
    assert!((0.0..bound).contains(&x), "scalargrad: nn: the {what} is {x}, and must be at least 0 and below {bound}");
}

/// Refuses what would spoil the parameters, before any of them has changed.
#[track_caller]
fn must_fit(wanted: usize, parameters: &[f64], gradient: &[f64], largest: f64) {
    let optimiser = "the optimiser was made for";
    must_match("nn: `parameters`", parameters.len(), optimiser, wanted);
    must_match("nn: `gradient`", gradient.len(), optimiser, wanted);
    for (i, slope) in gradient.iter().enumerate() {
        assert!(
            slope.abs() <= largest,
            "scalargrad: nn: the slope of parameter {i} is {slope:?}, and must be a number of at most {largest:.1e}; no \
             parameter has changed. Compute the loss inside `anomaly::detect`, by its closure and not by a recording, to see where \
             it comes from, or lower the learning rate"
        );
    }
}

/// The squared error of one output.
///
/// ```
/// assert_eq!(scalargrad::nn::squared(3.0, 1.0), 4.0);
/// ```
#[track_caller]
pub fn squared<T, L>(output: T, target: L) -> T
where
    T: Real + Sub<L, Output = T>, // without it the loss of a plain number would accept a variable, and only its value
    L: Into<T>,
{
    (output - target.into()).powi(2)
}

/// The value, which a recording under way does not note as frozen.
fn untracked<T: Real>(x: &T) -> f64 {
    match (x as &dyn Any).downcast_ref::<Var>() {
        Some(x) => x.untracked_value(),
        None => x.value(),
    }
}

/// The max-margin loss `max(0, 1 − side·score)` of one score; `side` is 1 or −1.
///
/// # Panics
///
/// If the side is another number. A side that is an input of a recording is looked at while recording only: a replay takes any number.
///
/// ```
/// use scalargrad::nn::hinge;
///
/// assert_eq!((hinge(0.25, 1.0), hinge(2.0, 1.0), hinge(2.0, -1.0)), (0.75, 0.0, 3.0));
/// ```
#[track_caller]
pub fn hinge<T, L>(score: T, side: L) -> T
where
    T: Real + Mul<L, Output = T>, // as above
    L: Into<T>,
{
    let side: T = side.into();
    let value = untracked(&side);
    assert!(
        value.abs() == 1.0,
        "scalargrad: nn: the side is {value}, and must be 1 or −1; a label of 0 or 1 is on the side `2.0 * label - 1.0`"
    );
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
    let count = scores.len();
    assert!(
        class < count,
        "scalargrad: nn: there is no class {class} where the number of scores is {count}; classes are counted from 0"
    );
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
    ///
    /// # Panics
    ///
    /// If the rate is negative or not finite, or the momentum not in `0.0..1.0`.
    #[track_caller]
    pub fn new(parameters: &[f64], rate: f64, momentum: f64) -> Sgd {
        must_be_below(f64::INFINITY, "learning rate", rate);
        must_be_below(1.0, "momentum", momentum);
        Sgd { rate, momentum, velocity: vec![0.0; parameters.len()] }
    }

    /// Changes the parameters by one step.
    ///
    /// # Panics
    ///
    /// If parameters or gradient are not as many as the optimiser was made for, or the gradient is not finite. As
    /// [`new`](Sgd::new).
    #[track_caller]
    pub fn step(&mut self, parameters: &mut [f64], gradient: &[f64]) {
        must_be_below(f64::INFINITY, "learning rate", self.rate);
        must_be_below(1.0, "momentum", self.momentum);
        must_fit(self.velocity.len(), parameters, gradient, f64::MAX);
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
/// let mut p = model.parameters().to_vec();
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
    ///
    /// # Panics
    ///
    /// If the rate is negative or not finite.
    #[track_caller]
    pub fn new(parameters: &[f64], rate: f64) -> Adam {
        must_be_below(f64::INFINITY, "learning rate", rate);
        Adam { rate, steps: 0, means: vec![[0.0; 2]; parameters.len()] }
    }

    /// Changes the parameters by one step.
    ///
    /// # Panics
    ///
    /// If parameters or gradient are not as many as the optimiser was made for, or the square of a slope is not finite. As
    /// [`new`](Adam::new).
    #[track_caller]
    pub fn step(&mut self, parameters: &mut [f64], gradient: &[f64]) {
        must_be_below(f64::INFINITY, "learning rate", self.rate);
        // One infinite square would stay in the mean, and its parameter would never change again.
        must_fit(self.means.len(), parameters, gradient, f64::MAX.sqrt());
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
