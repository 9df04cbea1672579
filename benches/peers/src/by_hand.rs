//! The hand-written gradients in C, from `c/handwritten.c`.

use workloads::{
    BlackScholes, BundleAdjustment, Chain, Derivatives, LotkaVolterra, Mixture, Network, Product, Rosenbrock, Workload,
};

/// A workload that has its gradient written in C too.
pub trait ByHandInC<const N: usize, const M: usize = 1>: Workload<N, M> {
    fn by_hand_in_c(&self, point: usize, store: &mut Vec<f64>, out: &mut Derivatives<N, M>);
}

unsafe extern "C" {
    fn product(x: *const f64, gradient: *mut f64) -> f64;
    fn rosenbrock(n: usize, x: *const f64, gradient: *mut f64) -> f64;
    fn network_tanh(
        samples: usize,
        xs: *const [f64; 2],
        targets: *const f64,
        parameters: *const f64,
        gradient: *mut f64,
    ) -> f64;
    fn network_relu(
        samples: usize,
        xs: *const [f64; 2],
        targets: *const f64,
        parameters: *const f64,
        gradient: *mut f64,
    ) -> f64;
    fn black_scholes(paths: usize, normals: *const f64, x: *const f64, gradient: *mut f64) -> f64;
    fn mixture(samples: usize, xs: *const [f64; 10], constant: f64, x: *const f64, gradient: *mut f64) -> f64;
    fn bundle_adjustment(feature: *const f64, x: *const f64, value: *mut f64, gradient: *mut [f64; 15]);
    fn chain(steps: usize, x: *const f64, store: *mut f64, gradient: *mut f64) -> f64;
    fn lotka_volterra(
        steps: usize,
        dt: f64,
        start: *const f64,
        x: *const f64,
        store: *mut f64,
        gradient: *mut f64,
    ) -> f64;
}

/// Implements the trait by one call that returns the value; `$x` and `$gradient` point to the
/// inputs and the gradient.
///
/// SAFETY of every call: the lengths passed are those of the slices whose pointers are passed, and
/// the fixed lengths in `handwritten.c` are those of the arrays in `workloads`.
macro_rules! by_hand_in_c {
    (
        [$($generics:tt)*] $workload:ty, $n:literal,
        |$self:ident, $store:ident, $x:ident, $gradient:ident| $call:expr
    ) => {
        impl<$($generics)*> ByHandInC<$n> for $workload {
            #[inline]
            fn by_hand_in_c(
                &$self,
                point: usize,
                $store: &mut Vec<f64>,
                out: &mut Derivatives<$n>,
            ) {
                let $x = $self.points()[point].as_ptr();
                let $gradient = out.gradient[0].as_mut_ptr();
                out.value = [unsafe { $call }];
            }
        }
    };
}

by_hand_in_c!([] Product, 3, |self, _store, x, gradient| product(x, gradient));

by_hand_in_c!([] Rosenbrock, 1000, |self, _store, x, gradient| rosenbrock(1000, x, gradient));

by_hand_in_c!([const DOT: bool] Network<false, DOT>, 337, |self, _store, x, gradient| {
    network_tanh(self.samples.len(), self.samples.as_ptr(), self.targets.as_ptr(), x, gradient)
});

by_hand_in_c!([const DOT: bool] Network<true, DOT>, 337, |self, _store, x, gradient| {
    network_relu(self.samples.len(), self.samples.as_ptr(), self.targets.as_ptr(), x, gradient)
});

by_hand_in_c!([] BlackScholes, 5, |self, _store, x, gradient| {
    black_scholes(self.normals.len(), self.normals.as_ptr(), x, gradient)
});

by_hand_in_c!([const FUSED: bool] Mixture<FUSED>, 330, |self, _store, x, gradient| {
    mixture(self.samples.len(), self.samples.as_ptr(), self.constant, x, gradient)
});

by_hand_in_c!([] Chain, 3, |self, store, x, gradient| {
    store.resize(2 * Chain::STEPS, 0.0);
    chain(Chain::STEPS, x, store.as_mut_ptr(), gradient)
});

by_hand_in_c!([] LotkaVolterra, 4, |self, store, x, gradient| {
    store.resize(2 * LotkaVolterra::STEPS, 0.0);
    let start = LotkaVolterra::START.as_ptr();
    lotka_volterra(LotkaVolterra::STEPS, LotkaVolterra::DT, start, x, store.as_mut_ptr(), gradient)
});

impl ByHandInC<15, 2> for BundleAdjustment {
    #[inline]
    fn by_hand_in_c(&self, block: usize, _store: &mut Vec<f64>, out: &mut Derivatives<15, 2>) {
        let (feature, x) = (self.features[block].as_ptr(), self.points()[block].as_ptr());
        // SAFETY: all arrays have the lengths that the function declares.
        unsafe { bundle_adjustment(feature, x, out.value.as_mut_ptr(), out.gradient.as_mut_ptr()) }
    }
}
