//! A panic, and whatever tells of a place in the source, names the user's line and none of the crate's.

use num_traits::{Euclid, Float, Inv, MulAddAssign, Pow, Signed};
use scalargrad::function::{Function, Recorder};
use scalargrad::{
    CustomOp, Matrix, Real, Var, advance, check, checkpoint, derivative, derive, dot, gradient, graph, hessian, hvp,
    jacobian, jvp, laplacian, log_sum_exp, norm, softmax, sum, taylor, value_and_gradient, value_gradient_and_hvp,
    values_and_jacobian, vjp, weighted_sum,
};
use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

thread_local! {
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// The file in which `f` panics.
fn place_of_panic(f: impl FnOnce()) -> Option<String> {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            let is_wanted = PLACE.with_borrow_mut(|place| {
                let is_wanted = place.is_some();
                *place = place.take().and(info.location().map(|l| l.to_string()));
                is_wanted
            });
            if !is_wanted {
                before(info);
            }
        }));
    });
    PLACE.set(Some(String::new()));
    let panic = catch_unwind(AssertUnwindSafe(f)).err()?;
    let text = panic.downcast_ref::<String>().map(String::as_str);
    let text = text.or(panic.downcast_ref::<&str>().copied()).unwrap_or("");
    match text.contains("scalargrad: ") {
        true => PLACE.take(),
        false => Some(format!("not a message of the crate: {text}")),
    }
}

fn take<T>(_: T) {}

fn stale() -> Var {
    graph::scope(|| Var::new(0.75) * 1.0)
}

macro_rules! refuse {
    ($strays:ident: $($what:expr);* $(;)?) => { $(
        match place_of_panic(|| take($what)) {
            None => $strays.push(format!("{}: no panic", stringify!($what))),
            Some(place) if !place.contains("/places/") => {
                $strays.push(format!("{}: {place}", stringify!($what)));
            }
            Some(_) => {}
        }
    )* };
}

struct Cube;
impl CustomOp for Cube {
    fn value(&self, x: &[f64]) -> f64 {
        x[0] * x[0] * x[0]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        vec![3.0 * x[0] * x[0]]
    }
}

struct Wrong;
impl CustomOp for Wrong {
    fn value(&self, x: &[f64]) -> f64 {
        x[0]
    }
    fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
        vec![]
    }
}

mod networks;
mod replays;

fn assert_none(strays: Vec<String>) {
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}

// Not of `Iterator::sum` and `product`, which are the standard library's own lines.
#[allow(clippy::op_ref)]
#[test]
fn an_operation_on_a_stale_handle_panics_at_the_users_line() {
    let (s, x) = (stale(), Var::new(0.5));
    let mut strays = Vec::new();
    refuse! { strays:
        s + x; x + s; s + 1.0; 1.0 + s; &s + &x; &s + 1.0; s + &1.0; &s + &1.0; &1.0 + &s; 1.0 + &s; x + &s;
        s - x; s * x; s / x; s % x; 2.0 - s; 2.0 * s; 2.0 / s; 2.0 % s; -s; -&s;
        { let mut y = x; y += s; }; { let mut y = s; y -= 1.0; }; { let mut y = x; y *= &s; };
        { let mut y = s; y /= &2.0; }; { let mut y = s; y %= 2.0; };
        s.sqrt(); s.cbrt(); s.recip(); s.powi(3); s.powf(x); x.powf(s); s.powf(2.0); s.exp(); s.exp2();
        s.exp_m1(); s.ln(); s.log(x); s.log(2.0); s.log2(); s.log10(); s.ln_1p(); s.sin(); s.cos(); s.tan();
        s.sin_cos(); s.asin(); s.acos(); s.atan(); s.atan2(x); x.atan2(s); s.sinh(); s.cosh(); s.tanh();
        s.asinh(); s.acosh(); s.atanh(); s.hypot(x); x.hypot(s); s.mul_add(x, x); x.mul_add(s, 1.0);
        x.mul_add(1.0, s); s.fract(); s.to_degrees(); s.to_radians(); s.rem_euclid(x); s.leaky_relu(0.1);
        s.sigmoid(); s.softplus(); s.silu(); s.gelu(); s.erf(); s.erfc(); s.normal_cdf(); s.gamma();
        s.ln_gamma(); s.digamma(); s.polygamma(2); s.sinc(); s.xlogy(x); s.logaddexp(x); s.abs(); s.max(x);
        x.min(s); s.clamp(0.0, 1.0); x.clamp(s, 1.0); s.copysign(x); s.relu(); s.signum(); s.floor(); s.ceil();
        s.round(); s.trunc(); s.gt_mask(x); s.ge_mask(0.0); s.lt_mask(x); s.le_mask(x); s.eq_mask(x);
        Var::select(s, x, x); Var::select(x, s, x);
        Real::sin(s); Real::max(s, x); Real::dot(&[s], &[x]); Real::norm(&[s]); Real::log_sum_exp(&[s]);
        Real::sin_cos(s);
        Float::sin(s); Float::max(s, x); Float::abs_sub(s, x); Float::sin_cos(s); Float::powi(s, 2);
        Float::mul_add(s, x, x); Signed::abs(&s); Signed::signum(&s); Signed::abs_sub(&s, &x);
        Euclid::rem_euclid(&s, &x); Euclid::div_euclid(&s, &x); Inv::inv(s); Inv::inv(&s); Pow::pow(s, 2);
        Pow::pow(&s, 2.5f32); Pow::pow(x, s); num_traits::MulAdd::mul_add(s, x, x);
        { let mut y = s; y.mul_add_assign(x, x); };
        num_traits::clamp(Float::sin(s), x, x);
        sum(&[x, s]); dot(&[x], &[s]); dot(&[s; 20], &[x; 20]); weighted_sum(&[s], &[1.0]);
        norm(&[x, s]); log_sum_exp(&[s]); softmax(&[x, s]);
        Var::custom("c", 1.0, [(s, 1.0)]); Var::apply(Cube, &[s]);
    }
    assert_none(strays);
}

