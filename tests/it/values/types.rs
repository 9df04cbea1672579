//! Printing, conversions, and what a `Var` is as a Rust type.

use super::*;

#[test]
fn display_is_that_of_f64() {
    for x in points() {
        for u in [Var::new(x), Var::constant(x)] {
            assert_eq!(format!("{u}"), format!("{x}"));
            assert_eq!(format!("{u:.3}"), format!("{x:.3}"));
            assert_eq!(format!("{u:+012.2}"), format!("{x:+012.2}"));
            assert_eq!(format!("{u:>30}"), format!("{x:>30}"));
        }
    }
}

#[test]
fn debug_tells_a_variable_from_a_constant() {
    assert_eq!(format!("{:?}", Var::new(2.0)), "Var(2.0)");
    assert_eq!(format!("{:?}", Var::constant(2.0)), "Constant(2.0)");
    assert_eq!(format!("{:?}", Var::new(2.0) * 1.5), "Var(3.0)");
    assert_eq!(format!("{:.2?}", Var::new(1.0)), "Var(1.00)");
    assert_eq!(format!("{:?}", Var::new(f64::NAN)), "Var(NaN)");
}

#[test]
fn defaults_and_conversions_are_constants() {
    assert!(Var::default().is_constant() && is_same(Var::default().value(), 0.0));
    for x in points() {
        for u in [Var::from(x), Var::from(&x), x.into(), Var::new(x).detach()] {
            assert!(u.is_constant() && u.op() == Op::Constant);
            assert_same("from", &[x], u, x);
        }
        assert_same("new", &[x], Var::new(x), x);
        assert!(!Var::new(x).is_constant());
    }
}

#[test]
fn no_grad_changes_no_value() {
    graph::no_grad(|| {
        for (x, y) in pairs() {
            let (u, v) = (Var::new(x), Var::new(y));
            assert_same("no_grad", &[x, y], u * v + u.powf(v), x * y + x.powf(y));
        }
    });
}

/// `item()` picks the impl for `T` where `T` is not `Send`; where it is there are two, an error.
macro_rules! assert_not {
    ($T:ty: $Trait:path) => {{
        trait AmbiguousIf<A> {
            fn item() {}
        }
        impl<T: ?Sized> AmbiguousIf<()> for T {}
        struct Has;
        #[allow(dead_code)]
        impl<T: ?Sized + $Trait> AmbiguousIf<Has> for T {}
        <$T as AmbiguousIf<_>>::item();
    }};
}

#[test]
fn var_is_sixteen_bytes_copy_static_and_bound_to_its_thread() {
    fn is<T: Copy + 'static + Unpin + std::panic::UnwindSafe + std::panic::RefUnwindSafe>() {}
    is::<Var>();
    assert_eq!((size_of::<Var>(), align_of::<Var>()), (16, 8));
    #[cfg(not(feature = "nalgebra"))]
    assert_not!(Var: Send);
    #[cfg(not(feature = "nalgebra"))]
    assert_not!(Var: Sync);
    assert_not!(Var: Eq);
    assert_not!(Var: Ord);
    assert_not!(Var: std::hash::Hash);
}

#[test]
fn a_constant_can_be_made_in_a_const() {
    const HALF: Var = Var::constant(0.5);
    assert_eq!((HALF + HALF).value(), 1.0);
}
