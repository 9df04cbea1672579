//! Handles, scopes and memory: a handle never lies, and a graph takes no more than it must.

use crate::afresh;
use scalargrad::{
    CustomOp, Gradients, Op, Var, derivative, dot, gradient, graph, log_sum_exp, norm, softmax,
    sum, weighted_sum,
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
    ("powi with a large exponent", |s, _| {
        ignore(s.powi(i32::MAX))
    }),
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
    ("sum of an iterator", |s, x| {
        ignore([x, s].iter().sum::<Var>())
    }),
    ("product of an iterator", |s, x| {
        ignore([x, s].iter().product::<Var>())
    }),
    ("dot", |s, x| ignore(dot(&[x, x], &[x, s]))),
    ("weighted_sum", |s, x| {
        ignore(weighted_sum(&[x, s], &[1.0, 0.0]))
    }),
    ("norm", |s, x| ignore(norm(&[x, s]))),
    ("log_sum_exp", |s, x| ignore(log_sum_exp(&[x, s]))),
    ("softmax", |s, x| ignore(softmax(&[x, s]))),
    ("custom", |s, x| {
        ignore(Var::custom("c", 1.0, [(x, 1.0), (s, 1.0)]))
    }),
    ("CustomOp", |s, _| ignore(Var::apply(Square, &[s]))),
    ("grad", |s, _| ignore(s.grad())),
    ("backward", |s, _| s.backward()),
    ("backward_accumulate", |s, _| s.backward_accumulate()),
    ("gradients", |s, _| ignore(s.gradients())),
    ("wrt", |s, x| ignore(x.gradients().wrt(s))),
    ("differentiate", |s, x| ignore(s.differentiate(&[x]))),
    ("differentiate by", |s, x| {
        ignore((x * x).differentiate(&[x, s]))
    }),
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
        for word in words
            .iter()
            .chain(&["scalargrad: ", "Var::new(old.value())"])
        {
            assert!(text.contains(word), "{name}: no {word:?} in {text:?}");
        }
        let place = PLACE.take();
        assert!(
            place == file!() || name.contains("iter"),
            "{name}: at {place}"
        );
    }
    assert_eq!(x.grad(), 4.0);
    assert_usable();
}

// ---------------------------------------------------------------- stale handles

#[test]
fn after_its_scope_a_handle_is_stale_and_the_text_names_the_scope() {
    afresh(|| {
        let line = line!() + 1;
        let (leaf, node) = graph::scope(|| {
            let x = Var::new(2.0);
            (x, x * 3.0)
        });
        let at = format!("{}:{line}:", file!());
        for (handle, value) in [(leaf, 2.0), (node, 6.0)] {
            assert_stale(
                handle,
                &["stale Var", "scope", "has ended", "graph::scope", &at],
            );
            assert_eq!(handle.value(), value);
        }
    });
}

#[test]
fn after_clear_a_handle_is_stale_and_the_text_names_the_clear() {
    afresh(|| {
        let x = Var::new(2.0);
        let y = x * 3.0;
        let line = line!() + 1;
        graph::clear();
        let at = format!("{}:{line}:", file!());
        for (handle, value) in [(x, 2.0), (y, 6.0)] {
            assert_stale(handle, &["stale Var", "dropped by `graph::clear`", &at]);
            assert_eq!(handle.value(), value);
        }
    });
}

#[test]
fn a_stale_handle_is_still_a_number() {
    let s = graph::scope(|| Var::new(2.5) * 2.0);
    assert_eq!(
        (s.value(), s.detach().value(), s.to_string()),
        (5.0, 5.0, "5".into())
    );
    assert_eq!(format!("{s:?}"), "Var(5.0)");
    assert!(s == 5.0 && s > 4.0 && s == s.detach() && s < Var::new(6.0) && !s.is_constant());
    let x = Var::new(s.value());
    (s.detach() * x).backward();
    assert_eq!(x.grad(), 5.0);
    let unselected = Var::select(false, s, x);
    assert_eq!(unselected.grad(), 5.0);
}

#[test]
fn a_constant_is_never_stale() {
    let c = graph::scope(|| Var::constant(2.0) * 3.0);
    graph::clear();
    let x = Var::new(1.5);
    (c * x).backward();
    assert_eq!(
        (c.grad(), x.grad(), c.op(), c.name()),
        (0.0, 6.0, Op::Constant, None)
    );
    assert!(c.operands().is_empty());
    c.backward();
    assert_eq!(x.grad(), 0.0);
}

#[test]
fn stale_handles_in_no_grad_panic_too() {
    afresh(|| {
        let s = graph::scope(|| Var::new(2.0));
        let x = Var::new(2.0);
        graph::no_grad(|| {
            for (name, use_it) in USES {
                let text = panic_of(|| use_it(s, x));
                assert!(text.contains("stale Var"), "{name}: {text}");
            }
            assert!((x * x).is_constant());
        });
        assert_usable();
    });
}

#[test]
fn a_stale_handle_is_not_taken_for_the_node_that_has_its_index_now() {
    afresh(|| {
        let old: Vec<Var> = (0..300).map(|_| graph::scope(|| Var::new(1.0))).collect();
        graph::scope(|| {
            let x = Var::new(7.0);
            for s in &old {
                assert!(panic_of(|| *s * x).contains("stale Var"));
                assert!(panic_of(|| s.grad()).contains("stale Var"));
                assert!(panic_of(|| s.sin()).contains("stale Var"));
            }
            (x * x).backward();
            assert_eq!(x.grad(), 14.0);
        });
        let x = Var::new(7.0);
        for s in &old {
            assert!(panic_of(|| *s * x).contains("stale Var"));
        }
        assert_usable();
    });
}

