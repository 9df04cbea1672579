//! A function as Rust source that depends on nothing.
//!
//! The text of a row's value is taken from the table; that of its partials is written by the rules
//! themselves, run over [`Source`], a number that is an expression. What `f64` lacks comes along as the text
//! of this crate's own functions, as far as these need no other crate.

use super::Function;
use super::program::{Guard, Program};
use crate::real::Real;
use crate::rows::{Kind, Op};
use crate::rules;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{self, Write};

mod expression;
mod helpers;

use expression::{Source, literal, value};

/// A longer partial than this becomes a function.
const INLINE: usize = 40;

/// Why a function cannot be written as source.
///
/// ```
/// use scalargrad::function::Function;
///
/// let f = Function::record(&[1.0], |x| x[0].erf());
/// assert_eq!(
///     f.to_rust("f").unwrap_err().to_string(),
///     "`erf` needs the crate `libm`, and the source is to need none"
/// );
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SourceError(String);

impl fmt::Display for SourceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for SourceError {}

impl Function {
    /// Rust source of a plain function `fn name(x: &[f64; N], gradient: &mut [f64; N]) -> f64`.
    ///
    /// It returns the value and fills the gradient, both bit for bit those of
    /// [`gradient_into`](Function::gradient_into), and needs the standard library only. Inputs and
    /// intermediate variables keep their names. A guard becomes an assertion.
    ///
    /// # Errors
    ///
    /// If there is another number of outputs than one, `name` is no identifier or that of a function which
    /// the source needs beside (`tie`, `max_partial_0` and the like), or an operation is a user's
    /// own or needs another crate (`erf`, `gamma` and their kin).
    ///
    /// ```
    /// use scalargrad::function::Function;
    ///
    /// let f = Function::record(&[3.0, 2.0], |x| {
    ///     let (width, height) = (x[0].named("width"), x[1].named("height"));
    ///     (width * height).named("area") + width
    /// });
    /// assert_eq!(f.to_rust("cost").unwrap(), "\
    /// pub fn cost(x: &[f64; 2], gradient: &mut [f64; 2]) -> f64 {
    ///     let width = x[0];
    ///     let height = x[1];
    ///     let area = width * height;
    ///     let t1 = area + width;
    ///
    ///     // The derivatives of the result.
    ///     let mut d_width = 0.0;
    ///     let mut d_height = 0.0;
    ///     let mut d_area = 0.0;
    ///     let d_t1 = 1.0;
    ///     d_area += d_t1;
    ///     d_width += d_t1;
    ///     if d_area != 0.0 {
    ///         d_width += d_area * height;
    ///         d_height += d_area * width;
    ///     }
    ///     *gradient = [d_width, d_height];
    ///     t1
    /// }
    /// ");
    /// ```
    pub fn to_rust(&self, name: &str) -> Result<String, SourceError> {
        if !is_identifier(name) {
            return Err(SourceError(format!("`{name}` is no name for a function")));
        }
        let [output] = self.program.outputs[..] else {
            let count = self.outputs();
            return Err(SourceError(format!(
                "the function has {count} outputs, not one"
            )));
        };
        if let Some(custom) = self.program.customs.first() {
            let label = &custom.label;
            return Err(SourceError(format!(
                "`{label}` is a user's own operation, which is code"
            )));
        }
        let mut writer = Writer::new(&self.program, name);
        writer.function(name, output);
        if writer.text.contains("((") || writer.text.contains("(-") {
            writer.text.insert_str(0, "#[allow(unused_parens)]\n");
        }
        expression::forget();
        let Writer {
            mut text, partials, ..
        } = writer;
        if partials.contains_key(name) {
            return Err(SourceError(format!(
                "the source has a function `{name}` of its own"
            )));
        }
        for partial in partials.values() {
            text += partial;
        }
        text += &helpers::used_in(&text).map_err(SourceError)?;
        Ok(text)
    }
}

fn is_identifier(name: &str) -> bool {
    let is_word = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.chars().all(is_word)
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && !KEYWORDS.contains(&name)
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

/// The source as far as it is written.
struct Writer<'a> {
    program: &'a Program,
    /// For each index its name, or its literal.
    names: Vec<String>,
    text: String,
    /// Whether the output depends on a number smoothly.
    is_reached: Vec<bool>,
    /// Whether something was added to the derivative with respect to a number.
    is_changed: Vec<bool>,
    /// The functions that partials have become, by name.
    partials: BTreeMap<String, String>,
}

