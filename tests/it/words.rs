//! What a message says: which of the numbers is wrong, what to do, and where in the user's source it happened.

use scalargrad::function::{Function, Recorder, ReplayError, SourceError};
use scalargrad::nn::{Adam, Sgd};
use scalargrad::{
    Real, Var, advance, anomaly, check, derive, dot, graph, hvp, jvp, taylor, value_gradient_and_hvp, vjp, weighted_sum,
};
use std::cell::Cell;
use std::error::Error;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;

/// The words of the panic of `f`.
fn words(f: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).expect_err("it panics");
    match payload.downcast::<String>() {
        Ok(words) => *words,
        Err(payload) => {
            payload.downcast::<&str>().map_or_else(|_| panic!("a panic without words"), |words| words.to_string())
        }
    }
}

/// The file of the line that the panic of `f` names.
fn place(f: impl FnOnce()) -> String {
    thread_local! { static PLACE: Cell<Option<String>> = const { Cell::new(None) } }
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let before = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info| {
            PLACE.set(info.location().map(|place| place.file().to_string()));
            before(info);
        }));
    });
    words(f);
    PLACE.take().expect("it panicked on this thread")
}

/// Asserts that an error prints the same for `{}` and for `{:?}`, which `unwrap` and a `Result` of `main` use.
#[track_caller]
fn assert_prints_words(error: &dyn Error) {
    assert_eq!(format!("{error:?}"), error.to_string());
}

#[test]
fn an_error_tells_its_remedy_to_unwrap_and_to_main() {
    let f = Function::record(&[3.0], |x| if x[0] < 0.0 { -x[0] } else { x[0] });
    let one = f.value(&[-1.0]).unwrap_err();
    let many = f.over_rows(0).values(&[], &[3.0, -1.0]).unwrap_err();
    for error in [&one, &many, &f.value(&[]).unwrap_err()] {
        assert_prints_words(error);
    }
    for error in [&one, &many] {
        assert!(error.to_string().contains("`max`"), "{error}");
        assert!(error.to_string().contains("`Var::select`"), "{error}");
    }
    let ReplayError::BranchChanged(change) = one else { unreachable!() };
    assert_eq!(format!("{change:?}"), change.to_string());
    let ReplayError::BranchChangedInRows(change) = many else { unreachable!() };
    assert_eq!(format!("{change:?}"), change.to_string());
    assert_prints_words(&SourceError::Outputs(2));
    assert_prints_words(&anomaly::detect(|| Var::new(-1.0).ln()).unwrap_err());
    let half = |x: &[Var]| Var::custom("half", x[0].value(), [(x[0], 2.0)]);
    assert_prints_words(&check::gradient(half, &[1.0]).unwrap_err());
    #[cfg(feature = "jit")]
    assert_prints_words(&scalargrad::function::CompileError::NoMachine("no".into()));
    #[cfg(feature = "argmin")]
    {
        use argmin::core::CostFunction;
        use scalargrad::interop::{NotANumber, argmin::Problem};
        let problem: Problem<_> = Problem::new(|x: &[Var]| x[0].ln());
        let error = problem.cost(&vec![-1.0]).unwrap_err();
        assert_prints_words(error.downcast_ref::<NotANumber>().unwrap());
    }
}

#[test]
fn lengths_that_do_not_match_are_told_with_what_has_which_length() {
    let (x, two) = ([Var::new(1.0)], [Var::new(1.0); 2]);
    let product = |x: &[Var]| x[0] * x[1];
    for (words, parts) in [
        (words(|| _ = dot(&x, &two)), ["dot", "1", "2"]),
        (words(|| _ = f64::dot(&[1.0], &[1.0; 2])), ["dot", "1", "2"]),
        (words(|| _ = weighted_sum(&two, &[1.0])), ["`weights`", "1", "2"]),
        (words(|| drop(hvp(product, &[1.0; 2], &[1.0]))), ["hvp: `v` has 1 number", "`x` has 2", "as many"]),
        (
            words(|| drop(value_gradient_and_hvp(product, &[1.0; 2], &[1.0]))),
            ["value_gradient_and_hvp: `v` has 1 number", "`x` has 2", "as many"],
        ),
        (words(|| drop(jvp(product, &[1.0; 2], &[1.0; 3]))), ["jvp: `v` has 3 numbers", "`x` has 2", "as many"]),
        (
            words(|| drop(derive::differentiate_along(&two, &two, &x))),
            ["differentiate_along: `v` has 1 number", "`x` has 2", "as many"],
        ),
        (
            words(|| drop(vjp(product, &[1.0; 2], &[1.0; 2]))),
            ["vjp: `w` has 2 numbers", "the outputs are 1", "as many"],
        ),
    ] {
        assert!(words.starts_with("scalargrad: "), "{words}");
        assert!(!words.contains("assertion"), "{words}");
        for part in parts {
            assert!(words.contains(part), "{part}: {words}");
        }
    }
}

#[test]
fn the_rows_of_a_recorder_say_which_length_is_wrong() {
    let mut f = Recorder::new(|x: &[Var]| x[0] * x[1]);
    let mut rows = f.over_rows(1, 2);
    assert_eq!(
        words(|| drop(rows.values(&[1.0], &[1.0; 3]))),
        "scalargrad: a row has 2 numbers, and 3 are no whole number of rows"
    );
    assert_eq!(words(|| drop(rows.values(&[1.0; 3], &[1.0; 2]))), "scalargrad: the rows share 1 input, not 3");
    assert!(words(|| drop(f.over_rows(1, 0))).contains("a row must have at least 1 input of its own"));
}

