//! Names in print.

/// Characters of a name in print.
const LONGEST: usize = 32;

/// A name on one line, of a length that a picture or a listing can hold.
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
