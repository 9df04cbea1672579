//! Segments that are recorded again when the sweep reaches them.

use scalargrad::{Function, Var, advance, checkpoint, derivative, graph, hessian, sum};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Instant;

/// A step of Lotka–Volterra with rates `p`, by the classical Runge–Kutta method.
fn step(p: [Var; 4], x: Var, y: Var) -> [Var; 2] {
    let h = 1e-3;
    let f = |x: Var, y: Var| (p[0] * x - p[1] * x * y, p[2] * x * y - p[3] * y);
    let (k1, l1) = f(x, y);
    let (k2, l2) = f(x + k1 * (h / 2.0), y + l1 * (h / 2.0));
    let (k3, l3) = f(x + k2 * (h / 2.0), y + l2 * (h / 2.0));
    let (k4, l4) = f(x + k3 * h, y + l3 * h);
    [x + (k1 + k2 * 2.0 + k3 * 2.0 + k4) * (h / 6.0), y + (l1 + l2 * 2.0 + l3 * 2.0 + l4) * (h / 6.0)]
}

fn rates() -> [Var; 4] {
    [1.1, 0.4, 0.1, 0.4].map(Var::new)
}

fn plain(p: [Var; 4], steps: usize) -> Var {
    let (mut x, mut y) = (Var::from(10.0), Var::from(5.0));
    for _ in 0..steps {
        [x, y] = step(p, x, y);
    }
    x + y
}

fn cut(p: [Var; 4], steps: usize, at_once: usize) -> Var {
    let state = [Var::from(10.0), Var::from(5.0), p[0], p[1], p[2], p[3]];
    let end = advance(&state, steps, at_once, |_, s| {
        let p = [s[2], s[3], s[4], s[5]];
        let [x, y] = step(p, s[0], s[1]);
        vec![x, y, p[0], p[1], p[2], p[3]]
    });
    end[0] + end[1]
}

fn value_and_slopes(f: impl Fn([Var; 4]) -> Var) -> (f64, [f64; 4]) {
    graph::scope(|| {
        let p = rates();
        let y = f(p);
        y.backward();
        (y.value(), p.map(Var::grad))
    })
}

fn assert_close(a: [f64; 4], b: [f64; 4]) {
    for (a, b) in a.into_iter().zip(b) {
        assert!((a - b).abs() <= 1e-12 * b.abs(), "{a} is not {b}");
    }
}

#[test]
fn a_segment_may_be_larger_than_all_that_is_around_it() {
    let x = Var::new(3.0);
    let y = checkpoint(&[x], |x| vec![(0..10_000).fold(x[0], |y, _| y + x[0])]);
    let z = y[0] * x;
    z.backward();
    assert_eq!((z.grad(), y[0].grad(), x.grad()), (1.0, 3.0, 2.0 * 10_001.0 * 3.0));
}

#[test]
fn segments_that_give_nothing_leave_the_adjoints_around_them_alone() {
    let x = Var::new(3.0);
    let _between: Vec<Var> = (0..200).map(|_| Var::new(0.0)).collect();
    let y = x * 5.0;
    let steps = |s: &[Var]| vec![(0..100).fold(s[0], |y, _| y + 1.0).floor()];
    let z = y + checkpoint(&[x], steps)[0] + checkpoint(&[x], steps)[0];
    z.backward();
    assert_eq!((z.value(), y.grad(), x.grad()), (221.0, 1.0, 5.0));
}

#[test]
fn a_simulation_cut_into_segments_gives_what_the_plain_one_gives() {
    let (value, slopes) = value_and_slopes(|p| plain(p, 500));
    for at_once in [2, 3, 7, 22, 23, 499, 500, 501] {
        let (v, s) = value_and_slopes(|p| cut(p, 500, at_once));
        assert_eq!(v.to_bits(), value.to_bits());
        assert_close(s, slopes);
    }
    assert_eq!(value_and_slopes(|p| cut(p, 0, 2)).0, 15.0);
}