#[test]
fn in_nested_scopes_each_handle_lives_as_long_as_its_own() {
    afresh(|| {
        let a = Var::new(2.0);
        let outer = line!() + 1;
        let (b, c) = graph::scope(|| {
            let b = a * 3.0;
            let inner = line!() + 1;
            let c = graph::scope(|| {
                let c = b * a;
                c.backward();
                assert_eq!((a.grad(), b.grad(), c.grad()), (12.0, 2.0, 1.0));
                c
            });
            assert_stale(c, &[&format!("{}:{inner}:", file!())]);
            (b * a).backward();
            assert_eq!((a.grad(), b.grad()), (12.0, 2.0));
            (b, c)
        });
        assert_stale(b, &[&format!("{}:{outer}:", file!())]);
        assert!(panic_of(|| c.grad()).contains("stale Var"));
        (a * a).backward();
        assert_eq!(a.grad(), 4.0);
    });
}

#[test]
fn sibling_scopes_do_not_share_handles() {
    let mut kept: Option<Var> = None;
    for _ in 0..3 {
        graph::scope(|| {
            let x = Var::new(1.0);
            if let Some(old) = kept {
                assert!(panic_of(|| old + x).contains("scope"));
            }
            kept = Some(x);
        });
    }
}

#[test]
fn clear_inside_scopes_ends_all_handles_and_keeps_the_scopes() {
    for depth in 0..130 {
        afresh(move || {
            fn nest(depth: u32, handles: &mut Vec<Var>) {
                handles.push(Var::new(3.0));
                if depth > 0 {
                    graph::scope(|| nest(depth - 1, handles));
                } else {
                    graph::clear();
                    assert_eq!(graph::len(), 0);
                }
                for s in handles.iter() {
                    assert!(panic_of(|| s.sin()).contains("graph::clear"));
                    assert!(panic_of(|| s.grad()).contains("stale Var"));
                }
                let x = Var::new(3.0);
                (x * x).backward();
                assert_eq!(x.grad(), 6.0);
            }
            let mut handles = Vec::new();
            nest(
                if depth > 40 { depth % 3 + 61 } else { depth },
                &mut handles,
            );
            assert_usable();
        });
    }
}

#[test]
fn handles_made_after_clear_in_a_scope_end_with_that_scope() {
    let line = line!() + 1;
    let x = graph::scope(|| {
        graph::clear();
        let x = Var::new(3.0);
        x.sin().backward();
        x
    });
    assert_stale(x, &[&format!("{}:{line}:", file!())]);
}

#[test]
fn an_old_stale_handle_is_refused_after_many_scopes_too() {
    afresh(|| {
        let s = graph::scope(|| Var::new(1.0));
        for _ in 0..10_000 {
            graph::scope(|| Var::new(1.0));
        }
        assert_stale(s, &["stale Var", "scope"]);
    });
}

#[test]
fn the_scopes_of_derivatives_by_closure_end_handles_too() {
    let mut kept = Var::default();
    let line = line!() + 1;
    let slope = derivative(
        |x| {
            kept = x;
            x * x
        },
        3.0,
    );
    assert_eq!(slope, 6.0);
    assert_stale(kept, &["scope", &format!("{}:{line}:", file!())]);
}

// ---------------------------------------------------------------- scopes and panics

#[test]
fn leaves_outside_a_scope_keep_the_gradients_of_a_sweep_inside() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    graph::scope(|| (x * y).backward());
    assert_eq!((x.grad(), y.grad()), (2.0, 3.0));
    graph::scope(|| graph::scope(|| (x * 5.0).backward_accumulate()));
    assert_eq!((x.grad(), y.grad()), (7.0, 3.0));
    graph::scope(|| (Var::new(1.0) * 2.0).backward());
    assert_eq!((x.grad(), y.grad()), (0.0, 0.0));
}

#[test]
fn a_node_of_a_later_scope_starts_without_a_gradient() {
    let x = Var::new(3.0);
    graph::scope(|| (x * x).backward());
    let y = x * x;
    assert_eq!((y.grad(), x.grad()), (0.0, 6.0));
    graph::scope(|| {
        let z: Vec<Var> = (0..2000).map(|_| x * x).collect();
        assert!(z.iter().all(|z| z.grad() == 0.0));
        sum(&z).backward();
        assert!(z.iter().all(|z| z.grad() == 1.0));
    });
    graph::scope(|| {
        let z: Vec<Var> = (0..2000).map(|_| x * x).collect();
        assert!(z.iter().all(|z| z.grad() == 0.0));
        z[1999].backward();
        assert!(z[..1999].iter().all(|z| z.grad() == 0.0));
        assert_eq!(x.grad(), 6.0);
    });
}

#[test]
fn a_scope_ends_by_unwinding_as_by_return() {
    afresh(|| {
        let x = Var::new(3.0);
        let before = graph::len();
        let mut inside = Var::default();
        let line = line!() + 2;
        let text = panic_of(|| {
            graph::scope(|| {
                inside = x * x;
                graph::scope(|| {
                    inside.backward();
                    panic!("of the user's own");
                })
            })
        });
        assert_eq!(text, "of the user's own");
        assert_eq!(graph::len(), before);
        assert_eq!(x.grad(), 6.0);
        assert_stale(inside, &[&format!("{}:{line}:", file!())]);
    });
}

#[test]
fn panics_in_every_closure_leave_the_graph_usable() {
    afresh(|| {
        let x = Var::new(3.0);
        let before = graph::len();
        let fail = || -> Var { panic!("own") };
        assert_eq!(panic_of(|| gradient(|x| x[0] * fail(), &[1.0, 2.0])), "own");
        assert_eq!(panic_of(|| derivative(|x| x + fail(), 1.0)), "own");
        assert_eq!(panic_of(|| graph::no_grad(|| x * fail())), "own");
        assert_eq!(panic_of(|| graph::no_grad(|| graph::scope(fail))), "own");
        assert_eq!(panic_of(|| graph::scope(|| graph::no_grad(fail))), "own");
        assert_eq!(
            panic_of(|| [1, 2].iter().map(|_| fail()).sum::<Var>()),
            "own"
        );
        assert_eq!(panic_of(|| sum(&[x, fail()])), "own");
        assert_eq!(graph::len(), before);
        assert!(!(x * x).is_constant());
        assert_usable();
    });
}

