//! Names, operands, and operations of the user's own.

use super::*;

#[test]
fn names_belong_to_nodes_and_end_with_them() {
    afresh(|| {
        let x = Var::new(2.0).named("x");
        assert_eq!(x.name().as_deref(), Some("x"));
        assert_eq!((x * x).name(), None);
        graph::scope(|| {
            let y = (x * x).named(String::from("y"));
            assert_eq!(y.name().as_deref(), Some("y"));
        });
        assert_eq!((x * x).name(), None); // at the index that `y` had
        assert_eq!(x.named("z").name().as_deref(), Some("z"));
        assert_eq!(Var::constant(1.0).named("c").name(), None);
        graph::clear();
        assert_eq!(Var::new(1.0).name(), None);
    });
}

#[test]
fn operands_are_handles_that_live() {
    let (x, y) = (Var::new(2.0), Var::new(3.0));
    let check = |z: Var, op: Op, operands: &[Var]| {
        assert_eq!(z.op(), op);
        let found = z.operands();
        assert_eq!(found.len(), operands.len(), "{op}");
        for (f, o) in found.iter().zip(operands) {
            assert_eq!((f.value(), f.is_constant()), (o.value(), o.is_constant()), "{op}");
        }
        let active = found.iter().filter(|f| !f.is_constant());
        z.backward();
        assert!(active.clone().count() > 0);
        active.for_each(|f| ignore(*f * 2.0 + f.grad()));
    };
    let (two, five) = (Var::constant(2.0), Var::constant(5.0));
    check(x + y, Op::Add, &[x, y]);
    check(x - 5.0, Op::Sub, &[x, five]);
    check(5.0 - x, Op::Sub, &[five, x]);
    check(2.0 * x, Op::Mul, &[two, x]);
    check(x * x, Op::Mul, &[x, x]);
    check(5.0 / y, Op::Div, &[five, y]);
    check(x % y, Op::Rem, &[x, y]);
    check(-x, Op::Neg, &[x]);
    check(x.sin(), Op::Sin, &[x]);
    check(x.powi(-3), Op::Powi, &[x]);
    check(x.powi(i32::MIN), Op::Powi, &[x]);
    check(x.powf(2.0), Op::Powf, &[x, two]);
    check(x.max(y), Op::Max, &[x, y]);
    check(x.mul_add(2.0, y), Op::MulAdd, &[x, two, y]);
    check(x.clamp(2.0, y), Op::Clamp, &[x, two, y]);
    check(sum(&[x, two, y, x]), Op::Sum, &[x, two, y, x]);
    check(norm(&[x, y, five]), Op::Norm, &[x, y, five]);
    check(log_sum_exp(&[x, y]), Op::LogSumExp, &[x, y]);
    check(Var::apply(Square, &[x]), Op::Custom, &[x]);
    let z = graph::scope(|| {
        let z = x * y;
        check(z, Op::Mul, &[x, y]);
        z.operands()
    });
    assert_eq!((z[0] * z[1]).value(), 6.0);
    let (products, factors) = (dot(&[x, two], &[y, x]), [x, y, two, x]);
    let total: f64 = products.operands().chunks(2).map(|p| p[0].value() * p[1].value()).sum();
    assert_eq!((products.value(), total, products.operands().len()), (10.0, 10.0, factors.len()));
}

#[test]
fn a_custom_operation_of_plain_partials_has_first_derivatives_only() {
    let (x, y) = (Var::new(3.0), Var::new(2.0));
    let z = Var::custom("area", 6.0, [(x, 2.0), (y, 3.0)]) * 10.0;
    z.backward();
    assert_eq!((z.value(), x.grad(), y.grad()), (60.0, 20.0, 30.0));
    let text = panic_of(|| z.differentiate(&[x]));
    for word in ["`area`", "cannot be differentiated again", "`CustomOp`"] {
        assert!(text.contains(word), "{text}");
    }
    assert_eq!((x * y).differentiate(&[x])[0].value(), 2.0);
    assert_usable();
}