#[test]
fn an_optimiser_speaks_of_the_gradient() {
    let mut p = [1.0; 3];
    for words in [
        words(|| Adam::new(&[1.0; 3], 0.1).step(&mut p, &[1.0; 2])),
        words(|| Sgd::new(&[1.0; 3], 0.1, 0.0).step(&mut [1.0; 3], &[1.0; 2])),
    ] {
        assert!(words.contains("`gradient` has 2 numbers"), "{words}");
        assert!(words.contains("made for 3"), "{words}");
    }
}

#[test]
fn a_stale_handle_tells_how_a_value_outlives_its_scope() {
    let old = graph::scope(|| Var::new(1.0));
    let words = words(|| _ = old + 1.0);
    assert!(words.contains("plain number"), "{words}");
}

#[test]
fn a_step_of_advance_returns_as_many_variables_as_it_gets() {
    for (steps, at_once) in [(2, 4), (20, 2)] {
        for wrong in [1, 3] {
            let state = [Var::new(1.0), Var::new(2.0)];
            let words = words(|| {
                drop(advance(&state, steps, at_once, move |_, x| vec![x[0] * 0.5; wrong]));
            });
            assert!(words.starts_with("scalargrad: "), "{words}");
            assert!(words.contains(&format!("returned {wrong} variable")), "{words}");
            assert!(words.contains("2"), "{words}");
        }
    }
}

/// Asserts that the report names this line of this file, as a place in the derivative.
#[track_caller]
fn assert_names(report: &str, line: u32) {
    let place = format!("words.rs:{line}:");
    assert!(report.contains(&place), "{place}: {report}");
    assert!(report.contains("the derivative of the operation"), "{report}");
    assert!(!report.contains("src/rules"), "{report}");
    assert!(!report.contains("remedy"), "{report}");
}

#[test]
fn an_anomaly_of_a_derivative_names_the_operation_that_was_differentiated() {
    let mut line = 0;
    let twice = anomaly::detect(|| {
        let x = Var::new(0.0);
        line = line!() + 1;
        let y = x.powf(1.5);
        let first = y.differentiate(&[x])[0];
        first.differentiate(&[x])[0].value()
    });
    assert_names(&twice.unwrap_err().to_string(), line);
    let series = anomaly::detect(|| {
        taylor(
            |x| {
                line = line!() + 1;
                x.powf(1.5)
            },
            0.0,
            3,
        )
    });
    assert_names(&series.unwrap_err().to_string(), line);
}

#[test]
fn a_hessian_that_is_too_large_names_the_line_of_its_call() {
    let x = vec![1.0; 300_000];
    let sum_of_squares = |x: &[Var]| dot(x, x);
    let f = Function::record(&x, sum_of_squares);
    let closure = place(|| drop(scalargrad::hessian(sum_of_squares, &x)));
    let recorded = place(|| drop(f.hessian(&x)));
    for place in [closure, recorded] {
        assert!(place.ends_with("words.rs"), "{place}");
    }
}

#[cfg(feature = "argmin")]
#[test]
fn a_problem_of_two_outputs_is_an_error_for_who_asks_for_a_cost() {
    use argmin::core::{CostFunction, Gradient};
    use scalargrad::interop::argmin::Problem;
    let problem: Problem<_> = Problem::new(|x: &[Var]| [x[0], x[0]]);
    let cost = problem.cost(&vec![1.0]).unwrap_err().to_string();
    let gradient = problem.gradient(&vec![1.0]).unwrap_err().to_string();
    for error in [cost, gradient] {
        assert!(error.contains("1 output, not 2"), "{error}");
    }
}

#[test]
fn a_report_of_a_graph_tells_how_many_leaves_it_leaves_out_and_what_helps() {
    let report = std::thread::spawn(|| {
        let leaves = [1.5; 32].map(Var::new);
        Var::constant(1.0).backward();
        let unswept = graph::report().to_string();
        leaves[0].floor().backward();
        (unswept, graph::report().to_string())
    });
    let (unswept, flat) = report.join().unwrap();
    assert!(unswept.ends_with("… and 24 more"), "{unswept}");
    assert!(unswept.contains("`graph::scope`"), "{unswept}");
    assert!(flat.contains("`floor`"), "{flat}");
}

#[test]
fn a_label_is_an_input_of_a_loss_that_is_recorded_once_for_all_rows() {
    use scalargrad::nn::{hinge, squared};
    let hinged = Function::record(&[0.5, 1.0], |x| hinge(x[0], x[1]));
    assert!(hinged.frozen_reads().is_empty(), "{:?}", hinged.frozen_reads());
    assert_eq!(hinged.value(&[0.5, -1.0]), Ok(1.5));
    assert_eq!(hinged.value(&[0.5, 1.0]), Ok(0.5));
    let square = Function::record(&[3.0, 1.0], |x| squared(x[0], x[1]));
    assert_eq!(square.value(&[3.0, 2.0]), Ok(1.0));
    assert_eq!((hinge(0.25, 1.0), squared(Var::new(3.0), 1.0).value()), (0.75, 4.0));
    assert!(words(|| _ = hinge(Var::new(1.0), Var::new(0.0))).contains("side"));
}
