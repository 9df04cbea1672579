//! What a side tells while it runs a program, and whether the crate tells what the model told.

use std::cell::RefCell;
use std::panic;
use std::sync::Once;

/// Why something could not be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Refusal {
    /// A stale handle of a scope that has ended.
    Ended,
    /// A stale handle of a graph that was cleared.
    Cleared,
    /// A handle of another thread.
    Foreign,
    /// A panic with these words in it.
    Words(&'static str),
    /// The program's own panic.
    Panic,
}

pub type Told<R> = Result<R, Refusal>;

impl Refusal {
    /// Whether a panic of the crate says this.
    fn is_said_by(&self, words: &str) -> bool {
        if words.starts_with(AT_A_LINE_OF_THE_CRATE) {
            return false;
        }
        let is_forgotten = words.contains("has ended, or `graph::clear` dropped it");
        match self {
            Refusal::Ended => {
                words.starts_with("scalargrad: stale Var")
                    && (is_forgotten || words.contains("has ended, that of the closure at"))
            }
            Refusal::Cleared => {
                words.starts_with("scalargrad: stale Var")
                    && (is_forgotten || words.contains("was dropped by `graph::clear` at"))
            }
            Refusal::Foreign => words.starts_with("scalargrad: foreign Var"),
            Refusal::Words(expected) => words.contains(expected),
            Refusal::Panic => words == PANIC,
        }
    }
}

/// The payload of the program's own panics.
pub const PANIC: &str = "a panic of the program";

/// What a panic says that does not name the user's line.
const AT_A_LINE_OF_THE_CRATE: &str = "at a line of the crate, ";

thread_local! {
    /// Where the last panic of this thread was.
    static PLACE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// Notes from now on where each panic is.
pub fn note_places() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            let place = info.location().map(|at| at.to_string());
            PLACE.set(place.unwrap_or_default());
            before(info);
        }));
    });
}

/// What the last panic says.
pub fn words(payload: Box<dyn std::any::Any + Send>) -> String {
    let words = match payload.downcast::<String>() {
        Ok(text) => *text,
        Err(payload) => payload.downcast_ref::<&str>().unwrap_or(&"no text").to_string(),
    };
    let place = PLACE.take();
    match place.starts_with("src/") && words != PANIC {
        true => format!("{AT_A_LINE_OF_THE_CRATE}{place}: {words}"),
        false => words,
    }
}

pub fn panic_of_the_program() -> ! {
    panic::resume_unwind(Box::new(PANIC))
}

#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// A value, bit for bit.
    Value(f64),
    /// A derivative, and what its rounding is relative to.
    Slope(f64, f64),
    Count(usize),
    Words(String),
    Holds(bool),
    Several(Vec<Fact>),
    Refused(Refusal),
    /// What the model does not know.
    Anything,
    /// The model cannot tell what happens here, and so nothing of what comes after it.
    End,
}

/// What the crate did, in the place of a [`Fact`].
#[derive(Clone, Debug)]
pub enum Heard {
    Fact(Fact),
    Panic(String),
}

/// The largest error of a derivative, relative to its contributions.
const TOLERANCE: f64 = 1e-8;

impl Fact {
    fn agrees_with(&self, heard: &Heard) -> bool {
        match (self, heard) {
            (Fact::Anything, _) => true,
            (Fact::Several(expected), Heard::Fact(Fact::Several(facts))) => {
                expected.len() == facts.len()
                    && (expected.iter().zip(facts)).all(|(a, b)| a.agrees_with(&Heard::Fact(b.clone())))
            }
            (Fact::Refused(refusal), Heard::Panic(words)) => refusal.is_said_by(words),
            (Fact::Value(a), Heard::Fact(Fact::Value(b))) => a.to_bits() == b.to_bits() || a.is_nan() && b.is_nan(),
            (&Fact::Slope(a, size), &Heard::Fact(Fact::Slope(b, _) | Fact::Value(b))) => {
                // Where contributions overflow, nothing can be said of their rounding, and whether an infinite sum is
                // infinity or no number depends on the order.
                let is_near = (a - b).abs() <= TOLERANCE * size + 1e-280;
                let is_unknown = size.is_nan();
                match a.is_finite() {
                    _ if is_unknown => true,
                    true => is_near || !size.is_finite(),
                    false => !b.is_finite(),
                }
            }
            (expected, Heard::Fact(fact)) => expected == fact,
            _ => false,
        }
    }
}

/// The model's facts in order, and how far the crate has come.
#[derive(Default)]
pub struct Story {
    facts: Vec<Fact>,
    next: usize,
    /// What is heard, if it is only to be kept.
    pub kept: Option<Vec<Heard>>,
    /// The first thing in which the sides differ.
    pub difference: Option<String>,
    /// Whether it says already what was being done.
    is_located: bool,
}

impl Story {
    pub fn of(facts: Vec<Fact>) -> Story {
        Story { facts, ..Story::default() }
    }

    /// A story that is told to another one later.
    pub fn keeping() -> Story {
        Story { kept: Some(Vec::new()), ..Story::default() }
    }

    /// Compares the next fact.
    pub fn hear(&mut self, heard: Heard) {
        if let Some(kept) = &mut self.kept {
            return kept.push(heard);
        }
        let expected = self.facts.get(self.next).unwrap_or(&Fact::Anything);
        if self.difference.is_some() || *expected == Fact::End {
            return;
        }
        if !expected.agrees_with(&heard) {
            self.difference = Some(format!("expected {expected:?}, the crate: {heard:?}"));
        }
        self.next += 1;
    }

    /// Adds to a difference what was being done.
    pub fn locate(&mut self, what: &dyn std::fmt::Debug) {
        if let Some(difference) = &mut self.difference
            && !std::mem::replace(&mut self.is_located, true)
        {
            let what: String = format!("{what:?}").chars().take(300).collect();
            *difference = format!("{difference}, in {what}");
        }
    }

    /// What the crate should have told and did not.
    pub fn missing(&self) -> Option<String> {
        let missing = self.facts.get(self.next).filter(|fact| **fact != Fact::End)?;
        Some(format!("the crate did not tell {missing:?}"))
    }
}