#[test]
fn a_panicking_custom_operation_leaves_the_graph_usable() {
    struct Bad(&'static str);
    impl CustomOp for Bad {
        fn value(&self, _: &[f64]) -> f64 {
            assert!(self.0 != "value", "in value");
            1.0
        }
        fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
            assert!(self.0 != "partials", "in partials");
            assert!(self.0 != "later" || x[0].is_constant(), "in later partials");
            if self.0 == "count" {
                vec![]
            } else {
                vec![Var::from(1.0)]
            }
        }
    }
    let x = Var::new(3.0);
    let before = graph::len();
    assert_eq!(panic_of(|| Var::apply(Bad("value"), &[x])), "in value");
    assert_eq!(
        panic_of(|| Var::apply(Bad("partials"), &[x])),
        "in partials"
    );
    let text = panic_of(|| Var::apply(Bad("count"), &[x]));
    assert!(
        text.contains("`custom`") && text.contains("number of partials"),
        "{text}"
    );
    assert_eq!(graph::len(), before);
    let z = Var::apply(Bad("later"), &[x]);
    assert_eq!(panic_of(|| z.differentiate(&[x])), "in later partials");
    z.backward();
    assert_eq!(x.grad(), 1.0);
    assert_usable();
}

#[test]
fn a_thousand_nested_scopes() {
    fn nest(x: Var, depth: u32) -> Var {
        graph::scope(|| {
            let y = x * 1.0;
            y.backward();
            assert_eq!(x.grad(), 1.0);
            if depth == 0 {
                return y;
            }
            let inner = nest(y, depth - 1);
            assert!(!depth.is_multiple_of(100) || panic_of(|| inner + y).contains("stale Var"));
            (y * y).backward();
            assert_eq!((x.grad(), y.grad()), (4.0, 4.0));
            inner
        })
    }
    let run = || {
        let x = Var::new(2.0);
        let deepest = nest(x, 1000);
        assert!(panic_of(|| deepest.grad()).contains("stale Var"));
        assert_eq!(graph::len(), 1);
        assert_usable();
    };
    let thread = std::thread::Builder::new().stack_size(64 << 20).spawn(run);
    thread
        .unwrap()
        .join()
        .unwrap_or_else(|payload| resume_unwind(payload));
}

// ---------------------------------------------------------------- sweeps

#[test]
fn backward_starts_from_zero_and_runs_again() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    let z = x * y;
    for _ in 0..3 {
        z.backward();
        assert_eq!((x.grad(), y.grad(), z.grad()), (2.0, 3.0, 1.0));
    }
    let w = x * x;
    w.backward();
    assert_eq!(
        (x.grad(), y.grad(), z.grad(), w.grad()),
        (6.0, 0.0, 0.0, 1.0)
    );
}

#[test]
fn backward_from_a_leaf_and_from_a_constant() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    (x * y).backward();
    x.backward();
    assert_eq!((x.grad(), y.grad()), (1.0, 0.0));
    Var::constant(1.0).backward();
    assert_eq!((x.grad(), y.grad()), (0.0, 0.0));
    assert_eq!(Var::constant(1.0).gradients().wrt(x), 0.0);
    assert_eq!(Var::constant(1.0).differentiate(&[x])[0].value(), 0.0);
}

#[test]
fn backward_accumulate_adds_to_what_is_there() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    let z = x * y;
    z.backward_accumulate();
    assert_eq!((x.grad(), y.grad(), z.grad()), (2.0, 3.0, 1.0));
    z.backward_accumulate();
    assert_eq!((x.grad(), y.grad(), z.grad()), (4.0, 6.0, 2.0));
    (x * 10.0).backward_accumulate();
    assert_eq!((x.grad(), y.grad(), z.grad()), (14.0, 6.0, 2.0));
    Var::constant(1.0).backward_accumulate();
    assert_eq!((x.grad(), y.grad()), (14.0, 6.0));
    z.backward();
    assert_eq!((x.grad(), y.grad()), (2.0, 3.0));
}

#[test]
fn backward_accumulate_over_a_long_graph_keeps_what_is_far_apart() {
    let x: Vec<Var> = (0..5000).map(|k| Var::new(f64::from(k))).collect();
    x[17].sin().backward();
    let first = x[17].grad();
    sum(&x[4000..]).backward_accumulate();
    (x[17] * x[3000]).backward_accumulate();
    assert_eq!((x[17].grad(), x[3000].grad()), (first + 3000.0, 17.0));
    assert!(x[4000..].iter().all(|x| x.grad() == 1.0));
    x[0].backward();
    assert!(x[1..].iter().all(|x| x.grad() == 0.0));
}

#[test]
fn what_the_output_does_not_depend_on_reads_zero() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    let (unused, later) = (x * y, x.sin());
    let z = x * 2.0;
    let after = z * y;
    z.backward();
    assert_eq!([y, unused, later, after].map(Var::grad), [0.0; 4]);
    assert_eq!(Var::new(1.0).grad(), 0.0);
}

#[test]
fn a_snapshot_disturbs_no_gradient_and_outlives_sweeps_scopes_and_clear() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    (x * 5.0).backward();
    let (snapshot, z) = graph::scope(|| {
        let z = x * y;
        let unused = z * 2.0;
        let snapshot = z.gradients();
        assert_eq!((x.grad(), y.grad(), z.grad()), (5.0, 0.0, 0.0));
        assert_eq!(snapshot.wrt(unused), 0.0);
        (y * y).backward();
        (snapshot, z)
    });
    let check = |snapshot: &Gradients| {
        assert_eq!(snapshot.wrt_all(&[x, y, z]), [2.0, 3.0, 1.0]);
        assert_eq!(snapshot.wrt(Var::constant(3.0)), 0.0);
    };
    check(&snapshot);
    assert_eq!((x.grad(), y.grad()), (0.0, 4.0));
    assert_eq!(snapshot.wrt(Var::new(1.0) * x), 0.0);
    graph::clear();
    check(&snapshot);
    check(&snapshot.clone());
    assert_eq!(snapshot.wrt(Var::new(1.0)), 0.0);
}

