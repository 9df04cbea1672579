//! What the detection of anomalies finds, and what it leaves alone.

mod harm;
mod lines;
mod programs;
mod segments;

use scalargrad::anomaly::{What, absorbed, detect};
use scalargrad::{CustomOp, Var, checkpoint, dot, graph, sum};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The line after that of the call.
#[track_caller]
fn next_line() -> u32 {
    std::panic::Location::caller().line() + 1
}

#[test]
fn the_first_value_that_is_not_finite_is_found_with_its_line() {
    let mut line = 0;
    let anomaly = detect(|| {
        let x = Var::new(0.25).named("x");
        let mut y = x;
        for k in 0..2000 {
            y = y.sin() + 0.001;
            if k == 1500 {
                line = next_line();
                y = (y - 10.0).ln();
            }
        }
        y.backward();
    })
    .unwrap_err();
    assert_eq!((anomaly.what(), anomaly.operation()), (What::Value, "ln"));
    assert_eq!(anomaly.line().map(|at| at.line()), Some(line));
    assert!(anomaly.line().unwrap().file().ends_with("anomaly.rs"));
    assert!(anomaly.value().is_nan() && anomaly.operands()[0] < 0.0);
}

#[test]
fn what_is_dropped_with_its_scope_is_found_too() {
    let anomaly = detect(|| {
        let w = Var::new(2.0);
        for k in 0..600 {
            graph::scope(|| {
                let y = w * f64::from(k);
                if k == 300 {
                    let _ = (y - 600.0).recip() * 0.5;
                }
            });
        }
    });
    assert_eq!(anomaly.unwrap_err().operation(), "recip");
    let anomaly = detect(|| {
        let _ = Var::new(-1.0).sqrt();
        graph::clear();
    });
    assert_eq!(anomaly.unwrap_err().operation(), "sqrt");
}

#[test]
fn a_partial_that_a_sweep_meets_is_found_with_the_names_on_the_way() {
    let anomaly = detect(|| {
        let x = [Var::new(0.0).named("x"), Var::new(0.0)];
        let distance = dot(&x, &x).sqrt().named("distance");
        (distance * 3.0 + 1.0).named("loss").backward();
    })
    .unwrap_err();
    assert_eq!((anomaly.what(), anomaly.operation()), (What::Partial, "sqrt"));
    assert_eq!(anomaly.names(), ["distance", "loss"]);
    let report = anomaly.to_string();
    assert!(report.contains("`scalargrad::norm`") && report.lines().count() <= 10, "{report}");
}

#[test]
fn an_adjoint_that_overflows_is_found() {
    let anomaly = detect(|| {
        let x = Var::new(1e-200);
        ((x * 1e200) * 1e200 * 1e-300).backward();
    });
    assert!(anomaly.is_ok());
    let anomaly = detect(|| {
        let x = Var::new(1e-250);
        (((x * 1e150) * 1e150) * 1e100).backward();
    })
    .unwrap_err();
    assert_eq!(anomaly.what(), What::Adjoint);
}

#[test]
fn the_interior_of_a_checkpoint_is_looked_at() {
    let anomaly = detect(|| {
        let x = Var::new(0.0);
        let y = checkpoint(&[x], |x| x[0].sqrt() * 2.0);
        (y + 1.0).backward();
    });
    assert_eq!(anomaly.unwrap_err().operation(), "sqrt");
}

#[test]
fn an_own_operation_goes_by_its_name() {
    struct Half;
    impl CustomOp for Half {
        fn label(&self) -> String {
            "half".into()
        }
        fn value(&self, x: &[f64]) -> f64 {
            x[0] / 2.0
        }
        fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
            vec![Var::from(f64::NAN)]
        }
    }
    let anomaly = detect(|| Var::apply(Half, &[Var::new(1.0)]).backward());
    assert_eq!(anomaly.unwrap_err().operation(), "half");
}

#[test]
fn a_masked_branch_is_absorbed_and_no_anomaly() {
    let run = || {
        let x = [Var::new(0.0), Var::new(4.0)];
        let mask = |x: Var| f64::from(u8::from(x.value() > 0.0));
        let roots = x.map(|x| x.sqrt() * mask(x) + x * (2.0 - 2.0 * mask(x)));
        sum(&roots).backward();
        [x[0].grad(), x[1].grad()]
    };
    assert_eq!(detect(run).unwrap(), [2.0, 0.25]);
    let (gradient, absorbed) = absorbed(run);
    assert_eq!(gradient, [2.0, 0.25]);
    assert_eq!(absorbed.len(), 1);
    assert_eq!((absorbed[0].operation(), absorbed[0].partial()), ("sqrt", f64::INFINITY));
    assert!(absorbed[0].line().is_some());
}

