//! The model test with fresh random programs, as long as one likes.
//!
//! ```sh
//! cargo run --release -p fuzz -- SECONDS [SEED [OPERATIONS [WITHOUT]]]
//! ```
//!
//! With the features `jit`, `rayon` and `nalgebra` recorded functions are compiled, rows run on all cores, and handles are
//! sent to other threads.
//!
//! Programs have about `OPERATIONS` operations; the bits of `WITHOUT` leave kinds of actions out, in the order of
//! `Kind` in `tests/it/model/kinds.rs`. All programs of a process run in threads of their own. They run in a
//! second process, so that one that kills it, or never ends, can be found and shrunk as well.

#[allow(dead_code, unused_imports, unused_macros)]
#[path = "../../../tests/it/dual/mod.rs"]
mod dual;
#[path = "../../../tests/it/model/mod.rs"]
mod model;

use model::kinds::Mix;
use model::print::rust;
use model::shrink::{Edit, edited, shrink};
use std::env;
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, ExitCode, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant, SystemTime};

/// A program that takes longer does not end.
const PATIENCE: Duration = Duration::from_secs(60);
/// The same, for one that is being shrunk.
const IMPATIENCE: Duration = Duration::from_secs(4);

fn main() -> ExitCode {
    std::panic::set_hook(Box::new(|_| ()));
    let arguments: Vec<String> = env::args().skip(1).collect();
    match arguments.first().map(String::as_str) {
        Some("programs") => run_programs(&arguments[1..]),
        Some("program") => run_program(&arguments[1..]),
        _ => hunt(&arguments),
    }
}

/// The argument at `k`, if it is there.
fn number(arguments: &[String], k: usize) -> Option<u64> {
    let text = arguments.get(k)?;
    Some(text.parse().unwrap_or_else(|_| panic!("{text} is not a whole number")))
}

fn mix(arguments: &[String]) -> Mix {
    let mut mix = Mix::default();
    if let Some(operations) = number(arguments, 0) {
        mix.operations = operations as usize;
    }
    mix.without = number(arguments, 1).unwrap_or(mix.without);
    mix
}

/// Runs programs in a second process, and shrinks the one that fails.
fn hunt(arguments: &[String]) -> ExitCode {
    let seconds = number(arguments, 0).unwrap_or(60);
    let now = || SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |now| now.as_nanos() as u64);
    let first = number(arguments, 1).unwrap_or_else(|| now() % 1_000_000_000);
    println!("seed {first}");
    let (start, end) = (Instant::now(), Duration::from_secs(seconds));
    let rest = arguments.get(2..).unwrap_or_default();
    let mut child = myself("programs", first, rest);
    let (mut seed, mut operations) = (first, 0);
    while start.elapsed() < end {
        match child.line(PATIENCE) {
            Some(line) if line.starts_with("done ") => {
                operations += line[5..].parse::<usize>().unwrap_or(0);
                seed += 1;
            }
            None if failure_alone(seed, mix(rest), rest, &[], PATIENCE).is_none() => {
                child.kill();
                println!("seed {seed} took long on a machine that has much to do, and is right");
                seed += 1;
                child = myself("programs", seed, rest);
            }
            failure => {
                child.kill();
                println!("seed {seed} fails after {:.1} s: {}", start.elapsed().as_secs_f64(), said(&failure));
                report(seed, mix(rest), rest);
                return ExitCode::FAILURE;
            }
        }
    }
    child.kill();
    println!("{} programs, {operations} operations: all as on the naive tape", seed - first);
    ExitCode::SUCCESS
}

fn said(failure: &Option<String>) -> &str {
    failure.as_deref().unwrap_or("the process ended, or the program does not end")
}

/// What a program says that fails in a process of its own, with these edits.
fn failure_alone(seed: u64, mix: Mix, rest: &[String], edits: &[Edit], patience: Duration) -> Option<String> {
    let mut rest: Vec<String> = rest.to_vec();
    let defaults = [mix.operations.to_string(), mix.without.to_string()];
    rest.extend(defaults.into_iter().skip(rest.len()));
    rest.extend(edits.iter().map(|edit| edit.to_string()));
    let mut child = myself("program", seed, &rest);
    let line = child.line(patience);
    child.kill();
    (!line.as_ref().is_some_and(|line| line.starts_with("done "))).then(|| said(&line).to_string())
}

/// Prints a program that fails, as small as it can be made.
fn report(seed: u64, mix: Mix, rest: &[String]) {
    let program = model::generate::program(seed, mix).0;
    let deadline = Instant::now() + Duration::from_secs(120);
    let outcome = |edits: &[Edit]| failure_alone(seed, mix, rest, edits, IMPATIENCE);
    if outcome(&[]).is_none() {
        println!("It does not fail when it is run alone.");
        return;
    }
    let edits = shrink(&program, |edits| Instant::now() < deadline && outcome(edits).is_some());
    let text: Vec<String> = edits.iter().map(|edit| edit.to_string()).collect();
    println!("{}", outcome(&edits).unwrap_or_default());
    println!("{}", rust(&edited(&program, &edits)));
    println!("// fuzz program {seed} {} {} {}", mix.operations, mix.without, text.join(" "));
}

/// A process of this program, and the lines that it prints.
struct Myself {
    child: Child,
    lines: Receiver<String>,
}

fn myself(what: &str, seed: u64, rest: &[String]) -> Myself {
    let program = env::current_exe().expect("this program has a path");
    let mut command = Command::new(program);
    command.arg(what).arg(seed.to_string()).args(rest);
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it can be run again");
    let output = BufReader::new(child.stdout.take().expect("it is a pipe"));
    let (sender, lines) = channel();
    thread::spawn(move || output.lines().map_while(Result::ok).all(|line| sender.send(line).is_ok()));
    Myself { child, lines }
}

impl Myself {
    /// The next line; absent where the process ended, or prints none for long.
    fn line(&mut self, patience: Duration) -> Option<String> {
        self.lines.recv_timeout(patience).ok()
    }

    fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Runs programs from a seed on, and prints a line for each.
fn run_programs(arguments: &[String]) -> ExitCode {
    let first = number(arguments, 0).expect("a seed");
    let mix = mix(&arguments[1..]);
    for seed in first.. {
        if !run(seed, mix, Vec::new()) {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}

/// Runs one program after some edits.
fn run_program(arguments: &[String]) -> ExitCode {
    let edits = arguments.iter().skip(3).map(|text| text.parse().expect("an edit"));
    let seed = number(arguments, 0).expect("a seed");
    match run(seed, mix(&arguments[1..3.min(arguments.len())]), edits.collect()) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    }
}

/// Runs a program in a thread of its own; prints how many operations it has, or what is wrong.
fn run(seed: u64, mix: Mix, edits: Vec<Edit>) -> bool {
    let run = move || {
        let (program, operations) = model::generate::program(seed, mix);
        (model::difference(&edited(&program, &edits)), operations)
    };
    let result = thread::spawn(run).join();
    let line = match &result {
        Ok((None, operations)) => format!("done {operations}"),
        Ok((Some(difference), _)) => difference.replace('\n', " "),
        Err(_) => "the machine itself panicked".to_string(),
    };
    let is_heard = writeln!(std::io::stdout(), "{line}").is_ok();
    is_heard && matches!(result, Ok((None, _)))
}