#[test]
fn a_snapshot_knows_a_handle_that_was_stale_when_it_was_taken() {
    let x = Var::new(3.0);
    let s = graph::scope(|| x * x);
    let snapshot = (x * x).gradients();
    assert!(panic_of(|| snapshot.wrt(s)).contains("stale Var"));
    assert!(panic_of(|| snapshot.wrt_all(&[x, s])).contains("stale Var"));
}

#[test]
fn snapshots_of_a_graph_of_many_windows() {
    let x: Vec<Var> = (0..4000).map(|k| Var::new(f64::from(k))).collect();
    sum(&x[..100]).backward();
    let snapshot = dot(&x[..2000], &x[2000..]).gradients();
    assert!((0..2000).all(|k| snapshot.wrt(x[k]) == (k + 2000) as f64));
    assert!((2000..4000).all(|k| snapshot.wrt(x[k]) == (k - 2000) as f64));
    assert!((0..4000).all(|k| x[k].grad() == f64::from(k < 100)));
    x[0].backward();
    assert!((1..4000).all(|k| x[k].grad() == 0.0));
}

#[test]
fn differentiate_gives_what_backward_gives() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    let h = x * y;
    let z = h.sin() * x + h;
    let d = z.differentiate(&[x, y, h, z, x, Var::constant(1.0)]);
    z.backward();
    for (d, g) in d.iter().zip([x, y, h, z, x].map(Var::grad)) {
        assert_eq!(d.value(), g);
    }
    assert!(d[5].is_constant() && d[5] == 0.0);
    let later = z * 2.0;
    assert_eq!(z.differentiate(&[later])[0].value(), 0.0);
    assert!(z.differentiate(&[]).is_empty());
}

#[test]
fn differentiate_leaves_the_gradients_alone() {
    let x = Var::new(3.0);
    (x * 5.0).backward();
    let d = (x * x).differentiate(&[x])[0];
    assert_eq!((x.grad(), d.value()), (5.0, 6.0));
    d.backward();
    assert_eq!(x.grad(), 2.0);
}

#[test]
fn graphs_do_not_grow_geometrically_with_the_order() {
    let x = Var::new(0.7);
    let mut d = x.exp();
    let mut lens = Vec::new();
    for _ in 0..12 {
        let before = graph::len();
        d = d.differentiate(&[x])[0];
        lens.push(graph::len() - before);
    }
    assert_eq!(d.value(), 0.7_f64.exp());
    assert!(lens.iter().all(|&n| n <= 4), "{lens:?}");
    let mut d = x.powi(12);
    for order in 1..=12 {
        let before = graph::len();
        d = d.differentiate(&[x])[0];
        assert!(graph::len() - before < 100 * order);
    }
    assert_eq!(d.value(), 479_001_600.0);
}

// ---------------------------------------------------------------- no_grad

#[test]
fn no_grad_records_no_operation() {
    let (x, c) = (Var::new(2.0), Var::constant(3.0));
    let before = graph::len();
    graph::no_grad(|| {
        let results = [
            x + x,
            x + c,
            c + x,
            x * x,
            x / 2.0,
            2.0 - x,
            x % 2.0,
            -x,
            x.sin(),
            x.powi(3),
            x.powf(x),
            x.max(0.0),
            sum(&[x, x]),
            dot(&[x], &[x]),
            norm(&[x, x]),
            log_sum_exp(&[x, x]),
            softmax(&[x])[0],
            Var::apply(Square, &[x]),
            x.gt_mask(1.0),
            Var::custom("c", 1.0, [(x, 1.0)]),
            Var::select(x, x * x, 1.0),
            x.mul_add(x, x),
        ];
        assert!(results.iter().all(|y| y.is_constant()));
        assert!(!x.is_constant());
    });
    assert_eq!(graph::len(), before);
    assert!(!(x * x).is_constant());
}

#[test]
fn no_grad_works_before_any_scope_was_opened() {
    afresh(|| {
        let x = Var::new(2.0);
        assert_eq!(graph::no_grad(|| x * x).value(), 4.0);
        assert!(graph::no_grad(|| x.sin()).is_constant());
        assert_usable();
    });
}

#[test]
fn functions_of_several_operands_work_before_any_scope_was_opened() {
    afresh(|| {
        let x = Var::new(2.0);
        assert_eq!(x.powf(2.0).value(), 4.0);
        assert_eq!(sum(&[x, x]).value(), 4.0);
        x.max(1.0).backward();
        assert_eq!(x.grad(), 1.0);
    });
}

#[test]
fn new_in_no_grad_is_a_leaf_of_the_scope_around() {
    afresh(|| {
        let x = graph::no_grad(|| Var::new(2.0));
        assert!(!x.is_constant() && x.op() == Op::Leaf);
        (x * x).backward();
        assert_eq!(x.grad(), 4.0);
        graph::scope(|| {
            let y = graph::no_grad(|| {
                let y = Var::new(3.0);
                assert!((y * x).is_constant());
                y
            });
            (x * y).backward();
            assert_eq!((x.grad(), y.grad()), (3.0, 2.0));
        });
        assert_usable();
    });
}

#[test]
fn no_grad_and_scope_nest_either_way() {
    afresh(|| {
        let x = Var::new(2.0);
        graph::no_grad(|| {
            let (leaf, y) = graph::scope(|| {
                let leaf = Var::new(5.0);
                assert!((leaf * x).is_constant());
                graph::no_grad(|| assert!((leaf + x).is_constant()));
                assert!((leaf * x).is_constant());
                assert_eq!(leaf.grad(), 0.0);
                (leaf, leaf * x)
            });
            assert_eq!(y.value(), 10.0);
            assert!(panic_of(|| leaf * x).contains("stale Var"));
            assert!((x * x).is_constant());
        });
        assert!(!(x * x).is_constant());
        graph::scope(|| {
            assert!(graph::no_grad(|| x * x).is_constant());
            assert!(!(x * x).is_constant());
        });
        graph::no_grad(graph::clear);
        assert!(panic_of(|| x * x).contains("graph::clear"));
        assert_usable();
    });
}