impl<'a> Writer<'a> {
    fn new(program: &'a Program, function: &str) -> Writer<'a> {
        let mut taken =
            HashSet::from(["x", "gradient", "special", "p", function].map(String::from));
        // The last number that was appended to a name, so that equal ones are not tried from the first again.
        let mut counts: HashMap<String, usize> = HashMap::new();
        let mut names = Vec::with_capacity(program.len());
        for index in 0..program.len() as u32 {
            let k = index as usize;
            if !program.is_active(index) {
                names.push(literal(program.constants[k - program.inputs]));
                continue;
            }
            let own = program.names.get(&k).map(|name| {
                let word = |c: char| if c.is_ascii_alphanumeric() { c } else { '_' };
                name.chars().map(word).collect::<String>()
            });
            let default = match k < program.inputs {
                true => format!("x{k}"),
                false => format!("t{}", k - program.first_node()),
            };
            let mut name = own.filter(|own| is_identifier(own)).unwrap_or(default);
            // A function of that name may be called.
            if name == "tie" || name.contains("_partial") {
                name.insert_str(0, "x_");
            }
            let base = name.clone();
            while taken.contains(&name) || taken.contains(&format!("d_{name}")) {
                let count = counts.entry(base.clone()).or_insert(1);
                *count += 1;
                name = format!("{base}_{count}");
            }
            taken.extend([format!("d_{name}"), name.clone()]);
            names.push(name);
        }
        Writer {
            program,
            names,
            text: String::new(),
            is_reached: Vec::new(),
            is_changed: vec![false; program.len()],
            partials: BTreeMap::new(),
        }
    }

    fn line(&mut self, depth: usize, line: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{:indent$}{line}", "", indent = 4 * depth);
    }

    fn function(&mut self, name: &str, output: u32) {
        let (program, n) = (self.program, self.program.inputs);
        self.line(
            0,
            format_args!("pub fn {name}(x: &[f64; {n}], gradient: &mut [f64; {n}]) -> f64 {{"),
        );
        let guarded = program.guards.iter().flat_map(|guard| &guard.operands);
        let mut is_used = vec![false; program.len()];
        for &k in program.operands.iter().chain(guarded).chain([&output]) {
            is_used[k as usize] = true;
        }
        if !is_used[..n].contains(&true) {
            self.line(1, format_args!("let _ = x;"));
        }
        for k in (0..n).filter(|&k| is_used[k]) {
            let name = self.names[k].clone();
            self.line(1, format_args!("let {name} = x[{k}];"));
        }
        let first_node = program.first_node();
        let mut guards = program.guards.iter().peekable();
        for i in 0..=program.nodes.len() {
            while let Some(guard) = guards.next_if(|guard| guard.after as usize <= i) {
                self.guard(guard);
            }
            if i < program.nodes.len() {
                let value = self.value(i);
                let name = self.names[first_node + i].clone();
                // A choice of numbers does not tell its type, which the next method call wants to know.
                let is_typed = !value.starts_with("if ");
                let of_type = if is_typed { "" } else { ": f64" };
                self.line(1, format_args!("let {name}{of_type} = {value};"));
            }
        }
        self.text.push('\n');
        self.line(1, format_args!("// The derivatives of the result."));
        self.is_reached = self.reached(output);
        let before = std::mem::take(&mut self.text);
        for i in (0..program.nodes.len()).rev() {
            if self.is_reached[first_node + i] {
                self.reverse(i);
            }
        }
        let sweep = std::mem::replace(&mut self.text, before);
        for index in 0..program.len() as u32 {
            let is_needed = (index as usize) < n || self.is_reached[index as usize];
            if program.is_active(index) && is_needed {
                let name = self.names[index as usize].clone();
                let mutability = match self.is_changed[index as usize] {
                    true => "mut ",
                    false => "",
                };
                let start = if index == output { "1.0" } else { "0.0" };
                self.line(1, format_args!("let {mutability}d_{name} = {start};"));
            }
        }
        self.text += &sweep;
        let gradient: Vec<String> = self.names[..n]
            .iter()
            .map(|name| format!("d_{name}"))
            .collect();
        self.line(1, format_args!("*gradient = [{}];", gradient.join(", ")));
        let output = self.names[output as usize].clone();
        self.line(1, format_args!("{output}"));
        self.line(0, format_args!("}}"));
    }

    /// Which numbers lie between an input and the output, with no step in between.
    fn reached(&self, output: u32) -> Vec<bool> {
        let (program, first_node) = (self.program, self.program.first_node());
        let smooth = || {
            let nodes = program.nodes.iter().enumerate();
            nodes.filter(|(_, node)| node.op.kind() != Kind::Step)
        };
        let mut is_varied = vec![false; program.len()];
        is_varied[..program.inputs].fill(true);
        for (i, node) in smooth() {
            let operands = program.operands(node);
            is_varied[first_node + i] = operands.iter().any(|&k| is_varied[k as usize]);
        }
        let mut is_reached = vec![false; program.len()];
        is_reached[output as usize] = is_varied[output as usize];
        for (i, node) in smooth().rev() {
            if is_reached[first_node + i] {
                for &k in program.operands(node) {
                    is_reached[k as usize] = is_varied[k as usize];
                }
            }
        }
        is_reached
    }

    fn guard(&mut self, guard: &Guard) {
        let [a, b] = guard.operands.map(|index| &self.names[index as usize]);
        let condition = guard.comparison.condition(a, b, guard.answer);
        let place = format!("{:?}", format!("another branch at {}", guard.place));
        let place = place.replace('{', "{{").replace('}', "}}");
        self.line(1, format_args!("assert!({condition}, {place});"));
    }

    fn operand_names(&self, i: usize) -> Vec<&str> {
        let operands = self.program.operands(&self.program.nodes[i]);
        operands
            .iter()
            .map(|&k| &self.names[k as usize][..])
            .collect()
    }

    fn value(&self, i: usize) -> String {
        let node = self.program.nodes[i];
        let names = self.operand_names(i);
        match node.op {
            Op::Sum if !names.is_empty() => names.join(" + "),
            Op::Dot if !names.is_empty() => {
                let products = names
                    .chunks(2)
                    .map(|pair| format!("{} * {}", pair[0], pair[1]));
                products.collect::<Vec<_>>().join(" + ")
            }
            Op::Sum | Op::Dot => literal(-0.0),
            Op::SumExp => {
                let operands: Vec<Source> = names.into_iter().map(Source::of).collect();
                Source::apply(Op::SumExp, 0, &operands).to_string()
            }
            Op::Norm | Op::LogSumExp => {
                format!(
                    "special::{}([{}].into_iter())",
                    node.op.label(),
                    names.join(", ")
                )
            }
            op => value(op, &names, node.n),
        }
    }

    /// What node `i` gives to its operands.
    fn reverse(&mut self, i: usize) {
        let program = self.program;
        let (node, index) = (program.nodes[i], program.first_node() + i);
        let operands = program.operands(&node);
        let (w, z) = (
            format!("d_{}", self.names[index]),
            self.names[index].clone(),
        );
        let mut lines = Vec::new();
        let is_square = node.op == Op::Mul && operands[0] == operands[1];
        let slice = match !node.op.is_slice() {
            true => Slice::default(),
            false => self.slice(i, &z),
        };
        lines.extend(slice.line);
        for (k, &operand) in operands.iter().enumerate() {
            let is_owed = self.is_reached[operand as usize];
            if !(program.is_active(operand) && is_owed) || is_square && k == 1 {
                continue;
            }
            self.is_changed[operand as usize] = true;
            let name = &self.names[operand as usize];
            let p = match (is_square, slice.partials) {
                (true, _) => format!("({name} + {name})"),
                (_, Some(partial)) => partial(self, operands, k),
                _ => self.partial(i, k, &z),
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

    /// How the partials of a slice operation are written, so that the text grows with their number only.
    fn slice(&mut self, i: usize, z: &str) -> Slice<'a> {
        let op = self.program.nodes[i].op;
        let each = expression::each();
        let body = match op {
            Op::Sum => {
                return Slice {
                    line: None,
                    partials: Some(|_, _, _| "1.0".into()),
                };
            }
            Op::Dot => {
                return Slice {
                    line: None,
                    partials: Some(|writer, operands, k| {
                        writer.names[operands[k ^ 1] as usize].clone()
                    }),
                };
            }
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
        Slice {
            line: Some(format!("let p = {name}([{operands}], {z});")),
            partials: Some(|_, _, k| format!("p[{k}]")),
        }
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

/// What the partials of a slice operation are taken from: a line before them, and the text of each.
#[derive(Default)]
struct Slice<'a> {
    line: Option<String>,
    partials: Option<fn(&Writer<'a>, &[u32], usize) -> String>,
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
