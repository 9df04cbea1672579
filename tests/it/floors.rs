//! The order of the rooms: a file imports from the rooms above its own in the map, and no circle leads back to it.

use crate::readme::read;
use crate::rooms::sources;
use std::collections::{BTreeMap, BTreeSet};

/// A file of the crate, as far as its imports go.
struct File {
    name: String,
    /// Where its module stands: `graph`, `state`.
    module: Vec<String>,
    /// The local names that `use` gives, each with the path that it stands for.
    names: BTreeMap<String, Vec<String>>,
    /// Every path that the file speaks of, with its line.
    paths: Vec<(usize, Vec<String>)>,
}

/// The parts of `a::b::{c, d::e}`: one path for each.
fn expand(path: &str, before: &[String], found: &mut Vec<(Vec<String>, String)>) {
    let (head, group) = match path.split_once('{') {
        Some((head, group)) => (head, Some(group.trim_end().trim_end_matches('}'))),
        None => (path, None),
    };
    let (head, alias) = match head.split_once(" as ") {
        Some((head, alias)) => (head, Some(alias.trim())),
        None => (head, None),
    };
    let parts = head.split("::").map(|part| part.trim().to_string()).filter(|part| !part.is_empty());
    let mut path: Vec<String> = before.iter().cloned().chain(parts).collect();
    let Some(group) = group else {
        if path.last().is_some_and(|last| last == "self") && path.len() > 1 {
            path.pop();
        }
        let last = path.last().cloned().unwrap_or_default();
        return found.push((path, alias.unwrap_or(&last).to_string()));
    };
    let (mut depth, mut start) = (0, 0);
    for (at, c) in group.char_indices().chain([(group.len(), ',')]) {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            ',' if depth == 0 => {
                if !group[start..at].trim().is_empty() {
                    expand(&group[start..at], &path, found);
                }
                start = at + 1;
            }
            _ => {}
        }
    }
}

/// The paths of at least two parts in a line of code.
fn paths(line: &str) -> Vec<Vec<String>> {
    let is_part = |c: char| c.is_alphanumeric() || "_:".contains(c);
    let words = line.split(|c: char| !is_part(c));
    let paths = words.map(|word| {
        let parts = word.split("::").map(str::to_string);
        parts.filter(|part| !part.is_empty()).collect::<Vec<_>>()
    });
    paths.filter(|path| path.len() > 1).collect()
}

impl File {
    fn new(name: String, lines: &[String]) -> File {
        let module = name.trim_start_matches("src/").trim_end_matches(".rs");
        let module = module.trim_end_matches("/mod").split('/');
        let mut file =
            File { module: module.map(str::to_string).collect(), name, names: BTreeMap::new(), paths: Vec::new() };
        let (mut statement, mut is_inner) = (String::new(), false);
        for (n, line) in lines.iter().enumerate() {
            let is_test = line == "mod tests {" && n > 0 && lines[n - 1].contains("cfg(test)");
            if is_test {
                break;
            }
            let (line, indented) = (line.trim(), line.starts_with(' '));
            if !indented && line.ends_with('{') && line.contains("mod ") {
                is_inner = true;
            } else if !indented && line == "}" {
                is_inner = false;
            }
            let rest = line.trim_start_matches("pub").trim_start();
            let rest = rest.strip_prefix("(crate)").unwrap_or(rest);
            let rest = rest.strip_prefix("(super)").unwrap_or(rest).trim_start();
            if statement.is_empty() && !rest.starts_with("use ") {
                let own = paths(line).into_iter().map(|path| (n + 1, path));
                file.paths.extend(own.filter(|(_, path)| !(is_inner && path[0] == "super")));
                continue;
            }
            // A door: what a module has from a file inside it and gives on.
            let is_given_on = line.starts_with("pub");
            statement += if statement.is_empty() { rest } else { line };
            if !statement.ends_with(';') {
                if is_given_on {
                    statement.insert(0, '+');
                }
                continue;
            }
            let text = std::mem::take(&mut statement);
            let is_given_on = is_given_on || text.starts_with('+');
            let text = text.trim_start_matches('+').trim_start_matches("use ");
            let mut found = Vec::new();
            expand(text.trim_end_matches(';'), &[], &mut found);
            for (path, name) in found {
                if is_inner && path[0] == "super" {
                    continue;
                }
                if !is_given_on {
                    file.paths.push((n + 1, path.clone()));
                }
                file.names.insert(name, path);
            }
        }
        file
    }
}

/// The files by their modules.
struct Tree(BTreeMap<Vec<String>, File>);

