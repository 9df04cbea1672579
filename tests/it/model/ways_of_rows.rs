//! The ways in which points are the rows of a function.

use super::story::words;
use super::ways::{ANOTHER_BRANCH, Answer, Closure, Points, in_words, second, told};
use scalargrad::function::{Function, Recorder, ReplayError};
use scalargrad::{Matrix, Var, graph};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// The values of all rows, their gradients, and the sums of both where there is one output.
type OfRows = (Vec<f64>, Matrix, Option<(f64, Vec<f64>)>);

/// Whether two sums of terms of the size `size` are the same but for rounding.
fn agree(a: &[f64], b: &[f64], size: f64) -> bool {
    let near = |(a, b): (&f64, &f64)| a == b || (a - b).abs() <= 1e-9 * size || !b.is_finite();
    a.len() == b.len() && a.iter().zip(b).all(near)
}

/// Each row by itself; words instead if the sums are not those of the rows.
fn split(at: &Points, (values, gradients, sums): OfRows) -> Result<Vec<[Vec<f64>; 2]>, String> {
    let (n, rows, gradients) = (at.recorded.len(), at.called.len(), gradients.as_slice());
    let outputs = values.len() / rows.max(1);
    if let Some((sum, gradient)) = sums {
        let total = |column: usize| gradients.iter().skip(column).step_by(n).sum::<f64>();
        let expected: Vec<f64> = (0..at.shared).map(total).chain([values.iter().sum()]).collect();
        let size = gradients.iter().chain(&values).map(|x| x.abs()).sum::<f64>();
        let found: Vec<f64> = gradient.into_iter().chain([sum]).collect();
        if !agree(&found, &expected, size) {
            return Err(format!("the sums are {found:?}, those of the rows {expected:?}"));
        }
    }
    let row = |k: usize| {
        let (values, gradients) = (&values[k * outputs..], &gradients[k * outputs * n..]);
        [values[..outputs].to_vec(), gradients[..outputs * n].to_vec()]
    };
    Ok((0..rows).map(row).collect())
}

/// The answers of rows; those that take another branch are told of, and left out the second time.
pub fn answers(f: &Function, at: &Points, run: impl Fn(&Points) -> Result<OfRows, ReplayError>) -> Vec<Answer> {
    let leaves: Vec<usize> = match run(at) {
        Ok(_) => vec![],
        Err(ReplayError::BranchChangedInRows(change)) => change.rows().to_vec(),
        // Compiled rows tell of the first alone.
        Err(_) => {
            let leaves = |&k: &usize| f.values(&at.called[k]).is_err();
            (0..at.called.len()).filter(leaves).collect()
        }
    };
    let others = (0..at.called.len()).filter(|k| !leaves.contains(k)).map(|k| at.called[k].clone());
    let others = Points { called: others.collect(), ..at.clone() };
    let rows = match run(&others).map(|of_rows| split(&others, of_rows)) {
        Ok(Ok(rows)) => rows,
        Ok(Err(words)) => return vec![Err(in_words(words))],
        Err(error) => return vec![Err(in_words(format!("the rows that are left: {error}")))],
    };
    let mut rows = rows.into_iter();
    let answer = |(k, x): (usize, &Vec<f64>)| {
        if leaves.contains(&k) {
            return Err(in_words(ANOTHER_BRANCH));
        }
        let [values, gradients] = rows.next().ok_or_else(|| in_words("there is no such row"))?;
        Ok([values, gradients, second(f, x).map_err(told)?])
    };
    at.called.iter().enumerate().map(answer).collect()
}

pub fn of_rows(f: Closure<'_>, at: &Points) -> Vec<Answer> {
    let f = at.function(f);
    let rows = f.over_rows(at.shared).on_progress(|_, _| {
        graph::scope(|| Var::new(0.5) * 2.0);
    });
    clears_in_progress(&f, at);
    answers(&f, at, |at| {
        let (values, gradients) = rows.gradients(at.shared(), &at.data())?;
        if f.outputs() != 1 {
            return Ok((values, gradients, None));
        }
        let sums = rows.sum_gradient(at.shared(), &at.data())?;
        let sum = rows.sum(at.shared(), &at.data())?;
        assert!(sum == sums.0 || sum.is_nan() && sums.0.is_nan(), "{sum} {sums:?}");
        Ok((values, gradients, Some(sums)))
    })
}

/// Runs the rows with a callback that clears the graph, on a thread whose graph holds a variable. That is refused, and both can
/// be used afterwards.
fn clears_in_progress(f: &Function, at: &Points) {
    let run = || {
        let x = Var::new(0.5);
        let rows = f.over_rows(at.shared);
        let expected = rows.values(at.shared(), &at.data());
        let rows = rows.on_progress(|_, _| graph::clear());
        let run = || rows.gradients(at.shared(), &at.data());
        if let Err(payload) = catch_unwind(AssertUnwindSafe(run)) {
            let words = words(payload);
            assert!(words.contains("the progress callback dropped"), "{words}");
            assert!(catch_unwind(|| x * x).is_err() && graph::len() == 0);
        }
        let y = Var::new(3.0);
        (y * y).backward();
        assert_eq!(y.grad(), 6.0);
        let rows = rows.on_progress(|_, _| ());
        let again = rows.values(at.shared(), &at.data());
        assert_eq!(format!("{again:?}"), format!("{expected:?}"));
    };
    std::thread::scope(|threads| threads.spawn(run).join()).unwrap_or_else(|payload| {
        panic!("a callback that clears: {}", words(payload));
    });
}

/// Each row by the recording of its branch.
pub fn recorded_rows(f: Closure<'_>, at: &Points) -> Vec<Answer> {
    let mut recorder = Recorder::new(f);
    let outputs = recorder.values(&at.recorded).len();
    let mut rows = recorder.over_rows(at.shared, at.recorded.len() - at.shared);
    let (values, gradients) = rows.gradients(at.shared(), &at.data());
    let sums = (outputs == 1).then(|| rows.sum_gradient(at.shared(), &at.data()));
    let rows = match split(at, (values, gradients, sums)) {
        Ok(rows) => rows,
        Err(words) => return vec![Err(in_words(words))],
    };
    let answer = |([values, gradients], x): ([Vec<f64>; 2], &Vec<f64>)| {
        Ok([values, gradients, recorder.with(x, |f| second(f, x))])
    };
    rows.into_iter().zip(&at.called).map(answer).collect()
}
