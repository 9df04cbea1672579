//! What the tests of the crate do not see: where marks are.

use super::*;

fn leaf(arena: &Arena) {
    arena.push([1.0], Word::new(code::REST, code::LEAF, 0, 0));
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
        arena.push([1.0], Word::new(code::ONE, 0, 1, 0));
        arena.push_near();
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
