//! Longer pieces of the programs that are printed as Rust.

use super::program::{Link, Rule};

/// What every printed program begins with.
pub const HEAD: &str = "\
use scalargrad::{function::Function, *};
use std::panic::{AssertUnwindSafe, catch_unwind};

/// For what is refused.
fn attempt(f: impl FnOnce()) {
    let _ = catch_unwind(AssertUnwindSafe(f));
}

";

pub const PRODUCT: &str = "\
/// x·y; `beside` is what the rule does beside.
struct Product(fn(&[Var]));
impl CustomOp for Product {
    fn value(&self, x: &[f64]) -> f64 {
        x[0] * x[1]
    }
    fn partials(&self, x: &[Var], _: Var) -> Vec<Var> {
        (self.0)(x);
        vec![x[1], x[0]]
    }
}

";

/// What a rule does beside its partials.
pub fn beside(rule: Rule) -> &'static str {
    match rule {
        Rule::Plain | Rule::Differentiates => "|_| ()",
        Rule::ClearsInValue => "|_| () /* and `value` clears the graph */",
        Rule::SweepsAtTheEnd => "|_| () /* and its destructor sweeps in a scope */",
        Rule::ClearsInLabel => "|_| () /* and `label` clears the graph */",
        Rule::Records => "|_| drop((Var::new(0.5) * 2.0,))",
        Rule::Sweeps => "|_| graph::scope(|| { let t = Var::new(0.7); (t * t).backward() })",
        Rule::OpensScopes => "|x| graph::scope(|| { graph::scope(|| Var::new(0.5) * x[0]); })",
        Rule::Clears => "|x| if !(x[0].is_constant() && x[1].is_constant()) { graph::clear() }",
        Rule::Panics => "|x| assert!(x[0].is_constant() && x[1].is_constant())",
    }
}

/// A chain as a loop.
pub fn chain(link: Link, [x, y]: [String; 2], n: usize, keep: usize) -> String {
    let step = match link {
        Link::Sine => "s = s.sin();",
        Link::Number => "s = s + 0.001;",
        Link::Scale => "s = s * 0.999;",
        Link::Sum => "s = if i % 2 == 0 { s - y } else { s + y };",
        Link::Product => "let p = y * (((i % 7) as f64 - 3.0) * 0.25); s = if i % 3 == 0 { p + s } else { s + p };",
        Link::ScopedProduct => {
            "let p = y * (((i % 7) as f64 - 3.0) * 0.25); \
             graph::scope(|| { for _ in 0..i % 4 { Var::new(0.5); } if i % 29 == 3 { (y * y).backward(); } }); \
             s = if i % 3 == 0 { p + s } else { s + p };"
        }
        Link::Spiral => "s = (s * 0.5 + y * 0.5).sin();",
        Link::Mixed => {
            "s = match i % 5 { 0 => s.tanh(), 1 => s.mul_add(0.9, y), 2 => s.atan(), 3 => s.hypot(1.5), _ => 1.0 - s };"
        }
    };
    let kept = match link {
        Link::Product | Link::ScopedProduct => "kept.extend([p, s]);",
        _ => "kept.push(s);",
    };
    format!(
        "{{ let (mut s, y, mut kept) = ({x}, {y}, vec![]); \
         for i in 0..{n} {{ {step} if (i + 1) % {keep} == 0 {{ {kept} }} }} kept.push(s); kept }}"
    )
}
