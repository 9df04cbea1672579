use std::array;
use std::f64::consts::PI;
use std::ops::Mul;

use crate::rng::Rng;
use crate::{Derivatives, Scalar, Workload, total};

const HIDDEN: usize = 16;
/// The parameters of a neuron stand together: its weights, then its bias.
const FIRST: usize = HIDDEN * 3;
const SECOND: usize = HIDDEN * (HIDDEN + 1);
pub(crate) const PARAMETERS: usize = FIRST + SECOND + HIDDEN + 1;
pub(crate) const SAMPLES: usize = 100;
pub(crate) const REGULARISATION: f64 = 1e-4;

/// C and R: the 2-16-16-1 network of micrograd on a hundred points of two moons.
///
/// C has tanh neurons and the mean squared error; R, if `MARGIN`, relu neurons and the max-margin
/// loss. Both add `1e-4·Σp²`. With `DOT`, sums of products go through [`Scalar::dot`].
pub struct Network<const MARGIN: bool, const DOT: bool> {
    points: [[f64; PARAMETERS]; 1],
    pub samples: Vec<[f64; 2]>,
    pub targets: Vec<f64>,
}

impl<const MARGIN: bool, const DOT: bool> Network<MARGIN, DOT> {
    pub fn new() -> Self {
        let mut rng = Rng::new(2);
        let targets: Vec<f64> = (0..SAMPLES).map(|i| if i % 2 == 0 { 1.0 } else { -1.0 }).collect();
        let samples = targets
            .iter()
            .map(|side| {
                let angle = rng.uniform(0.0, PI);
                let x = 0.5 - 0.5 * side + side * angle.cos();
                let y = 0.25 - 0.25 * side + side * angle.sin();
                [x + 0.1 * rng.normal(), y + 0.1 * rng.normal()]
            })
            .collect();
        Network { points: [array::from_fn(|_| rng.uniform(-1.0, 1.0))], samples, targets }
    }

    #[inline]
    fn activation<S: Scalar>(s: S) -> S {
        if MARGIN { s.relu() } else { s.tanh() }
    }

    #[inline]
    fn neuron<S: Scalar>(parameters: &[S], x: &[S]) -> S {
        if DOT {
            let (&bias, weights) = parameters.split_last().expect("a bias");
            S::dot(weights, x) + bias
        } else {
            neuron(parameters, x)
        }
    }

    /// The loss of one point, whose coordinates are data (`f64`) or numbers like all others.
    #[inline]
    pub(crate) fn loss<S: Scalar + Mul<X, Output = S>, X: Copy>(
        parameters: &[S],
        point: &[X; 2],
        of_score: impl FnOnce(S) -> S,
    ) -> S {
        let (first, rest) = parameters.split_at(FIRST);
        let (second, last) = rest.split_at(SECOND);
        let mut h1 = [first[0]; HIDDEN];
        for (h, parameters) in h1.iter_mut().zip(first.chunks(3)) {
            *h = Self::activation(neuron(parameters, point));
        }
        let mut h2 = [first[0]; HIDDEN];
        for (h, parameters) in h2.iter_mut().zip(second.chunks(HIDDEN + 1)) {
            *h = Self::activation(Self::neuron(parameters, &h1));
        }
        of_score(Self::neuron(last, &h2))
    }

    /// The sum of the squares of the parameters.
    #[inline]
    pub(crate) fn squares<S: Scalar>(parameters: &[S]) -> S {
        if DOT { S::dot(parameters, parameters) } else { total(parameters.iter().map(|&p| p * p)) }
    }
}

/// One neuron before its activation; its inputs are data (`f64`) or other neurons.
#[inline]
fn neuron<S: Scalar + Mul<X, Output = S>, X: Copy>(parameters: &[S], x: &[X]) -> S {
    let (&bias, weights) = parameters.split_last().expect("a bias");
    let mut s = bias;
    for (&w, &x) in weights.iter().zip(x) {
        s = s + w * x;
    }
    s
}

impl<const MARGIN: bool, const DOT: bool> Workload<PARAMETERS> for Network<MARGIN, DOT> {
    fn points(&self) -> &[[f64; PARAMETERS]] {
        &self.points
    }

    fn eval<S: Scalar>(&self, _point: usize, parameters: &[S; PARAMETERS]) -> [S; 1] {
        let losses = self.samples.iter().zip(&self.targets).map(|(sample, &target)| {
            Self::loss(parameters, sample, |score| {
                if MARGIN {
                    (score * -target + 1.0).relu()
                } else {
                    let error = score - target;
                    error * error
                }
            })
        });
        let loss = total(losses) * (1.0 / SAMPLES as f64);
        [loss + Self::squares(parameters) * REGULARISATION]
    }

    #[inline(never)]
    fn by_hand(&self, point: usize, _store: &mut Vec<f64>, out: &mut Derivatives<PARAMETERS>) {
        let parameters = &self.points[point];
        let (w1, rest) = parameters.split_at(FIRST);
        let (w2, w3) = rest.split_at(SECOND);
        let gradient = &mut out.gradient[0];
        let mut squares = 0.0;
        for (d, &p) in gradient.iter_mut().zip(parameters) {
            squares += p * p;
            *d = 2.0 * REGULARISATION * p;
        }
        let (d1, rest) = gradient.split_at_mut(FIRST);
        let (d2, d3) = rest.split_at_mut(SECOND);
        let mut loss = 0.0;
        for (&[x, y], &target) in self.samples.iter().zip(&self.targets) {
            let mut h1 = [0.0; HIDDEN];
            for (h, w) in h1.iter_mut().zip(w1.chunks_exact(3)) {
                *h = Self::activation(w[2] + w[0] * x + w[1] * y);
            }
            let mut h2 = [0.0; HIDDEN];
            for (h, w) in h2.iter_mut().zip(w2.chunks_exact(HIDDEN + 1)) {
                let mut s = w[HIDDEN];
                for i in 0..HIDDEN {
                    s += w[i] * h1[i];
                }
                *h = Self::activation(s);
            }
            let mut score = w3[HIDDEN];
            for i in 0..HIDDEN {
                score += w3[i] * h2[i];
            }

            let dscore = if MARGIN {
                let slack = 1.0 - target * score;
                loss += slack.max(0.0);
                if slack <= 0.0 {
                    continue;
                }
                -target / SAMPLES as f64
            } else {
                let error = score - target;
                loss += error * error;
                2.0 * error / SAMPLES as f64
            };
            let slope = |h: f64| match MARGIN {
                true => f64::from(h > 0.0),
                false => 1.0 - h * h,
            };
            let mut dh1 = [0.0; HIDDEN];
            for j in 0..HIDDEN {
                let ds = dscore * w3[j] * slope(h2[j]);
                d3[j] += dscore * h2[j];
                let w = &w2[j * (HIDDEN + 1)..][..HIDDEN + 1];
                let d = &mut d2[j * (HIDDEN + 1)..][..HIDDEN + 1];
                for i in 0..HIDDEN {
                    dh1[i] += ds * w[i];
                    d[i] += ds * h1[i];
                }
                d[HIDDEN] += ds;
            }
            d3[HIDDEN] += dscore;
            for (j, d) in d1.chunks_exact_mut(3).enumerate() {
                let ds = dh1[j] * slope(h1[j]);
                d[0] += ds * x;
                d[1] += ds * y;
                d[2] += ds;
            }
        }
        out.value[0] = loss / SAMPLES as f64 + REGULARISATION * squares;
    }
}
