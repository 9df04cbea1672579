//! The sweep of a source: what each operation contributes to the adjoints of its operands.

use super::expression::{self, EACH_NAME, Printer, literal};
use super::writer::Writer;
use crate::function::emit::symbol::{Formula, RESULT, TIE};
use crate::function::emit::{Contribution, is_square};
use crate::function::one_by_one::is_plain;
use crate::pull_back::Factor;
use crate::rows::Kind;

/// A longer partial than this becomes a function.
const INLINE: usize = 40;

impl Writer<'_> {
    /// What node `i` contributes to the adjoints of its operands.
    pub(super) fn contribute(&mut self, i: usize, contributions: &[Contribution]) {
        let program = self.program;
        let index = program.first_node() + i;
        let (w, z) = (format!("d_{}", self.names[index]), self.names[index].clone());
        let mut lines = Vec::new();
        let node = program.nodes[i];
        let is_of_all = |one: &Contribution| one.factor == Factor::Partial && !is_plain(node.op);
        if contributions.iter().any(is_of_all) {
            lines.push(self.list(i, &z));
        }
        for one in contributions {
            self.is_changed[one.to as usize] = true;
            let p = match one.factor {
                Factor::One | Factor::MinusOne => String::new(),
                Factor::Operand(other) => {
                    let name = &self.names[program.operands(&node)[other] as usize];
                    if is_square(program, &node) { format!("({name} + {name})") } else { name.to_string() }
                }
                Factor::Partial if is_of_all(one) => format!("p[{}]", one.place),
                Factor::Partial => self.partial(i, one.place as usize, &z),
            };
            let name = &self.names[one.to as usize];
            lines.push(match one.factor {
                Factor::One => format!("d_{name} += {w};"),
                Factor::MinusOne => format!("d_{name} -= {w};"),
                Factor::Partial if node.op.kind() == Kind::Switch => {
                    format!("let p = {p}; if p != 0.0 {{ d_{name} += {w} * p; }}")
                }
                _ => format!("d_{name} += {w} * {p};"),
            });
        }
        let is_plain = lines.iter().all(|line| !line.contains(" * "));
        if !is_plain {
            self.line(1, format_args!("if {w} != 0.0 {{"));
        }
        for line in &lines {
            self.line(if is_plain { 1 } else { 2 }, format_args!("{line}"));
        }
        if !is_plain {
            self.line(1, format_args!("}}"));
        }
    }

    /// The line that makes all partials of node `i`, so that the text grows with their number only.
    fn list(&mut self, i: usize, z: &str) -> String {
        let op = self.program.nodes[i].op;
        let mut printer = Printer { given: &|k| if k == RESULT { "z_" } else { EACH_NAME }.into(), sums: Vec::new() };
        let body = printer.print(&Formula::of_slice_partial(op));
        let sums: String = printer.sums.iter().map(|sum| format!("    {sum}\n")).collect();
        let name = format!("{}_partials", op.row().method);
        let text = format!(
            "\n#[allow(unused_parens, unused_variables)]\nfn {name}<const N: usize>(all_: [f64; N], z_: f64) \
             -> [f64; N] {{\n{sums}    all_.map(|each_| {body})\n}}\n"
        );
        self.partials.entry(name.clone()).or_insert(text);
        let operands = self.operand_names(i).join(", ");
        format!("let p = {name}([{operands}], {z});")
    }

    /// The partial of node `i` with respect to operand `k`: an expression, or a call of one.
    fn partial(&mut self, i: usize, k: usize, z: &str) -> String {
        let node = self.program.nodes[i];
        let formula = Formula::of_partial(node.op, node.n, k);
        let names: Vec<String> = self.operand_names(i).into_iter().map(String::from).collect();
        let write = |names: &[String], z: &str, tie: &str| {
            let given = |k: u32| match k {
                RESULT => z.to_string(),
                TIE => tie.to_string(),
                k => names[k as usize].clone(),
            };
            let sums = Vec::new();
            let given = &given;
            Printer { given, sums }.print(&formula)
        };
        let inline = write(&names, z, "tie");
        if inline.len() <= INLINE && !inline.contains("if ") && !inline.contains("tie") {
            return inline;
        }
        let parameters: Vec<String> = node.op.row().operands.iter().map(|p| format!("{p}_")).collect();
        let name = match node.op.is_indexed() {
            true => format!("{}_{}_partial", node.op.row().method, node.op.parameter(node.n)).replace('-', "minus_"),
            false => format!("{}_partial_{k}", node.op.row().method),
        };
        let body = write(&parameters, "z_", "tie_");
        let mut list: Vec<String> = parameters.iter().map(|p| format!("{p}: f64")).collect();
        list.extend(["z_: f64".into(), "tie_: f64".into()]);
        let text = format!(
            "\n#[allow(unused_parens, unused_variables)]\nfn {name}({}) -> f64 {{\n    {}\n}}\n",
            list.join(", "),
            expression::without_parentheses(&body),
        );
        self.partials.entry(name.clone()).or_insert(text);
        let tie = if formula.has_given(TIE) { self.tie(i, z) } else { literal(0.0) };
        format!("{name}({}, {z}, {tie})", names.join(", "))
    }

    /// The share of an operand at a tie, as `rules::tie` finds it.
    fn tie(&mut self, i: usize, z: &str) -> String {
        self.partials.entry("tie".into()).or_insert_with(|| TIE_FUNCTION.into());
        let operands = self.program.operands(&self.program.nodes[i]);
        let list = |is_active: bool| {
            let names = operands.iter().filter(|&&k| self.program.is_active(k) == is_active);
            names.map(|&k| &self.names[k as usize][..]).collect::<Vec<_>>().join(", ")
        };
        format!("tie({z}, &[{}], &[{}])", list(true), list(false))
    }
}

const TIE_FUNCTION: &str = "
/// The share of an operand that equals the result: none next to a constant.
fn tie(z: f64, active: &[f64], constant: &[f64]) -> f64 {
    if constant.contains(&z) {
        return 0.0;
    }
    1.0 / active.iter().filter(|&&x| x == z).count().max(1) as f64
}
";
