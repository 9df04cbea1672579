//! User code may do anything to the graph: rules, segments and closures that clear it or panic.

use scalargrad::{CustomOp, Function, Var, check, checkpoint, gradient, graph, hessian, hvp, jacobian, taylor};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

/// The words with which `f` panics.
fn message<R>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).err().expect("it went through");
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => payload.downcast::<&str>().unwrap().to_string(),
    }
}

/// Asserts that `f` panics, and that the graph is usable afterwards.
fn refuses<R>(f: impl FnOnce() -> R) {
    message(f);
    let fresh = graph::scope(|| {
        let x = Var::new(3.0);
        let before = x.grad();
        let y = x * x + x.sin();
        let node = y.operands();
        assert_eq!(node[0].value(), 9.0);
        let slope = y.differentiate(&[x])[0].value();
        y.backward();
        (before, slope, x.grad())
    });
    assert_eq!(fresh, (0.0, 6.0 + 3f64.cos(), 6.0 + 3f64.cos()));
}

/// An operation whose rule clears the graph.
struct Clears;
impl CustomOp for Clears {
    fn value(&self, x: &[f64]) -> f64 {
        x[0]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        graph::clear();
        vec![Var::from(1.0); x.len()]
    }
}

#[test]
fn a_rule_that_clears_the_graph_is_refused() {
    refuses(|| Var::apply(Clears, &[Var::new(1.0)]));
    // A rule that does so only when it is differentiated.
    struct Later;
    impl CustomOp for Later {
        fn value(&self, x: &[f64]) -> f64 {
            x[0]
        }
        fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
            if !x[0].is_constant() {
                graph::clear();
                let _new = (0..50).fold(Var::new(2.0), |x, _| x.exp().ln());
            }
            vec![Var::from(1.0)]
        }
    }
    refuses(|| {
        let x = Var::new(1.0);
        let y = (0..100).fold(x.sin(), |x, _| x.cos());
        Var::apply(Later, &[y]).differentiate(&[x])
    });
    for order in 1..3 {
        refuses(|| taylor(|x| Var::apply(Later, &[x.sin()]), 1.0, order));
    }
    refuses(|| hessian(|x| Var::apply(Later, &[x[0].sin()]), &[1.0]));
    refuses(|| hvp(|x| Var::apply(Later, &[x[0].sin()]), &[1.0], &[1.0]));
}

#[test]
fn a_closure_that_clears_the_graph_is_refused() {
    let cube = |_: &[Var]| {
        graph::clear();
        let a = Var::new(2.0);
        a * a * a
    };
    refuses(|| gradient(cube, &[1.0]));
    refuses(|| hessian(cube, &[1.0]));
    refuses(|| jacobian(|x| [cube(x), x[0]], &[1.0]));
    refuses(|| hvp(cube, &[1.0], &[1.0]));
    refuses(|| taylor(|x| cube(&[x]), 1.0, 2));
}

#[test]
fn a_segment_that_clears_the_graph_is_refused() {
    refuses(|| {
        let x = Var::new(1.0);
        checkpoint(&[x], |x| {
            graph::clear();
            vec![x[0].detach() * Var::new(2.0)]
        })
    });
    refuses(|| {
        let (x, runs) = (Var::new(1.0), std::cell::Cell::new(0));
        let y = checkpoint(&[x], move |x| {
            runs.set(runs.get() + 1);
            if runs.get() > 1 {
                graph::clear();
                return vec![Var::new(2.0) * 4.0];
            }
            vec![x[0] * 4.0]
        });
        y[0].backward();
    });
}

#[test]
fn a_segment_that_computes_something_else_is_refused() {
    let (x, runs) = (Var::new(1.0), std::cell::Cell::new(1.0));
    let y = checkpoint(&[x], move |x| {
        runs.set(runs.get() + 1.0);
        vec![x[0] * runs.get()]
    });
    for sweep in [|y: Var, _| y.backward(), |y: Var, x| drop(y.differentiate(&[x]))] {
        let text = message(|| sweep(y[0], x));
        assert!(text.contains("must compute the same each time"), "{text}");
    }
    // Where there is no number, it is no other one.
    let y = checkpoint(&[x], |x| vec![x[0] * f64::NAN])[0];
    y.backward();
    assert!(x.grad().is_nan());
}

#[test]
fn a_sweep_that_fails_leaves_gradients_of_zero() {
    let (x, runs) = (Var::new(1.0), std::cell::Cell::new(0));
    let z = x * 3.0;
    let y = checkpoint(&[z], move |z| {
        runs.set(runs.get() + 1);
        assert!(runs.get() < 2, "only once");
        vec![z[0] * 4.0]
    })[0];
    z.backward();
    assert_eq!(x.grad(), 3.0);
    let w = (y + x).sin();
    assert!(message(|| w.backward()).contains("only once"));
    for v in [w, y, z, x] {
        assert_eq!(v.grad(), 0.0);
    }
    z.backward();
    assert_eq!(x.grad(), 3.0);
}

