//! Words of a source, and which of them a function or a variable may be called by.

/// Whether a character may be part of a word.
pub(super) fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

pub(super) fn is_identifier(name: &str) -> bool {
    let is_plain = name.is_ascii() && name.chars().all(is_word);
    is_plain && name.starts_with(|c: char| c.is_alphabetic()) && !KEYWORDS.contains(&name)
}

#[rustfmt::skip]
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "crate", "do", "dyn",
    "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop", "macro",
    "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "Self", "static",
    "struct", "super", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use", "virtual",
    "where", "while", "yield",
    // Patterns that a `let` would match.
    "None", "Some", "Ok", "Err",
];
