//! The ways in which a recorded function can be called. Each gives the same at every point: values, bit for bit, and derivatives.

use super::product::CLEARS;
use super::story::{Fact, Heard, words};
use super::ways_of_rows::{of_rows, recorded_rows};
use scalargrad::function::{Function, Recorder, ReplayError};
use scalargrad::{Matrix, Var};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Mutex;

/// What a function gives at a point: its values, its Jacobian, its Hessian if that is asked for; or words, if it gives nothing.
pub type Answer = Result<[Vec<f64>; 3], Heard>;

/// A closure that is recorded.
pub type Closure<'a> = &'a dyn Fn(&[Var]) -> Vec<Var>;

/// Where a function is recorded, and where it is called.
#[derive(Clone, Debug, PartialEq)]
pub struct Points {
    pub recorded: Vec<f64>,
    pub called: Vec<Vec<f64>>,
    /// How many of the first inputs are the same at all points.
    pub shared: usize,
}

macro_rules! ways {
    ($($Way:ident $($records_anew:ident)?, $answers:path, $phrase:literal;)*) => {
        #[derive(Clone, Copy, Debug, PartialEq)]
        pub enum Way { $($Way),* }

        impl Way {
            pub const ALL: &[Way] = &[$(Way::$Way),*];

            /// Whether it records the closure once more where a comparison goes another way.
            pub fn records_anew(self) -> bool {
                match self { $(Way::$Way => [$(stringify!($records_anew),)? ""].len() > 1),* }
            }

            /// The answers of the closure at all points.
            pub fn answers(self, f: Closure<'_>, at: &Points) -> Vec<Answer> {
                match self { $(Way::$Way => $answers(f, at)),* }
            }

            /// The same as Rust, of the closure `f` and of `recorded`, `called` and `shared`.
            pub fn phrase(self) -> &'static str {
                match self { $(Way::$Way => $phrase),* }
            }
        }
    };
}

ways! {
    Called, called, "let f = Function::record(&recorded, f); for x in &called { dbg!(f.values(x), f.jacobian(x)); }";
    Saved, saved, "let f = Function::record(&recorded, f); \
        let f: Function = serde_json::from_str(&serde_json::to_string(&f).unwrap()).unwrap(); \
        for x in &called { dbg!(f.values(x), f.jacobian(x)); }";
    Products, products, "let f = Function::record(&recorded, f); \
        for x in &called { dbg!(f.jvp(x, &[1.0, 0.0, 0.0][..x.len()]), f.hvp(x, &[1.0, 0.0, 0.0][..x.len()])); }";
    Sparse, sparse, "let f = Function::record(&recorded, f); \
        for x in &called { dbg!(f.sparse_jacobian(x), f.sparse_hessian(x)); }";
    OnThreads, on_threads, "let f = Function::record(&recorded, f); \
        std::thread::scope(|s| for x in &called { s.spawn(|| dbg!(f.values(x), f.jacobian(x))); });";
    Forgotten, forgotten, "let f = Function::record(&recorded, f); \
        for x in &called { dbg!(f.values(x), f.jacobian(x)); } std::mem::forget(f);";
    OfRows, of_rows, "let f = Function::record(&recorded, f); \
        let data = called.iter().flat_map(|x| x[shared..].to_vec()).collect::<Vec<_>>(); \
        dbg!(f.over_rows(shared).gradients(&recorded[..shared], &data), f.over_rows(shared).sum_gradient(&recorded[..shared], &data));";
    Recorded records_anew, recorded, "let mut f = function::Recorder::new(f); f.values(&recorded); \
        for x in &called { dbg!(f.values(x), f.with(x, |f| f.jacobian(x))); }";
    RecordedRows records_anew, recorded_rows, "let mut f = function::Recorder::new(f); f.values(&recorded); \
        let data = called.iter().flat_map(|x| x[shared..].to_vec()).collect::<Vec<_>>(); \
        dbg!(f.over_rows(shared, recorded.len() - shared).gradients(&recorded[..shared], &data));";
    Compiled, compiled, "let f = Function::record(&recorded, f).compile().unwrap(); \
        for x in &called { dbg!(f.values(x), f.jacobian(x)); }";
    CompiledRows, compiled_rows, "let f = Function::record(&recorded, f).compile().unwrap().over_rows(shared).unwrap(); \
        for x in &called { dbg!(f.gradients(&x[..shared], &x[shared..]), f.sum_gradient(&x[..shared], &x[shared..])); }";
}