#[test]
fn a_captured_variable_gets_its_gradient() {
    let (value, slopes) = value_and_slopes(|p| plain(p, 60));
    let (v, s) = value_and_slopes(|p| {
        let mut state = vec![Var::from(10.0), Var::from(5.0)];
        for _ in 0..6 {
            state = checkpoint(&state, move |s| (0..10).fold(s.to_vec(), |s, _| step(p, s[0], s[1]).to_vec()));
        }
        state[0] + state[1]
    });
    // The first segment has constant inputs only, so it is recorded as it is.
    assert_eq!(v.to_bits(), value.to_bits());
    assert_close(s, slopes);
}

#[test]
fn the_interior_of_a_segment_is_not_kept() {
    graph::scope(|| {
        let x = Var::new(0.5);
        let before = graph::len();
        let y = checkpoint(&[x], |x| vec![(0..100_000).fold(x[0], |x, _| x.sin() + x), x[0]]);
        assert_eq!((graph::len() - before, y.len()), (2, 2));
        y[0].backward();
        assert_eq!(graph::len() - before, 2);
        assert_eq!((y[1].value(), y[1].grad()), (0.5, 0.0));
    });
}

#[test]
fn adjoints_of_outputs_that_cancel_are_swept_all_the_same() {
    let x = Var::new(3.0);
    let y = checkpoint(&[x], |x| vec![x[0] * x[0], x[0]]);
    (y[0] - y[1]).backward();
    assert_eq!(x.grad(), 5.0);
    (y[0] * 0.0 + y[1] * 2.0).backward();
    assert_eq!(x.grad(), 2.0);
}

#[test]
fn segments_nest_and_repeat() {
    let x = Var::new(1.2);
    let cube = |x: &[Var]| {
        let square = checkpoint(x, |x| vec![x[0] * x[0]])[0];
        vec![square * x[0]]
    };
    let y = checkpoint(&[x], cube)[0];
    for _ in 0..3 {
        y.backward();
        assert!((x.grad() - 3.0 * 1.44).abs() < 1e-15);
    }
    let gradients = (y * 2.0).gradients();
    assert!((gradients.wrt(x) - 6.0 * 1.44).abs() < 1e-15);
    let first = y.differentiate(&[x])[0];
    let second = first.differentiate(&[x])[0];
    assert!((first.value() - 3.0 * 1.44).abs() < 1e-15);
    assert!((second.value() - 7.2).abs() < 1e-14);
}

#[test]
fn a_sweep_of_another_output_does_not_run_the_segment() {
    let runs = Rc::new(Cell::new(0));
    let x = Var::new(2.0);
    let count = runs.clone();
    let y = checkpoint(&[x], move |x| {
        count.set(count.get() + 1);
        vec![x[0] * x[0]]
    })[0];
    assert_eq!(runs.get(), 1);
    (x * 3.0).backward();
    assert_eq!((runs.get(), x.grad()), (1, 3.0));
    y.backward();
    assert_eq!((runs.get(), x.grad()), (2, 4.0));
}

#[test]
fn constants_pass_through_and_nothing_is_recorded_for_them() {
    let y = checkpoint(&[Var::from(2.0)], |x| vec![x[0] * x[0]])[0];
    assert!(y.is_constant() && y.value() == 4.0);
    let x = Var::new(3.0);
    let y = checkpoint(&[x, Var::from(2.0)], |x| vec![x[0] * x[1], x[1]]);
    (y[0] + y[1]).backward();
    assert_eq!(x.grad(), 2.0);
    assert_eq!(derivative(|x| checkpoint(&[x], |x| vec![x[0], x[0]])[1], 7.0), 1.0);
}

#[test]
fn a_segment_that_changes_its_mind_is_a_clear_panic_and_the_graph_stays_usable() {
    let first = Cell::new(true);
    let x = Var::new(2.0);
    let y = checkpoint(&[x], move |x| if first.replace(false) { vec![x[0]] } else { vec![x[0]; 2] })[0];
    let panic = std::panic::catch_unwind(|| y.backward()).unwrap_err();
    let text = panic.downcast_ref::<String>().unwrap();
    assert!(text.contains("gave 2 outputs when it was run again, and 1 before"), "{text}");
    (x * x).backward();
    assert_eq!(x.grad(), 4.0);
}

