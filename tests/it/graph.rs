//! Handles, scopes and memory: a handle never lies, and a graph takes no more than it must.

mod memory;
mod no_grad;
mod nodes;
mod report;
mod scopes;
mod stale;
mod sweeps;
mod threads;

use crate::afresh;
use scalargrad::{
    CustomOp, Gradients, Op, Var, derivative, dot, gradient, graph, log_sum_exp, norm, softmax, sum, weighted_sum,
};
use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind, set_hook, take_hook};
use std::sync::Once;
use std::sync::mpsc::{Sender, channel};
use std::time::{Duration, Instant};

thread_local! {
    static QUIET: Cell<bool> = const { Cell::new(false) };
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

fn ignore<T>(_: T) {}

/// The text of the panic that `f` must end in; not printed.
#[track_caller]
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let print = take_hook();
        set_hook(Box::new(move |info| {
            if !QUIET.try_with(Cell::get).unwrap_or(true) {
                print(info);
            } else if let Some(place) = info.location() {
                let _ = PLACE.try_with(|p| p.replace(place.file().into()));
            }
        }));
    });
    let quiet = QUIET.replace(true);
    let result = catch_unwind(AssertUnwindSafe(f));
    QUIET.set(quiet);
    match result {
        Ok(_) => panic!("it did not panic"),
        Err(payload) => text(&*payload),
    }
}

fn text(payload: &(dyn std::any::Any + Send)) -> String {
    payload
        .downcast_ref::<String>()
        .cloned()
        .or_else(|| payload.downcast_ref::<&str>().map(|text| text.to_string()))
        .unwrap_or_default()
}

#[track_caller]
fn assert_usable() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    let z = (x * y + x).powi(2) * 1.5;
    z.backward();
    assert_eq!((z.value(), x.grad(), y.grad()), (121.5, 81.0, 81.0));
    assert_eq!(gradient(|x| x[0] * x[1], &[4.0, 5.0]), [5.0, 4.0]);
    let second = z.differentiate(&[x])[0].differentiate(&[y])[0];
    assert_eq!(second.value(), 3.0 * (9.0 + 3.0 * 3.0));
}

struct Square;

impl CustomOp for Square {
    fn value(&self, x: &[f64]) -> f64 {
        x[0] * x[0]
    }

    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        vec![x[0] * 2.0]
    }

    fn label(&self) -> String {
        "square".into()
    }
}

