//! The printing of names.

/// The most characters of a name that are printed.
const LONGEST: usize = 32;

/// A name as it is printed: on one line, and cut if it is long.
pub(crate) fn tidy(name: &str) -> String {
    let plain = |c: char| {
        let unfit =
            c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{fffe}' | '\u{ffff}');
        if unfit { ' ' } else { c }
    };
    let mut tidied: String = name.chars().map(plain).take(LONGEST).collect();
    if name.chars().count() > LONGEST {
        tidied.pop();
        tidied.push('…');
    }
    tidied
}
