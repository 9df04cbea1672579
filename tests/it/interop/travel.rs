//! With the feature `nalgebra` a handle can be sent to another thread. There it is a number and no more.

use crate::afresh;
use scalargrad::function::Function;
use scalargrad::{Var, graph};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The message of the panic of `f`.
fn panic_of<R>(f: impl FnOnce() -> R) -> String {
    let payload = catch_unwind(AssertUnwindSafe(f)).err().expect("it panics");
    match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast::<&str>().unwrap().to_string(),
    }
}

fn is_foreign(text: &str) -> bool {
    text.starts_with("scalargrad: foreign Var: it was recorded on another thread")
}

/// Handles of another thread: of its first scope, and of one inside.
fn foreign() -> [Var; 2] {
    afresh(|| {
        let x = Var::new(2.0);
        [x, graph::scope(|| Var::new(3.0))]
    })
}

#[test]
fn a_foreign_handle_is_refused_by_a_thread_that_has_recorded_nothing() {
    let x = foreign()[0];
    afresh(move || {
        assert_eq!(x.value(), 2.0);
        assert!(is_foreign(&panic_of(|| x * x)));
        assert_eq!(graph::len(), 0);
    });
    afresh(move || assert!(is_foreign(&panic_of(|| x.grad()))));
    afresh(move || assert!(is_foreign(&panic_of(|| x.backward()))));
    afresh(move || assert!(is_foreign(&panic_of(|| x.sin()))));
    afresh(move || assert!(is_foreign(&panic_of(|| graph::no_grad(|| x + 1.0)))));
}

#[test]
fn a_foreign_handle_is_refused_everywhere() {
    for x in foreign() {
        let own = [Var::new(1.0), Var::new(2.0), Var::new(4.0)];
        assert!(is_foreign(&panic_of(|| own[1] * x)));
        assert!(is_foreign(&panic_of(|| x + own[0])));
        assert!(is_foreign(&panic_of(|| 1.0 - x)));
        assert!(is_foreign(&panic_of(|| scalargrad::dot(&own, &[own[0], x, own[1]]))));
        assert!(is_foreign(&panic_of(|| x.powf(own[0]))));
        assert!(is_foreign(&panic_of(|| x.grad())));
        assert!(is_foreign(&panic_of(|| x.gradients())));
        assert!(is_foreign(&panic_of(|| x.differentiate(&own))));
        assert!(is_foreign(&panic_of(|| (own[0] * own[1]).differentiate(&[x]))));
        assert!(is_foreign(&panic_of(|| (own[0] * own[1]).gradients().wrt(x))));
        assert!(is_foreign(&panic_of(|| x.named("x"))));
        assert!(is_foreign(&panic_of(|| x.to_text())));
        assert!(is_foreign(&panic_of(|| graph::scope(|| x * 2.0))));
        assert!(is_foreign(&panic_of(|| Function::record(&[1.0], |y| y[0] * x))));
        assert_eq!(x.detach() + 1.0, x.value() + 1.0);
        (own[0] * own[1] * own[2]).backward();
        assert_eq!(own.map(Var::grad), [8.0, 4.0, 2.0]);
    }
}

#[test]
fn a_comparison_with_a_foreign_handle_is_one_with_a_number() {
    for x in foreign() {
        let f = Function::record(&[0.75], |y| {
            let z = y[0] * 2.0;
            if z < x { z } else { -z }
        });
        assert_eq!(f.value(&[0.5]).unwrap(), 1.0);
        assert!(f.value(&[5.0]).is_err());
    }
}

#[test]
fn no_two_threads_have_a_scope_of_the_same_number() {
    let ids = |count: usize| move || (0..count).map(|_| graph::scope(|| Var::new(0.0)).id()).collect::<Vec<_>>();
    // More than a block of numbers each, by turns.
    let threads: Vec<_> = (0..3).map(|_| std::thread::spawn(ids(70_000))).collect();
    let mut all: Vec<_> = threads.into_iter().flat_map(|t| t.join().unwrap()).collect();
    all.sort();
    all.dedup();
    assert_eq!(all.len(), 3 * 70_000);
}

