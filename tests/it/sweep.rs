//! The sweep goes down the tape in windows; nothing may depend on where one begins.

use crate::afresh;
use scalargrad::{Var, checkpoint, dot, graph, sum, weighted_sum};
use std::cell::Cell;

/// A name and a program.
type Named = (&'static str, fn(Var) -> Var);

/// All have the slope of `x³ + 2x`.
fn programs() -> [Named; 6] {
    [
        ("plain", |x| x * x * x + x * 2.0),
        ("an operand two back", |x| {
            let (cube, twice) = (x * x * x, 2.0 * x);
            let unrelated = x + 1.0;
            let _ = unrelated;
            cube + twice
        }),
        ("constants on both sides", |x| {
            let y = (1.0 + x) * x - x - 0.0;
            y * x + (x - (0.0 - x)) / 1.0
        }),
        ("slices", |x| dot(&[x * x, x], &[x, Var::from(1.0)]) + sum(&[x, -x, x])),
        ("far and near", |x| {
            let square = x * x;
            let mut y = square * x;
            for _ in 0..150 {
                y = y + square - square;
            }
            y + x + x
        }),
        ("a division", |x| {
            let y = x / (1.0 / x) / (1.0 / x);
            y + x + x
        }),
    ]
}

#[test]
fn gradients_do_not_depend_on_where_in_a_window_a_node_lies() {
    for (name, f) in programs() {
        for pad in 0..200 {
            graph::scope(|| {
                let x = Var::new(1.5);
                for _ in 0..pad {
                    Var::new(0.0);
                }
                f(x).backward();
                let far = x.grad();
                assert!((far - 8.75).abs() < 1e-13, "{name}, {pad} slots after x: {far}");
                let x = Var::new(1.5);
                f(x).backward();
                let near = x.grad();
                assert!((near - 8.75).abs() < 1e-13, "{name}, {pad} slots before x: {near}");
            });
        }
    }
}

#[test]
fn chains_cross_windows() {
    for length in 1..300 {
        graph::scope(|| {
            let x = Var::new(1.0);
            let end = (0..length).fold(x, |y, _| -y);
            end.backward();
            assert_eq!(x.grad(), if length % 2 == 0 { 1.0 } else { -1.0 });
            let [mut a, mut b] = [x, x];
            for _ in 0..length {
                (a, b) = (b + 0.0, a * 1.0);
            }
            (a - b * 3.0).backward();
            assert_eq!(x.grad(), -2.0);
        });
    }
}

#[test]
fn a_slope_of_zero_that_is_a_variable_keeps_its_mixed_derivative() {
    let (x, slope) = (Var::new(-2.0), Var::new(0.0));
    let first = x.leaky_relu(slope).differentiate(&[x, slope]);
    assert_eq!((first[0].value(), first[1].value()), (0.0, -2.0));
    for (first, of) in [(first[0], slope), (first[1], x)] {
        first.backward();
        assert_eq!(of.grad(), 1.0);
    }
}

/// A chain of `n` products with `x`, a leaf in its middle that nothing depends on: all nodes, the last last.
fn powers(x: Var, n: usize) -> Vec<Var> {
    let mut all = vec![x];
    for k in 1..n {
        all.push(all[k - 1] * x);
        if k == n / 2 {
            Var::new(0.0);
        }
    }
    all
}

/// Runs `f` on a thread whose first sweep it makes, and on one that has swept dense graphs before.
fn fresh_or_not(f: impl Fn() + Clone + Send + 'static) {
    afresh(f.clone());
    afresh(move || {
        for _ in 0..2 {
            graph::scope(|| powers(Var::new(1.0), 5000)[4999].backward());
        }
        f();
    });
}

/// Asserts that the adjoints of a chain are those of `weight` times its last node; what is between first.
fn assert_swept(chain: &[Var], weight: f64) {
    let n = chain.len();
    for (k, y) in chain.iter().enumerate().skip(1).rev() {
        assert_eq!(y.grad(), weight, "{k}");
    }
    assert_eq!(chain[0].grad(), weight * n as f64);
}

#[test]
fn adjoints_of_intermediates_can_be_had_whenever_they_are_asked_for() {
    const N: usize = 5000;
    // First of all, later, and after a sweep that was for the leaf alone.
    for leaf_first in [false, true] {
        fresh_or_not(move || {
            let chain = powers(Var::new(1.0), N);
            for _ in 0..3 {
                chain[N - 1].backward();
                if leaf_first {
                    assert_eq!(chain[0].grad(), N as f64);
                }
                assert_swept(&chain, 1.0);
            }
        });
    }
}

#[test]
fn accumulating_adds_to_adjoints_of_intermediates() {
    fresh_or_not(|| {
        let chain = powers(Var::new(1.0), 3000);
        chain[2999].backward();
        (chain[2999] * 2.0).backward_accumulate();
        (chain[2999] * 4.0).backward_accumulate();
        assert_swept(&chain, 7.0);
    });
}

#[test]
fn scopes_and_snapshots_leave_adjoints_alone() {
    fresh_or_not(|| {
        let outside = powers(Var::new(1.0), 3000);
        outside[2999].backward();
        graph::scope(|| {
            // A graph in a scope, in whose own scopes others come and go.
            let inside = powers(Var::new(1.0), 3000);
            let y = inside[2999];
            y.backward();
            graph::scope(|| {
                let other = powers(y, 3000)[2999];
                assert_eq!(other.gradients().wrt(y), 3000.0);
                assert_eq!(scalargrad::derivative(|x| x * x, 3.0), 6.0);
            });
            assert_swept(&inside, 1.0);
            graph::scope(|| powers(y, 3000)[2999].backward());
            assert_swept(&inside, 3000.0);
            assert_eq!(outside[2999].grad() + outside[0].grad(), 0.0);
        });
        // Of the last sweep the scope's end left nothing, and all of the first is long gone.
        assert_eq!(outside[2999].grad() + outside[0].grad(), 0.0);
        graph::scope(|| powers(outside[2999], 3000)[2999].backward());
        assert_swept(&outside, 3000.0);
    });
}

#[test]
fn a_sweep_in_a_scope_keeps_the_adjoints_of_what_is_outside() {
    fresh_or_not(|| {
        let outside = powers(Var::new(1.0), 3000);
        graph::scope(|| powers(outside[2999], 3000)[2999].backward());
        assert_swept(&outside, 3000.0);
    });
}

#[test]
fn a_cleared_graph_has_no_adjoints() {
    fresh_or_not(|| {
        let chain = powers(Var::new(1.0), 3000);
        chain[2999].backward();
        graph::clear();
        let again = powers(Var::new(1.0), 3000);
        assert!(again.iter().all(|y| y.grad() == 0.0));
        again[2999].backward_accumulate();
        assert_swept(&again, 1.0);
    });
}

#[test]
fn a_checkpoint_is_run_once_for_a_sweep_whatever_is_asked_for() {
    fresh_or_not(|| {
        thread_local!(static RUNS: Cell<usize> = const { Cell::new(0) });
        let chain = powers(Var::new(1.0), 3000);
        let y = checkpoint(&[chain[2999]], |x: &[Var]| {
            RUNS.set(RUNS.get() + 1);
            vec![*powers(x[0], 2000).last().unwrap()]
        })[0];
        let end = *powers(y, 2000).last().unwrap();
        end.backward();
        assert_swept(&chain, 2000.0 * 2000.0);
        assert_eq!(RUNS.get(), 2);
    });
}

#[test]
fn an_adjoint_is_there_wherever_it_lies() {
    afresh(|| {
        let far = powers(Var::new(1.0), 3000);
        let x = Var::new(1.0);
        (powers(x, 3000)[2999] + far[2999]).backward();
        let swept = graph::memory();
        assert_eq!((x.grad(), far[0].grad()), (3000.0, 3000.0));
        assert_eq!(far[700].grad(), 1.0);
        assert_eq!(graph::memory(), swept); // it was there
    });
}

#[test]
fn what_is_no_ancestor_has_no_adjoint_though_all_around_it_have() {
    fresh_or_not(|| {
        let before = powers(Var::new(1.0), 6000);
        let between = powers(Var::new(1.0), 6000);
        let after = powers(before[5999], 6000);
        for _ in 0..2 {
            after[5999].backward();
            assert_eq!(before[0].grad(), 36e6);
            assert_eq!(between[0].grad(), 0.0);
            between[5999].backward();
            assert_eq!((before[0].grad(), between[0].grad()), (0.0, 6000.0));
        }
        after[5999].backward();
        assert!(between.iter().all(|y| y.grad() == 0.0));
        assert_swept(&after, 1.0);
        assert_swept(&before, 6000.0);
    });
}

#[test]
fn a_graph_of_any_length_is_swept_again_and_again() {
    fresh_or_not(|| {
        // Leaves all the way, each of which the chain meets twice.
        let x = Var::new(1.0);
        let (mut y, mut leaves) = (x, Vec::new());
        for k in 0..700_000 {
            if k % 1000 == 0 {
                leaves.push(Var::new(1.0));
            }
            y *= leaves[k / 1000 / 2];
        }
        for _ in 0..3 {
            (y + y).backward();
            assert_eq!(x.grad(), 2.0);
            for (k, leaf) in leaves.iter().enumerate() {
                assert_eq!(leaf.grad(), if k < 350 { 4000.0 } else { 0.0 }, "{k}");
            }
        }
    });
}

#[test]
fn rows_may_end_anywhere_in_a_window() {
    fresh_or_not(|| {
        for stride in [1, 2, 3, 4, 8, 64, 511, 512, 513] {
            for first in 505..=515 {
                graph::scope(|| {
                    let all: Vec<Var> = (0..3000).map(|k| Var::new(f64::from(k))).collect();
                    let one = Var::new(1.0);
                    let mut row: Vec<Var> = all[first..].iter().step_by(stride).copied().collect();
                    for _ in 0..2 {
                        let weights: Vec<f64> = (0..row.len()).map(|k| 1.0 + k as f64).collect();
                        (weighted_sum(&row, &weights) * one).backward();
                        for (x, w) in row.iter().zip(weights) {
                            assert_eq!(x.grad(), w, "{stride} {first}");
                        }
                        let expected: f64 = (1..=row.len()).map(|k| k as f64).sum();
                        let all: f64 = all.iter().map(|x| x.grad()).sum();
                        assert_eq!(all, expected, "{stride} {first}");
                        row.reverse();
                    }
                });
            }
        }
    });
}

#[test]
fn a_thread_takes_memory_for_the_graphs_that_it_has() {
    afresh(|| {
        for (nodes, most) in [(100, 50_000), (3000, 250_000), (100, 250_000)] {
            for _ in 0..4 {
                graph::scope(|| {
                    let chain = powers(Var::new(1.0), nodes);
                    chain[nodes - 1].backward();
                    assert_eq!(chain[0].grad(), nodes as f64);
                });
            }
            assert!(graph::memory() < most, "{nodes}: {}", graph::memory());
        }
    });
}

/// The least seconds of three runs.
fn seconds(run: impl Fn()) -> f64 {
    let timed = || {
        let start = std::time::Instant::now();
        graph::scope(&run);
        start.elapsed().as_secs_f64()
    };
    (0..3).map(|_| timed()).fold(f64::INFINITY, f64::min)
}

#[test]
fn accumulating_in_each_turn_of_a_loop_takes_time_in_proportion_to_its_length() {
    let run = |turns: i32| {
        let x = Var::new(1.0);
        (0..turns).for_each(|k| (x * f64::from(k)).backward_accumulate());
        assert_eq!(x.grad(), f64::from(turns - 1) * f64::from(turns) / 2.0);
    };
    let (few, many) = (seconds(|| run(1_000)), seconds(|| run(8_000)));
    assert!(many < 20.0 * few, "{few} s, and eight times as many {many} s");
}

#[test]
fn an_accumulating_sweep_that_fails_leaves_all_gradients_at_zero() {
    graph::clear();
    let x = Var::new(3.0);
    (x * x).backward();
    let runs = Cell::new(0);
    let failing = checkpoint(&[x], move |x| {
        assert_eq!(runs.replace(runs.get() + 1), 0, "run again");
        x[0] * 2.0
    });
    assert_eq!(x.grad(), 6.0);
    assert!(std::panic::catch_unwind(|| failing.backward_accumulate()).is_err());
    assert_eq!(x.grad(), 0.0);
    (x * 5.0).backward_accumulate();
    assert_eq!(x.grad(), 5.0);
}
