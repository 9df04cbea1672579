//! Each thread has a graph, up to the end of the thread.

use super::*;

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
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
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
            ("constants", |_, c| assert_eq!((c * 2.0 + c.sin()).value(), 0.0)),
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
    in_child("graph::threads::a_panic_in_no_grad_when_the_graph_is_gone_does_not_abort", || {
        afresh(|| {
            BEFORE.with(|late| *late.borrow_mut() = Some(Late));
            assert_usable();
            AFTER.with(|late| *late.borrow_mut() = Some(Late));
        });
    });
}

#[test]
fn what_is_left_in_the_graph_of_an_ending_thread_may_use_the_graph_when_it_is_dropped() {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    /// Doubles; when dropped it sweeps, and counts.
    struct Double(Arc<AtomicUsize>);
    impl CustomOp for Double {
        fn value(&self, x: &[f64]) -> f64 {
            2.0 * x[0]
        }
        fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
            vec![Var::constant(2.0)]
        }
    }
    impl Drop for Double {
        fn drop(&mut self) {
            let _ = Var::apply(Inner, &[Var::new(2.0)]);
            let t = Var::new(3.0);
            (t * t).backward();
            assert_eq!(t.grad(), 6.0);
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    /// What the destructor records, which has a destructor, too.
    struct Inner;
    impl CustomOp for Inner {
        fn value(&self, x: &[f64]) -> f64 {
            x[0]
        }
        fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
            vec![Var::constant(1.0)]
        }
    }
    impl Drop for Inner {
        fn drop(&mut self) {
            Var::new(3.0).sin().backward();
        }
    }
    thread_local! {
        static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
    }
    /// A variable in a thread-local of the user's, which may be dropped after the operations.
    struct Kept(Var);
    impl Drop for Kept {
        fn drop(&mut self) {
            assert_eq!((self.0 * 2.0).value(), 2.0);
            let _ = Var::apply(Inner, &[self.0]);
            let inner = Inner;
            let _ = scalargrad::checkpoint(&[self.0], move |x| if inner.label().is_empty() { x[0] } else { -x[0] });
        }
    }
    in_child(
        "graph::threads::what_is_left_in_the_graph_of_an_ending_thread_may_use_the_graph_when_it_is_dropped",
        || {
            let dropped = Arc::new(AtomicUsize::new(0));
            let count = dropped.clone();
            afresh(move || {
                let x = Var::new(1.0);
                KEPT.set(Some(Kept(x)));
                let _ = Var::apply(Double(count.clone()), &[x]);
                let inside = Double(count);
                let _ = scalargrad::checkpoint(&[x], move |x| x[0] * inside.0.load(Ordering::Relaxed) as f64);
            });
            assert_eq!(dropped.load(Ordering::Relaxed), 2);
        },
    );
}
