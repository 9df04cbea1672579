use std::array;
use std::f64::consts::{LN_2, PI};
use std::ops::Sub;

use crate::rng::Rng;
use crate::scalar::log_sum_exp;
use crate::{Derivatives, Scalar, Workload, total};

const D: usize = 10;
const K: usize = 5;
const SAMPLES: usize = 1000;
/// The inverse covariance factor of a component: the logarithms of its diagonal, then the columns
/// below it.
const FACTOR: usize = D * (D + 1) / 2;
pub(crate) const PARAMETERS: usize = K + K * D + K * FACTOR;
const WISHART_GAMMA: f64 = 1.0;
const WISHART_M: f64 = 0.0;

/// E: the Gaussian mixture objective of ADBench, with its Wishart prior.
///
/// The inputs are the weights, the means and the inverse covariance factors. With `FUSED`, sums of
/// squares go through [`Scalar::dot`] and the logarithm of the sum of exponentials through
/// [`Scalar::log_sum_exp`].
pub struct Mixture<const FUSED: bool> {
    points: [[f64; PARAMETERS]; 1],
    pub samples: Vec<[f64; D]>,
    /// All terms of the objective that depend on no input.
    pub constant: f64,
}

impl<const FUSED: bool> Mixture<FUSED> {
    pub fn new() -> Self {
        let mut rng = Rng::new(4);
        let (d, degrees) = (D as f64, D as f64 + WISHART_M + 1.0);
        let normalisation = -0.5 * SAMPLES as f64 * d * (2.0 * PI).ln();
        let wishart = degrees * d * (WISHART_GAMMA.ln() - 0.5 * LN_2) - ln_multigamma(degrees as u32);
        Mixture {
            points: [array::from_fn(|i| match i {
                0..K => rng.normal(),
                _ if i < K + K * D => rng.normal(),
                _ => 0.3 * rng.normal(),
            })],
            samples: (0..SAMPLES).map(|_| array::from_fn(|_| rng.normal())).collect(),
            constant: normalisation - K as f64 * wishart,
        }
    }

    #[inline]
    fn sum_of_squares<S: Scalar>(x: &[S]) -> S {
        if FUSED { S::dot(x, x) } else { total(x.iter().map(|&x| x * x)) }
    }

    #[inline]
    fn log_sum_exp<S: Scalar>(x: &[S]) -> S {
        if FUSED { S::log_sum_exp(x) } else { log_sum_exp(x) }
    }
}

/// A component: its mean, the diagonal of its factor and what is below it, and the logarithm of the determinant.
type Component<'a, S> = (&'a [S], [S; D], &'a [S], S);

impl<const FUSED: bool> Mixture<FUSED> {
    #[inline]
    pub(crate) fn components<S: Scalar>(x: &[S]) -> [Component<'_, S>; K] {
        let (means, factors) = x[K..].split_at(K * D);
        array::from_fn(|k| {
            let (log_diagonal, below) = factors[k * FACTOR..][..FACTOR].split_at(D);
            let diagonal: [S; D] = array::from_fn(|i| log_diagonal[i].exp());
            let log_determinant = total(log_diagonal.iter().copied());
            (&means[k * D..][..D], diagonal, below, log_determinant)
        })
    }

