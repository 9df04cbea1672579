//! Makes a program that fails smaller, as long as it fails.
//!
//! A change to a program is an [`Edit`], so that a smaller program can be told as its seed and a list of edits: a
//! program that kills its process can only be tried in a process of its own.

use super::program::Action;
use std::fmt;
use std::str::FromStr;

/// A change to the action with this number, which counts the actions in the order in which they are printed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Edit {
    /// Removes the actions from the first number up to the second, and what is inside of them.
    Remove(usize, usize),
    /// Puts in the place of an action what is inside of it.
    Unwrap(usize),
    /// Sets one of the action's counts.
    Set { action: usize, which: usize, count: usize },
}

impl fmt::Display for Edit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Edit::Remove(from, to) => write!(f, "{from}-{to}"),
            Edit::Unwrap(action) => write!(f, "{action}"),
            Edit::Set { action, which, count } => write!(f, "{action}.{which}={count}"),
        }
    }
}

impl FromStr for Edit {
    type Err = std::num::ParseIntError;

    fn from_str(text: &str) -> Result<Edit, Self::Err> {
        if let Some((from, to)) = text.split_once('-') {
            return Ok(Edit::Remove(from.parse()?, to.parse()?));
        }
        if let Ok(action) = text.parse() {
            return Ok(Edit::Unwrap(action));
        }
        let mut numbers = text.split(['.', '=']).map(str::parse);
        let mut number = || numbers.next().unwrap_or("".parse());
        let (action, which, count) = (number()?, number()?, number()?);
        Ok(Edit::Set { action, which, count })
    }
}

/// The program after the edits, each of which counts the actions as the one before left them.
pub fn edited(program: &[Action], edits: &[Edit]) -> Vec<Action> {
    let mut program = program.to_vec();
    for edit in edits {
        apply(&mut program, edit, &mut 0);
    }
    program
}

fn apply(actions: &mut Vec<Action>, edit: &Edit, next: &mut usize) {
    for mut action in std::mem::take(actions) {
        let number = *next;
        *next += 1;
        match *edit {
            Edit::Remove(from, to) if (from..to).contains(&number) => {
                *next += count(action.inner());
                continue;
            }
            Edit::Set { action: at, which, count } if at == number => {
                if let Some(place) = action.counts_mut().into_iter().nth(which) {
                    *place = count;
                }
            }
            _ => (),
        }
        if let Some(inner) = action.inner_mut() {
            apply(inner, edit, next);
        }
        match *edit {
            Edit::Unwrap(at) if at == number => actions.extend_from_slice(action.inner()),
            _ => actions.push(action),
        }
    }
}

/// The number of actions, with those inside of others.
pub fn count(actions: &[Action]) -> usize {
    actions.iter().map(|action| 1 + count(action.inner())).sum()
}

/// The counts of all actions, in the order of their numbers.
fn counts(actions: &[Action]) -> Vec<Vec<usize>> {
    let mut all = Vec::new();
    for action in actions {
        all.push(action.clone().counts_mut().into_iter().map(|count| *count).collect());
        all.extend(counts(action.inner()));
    }
    all
}

/// The edits to a program that fails, after which it is small and still fails.
pub fn shrink(program: &[Action], mut fails: impl FnMut(&[Edit]) -> bool) -> Vec<Edit> {
    let mut edits: Vec<Edit> = Vec::new();
    loop {
        let before = edits.len();
        remove(program, &mut edits, &mut fails);
        unwrap(program, &mut edits, &mut fails);
        reduce(program, &mut edits, &mut fails);
        if edits.len() == before {
            return edits;
        }
    }
}

/// Keeps an edit if the program still fails with it.
fn keeps(edits: &mut Vec<Edit>, edit: Edit, fails: &mut impl FnMut(&[Edit]) -> bool) -> bool {
    edits.push(edit);
    let does_fail = fails(edits);
    if !does_fail {
        edits.pop();
    }
    does_fail
}

/// Removes ranges of actions, long ones first, from the end to the beginning.
fn remove(program: &[Action], edits: &mut Vec<Edit>, fails: &mut impl FnMut(&[Edit]) -> bool) {
    let mut length = count(&edited(program, edits)).next_power_of_two();
    while length > 0 {
        let mut to = count(&edited(program, edits));
        while to > 0 {
            let from = to.saturating_sub(length);
            keeps(edits, Edit::Remove(from, to), fails);
            to = from;
        }
        length /= 2;
    }
}

/// Puts what is inside of actions in their place.
fn unwrap(program: &[Action], edits: &mut Vec<Edit>, fails: &mut impl FnMut(&[Edit]) -> bool) {
    for action in (0..count(&edited(program, edits))).rev() {
        if is_wrapped(&edited(program, edits), action, &mut 0) {
            keeps(edits, Edit::Unwrap(action), fails);
        }
    }
}

/// Whether the action with this number has others inside.
fn is_wrapped(actions: &[Action], number: usize, next: &mut usize) -> bool {
    actions.iter().any(|action| {
        let here = *next;
        *next += 1;
        let is_this = here == number && !action.inner().is_empty();
        is_this || is_wrapped(action.inner(), number, next)
    })
}

/// Halves the counts, or makes them one less.
fn reduce(program: &[Action], edits: &mut Vec<Edit>, fails: &mut impl FnMut(&[Edit]) -> bool) {
    let all = counts(&edited(program, edits));
    for (action, counts) in all.into_iter().enumerate() {
        for (which, mut count) in counts.into_iter().enumerate() {
            let (mut step, set) = (count / 2, |count| Edit::Set { action, which, count });
            while step > 0 {
                if count > step && keeps(edits, set(count - step), fails) {
                    count -= step;
                } else {
                    step /= 2;
                }
            }
        }
    }
}
