//! What the tests of the crate do not see: the tape word by word, and a sweep that finds no memory.

use super::adjoints::Adjoints;
use super::place::EMPTY;
use super::{Tape, WINDOW, Word, adjoints, arena, code, zeros};
use crate::graph;
use crate::handle::Var;
use crate::nodes::Values;
use crate::rows::Op;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[test]
fn a_sweep_without_memory_is_a_clear_panic_that_leaves_the_graph_usable() {
    let x = [Var::new(1.0), Var::new(2.0)];
    let y = (0..10_000).fold(x[0], |y, _| y + y * 0.0 + x[1]);
    y.backward();
    let gradient = x.map(|x| x.grad());
    assert_eq!(gradient, [1.0, 10_000.0]);
    for allocations in 0..2 {
        arena().adjoints.replace(Adjoints::new());
        zeros::tests::ALLOCATIONS.set(allocations);
        let panic = std::panic::catch_unwind(|| y.backward()).unwrap_err();
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied());
        assert!(text.is_some_and(|text| text.contains("no memory for the adjoints")), "{text:?}");
        assert_eq!(x[1].grad(), 0.0);
        zeros::tests::ALLOCATIONS.set(usize::MAX);
        y.backward();
        assert_eq!(x.map(|x| x.grad()), gradient);
        let _ = y * y; // recorded

        // A sweep into a snapshot finds no memory either, and changes nothing.
        zeros::tests::ALLOCATIONS.set(allocations);
        std::panic::catch_unwind(|| y.gradients()).unwrap_err();
        zeros::tests::ALLOCATIONS.set(usize::MAX);
        assert_eq!(x.map(|x| x.grad()), gradient);
        assert_eq!(y.gradients().wrt(x[1]), 10_000.0);
    }
}

#[test]
fn a_node_that_is_an_operand_of_itself_has_a_value() {
    // No program records one before the epochs have started again.
    let word = Word::new(code::ADD, 0, 1, 2);
    let words = [&EMPTY[..], &[2f64.to_bits(), Word::LEAF.0, word.0]].concat();
    let tape = Tape { words: &words, end: 3 };
    assert!(Values::default().of(tape, 2).is_nan());
}

#[test]
fn a_node_is_not_finished_where_the_tape_has_moved() {
    let x = Var::new(1.0);
    let (runs, base) = (arena().runs::<1>(0), arena().base.get());
    graph::scope(|| {
        while arena().base.get() == base {
            let _ = x.sin();
        }
    });
    let word = Word::nary(Op::Sum, 1, 0);
    let finish = AssertUnwindSafe(|| runs.finish([Word::run(0, 0)], 0.0, word));
    assert!(catch_unwind(finish).is_err());
}

#[test]
#[cfg(debug_assertions)]
fn an_operand_that_is_no_node_before_is_not_written() {
    let _x = Var::new(1.0);
    let next = arena().next();
    for (a, b) in [(next, 0), (0, next)] {
        let mut slots = arena().slots(1);
        let word = Word::slot(a, b, [false; 2]);
        assert!(catch_unwind(AssertUnwindSafe(|| slots.push(1.0, 1.0, word))).is_err());
    }
    for (first, stride) in [(next, 0), (next - 1, 1)] {
        let mut runs = arena().runs::<1>(2);
        runs.push([1.0]);
        runs.push([1.0]);
        let (run, word) = (Word::run(first, stride), Word::nary(Op::Sum, 1, 2));
        assert!(catch_unwind(AssertUnwindSafe(|| runs.finish([run], 0.0, word))).is_err());
    }
}

#[test]
#[cfg(debug_assertions)]
fn a_scope_ends_between_two_nodes() {
    use super::{INDEX_BITS, Place};
    let x = Var::new(1.0);
    let inside = Place { index: 2, position: arena().position() + 1 };
    let _ = x.sin();
    let restart = || arena().restart(arena().next() >> INDEX_BITS, inside);
    assert!(catch_unwind(restart).is_err());
}

#[test]
fn a_sweep_down_to_the_inputs_of_a_closure_searches_for_no_place() {
    std::thread::spawn(|| {
        let chain = |x: &[Var]| (0..10_000).fold(x[0], |y, _| (y + x[1]).sin());
        assert!(crate::gradient(chain, &[1.0, 2.0])[1] < 0.0);
        let products = |x: &[Var]| [x[0] * x[1], chain(x)];
        assert_eq!(crate::jacobian(products, &[1.0, 2.0])[(0, 0)], 2.0);
        assert!(arena().starts.borrow().is_empty());
    })
    .join()
    .unwrap();
}

