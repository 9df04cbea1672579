//! The table, and the page around it.

use std::fs;
use std::process::Command;

use crate::engines::{Engine, Native, Recorded, Recording, Scalargrad};
use crate::problems::Times;
use crate::race::{BY_HAND_IN_C, BY_HAND_IN_RUST, Outcome, ROWS, ROWS_FAST, Standings};

/// A measured workload.
pub struct Row {
    pub letter: &'static str,
    pub description: &'static str,
    pub standings: Standings,
}

impl Row {
    /// What became of a contestant, if it took part.
    pub fn outcome(&self, name: &str) -> Option<Outcome> {
        self.standings.iter().find(|(entered, _)| *entered == name).map(|&(_, outcome)| outcome)
    }

    /// The time of a contestant in multiples of the hand-written gradient in C.
    pub fn ratio(&self, name: &str) -> Option<f64> {
        match self.outcome(name)? {
            Outcome::Measured { ratio, .. } => Some(ratio),
            _ => None,
        }
    }
}

/// The ways in which scalargrad takes the same gradient, beside the closure.
const WAYS: [&str; 5] = [Recording::NAME, Recorded::NAME, Native::NAME, ROWS, ROWS_FAST];

/// Lists all who took part in any of the rows, but for the hand-written gradient in C and the other ways of scalargrad.
pub fn contestants(rows: &[Row]) -> Vec<&'static str> {
    let mut names = Vec::new();
    for &(name, _) in rows.iter().flat_map(|row| &row.standings) {
        if name != BY_HAND_IN_C && !WAYS.contains(&name) && !names.contains(&name) {
            names.push(name);
        }
    }
    names
}

/// The crates: ratios to the hand-written gradient in C, the best crate in bold.
pub fn crates(rows: &[Row], peaks: &[(&str, f64)]) -> String {
    table(rows, &contestants(rows), peaks)
}

/// The ways of scalargrad, likewise.
pub fn ways(rows: &[Row]) -> String {
    let names: Vec<&str> = [Scalargrad::NAME].into_iter().chain(WAYS).collect();
    table(rows, &names, &[])
}

/// The problems of other kinds: ratios to the derivatives written by hand in Rust.
pub fn problems(problems: &[(&str, &str, Times)]) -> String {
    let mut lines = vec![
        format!("| problem | {BY_HAND_IN_RUST} | closure | recorded | recording, in closures |"),
        "|---|---:|---:|---:|---:|".to_owned(),
    ];
    for (letter, description, times) in problems {
        lines.push(format!(
            "| **{letter}** {description} | {} µs | {} | {} | {} |",
            three_digits(times.by_hand * 1e6),
            three_digits(times.by_closure),
            three_digits(times.recorded),
            three_digits(times.recording),
        ));
    }
    lines.join("\n")
}

/// Lays out the results in Markdown.
fn table(rows: &[Row], names: &[&str], peaks: &[(&str, f64)]) -> String {
    let mut lines = vec![
        format!("| workload | {BY_HAND_IN_C} | {} |", names.join(" | ")),
        format!("|---|{}", "---:|".repeat(names.len() + 1)),
    ];
    for row in rows {
        let floor = match row.outcome(BY_HAND_IN_C) {
            Some(Outcome::Measured { time, .. }) => format!("{} µs", three_digits(time * 1e6)),
            _ => "wrong".to_owned(),
        };
        let crates = names.iter().filter(|name| **name != BY_HAND_IN_RUST);
        let best = crates.filter_map(|name| row.ratio(name)).fold(f64::INFINITY, f64::min);
        let cells = names.iter().map(|name| match row.outcome(name) {
            Some(Outcome::Measured { ratio, .. }) if ratio == best => {
                format!("**{}**", three_digits(ratio))
            }
            Some(Outcome::Measured { ratio, .. }) => three_digits(ratio),
            Some(Outcome::Disagrees(by)) => format!("off by {by:.0e}"),
            Some(Outcome::Panics) => "panics".to_owned(),
            None => String::new(),
        });
        let cells: Vec<String> = cells.collect();
        let (letter, description) = (row.letter, row.description);
        lines.push(format!("| **{letter}** {description} | {floor} | {} |", cells.join(" | ")));
    }
    if !peaks.is_empty() {
        let cells = names.iter().map(|name| {
            let peak = peaks.iter().find(|(measured, _)| measured == name);
            peak.map_or(String::new(), |(_, bytes)| format!("{bytes:.1}"))
        });
        let cells: Vec<String> = cells.collect();
        lines.push(format!("| G, bytes per operation, peak | | {} |", cells.join(" | ")));
    }
    lines.join("\n")
}

/// Puts the tables on a page that says where and how it was measured.
pub fn page([compared, ways, problems]: &[String; 3]) -> String {
    let versions: Vec<String> = ["scalargrad", "xad-rs", "RustQuant_autodiff", "reverse", "aad", "echidna", "num-dual"]
        .iter()
        .filter(|name| cfg!(feature = "xad-rs") || **name != "xad-rs")
        .map(|name| format!("{name} {}", version(name)))
        .collect();
    format!(
        "# Gradients, in multiples of a hand-written one

Written by the program `peers` in this folder; the [README](README.md) says what is measured, how,
and by which command to repeat it.

| | |
|---|---|
| date | {date} |
| processor | {processor} |
| compilers | {rustc}; {cc} |
| crates | {crates} |

One run computes the value and the whole gradient. The column *{BY_HAND_IN_C}* gives its time when
written by hand in C (`-O3`); all others are multiples of that time, lower is better, the best crate
in bold. *echidna replay* runs a recording made beforehand; all other tapes record anew in each run.

{compared}

![The same as a chart](results.svg)

# The ways of scalargrad

The same gradients by the closure, by its recording (a `Function`), by that compiled, and by the recording of one row run over
all rows, on one core. The recordings were made beforehand; the column *to record* tells what that took.

{ways}

# Other derivatives

Multiples of the same derivatives written by hand in Rust. The last column is what it takes to record, once.

{problems}
",
        date = date(),
        processor = processor(),
        rustc = env!("RUSTC_VERSION"),
        cc = env!("CC_VERSION"),
        crates = versions.join(", "),
    )
}

/// Writes a positive number with three significant digits, or all its integer digits.
pub fn three_digits(x: f64) -> String {
    let decimals = (2.0 - x.log10().floor()).clamp(0.0, 9.0);
    format!("{x:.0$}", decimals as usize)
}

/// The version of a crate in the lock file of the workspace.
fn version(name: &str) -> String {
    let lock = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.lock");
    let lock = fs::read_to_string(lock).unwrap_or_default();
    let mut lines = lock.lines().skip_while(|line| *line != format!("name = {name:?}"));
    let version = lines.nth(1).and_then(|line| line.strip_prefix("version = "));
    version.unwrap_or("?").trim_matches('"').to_owned()
}

fn date() -> String {
    let said = Command::new("date").arg("+%Y-%m-%d").output().map(|output| output.stdout);
    String::from_utf8_lossy(&said.unwrap_or_default()).trim().to_owned()
}

fn processor() -> String {
    let info = fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let field = |name| {
        let line = info.lines().find(|line| line.starts_with(name))?;
        line.split(": ").nth(1)
    };
    match (field("model name"), field("cpu family"), field("model\t")) {
        (Some(name), Some(family), Some(model)) => {
            format!("{name} (family {family}, model {model})")
        }
        (Some(name), ..) => name.to_owned(),
        _ => "unknown".to_owned(),
    }
}
