//! The tests of this module.

use super::functions::ROWS;
use super::kinds::Mix;
use super::print::rust;
use super::program::{Action, Link, Pick};
use super::shrink::{Edit, count, edited, shrink};
use super::{difference, generate};
use crate::{afresh, readme};
use std::collections::BTreeSet;
use std::env;

/// The programs that are run: those of this seed and the next ones.
const PROGRAMS: u64 = 120;

#[test]
fn random_programs_do_on_the_crate_what_they_do_on_the_naive_tape() {
    let first = env::var("MODEL_SEED").map_or(1, |seed| seed.parse().expect("a whole number"));
    for seed in first..first + PROGRAMS {
        let mix = Mix { operations: 2000, ..Mix::default() };
        let run = move |edits: Vec<Edit>| afresh(move || difference(&edited(&generate::program(seed, mix).0, &edits)));
        if run(Vec::new()).is_some() {
            let program = generate::program(seed, mix).0;
            let edits = shrink(&program, |edits| run(edits.to_vec()).is_some());
            let what = run(edits.clone()).unwrap_or_default();
            panic!("MODEL_SEED={seed}: {what}\n{}", rust(&edited(&program, &edits)));
        }
    }
}

#[test]
fn every_operation_of_the_table_has_its_row_here() {
    let of_the_table: BTreeSet<String> = readme::rows().into_iter().map(|row| row.0).collect();
    let here: BTreeSet<String> = ROWS.iter().map(|row| format!("{:?}", row.op)).collect();
    assert_eq!(here, of_the_table);
}

#[test]
fn shrinking_leaves_what_makes_a_program_fail() {
    let is_long = |action: &Action| matches!(action, Action::Chain { n, .. } if *n >= 100);
    fn any(actions: &[Action], is: &impl Fn(&Action) -> bool) -> bool {
        actions.iter().any(|action| is(action) || any(action.inner(), is))
    }
    let mut shrunk = 0;
    for seed in 0..10 {
        let program = generate::program(seed, Mix::default()).0;
        if any(&program, &is_long) {
            let edits = shrink(&program, |edits| any(&edited(&program, edits), &is_long));
            let small = edited(&program, &edits);
            assert_eq!(count(&small), 1, "{small:?}");
            assert!(matches!(small[0], Action::Chain { n: 100, keep: 1, .. }), "{small:?}");
            shrunk += 1;
        }
    }
    assert!(shrunk > 3);
}

#[test]
fn an_edit_is_told_in_words_and_back() {
    let set = Edit::Set { action: 3, which: 1, count: 70 };
    for edit in [Edit::Remove(2, 5), Edit::Unwrap(7), set] {
        assert_eq!(edit.to_string().parse(), Ok(edit));
    }
}

#[test]
fn a_program_is_printed_as_rust() {
    let x = Pick(0, 0);
    let program = [
        Action::Leaves { value: 0.5, n: 1, to: 0 },
        Action::Chain { link: Link::Sine, x, y: x, n: 3, keep: 1, to: 1 },
        Action::Scope(vec![Action::Backward(Pick(1, 2))]),
    ];
    let text = rust(&program);
    for line in [
        "r[0] = (0..1).map(|k| Var::new(0.5 + 0.01 * (k % 37) as f64)).collect::<Vec<Var>>();",
        "for i in 0..3 { s = s.sin();",
        "graph::scope(|| {\n        r[1][2 % r[1].len()].backward();\n    });",
    ] {
        assert!(text.contains(line), "{text}");
    }
}
