//! How each crate is asked for the derivatives of a workload: by the cheapest way that its
//! documentation shows, with one recording and one sweep for each output, and with its tape kept
//! from run to run where it allows that.

use std::array;
use std::hint::black_box;

use RustQuant_autodiff::{Accumulate, Graph};
use echidna::tape::{Tape, TapeGuard};
use echidna::{BReverse, BytecodeTape, Reverse, record_multi};
use nalgebra::{Const, U1};
use num_dual::DualSVec64;
use scalargrad::Function;
use scalargrad::function::Compiled;
use workloads::{Derivatives, Workload, differentiate};

/// One way to compute the derivatives of any workload.
pub trait Engine: Default {
    const NAME: &'static str;

    fn differentiate<const N: usize, const M: usize>(
        &mut self,
        workload: &impl Workload<N, M>,
        point: usize,
        out: &mut Derivatives<N, M>,
    );
}

#[derive(Default)]
pub struct Scalargrad;

impl Engine for Scalargrad {
    const NAME: &'static str = "scalargrad";

    #[inline]
    fn differentiate<const N: usize, const M: usize>(
        &mut self,
        workload: &impl Workload<N, M>,
        point: usize,
        out: &mut Derivatives<N, M>,
    ) {
        differentiate(workload, point, out);
    }
}

/// Records the function, in every run anew.
#[derive(Default)]
pub struct Recording {
    /// The points at which the derivatives were taken, once, to be compared.
    compared: usize,
}

impl Engine for Recording {
    const NAME: &'static str = "to record";

    #[inline]
    fn differentiate<const N: usize, const M: usize>(
        &mut self,
        workload: &impl Workload<N, M>,
        point: usize,
        out: &mut Derivatives<N, M>,
    ) {
        let x = workload.inputs_and_data(point);
        let f = Function::record(&x, |x| workload.eval_with_data(x).to_vec());
        if point == self.compared {
            self.compared += 1;
            let (values, jacobian) = f.values_and_jacobian(&x).expect("no guard trips");
            out.value.copy_from_slice(&values);
            for (m, gradient) in out.gradient.iter_mut().enumerate() {
                gradient.copy_from_slice(&jacobian.row(m)[..N]);
            }
        }
        black_box(f);
    }
}