#[test]
fn a_recorded_derivative_leaves_gradients_alone_whatever_segments_and_rules_sweep() {
    /// A cube whose rule sweeps beside.
    struct Sweeps;
    impl CustomOp for Sweeps {
        fn value(&self, x: &[f64]) -> f64 {
            x[0] * x[0] * x[0]
        }
        fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
            graph::scope(|| {
                let t = Var::new(3.0);
                (t * t).backward();
            });
            vec![3.0 * x[0] * x[0]]
        }
    }
    let x = Var::new(0.5);
    let segment = checkpoint(&[x], |x| {
        graph::scope(|| {
            let t = Var::new(3.0);
            (t * t).backward();
        });
        vec![x[0] * x[0] * x[0]]
    })[0];
    for y in [segment, Var::apply(Sweeps, &[x])] {
        (x * 3.0).backward();
        let slope = y.differentiate(&[x])[0];
        assert_eq!((x.grad(), slope.value()), (3.0, 0.75));
    }
}

#[test]
fn a_rule_that_differentiates_on_its_way_is_right_in_every_sweep() {
    struct Square(fn(Var) -> Var);
    impl CustomOp for Square {
        fn value(&self, x: &[f64]) -> f64 {
            x[0] * x[0]
        }
        fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
            vec![(self.0)(x[0])]
        }
    }
    let rules: [fn(Var) -> Var; 4] = [
        |x| (x * x).differentiate(&[x])[0],
        |x| {
            (x * x).backward();
            x.grad().into()
        },
        |x| (x * x).gradients().wrt(x).into(),
        |x| Var::apply(Square(|x| 2.0 * x), &[x]).differentiate(&[x])[0],
    ];
    for rule in rules {
        let x = Var::new(3.0);
        let y = Var::apply(Square(rule), &[x]) * 2.0;
        y.backward();
        assert_eq!(x.grad(), 12.0);
        assert_eq!(y.differentiate(&[x])[0].value(), 12.0);
        let f = Function::record(&[1.0], move |x| Var::apply(Square(rule), x));
        assert_eq!(f.gradient(&[3.0]).unwrap(), (9.0, vec![6.0]));
    }
}

#[test]
fn a_closure_that_clears_the_graph_when_a_check_runs_it_again_is_refused() {
    let clears_later = || {
        let (w, runs) = (Var::new(2.0), Cell::new(0));
        move |x: &[Var]| {
            if runs.replace(runs.get() + 1) > 0 {
                graph::clear();
            }
            x[0] * 0.0 + w
        }
    };
    // What it gives is stale then; but that it cleared the graph comes first, and says what to do.
    let stale = || {
        let (w, runs) = (Var::new(2.0), Cell::new(0));
        move |_: &[Var]| {
            if runs.replace(runs.get() + 1) > 0 {
                graph::clear();
            }
            w
        }
    };
    for words in [message(|| check::gradient(stale(), &[1.0])), message(|| check::hessian(stale(), &[1.0]))] {
        assert!(words.contains("the closure dropped the graph"), "{words}");
    }
    refuses(|| check::gradient(clears_later(), &[1.0]));
    refuses(|| check::hessian(clears_later(), &[1.0]));
}

#[test]
fn a_check_does_not_sweep_the_graph_around_it() {
    let (x, runs) = (Var::new(0.5), Rc::new(Cell::new(0)));
    let counted = runs.clone();
    let w = checkpoint(&[x], move |x| {
        counted.set(counted.get() + 1);
        x[0].sin()
    });
    check::assert_gradient(|x| x[0] * w, &[1.0]);
    check::assert_hessian(|x| x[0] * x[0] * w, &[1.0]);
    assert_eq!(runs.get(), 1);
}

#[test]
fn a_name_is_given_to_the_variable_that_it_was_asked_for() {
    struct Clears;
    impl From<Clears> for String {
        fn from(_: Clears) -> String {
            graph::clear();
            "nobody's".into()
        }
    }
    let x = Var::new(1.0);
    let text = message(|| x.named(Clears));
    assert!(text.contains("graph::clear"), "{text}");
    assert_eq!(Var::new(2.0).name(), None);
}

/// Doubles, and does something when it is dropped.
struct Dropping<F: Fn() + Send + Sync + 'static>(F);

impl<F: Fn() + Send + Sync + 'static> CustomOp for Dropping<F> {
    fn value(&self, x: &[f64]) -> f64 {
        2.0 * x[0]
    }

    fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
        vec![Var::constant(2.0)]
    }
}

