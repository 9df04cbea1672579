//! A function in print: one line for each thing, whatever the names are.

use scalargrad::Var;
use scalargrad::function::Function;

#[test]
fn names_do_not_break_the_lines() {
    let outside = Var::new(2.0).named("two\nlines");
    let f = Function::record(&[3.0, 2.0, 1.0], |x| {
        let (a, b, c) = (x[0].named("a\nb"), x[1].named(""), x[2].named(" \t\n"));
        let product = (a * b).named("\r\n");
        if product < 0.0 {
            return c;
        }
        let custom = Var::custom("never\nseen", a.value(), []);
        (product + c * outside).named("a name that is so long that no line would ever hold it") * custom
    });
    let text = f.to_string();
    let lines: Vec<&str> = text.lines().collect();
    assert_eq!(lines[0], "function of a b, x[1], x[2]");
    assert_eq!(lines[1], "  t0 = a b × x[1]");
    assert!(lines[2].starts_with("  guard t0 < 0 as at "), "{text}");
    assert_eq!(lines.len(), 1 + f.operations() + 1 + 1, "{text}");
    assert!(text.contains("a name that is so long that no …"), "{text}");
    assert!(f.frozen_reads().iter().all(|read| !read.to_string().contains('\n')));
    let error = f.value(&[-3.0, 2.0, 1.0]).unwrap_err().to_string();
    assert!(error.starts_with("the comparison `a b × x[1] < 0` at "), "{error}");
}

#[test]
fn an_expression_of_many_operands_is_cut() {
    let f = Function::record(&[1.0; 5000], |x| {
        let total = scalargrad::sum(x);
        if total > 0.0 { total } else { x[0] }
    });
    let error = f.value(&[-1.0; 5000]).unwrap_err().to_string();
    assert!(error.contains("sum(x[0], x[1], x[2]"), "{error}");
    assert!(error.len() < 500, "{error}");
}

#[test]
fn a_picture_drawn_in_a_recording_is_told_of_with_the_users_line() {
    let f = Function::record(&[1.5], |x| {
        let _ = (x[0] * 2.0).to_text();
        x[0]
    });
    assert!(f.frozen_reads()[0].to_string().contains("listing.rs"));
}

#[test]
fn the_readme_can_be_pasted() {
    let readme = super::readme::read("README.md");
    let manifest = super::readme::read("Cargo.toml");
    let version = manifest.lines().find_map(|line| line.strip_prefix("version = ")).unwrap();
    let minor = version.trim_matches('"').rsplit_once('.').unwrap().0;
    assert!(readme.contains(&format!("[dependencies]\nscalargrad = \"{minor}\"")));
    for block in readme.split("```rust").skip(1) {
        let block = block.split("```").next().unwrap();
        assert!(!block.contains("\n# "), "a hidden line does not come along:{block}");
        assert!(!block.contains("?;") || block.contains("fn main() -> Result"), "{block}");
    }
}
