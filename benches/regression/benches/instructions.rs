//! The instructions that value and gradient of a few workloads take: of the closure, in a graph that has its memory
//! already; of recording it; of replaying the recording; and of running the recording of one row over all.

use std::hint::black_box;

use gungraun::{library_benchmark, library_benchmark_group, main};
use scalargrad::Function;
use scalargrad::function::Rows;
use workloads::{ByRow, Derivatives, Network, Product, Rosenbrock, Workload, differentiate};

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
fn c_network_tanh(run: Box<Run<Network<false, false>, 337>>) -> Box<Run<Network<false, false>, 337>> {
    run.again()
}

fn record<const N: usize>(workload: &impl Workload<N>) -> Function {
    let x = &workload.points()[0];
    Function::record(x, |x| workload.eval(0, x.try_into().expect("as many inputs")))
}

/// A workload that has been recorded and replayed once, so that the graph has grown.
fn recorded<W: Workload<N>, const N: usize>(workload: W) -> (W, Function, [f64; N]) {
    let f = record(&workload);
    let gradient = replay(&workload, &f);
    (workload, f, gradient)
}

#[inline(always)]
fn replay<const N: usize>(workload: &impl Workload<N>, f: &Function) -> [f64; N] {
    let mut gradient = [0.0; N];
    let value = f.gradient_into(black_box(&workload.points()[0]), &mut gradient);
    assert!(value.is_ok());
    gradient
}

macro_rules! of_recordings {
    ($($recording:ident $replaying:ident $new:expr => $Workload:ty, $n:literal;)*) => { $(
        #[library_benchmark]
        #[bench::warm(recorded($new))]
        fn $recording(it: ($Workload, Function, [f64; $n])) -> Function {
            record(black_box(&it.0))
        }

        #[library_benchmark]
        #[bench::warm(recorded($new))]
        fn $replaying(it: ($Workload, Function, [f64; $n])) -> [f64; $n] {
            replay(&it.0, black_box(&it.1))
        }
    )* };
}
of_recordings! {
    a_product_recorded a_product_replayed Product::new() => Product, 3;
    b_rosenbrock_recorded b_rosenbrock_replayed Rosenbrock::new() => Rosenbrock, 1000;
    c_network_tanh_recorded c_network_tanh_replayed Network::new() => Network<false, false>, 337;
}

/// The recording of one row of a workload, the inputs that all rows share, and the rows.
type OverRows = (Rows, Vec<f64>, Vec<f64>);

fn over_rows<const N: usize>(workload: impl ByRow<N>) -> OverRows {
    let (shared, data) = (workload.shared(), workload.data());
    let first = [&shared[..], &data[..workload.row_len()]].concat();
    let f = Function::record(&first, |x| workload.eval_row(&x[..shared.len()], &x[shared.len()..])[0]);
    let run = (f.over_rows(shared.len()), shared, data);
    sum_gradient(&run);
    run
}

#[inline(always)]
fn sum_gradient((rows, shared, data): &OverRows) -> (f64, Vec<f64>) {
    rows.sum_gradient(black_box(shared), black_box(data)).expect("no guard")
}

#[library_benchmark]
#[bench::warm(over_rows(Network::<false, false>::new()))]
fn c_network_tanh_rows(run: OverRows) -> (f64, Vec<f64>) {
    sum_gradient(&run)
}

#[library_benchmark]
#[bench::warm(over_rows(Network::<true, false>::new()))]
fn r_network_relu_rows(run: OverRows) -> (f64, Vec<f64>) {
    sum_gradient(&run)
}

library_benchmark_group!(name = rows, benchmarks = [c_network_tanh_rows, r_network_relu_rows]);
library_benchmark_group!(name = gradients, benchmarks = [a_product, b_rosenbrock, c_network_tanh]);
library_benchmark_group!(
    name = recordings,
    benchmarks = [a_product_recorded, b_rosenbrock_recorded, c_network_tanh_recorded]
);
library_benchmark_group!(
    name = replays,
    benchmarks = [a_product_replayed, b_rosenbrock_replayed, c_network_tanh_replayed]
);
main!(library_benchmark_groups = gradients, recordings, replays, rows);
