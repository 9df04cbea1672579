//! A recorded function knows every decision of its closure, and says what it cannot know.

use scalargrad::function::{Function, ReplayError};
use scalargrad::{Var, anomaly, graph, value_and_gradient};

#[test]
fn a_function_is_send_and_sync_and_leaves_no_node() {
    fn is_shared<T: Send + Sync + Clone + 'static>(_: &T) {}
    let before = graph::len();
    let f = Function::record(&[2.0], |x| x[0] * x[0]);
    is_shared(&f);
    assert_eq!(graph::len(), before);
    std::thread::scope(|scope| {
        for k in 0..4 {
            let f = &f;
            scope.spawn(move || assert_eq!(f.value(&[k as f64]), Ok((k * k) as f64)));
        }
    });
}

#[test]
fn a_guard_trips_exactly_when_the_answer_changes() {
    let f = Function::record(&[1.0, 2.0], |x| if x[0] < x[1] { x[0] } else { x[1] });
    assert_eq!(f.guards(), 1);
    for (x, y) in [(0.0, 1.0), (1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (-0.0, 0.0)] {
        assert_eq!(f.value(&[x, y]).is_ok(), x < y, "{x} {y}");
    }
}

#[test]
fn every_comparison_is_a_guard() {
    use std::cmp::Ordering;
    type Decision = fn(Var, Var) -> bool;
    let decisions: [Decision; 13] = [
        |x, y| x < y,
        |x, y| x <= y,
        |x, y| x > y,
        |x, y| x >= y,
        |x, y| x == y,
        |x, y| x != y,
        |x, y| x.partial_cmp(&y) == Some(Ordering::Less),
        |x, _| x < 1.0,
        |x, _| 1.0 < x,
        |x, _| x == 1.0,
        |x, _| 1.0 >= x,
        |x, _| x.partial_cmp(&1.0).is_none(),
        |x, y| [x, y].iter().min_by(|a, b| a.partial_cmp(b).unwrap()).copied() == Some(x),
    ];
    let numbers = [0.0, 1.0, 2.0];
    for (k, decide) in decisions.into_iter().enumerate() {
        let run = |x: &[Var]| {
            if decide(x[0], x[1]) { x[0] * 2.0 } else { x[1] * 3.0 }
        };
        for a in numbers {
            for b in numbers {
                let f = Function::record(&[a, b], run);
                // The standard library makes the last one's.
                assert!(k == 12 || f.to_string().contains("tests/it/function.rs"), "{f}");
                for x in numbers {
                    for y in numbers {
                        let eager = value_and_gradient(run, &[x, y]);
                        match f.gradient(&[x, y]) {
                            Ok(replayed) => assert_eq!(replayed, eager, "{k}: {a} {b} {x} {y}"),
                            Err(error) => {
                                assert!(matches!(error, ReplayError::BranchChanged(_)));
                                assert_ne!((a, b), (x, y));
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn a_tripped_guard_says_which_comparison_and_of_what() {
    let f = Function::record(&[3.0, 1.0], |x| {
        let (a, b) = (x[0].named("a"), x[1]);
        if a * b > 1.0 { a } else { b }
    });
    let Err(ReplayError::BranchChanged(change)) = f.value(&[0.25, 2.0]) else { panic!("no guard tripped") };
    assert_eq!(change.comparison(), "a × x[1] > 1");
    assert_eq!(change.recorded(), [3.0, 1.0]);
    assert_eq!(change.operands(), [0.5, 1.0]);
    assert!(change.place().contains("function.rs:"), "{}", change.place());
    let text = change.to_string();
    assert!(text.contains("was true when the function was recorded (of 3.0 and 1.0)"), "{text}");
    assert!(text.contains("is false here (of 0.5 and 1.0)"), "{text}");
}

#[test]
fn a_guard_is_checked_before_what_comes_after_it() {
    // A clamp with crossed bounds panics; the guard keeps it from being reached.
    let f = Function::record(&[0.5, 0.0, 1.0], |x| if x[1] <= x[2] { x[0].clamp(x[1], x[2]) } else { x[0] });
    assert_eq!(f.value(&[3.0, 0.0, 1.0]), Ok(1.0));
    assert!(matches!(f.value(&[3.0, 1.0, 0.0]), Err(ReplayError::BranchChanged(_))));
}

#[test]
fn comparisons_of_constants_are_no_guards() {
    let c = Var::constant(1.0);
    let outside = Var::new(2.0);
    let f = Function::record(&[3.0], |x| {
        let leaf = Var::new(0.0);
        if c < 2.0 && outside > 1.0 && leaf == 0.0 { x[0] } else { -x[0] }
    });
    assert_eq!(f.guards(), 0);
}

#[test]
fn comparisons_inside_scopes_that_ended_are_guards() {
    let f = Function::record(&[3.0], |x| {
        let is_large = graph::scope(|| x[0] * x[0] > 4.0);
        let y = x[0] * 5.0;
        if is_large { y + 1.0 } else { y }
    });
    assert_eq!(f.guards(), 1);
    assert_eq!(f.value(&[-4.0]), Ok(-19.0));
    assert!(f.value(&[1.0]).is_err());
}

#[test]
fn derivative_rules_inside_a_recording_are_guarded() {
    // atan's rule has two forms; `differentiate` takes one of them.
    let slope = |x: &[Var]| x[0].atan().differentiate(&[x[0]])[0];
    let f = Function::record(&[1.0], slope);
    assert_eq!(f.value(&[0.5]).unwrap(), 1.0 / 1.25);
    assert!(matches!(f.value(&[1e100]), Err(ReplayError::BranchChanged(_))));
    assert!(matches!(f.value(&[f64::NAN]), Err(ReplayError::BranchChanged(_))));
}

#[test]
fn what_a_closure_froze_is_told() {
    let outside = Var::new(2.0).named("k");
    let f = Function::record(&[3.0], |x| {
        let y = x[0] * outside;
        y.backward();
        let _ = Var::new(1.0).value(); // does not depend on an input
        let z = graph::no_grad(|| x[0] * x[0]);
        y * y.value() + x[0].detach() + x[0].grad() + z
    });
    let told: Vec<String> = f.frozen_reads().iter().map(|read| read.to_string()).collect();
    assert_eq!(told.len(), 5, "{told:?}");
    assert!(told[0].contains("`no_grad` at"));
    assert!(told[1].contains("the value was read at") && told[1].ends_with("6.0"));
    assert!(told[2].contains("`detach()` at"));
    assert!(told[3].contains("a gradient was read at"));
    assert_eq!(told[4], "the variable `k` from outside is a constant, 2.0");
}

#[test]
fn recording_works_inside_no_grad_and_inside_a_recording() {
    let f = graph::no_grad(|| Function::record(&[3.0], |x| x[0] * x[0]));
    assert_eq!(f.gradient(&[2.0]), Ok((4.0, vec![4.0])));
    let mut inner = None;
    let outer = Function::record(&[3.0], |x| {
        inner = Some(Function::record(&[1.0], |y| if y[0] > 0.0 { y[0] } else { -y[0] }));
        if x[0] > 1.0 { x[0] * 2.0 } else { x[0] }
    });
    assert_eq!((outer.guards(), inner.unwrap().guards()), (1, 1));
    assert_eq!(outer.value(&[2.0]), Ok(4.0));
}

/// The replay at `at` is the closure's, or an error.
#[track_caller]
fn check_replay(f: impl Fn(&[Var]) -> Var, recorded_at: f64, at: f64) {
    let closure = value_and_gradient(&f, &[at]).0;
    match Function::record(&[recorded_at], &f).value(&[at]) {
        Ok(value) => assert_eq!(value, closure),
        Err(error) => assert!(matches!(error, ReplayError::BranchChanged(_)), "{error}"),
    }
}

#[test]
fn a_decision_inside_an_inner_derivative_is_a_guard() {
    let choose = |x: &[Var], y: Var| if x[0] > 1.0 { y * y } else { y * y * 5.0 };
    type Inner = fn(&dyn Fn(&[Var]) -> Var) -> f64;
    let inner: [Inner; 8] = [
        |f| scalargrad::hessian(f, &[1.0])[(0, 0)],
        |f| scalargrad::hvp(f, &[1.0], &[1.0])[0],
        |f| scalargrad::laplacian(f, &[1.0]),
        |f| scalargrad::jvp(f, &[1.0], &[1.0]).1[0],
        |f| scalargrad::vjp(f, &[1.0], &[1.0])[0],
        |f| scalargrad::jacobian(f, &[1.0])[(0, 0)],
        |f| scalargrad::gradient(f, &[1.0])[0],
        |f| Function::record(&[1.0], f).value(&[1.0]).unwrap(),
    ];
    for inner in inner {
        let outer = |x: &[Var]| x[0] * inner(&|t| choose(x, t[0]));
        assert_eq!(Function::record(&[2.0], outer).guards(), 1);
        check_replay(outer, 2.0, 0.5);
        // Two deep, and of a number that depends on both.
        let deep = |x: &[Var]| x[0] * inner(&|t| t[0] * inner(&|s| choose(&[x[0] * t[0]], s[0])));
        assert!(Function::record(&[2.0], deep).guards() > 0);
        check_replay(deep, 2.0, 0.5);
        // A decision of its own is none of the outer one's.
        let own = |x: &[Var]| x[0] * inner(&|t| choose(t, t[0]));
        assert_eq!(Function::record(&[2.0], own).guards(), 0);
        check_replay(own, 2.0, 0.5);
    }
}

#[test]
fn a_value_taken_inside_an_inner_derivative_is_told_of() {
    let told = |f: &dyn Fn(&[Var]) -> Var| {
        let f = Function::record(&[2.0], f);
        let told = f.frozen_reads().iter().map(|read| read.to_string());
        told.collect::<Vec<_>>()
    };
    let reads = told(&|x| x[0] * scalargrad::hessian(|t| t[0] * t[0] * x[0].value(), &[1.0])[(0, 0)]);
    assert_eq!(reads.len(), 1, "{reads:?}");
    assert!(reads[0].contains("the value was read at") && reads[0].contains("function.rs:"));
    let inner = |x: &[Var], t: Var| Function::record(&[1.0], |s| s[0] * x[0] * t);
    let reads = told(&|x| x[0] * inner(x, Var::constant(2.0)).value(&[1.0]).unwrap());
    assert_eq!(reads.len(), 1, "{reads:?}");
    assert!(reads[0].contains("function.rs:") && reads[0].ends_with("2.0"), "{reads:?}");
    let of_own = told(&|x| x[0] * inner(&[Var::new(3.0)], Var::new(3.0)).value(&[1.0]).unwrap());
    assert!(of_own.is_empty(), "{of_own:?}");
}

#[test]
fn a_handle_whose_scope_ended_is_followed() {
    let square = |x: Var| graph::scope(|| x * x);
    let decide = |x: &[Var]| {
        if square(x[0]) > 1.0 { x[0] * 2.0 } else { x[0] * 3.0 }
    };
    check_replay(decide, 2.0, 0.5);
    assert_eq!(Function::record(&[2.0], decide).guards(), 1);
    let read: [fn(Var) -> Var; 2] = [|y| Var::constant(y.value()), |y| y.detach()];
    for read in read {
        let f = Function::record(&[2.0], |x| x[0] * read(square(x[0])));
        assert_eq!(f.frozen_reads().len(), 1);
    }
    // In a recording inside a recording, and of what an inner closure let out.
    let leaked = |x: &[Var]| {
        let mut y = x[0];
        let _ = scalargrad::hessian(
            |t| {
                y = t[0] * x[0];
                y
            },
            &[1.0],
        );
        if y > 1.0 { x[0] * 2.0 } else { x[0] * 3.0 }
    };
    check_replay(leaked, 2.0, 0.5);
    assert_eq!(Function::record(&[2.0], leaked).guards(), 1);
    // A handle from before the recording is a plain number, whatever stands in its place.
    let before = graph::scope(|| {
        let x = [Var::new(1.0), Var::new(1.0), Var::new(1.0)];
        x[2] * 3.0
    });
    let filler: Vec<Var> = (0..3).map(|_| Var::new(7.0)).collect();
    let f = Function::record(&[2.0], |x| {
        let y = (0..8).fold(x[0], |y, _| y.sin());
        if before < 1.0 { y } else { x[0] + before.value() }
    });
    assert_eq!((f.guards(), f.frozen_reads().len()), (0, 0));
    let f = Function::record(&[4.0], |x| if before < x[0] { x[0] } else { -x[0] });
    assert_eq!(f.value(&[3.5]), Ok(3.5));
    assert!(f.value(&[2.0]).is_err());
    drop(filler);
}

#[test]
fn a_panic_while_recording_leaves_nothing_behind() {
    let caught = std::panic::catch_unwind(|| {
        let _ = Function::record(&[3.0], |x| -> Var { panic!("{}", x[0]) });
    });
    assert!(caught.is_err());
    let f = Function::record(&[3.0], |x| if x[0] > 1.0 { x[0] } else { -x[0] });
    assert_eq!(f.guards(), 1);
    assert!(f.frozen_reads().is_empty());
}

#[test]
fn the_text_of_a_question_about_an_expression_has_parentheses() {
    let text = |f: fn(Var) -> bool, x: f64| {
        let g = |x: &[Var]| if f(x[0]) { x[0] } else { -x[0] };
        Function::record(&[1.0], g).value(&[x]).unwrap_err().to_string()
    };
    let negative = text(|x| (x - 0.5).is_sign_negative(), 0.2);
    assert!(negative.contains("`(x[0] − 0.5).is_sign_negative()`"), "{negative}");
    let order = text(|x| (-x).total_cmp(&Var::from(-2.0)).is_lt(), 3.0);
    assert!(order.contains("`(-x[0]).total_cmp(-2)`"), "{order}");
    let call = text(|x| x.hypot(2.0).is_finite(), f64::INFINITY);
    assert!(call.contains("`hypot(x[0], 2).is_finite()`"), "{call}");
}

#[test]
fn a_function_without_inputs_takes_nothing_from_outside() {
    let f = Function::record(&[], |_| Var::new(2.0).sin());
    assert!(f.frozen_reads().is_empty());
    let outside = Var::new(2.0);
    assert_eq!(Function::record(&[], |_| outside.sin()).frozen_reads().len(), 1);
}

#[test]
fn what_a_report_tells_while_recording_is_a_frozen_read() {
    let look: [fn(&[Var]) -> Var; 3] = [
        |x| anomaly::detect(|| x[0].sqrt()).unwrap_or(x[0] * 0.0),
        |x| anomaly::absorbed(|| x[0].sqrt()).0,
        |x| x[0] * graph::report().nodes() as f64,
    ];
    for f in look {
        let f = Function::record(&[4.0], f);
        let read = f.frozen_reads()[0].to_string();
        assert!(read.contains("looked at") && read.contains(file!()), "{read}");
    }
}
