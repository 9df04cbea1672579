//! Going back to a place leaves the tape as it was there, and segments may hold segments.

use scalargrad::{Var, advance, anomaly, checkpoint, dot, graph};
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

#[test]
fn a_scope_between_a_product_and_its_sum_changes_nothing() {
    for offset in (0..700).step_by(61) {
        graph::clear();
        let w = Var::new(0.5);
        let _space = (0..offset).fold(w, |x, _| x + 1.0);
        let (mut s, mut products) = (w * 0.0, Vec::new());
        for i in 0..700 {
            let p = w * f64::from(i);
            graph::scope(|| (w * w).backward());
            s += p;
            products.push(p);
        }
        for (i, p) in products.iter().enumerate().step_by(37) {
            p.backward();
            assert_eq!(w.grad(), i as f64);
            assert_eq!(p.operands()[0], 0.5);
        }
        s.backward();
        assert_eq!(w.grad(), (0..700).sum::<i32>() as f64);
    }
}

#[test]
fn a_scope_that_ends_where_a_block_does_changes_nothing() {
    for length in 670..690 {
        graph::clear();
        let (x, y) = (Var::new(0.5), Var::new(2.0));
        let _space = (0..length).fold(x, |s, _| s + 1.0);
        let a = x.sin();
        let b = a * y;
        graph::scope(|| {
            Var::new(1.0);
        });
        let _c = a + b;
        b.backward();
        assert_eq!((y.grad(), x.grad()), (0.5f64.sin(), 2.0 * 0.5f64.cos()));
        assert_eq!(a.operands().len(), 1);
    }
}

#[test]
fn checkpoints_nest_at_any_length() {
    let sines = |n: usize, x: Var| (0..n).fold(x, |x, _| x.sin());
    for (inner, outer) in [(700, 600), (5, 2000), (2000, 5), (511, 513), (1, 1)] {
        let x = Var::new(0.7);
        let plain = sines(outer, sines(inner, x));
        plain.backward();
        let expected = x.grad();
        let nested = checkpoint(&[x], move |x| {
            let y = checkpoint(x, move |x| vec![sines(inner, x[0])])[0];
            vec![sines(outer, y)]
        })[0];
        nested.backward();
        assert_eq!((nested.value(), x.grad()), (plain.value(), expected));
    }
}

#[test]
fn a_step_of_advance_may_have_checkpoints() {
    let x = Var::new(0.7);
    let step = |_, s: &[Var]| checkpoint(s, |s| vec![(0..300).fold(s[0], |x, _| x.sin())]);
    let end = advance(&[x], 40, 7, step)[0];
    end.backward();
    let slope = x.grad();
    (0..12_000).fold(x, |x, _| x.sin()).backward();
    assert_eq!(slope, x.grad());
}

#[test]
fn a_long_chain_is_differentiated_without_recording() {
    crate::afresh(|| {
        let x = Var::new(0.7);
        let a = x.cos();
        let y = (0..5000).fold(a, |a, _| a.sin());
        let slope = graph::no_grad(|| y.differentiate(&[a]))[0];
        y.backward();
        assert_eq!(slope.value(), a.grad());
        assert!(slope.is_constant());
    });
}

#[test]
fn a_sweep_needs_little_stack_in_any_build() {
    // Steps of a sweep end with a call of the next one, which is a jump only where the compiler optimises.
    let sweep = || {
        let x = Var::new(0.5);
        let y = (0..100_000).fold(x, |y, k| match k % 5 {
            0 => y.max(x * 0.25),
            1 => (y * x + y).tanh(),
            2 => y.relu() - x,
            3 => y.atan2(x),
            _ => y.hypot(x).clamp(-2.0, 2.0),
        });
        y.backward();
        assert!(x.grad().is_finite());
        let z = (0..100_000).fold(x, |z, _| z.max(x).min(2.0));
        z.backward();
    };
    // Without debug assertions and without optimisation it needs more than a thread usually has on some systems.
    let kib = if cfg!(debug_assertions) { 256 } else { 2048 };
    let small_stack = std::thread::Builder::new().stack_size(kib << 10);
    small_stack.spawn(sweep).unwrap().join().unwrap();
}

#[test]
fn a_derivative_records_nothing_below_what_it_is_taken_by() {
    // A descent with a derivative in each step, in one graph: each step must cost the same.
    let mut x = Var::new(0.5);
    let mut lengths = Vec::new();
    for _ in 0..50 {
        let before = graph::len();
        let y = (x.sin() * x + 1.0).ln() * x;
        x = x - 0.1 * y.differentiate(&[x])[0];
        lengths.push(graph::len() - before);
    }
    assert!(lengths.iter().all(|&length| length == lengths[1]), "{lengths:?}");
    // By an intermediate that is a fused sum, by several, by a constant, and by what comes later.
    let (a, b) = (Var::new(2.0), Var::new(3.0));
    let s = a + a * b;
    let z = s * s * b;
    let slopes = z.differentiate(&[s, Var::from(1.0), z]).map_values();
    assert_eq!(slopes, [48.0, 0.0, 1.0]);
    assert_eq!(z.differentiate(&[b, a]).map_values(), [2.0 * 8.0 * 2.0 * 3.0 + 64.0, 48.0 * 4.0]);
    assert_eq!(s.differentiate(&[z]).map_values(), [0.0]);
    // What lies below is still a variable to a tie.
    let c = Var::new(2.0);
    assert_eq!(a.max(c).differentiate(&[c]).map_values(), [0.5]);
    assert_eq!(graph::no_grad(|| z.differentiate(&[s, z])).map_values(), [48.0, 1.0]);
}

#[test]
fn a_segment_that_returns_its_own_output_is_refused() {
    let own = Rc::new(Cell::new(None::<Var>));
    let x = Var::new(0.5);
    let seen = own.clone();
    let y = checkpoint(&[x], move |x| seen.get().unwrap_or_else(|| x[0].sin()));
    own.set(Some(y));
    for sweep in [&(|| y.backward()) as &dyn Fn(), &|| drop(y.differentiate(&[x]))] {
        let panic = catch_unwind(AssertUnwindSafe(sweep)).unwrap_err();
        let text = *panic.downcast_ref::<&str>().expect("a text");
        assert!(text.contains("made after the checkpoint"), "{text}");
        assert_eq!((x.grad(), y.grad()), (0.0, 0.0));
    }
}

#[test]
fn gradients_do_not_depend_on_how_much_memory_the_tape_has() {
    // Bit for bit, although their additions are in the order of the operands: whether there is room for the next node of
    // many operands may not change how it is written.
    fn gradient(before: usize) -> Vec<u64> {
        graph::clear();
        let _ = Var::leaves(&vec![0.5; before]);
        let s: Vec<Var> = (0..40).map(|k| Var::new(0.1 + f64::from(k).sin())).collect();
        let y = dot(&s[..39], &s[1..]) * 0.1 + dot(&s[1..], &s[..39]);
        y.backward();
        s.iter().map(|s| s.grad().to_bits()).collect()
    }
    let expected = gradient(5);
    for before in 1900..2060 {
        // In new memory.
        let found = std::thread::spawn(move || gradient(before)).join().unwrap();
        assert_eq!(found, expected, "{before}");
    }
    let watched = anomaly::detect(|| gradient(5)).expect("nothing is wrong");
    assert_eq!(watched, expected);
}

trait MapValues {
    fn map_values(&self) -> Vec<f64>;
}

impl MapValues for Vec<Var> {
    fn map_values(&self) -> Vec<f64> {
        self.iter().map(|x| x.value()).collect()
    }
}
