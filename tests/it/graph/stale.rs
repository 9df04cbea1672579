//! Stale handles: a clear panic, never a wrong gradient.

use super::*;

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
            assert_stale(handle, &["stale Var", "scope", "has ended", &at]);
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
    assert_eq!((s.value(), s.detach().value(), s.to_string()), (5.0, 5.0, "5".into()));
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
    assert_eq!((c.grad(), x.grad(), c.op(), c.name()), (0.0, 6.0, Op::Constant, None));
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
            nest(if depth > 40 { depth % 3 + 61 } else { depth }, &mut handles);
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
    let words = panic_of(|| kept * 2.0);
    assert!(!words.contains("graph::scope"), "the user never wrote one: {words}");
}