#[test]
fn a_segment_may_differentiate_on_its_way() {
    let x = Var::new(0.5);
    let cube = |x: &[Var]| (x[0] * x[0] * x[0]).differentiate(&[x[0]]);
    let y = checkpoint(&[x], cube)[0];
    y.backward();
    assert_eq!((y.value(), x.grad()), (0.75, 3.0));
    let y = checkpoint(&[x], |x| {
        let v = x[0].value();
        vec![x[0] * hessian(|t| t[0] * t[0] * v, &[1.0])[(0, 0)]]
    })[0];
    assert_eq!(y.value(), 0.5);
    assert_eq!(graph::len(), 3);
}

#[test]
fn a_sweep_in_a_segment_leaves_the_one_around_it_alone() {
    let (x, w) = (Var::new(0.5), Var::new(2.0));
    let y = checkpoint(&[x], |x| {
        let slope = graph::scope(|| {
            let t = Var::new(3.0);
            (t * t).backward();
            t.grad()
        });
        vec![x[0] * slope]
    })[0];
    (y * w).backward();
    assert_eq!((y.value(), x.grad(), w.grad()), (3.0, 12.0, 3.0));
}

#[test]
#[should_panic(expected = "stale Var: the scope it was recorded in has ended")]
fn an_output_of_a_segment_must_not_be_stale() {
    let x = Var::new(0.5);
    let _ = checkpoint(&[x], |x| {
        let stale = graph::scope(|| x[0] * 3.0);
        let _other = x[0] * 100.0;
        vec![stale]
    });
}

#[test]
fn what_a_segment_makes_on_its_way_does_not_stay() {
    let x = Var::new(0.5);
    let y = checkpoint(&[x], |x| vec![x[0] * Var::new(2.0)])[0];
    assert_eq!(graph::len(), 2);
    y.backward();
    assert_eq!((x.grad(), graph::len()), (2.0, 2));
}

#[test]
fn derivatives_that_are_not_recorded_are_plain_numbers() {
    let x = Var::new(0.5);
    for y in [x.sin(), checkpoint(&[x], |x| vec![x[0].sin()])[0]] {
        let slope = graph::no_grad(|| y.differentiate(&[x])[0]);
        assert!(slope.is_constant());
        assert_eq!(slope.value(), 0.5f64.cos());
    }
}

#[test]
fn a_chain_of_checkpoints_takes_time_in_proportion_to_its_length() {
    let time = |n: usize| {
        let run = || {
            let start = Instant::now();
            graph::scope(|| {
                let x = Var::new(0.5);
                let y = (0..n).fold(x, |y, _| checkpoint(&[y], |x| x[0].sin()));
                y.backward();
                assert!(x.grad() > 0.0);
            });
            start.elapsed().as_secs_f64()
        };
        (0..3).map(|_| run()).fold(f64::INFINITY, f64::min)
    };
    let (short, long) = (time(2_000), time(32_000));
    assert!(long < 80.0 * short, "{long} s against {short} s"); // 256 times if it were quadratic
}

#[test]
fn differentiate_runs_a_segment_once_for_all_its_outputs() {
    let run = |steps| {
        graph::scope(|| {
            let s = Var::leaves(&[0.1, 0.2, 0.3, 0.4]);
            let end = advance(&s, steps, 2, |_, s| {
                let mean = sum(s) * 0.25;
                s.iter().map(|&x| x + mean.sin() * x * 0.1).collect()
            });
            let y = end[0] * end[1] + end[2].sin() * end[3];
            y.backward();
            let swept: Vec<f64> = s.iter().map(|s| s.grad()).collect();
            let recorded: Vec<f64> = y.differentiate(&s).iter().map(|d| d.value()).collect();
            for (a, b) in swept.iter().zip(&recorded) {
                assert!((a - b).abs() <= 1e-13 * a.abs(), "{a} {b}");
            }
            graph::len()
        })
    };
    let (short, long) = (run(32), run(64));
    assert!(long < 3 * short, "{long} nodes against {short}");
}