/// All that there is of a tape at a place, but for the epoch.
#[derive(Debug, PartialEq)]
struct Whole {
    words: Vec<u64>,
    end: usize,
    starts: Vec<usize>,
    adjoints: Vec<(usize, f64)>,
}

impl Whole {
    fn now() -> Whole {
        arena().tape(|tape| tape.assert_nodes());
        arena().assert_storage();
        let (words, end) = arena().tape(|tape| (tape.words.to_vec(), tape.end));
        // Where windows start is a function of the words: all that is known must be right.
        let mut starts = Vec::new();
        arena().tape(|tape| tape.extend_starts(&mut starts));
        let known = arena().starts.borrow().clone();
        assert!(starts.starts_with(&known), "{known:?} is not of {starts:?}");
        let adjoints = adjoints(|adjoints| adjoints.nonzero());
        Whole { words, end, starts, adjoints }
    }
}

/// Records something of each kind of node, and looks at some of it.
fn record(x: Var, steps: usize) {
    let mut y = x;
    for k in 0..steps {
        let p = x * y.sin();
        y = match k % 7 {
            0 => y + p, // fused
            1 => (y - p).abs().max(0.25),
            2 => p + 1.5,
            3 => crate::var::dot(&[x, y, p], &[p, x, x]),
            4 => crate::var::sum(&[y, p, x, x, p]),
            5 => Var::new(0.5) * p,
            _ => y.powi(2) + p.tanh(), // fused
        };
        y = y.tanh();
    }
    let _ = y.operands();
    y.backward();
    assert!(y.differentiate(&[x])[0].value().is_finite());
}

#[test]
fn going_back_to_a_place_gives_the_tape_that_was_there() {
    // Scopes that start at every place around the ends of windows, and of every kind of last node.
    let x = Var::new(0.75);
    for at in [1, WINDOW, 2 * WINDOW, 5 * WINDOW] {
        for offset in 0..40 {
            graph::scope(|| {
                let mut y = x;
                while arena().end() + 20 < at + offset {
                    y = y.sin();
                }
                let last = [y, x * y, y + x * y, y.exp(), x - y][offset % 5];
                if offset % 3 == 0 {
                    let _ = last.operands(); // so that it is known where some windows start
                }
                let mut before = Whole::now();
                for steps in [0, 1, 3, 200] {
                    graph::scope(|| record(x, steps));
                    let after = Whole::now();
                    // Outer leaves keep what the sweep inside gave them; nothing else has an adjoint.
                    assert!(after.adjoints.iter().all(|&(index, _)| index < before.end));
                    before.adjoints.clone_from(&after.adjoints);
                    assert_eq!(after, before);
                    let unwound = std::panic::catch_unwind(|| {
                        graph::scope(|| {
                            record(x, steps);
                            panic!("on purpose");
                        })
                    });
                    assert!(unwound.is_err());
                    assert_eq!(Whole::now(), before);
                }
            });
        }
    }
    graph::clear();
    let empty = Whole::now();
    assert_eq!((empty.end, empty.words.len(), empty.starts), (1, EMPTY.len(), vec![EMPTY.len()]));
    assert!(empty.adjoints.is_empty());
}

#[test]
fn every_index_is_found() {
    graph::clear();
    let x = Var::new(0.75);
    record(x, 2000);
    let end = arena().end();
    for k in 0..2 * end {
        // From anywhere, before and after it is known where windows start.
        let index = 1 + k * 7919 % end;
        let place = arena().place_before(index);
        assert!(place.index == index || place.index == index + 1);
        let slowly = arena().tape(|tape| tape.down_to(tape.last(), index));
        assert_eq!((place.index, place.position), (slowly.index, slowly.position));
        if place.index == index + 1 {
            arena().tape(|tape| assert!(tape.word(place.position).has_fused_sum()));
        }
    }
}

#[test]
fn a_write_stays_within_the_memory_wherever_the_limit_was_set() {
    let _a = Var::new(1.5); // the first node gives the tape its memory
    let (x, y) = (Var::new(2.0), Var::new(3.0));
    for _ in 0..8 {
        graph::scope(|| {
            while arena().position() + 9 < arena().capacity.get() {
                let _ = x + y; // a word
            }
            let _ = x / y; // four words, of which three are beyond the limit
            assert!(arena().position() <= arena().capacity.get());
            // The limit is set again here, where the tape ends beyond the one before.
            let _ = crate::anomaly::detect(|| ());
        });
    }
}