impl<F: Fn() + Send + Sync + 'static> Drop for Dropping<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

fn sweep_aside() {
    graph::scope(|| {
        let v = Var::new(1.0);
        (v * v).backward();
    });
}

#[test]
fn what_a_destructor_sweeps_does_not_change_the_sweep_under_way() {
    let actions: [fn(); 3] = [
        sweep_aside,
        || Var::constant(1.0).backward(),
        || {
            (0..4000).fold(Var::new(1.0), |x, _| x.sin()).backward();
        },
    ];
    // The destructors must not run at the end of the thread, when there is no graph any more.
    let at_end = |action: fn()| {
        graph::scope(|| {
            let f = move |v: &[Var]| Var::apply(Dropping(action), v);
            let x = Var::new(3.0);
            let y = checkpoint(&[x * 1.0], f);
            y.backward();
            assert_eq!(x.grad(), 2.0);
            assert_eq!(y.gradients().wrt(x), 2.0);
            assert_eq!(y.differentiate(&[x])[0].value(), 2.0);
            assert_eq!(gradient(move |x| checkpoint(&[x[0] * 1.0], f), &[3.0]), [2.0]);
            // Nor the gradients that are there when a scope ends.
            x.powi(2).backward();
            graph::scope(|| f(&[x]).value());
            assert_eq!(x.grad(), 6.0);
        })
    };
    actions.into_iter().for_each(at_end);
}

#[test]
fn what_the_destructor_of_an_operation_on_constants_sweeps_leaves_the_gradients_alone() {
    let x = Var::new(3.0);
    x.powi(2).backward();
    assert_eq!(Var::apply(Dropping(sweep_aside), &[Var::constant(1.0)]).value(), 2.0);
    assert_eq!(graph::no_grad(|| Var::apply(Dropping(sweep_aside), &[x])).value(), 6.0);
    let stale = graph::scope(|| x * 2.0);
    message(|| Var::apply(Dropping(sweep_aside), &[stale]));
    assert_eq!(x.grad(), 6.0);
}

#[test]
fn what_a_destructor_records_is_dropped() {
    let records = || {
        let x = Var::new(2.0);
        (x * x).backward();
        assert_eq!(x.grad(), 4.0);
    };
    let x = Var::new(1.0);
    for _ in 0..3 {
        graph::scope(|| Var::apply(Dropping(records), &[x]).backward());
        graph::no_grad(|| _ = Var::apply(Dropping(records), &[x]));
        assert_eq!(graph::len(), 1);
    }
    let _ = Var::apply(Dropping(records), &[x]);
    graph::clear();
    assert_eq!(graph::len(), 0);
}

#[test]
fn a_destructor_that_clears_the_graph_is_refused_by_the_sweep_and_the_checkpoint() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    static LEFT: AtomicUsize = AtomicUsize::new(0);
    let clear = || {
        if LEFT.fetch_sub(1, Ordering::Relaxed) == 1 {
            graph::clear();
            let _other = Var::new(100.0);
        }
    };
    for nodes in [0, 1000] {
        for left in [1, 2] {
            LEFT.store(left, Ordering::Relaxed);
            let refused = message(|| {
                let _below = Var::leaves(&vec![1.0; nodes]);
                let x = Var::new(3.0);
                checkpoint(&[x], move |x| Var::apply(Dropping(clear), x)).backward();
            });
            let expected = ["stale Var: the graph", "dropped the graph that it is part of"][left - 1];
            assert!(refused.contains(expected), "{refused}");
            let x = Var::new(2.0);
            (x * x).backward();
            assert_eq!(x.grad(), 4.0);
        }
    }
}

#[test]
fn a_rule_that_sweeps_leaves_the_gradients_alone_by_every_route() {
    struct Sweeping;
    impl CustomOp for Sweeping {
        fn value(&self, x: &[f64]) -> f64 {
            x[0] * x[0]
        }

        fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
            let v = Var::new(1.0);
            (v * v).backward();
            vec![v.grad() * x[0]]
        }
    }
    let w = Var::new(3.0);
    (w * w).backward();
    assert_eq!(gradient(|x| Var::apply(Sweeping, x), &[2.0]), [4.0]);
    assert_eq!(w.grad(), 6.0, "after a gradient");
    assert_eq!(hessian(|x| Var::apply(Sweeping, x), &[2.0])[(0, 0)], 2.0);
    assert_eq!(w.grad(), 6.0, "after a Hessian");
    let y = Var::apply(Sweeping, &[w]);
    assert_eq!(y.differentiate(&[w])[0].value(), 6.0);
    assert_eq!(w.grad(), 6.0);
}