#[test]
fn what_asks_a_stale_handle_panics_at_the_users_line() {
    let (s, x) = (stale(), Var::new(0.5));
    let y = x * x;
    let gradients = y.gradients();
    let mut strays = Vec::new();
    refuse! { strays:
        s.grad(); s.backward(); s.backward_accumulate(); s.gradients(); s.differentiate(&[x]);
        y.differentiate(&[s]); graph::no_grad(|| y).differentiate(&[s]); s.named("s"); s.name(); s.op();
        s.operands(); s.to_text(); s.to_dot(); s.to_svg(); gradients.wrt(s); gradients.wrt_all(&[x, s]);
        checkpoint(&[s], |x| vec![x[0] * 2.0]); checkpoint(&[x], move |_| vec![s]);
        advance(&[s], 100, 5, |_, x| vec![x[0] * 2.0]);
        advance(&[x], 100, 5, |_, _| vec![graph::scope(|| Var::new(0.5))]);
        advance(&[x], 3, 5, |_, _| vec![graph::scope(|| Var::new(0.5))]);
        advance(&[x], 100, 1, |_, x| x.to_vec());
    }
    assert_none(strays);
}

#[test]
fn a_closure_that_returns_a_stale_handle_panics_at_the_users_line() {
    let s = stale();
    let mut strays = Vec::new();
    refuse! { strays:
        gradient(|_| s, &[1.0]); value_and_gradient(|_| s, &[1.0]); derivative(|_| s, 1.0);
        jacobian(|_| s, &[1.0]); jacobian(|x| [x[0], s], &[1.0]); hessian(|_| s, &[1.0]);
        hvp(|_| s, &[1.0], &[1.0]); jvp(|_| s, &[1.0], &[1.0]); jvp(|x| [x[0], s], &[1.0], &[1.0]);
        vjp(|_| s, &[1.0], &[1.0]); vjp(|x| [x[0], s], &[1.0], &[1.0, 1.0]); laplacian(|_| s, &[1.0]);
        values_and_jacobian(|_| s, &[1.0]); value_gradient_and_hvp(|_| s, &[1.0], &[1.0]); taylor(|_| s, 1.0, 3);
        Function::record(&[1.0], |_| s); Recorder::new(|_: &[Var]| s).gradient(&[1.0]);
        check::gradient(|_| s, &[1.0]).ok(); check::hessian(|_| s, &[1.0]).ok();
        check::assert_gradient(|_| s, &[1.0]); check::assert_hessian(|_| s, &[1.0]);
        check::Check::new().gradient(|_| s, &[1.0]).ok(); check::Check::new().hessian(|_| s, &[1.0]).ok();
        Function::record(&[1.0], |_| gradient(|_| s, &[1.0]).len() as f64 * Var::constant(1.0));
    }
    assert_none(strays);
}

