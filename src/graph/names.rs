//! The printing of names and numbers.

/// The most characters of a name that are printed.
const LONGEST: usize = 32;

/// A number of things, as it is printed: `1 input`, `2 inputs`.
pub(crate) fn counted(count: usize, thing: &str) -> String {
    let plural = if count == 1 { "" } else { "s" };
    format!("{count} {thing}{plural}")
}

/// A name as it is printed, if there is something to see of it.
pub(crate) fn visible(name: &str) -> Option<String> {
    Some(tidy(name)).filter(|name| !name.trim().is_empty())
}

/// A name as it is printed: on one line, and cut if it is long.
pub(crate) fn tidy(name: &str) -> String {
    let plain = |c: char| {
        let unfit = c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}');
        if unfit { ' ' } else { c }
    };
    let mut tidied: String = name.chars().map(plain).take(LONGEST).collect();
    if name.chars().count() > LONGEST {
        tidied.pop();
        tidied.push('…');
    }
    tidied
}
