//! The time of value and gradient of each workload.

use divan::Bencher;
use workloads::{
    BlackScholes, BundleAdjustment, Chain, Derivatives, LotkaVolterra, Mixture, Network, Product, Rosenbrock, Workload,
    differentiate,
};

fn main() {
    divan::main();
}

fn measure<const N: usize, const M: usize>(bencher: Bencher, workload: impl Workload<N, M>) {
    let mut out = vec![Derivatives::zero(); workload.points().len()];
    bencher.bench_local(|| {
        for (point, out) in out.iter_mut().enumerate() {
            differentiate(divan::black_box(&workload), point, out);
        }
    });
}

#[divan::bench(sample_size = 1000)]
fn a_product(bencher: Bencher) {
    measure(bencher, Product::new());
}

#[divan::bench]
fn b_rosenbrock(bencher: Bencher) {
    measure(bencher, Rosenbrock::new());
}

#[divan::bench(consts = [false, true])]
fn c_network_tanh<const DOT: bool>(bencher: Bencher) {
    measure(bencher, Network::<false, DOT>::new());
}

#[divan::bench(consts = [false, true])]
fn r_network_relu<const DOT: bool>(bencher: Bencher) {
    measure(bencher, Network::<true, DOT>::new());
}

#[divan::bench]
fn d_black_scholes(bencher: Bencher) {
    measure(bencher, BlackScholes::new());
}

#[divan::bench(consts = [false, true])]
fn e_mixture<const FUSED: bool>(bencher: Bencher) {
    measure(bencher, Mixture::<FUSED>::new());
}

#[divan::bench]
fn f_bundle_adjustment(bencher: Bencher) {
    measure(bencher, BundleAdjustment::new());
}

#[divan::bench(sample_count = 10)]
fn g_chain(bencher: Bencher) {
    measure(bencher, Chain::new());
}

#[divan::bench]
fn h_lotka_volterra(bencher: Bencher) {
    measure(bencher, LotkaVolterra::new());
}