#[test]
fn values_and_gradients_are_those_without_detection() {
    let run = || {
        let x = Var::new(0.3);
        let (mut s, mut all) = (x * 0.0, vec![]);
        for k in 0..3000 {
            let p = x * f64::from(k);
            graph::scope(|| (x * x).backward());
            s += p.sin();
            if k % 700 == 3 {
                s.backward();
                all.push((s.value(), x.grad(), p.grad()));
            }
        }
        all
    };
    let plain = graph::scope(run);
    assert_eq!(graph::scope(|| detect(run)).unwrap(), plain);
}

#[test]
fn a_stale_handle_tells_where_it_was_made_while_detection_is_on() {
    let words = |f: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(f)).unwrap_err();
        panic.downcast_ref::<String>().unwrap().clone()
    };
    let stale = || {
        let x = graph::scope(|| Var::new(1.0));
        let _ = x + 1.0;
    };
    let off = words(&stale);
    assert!(off.contains("Inside `anomaly::detect`"), "{off}");
    let on = words(&|| {
        let _ = detect(stale);
    });
    assert!(on.contains("It was made at") && on.contains("anomaly.rs"), "{on}");
    // A panic ends the detection.
    assert!(words(&stale).contains("Inside `anomaly::detect`"));
}

#[test]
fn a_detection_around_another_finds_the_same() {
    let outer = detect(|| {
        let inner = detect(|| graph::scope(|| Var::new(-1.0).ln().value()));
        assert_eq!(inner.unwrap_err().operation(), "ln");
        let inner = detect(|| Var::new(0.0).recip().value());
        assert_eq!(inner.unwrap_err().operation(), "recip");
    });
    assert_eq!(outer.unwrap_err().operation(), "ln");
}

#[test]
fn what_goes_into_a_checkpoint_is_looked_at() {
    let anomaly = detect(|| {
        let root = Var::new(0.0).sqrt().named("root");
        let y = checkpoint(&[root], |x| x[0] * 2.0);
        (y + 1.0).named("loss").backward();
    })
    .unwrap_err();
    assert_eq!((anomaly.what(), anomaly.operation()), (What::Partial, "sqrt"));
    assert_eq!(anomaly.names(), ["root", "loss"]);
}

#[test]
fn around_a_sweep_alone_the_maker_is_found_and_how_to_see_its_line_is_told() {
    let (x, y) = (Var::new(2.0).named("x"), Var::new(3.0));
    let root = (x - y).sqrt().named("root");
    let loss = (root * 2.0).exp() + y;
    let anomaly = detect(|| loss.backward()).unwrap_err();
    assert_eq!((anomaly.what(), anomaly.operation()), (What::Value, "sqrt"));
    assert_eq!((anomaly.operands(), anomaly.line()), (vec![-1.0], None));
    assert_eq!(anomaly.names(), ["root"]);
    let report = anomaly.to_string();
    assert!(report.contains("recorded before the detection began"), "{report}");
    assert!(report.contains("compute inside: `anomaly::detect(|| {"), "{report}");
    // A slope that is not finite is found as ever, and told in the same way.
    let distance = (x - 2.0).sqrt();
    let anomaly = detect(|| distance.backward()).unwrap_err();
    assert_eq!((anomaly.what(), anomaly.operation()), (What::Partial, "sqrt"));
    assert!(anomaly.to_string().contains("compute inside"));
    // What the sweep does not reach is not its fault.
    let _aside = (x - y).ln();
    assert!(detect(|| (x * y).backward()).is_ok());
}

#[test]
fn the_report_tells_in_which_pass_it_happened() {
    let train = |sick: i32| {
        detect(|| {
            let mut w = 1.0;
            for pass in 0..50 {
                w -= graph::scope(|| {
                    let w = Var::new(w);
                    let loss = if pass == sick { (w - w).sqrt() } else { w * w };
                    loss.backward();
                    0.01 * w.grad()
                });
            }
        })
    };
    assert!(train(-1).is_ok());
    let report = train(41).unwrap_err().to_string();
    // Two nodes in each pass before, and three in this one.
    assert!(report.contains("when:     in sweep 42, after 85 nodes"), "{report}");
    let report = detect(|| {
        for pass in 0..5 {
            let x = Var::new(1.0);
            graph::scope(|| (x.sin() - f64::from(pass)).backward());
            if pass == 3 {
                let _ = (x - 2.0).ln();
            }
        }
    });
    let report = report.unwrap_err().to_string();
    assert!(report.contains("when:     after 4 sweeps, at node 14"), "{report}");
}

