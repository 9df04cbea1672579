//! The README lists what there is.

use scalargrad::Var;
use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

/// A file of the package.
pub fn read(path: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// The rows of the table in `src/table.rs`: the variant and the method.
pub fn rows() -> Vec<(String, String)> {
    let source = read("src/table.rs");
    let table = source.split("macro_rules! table").nth(1).unwrap();
    let table = table.split("pub(crate) use table").next().unwrap();
    let row = |line: &str| {
        let (variant, rest) = line.trim().split_once(' ')?;
        let (method, rest) = rest.split_once('(')?;
        let is_row = variant.starts_with(|c: char| c.is_ascii_uppercase())
            && variant.chars().all(|c| c.is_ascii_alphanumeric())
            && rest.contains(") \"");
        is_row.then(|| (variant.to_string(), method.to_string()))
    };
    let rows: Vec<_> = table.lines().filter_map(row).collect();
    assert!(rows.len() > 60, "the table is written in another way now");
    rows
}

/// The methods of the rows that users do not see, which only derivatives are made of.
fn hidden() -> Vec<String> {
    let source = read("src/table.rs");
    let lines: Vec<&str> = source.lines().map(str::trim).collect();
    let marked = lines.windows(2).filter(|pair| pair[0] == "#[doc(hidden)]");
    let method = |pair: &[&str]| pair[1].split([' ', '(']).nth(1).unwrap().to_string();
    marked.map(method).collect()
}

/// The names of the functions of slices, from `src/var/slices.rs`.
fn slice_functions() -> Vec<String> {
    let source = read("src/var/slices.rs");
    let functions = source.lines().filter_map(|line| line.strip_prefix("pub fn "));
    functions.map(|line| line.split(['(', '<']).next().unwrap().to_string()).collect()
}

/// The names between the marks of the README's list, one a line.
fn listed() -> Vec<String> {
    let readme = read("README.md");
    let list = readme.split("<!-- operations -->").nth(1).unwrap();
    let list = list.split("<!-- end of operations -->").next().unwrap();
    list.lines().filter_map(|line| line.strip_prefix('`')?.split('`').next().map(String::from)).collect()
}

#[test]
fn the_readme_lists_every_operation_once_and_no_other() {
    let sign = |method: &str| match method {
        "add" => "+".to_string(),
        "sub" => "-".to_string(),
        "mul" => "*".to_string(),
        "div" => "/".to_string(),
        "rem" => "%".to_string(),
        "neg" => "-x".to_string(),
        // The row behind `Var::select`.
        "mask_select" => "select".to_string(),
        _ => method.to_string(),
    };
    let hidden = hidden();
    assert_eq!(hidden.len(), 6, "{hidden:?}");
    let seen = rows().into_iter().map(|(_, method)| method);
    let seen = seen.filter(|method| method == "mask_select" || !hidden.contains(method));
    let table = seen.map(|method| sign(&method));
    let there: BTreeSet<String> = table.chain(slice_functions()).collect();
    let listed = listed();
    let unique: BTreeSet<String> = listed.iter().cloned().collect();
    assert_eq!(listed.len(), unique.len(), "an operation is listed twice");
    let missing: Vec<_> = there.difference(&unique).collect();
    let unknown: Vec<_> = unique.difference(&there).collect();
    assert!(
        missing.is_empty() && unknown.is_empty(),
        "README.md, list of operations: missing {missing:?}, unknown {unknown:?}"
    );
}

#[test]
fn the_picture_in_the_readme_is_the_one_that_is_drawn() {
    let (x, y, z) = (Var::new(3.0), Var::new(2.0), Var::new(1.0));
    let (x, y, z) = (x.named("x"), y.named("y"), z.named("z"));
    let o = ((x * y) * (y * z)).powi(2);
    o.backward();
    let picture = o.to_text();
    assert!(read("README.md").contains(&picture), "{picture}");
    let indented: String = picture.lines().map(|line| format!("//! {line}\n")).collect();
    assert!(read("src/lib.rs").contains(&indented), "{indented}");
}
