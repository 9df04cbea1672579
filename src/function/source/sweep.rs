//! The sweep of a source: what each operation gives to its operands.

use super::expression::{self, Source, literal};
use super::writer::Writer;
use crate::rows::{Kind, Op};
use crate::rules;

/// A longer partial than this becomes a function.
const INLINE: usize = 40;

impl Writer<'_> {
    /// What node `i` gives to its operands.
    pub(super) fn reverse(&mut self, i: usize) {
        let program = self.program;
        let (node, index) = (program.nodes[i], program.first_node() + i);
        let operands = program.operands(&node);
        let (w, z) = (
            format!("d_{}", self.names[index]),
            self.names[index].clone(),
        );
        let mut lines = Vec::new();
        let is_square = node.op == Op::Mul && operands[0] == operands[1];
        let partials = self.partials(i, &z);
        if let Partials::Listed(line) = &partials {
            lines.push(line.clone());
        }
        for (k, &operand) in operands.iter().enumerate() {
            let is_owed = self.is_reached[operand as usize];
            if !(program.is_active(operand) && is_owed) || is_square && k == 1 {
                continue;
            }
            self.is_changed[operand as usize] = true;
            let name = &self.names[operand as usize];
            let p = match &partials {
                _ if is_square => format!("({name} + {name})"),
                Partials::ByRule => self.partial(i, k, &z),
                Partials::One => "1.0".into(),
                Partials::OtherFactor => self.names[operands[k ^ 1] as usize].clone(),
                Partials::Listed(_) => format!("p[{k}]"),
            };
            let name = &self.names[operand as usize];
            lines.push(match &p[..] {
                "1.0" => format!("d_{name} += {w};"),
                "(-1.0)" => format!("d_{name} -= {w};"),
                _ if node.op.kind() == Kind::Switch => {
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

    /// How the partials of node `i` are written: those of a slice operation so that the text grows with
    /// their number only.
    fn partials(&mut self, i: usize, z: &str) -> Partials {
        let op = self.program.nodes[i].op;
        let each = expression::each();
        let body = match op {
            op if !op.is_slice() => return Partials::ByRule,
            Op::Sum => return Partials::One,
            Op::Dot => return Partials::OtherFactor,
            Op::Norm => rules::norm_partial(1, &|_| each, 0, Source::of("z_")),
            _ => rules::log_sum_exp_partials(&[each], Source::of("z_"))[0],
        };
        let sums: String = expression::take_sums()
            .iter()
            .map(|sum| format!("    {sum}\n"))
            .collect();
        let name = format!("{}_partials", op.row().method);
        let text = format!(
            "\n#[allow(unused_parens, unused_variables)]\nfn {name}<const N: usize>(all_: [f64; N], z_: f64) \
             -> [f64; N] {{\n{sums}    all_.map(|each_| {body})\n}}\n"
        );
        self.partials.entry(name.clone()).or_insert(text);
        let operands = self.operand_names(i).join(", ");
        Partials::Listed(format!("let p = {name}([{operands}], {z});"))
    }

    /// The partial of node `i` with respect to operand `k`: an expression, or a call of one.
    fn partial(&mut self, i: usize, k: usize, z: &str) -> String {
        let node = self.program.nodes[i];
        let names: Vec<String> = self
            .operand_names(i)
            .into_iter()
            .map(String::from)
            .collect();
        let write = |names: &[String], z: &str, tie: &str| {
            let mut args = [Source::default(); 3];
            for (arg, name) in args.iter_mut().zip(names) {
                *arg = Source::of(name);
            }
            rules::partial(node.op, k, args, node.n, Source::of(z), Source::of(tie)).to_string()
        };
        let inline = write(&names, z, "tie");
        if inline.len() <= INLINE && !inline.contains("if ") && !inline.contains("tie") {
            return inline;
        }
        let parameters: Vec<String> = node
            .op
            .row()
            .operands
            .iter()
            .map(|p| format!("{p}_"))
            .collect();
        let name = match node.op.is_indexed() {
            true => format!(
                "{}_{}_partial",
                node.op.row().method,
                node.op.parameter(node.n)
            )
            .replace('-', "minus_"),
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
        let tie = if body.contains("tie_") {
            self.tie(i, z)
        } else {
            literal(0.0)
        };
        format!("{name}({}, {z}, {tie})", names.join(", "))
    }

    /// The share of an operand at a tie, as `rules::tie` finds it.
    fn tie(&mut self, i: usize, z: &str) -> String {
        self.partials
            .entry("tie".into())
            .or_insert_with(|| TIE.into());
        let operands = self.program.operands(&self.program.nodes[i]);
        let list = |is_active: bool| {
            let names = operands
                .iter()
                .filter(|&&k| self.program.is_active(k) == is_active);
            names
                .map(|&k| &self.names[k as usize][..])
                .collect::<Vec<_>>()
                .join(", ")
        };
        format!("tie({z}, &[{}], &[{}])", list(true), list(false))
    }
}

/// How the partials of an operation are written.
enum Partials {
    /// Each by its rule.
    ByRule,
    /// All are 1.
    One,
    /// Each is the other factor of its product.
    OtherFactor,
    /// As numbers of the array `p`, which this line makes.
    Listed(String),
}

const TIE: &str = "
/// The share of an operand that equals the result: none beside a constant.
fn tie(z: f64, active: &[f64], constant: &[f64]) -> f64 {
    if constant.contains(&z) {
        return 0.0;
    }
    1.0 / active.iter().filter(|&&x| x == z).count().max(1) as f64
}
";
