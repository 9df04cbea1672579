//! The user's own operations in rows.

use super::{check, numbers};
use scalargrad::{CustomOp, Function, Var};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Counts how often its value and its rule are asked for.
struct Counter(Arc<[AtomicUsize; 2]>);

impl CustomOp for Counter {
    fn value(&self, x: &[f64]) -> f64 {
        assert!(x[0] >= 0.0, "below zero");
        self.0[0].fetch_add(1, Ordering::Relaxed);
        x[0] * x[0] * x[1]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        self.0[1].fetch_add(1, Ordering::Relaxed);
        vec![2.0 * x[0] * x[1], x[0] * x[0]]
    }
}

fn counted(f: impl FnOnce(Counter) -> Function) -> (Function, Arc<[AtomicUsize; 2]>) {
    let counts = Arc::new([const { AtomicUsize::new(0) }; 2]);
    let f = f(Counter(counts.clone()));
    counts.iter().for_each(|count| count.store(0, Ordering::Relaxed));
    (f, counts)
}

fn take(counts: &[AtomicUsize; 2]) -> [usize; 2] {
    [0, 1].map(|k| counts[k].swap(0, Ordering::Relaxed))
}

#[test]
fn a_custom_operation_is_asked_once_for_each_row() {
    let (f, counts) =
        counted(|counter| Function::record(&[1.0, 2.0, 1.0], |x| Var::apply(counter, &[x[1], x[0] * x[2]]) * x[2]));
    let data = numbers(22).iter().map(|x| x + 1.5).collect::<Vec<_>>();
    check(&f, &[2.0], &data);
    take(&counts);
    f.over_rows(1).values(&[2.0], &data).unwrap();
    assert_eq!(take(&counts), [11, 0]);
    f.over_rows(1).sum_gradient(&[2.0], &data).unwrap();
    assert_eq!(take(&counts), [11, 11]);
}

#[test]
fn what_depends_on_no_row_is_computed_once() {
    let (f, counts) =
        counted(|counter| Function::record(&[1.0, 2.0, 1.0], |x| Var::apply(counter, &[x[0], x[1]]) * x[2]));
    f.over_rows(2).sum_gradient(&[2.0, 3.0], &numbers(100)).unwrap();
    assert_eq!(take(&counts), [1, 1]);
}

#[test]
fn a_row_whose_guard_trips_computes_nothing_more() {
    let (f, counts) = counted(|counter| {
        Function::record(&[1.0, 2.0], |x| if x[1] < 0.0 { x[1] } else { Var::apply(counter, &[x[1], x[0]]) })
    });
    // The operation would panic below zero.
    assert!(f.over_rows(1).values(&[1.0], &[1.0, -1.0, 2.0]).is_err());
    assert_eq!(take(&counts), [2, 0]);
    assert!(f.over_rows(1).values(&[1.0], &[-1.0, -2.0]).is_err());
    assert_eq!(take(&counts), [0, 0]);
}

#[test]
fn a_panic_in_a_row_leaves_nothing_behind() {
    let (f, _) = counted(|counter| Function::record(&[1.0, 2.0], |x| Var::apply(counter, &[x[1], x[0]]) * x[0]));
    let rows = f.over_rows(1);
    let before = rows.sum_gradient(&[2.0], &[1.0, 2.0, 3.0]).unwrap();
    let panics = catch_unwind(AssertUnwindSafe(|| rows.sum_gradient(&[2.0], &[1.0, -2.0, 3.0])));
    assert!(panics.is_err());
    assert_eq!(rows.sum_gradient(&[2.0], &[1.0, 2.0, 3.0]).unwrap(), before);
}

/// Its rule does not bear to be asked where nothing is given to it.
struct Asked(Arc<AtomicUsize>);

impl CustomOp for Asked {
    fn value(&self, x: &[f64]) -> f64 {
        x[0] * x[0]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        self.0.fetch_add(1, Ordering::Relaxed);
        assert!(x[0].value() >= 0.0, "asked where nothing is given");
        vec![2.0 * x[0]]
    }
}

#[test]
fn a_rule_is_asked_only_in_rows_that_give_something_to_its_result() {
    let count = Arc::new(AtomicUsize::new(0));
    let asked = count.clone();
    let f = Function::record(&[2.0, 1.0], |x| {
        let square = Var::apply(Asked(asked.clone()), &[x[1]]);
        // Nothing comes through the infinite factor either.
        (square * x[1].recip().powi(2)).max(x[0]) + x[0] * square.relu() * x[1].gt_mask(0.0)
    });
    count.store(0, Ordering::Relaxed);
    let data: Vec<f64> = (0..40).map(|k| [1.5, 0.0, -1.5, 1.5][k % 4]).collect();
    let expected: Vec<f64> = data.iter().flat_map(|&x| f.gradient(&[2.0, x]).unwrap().1).collect();
    let of_replays = count.swap(0, Ordering::Relaxed);
    let (_, gradients) = f.over_rows(1).gradients(&[2.0], &data).unwrap();
    assert_eq!(gradients.as_slice(), expected);
    assert_eq!(count.swap(0, Ordering::Relaxed), of_replays);
    f.over_rows(1).sum_gradient(&[2.0], &data).unwrap();
    assert_eq!(count.swap(0, Ordering::Relaxed), of_replays);
}