#[test]
fn a_sweep_of_a_checkpoint_is_no_sweep_of_its_own_in_the_report() {
    let report = detect(|| {
        let x = Var::new(0.5);
        let y = checkpoint(&[x], |x| x[0].sin() * 2.0);
        y.backward();
        y.backward();
        (x - 0.5).sqrt().backward();
    });
    let report = report.unwrap_err().to_string();
    assert!(report.contains("in sweep 3"), "{report}");
}

#[test]
fn a_leaf_that_the_crate_made_has_the_line_that_asked_for_it() {
    type First = fn(&[Var]) -> Var;
    let undefined = [f64::NAN];
    let same = |x: &[Var]| x[0];
    let cases: [fn(&[f64], First); 5] = [
        |x, f| drop(scalargrad::gradient(f, x)),
        |x, f| drop(scalargrad::hessian(f, x)),
        |x, f| drop(scalargrad::jacobian(f, x)),
        |x, f| drop(scalargrad::Function::record(x, f)),
        |x, _| drop(Var::leaves(x)),
    ];
    for (k, case) in cases.into_iter().enumerate() {
        let anomaly = detect(|| case(&undefined, same)).unwrap_err();
        let line = anomaly.line().map(|line| line.to_string());
        assert_eq!(anomaly.operation(), "leaf");
        assert!(line.as_ref().is_some_and(|line| line.contains("anomaly.rs")), "{k}: {line:?}");
    }
}

#[test]
fn what_was_found_before_a_panic_is_printed() {
    const INSIDE: &str = "SCALARGRAD_TEST_OF_A_PANIC_IN_A_DETECTION";
    if std::env::var_os(INSIDE).is_some() {
        let _ = detect(|| {
            let slope = graph::scope(|| Var::new(-1.0).named("wrong").ln().value());
            assert!(slope.is_finite(), "an optimiser refuses it");
        });
    }
    let name = "anomaly::what_was_found_before_a_panic_is_printed";
    let mut again = std::process::Command::new(std::env::current_exe().unwrap());
    again.args([name, "--exact", "--nocapture"]).env(INSIDE, "");
    let printed = String::from_utf8(again.output().unwrap().stderr).unwrap();
    let (panic, report) = printed.split_once("an optimiser refuses it").unwrap();
    assert!(!panic.contains("`ln`") && report.contains("the value of `ln` is NaN"), "{printed}");
}

#[test]
fn the_likely_remedy_comes_first() {
    let remedy = |f: fn(Var) -> Var, at: f64| {
        let report = detect(|| f(Var::new(at)).backward()).unwrap_err().to_string();
        let line = report.lines().find(|line| line.contains("remedy:"));
        line.unwrap_or_default().to_string()
    };
    for (f, at) in [(Var::sqrt as fn(Var) -> Var, -1.0), (|x| x.powf(0.5), -1.0), (Var::ln, -1.0), (Var::log2, -1.0)] {
        let negative = remedy(f, at);
        assert!(negative.contains("remedy:   the operand is negative"), "{negative}");
    }
    assert!(remedy(Var::sqrt, 0.0).contains("remedy:   for a distance"));
    assert!(remedy(Var::ln, 0.0).contains("remedy:   `x * ln(y)`"));
    assert!(remedy(Var::acos, 1.5).contains("remedy:   the operand is beyond ±1"));
    assert!(remedy(Var::acos, 1.0).contains("`atan2`"));
}

#[test]
fn a_line_of_the_standard_library_is_told_as_what_it_is() {
    let anomaly = detect(|| {
        let x = Var::new(0.5);
        let y = [x * -1.0, x].map(Var::ln);
        y[0] + y[1]
    })
    .unwrap_err();
    let report = anomaly.to_string();
    assert!(report.contains("by its name"), "{report}");
    assert!(anomaly.line().is_none_or(|line| !line.file().contains("library")));
    let near = report.lines().find(|line| line.contains("after"));
    assert!(near.is_some_and(|line| line.contains("anomaly.rs")), "{report}");
    let panic = catch_unwind(|| {
        detect(|| {
            let x = graph::scope(|| [1.0].map(Var::new)[0]);
            x + 1.0
        })
    });
    let panic = panic.unwrap_err().downcast_ref::<String>().unwrap().clone();
    assert!(panic.contains("by its name") && !panic.contains("library/"), "{panic}");
}
