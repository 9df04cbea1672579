//! Scopes end by return and by unwinding, and leave the graph as it was.

use super::*;

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
        assert_eq!(panic_of(|| [1, 2].iter().map(|_| fail()).sum::<Var>()), "own");
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
            if self.0 == "count" { vec![] } else { vec![Var::from(1.0)] }
        }
    }
    let x = Var::new(3.0);
    let before = graph::len();
    assert_eq!(panic_of(|| Var::apply(Bad("value"), &[x])), "in value");
    assert_eq!(panic_of(|| Var::apply(Bad("partials"), &[x])), "in partials");
    let text = panic_of(|| Var::apply(Bad("count"), &[x]));
    assert!(text.contains("`custom` gives 0 numbers, and the operation has 1 operand"), "{text}");
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
    thread.unwrap().join().unwrap_or_else(|payload| resume_unwind(payload));
}
