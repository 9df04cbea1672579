//! The lines of a source: names, values and guards; what comes after them is [the sweep](super::sweep).

use super::expression::{Printer, literal, value};
use super::words::is_identifier;
use crate::function::emit::Sweep;
use crate::function::emit::symbol::Formula;
use crate::function::program::{Guard, Item, Program};
use crate::rows::Op;
use std::collections::{BTreeMap, HashMap, HashSet};
use std::fmt::{self, Write};

/// The source as far as it is written.
pub(super) struct Writer<'a> {
    pub(super) program: &'a Program,
    /// For each index its name, or its literal.
    pub(super) names: Vec<String>,
    pub(super) text: String,
    /// Whether something was added to the derivative with respect to a number.
    pub(super) is_changed: Vec<bool>,
    /// The functions that partials have become, by name.
    pub(super) partials: BTreeMap<String, String>,
}

impl<'a> Writer<'a> {
    pub(super) fn new(program: &'a Program, function: &str) -> Writer<'a> {
        let mut taken = HashSet::from(["x", "gradient", "special", "p", function].map(String::from));
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
            let default = if k < program.inputs { format!("x{k}") } else { format!("t{}", k - program.first_node()) };
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
            is_changed: vec![false; program.len()],
            partials: BTreeMap::new(),
        }
    }

    pub(super) fn line(&mut self, depth: usize, line: fmt::Arguments<'_>) {
        // Writing to a string cannot fail.
        let _ = writeln!(self.text, "{:indent$}{line}", "", indent = 4 * depth);
    }

    pub(super) fn function(&mut self, name: &str, output: u32) {
        let (program, n) = (self.program, self.program.inputs);
        self.line(0, format_args!("pub fn {name}(x: &[f64; {n}], gradient: &mut [f64; {n}]) -> f64 {{"));
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
        for item in program.items() {
            match item {
                Item::Guard(k) => self.guard(&program.guards[k]),
                Item::Node(i) => self.value(i),
            }
        }
        self.text.push('\n');
        self.line(1, format_args!("// The derivatives of the result."));
        let sweep = Sweep::of(program, &[output]);
        let before = std::mem::take(&mut self.text);
        for (i, contributions) in sweep.nodes() {
            self.contribute(i, contributions);
        }
        let swept = std::mem::replace(&mut self.text, before);
        for index in 0..program.len() as u32 {
            let is_needed = (index as usize) < n || sweep.reaches(index);
            if program.is_active(index) && is_needed {
                let name = self.names[index as usize].clone();
                let mutability = if self.is_changed[index as usize] { "mut " } else { "" };
                let start = if index == output { "1.0" } else { "0.0" };
                self.line(1, format_args!("let {mutability}d_{name} = {start};"));
            }
        }
        self.text += &swept;
        let gradient: Vec<String> = self.names[..n].iter().map(|name| format!("d_{name}")).collect();
        self.line(1, format_args!("*gradient = [{}];", gradient.join(", ")));
        let output = self.names[output as usize].clone();
        self.line(1, format_args!("{output}"));
        self.line(0, format_args!("}}"));
    }

    pub(super) fn operand_names(&self, i: usize) -> Vec<&str> {
        self.program.operands(&self.program.nodes[i]).iter().map(|&k| &self.names[k as usize][..]).collect()
    }

    fn expression(&self, i: usize) -> String {
        let node = self.program.nodes[i];
        let names = self.operand_names(i);
        match node.op {
            Op::Sum if !names.is_empty() => names.join(" + "),
            Op::Dot if !names.is_empty() => {
                let products = names.chunks(2).map(|pair| format!("{} * {}", pair[0], pair[1]));
                products.collect::<Vec<_>>().join(" + ")
            }
            Op::Sum | Op::Dot => literal(-0.0),
            Op::SumExp => {
                let given = &|k: u32| names[k as usize].to_string();
                let sums = Vec::new();
                Printer { given, sums }.print(&Formula::of_value(Op::SumExp, names.len()))
            }
            Op::Norm | Op::LogSumExp => {
                format!("special::{}(IntoIterator::into_iter([{}]))", node.op.label(), names.join(", "))
            }
            op => value(op, &names, node.n),
        }
    }

    fn guard(&mut self, guard: &Guard) {
        let [a, b] = guard.operands.map(|index| &self.names[index as usize]);
        let condition = guard.comparison.condition(a, b, guard.answer);
        // As `Guard::trips` says of the sign of a NaN.
        let condition = match guard.comparison.is_of_sign() && guard.recorded[0].is_nan() {
            true => format!("f64::is_nan({a}) || {condition}"),
            false => condition,
        };
        let place = format!("{:?}", format!("another branch at {}", guard.place)).replace('{', "{{").replace('}', "}}");
        self.line(1, format_args!("assert!({condition}, {place});"));
    }

    fn value(&mut self, i: usize) {
        let value = self.expression(i);
        let name = self.names[self.program.first_node() + i].clone();
        // A choice of numbers does not show its type, which the next method call wants to know.
        let is_typed = !value.starts_with("if ");
        let of_type = if is_typed { "" } else { ": f64" };
        self.line(1, format_args!("let {name}{of_type} = {value};"));
    }
}