impl Points {
    /// The closure, recorded.
    pub fn function(&self, f: Closure<'_>) -> Function {
        Function::record(&self.recorded, f)
    }

    /// What is not shared, of all points.
    pub fn data(&self) -> Vec<f64> {
        let row = |x: &Vec<f64>| x[self.shared..].to_vec();
        self.called.iter().flat_map(row).collect()
    }

    pub fn shared(&self) -> &[f64] {
        &self.recorded[..self.shared]
    }
}

pub fn told(error: ReplayError) -> Heard {
    match error {
        ReplayError::BranchChanged(_) | ReplayError::BranchChangedInRows(_) => in_words(ANOTHER_BRANCH),
        error => in_words(error.to_string()),
    }
}

pub fn in_words(words: impl Into<String>) -> Heard {
    Heard::Fact(Fact::Words(words.into()))
}

/// The answer where a comparison goes another way.
pub const ANOTHER_BRANCH: &str = "another branch";

pub fn numbers(matrix: Matrix) -> Vec<f64> {
    matrix.as_slice().to_vec()
}

/// The Hessian, where there is one output.
pub fn second(f: &Function, x: &[f64]) -> Result<Vec<f64>, ReplayError> {
    match f.outputs() {
        1 => Ok(numbers(f.hessian(x)?)),
        _ => Ok(vec![]),
    }
}

pub fn at_a_point(f: &Function, x: &[f64]) -> Result<[Vec<f64>; 3], ReplayError> {
    let values = f.values(x)?;
    let jacobian = match f.outputs() {
        1 => {
            let (value, gradient) = f.gradient(x)?;
            let mut filled = vec![f64::NAN; x.len()];
            assert_eq!(f.gradient_into(x, &mut filled)?.to_bits(), value.to_bits());
            assert_eq!(format!("{filled:?}"), format!("{gradient:?}"));
            gradient
        }
        _ => numbers(f.jacobian(x)?),
    };
    Ok([values, jacobian, second(f, x)?])
}

/// Whether the pictures of a function are whole.
fn is_drawn(f: &Function) -> bool {
    let is_svg = |text: String| text.starts_with("<svg") && text.ends_with("</svg>\n");
    let is_dot = |text: String| text.starts_with("digraph") && text.ends_with("}\n");
    is_svg(f.picture().to_svg())
        && is_dot(f.picture().to_dot())
        && !f.picture().to_text().is_empty()
        && f.to_string().starts_with("function of")
        && (f.operations() > 300 || is_svg(f.picture().unfolded().to_svg()))
}

/// The answer at each point by itself.
pub fn each(at: &Points, mut answer: impl FnMut(&[f64]) -> Result<[Vec<f64>; 3], ReplayError>) -> Vec<Answer> {
    at.called.iter().map(|x| answer(x).map_err(told)).collect()
}

fn called(f: Closure<'_>, at: &Points) -> Vec<Answer> {
    let f = at.function(f);
    assert!(is_drawn(&f), "{f}");
    each(at, |x| at_a_point(&f, x))
}

fn saved(f: Closure<'_>, at: &Points) -> Vec<Answer> {
    let f = at.function(f);
    #[cfg(feature = "serde")]
    let f: Function = match serde_json::to_string(&f) {
        Ok(text) => serde_json::from_str(&text).expect("it was saved just now"),
        Err(_) => f, // an operation of the user's own cannot be saved
    };
    each(at, |x| at_a_point(&f, x))
}

fn unit(n: usize, k: usize) -> Vec<f64> {
    (0..n).map(|i| f64::from(u8::from(i == k))).collect()
}

/// The entries of a matrix that is given by columns.
fn transposed(columns: &[Vec<f64>]) -> Vec<f64> {
    let rows = columns.first().map_or(0, Vec::len);
    (0..rows).flat_map(|i| columns.iter().map(move |column| column[i])).collect()
}

