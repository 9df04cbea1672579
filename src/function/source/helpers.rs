//! The text of this crate's own functions of plain numbers, as far as a source calls them.

use super::words::is_word;
use std::collections::BTreeMap;

const TEXTS: [&str; 5] = [
    include_str!("../../special/exponential.rs"),
    include_str!("../../special/gamma.rs"),
    include_str!("../../special/normal.rs"),
    include_str!("../../special/sinc.rs"),
    include_str!("../../special/vector.rs"),
];

/// What replaces `refusal::refuse`, as written code panics directly.
const REFUSE: &str = "#[track_caller]\nfn refuse(words: std::fmt::Arguments<'_>) -> ! {\n    panic!(\"{words}\")\n}\n";

/// The module `special` with what `source` uses of it; the name of a function that needs another crate is an error.
pub(super) fn used_in(source: &str) -> Result<String, String> {
    let mut items = BTreeMap::new();
    for text in TEXTS {
        add_items(text, &mut items);
    }
    let mut used = BTreeMap::new();
    let is_called = |name: &&String| source.contains(&format!("special::{name}("));
    for function in items.keys().filter(is_called) {
        let mut wanted = vec![&function[..]];
        while let Some(name) = wanted.pop() {
            let text = &items[name];
            if text.lines().any(|line| !line.starts_with("///") && line.contains("libm::")) {
                return Err(function.clone());
            }
            if used.insert(name.to_string(), text.clone()).is_none() {
                wanted.extend(text.split(|c| !is_word(c)).filter(|&word| items.contains_key(word)));
            }
        }
    }
    if used.is_empty() {
        return Ok(String::new());
    }
    let mut module = String::from("\nmod special {\n    #[allow(unused_imports)]\n    use std::f64::consts::*;\n");
    if used.values().any(|text| text.contains("refuse(")) {
        used.insert("refuse".to_string(), REFUSE.to_string());
    }
    for text in used.values() {
        module.push('\n');
        for line in text.lines() {
            let indent = if line.is_empty() { "" } else { "    " };
            module += &format!("{indent}{line}\n");
        }
    }
    Ok(module + "}\n")
}

/// Adds the functions and constants of a file, by name, with their doc lines.
fn add_items(text: &str, items: &mut BTreeMap<String, String>) {
    let mut docs = String::new();
    let mut lines = text.lines();
    while let Some(line) = lines.next() {
        if line.starts_with("///") {
            // Links lead nowhere there.
            docs += &line.replace("[`", "`").replace("`]", "`");
            docs.push('\n');
            continue;
        }
        let declared = ["pub fn ", "fn ", "const ", "static "];
        let Some(rest) = declared.iter().find_map(|keyword| line.strip_prefix(keyword)) else {
            docs.clear();
            continue;
        };
        let name = &rest[..rest.find(|c| !is_word(c)).unwrap_or(rest.len())];
        let mut item = std::mem::take(&mut docs) + line + "\n";
        let mut last = line;
        while !(matches!(last, "}" | "];" | ");") || last == line && line.ends_with([';', '}'])) {
            let Some(next) = lines.next() else { break };
            item += next;
            item.push('\n');
            last = next;
        }
        items.insert(name.to_string(), item);
    }
}