#[test]
fn sweeps_and_reads_work_in_no_grad() {
    let x = Var::new(2.0);
    let y = x * x * x;
    graph::no_grad(|| {
        y.backward();
        assert_eq!(x.grad(), 12.0);
        assert_eq!(y.gradients().wrt(x), 12.0);
        let d = y.differentiate(&[x])[0];
        assert!(d.is_constant() && d == 12.0);
        assert_eq!(x.named("x").name().as_deref(), Some("x"));
        assert_eq!(y.op(), Op::Mul);
    });
}

#[test]
fn a_step_of_an_optimiser_in_no_grad() {
    afresh(|| {
        let mut x = Var::new(10.0);
        for _ in 0..200 {
            graph::scope(|| ((x - 3.0) * (x - 3.0)).backward());
            x = graph::no_grad(|| Var::new((x - x.grad() * 0.1).value()));
        }
        assert!((x.value() - 3.0).abs() < 1e-12);
        assert_eq!(graph::len(), 201);
    });
}

#[test]
fn derivatives_by_closure_are_right_inside_no_grad_too() {
    let x = Var::new(2.0);
    graph::no_grad(|| {
        assert_eq!(derivative(|x| x * x, 3.0), 6.0);
        assert_eq!(gradient(|x| x[0] * x[1], &[4.0, 5.0]), [5.0, 4.0]);
        assert!((x * x).is_constant());
    });
    assert_usable();
}

// ---------------------------------------------------------------- names, operations, custom operations

#[test]
fn names_belong_to_nodes_and_end_with_them() {
    afresh(|| {
        let x = Var::new(2.0).named("x");
        assert_eq!(x.name().as_deref(), Some("x"));
        assert_eq!((x * x).name(), None);
        graph::scope(|| {
            let y = (x * x).named(String::from("y"));
            assert_eq!(y.name().as_deref(), Some("y"));
        });
        assert_eq!((x * x).name(), None); // at the index that `y` had
        assert_eq!(x.named("z").name().as_deref(), Some("z"));
        assert_eq!(Var::constant(1.0).named("c").name(), None);
        graph::clear();
        assert_eq!(Var::new(1.0).name(), None);
    });
}

#[test]
fn operands_are_handles_that_live() {
    let (x, y) = (Var::new(2.0), Var::new(3.0));
    let check = |z: Var, op: Op, operands: &[Var]| {
        assert_eq!(z.op(), op);
        let found = z.operands();
        assert_eq!(found.len(), operands.len(), "{op}");
        for (f, o) in found.iter().zip(operands) {
            assert_eq!(
                (f.value(), f.is_constant()),
                (o.value(), o.is_constant()),
                "{op}"
            );
        }
        let active = found.iter().filter(|f| !f.is_constant());
        z.backward();
        assert!(active.clone().count() > 0);
        active.for_each(|f| ignore(*f * 2.0 + f.grad()));
    };
    let (two, five) = (Var::constant(2.0), Var::constant(5.0));
    check(x + y, Op::Add, &[x, y]);
    check(x - 5.0, Op::Sub, &[x, five]);
    check(5.0 - x, Op::Sub, &[five, x]);
    check(2.0 * x, Op::Mul, &[two, x]);
    check(x * x, Op::Mul, &[x, x]);
    check(5.0 / y, Op::Div, &[five, y]);
    check(x % y, Op::Rem, &[x, y]);
    check(-x, Op::Neg, &[x]);
    check(x.sin(), Op::Sin, &[x]);
    check(x.powi(-3), Op::Powi, &[x]);
    check(x.powi(i32::MIN), Op::Powi, &[x]);
    check(x.powf(2.0), Op::Powf, &[x, two]);
    check(x.max(y), Op::Max, &[x, y]);
    check(x.mul_add(2.0, y), Op::MulAdd, &[x, two, y]);
    check(x.clamp(2.0, y), Op::Clamp, &[x, two, y]);
    check(sum(&[x, two, y, x]), Op::Sum, &[x, two, y, x]);
    check(norm(&[x, y, five]), Op::Norm, &[x, y, five]);
    check(log_sum_exp(&[x, y]), Op::LogSumExp, &[x, y]);
    check(Var::apply(Square, &[x]), Op::Custom, &[x]);
    let z = graph::scope(|| {
        let z = x * y;
        check(z, Op::Mul, &[x, y]);
        z.operands()
    });
    assert_eq!((z[0] * z[1]).value(), 6.0);
    let (products, factors) = (dot(&[x, two], &[y, x]), [x, y, two, x]);
    let total: f64 = products
        .operands()
        .chunks(2)
        .map(|p| p[0].value() * p[1].value())
        .sum();
    assert_eq!(
        (products.value(), total, products.operands().len()),
        (10.0, 10.0, factors.len())
    );
}

#[test]
fn a_custom_operation_of_plain_partials_has_first_derivatives_only() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    let z = Var::custom("area", 6.0, [(x, 2.0), (y, 3.0)]) * 10.0;
    z.backward();
    assert_eq!((z.value(), x.grad(), y.grad()), (60.0, 20.0, 30.0));
    let text = panic_of(|| z.differentiate(&[x]));
    for word in ["`area`", "cannot be differentiated again", "`CustomOp`"] {
        assert!(text.contains(word), "{text}");
    }
    assert_eq!((x * y).differentiate(&[x])[0].value(), 2.0);
    assert_usable();
}

#[test]
fn custom_operations_of_any_number_of_operands() {
    let x: Vec<Var> = (1..=50).map(|k| Var::new(f64::from(k))).collect();
    let total = Var::custom("total", 1275.0, x.iter().map(|&x| (x, 1.0)));
    total.backward();
    assert!(x.iter().all(|x| x.grad() == 1.0));
    assert!(Var::custom("none", 4.0, []).is_constant());
    assert!(Var::custom("constants", 4.0, [(Var::constant(1.0), f64::NAN)]).is_constant());
    let mixed = Var::custom("mixed", 4.0, [(Var::constant(1.0), f64::NAN), (x[0], 3.0)]);
    mixed.backward();
    assert_eq!(x[0].grad(), 3.0);
    let twice = Var::custom("twice", 4.0, [(x[0], 3.0), (x[0], 4.0)]);
    twice.backward();
    assert_eq!(x[0].grad(), 7.0);
    assert_eq!(twice.op(), Op::Custom);
}

