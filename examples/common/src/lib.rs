//! What the demos share: their command line, what they say and check, and their figures.

mod figure;
pub mod palette;
mod panel;
mod random;

pub use figure::Figure;
pub use indicatif::ProgressBar;
pub use palette::Colour;
pub use panel::{Corner, Panel};
pub use random::Random;

use indicatif::ProgressStyle;
use std::cell::Cell;
use std::error::Error;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::{Duration, Instant};

pub type Outcome = Result<(), Box<dyn Error>>;

/// The default of a setting that is off if it is not given.
pub const NONE: u64 = u64::MAX;

/// A number that can be set on the command line.
pub struct Setting {
    pub name: &'static str,
    pub default: u64,
    /// What it is with `--quick`.
    pub quick: u64,
    pub help: &'static str,
}

/// One run of a demo.
pub struct Run {
    pub is_quick: bool,
    folder: PathBuf,
    settings: Vec<(&'static str, u64)>,
    /// Whether this process prints: one of several does.
    speaks: bool,
    failures: Cell<u32>,
    start: Instant,
}

/// What a demo tells of itself.
pub struct About {
    /// The name of its package.
    pub name: &'static str,
    pub text: &'static str,
    /// Where its pictures go.
    pub folder: &'static str,
    pub settings: &'static [Setting],
}

/// Runs a demo: reads the command line, and ends with a failure if `demo` returns an error or a check failed.
pub fn run(about: &About, demo: impl FnOnce(&Run) -> Outcome) -> ExitCode {
    run_as(about, true, demo)
}

/// The same, as one of several processes, of which one speaks.
pub fn run_as(about: &About, speaks: bool, demo: impl FnOnce(&Run) -> Outcome) -> ExitCode {
    let run = match Run::of_command_line(about, speaks) {
        Ok(Some(run)) => run,
        Ok(None) => return ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}\n\n{}", help(about));
            return ExitCode::from(2);
        }
    };
    run.say(&format!("{}\n", about.text));
    if let Err(error) = demo(&run) {
        eprintln!("error: {error}");
        return ExitCode::FAILURE;
    }
    let seconds = run.start.elapsed().as_secs_f64();
    run.say(&match run.failures.get() {
        0 => format!("done in {seconds:.1} s, every check passed"),
        failures => format!("done in {seconds:.1} s, but {failures} of the checks FAILED"),
    });
    ExitCode::from(u8::from(run.failures.get() > 0))
}

fn help(about: &About) -> String {
    let mut text = format!("{}\n\nUsage: cargo run --release -p {} -- [OPTIONS]\n\nOptions:\n", about.text, about.name);
    let mut option = |name: &str, help: &str| text += &format!("  {name:<18} {help}\n");
    for s in about.settings {
        option(
            &format!("--{} N", s.name),
            &match s.default {
                NONE => s.help.to_string(),
                default => format!("{} [{default}; {} with --quick]", s.help, s.quick),
            },
        );
    }
    option("--quick", "a short run, whose pictures go to a temporary folder");
    option("--out FOLDER", "where the pictures go [the folder of this demo]");
    option("--help", "this text");
    text
}

impl Run {
    fn of_command_line(about: &About, speaks: bool) -> Result<Option<Run>, Box<dyn Error>> {
        use lexopt::prelude::*;
        let (mut is_quick, mut out, mut given) = (false, None, Vec::new());
        let mut parser = lexopt::Parser::from_env();
        while let Some(argument) = parser.next()? {
            match argument {
                Long("help") | Short('h') => {
                    println!("{}", help(about));
                    return Ok(None);
                }
                Long("quick") => is_quick = true,
                Long("out") => out = Some(PathBuf::from(parser.value()?)),
                Long(name) => match about.settings.iter().find(|s| s.name == name) {
                    Some(setting) => given.push((setting.name, parser.value()?.parse()?)),
                    None => return Err(argument.unexpected().into()),
                },
                _ => return Err(argument.unexpected().into()),
            }
        }
        let value = |s: &Setting| {
            let last = given.iter().rev().find(|(name, _)| *name == s.name);
            let default = if is_quick { s.quick } else { s.default };
            (s.name, last.map_or(default, |&(_, n)| n))
        };
        let folder = out.unwrap_or_else(|| match is_quick {
            true => std::env::temp_dir().join("scalargrad-demos"),
            false => about.folder.into(),
        });
        std::fs::create_dir_all(&folder)?;
        Ok(Some(Run {
            is_quick,
            folder,
            settings: about.settings.iter().map(value).collect(),
            speaks,
            failures: Cell::new(0),
            start: Instant::now(),
        }))
    }

    /// The value of a setting.
    pub fn setting(&self, name: &str) -> u64 {
        let found = self.settings.iter().find(|(n, _)| *n == name);
        found.expect("a setting of this demo").1
    }

    /// Prints a line, if this process speaks.
    pub fn say(&self, line: &str) {
        if self.speaks {
            println!("{line}");
        }
    }

    /// Says whether something holds that has to, and remembers it for the exit code.
    pub fn check(&self, what: &str, holds: bool) {
        let word = if holds { "ok" } else { "FAILED" };
        self.say(&format!("  [{word}] {what}"));
        self.failures.set(self.failures.get() + u32::from(!holds));
    }

    /// Writes a figure as PNG and as SVG.
    pub fn picture(&self, name: &str, figure: &Figure) -> Outcome {
        for kind in ["svg", "png"] {
            let path = self.folder.join(format!("{name}.{kind}"));
            let write = match kind {
                "svg" => figure.write_svg(&path),
                _ => figure.write_png(&path),
            };
            write.map_err(|error| format!("{} cannot be written: {error}", path.display()))?;
            println!("  picture: {}", path.display());
        }
        Ok(())
    }
}

/// A progress bar on a terminal; elsewhere nothing is shown.
pub fn bar(length: u64, what: &'static str) -> ProgressBar {
    let style = ProgressStyle::with_template("  {prefix} {bar:30} {pos}/{len} {msg}");
    ProgressBar::new(length).with_style(style.expect("a template")).with_prefix(what)
}

/// The median time of one call of each of `ways`, called by turns, so that all of them meet the same machine.
pub fn time_by_turns<const N: usize>(rounds: usize, mut ways: [&mut dyn FnMut(); N]) -> [Duration; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..rounds {
        for (way, times) in ways.iter_mut().zip(&mut times) {
            let start = Instant::now();
            way();
            times.push(start.elapsed());
        }
    }
    times.map(|mut times| {
        times.sort();
        times[times.len() / 2]
    })
}
