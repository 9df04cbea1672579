//! Long programs of all kinds of nodes have the adjoints of the textbook, and read back as they were recorded.

use super::*;

#[test]
fn every_adjoint_of_long_programs_is_that_of_the_textbook() {
    for seed in 0..40 {
        graph::scope(|| {
            let mut numbers = Numbers(seed);
            let steps = [5, 50, 600, 3000][seed as usize % 4];
            let program = Program::record(&mut numbers, steps);
            let last = program.0.len() - 1;
            program.assert_swept(last);
            for _ in 0..6 {
                program.assert_swept(numbers.below(last + 1));
            }
            program.assert_swept(last);
        });
    }
}

#[test]
fn leaves_keep_their_adjoints_when_those_of_intermediates_are_dropped() {
    for seed in 50..70 {
        afresh(move || {
            let mut numbers = Numbers(seed);
            let program = Program::record(&mut numbers, 5000);
            let last = program.0.len() - 1;
            for _ in 0..6 {
                let output = last - numbers.below(last / 2);
                program.0[output].var.backward();
                program.assert_adjoints(output, |k| program.is_leaf(k));
            }
            // An intermediate is asked for.
            program.assert_swept(last);
        });
    }
}

#[test]
fn every_node_of_long_programs_reads_back_as_it_was_recorded() {
    for seed in 100..110 {
        graph::scope(|| {
            let mut numbers = Numbers(seed);
            let mut program = Program::record(&mut numbers, 20);
            for _ in 0..2500 {
                // While the next sum may still fold into it, too.
                program.assert_reads_back(program.0.len() - 1);
                program.step(&mut numbers);
            }
            for _ in 0..500 {
                program.assert_reads_back(numbers.below(program.0.len()));
            }
            (0..program.0.len()).for_each(|k| program.assert_reads_back(k));
        });
    }
}

#[test]
fn what_a_scope_leaves_behind_is_not_read() {
    let mut numbers = Numbers(7);
    let mut outer = Program::record(&mut numbers, 700);
    for round in 0..30 {
        graph::scope(|| {
            let steps = [3, 900, 40][round % 3];
            let inner = Program::record(&mut numbers, steps);
            inner.assert_swept(inner.0.len() - 1);
            inner.assert_reads_back(numbers.below(inner.0.len()));
        });
        outer.step(&mut numbers);
        outer.assert_swept(outer.0.len() - 1);
        (0..40).for_each(|_| outer.assert_reads_back(numbers.below(outer.0.len())));
    }
    graph::clear();
}