#[test]
fn a_handle_that_comes_back_is_what_it_was() {
    let x = Var::new(3.0);
    let there = std::thread::spawn(move || x).join().unwrap();
    (there * there).backward();
    assert_eq!(x.grad(), 6.0);
}

#[test]
fn a_thread_that_begins_without_recording_records_afterwards() {
    afresh(|| {
        let leaf = graph::no_grad(|| Var::new(2.0));
        assert!(graph::no_grad(|| leaf * 2.0).is_constant());
        (leaf * leaf).backward();
        assert_eq!(leaf.grad(), 4.0);
    });
}

/// What `f` returns on another thread.
fn elsewhere<R: Send>(f: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|threads| threads.spawn(f).join().unwrap())
}

#[test]
fn a_comparison_on_another_thread_is_a_guard_of_the_recording() {
    let questions: [fn(Var) -> bool; 5] = [
        |y| y < 0.0,
        |y| 0.0 > y,
        |y| y.total_cmp(&Var::from(0.0)).is_lt(),
        |y| y.partial_cmp(&0.0) == Some(std::cmp::Ordering::Less),
        |y| y.is_sign_negative(),
    ];
    for is_below in questions {
        let f = Function::record(&[0.5], |x| {
            let y = x[0] - 1.0;
            if elsewhere(|| is_below(y)) { x[0] } else { y }
        });
        assert_eq!((f.guards(), f.value(&[0.25]).unwrap()), (1, 0.25));
        assert!(f.value(&[3.0]).is_err());
        assert!(f.frozen_reads().is_empty());
    }
}

#[test]
fn what_another_thread_reads_is_frozen() {
    let reads: [fn(Var) -> String; 5] = [
        |x| x.value().to_string(),
        |x| x.detach().to_string(),
        |x| format!("{x}"),
        |x| f64::from(x).to_string(),
        |x| approx::abs_diff_eq!(x, 1.0, epsilon = 1.0).to_string(),
    ];
    for read in reads {
        let f = Function::record(&[0.5], |x| {
            let y = x[0] * 2.0;
            let length = elsewhere(|| read(y)).len();
            x[0] * length as f64
        });
        assert_eq!((f.frozen_reads().len(), f.guards()), (1, 0), "{f:?}");
        assert_eq!(f.frozen_reads()[0].value(), Some(1.0));
    }
}

#[test]
fn each_recording_gets_what_is_asked_of_its_own_variables() {
    // Two threads record at the same time, and a third one compares the variables of both, those of ended scopes too.
    let (to_third, asked) = std::sync::mpsc::channel::<(Var, std::sync::mpsc::Sender<bool>)>();
    let third = std::thread::spawn(move || {
        let mut questions: Vec<_> = asked.iter().take(2).collect();
        let (b, of_b) = questions.pop().unwrap();
        let (a, of_a) = questions.pop().unwrap();
        let own = Var::new(1.0);
        assert!(own < 2.0);
        let answers = [a < b, a < own];
        of_a.send(answers[0]).unwrap();
        of_b.send(answers[1]).unwrap();
    });
    let record = |start: f64| {
        let to_third = to_third.clone();
        move || {
            Function::record(&[start], move |x| {
                let inner = graph::scope(|| x[0] + 0.0);
                let (back, answer) = std::sync::mpsc::channel();
                to_third.send((inner, back)).unwrap();
                if answer.recv().unwrap() { x[0] } else { -x[0] }
            })
        }
    };
    let threads = [0.5, 0.75].map(|start| std::thread::spawn(record(start)));
    let recorded = threads.map(|thread| thread.join().unwrap());
    third.join().unwrap();
    // One is asked about twice, with its own and with the number that the other one was; the other one once.
    let mut guards = recorded.map(|f| f.guards());
    guards.sort();
    assert_eq!(guards, [1, 2]);
    // Nothing is left for a later recording.
    assert_eq!(Function::record(&[1.0], |x| x[0]).guards(), 0);
}