impl Tree {
    fn new() -> Tree {
        let files = sources().into_iter().filter(|(name, _)| !name.ends_with("tests.rs"));
        let files = files.map(|(name, lines)| File::new(name, &lines));
        Tree(files.map(|file| (file.module.clone(), file)).collect())
    }

    /// The module that has what a path in `file` speaks of, if that is of the crate and no module.
    fn home(&self, file: &File, path: &[String], depth: usize) -> Option<&File> {
        assert!(depth < 20, "{}: {path:?}", file.name);
        let mut module: Vec<String>;
        let mut rest = path;
        match path[0].as_str() {
            "crate" => module = Vec::new(),
            "self" => module = file.module.clone(),
            "super" => {
                module = file.module.clone();
                module.pop();
            }
            first => {
                module = file.module.clone();
                module.push(first.to_string());
                if !self.0.contains_key(&module) {
                    let meant = file.names.get(first).filter(|meant| *meant != path && meant[0] != first)?;
                    let meant: Vec<String> = meant.iter().chain(&path[1..]).cloned().collect();
                    return self.home(file, &meant, depth + 1);
                }
            }
        }
        rest = &rest[1..];
        while let Some(next) = rest.first() {
            module.push(next.clone());
            if self.0.contains_key(&module) {
                rest = &rest[1..];
                continue;
            }
            module.pop();
            let home = self.0.get(&module)?;
            return match home.names.get(next).filter(|_| home.name != file.name) {
                Some(meant) => self.home(home, meant, depth + 1).or(Some(home)),
                None => Some(home),
            };
        }
        None
    }

    /// What each file imports: the file, and the line that does.
    fn imports(&self) -> BTreeMap<&str, BTreeMap<&str, usize>> {
        let mut imports = BTreeMap::new();
        for file in self.0.values().filter(|file| file.name != "src/lib.rs") {
            let imported: &mut BTreeMap<&str, usize> = imports.entry(&file.name[..]).or_default();
            for (line, path) in &file.paths {
                if let Some(home) = self.home(file, path, 0).filter(|home| home.name != file.name) {
                    imported.entry(&home.name).or_insert(*line);
                }
            }
        }
        imports
    }
}

/// The rooms of the map from the top down: the files and folders of each.
fn rooms() -> Vec<Vec<String>> {
    let map = read("ARCHITECTURE.md");
    let table = map.split("\n## ").find(|part| part.starts_with("Floors")).unwrap();
    let rows = table.lines().filter(|line| line.starts_with('|')).skip(2);
    let cells = rows.map(|row| row.split('|').nth(2).unwrap().to_string());
    let names = |cell: String| cell.split('`').skip(1).step_by(2).map(str::to_string).collect();
    cells.map(names).collect()
}

/// The place of the room of a file in the map: that of the longest name which fits.
fn place(rooms: &[Vec<String>], file: &str) -> usize {
    let names = rooms.iter().enumerate();
    let names = names.flat_map(|(place, names)| names.iter().map(move |name| (place, name)));
    let fits = names.filter(|(_, name)| name.ends_with('/') && file.starts_with(&name[..]) || file == *name);
    let longest = fits.max_by_key(|(_, name)| name.len());
    longest.unwrap_or_else(|| panic!("{file} has no room in ARCHITECTURE.md")).0
}

#[test]
fn a_file_imports_from_the_rooms_above_its_own() {
    let (tree, rooms) = (Tree::new(), rooms());
    let mut strays = Vec::new();
    for (file, imported) in tree.imports() {
        for (other, line) in imported {
            if place(&rooms, other) > place(&rooms, file) {
                strays.push(format!("{file}:{line} imports {other}"));
            }
        }
    }
    assert!(strays.is_empty(), "against the order of ARCHITECTURE.md:\n{}", strays.join("\n"));
}

#[test]
fn no_circle_of_imports_leads_back_to_a_file() {
    let tree = Tree::new();
    let imports = tree.imports();
    let reached = |start: &str| {
        let (mut reached, mut open) = (BTreeSet::new(), vec![start.to_string()]);
        while let Some(file) = open.pop() {
            for other in imports[&file[..]].keys() {
                if reached.insert(other.to_string()) {
                    open.push(other.to_string());
                }
            }
        }
        reached
    };
    let reached: BTreeMap<&str, BTreeSet<String>> = imports.keys().map(|&file| (file, reached(file))).collect();
    let mut circles = Vec::new();
    for (file, others) in reached.iter().filter(|(file, others)| others.contains(**file)) {
        for (other, line) in &imports[file] {
            if others.contains(*other) && reached[other].contains(*file) {
                circles.push(format!("{file}:{line} imports {other}, from which it is imported"));
            }
        }
    }
    assert!(circles.is_empty(), "{}", circles.join("\n"));
}
