//! The nine workloads on which scalargrad is measured, each written once.
//!
//! A [`Workload`] is a program generic over its [`Scalar`], written with loops and ordinary
//! arithmetic as a user would write it, the points at which it is differentiated, and its gradient
//! by hand. Run with `f64` it is the plain value.

mod black_scholes;
mod bundle_adjustment;
mod by_row;
mod chain;
mod lotka_volterra;
mod mixture;
mod network;
#[cfg(feature = "peers")]
mod peers;
pub mod problems;
mod product;
mod rng;
mod rosenbrock;
mod scalar;
mod scalargrad;

pub use crate::scalargrad::differentiate;
pub use black_scholes::BlackScholes;
pub use bundle_adjustment::BundleAdjustment;
pub use by_row::ByRow;
pub use chain::Chain;
pub use lotka_volterra::LotkaVolterra;
pub use mixture::Mixture;
pub use network::Network;
pub use product::Product;
pub use rosenbrock::Rosenbrock;
pub use scalar::{Scalar, total};

/// A function of `N` inputs with `M` outputs, whose derivatives are wanted at some points.
pub trait Workload<const N: usize, const M: usize = 1> {
    /// Returns the points at which the derivatives are wanted.
    fn points(&self) -> &[[f64; N]];

    /// Computes the outputs from inputs near the given point.
    fn eval<S: Scalar>(&self, point: usize, x: &[S; N]) -> [S; M];

    /// Returns the inputs at a point, followed by the data in which the function differs from point to point, so that one
    /// recording serves at all of them.
    fn inputs_and_data(&self, point: usize) -> Vec<f64> {
        self.points()[point].to_vec()
    }

    /// Computes the outputs from inputs and data, at any point.
    fn eval_with_data<S: Scalar>(&self, x: &[S]) -> [S; M] {
        self.eval(0, x.try_into().expect("inputs only"))
    }

    /// Computes values and gradients at a point as a programmer would by hand.
    ///
    /// `store` is room, kept from run to run, for what the forward pass must leave to the backward
    /// pass.
    fn by_hand(&self, point: usize, store: &mut Vec<f64>, out: &mut Derivatives<N, M>);
}

/// The outputs of a workload at one point, and the gradient of each.
#[derive(Clone, Debug)]
pub struct Derivatives<const N: usize, const M: usize = 1> {
    pub value: [f64; M],
    pub gradient: [[f64; N]; M],
}

impl<const N: usize, const M: usize> Derivatives<N, M> {
    pub fn zero() -> Self {
        Derivatives { value: [0.0; M], gradient: [[0.0; N]; M] }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Finite differences along a few inputs: the hand-written gradients are the reference for all
    /// else.
    fn check<const N: usize, const M: usize>(workload: &impl Workload<N, M>, tolerance: f64) {
        let x = workload.points()[0];
        let mut by_hand = Derivatives::zero();
        workload.by_hand(0, &mut Vec::new(), &mut by_hand);
        let value = workload.eval(0, &x);
        for (m, value) in value.into_iter().enumerate() {
            assert!((by_hand.value[m] - value).abs() <= 1e-12 * value.abs().max(1.0));
        }
        for n in (0..N).step_by(N.div_ceil(20)) {
            let h = 1e-6 * x[n].abs().max(0.1);
            let mut shifted = [x, x];
            shifted[0][n] += h;
            shifted[1][n] -= h;
            let [above, below] = shifted.map(|x| workload.eval(0, &x));
            for m in 0..M {
                let slope = (above[m] - below[m]) / (shifted[0][n] - shifted[1][n]);
                let exact = by_hand.gradient[m][n];
                assert!(
                    (slope - exact).abs() <= tolerance * (1.0 + exact.abs()),
                    "input {n}, output {m}: finite difference {slope}, by hand {exact}"
                );
            }
        }
    }

    #[test]
    fn the_gradients_by_hand_agree_with_finite_differences() {
        check(&Product::new(), 1e-6);
        check(&Rosenbrock::new(), 1e-6);
        check(&Network::<false, false>::new(), 1e-6);
        check(&Network::<true, false>::new(), 1e-6);
        check(&BlackScholes::new(), 1e-4);
        check(&Mixture::<false>::new(), 1e-4);
        check(&BundleAdjustment::new(), 1e-4);
        check(&LotkaVolterra::new(), 1e-6);
    }

    #[test]
    fn the_fused_variants_compute_the_same() {
        fn same<const N: usize>(plain: &impl Workload<N>, fused: &impl Workload<N>) {
            let x = plain.points()[0];
            let [[plain], [fused]] = [plain.eval(0, &x), fused.eval(0, &x)];
            assert!((plain - fused).abs() <= 1e-12 * plain.abs());
        }
        same(&Network::<false, false>::new(), &Network::<false, true>::new());
        same(&Network::<true, false>::new(), &Network::<true, true>::new());
        same(&Mixture::<false>::new(), &Mixture::<true>::new());
    }

    #[test]
    fn the_chain_neither_explodes_nor_dies_out() {
        let mut by_hand = Derivatives::zero();
        Chain::new().by_hand(0, &mut Vec::new(), &mut by_hand);
        let [to_start, ..] = by_hand.gradient[0];
        assert!(by_hand.value[0].abs() < 10.0 && (1e-9..1e9).contains(&to_start.abs()));
    }
}
