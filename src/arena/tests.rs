//! What the tests of the crate do not see: where marks are, and a sweep that finds no memory.

use super::*;
use crate::var::Var;

thread_local! {
    /// The pages that there is memory for.
    pub(super) static PAGES: Cell<usize> = const { Cell::new(usize::MAX) };
}

#[test]
fn a_sweep_without_memory_is_a_clear_panic_that_leaves_the_graph_usable() {
    // A chain with a leaf here and there, whose windows are kept.
    let mut x = vec![Var::new(1.0)];
    let mut y = x[0];
    for k in 0..10_000 {
        if k % 200 == 0 {
            x.push(Var::new(2.0));
        }
        y += y * 0.0 + x[x.len() - 1];
    }
    y.backward();
    let gradient: Vec<f64> = x.iter().map(|x| x.grad()).collect();
    assert!(gradient[1] == 200.0 && gradient[50] == 200.0);
    for pages in 0..20 {
        arena().adjoints.replace(Adjoints::new());
        PAGES.set(pages);
        let panic = std::panic::catch_unwind(|| y.backward()).unwrap_err();
        let text = panic.downcast_ref::<String>().map(String::as_str);
        let text = text.or(panic.downcast_ref::<&str>().copied());
        assert!(
            text.is_some_and(|text| text.contains("no memory for the adjoints")),
            "{text:?}"
        );
        assert_eq!(x[1].grad(), 0.0);
        PAGES.set(usize::MAX);
        y.backward();
        assert!(x.iter().map(|x| x.grad()).eq(gradient.iter().copied()));
        let _ = y * y; // recorded

        // Nor does a sweep aside leave behind what is no longer there.
        PAGES.set(arena().adjoints.borrow().total);
        std::panic::catch_unwind(|| y.gradients()).unwrap_err();
        assert_eq!(x[1].grad(), 0.0);
        PAGES.set(usize::MAX);
        assert_eq!(y.gradients().wrt(x[1]), 200.0);
    }
}

fn leaf(arena: &Arena) {
    arena
        .tip()
        .push([1.0], Word::new(code::REST, code::LEAF, 0, 0));
}

fn assert_marked(arena: &Arena) {
    arena.tape(|tape| {
        let mut last = Place::START;
        let end = tape.place(tape.end());
        for &mark in tape.marks.iter().chain([&end]) {
            assert!(mark.position - last.position <= BLOCK + SLACK, "{mark:?}");
            assert!(mark.index >= last.index);
            last = mark;
        }
        // Each is between two nodes.
        let mut place = end;
        for mark in tape.marks.iter().rev() {
            place = tape.down_to(place, mark.index);
            assert_eq!(place.position, mark.position);
        }
    });
}

#[test]
fn marks_are_a_block_apart_after_nodes_were_dropped_too() {
    let arena = arena(); // this thread's, which is the test's own
    for nodes in [10, 5000, 100_000, 3000, 40_000] {
        (0..nodes).for_each(|_| leaf(arena));
        assert_marked(arena);
        let places: Vec<Place> = (0..3)
            .map(|k| arena.tape(|tape| tape.place(1 + k * nodes / 3)))
            .collect();
        for &place in places.iter().rev() {
            arena.restart(FIRST_EPOCH, place);
            (0..1500).for_each(|_| leaf(arena));
            assert_marked(arena);
            arena.restart(FIRST_EPOCH, place);
            assert_marked(arena);
        }
    }
    arena.retire(FIRST_EPOCH + 1);
}

#[test]
fn every_index_is_found_from_the_marks() {
    let arena = arena(); // this thread's, which is the test's own
    let near = |arena: &Arena| {
        arena.tip().push([1.0], Word::new(code::ONE, 0, 1, 0));
        arena.tip().push_near();
    };
    for k in 0..9000 {
        match k % 3 {
            0 => leaf(arena),
            _ => near(arena),
        }
    }
    arena.tape(|tape| {
        for index in 1..=tape.end() {
            let place = tape.place(index);
            assert!(place.index == index || place.index == index + 1);
            if place.index == index + 1 {
                assert!(tape.word(place.position).is_near());
            }
            let before = tape.known_before(index);
            assert!(before.index <= index && tape.known(index).index >= index);
        }
    });
    arena.retire(FIRST_EPOCH + 1);
}