#[test]
fn what_clears_the_graph_in_a_closure_panics_at_the_users_line() {
    let strays = super::afresh(|| {
        let mut strays = Vec::new();
        let cleared = |x: &[Var]| {
            let y = x[0] * x[0];
            graph::clear();
            y
        };
        refuse! { strays:
            gradient(cleared, &[1.0]); derivative(|x| cleared(&[x]), 1.0); jacobian(cleared, &[1.0]);
            hessian(cleared, &[1.0]); hvp(cleared, &[1.0], &[1.0]); jvp(cleared, &[1.0], &[1.0]);
            vjp(cleared, &[1.0], &[1.0]); taylor(|x| cleared(&[x]), 1.0, 3); Function::record(&[1.0], cleared);
        }
        strays
    });
    assert_none(strays);
}

#[test]
fn what_was_called_with_a_wrong_argument_panics_at_the_users_line() {
    let x = Var::new(0.5);
    let product = |x: &[Var]| x[0] * x[0];
    let plain = |x: &[Var]| Var::custom("plain", x[0].value(), [(x[0], 1.0)]);
    let mut matrix = Matrix::zeros(2, 2);
    let f = Function::record(&[1.0, 2.0], |x| x[0] * x[1]);
    let sparse = f.sparse_hessian(&[1.0, 2.0]).unwrap();
    let mut strays = Vec::new();
    refuse! { strays:
        dot(&[x], &[]); weighted_sum(&[x], &[]); f64::dot(&[1.0], &[]); x.clamp(1.0, 0.0); x.clamp(f64::NAN, 1.0);
        x.clamp(x + 1.0, x); hvp(product, &[1.0], &[]); jvp(product, &[1.0], &[]); vjp(product, &[1.0], &[]);
        vjp(product, &[1.0], &[1.0, 2.0]);
        hessian(plain, &[1.0]); hvp(plain, &[1.0], &[1.0]); laplacian(plain, &[1.0]);
        taylor(|x| plain(&[x]), 1.0, 2); Function::record(&[1.0], plain); plain(&[x]).differentiate(&[x]);
        Matrix::zeros(usize::MAX, 2); Matrix::zeros(usize::MAX / 64, 1); Matrix::from_rows(2, 2, vec![1.0]);
        &matrix * &[1.0]; taylor(|x| x, 1.0, usize::MAX); f.over_rows(3); f.over_rows(usize::MAX);
        Recorder::new(product).over_rows(1, 0).values(&[1.0], &[]); Recorder::new(product).over_rows(1, 1).values(&[], &[]);
        Recorder::new(product).over_rows(1, 2).values(&[1.0], &[1.0]);
        derive::differentiate_along(&[x * x], &[x], &[]); advance(&[x], 10, 0, |_, x| x.to_vec());
        value_gradient_and_hvp(product, &[1.0], &[]);
        check::Check::new().step(-1.0); check::Check::new().step(f64::NAN); check::Check::new().tolerance(-1.0);
        check::assert_gradient(|x| x[0], &[f64::NAN]); check::assert_hessian(|x| x[0], &[f64::INFINITY]);
        matrix.row(2); matrix[(2, 0)]; matrix[(0, 2)] = 1.0; sparse.get(2, 0); sparse.get(10, 0);
        Var::apply(Wrong, &[x]);
        Recorder::new(|x: &[Var]| [x[0], x[0]]).gradient(&[1.0]);
        Recorder::new(product).with(&[1.0], |f| f.gradient(&[]));
        graph::reserve(usize::MAX);
        check::assert_gradient(|x| Var::custom("wrong", x[0].value().powi(2), [(x[0], 1.0)]), &[1.0]);
    }
    assert_none(strays);
}