#[test]
fn a_segment_that_uses_a_later_variable_when_it_runs_again_is_refused() {
    let later_by = |f: fn(Var, Var) -> Var, sweep: fn(Var, Var)| {
        let x = Var::new(2.0);
        let other = Rc::new(Cell::new(x));
        let used = other.clone();
        let y = checkpoint(&[x], move |a| f(a[0], used.get()));
        other.set(Var::new(1.0) * 2.0);
        let panic = catch_unwind(AssertUnwindSafe(|| sweep(y, x))).unwrap_err();
        let words = panic.downcast_ref::<String>().cloned();
        let words = words.unwrap_or_else(|| panic.downcast_ref::<&str>().unwrap().to_string());
        assert!(words.contains("made after the checkpoint"), "{words}");
    };
    // The later variable is the last node: a sum with it does not tell its index.
    for f in [|x, later| x * later, |x, later| x + later] {
        later_by(f, |y, _| y.backward());
        later_by(f, |y, x| drop(y.differentiate(&[x])));
    }
}

#[test]
fn the_inputs_of_a_segment_are_independent_to_it_wherever_it_runs() {
    let product = |v: &[Var]| (v[0] * v[1]).differentiate(&[v[0]])[0];
    let x = Var::new(3.0);
    let y = checkpoint(&[x, x], product);
    y.backward();
    assert_eq!((y.value(), x.grad()), (3.0, 1.0));
    assert_eq!(y.differentiate(&[x])[0].value(), 1.0);
    let f = Function::record(&[5.0], |x| checkpoint(&[x[0], x[0]], product));
    assert_eq!(f.gradient(&[3.0]).unwrap(), (3.0, vec![1.0]));
    assert_eq!(hessian(|x| x[0] * checkpoint(&[x[0], x[0]], product), &[3.0])[(0, 0)], 2.0);

    let step = |_: usize, s: &[Var]| {
        let slope = (s[0] * s[1]).differentiate(&[s[1]])[0];
        vec![s[0] * 0.5 + slope * 0.1, s[1] + 0.0 * s[0]]
    };
    let run = |at_once| {
        let x = Var::new(0.75);
        let end = advance(&[x, x], 8, at_once, step)[0];
        end.backward();
        (end.value(), x.grad())
    };
    let expected = run(8);
    for at_once in 2..8 {
        assert_eq!(run(at_once), expected);
    }
}

#[test]
fn a_constant_among_the_numbers_of_a_state_is_independent_too() {
    let run = |start: Var, at_once: usize| {
        let k = Var::new(0.5);
        let end = advance(&[start, k], 6, at_once, |_, s| {
            let energy = s[0] * s[0] * s[1];
            let force = -energy.differentiate(&[s[0]])[0];
            vec![s[0] + 0.1 * force, s[1]]
        });
        end[0].backward();
        (end[0].value(), k.grad())
    };
    let expected = run(Var::new(1.0), 6);
    for at_once in [2, 3, 6, 8] {
        let found = run(Var::from(1.0), at_once);
        assert_eq!(found.0, expected.0);
        assert!((found.1 - expected.1).abs() < 1e-15, "{found:?} {expected:?}");
    }
    let slope = |start: Var| {
        let x = Var::new(3.0);
        let y = scalargrad::checkpoint(&[start, x], |v| (v[0] * v[0] * v[1]).differentiate(&[v[0]])[0]);
        y.backward();
        (y.value(), x.grad())
    };
    assert_eq!(slope(Var::from(2.0)), (12.0, 4.0));
}

#[test]
fn numbers_of_a_state_that_become_constants_are_independent_wherever_the_steps_are_cut() {
    let run = |at_once: usize, is_checked: bool| {
        let steps = move |x: Var| {
            let end = advance(&[x], 9, at_once, |k, s| match k {
                4 => vec![Var::from(0.5)], // all numbers of the state are constants here
                _ => vec![(s[0] * s[0]).differentiate(&[s[0]])[0] * 0.75],
            });
            end[0]
        };
        let x = Var::new(3.0);
        match is_checked {
            true => scalargrad::checkpoint(&[x], move |x| steps(x[0])).value(),
            false => steps(x).value(),
        }
    };
    let expected = 0.5 * 1.5f64.powi(4);
    for at_once in 2..12 {
        assert_eq!((run(at_once, false), run(at_once, true)), (expected, expected), "{at_once}");
    }
    let recorded = scalargrad::Function::record(&[3.0], |x| {
        advance(&[x[0]], 3, 2, |k, s| match k {
            0 => vec![Var::from(0.5)],
            _ => vec![(s[0] * s[0]).differentiate(&[s[0]])[0]],
        })[0]
    });
    assert_eq!(recorded.value(&[3.0]).unwrap(), 2.0);
}
