//! What stands in no file but its own: elementary functions and `unsafe`; the map of the files, and how long they may be.

use crate::readme::{read, rows};
use std::fs;
use std::path::Path;

/// The files of Rust below a folder of the package.
fn files(folder: &str) -> Vec<String> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut open = vec![root.join(folder)];
    let mut found = Vec::new();
    while let Some(path) = open.pop() {
        if path.is_dir() {
            open.extend(fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()));
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let name = path.strip_prefix(root).unwrap().to_str().unwrap();
            found.push(name.replace('\\', "/"));
        }
    }
    found
}

/// The source files, each with its lines of code.
pub fn sources() -> Vec<(String, Vec<String>)> {
    let with_code = |name: String| {
        let code = read(&name).lines().map(code).collect();
        (name, code)
    };
    files("src").into_iter().map(with_code).collect()
}

/// A line without its comment and its strings.
fn code(line: &str) -> String {
    let code = line.split("//").next().unwrap();
    code.split('"').step_by(2).collect()
}

/// The words of a line.
fn words(line: &str) -> impl Iterator<Item = &str> {
    line.split(|c: char| !(c.is_alphanumeric() || c == '_'))
}

/// Whether the line has `Op::` and one of the variants.
fn has_variant(line: &str, variants: &[String]) -> bool {
    let named = |rest: &str| words(rest).next().is_some_and(|word| variants.iter().any(|v| v == word));
    line.split("Op::").skip(1).any(named)
}

#[test]
fn no_file_but_the_table_names_an_elementary_function() {
    // What code about plain numbers, iterators and words says too.
    let ordinary = "abs add ceil clamp div floor fract max min mul neg powi recip rem round signum sqrt sub trunc";
    // Only arithmetic may be special.
    let arithmetic = ["Add", "Sub", "Mul", "Div", "Rem", "Neg"];
    // `sin_cos`, the condition of `select`, and the shares of a softmax, which have a node of their own.
    let allowed = [
        ("src/real.rs", "(self.sin(), self.cos())"),
        ("src/real.rs", "Op::SumExp => operands[1..].iter().map(|x| x.exp_sub(operands[0])).sum()"),
        ("src/var/choice.rs", "(self.sin(), self.cos())"),
        ("src/var/choice.rs", "self.mask_select(a, b)"),
        ("src/var/slices.rs", "Op::SoftmaxShare"),
        ("src/nodes.rs", "Op::SoftmaxShare"),
    ];
    let (mut variants, mut methods): (Vec<String>, Vec<String>) = rows().into_iter().unzip();
    variants.retain(|variant| !arithmetic.contains(&variant.as_str()));
    methods.retain(|method| !words(ordinary).any(|word| word == method));
    let mut strays = Vec::new();
    for (file, lines) in sources() {
        let is_home = ["src/table.rs", "src/rules.rs", "src/special.rs"].contains(&file.as_str())
            || file.ends_with("tests.rs")
            || ["src/rules/", "src/special/", "src/interop/", "src/nn/"].iter().any(|home| file.starts_with(home));
        if is_home {
            continue;
        }
        for (n, line) in lines.iter().enumerate() {
            let names = words(line).any(|word| methods.iter().any(|method| method == word));
            let allowed = allowed.iter().any(|(f, l)| *f == file && line.contains(l));
            if (names || has_variant(line, &variants)) && !allowed {
                strays.push(format!("{file}:{}: {}", n + 1, line.trim()));
            }
        }
    }
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}

#[test]
fn no_file_but_the_arena_and_native_code_is_unsafe() {
    for (file, lines) in sources() {
        let unsafe_lines = lines.iter().filter(|line| words(line).any(|word| word == "unsafe"));
        // The last has two signatures that a foreign trait prescribes.
        let rooms = ["src/arena", "src/function/compile/native", "src/interop/nalgebra/lane"];
        let is_room = |room: &&str| {
            let rest = file.strip_prefix(*room);
            rest.is_some_and(|rest| rest == ".rs" || rest.starts_with('/'))
        };
        let is_allowed = rooms.iter().any(is_room);
        assert!(is_allowed || unsafe_lines.count() == 0, "{file}");
    }
}

#[test]
fn the_map_has_every_room() {
    let map = read("ARCHITECTURE.md");
    for (file, _) in sources() {
        let mut names = file.match_indices('/').skip(1).map(|(end, _)| &file[..=end]);
        let is_named = |name: &str| map.contains(&format!("`{name}`"));
        assert!(is_named(&file) || names.any(is_named), "{file} is not in ARCHITECTURE.md");
    }
    let listing = map.split("```rust").nth(1).unwrap().split("```").next().unwrap();
    assert!(listing.lines().count() <= 70 && map.lines().count() - listing.lines().count() <= 120);
}

#[test]
fn user_code_is_called_from_one_place() {
    // What a user gives goes by these names: closures, steps and segments, and the methods of a custom operation.
    let calls =
        ["f(", "step(", "segment(", "closure(", "evaluate(", "op.value(", "op.partials(", "op.label(", "into_outputs("];
    // Closures of the crate's own, and the functions that remember nothing but what a guard puts right.
    let own = [
        ("src/anomaly.rs", "f()"),
        ("src/arena/find.rs", "f(tape)"),
        ("src/arena/aside.rs", "f(&mut arena()"),
        ("src/arena/steps.rs", "step("),
        ("src/nn/network.rs", "f("), // a module is mapped to a new one, and nothing is remembered
        ("src/var/outputs.rs", "f(self)"),
        ("src/var/checkpoint.rs", "|x: &[Var]| f(x).into_outputs()"), // called from there when the segment runs again
        ("src/derive.rs", "gradient(|x| f(x[0])"),
        ("src/check/differences.rs", "f(&moved)"),
        ("src/function/buffers.rs", "f(&mut kept)"),
        ("src/function/recorder.rs", "evaluate(&"), // of a recording, which is not in the graph
        ("src/function/rows/task.rs", "f(&mut room)"),
        ("src/interop/differentiable.rs", "self(x).into_outputs()"), // called from `hessian`
        ("src/graph.rs", "f()"),
        ("src/graph/lookup.rs", "f(node, &mut state.values)"),
        ("src/graph/state.rs", "f(&mut state.borrow_mut())"),
        ("src/graph/user_code.rs", "f()"),
        ("src/strategy/rows.rs", "f("),
        ("src/graph/trace.rs", "f()"),
    ];
    let mut strays = Vec::new();
    for (file, lines) in sources() {
        if file.ends_with("tests.rs") {
            continue;
        }
        for (n, line) in lines.iter().enumerate() {
            let starts_word = |at: usize| {
                !line[..at].ends_with(|c: char| c.is_alphanumeric() || "_.:".contains(c))
                    || line[at..].starts_with("into")
            };
            let is_call = calls.iter().any(|call| line.match_indices(call).any(|(at, _)| starts_word(at)));
            let is_own = own.iter().any(|(f, text)| *f == file && line.contains(text));
            let is_checked = line.contains("user_code(")
                || n > 0 && lines[n - 1].trim_end().ends_with("|| {") && lines[n - 1].contains("user_code(");
            if is_call && !is_own && !is_checked && !line.contains("fn ") {
                strays.push(format!("{file}:{}: {}", n + 1, line.trim()));
            }
        }
    }
    assert!(strays.is_empty(), "{}", strays.join("\n"));
}

#[test]
fn no_file_has_more_than_four_hundred_lines() {
    let mut long = files("src");
    long.extend(files("tests"));
    long.retain(|file| read(file).lines().count() > 400);
    assert!(long.is_empty(), "ask of each which second concept moved in: {long:?}");
}