#[test]
fn branches_with_different_numbers_of_outputs_are_told_of_at_the_users_line() {
    let uneven = |x: &[Var]| match x[0] < 0.0 {
        true => vec![x[0]],
        false => vec![x[0], x[0]],
    };
    let mut f = Recorder::new(uneven);
    let mut strays = Vec::new();
    refuse! { strays:
        f.over_rows(0, 1).values(&[], &[1.0, -1.0]); f.over_rows(0, 1).values(&[], &[-1.0]);
        f.over_rows(0, 1).gradients(&[], &[1.0, -1.0]); f.over_rows(0, 1).sum(&[], &[-1.0, 1.0]);
        f.over_rows(0, 1).sum_gradient(&[], &[-1.0, 1.0]);
        Recorder::new(|x: &[Var]| [x[0], x[0]]).over_rows(0, 1).sum_gradient(&[], &[1.0]);
    }
    assert_none(strays);
    let panics = std::panic::catch_unwind(|| Recorder::new(uneven).over_rows(0, 1).values(&[], &[1.0, -1.0]));
    assert_eq!(
        *panics.unwrap_err().downcast_ref::<String>().unwrap(),
        "scalargrad: the closure returns 2 outputs on one branch and 1 on another; over rows, all branches must return the \
         same number of outputs"
    );
}

#[test]
fn what_was_taken_out_of_a_recording_is_told_of_with_the_users_line() {
    use num_traits::ToPrimitive;
    type Taken = (&'static str, fn(Var) -> bool);
    let takers: [Taken; 17] = [
        ("value", |x| x.value() > 0.0),
        ("Real::value", |x| Real::value(x) > 0.0),
        ("grad", |x| x.grad() == 0.0),
        ("gradients", |x| x.gradients().wrt(x) == 1.0),
        ("detach", |x| x.detach().is_constant()),
        ("to_f64", |x| x.to_f64().is_some()),
        ("to_i32", |x| x.to_i32().is_some()),
        ("integer_decode", |x| Float::integer_decode(x).2 == 1),
        ("no_grad", |x| graph::no_grad(|| x * 2.0).is_constant()),
        ("display", |x| x.to_string().is_empty()),
        ("precision", |x| format!("{x:.3}").is_empty()),
        ("exponent", |x| format!("{x:e}").is_empty()),
        ("debug", |x| format!("{x:?}").is_empty()),
        ("gradient", |x| gradient(|y| y[0] * x, &[1.0])[0] > 0.0),
        ("hessian", |x| hessian(|y| y[0] * x, &[1.0])[(0, 0)] > 0.0),
        ("taylor", |x| taylor(|y| y * x, 1.0, 2)[0] > 0.0),
        ("Function", |x| Function::record(&[1.0], |y| y[0] * x).guards() > 0),
    ];
    let mut strays = Vec::new();
    for (name, take) in takers {
        let f = Function::record(&[1.5], |x| {
            take(x[0] * 2.0);
            x[0]
        });
        if f.frozen_reads().is_empty() {
            strays.push(format!("{name}: not told of"));
        }
        for read in f.frozen_reads() {
            let text = read.to_string();
            if text.contains("src/") || text.contains("library") {
                strays.push(format!("{name}: {text}"));
            }
        }
    }
    assert_none(strays);
}

#[test]
fn a_sweep_that_cannot_run_a_segment_again_panics_at_the_users_line() {
    let strays = super::afresh(|| {
        let x = Var::new(0.5);
        let count = std::cell::Cell::new(1);
        let y = checkpoint(&[x], move |x| {
            count.set(count.get() + 1);
            vec![x[0] * 2.0; count.get()]
        })[0];
        let mut strays = Vec::new();
        refuse! { strays:
            y.backward(); y.gradients(); y.differentiate(&[x]); y.backward_accumulate();
        }
        // A step of a segment that `advance` made.
        let (runs, leaf) = (std::cell::Cell::new(0), std::cell::Cell::new(x));
        let z = advance(&[x], 3, 2, move |_, x| {
            if runs.replace(runs.get() + 1) < 3 {
                leaf.set(Var::new(1.0));
                return x.to_vec();
            }
            vec![leaf.get()]
        })[0];
        refuse! { strays:
            z.backward(); z.gradients(); z.differentiate(&[x]); z.backward_accumulate();
        }
        strays
    });
    assert_none(strays);
}

#[test]
fn a_product_of_stale_factors_is_refused_at_no_line_of_the_crate() {
    let stale = graph::scope(|| Var::new(2.0));
    for product in [|x: &[Var]| x.iter().product::<Var>(), |x: &[Var]| x.iter().copied().product::<Var>()] {
        let place = place_of_panic(|| _ = product(&[stale, stale])).unwrap();
        assert!(!place.contains("operators.rs"), "{place}");
    }
}
