//! What a graph holds, what it takes, and where it is full.

use super::*;

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
        let _ = (x.sin(), x.powi(3), x.powf(2.5), x.max(0.0), x.mul_add(2.0, y));
        check(5);
        let _ = [x, y, x, y].iter().sum::<Var>();
        check(1);
        let _ = (dot(&[x, x], &[y, y]), norm(&[x, y]), log_sum_exp(&[x, y]));
        check(3);
        let _ = (Var::custom("c", 1.0, [(x, 1.0), (y, 1.0)]), Var::apply(Square, &[x]));
        check(2);
        (x * y).backward();
        check(1);
        let _ = (x.value(), x.grad(), x.detach(), x.named("x"), x.operands(), x == y);
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
        for nodes in [1 << 29, 1 << 40, usize::MAX / 64, usize::MAX - 1, usize::MAX] {
            let text = panic_of(|| graph::reserve(nodes));
            assert!(text.contains("the graph is full") && text.contains("graph::scope"), "{nodes}: {text}");
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
            assert_eq!((y.value(), x.grad()), (DEPTH as f64 + 1.0, DEPTH as f64 + 1.0));
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
