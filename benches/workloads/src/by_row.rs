//! Workloads that are a sum over rows of data, or the same function at many points, as a function of one row.

use std::ops::Mul;

use crate::mixture::{self, Mixture};
use crate::network::{self, Network};
use crate::{BlackScholes, BundleAdjustment, Scalar, Workload};

/// A workload as a function of one row: of inputs that all rows share, then those of the row.
pub trait ByRow<const N: usize, const M: usize = 1>: Workload<N, M> {
    /// Returns the inputs that all rows share.
    fn shared(&self) -> Vec<f64>;

    /// Returns the numbers of all rows.
    fn data(&self) -> Vec<f64>;

    /// Returns how many of them are one row.
    fn row_len(&self) -> usize;

    /// Computes the share of one row.
    fn eval_row<S: Scalar + Mul<S, Output = S>>(&self, shared: &[S], row: &[S]) -> [S; M];
}

impl<const MARGIN: bool, const DOT: bool> ByRow<{ network::PARAMETERS }> for Network<MARGIN, DOT> {
    fn shared(&self) -> Vec<f64> {
        self.points()[0].to_vec()
    }

    fn data(&self) -> Vec<f64> {
        let rows = self.samples.iter().zip(&self.targets);
        rows.flat_map(|(&[x, y], &target)| [x, y, target]).collect()
    }

    fn row_len(&self) -> usize {
        3
    }

    fn eval_row<S: Scalar>(&self, shared: &[S], row: &[S]) -> [S; 1] {
        let [x, y, target] = *row else { unreachable!("a point and its target") };
        let loss = Self::loss(shared, &[x, y], |score| {
            if MARGIN {
                (-(score * target) + 1.0).relu()
            } else {
                let error = score - target;
                error * error
            }
        });
        let each = 1.0 / network::SAMPLES as f64;
        [(loss + Self::squares(shared) * network::REGULARISATION) * each]
    }
}

impl ByRow<5> for BlackScholes {
    fn shared(&self) -> Vec<f64> {
        self.points()[0].to_vec()
    }

    fn data(&self) -> Vec<f64> {
        self.normals.clone()
    }

    fn row_len(&self) -> usize {
        1
    }

    fn eval_row<S: Scalar>(&self, shared: &[S], row: &[S]) -> [S; 1] {
        let [spot, strike, rate, sigma, time] = *shared else { unreachable!("five inputs") };
        let drift = (rate - sigma * sigma * 0.5) * time;
        let volatility = sigma * time.sqrt();
        let price = spot * (drift + volatility * row[0]).exp();
        let discount = (-rate * time).exp() * (1.0 / self.normals.len() as f64);
        [(price - strike).relu() * discount]
    }
}

impl<const FUSED: bool> ByRow<{ mixture::PARAMETERS }> for Mixture<FUSED> {
    fn shared(&self) -> Vec<f64> {
        self.points()[0].to_vec()
    }

    fn data(&self) -> Vec<f64> {
        self.samples.concat()
    }

    fn row_len(&self) -> usize {
        self.samples[0].len()
    }

    fn eval_row<S: Scalar>(&self, shared: &[S], row: &[S]) -> [S; 1] {
        let components = Self::components(shared);
        let likelihood = Self::likelihood(shared, &components, row);
        let others = Self::prior(shared, &components) + self.constant;
        [likelihood + others * (1.0 / self.samples.len() as f64)]
    }
}

impl ByRow<15, 2> for BundleAdjustment {
    fn shared(&self) -> Vec<f64> {
        Vec::new()
    }

    fn data(&self) -> Vec<f64> {
        let blocks = 0..self.points().len();
        blocks.flat_map(|block| self.inputs_and_data(block)).collect()
    }

    fn row_len(&self) -> usize {
        17
    }

    fn eval_row<S: Scalar>(&self, _shared: &[S], row: &[S]) -> [S; 2] {
        self.eval_with_data(row)
    }
}