#[test]
fn a_closure_that_is_not_the_same_each_time_is_refused_and_not_recorded_for_ever() {
    /// Changes its sign from call to call.
    struct Fickle(AtomicUsize);
    impl CustomOp for Fickle {
        fn value(&self, x: &[f64]) -> f64 {
            let calls = self.0.fetch_add(1, Ordering::Relaxed);
            assert!(calls < 1000, "it is called for ever");
            if calls.is_multiple_of(2) { x[0] } else { -x[0] }
        }
        fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
            vec![Var::from(1.0)]
        }
    }
    for is_fast in [false, true] {
        let mut recorder = scalargrad::function::Recorder::new(|x: &[Var]| {
            let y = Var::apply(Fickle(AtomicUsize::new(0)), x);
            if y < 0.0 { -y } else { y }
        });
        let run = || recorder.over_rows(0, 1).fast_math(is_fast).values(&[], &[1.0]);
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(_) => assert!(is_fast),
            Err(panic) => {
                let text = panic.downcast_ref::<String>().expect("it is refused in words");
                assert!(text.contains("is not the same each time"), "{text}");
            }
        }
    }
}

/// A thread that waits for another one runs other tasks of the pool meanwhile. That is arranged here: one thread is in the middle of a
/// task of the user's and waits for rows, of which the second half waits for another task of the user's.
#[test]
#[cfg(feature = "rayon")]
fn what_a_thread_runs_while_it_waits_for_rows_does_not_change_what_it_is_in_the_middle_of() {
    use scalargrad::{anomaly, graph};
    use std::sync::atomic::AtomicBool;
    use std::sync::mpsc::channel;
    use std::time::{Duration, Instant};
    #[derive(Default)]
    struct Steps {
        has_begun: AtomicBool,
        is_stolen: AtomicBool,
        other_is_done: AtomicBool,
    }
    fn wait_for(flag: &AtomicBool) {
        let began = Instant::now();
        while !flag.load(Ordering::SeqCst) {
            assert!(began.elapsed() < Duration::from_secs(30), "no thread has taken over the second half");
            std::thread::yield_now();
        }
    }
    struct Waits(Arc<Steps>, f64);
    impl CustomOp for Waits {
        fn value(&self, x: &[f64]) -> f64 {
            if x[0] == 0.0 {
                self.0.has_begun.store(true, Ordering::SeqCst);
                wait_for(&self.0.is_stolen);
            } else if x[0] == self.1 {
                self.0.is_stolen.store(true, Ordering::SeqCst);
                wait_for(&self.0.other_is_done);
            }
            x[0]
        }
        fn partials(&self, _: &[Var], _: Var) -> Vec<Var> {
            vec![Var::from(1.0)]
        }
    }
    const ROWS: usize = 300_000;
    let data: Vec<f64> = (0..ROWS).map(|k| k as f64).collect();
    type Task = fn(&dyn Fn()) -> bool;
    let tasks: [Task; 3] = [
        |rows| {
            let x = Var::new(3.0);
            (x * x).backward();
            rows();
            x.grad() == 6.0
        },
        |rows| {
            graph::no_grad(rows);
            true
        },
        |rows| anomaly::detect(rows).is_ok(),
    ];
    for task in tasks {
        let steps = Arc::new(Steps::default());
        let waits = Waits(steps.clone(), (ROWS - 1) as f64);
        let rows = Function::record(&[-1.0], |x| Var::apply(waits, x)).over_rows(0);
        let pool = rayon::ThreadPoolBuilder::new().num_threads(2).build().unwrap();
        let (told, results) = channel();
        let (data, first, tell) = (data.clone(), steps.clone(), told.clone());
        pool.spawn(move || tell.send(graph::scope(|| task(&|| _ = rows.sum(&[], &data).unwrap()))).unwrap());
        pool.spawn(move || wait_for(&first.has_begun)); // then it takes over the second half
        wait_for(&steps.has_begun);
        pool.spawn(move || {
            let slope = graph::scope(|| {
                let y = Var::new(0.0);
                (y.sqrt() + y).backward();
                y.grad()
            });
            assert!(anomaly::detect(|| Var::new(0.0).sqrt().backward()).is_err());
            steps.other_is_done.store(true, Ordering::SeqCst);
            told.send(slope == f64::INFINITY).unwrap();
        });
        let results: Vec<bool> = results.iter().collect();
        assert_eq!(results, [true; 2]);
    }
}