/// Column by column, and row by row.
fn products(f: Closure<'_>, at: &Points) -> Vec<Answer> {
    let f = at.function(f);
    let (n, m) = (f.inputs(), f.outputs());
    each(at, |x| {
        let columns = (0..n).map(|k| Ok(f.jvp(x, &unit(n, k))?.1));
        let jacobian = transposed(&columns.collect::<Result<Vec<_>, _>>()?);
        let hessian = match m {
            1 => (0..n).map(|k| f.hvp(x, &unit(n, k))).collect::<Result<Vec<_>, _>>()?.concat(),
            _ => (0..m).map(|k| f.vjp(x, &unit(m, k)).map(|_| vec![])).collect::<Result<Vec<_>, _>>()?.concat(),
        };
        Ok([f.values(x)?, jacobian, hessian])
    })
}

fn sparse(f: Closure<'_>, at: &Points) -> Vec<Answer> {
    let f = at.function(f);
    each(at, |x| {
        let jacobian = numbers(f.sparse_jacobian(x)?.to_dense());
        let hessian = match f.outputs() {
            1 => numbers(f.sparse_hessian(x)?.to_dense()),
            _ => vec![],
        };
        Ok([f.values(x)?, jacobian, hessian])
    })
}

/// All points at once, each on a thread of its own.
fn on_threads(f: Closure<'_>, at: &Points) -> Vec<Answer> {
    let f = &at.function(f);
    std::thread::scope(|scope| {
        let answer = |x: &Vec<f64>| {
            let x = x.clone();
            scope.spawn(move || at_a_point(f, &x).map_err(told))
        };
        let threads: Vec<_> = at.called.iter().map(answer).collect();
        threads.into_iter().map(|thread| thread.join().expect("it does not panic")).collect()
    })
}

/// Forgets a thing, as `std::mem::forget` does: its destructor never runs. Some hundred only; then they are dropped. The
/// addresses are kept, or a leak checker would report them.
pub fn forget<T>(thing: T) {
    static FORGOTTEN: Mutex<Vec<usize>> = Mutex::new(Vec::new());
    let mut forgotten = FORGOTTEN.lock().expect("nothing panics here");
    if forgotten.len() < 300 {
        forgotten.push(std::ptr::from_mut(Box::leak(Box::new(thing))).expose_provenance());
    }
}

fn forgotten(f: Closure<'_>, at: &Points) -> Vec<Answer> {
    let f = at.function(f);
    let answers = each(at, |x| at_a_point(&f, x));
    forget(f);
    answers
}

/// Each branch by a recording of its own.
fn recorded(f: Closure<'_>, at: &Points) -> Vec<Answer> {
    let mut recorder = Recorder::new(f);
    recorder.values(&at.recorded);
    let (clears, mut answers) = (CLEARS.get(), Vec::new());
    for x in &at.called {
        if CLEARS.get() != clears {
            break; // what was captured is gone
        }
        let answer = catch_unwind(AssertUnwindSafe(|| {
            [recorder.values(x), numbers(recorder.with(x, |f| f.jacobian(x))), recorder.with(x, |f| second(f, x))]
        }));
        answers.push(answer.map_err(|payload| Heard::Panic(words(payload))));
    }
    answers
}

#[cfg(not(feature = "jit"))]
use called as compiled;
#[cfg(not(feature = "jit"))]
use of_rows as compiled_rows;

#[cfg(feature = "jit")]
fn compiled(f: Closure<'_>, at: &Points) -> Vec<Answer> {
    let f = at.function(f);
    let compiled = f.compile().expect("it is not too large");
    each(at, |x| {
        let jacobian = match f.outputs() {
            1 => compiled.gradient(x)?.1,
            _ => numbers(compiled.jacobian(x)?),
        };
        Ok([compiled.values(x)?, jacobian, second(&f, x)?])
    })
}

#[cfg(feature = "jit")]
fn compiled_rows(f: Closure<'_>, at: &Points) -> Vec<Answer> {
    let f = at.function(f);
    if f.outputs() != 1 {
        return each(at, |x| at_a_point(&f, x));
    }
    let rows = f.compile().and_then(|f| f.over_rows(at.shared)).expect("it is not too large");
    super::ways_of_rows::answers(&f, at, |at| {
        let (values, gradients) = rows.gradients(at.shared(), &at.data())?;
        let sums = rows.sum_gradient(at.shared(), &at.data())?;
        assert_eq!(rows.values(at.shared(), &at.data()).map(|z| format!("{z:?}")), Ok(format!("{values:?}")));
        Ok((values, gradients, Some(sums)))
    })
}
