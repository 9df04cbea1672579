//! The text of this crate's own functions of plain numbers, as far as a source calls them.

use std::collections::{BTreeMap, BTreeSet};

const TEXTS: [&str; 5] = [
    include_str!("../../special/exponential.rs"),
    include_str!("../../special/gamma.rs"),
    include_str!("../../special/normal.rs"),
    include_str!("../../special/sinc.rs"),
    include_str!("../../special/vector.rs"),
];

/// The module `special` with what `source` uses of it; an error if that needs another crate.
pub(super) fn used_in(source: &str) -> Result<String, String> {
    let items: BTreeMap<&str, String> = TEXTS.iter().flat_map(|text| items(text)).collect();
    let mut used = BTreeSet::new();
    let called = source.match_indices("special::").map(|(at, prefix)| {
        let name = &source[at + prefix.len()..];
        &name[..name.find(|c| !is_word(c)).unwrap_or(name.len())]
    });
    for function in called.collect::<BTreeSet<_>>() {
        let mut wanted = vec![function];
        while let Some(name) = wanted.pop() {
            let Some((&name, text)) = items.get_key_value(name) else {
                continue;
            };
            if text
                .lines()
                .any(|line| !line.starts_with("///") && line.contains("libm::"))
            {
                return Err(format!(
                    "`{function}` needs the crate `libm`, and the source is to need none"
                ));
            }
            if used.insert(name) {
                wanted.extend(
                    text.split(|c| !is_word(c))
                        .filter(|word| items.contains_key(word)),
                );
            }
        }
    }
    if used.is_empty() {
        return Ok(String::new());
    }
    let mut module = String::from(
        "\nmod special {\n    #[allow(unused_imports)]\n    use std::f64::consts::*;\n",
    );
    for name in used {
        module.push('\n');
        for line in items[name].lines() {
            let indent = if line.is_empty() { "" } else { "    " };
            module += &format!("{indent}{line}\n");
        }
    }
    Ok(module + "}\n")
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_'
}

/// The functions and constants of a file, by name, with their doc lines.
fn items(text: &str) -> Vec<(&str, String)> {
    let mut items = Vec::new();
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
        let Some(rest) = declared
            .iter()
            .find_map(|keyword| line.strip_prefix(keyword))
        else {
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
        items.push((name, item));
    }
    items
}
