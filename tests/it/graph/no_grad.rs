//! Where nothing is recorded.

use super::*;

#[test]
fn no_grad_records_no_operation() {
    let (x, c) = (Var::new(2.0), Var::constant(3.0));
    let before = graph::len();
    graph::no_grad(|| {
        let results = [
            x + x,
            x + c,
            c + x,
            x * x,
            x / 2.0,
            2.0 - x,
            x % 2.0,
            -x,
            x.sin(),
            x.powi(3),
            x.powf(x),
            x.max(0.0),
            sum(&[x, x]),
            dot(&[x], &[x]),
            norm(&[x, x]),
            log_sum_exp(&[x, x]),
            softmax(&[x])[0],
            Var::apply(Square, &[x]),
            x.gt_mask(1.0),
            Var::custom("c", 1.0, [(x, 1.0)]),
            Var::select(x, x * x, 1.0),
            x.mul_add(x, x),
        ];
        assert!(results.iter().all(|y| y.is_constant()));
        assert!(!x.is_constant());
    });
    assert_eq!(graph::len(), before);
    assert!(!(x * x).is_constant());
}

#[test]
fn no_grad_works_before_any_scope_was_opened() {
    afresh(|| {
        let x = Var::new(2.0);
        assert_eq!(graph::no_grad(|| x * x).value(), 4.0);
        assert!(graph::no_grad(|| x.sin()).is_constant());
        assert_usable();
    });
}

#[test]
fn functions_of_several_operands_work_before_any_scope_was_opened() {
    afresh(|| {
        let x = Var::new(2.0);
        assert_eq!(x.powf(2.0).value(), 4.0);
        assert_eq!(sum(&[x, x]).value(), 4.0);
        x.max(1.0).backward();
        assert_eq!(x.grad(), 1.0);
    });
}

#[test]
fn new_in_no_grad_is_a_leaf_of_the_scope_around() {
    afresh(|| {
        let x = graph::no_grad(|| Var::new(2.0));
        assert!(!x.is_constant() && x.op() == Op::Leaf);
        (x * x).backward();
        assert_eq!(x.grad(), 4.0);
        graph::scope(|| {
            let y = graph::no_grad(|| {
                let y = Var::new(3.0);
                assert!((y * x).is_constant());
                y
            });
            (x * y).backward();
            assert_eq!((x.grad(), y.grad()), (3.0, 2.0));
        });
        assert_usable();
    });
}

#[test]
fn no_grad_and_scope_nest_either_way() {
    afresh(|| {
        let x = Var::new(2.0);
        graph::no_grad(|| {
            let (leaf, y) = graph::scope(|| {
                let leaf = Var::new(5.0);
                assert!((leaf * x).is_constant());
                graph::no_grad(|| assert!((leaf + x).is_constant()));
                assert!((leaf * x).is_constant());
                assert_eq!(leaf.grad(), 0.0);
                (leaf, leaf * x)
            });
            assert_eq!(y.value(), 10.0);
            assert!(panic_of(|| leaf * x).contains("stale Var"));
            assert!((x * x).is_constant());
        });
        assert!(!(x * x).is_constant());
        graph::scope(|| {
            assert!(graph::no_grad(|| x * x).is_constant());
            assert!(!(x * x).is_constant());
        });
        graph::no_grad(graph::clear);
        assert!(panic_of(|| x * x).contains("graph::clear"));
        assert_usable();
    });
}

#[test]
fn sweeps_and_reads_work_in_no_grad() {
    let x = Var::new(2.0);
    let y = x * x * x;
    graph::no_grad(|| {
        y.backward();
        assert_eq!(x.grad(), 12.0);
        assert_eq!(y.gradients().wrt(x), 12.0);
        let d = y.differentiate(&[x])[0];
        assert!(d.is_constant() && d == 12.0);
        assert_eq!(x.named("x").name().as_deref(), Some("x"));
        assert_eq!(y.op(), Op::Mul);
    });
}

#[test]
fn a_step_of_an_optimiser_in_no_grad() {
    afresh(|| {
        let mut x = Var::new(10.0);
        for _ in 0..200 {
            graph::scope(|| ((x - 3.0) * (x - 3.0)).backward());
            x = graph::no_grad(|| Var::new((x - x.grad() * 0.1).value()));
        }
        assert!((x.value() - 3.0).abs() < 1e-12);
        assert_eq!(graph::len(), 201);
    });
}

#[test]
fn derivatives_by_closure_are_right_inside_no_grad_too() {
    let x = Var::new(2.0);
    graph::no_grad(|| {
        assert_eq!(derivative(|x| x * x, 3.0), 6.0);
        assert_eq!(gradient(|x| x[0] * x[1], &[4.0, 5.0]), [5.0, 4.0]);
        assert!((x * x).is_constant());
    });
    assert_usable();
}