#[test]
fn custom_operations_of_any_number_of_operands() {
    let x: Vec<Var> = (1..=50).map(|k| Var::new(f64::from(k))).collect();
    let total = Var::custom("total", 1275.0, x.iter().map(|&x| (x, 1.0)));
    total.backward();
    assert!(x.iter().all(|x| x.grad() == 1.0));
    assert!(Var::custom("none", 4.0, []).is_constant());
    assert!(Var::custom("constants", 4.0, [(Var::constant(1.0), f64::NAN)]).is_constant());
    let mixed = Var::custom("mixed", 4.0, [(Var::constant(1.0), f64::NAN), (x[0], 3.0)]);
    mixed.backward();
    assert_eq!(x[0].grad(), 3.0);
    let twice = Var::custom("twice", 4.0, [(x[0], 3.0), (x[0], 4.0)]);
    twice.backward();
    assert_eq!(x[0].grad(), 7.0);
    assert_eq!(twice.op(), Op::Custom);
}

#[test]
fn a_custom_op_has_every_order() {
    struct Product;
    impl CustomOp for Product {
        fn value(&self, x: &[f64]) -> f64 {
            x.iter().product()
        }
        fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
            (0..x.len()).map(|k| (0..x.len()).filter(|&i| i != k).map(|i| x[i]).product()).collect()
        }
    }
    let x = [2.0, 3.0, 5.0].map(Var::new);
    let z = Var::apply(Product, &x);
    z.backward();
    assert_eq!((z.value(), x.map(Var::grad)), (30.0, [15.0, 10.0, 6.0]));
    let first = z.differentiate(&x);
    let second = first[0].differentiate(&x);
    assert_eq!(second.iter().map(|d| d.value()).collect::<Vec<_>>(), [0.0, 5.0, 3.0]);
    let third = second[1].differentiate(&x);
    assert_eq!(third.iter().map(|d| d.value()).collect::<Vec<_>>(), [0.0, 0.0, 1.0]);

    struct Exp;
    impl CustomOp for Exp {
        fn value(&self, x: &[f64]) -> f64 {
            x[0].exp()
        }
        fn partials(&self, _: &[Var], z: Var) -> Vec<Var> {
            vec![z]
        }
    }
    let y = Var::new(0.5);
    let mut d = Var::apply(Exp, &[y]);
    for _ in 0..6 {
        d = d.differentiate(&[y])[0];
        assert_eq!(d.value(), 0.5_f64.exp());
    }
    let constant = Var::apply(Exp, &[Var::constant(0.5)]);
    assert!(constant.is_constant() && constant == 0.5_f64.exp());
}

#[test]
fn custom_operations_end_with_their_scope() {
    let x = Var::new(3.0);
    graph::scope(|| Var::custom("first", 1.0, [(x, 1.0)]));
    // At the same index now an operation that has every order.
    graph::scope(|| {
        let z = Var::apply(Square, &[x]);
        assert_eq!(z.differentiate(&[x])[0].differentiate(&[x])[0].value(), 2.0);
    });
    graph::scope(|| assert_eq!((x * x).differentiate(&[x])[0].value(), 6.0));
}

#[test]
fn a_custom_op_that_uses_the_graph_when_dropped() {
    struct Noisy;
    impl CustomOp for Noisy {
        fn value(&self, x: &[f64]) -> f64 {
            x[0]
        }
        fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
            vec![Var::from(1.0)]
        }
    }
    impl Drop for Noisy {
        fn drop(&mut self) {
            assert_usable();
        }
    }
    in_child("graph::nodes::a_custom_op_that_uses_the_graph_when_dropped", || {
        let x = Var::new(3.0);
        graph::scope(|| Var::apply(Noisy, &[x]).backward());
        let _ = Var::apply(Noisy, &[x]);
        graph::clear();
    });
}

#[test]
fn a_custom_op_may_use_the_graph_inside() {
    struct Inner;
    impl CustomOp for Inner {
        fn value(&self, x: &[f64]) -> f64 {
            graph::scope(|| Var::new(x[0]).sin().value())
        }
        fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
            let _ = gradient(|x| x[0].sin(), &[x[0].value()]);
            vec![x[0].cos()]
        }
    }
    let x = Var::new(0.5);
    let z = Var::apply(Inner, &[x]);
    let d = z.differentiate(&[x])[0];
    assert_eq!(d.value(), 0.5_f64.cos());
    assert_eq!(d.differentiate(&[x])[0].value(), -(0.5_f64.sin()));
}

#[test]
fn an_operation_prints_as_its_label() {
    let x = Var::new(1.0);
    assert_eq!(format!("{} {:>4}", x.sin().op(), (x * x).op()), "sin    ×");
}