#[test]
fn a_custom_op_has_every_order() {
    struct Product;
    impl CustomOp for Product {
        fn value(&self, x: &[f64]) -> f64 {
            x.iter().product()
        }
        fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
            (0..x.len())
                .map(|k| (0..x.len()).filter(|&i| i != k).map(|i| x[i]).product())
                .collect()
        }
    }
    let x = [2.0, 3.0, 5.0].map(Var::new);
    let z = Var::apply(Product, &x);
    z.backward();
    assert_eq!((z.value(), x.map(Var::grad)), (30.0, [15.0, 10.0, 6.0]));
    let first = z.differentiate(&x);
    let second = first[0].differentiate(&x);
    assert_eq!(
        second.iter().map(|d| d.value()).collect::<Vec<_>>(),
        [0.0, 5.0, 3.0]
    );
    let third = second[1].differentiate(&x);
    assert_eq!(
        third.iter().map(|d| d.value()).collect::<Vec<_>>(),
        [0.0, 0.0, 1.0]
    );

    struct Exp;
    impl CustomOp for Exp {
        fn value(&self, x: &[f64]) -> f64 {
            x[0].exp()
        }
        fn partials(&self, _: &[Var], z: Var) -> Vec<Var> {
            vec![z]
        }
    }
    let y = Var::new(0.5);
    let mut d = Var::apply(Exp, &[y]);
    for _ in 0..6 {
        d = d.differentiate(&[y])[0];
        assert_eq!(d.value(), 0.5_f64.exp());
    }
    let constant = Var::apply(Exp, &[Var::constant(0.5)]);
    assert!(constant.is_constant() && constant == 0.5_f64.exp());
}

#[test]
fn custom_operations_end_with_their_scope() {
    let x = Var::new(3.0);
    graph::scope(|| Var::custom("first", 1.0, [(x, 1.0)]));
    // At the same index now an operation that has every order.
    graph::scope(|| {
        let z = Var::apply(Square, &[x]);
        assert_eq!(z.differentiate(&[x])[0].differentiate(&[x])[0].value(), 2.0);
    });
    graph::scope(|| assert_eq!((x * x).differentiate(&[x])[0].value(), 6.0));
}

#[test]
fn a_custom_op_that_uses_the_graph_when_dropped() {
    struct Noisy;
    impl CustomOp for Noisy {
        fn value(&self, x: &[f64]) -> f64 {
            x[0]
        }
        fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
            vec![Var::from(1.0)]
        }
    }
    impl Drop for Noisy {
        fn drop(&mut self) {
            assert_usable();
        }
    }
    in_child(
        "graph::a_custom_op_that_uses_the_graph_when_dropped",
        || {
            let x = Var::new(3.0);
            graph::scope(|| Var::apply(Noisy, &[x]).backward());
            let _ = Var::apply(Noisy, &[x]);
            graph::clear();
        },
    );
}

#[test]
fn a_custom_op_may_use_the_graph_inside() {
    struct Inner;
    impl CustomOp for Inner {
        fn value(&self, x: &[f64]) -> f64 {
            graph::scope(|| Var::new(x[0]).sin().value())
        }
        fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
            let _ = gradient(|x| x[0].sin(), &[x[0].value()]);
            vec![x[0].cos()]
        }
    }
    let x = Var::new(0.5);
    let z = Var::apply(Inner, &[x]);
    let d = z.differentiate(&[x])[0];
    assert_eq!(d.value(), 0.5_f64.cos());
    assert_eq!(d.differentiate(&[x])[0].value(), -(0.5_f64.sin()));
}

// ---------------------------------------------------------------- threads and their ends

#[test]
fn threads_have_separate_graphs() {
    let x = Var::new(3.0);
    let y = x * x;
    let len = graph::len();
    let results: Vec<f64> = std::thread::scope(|scope| {
        let threads: Vec<_> = (0..8)
            .map(|k| {
                scope.spawn(move || {
                    assert_eq!(graph::len(), 0);
                    let mut last = 0.0;
                    for _ in 0..100 {
                        let x = Var::new(f64::from(k));
                        graph::scope(|| (x * x * x).backward());
                        last = x.grad();
                        graph::clear();
                    }
                    last
                })
            })
            .collect();
        threads
            .into_iter()
            .map(|thread| thread.join().unwrap())
            .collect()
    });
    let expected: Vec<f64> = (0..8).map(|k| 3.0 * f64::from(k * k)).collect();
    assert_eq!(results, expected);
    assert_eq!(graph::len(), len);
    y.backward();
    assert_eq!(x.grad(), 6.0);
}

