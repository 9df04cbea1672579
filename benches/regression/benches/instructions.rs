//! The instructions that value and gradient of a few workloads take, in a graph that has its memory
//! already.

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use workloads::{Derivatives, Network, Product, Rosenbrock, Workload, differentiate};

/// A workload with room for its derivatives.
struct Run<W, const N: usize> {
    workload: W,
    out: Derivatives<N>,
}

impl<W: Workload<N>, const N: usize> Run<W, N> {
    /// Runs once, so that the graph has grown.
    fn warm(workload: W) -> Box<Self> {
        let out = Derivatives::zero();
        Box::new(Run { workload, out }).again()
    }

    #[inline(always)]
    fn again(mut self: Box<Self>) -> Box<Self> {
        differentiate(black_box(&self.workload), 0, &mut self.out);
        self
    }
}

#[library_benchmark]
#[bench::warm(Run::warm(Product::new()))]
fn a_product(run: Box<Run<Product, 3>>) -> Box<Run<Product, 3>> {
    run.again()
}

#[library_benchmark]
#[bench::warm(Run::warm(Rosenbrock::new()))]
fn b_rosenbrock(run: Box<Run<Rosenbrock, 1000>>) -> Box<Run<Rosenbrock, 1000>> {
    run.again()
}

#[library_benchmark]
#[bench::warm(Run::warm(Network::new()))]
fn c_network_tanh(
    run: Box<Run<Network<false, false>, 337>>,
) -> Box<Run<Network<false, false>, 337>> {
    run.again()
}

library_benchmark_group!(
    name = gradients,
    benchmarks = [a_product, b_rosenbrock, c_network_tanh]
);
main!(library_benchmark_groups = gradients);