    /// Of one sample, whose coordinates are data (`f64`) or numbers like all others.
    #[inline]
    pub(crate) fn likelihood<S: Scalar + Sub<X, Output = S>, X: Copy>(
        alphas: &[S],
        components: &[Component<'_, S>; K],
        sample: &[X],
    ) -> S {
        let terms: [S; K] = array::from_fn(|k| {
            let (mean, diagonal, below, log_determinant) = components[k];
            let centred: [S; D] = array::from_fn(|i| -(mean[i] - sample[i]));
            let mut scaled: [S; D] = array::from_fn(|i| diagonal[i] * centred[i]);
            let mut entries = below.iter();
            for column in 0..D {
                for row in column + 1..D {
                    let &entry = entries.next().expect("an entry for each row");
                    scaled[row] = scaled[row] + entry * centred[column];
                }
            }
            alphas[k] + log_determinant - Self::sum_of_squares(&scaled) * 0.5
        });
        Self::log_sum_exp(&terms)
    }

    /// All terms that depend on no sample.
    #[inline]
    pub(crate) fn prior<S: Scalar>(alphas: &[S], components: &[Component<'_, S>; K]) -> S {
        let terms = components.iter().map(|(_, diagonal, below, log_determinant)| {
            let squares = Self::sum_of_squares(diagonal) + Self::sum_of_squares(below);
            squares * (0.5 * WISHART_GAMMA * WISHART_GAMMA) - *log_determinant * WISHART_M
        });
        total(terms) - Self::log_sum_exp(&alphas[..K]) * SAMPLES as f64
    }
}

/// The logarithm of the `D`-variate gamma function of `twice / 2`.
fn ln_multigamma(twice: u32) -> f64 {
    let d = D as f64;
    let gammas: f64 = (0..D as u32).map(|j| ln_gamma_of_half(twice - j)).sum();
    0.25 * d * (d - 1.0) * PI.ln() + gammas
}

/// `ln Γ(n / 2)`, by the recurrence from `Γ(1/2) = √π` or `Γ(1) = 1`.
fn ln_gamma_of_half(n: u32) -> f64 {
    match n {
        1 => 0.5 * PI.ln(),
        2 => 0.0,
        _ => ln_gamma_of_half(n - 2) + (f64::from(n) / 2.0 - 1.0).ln(),
    }
}

impl<const FUSED: bool> Workload<PARAMETERS> for Mixture<FUSED> {
    fn points(&self) -> &[[f64; PARAMETERS]] {
        &self.points
    }

    fn eval<S: Scalar>(&self, _point: usize, x: &[S; PARAMETERS]) -> [S; 1] {
        let components = Self::components(x);
        let likelihoods = self.samples.iter();
        let likelihoods = likelihoods.map(|sample| Self::likelihood(x, &components, sample));
        [total(likelihoods) + Self::prior(x, &components) + self.constant]
    }

    #[inline(never)]
    fn by_hand(&self, point: usize, _store: &mut Vec<f64>, out: &mut Derivatives<PARAMETERS>) {
        let (alphas, rest) = self.points[point].split_at(K);
        let (means, factors) = rest.split_at(K * D);
        let gradient = &mut out.gradient[0];
        gradient.fill(0.0);
        let (dalphas, rest) = gradient.split_at_mut(K);
        let (dmeans, dfactors) = rest.split_at_mut(K * D);

        let mut diagonals = [[0.0; D]; K];
        let mut log_determinants = [0.0; K];
        for k in 0..K {
            for i in 0..D {
                diagonals[k][i] = factors[k * FACTOR + i].exp();
                log_determinants[k] += factors[k * FACTOR + i];
            }
        }

        let mut value = self.constant;
        let mut ddiagonals = [[0.0; D]; K];
        let mut dlog_determinants = [0.0; K];
        for sample in &self.samples {
            let mut centred = [[0.0; D]; K];
            let mut scaled = [[0.0; D]; K];
            let mut terms = [0.0; K];
            for k in 0..K {
                let (centred, scaled) = (&mut centred[k], &mut scaled[k]);
                for i in 0..D {
                    centred[i] = sample[i] - means[k * D + i];
                    scaled[i] = diagonals[k][i] * centred[i];
                }
                let mut below = &factors[k * FACTOR + D..][..FACTOR - D];
                for column in 0..D {
                    let (entries, rest) = below.split_at(D - 1 - column);
                    for (s, entry) in scaled[column + 1..].iter_mut().zip(entries) {
                        *s += entry * centred[column];
                    }
                    below = rest;
                }
                let squares: f64 = scaled.iter().map(|s| s * s).sum();
                terms[k] = alphas[k] + log_determinants[k] - 0.5 * squares;
            }

            let shares = softmax(&mut value, 1.0, &terms);
            for k in 0..K {
                let share = shares[k];
                dalphas[k] += share;
                dlog_determinants[k] += share;
                let (centred, dscaled) = (&centred[k], scaled[k].map(|s| -share * s));
                let mut dcentred = [0.0; D];
                for i in 0..D {
                    ddiagonals[k][i] += dscaled[i] * centred[i];
                    dcentred[i] = dscaled[i] * diagonals[k][i];
                }
                let mut below = &factors[k * FACTOR + D..][..FACTOR - D];
                let mut dbelow = &mut dfactors[k * FACTOR + D..][..FACTOR - D];
                for column in 0..D {
                    let (entries, rest) = below.split_at(D - 1 - column);
                    let (dentries, drest) = dbelow.split_at_mut(D - 1 - column);
                    for ((d, entry), ds) in dentries.iter_mut().zip(entries).zip(&dscaled[column + 1..]) {
                        *d += ds * centred[column];
                        dcentred[column] += ds * entry;
                    }
                    (below, dbelow) = (rest, drest);
                }
                for i in 0..D {
                    dmeans[k * D + i] -= dcentred[i];
                }
            }
        }

        let weight = -(SAMPLES as f64);
        let shares = softmax(&mut value, weight, alphas.try_into().expect("K weights"));
        let gamma = WISHART_GAMMA * WISHART_GAMMA;
        for k in 0..K {
            dalphas[k] += weight * shares[k];
            value -= WISHART_M * log_determinants[k];
            dlog_determinants[k] -= WISHART_M;
            let factor = &factors[k * FACTOR..][..FACTOR];
            let dfactor = &mut dfactors[k * FACTOR..][..FACTOR];
            for i in 0..D {
                let diagonal = diagonals[k][i];
                value += 0.5 * gamma * diagonal * diagonal;
                let ddiagonal = ddiagonals[k][i] + gamma * diagonal;
                dfactor[i] = ddiagonal * diagonal + dlog_determinants[k];
            }
            for i in D..FACTOR {
                value += 0.5 * gamma * factor[i] * factor[i];
                dfactor[i] += gamma * factor[i];
            }
        }
        out.value[0] = value;
    }
}

/// Adds `weight` times the logarithm of the sum of exponentials to `value` and returns its
/// derivatives.
fn softmax(value: &mut f64, weight: f64, terms: &[f64; K]) -> [f64; K] {
    let shift = terms.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let exponentials = terms.map(|t| (t - shift).exp());
    let sum: f64 = exponentials.iter().sum();
    *value += weight * (sum.ln() + shift);
    exponentials.map(|e| e / sum)
}