/// What a destructor of a thread-local value found.
struct AtTheEnd {
    handle: Option<Var>,
    found: Sender<(&'static str, Result<f64, String>)>,
}

impl Drop for AtTheEnd {
    fn drop(&mut self) {
        let x = self.handle.expect("it was set");
        let uses: [Use; 9] = [
            ("value", |x, _| assert_eq!(x.value(), 3.0)),
            ("constants", |_, c| {
                assert_eq!((c * 2.0 + c.sin()).value(), 0.0)
            }),
            ("new", |_, _| ignore(Var::new(1.0))),
            ("multiply", |x, _| ignore(x * x)),
            ("sin", |x, _| ignore(x.sin())),
            ("grad", |x, _| ignore(x.grad())),
            ("backward", |x, _| x.backward()),
            ("scope", |_, _| graph::scope(|| ())),
            ("clear", |_, _| graph::clear()),
        ];
        for (name, use_it) in uses {
            let result = catch_unwind(AssertUnwindSafe(|| use_it(x, Var::constant(0.0))));
            let result = result.map(|()| 0.0).map_err(|payload| text(&*payload));
            self.found.send((name, result)).unwrap();
        }
        let _ = (graph::len(), graph::memory());
    }
}

thread_local! {
    static AT_THE_END: RefCell<Option<AtTheEnd>> = const { RefCell::new(None) };
}

#[test]
fn after_the_graph_is_gone_a_destructor_gets_a_clear_panic_or_the_value() {
    let mut gone = 0;
    for graph_first in [true, false] {
        let (found, results) = channel();
        afresh(move || {
            let x = graph_first.then(|| Var::new(3.0));
            AT_THE_END.with(|end| *end.borrow_mut() = Some(AtTheEnd { handle: x, found }));
            let x = x.unwrap_or_else(|| Var::new(3.0));
            AT_THE_END.with(|end| end.borrow_mut().as_mut().unwrap().handle = Some(x));
            graph::scope(|| (x * x).backward());
        });
        let results: Vec<_> = results.iter().collect();
        assert_eq!(results.len(), 9);
        let new = results.iter().find(|(name, _)| *name == "new").unwrap();
        let is_gone = new.1.is_err();
        gone += usize::from(is_gone);
        for (name, result) in results {
            match result {
                Err(text) if is_gone && name != "value" && name != "constants" => {
                    assert!(text.contains("this thread is ending"), "{name}: {text}");
                    assert!(text.contains("value()"), "{name}: {text}");
                }
                Err(text) => panic!("{name}: {text}"),
                Ok(_) => assert!(!is_gone || name == "value" || name == "constants", "{name}"),
            }
        }
    }
    assert!(gone > 0, "no order of destructors had the graph gone");
}

#[test]
fn a_panic_in_no_grad_when_the_graph_is_gone_does_not_abort() {
    struct Late;
    impl Drop for Late {
        fn drop(&mut self) {
            let _ = catch_unwind(|| graph::no_grad(|| Var::new(1.0)));
            let _ = catch_unwind(|| graph::no_grad(|| ()));
            let _ = catch_unwind(|| graph::scope(|| Var::new(1.0)));
            let _ = catch_unwind(|| derivative(|x| x, 1.0));
        }
    }
    thread_local! {
        static BEFORE: RefCell<Option<Late>> = const { RefCell::new(None) };
        static AFTER: RefCell<Option<Late>> = const { RefCell::new(None) };
    }
    in_child(
        "graph::a_panic_in_no_grad_when_the_graph_is_gone_does_not_abort",
        || {
            afresh(|| {
                BEFORE.with(|late| *late.borrow_mut() = Some(Late));
                assert_usable();
                AFTER.with(|late| *late.borrow_mut() = Some(Late));
            });
        },
    );
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

// ---------------------------------------------------------------- memory and time

#[test]
fn len_counts_leaves_and_operations_and_no_constants() {
    afresh(|| {
        assert_eq!(graph::len(), 0);
        let (x, y) = (Var::new(2.0), Var::new(3.0));
        let mut expected = 2;
        let mut check = |more: usize| {
            expected += more;
            assert_eq!(graph::len(), expected);
        };
        check(0);
        let _ = x + y;
        check(1);
        let _ = x * 2.0 + 1.0;
        check(2);
        let _ = 2.0 / x;
        check(1);
        let _ = Var::constant(2.0) * 3.0 + Var::from(1.0).sin();
        check(0);
        let _ = (
            x.sin(),
            x.powi(3),
            x.powf(2.5),
            x.max(0.0),
            x.mul_add(2.0, y),
        );
        check(5);
        let _ = [x, y, x, y].iter().sum::<Var>();
        check(1);
        let _ = (dot(&[x, x], &[y, y]), norm(&[x, y]), log_sum_exp(&[x, y]));
        check(3);
        let _ = (
            Var::custom("c", 1.0, [(x, 1.0), (y, 1.0)]),
            Var::apply(Square, &[x]),
        );
        check(2);
        (x * y).backward();
        check(1);
        let _ = (
            x.value(),
            x.grad(),
            x.detach(),
            x.named("x"),
            x.operands(),
            x == y,
        );
        check(0);
        let _ = (sum(&[]), norm(&[]), sum(&[Var::constant(1.0)]));
        check(0);
        let _ = softmax(&[x, y, x]);
        assert!((3..=2 * (3 + 1)).contains(&(graph::len() - expected)));
        graph::clear();
        assert_eq!(graph::len(), 0);
    });
}

#[test]
fn reserve_makes_room_once_and_for_all() {
    afresh(|| {
        graph::reserve(1_000_000);
        let room = graph::memory();
        assert!((24_000_000..64_000_000).contains(&room), "{room}");
        let x = Var::new(1.0);
        for _ in 0..999_000 {
            let _ = x + x;
        }
        assert_eq!(graph::memory(), room);
        graph::clear();
        assert_eq!(graph::memory(), room);
        graph::reserve(1000);
        graph::reserve(0);
        assert_eq!(graph::memory(), room);
    });
}

#[test]
fn more_than_a_graph_can_have_is_a_clear_panic_that_leaves_it_usable() {
    afresh(|| {
        let x = Var::new(3.0);
        let y = x * x;
        for nodes in [
            1 << 29,
            1 << 40,
            usize::MAX / 64,
            usize::MAX - 1,
            usize::MAX,
        ] {
            let text = panic_of(|| graph::reserve(nodes));
            assert!(
                text.contains("the graph is full") && text.contains("graph::scope"),
                "{nodes}: {text}"
            );
        }
        y.backward();
        assert_eq!(x.grad(), 6.0);
        assert_usable();
    });
}

#[test]
fn room_for_the_largest_graph_is_made_or_refused_clearly() {
    afresh(|| {
        let x = Var::new(3.0);
        let most = (1 << 29) - 16;
        if catch_unwind(|| graph::reserve(most)).is_err() {
            let text = panic_of(|| graph::reserve(most));
            assert!(text.contains("no memory"), "{text}");
        }
        for _ in 0..3 {
            graph::scope(|| {
                let mut y = x;
                for _ in 0..10_000 {
                    y += x;
                }
                y.backward();
                assert_eq!(x.grad(), 10_001.0);
            });
            assert_usable();
        }
    });
}

#[test]
#[ignore = "takes 13 GB of memory"]
fn a_full_graph_is_a_clear_panic_and_usable_again() {
    for scopes in 0..2 {
        afresh(move || {
            (0..scopes).for_each(|_| graph::clear()); // epochs of either parity
            let mut x = Var::new(1.0);
            let text = panic_of(|| {
                loop {
                    x += 1.0;
                }
            });
            assert!(text.contains("the graph is full"), "{text}");
            assert!(graph::len() >= (1 << 28) - 8);
            x.backward();
            assert_eq!(x.grad(), 1.0);
            assert!(panic_of(|| x * x * x * x * x * x * x * x).contains("the graph is full"));
            assert!(panic_of(|| graph::scope(|| sum(&[x; 100]))).contains("the graph is full"));
            graph::clear();
            assert!(panic_of(|| x.sin()).contains("stale Var"));
            assert_usable();
        });
    }
}

#[test]
fn ten_million_deep_chains_are_recorded_swept_and_dropped() {
    const DEPTH: usize = 10_000_000;
    afresh(|| {
        let x = Var::new(1.0);
        graph::scope(|| {
            let mut y = x;
            for _ in 0..DEPTH {
                y += x;
            }
            y.backward();
            assert_eq!(
                (y.value(), x.grad()),
                (DEPTH as f64 + 1.0, DEPTH as f64 + 1.0)
            );
            assert_eq!(y.gradients().wrt(x), DEPTH as f64 + 1.0);
        });
        assert_eq!(graph::len(), 1);
        let mut y = x;
        for _ in 0..DEPTH {
            y = -y;
        }
        y.backward();
        assert_eq!((graph::len(), x.grad()), (DEPTH + 1, 1.0));
        graph::clear();
        assert_usable();
    });
}

#[test]
fn a_chain_of_a_million_is_differentiated_without_recursion() {
    afresh(|| {
        let x = Var::new(1.5);
        let mut y = x;
        for _ in 0..1_000_000 {
            y = -y;
        }
        let z = y * x;
        let first = z.differentiate(&[x])[0];
        let second = first.differentiate(&[x])[0];
        assert_eq!((first.value(), second.value()), (3.0, 2.0));
    });
}

#[test]
fn a_sweep_does_not_pay_for_what_the_output_does_not_depend_on() {
    afresh(|| {
        let x = Var::new(2.0);
        let early = x * x;
        // Sums with nodes in other windows of adjoints.
        let mut old = [x; 1000];
        let mut y = x;
        for k in 0..5_000_000 {
            y = (y + old[k % 1000]) * 0.5;
            old[k % 1000] = y;
        }
        let late = x * x;
        let time = |output: Var| {
            let start = Instant::now();
            output.backward();
            start.elapsed()
        };
        let least = |output: Var| (0..7).map(|_| time(output)).min().unwrap();
        let full: Duration = (0..2).map(|_| time(y)).min().unwrap();
        for output in [early, late, x] {
            output.backward(); // clears what the sweep of all has filled
            let part = least(output);
            assert_eq!(x.grad(), if output == x { 1.0 } else { 4.0 });
            assert!(part * 20 < full, "{part:?} of {full:?}");
        }
        let start = Instant::now();
        assert_eq!(late.gradients().wrt(x), 4.0);
        assert_eq!(late.differentiate(&[x])[0].value(), 4.0);
        late.backward_accumulate();
        assert_eq!(x.grad(), 5.0);
        assert!(start.elapsed() * 5 < full);
    });
}

#[test]
#[should_panic(expected = "the closure dropped the graph that it is part of, by `graph::clear`")]
fn a_gradient_is_not_read_of_inputs_that_the_closure_has_cleared() {
    let _ = gradient(
        |_| {
            graph::clear();
            Var::new(1.0) * 2.0
        },
        &[1.0],
    );
}

#[test]
fn an_operation_prints_as_its_label() {
    let x = Var::new(1.0);
    assert_eq!(format!("{} {:>4}", x.sin().op(), (x * x).op()), "sin    ×");
}

#[test]
fn memory_counts_nodes_adjoints_and_the_values_that_were_asked_for() {
    afresh(|| {
        let x = Var::new(1.0);
        let nodes = 10_000;
        let y = (2..nodes).fold(x, |y, _| y + 1.0);
        assert_eq!(graph::len(), nodes - 1);
        let recorded = graph::memory();
        assert!(recorded >= 16 * nodes);
        y.backward();
        let swept = graph::memory();
        // An adjoint for each node, and a little to tell where some are.
        assert!(swept - recorded >= 8 * nodes && swept - recorded <= 9 * nodes);
        assert_eq!(x.grad(), 1.0);
        assert_eq!(graph::memory(), swept);
        assert_eq!(y.operands()[0].value(), y.value() - 1.0);
        let read = graph::memory();
        assert!(read >= swept + 2 * (8 * nodes + nodes / 8));
        assert_eq!(y.operands()[0].grad(), 1.0);
        assert_eq!(graph::memory(), read);
    });
}

#[test]
fn a_training_loop_over_a_scope_takes_constant_memory() {
    afresh(|| {
        let (w, b) = (Var::new(0.1), Var::new(0.0));
        let mut memory = 0;
        for step in 0..100_000 {
            let loss = graph::scope(|| {
                let x = f64::from(step % 7);
                let e = (w * x + b).tanh() - 0.5;
                let e = (e * e + (e * e * 0.1).max(0.0)).named("e");
                e.backward();
                e.value()
            });
            assert!(loss.is_finite());
            if step % 100 == 0 {
                let slope = derivative(|x| (x * w).sin(), 0.3);
                assert_eq!(slope, w.value() * (0.3 * w.value()).cos());
            }
            if step == 1000 {
                memory = graph::memory();
            }
        }
        assert_eq!((graph::memory(), graph::len()), (memory, 2));
    });
}