/// A use of a handle, given beside one that lives.
type Use = (&'static str, fn(Var, Var));

/// Every way to use a handle, the first one stale.
const USES: &[Use] = &[
    ("s + x", |s, x| ignore(s + x)),
    ("x + s", |s, x| ignore(x + s)),
    ("s + s", |s, _| ignore(s + s)),
    ("s + 1", |s, _| ignore(s + 1.0)),
    ("1 + s", |s, _| ignore(1.0 + s)),
    ("s - x", |s, x| ignore(s - x)),
    ("x - s", |s, x| ignore(x - s)),
    ("s * x", |s, x| ignore(s * x)),
    ("x * s", |s, x| ignore(x * s)),
    ("s * s", |s, _| ignore(s * s)),
    ("s * 2", |s, _| ignore(s * 2.0)),
    ("2 * s", |s, _| ignore(2.0 * s)),
    ("s / x", |s, x| ignore(s / x)),
    ("x / s", |s, x| ignore(x / s)),
    ("s / 2", |s, _| ignore(s / 2.0)),
    ("2 / s", |s, _| ignore(2.0 / s)),
    ("s % x", |s, x| ignore(s % x)),
    ("x % s", |s, x| ignore(x % s)),
    ("s % 2", |s, _| ignore(s % 2.0)),
    ("s + constant", |s, _| ignore(s + Var::constant(1.0))),
    ("constant * s", |s, _| ignore(Var::constant(2.0) * s)),
    ("-s", |s, _| ignore(-s)),
    ("s += x", |mut s, x| s += x),
    ("x += s", |s, mut x| x += s),
    ("sin", |s, _| ignore(s.sin())),
    ("powi", |s, _| ignore(s.powi(2))),
    ("powi with a large exponent", |s, _| ignore(s.powi(i32::MAX))),
    ("floor", |s, _| ignore(s.floor())),
    ("relu", |s, _| ignore(s.relu())),
    ("s.powf(x)", |s, x| ignore(s.powf(x))),
    ("x.powf(s)", |s, x| ignore(x.powf(s))),
    ("s.powf(2)", |s, _| ignore(s.powf(2.0))),
    ("s.max(0)", |s, _| ignore(s.max(0.0))),
    ("constant.max(s)", |s, _| ignore(Var::constant(9.0).max(s))),
    ("mul_add", |s, x| ignore(x.mul_add(2.0, s))),
    ("clamp", |s, x| ignore(x.clamp(s, 100.0))),
    ("gt_mask", |s, x| ignore(x.gt_mask(s))),
    ("select by a mask", |s, x| ignore(Var::select(s, x, 1.0))),
    ("select", |s, x| ignore(Var::select(x, s, 1.0))),
    ("select of another", |s, x| ignore(Var::select(x, 1.0, s))),
    ("sum", |s, x| ignore(sum(&[x, s]))),
    ("sum of an iterator", |s, x| ignore([x, s].iter().sum::<Var>())),
    ("product of an iterator", |s, x| ignore([x, s].iter().product::<Var>())),
    ("dot", |s, x| ignore(dot(&[x, x], &[x, s]))),
    ("weighted_sum", |s, x| ignore(weighted_sum(&[x, s], &[1.0, 0.0]))),
    ("norm", |s, x| ignore(norm(&[x, s]))),
    ("log_sum_exp", |s, x| ignore(log_sum_exp(&[x, s]))),
    ("softmax", |s, x| ignore(softmax(&[x, s]))),
    ("custom", |s, x| ignore(Var::custom("c", 1.0, [(x, 1.0), (s, 1.0)]))),
    ("CustomOp", |s, _| ignore(Var::apply(Square, &[s]))),
    ("grad", |s, _| ignore(s.grad())),
    ("backward", |s, _| s.backward()),
    ("backward_accumulate", |s, _| s.backward_accumulate()),
    ("gradients", |s, _| ignore(s.gradients())),
    ("wrt", |s, x| ignore(x.gradients().wrt(s))),
    ("differentiate", |s, x| ignore(s.differentiate(&[x]))),
    ("differentiate by", |s, x| ignore((x * x).differentiate(&[x, s]))),
    ("named", |s, _| ignore(s.named("s"))),
    ("name", |s, _| ignore(s.name())),
    ("op", |s, _| ignore(s.op())),
    ("operands", |s, _| ignore(s.operands())),
];

/// Every use of `stale` panics with a text that has `words` in it, and harms nothing.
#[track_caller]
fn assert_stale(stale: Var, words: &[&str]) {
    let x = Var::new(2.0);
    (x * x).backward();
    for (name, use_it) in USES {
        let text = panic_of(|| use_it(stale, x));
        for word in words.iter().chain(&["scalargrad: ", "Var::new(old.value())"]) {
            assert!(text.contains(word), "{name}: no {word:?} in {text:?}");
        }
        let place = PLACE.take();
        assert!(place == file!() || name.contains("iter"), "{name}: at {place}");
    }
    assert_eq!(x.grad(), 4.0);
    assert_usable();
}

/// Runs `f` in a process of its own, for what may abort; `test` is the test that calls this.
fn in_child(test: &str, f: impl FnOnce()) {
    const CHILD: &str = "SCALARGRAD_TEST_CHILD";
    if std::env::var_os(CHILD).is_some() {
        return f();
    }
    let output = std::process::Command::new(std::env::current_exe().unwrap())
        .args([test, "--exact", "--nocapture"])
        .env(CHILD, "1")
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{}: {errors}", output.status);
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"));
}
