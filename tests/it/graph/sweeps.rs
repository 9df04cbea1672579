//! Sweeps, snapshots of them, and sweeps that are recorded.

use super::*;

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
    assert_eq!((x.grad(), y.grad(), z.grad(), w.grad()), (6.0, 0.0, 0.0, 1.0));
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