/// An engine that makes something of one recording, and then calls that at each point.
macro_rules! of_a_recording {
    ($(#[$doc:meta])* $Engine:ident($Callable:ty), $name:literal, $make:expr) => {
        $(#[$doc])*
        #[derive(Default)]
        pub struct $Engine {
            callable: Option<$Callable>,
            /// The inputs and the data at each point.
            points: Vec<Vec<f64>>,
            jacobian: Vec<f64>,
        }

        impl Engine for $Engine {
            const NAME: &'static str = $name;

            #[inline]
            fn differentiate<const N: usize, const M: usize>(
                &mut self,
                workload: &impl Workload<N, M>,
                point: usize,
                out: &mut Derivatives<N, M>,
            ) {
                if point == self.points.len() {
                    self.points.push(workload.inputs_and_data(point));
                }
                let x = &self.points[point];
                let f = self.callable.get_or_insert_with(|| {
                    let make: fn(Function) -> $Callable = $make;
                    make(Function::record(x, |x| workload.eval_with_data(x).to_vec()))
                });
                if M == 1 {
                    let value = f.gradient_into(x, &mut out.gradient[0]);
                    out.value[0] = value.expect("no guard trips");
                    return;
                }
                self.jacobian.resize(M * x.len(), 0.0);
                f.values_and_jacobian_into(x, &mut out.value, &mut self.jacobian)
                    .expect("no guard trips");
                let rows = self.jacobian.chunks_exact(x.len());
                for (gradient, row) in out.gradient.iter_mut().zip(rows) {
                    gradient.copy_from_slice(&row[..N]);
                }
            }
        }
    };
}

of_a_recording! {
    /// Replays the recording.
    Recorded(Function), "recorded", |f| f
}
of_a_recording! {
    /// The same in native code.
    Native(Compiled), "compiled", |f| f.compile().expect("a platform that has a compiler")
}

#[cfg(feature = "xad-rs")]
pub struct Xad(xad_rs::Tape<f64>);

#[cfg(feature = "xad-rs")]
impl Default for Xad {
    fn default() -> Self {
        Xad(xad_rs::Tape::new(true))
    }
}

#[cfg(feature = "xad-rs")]
impl Engine for Xad {
    const NAME: &'static str = "xad-rs";

    #[inline]
    fn differentiate<const N: usize, const M: usize>(
        &mut self,
        workload: &impl Workload<N, M>,
        point: usize,
        out: &mut Derivatives<N, M>,
    ) {
        let tape = &mut self.0;
        let _recording = tape.record();
        let x = workload.points()[point].map(|x| xad_rs::AReal::input(x, tape));
        let y = workload.eval(point, &x);
        for (m, y) in y.into_iter().enumerate() {
            if m > 0 {
                tape.clear_derivatives();
            }
            out.value[m] = y.value();
            y.set_adjoint(tape, 1.0);
            tape.compute_adjoints();
            out.gradient[m] = array::from_fn(|n| x[n].adjoint(tape));
        }
    }
}

#[derive(Default)]
pub struct RustQuant(Graph);

impl Engine for RustQuant {
    const NAME: &'static str = "RustQuant";

    #[inline]
    fn differentiate<const N: usize, const M: usize>(
        &mut self,
        workload: &impl Workload<N, M>,
        point: usize,
        out: &mut Derivatives<N, M>,
    ) {
        self.0.clear();
        let x = workload.points()[point].map(|x| self.0.var(x));
        let y = workload.eval(point, &x);
        for (m, y) in y.into_iter().enumerate() {
            let adjoints = y.accumulate();
            out.value[m] = y.value;
            out.gradient[m] = array::from_fn(|n| adjoints[x[n].index]);
        }
    }
}

#[derive(Default)]
pub struct Reversed(reverse::Tape);

impl Engine for Reversed {
    const NAME: &'static str = "reverse";

    #[inline]
    fn differentiate<const N: usize, const M: usize>(
        &mut self,
        workload: &impl Workload<N, M>,
        point: usize,
        out: &mut Derivatives<N, M>,
    ) {
        use reverse::Gradient;

        self.0.clear();
        let x = workload.points()[point].map(|x| self.0.add_var(x));
        let y = workload.eval(point, &x);
        for (m, y) in y.into_iter().enumerate() {
            let adjoints = y.grad();
            out.value[m] = y.val;
            out.gradient[m] = array::from_fn(|n| adjoints.wrt(&x[n]));
        }
    }
}

/// Its tape cannot be cleared, so that each run needs a new one.
#[derive(Default)]
pub struct Aad;

impl Engine for Aad {
    const NAME: &'static str = "aad";

    #[inline]
    fn differentiate<const N: usize, const M: usize>(
        &mut self,
        workload: &impl Workload<N, M>,
        point: usize,
        out: &mut Derivatives<N, M>,
    ) {
        let tape = aad::Tape::new();
        let x = tape.create_variables(&workload.points()[point]);
        let y = workload.eval(point, &x);
        for (m, y) in y.into_iter().enumerate() {
            let gradients = y.compute_gradients().expect("an output that depends on an input");
            out.value[m] = y.value();
            out.gradient[m] = gradients.get_gradients(&x).expect("inputs on the tape");
        }
    }
}

#[derive(Default)]
pub struct Echidna(Tape<f64>);

impl Engine for Echidna {
    const NAME: &'static str = "echidna";

    #[inline]
    fn differentiate<const N: usize, const M: usize>(
        &mut self,
        workload: &impl Workload<N, M>,
        point: usize,
        out: &mut Derivatives<N, M>,
    ) {
        let tape = &mut self.0;
        tape.clear();
        let x = workload.points()[point].map(|x| {
            let (index, value) = tape.new_variable(x);
            Reverse::from_tape(value, index)
        });
        let recording = TapeGuard::new(tape);
        let y = workload.eval(point, &x);
        drop(recording);
        for (m, y) in y.into_iter().enumerate() {
            let adjoints = tape.reverse(y.index());
            out.value[m] = echidna::Scalar::value(&y);
            out.gradient[m].copy_from_slice(&adjoints[..N]);
        }
    }
}

/// Replays one recording for each point, made and optimised when the point is first seen.
#[derive(Default)]
pub struct EchidnaReplay {
    programs: Vec<BytecodeTape<f64>>,
    adjoints: Vec<f64>,
}

impl Engine for EchidnaReplay {
    const NAME: &'static str = "echidna replay";

    #[inline]
    fn differentiate<const N: usize, const M: usize>(
        &mut self,
        workload: &impl Workload<N, M>,
        point: usize,
        out: &mut Derivatives<N, M>,
    ) {
        let x = &workload.points()[point];
        if point == self.programs.len() {
            let eval = |x: &[BReverse<f64>]| workload.eval(point, x.try_into().expect("all inputs")).to_vec();
            let (mut program, _) = record_multi(eval, x);
            program.optimize();
            self.programs.push(program);
        }
        let program = &mut self.programs[point];
        if M == 1 {
            let gradient = program.gradient_with_buf(x, &mut self.adjoints);
            out.gradient[0].copy_from_slice(&gradient);
        } else {
            for (row, gradient) in out.gradient.iter_mut().zip(program.jacobian(x)) {
                row.copy_from_slice(&gradient);
            }
        }
        out.value.copy_from_slice(&program.output_values());
    }
}

/// Forward mode: the gradient travels with each number, so this is for few inputs.
#[derive(Default)]
pub struct NumDual;

impl Engine for NumDual {
    const NAME: &'static str = "num-dual";

    #[inline]
    fn differentiate<const N: usize, const M: usize>(
        &mut self,
        workload: &impl Workload<N, M>,
        point: usize,
        out: &mut Derivatives<N, M>,
    ) {
        let values = &workload.points()[point];
        let x = array::from_fn(|n| DualSVec64::from_re(values[n]).derivative(n));
        let y = workload.eval(point, &x);
        for (m, y) in y.into_iter().enumerate() {
            out.value[m] = y.re;
            out.gradient[m] = y.eps.unwrap_generic(Const::<N>, U1).into();
        }
    }
}
